//! What is shown of destinations and deliveries: where to, what is wrong now, and why something waits.

use std::time::Duration;

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Stage, id, receipt_ids, words};
use crate::harness::application::{Application, Reply};
use crate::harness::posters::text;
use crate::harness::{self, sample_with, wait_for};

/// Posts the notifications of one job; the ids of their receipts, and the job's.
pub(super) async fn post_job<const N: usize>(stage: &Stage, names: [&str; N]) -> ([String; N], String) {
    let ids = Ids::fresh();
    let mut receipt_ids = Vec::new();
    for name in names {
        let body = harness::json(&sample_with(name, &ids, Wire::V2024_07));
        let response = stage
            .client
            .post(stage.receiver.url("/webhook"))
            .json(&body)
            .send()
            .await;
        let answer: Value = response.expect("an answer").json().await.expect("JSON");
        receipt_ids.push(text(&answer, "receipt_id"));
    }
    (receipt_ids.try_into().expect("as many"), ids.event_id.to_string())
}

/// The line of a table about something.
fn line(output: &str, beginning: &str) -> String {
    let mut lines = words(output).into_iter();
    let line = lines.find(|line| line.starts_with(beginning));
    line.unwrap_or_else(|| panic!("{beginning} is not in {output}"))
}

#[tokio::test]
async fn a_destination_is_shown_with_its_kind_and_where_it_is_without_secrets() {
    let application = Application::start().await;
    let destinations = json!([
        {"name": "app", "kind": "http", "url": format!("{}/planted?key=planted", application.url())},
        {"name": "log", "kind": "command", "command": ["/bin/cat", "--planted"]},
    ]);
    let place = format!("http://{}", application.address);
    let stage = Stage::with(application, &destinations.to_string(), "0").await;

    let listed = stage.json(&["destinations", "list"]).await;
    let table = stage.run(&["destinations", "list"]).await;

    let shown = |at: usize| {
        (
            &listed["destinations"][at]["kind"],
            &listed["destinations"][at]["to"],
        )
    };
    assert_eq!(shown(0), (&json!("http"), &json!(place)));
    assert_eq!(shown(1), (&json!("command"), &json!("/bin/cat")));
    assert_eq!(
        line(&table.output, "app "),
        format!("app http {place} active 0 0 0 -")
    );
    assert_eq!(line(&table.output, "log "), "log command /bin/cat active 0 0 0 -");
    assert!(
        !format!("{listed} {table:?}").contains("planted"),
        "{listed} {table:?}"
    );
}

#[tokio::test]
async fn a_failure_is_remarked_only_as_long_as_what_it_met_is_pending() {
    let stage = Stage::answering("0,600", |_| Reply::Status(500)).await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "pending", 1).await;
    let remark = async |wanted: fn(&str) -> bool| {
        wait_for("the remark", || async {
            let listed = stage.run(&["destinations", "list"]).await;
            let line = line(&listed.output, "app ");
            if wanted(&line) { Ok(line) } else { Err(line) }
        })
        .await
    };

    remark(|line| line.contains(" answered 500 (since ")).await;
    stage.application.answer(|_| Reply::Status(200));
    stage.json(&["deliveries", "retry", &id(&receipt_id)]).await;
    stage.wait_for_delivery(&receipt_id, "delivered", 2).await;

    let line = remark(|line| line.contains(" active 0 ")).await;
    assert!(line.ends_with(" 0 -"), "{line}");
    // What is pending since then has met nothing.
    stage
        .json(&["destinations", "pause", "app", "--reason", "tea"])
        .await;
    let paused = remark(|line| line.contains(" paused ")).await;
    assert!(paused.contains(" tea (since "), "{paused}");
}

#[tokio::test]
async fn it_is_said_why_a_delivery_waits() {
    let stage = Stage::answering("0,600", |arrival| {
        Reply::Status(if arrival.event == "crawling.initial" {
            500
        } else {
            200
        })
    })
    .await;
    let ([first, second, third], _) = post_job(
        &stage,
        ["crawling.initial", "crawling.completed", "crawling.failed"],
    )
    .await;
    stage.wait_for_delivery(&first, "pending", 1).await;

    let waits = async |receipt_id: &str| {
        let shown = stage.json(&["deliveries", "show", &id(receipt_id)]).await;
        let listed = stage.json(&["deliveries", "list"]).await;
        let mut listed = listed["deliveries"].as_array().expect("a list").iter();
        let listed = listed
            .find(|listed| listed["receipt_id"] == receipt_id)
            .expect("it is listed");
        assert_eq!(listed["waits"], shown["waits"]);
        shown["waits"].clone()
    };
    let behind = json!(format!("waits for {}", id(&first)));

    assert_eq!(waits(&first).await, "waits for its next attempt");
    let shown = stage.json(&["deliveries", "show", &id(&first)]).await;
    assert!(shown["next_attempt_at"].is_string(), "{shown}");
    assert_eq!(
        (waits(&second).await, waits(&third).await),
        (behind.clone(), behind)
    );
    let table = stage.run(&["deliveries", "list"]).await;
    let behind = format!(" waits for {}", id(&first));
    assert!(line(&table.output, &id(&second)).ends_with(&behind), "{table:?}");
    stage.json(&["destinations", "pause", "app"]).await;
    assert_eq!(waits(&first).await, "its destination is paused");
    let paused = stage.json(&["deliveries", "show", &id(&first)]).await;
    assert_eq!(paused["next_attempt_at"], Value::Null);
    let retried = stage.json(&["deliveries", "retry", &id(&first)]).await;
    assert_eq!(retried["deliveries"][0]["waits"], "its destination is paused");
    stage.json(&["destinations", "resume", "app"]).await;
    stage.json(&["deliveries", "cancel", &id(&first)]).await;
    stage.wait_for_delivery(&third, "delivered", 1).await;
    assert_eq!(
        (waits(&first).await, waits(&third).await),
        (Value::Null, Value::Null)
    );
}

#[tokio::test]
async fn of_a_destination_that_is_down_it_is_said_of_each_delivery() {
    let stage = Stage::answering("0,600", |_| Reply::Status(503)).await;
    stage.post("crawling.initial").await;
    let waiting = stage.post("crawling.initial").await;

    let shown = wait_for("it to be down", || async {
        let shown = stage.json(&["deliveries", "show", &id(&waiting)]).await;
        match shown["waits"].as_str() {
            Some("its destination is down") => Ok(shown),
            _ => Err(shown.to_string()),
        }
    })
    .await;
    // It is tried when it is its turn among those that are.
    assert_eq!(shown["next_attempt_at"], Value::Null);
}

#[tokio::test]
async fn of_what_bears_no_job_it_is_said_what_it_waits_for() {
    let stage = Stage::answering("0,600", |_| Reply::Status(500)).await;
    let mut ids = Vec::new();
    for (event, status) in [("foo", "a"), ("bar", "a"), ("foo", "b")] {
        let body = json!({"event": event, "status": status});
        let response = stage
            .client
            .post(stage.receiver.url("/webhook"))
            .json(&body)
            .send();
        let answer: Value = response.await.expect("an answer").json().await.expect("JSON");
        ids.push(text(&answer, "receipt_id"));
    }
    stage.wait_for_delivery(&ids[0], "pending", 1).await;
    stage.wait_for_delivery(&ids[1], "pending", 1).await;

    let behind = stage.api(&format!("/deliveries/{}", id(&ids[2]))).await;
    let first = stage.api(&format!("/deliveries/{}", id(&ids[1]))).await;

    assert_eq!(behind["waits"], format!("waits for {}", id(&ids[0])));
    assert_eq!(behind["next_attempt_at"], Value::Null);
    assert_eq!(first["waits"], "waits for its next attempt");
}

#[tokio::test]
async fn who_asked_to_be_left_alone_is_shown_so_and_tried_when_it_is_resumed() {
    let stage = Stage::answering("0,600", |_| Reply::With(429, "retry-after", "3000".to_owned())).await;
    let tried = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&tried, "pending", 1).await;
    let untried = stage.post("crawling.initial").await;

    let waiting = stage.wait_for_delivery(&untried, "pending", 0).await;
    let destinations = stage.json(&["destinations", "list"]).await;
    let table = stage.run(&["destinations", "list"]).await;
    stage.application.answer(|_| Reply::Status(200));
    stage.json(&["destinations", "resume", "app"]).await;

    assert_eq!(waiting["waits"], "its destination asked to be left alone");
    let until = &destinations["destinations"][0]["status"]["quiet_until"];
    assert!(until.is_string(), "{destinations}");
    assert_eq!(&waiting["next_attempt_at"], until);
    let line = line(&table.output, "app ");
    assert!(
        line.contains(" answered 429, with Retry-After; it asked to be left alone until "),
        "{line}"
    );
    stage.wait_for_delivery(&tried, "delivered", 2).await;
    stage.wait_for_delivery(&untried, "delivered", 1).await;
    let again = stage.run(&["destinations", "resume", "app"]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(
        again.errors.contains("`deliveries retry ID` sends now"),
        "{again:?}"
    );
}

#[tokio::test]
async fn what_waits_for_a_max_per_second_says_so() {
    let application = Application::start().await;
    let destinations = json!([
        {"name": "app", "kind": "http", "url": application.url(), "max_per_second": 0.01},
    ]);
    let stage = Stage::with(application, &destinations.to_string(), "0,600").await;
    let first = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&first, "delivered", 1).await;

    let second = stage.post("crawling.initial").await;

    let shown = stage.api(&format!("/deliveries/{}", id(&second))).await;
    assert_eq!(
        shown["waits"],
        "its destination gets no more yet (max_per_second)"
    );
    assert_eq!(shown["next_attempt_at"], Value::Null);
}

#[tokio::test]
async fn deliveries_are_listed_by_job_and_by_time() {
    let stage = Stage::new().await;
    let first = stage.post("uploading.initial").await;
    let (job, event_id) = post_job(&stage, ["crawling.initial", "crawling.completed"]).await;
    let last = stage.post("uploading.initial").await;
    stage.wait_for_delivery(&last, "delivered", 1).await;
    let times = stage.api("/receipts").await;
    let second = text(&times["receipts"][1], "received_at");
    let found = async |arguments: &[&str]| {
        receipt_ids(&stage.json(&[&["deliveries", "list"], arguments].concat()).await)
    };

    assert_eq!(found(&["--job", &event_id]).await, [&*job[1], &*job[0]]);
    assert_eq!(found(&["--since", &second]).await, [&*last, &*job[1]]);
    assert_eq!(found(&["--until", &second]).await, [&*job[0], &*first]);
    // What is older than that needs no other page.
    let page = stage.api(&format!("/deliveries?since={second}&limit=3")).await;
    assert_eq!(page["next_cursor"], Value::Null);
    assert_eq!(found(&["--job", &event_id, "--since", &second]).await, [&*job[1]]);
    assert_eq!(found(&["--since", "1h", "--limit", "1"]).await, [&*last]);
    assert_eq!(found(&["--until", "1h"]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_time_is_found_at_once_however_much_came_since() {
    let mut stage = Stage::new().await;
    let old = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&old, "delivered", 1).await;
    stage.stop().await;
    let inbox = Connection::open(stage.folder.path().join("inbox.db")).expect("it is there");
    let age = "UPDATE receipt SET received_at = received_at - 86400000000";
    assert_eq!(inbox.execute(age, []).expect("it is a statement"), 1);
    drop(inbox);
    stage.restart().await;
    let began = Timestamp::now();
    stage.post_many("crawling.initial", 450).await;

    let an_hour_ago = began.minus(Duration::from_secs(3_600));
    for list in ["receipts", "deliveries"] {
        let page = stage.api(&format!("/{list}?until={an_hour_ago}")).await;

        let count = page[list].as_array().map(Vec::len);
        assert_eq!(
            (count, &page["next_cursor"]),
            (Some(1), &Value::Null),
            "{list} {page}"
        );
    }
    // What came within minutes may be out of its order, and is gone through.
    let url = format!("http://{}/deliveries?until={began}", stage.receiver.admin);
    let page = stage.client.get(url).send().await.expect("the page answers");
    let page = page.text().await.expect("text");
    let said = "None of the deliveries that were looked at is like that; there are older ones.";
    assert!(page.contains(said) && page.contains("rel=\"next\""), "{page}");
}

#[tokio::test]
async fn a_destination_that_is_configured_no_more_goes_by_command() {
    let mut stage = Stage::answering("0,600", |_| Reply::Status(503)).await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "pending", 1).await;
    let early = stage.run(&["destinations", "remove", "app"]).await;
    stage.stop().await;
    stage.destinations = "[]".to_owned();
    stage.restart().await;

    let paused = stage.run(&["destinations", "pause", "app"]).await;
    let removed = stage.run(&["destinations", "remove", "app"]).await;
    let again = stage.run(&["destinations", "remove", "app"]).await;
    let unknown = stage.run(&["destinations", "remove", "other"]).await;

    assert_eq!(
        (removed.code, &*removed.output),
        (
            Some(0),
            "app is removed; what waited for it is not sent any more: 1 delivery\n"
        ),
        "{removed:?}"
    );
    for (refused, expected) in [
        (
            early,
            "409: app is configured where this is done; take it out of the configuration first, and restart\n",
        ),
        (
            paused,
            "404: no destination \"app\" is configured; there was one, of which only `destinations remove app` can be done now\n",
        ),
        (again, "409: app is removed already\n"),
        (
            unknown,
            "404: no destination \"other\" is configured; there are none\n",
        ),
    ] {
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.errors.ends_with(expected), "{refused:?}");
    }
    let listed = stage.json(&["deliveries", "list"]).await;
    assert_eq!(receipt_ids(&listed), [&*receipt_id]);
    assert_eq!(listed["deliveries"][0]["state"], "removed");
}
