//! What is told of every notification once it is stored, however it came: one log line, and its numbers.
//!
//! The writer tells it when a batch is stored, for all of the batch at once, so that nothing of it hangs on who still
//! waits for an answer. The line is an interface, documented in docs/logs.md, and never holds the body.

mod line;

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use super::{Appended, NewReceipt, Origin, RequestId};
use crate::accents::cut;
use crate::clock::Timestamp;
use crate::event::{ChatbotId, Event, EventId, IdTexts, Name, Notification, Wire, sample};
use crate::metrics::{Counter, Histogram, Notifications, Registry, Unit};
use crate::minutes::Traffic;
use crate::telemetry::Lines;
use crate::trace::Trace;
use line::Lined;

/// How many failed files a line names, and how many characters of a text of CaiGunn's it quotes, so that a line
/// has a bound.
const MAX_FAILED_FILES: usize = 20;
const MAX_TEXT_CHARS: usize = 200;

/// By what filters choose these lines, wherever in the program they are made.
const TARGET: &str = "caigunn_webhook::notification";

/// The reason of a duplicate that differs from its original, as the inbox calls it in quarantine.
pub const DUPLICATE_DIFFERS: &str = "duplicate-differs";

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
            detail: detail.map(|detail| cut(detail, MAX_TEXT_CHARS).into()),
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
    /// Whether it says that it brings a sample.
    pub is_sample: bool,
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
    trace: Option<Box<Trace>>,
    remarks: Remarks,
    bearer: Option<Bearer>,
    /// That it came by a post which is no sample: backfill and acceptance have no bearer from the beginning.
    is_caigunns_post: bool,
}

impl Announcement {
    /// Of a receipt, which needs its remarks no longer.
    pub fn of(receipt: &mut NewReceipt) -> Self {
        let mut announcement = Self {
            name: receipt.name.clone(),
            event_id: receipt.event_id(),
            chatbot_id: receipt.chatbot_id,
            wire: receipt.wire,
            origin: receipt.origin,
            request_id: receipt.request_id,
            received_at: receipt.received_at,
            trace: receipt.trace.clone(),
            remarks: std::mem::take(&mut receipt.remarks),
            bearer: receipt.bearer.take(),
            is_caigunns_post: false,
        };
        announcement.is_caigunns_post = announcement.bearer.is_some() && !announcement.is_sample();
        announcement
    }

    /// Whether it is a sample of this program's.
    fn is_sample(&self) -> bool {
        let says_so = self.bearer.as_ref().is_some_and(|bearer| bearer.is_sample);
        says_so || sample::is_sample(self.event_id, self.chatbot_id)
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
    traffic: Traffic,
    /// When CaiGunn's last notification that was accepted or known arrived, in microseconds since 1970; 0 before the first.
    last_received: Arc<AtomicI64>,
}

impl Announcer {
    /// Starts counting, and shows it. The last notification may have come before this start.
    pub fn register(registry: &mut Registry, lines: Lines, last_received_at: Option<Timestamp>) -> Self {
        let duration = |outcome| {
            registry
                .request_durations
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
                .quarantined
                .get_or_create_owned(&[("reason", DUPLICATE_DIFFERS)]),
            traffic: registry.traffic.clone(),
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
            "When the last notification that CaiGunn posted arrived, accepted or known, since 1970; 0 before the first",
            Some(Unit::Seconds),
            move || last_received.load(Ordering::Relaxed) as f64 / 1e6,
        );
        announcer
    }

    /// Tells of notifications that are in the inbox now.
    pub fn tell<'a>(&self, told: impl IntoIterator<Item = (&'a Announcement, Appended)>) {
        let (now, timestamp) = (Instant::now(), Timestamp::now());
        let mut lines = Lined::new(&self.lines, timestamp);
        let mut count = 0;
        for (announcement, appended) in told {
            count += 1;
            let duration = announcement
                .bearer
                .as_ref()
                .map(|bearer| now.saturating_duration_since(bearer.since));
            self.count(announcement, appended, duration);
            lines.add(announcement, appended, duration);
        }
        self.traffic.received.add(timestamp, count);
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
        }
        // What else comes does not say that CaiGunn's posts arrive.
        if announcement.is_caigunns_post {
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

/// The failed files of an upload with their reasons, `name: reason; name: reason`.
fn failed_files(notification: &Notification) -> Option<String> {
    let mut text = String::new();
    let mut files = notification.event.failed_files();
    for file in files.by_ref().take(MAX_FAILED_FILES) {
        let separator = if text.is_empty() { "" } else { "; " };
        let reason = file.detail.as_deref();
        let reason = reason.map_or("no reason given".into(), |detail| cut(detail, MAX_TEXT_CHARS));
        let name = match &*file.filename {
            "" => "no name given".into(),
            name => cut(name, MAX_TEXT_CHARS),
        };
        let _ = write!(text, "{separator}{name}: {reason}");
    }
    let more_count = files.count();
    if more_count > 0 {
        let _ = write!(text, "; and {more_count} more");
    }
    (!text.is_empty()).then_some(text)
}
