//! Promise: what was answered 200 is there after the process was killed, exactly once and under the same receipt,
//! and the next start needs no help.

use std::path::Path;

use reqwest::Client;
use serde_json::Value;

use crate::harness::posters::{End, Posted, Posters, assert_each_stored_once, text};
use crate::harness::process::run;
use crate::harness::{Process, client, json, sample};

const ROUNDS: usize = 3;
const MOST_ROUNDS: usize = 50;
const CLIENT_COUNT: usize = 32;
const ANSWERS_A_ROUND: usize = 200;

async fn start(folder: &Path) -> Process {
    Process::start(folder, &[]).await
}

/// Posts a body; the answer, which must be 200.
async fn post(client: &Client, process: &Process, body: String) -> Value {
    let request = client
        .post(process.url("/webhook"))
        .header("content-type", "application/json")
        .body(body);
    let response = request.send().await.expect("the receiver answers");
    assert_eq!(response.status(), 200);
    response.json().await.expect("the receiver answers JSON")
}

/// The bytes kept of a receipt.
async fn body_of(client: &Client, process: &Process, receipt_id: &str) -> String {
    let url = process.api(&format!("/receipts/{receipt_id}"));
    let response = client.get(url).send().await.expect("the API answers");
    text(&response.json().await.expect("the API answers JSON"), "body")
}

#[tokio::test]
async fn every_answered_notification_survives_kills_under_load_exactly_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let client = client();
    let mut posted: Vec<Posted> = Vec::new();

    let mut process = start(folder.path()).await;
    for _ in 0..ROUNDS {
        let posters = Posters::start(CLIENT_COUNT, process.public);
        posters.wait_for_answers(ANSWERS_A_ROUND).await;
        process.kill();
        let round = posters.end().await;
        process = start(folder.path()).await;

        let answered = round.iter().filter_map(|posted| match &posted.end {
            End::Stored { receipt_id } => Some((receipt_id, &posted.body)),
            End::Nothing | End::Wrong(_) => None,
        });
        let answered: Vec<_> = answered.collect();
        assert!(answered.len() >= ANSWERS_A_ROUND);
        for (receipt_id, body) in answered {
            assert_eq!(&body_of(&client, &process, receipt_id).await, body);
            let answer = post(&client, &process, body.clone()).await;
            assert_eq!(answer["outcome"], "duplicate");
            assert_eq!(answer["receipt_id"], **receipt_id);
        }
        posted.extend(round);
        assert_each_stored_once(&posted, &process.receipts(&client).await);
    }
}

#[tokio::test]
async fn a_notification_whose_answer_was_lost_is_stored_once_when_it_is_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let client = client();
    let (mut posted, mut lost_count): (Vec<Posted>, _) = (Vec::new(), 0);
    let mut process = start(folder.path()).await;
    // A kill may hit when nothing has been stored that was not answered, though not each time.
    for _ in 0..MOST_ROUNDS {
        let posters = Posters::start(CLIENT_COUNT, process.public);
        posters.wait_for_answers(CLIENT_COUNT).await;
        process.kill();
        let mut round = posters.end().await;

        process = start(folder.path()).await;
        for posted in &mut round {
            if !matches!(posted.end, End::Stored { .. }) {
                let answer = post(&client, &process, posted.body.clone()).await;
                lost_count += usize::from(answer["outcome"] == "duplicate");
                let receipt_id = text(&answer, "receipt_id");
                posted.end = End::Stored { receipt_id };
            }
        }

        posted.extend(round);
        let receipts = process.receipts(&client).await;
        assert_each_stored_once(&posted, &receipts);
        assert_eq!(receipts.len(), posted.len());
        if lost_count > 0 {
            return;
        }
    }
    panic!("no answer was lost to what was stored");
}

#[tokio::test]
async fn a_second_receiver_on_the_same_inbox_is_refused_while_the_first_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let client = client();
    let first = start(folder.path()).await;
    let body = json(&sample("crawling.completed")).to_string();
    let answer = post(&client, &first, body.clone()).await;

    let second = Process::command(folder.path());
    let ended = run(second).await;

    assert_eq!(ended.code, Some(1));
    let inbox = folder.path().join("inbox.db");
    let expected = format!(
        "another process has {} open: one receiver writes to an inbox file at a time",
        inbox.display()
    );
    assert!(ended.errors.contains(&expected), "{ended:?}");
    let again = post(&client, &first, body).await;
    assert_eq!(again["outcome"], "duplicate");
    assert_eq!(again["receipt_id"], answer["receipt_id"]);
}

#[tokio::test]
async fn the_lock_of_a_killed_receiver_does_not_keep_the_next_from_starting() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = start(folder.path()).await;
    first.kill();
    assert!(folder.path().join("inbox.db.lock").exists());

    let second = start(folder.path()).await;

    let body = json(&sample("crawling.completed")).to_string();
    assert_eq!(post(&client(), &second, body).await["outcome"], "accepted");
}
