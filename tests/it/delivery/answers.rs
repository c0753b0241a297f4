//! What a destination answers decides what becomes of a delivery.

use std::time::Duration;

use serde_json::Value;

use super::{Store, deliveries, destinations, on_both_stores, order, post_jobs, post_names, wait_for_state};
use crate::harness::application::{Application, Reply};
use crate::harness::posters::text;
use crate::harness::{App, wait_for};

on_both_stores!(
    only_2xx_is_delivered_and_all_else_is_tried_again_and_then_a_dead_letter,
    after_a_dead_letter_the_jobs_next_goes_on,
    who_asks_for_a_pause_gets_it,
    who_is_gone_gets_nothing_more_until_it_is_resumed_also_after_a_restart,
    who_does_not_answer_in_time_is_tried_again,
    a_delivery_that_is_called_off_is_not_sent,
);

/// The attempts of a delivery.
async fn attempts(app: &App, destination: &str, receipt_id: &str) -> Vec<Value> {
    let shown = app.api(&format!("/deliveries/{destination}/{receipt_id}")).await;
    shown["attempts"].as_array().expect("a list").clone()
}

async fn only_2xx_is_delivered_and_all_else_is_tried_again_and_then_a_dead_letter(store: Store) {
    let mut statuses = [500, 302, 404].into_iter();
    let application = Application::answering(move |_| match statuses.next() {
        Some(302) => Reply::With(302, "location", "/elsewhere".to_owned()),
        Some(status) => Reply::Status(status),
        None => Reply::Status(200),
    })
    .await;
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "")]),
            &[("delivery.retry_schedule_seconds", "0,0,0")],
        )
        .await;
    let jobs = post_names(app.public, 1, &["crawling.completed"]).await;
    wait_for_state(app.admin, "app", "dead", 1).await;

    let id = &jobs.values().next().unwrap()[0];
    let seen: Vec<_> = attempts(&app, "app", id)
        .await
        .iter()
        .map(|attempt| {
            (
                attempt["status"].clone(),
                text(attempt, "outcome"),
                text(attempt, "answer"),
            )
        })
        .collect();
    let expected = [(500, "failed"), (302, "refused"), (404, "refused")].map(|(status, outcome)| {
        (
            Value::from(status),
            outcome.to_owned(),
            format!("answer {status}"),
        )
    });
    assert_eq!(seen, expected);
    assert!(
        application
            .arrivals()
            .iter()
            .all(|arrival| arrival.webhook_id == *id)
    );

    let (status, answer) = order(app.admin, &format!("/deliveries/app/{id}/retry"), None).await;
    assert_eq!(status, 200, "{answer}");
    wait_for_state(app.admin, "app", "delivered", 1).await;
    assert_eq!(attempts(&app, "app", id).await.len(), 4);
    app.stop().await;
}

async fn after_a_dead_letter_the_jobs_next_goes_on(store: Store) {
    let application = Application::answering(|arrival| match &*arrival.event {
        "crawling.initial" => Reply::Status(422),
        _ => Reply::Status(200),
    })
    .await;
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "")]),
            &[("delivery.retry_schedule_seconds", "0,0")],
        )
        .await;
    post_jobs(app.public, 1).await;
    let arrivals = application.wait_for_arrivals(3).await;

    let events: Vec<_> = arrivals.iter().map(|arrival| &*arrival.event).collect();
    assert_eq!(
        events,
        ["crawling.initial", "crawling.initial", "crawling.completed"]
    );
    app.stop().await;
}

async fn who_asks_for_a_pause_gets_it(store: Store) {
    let mut is_first = true;
    let application = Application::answering(move |_| {
        if std::mem::take(&mut is_first) {
            Reply::With(429, "retry-after", "2".to_owned())
        } else {
            Reply::Status(200)
        }
    })
    .await;
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "max_in_flight = 1")]),
            &[("delivery.retry_schedule_seconds", "0,0,0")],
        )
        .await;
    post_jobs(app.public, 3).await;
    let arrivals = application.wait_for_arrivals(7).await;

    let pause = arrivals[1].at - arrivals[0].at;
    assert!(pause >= Duration::from_millis(1_900), "{pause:?}");
    wait_for_state(app.admin, "app", "delivered", 6).await;
    app.stop().await;
}

async fn who_is_gone_gets_nothing_more_until_it_is_resumed_also_after_a_restart(store: Store) {
    let application = Application::answering(|_| Reply::Status(410)).await;
    let destination = destinations(&[("app", &application.url(), "max_in_flight = 1")]);
    let mut process = store.process(&destination, &[]).await;
    post_jobs(process.public, 2).await;
    application.wait_for_arrivals(1).await;
    let paused = async |admin| {
        wait_for("the destination to be paused", || async {
            let shown: Value = crate::harness::client()
                .get(format!("http://{admin}/api/v1/destinations"))
                .send()
                .await
                .expect("the API answers")
                .json()
                .await
                .expect("the API answers JSON");
            match shown["destinations"][0]["state"].as_str() {
                Some("paused") => Ok(()),
                _ => Err(shown.to_string()),
            }
        })
        .await;
    };
    paused(process.admin).await;
    assert!(
        process.log().contains("destinations resume app"),
        "{}",
        process.log()
    );

    process.signal("TERM");
    process.wait().await;
    application.answer(|_| Reply::Status(200));
    let process = store.process(&destination, &[]).await;
    paused(process.admin).await;
    wait_for_state(process.admin, "app", "pending", 4).await;
    assert_eq!(application.arrivals().len(), 1);
    assert!(
        process
            .log()
            .contains("nothing is sent to app, which is paused since"),
        "{}",
        process.log()
    );

    let (status, answer) = order(process.admin, "/destinations/app/resume", None).await;
    assert_eq!(status, 200, "{answer}");
    wait_for_state(process.admin, "app", "delivered", 4).await;
}

async fn who_does_not_answer_in_time_is_tried_again(store: Store) {
    let mut is_first = true;
    let application = Application::answering(move |_| {
        if std::mem::take(&mut is_first) {
            Reply::Held
        } else {
            Reply::Status(200)
        }
    })
    .await;
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "timeout_seconds = 1")]),
            &[("delivery.retry_schedule_seconds", "0,0")],
        )
        .await;
    let jobs = post_names(app.public, 1, &["crawling.completed"]).await;
    wait_for_state(app.admin, "app", "delivered", 1).await;

    let id = &jobs.values().next().unwrap()[0];
    let outcomes: Vec<_> = attempts(&app, "app", id)
        .await
        .iter()
        .map(|attempt| text(attempt, "outcome"))
        .collect();
    assert_eq!(outcomes, ["timeout", "delivered"]);
    app.stop().await;
}

async fn a_delivery_that_is_called_off_is_not_sent(store: Store) {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "")]),
            &[("delivery.retry_schedule_seconds", "0,600")],
        )
        .await;
    let jobs = post_jobs(app.public, 1).await;
    let job = jobs.values().next().unwrap();
    application.wait_for_arrivals(1).await;
    application.answer(|_| Reply::Status(200));

    let (status, answer) = order(app.admin, &format!("/deliveries/app/{}/cancel", job[0]), None).await;
    assert_eq!(status, 200, "{answer}");

    // The next one of the job waits for it no longer.
    let arrivals = application.wait_for_arrivals(2).await;
    assert_eq!(arrivals[1].webhook_id, job[1]);
    let cancelled = deliveries(app.admin, "state=cancelled").await;
    assert_eq!(cancelled.len(), 1);
    assert_eq!(text(&cancelled[0], "receipt_id"), job[0]);
    let (status, answer) = order(app.admin, &format!("/deliveries/app/{}/cancel", job[0]), None).await;
    assert_eq!(status, 409, "{answer}");
    app.stop().await;
}
