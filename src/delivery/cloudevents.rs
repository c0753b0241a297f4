//! A notification as a CloudEvent: version 1.0, in JSON, all in one body ("structured mode").
//!
//! What it holds does not depend on the wire generation that CaiGunn posted in. `docs/cloudevent.schema.json` describes
//! it, and tests hold every sample of both generations against that.
//!
//! - `id` is the receipt's: the same in every attempt and for every destination.
//! - `source` is `/caigunn/chatbots/` and the chatbot, or `/caigunn` where there is none. It names where the event comes
//!   from at CaiGunn, not the receiver or the URL of an API, so that it outlives both. With `id` it names the event, as
//!   CloudEvents wants.
//! - `type` is `com.caigunn.` and the event name, in which what CloudEvents forbids is percent-encoded.
//! - `subject` is the chatbot, where there is one.
//! - `time` is when the notification was received: CaiGunn says nothing of when it happened.
//! - `traceparent` and `tracestate` are those that the notification came with, as the extension for distributed tracing has them.
//! - `data` has CaiGunn's members, each under one name whatever its place was. A member that is not known is left out.
//!   What readers of JSON would refuse, or read as something else, is handed over as text (`portable`).

mod portable;

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::event::{
    self, ChatbotId, Event, EventId, ModelId, Notification, ParseError, TrainingDataId, UploadedFile,
};
use crate::inbox::{Receipt, ReceiptId};
use crate::trace::Trace;
use portable::is_portable;

/// How much longer than the body a CloudEvent usually is at most.
const ENVELOPE_BYTES: usize = 640;

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: ReceiptId,
    source: String,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<ChatbotId>,
    time: Timestamp,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<&'a str>,
    data: Data<'a>,
}

/// What CaiGunn said. A member that the notification does not have is left out, and never null.
#[derive(Default, Serialize)]
struct Data<'a> {
    event: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chatbot_id: Option<ChatbotId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_id: Option<ModelId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    training_data_ids: Option<&'a [TrainingDataId]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<File<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// The `data` member of a notification that nobody has documented, as it came, but that half a surrogate pair is
    /// U+FFFD: readers that are strict about text refuse a whole document for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<Cow<'a, RawValue>>,
    /// In place of `raw`, its JSON as a text, where not every reader finds in it what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_text: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct File<'a> {
    id: TrainingDataId,
    filename: &'a str,
    /// `uploaded`, where CaiGunn gives none; `failed`; or what CaiGunn says.
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

/// The CloudEvent of what was accepted.
///
/// # Errors
/// The body is no notification.
pub fn write(receipt: &Receipt, body: &[u8]) -> Result<Bytes, ParseError> {
    let notification = event::parse(body)?;
    let name = notification.name();
    let cloud_event = CloudEvent {
        specversion: "1.0",
        id: receipt.id,
        source: notification
            .chatbot_id
            .map_or("/caigunn".to_owned(), |id| format!("/caigunn/chatbots/{id}")),
        r#type: kind(&name.to_string()),
        subject: notification.chatbot_id,
        time: receipt.received_at,
        datacontenttype: "application/json",
        traceparent: receipt.trace.as_deref().map(Trace::parent),
        tracestate: receipt.trace.as_deref().and_then(Trace::state),
        data: data(&notification, &name.event, &name.status),
    };
    // It is hardly longer than the body, and a buffer that grows by itself may take three times as much.
    let escapes_count = cloud_event.data.raw_text.as_deref().map_or(0, escapes_count);
    let mut written = Vec::with_capacity(body.len() + escapes_count + ENVELOPE_BYTES);
    serde_json::to_writer(&mut written, &cloud_event).expect("texts, ids and JSON have a JSON form");
    Ok(written.into())
}

/// The type of events of that name. An attribute may have no noncharacter, while a name lacks control characters alone.
fn kind(name: &str) -> String {
    let is_noncharacter = |character| {
        let code = u32::from(character);
        (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
    };
    let mut kind = "com.caigunn.".to_owned();
    for character in name.chars() {
        match is_noncharacter(character) {
            true => kind.extend(utf8_percent_encode(character.encode_utf8(&mut [0; 4]), CONTROLS)),
            false => kind.push(character),
        }
    }
    kind
}

fn data<'a>(notification: &'a Notification, event: &'a str, status: &'a str) -> Data<'a> {
    let known = Data {
        event,
        status,
        event_id: notification.event_id,
        chatbot_id: notification.chatbot_id,
        detail: notification.event.detail(),
        ..Data::default()
    };
    match &notification.event {
        Event::CrawlingCompleted { training_data_ids } => Data {
            training_data_ids: Some(training_data_ids),
            ..known
        },
        Event::UploadingCompleted { files } => Data {
            files: Some(files.iter().map(file).collect()),
            ..known
        },
        Event::TrainingCompleted {
            model_id,
            training_data_ids,
        } => Data {
            model_id: Some(*model_id),
            training_data_ids: Some(training_data_ids),
            ..known
        },
        Event::Unrecognized { data: Some(data), .. } => undocumented(data, known),
        _ => known,
    }
}

fn undocumented<'a>(data: &'a event::Json, known: Data<'a>) -> Data<'a> {
    let raw = data.paired();
    if is_portable(raw.get()) {
        return Data {
            raw: Some(raw),
            ..known
        };
    }
    let text = match raw {
        Cow::Borrowed(raw) => Cow::Borrowed(raw.get()),
        Cow::Owned(raw) => Cow::Owned(Box::<str>::from(raw).into()),
    };
    Data {
        raw_text: Some(text),
        ..known
    }
}

fn file(file: &UploadedFile) -> File<'_> {
    File {
        id: file.id,
        filename: &file.filename,
        status: file.status.as_deref().unwrap_or("uploaded"),
        detail: file.detail.as_deref(),
    }
}

/// How many bytes longer a text of JSON becomes as a string in JSON: control characters are only between its values.
fn escapes_count(json: &str) -> usize {
    let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    json.bytes().filter(is_escaped).count()
}

#[cfg(test)]
mod tests;
