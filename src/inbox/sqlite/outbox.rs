//! The way out in the file: `migrations/sqlite/0003_outbox.sql` has its tables.
//!
//! Whoever has the file open is alone, so every candidate leads and none is asked who it is.

pub mod all;
pub mod destinations;
mod instructions;
pub mod read;
pub mod rows;
pub mod write;

use std::time::Duration;

use bytes::Bytes;

use super::super::outbox::{
    Attempt, Delivery, DeliveryFilter, Destination, DestinationId, Instruction, InstructionId, Matched,
    Matching, Outbox, Progress, Start, State, Undelivered,
};
use super::super::{Answer, Candidate, Page, PageRequest, Receipt};
use super::SqliteInbox;
use crate::clock::Timestamp;

pub use read::last_sequence;

impl Outbox for SqliteInbox {
    fn last_sequence(&self) -> Answer<'_, u64> {
        Box::pin(self.read(|connection, _| read::last_sequence(connection)))
    }

    fn receipts_after(&self, after: u64, limit: usize) -> Answer<'_, Vec<Receipt>> {
        Box::pin(self.read(move |connection, _| read::receipts_after(connection, after, limit)))
    }

    fn matching(&self, what: Matching, limit: usize) -> Answer<'_, Matched> {
        Box::pin(self.read(move |connection, _| read::matching_receipts(connection, &what, limit)))
    }

    fn last_before(&self, time: Timestamp) -> Answer<'_, u64> {
        Box::pin(self.read(move |connection, _| read::last_before(connection, time)))
    }

    fn undelivered(&self, destination: DestinationId, after: u64, limit: usize) -> Answer<'_, Undelivered> {
        Box::pin(self.read(move |connection, _| read::undelivered(connection, destination, after, limit)))
    }

    fn load(&self, sequences: Vec<u64>) -> Answer<'_, Vec<(Receipt, Bytes)>> {
        Box::pin(self.read(move |connection, _| read::load(connection, sequences)))
    }

    fn destinations(&self) -> Answer<'_, Vec<Destination>> {
        Box::pin(self.read(|connection, _| destinations::all(connection)))
    }

    fn add_destination(&self, name: String, start: Start) -> Answer<'_, Destination> {
        Box::pin(async move {
            let looked_up = name.clone();
            // To find a time may take a look at every receipt, for which the inbox thread has no time: it goes on from
            // where this ends.
            let beginning =
                self.read(move |connection, _| destinations::beginning(connection, &looked_up, start));
            match beginning.await? {
                destinations::Beginning::Known(destination) => Ok(destination),
                destinations::Beginning::Back { destination, removed } => {
                    // Where this is cut off, it still counts as configured no more, and the next call goes on.
                    for lot in removed.chunks(write::LOT) {
                        let (id, lot) = (destination.id, lot.to_vec());
                        self.write(move |connection| write::reopen_removed(connection, id, &lot))
                            .await?;
                    }
                    self.write(move |connection| write::configure_destination(connection, &destination))
                        .await
                }
                destinations::Beginning::Anew { after, removed } => {
                    // Where this is cut off, the destination is still removed, and the next call goes on.
                    for lot in removed.chunks(write::LOT) {
                        let (name, lot) = (name.clone(), lot.to_vec());
                        self.write(move |connection| write::forget_removed(connection, &name, &lot))
                            .await?;
                    }
                    self.write(move |connection| write::add_destination(connection, &name, start, after))
                        .await
                }
            }
        })
    }

    fn miss_destination<'a>(&'a self, _: &'a Candidate, destination: DestinationId) -> Answer<'a, Duration> {
        Box::pin(self.write(move |connection| write::miss_destination(connection, destination)))
    }

    fn remove_destination<'a>(&'a self, _: &'a Candidate, destination: DestinationId) -> Answer<'a, u64> {
        Box::pin(async move {
            let (now, mut removed_count) = (Timestamp::now(), 0);
            // Where this is cut off, the next call goes on.
            loop {
                let lot = self.write(move |connection| write::remove_lot(connection, destination, now));
                let count = lot.await?;
                removed_count += count as u64;
                if count < write::LOT {
                    return Ok(removed_count);
                }
            }
        })
    }

    fn record<'a>(&'a self, _: &'a Candidate, progress: Progress) -> Answer<'a, ()> {
        Box::pin(self.write(move |connection| write::record(connection, &progress)))
    }

    fn deliveries(&self, filter: DeliveryFilter, page: PageRequest) -> Answer<'_, Page<(Delivery, Receipt)>> {
        Box::pin(self.read(move |connection, _| read::deliveries(connection, filter, page)))
    }

    fn deliveries_after(
        &self,
        destination: DestinationId,
        state: State,
        after: u64,
        limit: usize,
    ) -> Answer<'_, Vec<(Delivery, Receipt)>> {
        Box::pin(
            self.read(move |connection, _| {
                read::deliveries_after(connection, destination, state, after, limit)
            }),
        )
    }

    fn rows_of(&self, destination: Option<DestinationId>, sequences: Vec<u64>) -> Answer<'_, Vec<Delivery>> {
        Box::pin(self.read(move |connection, _| read::rows_of(connection, destination, sequences)))
    }

    fn delivery(
        &self,
        destination: DestinationId,
        sequence: u64,
    ) -> Answer<'_, Option<(Delivery, Vec<Attempt>)>> {
        Box::pin(self.read(move |connection, _| read::delivery(connection, destination, sequence)))
    }

    fn instruct(&self, instruction: Instruction) -> Answer<'_, ()> {
        Box::pin(self.write(move |connection| write::instruct(connection, &instruction)))
    }

    fn instruction(&self, id: InstructionId) -> Answer<'_, Option<Instruction>> {
        Box::pin(self.read(move |connection, _| instructions::find(connection, id)))
    }

    fn open_instructions(&self, limit: usize) -> Answer<'_, Vec<Instruction>> {
        Box::pin(self.read(move |connection, _| instructions::open(connection, limit)))
    }

    fn instructions(&self, limit: usize) -> Answer<'_, Vec<Instruction>> {
        Box::pin(self.read(move |connection, _| instructions::latest(connection, limit)))
    }

    fn follow_up<'a>(&'a self, _: &'a Candidate, instruction: Instruction) -> Answer<'a, ()> {
        Box::pin(self.write(move |connection| write::follow_up(connection, &instruction)))
    }

    fn notices(&self) -> Answer<'_, Option<String>> {
        Box::pin(self.read(|connection, _| read::notices(connection)))
    }

    fn keep_notices<'a>(&'a self, _: &'a Candidate, book: String) -> Answer<'a, ()> {
        Box::pin(self.write(move |connection| write::keep_notices(connection, &book)))
    }
}
