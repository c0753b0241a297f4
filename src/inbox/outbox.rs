//! The way out, as the store keeps it: destinations, what of the receipts has become of each there, and what an operator
//! asked for.
//!
//! **Receipts are a log and a destination reads it.** Its `cursor` is the number up to which every receipt is finished
//! with there or has a [`Delivery`] of its own. So what lies behind the cursor is pending by being in the log: it was
//! committed with the receipt, and accepting a notification costs nothing more, however many destinations there are.
//! A row is written when there is something to say: it was delivered, or it was tried in vain and waits.
//!
//! **Only the leader writes** what is here, but for instructions and new destinations. Every such call names the
//! [`Candidate`] that believes to lead, and the store refuses one that does not. So the lease of the leader is the lease
//! of all deliveries: one that dies gives them all back, and two never send the same one at once.

mod delivery;

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::{Answer, Candidate, Page, PageRequest, Receipt, ReceiptFilter, Span};
use crate::clock::Timestamp;
use crate::event::id;
pub use delivery::{Attempt, Delivery, DeliveryFilter, Outcome, PauseChange, Progress, State};

id!(
    /// Names an instruction: a UUIDv7.
    InstructionId
);

/// The part of a store that the way out is about. See the module for what it promises.
pub trait Outbox: Send + Sync {
    /// The number of the newest receipt that was ever accepted, 0 if there was none.
    fn last_sequence(&self) -> Answer<'_, u64>;

    /// Receipts without their bodies, oldest first, from the one after that sequence number on: at most `limit`. None
    /// means that there are no more. As with [`Inbox::export`](super::Inbox::export), whoever goes on from the last one
    /// misses nothing.
    fn receipts_after(&self, after: u64, limit: usize) -> Answer<'_, Vec<Receipt>>;

    /// Receipts without their bodies that match both, oldest first, with numbers above `after` up to `until`: at most
    /// `limit`. It looks at [`MAX_MATCHING_EXAMINED`] numbers at most, and says how far it came. A job is found faster by
    /// [`Inbox::job`](super::Inbox::job).
    fn matching(&self, what: Matching, limit: usize) -> Answer<'_, Matched>;

    /// A number up to which every receipt that is held was received before that time, found by halving, so that few are
    /// looked at: numbers are nearly in the order of time. Where a clock was set back by more than [`MAX_DISORDER`], there
    /// may be some that were received later.
    fn last_before(&self, time: Timestamp) -> Answer<'_, u64>;

    /// As [`Outbox::receipts_after`], without those that have a delivery to that destination, and with small bodies. It
    /// looks at [`MAX_UNDELIVERED_EXAMINED`] numbers at most, and says how far it came.
    fn undelivered(&self, destination: DestinationId, after: u64, limit: usize) -> Answer<'_, Undelivered>;

    /// The receipts of these numbers that are held, with their bodies, oldest first. The caller bounds how many bytes of
    /// bodies it asks for.
    fn load(&self, sequences: Vec<u64>) -> Answer<'_, Vec<(Receipt, Bytes)>>;

    /// Every destination that ever was, oldest first.
    fn destinations(&self) -> Answer<'_, Vec<Destination>>;

    /// Puts a destination in, unless it is there; then it is configured again, if it was not, and what a removal that was cut off
    /// has closed meanwhile is pending again. One that was removed begins anew: its deliveries stay as they are, but what was
    /// closed with its removal ([`State::Removed`]) and lies behind where it begins is forgotten, with its attempts, and is in the
    /// log again.
    fn add_destination(&self, name: String, start: Start) -> Answer<'_, Destination>;

    /// Takes down that the leader has a destination no more, unless that is known; returns for how long it has been so,
    /// by the store's clock.
    ///
    /// # Errors
    /// [`Error::NotLeader`](super::Error::NotLeader) where another one leads.
    fn miss_destination<'a>(
        &'a self,
        leader: &'a Candidate,
        destination: DestinationId,
    ) -> Answer<'a, Duration>;

    /// Marks a destination as removed, with its pending deliveries, as changed when it began to be on its way out; returns how
    /// many of these had a row.
    ///
    /// # Errors
    /// [`Error::NotLeader`](super::Error::NotLeader) where another one leads.
    fn remove_destination<'a>(&'a self, leader: &'a Candidate, destination: DestinationId)
    -> Answer<'a, u64>;

    /// Commits what a leader has to say of a destination, all of it or nothing.
    ///
    /// # Errors
    /// [`Error::NotLeader`](super::Error::NotLeader) where another one leads: nothing was written.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the write; saying the same again is safe.
    fn record<'a>(&'a self, leader: &'a Candidate, progress: Progress) -> Answer<'a, ()>;

    /// Deliveries that have a row, newest receipt first, with their receipts. Here a cursor stands for the receipts
    /// older than it, and a page does not part the deliveries of one receipt: it may hold a few more than asked for.
    fn deliveries(&self, filter: DeliveryFilter, page: PageRequest) -> Answer<'_, Page<(Delivery, Receipt)>>;

    /// A destination's deliveries of that state, oldest receipt first, from the receipt after that number on: at most
    /// `limit`. None means that there are no more.
    fn deliveries_after(
        &self,
        destination: DestinationId,
        state: State,
        after: u64,
        limit: usize,
    ) -> Answer<'_, Vec<(Delivery, Receipt)>>;

    /// The deliveries that have a row of these receipts, by their numbers: to that destination, or to all; newest receipt first.
    fn rows_of(&self, destination: Option<DestinationId>, sequences: Vec<u64>) -> Answer<'_, Vec<Delivery>>;

    /// A delivery, if it has a row, with the latest [`MAX_ATTEMPTS`] attempts, oldest first.
    fn delivery(
        &self,
        destination: DestinationId,
        sequence: u64,
    ) -> Answer<'_, Option<(Delivery, Vec<Attempt>)>>;

    /// Keeps an instruction for the leader.
    fn instruct(&self, instruction: Instruction) -> Answer<'_, ()>;

    /// The instruction of that id.
    fn instruction(&self, id: InstructionId) -> Answer<'_, Option<Instruction>>;

    /// Instructions that are not done, oldest first, at most `limit`.
    fn open_instructions(&self, limit: usize) -> Answer<'_, Vec<Instruction>>;

    /// The latest instructions, newest first, at most `limit`.
    fn instructions(&self, limit: usize) -> Answer<'_, Vec<Instruction>>;

    /// Writes down how far an instruction is, and whether it is done: how one ended that is stays so, also if it is
    /// said otherwise later. When there are too many that are done, those go that were done first; and each time one is done, the
    /// others of which [`NOTHING_LEFT`] is to be said.
    ///
    /// # Errors
    /// [`Error::NotLeader`](super::Error::NotLeader) where another one leads: nothing was written.
    fn follow_up<'a>(&'a self, leader: &'a Candidate, instruction: Instruction) -> Answer<'a, ()>;

    /// What a leader has last kept of notices; `None` before the first time. What it says is the affair of whoever writes and
    /// reads it.
    fn notices(&self) -> Answer<'_, Option<String>>;

    /// Keeps that in place of what was kept before. The caller bounds it.
    ///
    /// # Errors
    /// [`Error::NotLeader`](super::Error::NotLeader) where another one leads: nothing was written.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the write.
    fn keep_notices<'a>(&'a self, leader: &'a Candidate, book: String) -> Answer<'a, ()>;
}

/// The most destinations that are configured at once.
pub const MAX_DESTINATIONS: usize = 32;

/// The most attempts of one delivery that are kept, the latest ones. The default schedule has ten; a destination that is
/// down is tried more often with what came first.
pub const MAX_ATTEMPTS: u32 = 100;

/// The most bytes of an answer that are kept with an attempt.
pub const MAX_ANSWER_BYTES: usize = 4096;

/// The most instructions that are kept once they are done, those that were done last.
pub const MAX_DONE_INSTRUCTIONS: usize = 1000;

/// The progress of an instruction of which there is nothing left to say once it is done.
pub const NOTHING_LEFT: &str = "{}";

/// How many numbers [`Outbox::undelivered`] looks at: some milliseconds, also where all of them have deliveries.
pub const MAX_UNDELIVERED_EXAMINED: u64 = 10_000;

/// The largest body that [`Outbox::undelivered`] brings: one that is no larger costs less with its receipt than by a
/// look-up of its own.
pub const MAX_READ_BODY_BYTES: usize = 4096;

/// How many numbers [`Outbox::matching`] looks at: some 50 ms, also where nothing matches.
pub const MAX_MATCHING_EXAMINED: u64 = 50_000;

/// By how much receipts may be out of the order of time: receivers' clocks differ a little, and are set.
pub const MAX_DISORDER: Duration = Duration::from_secs(300);

/// Which receipts are looked for.
#[derive(Clone, Debug)]
pub struct Matching {
    /// What they are about.
    pub filter: ReceiptFilter,
    /// When they came.
    pub span: Span,
    /// Only greater numbers.
    pub after: u64,
    /// Up to this one.
    pub until: u64,
}

/// What was found of [`Matching`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The receipts, oldest first.
    pub receipts: Vec<Receipt>,
    /// Up to this number all are among them.
    pub read_to: u64,
}

impl Matched {
    /// What was found with that limit up to that number.
    pub(super) fn new(receipts: Vec<Receipt>, limit: usize, until: u64) -> Self {
        let last = receipts.last().filter(|_| receipts.len() >= limit);
        Self {
            read_to: last.map_or(until, |last| last.sequence),
            receipts,
        }
    }
}

/// A part of the log as a destination sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The receipts, oldest first.
    pub receipts: Vec<Receipt>,
    /// The bodies of those where it is no larger than [`MAX_READ_BODY_BYTES`], by number.
    pub bodies: Vec<(u64, Bytes)>,
    /// Up to this number all are among them, or have a delivery, or have expired.
    pub read_to: u64,
    /// The number of the newest receipt. Where the log was read so far, there is no more.
    pub newest: u64,
    /// The number of the oldest receipt that is held, or what comes after the newest: all before it have expired.
    pub first: u64,
}

impl Undelivered {
    /// What was found with that limit among the numbers above `after` up to `until`, in a log from `first` to `newest`.
    pub(super) fn new(
        found: Vec<(Receipt, Option<Bytes>)>,
        limit: usize,
        (after, until): (u64, u64),
        (first, newest): (u64, u64),
    ) -> Self {
        let mut bodies = Vec::with_capacity(found.len());
        let receipts: Vec<_> = found
            .into_iter()
            .map(|(receipt, body)| {
                bodies.extend(body.map(|body| (receipt.sequence, body)));
                receipt
            })
            .collect();
        let is_cut = receipts.len() >= limit;
        let last = receipts.last().map_or(after, |last| last.sequence);
        Self {
            receipts,
            bodies,
            read_to: if is_cut { last } else { until.max(after) },
            newest,
            first,
        }
    }
}

/// Names a destination in one inbox: 1 and up, never used for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct DestinationId(pub(crate) i32);

/// A destination as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its id.
    pub id: DestinationId,
    /// Its name in the configuration.
    pub name: String,
    /// Receipts up to this number are finished with there, or have a delivery of their own. What is greater is pending,
    /// unless it has one.
    pub cursor: u64,
    /// When it was put in, or put in again.
    pub added_at: Timestamp,
    /// When it was removed.
    pub removed_at: Option<Timestamp>,
    /// Since when the leader has it no more, if that is so.
    pub unconfigured_at: Option<Timestamp>,
    /// Why nothing is sent to it, if that is so.
    pub pause: Option<Pause>,
    /// Its deliveries with a row that are pending.
    pub pending_count: u64,
    /// Its dead letters.
    pub dead_count: u64,
}

/// Why nothing is sent to a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// In words for an operator.
    pub reason: String,
}

/// From where on a new destination gets receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Those accepted from now on.
    Now,
    /// Those received at that time or later, as far as they are held.
    Since(Timestamp),
}

/// What an operator asked the leader to do. What it says is the affair of whoever writes and reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its id. Those given later are greater, as far as the clocks of the receivers that were asked agree.
    pub id: InstructionId,
    /// When it was given.
    pub created_at: Timestamp,
    /// What to do, as JSON.
    pub body: String,
    /// How far it is, as JSON; empty at first.
    pub progress: String,
    /// When it was done with.
    pub done_at: Option<Timestamp>,
}

impl Instruction {
    /// A new one, with an id that sorts by its time.
    pub fn new(body: String) -> Self {
        Self {
            id: InstructionId::new(Uuid::now_v7()),
            created_at: Timestamp::now(),
            body,
            progress: String::new(),
            done_at: None,
        }
    }
}
