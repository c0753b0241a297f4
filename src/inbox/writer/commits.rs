//! What came of commits: told, counted, and shown to whoever asks whether the store takes writes.

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Caller, answer};
use crate::inbox::announce::{Announcement, Announcer};
use crate::inbox::{Answer, Appended, Error, Stored};
use crate::metrics::{self, Counter, Histogram, Histograms};

/// The upper bounds of the entries in a batch: the powers of two from 1 to [`MAX_BATCH_COUNT`](super::MAX_BATCH_COUNT).
const BATCH_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// What a commit showed of the store, and when.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub at: Instant,
    pub commit: Result<(), Error>,
}

/// The store's answer to a batch, in the end.
pub type Appending<'a> = Answer<'a, Vec<Result<Stored, Error>>>;

/// What came of a batch in the time that it has.
pub struct Committed<'a> {
    pub callers: Vec<Caller>,
    pub announcements: Vec<Option<Announcement>>,
    pub since: Instant,
    pub appended: Result<Vec<Result<Stored, Error>>, Error>,
    /// Where that time was not enough: the answer that the store still owes.
    pub owed: Option<Appending<'a>>,
}

/// Where the task says what came of each commit.
pub struct Commits {
    /// For [`Writer::ready`](super::Writer::ready).
    pub evidence: watch::Sender<Option<Evidence>>,
    /// For [`Writer::accepted`](super::Writer::accepted).
    pub accepted: watch::Sender<()>,
    pub announcer: Announcer,
    pub metrics: Metrics,
}

/// What is counted of commits.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub batch_entries: Histogram,
    pub durations: Histograms<1>,
    pub ok_duration: Histogram,
    pub failed_duration: Histogram,
    pub failed: Counter,
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
    pub fn note(&self, committed: &Committed<'_>, owes: bool) {
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
    pub fn tell_and_answer(mut self, announcer: &Announcer) -> bool {
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
pub async fn tell_late(
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
