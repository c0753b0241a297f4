//! Reads an inbox that a receiver may have open.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::Connection;

use super::super::outbox::{Attempt, Delivery, Destination, DestinationId, Instruction};
use super::super::{Error, Page, PageRequest, Quarantined, Receipt};
use super::{log, outbox, quarantine, read, schema, sort};

/// What is kept of notices in a file, read beside a running receiver or alone; `None` if nothing is.
///
/// # Errors
/// It cannot be read.
pub fn kept_notices(path: &Path) -> Result<Option<String>, Error> {
    glance(path, "notices", outbox::read::notices)
}

/// The newest in quarantine in a file, read beside a running receiver or alone; `None` where there is none yet.
///
/// # Errors
/// It cannot be read.
pub fn newest_quarantined(path: &Path, page: PageRequest) -> Result<Option<Page<Quarantined>>, Error> {
    glance(path, "quarantine", |connection| {
        quarantine::page(connection, page).map(Some)
    })
}

/// Reads something of a file, beside a running receiver or alone; `None` where it is not there, nor the table that it is in.
///
/// # Errors
/// It cannot be read.
pub fn glance<T>(
    path: &Path,
    table: &str,
    read: impl FnOnce(&Connection) -> rusqlite::Result<Option<T>>,
) -> Result<Option<T>, Error> {
    let resolved = std::fs::canonicalize(path);
    let path = resolved.as_deref().unwrap_or(path);
    let open = if schema::seems_open(path) {
        schema::open_reader
    } else {
        schema::open_alone
    };
    let found = open(path).and_then(|connection| match schema::has_table(&connection, table)? {
        true => read(&connection),
        // The next start brings its tables up to date.
        false => Ok(None),
    });
    found.map_err(|error| sort(path, "read", &error))
}

/// An inbox that is only read. It has no lock, so a receiver may store into the file meanwhile.
#[derive(Clone, Debug)]
pub struct SqliteReader {
    path: PathBuf,
}

impl SqliteReader {
    /// Looks whether there is an inbox of this program, with tables as they are now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if there is none, or one whose tables the next start would bring up to date;
    /// [`Error::Refused`] if it is something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        log::refuse_foreign(path)?;
        let connection = schema::open_reader(path).map_err(|error| sort(path, "read", &error))?;
        let version = schema::version(&connection, path)?;
        if version < schema::MIGRATIONS.len() {
            return Err(Error::unavailable(format!(
                "{} was written by an older program: start this one with it once, to bring its tables up to date",
                path.display()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The numbers of the receipts that it holds; `None` if there are none.
    pub async fn held(&self) -> Result<Option<read::Held>, Error> {
        self.read(read::held).await
    }

    /// See [`Outbox::last_sequence`](super::super::Outbox::last_sequence).
    pub async fn last_sequence(&self) -> Result<u64, Error> {
        self.read(outbox::last_sequence).await
    }

    /// See [`Inbox::export`](super::super::Inbox::export).
    pub async fn export(&self, after: u64, limit: usize) -> Result<Vec<(Receipt, Bytes)>, Error> {
        self.read(move |connection| read::export(connection, after, limit))
            .await
    }

    /// Requests in quarantine with their numbers and what is kept of their bodies, oldest first, from the one after that
    /// number on: at most `limit`, and fewer where bodies are large. None means that there are no more.
    pub async fn export_quarantine(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Quarantined, Bytes)>, Error> {
        self.read(move |connection| quarantine::export(connection, after, limit))
            .await
    }

    /// See [`Outbox::destinations`](super::super::Outbox::destinations).
    pub async fn destinations(&self) -> Result<Vec<Destination>, Error> {
        self.read(outbox::destinations::all).await
    }

    /// Deliveries that have a row, oldest receipt first and of one receipt the oldest destination, from the one after
    /// these on: at most `limit`. None means that there are no more.
    pub async fn deliveries_after_key(
        &self,
        after: Option<(u64, DestinationId)>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        self.read(move |connection| outbox::all::deliveries_after_key(connection, after, limit))
            .await
    }

    /// Attempts with the receipt's number and the destination, in the order of these and of their own numbers, from the
    /// one after that on: at most `limit`. None means that there are no more.
    pub async fn attempts_after_key(
        &self,
        after: Option<(u64, DestinationId, u32)>,
        limit: usize,
    ) -> Result<Vec<(u64, DestinationId, Attempt)>, Error> {
        self.read(move |connection| outbox::all::attempts_after_key(connection, after, limit))
            .await
    }

    /// Every instruction, done or not, oldest first.
    pub async fn instructions(&self) -> Result<Vec<Instruction>, Error> {
        self.read(outbox::all::all_instructions).await
    }

    /// Reads on a thread for blocking work.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let path = self.path.clone();
        read::on_thread(path, None, query).await
    }
}
