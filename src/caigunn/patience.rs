//! When CaiGunn is left alone: one quiet time for the client as a whole, whoever calls.
//!
//! It begins when CaiGunn asks for patience, or when several calls of one kind in a row have failed in a way that passes:
//! then that part of it is down, and not one chatbot's share.

use std::collections::HashMap;
use std::mem::Discriminant;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Method;
use tokio::time::Instant;

use super::{Credential, Error};
use crate::backoff::Backoff;
use crate::clock::Timestamp;

/// How many calls of one kind in a row fail before CaiGunn counts as down: a thousand chatbots would each wait for it and say so.
const MAX_FAILURES: u32 = 3;

/// The shortest and the longest quiet time that CaiGunn did not ask for: an outage is over in minutes.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];

/// The longest that it can ask for.
pub const MAX_WAIT: Duration = Duration::from_secs(3600);

/// By how much a quiet time is prolonged at least where that is news.
const NEWS: Duration = Duration::from_secs(60);

/// What sort of call: those of one sort fail together.
pub type Kind = (Method, Discriminant<Credential>);

/// What is known of CaiGunn's patience. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Patience(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// How many calls of a kind have failed since the last answer to one, or since the last quiet time began.
    failures: HashMap<Kind, u32>,
    /// How many quiet times there were since the last answer to a call of the kind that they began with.
    quiet_count: u32,
    begun_by: Option<Kind>,
    quiet: Option<Quiet>,
}

/// A time in which no call is made.
#[derive(Clone, Debug)]
pub struct Quiet {
    /// When it ends.
    pub until: Instant,
    /// The same, as people are told it.
    pub ends_at: Timestamp,
    /// How long it lasts in all.
    pub length: Duration,
    /// Whether CaiGunn has asked for it.
    pub is_plea: bool,
    /// Why it began.
    pub error: Error,
}

impl Patience {
    /// The time in which no call is made, if it is such a time.
    pub fn quiet(&self) -> Option<Quiet> {
        let now = Instant::now();
        self.0.lock().quiet.clone().filter(|quiet| now < quiet.until)
    }

    /// The error of a call that is not made, in a quiet time: the one that began it, and that nobody was asked.
    pub fn refusal(&self) -> Option<Error> {
        let Quiet {
            until,
            ends_at,
            is_plea,
            error,
            ..
        } = self.quiet()?;
        let left = until.saturating_duration_since(Instant::now());
        Some(error.of_quiet(left, is_plea.then_some(ends_at)))
    }

    /// Takes down what came of a call of that kind.
    pub fn note(&self, kind: Kind, error: Option<&Error>) {
        let is_quiet = self.quiet().is_some();
        let mut state = self.0.lock();
        let Some(error) = error.filter(|error| error.is_outage()) else {
            state.failures.remove(&kind);
            // The answer to a call that was under way does not end a quiet time.
            if !is_quiet && state.begun_by.as_ref() == Some(&kind) {
                (state.quiet_count, state.begun_by) = (0, None);
            }
            return;
        };
        let count = state.failures.entry(kind.clone()).or_default();
        *count += 1;
        let is_plea = matches!(error, Error::TooManyRequests { .. }) || error.retry_after().is_some();
        if !is_plea && (is_quiet || *count < MAX_FAILURES) {
            return;
        }
        if !is_quiet {
            state.failures.clear();
            state.quiet_count = state.quiet_count.saturating_add(1);
            state.begun_by = Some(kind);
        }
        let [min, max] = WAITS;
        let backoff = Backoff::new(min, max).expect("the minimum is below the maximum");
        let wait = backoff.wait(state.quiet_count, fastrand::f64());
        let wait = error.retry_after().unwrap_or_default().min(MAX_WAIT).max(wait);
        let until = Instant::now() + wait;
        let known = state.quiet.as_ref().map(|known| known.until);
        if known.is_some_and(|known| known >= until) {
            return;
        }
        let ends_at = Timestamp::now().plus(wait);
        state.quiet = Some(Quiet {
            until,
            ends_at,
            length: wait,
            is_plea,
            error: error.clone(),
        });
        // Of an outage each call that fails is told; those that were under way ask for the same, and some seconds are soon over.
        let is_news = wait >= NEWS && known.is_none_or(|known| until - known > NEWS);
        if is_plea && is_news {
            tracing::warn!(
                error.type = "left_alone",
                "CaiGunn is left alone until {ends_at}: {error}; until then nothing is registered, looked after or backfilled"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::discriminant;

    use tokio::time::advance;

    use super::*;

    fn unavailable(retry_after: Option<u64>) -> Error {
        Error::Unavailable {
            retry_after: retry_after.map(Duration::from_secs),
            detail: String::new(),
        }
    }

    fn list() -> Kind {
        (Method::GET, discriminant(&Credential::AccessToken))
    }

    fn seconds_left(patience: &Patience) -> Option<u64> {
        let Quiet { until, .. } = patience.quiet()?;
        Some((until - Instant::now()).as_secs_f64().round() as u64)
    }

    #[tokio::test(start_paused = true)]
    async fn a_plea_is_heard_at_once_and_its_bound_is_an_hour() {
        for (asked, expected) in [(30, 30), (1_000_000, 3600)] {
            let patience = Patience::default();

            patience.note(list(), Some(&unavailable(Some(asked))));

            assert_eq!(seconds_left(&patience), Some(expected));
            advance(Duration::from_secs(10)).await;
            let left = patience.refusal().and_then(|error| error.retry_after());
            assert_eq!(left, Some(Duration::from_secs(expected - 10)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_to_a_call_that_was_under_way_does_not_shorten_a_quiet_time() {
        let patience = Patience::default();
        patience.note(list(), Some(&unavailable(Some(30))));

        patience.note(list(), None);
        patience.note(list(), Some(&unavailable(Some(5))));

        assert_eq!(seconds_left(&patience), Some(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_or_two_make_no_outage_and_an_outage_is_asked_into_ever_more_rarely() {
        let patience = Patience::default();
        let mut waits = Vec::new();
        for _ in 0..2 {
            patience.note(list(), Some(&unavailable(None)));
        }
        assert_eq!(seconds_left(&patience), None);
        // Answers to calls of another kind say nothing of these.
        patience.note((Method::PUT, discriminant(&Credential::AccessToken)), None);
        for number in 0..12 {
            let count = if number == 0 { 1 } else { 3 };
            for _ in 0..count {
                patience.note(list(), Some(&unavailable(None)));
            }
            let wait = patience.quiet().unwrap().until - Instant::now();
            waits.push(wait);
            advance(wait).await;
        }
        assert!(waits[0] <= Duration::from_secs(1), "{waits:?}");
        assert!(waits[11] >= Duration::from_secs(150), "{waits:?}");

        patience.note(list(), None);
        patience.note(list(), Some(&unavailable(None)));
        assert_eq!(seconds_left(&patience), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_makes_nothing_quiet() {
        let patience = Patience::default();
        for _ in 0..10 {
            patience.note(
                list(),
                Some(&Error::Unexpected {
                    status: 200,
                    detail: String::new(),
                }),
            );
        }
        assert_eq!(seconds_left(&patience), None);
    }
}
