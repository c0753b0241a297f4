use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::event;

const REQUEST_ID: Uuid = Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef);

/// The answer made of a problem: its status, the header it calls for, and its document.
async fn answered(problem: Problem) -> (u16, String, Value) {
    let mut response = problem.into_response();
    let problem: Problem = response.extensions_mut().remove().unwrap();
    problem.write(&mut response, RequestId::new(REQUEST_ID));
    let (mut head, body) = response.into_parts();
    assert_eq!(
        head.headers.remove(CONTENT_TYPE).unwrap(),
        "application/problem+json"
    );
    assert_eq!(
        head.headers.remove(CONTENT_LENGTH),
        None,
        "the body's own length is right"
    );
    assert!(head.headers.len() <= 1, "{:?}", head.headers);
    let header = head
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    let document = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
    (head.status.as_u16(), header, document)
}

#[tokio::test]
async fn every_problem_has_its_status_type_title_and_header() {
    let close = "connection: close";
    let later = "retry-after: 5";
    let seconds = Duration::from_secs(3);
    let unavailable = inbox::Error::Unavailable {
        reason: "the disk is full".to_owned(),
    };
    let corrupt = inbox::Error::Corrupt {
        reason: "a page is torn".to_owned(),
    };
    let in_use = inbox::Error::InUse {
        reason: "another process has it".to_owned(),
    };
    let not_json = event::parse(b"{").unwrap_err();
    let not_notification = event::parse(b"{}").unwrap_err();
    let cases = [
        (
            Problem::malformed("no"),
            400,
            "malformed-request",
            "Malformed request",
            close,
        ),
        (
            Problem::broken_body(),
            400,
            "malformed-request",
            "Malformed request",
            close,
        ),
        (
            Problem::from(not_json),
            400,
            "not-json",
            "The body is not JSON",
            "",
        ),
        (
            Problem::invalid_query("no"),
            400,
            "invalid-query",
            "Invalid query",
            "",
        ),
        (
            Problem::wrong_url_token(),
            401,
            "unauthorized",
            "The token is missing or wrong",
            "www-authenticate: Url-Token",
        ),
        (
            Problem::wrong_bearer_token(),
            401,
            "unauthorized",
            "The token is missing or wrong",
            "www-authenticate: Bearer",
        ),
        (Problem::not_local(), 403, "forbidden", "Not for this client", ""),
        (Problem::cross_site(), 403, "forbidden", "Not for this client", ""),
        (
            Problem::no_credentials(),
            409,
            "not-configured",
            "Not configured",
            "",
        ),
        (
            Problem::not_leader("ask another".to_owned()),
            409,
            "not-leader",
            "Another receiver leads",
            "",
        ),
        (
            Problem::caigunn_failed("it is down".to_owned()),
            502,
            "caigunn-failed",
            "CaiGunn did not give what was asked for",
            "",
        ),
        (Problem::not_found(), 404, "not-found", "Not found", ""),
        (
            Problem::nothing_named("job", 7),
            404,
            "not-found",
            "Not found",
            "",
        ),
        (
            Problem::method_not_allowed(),
            405,
            "method-not-allowed",
            "Method not allowed",
            "",
        ),
        (
            Problem::body_timeout(seconds),
            408,
            "body-timeout",
            "The body came too slowly",
            close,
        ),
        (
            Problem::notification_too_large(Some(9), 8),
            413,
            "body-too-large",
            "The body is too large",
            close,
        ),
        (
            Problem::wrong_content_type(None),
            415,
            "unsupported-media-type",
            "The body must be JSON",
            "",
        ),
        (
            Problem::wrong_content_encoding(),
            415,
            "unsupported-media-type",
            "The body must be JSON",
            "",
        ),
        (
            Problem::from(not_notification),
            422,
            "not-a-notification",
            "The body is not a notification",
            "",
        ),
        (Problem::panicked(), 500, "internal", "Internal error", ""),
        (
            Problem::unknown_transfer_coding(),
            501,
            "unknown-transfer-coding",
            "Unknown transfer coding",
            close,
        ),
        (Problem::too_many_bodies(), 503, "overloaded", "Overloaded", later),
        (
            Problem::from(inbox::Error::Full { queue_count: 1 }),
            503,
            "overloaded",
            "Overloaded",
            later,
        ),
        (Problem::starting(), 503, "starting", "Starting", "retry-after: 1"),
        (Problem::stopping(), 503, "stopping", "Stopping", later),
        (
            Problem::from(unavailable),
            503,
            "inbox-unavailable",
            "The inbox is unavailable",
            later,
        ),
        (
            Problem::from(in_use),
            503,
            "inbox-unavailable",
            "The inbox is unavailable",
            later,
        ),
        (
            Problem::from(corrupt),
            503,
            "inbox-unavailable",
            "The inbox is unavailable",
            later,
        ),
        (
            Problem::from(inbox::Error::Timeout { waited: seconds }),
            503,
            "inbox-unavailable",
            "The inbox is unavailable",
            later,
        ),
    ];
    for (problem, status, name, title, header) in cases {
        assert_eq!(problem.name(), name);
        let detail = problem.detail().to_owned();

        let (found_status, found_header, mut document) = answered(problem).await;

        assert_eq!(found_status, status, "{name}");
        assert_eq!(found_header, header, "{name}");
        document.as_object_mut().unwrap().remove("errors");
        assert_eq!(
            document,
            json!({
                "type": format!("urn:caigunn-webhook:problem:{name}"),
                "title": title,
                "status": status,
                "detail": detail,
                "instance": "12345678-9abc-4def-8123-456789abcdef",
            })
        );
    }
}

#[tokio::test]
async fn every_fault_of_a_body_is_named_with_its_place() {
    let body = br#"{"event":"crawling","status":"completed","event_id":"no",
        "data":{"chatbot_id":"no","training_data_ids":7}}"#;
    let problem = Problem::from(event::parse(body).unwrap_err());

    let (_, _, document) = answered(problem).await;

    let pointers: Vec<_> = document["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| &error["pointer"])
        .collect();
    assert_eq!(
        pointers,
        ["/data/chatbot_id", "/event_id", "/data/training_data_ids"]
    );
    assert_eq!(document["errors"][2]["detail"], "expected an array, found 7");
}

#[tokio::test]
async fn a_problem_without_faults_has_no_errors() {
    let (_, _, document) = answered(Problem::not_found()).await;

    assert_eq!(document.get("errors"), None);
}

#[test]
fn the_log_says_what_is_wrong_without_a_word_of_the_senders() {
    let body =
        br#"{"event":"crawling","status":"completed","event_id":"SECRET","data":{"chatbot_id":"SECRET"}}"#;
    let cases = [
        (Problem::from(event::parse(body).unwrap_err()), None),
        (
            Problem::from(event::parse(b"{\"SECRET\": SECRET}").unwrap_err()),
            None,
        ),
        (Problem::from(event::parse(b"SECRET").unwrap_err()), None),
        (
            Problem::wrong_content_type(Some("text/SECRET")),
            Some("expected the header Content-Type: application/json"),
        ),
        (
            Problem::wrong_content_encoding(),
            Some("the body must not have a Content-Encoding"),
        ),
        (
            Problem::invalid_query("unknown field `SECRET`"),
            Some("Invalid query"),
        ),
        (Problem::nothing_named("receipt", "SECRET"), Some("Not found")),
    ];
    for (problem, expected) in cases {
        let log_detail = problem.log_detail();

        assert!(!log_detail.is_empty());
        assert!(!log_detail.contains("SECRET"), "{log_detail}");
        if let Some(expected) = expected {
            assert_eq!(log_detail, expected);
        }
    }
}

#[test]
fn an_error_in_the_log_is_what_somebody_must_act_on() {
    let full = || Problem::from(inbox::Error::Full { queue_count: 1 });
    let failed = |error: fn(String) -> inbox::Error| Problem::from(error("because".to_owned()));
    let unavailable = || failed(|reason| inbox::Error::Unavailable { reason });
    let corrupt = || failed(|reason| inbox::Error::Corrupt { reason });
    // Of a notification, and of anything else.
    for (problem, of_a_notification, of_another) in [
        (Problem::panicked(), Level::ERROR, Level::ERROR),
        (corrupt(), Level::ERROR, Level::ERROR),
        (unavailable(), Level::ERROR, Level::WARN),
        (full(), Level::ERROR, Level::WARN),
        (Problem::too_many_bodies(), Level::ERROR, Level::WARN),
        (Problem::stopping(), Level::ERROR, Level::DEBUG),
        (Problem::starting(), Level::ERROR, Level::DEBUG),
        (Problem::wrong_url_token(), Level::WARN, Level::DEBUG),
        (Problem::not_found(), Level::WARN, Level::DEBUG),
        (Problem::caigunn_failed(String::new()), Level::WARN, Level::DEBUG),
    ] {
        assert_eq!(problem.level(true), of_a_notification, "{problem:?}");
        assert_eq!(problem.level(false), of_another, "{problem:?}");
    }
}

#[test]
fn the_log_names_every_fault_of_a_body() {
    let body = br#"{"event":"crawling","status":"initial","event_id":"no","data":{"chatbot_id":"no"}}"#;
    let problem = Problem::from(event::parse(body).unwrap_err());

    assert_eq!(
        problem.log_detail(),
        "/data/chatbot_id: expected a uuid; /event_id: expected a uuid"
    );
}

#[test]
fn the_log_says_what_went_wrong_inside_and_the_answer_only_what_helps_the_sender() {
    let problem = Problem::from(inbox::Error::Full { queue_count: 7 });

    assert_eq!(
        problem.log_detail(),
        "the inbox queue is full: 7 entries wait to be stored"
    );
    assert_eq!(problem.detail(), "too many notifications wait to be stored");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_told_from_one_that_is_too_long() {
    let read = async |body: Body| {
        let error = axum::body::to_bytes(body, 4).await.unwrap_err();
        Problem::unread_body(&error, 4).title().0.as_u16()
    };
    let piece = || Ok::<_, std::io::Error>("{\"a".to_owned());
    let breaks_off = futures_util::stream::iter([piece(), Err(std::io::ErrorKind::UnexpectedEof.into())]);

    assert_eq!(read(Body::from("{\"a\": 1}")).await, 413);
    assert_eq!(read(Body::from_stream(breaks_off)).await, 400);
}
