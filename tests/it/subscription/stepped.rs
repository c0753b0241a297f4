//! A receiver's keeper, a round at a time.

use std::time::Duration;

use caigunn_webhook::caigunn::keyring::Keyring;
use caigunn_webhook::caigunn::{Client, Error};
use caigunn_webhook::config::{self, Registration, Sources};
use caigunn_webhook::event::{ChatbotId, EventId};
use caigunn_webhook::subscription::visit::{Mode, Visit};
use caigunn_webhook::subscription::{Handles, Keeper, Selection, Wanted, Webhook, once};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::harness::{Provider, pass};

/// A receiver's keeper whose rounds are begun by hand, in a time that the test makes pass.
pub struct Stepped {
    pub keeper: Keeper,
    handles: Handles,
    client: Client,
    selection: Selection,
    pub webhook: Webhook,
    /// When the keeper wants to come back.
    pub next: Instant,
}

impl Stepped {
    pub fn new(provider: &Provider, keys: &[(&str, &str)]) -> Self {
        let url = provider.url();
        let defaults = [
            ("api.url", &*url),
            ("api.access_token", "access-token"),
            ("server.public_url", "https://hooks.example.com"),
            ("webhook.token", "token-of-the-registered-url"),
            ("subscription.probe", "false"),
        ];
        let flags = defaults.iter().chain(keys);
        let sources = Sources {
            flags: flags
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Sources::default()
        };
        let settings = config::load(&sources)
            .expect("the test's configuration is right")
            .settings;
        let Registration::Wanted(webhook) = settings.registration else {
            panic!("{:?}", settings.registration);
        };
        let (selection, webhook) = (settings.selection, *webhook);
        let client = Client::new(settings.api.expect("an access token")).expect("a client");
        let wanted = Wanted {
            selection: selection.clone(),
            webhook: Some(webhook.clone()),
        };
        let (keeper, handles) = Keeper::new(wanted, settings.watching, client.clone());
        Self {
            keeper,
            handles,
            client,
            selection,
            webhook,
            next: Instant::now(),
        }
    }

    /// Does what is due now.
    pub async fn round(&mut self) {
        self.next = self.keeper.round().await;
    }

    /// Lets the time pass, and does what is due then.
    pub async fn after(&mut self, time: Duration) {
        pass(time).await;
        self.round().await;
    }

    /// Does what is due when the keeper wants to come back; how long that was.
    pub async fn come_back(&mut self) -> Duration {
        let waited = self.next.saturating_duration_since(Instant::now());
        pass(waited).await;
        self.round().await;
        waited
    }

    /// Has another access token used, as one that was rotated in its file is.
    pub fn take_token(&mut self, access_token: &str) {
        self.client.replace_access_token(access_token.into());
        self.keeper.begin();
    }

    /// Has other API keys used, as some that were rotated in their file are.
    pub fn take_keys(&mut self, keys: &[&str]) {
        let keys = keys.iter().map(|key| SecretString::from(*key)).collect();
        self.handles
            .wanted
            .send_modify(|wanted| wanted.selection = Selection::Keys(keys));
        self.keeper.begin();
    }

    /// What the keeper hands to backfilling, of which all that was said so far is known.
    pub fn follow_keys(&self) -> watch::Receiver<Option<Keyring>> {
        let mut keyring = self.handles.keyring.clone();
        keyring.mark_unchanged();
        keyring
    }

    /// Why the account cannot be looked after as it should be, if that is so.
    pub fn trouble(&self) -> Option<String> {
        self.handles.view.seen().trouble().map(str::to_owned)
    }

    pub fn seen(&self) -> Value {
        serde_json::to_value(self.handles.view.seen()).unwrap()
    }

    /// The only chatbot.
    pub fn chatbot(&self) -> Value {
        let seen = self.seen();
        let chatbots = seen["chatbots"].as_array().expect("a list");
        assert_eq!(chatbots.len(), 1, "{seen}");
        chatbots[0].clone()
    }

    /// Titles and states.
    pub fn states(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let seen = self.seen();
        let chatbots = seen["chatbots"].as_array().expect("a list");
        chatbots
            .iter()
            .map(|chatbot| (text(&chatbot["title"]), text(&chatbot["state"])))
            .collect()
    }

    /// The API keys that may open a chatbot.
    pub fn keys_of(&self, id: Option<ChatbotId>) -> Option<Vec<String>> {
        let keyring = self.handles.keyring.borrow().clone()?;
        let mut keys: Vec<_> = keyring
            .candidates(id)
            .iter()
            .map(|(_, key)| key.expose_secret().to_owned())
            .collect();
        keys.sort_unstable();
        Some(keys)
    }

    pub async fn ensure(&self) -> Vec<Visit> {
        self.try_ensure().await.expect("the fake lists the chatbots")
    }

    /// Asks about a job as a manual backfill does, by the client of the keeper.
    pub async fn ask_about_a_job(&self) -> Result<(), Error> {
        let event_id = EventId::new(Uuid::from_u128(7));
        let log = self.client.event_log(&"key-one".into(), event_id).await;
        log.map(|_| ())
    }

    /// As `subscription ensure` does, by the client of the keeper.
    pub async fn try_ensure(&self) -> Result<Vec<Visit>, Error> {
        let targets = once::targets(&self.client, &self.selection).await?.targets;
        let visits = once::ensure(&self.client, &self.webhook, targets, Mode::Apply).await;
        Ok(visits.into_iter().map(|(_, visit)| visit).collect())
    }
}
