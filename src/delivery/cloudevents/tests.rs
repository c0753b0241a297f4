//! What the schema promises, over every notification of both wire generations.

use std::fs;
use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::delivery::send::sample::parcel;
use crate::event::Wire;
use crate::event::sample::{self, Ids};

const SCHEMA: &str = include_str!("../../../docs/cloudevent.schema.json");

/// The schema, ready to judge.
struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    /// That also refuses members of which it does not tell: what this version writes is all in it.
    fn compiled() -> Self {
        let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
        for object in ["", "/$defs/data", "/$defs/file"] {
            let object = schema.pointer_mut(object).and_then(Value::as_object_mut).unwrap();
            object.insert("additionalProperties".to_owned(), json!(false));
        }
        Self::of(schema)
    }

    fn of(schema: Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("schema.json", schema).unwrap();
        let mut schemas = Schemas::new();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn check(&self, event: &Value) -> Result<(), String> {
        let checked = self.schemas.validate(event, self.index);
        checked.map_err(|error| format!("{error:#}\n{event:#}"))
    }
}

fn written(body: &str) -> Value {
    let parcel = parcel(body);
    serde_json::from_slice(&write(&parcel.receipt, &parcel.body).unwrap()).unwrap()
}

#[test]
fn a_trace_is_in_the_attributes_of_its_extension() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut parcel = parcel(&samples(Wire::V2024_07)[0]);
    let plain = written(&samples(Wire::V2024_07)[0]);
    for (text, state) in [
        (parent.to_owned(), None),
        (format!("{parent} a=1,b=2"), Some("a=1,b=2")),
    ] {
        parcel.receipt.trace = Some(Box::new(text.parse().unwrap()));

        let event = write(&parcel.receipt, &parcel.body).unwrap();

        let event: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!(Schema::compiled().check(&event), Ok(()));
        assert_eq!(
            (
                &event["traceparent"],
                event.get("tracestate").and_then(Value::as_str)
            ),
            (&json!(parent), state)
        );
        let mut others = event.clone();
        others
            .as_object_mut()
            .unwrap()
            .retain(|name, _| !name.starts_with("trace"));
        assert_eq!(others, plain);
    }
}

/// The bodies of the samples, in an order that is the same for both generations.
fn samples(wire: Wire) -> Vec<String> {
    let ids = Ids::all(Uuid::from_u128(7));
    let notifications = sample::notifications(&ids, wire);
    notifications
        .iter()
        .map(|notification| sample::to_json(notification).to_string())
        .collect()
}

/// The bodies that CaiGunn documents, by name.
fn fixtures(wire: Wire) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures");
    let entries = fs::read_dir(folder.join(wire.as_str())).unwrap();
    let mut fixtures: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    fixtures.sort();
    assert_eq!(fixtures.len(), 8);
    fixtures
}

const UNKNOWN: &str = r#"{"event":"dreaming","status":"begun","data":{"depth":1.0e3,"x":[null]}}"#;

const UNKNOWN_FILE: &str = r#"{"event":"uploading","status":"completed",
    "event_id":"00000000-0000-0000-0000-000000000001",
    "data":{"chatbot_id":"00000000-0000-0000-0000-000000000002","training_data_ids":[
        {"id":"00000000-0000-0000-0000-000000000003","filename":"a.pdf","status":"queued","detail":"soon"}]}}"#;

#[test]
fn every_notification_of_both_generations_is_as_the_schema_says() {
    let schema = Schema::compiled();
    let mut bodies = vec![UNKNOWN_FILE.to_owned()];
    for wire in [Wire::V2024_01, Wire::V2024_07] {
        bodies.extend(samples(wire));
        bodies.extend(fixtures(wire).into_iter().map(|(_, body)| body));
    }
    assert_eq!(bodies.len(), 1 + 2 * (9 + 8));
    for body in &bodies {
        assert_eq!(schema.check(&written(body)), Ok(()), "{body}");
    }
    for depth in ["1.0e3", "1.0e400"] {
        let event = written(&UNKNOWN.replace("1.0e3", depth));
        assert_eq!(schema.check(&event), Ok(()), "{depth}");
    }
    assert_eq!(
        schema.check(&written(r#"{"event":"crawling","status":"paused"}"#)),
        Ok(())
    );
}

#[test]
fn both_generations_give_the_same() {
    let fixtures = |wire| fixtures(wire).into_iter().map(|(_, body)| body);
    let older = samples(Wire::V2024_01)
        .into_iter()
        .chain(fixtures(Wire::V2024_01));
    let newer = samples(Wire::V2024_07)
        .into_iter()
        .chain(fixtures(Wire::V2024_07));
    for (older, newer) in older.zip(newer) {
        let (older, mut newer) = (written(&older), written(&newer));
        // Only the newer generation tells the job of a training.
        if newer["data"]["event"] == "training" {
            let event_id = newer["data"].as_object_mut().unwrap().remove("event_id");
            assert!(event_id.is_some());
        }
        assert_eq!(older, newer);
    }
}

#[test]
fn a_cloud_event_says_where_it_is_from_and_what_happened() {
    let event = written(
        r#"{"event":"uploading","status":"completed","event_id":"00000000-0000-0000-0000-00000000000A",
            "chatbot_id":"00000000-0000-0000-0000-00000000000B","data":{"training_data_ids":[
                {"id":"00000000-0000-0000-0000-000000000001","filename":"a.pdf"},
                {"id":"00000000-0000-0000-0000-000000000002","filename":"b.pdf","status":"failed",
                 "detail":"Unsupport file format"}]}}"#,
    );

    assert_eq!(
        event,
        json!({
            "specversion": "1.0",
            "id": "01905c9b-0000-7000-8000-000000000001",
            "source": "/caigunn/chatbots/00000000-0000-0000-0000-00000000000b",
            "type": "com.caigunn.uploading.completed",
            "subject": "00000000-0000-0000-0000-00000000000b",
            "time": "2024-07-30T09:15:00.000123Z",
            "datacontenttype": "application/json",
            "data": {
                "event": "uploading",
                "status": "completed",
                "event_id": "00000000-0000-0000-0000-00000000000a",
                "chatbot_id": "00000000-0000-0000-0000-00000000000b",
                "files": [
                    {"id": "00000000-0000-0000-0000-000000000001", "filename": "a.pdf", "status": "uploaded"},
                    {
                        "id": "00000000-0000-0000-0000-000000000002",
                        "filename": "b.pdf",
                        "status": "failed",
                        "detail": "Unsupport file format",
                    },
                ],
            },
        })
    );
}

#[test]
fn what_nobody_has_documented_keeps_its_data_to_the_byte() {
    let parcel = parcel(UNKNOWN);

    let event = write(&parcel.receipt, &parcel.body).unwrap();

    let event = std::str::from_utf8(&event).unwrap();
    let head = r#"{"specversion":"1.0","id":"01905c9b-0000-7000-8000-000000000001","source":"/caigunn","#;
    assert!(event.starts_with(head), "{event}");
    let data = r#""data":{"event":"dreaming","status":"begun","raw":{"depth":1.0e3,"x":[null]}}}"#;
    assert!(event.ends_with(data), "{event}");
    assert!(!event.contains("subject"), "{event}");
}

#[test]
fn data_that_some_readers_would_take_for_something_else_is_handed_over_as_text() {
    let schema = Schema::compiled();
    let nested = |depth: usize| "[".repeat(depth) + &*"]".repeat(depth);
    for (data, is_text) in [
        (r#"{"depth":9007199254740991}"#.to_owned(), false),
        (nested(100), false),
        ("null".to_owned(), false),
        (r#"{ "id" : 9007199254740993,"a":"\u00e9\n" }"#.to_owned(), true),
        ("1e400".to_owned(), true),
        (r#"{"a":1,"a":2}"#.to_owned(), true),
        (nested(101), true),
        (nested(100_000), true),
    ] {
        let parcel = parcel(&format!(r#"{{"event":"a","status":"b","data":{data}}}"#));

        let event = write(&parcel.receipt, &parcel.body).unwrap();

        let event: Value = serde_json::from_slice(&event).unwrap();
        let told = &event["data"];
        assert_eq!(schema.check(&event), Ok(()));
        if is_text {
            assert_eq!((&told["raw_text"], told.get("raw")), (&json!(data), None));
        } else {
            assert_eq!(told.get("raw_text"), None);
            let raw = told.get("raw").map(ToString::to_string);
            assert_eq!(raw, Some(data).filter(|data| data != "null"));
        }
    }
}

#[test]
fn data_as_text_has_no_half_pairs_either() {
    let event = written(r#"{"event":"a","status":"b","data":[1e400,"\ud800"]}"#);

    assert_eq!(event["data"]["raw_text"], r#"[1e400,"\ufffd"]"#);
}

#[test]
fn text_that_is_none_is_told_so_that_strict_readers_take_it() {
    let schema = Schema::compiled();
    let body =
        |file: &str| UNKNOWN_FILE.replace(r#""filename":"a.pdf","status":"queued","detail":"soon""#, file);
    let failed = r#"{"event":"training","status":"failed","chatbot_id":"00000000-0000-0000-0000-000000000002","detail":[ 1 ]}"#;
    for (body, pointer, expected) in [
        (
            UNKNOWN.replace("1.0e3", r#""\ud800""#),
            "/data/raw/depth",
            "\u{fffd}",
        ),
        (
            format!("\u{feff}{}", body(r#""filename":"b""#)),
            "/data/files/0/filename",
            "b",
        ),
        (
            body(r#""filename":"b\ud800""#),
            "/data/files/0/filename",
            "b\u{fffd}",
        ),
        (body(r#""size":1"#), "/data/files/0/filename", ""),
        (body(r#""status":{ }"#), "/data/files/0/status", "{}"),
        (
            body(r#""status":"failed","detail":7"#),
            "/data/files/0/detail",
            "7",
        ),
        (failed.to_owned(), "/data/detail", "[1]"),
    ] {
        let event = written(&body);

        assert_eq!(event.pointer(pointer), Some(&json!(expected)), "{body}");
        assert_eq!(schema.check(&event), Ok(()), "{body}");
    }
}

#[test]
fn an_id_that_is_none_is_left_out() {
    let event = written(r#"{"event":"a","status":"b","event_id":"evt_1","chatbot_id":7}"#);

    assert_eq!(event["data"], json!({"event": "a", "status": "b"}));
    assert_eq!(
        (&event["source"], &event["subject"]),
        (&json!("/caigunn"), &Value::Null)
    );
    assert_eq!(Schema::compiled().check(&event), Ok(()));
}

#[test]
fn a_status_of_a_file_that_nobody_has_documented_is_told_as_it_came() {
    assert_eq!(written(UNKNOWN_FILE)["data"]["files"][0]["status"], "queued");
}

#[test]
fn a_body_that_is_no_notification_is_refused() {
    let receipt = parcel(UNKNOWN).receipt;

    assert!(write(&receipt, b"{").is_err());
    assert!(write(&receipt, b"{}").is_err());
}

#[test]
fn the_schema_refuses_what_it_does_not_promise() {
    let schema = Schema::compiled();
    let right = written(&fixtures(Wire::V2024_07)[2].1);
    assert_eq!(right["type"], "com.caigunn.training.completed");
    assert_eq!(schema.check(&right), Ok(()));
    for (pointer, value) in [
        ("", "{}"),
        ("/specversion", "\"0.3\""),
        ("/id", "\"1\""),
        ("/source", "\"/elsewhere\""),
        ("/time", "\"yesterday\""),
        ("/subject", "null"),
        ("/data/status", "\"failed\""),
        ("/data/model_id", "null"),
        ("/data/training_data_ids", "[1]"),
        ("/data/chatbot_id", "\"x\""),
    ] {
        let mut wrong = right.clone();
        *wrong.pointer_mut(pointer).unwrap() = serde_json::from_str(value).unwrap();
        assert!(schema.check(&wrong).is_err(), "{pointer} = {value}");
    }
}

#[test]
fn the_schema_takes_what_a_later_version_may_add() {
    let (now, later) = (
        Schema::compiled(),
        Schema::of(serde_json::from_str(SCHEMA).unwrap()),
    );
    for body in [UNKNOWN, UNKNOWN_FILE] {
        let right = written(body);
        for pointer in ["", "/data", "/data/files/0"] {
            let mut more = right.clone();
            let Some(object) = more.pointer_mut(pointer) else {
                continue;
            };
            object["more"] = json!(1);
            assert_eq!(later.check(&more), Ok(()), "{pointer}");
            assert!(now.check(&more).is_err(), "{pointer}");
        }
    }
}

#[test]
fn a_type_has_no_character_that_cloud_events_forbids() {
    for (name, expected) in [
        (
            "a\u{fffe}b\u{10ffff}\u{fdd0}",
            "com.caigunn.a%EF%BF%BEb%F4%8F%BF%BF%EF%B7%90.c",
        ),
        ("100% \u{2028}\u{fffd}", "com.caigunn.100% \u{2028}\u{fffd}.c"),
    ] {
        let event = written(&json!({"event": name, "status": "c"}).to_string());

        assert_eq!(event["type"], expected);
        assert_eq!(event["data"]["event"], name);
        assert_eq!(Schema::compiled().check(&event), Ok(()));
    }
    // In JavaScript a dot stands for no end of a line, of which U+2028 is one.
    assert!(!SCHEMA.contains(".+") && !SCHEMA.contains(".*"));
}
