//! The one log line that a notification gets, however it came.
//!
//! It is an interface, documented in the README, and never holds the body.

use std::fmt::Write;
use std::time::Duration;

use tracing::{Level, event};
use uuid::fmt::Hyphenated;

use super::{Appended, Origin, RequestId};
use crate::event::Notification;

/// How many failed files a line names, and how many characters of a text of CaiGunn's it quotes, so that a line
/// has a bound.
const MAX_FAILED_FILES: usize = 20;
const MAX_TEXT_CHARS: usize = 200;

/// By what filters choose these lines, wherever in the program they are made.
const TARGET: &str = "caigunn_webhook::notification";

/// How a notification came.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// In a request, which was answered with 200.
    Webhook {
        /// The request.
        request_id: RequestId,
        /// How long it took to answer.
        duration: Duration,
    },
    /// From CaiGunn's event log.
    Backfill,
}

/// Logs that a notification is in the inbox.
pub fn announce(notification: &Notification, appended: Appended, way: &Way) {
    let name = notification.name().to_string();
    let (outcome, receipt_id, is_duplicate) = match appended {
        Appended::New { receipt_id } => ("accepted", receipt_id, false),
        Appended::Duplicate { receipt_id, .. } => ("duplicate", receipt_id, true),
    };
    // Ids are written out by hand: a field that is a text costs the log a fraction of one that is formatted there.
    let mut texts = [[0; Hyphenated::LENGTH]; 4];
    let [event_id, chatbot_id, receipt_text, request_text] = &mut texts;
    let id_texts = notification.event.id_texts();
    let event_id = notification
        .event_id
        .map(|id| &*id.uuid().hyphenated().encode_lower(event_id))
        .or_else(|| id_texts?.event_id.as_deref());
    let chatbot_id = notification
        .chatbot_id
        .map(|id| &*id.uuid().hyphenated().encode_lower(chatbot_id))
        .or_else(|| id_texts?.chatbot_id.as_deref());
    let receipt_id = &*receipt_id.uuid().hyphenated().encode_lower(receipt_text);
    let (origin, request, status) = match way {
        Way::Webhook { request_id, duration } => (None, Some((*request_id, *duration)), Some(200)),
        Way::Backfill => (Some(Origin::Backfill.as_str()), None, None),
    };
    let request_id = request.map(|(id, _)| &*id.uuid().hyphenated().encode_lower(request_text));
    let duration_ms = request.map(|(_, duration)| milliseconds(duration));
    let detail = notification.event.detail().map(|detail| cut(detail.as_str()));
    let failed_files = failed_files(notification);
    // The level must be a constant where an event is made, so the fields are written once here.
    macro_rules! line {
        ($level:expr, $($message:tt)+) => {
            event!(
                target: TARGET,
                $level,
                outcome,
                event = &*name,
                event_id,
                chatbot_id,
                receipt_id,
                duplicate_of = is_duplicate.then_some(receipt_id),
                wire = notification.wire.as_str(),
                origin,
                detail = detail.as_deref(),
                failed_files = failed_files.as_deref(),
                request_id,
                http.response.status_code = status,
                duration_ms,
                $($message)+
            )
        };
    }
    match appended {
        Appended::Duplicate {
            differs: Some(quarantine_id),
            ..
        } => line!(
            Level::WARN,
            "{name} is a duplicate of receipt {receipt_id} but says something else; \
             the copy is in quarantine as {quarantine_id}"
        ),
        Appended::Duplicate { differs: None, .. } => {
            line!(Level::INFO, "{name} is a duplicate of receipt {receipt_id}")
        }
        Appended::New { .. } if notification.event.is_unrecognized() => line!(
            Level::WARN,
            "{name} accepted as receipt {receipt_id}, but this program does not know that event"
        ),
        Appended::New { .. } => match way {
            Way::Webhook { .. } => line!(Level::INFO, "{name} accepted as receipt {receipt_id}"),
            Way::Backfill => line!(
                Level::INFO,
                "{name} was missed and is now accepted as receipt {receipt_id}"
            ),
        },
    }
}

/// A duration as it is logged: microseconds are as much as a clock shared with other work can tell.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

/// The failed files of an upload with their reasons, `name: reason; name: reason`.
fn failed_files(notification: &Notification) -> Option<String> {
    let mut text = String::new();
    let mut files = notification.event.failed_files();
    for (file, detail) in files.by_ref().take(MAX_FAILED_FILES) {
        let separator = if text.is_empty() { "" } else { "; " };
        let reason = detail.map_or("no reason given".into(), |detail| cut(detail.as_str()));
        let name = match &*file.filename {
            "" => "no name given".into(),
            name => cut(name),
        };
        let _ = write!(text, "{separator}{name}: {reason}");
    }
    let more_count = files.count();
    if more_count > 0 {
        let _ = write!(text, "; and {more_count} more");
    }
    (!text.is_empty()).then_some(text)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
