//! What a destination is like now, as its worker shows it to whoever asks.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::inbox::outbox::Pause;

/// What a destination is like now. Known where it is worked for, which is in the receiver that leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = DestinationStatus)]
pub struct Status {
    /// Whether its worker has read what waits, and so takes orders, which is no part of what is shown.
    #[serde(skip)]
    pub is_restored: bool,
    /// How many attempts are under way.
    pub in_flight_count: usize,
    /// How many deliveries are pending. What has not been read from the log yet is counted whether or not the destination
    /// wants it.
    pub pending_count: u64,
    /// When the oldest receipt that is pending was received; of one that is sent again though it was not given up, when that was
    /// asked for.
    pub oldest_received_at: Option<Timestamp>,
    /// How many dead letters it has.
    pub dead_count: u64,
    /// Since when it fails throughout, if it does.
    pub down_since: Option<Timestamp>,
    /// Until when it asked to be left alone (`Retry-After`), if it did: nothing is sent to it before.
    pub quiet_until: Option<Timestamp>,
    /// Until when nothing more is sent since that would be more than `max_per_second`, which is no part of what is shown: it
    /// changes with every attempt.
    #[serde(skip)]
    pub slow_until: Option<Timestamp>,
    /// Why nothing is sent to it, if that is so.
    pub pause: Option<Pause>,
    /// Since when it took nothing, if what it was sent last failed.
    pub failing_since: Option<Timestamp>,
    /// What last went wrong.
    pub last_failure: Option<Failure>,
    /// When it last took something in this term, which is no part of what is shown: that nothing is known against a
    /// destination does not mean that it is back.
    #[serde(skip)]
    pub took_at: Option<Timestamp>,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// What happened, in words for an operator.
    pub detail: String,
}

/// Where a worker shows its destination's status; `None` where nobody works for it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Option<Status>>>);

impl Board {
    /// What is shown now.
    pub fn status(&self) -> Option<Status> {
        self.0.lock().clone()
    }

    /// Whether the destination's worker is there, has read what waits, and so takes orders.
    pub fn takes_orders(&self) -> bool {
        self.status().is_some_and(|status| status.is_restored)
    }

    /// Shows something else.
    pub fn show(&self, status: Option<Status>) {
        *self.0.lock() = status;
    }
}
