//! Promise: which job failed and why, and what became of its notifications, is seen over the admin API and by command; and
//! what stands in quarantine is accepted after all where it can be read.

use caigunn_webhook::event::sample::{Ids, notification, to_json};
use caigunn_webhook::event::{Event, Wire};
use reqwest::Response;
use serde_json::{Value, json};

use crate::harness;
use crate::harness::process::{Ended, run};
use crate::harness::{App, Process, client, problem, sample_with, spawn_app, upload_of_failed_files};

const NOBODY: &str = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";

/// The end of a crawl that failed because of a limit.
fn failed(ids: &Ids) -> Value {
    let detail = Some("Character limit exceeded".to_owned());
    to_json(&notification(
        Event::CrawlingFailed { detail },
        ids,
        Wire::V2024_07,
    ))
}

fn step(name: &str, ids: &Ids) -> Value {
    harness::json(&sample_with(name, ids, Wire::V2024_07))
}

async fn accept_after_all(app: &App, id: &str) -> Response {
    let url = format!("http://{}/api/v1/quarantine/{id}/accept", app.admin);
    app.client.post(url).send().await.expect("the admin side answers")
}

/// The ids of the jobs that the query finds, and whether there is a next page.
async fn found(app: &App, query: &str) -> (Vec<String>, Option<String>) {
    let page = app.api(&format!("/jobs{query}")).await;
    let jobs = page["jobs"].as_array().expect("a list");
    let ids = jobs
        .iter()
        .map(|job| job["event_id"].as_str().expect("an id").to_owned());
    (ids.collect(), page["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn what_is_accepted_after_all_is_answered_as_its_post_would_have_been() {
    let app = spawn_app().await;
    let body = json!({"event": "billing", "status": "due", "event_id": "evt_2"}).to_string();
    assert_eq!(app.post_bytes("text/plain", body.clone()).await.status(), 415);
    let page = app.api("/quarantine").await;
    let id = page["quarantine"][0]["id"].as_str().expect("it is there");

    let accepted: Value = accept_after_all(&app, id).await.json().await.unwrap();
    let mut posted: Value = app
        .post_bytes("application/json", body.clone())
        .await
        .json()
        .await
        .unwrap();

    assert_eq!(posted["outcome"].take(), "duplicate");
    posted["outcome"] = json!("accepted");
    assert_eq!(accepted, posted);
    assert_eq!(accepted["event_id"], "evt_2");
}

#[tokio::test]
async fn jobs_are_listed_by_state_with_why_they_failed() {
    let app = spawn_app().await;
    let [running, broken, done] = [(); 3].map(|()| Ids::fresh());
    for ids in [&running, &broken, &done] {
        app.post(&step("crawling.initial", ids)).await;
    }
    app.post(&failed(&broken)).await;
    app.post(&step("crawling.completed", &done)).await;

    let page = app.api("/jobs?state=failed").await;

    let expected = json!({
        "jobs": [{
            "event_id": broken.event_id,
            "state": "failed",
            "event": "crawling",
            "chatbot_id": broken.chatbot_id,
            "began_at": page["jobs"][0]["began_at"],
            "changed_at": page["jobs"][0]["changed_at"],
            "notification_count": 2,
            "reason": "Character limit exceeded",
        }],
        "next_cursor": null,
        "looked_back_to": null,
    });
    assert_eq!(page, expected);
    let [running_id, broken_id, done_id] = [running, broken, done].map(|ids| ids.event_id.to_string());
    let all = [done_id.clone(), broken_id, running_id.clone()];
    assert_eq!(found(&app, "").await.0, all);
    assert_eq!(found(&app, "?state=running").await.0, [running_id]);
    assert_eq!(found(&app, "?state=stalled").await.0, [""; 0]);
    assert_eq!(found(&app, "?event=crawling.completed").await.0, [done_id]);
    assert_eq!(found(&app, "?since=9999-01-01T00:00:00Z").await.0, [""; 0]);
    let (first, next) = found(&app, "?limit=1").await;
    let next = next.expect("a next page");
    let (rest, _) = found(&app, &format!("?limit=2&cursor={next}")).await;
    assert_eq!([first, rest].concat(), all);
}

#[tokio::test]
async fn a_query_of_jobs_that_makes_no_sense_is_refused_with_what_is_allowed() {
    let app = spawn_app().await;
    for (query, expected) in [
        (
            "state=open",
            "state: expected one of running, stalled, completed, failed, unknown, found \"open\"",
        ),
        ("limit=501", "limit: expected 1 to 500, found \"501\""),
        ("chatbot_id=x", "chatbot_id: expected a uuid, found \"x\""),
        ("event=*", "event: expected an event or an event name"),
        ("event=", "event: expected an event or an event name"),
        ("event=%20crawling", "event: expected an event or an event name"),
        ("event=crawling.", "event: expected an event or an event name"),
        (
            "when=now",
            "when: there is no such parameter, expected one of `state`, ",
        ),
        ("since=today", "since: expected a time"),
    ] {
        let response = app.admin(&format!("/api/v1/jobs?{query}")).await;

        assert_eq!(response.status(), 400, "{query}");
        let detail = problem(response).await["detail"].clone();
        assert!(
            detail.as_str().is_some_and(|detail| detail.starts_with(expected)),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_job_tells_what_failed_in_each_notification() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    app.post(&step("uploading.initial", &ids)).await;
    app.post(&step("uploading.completed", &ids)).await;

    let job = app.api(&format!("/jobs/{}", ids.event_id)).await;

    assert_eq!(job["state"], "completed");
    let [begun, done] = job["notifications"].as_array().expect("a list").as_slice() else {
        panic!("{job}")
    };
    assert_eq!(
        (&begun["failed_files"], &begun["detail"]),
        (&Value::Null, &Value::Null)
    );
    let file = json!({"filename": "filename", "detail": "Unsupport file format"});
    assert_eq!(done["failed_files"], json!([file]));
    assert_eq!(done["failed_file_count"], 1);
}

#[tokio::test]
async fn what_was_refused_is_accepted_after_all_and_stays_one_receipt() {
    let app = spawn_app().await;
    let body = step("crawling.completed", &Ids::fresh()).to_string();
    assert_eq!(app.post_bytes("text/plain", body.clone()).await.status(), 415);
    let kept = app.api("/quarantine").await["quarantine"][0].clone();
    let id = kept["id"].as_str().expect("an id");

    let response = accept_after_all(&app, id).await;
    assert_eq!(response.status(), 200);
    let accepted: Value = response.json().await.expect("JSON");
    let again: Value = accept_after_all(&app, id).await.json().await.expect("JSON");

    assert_eq!(accepted["outcome"], "accepted");
    assert_eq!(accepted["event"], "crawling.completed");
    assert_eq!(again["outcome"], "duplicate");
    assert_eq!(again["receipt_id"], accepted["receipt_id"]);
    let receipt_id = accepted["receipt_id"].as_str().expect("an id");
    assert_eq!(app.api(&format!("/receipts/{receipt_id}")).await["body"], body);
    let kept = app.api(&format!("/quarantine/{id}")).await;
    assert_eq!(kept["accepted_as"], receipt_id);
    assert_eq!(app.receipts().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_accepted_says_why_with_the_place() {
    let app = spawn_app().await;
    assert_eq!(app.post_bytes("application/json", "{").await.status(), 400);
    let invalid = json!({"event": "crawling", "status": 7});
    assert_eq!(app.post(&invalid).await.status(), 422);
    let page = app.api("/quarantine").await;
    let id = |index: usize| {
        page["quarantine"][index]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };

    let refused = accept_after_all(&app, &id(0)).await;
    assert_eq!(refused.status(), 409);
    let refused: Value = refused.json().await.expect("JSON");
    assert_eq!(refused["type"], "urn:caigunn-webhook:problem:not-acceptable");
    let pointers = refused["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|error| &error["pointer"]);
    assert!(pointers.clone().any(|pointer| pointer == "/status"), "{refused}");
    let refused = accept_after_all(&app, &id(1)).await;
    assert_eq!(refused.status(), 409);
    assert_eq!(accept_after_all(&app, NOBODY).await.status(), 404);
    assert_eq!(accept_after_all(&app, "x").await.status(), 404);
    assert_eq!(app.receipts().await.len(), 0);
}

/// Runs a command beside a receiver.
async fn command(receiver: &Process, folder: &std::path::Path, arguments: &[&str]) -> Ended {
    let mut command = Process::command(folder);
    command
        .env("CAIGUNN_ADMIN_LISTEN", receiver.admin.to_string())
        .args(arguments);
    run(command).await
}

#[tokio::test]
async fn commands_list_and_show_jobs_and_accept_what_was_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[]).await;
    let client = client();
    let post = async |content_type: &str, body: &Value| {
        let request = client.post(receiver.url("/webhook"));
        let request = request
            .header("content-type", content_type)
            .body(body.to_string());
        request.send().await.expect("an answer")
    };
    let ids = Ids::fresh();
    post("application/json", &step("crawling.initial", &ids)).await;
    assert_eq!(post("text/plain", &failed(&ids)).await.status(), 415);
    let run = async |arguments: &[&str]| command(&receiver, folder.path(), arguments).await;
    let json = async |arguments: &[&str]| -> Value {
        let ended = run(&[arguments, &["--format", "json"]].concat()).await;
        assert_eq!(ended.code, Some(0), "{arguments:?} {ended:?}");
        serde_json::from_str(&ended.output).expect("JSON")
    };

    let kept = json(&["quarantine", "list"]).await["quarantine"][0].clone();
    assert_eq!(kept["reason"], "unsupported-media-type");
    let id = kept["id"].as_str().expect("an id");
    let shown = run(&["quarantine", "show", id]).await;
    assert!(shown.output.contains("Character limit exceeded"), "{shown:?}");
    let accepted = run(&["quarantine", "accept", id, NOBODY]).await;
    assert_eq!(accepted.code, Some(1), "{accepted:?}");
    // Of one with several faults each is told.
    assert_eq!(post("application/json", &json!({})).await.status(), 422);
    let kept = json(&["quarantine", "list"]).await["quarantine"][0].clone();
    let faulty = kept["id"].as_str().expect("an id");
    for command in ["show", "accept"] {
        let said = run(&["quarantine", command, faulty]).await;
        assert!(said.output.contains(" more); /status: expected "), "{said:?}");
    }
    assert!(
        accepted.errors.contains("1 of 2 requests could not be accepted"),
        "{accepted:?}"
    );
    assert!(accepted.output.contains("  accepted  "), "{accepted:?}");

    let listed = json(&["jobs", "list", "--state", "failed", "--since", "1d"]).await;
    assert_eq!(listed["jobs"][0]["event_id"], json!(ids.event_id));
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(1));
    let none = json(&["jobs", "list", "--state", "running"]).await;
    assert_eq!(none, json!({"jobs": []}));
    let table = run(&["jobs", "list"]).await.output;
    assert!(table.starts_with("CHANGED "), "{table}");
    assert!(table.contains("Character limit exceeded"), "{table}");
    let event_id = ids.event_id.to_string();
    let shown = run(&["jobs", "show", &event_id]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let reason = "reason    Character limit exceeded\n";
    for expected in ["failed", "crawling.initial", reason, "AFTER"] {
        assert!(shown.output.contains(expected), "{shown:?}");
    }
    let missing = run(&["jobs", "show", NOBODY]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
}

#[tokio::test]
async fn of_an_upload_list_and_show_say_the_same_and_how_many_files_are_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[]).await;
    let ids = Ids::fresh();
    let uploaded = upload_of_failed_files(150, &ids);
    let posted = client()
        .post(receiver.url("/webhook"))
        .json(&to_json(&uploaded))
        .send()
        .await;
    assert_eq!(posted.expect("an answer").status(), 200);
    let event_id = ids.event_id.to_string();
    let run = async |arguments: &[&str]| command(&receiver, folder.path(), arguments).await.output;

    let listed = run(&["jobs", "list"]).await;
    let shown = run(&["jobs", "show", &event_id]).await;
    let receipts = receiver.receipts(&client()).await;

    let why = "150 of the files failed: file-0: no reason given";
    assert!(listed.contains(why), "{listed}");
    assert!(shown.contains(&format!("reason    {why}\n")), "{shown}");
    let id = receipts[0]["id"].as_str().expect("an id");
    let left = format!("(the first 100 of 150 files; receipts show {id} has all)\n");
    assert!(shown.contains(&left), "{shown}");
    assert!(
        shown.contains("file-99 ") && !shown.contains("file-100"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_job_that_was_done_after_all_has_no_reason_any_more() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    app.post(&failed(&ids)).await;
    let path = format!("/jobs/{}", ids.event_id);
    assert_eq!(app.api(&path).await["reason"], "Character limit exceeded");

    app.post(&step("crawling.completed", &ids)).await;

    let job = app.api(&path).await;
    assert_eq!(
        (&job["state"], &job["reason"]),
        (&json!("completed"), &Value::Null)
    );
    assert_eq!(app.api("/jobs").await["jobs"][0]["reason"], Value::Null);
}
