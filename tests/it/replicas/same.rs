//! One notification at many receivers at once.

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use futures_util::future::join_all;

use super::{Replica, start_three};
use crate::harness::posters::text;
use crate::harness::postgres::fresh_database;
use crate::harness::{client, json, sample, sample_with};

const ROUNDS: usize = 30;
/// How often each receiver gets the notification in a round.
const TIMES: usize = 4;

/// Posts a body; the outcome and the receipt.
async fn post(client: &reqwest::Client, replica: &Replica, body: &str) -> (String, String) {
    let request = client
        .post(replica.process.url("/webhook"))
        .header("content-type", "application/json")
        .body(body.to_owned());
    let response = request.send().await.expect("the receiver answers");
    assert_eq!(response.status(), 200);
    let answer = response.json().await.expect("an answer is JSON");
    (text(&answer, "outcome"), text(&answer, "receipt_id"))
}

/// Posts a body to all of them at once, many times each; the one receipt that it got. Fails unless one of the answers
/// says that it is new, and all others that they repeat it.
async fn post_to_all(client: &reqwest::Client, replicas: &[Replica], body: &str) -> String {
    let posts = (0..TIMES).flat_map(|_| replicas.iter().map(|replica| post(client, replica, body)));
    let mut answers = join_all(posts).await;
    answers.sort_unstable();
    let receipt_id = answers[0].1.clone();
    let mut expected = vec![("accepted".to_owned(), receipt_id.clone())];
    expected.resize(answers.len(), ("duplicate".to_owned(), receipt_id.clone()));
    assert_eq!(answers, expected);
    receipt_id
}

#[tokio::test]
async fn of_a_notification_posted_to_three_receivers_at_once_one_is_accepted_and_the_rest_repeat_it() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let replicas = start_three(database.url()).await;
    let client = client();

    for _ in 0..ROUNDS {
        let body = json(&sample("crawling.completed")).to_string();
        post_to_all(&client, &replicas, &body).await;
    }

    let rows = database
        .rows("SELECT count(*) FROM caigunn_webhook.receipt")
        .await;
    assert_eq!(rows[0].get::<_, i64>(0), ROUNDS as i64);
    let rows = database
        .rows("SELECT count(*) FROM caigunn_webhook.quarantine")
        .await;
    assert_eq!(rows[0].get::<_, i64>(0), 0);
}

#[tokio::test]
async fn an_older_training_without_ids_is_one_run_on_all_receivers_until_another_event_of_its_training() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let replicas = start_three(database.url()).await;
    let client = client();
    let ids = Ids::fresh();
    let older = |name: &str| json(&sample_with(name, &ids, Wire::V2024_01)).to_string();
    let (initial, failed) = (older("training.initial"), older("training.failed"));

    let mut runs = Vec::new();
    for round in 0..ROUNDS / 3 {
        runs.push(post_to_all(&client, &replicas, &initial).await);
        // Whichever receiver hears that it failed, the others know.
        let (outcome, _) = post(&client, &replicas[round % replicas.len()], &failed).await;
        assert_eq!(outcome, "accepted");
    }

    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), ROUNDS / 3);
}
