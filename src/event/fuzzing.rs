//! Targets: what is read of a body, and which two bodies say the same.

mod respelled;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::wire::{parse_exact, without_mark};
use super::{
    ChatbotId, Event, Identity, MAX_FAULTS, MAX_NAME_BYTES, Notification, ParseError, Wire, parse,
    same_content, sample,
};

/// What pointers are made of, beside indexes.
const NAMES: [&str; 11] = [
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
    "",
];

/// A body: it is read as what it says, or refused for what is wrong with it.
pub fn body(input: &[u8]) {
    let read = parse(input);
    let laid_out = parse(&[input, b" \r\n\t"].concat());
    assert_eq!(
        laid_out.as_ref().ok(),
        read.as_ref().ok(),
        "white space changes nothing"
    );
    match read {
        Ok(notification) => is_sound(&notification, input),
        Err(error) => is_just(&error, input),
    }
}

/// Whether a notification says what is promised of all of them, and its body no more.
fn is_sound(notification: &Notification, body: &[u8]) {
    let name = notification.name();
    for text in [&name.event, &name.status] {
        assert!((1..=MAX_NAME_BYTES).contains(&text.len()) && !text.contains(char::is_control));
    }
    assert!(same_content(body, body));
    let has_job = notification.event_id.is_some();
    assert_eq!(matches!(notification.identity(), Identity::Job { .. }), has_job);
    if let Event::Unrecognized { data, .. } = &notification.event {
        assert!(!Event::is_documented(&name.event, &name.status));
        if let Some(data) = data {
            let error = serde_json::from_str::<Value>(data.paired().get()).err();
            let is_size = |text: &str| text.contains("recursion limit") || text.contains("out of range");
            assert!(
                error.is_none_or(|error| is_size(&error.to_string())),
                "paired JSON is for all readers"
            );
        }
        return;
    }
    assert!(Event::is_documented(&name.event, &name.status));
    assert!(notification.chatbot_id.is_some());
    assert!(has_job || name.event == "training");
    let written = sample::to_json(notification).to_string();
    assert_eq!(
        parse(written.as_bytes()).as_ref(),
        Ok(notification),
        "it is read as it is written"
    );
}

/// Whether a body deserved its refusal, and the refusal is bounded.
fn is_just(error: &ParseError, body: &[u8]) {
    assert!(!error.to_string().is_empty());
    let text = std::str::from_utf8(without_mark(body));
    let is_json = text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    match error {
        ParseError::NotJson(_) => assert!(!is_json),
        ParseError::NotNotification {
            faults,
            omitted_count,
        } => {
            assert!(is_json);
            assert!((1..=MAX_FAULTS).contains(&faults.len()));
            assert!(*omitted_count == 0 || faults.len() == MAX_FAULTS);
            for fault in faults {
                let is_known = |part: &str| NAMES.contains(&part) || part.parse::<usize>().is_ok();
                assert!(fault.pointer.split('/').all(is_known), "{}", fault.pointer);
                assert!(fault.found.chars().count() <= 61 && !fault.expected.is_empty());
            }
        }
    }
}

/// Two texts with a zero byte between them, of which the second may be missing: they say the same if their document trees are
/// equal, however the first is spelled, and not once a value of it is another one.
pub fn sameness(input: &[u8]) {
    let (one, other) = match input.iter().position(|byte| *byte == 0) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, input),
    };
    agrees_with_trees(one, other);
    if let Some(notification) = parse_exact(one) {
        is_told_across_generations(notification, one);
    }
    let Some(tree) = tree(one).filter(|_| long_numbers(one).is_empty()) else {
        return;
    };
    let mut random = fastrand::Rng::with_seed(input.iter().fold(7, |seed: u64, byte| {
        seed.wrapping_mul(0x100_0000_01b3) ^ u64::from(*byte)
    }));
    let respelled = respelled::text(&tree, &mut random);
    if long_numbers(respelled.as_bytes()).is_empty() {
        assert!(same_content(one, respelled.as_bytes()), "{respelled}");
        assert!(same_content(respelled.as_bytes(), one), "{respelled}");
    }
    let mut changed = tree;
    respelled::change(&mut changed, &mut random);
    agrees_with_trees(one, changed.to_string().as_bytes());
}

/// What two bodies say, by document trees of both.
fn agrees_with_trees(one: &[u8], other: &[u8]) {
    let is_same = same_content(one, other);
    assert_eq!(same_content(other, one), is_same, "whichever came first");
    let (one, other) = (without_mark(one), without_mark(other));
    let is_same_json = match (tree(one), tree(other)) {
        (Some(tree), Some(other_tree)) => tree == other_tree && long_numbers(one) == long_numbers(other),
        (_, _) => false,
    };
    if one == other || is_same_json {
        assert!(is_same);
    } else if is_same {
        let [one, other] = [one, other].map(|body| parse(body).expect("else only JSON counts"));
        assert_ne!(
            one.wire, other.wire,
            "only generations are spelled in another way"
        );
        assert_eq!(one.name(), other.name());
        assert_eq!(one.identity(), other.identity());
        assert_eq!(one.chatbot_id, other.chatbot_id);
        assert_eq!(one.event.id_texts().is_some(), other.event.id_texts().is_some());
        assert!(one.event.id_texts().is_some() || one.event == other.event);
    }
}

/// The other generation's body of a documented notification says the same; another chatbot's does not.
fn is_told_across_generations(notification: Notification, body: &[u8]) {
    if notification.event.id_texts().is_some() {
        return;
    }
    let other = Notification {
        wire: match notification.wire {
            Wire::V2024_01 => Wire::V2024_07,
            Wire::V2024_07 => Wire::V2024_01,
        },
        ..notification
    };
    assert!(same_content(body, sample::to_json(&other).to_string().as_bytes()));
    let chatbot_id = other.chatbot_id.expect("a documented event names one").uuid();
    let another = Notification {
        chatbot_id: Some(ChatbotId::new(uuid::Uuid::from_u128(!chatbot_id.as_u128()))),
        ..other
    };
    assert!(!same_content(
        body,
        sample::to_json(&another).to_string().as_bytes()
    ));
}

fn tree(text: &[u8]) -> Option<Value> {
    let mut tree = serde_json::from_slice(without_mark(text)).ok()?;
    write_ids_alike(&mut tree, false);
    Some(tree)
}

/// Writes UUIDs that are ids in the one way in which they are compared.
fn write_ids_alike(tree: &mut Value, is_id: bool) {
    const IDS: [&str; 5] = ["event_id", "chatbot_id", "model_id", "training_data_ids", "id"];
    match tree {
        Value::String(text) if is_id => {
            if let Ok(id) = uuid::Uuid::try_parse(text) {
                *text = id.to_string();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| write_ids_alike(item, is_id)),
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(name, value)| write_ids_alike(value, IDS.contains(&&**name))),
        _ => {}
    }
}

/// The numbers of a text, as they are written, that a floating-point number may not tell apart; in order.
fn long_numbers(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut found, mut number, mut at) = (Vec::new(), Vec::new(), 0);
    while at < text.len() {
        match text[at] {
            b'"' => {
                at += 1;
                while at < text.len() && text[at] != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
            }
            byte @ (b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') => number.push(byte),
            _ => found.push(std::mem::take(&mut number)),
        }
        at += 1;
    }
    found.push(number);
    found.retain(|number| number.len() > 15);
    found.sort();
    found
}
