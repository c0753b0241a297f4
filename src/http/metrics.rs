//! What is counted of requests, and `GET /metrics`.
//!
//! [`super::request_log`] counts where it logs, so that the log and the numbers say the same; what is stored is counted
//! by the inbox ([`crate::inbox::announce`]). What is labelled is a word of this program's; nothing of a request becomes
//! a label.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::response::IntoResponse;

use super::problem::Kind;
use super::rooms::Rooms;
use super::routes::{About, Routes};
use crate::clock::Timestamp;
use crate::metrics::{Counter, Counters, Format, Histogram, Labels, Registry};
use crate::minutes::Traffic;

/// The reason of a post that no route takes.
pub const NO_ROUTE: &str = "no-route";

/// What is counted of posts to `/webhook` that did not become a receipt, and of what was no request.
pub struct Metrics {
    rejections: Counters<1>,
    quarantined: Counters<1>,
    rejected_duration: Histogram,
    unreadable: Counters<1>,
    traffic: Traffic,
}

/// Why what arrived on a connection never became a request: it is no HTTP/1.1, or its head has more bytes or headers than are
/// taken. hyper has answered it with 400 or 431, and the request log knows nothing of it.
const MALFORMED: &str = "malformed";
const HEAD_TOO_LARGE: &str = "head-too-large";

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
            rejections: by_reason(
                Counters::default(),
                Kind::names(Kind::refuses_posts).into_iter().chain([NO_ROUTE]),
            ),
            quarantined: by_reason(registry.quarantined.clone(), Kind::names(Kind::is_quarantined)),
            rejected_duration: registry
                .request_durations
                .get_or_create_owned(&[("outcome", "rejected")]),
            unreadable: by_reason(Counters::default(), [MALFORMED, HEAD_TOO_LARGE]),
            traffic: registry.traffic.clone(),
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
        count(&self.rejections, reason);
        self.traffic.rejected.add(Timestamp::now(), 1);
        self.rejected_duration.observe(duration.as_secs_f64());
    }

    /// Counts what hyper answered by itself, if it did.
    pub fn count_unreadable(&self, error: &hyper::Error) {
        if error.is_parse_too_large() {
            count(&self.unreadable, HEAD_TOO_LARGE);
        } else if error.is_parse() {
            count(&self.unreadable, MALFORMED);
        }
    }

    /// Counts a request that is now in quarantine.
    pub fn count_quarantined(&self, reason: &'static str) {
        count(&self.quarantined, reason);
    }
}

/// Counters of all reasons that there are, each at 0: one that appeared with its first event would hide that one from whoever
/// looks at the increase.
fn by_reason(counters: Counters<1>, reasons: impl IntoIterator<Item = &'static str>) -> Counters<1> {
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
                .map(|(listener, rooms)| (*listener, rooms.open_count() as f64))
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

pub fn routes() -> Routes<Arc<Registry>> {
    let about = || {
        About::guarded("What is counted and measured, for Prometheus").answers_text(
            "All of it, as the Accept header asks.",
            &["text/plain", "application/openmetrics-text"],
        )
    };
    Routes::new().get("/metrics", page, about)
}

/// `GET /metrics`.
async fn page(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> impl IntoResponse {
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
