//! Keeps the receiver's URL registered with CaiGunn, for every chatbot it is to look after.
//!
//! Desired state against actual: each round lists the account's chatbots, reads which URL stands at each, and puts
//! ours only where it differs, so that another round changes nothing. A chatbot that is taken over by another URL is
//! taken back, so many times an hour. The receiver serves all the while.
//!
//! What is to be done is decided in [`plan`], done to one chatbot in [`visit`], and kept up in `keeper`; [`probe`]
//! finds out whether the public URL leads here. All of it is done in terms ([`crate::term`]): of several receivers with
//! one public URL, one keeps it registered. A second one that does it too, for the moment in which one term ends and
//! another begins, finds or puts the same URL.
//!
//! Left out on purpose: anything at CaiGunn but the webhook URL.

mod keeper;
pub mod once;
pub mod plan;
pub mod probe;
mod prober;
mod subject;
mod view;
pub mod visit;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::time::{sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::backoff::Backoff;
use crate::caigunn::keyring::Keyring;
use crate::caigunn::{Chatbot, Client, Error};
use crate::fingerprint::Fingerprint;
use crate::instance::Instance;
use crate::rotating::MAX_RETIRED;
use crate::term::Terms;
use plan::OnTakeover;
use prober::Prober;

pub use keeper::Keeper;
pub use probe::Kind as ProbeKind;
pub use view::{Probe, Registration, Seen, State, View};

/// How many chatbots are called about at once.
const MAX_CALLS: usize = 4;

/// How long before its end an access token is warned about, where its form tells its end: time for a person to act.
pub const EXPIRY_NOTICE: Duration = Duration::from_secs(7 * 86_400);

/// How long the first registration waits for the first probe, so that a wrong URL is reported before it is put.
const PROBE_HEAD_START: Duration = Duration::from_secs(3);

/// What to register, and how far to go for it.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The URL to register, with the token in it.
    pub webhook_url: SecretString,
    /// The fingerprint of that token, if there is one.
    pub token: Option<Fingerprint>,
    /// The URLs with the other tokens that this receiver accepts.
    pub older_urls: Vec<SecretString>,
    /// The URLs that this process had registered, or meant to, before this one; the newest first.
    pub retired_urls: Vec<SecretString>,
    /// What all of them begin with: the URL without a token.
    pub base_url: String,
    /// The URL with its token hidden, for logs and people.
    pub shown_url: String,
    /// The receiver's public base URL.
    pub public_url: Url,
    /// Whether the public URL is probed.
    pub probe: bool,
    /// What to do when another URL stands where ours did.
    pub on_takeover: OnTakeover,
    /// How often an hour one chatbot may be taken back.
    pub max_reclaims_per_hour: usize,
    /// Whether a stop takes the registrations away.
    pub unsubscribe_on_exit: bool,
    /// Whether other receivers have the same public URL, so that one of them may answer a probe.
    pub has_replicas: bool,
}

impl Webhook {
    /// Whether a takeover may be undone at all.
    fn reclaims(&self) -> bool {
        self.on_takeover == OnTakeover::Reclaim && self.max_reclaims_per_hour > 0
    }

    /// Becomes another one; whether its URL is another. The URL so far, and those before it, may still stand at CaiGunn.
    fn succeed(&mut self, next: Self) -> bool {
        let before = std::mem::replace(self, next);
        let ours = self.webhook_url.expose_secret();
        let is_other = before.webhook_url.expose_secret() != ours;
        let so_far = std::iter::once(before.webhook_url).chain(before.retired_urls);
        let retired = so_far.filter(|url| url.expose_secret() != ours);
        self.retired_urls = retired.take(MAX_RETIRED).collect();
        is_other
    }
}

/// How often CaiGunn is looked at, and how patiently.
#[derive(Clone, Copy, Debug)]
pub struct Watching {
    /// How often chatbots are listed and their URLs are read, and how often the public URL is probed.
    pub watch_interval: Duration,
    /// The waits after a failure that passes by itself.
    pub retry: Backoff,
    /// The wait after one that lasts until a person acts.
    pub refused_retry: Duration,
}

impl Watching {
    /// The interval, longer or shorter by up to a tenth, so that many receivers do not ask in step.
    fn jittered(&self) -> Duration {
        self.watch_interval.mul_f64(0.9 + fastrand::f64() / 5.0)
    }

    /// How long to wait after so many failures in a row.
    fn wait_after(&self, error: &Error, failure_count: u32) -> Duration {
        if !error.passes() {
            return self.refused_retry;
        }
        let asked = error.retry_after().unwrap_or_default().min(self.refused_retry);
        asked.max(self.retry.wait(failure_count, fastrand::f64()))
    }
}

/// Which chatbots to look after.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Those with these API keys.
    Keys(Vec<SecretString>),
    /// All that the account has, now and later.
    Discovered {
        /// Only those with one of these ids or titles, if there are any.
        include: Vec<String>,
        /// None of those with one of these ids or titles.
        exclude: Vec<String>,
    },
}

impl Selection {
    /// The API keys that were given.
    pub fn keys(&self) -> impl Iterator<Item = SecretString> {
        let keys: &[SecretString] = match self {
            Self::Keys(keys) => keys,
            Self::Discovered { .. } => &[],
        };
        keys.iter().cloned()
    }

    /// What `include` and `exclude` name, and no listed chatbot is called.
    pub fn unmatched(&self, chatbots: &[Chatbot]) -> Vec<String> {
        let names = match self {
            Self::Keys(_) => [&[][..], &[]],
            Self::Discovered { include, exclude } => [&include[..], exclude],
        };
        let names = names.into_iter().flatten();
        let unmatched = names.filter(|name| !chatbots.iter().any(|chatbot| is_called(chatbot, name)));
        unmatched.cloned().collect()
    }

    /// Whether a listed chatbot is one to look after, by its id or title.
    pub fn takes(&self, chatbot: &Chatbot) -> bool {
        match self {
            Self::Keys(keys) => keys
                .iter()
                .any(|key| key.expose_secret() == chatbot.api_key.expose_secret()),
            Self::Discovered { include, .. } => {
                (include.is_empty() || is_named(chatbot, include)) && !self.excludes(chatbot)
            }
        }
    }

    /// Whether `exclude` names a listed chatbot.
    fn excludes(&self, chatbot: &Chatbot) -> bool {
        matches!(self, Self::Discovered { exclude, .. } if is_named(chatbot, exclude))
    }
}

fn is_named(chatbot: &Chatbot, names: &[String]) -> bool {
    names.iter().any(|name| is_called(chatbot, name))
}

/// Whether that is the id or the title of a chatbot. Blanks around a title are seen by nobody, and around a value they are no
/// part of it.
fn is_called(chatbot: &Chatbot, name: &str) -> bool {
    let name = name.trim();
    name == chatbot.title.trim() || name.parse() == Ok(chatbot.id)
}

/// What is said of names of the choice that no listed chatbot has.
pub fn no_such_chatbot(unmatched: &[String]) -> String {
    format!(
        "subscription.include and subscription.exclude name what no listed chatbot has as its id or title: {unmatched:?}"
    )
}

/// What a keeper is to look after, and what it is to register; without a webhook it only learns the API keys.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which chatbots.
    pub selection: Selection,
    /// With what.
    pub webhook: Option<Webhook>,
}

/// What the keeper hands out while it runs.
#[derive(Clone, Debug)]
pub struct Handles {
    /// What may be seen of it.
    pub view: View,
    /// The API keys, once they are known.
    pub keyring: watch::Receiver<Option<Keyring>>,
    /// Takes what is wanted from now on; the access token of the client may be another then, too.
    pub wanted: watch::Sender<Wanted>,
}

/// The task that keeps every chatbot registered, in terms and until `stop`, and what it shows.
///
/// # Cancel safety
/// The task may be dropped at any time; CaiGunn may then have the URL or not.
pub fn keep(
    wanted: Wanted,
    watching: Watching,
    client: Client,
    probe_client: reqwest::Client,
    instance: Instance,
    mut terms: Terms,
    stop: CancellationToken,
) -> (Handles, impl Future<Output = ()> + Send + 'static) {
    let webhook = wanted.webhook.clone();
    let (mut keeper, handles) = Keeper::new(wanted, watching, client);
    if !terms.lasts() {
        keeper.rest();
    }
    let view = &handles.view;
    let prober = webhook.filter(|webhook| webhook.probe).map(|webhook| Prober {
        client: probe_client,
        public_url: webhook.public_url,
        has_replicas: webhook.has_replicas,
        instance,
        view: view.clone(),
    });
    let task = async move {
        let working = async {
            loop {
                let term = terms.next().await;
                // Before what is wanted is looked at: no change of it is missed.
                let wanted = keeper.wanted.subscribe();
                keeper.begin_term(terms.goes_on());
                let watching = watch(watching, &mut keeper, prober.as_ref(), wanted);
                let _ = term.run_until_cancelled(watching).await;
                keeper.rest();
            }
        };
        // Nothing may be put once a stop has begun: the next process of a rolling deploy is registering.
        let _ = stop.run_until_cancelled(working).await;
        keeper.unsubscribe_if_wanted().await;
    };
    (handles, task)
}

/// Keeps every chatbot registered, as is `wanted`, and probes the public URL, beginning now, for ever.
async fn watch(
    watching: Watching,
    keeper: &mut Keeper,
    prober: Option<&Prober>,
    mut wanted: watch::Receiver<Wanted>,
) {
    let mut is_probed = match prober {
        // A probe that is cut off here is begun again below.
        Some(prober) => timeout(PROBE_HEAD_START, prober.probe()).await.is_ok(),
        None => false,
    };
    tokio::join!(
        async {
            loop {
                let next = keeper.round().await;
                if timeout_at(next, wanted.changed()).await.is_ok() {
                    keeper.begin();
                }
            }
        },
        async {
            let Some(prober) = prober else { return };
            loop {
                if !is_probed {
                    prober.probe().await;
                }
                is_probed = false;
                sleep(watching.jittered()).await;
            }
        }
    );
}

#[cfg(test)]
mod tests;
