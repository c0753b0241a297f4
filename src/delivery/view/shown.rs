//! What is shown, as it is serialised.

use serde::Serialize;

use super::trouble::Trouble;
use crate::clock::{Timestamp, milliseconds};
use crate::delivery::status::Status;
use crate::event::{ChatbotId, EventId, Name};
use crate::inbox::outbox::{Attempt, Delivery, Outcome, Pause, State};
use crate::inbox::{Receipt, ReceiptId};
use crate::words::words;

/// A delivery as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Delivery)]
pub struct Listed {
    /// Destination and receipt: `app/0190b5c4-...`.
    pub id: String,
    /// Where to.
    pub destination: String,
    /// What.
    pub receipt_id: ReceiptId,
    /// The number of the receipt.
    pub sequence: u64,
    /// Its event name.
    pub event: Name,
    /// Its job.
    pub event_id: Option<EventId>,
    /// Its chatbot.
    pub chatbot_id: Option<ChatbotId>,
    /// When it was received.
    pub received_at: Timestamp,
    /// What has become of it.
    pub state: State,
    /// How many attempts were made.
    pub attempt_count: u32,
    /// How the last one ended.
    pub last_outcome: Option<Outcome>,
    /// If it waits for a time, and for nothing else, when that is: its next try, or the end of a time for which its destination
    /// asked to be left alone.
    pub next_attempt_at: Option<Timestamp>,
    /// Why it waits, in words, if it does.
    pub waits: Option<String>,
    /// When that was written; null where nothing is.
    pub changed_at: Option<Timestamp>,
}

/// An attempt as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Attempt)]
pub struct ShownAttempt {
    /// Its place among the attempts of the delivery.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status or the exit code.
    pub status: Option<i32>,
    /// What happened.
    pub detail: String,
    /// The beginning of what came back, as text.
    pub answer: String,
}

/// A destination as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Destination)]
pub struct ShownDestination {
    /// Its name.
    pub name: String,
    /// What it is, such as `http` or `command`; null if it is configured no more.
    pub kind: Option<&'static str>,
    /// Scheme, host and port of its URL, its program, or its server and the name in a queue; null if it is configured no more.
    pub to: Option<String>,
    /// Whether it is sent to.
    pub state: ShownState,
    /// How many deliveries are pending. What has not been looked at yet is counted whether or not the destination wants
    /// it.
    pub pending_count: u64,
    /// How many dead letters it has.
    pub dead_count: u64,
    /// When it was put in.
    pub added_at: Timestamp,
    /// If it is configured no more where the receiver leads, when it is removed.
    pub removed_after: Option<Timestamp>,
    /// Why nothing is sent to it.
    pub pause: Option<Pause>,
    /// What keeps it from taking what is for it, if anything does. Some of that is known only where `status` is.
    pub trouble: Option<Trouble>,
    /// What only the receiver that leads knows, where that is asked.
    pub status: Option<Status>,
}

words!(
    /// Whether a destination is sent to.
    #[schema(as = DestinationState)]
    pub enum ShownState {
        /// It is, as far as the receiver that was asked knows.
        Active = "active",
        /// It fails throughout and gets single attempts.
        Down = "down",
        /// It is not, since somebody said so, or itself.
        Paused = "paused",
        /// It is not, since the receiver that leads does not have it; what is for it is kept for a time.
        Unconfigured = "unconfigured",
        /// It was configured no more, and is removed.
        Removed = "removed",
    }
);

#[cfg(test)]
impl ShownDestination {
    /// One of HTTP's, `app`, as it is shown now.
    pub fn sample(
        state: ShownState,
        pending_count: u64,
        status: Option<Status>,
        pause: Option<Pause>,
    ) -> Self {
        let now = Timestamp::now();
        let mut shown = Self {
            name: "app".to_owned(),
            kind: Some("http"),
            to: None,
            state,
            pending_count,
            dead_count: 0,
            added_at: now,
            removed_after: (state == ShownState::Unconfigured).then_some(now),
            pause,
            trouble: None,
            status,
        };
        shown.trouble = shown.trouble_at(now);
        shown
    }
}

impl Listed {
    pub(super) fn of_row(destination: &str, row: &Delivery, receipt: &Receipt) -> Self {
        Self {
            state: row.state,
            attempt_count: row.attempt_count,
            last_outcome: row.outcome,
            next_attempt_at: (row.state == State::Pending).then_some(row.due_at),
            changed_at: Some(row.changed_at),
            ..Self::of_log(destination, receipt)
        }
    }

    /// One that is known only by its receipt.
    pub(super) fn of_log(destination: &str, receipt: &Receipt) -> Self {
        Self {
            id: format!("{destination}/{}", receipt.id),
            destination: destination.to_owned(),
            receipt_id: receipt.id,
            sequence: receipt.sequence,
            event: receipt.event.clone(),
            event_id: receipt.event_id,
            chatbot_id: receipt.chatbot_id,
            received_at: receipt.received_at,
            state: State::Pending,
            attempt_count: 0,
            last_outcome: None,
            next_attempt_at: None,
            waits: None,
            changed_at: None,
        }
    }
}

impl ShownAttempt {
    pub(super) fn of(attempt: &Attempt) -> Self {
        Self {
            number: attempt.number,
            started_at: attempt.started_at,
            duration_ms: milliseconds(attempt.duration),
            outcome: attempt.outcome,
            status: attempt.status,
            detail: attempt.detail.clone(),
            answer: String::from_utf8_lossy(&attempt.answer).into_owned(),
        }
    }
}
