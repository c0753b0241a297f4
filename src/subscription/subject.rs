//! A chatbot with its history: what came of each visit, what of it is news, and when the next is due.

use std::time::Duration;

use tokio::time::Instant;

use super::plan::{Holder, Memory, RECLAIM_WINDOW, Reason};
use super::view::State;
use super::visit::{End, Found, Target, Visit};
use super::{Watching, Webhook};
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
    /// In how many lists in a row it was not.
    pub missed_count: u32,
    failure_count: u32,
    /// Whether it has been said that what stands there cannot be read.
    is_unreadable_said: bool,
    /// That somebody else wants the chatbot too.
    fight: Option<Fight>,
    /// Why our URL was last to be put, and in whose place, where nobody knows whether it was: the call failed.
    pub tried: Option<(Reason, String)>,
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

/// What stands for CaiGunn's word on a PUT whose answer was no word on it.
const LOST: &str = "it stands there, whatever was answered";

impl Subject {
    pub fn new(target: Target) -> Self {
        Self {
            target,
            memory: Memory::default(),
            due: None,
            state: State::Pending,
            missed_count: 0,
            failure_count: 0,
            is_unreadable_said: false,
            fight: None,
            tried: None,
        }
    }

    /// Has our URL be another from now on, of which nothing is known yet.
    pub fn outdate(&mut self) {
        self.memory.is_outdated = true;
        if matches!(self.state, State::Registered { .. }) {
            self.state = State::Pending;
        }
        self.memory.reclaims.clear();
        self.tried = None;
    }

    /// Takes down what came of a visit that ended at `now`, and says what is news. For so long CaiGunn is left alone from now on.
    pub fn record(
        &mut self,
        visit: &Visit,
        (watching, quiet_left): (&Watching, Duration),
        webhook: &Webhook,
        now: Instant,
    ) {
        let seen_at = Timestamp::now();
        if let End::Failed(error) = &visit.end {
            self.failure_count = self.failure_count.saturating_add(1);
            let wait = watching.wait_after(error, self.failure_count).max(quiet_left);
            self.due = Some(now + wait);
            self.failed(error, visit, wait, seen_at.plus(wait));
            return;
        }
        self.say_readable(visit);
        self.failure_count = 0;
        // What lasts, such as a refusal to tell of this chatbot, is asked about as rarely here as elsewhere.
        let lasting = visit.unreadable.as_ref().filter(|error| !error.passes());
        self.due =
            Some(now + lasting.map_or_else(|| watching.jittered(), |error| watching.wait_after(error, 1)));
        // Where ours stands now, it was put, and only the answer was lost.
        let is_ours = matches!(visit.end, End::AlreadySo) && visit.found == Found::Ours;
        let tried = self.tried.take().filter(|_| is_ours);
        let by = match (&visit.end, &tried) {
            (End::NotKept(url), _) => url.clone().unwrap_or_default(),
            (_, Some((_, by))) => by.clone(),
            _ => visit.found.url().to_owned(),
        };
        let after = self.state_after(visit, &by, seen_at);
        let reason = match &visit.end {
            End::Put { reason, .. } => Some(*reason),
            _ => tried.as_ref().map(|(reason, _)| *reason),
        };
        let is_not_kept = matches!(visit.end, End::NotKept(_));
        let is_put_again = is_not_kept || reason.is_some_and(|reason| reason != Reason::New);
        let is_taken_over = reason == Some(Reason::Reclaim);
        let is_given_up = matches!(visit.end, End::Left(Holder::Rival));
        let is_news = (is_taken_over || is_given_up) && self.fights(is_given_up, now);
        match (&visit.end, reason) {
            (End::Put { reason, detail }, _) => self.say_put(*reason, &by, detail, is_news, webhook),
            (_, Some(reason)) => self.say_put(reason, &by, LOST, is_news, webhook),
            (End::AlreadySo, None) if matches!(self.state, State::Registered { .. }) => {}
            (End::Left(Holder::Rival), None) if !is_news => {}
            (end, None) if self.state != after => self.say_change(&after, end, webhook),
            _ => {}
        }
        if is_put_again {
            self.memory.note_reclaim(now);
        }
        if matches!(after, State::Registered { .. }) || is_not_kept {
            (self.memory.is_confirmed, self.memory.is_outdated) = (true, false);
            self.memory.superseded_since = None;
        } else if matches!(visit.end, End::Left(Holder::Successor)) {
            self.memory.superseded_since.get_or_insert(now);
        }
        self.state = after;
    }

    /// How the chatbot stands after a visit that did not fail. A state that it was in goes on since when it began.
    fn state_after(&self, visit: &Visit, by: &str, seen_at: Timestamp) -> State {
        let (before, by) = (&self.state, by.to_owned());
        let since = |is_same: bool| match before {
            State::Registered { since, .. }
            | State::Superseded { since }
            | State::TakenOver { since, .. }
            | State::Contested { since, .. }
                if is_same =>
            {
                *since
            }
            _ => seen_at,
        };
        match &visit.end {
            // Nothing was seen, so what was is still all that is known.
            End::AlreadySo if visit.found == Found::Unknown => before.clone(),
            End::AlreadySo => State::Registered {
                since: since(matches!(before, State::Registered { .. })),
                confirmed_at: seen_at,
            },
            End::Put { .. } => State::Registered {
                since: seen_at,
                confirmed_at: seen_at,
            },
            End::Left(Holder::Successor) => State::Superseded {
                since: since(matches!(before, State::Superseded { .. })),
            },
            End::Left(Holder::Other) => State::TakenOver {
                since: since(matches!(before, State::TakenOver { by: known, .. } if *known == by)),
                by,
            },
            End::Left(Holder::Rival) | End::NotKept(_) => State::Contested {
                since: since(matches!(before, State::Contested { by: known, .. } if *known == by)),
                by,
            },
            End::Deleted => State::Deleted,
            End::WouldPut | End::Failed(_) => {
                unreachable!("a round is no dry run, and failures are others' case")
            }
        }
    }

    fn failed(&mut self, error: &Error, visit: &Visit, wait: Duration, next_at: Timestamp) {
        let found = &visit.found;
        if let Some(reason) = visit.tried {
            self.tried = Some((reason, found.url().to_owned()));
        }
        let (name, failure_count) = (self.target.name(), self.failure_count);
        // Whose URL it is is known then, and that its events go there.
        let other = match found {
            Found::Other(url) if visit.tried.is_some() => Some(url),
            _ => None,
        };
        let error_text = match other {
            Some(url) => format!("{url} stands there, and ours could not be put in its place: {error}"),
            None => error.to_string(),
        };
        // What was seen to stand there still does, as far as anyone knows.
        let is_in_doubt = *found == Found::Unknown && matches!(self.state, State::Registered { .. });
        let (kind, what) = if error.passes() {
            if !is_in_doubt {
                self.state = State::Retrying {
                    failure_count,
                    next_at,
                    error: error_text,
                    is_taken: other.is_some(),
                };
            }
            let what = match other {
                Some(url) => format!("{name} posts to {url}, and ours could not be put in its place"),
                None => format!("cannot register for {name} or look whether it is"),
            };
            ("registration_failed", what)
        } else {
            self.state = State::Refused {
                failure_count,
                next_at,
                error: error_text,
            };
            let is_put = visit.tried.is_some() || matches!(error, Error::Changed { .. });
            let is_left = *found == Found::Unknown && !is_put && !error.is_account_refused();
            let what = match is_left {
                true => {
                    format!("cannot look whose URL stands at {name}, so it is left to whoever may have it")
                }
                false => format!("not registered for {name}"),
            };
            ("registration_refused", what)
        };
        error.log(kind, Some(&self.target.fingerprint), &what, wait);
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

    fn say_put(&self, reason: Reason, by: &str, detail: &str, is_news: bool, webhook: &Webhook) {
        let (name, api_key) = (self.target.name(), &self.target.fingerprint);
        let shown_url = &webhook.shown_url;
        match reason {
            Reason::New if by.is_empty() => {
                tracing::info!(%api_key, "registered {shown_url} for {name}: {detail}");
            }
            Reason::New => {
                tracing::info!(%api_key, "registered {shown_url} for {name}, in place of {by}: {detail}");
            }
            Reason::Outdated => tracing::info!(
                %api_key,
                "an older token of this receiver, or a part of its URL, stood at {name}; registered {shown_url} again: {detail}"
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

    /// Says how the chatbot stands where our URL does not since this visit.
    fn say_change(&self, state: &State, end: &End, webhook: &Webhook) {
        let (name, api_key) = (self.target.name(), &self.target.fingerprint);
        match state {
            State::Registered { .. } => {
                tracing::info!(%api_key, "{} is registered for {name} already", webhook.shown_url);
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
            State::Contested { by, .. } if by.is_empty() => tracing::error!(
                %api_key,
                error.type = "contested",
                "CaiGunn takes {} for {name} and has no webhook URL there afterwards, so its events go nowhere; put {} \
                 times an hour at most. See the chatbot's settings at CaiGunn",
                webhook.shown_url,
                webhook.max_reclaims_per_hour.max(1)
            ),
            State::Contested { by, .. } if matches!(end, End::NotKept(_)) => tracing::error!(
                %api_key,
                error.type = "contested",
                "CaiGunn took {} for {name}, but has {by} there, so its events go there. If two deployments want one \
                 chatbot, stop one of them",
                webhook.shown_url
            ),
            State::Contested { by, .. } => tracing::error!(
                %api_key,
                error.type = "contested",
                "{by} has {name}, which is reclaimed {} times an hour at most and left alone until then, so its events \
                 go there. Two deployments want one chatbot: stop one of them",
                webhook.max_reclaims_per_hour
            ),
            State::Deleted => {
                tracing::warn!(
                    %api_key,
                    error.type = "deleted",
                    "{name} is deleted at CaiGunn: there is nothing to register"
                );
            }
            State::Pending | State::Retrying { .. } | State::Refused { .. } => {}
        }
    }
}
