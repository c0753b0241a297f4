//! Promise: what is only shown, and decides nothing, never refuses a notification.

use proptest::prelude::*;

use super::limits::{any_json, any_sample};
use super::{PAGE_UUID, WIRES, parsed, sample_json, sample_of};
use crate::event::sample::to_json;
use crate::event::{Event, Wire};

/// Values of every kind, and as what text each is shown.
const VALUES: [(&str, Option<&str>); 14] = [
    ("null", None),
    (r#""""#, Some("")),
    (r#""Training data not found""#, Some("Training data not found")),
    (r#""photo \ud83d""#, Some("photo \u{fffd}")),
    (
        r#""\udc00\ud83d\ud83d\ude00\ud83d""#,
        Some("\u{fffd}\u{fffd}😀\u{fffd}"),
    ),
    (r#""\ud83d\n\\ud83d\ud83dé""#, Some("\u{fffd}\n\\ud83d\u{fffd}é")),
    (r#""\u0000\u001b[2J""#, Some("\0\u{1b}[2J")),
    ("7", Some("7")),
    ("-1.50e+999", Some("-1.50e+999")),
    ("true", Some("true")),
    ("[ ]", Some("[]")),
    ("[\t1 ,\r\n \"a b\" ]", Some(r#"[1,"a b"]"#)),
    (
        r#"{ "msg" : [ "\" \\", " \ud83d " ] }"#,
        Some(r#"{"msg":["\" \\"," \ud83d "]}"#),
    ),
    (r#"{"\ud83d": {}}"#, Some(r#"{"\ud83d":{}}"#)),
];

fn failed(event: &str, wire: Wire, detail: &str) -> String {
    let ids = format!(r#""event":"{event}","status":"failed","event_id":"{PAGE_UUID}""#);
    let moved = format!(r#""chatbot_id":"{PAGE_UUID}","detail":{detail}"#);
    match wire {
        Wire::V2024_01 => format!(r#"{{{ids},{moved}}}"#),
        Wire::V2024_07 => format!(r#"{{{ids},"data":{{{moved}}}}}"#),
    }
}

#[test]
fn a_detail_of_any_kind_is_shown_as_text() {
    for wire in WIRES {
        for event in ["crawling", "uploading", "training"] {
            for (value, text) in VALUES {
                let notification = parsed(failed(event, wire, value));

                let detail = notification.event.detail();
                assert_eq!(detail, text, "{event} of {wire}: {value}");
            }
        }
    }
}

fn uploaded(file: &str) -> String {
    format!(
        r#"{{"event":"uploading","status":"completed","event_id":"{PAGE_UUID}","data":{{"chatbot_id":"{PAGE_UUID}",
            "training_data_ids":[{{"id":"{PAGE_UUID}"{file}}}]}}}}"#
    )
}

#[track_caller]
fn check_file(members: &str, filename: &str, status: Option<&str>, detail: Option<&str>) {
    let Event::UploadingCompleted { files } = parsed(uploaded(members)).event else {
        panic!("it is a completed upload");
    };
    let [file] = &files[..] else {
        panic!("it is one file")
    };
    assert_eq!(
        (&*file.filename, file.status.as_deref(), file.detail.as_deref()),
        (filename, status, detail),
        "{members}"
    );
}

#[test]
fn what_is_said_of_a_file_may_be_of_any_kind() {
    check_file("", "", None, None);
    for (value, text) in VALUES {
        check_file(
            &format!(r#","filename":{value}"#),
            text.unwrap_or_default(),
            None,
            None,
        );
        let failed = format!(r#","status":"failed","detail":{value}"#);
        check_file(&failed, "", Some("failed"), text);
        check_file(&format!(r#","status":{value}"#), "", text, None);
    }
    check_file(
        r#","filename":"a","filename":"b","detail":1,"detail":2,"status":"queued","status":"failed""#,
        "b",
        Some("failed"),
        Some("2"),
    );
}

#[test]
fn of_two_details_the_one_of_the_newer_place_is_shown() {
    for (details, shown) in [
        (r#""detail":"older","data":{"detail":"newer"}"#, Some("newer")),
        (r#""detail":"older","data":{"detail":null}"#, Some("older")),
        (r#""detail":["older"],"data":{"detail":5}"#, Some("5")),
        (r#""detail":"a","detail":"b""#, Some("b")),
        (r#""detail":"a","detail":null"#, None),
        (r#""detail":"","data":{"detail":"a","detail":"b"}"#, Some("b")),
    ] {
        let body =
            format!(r#"{{"event":"training","status":"failed","chatbot_id":"{PAGE_UUID}",{details}}}"#);

        let event = parsed(&body).event;

        assert_eq!(event.detail(), shown, "{body}");
    }
}

#[test]
fn a_detail_where_nothing_failed_is_passed_over() {
    for name in ["crawling.initial", "uploading.completed", "training.completed"] {
        for wire in WIRES {
            let mut body = sample_json(name, wire);
            body["detail"] = 5.into();

            assert_eq!(
                parsed(body.to_string()),
                sample_of(name, wire),
                "{name} of {wire}"
            );
        }
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    for wire in WIRES {
        for name in super::DOCUMENTED {
            let body = format!("\u{feff}{}", sample_json(name, wire));

            assert_eq!(parsed(body), sample_of(name, wire), "{name} of {wire}");
        }
    }
}

#[test]
fn data_for_strict_readers_has_a_replacement_for_each_half_of_a_pair_and_is_else_as_it_came() {
    let body = |data: &str| format!(r#"{{"event":"a","status":"b","data":{data}}}"#);
    for (data, expected) in [
        (
            r#"{"a":"\ud83d\\ud83d\ud83d\ude00\ude00", "\ud83d" : "\u00e9\u0041"}"#,
            r#"{"a":"\ufffd\\ud83d\ud83d\ude00\ufffd", "\ufffd" : "\u00e9\u0041"}"#,
        ),
        (
            r#"["\ud83d\ud83d\ude00", 1.0e2 ]"#,
            r#"["\ufffd\ud83d\ude00", 1.0e2 ]"#,
        ),
        (r#""\uDBFF\uDFFF \uDBFF\uE000""#, r#""\uDBFF\uDFFF \ufffd\uE000""#),
        (r#"{ "a" : "é\n" }"#, r#"{ "a" : "é\n" }"#),
        ("7", "7"),
    ] {
        let Event::Unrecognized { data: Some(kept), .. } = parsed(body(data)).event else {
            panic!("it is unrecognised, with data");
        };

        assert_eq!(kept.0.get(), data);
        assert_eq!(kept.paired().get(), expected);
    }
}

proptest! {
    #[test]
    fn no_value_of_a_member_that_is_only_shown_changes_what_a_notification_is(
        sample in any_sample(),
        value in any_json(),
        surrogate in prop::option::of(0xd800..0xe000_u16),
        pointer in prop::sample::select(vec![
            "/detail", "/data/detail", "/data/training_data_ids/0/filename", "/data/training_data_ids/0/detail",
            "/data/training_data_ids/0/status", "/x",
        ]),
    ) {
        let mut body = to_json(&sample);
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let Some(members) = body.pointer_mut(parent).and_then(|parent| parent.as_object_mut()) else {
            return Ok(());
        };
        members.insert(member.to_owned(), "planted".into());
        let value = match surrogate {
            Some(surrogate) => format!(r#"["\u{surrogate:04x}",{value}]"#),
            None => value.to_string(),
        };
        let body = body.to_string().replace("\"planted\"", &value);

        let read = parsed(&body);

        prop_assert_eq!(read.identity(), sample.identity());
        prop_assert_eq!(read.name(), sample.name());
        prop_assert_eq!((read.event_id, read.chatbot_id, read.wire), (sample.event_id, sample.chatbot_id, sample.wire));
    }
}
