//! What makes two notifications the same one.
//!
//! CaiGunn's `event_id` names a job, and a job sends several notifications under it, so it is not an identity
//! by itself: dropping every second message with a known `event_id` would lose the result of every job.

use super::{Event, EventId, Json, ModelId, Name, Notification, digest, parse};

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
    /// notifications without `event_id`. It is a duplicate only if the last accepted notification of the same
    /// chatbot and event has the same content and is younger than a window: losing one is worse than keeping two.
    /// Of events other than `training`, the last one without `event_id` counts.
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
/// JSON, and what [`parse`] takes.
pub fn same_content(one: &[u8], other: &[u8]) -> bool {
    one == other || is_same_json(one, other) || is_same_notification(one, other)
}

fn is_same_json(one: &[u8], other: &[u8]) -> bool {
    let mut reader = digest::Reader::new();
    let mark = reader.mark(one);
    mark.is_some() && mark == reader.mark(other)
}

/// Whether two bodies of different generations say the same.
fn is_same_notification(one: &[u8], other: &[u8]) -> bool {
    let (Ok(one), Ok(other)) = (parse(one), parse(other)) else {
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
            Event::Unrecognized { name, data },
            Event::Unrecognized {
                name: other_name,
                data: other_data,
            },
        ) => {
            let mut reader = digest::Reader::new();
            let mark = said(&mut reader, data.as_ref());
            name == other_name && mark.is_some() && mark == said(&mut reader, other_data.as_ref())
        }
        (one, other) => one == other,
    }
}

/// What the data of an undocumented event says besides whose it is, which one of the generations has elsewhere.
fn said(reader: &mut digest::Reader, data: Option<&Json>) -> Option<digest::Mark> {
    let Some(Json(data)) = data else {
        return Some(digest::NULL);
    };
    reader.mark_without(data.get().as_bytes(), "chatbot_id")
}
