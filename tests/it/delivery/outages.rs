//! The store may fail for as long as it likes: deliveries go on when it is back.

use std::fs;

use super::{Store, destinations, post_jobs, wait_for_state};
use crate::harness::Process;
use crate::harness::application::{Application, Reply, assert_in_order};
use crate::harness::postgres::Server;

/// A destination that fails until it is told otherwise, so that there is something to go on with.
async fn failing() -> (Application, String) {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    (application, destination)
}

const SCHEDULE: (&str, &str) = (
    "CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS",
    "0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
);

#[tokio::test]
async fn deliveries_go_on_when_the_inbox_file_is_back() {
    let store = Store::sqlite();
    let (application, destination) = failing().await;
    let process = store.process(&destination, &[SCHEDULE]).await;
    let jobs = post_jobs(process.public, 20).await;
    application.wait_for_arrivals(5).await;

    let (file, away) = (store.folder().join("inbox.db"), store.folder().join("away.db"));
    fs::rename(&file, &away).expect("the file can be moved");
    process.wait_for_log("while the inbox fails", 1).await;
    application.answer(|_| Reply::Status(200));
    fs::rename(&away, &file).expect("the file can be moved back");

    wait_for_state(process.admin, "app", "delivered", 40).await;
    assert_in_order(&application.taken(), &jobs);
}

#[tokio::test]
async fn deliveries_go_on_when_the_server_is_back_after_seconds() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    go_on_after(&mut server, "while the inbox fails").await;
}

#[tokio::test]
async fn deliveries_go_on_when_the_server_is_back_after_longer_than_a_lease() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    go_on_after(&mut server, "this receiver leads no more").await;
}

/// Kills the server until the receiver says so.
async fn go_on_after(server: &mut Server, said: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let (application, destination) = failing().await;
    let url = server.url().to_owned();
    let variables = [
        ("CAIGUNN_INBOX_URL", url.as_str()),
        ("CAIGUNN_DELIVERY_DESTINATION", &destination),
        SCHEDULE,
    ];
    let process = Process::start(folder.path(), &variables).await;
    let jobs = post_jobs(process.public, 20).await;
    application.wait_for_arrivals(5).await;

    server.kill_9().await;
    process.wait_for_log(said, 1).await;
    application.answer(|_| Reply::Status(200));
    server.restart().await;

    wait_for_state(process.admin, "app", "delivered", 40).await;
    assert_in_order(&application.taken(), &jobs);
}
