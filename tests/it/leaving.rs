//! Promise: from its last byte on a notification runs to its end, whoever is still there for the answer. It is stored,
//! its line is logged, and it is counted; whoever still listens is answered.

use std::future::Future;

use futures_util::future::join_all;

use crate::harness::posters::{End, read_end};
use crate::harness::raw::{self, Raw};
use crate::harness::{Process, client, json, sample, wait_for};

/// How many notifications are posted, and by how many senders at a time.
const COUNT: usize = 1_000;
const SENDER_COUNT: usize = 32;

/// The series of notifications that were posted and are new.
const ACCEPTED: &str = r#"notifications_total{outcome="accepted",origin="webhook"}"#;

/// Room for all of them at once, since those who leave do not wait until one is served.
const ROOM: (&str, &str) = ("CAIGUNN_SERVER_MAX_CONNECTIONS", "2048");

fn notification() -> String {
    json(&sample("crawling.completed")).to_string()
}

/// A notification that does not fit into a socket's buffer at once.
fn large_notification() -> String {
    let mut notification = json(&sample("crawling.completed"));
    notification["padding"] = "x".repeat(300_000).into();
    notification.to_string()
}

/// Has senders post one after the other, each time on a new connection; `post` is told which one it is of all.
async fn post_all<T, F: Future<Output = T>>(receiver: &Process, post: impl Fn(usize, Raw) -> F) -> Vec<T> {
    let senders = (0..SENDER_COUNT).map(async |sender| {
        let mut results = Vec::new();
        for number in (sender..COUNT).step_by(SENDER_COUNT) {
            results.push(post(number, Raw::connect(receiver.public).await).await);
        }
        results
    });
    join_all(senders).await.into_iter().flatten().collect()
}

/// How many receipts there are, lines of accepted notifications, and notifications that were counted.
async fn told(receiver: &Process) -> (usize, usize, f64) {
    let client = client();
    let receipts = receiver.receipts(&client).await.len();
    let lines = receiver.log_lines();
    let lines = lines.iter().filter(|line| line["outcome"] == "accepted");
    (receipts, lines.count(), receiver.metric(&client, ACCEPTED).await)
}

/// Waits until all that was posted is stored and told of.
async fn assert_all_told(receiver: &Process) {
    wait_for(
        "as many receipts, lines and counts as there were posts",
        || async {
            match told(receiver).await {
                (COUNT, COUNT, counted) if counted == COUNT as f64 => Ok(()),
                (receipts, lines, counted) => Err(format!(
                    "of {COUNT} posts {receipts} receipts, {lines} lines, {counted} counted"
                )),
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_sender_that_half_closes_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[ROOM]).await;

    let ends = post_all(&receiver, |_, mut connection| async move {
        connection.send(raw::post(&notification())).await;
        connection.half_close().await;
        let end = read_end(&mut connection).await;
        (end, connection.read_to_end().await)
    })
    .await;

    let is_wrong = |(end, rest): &&(End, String)| !matches!(end, End::Stored { .. }) || !rest.is_empty();
    let wrong: Vec<_> = ends.iter().filter(is_wrong).collect();
    assert_eq!(ends.len(), COUNT);
    assert!(
        wrong.is_empty(),
        "{} of {COUNT} were not answered 200 and no more, such as {:?}; receipts, lines and counts: {:?}",
        wrong.len(),
        wrong[0],
        told(&receiver).await
    );
    assert_all_told(&receiver).await;
}

#[tokio::test]
async fn what_a_sender_posts_that_leaves_at_once_is_stored_and_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[ROOM]).await;

    post_all(&receiver, |number, mut connection| async move {
        match number % 20 {
            0 => connection.send(raw::post(&large_notification())).await,
            1..10 => connection.send(raw::post_chunked(&notification())).await,
            _ => connection.send(raw::post(&notification())).await,
        }
        drop(connection);
    })
    .await;

    assert_all_told(&receiver).await;
}

#[tokio::test]
async fn what_a_sender_posts_that_resets_the_connection_is_stored_and_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[ROOM]).await;

    post_all(&receiver, |number, mut connection| async move {
        match number % 2 {
            0 => connection.send(raw::post_chunked(&notification())).await,
            _ => connection.send(raw::post(&notification())).await,
        }
        connection.reset();
    })
    .await;

    assert_all_told(&receiver).await;
}
