//! The writing side: the open file, its transactions, and what follows when one fails.

use std::ffi::c_int;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode};

use super::super::{Entry, Error, Settings, Stored};
use super::append::{Append, Memory};
use super::checkpoint::Checkpoints;
use super::index::{Key, KeyIndex, Seq};
use super::{commits, lock_mutex, schema, sort};
use crate::clock::Timestamp;

/// The most receipts that one step of [`Store::expire`] removes, and the most bytes of bodies before it stops:
/// a few milliseconds of work, so that requests hardly notice.
const EXPIRE_COUNT: usize = 256;
const EXPIRE_BYTES: i64 = 4 << 20;

/// The file and what is known of its content. Owned by the inbox thread.
pub struct Store {
    path: PathBuf,
    settings: Settings,
    index: Arc<Mutex<KeyIndex>>,
    /// `None` once it is closed.
    checkpoints: Option<Checkpoints>,
    /// `None` after an error that leaves the connection in doubt: the next call opens the file anew.
    opened: Option<Opened>,
}

struct Opened {
    connection: Connection,
    /// How many pages the log had after the last commit.
    log_pages: Arc<AtomicU32>,
    /// The device and inode of the file, to notice when it is moved away under us.
    inode: (u64, u64),
    memory: Memory,
}

impl Store {
    /// Opens the file, makes it if need be, and fills the index.
    pub fn open(path: &Path, settings: Settings, index: Arc<Mutex<KeyIndex>>) -> Result<Self, Error> {
        let opened = Opened::new(path, schema::Missing::Create, &index)?;
        Ok(Self {
            path: path.to_owned(),
            settings,
            index,
            checkpoints: Some(Checkpoints::start(path)?),
            opened: Some(opened),
        })
    }

    /// See [`super::Inbox::append`].
    pub fn append(&mut self, batch: Vec<Entry>) -> Result<Vec<Result<Stored, Error>>, Error> {
        let (settings, index) = (self.settings.clone(), Arc::clone(&self.index));
        let opened = self.opened()?;
        let before = opened.memory;
        let mut added = Vec::with_capacity(batch.len());
        let stored = transaction(&opened.connection, |connection| {
            let mut index = lock_mutex(&index);
            let mut append = Append::new(connection, &settings, &mut opened.memory, &mut index, &mut added)?;
            let stored = batch.into_iter().map(|entry| append.entry(entry));
            let stored = stored.collect::<rusqlite::Result<Vec<_>>>()?;
            append.write_keys()?;
            Ok(stored)
        });
        if stored.is_err() {
            opened.memory = before;
            let mut index = lock_mutex(&index);
            added.into_iter().for_each(|(key, seq)| index.remove(key, seq));
        }
        stored.map_err(|error| self.failed(&error))
    }

    /// See [`super::Inbox::expire`].
    pub fn expire(&mut self, before: Timestamp) -> Result<usize, Error> {
        let opened = self.opened()?;
        let expired = transaction(&opened.connection, |connection| expire(connection, before));
        match expired {
            Ok((keys, count)) => {
                let mut index = lock_mutex(&self.index);
                keys.into_iter().for_each(|(key, seq)| index.remove(key, seq));
                Ok(count)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Does something else in a transaction of its own.
    pub fn write<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let opened = self.opened()?;
        transaction(&opened.connection, work).map_err(|error| self.failed(&error))
    }

    /// Sees to the log between two transactions.
    pub fn tend_log(&mut self) {
        let (Some(opened), Some(checkpoints)) = (&self.opened, &mut self.checkpoints) else {
            return;
        };
        let log_pages = opened.log_pages.load(Ordering::Relaxed);
        if let Err(error) = checkpoints.after_commit(&opened.connection, log_pages) {
            // What was committed is in the log all the same; if this is more than a moment's trouble, the next write
            // meets it too.
            let error = sort(&self.path, "copy the log into", &error);
            tracing::warn!(error.type = "checkpoint", "{error}");
        }
    }

    /// The open file, opened anew if the last error closed it, and still where it was.
    fn opened(&mut self) -> Result<&mut Opened, Error> {
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None => Opened::new(&self.path, schema::Missing::Refuse, &self.index)?,
        };
        let opened = self.opened.insert(opened);
        match inode(&self.path) {
            Ok(inode) if inode == opened.inode => Ok(opened),
            // What is written now would be gone with the last handle, so nothing is, until the file is back.
            Ok(_) | Err(_) => Err(Error::Unavailable {
                reason: format!(
                    "{} was moved or deleted while in use; put it back, or restart to begin a new inbox",
                    self.path.display()
                ),
            }),
        }
    }

    /// Copies the log into the file, so that the next start need not, and closes it.
    pub fn close(&mut self) -> Result<(), Error> {
        // Only the last connection copies the log.
        if let Some(checkpoints) = self.checkpoints.take() {
            checkpoints.end();
        }
        match self.opened.take() {
            None => Ok(()),
            Some(opened) => opened
                .connection
                .close()
                .map_err(|(_, error)| sort(&self.path, "close", &error)),
        }
    }

    /// The connection, for tests to set limits on.
    #[cfg(test)]
    pub fn connection(&self) -> &Connection {
        &self.opened.as_ref().expect("the file is open").connection
    }

    /// Sorts the error of a transaction, which has been rolled back. After any but a full disk the connection is
    /// not trusted any more.
    fn failed(&mut self, error: &rusqlite::Error) -> Error {
        if error.sqlite_error_code() != Some(ErrorCode::DiskFull) {
            self.opened = None;
        }
        sort(&self.path, "write to", error)
    }
}

impl Opened {
    /// Opens the file and reads what must be known of its content.
    fn new(path: &Path, missing: schema::Missing, index: &Mutex<KeyIndex>) -> Result<Self, Error> {
        let mut connection = schema::open_writer(path, missing)?;
        let failed = |error: rusqlite::Error| sort(path, "read", &error);
        let (keys, last_key_seq) = read_keys(&connection).map_err(failed)?;
        let memory = Memory::read(&connection, last_key_seq).map_err(failed)?;
        let log_pages = Arc::new(AtomicU32::new(0));
        let seen_pages = Arc::clone(&log_pages);
        connection
            .wal_hook(Some(move |_: &mut Wal, pages: c_int| {
                seen_pages.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(failed)?;
        let inode = inode(path).map_err(|error| Error::Unavailable {
            reason: format!("cannot find {}: {error}", path.display()),
        })?;
        *lock_mutex(index) = keys;
        Ok(Self {
            connection,
            log_pages,
            inode,
            memory,
        })
    }
}

/// Fills an index from the journal of keys; also gives the last number in it, 0 if there is none.
fn read_keys(connection: &Connection) -> rusqlite::Result<(KeyIndex, Seq)> {
    // Receipts go from the front, but a row of keys goes only when all of its receipts are gone.
    let first = "SELECT coalesce(min(seq), 0) FROM receipt";
    let first_seq: Seq = connection.query_row(first, [], |row| row.get(0))?;

    let mut index = KeyIndex::default();
    let mut last_seq = 0;
    let mut statement = connection.prepare("SELECT first_seq, keys FROM receipt_key ORDER BY first_seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (key, seq) in keys_of_row(row)? {
            last_seq = seq;
            if let (Some(key), true) = (key, seq >= first_seq) {
                index.insert(key, seq);
            }
        }
    }
    Ok((index, last_seq))
}

/// The keys in a row of the journal, with the numbers of their receipts.
fn keys_of_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<(Option<Key>, Seq)>> {
    let first_seq: Seq = row.get(0)?;
    let (keys, _) = row.get_ref(1)?.as_blob()?.as_chunks();
    Ok(keys
        .iter()
        .map(|key| Key::from_bytes(*key))
        .zip(first_seq..)
        .collect())
}

/// Runs `work` in a transaction and commits it, or undoes it.
fn transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done =
        commits::counted(connection, work).and_then(|done| connection.execute_batch("COMMIT").map(|()| done));
    if done.is_err() && !connection.is_autocommit() {
        // SQLite undoes some failed transactions by itself; what it leaves open must not be committed by the next.
        // Should this fail too, the first error is the one to report, and the caller drops the connection.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

/// Removes the oldest receipts; returns their keys and how many they were.
fn expire(connection: &Connection, before: Timestamp) -> rusqlite::Result<(Vec<(Key, Seq)>, usize)> {
    let mut statement = connection
        .prepare_cached("SELECT seq, received_at, length(body) FROM receipt ORDER BY seq LIMIT ?1")?;
    let mut rows = statement.query([EXPIRE_COUNT])?;
    let (mut last_seq, mut bytes): (Option<Seq>, i64) = (None, 0);
    while let Some(row) = rows.next()? {
        if Timestamp::from_micros(row.get(1)?) >= before || bytes > EXPIRE_BYTES {
            break;
        }
        last_seq = Some(row.get(0)?);
        bytes += row.get::<_, i64>(2)?;
    }
    drop(rows);
    let Some(last_seq) = last_seq else {
        return Ok((Vec::new(), 0));
    };

    let mut keys = Vec::new();
    let mut statement = connection
        .prepare_cached("SELECT first_seq, keys FROM receipt_key WHERE first_seq <= ?1 ORDER BY first_seq")?;
    let mut rows = statement.query([last_seq])?;
    let mut whole_rows_before = None;
    while let Some(row) = rows.next()? {
        whole_rows_before = Some(row.get::<_, Seq>(0)?);
        let of_row = keys_of_row(row)?.into_iter().filter(|(_, seq)| *seq <= last_seq);
        keys.extend(of_row.filter_map(|(key, seq)| Some((key?, seq))));
    }
    drop(rows);
    // The last of these rows stays: it may hold keys of later receipts, and it keeps its numbers from being used
    // again should every receipt go.
    connection.execute(
        "DELETE FROM receipt_key WHERE first_seq < ?1",
        [whole_rows_before],
    )?;
    connection.execute("DELETE FROM unrecognized WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM backfilled WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM open_job WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM latest WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM delivery WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM attempt WHERE seq <= ?1", [last_seq])?;
    let count = connection.execute("DELETE FROM receipt WHERE seq <= ?1", [last_seq])?;
    Ok((keys, count))
}

fn inode(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}
