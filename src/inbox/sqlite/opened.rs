//! The open file with what is known of its content, and whether the files beside it are still those that are open.

use std::ffi::c_int;
use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;

use super::super::Error;
use super::append::Memory;
use super::hold::{FileId, Named};
use super::index::{Key, KeyIndex, Seq};
use super::{folder, holder, lock_mutex, schema, sort};

/// Of the log and of each page in it, see <https://www.sqlite.org/fileformat2.html#walformat>.
const LOG_HEAD_BYTES: u64 = 32;
const PAGE_HEAD_BYTES: u64 = 24;

/// The writing connection and what belongs to it.
pub struct Opened {
    pub connection: Connection,
    pub memory: Memory,
    /// What [`data_version`] says as long as only this connection writes.
    pub data_version: i64,
    /// An error has left it so that it must be opened anew.
    pub is_in_doubt: bool,
    /// The file has no name any more, and what was in the log is in it.
    pub is_saved: bool,
    /// How many pages the log had after the last commit.
    log_pages: Arc<AtomicU32>,
    page_bytes: u64,
    /// The log. SQLite has it open, so nobody else's file is given its inode.
    log: Option<FileId>,
    /// The index of the log; `None` where one is used that has no name, since a reader still has the inbox open.
    index: Option<FileId>,
}

/// How the files beside an inbox are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Those that are open.
    AsItWas,
    /// This one has no name any more, or another file has it.
    Gone(&'static str),
    /// The log is shorter than what was written to it.
    Cut,
}

impl Opened {
    /// Opens the file and reads what must be known of its content.
    pub fn new(path: &Path, missing: schema::Missing, index: &Mutex<KeyIndex>) -> Result<Self, Error> {
        let mut connection = schema::open_writer(path, missing)?;
        let failed = |error: rusqlite::Error| sort(path, "read", &error);
        // Before the content, so that nothing that another program writes from here on is overlooked.
        let data_version = data_version(&connection).map_err(failed)?;
        let page_bytes = connection.pragma_query_value(None, "page_size", |row| row.get(0));
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
        *lock_mutex(index) = keys;
        Ok(Self {
            connection,
            memory,
            data_version,
            is_in_doubt: false,
            is_saved: false,
            log_pages,
            page_bytes: page_bytes.map_err(failed)?,
            log: FileId::at(&schema::beside(path, "-wal")),
            index: FileId::at(&schema::beside(path, "-shm")),
        })
    }

    /// How many pages the log had after the last commit.
    pub fn log_pages(&self) -> u32 {
        self.log_pages.load(Ordering::Relaxed)
    }

    /// Looks at the files beside the inbox: two calls of the system.
    pub fn look(&self, path: &Path) -> Beside {
        let Some(log) = Named::at(&schema::beside(path, "-wal")).filter(|log| self.log == Some(log.id))
        else {
            return Beside::Gone("-wal");
        };
        let pages = u64::from(self.log_pages());
        if pages > 0 && log.bytes < LOG_HEAD_BYTES + pages * (PAGE_HEAD_BYTES + self.page_bytes) {
            return Beside::Cut;
        }
        if self.index.is_some() && self.index != FileId::at(&schema::beside(path, "-shm")) {
            return Beside::Gone("-shm");
        }
        Beside::AsItWas
    }

    /// Copies all of the log into the file and syncs that, whatever names either has, and has whoever writes next begin the
    /// log anew. Waits so long for readers.
    ///
    /// # Errors
    /// Why it could not, in words. The connection is as it was, and still sees all that was stored.
    pub fn empty_log(&mut self, path: &Path, patience: Duration) -> Result<(), String> {
        set_aside(path, self.log).map_err(|error| error.to_string())?;
        let _ = self.connection.busy_timeout(patience);
        // With synchronous=FULL it syncs both. Only a log of which nobody reads any more is begun anew; until then what
        // is appended to a log without its head would not be found at the next start.
        let is_busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        match is_busy {
            Ok(false) => {
                self.log_pages.store(0, Ordering::Relaxed);
                Ok(())
            }
            Ok(true) => Err(holder::words(path)),
            Err(error) => Err(sort(path, "copy the log into", &error).to_string()),
        }
    }

    /// Has closing leave the log as it is, in place of copying what is not there.
    pub fn leave_log(&self) {
        let _ = self
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

/// Changes when another connection has changed the content.
pub fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))
}

/// Renames a file that has the log's name and is not ours, so that no start takes it for the log. An empty one is what
/// SQLite makes for a reader, and harmless.
fn set_aside(path: &Path, log: Option<FileId>) -> std::io::Result<()> {
    let name = schema::beside(path, "-wal");
    let is_other = Named::at(&name).is_some_and(|found| Some(found.id) != log && found.bytes > 0);
    if is_other {
        fs::rename(&name, schema::beside(path, "-wal.found"))?;
        File::open(folder::of(path))?.sync_all()?;
    }
    Ok(())
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
pub fn keys_of_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<(Option<Key>, Seq)>> {
    let first_seq: Seq = row.get(0)?;
    let (keys, _) = row.get_ref(1)?.as_blob()?.as_chunks();
    Ok(keys
        .iter()
        .map(|key| Key::from_bytes(*key))
        .zip(first_seq..)
        .collect())
}
