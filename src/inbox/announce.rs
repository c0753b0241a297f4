//! What is told of every notification once it is stored, however it came: one log line, and its numbers.
//!
//! The writer tells it when a batch is stored, for all of the batch at once, so that nothing of it hangs on who still
//! waits for an answer. The line is an interface, documented in the README, and never holds the body.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tracing::{Level, event};

use super::{Appended, NewReceipt, Origin, QuarantineId, ReceiptId, RequestId};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, Event, EventId, IdTexts, Name, Notification, Stated, Wire};
use crate::metrics::{Counter, Histogram, Notifications, Registry, Unit};
use crate::telemetry::Lines;

/// How many failed files a line names, and how many characters of a text of CaiGunn's it quotes, so that a line
/// has a bound.
const MAX_FAILED_FILES: usize = 20;
const MAX_TEXT_CHARS: usize = 200;

/// By what filters choose these lines, wherever in the program they are made.
const TARGET: &str = "caigunn_webhook::notification";

/// The reason of a duplicate that differs from its original, as the inbox calls it in quarantine.
const DUPLICATE_DIFFERS: &str = "duplicate-differs";

/// What a line says that nobody needs to know who stores the notification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Why it failed, if it did and CaiGunn said so; cut.
    detail: Option<Box<str>>,
    /// The failed files of an upload with their reasons; cut.
    failed_files: Option<Box<str>>,
    /// What an undocumented event has in the places of its ids.
    id_texts: Option<Box<IdTexts>>,
}

impl Remarks {
    /// Of a notification.
    pub fn of(notification: &Notification) -> Self {
        let detail = notification.event.detail();
        Self {
            detail: detail.map(|detail| cut(detail.as_str()).into()),
            failed_files: failed_files(notification).map(String::into),
            id_texts: notification.event.id_texts().cloned().map(Box::new),
        }
    }
}

/// The request that brought a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// When it began, which its duration counts from.
    pub since: Instant,
    /// The id that it came with, given by whatever stands in front of us; cut.
    pub incoming_id: Option<Arc<str>>,
}

/// What will be told of a notification that is being stored.
#[derive(Debug)]
pub struct Announcement {
    name: Name,
    event_id: Option<EventId>,
    chatbot_id: Option<ChatbotId>,
    wire: Wire,
    origin: Origin,
    request_id: RequestId,
    received_at: Timestamp,
    remarks: Remarks,
    bearer: Option<Bearer>,
}

impl Announcement {
    /// Of a receipt, which needs its remarks no longer.
    pub fn of(receipt: &mut NewReceipt) -> Self {
        Self {
            name: receipt.name.clone(),
            event_id: receipt.event_id(),
            chatbot_id: receipt.chatbot_id,
            wire: receipt.wire,
            origin: receipt.origin,
            request_id: receipt.request_id,
            received_at: receipt.received_at,
            remarks: std::mem::take(&mut receipt.remarks),
            bearer: receipt.bearer.take(),
        }
    }

    /// Says nothing of the request, which has been told that nothing is known.
    pub fn forget_bearer(&mut self) {
        self.bearer = None;
    }

    /// Puts back what it took, for a receipt of which nothing can be told yet.
    pub fn give_back(self, receipt: &mut NewReceipt) {
        receipt.remarks = self.remarks;
        receipt.bearer = self.bearer;
    }
}

/// Tells what became of notifications. Cheap to clone.
#[derive(Clone)]
pub struct Announcer {
    lines: Lines,
    webhook: Notifications,
    backfill: Notifications,
    accepted_duration: Histogram,
    duplicate_duration: Histogram,
    unrecognized_events: Counter,
    differing: Counter,
    /// When the last notification that was accepted or known arrived, in microseconds since 1970; 0 before the first.
    last_received: Arc<AtomicI64>,
}

impl Announcer {
    /// Starts counting, and shows it. The last notification may have come before this start.
    pub fn register(registry: &mut Registry, lines: Lines, last_received_at: Option<Timestamp>) -> Self {
        let duration = |outcome| {
            registry
                .request_durations()
                .get_or_create_owned(&[("outcome", outcome)])
        };
        let announcer = Self {
            lines,
            webhook: registry.notifications(Origin::Webhook.as_str()),
            backfill: registry.notifications(Origin::Backfill.as_str()),
            accepted_duration: duration("accepted"),
            duplicate_duration: duration("duplicate"),
            unrecognized_events: Counter::default(),
            differing: registry
                .quarantined()
                .get_or_create_owned(&[("reason", DUPLICATE_DIFFERS)]),
            last_received: Arc::new(last_received_at.map_or(0, Timestamp::as_micros).into()),
        };
        registry.add(
            "unrecognized_events",
            "Notifications accepted whose event or status this program does not know",
            None,
            announcer.unrecognized_events.clone(),
        );
        let last_received = Arc::clone(&announcer.last_received);
        registry.gauge(
            "last_notification_timestamp",
            "When the last notification that was accepted or known arrived, since 1970; 0 before the first",
            Some(Unit::Seconds),
            move || last_received.load(Ordering::Relaxed) as f64 / 1e6,
        );
        announcer
    }

    /// Tells of notifications that are in the inbox now.
    pub fn tell<'a>(&self, told: impl IntoIterator<Item = (&'a Announcement, Appended)>) {
        let (now, timestamp) = (Instant::now(), Timestamp::now());
        let mut lines = Lined::new(&self.lines, timestamp);
        for (announcement, appended) in told {
            let duration = announcement
                .bearer
                .as_ref()
                .map(|bearer| now.saturating_duration_since(bearer.since));
            self.count(announcement, appended, duration);
            lines.add(announcement, appended, duration);
        }
        self.lines.add(&lines.bytes, lines.count);
    }

    fn count(&self, announcement: &Announcement, appended: Appended, duration: Option<Duration>) {
        let counted = match announcement.origin {
            Origin::Webhook => &self.webhook,
            Origin::Backfill => &self.backfill,
        };
        let durations = match appended {
            Appended::New { .. } => {
                counted.accepted.inc();
                if !is_known(&announcement.name) {
                    self.unrecognized_events.inc();
                }
                &self.accepted_duration
            }
            Appended::Duplicate { differs, .. } => {
                counted.duplicate.inc();
                if differs.is_some() {
                    self.differing.inc();
                }
                &self.duplicate_duration
            }
        };
        if let Some(duration) = duration {
            durations.observe(duration.as_secs_f64());
            self.last_received
                .store(announcement.received_at.as_micros(), Ordering::Relaxed);
        }
    }
}

/// For whoever keeps no log and shows no numbers of its own.
impl Default for Announcer {
    fn default() -> Self {
        Self::register(&mut Registry::default(), Lines::one_by_one(), None)
    }
}

impl fmt::Debug for Announcer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Announcer").finish_non_exhaustive()
    }
}

fn is_known(name: &Name) -> bool {
    Event::is_documented(&name.event, &name.status)
}

/// The lines of a batch.
struct Lined<'a> {
    bytes: Vec<u8>,
    count: usize,
    timestamp: String,
    lines: &'a Lines,
    is_info_wanted: bool,
    is_warn_wanted: bool,
}

impl<'a> Lined<'a> {
    fn new(lines: &'a Lines, timestamp: Timestamp) -> Self {
        Self {
            bytes: Vec::new(),
            count: 0,
            timestamp: timestamp.to_string(),
            is_info_wanted: lines.are_wanted(TARGET, Level::INFO),
            is_warn_wanted: lines.are_wanted(TARGET, Level::WARN),
            lines,
        }
    }

    fn add(&mut self, announcement: &Announcement, appended: Appended, duration: Option<Duration>) {
        let line = Line::new(&self.timestamp, announcement, appended, duration);
        if !self.lines.are_direct() {
            line.trace();
            return;
        }
        let is_wanted = match line.message.says.is_warning() {
            true => self.is_warn_wanted,
            false => self.is_info_wanted,
        };
        if is_wanted {
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
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_files: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incoming_request_id: Option<&'a str>,
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
            detail: announcement.remarks.detail.as_deref(),
            failed_files: announcement.remarks.failed_files.as_deref(),
            request_id: bearer.map(|_| announcement.request_id),
            incoming_request_id: bearer.and_then(|bearer| bearer.incoming_id.as_deref()),
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
                    detail = self.detail,
                    failed_files = self.failed_files,
                    request_id = request_id,
                    incoming_request_id = self.incoming_request_id,
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
