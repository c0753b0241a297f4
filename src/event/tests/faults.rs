//! Promise: a sender reads everything that is wrong with a body at once, in a bounded answer.

use serde_json::{Value, json};

use super::{PAGE_UUID, changed, check_faults, faults};
use crate::event::{MAX_FAULTS, ParseError, parse};

#[test]
fn every_fault_of_a_body_is_told_at_once() {
    check_faults(
        r#"{"event":"training","status":"completed","event_id":1,"data":{"model_id":2,"training_data_ids":[3]}}"#,
        &[
            "/event_id: expected a uuid, found 1",
            "/data/model_id: expected a uuid, found 2",
            "/data/training_data_ids/0: expected a uuid, found 3",
            "/data/chatbot_id: expected a uuid (or /chatbot_id), found nothing",
        ],
    );
    check_faults(
        r#"{"event":"uploading","status":"completed","data":{"training_data_ids":[{"status":4}]}}"#,
        &[
            "/data/training_data_ids/0/id: expected a uuid, found nothing",
            "/event_id: expected a uuid, found nothing",
            "/data/chatbot_id: expected a uuid (or /chatbot_id), found nothing",
        ],
    );
    check_faults(
        "{}",
        &[
            "/event: expected a string, found nothing",
            "/status: expected a string, found nothing",
        ],
    );
}

#[test]
fn a_long_value_is_quoted_up_to_60_characters() {
    let body = |text: &str| {
        let named =
            json!({"event": "training", "status": "initial", "chatbot_id": PAGE_UUID, "event_id": text});
        named.to_string()
    };

    let whole = "é".repeat(58);
    check_faults(
        &body(&whole),
        &[&format!("/event_id: expected a uuid, found \"{whole}\"")],
    );
    check_faults(
        &body(&format!("{whole}é")),
        &[&format!("/event_id: expected a uuid, found \"{whole}é…")],
    );
    check_faults(
        &"7".repeat(1000),
        &[&format!(
            "the body: expected an object, found {}…",
            "7".repeat(60)
        )],
    );
}

#[test]
fn no_more_than_20_faults_are_listed_and_the_rest_is_counted() {
    let bad_ids = |count: usize| {
        let items = Value::from(vec!["x"; count]).to_string();
        faults(&changed(
            "crawling.completed",
            "/data/training_data_ids",
            Some(&items),
        ))
    };
    let bad_id = |index: usize| format!(r#"/data/training_data_ids/{index}: expected a uuid, found "x""#);

    assert_eq!(MAX_FAULTS, 20);
    assert_eq!(bad_ids(20), ((0..20).map(bad_id).collect(), 0));
    assert_eq!(bad_ids(23), ((0..20).map(bad_id).collect(), 3));
}

#[test]
fn members_that_stand_twice_count_among_the_20_faults() {
    let file = format!(r#"{{"id":"{PAGE_UUID}","filename":"f","id":"{PAGE_UUID}"}}"#);
    let body = format!(
        r#"{{"event":"uploading","status":"completed","event_id":"{PAGE_UUID}","chatbot_id":"{PAGE_UUID}",
            "data":{{"training_data_ids":[{}]}}}}"#,
        vec![file; 25].join(",")
    );
    let twice = |index: usize| {
        format!("/data/training_data_ids/{index}/id: expected one value, found the member twice")
    };

    assert_eq!(faults(&body), ((0..20).map(twice).collect(), 5));
}

#[test]
fn an_error_names_the_first_fault_and_counts_the_others() {
    let message = |body: &str| parse(body.as_bytes()).unwrap_err().to_string();

    assert_eq!(
        message(r#"{"event":"a"}"#),
        "the body is JSON but not a notification: /status: expected a string, found nothing"
    );
    assert_eq!(
        message("{}"),
        "the body is JSON but not a notification: /event: expected a string, found nothing (and 1 more)"
    );
    assert_eq!(
        message(&changed(
            "crawling.completed",
            "/data/training_data_ids",
            Some(&Value::from(vec![5; 30]).to_string())
        )),
        "the body is JSON but not a notification: /data/training_data_ids/0: expected a uuid, found 5 (and 29 more)"
    );
}

#[test]
fn a_body_that_is_not_json_is_refused_as_such() {
    let bodies = [
        "",
        " ",
        "x",
        "{",
        "{}x",
        "{} {}",
        "[1,]",
        r#"{"event":"a","status":"b",}"#,
        r#"{"event":"a","status":"b"}}"#,
        r#"{"event":"a","status":'b'}"#,
        r#"{"event":"a","status":"b","x":01}"#,
        r#"{"event":"a","status":"b","x":NaN}"#,
        r#"{"event":"a","status":"b","x":"\x"}"#,
        "{\"event\":\"a\",\"status\":\"b\nc\"}",
        // A name with a bare line break, an escape cut short, and byte order marks out of place.
        "{\"event\":\"a\",\"status\":\"b\",\"x\ny\":1}",
        r#"{"event":"a","status":"b","\ud8":1}"#,
        "\u{feff}",
        "\u{feff}\u{feff}{\"event\":\"a\",\"status\":\"b\"}",
        " \u{feff}{\"event\":\"a\",\"status\":\"b\"}",
    ];
    for body in bodies {
        let error = parse(body.as_bytes()).unwrap_err();

        assert!(
            matches!(error, ParseError::NotJson(_)),
            "{body:?} gives {error:?}"
        );
    }
}

#[test]
fn what_was_expected_is_said_in_words_and_not_in_the_parsers() {
    for (body, expected) in [
        ("nope", "the body is not JSON: expected value at line 1 column 2"),
        (
            "nobody",
            "the body is not JSON: expected value at line 1 column 2",
        ),
        (
            "{\"a\": tru}",
            "the body is not JSON: expected value at line 1 column 10",
        ),
        ("hello", "the body is not JSON: expected value at line 1 column 1"),
    ] {
        let error = parse(body.as_bytes()).unwrap_err();

        assert_eq!(error.to_string(), expected, "{body:?}");
    }
}

#[test]
fn of_an_empty_body_it_is_said_that_it_is_empty() {
    for body in ["", " \r\n", "\u{feff}"] {
        let error = parse(body.as_bytes()).unwrap_err();

        assert_eq!(error.to_string(), "the body is not JSON: it is empty", "{body:?}");
    }
}

#[test]
fn a_body_that_is_not_utf_8_is_refused_by_its_first_bad_byte() {
    let cases: [(&[u8], &str); 4] = [
        (
            b"\xef\xbb\xbf\xff{}",
            "the body is not JSON: it is not UTF-8 from byte 3 on",
        ),
        (b"\xff{}", "the body is not JSON: it is not UTF-8 from byte 0 on"),
        (
            b"{\"event\":\"\xc3\"}",
            "the body is not JSON: it is not UTF-8 from byte 10 on",
        ),
        // A surrogate in UTF-8's clothes.
        (
            b"{\"x\":\"\xed\xa0\x80\"}",
            "the body is not JSON: it is not UTF-8 from byte 6 on",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(parse(body).unwrap_err().to_string(), expected);
    }
}

#[test]
fn json_of_another_kind_is_no_notification() {
    check_faults("5", &["the body: expected an object, found 5"]);
    check_faults(" null\n", &["the body: expected an object, found null"]);
    check_faults("\"x\"", &[r#"the body: expected an object, found "x""#]);
    check_faults("[{}]", &["the body: expected an object, found an array"]);
}
