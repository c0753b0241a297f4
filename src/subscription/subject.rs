//! A chatbot with its history: what came of each visit, what of it is news, and when the next is due.

use std::time::Duration;

use tokio::time::Instant;

use super::plan::{Holder, Memory, RECLAIM_WINDOW, Reason};
use super::view::State;
use super::visit::{End, Found, Target, Visit};
use super::{Settings, advice, jittered, wait_after};
use crate::caigunn::Error;
use crate::clock::Timestamp;

/// A chatbot with its history.
#[derive(Clone)]
pub struct Subject {
    pub target: Target,
    pub memory: Memory,
    /// When to visit it again; `None` for at once.
    pub due: Option<Instant>,
    pub state: State,
    failure_count: u32,
    /// Whether it has been said that what stands there cannot be read.
    is_unreadable_said: bool,
    /// That somebody else wants the chatbot too.
    fight: Option<Fight>,
}

/// Somebody else's URL was found where ours had been, and perhaps again and again.
#[derive(Clone, Copy)]
struct Fight {
    /// When it was last found.
    seen_at: Instant,
    /// Whether it has been said that it is left there.
    is_given_up_said: bool,
}

/// How long our URL must have stood for the next takeover to be news: two that fight, each of which may reclaim so many
/// times an hour, can leave it alone for a little longer than [`RECLAIM_WINDOW`] in between.
const PEACE: Duration = RECLAIM_WINDOW.saturating_mul(2);

impl Subject {
    pub fn new(target: Target) -> Self {
        Self {
            target,
            memory: Memory::default(),
            due: None,
            state: State::Pending,
            failure_count: 0,
            is_unreadable_said: false,
            fight: None,
        }
    }

    /// Takes down what came of a visit at `now`, and says what is news.
    pub fn record(&mut self, visit: &Visit, settings: &Settings, now: Instant) {
        let seen_at = Timestamp::now();
        if let End::Failed(error) = &visit.end {
            let failure_count = self.failure_count.saturating_add(1);
            self.failure_count = failure_count;
            let wait = wait_after(error, settings, failure_count, fastrand::f64());
            self.due = Some(now + wait);
            self.failed(error, &visit.found, seen_at.plus(wait));
            return;
        }
        self.say_readable(visit);
        self.failure_count = 0;
        self.due = Some(now + jittered(settings.watch_interval, fastrand::f64()));
        let before = &self.state;
        let by = match &visit.found {
            Found::Other(url) => url.clone(),
            Found::Ours | Found::Nothing | Found::Unknown => String::new(),
        };
        let after = match &visit.end {
            // Nothing was seen, so what was is still all that is known.
            End::AlreadySo if visit.found == Found::Unknown => before.clone(),
            End::AlreadySo => State::Registered {
                since: match before {
                    State::Registered { since, .. } => *since,
                    _ => seen_at,
                },
                confirmed_at: seen_at,
            },
            End::Put { .. } => State::Registered {
                since: seen_at,
                confirmed_at: seen_at,
            },
            End::Left(Holder::Successor) => match before {
                State::Superseded { .. } => before.clone(),
                _ => State::Superseded { since: seen_at },
            },
            End::Left(Holder::Other) => match before {
                State::TakenOver { by: known, .. } if *known == by => before.clone(),
                _ => State::TakenOver {
                    since: seen_at,
                    by: by.clone(),
                },
            },
            End::Left(Holder::Rival) => match before {
                State::Contested { by: known, .. } if *known == by => before.clone(),
                _ => State::Contested {
                    since: seen_at,
                    by: by.clone(),
                },
            },
            End::Deleted => State::Deleted,
            End::WouldPut { .. } | End::AccountRefused(_) | End::Failed(_) => {
                unreachable!("a round is no dry run, and its caller deals with a refused account")
            }
        };
        let is_taken_over = matches!(
            visit.end,
            End::Put {
                reason: Reason::Reclaim,
                ..
            }
        );
        let is_given_up = matches!(visit.end, End::Left(Holder::Rival));
        let is_news = (is_taken_over || is_given_up) && self.fights(is_given_up, now);
        let before = &self.state;
        match &visit.end {
            End::Put { reason, detail } => self.say_put(*reason, &by, detail, is_news, settings),
            End::AlreadySo if matches!(before, State::Registered { .. }) => {}
            End::Left(Holder::Rival) if !is_news => {}
            _ if *before != after => self.say_change(&after, settings),
            _ => {}
        }
        match (&after, &visit.end) {
            (State::Registered { .. }, _) => {
                self.memory.is_confirmed = true;
                self.memory.superseded_since = None;
            }
            (_, End::Left(Holder::Successor)) => {
                self.memory.superseded_since.get_or_insert(now);
            }
            (_, _) => {}
        }
        if let End::Put {
            reason: Reason::Reclaim | Reason::Outdated,
            ..
        } = visit.end
        {
            let reclaims = &mut self.memory.reclaims;
            reclaims.retain(|at| is_recent(*at, now));
            reclaims.push(now);
        }
        self.state = after;
    }

    fn failed(&mut self, error: &Error, found: &Found, next_at: Timestamp) {
        let (name, api_key) = (self.target.name(), &self.target.fingerprint);
        let failure_count = self.failure_count;
        if let Some(advice) = advice::of(error) {
            tracing::error!(
                %api_key,
                error.type = "registration_refused",
                "not registered for {name}: {error}; {advice}; trying again at {next_at}"
            );
            self.state = State::Refused {
                failure_count,
                next_at,
                error: error.to_string(),
            };
            return;
        }
        tracing::warn!(
            %api_key,
            error.type = "registration_failed",
            "cannot register for {name} or look whether it is: {error}; trying again at {next_at}"
        );
        // What was seen to stand there still does, as far as anyone knows.
        let is_in_doubt = *found == Found::Unknown && matches!(self.state, State::Registered { .. });
        if !is_in_doubt {
            self.state = State::Retrying {
                failure_count,
                next_at,
                error: error.to_string(),
            };
        }
    }

    /// Says that what stands there cannot be read any more, or can again.
    fn say_readable(&mut self, visit: &Visit) {
        let (name, api_key) = (self.target.name(), &self.target.fingerprint);
        match &visit.unreadable {
            Some(error) if !self.is_unreadable_said => tracing::warn!(
                %api_key,
                error.type = "unreadable",
                "cannot read which webhook URL {name} has: {error}; a takeover would not be noticed"
            ),
            None if self.is_unreadable_said && visit.found != Found::Unknown => {
                tracing::info!(%api_key, "the webhook URL of {name} can be read again");
            }
            Some(_) | None => {}
        }
        self.is_unreadable_said = visit.unreadable.is_some();
    }

    /// Notes that somebody else's URL was found, and whether it is left there; whether that is news.
    fn fights(&mut self, is_given_up: bool, now: Instant) -> bool {
        let fight = self
            .fight
            .filter(|fight| now.saturating_duration_since(fight.seen_at) < PEACE);
        let is_given_up_said = fight.is_some_and(|fight| fight.is_given_up_said);
        self.fight = Some(Fight {
            seen_at: now,
            is_given_up_said: is_given_up_said || is_given_up,
        });
        fight.is_none() || is_given_up && !is_given_up_said
    }

    fn say_put(&self, reason: Reason, by: &str, detail: &str, is_news: bool, settings: &Settings) {
        let (name, api_key) = (self.target.name(), &self.target.fingerprint);
        let shown_url = &settings.shown_url;
        match reason {
            Reason::New if by.is_empty() => {
                tracing::info!(%api_key, "registered {shown_url} for {name}: {detail}");
            }
            Reason::New => {
                tracing::info!(%api_key, "registered {shown_url} for {name}, in place of {by}: {detail}");
            }
            Reason::Outdated => tracing::info!(
                %api_key,
                "an older token of this receiver stood at {name}; registered {shown_url} again: {detail}"
            ),
            Reason::Forgotten => tracing::warn!(
                %api_key,
                error.type = "registration_lost",
                "CaiGunn had no webhook URL for {name} any more; registered {shown_url} again: {detail}"
            ),
            Reason::Reclaim if !is_news => {
                tracing::info!(%api_key, "took {name} back from {by} once more: {detail}");
            }
            Reason::Reclaim => tracing::warn!(
                %api_key,
                error.type = "taken_over",
                "{name} was taken over by {by}; took it back: {detail}. If two deployments want one chatbot, its \
                 events go to one, then the other: stop one of them"
            ),
        }
    }

    /// Says how the chatbot stands where nothing was put.
    fn say_change(&self, state: &State, settings: &Settings) {
        let (name, api_key) = (self.target.name(), &self.target.fingerprint);
        match state {
            State::Registered { .. } => {
                tracing::info!(%api_key, "{} is registered for {name} already", settings.shown_url);
            }
            State::Superseded { .. } => tracing::warn!(
                %api_key,
                error.type = "superseded",
                "a receiver with this public URL and another token has registered for {name}; left as it is, since a \
                 newer deployment does that"
            ),
            State::TakenOver { by, .. } => tracing::warn!(
                %api_key,
                error.type = "taken_over",
                "{name} was taken over by {by}, so its events go there; `caigunn-webhook subscription ensure` takes \
                 it back"
            ),
            State::Contested { by, .. } => tracing::error!(
                %api_key,
                error.type = "contested",
                "{by} has {name}, which is reclaimed {} times an hour at most and left alone until then, so its events \
                 go there. Two deployments want one chatbot: stop one of them",
                settings.max_reclaims_per_hour
            ),
            State::Deleted => {
                tracing::warn!(%api_key, "{name} is deleted at CaiGunn: there is nothing to register");
            }
            State::Pending | State::Retrying { .. } | State::Refused { .. } => {}
        }
    }
}

fn is_recent(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < RECLAIM_WINDOW
}
