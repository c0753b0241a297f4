//! Which jobs are asked about when.
//!
//! A round goes through all open jobs, oldest first, counts them, and asks about those that are due: in the first
//! round about all, later about those that are neither young nor given up, or had no answer in the first, and about one that is still running ever
//! more rarely. When CaiGunn does not answer, the round goes on counting and asks no more. If it was the first, so is
//! the next, for the jobs that have had no answer.
//!
//! What is wrong is said when it begins and when it ends, not in every round.

mod pass;
mod said;

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::progress::Progress;
use super::{Backfill, Error, Mode, Outcome, Settings};
use crate::backoff::Backoff;
use crate::caigunn::keyring::Keyring;
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};
use crate::inbox::{self, Cursor, PageRequest, Receipt};
use crate::term::Terms;
use pass::{Pass, Trouble};

/// How many open jobs are read from the inbox at once.
const PAGE_COUNT: usize = 500;

/// How many jobs may be remembered as asked about, and as many of those that were asked about at the start in vain. While so many are
/// open, younger ones wait until an older one ends or is given up.
const MAX_REMEMBERED: usize = 10_000;

/// The longest wait before a job is asked about again.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// The same where that failed for a reason that may be over by then: nobody else asks whether it is.
const MAX_FAILURE_WAIT: Duration = Duration::from_secs(300);

/// Looks after open jobs in each term: all of them at once when the keys are known, then those that are due. A term
/// begins as a start does, since a change of the leader, or an inbox that could not be asked, is a time in which
/// something may have been missed. Two receivers that ask about one job, for the moment in which one term ends and
/// another begins, find the same, and the inbox keeps it once.
///
/// # Cancel safety
/// May be dropped at any time; what was stored stays.
pub async fn keep(
    settings: Settings,
    backfill: Backfill,
    mut keyring: watch::Receiver<Option<Keyring>>,
    progress: Progress,
    mut terms: Terms,
) {
    loop {
        let term = terms.next().await;
        let rounds = Rounds::new(settings, backfill.clone(), progress.clone());
        let _ = term.run_until_cancelled(go_on(rounds, &mut keyring)).await;
        progress.clear();
    }
}

/// Does rounds for ever, as soon as the keys are known.
async fn go_on(mut rounds: Rounds, keyring: &mut watch::Receiver<Option<Keyring>>) {
    loop {
        let known = keyring.wait_for(Option::is_some).await;
        // An error means that nobody will ever know a key.
        let Some(keys) = known.ok().and_then(|keys| keys.clone()) else {
            return std::future::pending().await;
        };
        let wait = rounds.round(&keys, Timestamp::now()).await;
        if rounds.trouble.as_ref().is_some_and(Trouble::is_refusal) {
            // Keys are handed over whenever the chatbots were listed: then the access token is taken again.
            let _ = timeout(wait, handed_over(keyring)).await;
        } else {
            sleep(wait).await;
        }
    }
}

/// Waits until keys are handed over anew.
async fn handed_over(keyring: &mut watch::Receiver<Option<Keyring>>) {
    if keyring.changed().await.is_err() {
        std::future::pending().await
    }
}

/// Rounds over the open jobs, and the memory of what was asked.
pub struct Rounds {
    settings: Settings,
    backfill: Backfill,
    progress: Progress,
    backoff: Backoff,
    asked: HashMap<EventId, Asked>,
    /// How many of these there may be.
    max_remembered: usize,
    /// How many of those remembered were still to be asked about for the start when this round began. They take no place from others:
    /// they may all be of one key, which is refused.
    left_count: usize,
    /// Whether the first round is over: every job that was open then has been asked about.
    is_caught_up: bool,
    /// When all open jobs were last gone through.
    looked_at: Option<Timestamp>,
    /// What keeps CaiGunn from answering, as it was said.
    trouble: Option<Trouble>,
    /// Whose jobs cannot be asked about, as it was said.
    keyless: Vec<Option<ChatbotId>>,
}

/// An open job that has been asked about.
struct Asked {
    count: u32,
    due: Timestamp,
    /// The round that last saw it open.
    seen_at: Timestamp,
    /// Whether there was an answer when it was last asked about.
    is_answered: bool,
    /// Whether it was first asked about when all were.
    is_of_start: bool,
    /// How much of its log was said to be unreadable.
    unreadable_count: usize,
}

impl Asked {
    /// Whether it was asked about at the start, in vain, so that it is still to be.
    fn is_left(&self) -> bool {
        self.is_of_start && !self.is_answered
    }
}

/// A job by its `initial`, and what came of asking about it.
type Asking = (Receipt, EventId, Result<Outcome, Error>);

impl Rounds {
    /// Nothing has been asked yet. The numbers go to `progress`.
    pub fn new(settings: Settings, backfill: Backfill, progress: Progress) -> Self {
        let backoff = Backoff::new(settings.interval.min(MAX_WAIT), MAX_WAIT);
        Self {
            settings,
            backfill,
            progress,
            backoff: backoff.expect("an interval is a second at least, and now the hour at most"),
            asked: HashMap::new(),
            max_remembered: MAX_REMEMBERED,
            left_count: 0,
            is_caught_up: false,
            looked_at: None,
            trouble: None,
            keyless: Vec::new(),
        }
    }

    /// The same, remembering so many jobs at most in place of 10,000.
    pub fn remembering(self, max_remembered: usize) -> Self {
        Self {
            max_remembered,
            ..self
        }
    }

    /// Asks about all jobs that are due at `now`; returns how long to wait for the next round: the interval, or longer
    /// if CaiGunn wants to be left alone.
    ///
    /// # Cancel safety
    /// What was stored stays; the next round asks again.
    pub async fn round(&mut self, keyring: &Keyring, now: Timestamp) -> Duration {
        self.backfill.forget_all_but(keyring);
        // Until all have been asked about, each of them is.
        let is_left = |asked: &&Asked| self.is_caught_up && asked.is_left();
        self.left_count = self.asked.values().filter(is_left).count();
        let mut pass = Pass::begin(now, self.settings.refused_retry);
        if let Err(error) = self.walk(keyring, &mut pass).await {
            pass.failed(&Error::Inbox(error), false);
        }
        while let Some(done) = pass.asking.join_next().await {
            self.finish(done.expect("asking neither panics nor is aborted"), &mut pass);
        }
        let wait = self.settings.interval.max(pass.pause);
        // In a quiet time a round asks nothing.
        self.say(&pass, wait.max(self.backfill.client.quiet_left()));
        if pass.is_whole {
            self.asked.retain(|_, asked| asked.seen_at == now);
            let mut seen = self.progress.look();
            (seen.open_count, seen.stalled_count) = (Some(pass.open_count), Some(pass.stalled_count));
            self.looked_at = Some(now);
            self.is_caught_up |= !pass.is_cut_short();
        }
        wait
    }

    /// Goes through the open jobs, oldest first, and begins to ask about those that are due.
    async fn walk(&mut self, keyring: &Keyring, pass: &mut Pass) -> Result<(), inbox::Error> {
        let mut cursor: Option<Cursor> = None;
        loop {
            let page = PageRequest::behind(cursor, PAGE_COUNT);
            let page = self.backfill.inbox.open_jobs(page).await?;
            for receipt in page.items {
                // CaiGunn knows nothing of samples.
                let Some(event_id) = receipt.event_id.filter(|_| !receipt.is_sample()) else {
                    continue;
                };
                if !self.is_its_turn(&receipt, event_id, pass.now) {
                    self.count_open(&receipt, event_id, pass);
                    continue;
                }
                if !keyring.may_open(receipt.chatbot_id) {
                    // Nobody can do anything about one that is gone, and one that is left out is so by choice.
                    if !keyring.is_whole {
                        pass.lacks_key(receipt.chatbot_id);
                    }
                    self.count_open(&receipt, event_id, pass);
                    continue;
                }
                while pass.asking.len() >= self.settings.concurrency
                    && let Some(done) = pass.asking.join_next().await
                {
                    self.finish(done.expect("asking neither panics nor is aborted"), pass);
                }
                if pass.is_over {
                    self.count_open(&receipt, event_id, pass);
                    continue;
                }
                let (backfill, keyring) = (self.backfill.clone(), keyring.clone());
                pass.asking.spawn(async move {
                    let done = backfill
                        .job(&keyring, event_id, receipt.chatbot_id, Mode::Store)
                        .await;
                    (receipt, event_id, done)
                });
            }
            cursor = page.next;
            if cursor.is_none() {
                pass.is_whole = true;
                return Ok(());
            }
        }
    }

    /// Whether an open job is to be asked about in this round.
    fn is_its_turn(&mut self, receipt: &Receipt, event_id: EventId, now: Timestamp) -> bool {
        let (is_full, is_stalled) = (self.is_full(), self.is_stalled(receipt, now));
        let asked = self.asked.get_mut(&event_id);
        let is_asked = asked.is_some();
        let (is_due, is_answered, is_left) = asked.as_ref().map_or((true, false, false), |asked| {
            // One that is due later than any wait lasts was put off by a clock that has been set back.
            let is_due = asked.due <= now || asked.due > now.plus(MAX_WAIT);
            (is_due, asked.is_answered, asked.is_left())
        });
        let is_left = !self.is_caught_up || !is_stalled || is_left;
        // One that is given up is forgotten, so that it leaves its place to younger ones.
        if let Some(asked) = asked.filter(|_| is_left) {
            asked.seen_at = now;
        }
        let wants = if self.is_caught_up {
            let after = self.settings.after;
            let is_young = now.minus(after) < receipt.received_at && receipt.received_at < now.plus(after);
            !is_young && is_left && (is_asked || !is_full)
        } else {
            !is_answered
        };
        wants && is_due
    }

    fn is_full(&self) -> bool {
        self.asked.len().saturating_sub(self.left_count) >= self.max_remembered
    }

    /// Counts a job that is still open, and notes it if it is given up from now on.
    fn count_open(&self, receipt: &Receipt, event_id: EventId, pass: &mut Pass) {
        pass.open_count += 1;
        if self.is_stalled(receipt, pass.now) {
            pass.stalled_count += 1;
            let was_stalled = self
                .looked_at
                .is_some_and(|looked_at| self.is_stalled(receipt, looked_at));
            if !was_stalled {
                pass.newly_stalled.push(event_id, receipt.event.event.to_string());
            }
        }
    }

    fn is_stalled(&self, receipt: &Receipt, now: Timestamp) -> bool {
        receipt.received_at < now.minus(self.settings.give_up_after)
    }

    /// Takes down what came of asking about a job.
    fn finish(&mut self, (receipt, event_id, done): Asking, pass: &mut Pass) {
        let known = self.asked.get(&event_id);
        let mut unreadable_count = known.map_or(0, |asked| asked.unreadable_count);
        match &done {
            Ok(outcome) => {
                pass.answer_count += 1;
                if outcome.unreadable_count > unreadable_count {
                    unreadable_count = outcome.unreadable_count;
                    said::unreadable(outcome);
                }
            }
            Err(error) => {
                pass.failed(error, self.backfill.client.quiet_until().is_some());
                if known.is_none_or(|asked| asked.is_answered) && !matches!(error, Error::Key(_)) {
                    pass.newly_failing.push(event_id, error.explained());
                }
            }
        }
        if !done.as_ref().is_ok_and(|outcome| outcome.is_ended) {
            self.count_open(&receipt, event_id, pass);
        }
        // What was refused is no question about this job, so it is due as it was.
        if done.as_ref().is_err_and(Error::is_of_account) {
            return;
        }
        // Also one that has ended: should the inbox still have it as open, it is not asked about in every round.
        if self.is_full() && !self.asked.contains_key(&event_id) {
            return;
        }
        let asked_at = pass.now.plus(pass.began.elapsed());
        let asked = self.asked.entry(event_id).or_insert(Asked {
            count: 0,
            due: asked_at,
            seen_at: pass.now,
            is_answered: false,
            is_of_start: !self.is_caught_up,
            unreadable_count,
        });
        asked.count = asked.count.saturating_add(1);
        let wait = self.backoff.wait(asked.count, fastrand::f64());
        asked.due = asked_at.plus(match &done {
            Err(error) if !error.is_of_job() => wait.min(MAX_FAILURE_WAIT),
            _ => wait,
        });
        (asked.is_answered, asked.unreadable_count) = (done.is_ok(), unreadable_count);
    }
}
