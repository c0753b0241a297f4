//! Does what operators ask for, in the receiver that leads: replays one after the other and page by page, the rest at
//! once and beside them.

mod question;
mod replay;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::instruction::Progress;
use super::worker::{Order, What};
use super::{Filter, log};
use crate::clock::Timestamp;
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::{self, Delivery, DestinationId, InstructionId, Pause, State};
use crate::inbox::{self, Candidate, Inbox, Receipt, ReceiptId};

use question::Answered;
pub use question::{Answer, Answers, QUESTION_TIMEOUT};

/// How often instructions are looked for without being told to: those that another receiver took.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many are looked at once.
const COUNT: usize = 100;

/// How many receipts a replay goes on by at once.
const PAGE_COUNT: usize = 256;

/// The longest wait for the sake of a rate, which is that of the lowest one that may be asked for.
const MAX_RATE_WAIT: Duration = Duration::from_secs(1000);

/// A destination that is worked for.
#[derive(Clone, Debug)]
pub struct Served {
    pub name: String,
    pub id: DestinationId,
    pub filter: Filter,
    pub orders: mpsc::Sender<Order>,
}

/// What follows instructions.
pub struct Follower {
    pub inbox: Arc<dyn Inbox>,
    pub leader: Candidate,
    pub served: Vec<Served>,
    /// Says that there is something to do.
    pub wake: Arc<Notify>,
    pub answers: Answers,
    /// Questions that were answered, whose answers are to be emptied.
    answered: tokio::sync::Mutex<Answered>,
    /// How instructions ended of which the store could not take that down yet: what was done is not done again.
    unwritten: Mutex<HashMap<InstructionId, outbox::Instruction>>,
}

/// Which instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Replays,
    Questions,
    Rest,
}

/// Why an instruction is not followed further now.
enum Stop {
    /// It cannot be done, for that reason.
    Failed(String),
    /// The store fails, or another one leads.
    Store(inbox::Error),
}

impl From<inbox::Error> for Stop {
    fn from(error: inbox::Error) -> Self {
        Self::Store(error)
    }
}

impl Follower {
    /// One that has followed nothing yet.
    pub fn new(
        (inbox, leader): (Arc<dyn Inbox>, Candidate),
        served: Vec<Served>,
        wake: Arc<Notify>,
        answers: Answers,
    ) -> Self {
        Self {
            inbox,
            leader,
            served,
            wake,
            answers,
            answered: tokio::sync::Mutex::default(),
            unwritten: Mutex::default(),
        }
    }

    /// Follows instructions for ever.
    ///
    /// # Cancel safety
    /// May be dropped at any time: whoever leads next goes on.
    pub async fn run(&self) {
        tokio::join!(
            self.follow(Part::Replays),
            self.follow(Part::Questions),
            self.follow(Part::Rest)
        );
    }

    async fn follow(&self, part: Part) {
        let mut is_said = false;
        loop {
            let woken = self.wake.notified();
            match self.turn(part).await {
                Ok(true) => continue,
                Ok(false) => is_said = false,
                Err(error) if !is_said => {
                    is_said = true;
                    tracing::warn!(
                        error.type = "inbox_unavailable",
                        "what operators asked for cannot be done while the inbox fails: {error}"
                    );
                }
                Err(error) => tracing::debug!("cannot follow instructions now: {error}"),
            }
            let _ = timeout(INTERVAL, woken).await;
        }
    }

    /// Does what there is to do now; says whether there was anything.
    async fn turn(&self, part: Part) -> Result<bool, inbox::Error> {
        let open = self.inbox.outbox().open_instructions(COUNT).await?;
        if part == Part::Questions {
            return self.answer_slow(open).await;
        }
        let (mut has_done, mut failed) = (false, None);
        for kept in open {
            let instruction: Instruction = match serde_json::from_str(&kept.body) {
                Ok(instruction) => instruction,
                Err(_) if part == Part::Rest => {
                    let failure = "it was given by a newer version of this program".to_owned();
                    self.close(kept, Progress::default(), Some(failure)).await?;
                    continue;
                }
                Err(_) => continue,
            };
            match (part, instruction) {
                (Part::Replays, Instruction::Replay(replay)) => {
                    // What waits for a destination does not stand in the way of others.
                    has_done |= self.replay(kept, &replay).await?;
                }
                (Part::Replays | Part::Questions, _) | (Part::Rest, Instruction::Replay(_)) => {}
                (Part::Rest, Instruction::Ask(question)) => {
                    if !question.is_slow() {
                        self.answer(kept, question).await?;
                        has_done = true;
                    }
                }
                (Part::Rest, instruction) => match self.end(kept, instruction).await {
                    Ok(()) => has_done = true,
                    Err(inbox::Error::NotLeader) => return Err(inbox::Error::NotLeader),
                    // What cannot be read for one stands in the way of no other.
                    Err(error) => failed = Some(error),
                },
            }
        }
        failed.map_or(Ok(has_done), Err)
    }

    /// Does what is a matter of one delivery or one destination, unless it was done before, and writes down how that ended.
    async fn end(&self, kept: outbox::Instruction, instruction: Instruction) -> Result<(), inbox::Error> {
        if self.close_again(kept.id).await?.is_some() {
            return Ok(());
        }
        let failure = match self.at_once(instruction).await {
            Ok(()) => None,
            Err(Stop::Failed(reason)) => Some(reason),
            Err(Stop::Store(error)) => return Err(error),
        };
        self.close(kept, Progress::default(), failure).await.map(drop)
    }

    async fn at_once(&self, instruction: Instruction) -> Result<(), Stop> {
        match instruction {
            Instruction::Retry {
                destination,
                receipt_id,
            } => {
                let (served, receipt, row) = self.delivery(&destination, receipt_id).await?;
                let what = match row.map(|row| row.state) {
                    Some(State::Delivered) => {
                        return Err(Stop::Failed(
                            "it is delivered; `receipts replay` sends it once more".to_owned(),
                        ));
                    }
                    Some(State::Dead | State::Cancelled | State::Removed) => {
                        What::Reopen(vec![(receipt, row)])
                    }
                    Some(State::Pending) | None => What::Retry(receipt.sequence),
                };
                let undone =
                    || "it is not pending there, or waits for its turn behind many others".to_owned();
                self.done_by(served, what, undone).await
            }
            Instruction::Cancel {
                destination,
                receipt_id,
            } => {
                let (served, receipt, row) = self.delivery(&destination, receipt_id).await?;
                let what = What::Cancel(Box::new(receipt), row);
                self.done_by(served, what, || "it is not pending there".to_owned())
                    .await
            }
            Instruction::Pause { destination, reason } => {
                let pause = Pause {
                    at: Timestamp::now(),
                    reason,
                };
                let (served, what) = (self.served(&destination)?, What::Pause(pause));
                self.done_by(served, what, || "it is paused already".to_owned())
                    .await
            }
            Instruction::Resume { destination } => {
                let undone = || {
                    format!(
                        "it is neither paused nor down, and has not asked to be left alone; what waits for its next attempt, \
                         `deliveries retry ID` sends now, with an ID of `deliveries list --state pending --destination \
                         {destination}`"
                    )
                };
                let served = self.served(&destination)?;
                self.done_by(served, What::Resume, undone).await
            }
            Instruction::Remove { destination } => self.remove(&destination).await,
            Instruction::EndReplay { id } => {
                let replay = self.inbox.outbox().instruction(id).await?;
                let Some(replay) = replay.filter(|replay| replay.done_at.is_none()) else {
                    return Err(Stop::Failed(format!("there is no replay {id} that is not done")));
                };
                let progress = Progress {
                    ended: true,
                    ..serde_json::from_str(&replay.progress).unwrap_or_default()
                };
                Ok(self.write_down(&ended(replay, &progress)).await?)
            }
            Instruction::Replay(_) | Instruction::Ask(_) => {
                unreachable!("these are followed apart from the rest")
            }
        }
    }

    /// Removes a destination that is configured no more.
    async fn remove(&self, name: &str) -> Result<(), Stop> {
        if self.served(name).is_ok() {
            return Err(Stop::Failed(format!(
                "{name} is configured where this is done; take it out of the configuration first"
            )));
        }
        let destinations = self.inbox.outbox().destinations().await?;
        let known = destinations.into_iter().find(|known| known.name == name);
        let Some(known) = known.filter(|known| known.removed_at.is_none()) else {
            return Err(Stop::Failed(format!("{name} is removed already")));
        };
        let count = self
            .inbox
            .outbox()
            .remove_destination(&self.leader, known.id)
            .await?;
        log::removed(&known, count);
        Ok(())
    }

    fn served(&self, name: &str) -> Result<&Served, Stop> {
        let served = self.served.iter().find(|served| served.name == name);
        served.ok_or_else(|| {
            Stop::Failed(format!(
                "no destination {name:?} is configured where this is done"
            ))
        })
    }

    /// A delivery that was named: where it goes, what, and its row if it has one.
    async fn delivery(
        &self,
        destination: &str,
        receipt_id: ReceiptId,
    ) -> Result<(&Served, Receipt, Option<Delivery>), Stop> {
        let served = self.served(destination)?;
        let Some((receipt, _)) = self.inbox.receipt(receipt_id).await? else {
            return Err(Stop::Failed(format!("there is no receipt {receipt_id}")));
        };
        let row = self.inbox.outbox().delivery(served.id, receipt.sequence).await?;
        Ok((served, receipt, row.map(|(row, _)| row)))
    }

    /// Has a worker do something; it failed, for that reason, where that changes nothing.
    async fn done_by(
        &self,
        served: &Served,
        what: What,
        undone: impl FnOnce() -> String,
    ) -> Result<(), Stop> {
        match self.order(served, what).await? {
            None | Some(0) => Err(Stop::Failed(undone())),
            Some(_) => Ok(()),
        }
    }

    /// Tells a worker what to do, and waits until it is recorded; `None` if that cannot be done now.
    async fn order(&self, served: &Served, what: What) -> Result<Option<usize>, Stop> {
        let (answer, answered) = oneshot::channel();
        let gone = format!("nobody works for {} now", served.name);
        let gone = || Stop::Store(inbox::Error::unavailable(gone));
        if served.orders.send(Order { what, answer }).await.is_err() {
            return Err(gone());
        }
        answered.await.map_err(|_| gone())
    }

    /// Writes down that an instruction is done with. Where the store cannot take that, [`Self::close_again`] does.
    async fn close(
        &self,
        kept: outbox::Instruction,
        progress: Progress,
        failure: Option<String>,
    ) -> Result<outbox::Instruction, inbox::Error> {
        let done = ended(kept, &Progress { failure, ..progress });
        match self.write_down(&done).await {
            Ok(()) => Ok(done),
            Err(error) => {
                self.unwritten.lock().insert(done.id, done);
                Err(error)
            }
        }
    }

    /// Writes down how one ended of which that could not be done before, if it did.
    async fn close_again(&self, id: InstructionId) -> Result<Option<outbox::Instruction>, inbox::Error> {
        let unwritten = self.unwritten.lock().get(&id).cloned();
        if let Some(done) = &unwritten {
            self.write_down(done).await?;
            self.unwritten.lock().remove(&id);
        }
        Ok(unwritten)
    }

    /// Writes down how an instruction ended, and says so.
    async fn write_down(&self, done: &outbox::Instruction) -> Result<(), inbox::Error> {
        self.inbox.outbox().follow_up(&self.leader, done.clone()).await?;
        say(done);
        Ok(())
    }
}

/// An instruction that ended so.
fn ended(kept: outbox::Instruction, progress: &Progress) -> outbox::Instruction {
    outbox::Instruction {
        progress: serde_json::to_string(progress).expect("numbers have a JSON form"),
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

#[cfg(test)]
mod tests;
