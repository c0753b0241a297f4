//! Promise: one notification has one identity, and two notifications never share one.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OTHER_UUID, PAGE_UUID, parsed_json, sample_json, sample_of};
use crate::event::sample::{self, Ids};
use crate::event::{Event, EventId, Identity, ModelId, Wire, same_content};

/// A body that is valid under any names.
fn any_body(event_id: Uuid, event: &str, status: &str, wire: Wire) -> Value {
    let mut body = json!({
        "event": event, "status": status, "event_id": event_id,
        "data": {"model_id": PAGE_UUID, "training_data_ids": []},
    });
    match wire {
        Wire::V2024_01 => body["chatbot_id"] = json!(PAGE_UUID),
        Wire::V2024_07 => body["data"]["chatbot_id"] = json!(PAGE_UUID),
    }
    body
}

fn same(one: &Value, other: &Value) -> bool {
    same_content(one.to_string().as_bytes(), other.to_string().as_bytes())
}

fn any_wire() -> impl Strategy<Value = Wire> {
    prop::sample::select(vec![Wire::V2024_01, Wire::V2024_07])
}

fn identity_of(event_id: u128, event: &str, status: &str, wire: Wire) -> Identity {
    parsed_json(&any_body(Uuid::from_u128(event_id), event, status, wire)).identity()
}

proptest! {
    #[test]
    fn two_notifications_have_one_identity_only_if_job_event_and_status_are_the_same(
        one in (0..2_u128, "[ab.]{1,2}|crawling|training", "[ab.]|initial|completed|failed"),
        other in (0..2_u128, "[ab.]{1,2}|crawling|training", "[ab.]|initial|completed|failed"),
        wires in (any_wire(), any_wire()),
    ) {
        let identity = identity_of(one.0, &one.1, &one.2, wires.0);
        let other_identity = identity_of(other.0, &other.1, &other.2, wires.1);

        prop_assert_eq!(identity == other_identity, one == other);
    }

    /// The nearest two that differ: the same dotted text, parted into event and status at two of its dots.
    #[test]
    fn one_dotted_text_parted_in_two_ways_gives_two_identities(
        parts in prop::collection::vec("[ab]|training|failed", 3..6),
        cuts in (any::<Index>(), any::<Index>()),
        wires in (any_wire(), any_wire()),
    ) {
        let cuts = (1 + cuts.0.index(parts.len() - 1), 1 + cuts.1.index(parts.len() - 1));
        let identity = |cut: usize, wire| identity_of(1, &parts[..cut].join("."), &parts[cut..].join("."), wire);

        prop_assert_eq!(identity(cuts.0, wires.0) == identity(cuts.1, wires.1), cuts.0 == cuts.1);
    }
}

#[test]
fn a_dot_in_a_name_does_not_move_between_event_and_status() {
    let one = parsed_json(&json!({"event": "a", "status": "b.c", "event_id": PAGE_UUID}));
    let other = parsed_json(&json!({"event": "a.b", "status": "c", "event_id": PAGE_UUID}));

    assert_eq!(one.name().to_string(), other.name().to_string());
    assert_ne!(one.identity(), other.identity());
}

#[test]
fn the_steps_of_one_job_are_different_notifications() {
    for wire in [Wire::V2024_01, Wire::V2024_07] {
        let identities: Vec<_> = sample::notifications(&Ids::all(PAGE_UUID), wire)
            .iter()
            .map(|notification| notification.identity())
            .filter(|identity| *identity != Identity::Windowed)
            .collect();

        for (index, identity) in identities.iter().enumerate() {
            assert!(
                !identities[..index].contains(identity),
                "{identity:?} stands for two"
            );
        }
    }
}

#[test]
fn a_notification_with_an_event_id_is_a_step_of_that_job_in_both_generations() {
    for name in Event::NAMES {
        let mut older = sample_json(&name.to_string(), Wire::V2024_01);
        older["event_id"] = json!(PAGE_UUID);
        let newer = sample_json(&name.to_string(), Wire::V2024_07);

        let expected = Identity::Job {
            event_id: EventId::new(PAGE_UUID),
            name,
        };
        assert_eq!(parsed_json(&older).identity(), expected);
        assert_eq!(parsed_json(&newer).identity(), expected);
    }
}

#[test]
fn an_older_training_that_completed_is_known_by_its_model() {
    let notification = sample_of("training.completed", Wire::V2024_01);

    assert_eq!(
        notification.identity(),
        Identity::Model {
            model_id: ModelId::new(PAGE_UUID)
        }
    );

    let mut other_model = sample_json("training.completed", Wire::V2024_01);
    other_model["data"]["model_id"] = json!(OTHER_UUID);
    assert_eq!(
        parsed_json(&other_model).identity(),
        Identity::Model {
            model_id: ModelId::new(OTHER_UUID)
        }
    );
}

#[test]
fn without_event_id_and_model_nothing_identifies_a_notification() {
    let bodies = [
        sample_json("training.initial", Wire::V2024_01),
        sample_json("training.failed", Wire::V2024_01),
        json!({"event": "training", "status": "initial", "data": {"chatbot_id": PAGE_UUID}}),
        // A model names the end of a training and nothing else.
        json!({"event": "training", "status": "failed", "chatbot_id": PAGE_UUID, "data": {"model_id": PAGE_UUID}}),
        json!({"event": "training", "status": "paused", "data": {"model_id": PAGE_UUID}}),
        json!({"event": "billing", "status": "initial", "chatbot_id": PAGE_UUID}),
    ];
    for body in bodies {
        assert_eq!(parsed_json(&body).identity(), Identity::Windowed, "{body}");
    }
}

#[test]
fn equal_bytes_are_the_same_even_if_they_are_no_json() {
    assert!(same_content(b"", b""));
    assert!(same_content(b"\xff{", b"\xff{"));
    assert!(!same_content(b"{", b"{ "));
    assert!(!same_content(b"\xff", b"{}"));
    assert!(!same_content(b"{}", b""));
}

#[test]
fn the_order_of_members_whitespace_and_escapes_do_not_count() {
    let one = br#"{"event":"a","status":"b","data":{"x":[1,2],"y":"z"}}"#;
    let other = b" {\n \"data\": {\"\\u0079\": \"\\u007a\", \"x\": [1, 2]},\r\n\t\"status\": \"b\", \"event\": \"a\" }";

    assert!(same_content(one, other));
}

#[test]
fn of_a_repeated_name_the_last_value_counts() {
    assert!(same_content(br#"{"a":1,"b":0,"a":2}"#, br#"{"b":0,"\u0061":2}"#));
    assert!(!same_content(br#"{"a":1,"b":0,"a":2}"#, br#"{"b":0,"a":1}"#));
    assert!(!same_content(br#"{"a":1,"a":2}"#, br#"{"a":2,"a":1}"#));
}

#[test]
fn numbers_are_compared_as_they_are_read() {
    for (one, other, expected) in [
        ("1", "1.0", false),
        ("1.0", "10e-1", true),
        // With large exponents the nearest floating-point number takes exact arithmetic.
        ("1.50e46", "1.5e46", true),
        ("0.30e0051", "3e50", true),
        ("-0", "0.0", true),
        ("0", "-0", false),
        ("-1", "-1.0", false),
        ("9223372036854775808", "-9223372036854775808", false),
        ("18446744073709551615", "18446744073709551616", false),
        // As values these two are one: the nearest floating-point number.
        ("18446744073709551616", "18446744073709551617", false),
        ("18446744073709551616", "1.8446744073709552e19", false),
        ("18446744073709551616", " 18446744073709551616", true),
        ("1e999", "1e999 ", false),
    ] {
        assert_eq!(
            same_content(one.as_bytes(), other.as_bytes()),
            expected,
            "{one} {other}"
        );
    }
}

/// Where a text is kept as it is and where by its hash, and what may be taken for one another there.
#[test]
fn texts_of_all_lengths_and_other_values_are_told_apart() {
    let texts = (0..40).flat_map(|length| ["", "b"].map(|end| format!("\"{}{end}\"", "a".repeat(length))));
    let others = [
        "null",
        "true",
        "false",
        "0",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        r#"{"":null}"#,
        r#"["",null]"#,
    ];
    let values: Vec<_> = texts.chain(others.map(str::to_owned)).collect();
    for (place, one) in values.iter().enumerate() {
        for (other_place, other) in values.iter().enumerate() {
            let other = format!(" {other}");
            let is_same = same_content(one.as_bytes(), other.as_bytes());

            assert_eq!(is_same, place == other_place, "{one} {other}");
        }
    }
}

/// Any JSON, of so few words that two are often the same.
fn any_text() -> impl Strategy<Value = String> {
    let leaves = [
        "null",
        "true",
        "0",
        "-0",
        "0.0",
        "1",
        "1.0",
        "1e0",
        "-1",
        "184467440737095",
        r#""""#,
        r#""a""#,
        r#""\u0061""#,
        r#""fifteen letters""#,
        r#""fifteen\u0020letters""#,
    ];
    let names = [
        r#""""#,
        r#""a""#,
        r#""\u0061""#,
        r#""fifteen letters""#,
        r#""fifteen letter\u0073""#,
    ];
    prop::sample::select(leaves.to_vec())
        .prop_map(str::to_owned)
        .prop_recursive(3, 12, 3, move |inner| {
            let member = (prop::sample::select(names.to_vec()), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(member, 0..4).prop_map(|members| {
                    let members: Vec<_> = members
                        .iter()
                        .map(|(name, value)| format!("{name} :{value}"))
                        .collect();
                    format!("{{{}}}", members.join(" ,"))
                }),
            ]
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn two_texts_say_the_same_if_they_are_equal_as_document_trees(one in any_text(), other in any_text()) {
        let tree = |text: &str| serde_json::from_str::<Value>(text).expect("it is JSON");

        let is_same = same_content(one.as_bytes(), other.as_bytes());

        prop_assert_eq!(is_same, tree(&one) == tree(&other));
        let written_anew = tree(&one).to_string();
        prop_assert!(same_content(one.as_bytes(), written_anew.as_bytes()), "{} {}", one, written_anew);
    }
}

#[test]
fn a_value_or_an_order_of_items_that_differs_counts_even_where_this_program_does_not_look() {
    let original = json!({
        "event": "training", "status": "initial", "chatbot_id": PAGE_UUID, "run": 1, "steps": ["a", "b"],
        "data": {"note": {"x": null}},
    });
    let changes = [
        ("/run", json!(2)),
        ("/run", json!("1")),
        ("/run", json!(null)),
        ("/steps", json!(["b", "a"])),
        ("/data/note/x", json!(0)),
        ("/data/note", json!({})),
        ("/event", json!("crawling")),
        ("/chatbot_id", json!(OTHER_UUID)),
    ];
    for (pointer, value) in changes {
        let mut changed = original.clone();
        *changed.pointer_mut(pointer).unwrap() = value;

        assert!(!same(&original, &changed), "{pointer}");
        assert!(!same(&changed, &original), "{pointer}");
    }
    let mut extended = original.clone();
    extended["more"] = json!(null);
    assert!(!same(&original, &extended));
}

#[test]
fn both_generations_of_one_notification_say_the_same() {
    for name in Event::NAMES {
        let mut older = sample_json(&name.to_string(), Wire::V2024_01);
        older["event_id"] = json!(PAGE_UUID);
        let newer = sample_json(&name.to_string(), Wire::V2024_07);

        assert!(same(&older, &newer), "{name}");
        assert!(same(&newer, &older), "{name}");
    }
}

#[test]
fn generations_of_two_notifications_do_not_say_the_same() {
    let older = sample_json("crawling.completed", Wire::V2024_01);
    let newer = sample_json("crawling.completed", Wire::V2024_07);
    let changes = [
        ("/event", json!("training")),
        ("/event_id", json!(OTHER_UUID)),
        ("/data/chatbot_id", json!(OTHER_UUID)),
        ("/data/training_data_ids/2", json!(OTHER_UUID)),
        ("/data/training_data_ids", json!([PAGE_UUID, PAGE_UUID])),
    ];
    for (pointer, value) in changes {
        let mut changed = newer.clone();
        *changed.pointer_mut(pointer).unwrap() = value;

        assert!(!same(&older, &changed), "{pointer}");
    }
}

#[test]
fn other_training_data_is_other_content() {
    for wire in [Wire::V2024_01, Wire::V2024_07] {
        let original = sample_json("crawling.completed", wire);
        let mut changed = original.clone();
        changed["data"]["training_data_ids"][0] = json!(OTHER_UUID);

        assert!(!same(&original, &changed), "{wire}");
    }
}

#[test]
fn an_undocumented_event_says_the_same_in_both_generations_if_its_data_does() {
    let body = |chatbot_at_top: bool, data: Value| {
        let mut body = json!({"event": "something", "status": "new", "event_id": PAGE_UUID, "data": data});
        if chatbot_at_top {
            body["chatbot_id"] = json!(PAGE_UUID);
        } else if body["data"].is_null() {
            body["data"] = json!({"chatbot_id": PAGE_UUID});
        } else {
            body["data"]["chatbot_id"] = json!(PAGE_UUID);
        }
        body
    };
    let older = |data: Value| body(true, data);
    let newer = |data: Value| body(false, data);

    for data in [Value::Null, json!({}), json!({"n": [1, {"a": 2}]})] {
        assert!(same(&older(data.clone()), &newer(data.clone())), "{data}");
    }
    for (one, other) in [
        (json!({"n": 1}), json!({"n": 2})),
        (json!({"n": 1}), json!({})),
        (Value::Null, json!({"n": null})),
    ] {
        assert!(!same(&older(one.clone()), &newer(other.clone())), "{one} {other}");
    }
    assert!(!same(&older(json!([1])), &newer(json!({}))));
}

#[test]
fn what_is_only_shown_makes_no_two_generations_the_same_that_are_not() {
    let older = |detail: &str| {
        format!(r#"{{"event":"training","status":"failed","chatbot_id":"{PAGE_UUID}","detail":{detail}}}"#)
    };
    let newer = |detail: &str| {
        format!(
            r#"{{"event":"training","status":"failed","data":{{"chatbot_id":"{PAGE_UUID}","detail":{detail}}}}}"#
        )
    };
    let is_same = |one: &str, other: &str| same_content(older(one).as_bytes(), newer(other).as_bytes());

    assert!(is_same(r#""5""#, r#""\u0035""#));
    // Each is shown as the other is.
    assert!(!is_same("5", r#""5""#));
    assert!(!is_same(r#""\ud800""#, r#""\ud801""#));
    assert!(!is_same(r#""1","detail":"5""#, r#""5""#));
}

#[test]
fn data_that_cannot_be_compared_is_not_the_same_in_two_generations() {
    for (one, other) in [
        (r#"{"n":"\ud800"}"#, r#"{"n":"\ud801"}"#),
        (r#"{"n":1e999}"#, r#"{"n":2e999}"#),
        (r#"{"n":18446744073709551617}"#, r#"{"n":18446744073709551618}"#),
    ] {
        let older = format!(r#"{{"event":"a","status":"b","chatbot_id":"{PAGE_UUID}","data":{one}}}"#);
        let other = other.strip_prefix('{').unwrap();
        let newer = format!(r#"{{"event":"a","status":"b","data":{{"chatbot_id":"{PAGE_UUID}",{other}}}"#);

        assert!(
            !same_content(older.as_bytes(), newer.as_bytes()),
            "{older} {newer}"
        );
    }
}

#[test]
fn a_byte_order_mark_does_not_count() {
    let body = sample_json("training.failed", Wire::V2024_01).to_string();
    let marked = format!("\u{feff}{body}");
    let laid_out = format!("\u{feff}{}", body.replace(',', " , "));
    let mut newer = sample_json("training.failed", Wire::V2024_07);
    newer.as_object_mut().unwrap().remove("event_id");
    let newer = format!("\u{feff}{newer}");
    let other = marked.replace("failed", "initial");

    for same in [&marked, &laid_out, &newer] {
        assert!(same_content(body.as_bytes(), same.as_bytes()), "{same}");
        assert!(same_content(same.as_bytes(), body.as_bytes()), "{same}");
    }
    assert!(!same_content(body.as_bytes(), other.as_bytes()));
    assert!(!same_content(
        "\u{feff}\u{feff}{\"a\": 1}".as_bytes(),
        b"{\"a\":1}"
    ));
}

#[test]
fn numbers_that_differ_in_their_last_digit_are_not_the_same_however_long() {
    let body =
        |number: &str| format!(r#"{{"event":"a","status":"b","event_id":{number},"is":true,"n":"\"9"}}"#);
    for (one, other) in [
        ("18446744073709551617", "18446744073709551618"),
        ("0.12345678901234567890", "0.12345678901234567891"),
        ("[1, 100000000000000000000]", "[1, 100000000000000000001]"),
    ] {
        let laid_out = format!(" {}", body(one).replace(',', " ,"));
        assert!(
            !same_content(body(one).as_bytes(), body(other).as_bytes()),
            "{one} {other}"
        );
        assert!(same_content(body(one).as_bytes(), laid_out.as_bytes()), "{one}");
    }
}

#[test]
fn an_id_is_the_same_whatever_letters_it_is_written_in() {
    let upper = |id: &str| id.to_uppercase();
    let braced = |id: &str| format!("{{{id}}}");
    let bare = |id: &str| id.replace('-', "");
    for name in Event::NAMES {
        let body = sample_json(&name.to_string(), Wire::V2024_07).to_string();
        let id = PAGE_UUID.to_string();
        for respelled in [upper(&id), braced(&id), bare(&id)] {
            let respelled = body.replace(&id, &respelled);

            assert_ne!(body, respelled);
            assert!(same_content(body.as_bytes(), respelled.as_bytes()), "{respelled}");
        }
    }
    let text = |place: &str, id: &str| format!(r#"{{"data":{{"{place}":"{id}"}}}}"#);
    let id = PAGE_UUID.to_string();
    assert!(same_content(
        text("id", &id).as_bytes(),
        text("id", &upper(&id)).as_bytes()
    ));
    // Elsewhere it is a text like any other, and so is an id that is no UUID.
    assert!(!same_content(
        text("detail", &id).as_bytes(),
        text("detail", &upper(&id)).as_bytes()
    ));
    assert!(!same_content(
        text("id", "a").as_bytes(),
        text("id", "A").as_bytes()
    ));
    let nested = |id: &str| format!(r#"{{"training_data_ids":[{{"filename":"{id}"}}]}}"#);
    assert!(!same_content(
        nested(&id).as_bytes(),
        nested(&upper(&id)).as_bytes()
    ));
}
