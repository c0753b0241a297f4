//! Promise: every request to the public address gets the answer that the contract names, and one that is refused
//! gets a problem document that says why.

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::{self, Ids};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::raw::{self, Raw};
use crate::harness::{App, EVENT_NAMES, header, json, problem, sample, spawn_app, spawn_app_with};

const TOKENS: &str = "first-token-0123456789abcdef,second-token-0123456789abcdef";

/// A valid notification as text.
fn notification() -> String {
    json(&sample("crawling.initial")).to_string()
}

/// A valid notification of exactly that many bytes.
fn notification_of(bytes: usize) -> String {
    let text = notification();
    let spaces = " ".repeat(bytes - text.len());
    text + &*spaces
}

async fn post_as(app: &App, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let mut request = app.client.post(app.url(path)).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("the receiver answers")
}

/// Sends the bytes as they are, all of them before it reads.
async fn send(app: &App, bytes: impl AsRef<[u8]>) -> Response {
    let mut connection = Raw::connect(app.public).await;
    connection.send(bytes).await;
    connection.read_response().await
}

/// The problem of an answer that must have that status.
async fn refused(response: Response, status: u16) -> Value {
    assert_eq!(response.status(), status);
    problem(response).await
}

#[tokio::test]
async fn an_accepted_notification_is_answered_with_its_receipt() {
    let app = spawn_app().await;
    let notification = sample("crawling.completed");
    let event_id = notification.event_id.unwrap();

    let response = app.post(&json(&notification)).await;

    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert!(Uuid::try_parse(header(&response, "x-request-id").unwrap()).is_ok());
    let text = response.text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    let receipt_id = answer["receipt_id"].as_str().unwrap();
    assert_eq!(
        text,
        format!(
            r#"{{"outcome":"accepted","receipt_id":"{receipt_id}","event":"crawling.completed","event_id":"{event_id}"}}"#
        )
    );
    assert_eq!(Uuid::try_parse(receipt_id).unwrap().get_version_num(), 7);
}

#[tokio::test]
async fn every_sample_of_both_generations_is_accepted_and_then_a_duplicate_of_its_receipt() {
    let app = spawn_app().await;
    let mut names = Vec::new();

    for wire in [Wire::V2024_01, Wire::V2024_07] {
        for notification in sample::notifications(&Ids::fresh(), wire) {
            let body = json(&notification);
            let first: Value = app.post(&body).await.json().await.unwrap();
            let second: Value = app.post(&body).await.json().await.unwrap();

            let receipt_id = &first["receipt_id"];
            let (event, event_id) = (notification.name(), notification.event_id);
            let expected = |outcome: &str| json!({"outcome": outcome, "receipt_id": receipt_id, "event": event, "event_id": event_id});
            assert_eq!(first, expected("accepted"), "{body}");
            assert_eq!(second, expected("duplicate"), "{body}");
            names.push(event.to_string());
        }
    }

    assert_eq!(names, [EVENT_NAMES, EVENT_NAMES].concat());
}

#[tokio::test]
async fn an_older_training_is_answered_with_null_for_the_event_id_it_has_not() {
    let app = spawn_app().await;
    let chatbot_id = Uuid::now_v7();

    let response = app
        .post(&json!({"event": "training", "status": "initial", "chatbot_id": chatbot_id}))
        .await;

    let answer: Value = response.json().await.unwrap();
    let receipt_id = &answer["receipt_id"];
    let expected = json!({"outcome": "accepted", "receipt_id": receipt_id, "event": "training.initial", "event_id": null});
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn an_event_that_nobody_documented_is_accepted_under_its_own_name() {
    let app = spawn_app().await;
    let event_id = Uuid::now_v7();

    let response = app
        .post(&json!({"event": "billing", "status": "over limit", "event_id": event_id, "data": [1, {"x": null}]}))
        .await;

    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["outcome"], "accepted");
    assert_eq!(answer["event"], "billing.over limit");
    assert_eq!(answer["event_id"], json!(event_id));
}

#[tokio::test]
async fn what_is_not_json_is_answered_with_400() {
    let app = spawn_app().await;
    let bodies: [&[u8]; 7] = [
        b"x",
        b"",
        b"  \r\n",
        b"{\"event\":\"\xff\xfe\"}",
        b"{\"event\":\"crawling\",",
        b"{\"event\":\"crawling\"} {}",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
    ];

    for body in bodies {
        let response = app.post_bytes("application/json", body).await;

        let problem = refused(response, 400).await;
        assert_eq!(problem["type"], "urn:caigunn-webhook:problem:not-json");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("the body is not JSON: "), "{detail}");
    }
    assert_eq!(app.receipts().await, [] as [Value; 0]);
}

#[tokio::test]
async fn with_a_token_set_a_request_without_the_right_one_is_answered_with_401() {
    let app = spawn_app_with(&[("webhook.token", TOKENS)]).await;
    let paths = [
        "/webhook",
        "/webhook?token=first-token-0123456789abcdef",
        "/webhook/wrong-token-0123456789abcdef",
        "/webhook/first-token-0123456789abcde",
        "/webhook/first-token-0123456789abcdef0",
        "/webhook/FIRST-TOKEN-0123456789ABCDEF",
        "/webhook/first-token-0123456789abcdef,second-token-0123456789abcdef",
        "/webhook/,",
    ];

    for path in paths {
        let response = post_as(
            &app,
            path,
            &[("content-type", "application/json")],
            &notification(),
        )
        .await;

        assert_eq!(header(&response, "www-authenticate"), Some("Url-Token"), "{path}");
        let problem = refused(response, 401).await;
        assert_eq!(problem["type"], "urn:caigunn-webhook:problem:unauthorized");
        assert!(!problem.to_string().contains("0123456789abcde"), "{problem}");
    }
    assert_eq!(app.receipts().await, [] as [Value; 0]);
}

#[tokio::test]
async fn any_of_several_tokens_lets_a_notification_in() {
    let app = spawn_app_with(&[("webhook.token", TOKENS)]).await;

    for token in TOKENS.split(',') {
        let response = app
            .post_to(&format!("/webhook/{token}"), &json(&sample("crawling.initial")))
            .await;

        assert_eq!(response.status(), 200, "{token}");
    }
}

#[tokio::test]
async fn without_a_token_set_anyone_may_post_whatever_token_the_path_has() {
    let app = spawn_app().await;

    let response = app
        .post_to(
            "/webhook/left-over-from-before",
            &json(&sample("crawling.initial")),
        )
        .await;

    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_wrong_token_is_told_before_anything_about_the_body() {
    let app = spawn_app_with(&[("webhook.token", TOKENS)]).await;
    let heads = [
        "Content-Type: application/json\r\nContent-Length: 9437184",
        "Content-Type: text/plain\r\nContent-Length: 100",
        "Content-Length: 0",
        "Content-Type: application/json\r\nTransfer-Encoding: chunked",
    ];

    for head in heads {
        // No byte of the body is sent, so the answer cannot have waited for it.
        let mut connection = Raw::connect(app.public).await;
        connection
            .send(format!(
                "POST /webhook/wrong HTTP/1.1\r\nHost: receiver\r\n{head}\r\n\r\n"
            ))
            .await;

        let answer = connection.read_head().await;
        assert!(
            answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"),
            "{head}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_with_413_which_the_sender_sees_after_sending_all_of_it() {
    let app = spawn_app().await;
    let body = " ".repeat(9 << 20);

    for (request, found) in [
        (raw::post(&body), "9437184 bytes, more"),
        (raw::post_chunked(&body), "more bytes"),
    ] {
        let response = send(&app, request).await;

        let problem = refused(response, 413).await;
        assert_eq!(problem["type"], "urn:caigunn-webhook:problem:body-too-large");
        let detail = format!("the body has {found} than server.body_limit_bytes (8388608)");
        assert_eq!(problem["detail"], detail);
    }
    refused(app.post_bytes("application/json", body).await, 413).await;
}

#[tokio::test]
async fn a_sender_that_asks_before_it_sends_a_body_too_large_is_told_413_at_once() {
    let app = spawn_app().await;

    let head = "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
                Content-Length: 9437184\r\nExpect: 100-continue\r\n\r\n";
    let response = send(&app, head).await;

    refused(response, 413).await;
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken_and_one_of_a_byte_more_is_not() {
    let app = spawn_app_with(&[("server.body_limit_bytes", "2048")]).await;

    let with_length = async |bytes| app.post_bytes("application/json", notification_of(bytes)).await;
    assert_eq!(with_length(2048).await.status(), 200);
    let problem = refused(with_length(2049).await, 413).await;
    let detail = "the body has 2049 bytes, more than server.body_limit_bytes (2048)";
    assert_eq!(problem["detail"], detail);

    let chunked = async |bytes| {
        let mut connection = Raw::connect(app.public).await;
        connection.send(raw::post_chunked(&notification_of(bytes))).await;
        connection.read_head().await
    };
    assert!(chunked(2048).await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(
        chunked(2049)
            .await
            .starts_with("HTTP/1.1 413 Payload Too Large\r\n")
    );
}

#[tokio::test]
async fn what_does_not_call_itself_json_is_answered_with_415_that_names_the_header_to_send() {
    let app = spawn_app().await;
    let types = [
        (None, "no content type"),
        // What `curl -d` sends unless told otherwise.
        (
            Some("application/x-www-form-urlencoded"),
            r#"content type "application/x-www-form-urlencoded""#,
        ),
        (Some("text/plain"), r#"content type "text/plain""#),
        (Some("text/json"), r#"content type "text/json""#),
        (Some("application/jsonp"), r#"content type "application/jsonp""#),
        (
            Some("application/json-seq"),
            r#"content type "application/json-seq""#,
        ),
        (Some(""), r#"content type """#),
    ];

    for (content_type, found) in types {
        let headers: Vec<_> = content_type
            .map(|value| ("content-type", value))
            .into_iter()
            .collect();
        let response = post_as(&app, "/webhook", &headers, &notification()).await;

        let problem = refused(response, 415).await;
        assert_eq!(
            problem["type"],
            "urn:caigunn-webhook:problem:unsupported-media-type"
        );
        assert_eq!(
            problem["detail"],
            format!("expected the header Content-Type: application/json, found {found}")
        );
    }
}

#[tokio::test]
async fn of_a_body_too_large_that_does_not_call_itself_json_the_type_is_told() {
    let app = spawn_app_with(&[("server.body_limit_bytes", "1024")]).await;

    let response = post_as(&app, "/webhook", &[], &" ".repeat(1025)).await;

    refused(response, 415).await;
}

#[tokio::test]
async fn a_body_with_a_content_encoding_is_answered_with_415() {
    let app = spawn_app().await;

    for coding in ["gzip", "br", "identity, gzip"] {
        let headers = [("content-type", "application/json"), ("content-encoding", coding)];
        let response = post_as(&app, "/webhook", &headers, &notification()).await;

        let problem = refused(response, 415).await;
        assert_eq!(problem["detail"], "the body must not have a Content-Encoding");
    }
}

#[tokio::test]
async fn every_spelling_of_a_json_content_type_is_taken() {
    let app = spawn_app().await;
    let spellings = [
        "application/json",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        "Application/JSON",
        "application/cloudevents+json",
        "application/vnd.caigunn.v1+json; charset=utf-8",
    ];

    for spelling in spellings {
        let response = app.post_bytes(spelling, notification()).await;

        assert_eq!(response.status(), 200, "{spelling}");
    }
    let identity = [
        ("content-type", "application/json"),
        ("content-encoding", "identity"),
    ];
    let response = post_as(&app, "/webhook", &identity, &notification()).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn json_that_is_no_notification_is_answered_with_422_and_a_pointer_to_each_fault() {
    let app = spawn_app().await;
    let id = Uuid::now_v7();
    let long_name = "x".repeat(65);
    let cases = [
        (json!([1, 2]), vec![("", "expected an object, found an array")]),
        (json!("text"), vec![("", r#"expected an object, found "text""#)]),
        (json!(null), vec![("", "expected an object, found null")]),
        (
            json!({}),
            vec![
                ("/event", "expected a string, found nothing"),
                ("/status", "expected a string, found nothing"),
            ],
        ),
        (
            json!({"event": 7, "status": {}}),
            vec![
                ("/event", "expected a string, found 7"),
                ("/status", "expected a string, found an object"),
            ],
        ),
        (
            json!({"event": long_name, "status": ""}),
            vec![
                (
                    "/event",
                    "expected 1 to 64 bytes without control characters, \
                     found \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…",
                ),
                (
                    "/status",
                    r#"expected 1 to 64 bytes without control characters, found """#,
                ),
            ],
        ),
        (
            json!({"event": "crawling", "status": "initial"}),
            vec![
                ("/data", "expected an object, found nothing"),
                ("/event_id", "expected a uuid, found nothing"),
                (
                    "/data/chatbot_id",
                    "expected a uuid (or /chatbot_id), found nothing",
                ),
            ],
        ),
        (
            json!({"event": "crawling", "status": "completed", "event_id": "job-1",
                   "data": {"chatbot_id": 7, "training_data_ids": ["x", id, null]}}),
            vec![
                ("/data/chatbot_id", "expected a uuid, found 7"),
                ("/event_id", r#"expected a uuid, found "job-1""#),
                ("/data/training_data_ids/0", r#"expected a uuid, found "x""#),
                ("/data/training_data_ids/2", "expected a uuid, found null"),
            ],
        ),
        (
            json!({"event": "crawling", "status": "completed", "event_id": id, "chatbot_id": id, "data": "none"}),
            vec![
                ("/data", r#"expected an object, found "none""#),
                ("/data/training_data_ids", "expected an array, found nothing"),
            ],
        ),
        (
            json!({"event": "uploading", "status": "completed", "event_id": id,
                   "data": {"chatbot_id": id, "training_data_ids": [{"id": id}, {"filename": "a.pdf"}, id]}}),
            vec![
                ("/data/training_data_ids/1/id", "expected a uuid, found nothing"),
                ("/data/training_data_ids/2", "expected an object, found \"ID\""),
            ],
        ),
        (
            json!({"event": "training", "status": "completed", "event_id": id,
                   "data": {"chatbot_id": id, "training_data_ids": {}}}),
            vec![
                ("/data/model_id", "expected a uuid, found nothing"),
                ("/data/training_data_ids", "expected an array, found an object"),
            ],
        ),
    ];

    for (body, faults) in cases {
        let response = app.post(&body).await;

        let problem = refused(response, 422).await;
        assert_eq!(problem["type"], "urn:caigunn-webhook:problem:not-a-notification");
        let expected: Vec<_> = faults
            .into_iter()
            .map(|(pointer, detail)| {
                json!({"pointer": pointer, "detail": detail.replace("ID", &id.to_string())})
            })
            .collect();
        assert_eq!(problem["errors"], json!(expected), "{body}");
    }
    assert_eq!(app.receipts().await, [] as [Value; 0]);
}

#[tokio::test]
async fn an_undocumented_event_is_answered_with_the_event_id_that_it_has() {
    let app = spawn_app().await;
    let id = Uuid::now_v7();
    let cases = [
        (json!(id), json!(id)),
        (json!("evt_1"), json!("evt_1")),
        (json!(42), json!("42")),
        (json!(["\u{0}", {"a": null}]), json!("[\"\\u0000\",{\"a\":null}]")),
        (json!("x".repeat(201)), json!("x".repeat(200) + "…")),
        (json!(null), json!(null)),
    ];
    for (event_id, answered) in cases {
        let response = app
            .post(&json!({"event": "billing", "status": "due", "event_id": event_id}))
            .await;

        assert_eq!(response.status(), 200, "{event_id}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["outcome"], "accepted", "{event_id}");
        assert_eq!(answer["event_id"], answered);
    }
    let receipts = app.receipts().await;
    let ids: Vec<_> = receipts
        .iter()
        .rev()
        .map(|receipt| &receipt["event_id"])
        .collect();
    let none = &Value::Null;
    assert_eq!(ids, [&json!(id), none, none, none, none, none]);
}

#[tokio::test]
async fn of_many_faults_twenty_are_listed_and_the_rest_counted() {
    let app = spawn_app().await;
    let id = Uuid::now_v7();

    let response = app
        .post(
            &json!({"event": "crawling", "status": "completed", "event_id": id,
                      "data": {"chatbot_id": id, "training_data_ids": vec!["x"; 1000]}}),
        )
        .await;

    let problem = refused(response, 422).await;
    assert_eq!(problem["errors"].as_array().unwrap().len(), 20);
    assert_eq!(
        problem["detail"],
        "the body is JSON but not a notification: \
         /data/training_data_ids/0: expected a uuid, found \"x\" (and 999 more)"
    );
}

#[tokio::test]
async fn another_method_than_post_is_answered_with_405_that_names_post() {
    let app = spawn_app().await;
    let methods = [
        Method::GET,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
        Method::HEAD,
    ];

    for path in ["/webhook", "/webhook/x"] {
        for method in &methods {
            let response = app
                .client
                .request(method.clone(), app.url(path))
                .send()
                .await
                .unwrap();

            assert_eq!(response.status(), 405, "{method} {path}");
            assert_eq!(header(&response, "allow"), Some("POST"), "{method} {path}");
            if *method != Method::HEAD {
                let problem = problem(response).await;
                assert_eq!(problem["type"], "urn:caigunn-webhook:problem:method-not-allowed");
                assert_eq!(problem["detail"], "this path takes POST");
            }
        }
    }
}

#[tokio::test]
async fn there_is_nothing_else_on_the_public_address_least_of_all_the_admin_side() {
    let app = spawn_app().await;
    let paths = [
        "/",
        "/webhook/a/b",
        "/webhooks",
        "/Webhook",
        "/metrics",
        "/api",
        "/api/v1",
        "/api/v1/receipts",
        "/api/v1/receipts/0192f0c1-2b3c-7d4e-8f50-61728394a5b6",
        "/api/v1/jobs/0192f0c1-2b3c-7d4e-8f50-61728394a5b6",
        "/api/v1/quarantine",
        "/api/v1/quarantine/0192f0c1-2b3c-7d4e-8f50-61728394a5b6",
        "/api/v1/subscription",
    ];

    for path in paths {
        let answers = [app.get(path).await, app.post_to(path, &json!({})).await];

        for response in answers {
            let problem = refused(response, 404).await;
            assert_eq!(problem["type"], "urn:caigunn-webhook:problem:not-found");
            assert_eq!(problem["detail"], "there is nothing at this path");
        }
    }
}

#[tokio::test]
async fn the_process_says_that_it_runs_and_that_it_takes_notifications() {
    let app = spawn_app().await;

    let (health, readiness) = (app.get("/healthz").await, app.get("/readyz").await);

    assert_eq!(health.status(), 200);
    assert_eq!(health.text().await.unwrap(), "ok\n");
    assert_eq!(readiness.status(), 200);
    assert_eq!(readiness.text().await.unwrap(), "ready\n");
    assert_eq!(app.post_to("/healthz", &json!({})).await.status(), 405);
}

#[tokio::test]
async fn while_the_bodies_in_hand_reach_their_bound_a_further_one_is_answered_with_503() {
    let bounds = [
        ("server.body_limit_bytes", "2048"),
        ("server.bodies_in_flight_bytes", "2048"),
    ];
    let app = spawn_app_with(&bounds).await;
    let (held, further) = (notification_of(2048), json(&sample("crawling.initial")));
    let mut holder = Raw::connect(app.public).await;
    holder
        .send(
            raw::post(&held)
                .replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n")
                .replace(&held, ""),
        )
        .await;
    // The receiver asks for a body once it has made room for it.
    assert_eq!(holder.read_head().await, "HTTP/1.1 100 Continue\r\n\r\n");

    let refusal = app.post(&further).await;
    let chunked = send(
        &app,
        raw::post_chunked(&notification()).replace("Host", "Connection: close\r\nHost"),
    )
    .await;

    for response in [refusal, chunked] {
        assert_eq!(header(&response, "retry-after"), Some("5"));
        let problem = refused(response, 503).await;
        assert_eq!(problem["type"], "urn:caigunn-webhook:problem:overloaded");
        assert_eq!(problem["detail"], "too many bodies are being received at once");
    }

    holder.send(&held).await;
    assert!(holder.read_head().await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(app.post(&further).await.status(), 200);
}

#[tokio::test]
async fn every_refusal_has_a_type_and_a_title_of_its_own() {
    let token = "first-token-0123456789abcdef";
    let app = spawn_app_with(&[("webhook.token", token), ("server.body_limit_bytes", "1024")]).await;
    let webhook = format!("/webhook/{token}");
    let json_type = [("content-type", "application/json")];
    let post = async |headers: &[(&str, &str)], body: &str| post_as(&app, &webhook, headers, body).await;

    let answers = [
        post(&json_type, "x").await,
        app.post(&json!({})).await,
        app.get("/nothing").await,
        app.get("/webhook").await,
        post(&json_type, &" ".repeat(1025)).await,
        post(&[], "{}").await,
        post(&json_type, "{}").await,
    ];

    let mut seen = Vec::new();
    for response in answers {
        let problem = problem(response).await;
        seen.push(json!([problem["status"], problem["type"], problem["title"]]));
    }
    assert_eq!(
        json!(seen),
        json!([
            [
                400,
                "urn:caigunn-webhook:problem:not-json",
                "The body is not JSON"
            ],
            [
                401,
                "urn:caigunn-webhook:problem:unauthorized",
                "The token is missing or wrong"
            ],
            [404, "urn:caigunn-webhook:problem:not-found", "Not found"],
            [
                405,
                "urn:caigunn-webhook:problem:method-not-allowed",
                "Method not allowed"
            ],
            [
                413,
                "urn:caigunn-webhook:problem:body-too-large",
                "The body is too large"
            ],
            [
                415,
                "urn:caigunn-webhook:problem:unsupported-media-type",
                "The body must be JSON"
            ],
            [
                422,
                "urn:caigunn-webhook:problem:not-a-notification",
                "The body is not a notification"
            ],
        ])
    );
}
