//! The open file with what is known of its content, and whether it and the files beside it are still those that are open.

use std::ffi::c_int;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;

use super::super::Error;
use super::append::Memory;
use super::head::{Seen, Writer};
use super::hold::{FileId, Hold, Named};
use super::index::{Key, KeyIndex, Seq};
use super::log::frames::{FRAME_HEAD_BYTES, LOG_HEAD_BYTES};
use super::{checkpoint, commits, folder, holder, log, schema, sort};

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
    /// What [`commits`] counted the last commit as.
    pub commit_count: u32,
    /// What was found of the files that no look takes back.
    lost: Option<Files>,
    /// What was last seen of the file itself.
    file: Seen,
    /// How many pages the log had after the last commit.
    log_pages: Arc<AtomicU32>,
    page_bytes: u64,
    /// The log. SQLite has it open, so nobody else's file is given its inode.
    log: Option<FileId>,
    /// The index of the log; `None` where one is used that has no name, since a reader still has the inbox open.
    index: Option<FileId>,
}

/// How the files of an inbox are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// Those that are open.
    AsTheyWere,
    /// Something else than SQLite has written to the inbox itself.
    Overwritten,
    /// This one beside it has no name any more, or another file has it.
    Gone(&'static str),
    /// The log is shorter than what was written to it, and not all of that has been copied into the file.
    Cut,
    /// The same, and all has been copied.
    CutBehindCopy,
}

/// How often a log that is too short is looked at: another program may have SQLite shorten it meanwhile, not so often.
const TRIES: usize = 3;

impl Opened {
    /// Opens the file, which `hold` holds, and reads what must be known of its content.
    pub fn new(
        path: &Path,
        missing: schema::Missing,
        index: &Mutex<KeyIndex>,
        hold: &Hold,
    ) -> Result<Self, Error> {
        log::sync(path)?;
        let mut connection = schema::open_writer(path, missing)?;
        let failed = |error: rusqlite::Error| sort(path, "read", &error);
        // Before the content, so that nothing that another program writes from here on is overlooked.
        let data_version = data_version(&connection).map_err(failed)?;
        let (page_bytes, content_bytes) = extent(&connection).map_err(failed)?;
        let commit_count = commits::last_count(&connection).map_err(failed)?;
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
        *index.lock() = keys;
        let bytes = hold.at(path).map_or(0, |file| file.bytes);
        Ok(Self {
            connection,
            memory,
            data_version,
            is_in_doubt: false,
            is_saved: false,
            commit_count,
            lost: None,
            file: Seen::new(hold.head().as_ref(), bytes, page_bytes, content_bytes),
            log_pages,
            page_bytes,
            log: FileId::at(&schema::beside(path, "-wal")),
            index: FileId::at(&schema::beside(path, "-shm")),
        })
    }

    /// How many pages the log had after the last commit.
    pub fn log_pages(&self) -> u32 {
        self.log_pages.load(Ordering::Relaxed)
    }

    /// Looks at the inbox's file, if that has its name still, and at those beside it: four calls of the system. Where another
    /// program has written to the file it is in doubt afterwards.
    ///
    /// # Errors
    /// What other programs have done cannot be read.
    pub fn look(&mut self, path: &Path, hold: &Hold, file: Option<Named>) -> Result<Files, Error> {
        if let Some(lost) = self.lost {
            return Ok(lost);
        }
        if let Some(file) = file {
            let is_overwritten = self.is_overwritten(hold, file.bytes);
            if is_overwritten.map_err(|error| sort(path, "read", &error))? {
                self.lost = Some(Files::Overwritten);
                return Ok(Files::Overwritten);
            }
        }
        let Some(log) = self.log_bytes(path) else {
            return Ok(Files::Gone("-wal"));
        };
        if log < self.expected_bytes(self.log_pages()) {
            let found = self.look_at_short_log(path);
            let found = found.map_err(|error| sort(path, "read the index of the log of", &error))?;
            if found != Files::AsTheyWere {
                self.lost = (found == Files::Cut).then_some(found);
                return Ok(found);
            }
        }
        if self.index.is_some() && self.index != FileId::at(&schema::beside(path, "-shm")) {
            return Ok(Files::Gone("-shm"));
        }
        Ok(Files::AsTheyWere)
    }

    /// Whether something else than SQLite has written to the file.
    fn is_overwritten(&mut self, hold: &Hold, bytes: u64) -> rusqlite::Result<bool> {
        match self.file.look(|| hold.head(), bytes, self.commit_count) {
            Writer::Sqlite => Ok(false),
            Writer::Other => Ok(true),
            // After an error the last commit is not known, and the file is read anew anyway.
            Writer::Doubtful if self.is_in_doubt => Ok(false),
            Writer::Doubtful => {
                self.is_in_doubt = data_version(&self.connection)? != self.data_version;
                Ok(!self.is_in_doubt)
            }
        }
    }

    /// The length of the log; `None` if it has no name any more, or another file has it.
    fn log_bytes(&self, path: &Path) -> Option<u64> {
        let log = Named::at(&schema::beside(path, "-wal"))?;
        (self.log == Some(log.id)).then_some(log.bytes)
    }

    /// The least length of a log with so many pages.
    fn expected_bytes(&self, pages: u32) -> u64 {
        match u64::from(pages) {
            0 => 0,
            pages => LOG_HEAD_BYTES as u64 + pages * (FRAME_HEAD_BYTES as u64 + self.page_bytes),
        }
    }

    /// Whether a log that is shorter than after the last commit was cut, or begun anew by another program that had SQLite copy
    /// all of it into the file before. That is known from its index, which no such program forgets.
    fn look_at_short_log(&mut self, path: &Path) -> rusqlite::Result<Files> {
        let mut found = Files::Cut;
        for _ in 0..TRIES {
            // In this order: what is in the index is in the log by then.
            let state = checkpoint::state(&self.connection)?;
            let Some(bytes) = self.log_bytes(path) else {
                return Ok(Files::Gone("-wal"));
            };
            if bytes >= self.expected_bytes(state.log_pages) {
                self.log_pages.store(state.log_pages, Ordering::Relaxed);
                return Ok(Files::AsTheyWere);
            }
            if state.copied_pages == state.log_pages {
                found = Files::CutBehindCopy;
            }
        }
        Ok(found)
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

/// The size of a page and, where our own commits never make it less, of the content.
fn extent(connection: &Connection) -> rusqlite::Result<(u64, Option<u64>)> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, u64>(0));
    let (page_bytes, page_count) = (number("page_size")?, number("page_count")?);
    let content_bytes = (number("auto_vacuum")? == 0).then_some(page_bytes * page_count);
    Ok((page_bytes, content_bytes))
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
        folder::sync(folder::of(path))?;
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
