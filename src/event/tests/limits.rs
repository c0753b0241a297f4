//! Promise: whatever the bytes, the body is read in time and memory proportional to its size, without a panic.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::{PAGE_UUID, Wire, parsed_json, sample_of};
use crate::event::sample::{Ids, notifications, to_json};
use crate::event::{Event, MAX_FAULTS, Notification, ParseError, parse, same_content};

/// The size of the bodies below: what a careless sender may post, far beyond what CaiGunn does.
const BODY_BYTES: usize = 8 << 20;

/// What `read` gives on a stack of 256 KiB and within a minute. Linear work takes a second or two even in a
/// debug build on a busy machine, quadratic work over [`BODY_BYTES`] takes hours.
fn read_within_bounds<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(move || sender.send(read()))
        .expect("a thread can be started");
    receiver
        .recv_timeout(Duration::from_secs(60))
        .expect("the body is read within a minute")
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &*"]".repeat(depth)
}

#[test]
fn nesting_without_end_is_not_json() {
    for start in ["", r#"{"event":"a","status":"b","data":"#] {
        let body = start.to_owned() + &*"[".repeat(1_000_000);

        let error = read_within_bounds(move || parse(body.as_bytes())).unwrap_err();

        assert!(matches!(error, ParseError::NotJson(_)), "{start} gives {error}");
    }
}

#[test]
fn deep_nesting_is_passed_over_kept_or_refused_like_any_value() {
    let deep = nested(1_000_000);
    let passed_over = format!(
        r#"{{"event":"training","status":"initial","chatbot_id":"{PAGE_UUID}","x":{deep},"data":{{"y":{deep}}}}}"#
    );
    let kept = format!(r#"{{"event":"a","status":"b","data":{deep}}}"#);
    let refused = format!(
        r#"{{"event":"crawling","status":"completed","chatbot_id":"{PAGE_UUID}","event_id":"{PAGE_UUID}",
            "data":{{"training_data_ids":[{deep}]}}}}"#
    );

    let (passed_over, kept, refused) = read_within_bounds(move || {
        (
            parse(passed_over.as_bytes()),
            parse(kept.as_bytes()),
            parse(refused.as_bytes()),
        )
    });

    assert_eq!(passed_over, Ok(sample_of("training.initial", Wire::V2024_01)));
    let Ok(Notification {
        event: Event::Unrecognized { data: Some(data), .. },
        ..
    }) = kept
    else {
        panic!("an unknown event is kept with its data");
    };
    assert!(data.0.get() == deep);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the body is JSON but not a notification: /data/training_data_ids/0: expected a uuid, found an array"
    );
}

/// Bodies nested too deep to be compared count as different: keeping one too many is the safe side.
#[test]
fn deep_nesting_is_the_same_content_only_to_the_byte() {
    let one = format!(r#"{{"event":"a","status":"b","data":{}}}"#, nested(1_000_000));
    let other = format!("{one} ");

    let (same, different) = read_within_bounds(move || {
        (
            same_content(one.as_bytes(), one.as_bytes()),
            same_content(one.as_bytes(), other.as_bytes()),
        )
    });

    assert!(same);
    assert!(!different);
}

/// An undocumented event in the older generation and in the newer one, with the same data but for whose it is.
fn in_both_generations(data: &str) -> [String; 2] {
    let id = PAGE_UUID;
    let start = format!(r#"{{"event":"a","status":"b","event_id":"{id}""#);
    [
        format!(r#"{start},"chatbot_id":"{id}","data":{{"x":{data}}}}}"#),
        format!(r#"{start},"data":{{"chatbot_id":"{id}","x":{data}}}}}"#),
    ]
}

/// Whether two bodies say the same, found within bounds.
fn same_within_bounds(one: impl Into<Vec<u8>>, other: impl Into<Vec<u8>>) -> bool {
    let (one, other) = (one.into(), other.into());
    read_within_bounds(move || same_content(&one, &other))
}

#[test]
fn deep_nesting_is_not_the_same_content_in_both_generations() {
    let [older, newer] = in_both_generations(&nested(100));
    assert!(same_within_bounds(older, newer));

    let [older, newer] = in_both_generations(&nested(1_000));
    assert!(!same_within_bounds(older, newer));
}

#[test]
fn small_objects_without_end_are_compared() {
    let objects = |object: &str| format!("[{}]", vec![object; (2 << 20) / 7].join(","));
    let (one, other) = (objects(r#"{"":0}"#), objects(r#"{"":0 }"#));

    assert!(same_within_bounds(one, other));
}

/// An object of that many members with different names.
fn wide(count: usize, separator: &str) -> String {
    let members = (0..count).map(|number| format!("\"{number:x}\":0"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(separator))
}

/// One with too many members to be compared counts as different, as what is nested too deep does.
#[test]
fn an_object_with_very_many_members_is_the_same_content_only_to_the_byte() {
    assert!(same_within_bounds(wide(262_144, ","), wide(262_144, ", ")));
    assert!(!same_within_bounds(wide(262_145, ","), wide(262_145, ", ")));
    assert!(same_within_bounds(wide(262_145, ","), wide(262_145, ",")));
}

#[test]
fn a_name_that_is_repeated_very_often_counts_once() {
    let repeated = format!("{{{}}}", vec![r#""":0"#; BODY_BYTES / 5].join(","));

    assert!(same_within_bounds(repeated, r#"{"" : 0}"#));
}

#[test]
fn eight_mebibytes_of_training_data_are_read() {
    let count = BODY_BYTES / 39;
    let ids = vec![format!("\"{PAGE_UUID}\""); count].join(",");
    let body = format!(
        r#"{{"event":"crawling","status":"completed","chatbot_id":"{PAGE_UUID}","event_id":"{PAGE_UUID}",
            "data":{{"training_data_ids":[{ids}]}}}}"#
    );

    let notification = read_within_bounds(move || parse(body.as_bytes())).unwrap();

    let Event::CrawlingCompleted { training_data_ids } = notification.event else {
        panic!("it is a completed crawl");
    };
    assert_eq!(training_data_ids.len(), 215_092);
}

#[test]
fn eight_mebibytes_of_faults_are_counted_and_not_kept() {
    let body = format!(
        r#"{{"event":"training","status":"completed","chatbot_id":"{PAGE_UUID}",
            "data":{{"model_id":"{PAGE_UUID}","training_data_ids":[{}]}}}}"#,
        vec!["\"no uuid, but a text of some length\""; BODY_BYTES / 40].join(", ")
    );

    let error = read_within_bounds(move || parse(body.as_bytes())).unwrap_err();

    let ParseError::NotNotification {
        faults,
        omitted_count,
    } = error
    else {
        panic!("it is JSON");
    };
    assert_eq!((faults.len(), omitted_count), (20, 209_695));
}

#[test]
fn eight_mebibytes_of_one_text_are_quoted_in_part() {
    let body = format!(
        r#"{{"event":"{}","status":"b"}}"#,
        r"\u0061".repeat(BODY_BYTES / 6)
    );

    let error = read_within_bounds(move || parse(body.as_bytes())).unwrap_err();

    assert_eq!(
        error.to_string(),
        format!(
            "the body is JSON but not a notification: /event: expected 1 to 64 bytes without control characters, \
             found \"{}\\u006…",
            r"\u0061".repeat(9)
        )
    );
}

#[test]
fn eight_mebibytes_of_what_is_only_shown_are_read() {
    let half_pairs = format!(r#""{}""#, r"\ud800".repeat(BODY_BYTES / 6));
    let list = format!("[{}{{}}]", r#" "\"", "#.repeat(BODY_BYTES / 7));
    let body = |detail: &str| {
        format!(r#"{{"event":"training","status":"failed","chatbot_id":"{PAGE_UUID}","detail":{detail}}}"#)
    };
    for (body, expected_bytes) in [
        (body(&half_pairs), BODY_BYTES / 6 * "\u{fffd}".len()),
        (body(&list), BODY_BYTES / 7 * r#""\"","#.len() + "[{}]".len()),
    ] {
        let notification = read_within_bounds(move || parse(body.as_bytes())).unwrap();

        let detail = notification.event.detail().expect("it has one").len();
        assert_eq!(detail, expected_bytes);
    }
}

pub fn any_sample() -> impl Strategy<Value = Notification> {
    let ids = Ids::all(PAGE_UUID);
    let samples = [Wire::V2024_01, Wire::V2024_07]
        .map(|wire| notifications(&ids, wire))
        .concat();
    prop::sample::select(samples)
}

/// What can be said of any answer: faults are few and never none; what is understood survives another round.
fn check_answer(body: &[u8]) -> Result<(), TestCaseError> {
    match parse(body) {
        Ok(notification) if notification.event.id_texts().is_some() => {}
        Ok(notification) => prop_assert_eq!(parsed_json(&to_json(&notification)), notification),
        Err(ParseError::NotJson(_)) => {}
        Err(ParseError::NotNotification {
            faults,
            omitted_count,
        }) => {
            prop_assert!((1..=MAX_FAULTS).contains(&faults.len()));
            prop_assert!(omitted_count == 0 || faults.len() == MAX_FAULTS);
        }
    }
    Ok(())
}

/// JSON made of the names and values that a notification is made of, in any arrangement.
pub fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        prop::sample::select(vec![
            "crawling",
            "uploading",
            "training",
            "initial",
            "completed",
            "failed"
        ])
        .prop_map(Into::into),
        Just(PAGE_UUID.to_string().into()),
        any::<String>().prop_map(Into::into),
    ];
    let member_name = prop::sample::select(vec![
        "event",
        "status",
        "event_id",
        "chatbot_id",
        "detail",
        "data",
        "model_id",
        "training_data_ids",
        "id",
        "filename",
        "x",
    ]);
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((member_name.clone(), inner), 0..8).prop_map(|members| {
                serde_json::Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(body in prop::collection::vec(any::<u8>(), 0..200)) {
        check_answer(&body)?;
    }

    #[test]
    fn any_json_gets_an_answer(body in any_json()) {
        check_answer(body.to_string().as_bytes())?;
    }

    #[test]
    fn a_damaged_sample_gets_an_answer(
        sample in any_sample(),
        damages in prop::collection::vec((any::<Index>(), 0..4_u8, any::<u8>()), 1..4),
    ) {
        let mut body = to_json(&sample).to_string().into_bytes();
        for (place, kind, byte) in damages {
            let place = place.index(body.len() + 1);
            match kind {
                0 => body.insert(place, byte),
                1 => body.truncate(place),
                _ if place == body.len() => {}
                2 => body[place] = byte,
                _ => drop(body.remove(place)),
            }
        }

        check_answer(&body)?;
    }

    #[test]
    fn a_sample_with_any_value_in_any_place_gets_an_answer(
        sample in any_sample(),
        place in any::<Index>(),
        value in any_json(),
    ) {
        let mut body = to_json(&sample);
        let members = body.as_object_mut().expect("a sample is an object");
        let name = members.keys().nth(place.index(members.len())).cloned().expect("the index is in range");
        members.insert(name, value);

        check_answer(body.to_string().as_bytes())?;
    }
}
