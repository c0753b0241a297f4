//! What of a book nobody has taken yet: when it is tried, and what comes of that.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::{Book, Key, Message};
use crate::clock::Timestamp;
use crate::delivery::schedule::MAX_WAIT;
use crate::delivery::{Report, Schedule, Wish};
use crate::inbox::outbox::Outcome;

/// How often a message is tried where nobody is there, whatever its schedule says: so that what an outage kept from being told is
/// told soon after it.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// A message that nobody has taken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// What is to be told.
    pub message: Message,
    /// What that is about, by the keys of its subjects; none where an earlier program has kept it.
    #[serde(default)]
    pub keys: Vec<Key>,
    /// How often it was tried, but for attempts before it was due.
    pub tries: u32,
    /// When it is tried next by the schedule.
    pub due: Timestamp,
    /// Whether it is tried once before that, as soon as its receiver may be disturbed.
    #[serde(default)]
    pub is_early: bool,
    /// What came of the last attempt, in words for an operator; `None` before the first.
    #[serde(default)]
    pub failure: Option<String>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was taken.
    Taken,
    /// It is tried again after so long.
    Again(Duration),
    /// It is tried again as it was to be: that was only to see whether somebody is there.
    AsBefore,
    /// That was the last try.
    GivenUp,
    /// Nobody waits for it any more.
    Unknown,
}

/// What a notice could not tell yet; its `Display` says so in words for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// The notice's name.
    pub notice: String,
    /// How many messages wait.
    pub count: usize,
    /// What came of the last attempt at the newest that was tried, in words.
    pub failure: String,
}

impl fmt::Display for Untold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            notice,
            count,
            failure,
        } = self;
        write!(
            formatter,
            "what notice {notice} has to tell was not taken, and is tried again; messages that wait: {count}; the last \
             attempt: {failure}"
        )
    }
}

impl Untold {
    /// What to do about it.
    pub fn advice(&self) -> String {
        format!(
            "mend what that says; `caigunn-webhook notices test {}` sends a message there",
            self.notice
        )
    }
}

impl Waiting {
    /// One that was not tried yet.
    pub fn new(message: Message, keys: Vec<Key>, due: Timestamp) -> Self {
        Self {
            message,
            keys,
            tries: 0,
            due,
            is_early: false,
            failure: None,
        }
    }
}

impl Book {
    /// How many messages nobody has taken yet.
    pub fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// What could not be told yet, if an attempt at some of it has failed.
    pub(super) fn untold(&self, notice: &str) -> Option<Untold> {
        let mut failures = self.waiting.iter().filter_map(|waiting| waiting.failure.as_ref());
        Some(Untold {
            notice: notice.to_owned(),
            count: self.waiting_count(),
            failure: failures.next_back()?.clone(),
        })
    }

    /// Has all that waits be tried at once. That costs it no try: whoever is there may be there for something else, and who
    /// is not would use up a schedule of days in ten restarts.
    pub(super) fn hurry(&mut self) {
        self.waiting
            .iter_mut()
            .for_each(|waiting| waiting.is_early = true);
        self.absent_until = None;
    }

    /// The first message that may be sent now: of one thing the earlier goes first.
    pub fn due(&self, now: Timestamp) -> Option<&Message> {
        let is_quiet = self
            .quiet_until
            .max(self.absent_until)
            .is_some_and(|until| until > now);
        // A clock that was set back is no reason to wait for longer than the longest wait.
        let is_due = |waiting: &Waiting| {
            waiting.due <= now || waiting.due > now.plus(MAX_WAIT * 2) || (waiting.is_early && !is_quiet)
        };
        let mut before = Vec::new();
        for waiting in &self.waiting {
            let order = waiting.message.order();
            if is_due(waiting) && !before.contains(&order) {
                return Some(&waiting.message);
            }
            before.push(order);
        }
        None
    }

    /// Takes down what came of an attempt. What is taken has the others tried at once, for somebody is there; who asks to be
    /// left alone is. One before its time leaves the schedule as it is. `random` is from 0 to 1.
    pub fn settle(
        &mut self,
        id: Uuid,
        report: &Report,
        schedule: &Schedule,
        now: Timestamp,
        random: f64,
    ) -> Settled {
        let Some(index) = self.waiting.iter().position(|waiting| waiting.message.id == id) else {
            return Settled::Unknown;
        };
        if report.outcome == Outcome::Delivered {
            self.waiting.remove(index);
            self.hurry();
            self.quiet_until = None;
            return Settled::Taken;
        }
        let tried = &mut self.waiting[index];
        tried.failure = Some(report.detail.clone());
        let was_early = mem::take(&mut tried.is_early) && tried.due > now;
        let was_look = was_early && self.absent_until.is_some();
        let pause = report.wish.pause();
        self.quiet_until = (!pause.is_zero()).then(|| now.plus(pause));
        for waiting in &mut self.waiting {
            waiting.due = waiting.due.max(now.plus(pause));
        }
        // Also who stands before it may say so: 502 to 504, 520 to 530.
        let is_sent_away = report.outcome == Outcome::Failed && report.wish != Wish::None;
        let is_absent = report.outcome == Outcome::Unreachable || is_sent_away;
        self.absent_until = is_absent.then(|| now.plus(LOOK_AGAIN));
        let tried = &mut self.waiting[index];
        tried.is_early = is_absent;
        if was_look {
            return Settled::AsBefore;
        }
        let again = |wait: Duration| {
            Settled::Again(if is_absent {
                wait.min(LOOK_AGAIN.max(pause))
            } else {
                wait
            })
        };
        if was_early {
            return again(tried.due.since(now));
        }
        tried.tries = tried.tries.saturating_add(1);
        match schedule.next(tried.tries, random) {
            Some(wait) => {
                let wait = wait.max(pause);
                tried.due = now.plus(wait);
                again(wait)
            }
            None => {
                self.waiting.remove(index);
                Settled::GivenUp
            }
        }
    }
}

/// Those that can be read of messages that a newer program may have kept.
pub(super) fn readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VecDeque<Waiting>, D::Error> {
    let kept = Vec::<serde_json::Value>::deserialize(deserializer)?;
    let read = kept.into_iter().map(serde_json::from_value);
    Ok(read.filter_map(Result::ok).collect())
}
