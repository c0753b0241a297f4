//! The inbox: where accepted notifications are kept. This file is the contract that every store fulfils.
//!
//! - **Stored** means on stable storage: [`Inbox::append`] returns after the commit and its fsync, never before.
//! - **One receipt an identity.** A notification whose [`Identity`] is known gets the first one's receipt,
//!   within a batch, across batches and across restarts.
//! - **Order.** A receipt's sequence number is greater than that of every receipt accepted before it, and its id
//!   sorts the same way. Numbers are never used twice; gaps are allowed.
//! - **All or nothing, row by row.** A batch that cannot be committed leaves nothing behind. A single entry that
//!   cannot be stored does not take its neighbours with it.
//! - **Open jobs.** A job is open while its `initial` is held and no `completed` or `failed` of the same event and
//!   `event_id` is known, in whatever order they come, and whether or not the event is documented.
//! - **Unchanged.** The body is kept to the byte and everything else is derived from it.
//! - **Deliveries** are kept as [`outbox`] says: what a leader has to say of a destination is committed at once or not
//!   at all, and only while it leads.
//! - **Repeats** that say something else than their original are kept in quarantine. What takes long to compare is
//!   handed back by the store, and compared by the [`Writer`] beside the batches that follow.
//! - **Bounded.** The quarantine keeps within its bounds, the oldest going first; receipts go by age.
//!
//! Left out on purpose: what a caller should answer or log. Errors say only whose turn it is.

pub mod acceptance;
pub mod announce;
mod comparing;
#[cfg(test)]
mod contract;
pub mod copy;
mod damage;
mod entry;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod id_source;
pub mod instruction;
pub mod jobs;
pub mod outbox;
mod page;
pub mod postgres;
mod request;
mod space;
mod span;
pub mod sqlite;
pub mod writer;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Identity, Name, Wire, id, sample};
use crate::metrics::Registry;
use crate::trace::Trace;
use page::{next_cursor, page_of_job};

pub use entry::{Appended, Entry, NewQuarantined, NewReceipt, Origin, QuarantineTotals, Stored, Uncompared};
pub use error::{Error, NEWER_ADVICE};
pub use id_source::IdSource;
pub use jobs::{JobState, Jobs};
pub use outbox::Outbox;
pub use page::{Cursor, Page, PageRequest};
pub use request::RequestId;
pub use space::Space;
pub use span::Span;
pub use writer::Writer;

id!(
    /// Names an accepted notification: a UUIDv7.
    ReceiptId
);
id!(
    /// Names a quarantined request: a UUIDv7.
    QuarantineId
);

/// A store's answer to a call, in the end.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A store of notifications. See the module for what it promises.
pub trait Inbox: Send + Sync + 'static {
    /// Stores a batch in one commit and says what became of each entry, in order. It compares only so much as others can
    /// wait for: what is left is [`Stored::Uncompared`].
    ///
    /// # Errors
    /// The outer error: nothing of the batch was stored. An inner one: that entry was not.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the write.
    fn append(&self, batch: Vec<Entry>) -> Answer<'_, Vec<Result<Stored, Error>>>;

    /// How many batches it takes at once. A further one would only wait behind them.
    fn concurrency(&self) -> usize;

    /// Receipts that match, newest first. A page may hold fewer than asked for, even none, and still have a next.
    fn receipts(&self, filter: ReceiptFilter, page: PageRequest) -> Answer<'_, Page<Receipt>>;

    /// The receipt of that id, with its body.
    fn receipt(&self, id: ReceiptId) -> Answer<'_, Option<(Receipt, Bytes)>>;

    /// The receipts of a job, oldest first, at most [`MAX_JOB_RECEIPTS`]: its documented steps, and of the others the newest.
    fn job(&self, event_id: EventId) -> Answer<'_, Vec<Receipt>>;

    /// The `initial` receipts of open jobs, oldest first. Here a cursor stands for only what is newer than it, so that
    /// the pages together show every job that was open from the first of them to the last.
    fn open_jobs(&self, page: PageRequest) -> Answer<'_, Page<Receipt>>;

    /// The receipt of that identity; of [`Identity::Windowed`], which names none, `None`.
    fn find(&self, identity: Identity) -> Answer<'_, Option<Receipt>>;

    /// Of each chatbot among the newest [`RECENT_RECEIPTS`] receipts the latest `received_at`, in the order of ids.
    fn last_received(&self) -> Answer<'_, Vec<(ChatbotId, Timestamp)>>;

    /// Receipts with their bodies, oldest first, from the one after that sequence number on: at most `limit`, and fewer
    /// where bodies are large. None means that there are no more. What is accepted later has a greater number than all
    /// that was ever returned.
    fn export(&self, after: u64, limit: usize) -> Answer<'_, Vec<(Receipt, Bytes)>>;

    /// The quarantine, newest first, without bodies.
    fn quarantine(&self, page: PageRequest) -> Answer<'_, Page<Quarantined>>;

    /// Takes down that a request in quarantine was accepted after all, and as which receipt, unless that is known.
    fn accept_quarantined(&self, id: QuarantineId, receipt_id: ReceiptId) -> Answer<'_, ()>;

    /// The request of that id in quarantine, with what is kept of its body.
    fn quarantined(&self, id: QuarantineId) -> Answer<'_, Option<(Quarantined, Bytes)>>;

    /// How much is, and ever was, in quarantine.
    fn quarantine_totals(&self) -> Answer<'_, QuarantineTotals>;

    /// Removes a few of the receipts older than `before`, with their deliveries; returns how many receipts, 0 when there
    /// are none left.
    fn expire(&self, before: Timestamp) -> Answer<'_, usize>;

    /// What the store knows of the age of receipts beside their `received_at`, if it keeps that.
    fn marks(&self) -> Option<&dyn Marks> {
        None
    }

    /// What space there is for it; `None` where another machine's server knows.
    fn space(&self) -> Option<Space> {
        None
    }

    /// Shows what is known of the store itself.
    fn register_metrics(&self, _registry: &mut Registry) {}

    /// The way out of the same store.
    fn outbox(&self) -> &dyn Outbox;

    /// The jobs in it.
    fn jobs(&self) -> &dyn Jobs;

    /// Asks to lead, or to go on leading, for [`LEASE`] from now: of all receivers on this inbox one leads at a time.
    fn lead<'a>(&'a self, candidate: &'a Candidate) -> Answer<'a, Leadership>;

    /// Ends the candidate's lease, if it has it, so that another need not wait for its end.
    fn resign<'a>(&'a self, candidate: &'a Candidate) -> Answer<'a, ()>;

    /// Waits until no call can succeed any more, for a bug of ours has ended what the store runs on in this process. Pending
    /// for ever where nothing of the kind can happen. Not to be asked during [`Inbox::close`].
    fn ended(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }

    /// Puts everything in order for the next start and lets go of the store. Further calls fail.
    fn close(&self) -> Answer<'_, ()>;
}

/// How old receipts are, whatever the clock says. A mark says which receipt was the newest at which time of the inbox's own;
/// [`Inbox::expire`] goes by that time, and by `received_at` only where no mark contradicts it.
pub trait Marks: Send + Sync {
    /// The first mark that is kept and the last one; `None` before the first is made.
    fn marked(&self) -> Answer<'_, Option<Marked>>;

    /// When the newest receipts came, of the five newest the one in the middle, so that no single one decides; `None` if
    /// there are no receipts.
    fn newest_received_at(&self) -> Answer<'_, Option<Timestamp>>;

    /// Takes down that these receipts and no more are there at that time; removes marks that say nothing of any receipt.
    fn mark(&self, mark: Mark) -> Answer<'_, ()>;
}

/// The inbox's own time and what the clock said then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The inbox's own time. It begins as the clock's, and then goes on with what passes.
    pub at: Timestamp,
    /// What the clock said.
    pub clock: Timestamp,
}

/// The marks that say how old the receipts are that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The last one before the oldest receipt.
    pub first: Mark,
    /// The newest.
    pub last: Mark,
}

impl Marked {
    /// How much longer than receivers ran the clock says that it was: receipts are kept for so much longer, by the clock.
    pub fn held(&self) -> Duration {
        self.last
            .clock
            .since(self.last.at.moved(self.first.at, self.first.clock))
    }
}

/// The most receipts of one job that are returned. A documented job has two.
pub const MAX_JOB_RECEIPTS: usize = 100;

/// How many of the newest receipts [`Inbox::last_received`] looks at: some 0.1 s of reading.
pub const RECENT_RECEIPTS: usize = 100_000;

/// How many bytes of bodies [`Inbox::export`] returns before it adds no further receipt.
const MAX_EXPORT_BYTES: usize = 8 << 20;

/// How long a receiver leads unless it asks again. Long enough that a slow store does not make another one lead, short
/// enough that what the leader does is not missed when it dies.
pub const LEASE: Duration = Duration::from_secs(6);

/// An accepted notification, without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Receipt {
    /// Its id.
    pub id: ReceiptId,
    /// Its place in the order of acceptance.
    pub sequence: u64,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Its event name.
    pub event: Name,
    /// The job, if it is part of one.
    pub event_id: Option<EventId>,
    /// Its chatbot.
    pub chatbot_id: Option<ChatbotId>,
    /// Its wire generation.
    pub wire: Wire,
    /// How it came.
    pub origin: Origin,
    /// The size of its body.
    pub body_bytes: usize,
    /// Where it stands in a trace of its sender's, if it came with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Box<Trace>>,
    /// What of it cannot be read, if anything: the inbox is damaged there. It is delivered nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<Box<str>>,
}

impl Receipt {
    /// Whether it is a sample of this program's.
    pub fn is_sample(&self) -> bool {
        sample::is_sample(self.event_id, self.chatbot_id)
    }
}

/// A quarantined request, without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Quarantined {
    /// Its id.
    pub id: QuarantineId,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The request.
    pub request_id: RequestId,
    /// A short name of the reason.
    pub reason: String,
    /// What was wrong, for people.
    pub detail: String,
    /// The original, where this is a duplicate that differs from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<ReceiptId>,
    /// What it was accepted as after all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_as: Option<ReceiptId>,
    /// Its content type, as sent.
    pub content_type: Option<String>,
    /// The size of what is kept of its body.
    pub body_bytes: usize,
    /// Whether there was more.
    pub truncated: bool,
    /// What of it cannot be read, if anything: the inbox is damaged there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<Box<str>>,
}

/// Which receipts to list; all members that are set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    /// By event (`crawling`) or event name (`crawling.completed`).
    pub event: Option<String>,
    /// By job.
    pub event_id: Option<EventId>,
    /// By chatbot.
    pub chatbot_id: Option<ChatbotId>,
}

impl ReceiptFilter {
    /// Those of a job.
    pub fn of_job(event_id: EventId) -> Self {
        Self {
            event_id: Some(event_id),
            ..Self::default()
        }
    }

    /// Whether a receipt is one of those.
    pub fn matches(&self, receipt: &Receipt) -> bool {
        let event = &receipt.event;
        self.event
            .as_ref()
            .is_none_or(|name| *name == event.event || *name == event.to_string())
            && self
                .event_id
                .is_none_or(|event_id| receipt.event_id == Some(event_id))
            && self
                .chatbot_id
                .is_none_or(|chatbot_id| receipt.chatbot_id == Some(chatbot_id))
    }
}

/// A receiver that would lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Tells it from all others; new with every start.
    pub id: Uuid,
    /// What people know it by, such as the name of its host.
    pub name: String,
}

/// Who leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// The candidate that asked.
    Leader,
    /// Nobody for a moment: the candidate has the lease, but what the store holds is not what it held when the candidate
    /// led, as after a standby has taken over or a backup was put back. Its term is over; it may ask for another.
    Interrupted,
    /// Another one.
    Follower {
        /// Which one; nil where it has just given that up.
        id: Uuid,
        /// What people know it by.
        leader: String,
    },
}

/// What a store must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How young the last notification of a chatbot and event must be for one without ids to be its duplicate.
    pub duplicate_window: Duration,
    /// The most requests kept in quarantine.
    pub quarantine_max_count: usize,
    /// The most bytes of bodies kept in quarantine.
    pub quarantine_max_bytes: usize,
    /// The most connections to a server that the store has open at once.
    pub max_connections: usize,
    /// How long a call may take before the store gives it up.
    pub timeout: Duration,
}
