//! Copies SQLite's log into the file, beside the thread that writes to it.
//!
//! A checkpoint of a log that is written to meanwhile never reaches its end, and the log can only begin anew when one has.
//! So most of it is copied here, on a connection of its own, and the little that is left by the writing thread itself,
//! between two batches.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use super::super::Error;
use super::growth::Growth;
use super::schema;
use super::sort;

/// From how many pages on the log is copied: 8 MiB. More would make a longer read at the next start after a crash, less
/// would write pages that change often more times.
const START_PAGES: u32 = 2_000;

/// How many pages are left to the writing thread: 1 MiB, some milliseconds.
const REST_PAGES: u32 = 256;

/// How often a copy follows a log that grows meanwhile, before it waits for the log to be longer. A reader may hold it up,
/// too, and what has gathered behind one would keep the writing thread for seconds.
const MAX_ROUNDS: usize = 8;

/// How long what a reader holds up waits for the next try, where nothing is written that would bring one sooner.
const RETRY: Duration = Duration::from_secs(5);

/// The thread that copies. It ends when this is dropped.
pub struct Checkpoints {
    wake: SyncSender<()>,
    thread: JoinHandle<()>,
    shared: Arc<Shared>,
    /// How many pages the log had after the last commit, and from how many on the next copy begins.
    log_pages: u32,
    due_pages: u32,
}

#[derive(Default)]
struct Shared {
    is_busy: AtomicBool,
    /// The little that is left is to be copied by the writing thread.
    is_rest: AtomicBool,
    /// It was said that the log is too long, and not yet that it no longer is.
    is_long: AtomicBool,
}

/// How far the log is copied into the file.
#[derive(Clone, Copy)]
pub struct Copied {
    pub log_pages: u32,
    pub copied_pages: u32,
}

impl Copied {
    /// Whether no more is left than the writing thread may copy.
    fn is_rest(self) -> bool {
        self.log_pages.saturating_sub(self.copied_pages) <= REST_PAGES
    }
}

impl Checkpoints {
    /// Starts the thread for the file.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start(path: &Path) -> Result<Self, Error> {
        let (wake, woken) = sync_channel(1);
        let shared = Arc::new(Shared::default());
        let (path, of_thread) = (path.to_owned(), Arc::clone(&shared));
        let run = move || run(&path, &woken, &of_thread);
        let thread = thread::Builder::new()
            .name("inbox-copy".to_owned())
            .spawn(run)
            .map_err(|error| Error::unavailable(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            wake,
            thread,
            shared,
            log_pages: 0,
            due_pages: START_PAGES,
        })
    }

    /// Waits until the thread has let go of the file.
    pub fn end(self) {
        drop(self.wake);
        // If it panicked, it has let go too.
        let _ = self.thread.join();
    }

    /// To be called by the writing thread after a commit, with the pages that the log has now: begins to copy it if it is
    /// long, and copies the rest if that is due.
    pub fn after_commit(&mut self, connection: &Connection, log_pages: u32) -> rusqlite::Result<()> {
        // If a bug has ended it, the log would grow for ever: this thread must end too, and the program with it.
        assert!(
            !self.thread.is_finished(),
            "the thread that copies the inbox's log has ended"
        );
        if log_pages < self.log_pages {
            // It has begun anew. Where it was too long, that is to be seen at once, however little is posted from now on.
            let is_awaited = self.shared.is_long.load(Ordering::Acquire);
            self.due_pages = if is_awaited { 0 } else { START_PAGES };
        }
        self.log_pages = log_pages;
        if self.shared.is_rest.swap(false, Ordering::Acquire) {
            checkpoint(connection)?;
        } else if log_pages >= self.due_pages && !self.shared.is_busy.swap(true, Ordering::AcqRel) {
            // Where a reader keeps the log from beginning anew, only what is added is worth a look.
            self.due_pages = log_pages.saturating_add(START_PAGES);
            // It has room for one, and nobody else sends.
            let _ = self.wake.try_send(());
        }
        Ok(())
    }
}

/// What the thread does: copies when it is woken, and now and then while something is held up.
fn run(path: &Path, woken: &Receiver<()>, shared: &Shared) {
    let (mut connection, mut growth) = (None, Growth::default());
    let mut is_held_up = false;
    loop {
        let woken = if is_held_up {
            woken.recv_timeout(RETRY)
        } else {
            woken.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        if woken == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        // One that has failed is not trusted; what is wrong shows in the next write, too.
        match copy(&mut connection, path) {
            Ok(copied) => {
                is_held_up = !copied.is_rest();
                shared.is_rest.store(copied.is_rest(), Ordering::Release);
                growth.look(path, copied.log_pages);
                shared.is_long.store(growth.is_said(), Ordering::Release);
            }
            Err(error) => {
                connection = None;
                let error = sort(path, "copy the log into", &error);
                tracing::warn!(error.type = "checkpoint", "{error}");
            }
        }
        shared.is_busy.store(false, Ordering::Release);
    }
}

/// Copies most of the log, as far as readers let it; how far it came.
fn copy(slot: &mut Option<Connection>, path: &Path) -> rusqlite::Result<Copied> {
    let connection = match slot {
        Some(connection) => connection,
        None => slot.insert(schema::open_for_checkpoints(path)?),
    };
    let mut copied = checkpoint(connection)?;
    for _ in 1..MAX_ROUNDS {
        if copied.is_rest() {
            break;
        }
        copied = checkpoint(connection)?;
    }
    Ok(copied)
}

/// Copies what can be copied without waiting for anybody.
fn checkpoint(connection: &Connection) -> rusqlite::Result<Copied> {
    run_pragma(connection, "PRAGMA wal_checkpoint(PASSIVE)")
}

/// How far the log is copied, as its index says, whichever program did that. Copies nothing.
///
/// # Errors
/// The index cannot be read.
pub fn state(connection: &Connection) -> rusqlite::Result<Copied> {
    run_pragma(connection, "PRAGMA wal_checkpoint(NOOP)")
}

fn run_pragma(connection: &Connection, pragma: &str) -> rusqlite::Result<Copied> {
    connection.query_row(pragma, [], |row| {
        // Both are -1 where there is no log.
        let pages = |index| {
            row.get::<_, i64>(index)
                .map(|count| u32::try_from(count).unwrap_or(0))
        };
        Ok(Copied {
            log_pages: pages(1)?,
            copied_pages: pages(2)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_reader_nothing_is_left_to_the_writing_thread() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("inbox.db");
        let writer = schema::open_writer(&path, schema::Missing::Create).expect("a new inbox opens");
        writer.execute_batch("CREATE TABLE filler (bytes BLOB)").unwrap();
        let fill = || {
            let filler = "INSERT INTO filler VALUES (randomblob(4 << 20))";
            writer.execute(filler, []).unwrap();
        };
        let reader = schema::open_reader(&path).unwrap();
        reader
            .execute_batch("BEGIN; SELECT count(*) FROM filler")
            .unwrap();
        fill();
        let mut connection = None;

        let while_it_reads = copy(&mut connection, &path).unwrap().is_rest();
        reader.execute_batch("COMMIT").unwrap();
        let afterwards = copy(&mut connection, &path).unwrap().is_rest();

        assert_eq!((while_it_reads, afterwards), (false, true));
        let before = std::fs::metadata(schema::beside(&path, "-wal")).unwrap().len();
        fill();
        let after = std::fs::metadata(schema::beside(&path, "-wal")).unwrap().len();
        assert_eq!(before, after, "the log begins anew");
    }
}
