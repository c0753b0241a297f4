//! A receiver that is killed loses nothing: what it had sent and not recorded is sent again under the same id.

use super::{Store, destinations, on_both_stores, post_jobs, wait_for_state};
use crate::harness::application::{Application, Reply, assert_in_order};

on_both_stores!(
    an_attempt_that_was_not_recorded_is_made_again_with_the_same_id,
    what_waited_when_the_receiver_was_killed_is_delivered_by_the_next,
);

async fn an_attempt_that_was_not_recorded_is_made_again_with_the_same_id(store: Store) {
    let application = Application::answering(|_| Reply::Held).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let mut process = store.process(&destination, &[]).await;
    let jobs = post_jobs(process.public, 1).await;
    let sent = application.wait_for_arrivals(1).await;

    process.kill();
    application.answer(|_| Reply::Status(200));
    let process = store.process(&destination, &[]).await;

    let arrivals = application.wait_for_arrivals(3).await;
    let ids: Vec<_> = arrivals.iter().map(|arrival| &arrival.webhook_id).collect();
    let job = jobs.values().next().unwrap();
    assert_eq!(ids, [&job[0], &job[0], &job[1]]);
    assert_eq!(sent[0].body, arrivals[1].body);
    wait_for_state(process.admin, "app", "delivered", 2).await;
}

async fn what_waited_when_the_receiver_was_killed_is_delivered_by_the_next(store: Store) {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let schedule = [("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", "0,1,1,1,1,1,1,1,1,1")];
    let mut process = store.process(&destination, &schedule).await;
    let jobs = post_jobs(process.public, 20).await;
    application.wait_for_arrivals(5).await;

    process.kill();
    application.answer(|_| Reply::Status(200));
    let process = store.process(&destination, &schedule).await;

    wait_for_state(process.admin, "app", "delivered", 40).await;
    assert_in_order(&application.taken(), &jobs);
}
