//! What makes two notifications the same one.
//!
//! CaiGunn's `event_id` names a job, and a job sends several notifications under it, so it is not an identity
//! by itself: dropping every second message with a known `event_id` would lose the result of every job.

use std::hash::{BuildHasher, RandomState};

use super::wire::{parse_exact, without_mark};
use super::{Event, EventId, Json, ModelId, Name, Notification, digest};

/// The identity of a notification: two with the same one are the same notification sent twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A step of a job: every notification that carries an `event_id`.
    Job {
        /// The job.
        event_id: EventId,
        /// The step.
        name: Name,
    },
    /// The end of an older training, which has no `event_id` but names the model it made.
    Model {
        /// The model.
        model_id: ModelId,
    },
    /// Nothing tells it from its like: older training.initial and training.failed, and unrecognised
    /// notifications without an `event_id` that is a UUID. It is a duplicate only if the last accepted
    /// notification of the same chatbot and event has the same content and is younger than a window: losing one
    /// is worse than keeping two. Of events other than `training`, the last one without such an id counts.
    Windowed,
}

impl Notification {
    /// Its identity.
    pub fn identity(&self) -> Identity {
        match (self.event_id, &self.event) {
            (Some(event_id), _) => Identity::Job {
                event_id,
                name: self.name(),
            },
            (None, Event::TrainingCompleted { model_id, .. }) => Identity::Model { model_id: *model_id },
            (None, _) => Identity::Windowed,
        }
    }
}

/// Whether two bodies say the same: to the byte, or as JSON, or as a notification in both wire generations.
///
/// Members that this program does not know count too, except between generations, which differ by design. What is nested
/// too deep or has too many members to be compared (see `digest`) says the same only to the byte: keeping one too many
/// is the safe side.
///
/// Takes time in proportion to the bodies, some 20 ms a MiB, and memory beside them: at most 16 MiB for what is compared as
/// JSON, and what parsing takes.
pub fn same_content(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (without_mark(one), without_mark(other));
    one == other || is_same_json(one, other) || is_same_notification(one, other)
}

fn is_same_json(one: &[u8], other: &[u8]) -> bool {
    let mut reader = digest::Reader::new();
    let mark = reader.mark(one);
    mark.is_some() && mark == reader.mark(other) && has_same_long_numbers(one, other)
}

/// Whether two bodies of different generations say the same.
fn is_same_notification(one: &[u8], other: &[u8]) -> bool {
    let (Some(one), Some(other)) = (parse_exact(one), parse_exact(other)) else {
        return false;
    };
    one.wire != other.wire
        && one.event_id == other.event_id
        && one.chatbot_id == other.chatbot_id
        && is_same_event(&one.event, &other.event)
}

/// Whether two generations say the same of what happened.
fn is_same_event(one: &Event, other: &Event) -> bool {
    match (one, other) {
        (
            Event::Unrecognized { name, data, .. },
            Event::Unrecognized {
                name: other_name,
                data: other_data,
                ..
            },
        ) => {
            let mut reader = digest::Reader::new();
            let (one, other) = (text(data.as_ref()), text(other_data.as_ref()));
            let mark = reader.mark_without(one, "chatbot_id");
            name == other_name
                && mark.is_some()
                && mark == reader.mark_without(other, "chatbot_id")
                && has_same_long_numbers(one, other)
        }
        (one, other) => one == other,
    }
}

fn text(data: Option<&Json>) -> &[u8] {
    data.map_or("null", |Json(data)| data.get()).as_bytes()
}

/// How many characters a number may have and still be told from every other one by its value: a floating-point number
/// of 64 bits holds 15 digits.
const MAX_SHORT_NUMBER_BYTES: usize = 15;

/// Whether two texts of JSON have the same long numbers as they are written, in whatever order: as values, they lose their
/// last digits.
fn has_same_long_numbers(one: &[u8], other: &[u8]) -> bool {
    let hasher = RandomState::new();
    long_numbers(one, &hasher) == long_numbers(other, &hasher)
}

/// What stands for the long numbers in JSON.
fn long_numbers(json: &[u8], hasher: &RandomState) -> u64 {
    let (mut is_text, mut is_escaped) = (false, false);
    let is_between = |byte: &u8| {
        let was_text = is_text;
        is_text ^= *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        was_text || !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
    };
    let is_long = |token: &&[u8]| token.len() > MAX_SHORT_NUMBER_BYTES;
    let numbers = json.split(is_between).filter(is_long);
    numbers
        .map(|number| hasher.hash_one(number))
        .fold(0, u64::wrapping_add)
}
