//! Promise: `/metrics` says what happened, to those who may know, and nothing that a sender or a secret put there.

use std::collections::{BTreeMap, BTreeSet};

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use serde_json::json;

use crate::harness::raw::{self, Raw, status_of};
use crate::harness::{App, header, json, sample, sample_with, spawn_app, spawn_app_with, wait_for};

/// The numbers of a page by series, a series being a name with its labels, without what every name begins with.
pub type Numbers = BTreeMap<String, f64>;

async fn page(app: &App) -> String {
    let request = app.client.get(format!("http://{}/metrics", app.admin));
    let request = request.header("accept", "application/openmetrics-text");
    let response = request.send().await.expect("the admin side answers");
    assert_eq!(response.status(), 200);
    assert_eq!(
        header(&response, "content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    response.text().await.expect("the page is text")
}

pub async fn numbers(app: &App) -> Numbers {
    read(&page(app).await)
}

/// Reads a page, and fails if it is not as OpenMetrics wants it: each metric described once, before its samples; each
/// sample `name{labels} value` with a name of the metric's; no series twice; an end that is marked.
fn read(page: &str) -> Numbers {
    let body = page.strip_suffix("# EOF\n").expect("the end is marked");
    let mut numbers = Numbers::new();
    let (mut described, mut current) = (BTreeSet::new(), ("", ""));
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let [kind, name, text] = comment.splitn(3, ' ').collect::<Vec<_>>()[..] else {
                panic!("{line:?} describes nothing");
            };
            match kind {
                "HELP" => assert!(text.ends_with('.'), "{line}"),
                "TYPE" => {
                    assert!(described.insert(name), "{name} is described twice");
                    current = (name, text);
                }
                "UNIT" => assert!(name == current.0 && name.ends_with(&format!("_{text}")), "{line}"),
                _ => panic!("{line:?} is no comment of OpenMetrics"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let suffix = name.strip_prefix(current.0);
        let suffix = suffix.unwrap_or_else(|| panic!("{line:?} is not of {current:?}"));
        let suffixes: &[_] = match current.1 {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_sum", "_count", "_bucket"],
            "info" => &["_info"],
            other => panic!("{name} is a {other}"),
        };
        assert!(suffixes.contains(&suffix), "{line:?} is not of {current:?}");
        let labels = labels.strip_suffix('}').expect("labels end");
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once("=\"").expect("a label has a value");
            let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(is_word(label), "{line}");
            assert!(value.len() > 1 && value.ends_with('"'), "{line}");
        }
        let name = series.strip_prefix("caigunn_webhook_");
        let name = name.unwrap_or_else(|| panic!("{series} is not named after the program"));
        let value: f64 = value.parse().expect("a value is a number");
        let before = numbers.insert(name.to_owned(), value);
        assert_eq!(before, None, "{series} is there twice");
    }
    numbers
}

/// What only ever grows and does not depend on how fast the machine is: counters, and the counts of histograms.
fn counts(numbers: &Numbers) -> Vec<(&str, f64)> {
    let is_count = |series: &str| series.contains("_total") || series.contains("_count");
    numbers
        .iter()
        .filter(|(series, _)| is_count(series))
        .map(|(series, value)| (series.as_str(), *value))
        .collect()
}

#[tokio::test]
async fn what_happened_is_what_the_numbers_say() {
    let app = spawn_app_with(&[("webhook.token", "url-token")]).await;
    let repeated = json(&sample("crawling.completed"));
    let post = async |token: &str, body: &str| {
        let url = app.url(&format!("/webhook/{token}"));
        let request = app.client.post(url).header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().await;
        response.expect("the receiver answers").status().as_u16()
    };
    let posts = [
        ("url-token", repeated.to_string(), 200),
        ("url-token", json(&sample("training.initial")).to_string(), 200),
        ("url-token", repeated.to_string(), 200),
        ("wrong-token", json(&sample("crawling.initial")).to_string(), 401),
        ("url-token", "{".to_owned(), 400),
        ("url-token", "{}".to_owned(), 422),
    ];

    for (token, body, status) in posts {
        assert_eq!(post(token, &body).await, status, "{body}");
    }
    // These are no posts to the webhook.
    for path in ["/webhook", "/healthz", "/elsewhere"] {
        app.get(path).await;
    }

    let numbers = numbers(&app).await;
    let expected = [
        // A receipt, a duplicate or a request for quarantine, each alone since they came one after another.
        ("batch_entries_count", 5.0),
        (r#"commit_duration_seconds_count{result="failed"}"#, 0.0),
        (r#"commit_duration_seconds_count{result="ok"}"#, 5.0),
        ("failed_commits_total", 0.0),
        (
            r#"notifications_total{outcome="accepted",origin="backfill"}"#,
            0.0,
        ),
        (r#"notifications_total{outcome="accepted",origin="webhook"}"#, 2.0),
        (
            r#"notifications_total{outcome="duplicate",origin="backfill"}"#,
            0.0,
        ),
        (
            r#"notifications_total{outcome="duplicate",origin="webhook"}"#,
            1.0,
        ),
        (r#"quarantined_total{reason="body-timeout"}"#, 0.0),
        (r#"quarantined_total{reason="body-too-large"}"#, 0.0),
        (r#"quarantined_total{reason="duplicate-differs"}"#, 0.0),
        (r#"quarantined_total{reason="malformed-request"}"#, 0.0),
        (r#"quarantined_total{reason="not-a-notification"}"#, 1.0),
        (r#"quarantined_total{reason="not-json"}"#, 1.0),
        (r#"quarantined_total{reason="unsupported-media-type"}"#, 0.0),
        (r#"refused_connections_total{listener="admin"}"#, 0.0),
        (r#"refused_connections_total{listener="public"}"#, 0.0),
        // What has not happened yet is there, too.
        (r#"rejections_total{reason="body-timeout"}"#, 0.0),
        (r#"rejections_total{reason="body-too-large"}"#, 0.0),
        (r#"rejections_total{reason="inbox-unavailable"}"#, 0.0),
        (r#"rejections_total{reason="internal"}"#, 0.0),
        (r#"rejections_total{reason="malformed-request"}"#, 0.0),
        (r#"rejections_total{reason="no-route"}"#, 0.0),
        (r#"rejections_total{reason="not-a-notification"}"#, 1.0),
        (r#"rejections_total{reason="not-json"}"#, 1.0),
        (r#"rejections_total{reason="overloaded"}"#, 0.0),
        (r#"rejections_total{reason="stopping"}"#, 0.0),
        (r#"rejections_total{reason="unauthorized"}"#, 1.0),
        (r#"rejections_total{reason="unknown-transfer-coding"}"#, 0.0),
        (r#"rejections_total{reason="unsupported-media-type"}"#, 0.0),
        (r#"request_duration_seconds_count{outcome="accepted"}"#, 2.0),
        (r#"request_duration_seconds_count{outcome="duplicate"}"#, 1.0),
        (r#"request_duration_seconds_count{outcome="rejected"}"#, 3.0),
        ("unreadable_requests_total{reason=\"head-too-large\"}", 0.0),
        ("unreadable_requests_total{reason=\"malformed\"}", 0.0),
        ("unrecognized_events_total", 0.0),
    ];
    assert_eq!(counts(&numbers), expected);
    assert_eq!(numbers["batch_entries_sum"], 5.0);
    assert_eq!(numbers[r#"batch_entries_bucket{le="1.0"}"#], 5.0);
    assert_eq!(numbers["queue_depth"], 0.0);
    assert_eq!(
        numbers[&format!(r#"build_info{{version="{}"}}"#, env!("CARGO_PKG_VERSION"))],
        1.0
    );
}

#[tokio::test]
async fn a_duration_is_in_every_bucket_from_its_own_on_and_none_is_shorter_than_the_commit() {
    let app = spawn_app().await;
    assert_eq!(app.post(&json(&sample("crawling.initial"))).await.status(), 200);

    let numbers = numbers(&app).await;

    let request = numbers[r#"request_duration_seconds_sum{outcome="accepted"}"#];
    let commit = numbers[r#"commit_duration_seconds_sum{result="ok"}"#];
    assert!(
        0.0 < commit && commit < request,
        "{commit} s for the commit of {request} s"
    );
    let bounds = [
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5",
        "5.0", "10.0", "+Inf",
    ];
    for (name, labels, seconds) in [
        ("request_duration", r#"outcome="accepted""#, request),
        ("commit_duration", r#"result="ok""#, commit),
    ] {
        for bound in bounds {
            let series = format!(r#"{name}_seconds_bucket{{le="{bound}",{labels}}}"#);
            let is_within = seconds <= bound.parse().unwrap_or(f64::INFINITY);
            assert_eq!(numbers[&series] == 1.0, is_within, "{series}, {seconds} s");
        }
    }
}

#[tokio::test]
async fn the_time_of_the_last_notification_is_shown_and_a_duplicate_is_one_but_a_rejection_is_not() {
    let before_start = seconds();
    let app = spawn_app().await;
    let body = json(&sample("crawling.initial"));
    let last = async || numbers(&app).await["last_notification_timestamp_seconds"];
    let started = numbers(&app).await["process_start_time_seconds"];
    assert!(
        before_start <= started && started <= seconds(),
        "{before_start}, {started}"
    );

    assert_eq!(last().await, 0.0);
    assert_eq!(app.post(&json!({})).await.status(), 422);
    assert_eq!(last().await, 0.0);
    for _ in ["accepted", "duplicate"] {
        let before = seconds();
        assert_eq!(app.post(&body).await.status(), 200);

        let shown = last().await;
        assert!(before <= shown && shown <= seconds(), "{before}, {shown}");
    }
    // It says nothing of CaiGunn.
    let shown = last().await;
    let sample = json(&sample_with("crawling.initial", &Ids::marked(), Wire::V2024_07));
    assert_eq!(app.post(&sample).await.status(), 200);
    assert_eq!(last().await, shown);
    let refused = json(&sample_with("crawling.initial", &Ids::fresh(), Wire::V2024_07));
    assert_eq!(
        app.post_bytes("text/plain", refused.to_string()).await.status(),
        415
    );
    let id = app.api("/quarantine").await["quarantine"][0]["id"].clone();
    let accept = format!("/api/v1/quarantine/{}/accept", id.as_str().expect("it is a text"));
    let accepted = app
        .client
        .post(format!("http://{}{accept}", app.admin))
        .send()
        .await;
    assert_eq!(accepted.expect("it answers").status(), 200);
    assert_eq!(last().await, shown);
}

fn seconds() -> f64 {
    Timestamp::now().as_micros() as f64 / 1e6
}

#[tokio::test]
async fn a_duplicate_that_differs_is_counted_as_quarantined_too() {
    let app = spawn_app().await;
    let mut body = json(&sample("crawling.completed"));
    app.post(&body).await;
    body["data"]["training_data_ids"] = json!(["7c9e6679-7425-40de-944b-e07fc1f90ae7"]);

    app.post(&body).await;

    let numbers = numbers(&app).await;
    assert_eq!(
        numbers[r#"notifications_total{outcome="duplicate",origin="webhook"}"#],
        1.0
    );
    assert_eq!(numbers[r#"quarantined_total{reason="duplicate-differs"}"#], 1.0);
}

#[tokio::test]
async fn what_is_refused_for_want_of_room_is_counted() {
    let bounds = [
        ("server.max_connections", "1"),
        ("server.body_limit_bytes", "2048"),
        ("server.bodies_in_flight_bytes", "2048"),
    ];
    let app = spawn_app_with(&bounds).await;
    let open = async || numbers(&app).await[r#"open_connections{listener="public"}"#];
    assert_eq!(open().await, 0.0);

    let mut holder = Raw::connect(app.public).await;
    // In the middle of a request, since one that lies idle makes room.
    holder
        .send("POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(status_of(&holder.read_head().await), 100);
    assert_eq!(open().await, 1.0);
    let mut refused = Raw::connect(app.public).await;
    assert_eq!(refused.read_answer().await.status(), 503);
    drop(holder);

    wait_for("the connection to be gone", || async {
        match open().await {
            0.0 => Ok(()),
            count => Err(format!("{count} open")),
        }
    })
    .await;
    let numbers = numbers(&app).await;
    assert_eq!(numbers[r#"refused_connections_total{listener="public"}"#], 1.0);
    assert_eq!(numbers[r#"refused_connections_total{listener="admin"}"#], 0.0);
}

#[tokio::test]
async fn a_post_answered_503_is_a_rejection() {
    let bounds = [
        ("server.body_limit_bytes", "2048"),
        ("server.bodies_in_flight_bytes", "2048"),
    ];
    let app = spawn_app_with(&bounds).await;
    let mut holder = Raw::connect(app.public).await;
    holder
        .send(
            "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
             Content-Length: 2048\r\nExpect: 100-continue\r\n\r\n",
        )
        .await;
    // The receiver asks for a body once it has made room for it.
    assert_eq!(raw::status_of(&holder.read_head().await), 100);

    let further = app.post(&json(&sample("crawling.initial"))).await;

    assert_eq!(further.status(), 503);
    assert_eq!(
        numbers(&app).await[r#"rejections_total{reason="overloaded"}"#],
        1.0
    );
}

#[tokio::test]
async fn no_sender_makes_a_series() {
    let app = spawn_app().await;
    let unknown = async |name: &str| app.post(&json(&sample(name))).await.status();
    let before = numbers(&app).await;

    for number in 0..5 {
        let word = format!("word{number}");
        assert_eq!(unknown(&format!("{word}.begun")).await, 200);
        assert_eq!(unknown(&format!("crawling.{word}")).await, 200);
        assert_eq!(app.post(&json!({ "event": word })).await.status(), 422);
        assert_eq!(app.post_to(&format!("/{word}"), &json!({})).await.status(), 404);
        assert_eq!(
            app.post_to(&format!("/webhook/{word}"), &json!({}))
                .await
                .status(),
            422
        );
        let method = reqwest::Method::from_bytes(word.as_bytes()).unwrap();
        let request = app.client.request(method, app.url("/webhook"));
        assert_eq!(request.send().await.unwrap().status(), 405);
        app.admin(&format!("/{word}")).await;
    }

    let after = numbers(&app).await;
    assert!(after.keys().eq(before.keys()), "{before:#?} became {after:#?}");
    assert_eq!(after["unrecognized_events_total"], 10.0);
    assert_eq!(after[r#"rejections_total{reason="not-a-notification"}"#], 10.0);
}

#[tokio::test]
async fn the_page_holds_no_secret_and_no_id() {
    let keys = [
        ("api.url", "http://127.0.0.1:9"),
        ("api.key", "planted-api-key"),
        ("api.access_token", "planted-access-token"),
        ("server.public_url", "https://hooks.planted.example"),
        ("subscription.probe", "false"),
        ("webhook.token", "planted-url-token"),
        ("admin.token", "planted-admin-token"),
    ];
    let app = spawn_app_with(&keys).await;
    let ids = Ids::fresh();
    let mut body = json(&sample_with("crawling.completed", &ids, Wire::V2024_07));
    body["planted-member"] = json!("planted-value");
    for (path, status) in [
        ("/webhook/planted-url-token?planted=planted", 200),
        ("/webhook/planted-url-token", 200),
        ("/webhook/planted-wrong-token", 401),
        ("/planted-path", 404),
    ] {
        assert_eq!(app.post_to(path, &body).await.status(), status, "{path}");
    }

    let request = app.client.get(format!("http://{}/metrics", app.admin));
    let request = request.header("accept", "application/openmetrics-text");
    let response = request.bearer_auth("planted-admin-token").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let page = response.text().await.unwrap();

    read(&page);
    let (job, chatbot) = (ids.event_id.to_string(), ids.chatbot_id.to_string());
    for planted in ["planted", &job, &chatbot] {
        assert!(!page.contains(planted), "{planted} is in {page}");
    }
}

#[tokio::test]
async fn it_is_on_the_admin_side_only() {
    let app = spawn_app().await;

    assert_eq!(app.get("/metrics").await.status(), 404);
    assert_eq!(app.post_to("/metrics", &json!({})).await.status(), 404);
    read(&page(&app).await);
}

#[tokio::test]
async fn two_receivers_in_one_process_count_for_themselves() {
    let (one, other) = (spawn_app().await, spawn_app().await);

    one.post(&json(&sample("crawling.initial"))).await;

    let accepted = r#"notifications_total{outcome="accepted",origin="webhook"}"#;
    assert_eq!(numbers(&one).await[accepted], 1.0);
    assert_eq!(numbers(&other).await[accepted], 0.0);
}

#[tokio::test]
async fn what_was_no_request_is_counted() {
    let app = spawn_app().await;
    for (bytes, status) in [
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("\u{16}\u{3}\u{1}".to_owned(), 400),
        (
            format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000)),
            431,
        ),
    ] {
        let mut connection = Raw::connect(app.public).await;
        connection.try_send(bytes).await;
        assert_eq!(status_of(&connection.read_to_end().await), status);
    }

    wait_for("all three to be counted", || async {
        let numbers = numbers(&app).await;
        let count = |reason| numbers[&*format!("unreadable_requests_total{{reason=\"{reason}\"}}")];
        let counts = [count("malformed"), count("head-too-large")];
        if counts == [2.0, 1.0] {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    })
    .await;
}
