//! A receipt's way to one destination, each try of it, and what the leader has to say of them.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::{DestinationId, Pause};
use crate::clock::Timestamp;
use crate::words::words;

words!(
    /// What has become of a delivery.
    #[schema(as = DeliveryState)]
    pub enum State {
        /// It will be tried, for the first time or again.
        Pending = "pending",
        /// The destination has said that it has it.
        Delivered = "delivered",
        /// It was tried as often as the schedule says, in vain, or can never be taken as it is: a dead letter.
        Dead = "dead",
        /// An operator has called it off.
        Cancelled = "cancelled",
        /// Its destination was removed.
        Removed = "removed",
    }
);
words!(
    /// How an attempt ended; where it failed, by whose fault.
    #[schema(as = AttemptOutcome)]
    pub enum Outcome {
        /// The destination has said that it has it.
        Delivered = "delivered",
        /// It could not be reached: no such host, no connection, no TLS, or the connection ended before the answer.
        Unreachable = "unreachable",
        /// It did not answer in time.
        Timeout = "timeout",
        /// It was reached and said no: an answer of 3xx or 4xx.
        Refused = "refused",
        /// It was reached and broke: an answer of 5xx, or an exit code other than 0.
        Failed = "failed",
        /// It was not asked, for a reason on this side.
        Ours = "ours",
    }
);

/// A receipt's way to one destination, where there is something to say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where it goes.
    pub destination: DestinationId,
    /// The number of the receipt.
    pub sequence: u64,
    /// What has become of it.
    pub state: State,
    /// How many tries of the schedule are used up.
    pub step: u32,
    /// How many attempts were ever made.
    pub attempt_count: u32,
    /// How often it was made pending anew, by a replay or a retry of what was finished with.
    pub replay_count: u32,
    /// How the last attempt ended, if there was one.
    pub outcome: Option<Outcome>,
    /// If it is pending, when the schedule wants it tried.
    pub due_at: Timestamp,
    /// When this was written.
    pub changed_at: Timestamp,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its place among the attempts of its delivery, from 1 on.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in whole microseconds.
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status or the exit code, if it came to that.
    pub status: Option<i32>,
    /// What happened, in words for an operator.
    pub detail: String,
    /// The beginning of what the destination answered or wrote, at most [`super::MAX_ANSWER_BYTES`].
    pub answer: Bytes,
}

/// What a leader has to say of one destination, committed at once.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Which one.
    pub destination: DestinationId,
    /// Its cursor from now on, unless it is farther already.
    pub cursor: u64,
    /// Deliveries as they are now, each at most once: put in, or put in the place of what was there. One whose receipt
    /// has expired is left out.
    pub deliveries: Vec<Delivery>,
    /// Attempts of these, by the number of the receipt.
    pub attempts: Vec<(u64, Attempt)>,
    /// Whether it is paused.
    pub pause: PauseChange,
}

impl Attempt {
    /// How long it took, as the tables have it.
    pub(in crate::inbox) fn duration_us(&self) -> i64 {
        i64::try_from(self.duration.as_micros()).unwrap_or(i64::MAX)
    }
}

impl Progress {
    /// The first attempts among those that it tells of, by the number of the receipt.
    pub(in crate::inbox) fn first_attempts(&self) -> HashMap<u64, &Attempt> {
        let attempts = self.attempts.iter().filter(|(_, attempt)| attempt.number == 1);
        attempts.map(|(sequence, attempt)| (*sequence, attempt)).collect()
    }
}

/// Whether a destination is paused from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PauseChange {
    /// As before.
    Keep,
    /// Nothing is sent to it any more.
    Pause(Pause),
    /// It is sent to again.
    Resume,
}

/// Which deliveries to list; all members that are set must match.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeliveryFilter {
    /// By destination.
    pub destination: Option<DestinationId>,
    /// By state.
    pub state: Option<State>,
    /// Of receipts from this number on.
    pub from_sequence: u64,
}
