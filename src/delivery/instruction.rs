//! What an operator asks for, and how far it is. It is kept in the inbox, so that whichever receiver is asked, the one
//! that leads does it, also after a restart.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};
use crate::inbox::outbox::{self, InstructionId};
use crate::inbox::{Receipt, ReceiptId};

/// The most receipts that a replay names one by one.
pub const MAX_RECEIPT_IDS: usize = 1000;

/// The most replays that are not done at once: they are gone through one after the other.
pub const MAX_OPEN_REPLAYS: usize = 50;

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Send receipts once more.
    Replay(Replay),
    /// Go no further with a replay; what it has made pending is sent.
    EndReplay {
        /// Which one.
        id: InstructionId,
    },
}

/// Which receipts are sent once more, where to and how fast. All members that are set must match. What is pending
/// anyway is left as it is, and no destination gets what it does not want.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Replay {
    /// These; all, if it is empty. At most [`MAX_RECEIPT_IDS`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipt_ids: Vec<ReceiptId>,
    /// To this destination; to all, if there is none.
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
    pub dead: bool,
    /// Only count.
    pub dry_run: bool,
    /// How many in a second at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_second: Option<f64>,
}

impl Replay {
    /// Whether a receipt is one of those that it is about.
    pub fn matches(&self, receipt: &Receipt) -> bool {
        let name = &receipt.event;
        self.event
            .as_ref()
            .is_none_or(|event| *event == name.event || *event == name.to_string())
            && self.event_id.is_none_or(|id| receipt.event_id == Some(id))
            && self.chatbot_id.is_none_or(|id| receipt.chatbot_id == Some(id))
            && self.since.is_none_or(|since| receipt.received_at >= since)
            && self.until.is_none_or(|until| receipt.received_at < until)
            && (self.receipt_ids.is_empty() || self.receipt_ids.contains(&receipt.id))
    }
}

/// How far an instruction is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// What is wrong, if it could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How many receipts, or dead letters, were looked at.
    pub examined_count: u64,
    /// How many deliveries were found that are to be sent, or would be.
    pub matched_count: u64,
    /// How many of these were made pending.
    pub replayed_count: u64,
    /// The number of the last receipt that was looked at.
    pub position: u64,
    /// Where that began.
    pub first: u64,
    /// Where it ends; 0 while that is not known.
    pub last: u64,
    /// Which destinations are done with, where they are gone through one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations_done: Vec<String>,
}

/// An instruction as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// Its id.
    pub id: InstructionId,
    /// When it was given.
    pub created_at: Timestamp,
    /// When it was done with, if it is.
    pub done_at: Option<Timestamp>,
    /// Whether it could be done, once it is done with.
    pub state: ShownState,
    /// What was asked for.
    pub instruction: Instruction,
    /// How far it is.
    pub progress: Progress,
}

/// How an instruction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownState {
    /// It waits for the leader.
    Waiting,
    /// It is being followed.
    Running,
    /// It is done.
    Done,
    /// It could not be done.
    Failed,
}

impl Shown {
    /// Whether it is a replay.
    pub fn is_replay(&self) -> bool {
        matches!(self.instruction, Instruction::Replay(_))
    }

    /// What is kept, as it is shown; `None` if it is of another version of this program.
    pub fn of(kept: &outbox::Instruction) -> Option<Self> {
        let progress: Progress = match &*kept.progress {
            "" => Progress::default(),
            progress => serde_json::from_str(progress).ok()?,
        };
        let state = match (kept.done_at, &progress.failure, &*kept.progress) {
            (Some(_), Some(_), _) => ShownState::Failed,
            (Some(_), None, _) => ShownState::Done,
            (None, _, "") => ShownState::Waiting,
            (None, _, _) => ShownState::Running,
        };
        Some(Self {
            id: kept.id,
            created_at: kept.created_at,
            done_at: kept.done_at,
            state,
            instruction: serde_json::from_str(&kept.body).ok()?,
            progress,
        })
    }
}
