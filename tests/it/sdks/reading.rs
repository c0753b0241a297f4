//! CloudEvents, as the official libraries read them.

use std::path::Path;

use cloudevents::event::{AttributesReader, Data, Event};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{Node, bodies, delivered, python, script, told};
use crate::harness::application::Arrival;

/// What is delivered of all bodies.
async fn cloud_events() -> Vec<Arrival> {
    let bodies = bodies::all();
    let texts: Vec<_> = bodies.iter().map(|body| body.text.clone()).collect();
    let mut delivered = delivered(&texts, &[r#"format = "cloudevents""#]).await;
    let arrivals = delivered.remove(0);
    for (body, arrival) in bodies.iter().zip(&arrivals) {
        let event = document(arrival);
        assert_eq!(format!("com.caigunn.{}", event_name(arrival)), event["type"]);
        let data = &event["data"];
        for member in ["raw", "raw_text"] {
            let is_there = data.get(member).is_some();
            assert_eq!(is_there, body.member == Some(member), "{:.300}", body.text);
        }
    }
    arrivals
}

/// What the header says, where it is percent-encoded so far as it must be.
fn event_name(arrival: &Arrival) -> String {
    let header = arrival.headers["caigunn-event"].to_str().expect("it is ASCII");
    let name = percent_decode_str(header).decode_utf8();
    name.expect("it is UTF-8").into_owned()
}

fn document(arrival: &Arrival) -> Value {
    serde_json::from_slice(&arrival.body).expect("it is JSON for a strict reader")
}

/// Whether two values say the same: some readers write `1.0` as `1`.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_in_other = |(name, one)| other.get(name).is_some_and(|other| is_same(one, other));
            one.len() == other.len() && one.iter().all(is_in_other)
        }
        (_, _) => one == other,
    }
}

/// Fails unless a library has read each event as a parser of JSON reads it, and times to that many microseconds.
fn assert_read(read: &[Value], arrivals: &[Arrival], time_unit: i64) {
    for (read, arrival) in read.iter().zip(arrivals) {
        let event = document(arrival);
        let shown = format!("{read:.300} of {event:.300}");
        assert_eq!(read.get("error"), None, "{shown}");
        for attribute in ["id", "type", "subject"] {
            assert_eq!(read[attribute], event[attribute], "{shown}");
        }
        assert_eq!(read["id"], arrival.webhook_id, "{shown}");
        assert_eq!(time(read) / time_unit, time(&event) / time_unit, "{shown}");
        assert!(
            read["is_same"] == true && is_same(&read["data"], &event["data"]),
            "{shown}"
        );
    }
}

fn time(event: &Value) -> i64 {
    let time: Timestamp = event["time"].as_str().expect("a text").parse().expect("a time");
    time.as_microsecond()
}

#[tokio::test]
async fn every_cloud_event_is_read_by_the_library_for_javascript() {
    let Some(node) = Node::start() else { return };
    let arrivals = cloud_events().await;

    let (command, script) = node.script("read.mjs", include_str!("read.mjs"));
    let read = told(command, &script, &arrivals, &[]).await;

    // It makes a `Date` of a time.
    assert_read(&read, &arrivals, 1_000);
}

#[tokio::test]
async fn every_cloud_event_is_read_by_both_editions_of_the_library_for_python() {
    let (Some(mut older), Some(newer)) = (python(), python()) else {
        return;
    };
    // It is found before the newer one, which has the same name.
    older.env(
        "PYTHONPATH",
        std::env::var("CAIGUNN_TEST_CLOUDEVENTS_1").expect("whoever has the one has the other"),
    );
    let arrivals = cloud_events().await;
    for edition in [older, newer] {
        let read = told(edition, Path::new(&script("read.py")), &arrivals, &[]).await;

        assert_read(&read, &arrivals, 1);
    }
}

#[tokio::test]
async fn every_cloud_event_is_read_by_the_library_for_rust() {
    let arrivals = cloud_events().await;

    let read = arrivals.iter().map(|arrival| {
        let event: Event = match serde_json::from_slice(&arrival.body) {
            Ok(event) => event,
            Err(error) => return json!({"error": error.to_string()}),
        };
        let data = match event.data() {
            Some(Data::Json(data)) => data.clone(),
            data => return json!({"error": format!("no JSON: {data:?}")}),
        };
        json!({
            "id": event.id(),
            "type": event.ty(),
            "subject": event.subject(),
            "time": event.time().map(|time| time.to_rfc3339()),
            "is_same": data == document(arrival)["data"],
            "data": data,
        })
    });

    assert_read(&read.collect::<Vec<_>>(), &arrivals, 1);
}
