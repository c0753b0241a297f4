//! What is counted of requests, and `GET /metrics`.
//!
//! [`super::request_log`] counts where it logs, so that the log and the numbers say the same. What is labelled is a
//! word of this program's; nothing of a request becomes a label.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::response::IntoResponse;
use tokio::sync::Semaphore;

use super::problem::Problem;
use super::receive::Received;
use crate::clock::Timestamp;
use crate::inbox::Appended;
use crate::metrics::{self, Counter, Counters, Format, Histogram, Labels, Notifications, Registry, Unit};

/// The reason of a duplicate that differs from its original, as the inbox calls it in quarantine.
const DUPLICATE_DIFFERS: &str = "duplicate-differs";

/// What is counted of posts to `/webhook`. The hot path has no look-up: its counters are here as they are.
pub struct Metrics {
    notifications: Notifications,
    unrecognized_events: Counter,
    rejections: Counters<1>,
    quarantined: Counters<1>,
    unreadable: Counters<1>,
    accepted_duration: Histogram,
    duplicate_duration: Histogram,
    rejected_duration: Histogram,
    /// When the last notification that was accepted or known arrived, in microseconds since 1970; 0 before the first.
    last_notification: Arc<AtomicI64>,
}

/// Why what arrived on a connection never became a request. hyper has answered it, and the request log knows nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no HTTP/1.1: 400.
    Malformed,
    /// Its head has more bytes or headers than are taken: 431.
    HeadTooLarge,
}

impl Unreadable {
    /// All of them.
    const ALL: [Self; 2] = [Self::Malformed, Self::HeadTooLarge];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::HeadTooLarge => "head-too-large",
        }
    }
}

/// What is counted of one listener's connections.
#[derive(Clone)]
pub struct Connections {
    /// A permit a connection there is room for.
    pub room: Arc<Semaphore>,
    /// Those that there was no room for.
    pub refused: Counter,
}

impl Metrics {
    /// Starts counting, and shows it. The last notification may have come before this start.
    pub fn register(registry: &mut Registry, last_received_at: Option<Timestamp>) -> Self {
        let durations = metrics::durations();
        let duration = |outcome| durations.get_or_create_owned(&[("outcome", outcome)]);
        let counted = Self {
            notifications: registry.notifications("webhook"),
            unrecognized_events: Counter::default(),
            rejections: by_reason(Problem::names_of_refusals()),
            quarantined: by_reason(
                Problem::names_in_quarantine()
                    .into_iter()
                    .chain([DUPLICATE_DIFFERS]),
            ),
            unreadable: by_reason(Unreadable::ALL.map(Unreadable::as_str)),
            accepted_duration: duration("accepted"),
            duplicate_duration: duration("duplicate"),
            rejected_duration: duration("rejected"),
            last_notification: Arc::new(last_received_at.map_or(0, Timestamp::as_micros).into()),
        };
        registry.add(
            "unrecognized_events",
            "Notifications accepted whose event or status this program does not know",
            None,
            counted.unrecognized_events.clone(),
        );
        registry.add(
            "rejections",
            "Posts to /webhook that were refused",
            None,
            counted.rejections.clone(),
        );
        registry.add(
            "quarantined",
            "Requests put into quarantine",
            None,
            counted.quarantined.clone(),
        );
        registry.add(
            "unreadable_requests",
            "Requests answered 400 or 431 before they could be read as any",
            None,
            counted.unreadable.clone(),
        );
        registry.add(
            "request_duration",
            "How long a post to /webhook took to answer",
            Some(Unit::Seconds),
            durations,
        );
        let last_notification = Arc::clone(&counted.last_notification);
        registry.gauge(
            "last_notification_timestamp",
            "When the last notification that was accepted or known arrived, since 1970; 0 before the first",
            Some(Unit::Seconds),
            move || last_notification.load(Ordering::Relaxed) as f64 / 1e6,
        );
        counted
    }

    /// Counts a notification that was accepted or known.
    pub fn count_received(&self, received: &Received, duration: Duration) {
        let (outcome, durations) = match received.appended {
            Appended::New { .. } => (&self.notifications.accepted, &self.accepted_duration),
            Appended::Duplicate { .. } => (&self.notifications.duplicate, &self.duplicate_duration),
        };
        outcome.inc();
        durations.observe(duration.as_secs_f64());
        self.last_notification
            .store(received.received_at.as_micros(), Ordering::Relaxed);
        match received.appended {
            Appended::New { .. } if received.notification.event.is_unrecognized() => {
                self.unrecognized_events.inc();
            }
            Appended::Duplicate { differs: Some(_), .. } => self.count_quarantined(DUPLICATE_DIFFERS),
            Appended::New { .. } | Appended::Duplicate { differs: None, .. } => {}
        }
    }

    /// Counts a post that was refused.
    pub fn count_rejected(&self, problem: &Problem, duration: Duration) {
        count(&self.rejections, problem.name());
        self.rejected_duration.observe(duration.as_secs_f64());
    }

    /// Counts a request that is now in quarantine.
    pub fn count_quarantined(&self, reason: &'static str) {
        count(&self.quarantined, reason);
    }

    /// Counts what never became a request.
    #[allow(dead_code, reason = "for whoever serves connections")]
    pub fn count_unreadable(&self, reason: Unreadable) {
        count(&self.unreadable, reason.as_str());
    }
}

/// Counters of all reasons that there are, each at 0: one that appeared with its first event would hide that one from whoever
/// looks at the increase.
fn by_reason(reasons: impl IntoIterator<Item = &'static str>) -> Counters<1> {
    let counters = Counters::default();
    for reason in reasons {
        drop(counters.get_or_create(&[("reason", reason)]));
    }
    counters
}

fn count(counters: &Counters<1>, reason: &'static str) {
    let labels: Labels<1> = [("reason", reason)];
    debug_assert!(
        counters.get(&labels).is_some(),
        "{reason} is not among the reasons that are shown"
    );
    counters.get_or_create(&labels).inc();
}

impl Connections {
    /// The public and the admin side's, with room for `max_count` each; shows how much of it is taken.
    pub fn register(registry: &mut Registry, max_count: usize) -> (Self, Self) {
        let refused = Counters::default();
        let of = |listener| Self {
            room: Arc::new(Semaphore::new(max_count)),
            refused: refused.get_or_create_owned(&[("listener", listener)]),
        };
        let (public, admin) = (of("public"), of("admin"));
        let rooms = [
            ([("listener", "public")], Arc::clone(&public.room)),
            ([("listener", "admin")], Arc::clone(&admin.room)),
        ];
        registry.gauges("open_connections", "Connections open now", None, move || {
            rooms
                .iter()
                .map(|(listener, room)| (*listener, (max_count - room.available_permits()) as f64))
                .collect()
        });
        registry.add(
            "refused_connections",
            "Connections refused because too many were open",
            None,
            refused,
        );
        (public, admin)
    }
}

/// `GET /metrics`.
pub async fn page(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> impl IntoResponse {
    // What is no text asks for nothing that there is.
    let accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let format = Format::accepted(accepted);
    let headers = [(CONTENT_TYPE, format.content_type()), (VARY, ACCEPT.as_str())];
    (headers, registry.show(format))
}

#[cfg(test)]
mod tests;
