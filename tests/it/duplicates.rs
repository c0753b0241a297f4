//! Promise: a notification gets one receipt, however often and in whatever order it arrives, and two that only look
//! alike get one each.

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::harness::{App, header, json, sample, sample_with, spawn_app, spawn_app_with};

/// What became of a notification: its outcome and the receipt.
async fn outcome(response: Response) -> (String, String) {
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.expect("an answer is JSON");
    let text = |member: &str| answer[member].as_str().expect("a text").to_owned();
    (text("outcome"), text("receipt_id"))
}

/// The outcomes of notifications posted one after the other, and how many receipts there were in all.
async fn outcomes(app: &App, bodies: &[&Value]) -> (Vec<String>, usize) {
    let (mut outcomes, mut receipts) = (Vec::new(), Vec::new());
    for body in bodies {
        let (outcome, receipt_id) = outcome(app.post(body).await).await;
        outcomes.push(outcome);
        receipts.push(receipt_id);
    }
    receipts.sort_unstable();
    receipts.dedup();
    assert_eq!(app.receipts().await.len(), receipts.len());
    (outcomes, receipts.len())
}

/// A notification as the older generation has it, where trainings carry no `event_id`.
fn older(name: &str, ids: &Ids) -> Value {
    json(&sample_with(name, ids, Wire::V2024_01))
}

async fn quarantine(app: &App) -> Value {
    app.api("/quarantine").await["quarantine"].clone()
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_first_receipt() {
    let app = spawn_app().await;
    let body = json(&sample("crawling.completed"));

    let first = outcome(app.post(&body).await).await;
    let second = outcome(app.post(&body).await).await;
    let third = outcome(app.post(&body).await).await;

    assert_eq!(first.0, "accepted");
    assert_eq!(second, ("duplicate".to_owned(), first.1.clone()));
    assert_eq!(third, second);
    assert_eq!(app.receipts().await.len(), 1);
    assert_eq!(quarantine(&app).await, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_at_once_one_is_accepted_and_63_are_its_duplicates() {
    let app = spawn_app().await;
    let body = json(&sample("uploading.completed"));
    let mut posts = JoinSet::new();
    for _ in 0..64 {
        let request = app.client.post(app.url("/webhook")).json(&body);
        posts.spawn(async move { outcome(request.send().await.expect("the receiver answers")).await });
    }

    let mut answers = posts.join_all().await;

    answers.sort_unstable();
    let receipt_id = answers[0].1.clone();
    let mut expected = vec![("accepted".to_owned(), receipt_id.clone())];
    expected.resize(64, ("duplicate".to_owned(), receipt_id));
    assert_eq!(answers, expected);
    assert_eq!(app.receipts().await.len(), 1);
}

#[tokio::test]
async fn a_repeat_is_known_across_a_restart() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    let bodies = [
        json(&sample("crawling.completed")),
        json(&sample("billing.due")),
        older("training.completed", &ids),
        older("training.failed", &ids),
    ];
    let mut receipts = Vec::new();
    for body in &bodies {
        receipts.push(outcome(app.post(body).await).await.1);
    }

    let app = app.stop().await.start(&[]).await;

    for (body, receipt_id) in bodies.iter().zip(receipts) {
        let repeat = outcome(app.post(body).await).await;
        assert_eq!(repeat, ("duplicate".to_owned(), receipt_id), "{body}");
    }
    assert_eq!(app.receipts().await.len(), 4);
}

#[tokio::test]
async fn initial_does_not_hide_completed() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    for (event, wire) in [("crawling", Wire::V2024_01), ("uploading", Wire::V2024_07)] {
        let of = |status: &str| json(&sample_with(&format!("{event}.{status}"), &ids, wire));

        let initial = outcome(app.post(&of("initial")).await).await;
        let completed = outcome(app.post(&of("completed")).await).await;

        assert_eq!([&*initial.0, &*completed.0], ["accepted", "accepted"]);
        assert_ne!(initial.1, completed.1);
    }
    assert_eq!(app.receipts().await.len(), 4);
}

#[tokio::test]
async fn completed_does_not_hide_an_initial_that_comes_late() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    let of = |name: &str| json(&sample_with(name, &ids, Wire::V2024_07));
    let (initial, completed) = (of("crawling.initial"), of("crawling.completed"));

    let (outcomes, receipts) = outcomes(&app, &[&completed, &initial, &completed, &initial]).await;

    assert_eq!(outcomes, ["accepted", "accepted", "duplicate", "duplicate"]);
    assert_eq!(receipts, 2);
}

#[tokio::test]
async fn an_older_completed_training_is_known_by_its_model() {
    let app = spawn_app_with(&[("inbox.duplicate_window_seconds", "0")]).await;
    let (one, other) = (Ids::fresh(), Ids::fresh());
    let other = Ids {
        chatbot_id: one.chatbot_id,
        ..other
    };
    let of = |ids| older("training.completed", ids);

    let (outcomes, receipts) = outcomes(&app, &[&of(&one), &of(&other), &of(&one), &of(&other)]).await;

    assert_eq!(outcomes, ["accepted", "accepted", "duplicate", "duplicate"]);
    assert_eq!(receipts, 2);
}

#[tokio::test]
async fn an_older_training_without_ids_that_repeats_within_the_window_is_a_duplicate() {
    for name in ["training.initial", "training.failed"] {
        let app = spawn_app().await;
        let body = older(name, &Ids::fresh());

        let (outcomes, receipts) = outcomes(&app, &[&body, &body, &body]).await;

        assert_eq!(outcomes, ["accepted", "duplicate", "duplicate"], "{name}");
        assert_eq!(receipts, 1);
    }
}

#[tokio::test]
async fn an_older_training_without_ids_is_a_new_run_once_the_window_is_over() {
    let app = spawn_app_with(&[("inbox.duplicate_window_seconds", "0")]).await;
    let ids = Ids::fresh();
    let (initial, failed) = (older("training.initial", &ids), older("training.failed", &ids));

    let (outcomes, receipts) = outcomes(&app, &[&initial, &initial, &failed, &failed]).await;

    assert_eq!(outcomes, ["accepted"; 4]);
    assert_eq!(receipts, 4);
}

#[tokio::test]
async fn an_older_training_without_ids_is_a_new_run_after_another_event_of_its_training() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    let initial = older("training.initial", &ids);
    let (failed, completed) = (older("training.failed", &ids), older("training.completed", &ids));

    let (outcomes, receipts) = outcomes(
        &app,
        &[&initial, &failed, &initial, &completed, &initial, &initial],
    )
    .await;

    assert_eq!(
        outcomes,
        [
            "accepted",
            "accepted",
            "accepted",
            "accepted",
            "accepted",
            "duplicate"
        ]
    );
    assert_eq!(receipts, 5);
}

#[tokio::test]
async fn neither_an_upload_nor_another_chatbot_comes_between_a_training_and_its_repeat() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    let initial = older("training.initial", &ids);
    let upload = older("uploading.initial", &ids);
    let another = older("training.initial", &Ids::fresh());

    let (outcomes, receipts) = outcomes(&app, &[&initial, &upload, &another, &initial]).await;

    assert_eq!(outcomes, ["accepted", "accepted", "accepted", "duplicate"]);
    assert_eq!(receipts, 3);
}

#[tokio::test]
async fn older_failures_of_one_chatbot_with_different_reasons_are_different() {
    let app = spawn_app().await;
    let failed = |detail: &str| {
        json!({"event": "training", "status": "failed", "detail": detail,
                                       "chatbot_id": "0192f0c1-2b3c-7d4e-8f50-61728394a5b6"})
    };

    let (outcomes, receipts) = outcomes(
        &app,
        &[
            &failed("Training data not found"),
            &failed("Character limit exceeded"),
            &failed("Character limit exceeded"),
        ],
    )
    .await;

    assert_eq!(outcomes, ["accepted", "accepted", "duplicate"]);
    assert_eq!(receipts, 2);
    assert_eq!(quarantine(&app).await, json!([]));
}

#[tokio::test]
async fn a_duplicate_that_says_something_else_is_kept_in_quarantine_and_the_original_is_not_touched() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    let original = json(&sample_with("crawling.completed", &ids, Wire::V2024_07));
    let mut copy = original.clone();
    copy["data"]["training_data_ids"] = json!([Uuid::now_v7()]);

    let (_, receipt_id) = outcome(app.post(&original).await).await;
    let response = app.post(&copy).await;

    let request_id = header(&response, "x-request-id").unwrap().to_owned();
    assert_eq!(
        outcome(response).await,
        ("duplicate".to_owned(), receipt_id.clone())
    );
    let mut quarantine = quarantine(&app).await;
    let entry = quarantine[0].take();
    let expected = json!({
        "id": entry["id"],
        "received_at": entry["received_at"],
        "request_id": request_id,
        "reason": "duplicate-differs",
        "detail": format!("it has the identity of receipt {receipt_id} but says something else"),
        "duplicate_of": receipt_id,
        "content_type": null,
        "truncated": false,
        "body_bytes": copy.to_string().len(),
    });
    assert_eq!(entry, expected);
    let path = format!("/quarantine/{}", entry["id"].as_str().unwrap());
    assert_eq!(app.api(&path).await["body"], copy.to_string());
    let receipt = app.api(&format!("/receipts/{receipt_id}")).await;
    assert_eq!(receipt["body"], original.to_string());
}

#[tokio::test]
async fn a_duplicate_that_only_writes_its_json_in_another_way_says_the_same() {
    let app = spawn_app().await;
    let id = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";
    let spellings = [
        format!(
            r#"{{"event":"crawling","status":"initial","event_id":"{id}","data":{{"chatbot_id":"{id}"}}}}"#
        ),
        format!(
            r#"{{"data":{{"chatbot_id":"{id}"}},"event_id":"{id}","status":"initial","event":"crawling"}}"#
        ),
        format!(
            "{{ \"event_id\" : \"{id}\",\n\"status\":\"\\u0069nitial\", \"event\":\"crawling\",\t\"data\":{{\"chatbot_id\":\"{id}\"}} }}\r\n"
        ),
    ];

    let mut outcomes = Vec::new();
    for spelling in spellings {
        outcomes.push(
            outcome(app.post_bytes("application/json", spelling).await)
                .await
                .0,
        );
    }

    assert_eq!(outcomes, ["accepted", "duplicate", "duplicate"]);
    assert_eq!(quarantine(&app).await, json!([]));
}

#[tokio::test]
async fn both_generations_of_one_notification_are_the_same_one_and_say_the_same() {
    for name in ["crawling.initial", "crawling.completed", "uploading.completed"] {
        let app = spawn_app().await;
        let ids = Ids::fresh();
        let newer = json(&sample_with(name, &ids, Wire::V2024_07));

        let (outcomes, _) = outcomes(&app, &[&older(name, &ids), &newer]).await;

        assert_eq!(outcomes, ["accepted", "duplicate"], "{name}");
        assert_eq!(quarantine(&app).await, json!([]), "{name}");
    }
}
