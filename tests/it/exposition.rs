//! Promise: whoever asks for OpenMetrics gets it, whoever does not gets the text that everything reads, and Prometheus's own
//! parsers read both, with the same in them.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::harness::postgres::leave_out;
use crate::harness::process::run_with_input;
use crate::harness::{App, header, json, sample, spawn_app, spawn_app_with};

/// What Prometheus 2.42 sends.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// The page that a client gets who sends this `Accept`, and its content type.
async fn page(app: &App, accept: Option<&str>) -> (String, String) {
    let request = app.client.get(format!("http://{}/metrics", app.admin));
    let request = match accept {
        Some(accept) => request.header("accept", accept),
        None => request,
    };
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "vary"), Some("accept"));
    let content_type = header(&response, "content-type").expect("it has one").to_owned();
    (content_type, response.text().await.expect("text"))
}

/// What Prometheus's client for Python reads in it. None without a Python that has it.
#[track_caller]
fn parser() -> Option<String> {
    let python = std::env::var("CAIGUNN_TEST_PROMETHEUS_CLIENT").ok();
    if python.is_none() {
        leave_out("CAIGUNN_TEST_PROMETHEUS_CLIENT is not set");
    }
    python
}

async fn parsed(python: &str, format: &str, page: &str) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/exposition/parse.py");
    let mut command = Command::new(python);
    command.args([script, format]);
    let ended = run_with_input(command, page).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    serde_json::from_str(&ended.output).expect("it prints JSON")
}

fn all_series(metrics: &Value) -> BTreeSet<&str> {
    let metrics = metrics.as_object().expect("an object").values();
    metrics
        .flat_map(|metric| metric["series"].as_array().expect("a list"))
        .map(|series| series.as_str().expect("text"))
        .collect()
}

#[tokio::test]
async fn open_metrics_is_for_those_who_ask_for_it() {
    let app = spawn_app().await;

    let (text, open_metrics) = (
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    for accept in [None, Some("*/*"), Some("text/plain"), Some("application/json")] {
        let (content_type, page) = page(&app, accept).await;
        assert_eq!(content_type, text, "{accept:?}");
        for word in ["# EOF", "# UNIT", " info\n"] {
            assert!(!page.contains(word), "{word} is in {page}");
        }
        let version = env!("CARGO_PKG_VERSION");
        let build = format!(
            "# HELP caigunn_webhook_build_info The program that runs.\n# TYPE caigunn_webhook_build_info gauge\n\
             caigunn_webhook_build_info{{version=\"{version}\"}} 1\n"
        );
        assert!(page.contains(&build), "{page}");
        let counter = "\n# TYPE caigunn_webhook_rejections_total counter\n";
        assert!(page.contains(counter), "{page}");
    }
    for accept in [PROMETHEUS, "application/openmetrics-text"] {
        let (content_type, page) = page(&app, Some(accept)).await;
        assert_eq!(content_type, open_metrics, "{accept}");
        assert!(page.ends_with("\n# EOF\n"), "{page}");
        assert!(
            page.contains("\n# TYPE caigunn_webhook_rejections counter\n"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn prometheus_reads_the_same_in_both() {
    let Some(python) = parser() else {
        return;
    };
    // So that there is something of everything.
    let destination = r#"[{name = "app", kind = "http", url = "http://127.0.0.1:9"}]"#;
    let keys = [
        ("delivery.destination", destination),
        ("api.url", "http://127.0.0.1:9"),
        ("api.key", "key"),
        ("api.access_token", "token"),
        ("server.public_url", "https://hooks.example.com"),
        ("subscription.probe", "false"),
    ];
    let app = spawn_app_with(&keys).await;
    assert_eq!(app.post(&json(&sample("crawling.completed"))).await.status(), 200);
    // What the leader alone shows of its destinations comes a moment later.
    let (page_of_both, text) = crate::harness::wait_for("the destination to be shown", || async {
        let (open_metrics, text) = (page(&app, Some(PROMETHEUS)).await.1, page(&app, None).await.1);
        let is_shown = |page: &str| page.contains("caigunn_webhook_deliveries_pending{");
        if is_shown(&open_metrics) && is_shown(&text) {
            Ok((open_metrics, text))
        } else {
            Err(text)
        }
    })
    .await;

    let open_metrics = parsed(&python, "openmetrics", &page_of_both).await;
    let text = parsed(&python, "text", &text).await;

    assert_eq!(all_series(&open_metrics), all_series(&text));
    let kind = |metrics: &Value, name: &str| metrics[format!("caigunn_webhook_{name}")]["type"].clone();
    for (name, expected) in [
        ("rejections", "counter"),
        ("notifications", "counter"),
        ("delivery_attempts", "counter"),
        ("request_duration_seconds", "histogram"),
        ("queue_depth", "gauge"),
        ("process_start_time_seconds", "gauge"),
    ] {
        assert_eq!(kind(&open_metrics, name), expected, "{name}");
        assert_eq!(kind(&text, name), expected, "{name}");
    }
    assert_eq!(kind(&open_metrics, "build"), "info");
    assert_eq!(kind(&text, "build_info"), "gauge");
    assert_eq!(
        open_metrics["caigunn_webhook_request_duration_seconds"]["unit"],
        "seconds"
    );
}
