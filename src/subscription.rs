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

use std::ops::ControlFlow;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::backoff::Backoff;
use crate::caigunn::keyring::Keyring;
use crate::caigunn::{Chatbot, Client, Error};
use crate::instance::Instance;
use crate::term::Terms;
use plan::OnTakeover;
use prober::Prober;

pub use keeper::Keeper;
pub use view::{Registration, Seen, State, View};

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
    /// The URLs with the other tokens that this receiver accepts.
    pub older_urls: Vec<SecretString>,
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
    /// Becomes another one; whether its URL is another. The URL so far is then an older one of ours.
    fn succeed(&mut self, mut next: Self) -> bool {
        let url = |webhook: &Self| webhook.webhook_url.expose_secret().to_owned();
        let is_other = url(&next) != url(self);
        if is_other {
            next.older_urls.push(self.webhook_url.clone());
        }
        *self = next;
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
        let is_named = |names: &[String]| names.iter().any(|name| is_called(chatbot, name));
        match self {
            Self::Keys(keys) => keys
                .iter()
                .any(|key| key.expose_secret() == chatbot.api_key.expose_secret()),
            Self::Discovered { include, exclude } => {
                (include.is_empty() || is_named(include)) && !is_named(exclude)
            }
        }
    }
}

/// Whether that is the id or the title of a chatbot.
fn is_called(chatbot: &Chatbot, name: &str) -> bool {
    name == chatbot.title || name.parse() == Ok(chatbot.id)
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
                keeper.begin();
                let watching = watch(watching, &mut keeper, prober.as_ref());
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

/// Keeps every chatbot registered and probes the public URL, beginning now, for ever.
async fn watch(watching: Watching, keeper: &mut Keeper, prober: Option<&Prober>) {
    let mut is_probed = match prober {
        // A probe that is cut off here is begun again below.
        Some(prober) => timeout(PROBE_HEAD_START, prober.probe()).await.is_ok(),
        None => false,
    };
    tokio::join!(
        async {
            let mut wanted = keeper.wanted.subscribe();
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

/// Does `work` for all items, [`MAX_CALLS`] at once, and hands each result to `done`. When that breaks off, no further
/// item is begun.
async fn each<I, W, R>(
    items: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> W,
    mut done: impl FnMut(R) -> ControlFlow<()>,
) where
    W: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let mut items = items.into_iter();
    let mut working = JoinSet::new();
    let mut is_over = false;
    loop {
        if !is_over
            && working.len() < MAX_CALLS
            && let Some(item) = items.next()
        {
            working.spawn(work(item));
            continue;
        }
        let Some(result) = working.join_next().await else {
            return;
        };
        is_over |= done(result.expect("work neither panics nor is aborted")).is_break();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::caigunn::Credential;
    use crate::clock::Timestamp;
    use crate::event::ChatbotId;
    use crate::fingerprint::Fingerprint;

    impl Webhook {
        /// One of `hooks.example.com`, for tests beside the code.
        pub fn sample() -> Self {
            Self {
                webhook_url: "https://hooks.example.com/webhook/hunter2".into(),
                older_urls: vec!["https://hooks.example.com/webhook/hunter1".into()],
                base_url: "https://hooks.example.com/webhook".to_owned(),
                shown_url: "https://hooks.example.com/webhook/[token]".to_owned(),
                public_url: "https://hooks.example.com".parse().unwrap(),
                probe: false,
                on_takeover: OnTakeover::Reclaim,
                max_reclaims_per_hour: 3,
                unsubscribe_on_exit: false,
                has_replicas: false,
            }
        }
    }

    const WATCHING: fn() -> Watching = || Watching {
        watch_interval: Duration::from_secs(300),
        retry: Backoff::new(Duration::from_secs(1), Duration::from_secs(300)).unwrap(),
        refused_retry: Duration::from_secs(3600),
    };

    #[test]
    fn retry_after_lengthens_a_wait_and_never_shortens_it() {
        let wait = |retry_after: Option<u64>, failures| {
            let error = Error::TooManyRequests {
                retry_after: retry_after.map(Duration::from_secs),
                detail: String::new(),
            };
            WATCHING().wait_after(&error, failures).as_secs_f64()
        };

        assert_eq!(wait(Some(30), 1), 30.0);
        assert!((4.0..=8.0).contains(&wait(Some(0), 4)));
        assert!((0.5..=1.0).contains(&wait(None, 1)));
        // The wait after a refusal is its bound.
        assert_eq!(wait(Some(1_000_000), 1), 3600.0);
    }

    #[test]
    fn a_failure_that_passes_is_tried_again_soon_and_any_other_waits_and_says_what_to_check() {
        let (status, detail, retry_after) = (400, String::new, None);
        let refused = |whose| Error::Refused {
            whose,
            status: 401,
            detail: detail(),
        };
        let id = ChatbotId::new(Uuid::nil());
        let cases = [
            (
                Error::TooManyRequests {
                    retry_after,
                    detail: detail(),
                },
                1.0,
                None,
            ),
            (
                Error::Unavailable {
                    retry_after,
                    detail: detail(),
                },
                1.0,
                None,
            ),
            (
                Error::NoApi {
                    status,
                    detail: detail(),
                },
                1.0,
                Some("CAIGUNN_API_URL"),
            ),
            (
                refused(Credential::AccessToken),
                3600.0,
                Some("CAIGUNN_ACCESS_TOKEN"),
            ),
            (
                refused(Credential::ApiKey(Fingerprint::of(&"key".into()))),
                3600.0,
                Some("CAIGUNN_API_KEY"),
            ),
            (refused(Credential::Chatbot(id)), 3600.0, Some("this chatbot")),
            (
                Error::Invalid {
                    status,
                    detail: detail(),
                },
                3600.0,
                Some("CAIGUNN_PUBLIC_URL"),
            ),
            (
                Error::Unexpected {
                    status,
                    detail: detail(),
                },
                3600.0,
                Some("CAIGUNN_API_URL"),
            ),
        ];
        for (error, seconds, named) in cases {
            let wait = WATCHING().wait_after(&error, 1).as_secs_f64();
            assert!((seconds / 2.0..=seconds).contains(&wait), "{error}: {wait}");
            let advice = error.advice();
            assert_eq!(advice.is_some(), named.is_some(), "{error}");
            assert!(
                advice.unwrap_or_default().contains(named.unwrap_or_default()),
                "{error}"
            );
        }
    }

    #[test]
    fn chatbots_are_chosen_by_key_id_or_title() {
        let chatbot = |number: u128, title: &str, api_key: &str| Chatbot {
            id: ChatbotId::new(Uuid::from_u128(number)),
            title: title.to_owned(),
            api_key: api_key.into(),
        };
        let all = [chatbot(1, "Shop", "one"), chatbot(2, "Help", "two")];
        let taken = |selection: Selection| {
            let taken = all.iter().filter(|chatbot| selection.takes(chatbot));
            taken.map(|chatbot| chatbot.title.clone()).collect::<Vec<_>>()
        };
        let discovered = |include: &[&str], exclude: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            taken(Selection::Discovered {
                include: owned(include),
                exclude: owned(exclude),
            })
        };
        let first_id = "00000000-0000-0000-0000-000000000001";

        assert_eq!(taken(Selection::Keys(vec!["two".into()])), ["Help"]);
        assert_eq!(discovered(&[], &[]), ["Shop", "Help"]);
        assert_eq!(discovered(&["Help"], &[]), ["Help"]);
        assert_eq!(discovered(&[first_id], &[]), ["Shop"]);
        assert_eq!(discovered(&[], &["Shop"]), ["Help"]);
        assert_eq!(discovered(&["Shop", "Help"], &[first_id]), ["Help"]);
        assert_eq!(discovered(&["shop"], &[]), [""; 0]);
    }

    #[test]
    fn no_token_is_shown() {
        let webhook = Webhook::sample();
        let view = View::of(Some(webhook.shown_url.clone()));
        view.show_probe(&probe::Finding::Ours, Timestamp::from_micros(0));

        assert_eq!(
            view.to_json(),
            serde_json::json!({
                "webhook_url": "https://hooks.example.com/webhook/[token]",
                "problem": null,
                "probe": {
                    "finding": "ours",
                    "detail": "it leads to this receiver",
                    "since": "1970-01-01T00:00:00.000000Z",
                    "at": "1970-01-01T00:00:00.000000Z",
                },
                "chatbots": [],
            })
        );
        assert!(!format!("{webhook:?} {view:?}").contains("hunter"));
    }
}
