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

pub mod advice;
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
use tokio::time::{Instant, sleep, sleep_until, timeout};
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

/// What to register, and how patiently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which chatbots.
    pub selection: Selection,
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
    /// How often chatbots are listed and their URLs are read, and how often the public URL is probed.
    pub watch_interval: Duration,
    /// What to do when another URL stands where ours did.
    pub on_takeover: OnTakeover,
    /// How often an hour one chatbot may be taken back.
    pub max_reclaims_per_hour: usize,
    /// Whether a stop takes the registrations away.
    pub unsubscribe_on_exit: bool,
    /// Whether other receivers have the same public URL, so that one of them may answer a probe.
    pub has_replicas: bool,
    /// The waits after a failure that may pass by itself.
    pub retry: Backoff,
    /// The wait after a refusal.
    pub refused_retry: Duration,
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
    /// Whether a listed chatbot is one to look after, by its id or title.
    pub fn takes(&self, chatbot: &Chatbot) -> bool {
        let is_named = |names: &[String]| {
            let id = chatbot.id.to_string();
            names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&id) || *name == chatbot.title)
        };
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

/// What the keeper hands out while it runs.
#[derive(Clone, Debug)]
pub struct Handles {
    /// What may be seen of it.
    pub view: View,
    /// The API keys, once they are known.
    pub keyring: watch::Receiver<Option<Keyring>>,
}

/// The task that keeps every chatbot registered, in terms and until `stop`, and what it shows.
///
/// # Cancel safety
/// The task may be dropped at any time; CaiGunn may then have the URL or not.
pub fn keep(
    settings: Settings,
    client: Client,
    probe_client: reqwest::Client,
    instance: Instance,
    mut terms: Terms,
    stop: CancellationToken,
) -> (Handles, impl Future<Output = ()> + Send + 'static) {
    let (mut keeper, handles) = Keeper::new(settings.clone(), client);
    if !terms.lasts() {
        keeper.rest();
    }
    let prober = Prober {
        client: probe_client,
        public_url: settings.public_url.clone(),
        has_replicas: settings.has_replicas,
        instance,
        view: handles.view.clone(),
    };
    let task = async move {
        let watching = async {
            loop {
                let term = terms.next().await;
                keeper.begin();
                let watching = watch(&settings, &mut keeper, &prober);
                let _ = term.run_until_cancelled(watching).await;
                keeper.rest();
            }
        };
        // Nothing may be put once a stop has begun: the next process of a rolling deploy is registering.
        let _ = stop.run_until_cancelled(watching).await;
        if settings.unsubscribe_on_exit {
            keeper.unsubscribe().await;
        }
    };
    (handles, task)
}

/// Keeps every chatbot registered and probes the public URL, beginning now, for ever.
async fn watch(settings: &Settings, keeper: &mut Keeper, prober: &Prober) {
    // A probe that is cut off here is begun again below.
    let mut is_probed = settings.probe && timeout(PROBE_HEAD_START, prober.probe()).await.is_ok();
    tokio::join!(
        async {
            loop {
                let next = keeper.round(Instant::now()).await;
                sleep_until(next).await;
            }
        },
        async {
            if !settings.probe {
                return;
            }
            loop {
                if !is_probed {
                    prober.probe().await;
                }
                is_probed = false;
                sleep(jittered(settings.watch_interval, fastrand::f64())).await;
            }
        }
    );
}

/// An interval, longer or shorter by up to a tenth, so that many receivers do not ask in step; `random` is from 0 to 1.
fn jittered(interval: Duration, random: f64) -> Duration {
    interval.mul_f64(0.9 + random.clamp(0.0, 1.0) / 5.0)
}

/// How long to wait after a failure.
fn wait_after(error: &Error, settings: &Settings, failure_count: u32, random: f64) -> Duration {
    let backoff = settings.retry.wait(failure_count, random);
    match error {
        Error::TooManyRequests { retry_after, .. } | Error::Unavailable { retry_after, .. } => {
            retry_after.map_or(backoff, |asked| asked.min(settings.refused_retry).max(backoff))
        }
        Error::Refused { .. } | Error::Invalid { .. } | Error::Unexpected { .. } => settings.refused_retry,
    }
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
    use crate::clock::Timestamp;
    use crate::event::ChatbotId;

    fn settings() -> Settings {
        Settings {
            selection: Selection::Keys(vec!["key".into()]),
            webhook_url: "https://hooks.example.com/webhook/hunter2".into(),
            older_urls: vec!["https://hooks.example.com/webhook/hunter1".into()],
            base_url: "https://hooks.example.com/webhook".to_owned(),
            shown_url: "https://hooks.example.com/webhook/[token]".to_owned(),
            public_url: "https://hooks.example.com".parse().unwrap(),
            probe: false,
            watch_interval: Duration::from_secs(300),
            on_takeover: OnTakeover::Reclaim,
            max_reclaims_per_hour: 3,
            unsubscribe_on_exit: false,
            has_replicas: false,
            retry: Backoff::new(Duration::from_secs(1), Duration::from_secs(300)).unwrap(),
            refused_retry: Duration::from_secs(3600),
        }
    }

    fn too_many(retry_after: Option<u64>) -> Error {
        Error::TooManyRequests {
            retry_after: retry_after.map(Duration::from_secs),
            detail: String::new(),
        }
    }

    #[test]
    fn retry_after_lengthens_a_wait_and_never_shortens_it() {
        let wait = |error, failures| wait_after(&error, &settings(), failures, 0.0).as_secs();

        assert_eq!(wait(too_many(Some(30)), 1), 30);
        assert_eq!(wait(too_many(Some(0)), 4), 8);
        assert_eq!(wait(too_many(None), 1), 1);
        // The wait after a refusal is its bound.
        assert_eq!(wait(too_many(Some(1_000_000)), 1), 3600);
    }

    #[test]
    fn a_failure_that_may_pass_needs_nobody_and_any_other_waits_and_says_what_to_check() {
        let (status, detail) = (400, String::new);
        let cases = [
            (too_many(None), 1, None),
            (
                Error::Unavailable {
                    retry_after: None,
                    detail: detail(),
                },
                1,
                None,
            ),
            (
                Error::Refused {
                    status,
                    detail: detail(),
                },
                3600,
                Some("CAIGUNN_ACCESS_TOKEN"),
            ),
            (
                Error::Invalid {
                    status,
                    detail: detail(),
                },
                3600,
                Some("CAIGUNN_PUBLIC_URL"),
            ),
            (
                Error::Unexpected {
                    status,
                    detail: detail(),
                },
                3600,
                Some("CAIGUNN_API_URL"),
            ),
        ];
        for (error, seconds, named) in cases {
            assert_eq!(wait_after(&error, &settings(), 1, 0.0).as_secs(), seconds);
            let advice = advice::of(&error);
            assert_eq!(advice.is_some(), named.is_some(), "{error}");
            assert!(
                advice.unwrap_or_default().contains(named.unwrap_or_default()),
                "{error}"
            );
        }
    }

    #[test]
    fn jitter_takes_or_adds_a_tenth_at_most() {
        let jittered = |random| jittered(Duration::from_secs(300), random);

        assert_eq!(jittered(0.0), Duration::from_secs(270));
        assert_eq!(jittered(0.5), Duration::from_secs(300));
        assert_eq!(jittered(1.0), Duration::from_secs(330));
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
        let settings = settings();
        let view = View::of(settings.shown_url.clone());
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
        assert!(!format!("{settings:?} {view:?}").contains("hunter"));
    }
}
