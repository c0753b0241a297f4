//! Rounds over all chatbots: which there are, which are due for a visit, and when to come back.

mod account;
mod listed;

use std::collections::HashMap;
use std::sync::OnceLock;

use futures_util::stream::{self, StreamExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::plan::Memory;
use super::subject::Subject;
use super::view::{Registration, Seen, View};
use super::visit::{End, Found, Mode, Removal, Target, remove, visit};
use super::{Handles, MAX_CALLS, Selection, Wanted, Watching, Webhook};
use crate::caigunn::keyring::Keyring;
use crate::caigunn::{Client, Unreadable};
use crate::clock::Timestamp;
use crate::event::ChatbotId;

/// Keeps all chatbots registered, a round at a time.
pub struct Keeper {
    /// What is wanted from the next [`Keeper::begin`] on.
    pub(super) wanted: watch::Sender<Wanted>,
    selection: Selection,
    watching: Watching,
    /// What to register; without it chatbots are only listed, for backfilling.
    webhook: Option<Webhook>,
    client: Client,
    /// What others may see.
    view: View,
    /// What backfilling needs.
    keyring: watch::Sender<Option<Keyring>>,
    subjects: Vec<Subject>,
    /// Whether what is new in the next list was there before, and is to be had by no start: another receiver looked after it, or
    /// this one has had a list without it in this term.
    goes_on: bool,
    /// The chatbots that `exclude` has named in this run, with the titles under which they were last seen.
    excluded: HashMap<ChatbotId, String>,
    /// When to list the chatbots again, and how often that has failed in a row.
    list_at: Option<Instant>,
    list_failure_count: u32,
    /// What of the list has been said to be unreadable.
    unreadable: Unreadable,
    /// The names of chosen chatbots that have been said to be of none.
    unmatched: Vec<String>,
    /// Whether it has been said that the access token is refused, and it has not been taken since.
    is_refusal_said: bool,
    /// Whether it has been said that there is no chatbot.
    is_emptiness_said: bool,
    /// The end of an access token that has been warned about.
    said_expiry: Option<Timestamp>,
}

impl Keeper {
    /// A keeper that has not done anything yet. Without a webhook it lists the chatbots and registers nothing.
    pub fn new(wanted: Wanted, watching: Watching, client: Client) -> (Self, Handles) {
        let (keyring, receiver) = watch::channel(None);
        let Wanted { selection, webhook } = wanted.clone();
        let shown_url = webhook.as_ref().map(|webhook| webhook.shown_url.clone());
        let mut keeper = Self {
            wanted: watch::Sender::new(wanted),
            selection,
            watching,
            webhook,
            view: View::of(shown_url, Some(client.clone()), watching.watch_interval),
            client,
            keyring,
            subjects: Vec::new(),
            goes_on: false,
            excluded: HashMap::new(),
            list_at: None,
            list_failure_count: 0,
            unreadable: Unreadable::default(),
            unmatched: Vec::new(),
            is_refusal_said: false,
            is_emptiness_said: false,
            said_expiry: None,
        };
        keeper.begin();
        let handles = Handles {
            view: keeper.view.clone(),
            keyring: receiver,
            wanted: keeper.wanted.clone(),
        };
        (keeper, handles)
    }

    /// Begins a term, or with what is wanted now: the next round looks at everything, since another receiver may have
    /// changed it, and what was refused may be taken. What this one has seen and done stays known.
    pub fn begin(&mut self) {
        let Wanted { selection, webhook } = self.wanted.borrow().clone();
        self.selection = selection;
        if let (Some(now), Some(before)) = (webhook, &mut self.webhook)
            && before.succeed(now)
        {
            self.subjects.iter_mut().for_each(Subject::outdate);
        }
        let given: Vec<_> = self.selection.keys().collect();
        self.subjects
            .retain(|subject| given.is_empty() || given.iter().any(|key| subject.target.has_key(key)));
        for key in given {
            // One given twice is one chatbot.
            if !self.subjects.iter().any(|subject| subject.target.has_key(&key)) {
                self.subjects.push(Subject::new(Target::of_key(key)));
            }
        }
        self.list_at = None;
        for subject in &mut self.subjects {
            subject.due = None;
        }
        self.show();
    }

    /// Begins a term, as [`Keeper::begin`] does. Where it goes on with that of another receiver with the same public URL, whatever
    /// chatbots there are by now were that one's to look after.
    pub fn begin_term(&mut self, goes_on: bool) {
        self.begin();
        self.goes_on = goes_on;
        self.view.look().is_resting = false;
        for subject in &mut self.subjects {
            subject.memory.goes_on |= goes_on;
            // Where another receiver looked after it, ours may stand there by that one. Else it does by a call of this one, of
            // which only the answer was lost.
            if goes_on {
                subject.tried = None;
            }
        }
    }

    /// Ends a term: nothing is shown any more, since another receiver knows how the chatbots stand, and no key is handed out
    /// before it is known to be one still.
    pub fn rest(&self) {
        self.keyring.send_replace(None);
        let mut seen = self.view.look();
        *seen = Seen {
            webhook_url: seen.webhook_url.take(),
            is_resting: true,
            ..Seen::default()
        };
    }

    /// Does all that is due; returns when to come back. Waits are counted from the answers that ask for them, so a round
    /// that takes long shortens none.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open what was put; another round is safe.
    pub async fn round(&mut self) -> Instant {
        let begun = Instant::now();
        if self.client.quiet_until().is_none() && self.list_at.is_none_or(|list_at| list_at <= begun) {
            self.list().await;
        }
        if let Some(webhook) = self.webhook.clone()
            && self.client.quiet_until().is_none()
            && !self.has_problem()
        {
            self.visit_due(&webhook).await;
        }
        let list_at = self.list_at.unwrap_or(begun);
        let next = if self.webhook.is_none() || self.has_problem() {
            list_at
        } else {
            let listed = self.subjects.iter().filter(|subject| subject.missed_count == 0);
            let dues = listed.map(|subject| subject.due.unwrap_or(begun));
            dues.fold(list_at, Instant::min)
        };
        next.max(self.client.quiet_until().unwrap_or(next))
    }

    /// Takes our URL away from every chatbot where it still stands, if that is what is wanted at the end.
    pub async fn unsubscribe_if_wanted(&self) {
        let Some(webhook) = self
            .webhook
            .as_ref()
            .filter(|webhook| webhook.unsubscribe_on_exit)
        else {
            return;
        };
        // What has another token that is given here too may be what the next process of a rolling deploy has put.
        let webhook = &Webhook {
            older_urls: Vec::new(),
            ..webhook.clone()
        };
        let mut confirmed = self.subjects.clone();
        confirmed.retain(|subject| subject.memory.is_confirmed);
        let removing = |Subject { target, memory, .. }| async move {
            let removal = remove(&self.client, webhook, &target, &memory, Mode::Apply).await;
            (target.name(), removal)
        };
        let removing = confirmed.into_iter().map(removing);
        let mut removals = stream::iter(removing).buffer_unordered(MAX_CALLS);
        while let Some((name, removal)) = removals.next().await {
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
        }
    }

    /// Lists the chatbots and takes over what is new.
    async fn list(&mut self) {
        let wait = match self.client.chatbots().await {
            Ok(listing) => {
                self.list_failure_count = 0;
                self.is_refusal_said = false;
                self.warn_of_expiry();
                self.place(listing);
                // Only then, since a list without a chatbot is trouble.
                if self.view.listed() {
                    tracing::info!("CaiGunn lists the chatbots again");
                }
                self.watching.jittered()
            }
            Err(error) => {
                self.list_failure_count = self.list_failure_count.saturating_add(1);
                let wait = self.watching.wait_after(&error, self.list_failure_count);
                let wait = wait.max(self.client.quiet_left());
                self.list_failed(&error, wait);
                wait
            }
        };
        self.list_at = Some(Instant::now() + wait);
    }

    /// Visits the chatbots that are due, some at a time, until the account is refused, or CaiGunn is to be left alone.
    async fn visit_due(&mut self, webhook: &Webhook) {
        let now = Instant::now();
        let mut due = Vec::new();
        for (index, subject) in self.subjects.iter().enumerate() {
            if subject.missed_count == 0 && subject.due.is_none_or(|due| due <= now) {
                due.push((index, subject.target.clone(), subject.memory.clone()));
            }
        }
        // Who has waited longest comes first, so that some who always fail do not keep the others from their turn.
        due.sort_by_key(|(index, ..)| self.subjects[*index].due);
        let client = &self.client.clone();
        let refused = OnceLock::new();
        let due = due
            .into_iter()
            .take_while(|_| refused.get().is_none() && client.quiet_until().is_none());
        let visiting = |(index, target, memory): (usize, Target, Memory)| async move {
            let visit = visit(client, webhook, &target, &memory, Mode::Apply).await;
            (index, visit)
        };
        let mut visits = stream::iter(due.map(visiting)).buffer_unordered(MAX_CALLS);
        while let Some((index, visit)) = visits.next().await {
            if let End::Failed(error) = &visit.end
                && error.is_account_refused()
            {
                refused.get_or_init(|| error.clone());
                continue;
            }
            let quiet_left = client.quiet_left();
            self.subjects[index].record(&visit, (&self.watching, quiet_left), webhook, Instant::now());
            self.show_one(index);
        }
        if let Some(error) = refused.get() {
            let wait = self.watching.refused_retry.max(client.quiet_left());
            self.list_at = Some(Instant::now() + wait);
            self.account_refused(error, wait);
        }
    }

    fn has_problem(&self) -> bool {
        self.view.look().problem.is_some()
    }

    fn show(&self) {
        // What is not registered stands nowhere.
        let Some(webhook) = &self.webhook else {
            return;
        };
        let subjects = self.subjects.iter();
        let chatbots = subjects.map(|subject| Registration::of(&subject.target, subject.state.clone()));
        let mut seen = self.view.look();
        (seen.chatbots, seen.token) = (chatbots.collect(), webhook.token.clone());
    }

    fn show_one(&self, index: usize) {
        let subject = &self.subjects[index];
        self.view.look().chatbots[index] = Registration::of(&subject.target, subject.state.clone());
    }
}
