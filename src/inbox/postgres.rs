//! The inbox in PostgreSQL, 14 and up: for many receivers at once.
//!
//! One transaction appends at a time, of whichever receiver: it holds a lock from its first statement until its commit.
//! So sequence numbers become visible in their order, and a reader that goes by them misses nothing; a repeat meets its
//! original, wherever that was stored; and no two batches can wait for one another. What that costs is measured in
//! ARCHITECTURE.md. All statements of such a transaction are sent at once, so that the lock is not held while a receiver
//! thinks or waits its turn. One that stops or goes while it sends what is large has the lock until the server ends its
//! session, which it does when the time of a call is over.
//!
//! What became of a transaction whose answer is lost is not known. Its callers are told so, and a repeat is a
//! duplicate if it was committed.
//!
//! The tables are in `migrations/postgres`, in the schema `caigunn_webhook`.

mod append;
mod check;
mod clock;
mod connections;
mod error;
mod hosts;
mod jobs;
mod key;
mod lease;
pub mod location;
mod look;
mod outbox;
mod quarantine;
mod read;
mod schema;
#[cfg(test)]
pub(in crate::inbox) mod testing;
#[cfg(test)]
pub(in crate::inbox) mod tests;
mod tls;
mod upkeep;
mod values;

use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::{
    Answer, Candidate, Entry, Error, Inbox, Jobs, Leadership, Outbox, Page, PageRequest, QuarantineId,
    QuarantineTotals, Quarantined, Receipt, ReceiptFilter, ReceiptId, Settings, Stored,
};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Identity};
use connections::Connections;
use hosts::Connection;
use lease::{Led, Renewed, Watched};

pub use check::{Check, check};
pub use error::has_no_room;
pub use location::Location;
pub use look::{Look, Tables, kept_notices, look, newest_quarantined, try_write};

/// A connection, with the statements that were prepared on it.
pub type Client = deadpool_postgres::ClientWrapper;

/// How many batches are with the server at once: one has the lock, and the next is there when it is let go.
const APPENDS: usize = 3;

/// How long it may take to bring tables up to date that are there: some seconds for a million receipts.
const MIGRATION_TIME: Duration = Duration::from_secs(6 * 3600);

/// How many reads run at once; more wait. Reading serves people, and the connections are for receiving.
const MAX_READS: usize = 2;

/// How many calls of those who deliver run at once, reading or writing; more wait. With the default of eight connections
/// one is left, beside these, those that append and those that read, for leading, retention and what operators ask for.
const MAX_DELIVERY_CALLS: usize = 2;

/// An open PostgreSQL inbox. Dropping it without [`Inbox::close`] loses nothing.
pub struct PostgresInbox {
    connections: Connections,
    settings: Settings,
    reads: Semaphore,
    delivery_calls: Semaphore,
    /// In which history the candidate leads that asked here.
    led: Mutex<Led>,
    /// The lease of another one that was last met.
    watched: Mutex<Watched>,
    /// When it was last given here.
    renewed: Mutex<Renewed>,
}

impl PostgresInbox {
    /// Connects, and makes the tables or brings them up to date.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the server cannot be reached; [`Error::Refused`] if it does not let us in, is not one
    /// that can hold an inbox, or has one that this program is too old for.
    pub async fn open(location: &Location, settings: Settings) -> Result<Self, Error> {
        let connections = Connections::new(location, &settings);
        connections.check_alone().await?;
        let are_older = connections.run("open", schema::are_older).await?;
        let time = if are_older {
            tracing::info!(
                "bringing the inbox's tables up to date, or waiting for another receiver that does so: some seconds \
                 for a million receipts"
            );
            MIGRATION_TIME
        } else {
            settings.timeout
        };
        let prepare = async |connection: &Connection| schema::prepare(&connection.client, are_older).await;
        connections.run_for(time, "open", prepare).await??;
        Ok(Self {
            connections,
            settings,
            reads: Semaphore::new(MAX_READS),
            delivery_calls: Semaphore::new(MAX_DELIVERY_CALLS),
            led: Mutex::new(Led::Never),
            watched: Mutex::new(None),
            renewed: Mutex::new(None),
        })
    }

    /// The number and the id of the newest receipt, expired or not, whose number is at most `seq`.
    pub async fn newest(&self, seq: u64) -> Result<Option<(u64, ReceiptId)>, Error> {
        self.read(async move |client| read::newest(client, seq).await)
            .await
    }

    /// Stores receipts under the numbers and ids that they have, which must be greater than those of all that are
    /// there, in one transaction.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if one of them has the identity of a receipt that is there already: the others are stored.
    /// Otherwise nothing is, unless the server did not answer in time.
    pub async fn import(&self, receipts: &[(Receipt, Bytes)]) -> Result<(), Error> {
        append::import(self, receipts, &[]).await
    }

    /// Puts copies of refused requests into the quarantine under the ids that they have, and says how many. Of those that
    /// are there already it takes over that they were accepted since.
    ///
    /// # Errors
    /// None was put in, unless the server did not answer in time.
    pub async fn import_quarantine(
        &self,
        mut quarantined: Vec<(Quarantined, Bytes)>,
    ) -> Result<usize, Error> {
        let ids: Vec<_> = quarantined.iter().map(|(one, _)| one.id.uuid()).collect();
        let known = self
            .read(async move |client| read::known_quarantine(client, &ids).await)
            .await?;
        let accepted: Vec<_> = quarantined
            .iter()
            .filter(|(one, _)| known.contains(&one.id))
            .filter_map(|(one, _)| Some((one.id, one.accepted_as?)))
            .collect();
        if !accepted.is_empty() {
            let take_over = async |client: &Client| quarantine::take_over_accepted(client, &accepted).await;
            self.connections.run("write to", take_over).await?;
        }
        quarantined.retain(|(one, _)| !known.contains(&one.id));
        append::import(self, &[], &quarantined).await?;
        Ok(quarantined.len())
    }

    /// Lets all receipts expire whose number is below `seq`.
    pub async fn expire_below(&self, seq: u64) -> Result<(), Error> {
        let expire = async move |client: &Client| upkeep::expire_below(client, seq).await;
        self.connections.run("write to", expire).await
    }

    /// Reads on a connection, when it is its turn.
    async fn read<T: Send>(
        &self,
        query: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error> + Send,
    ) -> Result<T, Error> {
        let _turn = self.turn(&self.reads).await?;
        self.connections.run("read", query).await
    }

    /// Waits for a turn, for as long as a call may take.
    async fn turn<'a>(&self, turns: &'a Semaphore) -> Result<SemaphorePermit<'a>, Error> {
        let time = self.settings.timeout;
        let Ok(turn) = timeout(time, turns.acquire()).await else {
            return Err(Error::unavailable(format!(
                "the calls before this one had not ended within {} s, so it had no turn at the database",
                time.as_secs_f64()
            )));
        };
        Ok(turn.expect("the semaphore is never closed"))
    }
}

impl Inbox for PostgresInbox {
    fn append(&self, batch: Vec<Entry>) -> Answer<'_, Vec<Result<Stored, Error>>> {
        Box::pin(async move { append::append(self, &batch).await })
    }

    fn concurrency(&self) -> usize {
        APPENDS
    }

    fn receipts(&self, filter: ReceiptFilter, page: PageRequest) -> Answer<'_, Page<Receipt>> {
        Box::pin(self.read(async move |client| read::receipts(client, &filter, page).await))
    }

    fn receipt(&self, id: ReceiptId) -> Answer<'_, Option<(Receipt, Bytes)>> {
        Box::pin(self.read(async move |client| read::receipt(client, id).await))
    }

    fn job(&self, event_id: EventId) -> Answer<'_, Vec<Receipt>> {
        Box::pin(self.read(async move |client| read::job(client, event_id).await))
    }

    fn open_jobs(&self, page: PageRequest) -> Answer<'_, Page<Receipt>> {
        Box::pin(self.read(async move |client| read::open_jobs(client, page).await))
    }

    fn find(&self, identity: Identity) -> Answer<'_, Option<Receipt>> {
        Box::pin(self.read(async move |client| read::find(client, &identity).await))
    }

    fn last_received(&self) -> Answer<'_, Vec<(ChatbotId, Timestamp)>> {
        Box::pin(self.read(read::last_received))
    }

    fn export(&self, after: u64, limit: usize) -> Answer<'_, Vec<(Receipt, Bytes)>> {
        Box::pin(self.read(async move |client| read::export(client, after, limit).await))
    }

    fn quarantine(&self, page: PageRequest) -> Answer<'_, Page<Quarantined>> {
        Box::pin(self.read(async move |client| read::quarantine(client, page).await))
    }

    fn quarantined(&self, id: QuarantineId) -> Answer<'_, Option<(Quarantined, Bytes)>> {
        Box::pin(self.read(async move |client| read::quarantined(client, id).await))
    }

    fn accept_quarantined(&self, id: QuarantineId, receipt_id: ReceiptId) -> Answer<'_, ()> {
        Box::pin(self.connections.run("write to", async move |client| {
            quarantine::accept(client, id, receipt_id).await
        }))
    }

    fn quarantine_totals(&self) -> Answer<'_, QuarantineTotals> {
        Box::pin(self.read(read::quarantine_totals))
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn jobs(&self) -> &dyn Jobs {
        self
    }

    fn expire(&self, before: Timestamp) -> Answer<'_, usize> {
        Box::pin(self.connections.run("write to", async move |client| {
            upkeep::expire(client, before).await
        }))
    }

    fn lead<'a>(&'a self, candidate: &'a Candidate) -> Answer<'a, Leadership> {
        Box::pin(
            self.connections
                .run_on("write to", async move |connection: &Connection| {
                    lease::lead(connection, candidate, (&self.led, &self.watched, &self.renewed)).await
                }),
        )
    }

    fn resign<'a>(&'a self, candidate: &'a Candidate) -> Answer<'a, ()> {
        Box::pin(self.connections.run("write to", async move |client| {
            lease::resign(client, candidate).await
        }))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async { self.connections.close() })
    }
}
