//! Promise: an event, a status or a member that nobody has documented is kept or passed over, never refused.

use serde_json::json;
use uuid::Uuid;

use super::{OTHER_UUID, PAGE_UUID, parsed, parsed_json, sample_of};
use crate::event::{ChatbotId, Event, EventId, IdTexts, Identity, Json, Name, Notification, Wire};

fn unrecognized(event: &'static str, status: &'static str, data: Option<&str>) -> Event {
    let data = data.map(|data| Json(serde_json::from_str(data).expect("the data is JSON")));
    Event::Unrecognized {
        name: Name {
            event: event.into(),
            status: status.into(),
        },
        data,
        id_texts: IdTexts::default(),
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
        assert!(expected.event.id_texts().is_some());
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

#[track_caller]
fn check_ids(
    members: &str,
    ids: (Option<Uuid>, Option<Uuid>),
    texts: (Option<&str>, Option<&str>),
    wire: Wire,
) {
    let body = format!(r#"{{"event":"a","status":"b",{members}}}"#);

    let notification = parsed(&body);

    let id_texts = notification.event.id_texts().expect("it is unrecognised");
    let read = (
        notification.event_id.map(EventId::uuid),
        notification.chatbot_id.map(ChatbotId::uuid),
    );
    assert_eq!(read, ids, "{body}");
    assert_eq!(
        (id_texts.event_id.as_deref(), id_texts.chatbot_id.as_deref()),
        texts,
        "{body}"
    );
    assert_eq!(notification.wire, wire, "{body}");
    let is_step = matches!(notification.identity(), Identity::Job { .. });
    assert_eq!(is_step, ids.0.is_some(), "{body}");
    assert!(is_step || notification.identity() == Identity::Windowed, "{body}");
}

#[test]
fn an_id_of_an_unknown_event_may_be_anything_and_is_one_only_if_it_is_a_uuid() {
    let (newer, older) = (Wire::V2024_07, Wire::V2024_01);
    let (one, other) = (PAGE_UUID, OTHER_UUID);
    check_ids(
        r#""event_id":"evt_1""#,
        (None, None),
        (Some("evt_1"), None),
        newer,
    );
    check_ids(r#""event_id":42"#, (None, None), (Some("42"), None), newer);
    // As a text these digits would be a UUID.
    let digits = "12345678901234567890123456789012";
    check_ids(
        &format!(r#""event_id":{digits}"#),
        (None, None),
        (Some(digits), None),
        newer,
    );
    check_ids(r#""event_id":"""#, (None, None), (Some(""), None), newer);
    check_ids(r#""event_id":null"#, (None, None), (None, None), newer);
    check_ids(
        r#""event_id":{"of" : ["\ud800", "a \" b"]}"#,
        (None, None),
        (Some(r#"{"of":["\ud800","a \" b"]}"#), None),
        newer,
    );
    check_ids(
        r#""event_id":"half \udc00.""#,
        (None, None),
        (Some("half \u{fffd}."), None),
        newer,
    );
    check_ids(
        &format!(r#""event_id":"{one}","event_id":"{other}""#),
        (None, None),
        (Some(&other.to_string()), None),
        newer,
    );
    check_ids(
        r#""chatbot_id":"bot","data":[1]"#,
        (None, None),
        (None, Some("bot")),
        older,
    );
    check_ids(
        &format!(r#""event_id":"{one}","data":{{"chatbot_id":7}}"#),
        (Some(one), None),
        (None, Some("7")),
        newer,
    );
    check_ids(
        &format!(r#""chatbot_id":"{one}","data":{{"chatbot_id":"{one}"}}"#),
        (None, Some(one)),
        (None, None),
        newer,
    );
    check_ids(
        &format!(r#""chatbot_id":"{one}","data":{{"chatbot_id":"{other}"}}"#),
        (None, None),
        (None, Some(&other.to_string())),
        newer,
    );
}

#[test]
fn what_stands_in_the_place_of_an_id_is_kept_up_to_200_characters() {
    let members = |text: &str| format!(r#""event_id":"{text}","chatbot_id":[{}]"#, "7".repeat(300));
    let whole = "é".repeat(200);
    let chatbot = format!("[{}…", "7".repeat(199));

    check_ids(
        &members(&whole),
        (None, None),
        (Some(&whole), Some(&chatbot)),
        Wire::V2024_01,
    );
    check_ids(
        &members(&format!("{whole}é")),
        (None, None),
        (Some(&format!("{whole}…")), Some(&chatbot)),
        Wire::V2024_01,
    );
}

#[test]
fn the_data_of_an_unknown_event_may_have_members_twice() {
    let data = r#"{"detail":1,"detail":2,"model_id":[],"model_id":{},"\ud800":1,"\ud800":2}"#;
    let body = format!(r#"{{"event":"a","status":"b","data":{data}}}"#);

    assert_eq!(parsed(body).event, unrecognized("a", "b", Some(data)));
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
        r#"{{"version":2,"event":"uploading","x":{{"event":"y"}},"status":"completed","x":[[]],"": "\ud800","\udead":"\ud800\ud800",
            "event_id":"{PAGE_UUID}","data":{{"chatbot_id":"{PAGE_UUID}","bytes":1,"training_data_ids":[
            {{"size":9,"id":"{PAGE_UUID}","filename":"filename"}},
            {{"id":"{PAGE_UUID}","filename":"filename","status":"failed","detail":"Unsupport file format"}}
            ]}}}}"#
    );

    assert_eq!(parsed(body), sample_of("uploading.completed", Wire::V2024_07));
}
