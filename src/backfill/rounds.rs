//! Which jobs are asked about when.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Backfill, Error, Mode, Outcome, Settings};
use crate::backoff::Backoff;
use crate::caigunn;
use crate::caigunn::keyring::Keyring;
use crate::clock::Timestamp;
use crate::event::EventId;
use crate::inbox::{self, Cursor, PageRequest, Receipt};
use crate::metrics::Registry;

/// How many open jobs are read from the inbox at once.
const PAGE_COUNT: usize = 500;

/// How many jobs may be remembered as asked about. While so many are open, younger ones wait until an older one ends
/// or is given up.
const MAX_REMEMBERED: usize = 10_000;

/// The longest wait before a job is asked about again.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// How many stalled jobs a round names; of more it says the number.
const MAX_NAMED: usize = 20;

/// How many calls in a row may fail before a round ends: CaiGunn is down then, and not one job's log.
const MAX_FAILURES: usize = 3;

/// What the last round has seen.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    open: AtomicUsize,
    stalled: AtomicUsize,
    problem: RwLock<Option<String>>,
}

impl Progress {
    /// Jobs that have begun and not ended.
    pub fn open_count(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Those of them that were given up.
    pub fn stalled_count(&self) -> usize {
        self.0.stalled.load(Ordering::Relaxed)
    }

    /// Shows both numbers.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let progress = self.clone();
        registry.gauge(
            "open_jobs",
            "Jobs that have begun and not ended, as of the last look",
            None,
            move || progress.open_count() as f64,
        );
        let progress = self.clone();
        registry.gauge(
            "stalled_jobs",
            "Those of the open jobs that were given up",
            None,
            move || progress.stalled_count() as f64,
        );
    }

    /// As JSON, for the admin API.
    pub fn to_json(&self) -> serde_json::Value {
        let problem = self.0.problem.read().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!({
            "open_jobs": self.open_count(),
            "stalled_jobs": self.stalled_count(),
            "problem": *problem,
        })
    }
}

/// Looks after open jobs for ever: all of them at once when the keys are known, then those that are due.
///
/// # Cancel safety
/// May be dropped at any time; what was stored stays.
pub async fn keep(
    settings: Settings,
    backfill: Backfill,
    mut keyring: watch::Receiver<Option<Keyring>>,
    progress: Progress,
) {
    // An error means that nobody will ever know a key.
    if keyring.wait_for(Option::is_some).await.is_err() {
        return std::future::pending().await;
    }
    let mut rounds = Rounds::new(settings, backfill, progress);
    loop {
        let keys = keyring.borrow().clone().unwrap_or_default();
        let wait = rounds.round(&keys, Timestamp::now()).await;
        sleep(wait).await;
    }
}

/// The memory of what was asked.
pub struct Rounds {
    settings: Settings,
    backfill: Backfill,
    progress: Progress,
    backoff: Backoff,
    asked: HashMap<EventId, Asked>,
    /// When the last round was; `None` before the first, which asks about all.
    last_at: Option<Timestamp>,
}

/// A job that has been asked about and has not ended.
struct Asked {
    count: u32,
    due: Timestamp,
    /// The round that last saw it open.
    seen_at: Timestamp,
}

/// A job by its `initial`, and what came of asking about it.
type Asking = (Receipt, Result<Outcome, Error>);

/// What to do about an open job in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Ask,
    Wait,
}

impl Rounds {
    pub fn new(settings: Settings, backfill: Backfill, progress: Progress) -> Self {
        let backoff = Backoff::new(settings.interval.min(MAX_WAIT), MAX_WAIT);
        Self {
            settings,
            backfill,
            progress,
            backoff: backoff.expect("an interval is a second at least, and now the hour at most"),
            asked: HashMap::new(),
            last_at: None,
        }
    }

    /// Asks about all jobs that are due at `now`; returns how long to wait for the next round.
    pub async fn round(&mut self, keyring: &Keyring, now: Timestamp) -> Duration {
        let mut pass = Pass::default();
        let walked = self.walk(keyring, now, &mut pass).await;
        while let Some(done) = pass.asking.join_next().await {
            self.finish(
                done.expect("asking neither panics nor is aborted"),
                now,
                &mut pass,
            );
        }
        if let Err(error) = walked {
            tracing::warn!(error.type = "backfill", "cannot look for open jobs: {error}");
        }
        self.say(&pass);
        if pass.is_whole {
            self.asked.retain(|_, asked| asked.seen_at == now);
            self.progress.0.open.store(pass.open_count, Ordering::Relaxed);
            self.progress
                .0
                .stalled
                .store(pass.stalled_count, Ordering::Relaxed);
            self.last_at = Some(now);
        }
        self.settings.interval.max(pass.pause)
    }

    /// Goes through the open jobs, oldest first, and begins to ask about those that are due.
    async fn walk(&mut self, keyring: &Keyring, now: Timestamp, pass: &mut Pass) -> Result<(), inbox::Error> {
        let mut cursor: Option<Cursor> = None;
        loop {
            let page = PageRequest {
                cursor,
                limit: PAGE_COUNT,
            };
            let page = self.backfill.inbox.open_jobs(page).await?;
            for receipt in page.items {
                let Some(event_id) = receipt.event_id else {
                    continue;
                };
                if self.turn(&receipt, event_id, now) == Turn::Wait {
                    self.count_open(&receipt, now, pass);
                    continue;
                }
                while pass.asking.len() >= self.settings.concurrency {
                    let Some(done) = pass.asking.join_next().await else {
                        break;
                    };
                    self.finish(done.expect("asking neither panics nor is aborted"), now, pass);
                }
                if pass.has_failed() {
                    return Ok(());
                }
                let (backfill, keyring) = (self.backfill.clone(), keyring.clone());
                pass.asking.spawn(async move {
                    let done = backfill
                        .job(&keyring, event_id, receipt.chatbot_id, Mode::Store)
                        .await;
                    (receipt, done)
                });
            }
            cursor = page.next;
            if cursor.is_none() {
                pass.is_whole = true;
                return Ok(());
            }
        }
    }

    /// Counts a job that is still open, and notes it if it is given up from now on.
    fn count_open(&self, receipt: &Receipt, now: Timestamp, pass: &mut Pass) {
        pass.open_count += 1;
        if self.is_stalled(receipt, now) {
            pass.stalled_count += 1;
            let was_stalled = self
                .last_at
                .is_some_and(|last_at| self.is_stalled(receipt, last_at));
            if !was_stalled {
                pass.newly_stalled.push_if_room(receipt);
            }
        }
    }

    fn is_stalled(&self, receipt: &Receipt, now: Timestamp) -> bool {
        receipt.received_at < now.minus(self.settings.give_up_after)
    }

    fn turn(&mut self, receipt: &Receipt, event_id: EventId, now: Timestamp) -> Turn {
        if self.last_at.is_none() {
            return Turn::Ask;
        }
        let is_young = receipt.received_at > now.minus(self.settings.after);
        if is_young || self.is_stalled(receipt, now) {
            return Turn::Wait;
        }
        let is_full = self.asked.len() >= MAX_REMEMBERED;
        match self.asked.get_mut(&event_id) {
            Some(asked) => {
                asked.seen_at = now;
                if asked.due <= now { Turn::Ask } else { Turn::Wait }
            }
            None if is_full => Turn::Wait,
            None => Turn::Ask,
        }
    }

    /// Takes down what came of asking about a job.
    fn finish(&mut self, (receipt, done): Asking, now: Timestamp, pass: &mut Pass) {
        let Some(event_id) = receipt.event_id else { return };
        match &done {
            Ok(outcome) => {
                pass.failures_in_a_row = 0;
                for unreadable in &outcome.unreadable {
                    tracing::warn!(
                        error.type = "unreadable_log",
                        %event_id,
                        "CaiGunn's log of job {event_id} has an entry that is no notification: {unreadable}"
                    );
                }
                if outcome.is_ended {
                    self.asked.remove(&event_id);
                    return;
                }
            }
            Err(error) => pass.failed(error),
        }
        self.count_open(&receipt, now, pass);
        if self.asked.len() >= MAX_REMEMBERED && !self.asked.contains_key(&event_id) {
            return;
        }
        let asked = self.asked.entry(event_id).or_insert(Asked {
            count: 0,
            due: now,
            seen_at: now,
        });
        asked.count = asked.count.saturating_add(1);
        asked.due = now.plus(self.backoff.wait(asked.count, fastrand::f64()));
        asked.seen_at = now;
    }

    /// Says what is news: failures when they begin and when they end, and jobs that are given up.
    fn say(&self, pass: &Pass) {
        let mut problem = self
            .progress
            .0
            .problem
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match (&pass.problem, problem.is_some()) {
            (Some(text), false) => tracing::warn!(
                error.type = "backfill",
                "cannot ask CaiGunn what was missed: {text}; trying again"
            ),
            (None, true) if pass.is_whole => tracing::info!("CaiGunn tells again what was missed"),
            (_, _) => {}
        }
        if pass.problem.is_some() || pass.is_whole {
            problem.clone_from(&pass.problem);
        }
        // A round that is cut short is begun again, and then counts them again.
        if !pass.is_whole {
            return;
        }
        for name in &pass.newly_stalled.names {
            tracing::warn!(
                error.type = "stalled",
                "{name} has begun more than {} days ago and no end of it is known; CaiGunn is asked about it no more, \
                 except at start",
                self.settings.give_up_after.as_secs() / 86_400
            );
        }
        if pass.newly_stalled.more_count > 0 {
            tracing::warn!(
                error.type = "stalled",
                "{} more jobs like these: begun long ago, and no end of them is known",
                pass.newly_stalled.more_count
            );
        }
    }
}

/// One round as it goes.
#[derive(Default)]
struct Pass {
    asking: JoinSet<Asking>,
    open_count: usize,
    stalled_count: usize,
    newly_stalled: Named,
    failures_in_a_row: usize,
    /// The first failure, in words.
    problem: Option<String>,
    /// How long CaiGunn asks to be left alone.
    pause: Duration,
    /// Whether no further call makes sense in this round.
    is_over: bool,
    /// Whether all open jobs were gone through.
    is_whole: bool,
}

#[derive(Default)]
struct Named {
    names: Vec<String>,
    more_count: usize,
}

impl Named {
    fn push_if_room(&mut self, receipt: &Receipt) {
        if self.names.len() < MAX_NAMED {
            let event_id = receipt.event_id.map(|id| id.to_string()).unwrap_or_default();
            self.names
                .push(format!("job {event_id} ({})", receipt.event.event));
        } else {
            self.more_count += 1;
        }
    }
}

impl Pass {
    fn failed(&mut self, error: &Error) {
        self.failures_in_a_row += 1;
        self.problem.get_or_insert(error.chain());
        match error {
            Error::Log(caigunn::Error::TooManyRequests { retry_after, .. }) => {
                self.is_over = true;
                self.pause = self.pause.max(retry_after.unwrap_or_default().min(MAX_WAIT));
            }
            // No other job will fare better with these credentials.
            Error::Log(caigunn::Error::Refused { status: 401, .. }) => {
                self.is_over = true;
                self.pause = MAX_WAIT;
            }
            Error::Inbox(_) => self.is_over = true,
            Error::Log(_) => {}
            // The next may be of another chatbot.
            Error::NoKey => self.failures_in_a_row = 0,
        }
    }

    fn has_failed(&self) -> bool {
        self.is_over || self.failures_in_a_row >= MAX_FAILURES
    }
}
