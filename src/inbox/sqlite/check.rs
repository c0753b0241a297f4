//! Whether a file is a sound inbox, found out without touching it: for an operator, not for the receiver.

mod rows;

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use rusqlite::Connection;
use uuid::Uuid;

use super::super::Error;
use super::append::{PROBE_BYTES, probe};
use super::hold::{Hold, lost_in_use};
use super::schema::Tables;
use super::{Flaw, folder, log, schema, sort};

/// How much of SQLite's finding is shown, in characters.
const MAX_FINDING: usize = 200;

/// What [`check`] found where nothing is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// There is no file: the next start makes it.
    Missing,
    /// An inbox without damage.
    Sound {
        /// Of its tables; a start brings them up to date. 0: there are none yet.
        version: usize,
        /// How many receipts it holds.
        receipt_count: u64,
    },
    /// An inbox of a newer program.
    Newer {
        /// Which file, and its version.
        reason: String,
    },
    /// The log beside it is another file's.
    ForeignLog(Flaw),
    /// Nobody is to read it now: there is none any more, but a receiver has it open; there is none yet, and a restore is putting it
    /// there; or a change of the file was begun and not ended, and must be taken back before.
    Unusable(Flaw),
    /// Some rows of an inbox cannot be read; all else can.
    DamagedRows {
        /// Which file and which rows.
        reason: String,
        /// What to do where it is the inbox.
        advice: String,
        /// What takes the damage out of it, whatever it is.
        mend: String,
    },
    /// Something else: another program's database, or none at all. An inbox whose first page is damaged looks so too.
    Foreign {
        /// Which file, and what is known of it.
        reason: String,
    },
}

/// Reads the whole file (about a second a GiB, and one a million receipts with their deliveries) and says whether it is an inbox without damage: as SQLite checks it, and each row
/// as the program reads it.
///
/// It takes no lock of [`SqliteInbox::open`](super::SqliteInbox::open), so a receiver may run meanwhile; the file's
/// log grows until the check ends. It makes no file and writes nothing to the inbox, so the folder need not be writable.
///
/// # Errors
/// [`Error::Corrupt`] if it is damaged, with SQLite's first finding; [`Error::Unavailable`] if it cannot be read.
pub fn check(path: &Path) -> Result<Check, Error> {
    // The log lies beside the file itself, not beside a link to it.
    let path = match std::fs::canonicalize(path) {
        Ok(path) => path,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(lost) = lost_in_use(path) {
                return Ok(Check::Unusable(lost));
            }
            return Ok(log::check(path)?.unwrap_or(Check::Missing));
        }
        Err(error) => {
            return Err(Error::unavailable(format!(
                "cannot find {}: {error}",
                path.display()
            )));
        }
    };
    let path = path.as_path();
    if !path.is_file() {
        // Whoever opens a pipe may wait for ever.
        return Ok(Check::Foreign {
            reason: format!("{} is not a file", path.display()),
        });
    }
    if let Some(foreign) = log::check(path)? {
        return Ok(foreign);
    }
    if let Some(flaw) = half_changed(path) {
        return Ok(Check::Unusable(flaw));
    }
    match schema::alone(path, |opened| inspect(opened, path)) {
        Some(checked) => checked,
        None => inspect(schema::open_reader(path), path),
    }
}

/// That a file is half changed, if it is so, and what to do.
pub fn half_changed(path: &Path) -> Option<Flaw> {
    let is_so = schema::is_half_changed(path);
    let (path, quoted) = (path.display(), folder::quoted(path));
    let found = format!(
        "{path} is half changed: {path}-journal has what was there before, as where the very first start was cut off"
    );
    let advice = format!(
        "start the receiver, which takes that back (of a copy, `sqlite3 {quoted} .schema` as its owner does), and check again"
    );
    is_so.then_some(Flaw { found, advice })
}

/// As [`check`], of a file that is open.
pub fn inspect(opened: rusqlite::Result<Connection>, path: &Path) -> Result<Check, Error> {
    let failed = |error: rusqlite::Error| sort(path, "read", &error);
    let opened = opened.and_then(|connection| Ok((schema::tables(&connection)?, connection)));
    let (tables, connection) = opened.map_err(|error| sort(path, "open", &error))?;
    let version = match tables {
        Tables::Ours(version) => version,
        Tables::Unnumbered => {
            let flaw = schema::unnumbered(path);
            return Ok(Check::DamagedRows {
                reason: flaw.found,
                advice: flaw.advice,
                mend: schema::renumbering(path),
            });
        }
        Tables::Newer(_) => {
            return Ok(Check::Newer {
                reason: tables.shown(path),
            });
        }
        Tables::Foreign | Tables::NoDatabase => {
            return Ok(Check::Foreign {
                reason: tables.shown(path),
            });
        }
    };
    // What is not in the index of what is pending is not sent. That an index does not fit its table the quick check alone leaves out.
    let wrong = first_finding(&connection, "integrity_check").map_err(failed)?;
    if wrong.is_some()
        && let Some(finding) = first_finding(&connection, "quick_check").map_err(failed)?
    {
        return Err(Error::corrupt(format!(
            "{} is damaged: {finding}",
            path.display()
        )));
    }
    let found = rows::read(&connection, version).map_err(failed)?;
    Ok(match found.damage(path, wrong) {
        None => Check::Sound {
            version,
            receipt_count: found.receipt_count,
        },
        Some(damage) => damage,
    })
}

/// The first thing that one of SQLite's own checks finds wrong, if any.
fn first_finding(connection: &Connection, check: &str) -> rusqlite::Result<Option<String>> {
    let finding: String = connection.query_row(&format!("PRAGMA {check}(1)"), [], |row| row.get(0))?;
    // It comes under a heading that names the database, of which there is one.
    let first = finding.lines().find(|line| !line.starts_with("***"));
    let first = first.unwrap_or(&finding).chars().take(MAX_FINDING).collect();
    Ok(Some(first).filter(|_| finding != "ok"))
}

/// Commits a little to the inbox, which changes nothing that is read of it: the filler that `/readyz` writes too. Before
/// that, and where there is no inbox yet, writes to its folder, and takes that back.
///
/// # Errors
/// [`Error::InUse`] if a receiver has it open; otherwise why it takes no writes.
pub fn try_write(path: &Path) -> Result<(), Error> {
    // The locks and the log lie beside the file itself, not beside a link to it.
    let resolved = folder::resolve(path);
    let path = resolved.as_deref().unwrap_or(path);
    // No lock file is made here: left by another user, it would keep the receiver out. Held until SQLite has closed the
    // file.
    let _hold = Hold::take_what_is_there(path)?;
    // First by plain files, whose errors say more than SQLite's: it calls a full disk an I/O error, where it cannot
    // make the index of the log, and a read-only one unable to open a file.
    try_write_beside(path).map_err(|error| {
        Error::unavailable(format!(
            "cannot write to the folder of {}: {error}",
            path.display()
        ))
    })?;
    if !path.exists() {
        return Ok(());
    }
    let failed = |error: rusqlite::Error| sort(path, "write to", &error);
    let connection = schema::open_as_it_is(path)?;
    if schema::version(&connection, path)? == 0 {
        return Ok(());
    }
    probe(&connection).map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))
}

/// Writes to a file in the folder, or in the nearest one above that exists, and removes it.
fn try_write_beside(path: &Path) -> std::io::Result<()> {
    let folders = path.ancestors().skip(1);
    let folder = folders
        .map(folder::or_here)
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("/"));
    let probe = folder.join(format!(".caigunn-webhook-{}", Uuid::new_v4()));
    let mut file = File::create_new(&probe)?;
    let bytes = [0; PROBE_BYTES as usize];
    let written = file.write_all(&bytes).and_then(|()| file.sync_all());
    std::fs::remove_file(&probe)?;
    written
}
