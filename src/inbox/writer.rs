//! Group commit: many requests, one transaction, one fsync.
//!
//! Requests put their entries into a bounded queue and wait. One task takes all that waits, hands it to the
//! store as a batch, and answers each request from the store's answer. The store has as many batches at once as it
//! says it takes ([`Inbox::concurrency`]). There is no lingering for more: while the store has so many, the next batch
//! gathers. Each batch is told and answered when it is stored, so a later one may be answered first.
//!
//! Telling ([`Announcer`]) comes first, and needs nobody who waits: whatever is stored has its line and is counted.

mod commits;
pub(super) mod comparing;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::announce::{Announcement, Announcer};
use super::{Entry, Error, Inbox, Stored};
use crate::metrics::{Registry, Unit};
use commits::{Appending, Commits, Committed, Evidence, Metrics, tell_late};
use comparing::Comparer;

/// The most entries in a batch, and the most bytes of bodies after which no entry is added: they bound the time
/// of a transaction, and so the wait of the next.
const MAX_BATCH_COUNT: usize = 512;
const MAX_BATCH_BYTES: usize = 8 << 20;

/// How long a commit is evidence enough for who wants to know how it is now. Balancers ask every second or less often.
const FRESH_AGE: Duration = Duration::from_secs(1);

/// How long one that went well is for all others. A probe of a file writes 64 KiB: a receiver that is sent nothing writes 190 MB a
/// day for balancers, and 570 MB where `healthcheck` asks it every 10 s. What is posted shows at once that it fails.
const EVIDENCE_AGE: Duration = Duration::from_secs(30);

/// What the writer must be told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many entries may wait; the next is refused with [`Error::Full`].
    pub queue_count: usize,
    /// How long the store may take for a batch before its callers get [`Error::Timeout`], and every later one too
    /// until the store has answered all that is late. A caller waits for a batch before its own as well, so twice this
    /// at the most.
    pub timeout: Duration,
}

/// The way into the inbox. Cheap to clone; when the last clone is gone, the task stores what waits and ends.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    /// What the last commit showed, for [`Writer::ready`]; nothing before the first.
    evidence: watch::Receiver<Option<Evidence>>,
    accepted: watch::Receiver<()>,
    metrics: Metrics,
    /// For what the store leaves uncompared.
    comparer: Arc<Comparer>,
    inbox: Arc<dyn Inbox>,
    announcer: Announcer,
    /// The probe that was last put into the queue.
    probe: Arc<Mutex<Option<Probe>>>,
}

/// A probe that is waited for by all who ask while it is under way.
type Probe = Shared<BoxFuture<'static, Result<(), Error>>>;

/// An entry with its caller.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    entry: Entry,
    caller: Caller,
}

/// Who waits for an entry to be stored.
type Caller = oneshot::Sender<Result<Stored, Error>>;

/// A batch on its way: what is stored, what is to be told of each entry then, and who waits for it.
type Batch = (Vec<Entry>, Vec<Option<Announcement>>, Vec<Caller>);

impl Writer {
    /// A writer, and the task that must run for it.
    pub fn new(
        inbox: Arc<dyn Inbox>,
        settings: Settings,
        announcer: Announcer,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, queue) = mpsc::channel(settings.queue_count);
        let (evidence_sender, evidence) = watch::channel(None);
        let (accepted_sender, accepted) = watch::channel(());
        let metrics = Metrics::default();
        let commits = Commits {
            evidence: evidence_sender,
            accepted: accepted_sender,
            announcer: announcer.clone(),
            metrics: metrics.clone(),
        };
        (
            Self {
                queue: sender,
                evidence,
                accepted,
                metrics,
                comparer: Arc::new(Comparer::new(settings.timeout)),
                inbox: Arc::clone(&inbox),
                announcer,
                probe: Arc::default(),
            },
            run(inbox, settings.timeout, queue, commits),
        )
    }

    /// Changes when notifications may have been accepted, here; those that another receiver accepted are not told.
    pub fn accepted(&self) -> watch::Receiver<()> {
        self.accepted.clone()
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

    /// Stores an entry and returns once the commit is on disk. A repeat that takes long to compare waits for its turn, as
    /// long as for the store.
    ///
    /// # Errors
    /// [`Error::Full`] if too many wait already: nothing was stored. [`Error::Timeout`]: it may yet be stored.
    /// Otherwise what the store says.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the write; sending the entry again is then answered as a duplicate.
    pub async fn append(&self, entry: Entry) -> Result<Stored, Error> {
        match self.enqueue(entry).await? {
            Stored::Uncompared(uncompared) => self.compare(*uncompared).await,
            stored => Ok(stored),
        }
    }

    /// Has the task store an entry.
    async fn enqueue(&self, entry: Entry) -> Result<Stored, Error> {
        self.put(entry)?.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Puts an entry into the queue; gives what will be said of it.
    fn put(&self, entry: Entry) -> Result<oneshot::Receiver<Result<Stored, Error>>, Error> {
        let (caller, stored) = oneshot::channel();
        let since = Instant::now();
        self.queue
            .try_send(Waiting { since, entry, caller })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Error::Full {
                    queue_count: self.queue.max_capacity(),
                },
                mpsc::error::TrySendError::Closed(_) => ended(),
            })?;
        Ok(stored)
    }

    /// Whether the store takes writes: as the last commit showed if it went well half a minute ago at most, or a second ago at
    /// most, else by a write that tries, one for all who ask at the same time: anybody may ask, and the queue is for notifications.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ready(&self) -> Result<(), Error> {
        self.ready_within(EVIDENCE_AGE).await
    }

    /// As [`Writer::ready`], for `healthcheck` and `doctor`, by which a person looks who may have moved the files a moment ago: no commit says it that is older than a second.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ready_now(&self) -> Result<(), Error> {
        self.ready_within(FRESH_AGE).await
    }

    /// The probe that is under way, or a new one.
    fn probed(&self) -> Result<Probe, Error> {
        let mut last = self.probe.lock();
        if let Some(probe) = last.as_ref().filter(|probe| probe.peek().is_none()) {
            return Ok(probe.clone());
        }
        let stored = self.put(Entry::Probe)?;
        let probe = async { stored.await.unwrap_or_else(|_| Err(ended())).map(drop) };
        let probe = probe.boxed().shared();
        // It ends whether or not anybody waits, so that what is old is taken for no answer.
        tokio::spawn(probe.clone().map(drop));
        Ok(last.insert(probe).clone())
    }

    /// Takes a commit that went well for evidence for `age`, and one that failed for a second: what has passed is to show.
    async fn ready_within(&self, age: Duration) -> Result<(), Error> {
        let evidence = self.evidence.borrow().clone();
        let lasts = |evidence: &Evidence| if evidence.commit.is_ok() { age } else { FRESH_AGE };
        match evidence.filter(|evidence| evidence.at.elapsed() < lasts(evidence)) {
            Some(evidence) => evidence.commit,
            None => self.probed()?.await,
        }
    }

    /// How many entries wait now.
    #[cfg(test)]
    fn queued_count(&self) -> usize {
        waiting_count(&self.queue)
    }
}

fn waiting_count(queue: &mpsc::Sender<Waiting>) -> usize {
    queue.max_capacity() - queue.capacity()
}

fn ended() -> Error {
    Error::unavailable("the writer has ended")
}

async fn run(
    inbox: Arc<dyn Inbox>,
    patience: Duration,
    mut queue: mpsc::Receiver<Waiting>,
    commits: Commits,
) {
    let max_count = inbox.concurrency().max(1);
    let mut gathered: Vec<Waiting> = Vec::with_capacity(MAX_BATCH_COUNT);
    let mut is_open = true;
    // The batches that the store may answer in time, and what it owes of those that have run out of it.
    let (mut in_time, mut owed) = (FuturesUnordered::new(), FuturesUnordered::new());
    loop {
        if owed.is_empty() {
            while !gathered.is_empty() && in_time.len() < max_count {
                refuse_late(&mut gathered, patience);
                let (entries, announcements, callers) = take_batch(&mut gathered);
                if !entries.is_empty() {
                    in_time.push(commit(inbox.append(entries), announcements, callers, patience));
                }
            }
        } else {
            // They would wait in vain.
            refuse(gathered.drain(..), patience);
        }
        // While the store has all that it takes, the next batch gathers in the queue, which has a bound.
        let takes_more = is_open && gathered.is_empty() && (in_time.len() < max_count || !owed.is_empty());
        if !takes_more && in_time.is_empty() && owed.is_empty() {
            return;
        }
        // Each branch may be dropped: the store goes on by itself, and nothing leaves the queue unseen. In this order,
        // so that a batch is begun before the next is taken.
        tokio::select! {
            biased;
            Some(mut committed) = in_time.next() => {
                if let Some(appending) = committed.owed.take() {
                    let announcements = std::mem::take(&mut committed.announcements);
                    owed.push(tell_late(&commits.announcer, appending, announcements));
                }
                commits.note(&committed, !owed.is_empty());
                if committed.tell_and_answer(&commits.announcer) {
                    commits.accepted.send_replace(());
                }
            }
            Some(has_accepted) = owed.next() => {
                if has_accepted {
                    commits.accepted.send_replace(());
                }
            }
            count = queue.recv_many(&mut gathered, MAX_BATCH_COUNT), if takes_more => is_open = count > 0,
        }
    }
}

/// Waits for the store's answer to a batch, but no longer than `patience`.
async fn commit(
    mut appending: Appending<'_>,
    announcements: Vec<Option<Announcement>>,
    callers: Vec<Caller>,
    patience: Duration,
) -> Committed<'_> {
    let since = Instant::now();
    let (appended, owed) = match timeout(patience, &mut appending).await {
        Ok(appended) => (appended, None),
        Err(_) => (Err(Error::Timeout { waited: patience }), Some(appending)),
    };
    Committed {
        callers,
        announcements,
        since,
        appended,
        owed,
    }
}

/// Refuses those who have waited for too long already: a batch of large bodies may be one of many.
fn refuse_late(gathered: &mut Vec<Waiting>, patience: Duration) {
    let is_late = |waiting: &&Waiting| waiting.since.elapsed() > patience;
    let late_count = gathered.iter().take_while(is_late).count();
    refuse(gathered.drain(..late_count), patience);
}

fn refuse(waiting: impl Iterator<Item = Waiting>, patience: Duration) {
    waiting.for_each(|waiting| answer(waiting.caller, Err(Error::Timeout { waited: patience })));
}

/// Answers a caller. One that no longer waits is normal: its connection ended.
fn answer(caller: Caller, stored: Result<Stored, Error>) {
    let _ = caller.send(stored);
}

/// Takes entries from the front until they have [`MAX_BATCH_BYTES`].
fn take_batch(gathered: &mut Vec<Waiting>) -> Batch {
    let mut bytes = 0;
    let count = gathered
        .iter()
        .take_while(|waiting| {
            let has_room = bytes < MAX_BATCH_BYTES;
            bytes += waiting.entry.body_bytes();
            has_room
        })
        .count();
    let mut batch: Batch = (
        Vec::with_capacity(count),
        Vec::with_capacity(count),
        Vec::with_capacity(count),
    );
    for Waiting {
        mut entry, caller, ..
    } in gathered.drain(..count)
    {
        batch.1.push(match &mut entry {
            Entry::Receipt(receipt) => Some(Announcement::of(receipt)),
            Entry::Quarantine(_) | Entry::Probe => None,
        });
        batch.0.push(entry);
        batch.2.push(caller);
    }
    batch
}

#[cfg(test)]
mod tests;
