//! Stops without a delay, of receivers that have been sent something.

use std::collections::HashSet;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::{assert_stopped_in_order, client, notification, start};
use crate::harness::Process;
use crate::harness::posters::{End, Posted, Posters, assert_each_stored_once, read_end, text};
use crate::harness::raw::{self, Raw};

/// As many connections as are busy at once.
const CONNECTION_COUNT: usize = 64;

/// More than a receiver gets to in the moment between a signal and the stop, and less than it has room for.
const WAITING_COUNT: usize = 400;

/// Sends a signal without the time that a command takes for it; the last moment at which it had not been sent.
fn signal(process: &Process, signal: Signal) -> Instant {
    let id = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
    let before = Instant::now();
    kill_process(id.expect("it has an id"), signal).expect("it is ours");
    before
}

#[tokio::test]
async fn every_post_that_was_sent_before_the_signal_is_answered() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = start(folder.path(), &[]).await;
        let posters = Posters::start(CONNECTION_COUNT, process.public);
        posters.wait_for_answers(20 * CONNECTION_COUNT).await;

        let signalled_at = signal(&process, Signal::TERM);
        let ended = process.wait().await;
        let posted = posters.end().await;

        assert_stopped_in_order(&process, ended);
        for posted in &posted {
            assert!(!matches!(posted.end, End::Wrong(_)), "{posted:?}");
        }
        let is_lost = |posted: &&Posted| {
            let is_sent_before = posted.sent_at.is_some_and(|sent_at| sent_at < signalled_at);
            is_sent_before && !matches!(posted.end, End::Stored { .. })
        };
        let lost: Vec<_> = posted.iter().filter(is_lost).collect();
        assert!(
            lost.is_empty(),
            "{} were not answered, such as {:?}",
            lost.len(),
            lost[0]
        );
        let process = start(folder.path(), &[]).await;
        assert_each_stored_once(&posted, &process.receipts(&client()).await);
    }
}

/// Posts while the receiver cannot run, and tells it to stop before it can.
async fn post_before_the_stop_is_seen(process: &Process, connections: &mut [Raw]) {
    for connection in connections {
        connection.send(raw::post(&notification())).await;
    }
    signal(process, Signal::TERM);
    signal(process, Signal::CONT);
}

/// Fails unless all are answered 200, the receiver ends in order, and has what it said.
async fn assert_all_answered(mut process: Process, folder: &std::path::Path, connections: &mut [Raw]) {
    let mut ends = Vec::new();
    for connection in &mut *connections {
        ends.push(read_end(connection).await);
    }
    let ended = process.wait().await;

    assert_stopped_in_order(&process, ended);
    let receipt_ids: HashSet<_> = ends
        .iter()
        .filter_map(|end| match end {
            End::Stored { receipt_id } => Some(receipt_id.clone()),
            End::Nothing | End::Wrong(_) => None,
        })
        .collect();
    let other = ends.iter().find(|end| !matches!(end, End::Stored { .. }));
    assert_eq!(receipt_ids.len(), connections.len(), "the others: {other:?}, …");
    let process = start(folder, &[]).await;
    let receipts = process.receipts(&client()).await;
    let stored: HashSet<_> = receipts.iter().map(|receipt| text(receipt, "id")).collect();
    assert!(receipt_ids.is_subset(&stored));
}

#[tokio::test]
async fn posts_on_connections_that_were_not_accepted_yet_are_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = start(folder.path(), &[]).await;
    signal(&process, Signal::STOP);
    let mut connections = Vec::new();
    for _ in 0..WAITING_COUNT {
        // The system takes them for it.
        connections.push(Raw::connect(process.public).await);
    }

    post_before_the_stop_is_seen(&process, &mut connections).await;

    assert_all_answered(process, folder.path(), &mut connections).await;
}

#[tokio::test]
async fn posts_that_were_not_read_yet_on_connections_that_lay_idle_are_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = start(folder.path(), &[]).await;
    let mut connections = Vec::new();
    for _ in 0..WAITING_COUNT {
        let mut connection = Raw::connect(process.public).await;
        connection.send(raw::post(&notification())).await;
        assert_eq!(connection.read_answer().await.status(), 200);
        connections.push(connection);
    }
    signal(&process, Signal::STOP);

    post_before_the_stop_is_seen(&process, &mut connections).await;

    assert_all_answered(process, folder.path(), &mut connections).await;
}

#[tokio::test]
async fn half_a_head_and_half_a_body_do_not_hold_up_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    // Longer than a test has patience, so that only the stop can end these connections.
    let patient = [
        ("CAIGUNN_SERVER_HEADER_TIMEOUT_SECONDS", "600"),
        ("CAIGUNN_SERVER_BODY_TIMEOUT_SECONDS", "600"),
        ("CAIGUNN_SERVER_STOP_TIMEOUT_SECONDS", "50"),
    ];
    let mut process = start(folder.path(), &patient).await;
    let request = raw::post(&notification());
    let head_bytes = request.find("\r\n\r\n").expect("a whole head") + 4;
    let mut connections = Vec::new();
    for part in [
        &request[..head_bytes / 2],
        &request[..head_bytes],
        &request[..request.len() - 1],
    ] {
        let mut connection = Raw::connect(process.public).await;
        connection.send(part).await;
        connections.push(connection);
    }
    // When this one is answered, the others have been accepted.
    let mut whole = Raw::connect(process.public).await;
    whole.send(&request).await;
    assert_eq!(whole.read_answer().await.status(), 200);

    signal(&process, Signal::TERM);
    let ended = process.wait().await;

    assert_stopped_in_order(&process, ended);
    assert_eq!(process.errors(), "");
}
