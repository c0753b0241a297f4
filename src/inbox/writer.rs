//! Group commit: many requests, one transaction, one fsync.
//!
//! Requests put their entries into a bounded queue and wait. One task takes all that waits, hands it to the
//! store as a batch, and answers each request from the store's answer. The store has as many batches at once as it
//! says it takes ([`Inbox::concurrency`]). There is no lingering for more: while the store has so many, the next batch
//! gathers. Each batch is told and answered when it is stored, so a later one may be answered first.
//!
//! Telling ([`Announcer`]) comes first, and needs nobody who waits: whatever is stored has its line and is counted.

pub(super) mod comparing;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::announce::{Announcement, Announcer};
use super::{Answer, Appended, Entry, Error, Inbox, Stored};
use crate::metrics::{self, Counter, Histogram, Histograms, Registry, Unit};
use comparing::Comparer;

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
}

/// An entry with its caller.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    entry: Entry,
    caller: Caller,
}

/// Who waits for an entry to be stored.
type Caller = oneshot::Sender<Result<Stored, Error>>;

/// What a commit showed of the store, and when.
#[derive(Clone, Debug)]
struct Evidence {
    at: Instant,
    commit: Result<(), Error>,
}

/// The store's answer to a batch, in the end.
type Appending<'a> = Answer<'a, Vec<Result<Stored, Error>>>;

/// What came of a batch in the time that it has.
struct Committed<'a> {
    callers: Vec<Caller>,
    announcements: Vec<Option<Announcement>>,
    since: Instant,
    appended: Result<Vec<Result<Stored, Error>>, Error>,
    /// Where that time was not enough: the answer that the store still owes.
    owed: Option<Appending<'a>>,
}

/// A batch on its way: what is stored, what is to be told of each entry then, and who waits for it.
type Batch = (Vec<Entry>, Vec<Option<Announcement>>, Vec<Caller>);

/// Where the task says what came of each commit.
struct Commits {
    /// For [`Writer::ready`].
    evidence: watch::Sender<Option<Evidence>>,
    /// For [`Writer::accepted`].
    accepted: watch::Sender<()>,
    announcer: Announcer,
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
        stored.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Whether the store takes writes: as the last commit showed if it is recent, else by a write that tries.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ready(&self) -> Result<(), Error> {
        let evidence = self.evidence.borrow().clone();
        if let Some(evidence) = evidence
            && evidence.at.elapsed() < EVIDENCE_AGE
        {
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
    /// Takes note of a commit. Where the store `owes` an answer, one that went well is no evidence: whoever comes is
    /// refused.
    fn note(&self, committed: &Committed<'_>, owes: bool) {
        let metrics = &self.metrics;
        let duration = committed.since.elapsed().as_secs_f64();
        metrics.batch_entries.observe(committed.callers.len() as f64);
        let commit = committed.appended.as_ref().map(|_| ()).map_err(Clone::clone);
        match &commit {
            Ok(()) => metrics.ok_duration.observe(duration),
            Err(_) => {
                metrics.failed_duration.observe(duration);
                metrics.failed.inc();
            }
        }
        if commit.is_err() || !owes {
            // Each refused request has a line of its own; these two are the first and the last word.
            let is_well =
                |evidence: &Option<Evidence>| evidence.as_ref().is_none_or(|last| last.commit.is_ok());
            let was_well = is_well(&self.evidence.borrow());
            match &commit {
                Err(error) if was_well => {
                    tracing::warn!(error.type = "inbox_unavailable", "nothing can be stored, so posts get 503: {error}");
                }
                Ok(()) if !was_well => tracing::info!("notifications are stored again"),
                Ok(()) | Err(_) => {}
            }
            self.evidence.send_replace(Some(Evidence {
                at: Instant::now(),
                commit,
            }));
        }
    }
}

/// Tells of what was stored; whether a notification was that was not before. What cannot be told yet gets back what it
/// will be told with.
fn tell(
    announcer: &Announcer,
    announcements: &mut [Option<Announcement>],
    stored: &mut [Result<Stored, Error>],
) -> bool {
    for (announcement, stored) in announcements.iter_mut().zip(stored.iter_mut()) {
        if let Ok(Stored::Uncompared(uncompared)) = stored
            && let Some(announcement) = announcement.take()
        {
            announcement.give_back(&mut uncompared.receipt);
        }
    }
    let mut has_accepted = false;
    let told = announcements
        .iter()
        .zip(stored)
        .filter_map(|(announcement, stored)| {
            let Ok(Stored::Receipt(appended)) = stored else {
                return None;
            };
            has_accepted |= matches!(appended, Appended::New { .. });
            Some((announcement.as_ref()?, *appended))
        });
    announcer.tell(told);
    has_accepted
}

impl Committed<'_> {
    /// Tells of what was stored, then answers everyone whose entry was in the batch. Whether a notification was stored
    /// that was not before.
    fn tell_and_answer(mut self, announcer: &Announcer) -> bool {
        match self.appended {
            Ok(mut stored) => {
                let has_accepted = tell(announcer, &mut self.announcements, &mut stored);
                for (caller, stored) in self.callers.into_iter().zip(stored) {
                    answer(caller, stored);
                }
                has_accepted
            }
            Err(error) => {
                for caller in self.callers {
                    answer(caller, Err(error.clone()));
                }
                false
            }
        }
    }
}

/// Waits for the store's answer to a batch whose callers have theirs, and tells of it all the same.
async fn tell_late(
    announcer: &Announcer,
    appending: Appending<'_>,
    mut announcements: Vec<Option<Announcement>>,
) -> bool {
    let Ok(mut stored) = appending.await else {
        return false;
    };
    announcements
        .iter_mut()
        .flatten()
        .for_each(Announcement::forget_bearer);
    tell(announcer, &mut announcements, &mut stored)
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
