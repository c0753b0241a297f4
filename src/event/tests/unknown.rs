//! Promise: an event, a status or a member that nobody has documented is kept or passed over, never refused.

use serde_json::json;

use super::{OTHER_UUID, PAGE_UUID, parsed, parsed_json, sample_of};
use crate::event::{ChatbotId, Event, EventId, Json, Name, Notification, Wire};

fn unrecognized(event: &'static str, status: &'static str, data: Option<&str>) -> Event {
    let data = data.map(|data| Json(serde_json::from_str(data).expect("the data is JSON")));
    Event::Unrecognized {
        name: Name {
            event: event.into(),
            status: status.into(),
        },
        data,
    }
}

#[test]
fn an_unknown_event_or_status_is_kept_with_its_names_and_data() {
    let cases = [
        // An unknown event, an unknown status of a known one, and both.
        (
            r#"{"event":"billing","status":"initial"}"#,
            unrecognized("billing", "initial", None),
        ),
        (
            r#"{"event":"training","status":"paused"}"#,
            unrecognized("training", "paused", None),
        ),
        (
            r#"{"event":"a","status":"b","data":null}"#,
            unrecognized("a", "b", None),
        ),
        // Names are CaiGunn's own, to the letter.
        (
            r#"{"event":"Training","status":"failed"}"#,
            unrecognized("Training", "failed", None),
        ),
        (r#"{"event":"a.b","status":"c"}"#, unrecognized("a.b", "c", None)),
        (r#"{"event":"a","status":"b.c"}"#, unrecognized("a", "b.c", None)),
        (
            r#"{"event":"訓練","status":" "}"#,
            unrecognized("訓練", " ", None),
        ),
        // Data of any shape, as it was written.
        (
            r#"{"event":"a","status":"b","data":[1, 2]}"#,
            unrecognized("a", "b", Some("[1, 2]")),
        ),
        (
            r#"{"event":"a","status":"b","data": 1e999 }"#,
            unrecognized("a", "b", Some("1e999")),
        ),
        (
            r#"{"event":"a","status":"b","data":"\ud800"}"#,
            unrecognized("a", "b", Some(r#""\ud800""#)),
        ),
        (
            r#"{"event":"a","status":"b","data":{"model_id":5, "training_data_ids":"x","detail":[]}}"#,
            unrecognized(
                "a",
                "b",
                Some(r#"{"model_id":5, "training_data_ids":"x","detail":[]}"#),
            ),
        ),
        (
            r#"{"event":"a","status":"b","detail":{"why":1}}"#,
            unrecognized("a", "b", None),
        ),
    ];
    for (body, event) in cases {
        let expected = Notification {
            wire: Wire::V2024_07,
            event_id: None,
            chatbot_id: None,
            event,
        };

        assert_eq!(parsed(body), expected, "{body}");
        assert!(expected.event.is_unrecognized());
    }
}

#[test]
fn an_unknown_event_keeps_the_ids_it_has() {
    let older = json!({"event": "a", "status": "b", "event_id": PAGE_UUID, "chatbot_id": OTHER_UUID});
    let newer =
        json!({"event": "a", "status": "b", "event_id": PAGE_UUID, "data": {"chatbot_id": OTHER_UUID}});

    for (body, wire) in [(older, Wire::V2024_01), (newer, Wire::V2024_07)] {
        let notification = parsed_json(&body);

        assert_eq!(notification.wire, wire);
        assert_eq!(notification.event_id, Some(EventId::new(PAGE_UUID)));
        assert_eq!(notification.chatbot_id, Some(ChatbotId::new(OTHER_UUID)));
    }
}

#[test]
fn a_name_may_have_64_bytes() {
    let name = "é".repeat(32);
    let body = json!({"event": name, "status": name});

    assert_eq!(parsed_json(&body).name().to_string(), format!("{name}.{name}"));
}

#[test]
fn unknown_members_are_passed_over() {
    let body = format!(
        r#"{{"version":2,"event":"uploading","x":{{"event":"y"}},"status":"completed","x":[[]],"": "\ud800",
            "event_id":"{PAGE_UUID}","data":{{"chatbot_id":"{PAGE_UUID}","bytes":1,"training_data_ids":[
            {{"size":9,"id":"{PAGE_UUID}","filename":"filename"}},
            {{"id":"{PAGE_UUID}","filename":"filename","status":"failed","detail":"Unsupport file format"}}
            ]}}}}"#
    );

    assert_eq!(parsed(body), sample_of("uploading.completed", Wire::V2024_07));
}
