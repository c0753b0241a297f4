//! What is counted of requests, and `GET /metrics`.
//!
//! [`super::request_log`] counts where it logs, so that the log and the numbers say the same; what is stored is counted
//! by the inbox ([`crate::inbox::announce`]). What is labelled is a word of this program's; nothing of a request becomes
//! a label.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::rooms::Rooms;
use crate::metrics::{self, Counter, Counters, Histogram, Registry};

/// What is counted of posts to `/webhook` that did not become a receipt, and of what was no request.
pub struct Metrics {
    rejections: Counters<1>,
    quarantined: Counters<1>,
    rejected_duration: Histogram,
    unreadable: Counters<1>,
}

/// What is counted of one listener's connections.
#[derive(Clone)]
pub struct Connections {
    /// Where each has its room.
    pub rooms: Rooms,
    /// Those that there was no room for.
    pub refused: Counter,
}

impl Metrics {
    /// Starts counting, and shows it.
    pub fn register(registry: &mut Registry) -> Self {
        let counted = Self {
            rejections: Counters::default(),
            quarantined: registry.quarantined().clone(),
            rejected_duration: registry
                .request_durations()
                .get_or_create_owned(&[("outcome", "rejected")]),
            unreadable: Counters::default(),
        };
        registry.add(
            "rejections",
            "Posts to the public side that were refused",
            None,
            counted.rejections.clone(),
        );
        registry.add(
            "unreadable_requests",
            "Requests that are none by the rules of HTTP, refused before anything else",
            None,
            counted.unreadable.clone(),
        );
        counted
    }

    /// Counts a post that was refused.
    pub fn count_rejected(&self, reason: &'static str, duration: Duration) {
        self.rejections.get_or_create(&[("reason", reason)]).inc();
        self.rejected_duration.observe(duration.as_secs_f64());
    }

    /// Counts what hyper answered with 400 or 431 by itself.
    pub fn count_unreadable(&self, error: &hyper::Error) {
        let reason = match () {
            () if error.is_parse_too_large() => "head-too-large",
            () if error.is_parse() => "malformed",
            () => return,
        };
        self.unreadable.get_or_create(&[("reason", reason)]).inc();
    }

    /// Counts a request that is now in quarantine.
    pub fn count_quarantined(&self, reason: &'static str) {
        self.quarantined.get_or_create(&[("reason", reason)]).inc();
    }
}

impl Connections {
    /// The public and the admin side's, with room for `max_count` each; shows how much of it is taken.
    pub fn register(registry: &mut Registry, max_count: usize) -> (Self, Self) {
        let refused = Counters::default();
        let of = |listener| Self {
            rooms: Rooms::new(max_count),
            refused: refused.get_or_create_owned(&[("listener", listener)]),
        };
        let (public, admin) = (of("public"), of("admin"));
        let rooms = [
            ([("listener", "public")], public.rooms.clone()),
            ([("listener", "admin")], admin.rooms.clone()),
        ];
        registry.gauges("open_connections", "Connections open now", None, move || {
            rooms
                .iter()
                .map(|(listener, rooms)| (*listener, rooms.taken_count() as f64))
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
pub async fn page(State(registry): State<Arc<Registry>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], registry.encode())
}
