//! What found nobody there goes out when somebody is there again, whenever the schedule wants it.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::{Store, deliveries, destinations, on_both_stores, post_names, wait_for_state};
use crate::harness::application::{Application, Reply};
use crate::harness::{free_port, wait_for};

on_both_stores!(
    what_found_nobody_there_is_sent_when_somebody_is,
    what_waits_behind_it_in_its_job_goes_with_it,
    what_was_cut_off_by_an_end_is_sent_when_somebody_is_there_again,
    what_found_nobody_before_a_restart_is_sent_after_it,
);

/// After its first try a delivery waits for longer than anything is waited for here.
const SCHEDULE: (&str, &str) = ("delivery.retry_schedule_seconds", "0,3600");

async fn what_found_nobody_there_is_sent_when_somebody_is(store: Store) {
    goes_out(store, &["crawling.initial"]).await;
}

async fn what_waits_behind_it_in_its_job_goes_with_it(store: Store) {
    goes_out(store, &["crawling.initial", "crawling.completed"]).await;
}

async fn what_was_cut_off_by_an_end_is_sent_when_somebody_is_there_again(store: Store) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let destination = destinations(&[("app", &format!("http://{address}/hook"), "")]);
    let app = store.receiver(&destination, &[SCHEDULE]).await;
    post_names(app.public, 1, &["crawling.initial"]).await;
    let (connection, _) = listener.accept().await.expect("an attempt");
    connection.readable().await.expect("it is sent");

    drop(listener);
    drop(connection);
    wait_for_attempt(app.admin).await;
    let _application = Application::start_at(address, |_| Reply::Status(200)).await;

    wait_for_state(app.admin, "app", "delivered", 1).await;
    app.stop().await;
}

async fn what_found_nobody_before_a_restart_is_sent_after_it(store: Store) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let destination = destinations(&[("app", &format!("http://{address}/hook"), "")]);
    let app = store.receiver(&destination, &[SCHEDULE]).await;
    post_names(app.public, 1, &["crawling.initial"]).await;
    wait_for_attempt(app.admin).await;

    app.stop().await;
    let _application = Application::start_at(address, |_| Reply::Status(200)).await;
    let app = store.receiver(&destination, &[SCHEDULE]).await;

    wait_for_state(app.admin, "app", "delivered", 1).await;
    app.stop().await;
}

async fn wait_for_attempt(admin: SocketAddr) {
    wait_for("an attempt in vain", || async {
        let deliveries = deliveries(admin, "destination=app").await;
        let was_tried = deliveries.iter().any(|one| one["attempt_count"] == 1);
        was_tried.then_some(()).ok_or(format!("{deliveries:?}"))
    })
    .await;
}

async fn goes_out(store: Store, names: &[&str]) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let destination = destinations(&[("app", &format!("http://{address}/hook"), "")]);
    let app = store.receiver(&destination, &[SCHEDULE]).await;
    post_names(app.public, 1, names).await;
    wait_for_attempt(app.admin).await;

    let application = Application::start_at(address, |_| Reply::Status(200)).await;

    wait_for_state(app.admin, "app", "delivered", names.len()).await;
    let came: Vec<_> = application.arrivals().into_iter().map(|it| it.event).collect();
    assert_eq!(came, names);
    app.stop().await;
}
