//! How instructions ended: written down once, also where the store could not take that at first, and said once that is so.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use super::{Follower, Stop, Turn, progress_text, question};
use crate::clock::Timestamp;
use crate::delivery::instruction::Progress;
use crate::inbox;
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::{self, InstructionId};

/// How instructions ended of which the store has not said that it took that down; it may have.
#[derive(Default)]
pub struct Unwritten(Mutex<HashMap<InstructionId, outbox::Instruction>>);

impl Unwritten {
    /// Which these are: what was done is not done again.
    pub fn ids(&self) -> HashSet<InstructionId> {
        self.0.lock().keys().copied().collect()
    }

    fn insert(&self, done: outbox::Instruction) {
        self.0.lock().insert(done.id, done);
    }

    /// How that one ended, without an answer that nobody waits for any more.
    fn get(&self, id: InstructionId) -> Option<outbox::Instruction> {
        let mut unwritten = self.0.lock();
        let done = unwritten.get_mut(&id)?;
        question::drop_late_answer(done);
        Some(done.clone())
    }

    fn remove(&self, id: InstructionId) {
        self.0.lock().remove(&id);
    }
}

impl Follower {
    /// Writes down that an instruction is done with. Where the store cannot take that, [`Self::write_ends`] does.
    pub(super) async fn close(
        &self,
        kept: outbox::Instruction,
        progress: Progress,
        failure: Option<String>,
    ) -> Result<(), inbox::Error> {
        let done = ended(kept, &Progress { failure, ..progress });
        let written = self.write_down(&done).await;
        if written.is_err() {
            self.unwritten.insert(done);
        }
        written
    }

    /// Writes down how those ended of which that could not be done before. Whether the store had taken one down already
    /// does not matter: it is the same end.
    pub(super) async fn write_ends(&self) -> Result<bool, inbox::Error> {
        let mut turn = Turn::default();
        for id in self.unwritten.ids() {
            let Some(done) = self.unwritten.get(id) else {
                continue;
            };
            let written = self.write_down(&done).await;
            if written.is_ok() {
                self.unwritten.remove(id);
            }
            turn.add(written.map(|()| true))?;
        }
        turn.end()
    }

    /// Has a replay go no further.
    pub(super) async fn end_replay(&self, id: InstructionId, asked_at: Timestamp) -> Result<(), Stop> {
        let undone = || Stop::Failed(format!("there is no replay {id} that is not done"));
        let replay = self.inbox.outbox().instruction(id).await?.ok_or_else(undone)?;
        let progress: Progress = serde_json::from_str(&replay.progress).unwrap_or_default();
        match replay.done_at {
            None => {
                self.waits.end(id);
                let so_far = Progress {
                    ended: true,
                    ..progress
                };
                Ok(self.write_down(&ended(replay, &so_far)).await?)
            }
            // By this, where the store did not say that it was written.
            Some(done_at) if progress.ended && done_at >= asked_at => Ok(()),
            Some(_) => Err(undone()),
        }
    }

    /// Writes down how an instruction ended, and says so.
    pub(super) async fn write_down(&self, done: &outbox::Instruction) -> Result<(), inbox::Error> {
        self.inbox.outbox().follow_up(&self.leader, done.clone()).await?;
        say(done);
        if question::is_full(done) {
            self.answered.lock().await.push(done);
        }
        Ok(())
    }
}

/// An instruction that ended so.
pub fn ended(kept: outbox::Instruction, progress: &Progress) -> outbox::Instruction {
    outbox::Instruction {
        progress: progress_text(progress),
        done_at: Some(Timestamp::now()),
        ..kept
    }
}

/// Says how one ended.
fn say(done: &outbox::Instruction) {
    // Of another version it is not known what it is.
    let instruction = serde_json::from_str::<Instruction>(&done.body);
    let what = instruction.map_or_else(|_| "an instruction".to_owned(), |known| known.to_string());
    let Progress {
        matched_count,
        replayed_count,
        failure,
        ended,
        ..
    } = serde_json::from_str(&done.progress).unwrap_or_default();
    match failure {
        None if ended => tracing::info!(
            instruction_id = %done.id,
            "ended by an operator: {what}; {replayed_count} deliveries are sent once more"
        ),
        None if matched_count > 0 => tracing::info!(
            instruction_id = %done.id,
            "done: {what}; {replayed_count} of {matched_count} deliveries are sent once more"
        ),
        None => tracing::info!(instruction_id = %done.id, "done: {what}"),
        Some(reason) => tracing::warn!(
            instruction_id = %done.id,
            error.type = "instruction",
            "cannot be done: {what}: {reason}"
        ),
    }
}
