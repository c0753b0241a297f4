//! What is decided without a connection.

use serde_json::value::RawValue;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use proptest::prelude::*;
use reqwest::Response;
use serde_json::json;

use super::answer::{MAX_DETAIL_CHARS, MAX_SHORT_BYTES, Secrets, words};
use super::body::{self, Listed};
use super::*;
use crate::clock::Timestamp;

fn secrets(secrets: &[&str]) -> Secrets {
    let mut all = Secrets::default();
    for secret in secrets {
        all.add(&(*secret).into());
    }
    all
}

fn asked(hidden: &[&str]) -> Asked {
    Asked {
        secrets: secrets(hidden),
        whose: Credential::AccessToken,
    }
}

/// What is quoted of an answer of that status with this body.
async fn answered(status: u16, body: impl Into<reqwest::Body>, hidden: &[&str]) -> Result<String, Error> {
    answered_with(status, &[], body, hidden).await
}

/// As [`answered`], with these headers.
async fn answered_with(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
    hidden: &[&str],
) -> Result<String, Error> {
    let mut response = axum::http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let response = response.body(body.into());
    answer::parsed(
        Response::from(response.unwrap()),
        asked(hidden),
        MAX_SHORT_BYTES,
        words,
    )
    .await
}

/// What is quoted of a refusal with this body.
async fn quoted(body: impl Into<reqwest::Body>, hidden: &[&str]) -> String {
    match answered(400, body, hidden).await {
        Err(Error::Invalid { detail, .. } | Error::NoApi { detail, .. }) => detail,
        other => panic!("{other:?}"),
    }
}

/// A token of three parts, the middle one of these bytes.
fn jwt(claims: &[u8]) -> SecretString {
    let part = |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    format!(
        "{}.{}.{}",
        part(br#"{"alg":"HS256"}"#.as_slice()),
        part(claims),
        part(b"signature")
    )
    .into()
}

#[tokio::test]
async fn detail_is_quoted_in_both_its_shapes() {
    let list = r#"{"detail":[{"loc":["body","webhook_url"],"msg":"field required","type":"missing","input":"SECRET"}]}"#;

    assert_eq!(
        quoted(r#"{"detail":"Invalid api key"}"#, &[]).await,
        "Invalid api key"
    );
    assert_eq!(quoted(list, &[]).await, "body.webhook_url: field required");
    assert_eq!(quoted("<html>", &[]).await, "<html>");
    assert_eq!(quoted("", &[]).await, "(no body)");
    assert_eq!(quoted("null", &[]).await, "(no body)");
}

#[tokio::test]
async fn a_detail_of_another_shape_is_quoted_and_a_long_one_cut() {
    let long = json!({ "detail": "\u{e9}".repeat(MAX_DETAIL_CHARS + 1) }).to_string();
    let odd = r#"{"detail":[{"loc":["body",0]},7]}"#;

    assert_eq!(quoted(r#"{"detail":null}"#, &[]).await, "null");
    assert_eq!(quoted(odd, &[]).await, "body.0: no message; no message");
    assert_eq!(quoted(r#"{"error":"x"}"#, &[]).await, r#"{"error":"x"}"#);
    assert_eq!(quoted(b"\xff".as_slice(), &[]).await, "\u{fffd}");
    assert_eq!(quoted(long, &[]).await, "\u{e9}".repeat(300));
}

#[tokio::test]
async fn a_secret_that_would_be_cut_is_hidden_all_the_same() {
    let body = format!("{}SECRET", "x".repeat(MAX_DETAIL_CHARS - 3));
    // So many, and so long, that little is left of what is read, and the last is read in part.
    let long = "s3cr3t/".repeat(300);
    let endless = long.repeat(MAX_SHORT_BYTES / long.len() + 1);

    assert_eq!(
        quoted(body, &["", "SECRET"]).await,
        format!("{}[hi", "x".repeat(MAX_DETAIL_CHARS - 3))
    );
    assert_eq!(
        quoted(endless, &[&long]).await,
        "[hidden]".repeat(MAX_SHORT_BYTES / long.len())
    );
    assert_eq!(
        quoted(r#"{"error":"s3cr3t\/\u0073 is unknown"}"#, &["s3cr3t/s"]).await,
        r#"{"error":"[hidden] is unknown"}"#
    );
}

#[tokio::test]
async fn of_a_url_that_is_quoted_only_the_place_is_told_however_it_is_written() {
    assert_eq!(
        quoted(
            r#"{"detail":"was https:\/\/a.example\/t%6Fken, is https://b.example/x?key=y"}"#,
            &[]
        )
        .await,
        "was https://a.example/[hidden], is https://b.example/[hidden]"
    );
}

#[tokio::test]
async fn a_secret_that_holds_another_is_hidden_whole() {
    assert_eq!(
        quoted("key-12 and key-1", &["key-1", "key-12"]).await,
        "[hidden] and [hidden]"
    );
}

#[tokio::test]
async fn an_answer_is_sorted_by_what_to_do_about_it() {
    let detail = || "no".to_owned();
    let retry_after = None;
    let invalid = |status| {
        Err(Error::Invalid {
            whose: Credential::AccessToken,
            status,
            detail: detail(),
        })
    };
    let refused = |status| {
        Err(Error::Refused {
            whose: Credential::AccessToken,
            status,
            detail: detail(),
        })
    };
    let unavailable = |status| {
        let detail = format!("{status}: no");
        Err(Error::Unavailable { retry_after, detail })
    };
    let unexpected = |status| {
        Err(Error::Unexpected {
            status,
            detail: detail(),
        })
    };
    let cases = [
        (200, Ok(detail())),
        (204, Ok(detail())),
        (
            301,
            Err(Error::NoApi {
                status: 301,
                detail: detail(),
            }),
        ),
        (400, invalid(400)),
        (401, refused(401)),
        (403, refused(403)),
        (404, unexpected(404)),
        (405, unexpected(405)),
        (409, invalid(409)),
        (408, unavailable(408)),
        (425, unavailable(425)),
        (422, invalid(422)),
        (
            429,
            Err(Error::TooManyRequests {
                retry_after,
                detail: detail(),
            }),
        ),
        (500, unavailable(500)),
        (503, unavailable(503)),
    ];
    for (status, expected) in cases {
        let sorted = answered(status, r#"{"detail":"no"}"#, &[]).await;

        assert_eq!(sorted, expected, "{status}");
    }
}

#[tokio::test]
async fn who_says_when_to_come_back_is_heard_unless_what_was_sent_is_wrong() {
    for (status, is_heard) in [
        (400, false),
        (401, false),
        (403, true),
        (404, true),
        (408, true),
        (409, true),
        (422, false),
        (425, true),
        (429, true),
        (503, true),
    ] {
        let headers = [("retry-after", "7")];
        let sorted = answered_with(status, &headers, r#"{"detail":"no"}"#, &[]).await;

        let error = sorted.unwrap_err();
        let expected = is_heard.then_some(Duration::from_secs(7));
        assert_eq!(
            (error.retry_after(), error.passes()),
            (expected, is_heard),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_is_not_json_is_of_whatever_stands_before_the_api_and_accuses_nobody() {
    let bodies = [
        "404 page not found",
        "error code: 1020",
        "Unauthorized",
        "\u{feff}<!DOCTYPE html>",
        "",
    ];
    for (status, body) in [400, 401, 403, 404, 422].into_iter().zip(bodies) {
        let sorted = answered(status, body, &[]).await;

        let is_no_api = matches!(sorted, Err(Error::NoApi { status: found, .. }) if found == status);
        assert!(is_no_api, "{sorted:?}");
    }
    // Too much of it to be read to its end.
    let long = format!(r#"{{"detail":"{}"}}"#, "x".repeat(MAX_SHORT_BYTES));
    let sorted = answered(401, long, &[]).await;
    assert!(matches!(sorted, Err(Error::Refused { .. })), "{sorted:?}");
}

#[tokio::test]
async fn a_404_about_one_chatbot_is_of_that_chatbot_and_lasts() {
    let response = axum::http::Response::builder().status(404);
    let response = response.body(r#"{"detail":"Not Found"}"#).unwrap();
    let asked = Asked {
        whose: Credential::ApiKey(Fingerprint::of(&"key".into())),
        ..asked(&[])
    };

    let sorted = answer::parsed(Response::from(response), asked, MAX_SHORT_BYTES, words).await;

    assert!(
        matches!(sorted, Err(Error::Invalid { status: 404, .. })),
        "{sorted:?}"
    );
}

#[tokio::test]
async fn of_a_redirect_it_is_told_to_which_host_it_leads_and_nothing_else_of_it() {
    for (location, told) in [
        (
            "http://caigunn.example/api?key=s3cr3t",
            "http://caigunn.example/[hidden]",
        ),
        (
            "https://u:s3cr3t@login.example:8443/s3cr3t",
            "https://login.example:8443/[hidden]",
        ),
        ("https://login.example", "https://login.example"),
        ("https://[s3cr3t", "nowhere"),
        ("mailto:s3cr3t", "something that is no URL"),
    ] {
        let sorted = answered_with(307, &[("location", location)], "", &[]).await;

        let error = sorted.unwrap_err().to_string();
        let expected = format!(
            "CaiGunn answered with 307 and no JSON, as while it is maintained: it redirects to {told}, which is not followed"
        );
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn an_address_that_says_nothing_keeps_no_call_from_the_next_one_of_the_name() {
    let (silent, _socket, _filling) = outgoing::testing::silent().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = listener.local_addr().unwrap();
    let answer = || async { r#"{"chatbots":[]}"# };
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = |addresses: Vec<_>| {
        let settings = Settings {
            url: "http://caigunn.test".parse().unwrap(),
            access_token: "access-token".into(),
            timeout: Duration::from_secs(60),
        };
        let builder = move || outgoing::unencrypted().resolve_to_addrs("caigunn.test", &addresses);
        Client::by(settings, builder).unwrap()
    };

    let (both, alone) = (client(vec![silent, there]), client(vec![silent]));
    let (listed, none) = tokio::join!(both.chatbots(), alone.chatbots());

    assert!(listed.is_ok(), "{listed:?}");
    let error = none.unwrap_err().to_string();
    assert!(
        error.starts_with("CaiGunn is unavailable: cannot connect: no connection in time"),
        "{error}"
    );
}

#[test]
fn a_credential_that_no_header_may_hold_is_not_sent_and_not_named() {
    let whose = Credential::ApiKey(Fingerprint::of(&"hunter2".into()));
    for unsendable in ["hunter2\r\napi-key: x", "hunter2\u{1}", "hunter2é"] {
        let error = secret_header(&unsendable.into(), &whose).unwrap_err();

        assert!(
            error.to_string().starts_with("not sent: API key f52fbd32…"),
            "{error}"
        );
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(error.advice(), Some("check CAIGUNN_API_KEY"));
    }
    assert!(secret_header(&"hunter2".into(), &whose).unwrap().is_sensitive());
}

#[test]
fn the_data_of_a_log_is_kept_as_the_text_it_came_as() {
    let text = r#"{"webhook_logs":[{"event":"e","status":"s","data":{"b":1.0, "a" : [1e5,"\u00e9"],"b":2}},
        {"event":"e","status":"s","data":null,"event_id":null,"created_at":null,"broadcast_status":[[]]}]}"#;

    let log = body::event_log(text).unwrap();

    let data: Vec<_> = log
        .entries
        .iter()
        .map(|entry| entry.data.as_deref().map(RawValue::get))
        .collect();
    assert_eq!(data, [Some(r#"{"b":1.0, "a" : [1e5,"\u00e9"],"b":2}"#), None]);
}

#[test]
fn data_within_a_text_and_what_the_older_generation_has_beside_it_are_read() {
    let id = "0190f1f7-52c4-7d3c-8a54-f1d8a4f9c0de";
    let entries = json!([
        {"event": "e", "status": "s", "data": "{\"a\": 1e5}"},
        {"event": "e", "status": "s", "data": "not JSON"},
        {"event": "e", "status": "s", "data": "[1]"},
        {"event": "e", "status": "failed", "detail": "Too long", "chatbot_id": id},
        {"event": "e", "status": "completed", "chatbot_id": 7, "data": {}},
        {"event": "e", "status": "failed", "detail": "Too long", "data": {}},
        {"event": "e", "status": "failed", "detail": "Too long", "data": {"detail": "its own"}},
        {"event": "e", "status": "failed", "detail": "Too long", "data": "{\"a\": 1}"},
        {"event": "e", "status": "failed", "detail": null, "data": {"a": 1}},
        {"event": "e", "status": "failed", "detail": "Too long", "data": [1]},
    ]);

    let log = body::event_log(&json!({ "webhook_logs": entries }).to_string()).unwrap();

    assert_eq!(log.unreadable.count, 0);
    let data: Vec<_> = log
        .entries
        .iter()
        .map(|entry| entry.data.as_deref().map_or("", RawValue::get))
        .collect();
    let expected = [
        r#"{"a": 1e5}"#,
        r#""not JSON""#,
        r#""[1]""#,
        &format!(r#"{{"chatbot_id":"{id}","detail":"Too long"}}"#),
        "{}",
        r#"{"detail":"Too long"}"#,
        r#"{"detail":"its own"}"#,
        r#"{"detail":"Too long","a": 1}"#,
        r#"{"a":1}"#,
        "[1]",
    ];
    assert_eq!(data, expected);
}

#[test]
fn an_entry_that_cannot_be_read_hides_no_other_and_is_told_by_its_place_alone() {
    let text = r#"{"webhook_logs":[
        {"status":"initial"}, {"event":"crawling","status":[7]}, 7, null,
        {"event":"crawling","status":"initial","event_id":"s3cr3t"},
        {"event":"crawling","status":"completed","created_at":1722330900}]}"#;

    let log = body::event_log(text).unwrap();

    assert_eq!(
        log.unreadable.named,
        [
            "/webhook_logs/0/event is missing",
            "/webhook_logs/1/status is not text",
            "/webhook_logs/2 is not an object",
            "/webhook_logs/3 is missing",
            "/webhook_logs/4/event_id is not a UUID",
        ]
    );
    assert_eq!(log.entries.len(), 1);
    assert_eq!(log.entries[0].status, "completed");
    let at = log.entries[0].created_at.map(|at| at.to_string());
    assert_eq!(at.as_deref(), Some("2024-07-30T09:15:00.000000Z"));
}

#[test]
fn what_may_be_no_url_is_none_and_one_that_is_hidden_in_part_is_one() {
    let standing = |text: &str| body::chatbot(&json!({ "webhook_url": text }).to_string()).unwrap();
    for text in ["", " ", "None", "null", "undefined", "-", "\t"] {
        let standing = standing(text);
        assert!(matches!(standing, Standing::Nothing), "{text:?}: {standing:?}");
    }
    for text in [
        "https://hooks.example.com",
        "hooks.example.com",
        "https://***",
        "***",
        "\u{2022}\u{2022}\u{2022}",
        "http\u{2026}",
        "/webhook",
    ] {
        let standing = standing(text);
        assert!(matches!(standing, Standing::Url(_)), "{text:?}: {standing:?}");
    }
}

#[tokio::test]
async fn a_large_answer_is_read_on_a_thread_that_serves_nobody() {
    let reader = async |bytes: usize| {
        let response = axum::http::Response::new(" ".repeat(bytes));
        let who = |_: &str, _: &Asked| Ok(thread::current().id());
        answer::parsed(Response::from(response), asked(&[]), 4 << 20, who)
            .await
            .unwrap()
    };

    assert_eq!(reader(1000).await, thread::current().id());
    assert_ne!(reader(2 << 20).await, thread::current().id());
}

#[test]
fn deep_nesting_is_no_danger() {
    let deep = format!(
        r#"{{"x":{0},"chatbots":[{0}]}}"#,
        "[".repeat(100_000) + &*"]".repeat(100_000)
    );

    let listed = body::chatbots(&deep, 0).unwrap();

    let [Listed::Unreadable { mistake, .. }] = &listed[..] else {
        panic!("one entry, and no chatbot")
    };
    assert_eq!(mistake, "/chatbots/0 is not an object");
}

#[test]
fn of_what_is_listed_no_more_is_kept_than_people_need() {
    let id = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
    let listed = |api_key_bytes: usize| {
        let entry =
            json!({ "id": id, "title": "\u{e9}".repeat(1 << 20), "api_key": "k".repeat(api_key_bytes) });
        let mut listed = body::chatbots(&json!({ "chatbots": [entry] }).to_string(), 0).unwrap();
        listed.pop().unwrap()
    };

    let Listed::Live(chatbot) = listed(4096) else {
        panic!("a chatbot")
    };
    assert_eq!(chatbot.title, format!("{}…", "\u{e9}".repeat(300)));
    let Listed::Unreadable { mistake, .. } = listed(4097) else {
        panic!("no chatbot")
    };
    assert_eq!(
        mistake,
        format!("/chatbots/0/api_key has 4097 bytes, and 4096 are the most that are taken (chatbot {id})")
    );
    let url = format!("https://a.example/{}", "x".repeat(1 << 20));
    let standing = body::chatbot(&json!({ "webhook_url": url }).to_string()).unwrap();
    let Standing::Url(kept) = standing else {
        panic!("{standing:?}")
    };
    assert_eq!(kept.expose_secret().len(), 64 << 10);
}

#[test]
fn a_token_that_is_a_jwt_says_when_it_ends() {
    let cases: [(&str, Option<i64>); 9] = [
        (r#"{"exp":1722330900}"#, Some(1_722_330_900_000_000)),
        (r#"{"sub":"x","exp":1722330900.25}"#, Some(1_722_330_900_250_000)),
        (r#"{"exp":0}"#, Some(0)),
        (r#"{"exp":1e300}"#, None),
        (r#"{"exp":18446744073709551615}"#, None),
        (r#"{"exp":"1722330900"}"#, None),
        (r#"{"iat":1722330900}"#, None),
        ("[1722330900]", None),
        ("exp", None),
    ];
    for (claims, expected) in cases {
        let ends = expires_at(&jwt(claims.as_bytes()));

        assert_eq!(ends.map(Timestamp::as_micros), expected, "{claims}");
    }
}

#[test]
fn a_token_of_another_form_does_not_say_when_it_ends() {
    let whole = jwt(br#"{"exp":1722330900}"#);
    let whole = whole.expose_secret();
    let (_, tail) = whole.split_once('.').unwrap();
    for token in [
        "",
        ".",
        "..",
        "access-token",
        tail,
        &format!("{whole}.x"),
        &format!("{whole}="),
        &format!(" {whole}"),
    ] {
        assert_eq!(expires_at(&token.into()), None, "{token:?}");
    }
}

proptest! {
    #[test]
    fn no_token_makes_expires_at_panic(token in "\\PC*|[A-Za-z0-9_=-]*\\.[A-Za-z0-9_=-]*\\.[A-Za-z0-9_=-]*") {
        expires_at(&token.into());
    }

    #[test]
    fn no_claims_make_expires_at_panic(claims in prop_oneof![
        any::<Vec<u8>>(),
        any::<f64>().prop_map(|exp| json!({ "exp": exp }).to_string().into_bytes()),
        any::<i64>().prop_map(|exp| json!({ "exp": exp }).to_string().into_bytes()),
    ]) {
        expires_at(&jwt(&claims));
    }

    #[test]
    fn no_body_makes_a_reader_panic(text in r#"\PC*|(\{"(chatbots|webhook_logs|token)":|[\[\]{},:]|null|"id"|"x"|1){0,9}"#) {
        let _ = body::chatbots(&text, 0);
        let _ = body::chatbot(&text);
        let _ = body::event_log(&text);
        let _ = body::token(&text);
    }
}
