//! Rounds over all chatbots: which there are, which are due for a visit, and when to come back.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::plan::Memory;
use super::subject::Subject;
use super::view::{Registration, Seen, View};
use super::visit::{End, Found, Mode, Removal, Target, Visit, remove, visit};
use super::{EXPIRY_NOTICE, Handles, Selection, Settings, advice, each, jittered, wait_after};
use crate::caigunn::keyring::Keyring;
use crate::caigunn::{Chatbot, Client, Error};
use crate::clock::Timestamp;

/// How many visits in a row may fail before a round ends: CaiGunn is down then, and a thousand chatbots would each wait
/// for it and say so.
const MAX_FAILURES: usize = 3;

/// The time while a round lasts.
#[derive(Clone, Copy)]
struct RoundClock {
    /// When it was said to begin.
    now: Instant,
    /// When it began.
    begun: Instant,
}

impl RoundClock {
    fn now(self) -> Instant {
        self.now + self.begun.elapsed()
    }
}

/// Keeps all chatbots registered, a round at a time.
pub struct Keeper {
    settings: Settings,
    client: Client,
    /// What others may see.
    view: View,
    /// What backfilling needs.
    keyring: watch::Sender<Option<Keyring>>,
    subjects: Vec<Subject>,
    /// When to list the chatbots again, and how often that has failed in a row.
    list_at: Option<Instant>,
    list_failure_count: u32,
    /// Until when no call is made, since CaiGunn has asked for patience: it counts all calls of an account.
    quiet_until: Option<Instant>,
    /// How many rounds in a row have ended because CaiGunn did not answer.
    outage_count: u32,
    /// Whether it has been said that the access token is refused, and no chatbot has been visited with it since.
    is_refusal_said: bool,
    /// Whether it has been said that there is no chatbot.
    is_emptiness_said: bool,
    /// Whether the end of the access token has been warned about.
    is_expiry_said: bool,
}

impl Keeper {
    /// A keeper that has not done anything yet.
    pub fn new(settings: Settings, client: Client) -> (Self, Handles) {
        let (keyring, receiver) = watch::channel(None);
        let subjects = match &settings.selection {
            Selection::Keys(keys) => {
                let mut subjects: Vec<Subject> = Vec::new();
                for key in keys {
                    // One given twice is one chatbot.
                    if !subjects.iter().any(|subject| subject.target.has_key(key)) {
                        subjects.push(Subject::new(Target::of_key(key.clone())));
                    }
                }
                subjects
            }
            Selection::Discovered { .. } => Vec::new(),
        };
        let keeper = Self {
            view: View::of(settings.shown_url.clone()),
            settings,
            client,
            keyring,
            subjects,
            list_at: None,
            list_failure_count: 0,
            quiet_until: None,
            outage_count: 0,
            is_refusal_said: false,
            is_emptiness_said: false,
            is_expiry_said: false,
        };
        keeper.show();
        let handles = Handles {
            view: keeper.view.clone(),
            keyring: receiver,
        };
        (keeper, handles)
    }

    /// Begins a term: the next round looks at everything, since another receiver may have changed it. What this one has
    /// seen and done stays known.
    pub fn begin(&mut self) {
        self.list_at = None;
        for subject in &mut self.subjects {
            subject.due = None;
        }
        self.show();
    }

    /// Ends a term: nothing is shown any more, since another receiver knows how the chatbots stand.
    pub fn rest(&self) {
        let mut seen = self.view.look();
        *seen = Seen {
            webhook_url: seen.webhook_url.take(),
            ..Seen::default()
        };
    }

    /// Does all that is due at `now`; returns when to come back. Waits are counted from the answers that ask for them,
    /// so a round that takes long shortens none.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open what was put; another round is safe.
    pub async fn round(&mut self, now: Instant) -> Instant {
        let clock = RoundClock {
            now,
            begun: Instant::now(),
        };
        let mut quiet_until = self.quiet_until.filter(|until| now < *until);
        if quiet_until.is_none() && self.list_at.is_none_or(|list_at| list_at <= now) {
            quiet_until = self.list(clock).await;
        }
        if quiet_until.is_none() && !self.has_problem() {
            quiet_until = self.visit_due(clock).await;
        }
        self.quiet_until = quiet_until;
        if let Some(quiet_until) = quiet_until {
            return quiet_until;
        }
        let list_at = self.list_at.unwrap_or(now);
        if self.has_problem() {
            return list_at;
        }
        let dues = self.subjects.iter().map(|subject| subject.due.unwrap_or(now));
        dues.fold(list_at, Instant::min)
    }

    /// Takes our URL away from every chatbot where it still stands.
    pub async fn unsubscribe(&self) {
        let mut targets = Vec::new();
        for subject in &self.subjects {
            if subject.memory.is_confirmed {
                targets.push(subject.target.clone());
            }
        }
        let removing = |target: Target| {
            let (client, settings) = (self.client.clone(), self.settings.clone());
            async move {
                let removal = remove(&client, &settings, &target, Mode::Apply).await;
                (target.name(), removal)
            }
        };
        each(targets, removing, |(name, removal)| {
            match removal {
                Removal::Done(detail) => tracing::info!("unsubscribed {name}: {detail}"),
                Removal::NotOurs(Found::Unknown) => {
                    tracing::info!("did not unsubscribe {name}: nobody can say whose URL it has");
                }
                Removal::NotOurs(_) | Removal::WouldBeDone => {
                    tracing::info!("did not unsubscribe {name}: its URL is not ours any more");
                }
                Removal::Failed(error) => tracing::warn!(
                    error.type = "unsubscribe",
                    "cannot unsubscribe {name}: {error}; `caigunn-webhook subscription remove` does it later"
                ),
            }
            ControlFlow::Continue(())
        })
        .await;
    }

    /// Lists the chatbots and takes over what is new; returns until when CaiGunn asks for patience, if it does.
    async fn list(&mut self, clock: RoundClock) -> Option<Instant> {
        let listed = self.client.chatbots().await;
        let is_busy = matches!(listed, Err(Error::TooManyRequests { .. }));
        let wait = match listed {
            Ok(chatbots) => {
                self.list_failure_count = 0;
                if self.view.look().problem.take().is_some() {
                    tracing::info!("CaiGunn lists the chatbots again");
                }
                self.warn_of_expiry();
                self.place(chatbots);
                jittered(self.settings.watch_interval, fastrand::f64())
            }
            Err(error) => {
                self.list_failure_count = self.list_failure_count.saturating_add(1);
                let wait = wait_after(&error, &self.settings, self.list_failure_count, fastrand::f64());
                if matches!(error, Error::Refused { status: 401, .. }) {
                    self.account_refused(&error, wait);
                } else {
                    let next_at = Timestamp::now().plus(wait);
                    tracing::warn!(
                        error.type = "list_failed",
                        "cannot list the account's chatbots: {error}; trying again at {next_at}"
                    );
                    match &self.settings.selection {
                        // They can be registered without being read. What an earlier list told is better.
                        Selection::Keys(keys) if self.keyring.borrow().is_none() => {
                            self.publish(Keyring::new(&[], keys.clone()));
                        }
                        Selection::Keys(_) => {}
                        Selection::Discovered { .. } if self.subjects.is_empty() => {
                            self.view.look().problem =
                                Some(format!("the chatbots cannot be listed: {error}"));
                        }
                        Selection::Discovered { .. } => {}
                    }
                }
                wait
            }
        };
        self.list_at = Some(clock.now() + wait);
        self.list_at.filter(|_| is_busy)
    }

    /// Takes over a list of the account's chatbots.
    fn place(&mut self, mut chatbots: Vec<Chatbot>) {
        let listed_count = chatbots.len();
        chatbots.retain(|chatbot| self.settings.selection.takes(chatbot));
        let is_discovered = matches!(self.settings.selection, Selection::Discovered { .. });
        for chatbot in &chatbots {
            let known = self.subjects.iter_mut().find(|subject| {
                let has_key = subject.target.has_key(&chatbot.api_key);
                has_key || subject.target.id == Some(chatbot.id)
            });
            match known {
                Some(subject) => {
                    subject.target = Target::of(chatbot);
                }
                None => {
                    let subject = Subject::new(Target::of(chatbot));
                    tracing::info!("found {}", subject.target.name());
                    self.subjects.push(subject);
                }
            }
        }
        if is_discovered {
            self.subjects.retain(|subject| {
                let is_listed = chatbots
                    .iter()
                    .any(|chatbot| subject.target.id == Some(chatbot.id));
                if !is_listed {
                    tracing::info!("{} is not listed any more", subject.target.name());
                }
                is_listed
            });
        }
        if self.subjects.is_empty() && !self.is_emptiness_said {
            tracing::warn!(
                error.type = "no_chatbot",
                "there is no chatbot to look after: CaiGunn lists {listed_count}, and subscription.include and \
                 subscription.exclude leave none of them"
            );
        }
        self.is_emptiness_said = self.subjects.is_empty();
        let unplaced = self.subjects.iter().filter(|subject| subject.target.id.is_none());
        let unplaced = unplaced.map(|subject| subject.target.api_key.clone()).collect();
        self.publish(Keyring::new(&chatbots, unplaced));
        self.show();
    }

    fn publish(&self, keyring: Keyring) {
        self.keyring.send_replace(Some(keyring));
    }

    /// Visits the chatbots that are due, some at a time, until the account is refused, or CaiGunn asks for patience or is
    /// down; returns until when to leave it alone then.
    async fn visit_due(&mut self, clock: RoundClock) -> Option<Instant> {
        let now = clock.now();
        let mut due = Vec::new();
        for (index, subject) in self.subjects.iter().enumerate() {
            if subject.due.is_none_or(|due| due <= now) {
                due.push((index, subject.target.clone(), subject.memory.clone()));
            }
        }
        // Who has waited longest comes first, so that some who always fail do not keep the others from their turn.
        due.sort_by_key(|(index, ..)| self.subjects[*index].due);
        let (client, settings) = (self.client.clone(), self.settings.clone());
        let visiting = |(index, target, memory): (usize, Target, Memory)| {
            let (client, settings) = (client.clone(), settings.clone());
            async move {
                let visit = visit(&client, &settings, &target, &memory, clock.now(), Mode::Apply).await;
                (index, visit)
            }
        };
        let mut refused = None;
        let mut quiet_until = None;
        let mut failures_in_a_row = 0;
        each(due, visiting, |(index, visit): (usize, Visit)| {
            if let End::AccountRefused(error) = visit.end {
                refused = Some(error);
                return ControlFlow::Break(());
            }
            self.is_refusal_said = false;
            let is_busy = matches!(visit.end, End::Failed(Error::TooManyRequests { .. }));
            if matches!(visit.end, End::Failed(Error::Unavailable { .. })) {
                failures_in_a_row += 1;
            } else {
                failures_in_a_row = 0;
                self.outage_count = 0;
            }
            self.subjects[index].record(&visit, &self.settings, clock.now());
            self.show_one(index);
            if is_busy {
                quiet_until = quiet_until.max(self.subjects[index].due);
                return ControlFlow::Break(());
            }
            if failures_in_a_row >= MAX_FAILURES {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
        .await;
        if failures_in_a_row >= MAX_FAILURES {
            self.outage_count = self.outage_count.saturating_add(1);
            let wait = self.settings.retry.wait(self.outage_count, fastrand::f64());
            quiet_until = quiet_until.max(Some(clock.now() + wait));
        }
        if let Some(error) = refused {
            let wait = self.settings.refused_retry;
            self.list_at = Some(clock.now() + wait);
            self.account_refused(&error, wait);
        }
        quiet_until
    }

    /// Says that nothing can be done with this access token: once with what to do about it, then only that it is so.
    fn account_refused(&mut self, error: &Error, wait: Duration) {
        let next_at = Timestamp::now().plus(wait);
        if self.is_refusal_said {
            tracing::warn!(
                error.type = "access_token_refused",
                "{error}; the access token is still refused; trying again at {next_at}"
            );
        } else {
            tracing::error!(
                error.type = "access_token_refused",
                "{error}; nothing can be registered or backfilled with this access token: {}; trying again at \
                 {next_at}",
                advice::ACCESS_TOKEN
            );
        }
        self.is_refusal_said = true;
        self.view.look().problem = Some(error.to_string());
    }

    fn warn_of_expiry(&mut self) {
        let Some(end) = self.client.token_expires_at() else {
            return;
        };
        if !self.is_expiry_said && end < Timestamp::now().plus(EXPIRY_NOTICE) {
            self.is_expiry_said = true;
            tracing::warn!(
                error.type = "access_token_expires",
                "the access token ends at {end}; `caigunn-webhook token refresh` makes a new one while it is valid"
            );
        }
    }

    fn has_problem(&self) -> bool {
        self.view.look().problem.is_some()
    }

    fn show(&self) {
        let subjects = self.subjects.iter();
        let chatbots = subjects.map(|subject| Registration::of(&subject.target, subject.state.clone()));
        self.view.look().chatbots = chatbots.collect();
    }

    fn show_one(&self, index: usize) {
        let subject = &self.subjects[index];
        self.view.look().chatbots[index] = Registration::of(&subject.target, subject.state.clone());
    }
}
