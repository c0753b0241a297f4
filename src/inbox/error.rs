//! What keeps an inbox from doing what it is asked.

use std::time::Duration;

/// Why the inbox did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// So much waits already that nothing more is taken; a later try will find room.
    #[error("the inbox queue is full: {queue_count} entries wait to be stored")]
    Full {
        /// The bound that was met.
        queue_count: usize,
    },
    /// The store cannot be written or read now; it may be able to later.
    #[error("the inbox is unavailable: {reason}")]
    Unavailable {
        /// What is wrong, and where, in words for an operator.
        reason: String,
    },
    /// The store will not have us: only a person can mend that, here or there, and waiting is of no use.
    #[error("the inbox cannot be used: {reason}")]
    Refused {
        /// What is wrong, and where, in words for an operator.
        reason: String,
    },
    /// Another process has the store open: a caller may ask that one instead.
    #[error("the inbox is unavailable: {reason}")]
    InUse {
        /// Which store it is, in words for an operator.
        reason: String,
    },
    /// The store did not answer in time. The entry may or may not be stored; sending it again is safe.
    #[error("the inbox did not answer within {} s", .waited.as_secs_f64())]
    Timeout {
        /// How long the caller waited.
        waited: Duration,
    },
    /// Whoever asked for what only the leader does leads no more. Nothing was done.
    #[error("another receiver leads now")]
    NotLeader,
    /// What was read cannot have been written by this program.
    #[error("the inbox is damaged: {reason}")]
    Corrupt {
        /// What was found, and where.
        reason: String,
    },
}

impl Error {
    /// [`Error::Unavailable`], for that reason.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Unavailable { reason }
    }

    /// [`Error::Refused`], for that reason.
    pub fn refused(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Refused { reason }
    }

    /// [`Error::Corrupt`], with what was found.
    pub fn corrupt(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Corrupt { reason }
    }

    /// That a store is closed already.
    pub(super) fn closed() -> Self {
        Self::unavailable("it is closed")
    }
}

/// What to do about an inbox of a newer program.
pub const NEWER_ADVICE: &str = "run the newer program with it, or set CAIGUNN_INBOX_URL to another inbox; an inbox cannot go back to an \
                                older version";
