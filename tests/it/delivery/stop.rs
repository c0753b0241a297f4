//! A receiver that is told to stop ends what it is sending, and records it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::{Store, destinations, on_both_stores, post_jobs, wait_for_state, wait_until_closed};
use crate::harness::application::{Application, Arrival, Reply};
use crate::harness::posters::text;

on_both_stores!(what_is_under_way_at_a_stop_ends_and_is_not_sent_again,);

async fn what_is_under_way_at_a_stop_ends_and_is_not_sent_again(store: Store) {
    let application = Application::answering(|_| Reply::Held).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let mut process = store.process(&destination, &[]).await;
    let jobs = post_jobs(process.public, 1).await;
    application.wait_for_arrivals(1).await;

    process.signal("TERM");
    // The public side is closed when the stop has come far enough; nothing new is sent by then.
    wait_until_closed(process.public).await;
    application.let_go();
    assert_eq!(process.wait().await.code(), Some(0), "{}", process.log());
    assert_eq!(application.arrivals().len(), 1);

    application.answer(|_| Reply::Status(200));
    let process = store.process(&destination, &[]).await;
    let arrivals = application.wait_for_arrivals(2).await;
    let ids: Vec<_> = arrivals.iter().map(|arrival| &arrival.webhook_id).collect();
    let job = jobs.values().next().unwrap();
    assert_eq!(ids, [&job[0], &job[1]]);
    wait_for_state(process.admin, "app", "delivered", 2).await;
}

// On one store only: what it waits for is the stop's, and the half of it that is left to record must do on a slow machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_answers_does_not_hold_up_the_stop_and_is_sent_the_same_by_the_next_start() {
    const STOP_TIMEOUT: Duration = Duration::from_secs(16);
    let store = Store::sqlite();
    let application = Application::answering(|_| Reply::Held).await;
    let destination = destinations(&[("app", &application.url(), "timeout_seconds = 60")]);
    let stop_timeout = STOP_TIMEOUT.as_secs().to_string();
    let variables = [("CAIGUNN_SERVER_STOP_TIMEOUT_SECONDS", &*stop_timeout)];
    let mut process = store.process(&destination, &variables).await;
    post_jobs(process.public, 2).await;
    let sent = application.wait_for_arrivals(2).await;

    let told_at = Instant::now();
    process.signal("TERM");
    let status = process.wait().await;
    let took = told_at.elapsed();

    // Code 0 is given only if all ended in order and in time, so that how long it took need not be bounded.
    assert_eq!(status.code(), Some(0), "{}", process.log());
    assert!(took >= STOP_TIMEOUT / 2, "{took:?}");
    let lines = process.log_lines();
    let warnings: Vec<_> = lines
        .iter()
        .filter(|line| line["error.type"] == "attempts_cut_off")
        .map(|line| {
            (
                text(line, "level"),
                text(line, "destination"),
                text(line, "message"),
            )
        })
        .collect();
    let said = "attempts to app that did not end in time for the stop, and will be made again: 2";
    assert_eq!(warnings, [("WARN".to_owned(), "app".to_owned(), said.to_owned())]);
    assert_eq!(application.arrivals().len(), 2);

    application.answer(|_| Reply::Status(200));
    let process = store.process(&destination, &variables).await;
    wait_for_state(process.admin, "app", "delivered", 4).await;
    let again = application.taken();
    let ids = |arrivals: &[Arrival]| -> HashSet<_> {
        let ids = arrivals.iter().map(|arrival| arrival.webhook_id.clone());
        ids.collect()
    };
    assert_eq!(again.len(), 4, "nothing came twice");
    assert!(ids(&again).is_superset(&ids(&sent)));
}
