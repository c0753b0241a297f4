//! A receiver that is told to stop ends what it is sending, and records it.

use std::time::Duration;

use super::{Store, destinations, on_both_stores, post_jobs, wait_for_state};
use crate::harness::application::{Application, Reply};

on_both_stores!(what_is_under_way_at_a_stop_ends_and_is_not_sent_again);

async fn what_is_under_way_at_a_stop_ends_and_is_not_sent_again(store: Store) {
    let application = Application::answering(|_| Reply::Held).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let mut process = store.process(&destination, &[]).await;
    let jobs = post_jobs(process.public, 1).await;
    application.wait_for_arrivals(1).await;

    process.signal("TERM");
    // The public side is closed when the stop has come far enough; nothing new is sent by then.
    while tokio::net::TcpStream::connect(process.public).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
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
