//! What ended while the receiver was down is there once it is back, without a webhook.

use serde_json::json;

use super::*;
use crate::harness::{Process, client as http_client, wait_for};

async fn start(folder: &TempDir, provider: &Provider) -> Process {
    let url = provider.url();
    let variables = [
        ("CAIGUNN_API_URL", &*url),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
    ];
    Process::start(folder.path(), &variables).await
}

async fn post(process: &Process, notification: &Value) -> Value {
    let request = http_client().post(process.url("/webhook")).json(notification);
    let response = request.send().await.expect("the receiver answers");
    assert_eq!(response.status(), 200);
    response.json().await.expect("the answer is JSON")
}

async fn get(url: String) -> Value {
    let response = http_client().get(url).send().await.expect("the receiver answers");
    assert_eq!(response.status(), 200);
    response.json().await.expect("the answer is JSON")
}

/// Waits until a job is completed; gives it.
async fn wait_until_completed(process: &Process, event_id: EventId) -> Value {
    wait_for("the job's end", || async {
        let job = get(process.api(&format!("/jobs/{event_id}"))).await;
        match job["state"].as_str() {
            Some("completed") => Ok(job),
            _ => Err(format!("{job} {}", process.log())),
        }
    })
    .await
}

#[tokio::test]
async fn jobs_that_ended_while_the_receiver_was_killed_are_completed_when_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let provider = Provider::start([]).await;
    let chatbot_id = provider.chatbot_id("key-one");
    let jobs = ["crawling", "uploading", "training"].map(|event| {
        let ids = Ids {
            chatbot_id,
            ..Ids::fresh()
        };
        let posted = |status| json(&sample_with(&format!("{event}.{status}"), &ids, Wire::V2024_07));
        (event, ids.event_id, posted("initial"), posted("completed"))
    });
    let mut process = start(&folder, &provider).await;
    let mut first_receipts = Vec::new();
    for (_, _, initial, _) in &jobs {
        provider.log_event(chatbot_id, initial);
        first_receipts.push(post(&process, initial).await["receipt_id"].clone());
    }

    process.kill();
    for (_, _, _, completed) in &jobs {
        provider.log_event(chatbot_id, completed);
    }
    let process = start(&folder, &provider).await;

    let mut ends = Vec::new();
    for ((event, event_id, _, _), first_receipt) in jobs.iter().zip(&first_receipts) {
        let job = wait_until_completed(&process, *event_id).await;
        let notifications = job["notifications"].as_array().unwrap();
        assert_eq!(notifications.len(), 2, "{job}");
        assert_eq!(&notifications[0]["id"], first_receipt);
        assert_eq!(notifications[0]["origin"], "webhook");
        assert_eq!(notifications[1]["event"], format!("{event}.completed"));
        assert_eq!(notifications[1]["origin"], "backfill");
        ends.push(notifications[1]["id"].clone());
    }
    assert_eq!(process.receipts(&http_client()).await.len(), 6);
    let lines = process
        .wait_for_lines(3, |line| line["origin"] == "backfill")
        .await;
    let mut said: Vec<_> = lines
        .iter()
        .map(|line| line["receipt_id"].as_str().unwrap())
        .collect();
    said.sort_unstable();
    let mut stored: Vec<_> = ends.iter().map(|id| id.as_str().unwrap()).collect();
    stored.sort_unstable();
    assert_eq!(said, stored);
    let is_of_webhook = |line: &&Value| line.get("request_id").is_some() && line.get("event").is_some();
    assert_eq!(process.log_lines().iter().filter(is_of_webhook).count(), 0);

    // CaiGunn posts them after all.
    for ((_, _, _, completed), end) in jobs.iter().zip(&ends) {
        let answer = post(&process, completed).await;
        assert_eq!(answer["outcome"], "duplicate");
        assert_eq!(&answer["receipt_id"], end);
    }
    assert_eq!(process.receipts(&http_client()).await.len(), 6);
    assert_eq!(get(process.api("/quarantine")).await["quarantine"], json!([]));
}

/// The events that have an `event_id` in that generation.
fn names(wire: Wire) -> &'static [&'static str] {
    let names = &[
        "crawling.initial",
        "crawling.completed",
        "crawling.failed",
        "uploading.initial",
        "uploading.completed",
        "uploading.failed",
        "training.initial",
        "training.completed",
        "training.failed",
        "something.new",
    ];
    match wire {
        Wire::V2024_01 => &names[..6],
        Wire::V2024_07 => names,
    }
}

/// Brings a notification from a log of one generation, and then posts it in another; what is said of that.
async fn posted_after_all(stage: &Stage, name: &str, logged: Wire, posted: Wire) -> (ReceiptId, Stored) {
    let ids = Ids {
        chatbot_id: stage.chatbot_id,
        ..Ids::fresh()
    };
    let log_entry = json(&sample_with(name, &ids, logged));
    stage.provider.log_event(ids.chatbot_id, &log_entry);
    let asked = stage
        .backfill
        .job(&stage.keyring, ids.event_id, None, Mode::Store)
        .await;
    let outcome = asked.expect("CaiGunn answers");
    assert!(outcome.unreadable.is_empty(), "{outcome:?}");
    let receipt_id = outcome.missing[0].receipt_id.expect("it is stored");
    let late = entry(&sample_with(name, &ids, posted), Timestamp::now());
    let stored = stage
        .inbox
        .append(vec![late])
        .await
        .expect("the inbox works")
        .remove(0);
    (receipt_id, stored.expect("the inbox works"))
}

#[tokio::test]
async fn a_webhook_that_comes_after_all_is_a_duplicate_in_either_generation_whichever_the_log_is_of() {
    let generations = [Wire::V2024_01, Wire::V2024_07];
    for (logged, posted) in generations
        .into_iter()
        .flat_map(|one| generations.map(|other| (one, other)))
    {
        let stage = Stage::new().await;
        let common = if logged == posted { logged } else { Wire::V2024_01 };
        for name in names(common) {
            let (receipt_id, stored) = posted_after_all(&stage, name, logged, posted).await;

            let expected = Appended::Duplicate {
                receipt_id,
                differs: None,
            };
            assert_eq!(
                stored,
                Stored::Receipt(expected),
                "{name}: {logged:?}, {posted:?}"
            );
        }
        assert_eq!(
            stage.inbox.quarantine_totals().await.unwrap().quarantined_count,
            0
        );
    }
}

#[tokio::test]
async fn an_undocumented_event_of_the_older_generation_that_comes_after_all_is_a_duplicate_too() {
    let stage = Stage::new().await;

    let (receipt_id, stored) =
        posted_after_all(&stage, "something.new", Wire::V2024_01, Wire::V2024_01).await;

    let expected = Appended::Duplicate {
        receipt_id,
        differs: None,
    };
    assert_eq!(stored, Stored::Receipt(expected));
}
