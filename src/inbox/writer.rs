//! Group commit: many requests, one transaction, one fsync.
//!
//! Requests put their entries into a bounded queue and wait. One task takes all that waits, hands it to the
//! store as a batch, and answers each request from the store's answer. There is no lingering for more: while
//! one batch commits, the next gathers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::{Answer, Entry, Error, Inbox, Stored};
use crate::metrics::{self, Counter, Histogram, Histograms, Registry, Unit};

/// The most entries in a batch, and the most bytes of bodies after which no entry is added: they bound the time
/// of a transaction, and so the wait of the next.
const MAX_BATCH_COUNT: usize = 512;
const MAX_BATCH_BYTES: usize = 8 << 20;

/// The upper bounds of the entries in a batch: the powers of two from 1 to [`MAX_BATCH_COUNT`].
const BATCH_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// How long a commit is evidence enough that the store takes writes. Balancers ask every second or less often.
const EVIDENCE_AGE: Duration = Duration::from_secs(1);

/// What the writer must be told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many entries may wait; the next is refused with [`Error::Full`].
    pub queue_count: usize,
    /// How long the store may take for a batch before its callers get [`Error::Timeout`], and every later one too
    /// until the store is back. A caller waits for the batch before its own as well, so twice this at the most.
    pub timeout: Duration,
}

/// The way into the inbox. Cheap to clone; when the last clone is gone, the task stores what waits and ends.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    /// What the last commit showed, for [`Writer::ready`].
    evidence: watch::Receiver<Evidence>,
    metrics: Metrics,
}

/// An entry with its caller.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    entry: Entry,
    answer: Caller,
}

/// Who waits for an entry to be stored.
type Caller = oneshot::Sender<Result<Stored, Error>>;

/// What a commit showed of the store, and when.
#[derive(Clone, Debug)]
struct Evidence {
    at: Instant,
    commit: Result<(), Error>,
}

/// Where the task says what came of each commit.
struct Commits {
    /// For [`Writer::ready`].
    evidence: watch::Sender<Evidence>,
    metrics: Metrics,
}

/// What is counted of commits.
#[derive(Clone, Debug)]
struct Metrics {
    batch_entries: Histogram,
    durations: Histograms<1>,
    ok_duration: Histogram,
    failed_duration: Histogram,
    failed: Counter,
}

impl Writer {
    /// A writer, and the task that must run for it.
    pub fn new(
        inbox: Arc<dyn Inbox>,
        settings: Settings,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, queue) = mpsc::channel(settings.queue_count);
        let (evidence_sender, evidence) = watch::channel(Evidence {
            at: Instant::now(),
            commit: Ok(()),
        });
        let metrics = Metrics::default();
        let commits = Commits {
            evidence: evidence_sender,
            metrics: metrics.clone(),
        };
        (
            Self {
                queue: sender,
                evidence,
                metrics,
            },
            run(inbox, settings.timeout, queue, commits),
        )
    }

    /// Shows how many entries wait, and what came of commits.
    pub fn register_metrics(&self, registry: &mut Registry) {
        // A strong one would keep the task from ending for as long as anybody has the registry.
        let queue = self.queue.downgrade();
        registry.gauge(
            "queue_depth",
            "Entries that wait for their batch",
            None,
            move || queue.upgrade().map_or(0, |queue| waiting_count(&queue)) as f64,
        );
        let metrics = &self.metrics;
        registry.add(
            "batch_entries",
            "Entries in a batch, which is one commit",
            None,
            metrics.batch_entries.clone(),
        );
        registry.add(
            "commit_duration",
            "How long the store took for a batch, or was waited for",
            Some(Unit::Seconds),
            metrics.durations.clone(),
        );
        registry.add(
            "failed_commits",
            "Batches of which nothing was stored, or not in time",
            None,
            metrics.failed.clone(),
        );
    }

    /// Stores an entry and returns once the commit is on disk.
    ///
    /// # Errors
    /// [`Error::Full`] if too many wait already: nothing was stored. [`Error::Timeout`]: it may yet be stored.
    /// Otherwise what the store says.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the write; sending the entry again is then answered as a duplicate.
    pub async fn append(&self, entry: Entry) -> Result<Stored, Error> {
        let (answer, stored) = oneshot::channel();
        let since = Instant::now();
        self.queue
            .try_send(Waiting { since, entry, answer })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Error::Full {
                    queue_count: self.queue.max_capacity(),
                },
                mpsc::error::TrySendError::Closed(_) => ended(),
            })?;
        stored.await.unwrap_or_else(|_| Err(ended()))
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
        self.append(Entry::Probe).await.map(|_| ())
    }

    /// How many entries wait now.
    #[cfg(test)]
    fn queued_count(&self) -> usize {
        waiting_count(&self.queue)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let durations = metrics::durations();
        Self {
            batch_entries: Histogram::new(BATCH_BUCKETS),
            ok_duration: durations.get_or_create_owned(&[("result", "ok")]),
            failed_duration: durations.get_or_create_owned(&[("result", "failed")]),
            durations,
            failed: Counter::default(),
        }
    }
}

impl Commits {
    /// Takes note of a commit of `entry_count` entries that was begun at `since`.
    fn note(&self, entry_count: usize, since: Instant, commit: Result<(), Error>) {
        let metrics = &self.metrics;
        metrics.batch_entries.observe(entry_count as f64);
        match &commit {
            Ok(()) => metrics.ok_duration.observe(since.elapsed().as_secs_f64()),
            Err(_) => {
                metrics.failed_duration.observe(since.elapsed().as_secs_f64());
                metrics.failed.inc();
            }
        }
        self.evidence.send_replace(Evidence {
            at: Instant::now(),
            commit,
        });
    }
}

fn waiting_count(queue: &mpsc::Sender<Waiting>) -> usize {
    queue.max_capacity() - queue.capacity()
}

fn ended() -> Error {
    Error::Unavailable {
        reason: "the writer has ended".to_owned(),
    }
}

async fn run(
    inbox: Arc<dyn Inbox>,
    patience: Duration,
    mut queue: mpsc::Receiver<Waiting>,
    commits: Commits,
) {
    let mut gathered: Vec<Waiting> = Vec::with_capacity(MAX_BATCH_COUNT);
    while queue.recv_many(&mut gathered, MAX_BATCH_COUNT).await > 0 {
        while !gathered.is_empty() {
            // A batch of large bodies may be one of many: whoever has waited for too many gets no further.
            let late_count = gathered
                .iter()
                .take_while(|waiting| waiting.since.elapsed() > patience)
                .count();
            for waiting in gathered.drain(..late_count) {
                answer(waiting.answer, Err(Error::Timeout { waited: patience }));
            }
            let (entries, callers) = take_batch(&mut gathered);
            if entries.is_empty() {
                break;
            }
            let (entry_count, since) = (entries.len(), Instant::now());
            let mut appending = inbox.append(entries);
            let appended = match timeout(patience, &mut appending).await {
                Ok(appended) => appended,
                Err(_) => {
                    let late = Error::Timeout { waited: patience };
                    commits.note(entry_count, since, Err(late.clone()));
                    callers
                        .into_iter()
                        .for_each(|caller| answer(caller, Err(late.clone())));
                    refuse_until(appending, &late, &mut queue, &mut gathered).await;
                    break;
                }
            };
            commits.note(
                entry_count,
                since,
                appended.as_ref().map(|_| ()).map_err(Clone::clone),
            );
            match appended {
                Ok(stored) => callers
                    .into_iter()
                    .zip(stored)
                    .for_each(|(caller, stored)| answer(caller, stored)),
                Err(error) => callers
                    .into_iter()
                    .for_each(|caller| answer(caller, Err(error.clone()))),
            }
        }
    }
}

/// Waits for a store that has run out of time, and refuses all who come meanwhile: they would wait in vain.
async fn refuse_until(
    mut appending: Answer<'_, Vec<Result<Stored, Error>>>,
    late: &Error,
    queue: &mut mpsc::Receiver<Waiting>,
    gathered: &mut Vec<Waiting>,
) {
    loop {
        gathered
            .drain(..)
            .for_each(|waiting| answer(waiting.answer, Err(late.clone())));
        // Both branches may be dropped: the store goes on by itself, and nothing leaves the queue unseen.
        tokio::select! {
            _ = &mut appending => return,
            count = queue.recv_many(gathered, MAX_BATCH_COUNT) => if count == 0 {
                let _ = appending.await;
                return;
            },
        }
    }
}

/// Answers a caller. One that no longer waits is normal: its connection ended.
fn answer(caller: Caller, stored: Result<Stored, Error>) {
    let _ = caller.send(stored);
}

/// Takes entries from the front until they have [`MAX_BATCH_BYTES`].
fn take_batch(gathered: &mut Vec<Waiting>) -> (Vec<Entry>, Vec<Caller>) {
    let mut bytes = 0;
    let count = gathered
        .iter()
        .take_while(|waiting| {
            let has_room = bytes < MAX_BATCH_BYTES;
            bytes += waiting.entry.body_bytes();
            has_room
        })
        .count();
    gathered
        .drain(..count)
        .map(|waiting| (waiting.entry, waiting.answer))
        .unzip()
}

#[cfg(test)]
mod tests;
