//! Group commit: many requests, one transaction, one fsync.
//!
//! Requests put their entries into a bounded queue and wait. One task takes all that waits, hands it to the
//! store as a batch, and answers each request from the store's answer. There is no lingering for more: while
//! one batch commits, the next gathers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::{Entry, Error, Inbox, Stored};

/// The most entries in a batch, and the most bytes of bodies after which no entry is added: they bound the time
/// of a transaction, and so the wait of the next.
const MAX_BATCH_COUNT: usize = 512;
const MAX_BATCH_BYTES: usize = 8 << 20;

/// How long a commit is evidence enough that the store takes writes. Balancers ask every second or less often.
const EVIDENCE_AGE: Duration = Duration::from_secs(1);

/// What the writer must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many entries may wait; the next is refused with [`Error::Full`].
    pub queue_count: usize,
    /// How long a caller waits for its commit before [`Error::Timeout`].
    pub timeout: Duration,
}

/// The way into the inbox. Cheap to clone; when the last clone is gone, the task stores what waits and ends.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    /// What the last commit showed, for [`Writer::ready`].
    evidence: watch::Receiver<Evidence>,
    settings: Settings,
}

/// An entry with its caller.
#[derive(Debug)]
struct Waiting {
    entry: Entry,
    answer: oneshot::Sender<Result<Stored, Error>>,
}

/// What a commit showed of the store, and when.
#[derive(Clone, Debug)]
struct Evidence {
    at: Instant,
    commit: Result<(), Error>,
}

impl Writer {
    /// A writer, and the task that must run for it.
    pub fn new(
        inbox: Arc<dyn Inbox>,
        settings: Settings,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, queue) = mpsc::channel(settings.queue_count);
        let (evidence_sender, evidence) = watch::channel(Evidence { at: Instant::now(), commit: Ok(()) });
        (Self { queue: sender, evidence, settings }, run(inbox, queue, evidence_sender))
    }

    /// Stores an entry and returns once the commit is on disk.
    ///
    /// Waits at most [`Settings::timeout`], and not beyond `deadline`.
    ///
    /// # Errors
    /// [`Error::Full`] if too many wait already: nothing was stored. [`Error::Timeout`]: it may yet be stored.
    /// Otherwise what the store says.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the write; sending the entry again is then answered as a duplicate.
    pub async fn append(&self, entry: Entry, deadline: Instant) -> Result<Stored, Error> {
        let started = Instant::now();
        let (answer, stored) = oneshot::channel();
        self.queue.try_send(Waiting { entry, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Full { queue_count: self.settings.queue_count },
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        match timeout_at(deadline.min(started + self.settings.timeout), stored).await {
            Ok(Ok(stored)) => stored,
            Ok(Err(_)) => Err(ended()),
            Err(_) => Err(Error::Timeout { waited: started.elapsed() }),
        }
    }

    /// Whether the store takes writes: as the last commit showed if it is recent, else by a write that tries.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ready(&self) -> Result<(), Error> {
        let evidence = self.evidence.borrow().clone();
        if evidence.at.elapsed() < EVIDENCE_AGE {
            return evidence.commit;
        }
        self.append(Entry::Probe, Instant::now() + self.settings.timeout).await.map(|_| ())
    }

    /// How many entries wait now.
    pub fn queued_count(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

fn ended() -> Error {
    Error::Unavailable { reason: "the writer has ended".to_owned() }
}

async fn run(inbox: Arc<dyn Inbox>, mut queue: mpsc::Receiver<Waiting>, evidence: watch::Sender<Evidence>) {
    let mut gathered: Vec<Waiting> = Vec::with_capacity(MAX_BATCH_COUNT);
    while queue.recv_many(&mut gathered, MAX_BATCH_COUNT).await > 0 {
        while !gathered.is_empty() {
            let batch = take_batch(&mut gathered);
            commit(&*inbox, batch, &evidence).await;
        }
    }
}

/// Takes entries from the front until they have [`MAX_BATCH_BYTES`].
fn take_batch(gathered: &mut Vec<Waiting>) -> Vec<Waiting> {
    let mut bytes = 0;
    let count = gathered
        .iter()
        .take_while(|waiting| {
            let has_room = bytes < MAX_BATCH_BYTES;
            bytes += waiting.entry.body_bytes();
            has_room
        })
        .count();
    gathered.drain(..count).collect()
}

async fn commit(inbox: &dyn Inbox, batch: Vec<Waiting>, evidence: &watch::Sender<Evidence>) {
    let (entries, callers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.entry, waiting.answer)).unzip();
    let committed = inbox.append(entries).await;
    evidence.send_replace(Evidence {
        at: Instant::now(),
        commit: committed.as_ref().map(|_| ()).map_err(Clone::clone),
    });
    // A caller that no longer waits is normal: its connection or its deadline ended.
    match committed {
        Ok(stored) => {
            for (caller, stored) in callers.into_iter().zip(stored) {
                let _ = caller.send(stored);
            }
        }
        Err(error) => {
            for caller in callers {
                let _ = caller.send(Err(error.clone()));
            }
        }
    }
}
