//! Promise: each member is refused if it is missing, of another type or twice there, with its place and value.

use serde_json::json;

use super::{OTHER_UUID, PAGE_UUID, changed, check_faults};

#[test]
fn each_required_member_is_missed_if_absent_or_null() {
    let cases = [
        ("crawling.initial", "/event", "a string"),
        ("crawling.initial", "/status", "a string"),
        ("crawling.initial", "/event_id", "a uuid"),
        ("crawling.initial", "/data/chatbot_id", "a uuid (or /chatbot_id)"),
        ("crawling.completed", "/event_id", "a uuid"),
        (
            "crawling.completed",
            "/data/chatbot_id",
            "a uuid (or /chatbot_id)",
        ),
        ("crawling.completed", "/data/training_data_ids", "an array"),
        ("crawling.failed", "/event_id", "a uuid"),
        ("crawling.failed", "/data/chatbot_id", "a uuid (or /chatbot_id)"),
        ("uploading.initial", "/event_id", "a uuid"),
        ("uploading.initial", "/data/chatbot_id", "a uuid (or /chatbot_id)"),
        ("uploading.completed", "/event_id", "a uuid"),
        (
            "uploading.completed",
            "/data/chatbot_id",
            "a uuid (or /chatbot_id)",
        ),
        ("uploading.completed", "/data/training_data_ids", "an array"),
        ("uploading.failed", "/event_id", "a uuid"),
        ("uploading.failed", "/data/chatbot_id", "a uuid (or /chatbot_id)"),
        ("training.initial", "/data/chatbot_id", "a uuid (or /chatbot_id)"),
        (
            "training.completed",
            "/data/chatbot_id",
            "a uuid (or /chatbot_id)",
        ),
        ("training.completed", "/data/model_id", "a uuid"),
        ("training.completed", "/data/training_data_ids", "an array"),
        ("training.failed", "/data/chatbot_id", "a uuid (or /chatbot_id)"),
    ];
    for (name, pointer, expected) in cases {
        check_faults(
            &changed(name, pointer, None),
            &[&format!("{pointer}: expected {expected}, found nothing")],
        );
        check_faults(
            &changed(name, pointer, Some("null")),
            &[&format!("{pointer}: expected {expected}, found null")],
        );
    }
}

#[test]
fn where_all_data_is_missing_that_is_said_first() {
    for (value, found) in [(None, "nothing"), (Some("null"), "null")] {
        check_faults(
            &changed("uploading.completed", "/data", value),
            &[
                &format!("/data: expected an object, found {found}"),
                "/data/training_data_ids: expected an array, found nothing",
                "/data/chatbot_id: expected a uuid (or /chatbot_id), found nothing",
            ],
        );
    }
    // An older beginning needs none.
    let older = json!({"event": "training", "status": "initial", "chatbot_id": PAGE_UUID});
    assert!(crate::event::parse(older.to_string().as_bytes()).is_ok());
}

#[test]
fn each_member_is_refused_with_another_type() {
    let cases = [
        ("crawling.initial", "5", "/event: expected a string, found 5"),
        (
            "crawling.initial",
            "{}",
            "/event: expected a string, found an object",
        ),
        (
            "crawling.initial",
            "true",
            "/status: expected a string, found true",
        ),
        (
            "crawling.initial",
            "[]",
            "/status: expected a string, found an array",
        ),
        (
            "crawling.initial",
            "-1.5",
            "/event_id: expected a uuid, found -1.5",
        ),
        (
            "crawling.initial",
            "[]",
            "/event_id: expected a uuid, found an array",
        ),
        (
            "training.initial",
            "{}",
            "/event_id: expected a uuid, found an object",
        ),
        ("training.initial", "7", "/chatbot_id: expected a uuid, found 7"),
        (
            "training.initial",
            "7",
            "/data/chatbot_id: expected a uuid, found 7",
        ),
        (
            "training.completed",
            "{}",
            "/data/model_id: expected a uuid, found an object",
        ),
        (
            "training.completed",
            "{}",
            "/data/training_data_ids: expected an array, found an object",
        ),
        (
            "crawling.completed",
            r#""x""#,
            r#"/data/training_data_ids: expected an array, found "x""#,
        ),
        (
            "uploading.completed",
            "5",
            "/data/training_data_ids: expected an array, found 5",
        ),
    ];
    for (name, value, expected) in cases {
        let (pointer, _) = expected.split_once(':').unwrap();

        check_faults(&changed(name, pointer, Some(value)), &[expected]);
    }
}

#[test]
fn a_text_that_is_no_uuid_is_refused_wherever_one_must_be() {
    let cases = [
        (
            "crawling.initial",
            r#""""#,
            r#"/event_id: expected a uuid, found """#,
        ),
        (
            "training.initial",
            r#""3fa85f64-5717-4562-b3fc-2c963f66afa""#,
            r#"/event_id: expected a uuid, found "3fa85f64-5717-4562-b3fc-2c963f66afa""#,
        ),
        (
            "training.initial",
            r#""3fa85f64-5717-4562-b3fc-2c963f66afag""#,
            r#"/data/chatbot_id: expected a uuid, found "3fa85f64-5717-4562-b3fc-2c963f66afag""#,
        ),
        (
            "training.initial",
            r#""x""#,
            r#"/chatbot_id: expected a uuid, found "x""#,
        ),
        (
            "training.completed",
            r#"" 3fa85f64-5717-4562-b3fc-2c963f66afa6""#,
            r#"/data/model_id: expected a uuid, found " 3fa85f64-5717-4562-b3fc-2c963f66afa6""#,
        ),
    ];
    for (name, value, expected) in cases {
        let (pointer, _) = expected.split_once(':').unwrap();

        check_faults(&changed(name, pointer, Some(value)), &[expected]);
    }
}

#[test]
fn an_item_of_the_training_data_is_refused_by_its_index() {
    let file = r#""filename":"f""#;
    let cases = [
        (
            "crawling.completed",
            format!(r#"["{PAGE_UUID}","x"]"#),
            r#"/1: expected a uuid, found "x""#,
        ),
        (
            "crawling.completed",
            format!(r#"["{PAGE_UUID}",null]"#),
            "/1: expected a uuid, found null",
        ),
        (
            "crawling.completed",
            r#"[{"id":1}]"#.to_owned(),
            "/0: expected a uuid, found an object",
        ),
        (
            "training.completed",
            format!(r#"["{PAGE_UUID}","x"]"#),
            r#"/1: expected a uuid, found "x""#,
        ),
        (
            "training.completed",
            format!("[5,\"{PAGE_UUID}\"]"),
            "/0: expected a uuid, found 5",
        ),
        (
            "uploading.completed",
            format!(r#"["{PAGE_UUID}"]"#),
            r#"/0: expected an object, found "3fa85f64-5717-4562-b3fc-2c963f66afa6""#,
        ),
        (
            "uploading.completed",
            "[null]".to_owned(),
            "/0: expected an object, found null",
        ),
        (
            "uploading.completed",
            format!("[{{{file}}}]"),
            "/0/id: expected a uuid, found nothing",
        ),
        (
            "uploading.completed",
            format!(r#"[{{"id":null,{file}}}]"#),
            "/0/id: expected a uuid, found null",
        ),
        (
            "uploading.completed",
            format!(r#"[{{"id":"x",{file}}}]"#),
            r#"/0/id: expected a uuid, found "x""#,
        ),
    ];
    for (name, items, expected) in cases {
        let body = changed(name, "/data/training_data_ids", Some(&items));

        check_faults(&body, &[&format!("/data/training_data_ids{expected}")]);
    }
}

#[test]
fn a_member_that_stands_twice_is_refused_even_with_one_value() {
    let ids = format!(r#""event_id":"{PAGE_UUID}","chatbot_id":"{PAGE_UUID}""#);
    let cases = [
        (r#"{"event":"a","event":"a","status":"b"}"#.to_owned(), "/event"),
        (
            r#"{"event":"a","status":"b","st\u0061tus":"b"}"#.to_owned(),
            "/status",
        ),
        (
            format!(r#"{{"event":"crawling","status":"initial",{ids},"event_id":"{PAGE_UUID}"}}"#),
            "/event_id",
        ),
        (
            format!(r#"{{"event":"crawling","status":"initial","chatbot_id":null,{ids}}}"#),
            "/chatbot_id",
        ),
        (
            format!(r#"{{"event":"training","status":"failed",{ids},"data":{{}},"data":{{}}}}"#),
            "/data",
        ),
        (
            format!(
                r#"{{"event":"training","status":"failed","data":{{{ids},"chatbot_id":"{PAGE_UUID}"}}}}"#
            ),
            "/data/chatbot_id",
        ),
        (
            format!(
                r#"{{"event":"training","status":"completed",{ids},
                    "data":{{"training_data_ids":[],"model_id":"{PAGE_UUID}","model_id":"{PAGE_UUID}"}}}}"#
            ),
            "/data/model_id",
        ),
        (
            format!(
                r#"{{"event":"crawling","status":"completed",{ids},
                    "data":{{"training_data_ids":[],"training_data_ids":[]}}}}"#
            ),
            "/data/training_data_ids",
        ),
        (
            format!(
                r#"{{"event":"uploading","status":"completed",{ids},"data":{{"training_data_ids":[
                    {{"id":"{PAGE_UUID}","filename":"f"}},{{"id":"{PAGE_UUID}","filename":"f","id":"{PAGE_UUID}"}}]}}}}"#
            ),
            "/data/training_data_ids/1/id",
        ),
    ];
    for (body, pointer) in cases {
        check_faults(
            &body,
            &[&format!("{pointer}: expected one value, found the member twice")],
        );
    }
}

#[test]
fn two_places_with_two_chatbots_are_refused() {
    let chatbots = json!({
        "event": "training", "status": "initial", "chatbot_id": PAGE_UUID, "data": {"chatbot_id": OTHER_UUID},
    });

    check_faults(
        &chatbots.to_string(),
        &[
            r#"/data/chatbot_id: expected the uuid of /chatbot_id, found "0190163d-8694-739b-aea5-966c26f8ad90""#,
        ],
    );
}

#[test]
fn a_name_is_1_to_64_bytes_without_control_characters() {
    const RULE: &str = "1 to 64 bytes without control characters";
    let body = |event: &str| json!({"event": event, "status": "b"}).to_string();

    check_faults(&body(""), &[&format!(r#"/event: expected {RULE}, found """#)]);
    check_faults(
        &body("a\nb"),
        &[&format!(r#"/event: expected {RULE}, found "a\nb""#)],
    );
    check_faults(
        &body("a\u{7f}"),
        &[&format!("/event: expected {RULE}, found \"a\u{7f}\"")],
    );
    check_faults(
        &body(&"a".repeat(65)),
        &[&format!("/event: expected {RULE}, found \"{}…", "a".repeat(59))],
    );
    check_faults(
        &body(&"é".repeat(33)),
        &[&format!("/event: expected {RULE}, found \"{}\"", "é".repeat(33))],
    );
    check_faults(
        r#"{"event":"a","status":""}"#,
        &[&format!(r#"/status: expected {RULE}, found """#)],
    );
}

#[test]
fn half_a_surrogate_pair_is_no_name_and_no_id() {
    check_faults(
        r#"{"event":"\ud800","status":"b"}"#,
        &[r#"/event: expected a string, found "\ud800""#],
    );
    check_faults(
        &format!(
            r#"{{"event":"crawling","status":"initial","event_id":"{PAGE_UUID}\udc00","chatbot_id":"{PAGE_UUID}"}}"#
        ),
        &[&format!(
            r#"/event_id: expected a uuid, found "{PAGE_UUID}\udc00""#
        )],
    );
}

#[test]
fn the_data_of_a_documented_event_must_be_an_object() {
    let body = |data: &str| {
        format!(
            r#"{{"event":"crawling","status":"initial","event_id":"{PAGE_UUID}","chatbot_id":"{PAGE_UUID}","data":{data}}}"#
        )
    };

    check_faults(&body("5"), &["/data: expected an object, found 5"]);
    check_faults(&body("[]"), &["/data: expected an object, found an array"]);
    check_faults(&body(r#""x""#), &[r#"/data: expected an object, found "x""#]);
}
