//! The form of the line that a notification gets.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tracing::{Level, event};

use super::super::{Appended, Origin, QuarantineId, ReceiptId, RequestId};
use super::{Announcement, TARGET, is_known};
use crate::clock::{Timestamp, milliseconds};
use crate::event::{ChatbotId, EventId, Name, Stated, Wire};
use crate::telemetry::Lines;
use crate::trace::Trace;

/// The lines of a batch.
pub struct Lined<'a> {
    pub bytes: Vec<u8>,
    pub count: usize,
    timestamp: String,
    lines: &'a Lines,
    is_info_wanted: bool,
    is_warn_wanted: bool,
}

impl<'a> Lined<'a> {
    pub fn new(lines: &'a Lines, timestamp: Timestamp) -> Self {
        Self {
            bytes: Vec::new(),
            count: 0,
            timestamp: timestamp.to_string(),
            is_info_wanted: lines.are_wanted(TARGET, Level::INFO),
            is_warn_wanted: lines.are_wanted(TARGET, Level::WARN),
            lines,
        }
    }

    pub fn add(&mut self, announcement: &Announcement, appended: Appended, duration: Option<Duration>) {
        let line = Line::new(&self.timestamp, announcement, appended, duration);
        if !self.lines.are_direct() {
            line.trace();
            return;
        }
        let (level, is_wanted) = match line.message.says.is_warning() {
            true => (Level::WARN, self.is_warn_wanted),
            false => (Level::INFO, self.is_info_wanted),
        };
        if is_wanted {
            self.bytes
                .extend_from_slice(self.lines.beginning(level).as_bytes());
            serde_json::to_writer(&mut self.bytes, &line).expect("texts and numbers serialize");
            self.bytes.push(b'\n');
            self.count += 1;
        }
    }
}

/// A line, in the form that the log gives to all others.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: &'a str,
    level: &'static str,
    message: Message<'a>,
    outcome: &'static str,
    event: &'a Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<Stated<'a, EventId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chatbot_id: Option<Stated<'a, ChatbotId>>,
    receipt_id: ReceiptId,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<ReceiptId>,
    wire: Wire,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_files: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incoming_request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(rename = "http.response.status_code", skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
}

/// What a line says to people.
struct Message<'a> {
    name: &'a Name,
    receipt_id: ReceiptId,
    says: Says,
}

/// What there is to say, apart from the facts.
#[derive(Clone, Copy)]
enum Says {
    Accepted,
    Unrecognized,
    Missed,
    Duplicate,
    Differs(QuarantineId),
}

impl Says {
    fn is_warning(self) -> bool {
        matches!(self, Self::Unrecognized | Self::Differs(_))
    }
}

impl<'a> Line<'a> {
    fn new(
        timestamp: &'a str,
        announcement: &'a Announcement,
        appended: Appended,
        duration: Option<Duration>,
    ) -> Self {
        let (receipt_id, says) = match appended {
            Appended::New { receipt_id } if !is_known(&announcement.name) => (receipt_id, Says::Unrecognized),
            Appended::New { receipt_id } => match announcement.origin {
                Origin::Webhook => (receipt_id, Says::Accepted),
                Origin::Backfill => (receipt_id, Says::Missed),
            },
            Appended::Duplicate { receipt_id, differs } => {
                (receipt_id, differs.map_or(Says::Duplicate, Says::Differs))
            }
        };
        let is_duplicate = matches!(says, Says::Duplicate | Says::Differs(_));
        let bearer = announcement.bearer.as_ref();
        let texts = announcement.remarks.id_texts.as_deref();
        Self {
            timestamp,
            level: if says.is_warning() { "WARN" } else { "INFO" },
            message: Message {
                name: &announcement.name,
                receipt_id,
                says,
            },
            outcome: if is_duplicate { "duplicate" } else { "accepted" },
            event: &announcement.name,
            event_id: Stated::of(
                announcement.event_id,
                texts.and_then(|texts| texts.event_id.as_deref()),
            ),
            chatbot_id: Stated::of(
                announcement.chatbot_id,
                texts.and_then(|texts| texts.chatbot_id.as_deref()),
            ),
            receipt_id,
            duplicate_of: is_duplicate.then_some(receipt_id),
            wire: announcement.wire,
            origin: (announcement.origin == Origin::Backfill).then_some(Origin::Backfill),
            sample: announcement.is_sample().then_some(true),
            detail: announcement.remarks.detail.as_deref(),
            failed_files: announcement.remarks.failed_files.as_deref(),
            request_id: bearer.map(|_| announcement.request_id),
            incoming_request_id: bearer.and_then(|bearer| bearer.incoming_id.as_deref()),
            trace_id: announcement.trace.as_deref().map(Trace::id),
            status: bearer.map(|_| 200),
            duration_ms: duration.map(milliseconds),
        }
    }

    /// Logs it by itself, as an event like all others.
    fn trace(&self) {
        let name = self.event.to_string();
        let event_id = self.event_id.map(|id| id.to_string());
        let chatbot_id = self.chatbot_id.map(|id| id.to_string());
        let receipt_id = self.receipt_id.to_string();
        let request_id = self.request_id.map(|id| id.to_string());
        // The level must be a constant where an event is made, so the fields are written once here.
        macro_rules! line {
            ($level:expr) => {
                event!(
                    target: TARGET,
                    $level,
                    outcome = self.outcome,
                    event = name,
                    event_id = event_id,
                    chatbot_id = chatbot_id,
                    receipt_id = receipt_id,
                    duplicate_of = self.duplicate_of.map(|_| &*receipt_id),
                    wire = self.wire.as_str(),
                    origin = self.origin.map(Origin::as_str),
                    sample = self.sample,
                    detail = self.detail,
                    failed_files = self.failed_files,
                    request_id = request_id,
                    incoming_request_id = self.incoming_request_id,
                    trace_id = self.trace_id,
                    http.response.status_code = self.status,
                    duration_ms = self.duration_ms,
                    "{}",
                    self.message
                )
            };
        }
        if self.message.says.is_warning() {
            line!(Level::WARN);
        } else {
            line!(Level::INFO);
        }
    }
}

impl Serialize for Message<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, receipt_id, .. } = self;
        match self.says {
            Says::Accepted => write!(formatter, "{name} accepted as receipt {receipt_id}"),
            Says::Unrecognized => write!(
                formatter,
                "{name} accepted as receipt {receipt_id}, but this program does not know that event"
            ),
            Says::Missed => write!(
                formatter,
                "{name} was missed and is now accepted as receipt {receipt_id}"
            ),
            Says::Duplicate => write!(formatter, "{name} is a duplicate of receipt {receipt_id}"),
            Says::Differs(quarantine_id) => write!(
                formatter,
                "{name} is a duplicate of receipt {receipt_id} but says something else; \
                 the copy is in quarantine as {quarantine_id}"
            ),
        }
    }
}
