//! The way out, as PostgreSQL keeps it: tables beside `receipt`, and the log is that.
//!
//! **The fence.** What only the leader may write is one statement, and so one transaction, that first locks the lease
//! where the candidate holds it, and writes nothing where it does not (`leader`). Until it is committed nobody takes the
//! lease over. A lease that has ended is as good until another one takes it. Nothing is left open where it is refused.
//!
//! None of this takes the lock for appending, nor waits for it: notifications are stored meanwhile.

mod destinations;
mod import;
mod instructions;
pub mod leader;
mod notices;
pub mod read;
pub mod record;
mod rows;

use std::time::Duration;

use bytes::Bytes;

use super::super::outbox::{
    Attempt, Delivery, DeliveryFilter, Destination, DestinationId, Instruction, InstructionId, Matched,
    Matching, Outbox, Progress, Start, State, Undelivered,
};
use super::super::{Answer, Candidate, Error, Page, PageRequest, Receipt};
use super::Client;
use super::hosts::Connection;
use super::lease::Seen;
use super::{PostgresInbox, read as receipts};
use crate::clock::Timestamp;

impl Outbox for PostgresInbox {
    fn last_sequence(&self) -> Answer<'_, u64> {
        Box::pin(self.deliver("read", async |client| {
            let newest = receipts::newest(client, u64::MAX).await?;
            Ok(newest.map_or(0, |(seq, _)| seq))
        }))
    }

    fn receipts_after(&self, after: u64, limit: usize) -> Answer<'_, Vec<Receipt>> {
        Box::pin(self.deliver("read", async move |client| {
            read::receipts_after(client, after, limit).await
        }))
    }

    fn matching(&self, what: Matching, limit: usize) -> Answer<'_, Matched> {
        Box::pin(self.deliver("read", async move |client| {
            read::matching(client, &what, limit).await
        }))
    }

    fn last_before(&self, time: Timestamp) -> Answer<'_, u64> {
        Box::pin(self.deliver("read", async move |client| read::last_before(client, time).await))
    }

    fn undelivered(&self, destination: DestinationId, after: u64, limit: usize) -> Answer<'_, Undelivered> {
        Box::pin(async move {
            let seen = self.led.lock().seen();
            let found = self.deliver("read", async move |client| {
                read::undelivered(client, seen, destination, after, limit).await
            });
            let found = found.await?.ok_or(Error::NotLeader)?;
            self.led.lock().see(found.receipts.last().map(Seen::of));
            Ok(found)
        })
    }

    fn load(&self, sequences: Vec<u64>) -> Answer<'_, Vec<(Receipt, Bytes)>> {
        Box::pin(self.deliver("read", async move |client| read::load(client, &sequences).await))
    }

    fn destinations(&self) -> Answer<'_, Vec<Destination>> {
        Box::pin(self.deliver("read", destinations::all))
    }

    fn add_destination(&self, name: String, start: Start) -> Answer<'_, Destination> {
        Box::pin(async move { destinations::add(self, &name, start).await })
    }

    fn miss_destination<'a>(
        &'a self,
        leader: &'a Candidate,
        destination: DestinationId,
    ) -> Answer<'a, Duration> {
        Box::pin(destinations::miss(self, leader, destination))
    }

    fn remove_destination<'a>(
        &'a self,
        leader: &'a Candidate,
        destination: DestinationId,
    ) -> Answer<'a, u64> {
        Box::pin(destinations::remove(self, leader, destination))
    }

    fn record<'a>(&'a self, leader: &'a Candidate, progress: Progress) -> Answer<'a, ()> {
        Box::pin(async move { record::record(self, leader, &progress).await })
    }

    fn deliveries(&self, filter: DeliveryFilter, page: PageRequest) -> Answer<'_, Page<(Delivery, Receipt)>> {
        Box::pin(self.read(async move |client| read::deliveries(client, filter, page).await))
    }

    fn deliveries_after(
        &self,
        destination: DestinationId,
        state: State,
        after: u64,
        limit: usize,
    ) -> Answer<'_, Vec<(Delivery, Receipt)>> {
        Box::pin(self.deliver("read", async move |client| {
            read::deliveries_after(client, destination, state, after, limit).await
        }))
    }

    fn rows_of(&self, destination: Option<DestinationId>, sequences: Vec<u64>) -> Answer<'_, Vec<Delivery>> {
        Box::pin(self.read(async move |client| read::rows_of(client, destination, &sequences).await))
    }

    fn delivery(
        &self,
        destination: DestinationId,
        sequence: u64,
    ) -> Answer<'_, Option<(Delivery, Vec<Attempt>)>> {
        Box::pin(self.read(async move |client| read::delivery(client, destination, sequence).await))
    }

    fn instruct(&self, instruction: Instruction) -> Answer<'_, ()> {
        Box::pin(self.connections.run("write to", async move |client| {
            instructions::instruct(client, &instruction).await
        }))
    }

    fn instruction(&self, id: InstructionId) -> Answer<'_, Option<Instruction>> {
        Box::pin(self.read(async move |client| instructions::find(client, id).await))
    }

    fn open_instructions(&self, limit: usize) -> Answer<'_, Vec<Instruction>> {
        Box::pin(self.deliver("read", async move |client| {
            instructions::open(client, limit).await
        }))
    }

    fn instructions(&self, limit: usize) -> Answer<'_, Vec<Instruction>> {
        Box::pin(self.read(async move |client| instructions::latest(client, limit).await))
    }

    fn follow_up<'a>(&'a self, leader: &'a Candidate, instruction: Instruction) -> Answer<'a, ()> {
        Box::pin(async move { instructions::follow_up(self, leader, &instruction).await })
    }

    fn notices(&self) -> Answer<'_, Option<String>> {
        Box::pin(self.deliver("read", notices::read))
    }

    fn keep_notices<'a>(&'a self, leader: &'a Candidate, book: String) -> Answer<'a, ()> {
        Box::pin(async move { notices::keep(self, leader, &book).await })
    }
}

impl PostgresInbox {
    /// Does on a connection what those who deliver ask for, when it is its turn.
    async fn deliver<T: Send>(
        &self,
        verb: &'static str,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error> + Send,
    ) -> Result<T, Error> {
        self.deliver_on(verb, async |connection| work(&connection.client).await)
            .await
    }

    /// As [`Self::deliver`], where it matters where a connection leads.
    async fn deliver_on<T: Send>(
        &self,
        verb: &'static str,
        work: impl AsyncFnOnce(&Connection) -> Result<T, tokio_postgres::Error> + Send,
    ) -> Result<T, Error> {
        let _turn = self.turn(&self.delivery_calls).await?;
        self.connections.run_on(verb, work).await
    }
}
