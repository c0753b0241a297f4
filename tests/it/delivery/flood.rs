//! Many jobs at once, and a destination that fails at random, or some of them for good.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Store, counts, deliveries, destinations, on_both_stores, post_names, replay, wait_for_state};
use crate::harness::application::{Application, Reply, assert_in_order};
use crate::harness::posters::text;

const JOB_COUNT: usize = 100;
const STEPS: usize = 20;
const COUNT: usize = JOB_COUNT * STEPS;
/// One in so many fails for good.
const DOOMED: usize = 200;

/// Enough tries that chance, which takes three in ten, never takes all of them.
const SCHEDULE: (&str, &str) = (
    "delivery.retry_schedule_seconds",
    "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
);

on_both_stores!(
    three_in_ten_fail_and_everything_arrives_each_job_in_order,
    one_in_two_hundred_fails_for_good_and_exactly_those_are_dead_until_they_are_replayed,
);

/// The names of the notifications of a job.
fn names() -> Vec<String> {
    (1..=STEPS)
        .map(|step| format!("crawling.step-{step:02}"))
        .collect()
}

async fn three_in_ten_fail_and_everything_arrives_each_job_in_order(store: Store) {
    let mut random = fastrand::Rng::with_seed(1);
    let application = Application::answering(move |_| match random.u8(0..10) {
        0..3 => Reply::Status(500),
        _ => Reply::Status(200),
    })
    .await;
    let destination = destinations(&[("app", &application.url(), "max_in_flight = 64")]);
    let app = store.receiver(&destination, &[SCHEDULE]).await;

    let names = names();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let jobs = post_names(app.public, JOB_COUNT, &names).await;
    application
        .wait_until("all to be taken", |arrivals| {
            let taken = arrivals.iter().filter(|arrival| arrival.status == Some(200));
            taken.count() >= COUNT
        })
        .await;

    wait_for_state(app.admin, "app", "delivered", COUNT).await;
    let taken = application.taken();
    assert_eq!(taken.len(), COUNT, "nothing was delivered twice");
    assert_in_order(&taken, &jobs);
    app.stop().await;
}

async fn one_in_two_hundred_fails_for_good_and_exactly_those_are_dead_until_they_are_replayed(store: Store) {
    let doomed: Arc<Mutex<HashSet<String>>> = Arc::default();
    let mut seen = HashSet::new();
    let chosen = Arc::clone(&doomed);
    let application = Application::answering(move |arrival| {
        let mut chosen = chosen.lock().unwrap();
        if seen.insert(arrival.webhook_id.clone()) && seen.len() % DOOMED == 0 {
            chosen.insert(arrival.webhook_id.clone());
        }
        if chosen.contains(&arrival.webhook_id) {
            Reply::Status(422)
        } else {
            Reply::Status(200)
        }
    })
    .await;
    let destination = destinations(&[("app", &application.url(), "max_in_flight = 64")]);
    let app = store.receiver(&destination, &[SCHEDULE]).await;
    let names = names();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    post_names(app.public, JOB_COUNT, &names).await;
    let is_taken = |arrivals: &[crate::harness::application::Arrival], count| {
        let taken = arrivals.iter().filter(|arrival| arrival.status == Some(200));
        taken.count() >= count
    };
    let dead_count = COUNT / DOOMED;
    application
        .wait_until("all but the doomed to be taken", |arrivals| {
            is_taken(arrivals, COUNT - dead_count)
        })
        .await;

    crate::harness::wait_for("the doomed to be given up", || async {
        let counts = counts(app.admin, "app").await;
        let is_over = !counts.contains_key("pending");
        if is_over {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    })
    .await;
    let dead = deliveries(app.admin, "state=dead").await;
    let dead: HashSet<_> = dead.iter().map(|delivery| text(delivery, "receipt_id")).collect();
    assert_eq!(dead, *doomed.lock().unwrap());
    assert_eq!(dead.len(), dead_count);

    application.answer(|_| Reply::Status(200));
    let replayed = replay(app.admin, json!({"dead": true})).await;
    assert_eq!(replayed["replayed_count"], dead_count);
    wait_for_state(app.admin, "app", "delivered", COUNT).await;
    assert_eq!(application.taken().len(), COUNT);
    app.stop().await;
}
