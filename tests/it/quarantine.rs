//! Promise: an authentic request that is refused for what it says is kept, with the reason, and what is kept has
//! bounds.

use reqwest::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::posters::text;
use crate::harness::raw::{self, Raw};
use crate::harness::{App, header, json, problem, sample, spawn_app, spawn_app_with, wait_for};

/// The quarantine, newest first, each with its body and without what differs from run to run.
async fn quarantine(app: &App) -> Vec<Value> {
    let page = app.api("/quarantine").await;
    let mut entries = Vec::new();
    for listed in page["quarantine"].as_array().expect("a list") {
        let id = listed["id"].as_str().expect("a text");
        assert_eq!(Uuid::try_parse(id).expect("a UUID").get_version_num(), 7);
        let mut entry = app.api(&format!("/quarantine/{id}")).await;
        let members = entry.as_object_mut().expect("an object");
        let bodies = [members.remove("body"), members.remove("body_base64")];
        assert_eq!(
            Value::Object(members.clone()),
            *listed,
            "the list has all but the body"
        );
        let [body, body_base64] = bodies;
        members.extend(body.map(|body| ("body".to_owned(), body)));
        members.extend(body_base64.map(|body| ("body_base64".to_owned(), body)));
        members.remove("id");
        let received_at = members.remove("received_at").expect("a time");
        assert!(
            received_at.as_str().is_some_and(|time| time.ends_with('Z')),
            "{received_at}"
        );
        entries.push(entry);
    }
    entries
}

async fn totals(app: &App) -> Value {
    app.api("/quarantine").await["totals"].clone()
}

/// The bodies in quarantine, newest first.
async fn bodies(app: &App) -> Vec<String> {
    let entries = quarantine(app).await;
    let body = |entry: &Value| entry["body"].as_str().expect("a text").to_owned();
    entries.iter().map(body).collect()
}

/// Refuses a body that is not JSON.
async fn refuse(app: &App, body: &str) {
    let response = app.post_bytes("application/json", body.to_owned()).await;
    assert_eq!(response.status(), 400);
}

/// Checks that the answer has that status and that the only entry is `expected`, which lacks what the answer tells.
async fn check(app: &App, response: Response, status: u16, mut expected: Value) {
    assert_eq!(response.status(), status);
    let problem = problem(response).await;
    expected["request_id"] = problem["instance"].clone();
    let mut detail = text(&problem, "detail");
    // Each fault after the first, which the detail of the answer names.
    for fault in problem["errors"].as_array().into_iter().flatten().skip(1) {
        detail += &format!("; {}: {}", text(fault, "pointer"), text(fault, "detail"));
    }
    expected["detail"] = detail.into();
    if let Some(body) = expected["body"].as_str() {
        expected["body_bytes"] = body.len().into();
    }
    assert_eq!(quarantine(app).await, [expected]);
}

#[tokio::test]
async fn what_is_not_json_is_kept() {
    let app = spawn_app().await;

    let response = app
        .post_bytes("application/json; charset=utf-8", "{\"event\": ")
        .await;

    let expected = json!({"reason": "not-json", "content_type": "application/json; charset=utf-8",
                          "truncated": false, "body": "{\"event\": "});
    check(&app, response, 400, expected).await;
}

#[tokio::test]
async fn what_is_not_text_is_kept_in_base64() {
    let app = spawn_app().await;

    let response = app.post_bytes("application/json", &b"\xff\xfe{"[..]).await;

    let expected = json!({"reason": "not-json", "content_type": "application/json",
                          "truncated": false, "body_bytes": 3, "body_base64": "//57"});
    check(&app, response, 400, expected).await;
}

#[tokio::test]
async fn what_does_not_call_itself_json_is_kept() {
    let app = spawn_app().await;
    let body = json(&sample("crawling.completed")).to_string();

    let response = app
        .post_bytes("application/x-www-form-urlencoded", body.clone())
        .await;

    let expected = json!({"reason": "unsupported-media-type", "content_type": "application/x-www-form-urlencoded",
                          "truncated": false, "body": body});
    check(&app, response, 415, expected).await;
}

#[tokio::test]
async fn what_has_no_content_type_is_kept() {
    let app = spawn_app().await;

    let request = app.client.post(app.url("/webhook")).body("{}");
    let response = request.send().await.unwrap();

    let expected = json!({"reason": "unsupported-media-type", "content_type": null,
                          "truncated": false, "body": "{}"});
    check(&app, response, 415, expected).await;
}

#[tokio::test]
async fn what_is_no_notification_is_kept() {
    let app = spawn_app().await;
    let body = "{\"event\":\"crawling\", \"status\":\"initial\"}\n";

    let response = app.post_bytes("application/json", body).await;

    let expected = json!({"reason": "not-a-notification", "content_type": "application/json",
                          "truncated": false, "body": body});
    check(&app, response, 422, expected).await;
}

#[tokio::test]
async fn of_a_body_that_is_announced_as_too_large_the_start_is_kept() {
    let app = spawn_app_with(&[("server.body_limit_bytes", "1024")]).await;

    let response = app.post_bytes("application/json", "x".repeat(1025)).await;

    let expected = json!({"reason": "body-too-large", "content_type": "application/json",
                          "truncated": false, "body": "x".repeat(1025)});
    check(&app, response, 413, expected).await;

    let body: String = (0..(1 << 20) / 16).map(|line| format!("{line:15}\n")).collect();
    let mut connection = Raw::connect(app.public).await;
    connection.send(raw::post(&body)).await;
    let response = connection.read_response().await;

    assert_eq!(response.status(), 413);
    let entries = quarantine(&app).await;
    assert_eq!(entries[0]["body"], body[..65536]);
    assert_eq!(entries[0]["truncated"], true);
}

#[tokio::test]
async fn of_a_body_too_large_that_was_not_sent_it_is_said_that_nothing_is_kept() {
    let app = spawn_app().await;
    let mut connection = Raw::connect(app.public).await;

    let head = "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
                Content-Length: 9437184\r\nExpect: 100-continue\r\n\r\n";
    connection.send(head).await;
    assert_eq!(connection.read_response().await.status(), 413);

    let entries = app.api("/quarantine").await;
    let id = entries["quarantine"][0]["id"].as_str().unwrap();
    let url = format!("http://{}/api/v1/quarantine/{id}/accept", app.admin);
    let refused = problem(app.client.post(url).send().await.unwrap()).await;
    let detail = "nothing of its body is kept, so it cannot be read";
    assert_eq!(refused["detail"], detail);
    let page = app
        .admin(&format!("/quarantine/{id}"))
        .await
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("none of it") && page.contains("since nothing of it was kept"),
        "{page}"
    );
}

#[tokio::test]
async fn of_a_body_that_turns_out_to_be_too_large_the_start_is_kept() {
    let app = spawn_app().await;
    let body: String = (0..(9 << 20) / 16).map(|line| format!("{line:15}\n")).collect();
    let mut connection = Raw::connect(app.public).await;

    connection.send(raw::post_chunked(&body)).await;
    let response = connection.read_response().await;

    let expected = json!({"reason": "body-too-large", "content_type": "application/json",
                          "truncated": true, "body": body[..65536]});
    check(&app, response, 413, expected).await;
}

#[tokio::test]
async fn the_start_is_kept_also_where_the_first_piece_that_is_read_is_too_large() {
    let app = spawn_app_with(&[("server.body_limit_bytes", "1024")]).await;
    let body: String = (0..125).map(|line| format!("{line:15}\n")).collect();
    let mut connection = Raw::connect(app.public).await;

    connection.send(raw::post_chunked(&body)).await;
    let response = connection.read_response().await;

    assert_eq!(response.status(), 413);
    let entries = quarantine(&app).await;
    let kept = entries[0]["body"].as_str().unwrap();
    assert!(kept.len() > 1024 && body.starts_with(kept), "{kept:?}");
    assert_eq!(entries[0]["truncated"], true);
}

#[tokio::test]
async fn what_is_not_authentic_or_not_for_the_webhook_is_not_kept() {
    let token = "first-token-0123456789abcdef";
    let app = spawn_app_with(&[("webhook.token", token)]).await;

    let answers = [
        app.post_bytes("application/json", "x").await,
        app.post_to("/webhook/wrong", &json!({})).await,
        app.post_to("/elsewhere", &json!({})).await,
        app.get(&format!("/webhook/{token}")).await,
        app.post_to(&format!("/webhook/{token}"), &json(&sample("crawling.initial")))
            .await,
    ];

    let statuses = answers.map(|response| response.status().as_u16());
    assert_eq!(statuses, [401, 401, 404, 405, 200]);
    assert_eq!(quarantine(&app).await, [] as [Value; 0]);
    assert_eq!(
        totals(&app).await,
        json!({"bytes": 0, "quarantined_count": 0, "evicted_count": 0})
    );
}

#[tokio::test]
async fn beyond_so_many_requests_the_oldest_go_and_are_counted_also_across_a_restart() {
    let bound = [("inbox.quarantine_max_count", "3")];
    let app = spawn_app_with(&bound).await;

    for body in ["1 1", "2 2", "3 3", "4 4"] {
        refuse(&app, body).await;
    }
    assert_eq!(bodies(&app).await, ["4 4", "3 3", "2 2"]);
    assert_eq!(
        totals(&app).await,
        json!({"bytes": 9, "quarantined_count": 4, "evicted_count": 1})
    );

    let app = app.stop().await.start(&bound).await;
    refuse(&app, "5 5 5").await;
    assert_eq!(bodies(&app).await, ["5 5 5", "4 4", "3 3"]);
    assert_eq!(
        totals(&app).await,
        json!({"bytes": 11, "quarantined_count": 5, "evicted_count": 2})
    );
}

#[tokio::test]
async fn beyond_so_many_bytes_the_oldest_go_as_many_as_it_takes() {
    let bounds = [
        ("server.body_limit_bytes", "1024"),
        ("inbox.quarantine_max_bytes", "2048"),
    ];
    let app = spawn_app_with(&bounds).await;
    let body = |letter: &str, bytes: usize| letter.repeat(bytes);

    for (letter, bytes) in [("a", 400), ("b", 600), ("c", 1000)] {
        refuse(&app, &body(letter, bytes)).await;
    }
    assert_eq!(
        totals(&app).await,
        json!({"bytes": 2000, "quarantined_count": 3, "evicted_count": 0})
    );

    refuse(&app, &body("d", 1024)).await;
    assert_eq!(bodies(&app).await, [body("d", 1024), body("c", 1000)]);
    assert_eq!(
        totals(&app).await,
        json!({"bytes": 2024, "quarantined_count": 4, "evicted_count": 2})
    );

    refuse(&app, &body("e", 24)).await;
    assert_eq!(
        bodies(&app).await,
        [body("e", 24), body("d", 1024), body("c", 1000)]
    );
}

#[tokio::test]
async fn it_is_read_page_by_page_newest_first() {
    let app = spawn_app().await;
    for number in 1..=25 {
        refuse(&app, &"x".repeat(number)).await;
    }
    let page = async |query: &str| {
        let page = app.api(&format!("/quarantine{query}")).await;
        let entries = page["quarantine"].as_array().unwrap();
        // A request is known by its size.
        let sizes: Vec<_> = entries
            .iter()
            .map(|entry| entry["body_bytes"].as_u64().unwrap())
            .collect();
        (sizes, page["next_cursor"].clone())
    };
    let numbers = |from: u64, to: u64| (to..=from).rev().collect::<Vec<_>>();

    let (first, cursor) = page("?limit=20").await;
    assert_eq!(first, numbers(25, 6));
    let (second, end) = page(&format!("?limit=20&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!(second, numbers(5, 1));
    assert_eq!(end, Value::Null);

    let (two, cursor) = page("?limit=2").await;
    assert_eq!(two, numbers(25, 24));
    // What arrives meanwhile does not move the pages.
    refuse(&app, &"x".repeat(26)).await;
    let (next_two, _) = page(&format!("?limit=2&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!(next_two, numbers(23, 22));
}

#[tokio::test]
async fn a_page_is_small_however_large_the_bodies_and_a_body_at_most_twice_as_long_as_it_is() {
    let app = spawn_app().await;
    let bytes = 1 << 20;
    // In a JSON string each of these would have six bytes.
    for _ in 0..8 {
        refuse(&app, &"\u{1}".repeat(bytes)).await;
    }
    refuse(&app, &"\"".repeat(bytes)).await;

    let page = app.admin("/api/v1/quarantine").await.text().await.unwrap();
    assert!(page.len() < 8 << 10, "{} bytes", page.len());

    let page: Value = serde_json::from_str(&page).unwrap();
    let entries = page["quarantine"].as_array().unwrap();
    assert_eq!(entries.len(), 9);
    for (entry, kind) in [(&entries[0], "body"), (&entries[1], "body_base64")] {
        let path = format!("/api/v1/quarantine/{}", entry["id"].as_str().unwrap());
        let whole = app.admin(&path).await.text().await.unwrap();
        assert!(whole.len() < 2 * bytes + 1024, "{kind} in {} bytes", whole.len());
        let whole: Value = serde_json::from_str(&whole).unwrap();
        assert!(whole[kind].is_string());
    }
}

#[tokio::test]
async fn of_a_long_header_the_start_is_kept() {
    let app = spawn_app().await;
    let content_type = format!("text/{}", "x".repeat(10_000));

    let response = app.post_bytes(&content_type, "{}").await;

    assert_eq!(response.status(), 415);
    let entries = quarantine(&app).await;
    assert_eq!(entries[0]["content_type"], content_type[..1024]);
    assert_eq!(entries[0]["detail"].as_str().map(str::len), Some(1024));
}

#[tokio::test]
async fn a_page_has_1_to_500_requests() {
    let app = spawn_app().await;

    for limit in ["0", "501", "18446744073709551615"] {
        let response = app.admin(&format!("/api/v1/quarantine?limit={limit}")).await;

        assert_eq!(response.status(), 400);
        assert!(header(&response, "x-request-id").is_some());
        let problem = problem(response).await;
        assert_eq!(problem["type"], "urn:caigunn-webhook:problem:invalid-query");
        assert_eq!(
            problem["detail"],
            format!("limit: expected 1 to 500, found {limit:?}")
        );
    }
}

#[tokio::test]
async fn the_page_tells_of_what_was_refused_until_it_is_accepted() {
    let app = spawn_app().await;
    let body = json(&sample("crawling.completed")).to_string();
    let says = async |words: &str| {
        wait_for(&format!("the page to say {words}"), || async {
            let line = app.admin("/health").await.text().await.unwrap();
            if line.contains(words) { Ok(()) } else { Err(line) }
        })
        .await;
    };
    says("Well: ").await;

    assert_eq!(app.post_bytes("text/plain", body).await.status(), 415);

    says(
        "Not well: 1 post of the last day was refused and is in quarantine (unsupported-media-type); see by",
    )
    .await;
    let overview = app.admin("/").await.text().await.unwrap();
    assert!(
        overview.contains(r#"<a href="/quarantine">Look</a>"#),
        "{overview}"
    );
    let id = app.api("/quarantine").await["quarantine"][0]["id"].clone();
    let accept = format!(
        "http://{}/api/v1/quarantine/{}/accept",
        app.admin,
        id.as_str().unwrap()
    );
    assert_eq!(app.client.post(accept).send().await.unwrap().status(), 200);
    says("Well: ").await;
}
