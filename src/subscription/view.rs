//! What may be seen of the subscription at any time.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

use super::probe::{Finding, Kind};
use super::visit::Target;
use crate::caigunn::{Client, Quiet};
use crate::clock::Timestamp;
use crate::event::ChatbotId;
use crate::fingerprint::Fingerprint;
use crate::metrics::{Registry, Unit};

/// The longest wait for the next list that is nobody's matter, unless the wait before was as vain.
pub(super) const MAX_UNSHOWN_WAIT: Duration = Duration::from_secs(180);

/// That nobody is looked after: what CaiGunn tells of any chatbot comes elsewhere, or nowhere.
const NO_CHATBOT: &str = "there is no chatbot to look after: CaiGunn lists none that can be read, or none that \
                          subscription.include and subscription.exclude leave";

/// How many looks may pass in which it is not seen that a chatbot is registered. The rules for Prometheus have as many.
const MAX_UNSEEN_LOOKS: u32 = 6;

/// The registration of one chatbot.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Registration {
    /// Which chatbot: its API key's fingerprint.
    pub api_key: Fingerprint,
    /// Its id, once it has been found in CaiGunn's list.
    pub chatbot_id: Option<ChatbotId>,
    /// Its title, from the same list.
    pub title: Option<String>,
    /// How it stands.
    #[serde(flatten)]
    pub state: State,
}

/// How a registration stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
#[schema(as = RegistrationState)]
pub enum State {
    /// Nothing has been answered yet.
    Pending,
    /// Our URL stands there.
    Registered {
        /// Since when, as far as this process knows.
        since: Timestamp,
        /// When that was last seen.
        confirmed_at: Timestamp,
    },
    /// It failed in a way that may pass; it is tried again.
    Retrying {
        /// How often it has failed in a row.
        failure_count: u32,
        /// When it is tried again.
        next_at: Timestamp,
        /// What happened.
        error: String,
        /// Whether another URL was seen to stand there, and ours could not be put.
        #[serde(skip)]
        is_taken: bool,
    },
    /// CaiGunn refused; a person must act. It is tried again, rarely.
    Refused {
        /// How often it has failed in a row.
        failure_count: u32,
        /// When it is tried again.
        next_at: Timestamp,
        /// What happened.
        error: String,
    },
    /// Another URL stands there, and `subscription.on_takeover` is `warn`.
    TakenOver {
        /// When that was first seen.
        since: Timestamp,
        /// The other URL, its secret parts hidden.
        by: String,
    },
    /// Another URL stands there, and whoever put it takes the chatbot back each time we do.
    Contested {
        /// When that was first seen.
        since: Timestamp,
        /// The other URL, its secret parts hidden.
        by: String,
    },
    /// A newer deployment of this receiver has registered another token.
    Superseded {
        /// When that was first seen.
        since: Timestamp,
    },
    /// CaiGunn says that the chatbot is deleted.
    Deleted,
}

impl State {
    const NAMES: [&str; 8] = [
        "pending",
        "registered",
        "retrying",
        "refused",
        "taken_over",
        "contested",
        "superseded",
        "deleted",
    ];

    /// Has it tried again at `at`, if it would be before.
    fn put_off(&mut self, at: Timestamp) {
        if let Self::Retrying { next_at, .. } | Self::Refused { next_at, .. } = self {
            *next_at = at.max(*next_at);
        }
    }

    /// Its name, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Registered { .. } => "registered",
            Self::Retrying { .. } => "retrying",
            Self::Refused { .. } => "refused",
            Self::TakenOver { .. } => "taken_over",
            Self::Contested { .. } => "contested",
            Self::Superseded { .. } => "superseded",
            Self::Deleted => "deleted",
        }
    }
}

/// What the last probe of the public URL has found.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Probe {
    /// In a word.
    pub finding: Kind,
    /// In a sentence.
    pub detail: String,
    /// Whether that needs nobody: it leads to this receiver or, where several share an inbox, to a receiver.
    #[serde(default)]
    #[schema(required = true)]
    pub is_well: bool,
    /// Since when that is so, or not.
    pub since: Timestamp,
    /// When it was last seen.
    pub at: Timestamp,
}

/// All of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// The URL that is kept registered, without its token; null if nothing is.
    pub webhook_url: Option<String>,
    /// The fingerprint of the token in that URL, if there is one.
    #[serde(default)]
    pub token: Option<Fingerprint>,
    /// Why no chatbot can be looked after now, if that is so: the access token is refused, say.
    pub problem: Option<String>,
    /// Why the chatbots cannot be listed, if that is so and no matter of a moment. Some may be looked after all the same.
    #[serde(default)]
    pub list_error: Option<String>,
    /// Whether CaiGunn has listed the chatbots in this term.
    #[serde(default)]
    pub is_listed: bool,
    /// Until when CaiGunn is called by nobody, if that is so: it has asked for patience, or is down.
    #[serde(default)]
    pub left_alone_until: Option<Timestamp>,
    /// Whether another receiver looks after the chatbots.
    #[serde(skip)]
    pub is_resting: bool,
    /// What the last probe has found; null before the first.
    pub probe: Option<Probe>,
    /// The chatbots; none while another receiver looks after them.
    pub chatbots: Vec<Registration>,
    /// Of how many of them that they are registered was last seen more than six looks ago.
    #[serde(default)]
    pub unseen_count: usize,
}

impl Seen {
    /// The token in the URL that stands at every chatbot that is known here, if there is one.
    pub fn registered_token(&self) -> Option<&Fingerprint> {
        let lacks =
            |chatbot: &Registration| !matches!(chatbot.state, State::Registered { .. } | State::Deleted);
        let is_everywhere = !self.chatbots.is_empty() && !self.chatbots.iter().any(lacks);
        self.token.as_ref().filter(|_| is_everywhere)
    }

    /// Whether our URL is to be registered, and CaiGunn lists no chatbot for which that is wanted.
    fn lacks_chatbots(&self) -> bool {
        self.webhook_url.is_some() && self.is_listed && self.chatbots.is_empty()
    }

    /// Why the account cannot be looked after as it should be, if that is so.
    pub fn trouble(&self) -> Option<&str> {
        let failure = self.problem.as_deref().or(self.list_error.as_deref());
        failure.or_else(|| self.lacks_chatbots().then_some(NO_CHATBOT))
    }
}

/// A window on what the keeper does.
#[derive(Clone, Debug, Default)]
pub struct View {
    seen: Arc<Mutex<Seen>>,
    /// By which chatbots are called about.
    client: Option<Client>,
    /// How often they are looked at.
    watch_interval: Duration,
}

impl View {
    /// Before anything has been done, or will be by that client.
    pub(super) fn of(webhook_url: Option<String>, client: Option<Client>, watch_interval: Duration) -> Self {
        let seen = Seen {
            webhook_url,
            ..Seen::default()
        };
        Self {
            seen: Arc::new(Mutex::new(seen)),
            client,
            watch_interval,
        }
    }

    /// What there is to see. Not to be held across an await.
    pub fn look(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock()
    }

    /// What there is to see now, to be kept. Nothing is tried again while CaiGunn is left alone, and where that is for long it is
    /// trouble, whatever call it began with.
    pub fn seen(&self) -> Seen {
        let mut seen = self.look().clone();
        let (now, patience) = (Timestamp::now(), self.watch_interval * MAX_UNSEEN_LOOKS);
        let is_unseen = |chatbot: &&Registration| match chatbot.state {
            State::Registered { confirmed_at, .. } => now.since(confirmed_at) > patience,
            _ => false,
        };
        seen.unseen_count = seen.chatbots.iter().filter(is_unseen).count();
        let quiet = self.client.as_ref().and_then(Client::quiet);
        if let Some(quiet) = quiet.filter(|_| !seen.is_resting) {
            let states = seen.chatbots.iter_mut().map(|chatbot| &mut chatbot.state);
            states.for_each(|state| state.put_off(quiet.ends_at));
            seen.left_alone_until = Some(quiet.ends_at);
            if quiet.is_plea && quiet.length > MAX_UNSHOWN_WAIT {
                let Quiet { ends_at, error, .. } = quiet;
                seen.list_error = Some(format!("the chatbots cannot be listed until {ends_at}: {error}"));
            }
        }
        seen
    }

    /// Shows that CaiGunn has listed the chatbots; whether something stood in the way of that before.
    pub(super) fn listed(&self) -> bool {
        let mut seen = self.look();
        seen.is_listed = true;
        let (problem, list_error) = (seen.problem.take(), seen.list_error.take());
        problem.or(list_error).is_some()
    }

    /// Shows how many chatbots stand how, how long ago each was last seen to be registered, and whether the account can be
    /// looked after.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let view = self.clone();
        registry.gauges("chatbots", "Chatbots to look after", None, move || {
            let seen = view.look();
            let count = |name| {
                let of_state = seen
                    .chatbots
                    .iter()
                    .filter(|chatbot| chatbot.state.name() == name);
                of_state.count() as f64
            };
            let all = State::NAMES.iter();
            all.map(|name| ([("state", *name)], count(*name))).collect()
        });
        let view = self.clone();
        registry.gauge(
            "last_confirmed_registration_timestamp",
            "When the chatbot that was checked longest ago was last seen to be registered, since 1970; 0 if one is not",
            Some(Unit::Seconds),
            move || {
                let seen = view.look();
                let confirmed = seen.chatbots.iter().map(|chatbot| match chatbot.state {
                    State::Registered { confirmed_at, .. } => confirmed_at.as_micros(),
                    _ => 0,
                });
                confirmed.min().unwrap_or(0) as f64 / 1e6
            },
        );
        let view = self.clone();
        registry.gauge(
            "account_trouble",
            "1 if CaiGunn refuses the access token, or lists the chatbots not or none to look after, else 0",
            None,
            move || f64::from(u8::from(view.seen().trouble().is_some())),
        );
        let view = self.clone();
        registry.gauge(
            "public_url_trouble",
            "1 if the last probe of the public URL was not answered by this receiver or another one on its inbox, else 0",
            None,
            move || {
                let seen = view.look();
                let is_well = seen.probe.as_ref().is_none_or(|probe| probe.is_well);
                f64::from(u8::from(!is_well))
            },
        );
    }

    /// Shows what a probe has found, and whether that is well; returns what the one before it had found.
    pub(super) fn show_probe(&self, finding: &Finding, is_well: bool, at: Timestamp) -> Option<Kind> {
        let mut seen = self.look();
        let before = seen.probe.take();
        // In whichever ways by turns.
        let same = before.as_ref().filter(|probe| probe.is_well == is_well);
        seen.probe = Some(Probe {
            finding: finding.kind,
            detail: finding.to_string(),
            is_well,
            since: same.map_or(at, |probe| probe.since),
            at,
        });
        before.map(|probe| probe.finding)
    }
}

impl Registration {
    /// Of a chatbot.
    pub(super) fn of(target: &Target, state: State) -> Self {
        Self {
            api_key: target.fingerprint.clone(),
            chatbot_id: target.id,
            title: target.title.clone(),
            state,
        }
    }
}
