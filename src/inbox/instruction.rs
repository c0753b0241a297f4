//! What an operator asks of the way out. It is kept in the inbox, so that whichever receiver is asked, the one that leads
//! does it, also after a restart.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::outbox::InstructionId;
use super::{Receipt, ReceiptFilter, ReceiptId, Span};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};

/// The lowest and the highest rate of a replay, in deliveries a second. A destination has a limit of its own beside it.
pub const REPLAY_RATES: RangeInclusive<f64> = 0.001..=10_000.0;

/// The most receipts that a replay names one by one.
pub const MAX_RECEIPT_IDS: usize = 1000;

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Instruction {
    /// Send a delivery now: one that waits, or one that was given up or called off.
    Retry {
        /// Where to.
        destination: String,
        /// What.
        receipt_id: ReceiptId,
    },
    /// Call a pending delivery off.
    Cancel {
        /// Where to.
        destination: String,
        /// What.
        receipt_id: ReceiptId,
    },
    /// Send nothing more to a destination; what is for it is kept.
    Pause {
        /// Which one.
        destination: String,
        /// Why, for people.
        reason: String,
    },
    /// Send to a destination again; to one that is down, see at once whether it is back.
    Resume {
        /// Which one.
        destination: String,
    },
    /// Remove a destination that is configured no more, with its pending deliveries.
    Remove {
        /// Which one.
        destination: String,
    },
    /// Send receipts once more.
    Replay(Replay),
    /// Go no further with a replay; what it has made pending is sent.
    EndReplay {
        /// Which one.
        id: InstructionId,
    },
    /// Answer a question that only the leader can.
    Ask(Question),
}

/// What only the leader knows or does, asked through another receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Question {
    /// How the chatbots stand.
    Subscription,
    /// That each chatbot is looked at now, and the URL put where it does not stand.
    Ensure,
    /// What was missed of a job, to be stored unless it is a dry run.
    Backfill {
        /// The job.
        event_id: EventId,
        /// The chatbot it is of, if that is known.
        chatbot_id: Option<ChatbotId>,
        /// Whether it is only named.
        dry_run: bool,
    },
}

impl Question {
    /// Whether CaiGunn has to be asked first.
    pub fn is_slow(&self) -> bool {
        matches!(self, Self::Backfill { .. })
    }
}

impl Instruction {
    /// Whether both are about the same delivery or about the same destination as a whole, so that the order in which they are
    /// followed matters.
    pub fn is_about_same(&self, other: &Self) -> bool {
        let subject = self.subject();
        subject.is_some() && subject == other.subject()
    }

    /// The destination that it is about, if it is about one of them or a delivery there.
    pub fn destination(&self) -> Option<&str> {
        self.subject().map(|(destination, _)| destination)
    }

    /// The destination that it is about, and the receipt if it is about a single delivery.
    fn subject(&self) -> Option<(&str, Option<ReceiptId>)> {
        match self {
            Self::Retry {
                destination,
                receipt_id,
            }
            | Self::Cancel {
                destination,
                receipt_id,
            } => Some((destination, Some(*receipt_id))),
            Self::Pause { destination, .. } | Self::Resume { destination } | Self::Remove { destination } => {
                Some((destination, None))
            }
            Self::Replay(_) | Self::EndReplay { .. } | Self::Ask(_) => None,
        }
    }
}

/// In short, for the log.
impl fmt::Display for Instruction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry {
                destination,
                receipt_id,
            } => write!(formatter, "retry {destination}/{receipt_id}"),
            Self::Cancel {
                destination,
                receipt_id,
            } => write!(formatter, "cancel {destination}/{receipt_id}"),
            Self::Pause { destination, .. } => write!(formatter, "pause {destination}"),
            Self::Resume { destination } => write!(formatter, "resume {destination}"),
            Self::Remove { destination } => write!(formatter, "remove {destination}"),
            Self::Replay(replay) => {
                let kind = if replay.dry_run { "count" } else { "replay" };
                let destination = replay.destination.as_deref().unwrap_or("all destinations");
                write!(formatter, "{kind} receipts to {destination}")
            }
            Self::EndReplay { id } => write!(formatter, "end replay {id}"),
            Self::Ask(Question::Ensure) => formatter.write_str("look at each chatbot now"),
            Self::Ask(Question::Subscription) => formatter.write_str("tell how the chatbots stand"),
            Self::Ask(Question::Backfill { event_id, .. }) => write!(formatter, "backfill job {event_id}"),
        }
    }
}

/// Which receipts are sent once more, where to and how fast. All members that are set must match. What is pending
/// anyway is left as it is, and no destination gets what it does not want.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Replay {
    /// These, 1,000 at most; all, if it is left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipt_ids: Vec<ReceiptId>,
    /// To this destination; to all, if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Of this event (`crawling`) or event name (`crawling.completed`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Of this job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// Of this chatbot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chatbot_id: Option<ChatbotId>,
    /// Received at that time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Received before that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only dead letters.
    #[schema(required)]
    pub dead: bool,
    /// Only count.
    #[schema(required)]
    pub dry_run: bool,
    /// How many in a second at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_second: Option<f64>,
}

impl Replay {
    /// What these are about.
    pub fn filter(&self) -> ReceiptFilter {
        ReceiptFilter {
            event: self.event.clone(),
            event_id: self.event_id,
            chatbot_id: self.chatbot_id,
        }
    }

    /// When these came.
    pub fn span(&self) -> Span {
        Span {
            since: self.since,
            until: self.until,
        }
    }

    /// Whether a receipt is one of those that it is about.
    pub fn matches(&self, receipt: &Receipt) -> bool {
        self.filter().matches(receipt)
            && self.span().contains(receipt.received_at)
            && (self.receipt_ids.is_empty() || self.receipt_ids.contains(&receipt.id))
    }
}
