//! Promise: what became of deliveries can be seen and changed by command and over the admin API, while destinations work
//! and while they are down; and what is shown is so.

mod api;
mod live;
mod mistakes;
mod replay;
mod shown;

use std::collections::HashSet;
use std::process::Command;

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use futures_util::stream::{self, StreamExt};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::application::{Application, Arrival, Reply};
use crate::harness::posters::text;
use crate::harness::process::{Ended, run, words};
use crate::harness::{self, Process, client, free_port, sample_with, wait_for};

/// A receiver in a process of its own that delivers to an application, as `app`.
struct Stage {
    application: Application,
    folder: TempDir,
    /// Stays the same when the receiver is started again.
    admin_listen: String,
    destinations: String,
    schedule: &'static str,
    receiver: Process,
    client: Client,
}

impl Stage {
    /// One whose application takes everything.
    async fn new() -> Self {
        Self::answering("0,600", |_| Reply::Status(200)).await
    }

    /// One whose application answers so, and of which deliveries are tried by that schedule.
    async fn answering(
        schedule: &'static str,
        decide: impl FnMut(&Arrival) -> Reply + Send + 'static,
    ) -> Self {
        let application = Application::answering(decide).await;
        let destinations = format!(
            r#"[{{"name":"app","kind":"http","url":"{}"}}]"#,
            application.url()
        );
        Self::with(application, &destinations, schedule).await
    }

    async fn with(application: Application, destinations: &str, schedule: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let admin_listen = format!("127.0.0.1:{}", free_port());
        let variables = [
            ("CAIGUNN_DELIVERY_DESTINATION", destinations),
            ("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", schedule),
            ("CAIGUNN_ADMIN_LISTEN", &admin_listen),
        ];
        let receiver = Process::start(folder.path(), &variables).await;
        Self {
            application,
            folder,
            destinations: destinations.to_owned(),
            schedule,
            receiver,
            admin_listen,
            client: client(),
        }
    }

    /// Stops the receiver in order.
    async fn stop(&mut self) {
        self.receiver.signal("TERM");
        assert_eq!(self.receiver.wait().await.code(), Some(0));
    }

    /// Starts the receiver again, where it was.
    async fn restart(&mut self) {
        let variables = [
            ("CAIGUNN_DELIVERY_DESTINATION", &*self.destinations),
            ("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", self.schedule),
            ("CAIGUNN_ADMIN_LISTEN", &self.admin_listen),
        ];
        self.receiver = Process::start(self.folder.path(), &variables).await;
    }

    /// Posts a notification of a job of its own; its receipt's id.
    async fn post(&self, name: &str) -> String {
        let body = harness::json(&sample_with(name, &Ids::fresh(), Wire::V2024_07));
        let response = self
            .client
            .post(self.receiver.url("/webhook"))
            .json(&body)
            .send()
            .await;
        let answer: Value = response.expect("an answer").json().await.expect("JSON");
        text(&answer, "receipt_id")
    }

    /// Posts so many, some at a time.
    async fn post_many(&self, name: &str, count: usize) -> HashSet<String> {
        let posting = (0..count).map(|_| self.post(name));
        stream::iter(posting).buffer_unordered(32).collect().await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Process::command(self.folder.path());
        command
            .env("CAIGUNN_ADMIN_LISTEN", &self.admin_listen)
            .args(arguments);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments)).await
    }

    /// Runs a command that must end well; the JSON it prints.
    async fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--format", "json"]].concat()).await;
        assert_eq!(
            (ended.code, &*ended.errors),
            (Some(0), ""),
            "{arguments:?} {ended:?}"
        );
        serde_json::from_str(&ended.output).unwrap_or_else(|_| panic!("no JSON: {ended:?}"))
    }

    /// The JSON of the admin API.
    async fn api(&self, path: &str) -> Value {
        let response = self.client.get(self.receiver.api(path)).send().await;
        let response = response.expect("the API answers");
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.expect("the API answers JSON")
    }

    /// Waits until so many deliveries are shown as pending; the number may be a second old.
    async fn wait_for_pending(&self, count: u64) {
        wait_for(&format!("{count} pending"), || async {
            let shown = self.api("/destinations").await;
            match shown["destinations"][0]["pending_count"].as_u64() {
                Some(found) if found == count => Ok(()),
                _ => Err(shown.to_string()),
            }
        })
        .await;
    }

    /// Waits until a delivery is in that state after so many attempts.
    async fn wait_for_delivery(&self, receipt_id: &str, state: &str, attempt_count: u64) -> Value {
        wait_for(&format!("a delivery that is {state}"), || async {
            let delivery = self.api(&format!("/deliveries/app/{receipt_id}")).await;
            if delivery["state"] == state && delivery["attempt_count"] == attempt_count {
                Ok(delivery)
            } else {
                Err(delivery.to_string())
            }
        })
        .await
    }
}

fn id(receipt_id: &str) -> String {
    format!("app/{receipt_id}")
}

fn receipt_ids(deliveries: &Value) -> Vec<String> {
    let deliveries = deliveries["deliveries"].as_array().expect("a list");
    deliveries
        .iter()
        .map(|delivery| text(delivery, "receipt_id"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_destination_that_is_down_is_listed_in_full() {
    let stage = Stage::answering("0,600", |_| Reply::Status(503)).await;
    let posted = stage.post_many("crawling.initial", 1_150).await;

    let listed = stage
        .json(&["deliveries", "list", "--state", "pending", "--limit", "5000"])
        .await;
    let newest = stage.json(&["deliveries", "list", "--limit", "3"]).await;
    let of_other = ["deliveries", "list", "--event", "uploading", "--limit", "5000"];
    let table = stage
        .run(&["deliveries", "list", "--destination", "app", "--limit", "2"])
        .await;

    let ids = receipt_ids(&listed);
    assert_eq!(ids.len(), 1_150);
    assert_eq!(ids.iter().cloned().collect::<HashSet<_>>(), posted);
    assert_eq!(receipt_ids(&newest), ids[..3]);
    assert_eq!(stage.json(&of_other).await, json!({"deliveries": []}));
    // Of most nothing is to be said yet, so nothing is written.
    let deliveries = listed["deliveries"].as_array().expect("a list");
    let untouched = deliveries
        .iter()
        .filter(|delivery| delivery["changed_at"].is_null());
    assert!((1..1_150).contains(&untouched.count()));
    let lines = words(&table.output);
    assert_eq!(
        lines[0],
        "ID EVENT RECEIVED STATE ATTEMPTS LAST NEXT ATTEMPT WHY IT WAITS, OR ENDED"
    );
    assert!(
        lines[1].starts_with(&format!("{} crawling.initial ", id(&ids[0]))),
        "{table:?}"
    );
    assert_eq!(lines.len(), 3);
    stage.wait_for_pending(1_150).await;
}

#[tokio::test]
async fn a_delivery_is_shown_with_its_attempts() {
    let mut count = 0;
    let stage = Stage::answering("0,0,600", move |_| {
        count += 1;
        Reply::Status(if count == 1 { 503 } else { 200 })
    })
    .await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "delivered", 2).await;

    let shown = stage.json(&["deliveries", "show", &id(&receipt_id)]).await;
    let table = stage.run(&["deliveries", "show", &id(&receipt_id)]).await;

    let attempts = shown["attempts"].as_array().expect("a list");
    let said: Vec<_> = attempts
        .iter()
        .map(|attempt| {
            json!([
                attempt["number"],
                attempt["outcome"],
                attempt["status"],
                attempt["detail"],
                attempt["answer"]
            ])
        })
        .collect();
    let expected = [
        json!([1, "failed", 503, "answered 503", "answer 503"]),
        json!([2, "delivered", 200, "answered 200", "answer 200"]),
    ];
    assert_eq!(said, expected);
    assert_eq!(shown["id"], id(&receipt_id));
    assert_eq!(shown["last_outcome"], "delivered");
    let lines = words(&table.output);
    assert_eq!(lines[0], format!("id {}", id(&receipt_id)));
    assert!(
        lines
            .iter()
            .any(|line| line.ends_with("503 answered 503 answer 503")),
        "{table:?}"
    );
}

#[tokio::test]
async fn what_waits_is_sent_at_once_by_retry() {
    let stage = Stage::answering("0,600", |_| Reply::Status(500)).await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "pending", 1).await;
    stage.application.answer(|_| Reply::Status(200));

    let retried = stage.json(&["deliveries", "retry", &id(&receipt_id)]).await;

    let (state, waits) = (
        &retried["deliveries"][0]["state"],
        &retried["deliveries"][0]["waits"],
    );
    let expected =
        json!({"deliveries": [{"id": id(&receipt_id), "state": state, "waits": waits, "problem": null}]});
    assert_eq!(retried, expected);
    stage.wait_for_delivery(&receipt_id, "delivered", 2).await;
    // And what cannot be done is said of each.
    let nobody = id("0192f0c1-2b3c-7d4e-8f50-61728394a5b6");
    let again = stage
        .run(&["deliveries", "retry", &id(&receipt_id), &nobody])
        .await;
    assert_eq!(again.code, Some(1), "{again:?}");
    let expected = [
        "ID STATE WHY IT WAITS PROBLEM".to_owned(),
        format!(
            "{} - - it is delivered; `receipts replay` sends it once more",
            id(&receipt_id)
        ),
        format!("{nobody} - - there is no delivery {nobody}"),
    ];
    assert_eq!(words(&again.output), expected);
    assert_eq!(
        again.errors,
        "caigunn-webhook: 2 of 2 deliveries could not be retried\n"
    );
}

#[tokio::test]
async fn what_is_cancelled_is_not_sent_and_can_be_taken_up_again() {
    let stage = Stage::answering("0,600", |_| Reply::Status(500)).await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "pending", 1).await;
    stage.application.answer(|_| Reply::Status(200));

    let cancelled = stage.json(&["deliveries", "cancel", &id(&receipt_id)]).await;
    let again = stage.run(&["deliveries", "cancel", &id(&receipt_id)]).await;
    let listed = stage.json(&["deliveries", "list", "--state", "cancelled"]).await;

    assert_eq!(cancelled["deliveries"][0]["state"], "cancelled");
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.output.contains("it is not pending there"), "{again:?}");
    assert_eq!(receipt_ids(&listed), [&*receipt_id]);
    assert_eq!(stage.application.arrivals().len(), 1);
    stage.json(&["deliveries", "retry", &id(&receipt_id)]).await;
    stage.wait_for_delivery(&receipt_id, "delivered", 2).await;
}

#[tokio::test]
async fn a_paused_destination_gets_nothing_until_it_is_resumed() {
    let (application, other) = (Application::start().await, Application::start().await);
    let destinations = json!([
        {"name": "app", "kind": "http", "url": application.url()},
        {"name": "other", "kind": "http", "url": other.url()},
    ]);
    let stage = Stage::with(application, &destinations.to_string(), "0").await;

    let paused = stage
        .run(&["destinations", "pause", "app", "--reason", "tea & time"])
        .await;
    let again = stage.run(&["destinations", "pause", "app"]).await;
    let receipt_id = stage.post("crawling.initial").await;
    other.wait_for_arrivals(1).await;
    let listed = stage.json(&["destinations", "list"]).await;
    let table = stage.run(&["destinations", "list"]).await;

    assert_eq!(
        (paused.code, &*paused.output),
        (Some(0), "app is paused\n"),
        "{paused:?}"
    );
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.errors.ends_with("409: it is paused already\n"), "{again:?}");
    assert_eq!(stage.application.arrivals().len(), 0);
    assert_eq!(listed["destinations"][0]["state"], "paused");
    assert_eq!(listed["destinations"][0]["pause"]["reason"], "tea & time");
    assert_eq!(listed["destinations"][1]["state"], "active");
    assert_eq!(listed["leader"]["is_self"], true);
    let lines = words(&table.output);
    assert_eq!(
        lines[0],
        "DESTINATION KIND WHERE TO STATE PENDING DEAD IN FLIGHT REMARK"
    );
    assert!(lines[1].contains(" tea & time (since "), "{table:?}");
    let resumed = stage.run(&["destinations", "resume", "app"]).await;
    assert_eq!(
        (resumed.code, &*resumed.output),
        (Some(0), "app is sent to again\n"),
        "{resumed:?}"
    );
    stage.wait_for_delivery(&receipt_id, "delivered", 1).await;
}

#[tokio::test]
async fn without_destinations_lists_are_empty_and_there_is_nobody_to_send_to() {
    let stage = Stage::with(Application::start().await, "[]", "0").await;
    stage.post("crawling.initial").await;

    assert_eq!(
        stage.json(&["destinations", "list"]).await["destinations"],
        json!([])
    );
    assert_eq!(
        stage.json(&["deliveries", "list"]).await,
        json!({"deliveries": []})
    );
    let table = stage.run(&["destinations", "list"]).await;
    assert_eq!(
        table.output,
        "no destinations are configured, so notifications are only kept\n"
    );
    let said = "no destinations are configured\n";
    for arguments in [
        &["deliveries", "list"][..],
        &["receipts", "replay", "--all"],
        &["receipts", "replay", "--dry-run"],
    ] {
        let ended = stage.run(arguments).await;
        assert_eq!((ended.code, &*ended.errors), (Some(0), said), "{ended:?}");
    }
    let listed = stage.run(&["deliveries", "list", "--destination", "app"]).await;
    assert_eq!(listed.code, Some(1), "{listed:?}");
    let expected = "400: destination: no destination \"app\" is configured; there are none\n";
    assert!(listed.errors.ends_with(expected), "{listed:?}");
}

#[tokio::test]
async fn flags_that_others_have_are_understood() {
    let stage = Stage::with(Application::start().await, "[]", "0").await;
    stage.post("crawling.initial").await;

    let json = stage.run(&["receipts", "list", "--json"]).await;
    let from = stage.run(&["receipts", "list", "--from", "1h", "--json"]).await;
    let to = stage.run(&["receipts", "list", "--to", "1h", "--json"]).await;

    let expected = stage.run(&["receipts", "list", "--format", "json"]).await.output;
    assert_eq!((json.code, &json.output), (Some(0), &expected), "{json:?}");
    assert_eq!((from.code, &from.output), (Some(0), &expected), "{from:?}");
    let none: Value = serde_json::from_str(&to.output).unwrap();
    assert_eq!(none, json!({"receipts": []}));
}

#[tokio::test]
async fn receipts_are_listed_by_time_and_shown_with_their_body() {
    let stage = Stage::new().await;
    let ids = [
        stage.post("crawling.initial").await,
        stage.post("uploading.initial").await,
        stage.post("crawling.initial").await,
    ];
    let times = stage.api("/receipts").await;
    let second = text(&times["receipts"][1], "received_at");
    let found = async |arguments: &[&str]| {
        let listed = stage.json(&[&["receipts", "list"], arguments].concat()).await;
        let receipts = listed["receipts"].as_array().expect("a list").clone();
        receipts
            .iter()
            .map(|receipt| text(receipt, "id"))
            .collect::<Vec<_>>()
    };

    assert_eq!(found(&[]).await, [&*ids[2], &*ids[1], &*ids[0]]);
    assert_eq!(found(&["--limit", "1"]).await, [&*ids[2]]);
    assert_eq!(found(&["--event", "crawling"]).await, [&*ids[2], &*ids[0]]);
    assert_eq!(found(&["--since", &second]).await, [&*ids[2], &*ids[1]]);
    assert_eq!(found(&["--until", &second]).await, [&*ids[0]]);
    assert_eq!(
        found(&["--since", "1h", "--limit", "2"]).await,
        [&*ids[2], &*ids[1]]
    );
    assert!(
        found(&["--since", "2024-01-01", "--until", "1h"])
            .await
            .is_empty()
    );
    let whole = stage.json(&["receipts", "show", &ids[0]]).await;
    assert_eq!(whole, stage.api(&format!("/receipts/{}", ids[0])).await);
    let shown = stage.run(&["receipts", "show", &ids[0]]).await;
    assert!(
        shown.output.ends_with(&format!("\n\n{}\n", text(&whole, "body"))),
        "{shown:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_was_not_asked_to_end_says_that_it_goes_on() {
    let stage = Stage::new().await;
    for _ in 0..50 {
        stage.post("crawling.initial").await;
    }

    let whole = stage.run(&["receipts", "list"]).await;
    stage.post("crawling.initial").await;
    let cut = stage.run(&["receipts", "list"]).await;
    let chosen = stage.run(&["receipts", "list", "--limit", "1"]).await;

    assert_eq!((whole.errors.as_str(), whole.output.lines().count()), ("", 51));
    assert_eq!(cut.errors, "(the first 50; there are more: --limit)\n");
    assert_eq!((chosen.errors.as_str(), chosen.output.lines().count()), ("", 2));
}
