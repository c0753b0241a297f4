//! The admin API of the way out.

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use reqwest::Method;
use serde_json::{Value, json};

use super::Stage;
use crate::harness::application::{Application, Reply};
use crate::harness::posters::text;
use crate::harness::{client, json as body_of, problem, sample_with};

const NOBODY: &str = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";

/// The type and the detail of the problem that a request is answered with.
async fn refused(
    stage: &Stage,
    method: Method,
    path: &str,
    body: Option<Value>,
    status: u16,
) -> (String, String) {
    let mut request = client().request(method, stage.receiver.api(path));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.expect("the API answers");
    assert_eq!(response.status(), status, "{path}");
    let problem = problem(response).await;
    let kind = problem["type"].as_str().expect("a text");
    let kind = kind.strip_prefix("urn:caigunn-webhook:problem:").expect("ours");
    let detail = problem["detail"].as_str().expect("a text");
    (kind.to_owned(), detail.to_owned())
}

#[tokio::test]
async fn what_is_new_is_read_on_from_a_number_also_where_nothing_of_it_is_wanted() {
    let stage = Stage::new().await;
    let empty = stage.api("/receipts?after=newest").await;
    let expected = json!({"receipts": [], "next_after": 0, "newest_sequence": 0});
    assert_eq!(empty, expected);
    for name in ["crawling.initial", "uploading.initial", "uploading.initial"] {
        stage.post(name).await;
    }
    let all = stage.api("/receipts").await["receipts"].clone();

    let first = stage.api("/receipts?after=0&limit=2").await;
    let rest = stage.api("/receipts?after=2&limit=2").await;
    let none = stage.api("/receipts?after=3").await;
    let filtered = stage.api("/receipts?after=1&event=crawling").await;
    let newest = stage.api("/receipts?after=newest").await;
    let of_another_inbox = stage.api("/receipts?after=7").await;

    let answer = |receipts: Value, next_after: u64| json!({"receipts": receipts, "next_after": next_after, "newest_sequence": 3});
    assert_eq!(first, answer(json!([all[2], all[1]]), 2));
    assert_eq!(rest, answer(json!([all[0]]), 3));
    assert_eq!(none, answer(json!([]), 3));
    assert_eq!(filtered, answer(json!([]), 3));
    assert_eq!(newest, answer(json!([]), 3));
    assert_eq!(of_another_inbox, answer(json!([]), 7));
}

#[tokio::test]
async fn a_wrong_query_or_name_is_answered_with_what_is_allowed() {
    let stage = Stage::new().await;
    let queries = [
        (
            "/receipts?after=x",
            "after: expected the sequence of a receipt, 0 or newest, found \"x\"",
        ),
        ("/receipts?after=1&cursor=1", "cursor: expected none beside after"),
        (
            "/receipts?since=yesterday",
            "since: expected a time such as 2024-07-30T09:15:00Z, found \"yesterday\"",
        ),
        (
            "/deliveries?state=lost",
            "state: expected one of pending, delivered, dead, cancelled, removed, found \"lost\"",
        ),
        (
            "/deliveries?destination=x",
            "destination: no destination \"x\" is configured; there are: app",
        ),
        ("/deliveries?limit=0", "limit: expected 1 to 500, found \"0\""),
        ("/deliveries?event_id=7", "event_id: expected a uuid, found \"7\""),
        ("/replays?limit=501", "limit: expected 1 to 500, found \"501\""),
    ];
    for (path, detail) in queries {
        let found = refused(&stage, Method::GET, path, None, 400).await;
        assert_eq!(found, ("invalid-query".to_owned(), detail.to_owned()));
    }
    for (method, path) in [
        (Method::GET, "/deliveries?colour=red".to_owned()),
        (Method::GET, "/replays?colour=red".to_owned()),
        (Method::POST, "/destinations/app/pause?colour=red".to_owned()),
        (Method::POST, "/destinations/app/resume?colour=red".to_owned()),
        (Method::POST, format!("/deliveries/app/{NOBODY}/retry?colour=red")),
        (
            Method::POST,
            format!("/deliveries/app/{NOBODY}/cancel?colour=red"),
        ),
    ] {
        let (kind, detail) = refused(&stage, method, &path, None, 400).await;
        assert_eq!(kind, "invalid-query", "{path}");
        assert!(
            detail.starts_with("colour: there is no such parameter, expected "),
            "{path} {detail}"
        );
    }
    let no_delivery = format!("there is no delivery app/{NOBODY}");
    let no_destination = "no destination \"x\" is configured; there are: app";
    for (method, path, detail) in [
        (Method::GET, format!("/deliveries/app/{NOBODY}"), &*no_delivery),
        (
            Method::POST,
            format!("/deliveries/app/{NOBODY}/retry"),
            &*no_delivery,
        ),
        (
            Method::POST,
            format!("/deliveries/app/{NOBODY}/cancel"),
            &*no_delivery,
        ),
        (
            Method::GET,
            "/deliveries/app/7".to_owned(),
            "there is no delivery app/7",
        ),
        (Method::GET, format!("/deliveries/x/{NOBODY}"), no_destination),
        (Method::POST, "/destinations/x/pause".to_owned(), no_destination),
        (Method::POST, "/destinations/x/resume".to_owned(), no_destination),
        (Method::GET, "/replays/7".to_owned(), "there is no replay 7"),
    ] {
        let found = refused(&stage, method, &path, None, 404).await;
        assert_eq!(found, ("not-found".to_owned(), detail.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_replay_is_refused_with_every_fault() {
    let stage = Stage::new().await;
    let body = json!({"event_id": "x", "colour": "red"});
    let response = client()
        .post(stage.receiver.api("/replays"))
        .json(&body)
        .send()
        .await
        .expect("the API answers");

    assert_eq!(response.status(), 422);
    let problem = problem(response).await;
    assert_eq!(problem["type"], "urn:caigunn-webhook:problem:invalid-replay");
    let expected = json!([
        {"pointer": "/event_id", "detail": "expected a uuid, found \"x\""},
        {
            "pointer": "",
            "detail": "expected no member but receipt_ids, destination, event, event_id, chatbot_id, since, until, dead, \
                       dry_run and max_per_second, found \"colour\"",
        },
    ]);
    assert_eq!(problem["errors"], expected);
    let post = async |content_type: &str, body: String| {
        let request = client().post(stage.receiver.api("/replays"));
        let request = request.header("content-type", content_type).body(body);
        request.send().await.expect("the API answers").status().as_u16()
    };
    assert_eq!(post("application/json", "{".to_owned()).await, 400);
    assert_eq!(post("text/plain", "{}".to_owned()).await, 415);
    assert_eq!(post("application/json", " ".repeat(200 << 10)).await, 413);
    assert_eq!(stage.api("/replays").await, json!({"replays": []}));
}

#[tokio::test]
async fn an_instruction_that_cannot_be_done_is_answered_with_409_and_one_that_is_with_what_it_made() {
    let stage = Stage::answering("0,600", |_| Reply::Status(500)).await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "pending", 1).await;
    let path = format!("/deliveries/app/{receipt_id}/cancel");

    let response = client().post(stage.receiver.api(&path)).send().await;
    let response = response.expect("the API answers");
    let status = response.status();
    let answer: Value = response.json().await.expect("JSON");
    let again = refused(&stage, Method::POST, &path, None, 409).await;

    assert_eq!(status, 200);
    assert_eq!(answer["instruction"]["state"], "done");
    assert_eq!(answer["instruction"]["instruction"]["kind"], "cancel");
    let mut shown = stage.api(&format!("/deliveries/app/{receipt_id}")).await;
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(1));
    shown.as_object_mut().expect("an object").remove("attempts");
    assert_eq!(answer["delivery"], shown);
    assert_eq!(shown["state"], "cancelled");
    let expected = (
        "instruction-failed".to_owned(),
        "it is not pending there".to_owned(),
    );
    assert_eq!(again, expected);
}

#[tokio::test]
async fn a_page_of_another_site_may_do_nothing() {
    let stage = Stage::new().await;
    let receipt_id = stage.post("crawling.initial").await;
    stage.wait_for_delivery(&receipt_id, "delivered", 1).await;
    for path in [
        "/destinations/app/pause".to_owned(),
        "/destinations/app/resume".to_owned(),
        format!("/deliveries/app/{receipt_id}/retry"),
        format!("/deliveries/app/{receipt_id}/cancel"),
        "/replays".to_owned(),
    ] {
        let request = client().post(stage.receiver.api(&path)).json(&json!({}));
        let response = request.header("origin", "https://evil.example").send().await;

        let response = response.expect("the API answers");
        assert_eq!(response.status(), 403, "{path}");
        let problem = problem(response).await;
        assert_eq!(problem["detail"], "a page of another site may not do this");
    }
    let shown = stage.api("/destinations").await;
    assert_eq!(shown["destinations"][0]["state"], "active");
    assert_eq!(stage.api("/replays").await, json!({"replays": []}));
}

#[tokio::test]
async fn a_page_has_as_many_deliveries_as_were_asked_for_and_all_of_the_receipt_of_the_last() {
    let application = Application::start().await;
    let names = ["one", "two", "three"];
    let destination = |name| {
        format!(
            r#"{{"name":"{name}","kind":"http","url":"{}"}}"#,
            application.url()
        )
    };
    let destinations = format!("[{}]", names.map(destination).join(","));
    let stage = Stage::with(application, &destinations, "0,600").await;
    for name in names {
        let url = stage.receiver.api(&format!("/destinations/{name}/pause"));
        assert_eq!(client().post(url).send().await.unwrap().status(), 200);
    }
    let ids = Ids::fresh();
    for name in [
        "crawling.initial",
        "uploading.initial",
        "training.initial",
        "crawling.completed",
    ] {
        let body = body_of(&sample_with(name, &ids, Wire::V2024_07));
        let posted = client()
            .post(stage.receiver.url("/webhook"))
            .json(&body)
            .send()
            .await;
        assert_eq!(posted.unwrap().status(), 200);
    }

    for query in [
        String::new(),
        "&state=pending".to_owned(),
        format!("&event_id={}", ids.event_id),
    ] {
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = stage.api(&format!("/deliveries?limit=2{query}{cursor}")).await;
            let found = page["deliveries"].as_array().unwrap().clone();
            assert!(found.len() <= 3, "{query}: {page}");
            assert!(
                found
                    .iter()
                    .all(|one| one["receipt_id"] == found[0]["receipt_id"]),
                "{query}: {page}"
            );
            listed.extend(found.iter().map(|one| text(one, "id")));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let count = listed.len();
        listed.sort();
        listed.dedup();
        assert_eq!((count, listed.len()), (12, 12), "{query}: {listed:?}");
    }
}

#[tokio::test]
async fn a_pause_takes_its_reason_by_the_query_alone_and_as_long_as_its_characters_are_500() {
    let stage = Stage::new().await;
    let reason = json!({"reason": "a new version comes"});

    let refused_body = refused(&stage, Method::POST, "/destinations/app/pause", Some(reason), 400).await;
    let shown = stage.api("/destinations").await;
    let path = |count: usize| format!("/destinations/app/pause?reason={}", "%D0%B6".repeat(count));
    let (_, too_long) = refused(&stage, Method::POST, &path(501), None, 400).await;
    let longest = client()
        .post(stage.receiver.api(&path(500)))
        .send()
        .await
        .unwrap();

    let detail = "say why in the query, as ?reason=, and send no body";
    assert_eq!(refused_body, ("invalid-query".to_owned(), detail.to_owned()));
    assert_eq!(shown["destinations"][0]["state"], "active");
    assert!(
        too_long.starts_with("reason: expected 1 to 500 characters"),
        "{too_long}"
    );
    // Not all of it is said back.
    assert!(
        too_long.chars().count() < 200 && too_long.ends_with("ж…\""),
        "{too_long}"
    );
    assert_eq!(longest.status(), 200);
    let shown = stage.api("/destinations").await;
    assert_eq!(shown["destinations"][0]["pause"]["reason"], "ж".repeat(500));
}
