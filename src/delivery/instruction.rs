//! How far what an operator asked for is, as it is kept and shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::{self, InstructionId};
use crate::words::words;

/// The most replays that are not done at once, and of those that only count as many again: they are gone through one after the
/// other.
pub const MAX_OPEN_REPLAYS: usize = 50;

/// How far an instruction is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = InstructionProgress)]
pub struct Progress {
    /// What is wrong, if it could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether an operator has ended it before its end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// What was answered to a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<serde_json::Value>,
    /// How many receipts, or dead letters, were looked at.
    #[schema(required)]
    pub examined_count: u64,
    /// How many deliveries were found that are to be sent, or would be.
    #[schema(required)]
    pub matched_count: u64,
    /// How many of these were made pending.
    #[schema(required)]
    pub replayed_count: u64,
    /// The number of the last receipt that was looked at.
    #[schema(required)]
    pub position: u64,
    /// Where that began.
    #[schema(required)]
    pub first: u64,
    /// Where it ends; 0 while that is not known.
    #[schema(required)]
    pub last: u64,
    /// Which destinations are done with, where they are gone through one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations_done: Vec<String>,
    /// Up to which number those destinations have been gone through that are ahead of `position`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ahead: BTreeMap<String, u64>,
    /// The destination that all wait for, since so many are pending there that it takes no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

/// An instruction as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = GivenInstruction)]
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
    pub instruction: Asked,
    /// How far it is.
    pub progress: Progress,
}

/// What was asked for, as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ShownInstruction)]
pub struct Asked {
    /// That.
    #[serde(flatten)]
    pub instruction: Instruction,
    /// How many receipts a replay names, where their ids are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_id_count: Option<usize>,
}

words!(
    /// How an instruction stands.
    #[schema(as = InstructionState)]
    pub enum ShownState {
        /// It waits for the leader.
        Waiting = "waiting",
        /// It is being followed.
        Running = "running",
        /// It is done.
        Done = "done",
        /// An operator has ended it before its end.
        Ended = "ended",
        /// It could not be done.
        Failed = "failed",
    }
);

impl Shown {
    /// Whether it is a replay.
    pub fn is_replay(&self) -> bool {
        matches!(self.instruction.instruction, Instruction::Replay(_))
    }

    /// Whether it is a replay that does not only count.
    pub fn sends_again(&self) -> bool {
        matches!(&self.instruction.instruction, Instruction::Replay(replay) if !replay.dry_run)
    }

    /// The same for a list, with the number of the receipts that a replay names in place of their ids: there may be a
    /// thousand.
    pub fn without_ids(mut self) -> Self {
        if let Instruction::Replay(replay) = &mut self.instruction.instruction {
            let count = std::mem::take(&mut replay.receipt_ids).len();
            self.instruction.receipt_id_count = Some(count).filter(|count| *count > 0);
        }
        self
    }

    /// How it ended, if it did; else why it could not be done.
    pub fn end(&self) -> Option<Result<(), &str>> {
        match self.state {
            ShownState::Waiting | ShownState::Running => None,
            ShownState::Done | ShownState::Ended => Some(Ok(())),
            ShownState::Failed => Some(Err(self.progress.failure.as_deref().unwrap_or_default())),
        }
    }

    /// What is kept, as it is shown; `None` if it is of another version of this program.
    pub fn of(kept: &outbox::Instruction) -> Option<Self> {
        let progress: Progress = match &*kept.progress {
            "" => Progress::default(),
            progress => serde_json::from_str(progress).ok()?,
        };
        let state = match (kept.done_at, &progress.failure, &*kept.progress) {
            (Some(_), Some(_), _) => ShownState::Failed,
            (Some(_), None, _) if progress.ended => ShownState::Ended,
            (Some(_), None, _) => ShownState::Done,
            (None, _, "") => ShownState::Waiting,
            (None, _, _) => ShownState::Running,
        };
        Some(Self {
            id: kept.id,
            created_at: kept.created_at,
            done_at: kept.done_at,
            state,
            instruction: Asked {
                instruction: serde_json::from_str(&kept.body).ok()?,
                receipt_id_count: None,
            },
            progress,
        })
    }
}
