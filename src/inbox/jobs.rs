//! Jobs as people look for them: newest first, by how they stand, with what failed and why.
//!
//! There is no table of jobs. A job stands where its **word** says: the last notification that ended it, or else the
//! `initial` with which it began. A list walks from the newest word back and looks at each job once, at its own. What has
//! an index is found by it: open jobs, a stretch of time (by halving), a job (by its identities). For the rest receipts
//! are gone through, [`MAX_EXAMINED`] a page at most, and the page says how far it looked.

mod list;
mod reasons;

use serde::Serialize;

use super::{Answer, Page, Receipt, Span};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Name};
use crate::words::words;

#[cfg(test)]
pub(super) use list::list_within;
pub use list::{counts, list, whole};
pub use reasons::{FailedFile, Step, WholeJob};

/// The part of a store that is about jobs. Both calls are bounded by what they are asked for.
pub trait Jobs: Send + Sync {
    /// Receipts that may be the word of a job, newest first: fewer than the limit only where there are no more.
    fn words(&self, sought: Sought) -> Answer<'_, Vec<Receipt>>;

    /// What [`Inbox::job`](super::Inbox::job) says of each of these jobs.
    fn each(&self, event_ids: Vec<EventId>) -> Answer<'_, Vec<Vec<Receipt>>>;

    /// How many jobs are open, of the oldest [`MAX_COUNTED`]; those alone that began before that time, if one is given.
    fn open_count(&self, began_before: Option<Timestamp>) -> Answer<'_, u64>;
}

/// The highest number of open jobs that is counted: some milliseconds, or 0.2 s where it is looked at when each began.
pub const MAX_COUNTED: u64 = 100_000;

/// How many receipts one page of a filtered list may go through: some 0.1 s. It then stops with what it has found.
pub const MAX_EXAMINED: u64 = 100_000;

/// How many receipts are gone through for the jobs that failed of late: some 10 ms.
pub const MAX_RECENT: u64 = 10_000;

/// The words of jobs that are looked for.
#[derive(Clone, Debug)]
pub struct Sought {
    /// Which.
    pub word: Word,
    /// Of this event (`crawling`) or event name (`crawling.completed`).
    pub event: Option<String>,
    /// Of this chatbot.
    pub chatbot_id: Option<ChatbotId>,
    /// With numbers from this one on,
    pub from: u64,
    /// up to this one.
    pub until: u64,
    /// How many at most.
    pub limit: usize,
}

/// What may be the word of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Any notification that is of one.
    Any,
    /// One with that status.
    Status(&'static str),
    /// The `initial` of an open job, whatever event and chatbot are looked for: these are few.
    Open,
}

words!(
    /// How a job stands.
    pub enum JobState {
        /// It has begun, and no end of it is known.
        Running = "running",
        /// The same for longer than backfill goes on asking about it.
        Stalled = "stalled",
        /// It was done.
        Completed = "completed",
        /// It was not.
        Failed = "failed",
        /// No notification of it says so: none is its beginning or its end.
        Unknown = "unknown",
    }
);

impl JobState {
    /// The last status that ends a job counts, whether `initial` came before it, after it or not at all. A job that began,
    /// whose first word is older than `stalled_before` and that has not ended is stalled. Of statuses that nobody has
    /// documented none says how a job stands.
    pub fn of(notifications: &[Receipt], stalled_before: Timestamp) -> Self {
        let is_old = notifications
            .first()
            .is_some_and(|first| first.received_at < stalled_before);
        match list::word_of(notifications).map(|word| &*word.event.status) {
            Some("completed") => Self::Completed,
            Some("failed") => Self::Failed,
            Some(Name::INITIAL) if is_old => Self::Stalled,
            Some(Name::INITIAL) => Self::Running,
            _ => Self::Unknown,
        }
    }

    /// What says that a job stands so.
    pub(super) const fn word(self) -> Word {
        match self {
            Self::Running | Self::Stalled => Word::Open,
            Self::Completed => Word::Status("completed"),
            Self::Failed => Word::Status("failed"),
            Self::Unknown => Word::Any,
        }
    }
}

/// Which jobs to list; all members that are set must match.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// How they stand.
    pub state: Option<JobState>,
    /// By the event (`crawling`) or event name (`crawling.failed`) of their word.
    pub event: Option<String>,
    /// By chatbot.
    pub chatbot_id: Option<ChatbotId>,
    /// When their word came.
    pub span: Span,
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Job {
    /// Its id.
    pub event_id: EventId,
    /// How it stands.
    pub state: JobState,
    /// What it does, such as `crawling`.
    pub event: String,
    /// Its chatbot, if a notification of it names one.
    pub chatbot_id: Option<ChatbotId>,
    /// When its first notification came.
    pub began_at: Timestamp,
    /// When its word came: that it ended, or, while it has not, that it began.
    pub changed_at: Timestamp,
    /// How many notifications of it are held.
    pub notification_count: usize,
    /// Why it failed, where CaiGunn says so; of a completed upload, how many of its files failed, with the first; cut.
    pub reason: Option<String>,
}

/// A part of the list of jobs.
#[derive(Clone, Debug)]
pub struct JobPage {
    /// The jobs, and where the next page starts.
    pub page: Page<Job>,
    /// Where the page ended since so much was gone through: only jobs are on it whose word came after that.
    pub looked_back_to: Option<Timestamp>,
}

/// How many jobs need a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct JobCounts {
    /// Begun, and not known to have ended; [`MAX_COUNTED`] where there are more.
    pub open: u64,
    /// Those of them that are stalled.
    pub stalled: u64,
    /// Those that failed since `failed_since`; at most [`MAX_LISTED`].
    pub failed: u64,
    /// So far back was looked for those that failed.
    pub failed_since: Timestamp,
}

/// The most jobs on one page.
pub const MAX_LISTED: usize = 500;

#[cfg(test)]
mod tests;
