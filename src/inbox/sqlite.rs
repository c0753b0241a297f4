//! The inbox in one SQLite file: the default, for one receiver.
//!
//! One thread owns the file and does all writing; the batches that [`super::Writer`] makes are its transactions.
//! Reading opens a connection of its own each time, which WAL lets run beside the writer.
//!
//! The tables of receipts are append-only (see `migrations/sqlite`), and the identities of all receipts are held in
//! memory by `index`. ARCHITECTURE.md has the measurements that led here. What became of receipts on the way out has
//! tables of its own, so that accepting one costs no more for it.

mod append;
mod backup;
mod check;
mod checkpoint;
mod commits;
mod error;
mod expire;
mod growth;
mod head;
mod hold;
mod holder;
mod index;
mod jobs;
mod log;
mod marks;
mod opened;
mod outbox;
mod path;
mod quarantine;
mod read;
mod reader;
mod restore;
mod rights;
mod schema;
#[cfg(test)]
mod tests;
mod values;
mod volume;
mod write;

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{
    Answer, Candidate, Entry, Error, Inbox, Jobs, Leadership, Marks, Outbox, Page, PageRequest, QuarantineId,
    QuarantineTotals, Quarantined, Receipt, ReceiptFilter, ReceiptId, Space, Stored,
};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Identity};
use crate::folder;
use crate::metrics::{Registry, Unit};
use error::sort;
use hold::Hold;
use index::KeyIndex;
use write::Store;

pub use super::Settings;
pub use backup::{BackupError, Copied, Progress, Watch, backup};
pub use check::{Check, check, try_write};
pub use hold::{being_restored, lost_in_use};
pub use marks::marked;
pub use path::named;
pub use read::Held;
pub use reader::{SqliteReader, kept_notices, newest_quarantined};
pub use restore::{Restored, restore};
pub use rights::{Flaw, Wanted, flaws, mounted_alone, obstacle, on_no_disk};
pub use schema::FOREIGN_ADVICE;
pub use volume::{NO_INODE_ADVICE, has_no_inode};

/// How many reads run at once; more wait. Reading serves people, and the machine's cores are for receiving.
const MAX_READS: usize = 2;

/// How many commands wait for the thread: the batch being gathered while one commits, and a rare other.
const COMMAND_COUNT: usize = 2;

/// An open SQLite inbox. Dropping it without [`Inbox::close`] loses nothing.
pub struct SqliteInbox {
    /// The file, for readers' connections.
    path: PathBuf,
    /// The way to the thread that owns the file; taken by `close`.
    commands: Mutex<Option<mpsc::Sender<Command>>>,
    /// The identities; the thread changes it, readers of jobs look things up.
    index: Arc<Mutex<KeyIndex>>,
    reads: Arc<Semaphore>,
    /// For readers, which must have closed the file before its descriptor is.
    hold: Arc<Hold>,
}

/// Works on the file, and answers for it.
type Work = Box<dyn FnOnce(&mut Store) + Send>;

enum Command {
    Work(Work),
    Close(oneshot::Sender<Result<(), Error>>),
}

impl SqliteInbox {
    /// Opens the file, makes it if need be, brings it up to date and reads its identities (about 0.1 s a million).
    ///
    /// # Errors
    /// [`Error::InUse`] if another process has the file; [`Error::Unavailable`] if it cannot be opened;
    /// [`Error::Refused`] if it is no inbox, or one of a newer program; [`Error::Corrupt`] if it is damaged.
    pub fn open(path: &Path, settings: Settings) -> Result<Self, Error> {
        let path = hold::make_way(path)?;
        let path = path.as_path();
        // Before whatever would fail for it in fewer words. SQLite opens a log that it may not write to, and says so of the first
        // write only.
        if let Some(obstacle) = obstacle(path, Wanted::Writing) {
            return Err(Error::unavailable(obstacle.to_string()));
        }
        if !path.exists() {
            // Before an empty one is made, of which nobody would know whether it was the inbox.
            if let Some(lost) = hold::lost_in_use(path) {
                let reason = lost.to_string();
                return Err(Error::InUse { reason });
            }
            log::refuse_foreign(path)?;
        }
        let hold = Arc::new(Hold::take(path)?);
        if log::is_of_cut_off_restore(path)? {
            restore::finish(path)?;
        }
        log::refuse_foreign(path)?;
        let index = Arc::new(Mutex::new(KeyIndex::default()));
        let store = Store::open(path, settings, Arc::clone(&index), Arc::clone(&hold))?;
        let no_thread = |error: io::Error| Error::unavailable(format!("cannot start a thread: {error}"));
        let (commands, inbox) = mpsc::channel(COMMAND_COUNT);
        let of_thread = Arc::clone(&hold);
        thread::Builder::new()
            .name("inbox".to_owned())
            .spawn(move || work(inbox, store, &of_thread))
            .map_err(no_thread)?;
        Ok(Self {
            path: path.to_owned(),
            commands: Mutex::new(Some(commands)),
            index,
            reads: Arc::new(Semaphore::new(MAX_READS)),
            hold,
        })
    }

    /// Has the thread panic.
    #[cfg(test)]
    pub async fn panic(&self) {
        let commands = self.commands.lock().clone().expect("it is open");
        let panic = Command::Work(Box::new(|_| panic!("on purpose")));
        assert!(commands.send(panic).await.is_ok(), "the thread runs");
    }

    /// Sends the thread a command and waits for its answer.
    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command,
    ) -> Result<T, Error> {
        let commands = self.commands.lock().clone().ok_or_else(Error::closed)?;
        let (sender, answer) = oneshot::channel();
        commands
            .send(command(sender))
            .await
            .map_err(|_| Error::closed())?;
        answer.await.map_err(|_| Error::closed())?
    }

    /// Has the thread work on the file.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.ask(|answer: oneshot::Sender<Result<T, Error>>| {
            // An asker that no longer waits is normal: its request was cut off.
            Command::Work(Box::new(move |store| drop(answer.send(work(store)))))
        })
        .await
    }

    /// Writes on the inbox thread, in a transaction.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.work(move |store| store.write(work)).await
    }

    /// Reads on a thread for blocking work, on a connection of its own.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection, &Mutex<KeyIndex>) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Error> {
        if self.commands.lock().is_none() {
            return Err(Error::closed());
        }
        let permit = Arc::clone(&self.reads).acquire_owned().await;
        let index = Arc::clone(&self.index);
        let hold = Some(Arc::clone(&self.hold));
        read::on_thread(self.path.clone(), hold, move |connection| {
            // Until the thread is done, also where nobody waits for that any more.
            let _permit = permit.expect("the semaphore is never closed");
            query(connection, &index)
        })
        .await
    }
}

impl Inbox for SqliteInbox {
    fn append(&self, batch: Vec<Entry>) -> Answer<'_, Vec<Result<Stored, Error>>> {
        Box::pin(self.work(move |store| store.append(batch)))
    }

    fn concurrency(&self) -> usize {
        1
    }

    fn receipts(&self, filter: ReceiptFilter, page: PageRequest) -> Answer<'_, Page<Receipt>> {
        Box::pin(self.read(move |connection, index| read::receipts(connection, index, &filter, page)))
    }

    fn receipt(&self, id: ReceiptId) -> Answer<'_, Option<(Receipt, Bytes)>> {
        Box::pin(self.read(move |connection, _| read::receipt(connection, id)))
    }

    fn job(&self, event_id: EventId) -> Answer<'_, Vec<Receipt>> {
        Box::pin(self.read(move |connection, index| read::job(connection, index, event_id)))
    }

    fn open_jobs(&self, page: PageRequest) -> Answer<'_, Page<Receipt>> {
        Box::pin(self.read(move |connection, _| read::open_jobs(connection, page)))
    }

    fn find(&self, identity: Identity) -> Answer<'_, Option<Receipt>> {
        Box::pin(self.read(move |connection, index| read::find(connection, index, &identity)))
    }

    fn last_received(&self) -> Answer<'_, Vec<(ChatbotId, Timestamp)>> {
        Box::pin(self.read(|connection, _| read::last_received(connection)))
    }

    fn export(&self, after: u64, limit: usize) -> Answer<'_, Vec<(Receipt, Bytes)>> {
        Box::pin(self.read(move |connection, _| read::export(connection, after, limit)))
    }

    fn quarantine(&self, page: PageRequest) -> Answer<'_, Page<Quarantined>> {
        Box::pin(self.read(move |connection, _| quarantine::page(connection, page)))
    }

    fn quarantined(&self, id: QuarantineId) -> Answer<'_, Option<(Quarantined, Bytes)>> {
        Box::pin(self.read(move |connection, _| quarantine::one(connection, id)))
    }

    fn accept_quarantined(&self, id: QuarantineId, receipt_id: ReceiptId) -> Answer<'_, ()> {
        Box::pin(self.write(move |connection| quarantine::accept(connection, id, receipt_id)))
    }

    fn quarantine_totals(&self) -> Answer<'_, QuarantineTotals> {
        Box::pin(self.read(|connection, _| quarantine::totals(connection)))
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn jobs(&self) -> &dyn Jobs {
        self
    }

    fn expire(&self, before: Timestamp) -> Answer<'_, usize> {
        Box::pin(self.work(move |store| store.expire(before)))
    }

    fn marks(&self) -> Option<&dyn Marks> {
        Some(self)
    }

    fn space(&self) -> Option<Space> {
        let volume = rustix::fs::statvfs(&self.path).ok();
        let bytes = |blocks: u64, size: u64| blocks.saturating_mul(size);
        Some(Space {
            free_bytes: volume
                .as_ref()
                .map(|volume| bytes(volume.f_bavail, volume.f_frsize)),
            volume_bytes: volume.map(|volume| bytes(volume.f_blocks, volume.f_frsize)),
            log_bytes: log_bytes(&self.path),
        })
    }

    fn register_metrics(&self, registry: &mut Registry) {
        let path = self.path.clone();
        registry.gauge(
            "inbox_log",
            "Size of the log of an inbox in a file, inbox.db-wal",
            Some(Unit::Bytes),
            move || log_bytes(&path) as f64,
        );
    }

    fn lead<'a>(&'a self, _: &'a Candidate) -> Answer<'a, Leadership> {
        // Asked every two seconds, so that it is noticed in time where nothing is written that a file has lost its name. If
        // the thread has no room for it, it is writing, and looks then.
        if let Some(commands) = &*self.commands.lock() {
            let _ = commands.try_send(Command::Work(Box::new(Store::watch)));
        }
        // Whoever has the file open is alone.
        Box::pin(async { Ok(Leadership::Leader) })
    }

    fn resign<'a>(&'a self, _: &'a Candidate) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn ended(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let commands = self.commands.lock().clone();
        Box::pin(async {
            match commands {
                // Nobody takes commands any more: the thread has panicked.
                Some(commands) => commands.closed().await,
                None => std::future::pending().await,
            }
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async {
            let closed = self.ask(Command::Close).await;
            self.commands.lock().take();
            closed
        })
    }
}

/// How many bytes the log of the inbox at `path` has.
pub fn log_bytes(path: &Path) -> u64 {
    std::fs::metadata(schema::beside(path, "-wal")).map_or(0, |log| log.len())
}

/// What the thread does that owns the file. The file is held until it ends, so that no other process opens it while this
/// one may write.
fn work(mut inbox: mpsc::Receiver<Command>, mut store: Store, hold: &Hold) {
    while let Some(command) = inbox.blocking_recv() {
        match command {
            Command::Work(work) => {
                work(&mut store);
                store.tend_log();
            }
            Command::Close(answer) => {
                let closed = store.close();
                // Whoever is told that it is closed may open it again at once.
                hold.release();
                drop(answer.send(closed));
                break;
            }
        }
    }
}
