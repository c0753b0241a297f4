//! Does what operators ask for, in the receiver that leads: replays one after the other and page by page, the rest at
//! once and beside them.

mod ends;
mod part;
mod question;
mod replay;
mod turn;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::instruction::Progress;
use super::status::Board;
use super::worker::{Order, Undone, What};
use super::{Filter, log};
use crate::clock::Timestamp;
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::{self, Delivery, DestinationId, Pause, State};
use crate::inbox::{self, Candidate, Inbox, Receipt, ReceiptId};

use ends::Unwritten;
use part::{COUNT, Part};
pub use question::{Answer, Answers, QUESTION_TIMEOUT};
use question::{Answered, Begun};
use turn::Turn;
use waits::Waits;

/// How often instructions are looked for without being told to: those that another receiver took.
const INTERVAL: Duration = Duration::from_secs(1);

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
    /// Where its worker shows how it is, once that has read what waits.
    pub board: Board,
}

/// What follows instructions.
pub struct Follower {
    pub inbox: Arc<dyn Inbox>,
    pub leader: Candidate,
    pub served: Vec<Served>,
    /// Says that there is something to do.
    pub wake: Arc<Notify>,
    pub answers: Answers,
    /// Questions that take long and are being answered.
    begun: Begun,
    /// Questions that were answered, whose answers are to be emptied.
    answered: tokio::sync::Mutex<Answered>,
    /// What was done and is still to be written down.
    unwritten: Unwritten,
    /// Replays that wait for a destination.
    waits: Waits,
}

/// Why an instruction is not followed further now.
enum Stop {
    /// It cannot be done, for that reason.
    Failed(String),
    /// The destination's worker cannot do it yet: it has not read what waits, or how that ended is not recorded.
    NotYet,
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
            begun: Begun::default(),
            answered: tokio::sync::Mutex::default(),
            unwritten: Unwritten::default(),
            waits: Waits::default(),
        }
    }

    /// Follows instructions for ever.
    ///
    /// # Cancel safety
    /// May be dropped at any time: whoever leads next goes on.
    pub async fn run(&self) {
        tokio::join!(
            self.follow(Part::Replays),
            self.follow(Part::Counts),
            self.follow(Part::Questions),
            self.answer_begun(),
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
                        "not all that operators asked for can be done now; it is tried again: {error}"
                    );
                }
                Err(error) => tracing::debug!("cannot follow instructions now: {error}"),
            }
            let _ = timeout(INTERVAL, woken).await;
        }
    }

    /// Does what there is to do now; says whether there was anything. What fails for one stands in the way of no other that is
    /// about something else.
    async fn turn(&self, part: Part) -> Result<bool, inbox::Error> {
        let mut turn = Turn::default();
        if part == Part::Rest {
            // Those of all parts: a replay takes hours.
            turn.add(self.write_ends().await)?;
        }
        // Before the look: what is written down between both is open no more there. Those that are begun with come first, since
        // what of them cannot be written down is among the others from then on.
        let mut known = self.begun.ids();
        let unwritten = self.unwritten.ids();
        let unwritten_count = unwritten.len();
        known.extend(unwritten);
        let mut open = self.open(part).await?;
        open.retain(|(kept, _)| !known.contains(&kept.id));
        // So that no part adds to more unwritten ones than these. What is begun with is of the questions that take long.
        let known_count = if part == Part::Questions {
            known.len()
        } else {
            unwritten_count
        };
        open.truncate(COUNT.saturating_sub(known_count));
        if part == Part::Questions {
            turn.add(self.begin_slow(open).await)?;
            return turn.end();
        }
        let mut waiting = Vec::new();
        for (kept, instruction) in open {
            let followed = match instruction {
                // What waits for a destination does not stand in the way of others.
                Some(Instruction::Replay(replay)) => self.replay(kept, &replay).await,
                Some(Instruction::Ask(question)) => self.answer(kept, question).await,
                None => self.close_unknown(kept).await,
                Some(instruction) => {
                    // Of two wishes the later one counts, so it waits for the earlier one.
                    if waiting.iter().any(|earlier| instruction.is_about_same(earlier)) {
                        continue;
                    }
                    let ended = self.end(kept, &instruction).await;
                    if !matches!(ended, Ok(true)) {
                        waiting.push(instruction);
                    }
                    ended
                }
            };
            turn.add(followed)?;
        }
        turn.end()
    }

    async fn close_unknown(&self, kept: outbox::Instruction) -> Result<bool, inbox::Error> {
        let failure = "it was given by a newer version of this program".to_owned();
        self.close(kept, Progress::default(), Some(failure)).await?;
        Ok(true)
    }

    /// Does what is a matter of one delivery or one destination, and writes down how that ended; says whether it did.
    async fn end(&self, kept: outbox::Instruction, instruction: &Instruction) -> Result<bool, inbox::Error> {
        let failure = match self.at_once(instruction, kept.created_at).await {
            Ok(()) => None,
            Err(Stop::Failed(reason)) => Some(reason),
            Err(Stop::NotYet) => return Ok(false),
            Err(Stop::Store(error)) => return Err(error),
        };
        self.close(kept, Progress::default(), failure).await?;
        Ok(true)
    }

    /// Does what was asked for at that time.
    async fn at_once(&self, instruction: &Instruction, asked_at: Timestamp) -> Result<(), Stop> {
        match instruction {
            Instruction::Retry {
                destination,
                receipt_id,
            } => self.retry(destination, *receipt_id, asked_at).await,
            Instruction::Cancel {
                destination,
                receipt_id,
            } => {
                let (served, receipt, row) = self.delivery(destination, *receipt_id).await?;
                // By this, where whoever did it did not come to write that down.
                if row.is_some_and(|row| row.state == State::Cancelled && row.changed_at >= asked_at) {
                    return Ok(());
                }
                let what = What::Cancel(Box::new(receipt), row);
                self.done_by(served, what, || "it is not pending there".to_owned())
                    .await
            }
            Instruction::Pause { destination, reason } => {
                let pause = Pause {
                    at: Timestamp::now(),
                    reason: reason.clone(),
                };
                let served = self.served(destination)?;
                // By this, where whoever did it did not come to write that down.
                if self.is_paused(served, reason, asked_at).await? {
                    return Ok(());
                }
                self.done_by(served, What::Pause(pause), || "it is paused already".to_owned())
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
                let served = self.served(destination)?;
                self.done_by(served, What::Resume, undone).await
            }
            Instruction::Remove { destination } => self.remove(destination, asked_at).await,
            Instruction::EndReplay { id } => self.end_replay(*id, asked_at).await,
            Instruction::Replay(_) | Instruction::Ask(_) => {
                unreachable!("these are followed apart from the rest")
            }
        }
    }

    /// Has one that waits tried now, and one that was given up or called off once more.
    async fn retry(&self, destination: &str, receipt_id: ReceiptId, asked_at: Timestamp) -> Result<(), Stop> {
        let (served, receipt, row) = self.delivery(destination, receipt_id).await?;
        let state = row.map(|row| row.state);
        // What was tried and waits is sent whatever the filter says.
        let is_wanted = state == Some(State::Pending) || served.filter.matches(&receipt);
        let what = match state {
            // By this, or before it came to it.
            Some(State::Delivered) if row.is_some_and(|row| row.changed_at >= asked_at) => return Ok(()),
            Some(State::Delivered) => {
                let reason = "it is delivered; `receipts replay` sends it once more";
                return Err(Stop::Failed(reason.to_owned()));
            }
            Some(State::Dead | State::Cancelled | State::Removed) => What::Reopen(vec![(receipt, row)]),
            Some(State::Pending) | None => What::Retry(receipt.sequence),
        };
        let undone = || match is_wanted {
            true => "it is not pending there, or waits for its turn behind many others".to_owned(),
            false => format!("the `events` or `chatbots` of {destination} leave it out now"),
        };
        self.done_by(served, what, undone).await
    }

    /// Removes a destination that is configured no more.
    async fn remove(&self, name: &str, asked_at: Timestamp) -> Result<(), Stop> {
        if self.served(name).is_ok() {
            return Err(Stop::Failed(format!(
                "{name} is configured where this is done; take it out of the configuration first, and restart"
            )));
        }
        let removed = || Stop::Failed(format!("{name} is removed already"));
        let destinations = self.inbox.outbox().destinations().await?;
        let Some(known) = destinations.into_iter().find(|known| known.name == name) else {
            return Err(removed());
        };
        match known.removed_at {
            None => {}
            // By this, where the store did not say that it was.
            Some(removed_at) if removed_at >= asked_at => return Ok(()),
            Some(_) => return Err(removed()),
        }
        let count = self
            .inbox
            .outbox()
            .remove_destination(&self.leader, known.id)
            .await?;
        log::removed(&known, count);
        Ok(())
    }

    /// Whether it was paused for that reason at that time or later.
    async fn is_paused(&self, served: &Served, reason: &str, since: Timestamp) -> Result<bool, inbox::Error> {
        let destinations = self.inbox.outbox().destinations().await?;
        let pauses = destinations.iter().filter(|known| known.id == served.id);
        let mut pauses = pauses.filter_map(|known| known.pause.as_ref());
        Ok(pauses.any(|pause| pause.reason == reason && pause.at >= since))
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

    /// Tells a worker what to do, and waits until it is recorded; `None` if there is no room for that.
    async fn order(&self, served: &Served, what: What) -> Result<Option<usize>, Stop> {
        // However long it reads what waits, what is for another destination does not wait for that.
        if !served.board.takes_orders() {
            return Err(Stop::NotYet);
        }
        let (answer, answered) = oneshot::channel();
        let gone = format!("nobody works for {} now", served.name);
        let gone = || Stop::Store(inbox::Error::unavailable(gone));
        if served.orders.send(Order { what, answer }).await.is_err() {
            return Err(gone());
        }
        match answered.await.map_err(|_| gone())? {
            Ok(count) => Ok(Some(count)),
            Err(Undone::NoRoom) => Ok(None),
            Err(Undone::Unrecorded) => Err(Stop::NotYet),
        }
    }
}

/// How far an instruction is, as it is kept.
fn progress_text(progress: &Progress) -> String {
    serde_json::to_string(progress).expect("numbers have a JSON form")
}

#[cfg(test)]
mod tests;
