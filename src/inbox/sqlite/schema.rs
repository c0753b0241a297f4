//! Connections to the file and the state of its tables.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::super::{Error, NEWER_ADVICE};
use super::{Flaw, commits, folder, sort};

/// "CGWH": marks the file as an inbox, so that another database is not taken for one.
const APPLICATION_ID: i32 = 0x4347_5748;

/// Numbered from 1, forward only. Never change one that was released: add another.
pub const MIGRATIONS: [&str; 9] = [
    include_str!("../../../migrations/sqlite/0001_inbox.sql"),
    include_str!("../../../migrations/sqlite/0002_jobs.sql"),
    include_str!("../../../migrations/sqlite/0003_outbox.sql"),
    include_str!("../../../migrations/sqlite/0004_marks.sql"),
    include_str!("../../../migrations/sqlite/0005_way_out.sql"),
    include_str!("../../../migrations/sqlite/0006_replays.sql"),
    include_str!("../../../migrations/sqlite/0007_notices.sql"),
    include_str!("../../../migrations/sqlite/0008_traces.sql"),
    include_str!("../../../migrations/sqlite/0009_first_attempts.sql"),
];

/// What to do where there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Make one: at start.
    Create,
    /// Fail: a file that was there a moment ago must not be replaced by an empty one.
    Refuse,
}

/// Opens the file for writing and brings its tables up to date.
pub fn open_writer(path: &Path, missing: Missing) -> Result<Connection, Error> {
    let failed = |error: rusqlite::Error| sort(path, "open", &error);
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, missing == Missing::Create);
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    let version = version(&connection, path)?;
    configure_writer(&connection, path).map_err(failed)??;
    migrate(&mut connection, version).map_err(failed)?;
    Ok(connection)
}

/// Opens a file that is there for writing and leaves its tables at the version they have.
pub fn open_as_it_is(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |error: rusqlite::Error| sort(path, "write to", &error);
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    configure_writer(&connection, path).map_err(failed)??;
    Ok(connection)
}

/// Opens a file that is being written to, to copy its log into it.
pub fn open_for_checkpoints(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// Whose tables a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// This program's, of that version; 0 if there are none yet.
    Ours(usize),
    /// A newer program's, of that version.
    Newer(usize),
    /// This program's, and another one has reset their version to 0.
    Unnumbered,
    /// Something else's.
    Foreign,
    /// It is something else than a database. So is one of which the first page is damaged.
    NoDatabase,
}

/// Whose tables a file has, which shows when something is first read of it.
pub fn tables(connection: &Connection) -> rusqlite::Result<Tables> {
    let read = || -> rusqlite::Result<Tables> {
        let application_id: i32 = pragma(connection, "application_id")?;
        let version = commits::tables_version(pragma(connection, "user_version")?);
        let is_empty = "SELECT count(*) = 0 FROM sqlite_schema";
        let is_empty: bool = connection.query_row(is_empty, [], |row| row.get(0))?;
        Ok(match version {
            _ if application_id != APPLICATION_ID && !is_empty => Tables::Foreign,
            version if version > MIGRATIONS.len() => Tables::Newer(version),
            0 if !is_empty => Tables::Unnumbered,
            version => Tables::Ours(version),
        })
    };
    match read() {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Ok(Tables::NoDatabase),
        read => read,
    }
}

/// The version of an inbox's tables, 0 if there are none yet.
///
/// # Errors
/// [`Error::Refused`] with what to do, of what is no inbox of this program: that is no damage, and to restore a backup over it
/// would be one. [`Error::Corrupt`] of one that says no version of its tables.
pub fn version(connection: &Connection, path: &Path) -> Result<usize, Error> {
    let tables = tables(connection).map_err(|error| sort(path, "open", &error))?;
    let advice = match tables {
        Tables::Ours(version) => return Ok(version),
        Tables::Unnumbered => {
            return Err(Error::corrupt(unnumbered(path).to_string()));
        }
        Tables::Newer(_) => NEWER_ADVICE,
        Tables::Foreign | Tables::NoDatabase => FOREIGN_ADVICE,
    };
    Err(Error::refused(format!("{}; {advice}", tables.shown(path))))
}

/// What is wrong with [`Tables::Unnumbered`], and what to do.
pub fn unnumbered(path: &Path) -> Flaw {
    let advice = format!(
        "if this release was the last to have it open, stop the receiver and run {}; else restore a backup (`caigunn-webhook inbox \
         restore COPY`)",
        renumbering(path)
    );
    Flaw {
        found: Tables::Unnumbered.shown(path),
        advice,
    }
}

/// What gives tables of this release their number again.
pub fn renumbering(path: &Path) -> String {
    let (shown, newest) = (folder::quoted(path), MIGRATIONS.len());
    format!("`sqlite3 {shown} 'PRAGMA user_version = {newest}'`")
}

/// What to do about a file that is no inbox.
pub const FOREIGN_ADVICE: &str = "set CAIGUNN_INBOX_URL to the inbox's own file, or to a new one; if this was the inbox, restore \
                                  a backup of it: `caigunn-webhook inbox restore COPY`";

impl Tables {
    /// What a file with these is.
    pub fn shown(self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Ours(version) => format!("{path} is an inbox with tables of version {version}"),
            Self::Newer(version) => format!(
                "{path} was written by a newer program: its tables are version {version}, this program knows up to {}",
                MIGRATIONS.len()
            ),
            Self::Unnumbered => format!(
                "{path} has the tables of an inbox, but not their version any more: another program has set user_version to 0"
            ),
            Self::Foreign => format!("{path} is an SQLite database, but not an inbox of this program"),
            Self::NoDatabase => format!("{path} is not a database"),
        }
    }
}

/// Opens the file for reading. A reader never waits for the writer, nor the writer for it.
pub fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

/// The least length of an index of a log, in bytes. One that is shorter is what an opening has left that found no room for it.
const LEAST_INDEX_BYTES: u64 = 32 << 10;

/// Whether a process has the file open, or had it when it was killed: only then are there both a log and an index of
/// the log beside it.
pub fn seems_open(path: &Path) -> bool {
    let index = std::fs::metadata(beside(path, "-shm"));
    beside(path, "-wal").exists() && index.is_ok_and(|index| index.len() >= LEAST_INDEX_BYTES)
}

/// Whether a change of the file itself, not by its log, was begun and not ended: so is the very first. SQLite takes it
/// back when it next opens the file for writing; who only reads would see the half of it.
///
/// One that has ended may leave its journal there, with a head of zeros (`journal_mode=PERSIST`): that is nothing to SQLite.
pub fn is_half_changed(path: &Path) -> bool {
    let journal = beside(path, "-journal");
    let is_there = fs::metadata(&journal).is_ok_and(|journal| journal.is_file() && journal.len() > 0);
    let mut first = [0];
    let mut read = || File::open(&journal)?.read_exact(&mut first);
    // Of what cannot be read nobody knows.
    is_there && (read().is_err() || first != [0])
}

/// Reads by [`open_alone`] a file that no process has open; `None` if one has, or has had it meanwhile, so that what was read
/// is nothing to go by.
pub fn alone<T>(path: &Path, read: impl FnOnce(rusqlite::Result<Connection>) -> T) -> Option<T> {
    let look = || {
        let file = fs::metadata(path).ok()?;
        let moment = (file.mtime(), file.mtime_nsec());
        (!seems_open(path)).then(|| (file.ino(), file.len(), moment))
    };
    let before = look()?;
    let done = read(open_alone(path));
    (look() == Some(before)).then_some(done)
}

/// Opens a file that no process has open, for reading. Nothing is locked, and no file is made beside it, as a reader
/// of a WAL otherwise does; so it works where it could not be made, too.
pub fn open_alone(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let flags = flags | OpenFlags::SQLITE_OPEN_URI;
    if !beside(path, "-wal").exists() {
        return Connection::open_with_flags(uri(path, "immutable=1"), flags);
    }
    // A log without its index, as in a copy of the two files. In this mode SQLite keeps the index in memory.
    let connection = Connection::open_with_flags(uri(path, "vfs=unix-none"), flags)?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    // Or closing would try to copy the log into the file.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// Whether there is a table of that name.
pub fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection.query_row(sql, [name], |row| row.get(0))
}

/// The path with something after its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What has a meaning in a URI and is part of a name here.
const ENDS: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// A file as a URI with this query, see <https://www.sqlite.org/uri.html>.
fn uri(path: &Path, query: &str) -> PathBuf {
    let path = percent_encode(path.as_os_str().as_bytes(), ENDS);
    PathBuf::from(format!("file:{path}?{query}"))
}

/// Has a connection write as the promise wants it; refuses a file for which SQLite does not.
pub fn configure_writer(connection: &Connection, path: &Path) -> rusqlite::Result<Result<(), Error>> {
    // Readers run beside the writer, and a commit is one append and one fsync.
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        // Where it cannot share memory, SQLite does not fail, but says in which mode it stays.
        return Ok(Err(Error::unavailable(format!(
            "{} cannot have a write-ahead log (SQLite stays with the journal mode {mode:?}): put the inbox on a \
             local file system, where processes can share memory",
            path.display()
        ))));
    }
    set_pragmas(connection).map(Ok)
}

fn set_pragmas(connection: &Connection) -> rusqlite::Result<()> {
    // In WAL mode only FULL syncs at each commit; NORMAL would lose the last 200s in a power cut.
    connection.pragma_update(None, "synchronous", "full")?;
    // On macOS an fsync leaves data in the disk's own memory; this asks for more. Elsewhere it changes nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // Checkpoints have a thread of their own.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // Bytes: after a reader has held up a checkpoint, the log shrinks back to this.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // The schema refers to nothing by foreign key; what the file says of itself is not to be trusted with code.
    connection.pragma_update(None, "trusted_schema", false)?;
    // All that appending, expiry and the way out prepare, so that none of it pushes another out.
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn migrate(connection: &mut Connection, version: usize) -> rusqlite::Result<()> {
    for (applied, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        commits::set_tables_version(&transaction, applied + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
