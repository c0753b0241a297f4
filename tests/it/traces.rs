//! Promise: the trace that a notification comes with is kept, logged, shown and handed on; what is no trace refuses nothing.

use std::fs;

use serde_json::{Value, json};

use crate::harness::application::Application;
use crate::harness::{self, Process, client, sample, wait_for};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

/// Posts a new one with these headers; its receipt's id.
async fn post(receiver: &Process, headers: &[(&str, &str)]) -> String {
    let body = harness::json(&sample("crawling.initial"));
    let mut request = client().post(receiver.url("/webhook")).json(&body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    answer["receipt_id"].as_str().unwrap().to_owned()
}

async fn shown(receiver: &Process, id: &str) -> Value {
    let asked = client()
        .get(receiver.api(&format!("/receipts/{id}")))
        .send()
        .await;
    asked.unwrap().json().await.unwrap()
}

/// The line of the log of that receipt.
async fn line(receiver: &Process, id: &str) -> Value {
    let is_it = |line: &Value| line["outcome"] == "accepted" && line["receipt_id"] == id;
    receiver.wait_for_lines(1, is_it).await.remove(0)
}

#[tokio::test]
async fn a_trace_is_logged_shown_and_handed_to_every_destination() {
    let (raw, cloud_events) = (Application::start().await, Application::start().await);
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let script = format!(
        "printf '%s %s\\n' \"$TRACEPARENT\" \"$TRACESTATE\" > {}",
        told.display()
    );
    let destinations = json!([
        {"name": "raw", "kind": "http", "url": raw.url()},
        {"name": "events", "kind": "http", "url": cloud_events.url(), "format": "cloudevents"},
        {"name": "script", "kind": "command", "command": ["sh", "-c", script]},
    ]);
    let variables = [("CAIGUNN_DELIVERY_DESTINATION", &*destinations.to_string())];
    let receiver = Process::start(folder.path(), &variables).await;

    let id = post(&receiver, &[("traceparent", PARENT), ("tracestate", STATE)]).await;

    let trace = json!({"traceparent": PARENT, "tracestate": STATE});
    assert_eq!(shown(&receiver, &id).await["trace"], trace);
    assert_eq!(line(&receiver, &id).await["trace_id"], PARENT[3..35]);
    let page = format!("http://{}/receipts/{id}", receiver.admin);
    let page = client().get(page).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(PARENT) && page.contains(STATE), "{page}");
    for application in [&raw, &cloud_events] {
        let arrivals = application.wait_for_arrivals(1).await;
        assert_eq!(arrivals[0].headers["traceparent"], PARENT);
        assert_eq!(arrivals[0].headers["tracestate"], STATE);
    }
    let event: Value = serde_json::from_slice(&cloud_events.wait_for_arrivals(1).await[0].body).unwrap();
    assert_eq!(
        (&event["traceparent"], &event["tracestate"]),
        (&json!(PARENT), &json!(STATE))
    );
    let expected = format!("{PARENT} {STATE}\n");
    wait_for("the program to be told", || async {
        let told = fs::read_to_string(&told).unwrap_or_default();
        if told == expected { Ok(()) } else { Err(told) }
    })
    .await;
}

#[tokio::test]
async fn what_is_no_trace_is_accepted_without_one() {
    let application = Application::start().await;
    let folder = tempfile::tempdir().unwrap();
    let destination = json!([{"name": "raw", "kind": "http", "url": application.url()}]);
    let variables = [("CAIGUNN_DELIVERY_DESTINATION", &*destination.to_string())];
    let receiver = Process::start(folder.path(), &variables).await;
    let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    let long = format!("a={}", "x".repeat(600));
    let cases: [(&[(&str, &str)], Value); 5] = [
        (&[], Value::Null),
        (&[("traceparent", zeros), ("tracestate", STATE)], Value::Null),
        (&[("traceparent", PARENT), ("traceparent", PARENT)], Value::Null),
        (&[("tracestate", STATE)], Value::Null),
        (
            &[("traceparent", PARENT), ("tracestate", &long)],
            json!({"traceparent": PARENT}),
        ),
    ];
    for (count, (headers, expected)) in (1..).zip(cases) {
        let id = post(&receiver, headers).await;

        let arrivals = application.wait_for_arrivals(count).await;
        let arrived = arrivals.last().unwrap();
        assert_eq!(shown(&receiver, &id).await["trace"], expected, "{headers:?}");
        assert_eq!(
            line(&receiver, &id).await.get("trace_id").is_some(),
            expected != Value::Null
        );
        let parent = arrived.headers.get("traceparent");
        assert_eq!(parent.is_some(), expected != Value::Null, "{headers:?}");
        assert_eq!(arrived.headers.get("tracestate"), None);
    }
}
