//! A log in memory that destinations read, as slow as a test wants it.

use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::super::outbox::{
    Attempt, Delivery, DeliveryFilter, Destination, DestinationId, Instruction, InstructionId, Matched,
    Matching, Progress, Start, State, Undelivered,
};
use super::super::{Answer, Candidate, Error, Outbox, Page, PageRequest, Receipt};
use crate::clock::Timestamp;

/// When something was recorded, and how many deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub begun: Instant,
    pub done: Instant,
    pub count: usize,
}

/// The way out of a store whose log, rows and instructions are what a test puts there. It keeps nothing of what it is told but
/// how far instructions are.
#[derive(Default)]
pub struct FakeOutbox {
    /// Receipts with their bodies, oldest first.
    pub log: Mutex<Vec<(Receipt, Bytes)>>,
    /// What has a row, oldest first, each with its last attempt.
    pub pending: Mutex<Vec<(Delivery, Receipt, Attempt)>>,
    /// Whether these cannot be listed.
    pub has_damaged_rows: Mutex<bool>,
    /// How long a read of the log takes, from what there is when it begins.
    pub read_time: Mutex<Duration>,
    /// How long a record takes.
    pub record_time: Mutex<Duration>,
    /// What was recorded so far.
    pub records: Mutex<Vec<Record>>,
    /// What operators asked for, oldest first.
    pub instructions: Mutex<Vec<Instruction>>,
    /// Whether it has no room to take down how far these are.
    pub is_full: Mutex<bool>,
    /// The one of which it does not take down how it ended.
    pub unwritable: Mutex<Option<InstructionId>>,
    /// Every destination that ever was.
    pub destinations: Mutex<Vec<Destination>>,
    /// Whether it writes what it is told of these or of how instructions ended, and answers that it did not.
    pub loses_answers: Mutex<bool>,
    /// Whether it answers nobody who asks for what is told by notices, for destinations, or has the first kept.
    pub hangs: Mutex<bool>,
}

impl FakeOutbox {
    /// What it says of what it has written.
    fn answer_unless_lost(&self) -> Result<(), Error> {
        match *self.loses_answers.lock() {
            true => Err(Error::unavailable("the connection was lost")),
            false => Ok(()),
        }
    }
}

impl Outbox for FakeOutbox {
    fn last_sequence(&self) -> Answer<'_, u64> {
        unreachable!("a worker does not ask")
    }

    fn receipts_after(&self, _: u64, _: usize) -> Answer<'_, Vec<Receipt>> {
        unreachable!("a worker does not ask")
    }

    fn matching(&self, _: Matching, _: usize) -> Answer<'_, Matched> {
        unreachable!("a worker does not ask")
    }

    fn last_before(&self, _: Timestamp) -> Answer<'_, u64> {
        unreachable!("a worker does not ask")
    }

    fn undelivered(&self, _: DestinationId, after: u64, limit: usize) -> Answer<'_, Undelivered> {
        let log = self.log.lock().clone();
        let newest = log.last().map_or(0, |(last, _)| last.sequence);
        let first = log.first().map_or(newest + 1, |(first, _)| first.sequence);
        let pending = self.pending.lock();
        let has_row = |sequence| pending.iter().any(|(row, ..)| row.sequence == sequence);
        let found = log
            .into_iter()
            .filter(|(receipt, _)| receipt.sequence > after && !has_row(receipt.sequence));
        let found = found
            .take(limit)
            .map(|(receipt, body)| (receipt, Some(body)))
            .collect();
        let read_time = *self.read_time.lock();
        Box::pin(async move {
            sleep(read_time).await;
            Ok(Undelivered::new(found, limit, (after, newest), (first, newest)))
        })
    }

    fn load(&self, sequences: Vec<u64>) -> Answer<'_, Vec<(Receipt, Bytes)>> {
        let mut found = self.log.lock().clone();
        found.retain(|(receipt, _)| sequences.contains(&receipt.sequence));
        Box::pin(std::future::ready(Ok(found)))
    }

    fn destinations(&self) -> Answer<'_, Vec<Destination>> {
        if *self.hangs.lock() {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(Ok(self.destinations.lock().clone())))
    }

    fn add_destination(&self, _: String, _: Start) -> Answer<'_, Destination> {
        unreachable!("a worker does not ask")
    }

    fn miss_destination<'a>(&'a self, _: &'a Candidate, _: DestinationId) -> Answer<'a, Duration> {
        unreachable!("a worker does not ask")
    }

    fn remove_destination<'a>(&'a self, _: &'a Candidate, id: DestinationId) -> Answer<'a, u64> {
        let mut destinations = self.destinations.lock();
        let known = destinations.iter_mut().find(|known| known.id == id);
        known.expect("it was put in").removed_at = Some(Timestamp::now());
        Box::pin(std::future::ready(self.answer_unless_lost().map(|()| 0)))
    }

    fn record<'a>(&'a self, _: &'a Candidate, progress: Progress) -> Answer<'a, ()> {
        let (begun, record_time) = (Instant::now(), *self.record_time.lock());
        Box::pin(async move {
            sleep(record_time).await;
            self.records.lock().push(Record {
                begun,
                done: Instant::now(),
                count: progress.deliveries.len(),
            });
            Ok(())
        })
    }

    fn deliveries(&self, _: DeliveryFilter, _: PageRequest) -> Answer<'_, Page<(Delivery, Receipt)>> {
        unreachable!("a worker does not ask")
    }

    fn deliveries_after(
        &self,
        destination: DestinationId,
        state: State,
        after: u64,
        limit: usize,
    ) -> Answer<'_, Vec<(Delivery, Receipt)>> {
        if *self.has_damaged_rows.lock() {
            return Box::pin(std::future::ready(Err(Error::unavailable("a row is damaged"))));
        }
        let pending = self.pending.lock();
        let found = pending
            .iter()
            .filter(|(row, ..)| (row.destination, row.state) == (destination, state))
            .filter(|(row, ..)| row.sequence > after)
            .take(limit);
        let found = found.map(|(row, receipt, _)| (*row, receipt.clone())).collect();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn rows_of(&self, destination: Option<DestinationId>, sequences: Vec<u64>) -> Answer<'_, Vec<Delivery>> {
        let pending = self.pending.lock();
        let rows = pending.iter().map(|(row, ..)| *row);
        let found = rows
            .filter(|row| destination.is_none_or(|id| row.destination == id))
            .filter(|row| sequences.contains(&row.sequence));
        Box::pin(std::future::ready(Ok(found.collect())))
    }

    fn delivery(&self, _: DestinationId, sequence: u64) -> Answer<'_, Option<(Delivery, Vec<Attempt>)>> {
        let pending = self.pending.lock();
        let found = pending.iter().find(|(row, ..)| row.sequence == sequence);
        let found = found.map(|(row, _, attempt)| (*row, vec![attempt.clone()]));
        Box::pin(std::future::ready(Ok(found)))
    }

    fn instruct(&self, _: Instruction) -> Answer<'_, ()> {
        unreachable!("a worker does not ask")
    }

    fn instruction(&self, id: InstructionId) -> Answer<'_, Option<Instruction>> {
        let found = self
            .instructions
            .lock()
            .iter()
            .find(|known| known.id == id)
            .cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn open_instructions(&self, limit: usize) -> Answer<'_, Vec<Instruction>> {
        let mut open = self.instructions.lock().clone();
        open.retain(|known| known.done_at.is_none());
        open.truncate(limit);
        Box::pin(std::future::ready(Ok(open)))
    }

    fn instructions(&self, limit: usize) -> Answer<'_, Vec<Instruction>> {
        let latest = self
            .instructions
            .lock()
            .iter()
            .rev()
            .take(limit)
            .cloned()
            .collect();
        Box::pin(std::future::ready(Ok(latest)))
    }

    fn follow_up<'a>(&'a self, _: &'a Candidate, instruction: Instruction) -> Answer<'a, ()> {
        let is_done = instruction.done_at.is_some();
        if *self.is_full.lock() || (is_done && *self.unwritable.lock() == Some(instruction.id)) {
            return Box::pin(std::future::ready(Err(Error::unavailable("the disk is full"))));
        }
        let mut instructions = self.instructions.lock();
        let known = instructions.iter_mut().find(|known| known.id == instruction.id);
        let known = known.expect("it was asked for");
        // How one ended that is done stays so.
        if known.done_at.is_none() || known.done_at == instruction.done_at {
            *known = instruction;
        }
        let answer = if is_done {
            self.answer_unless_lost()
        } else {
            Ok(())
        };
        Box::pin(std::future::ready(answer))
    }

    fn notices(&self) -> Answer<'_, Option<String>> {
        if *self.hangs.lock() {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(Ok(None)))
    }

    fn keep_notices<'a>(&'a self, _: &'a Candidate, _: String) -> Answer<'a, ()> {
        if *self.hangs.lock() {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(Ok(())))
    }
}
