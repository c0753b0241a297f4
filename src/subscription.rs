//! Keeps the receiver's URL registered with CaiGunn.
//!
//! One task a chatbot puts the URL at start and tries until it is done: soon where CaiGunn was unreachable, rarely
//! where it refused, since a person must act first. The receiver serves all the while.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::caigunn::{Client, Error};
use crate::clock::Timestamp;

/// How many chatbots are registered at once.
const MAX_CALLS: usize = 4;

/// What to register, and how patiently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The API keys, one a chatbot.
    pub api_keys: Vec<SecretString>,
    /// The URL to register, with the token in it.
    pub webhook_url: SecretString,
    /// The URL without its token, for logs and people.
    pub shown_url: String,
    /// The waits after a failure that may pass by itself.
    pub retry: Backoff,
    /// The wait after a refusal.
    pub refused_retry: Duration,
}

/// The first 8 hexadecimal digits of a secret's SHA-256: tells secrets apart without telling them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a secret with at least the randomness of a password; a short one could be guessed from it.
    pub fn of(secret: &SecretString) -> Self {
        let digest = Sha256::digest(secret.expose_secret());
        Self(digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The registration of one chatbot.
#[derive(Clone, Debug, Serialize)]
pub struct Registration {
    /// Which chatbot: its API key's fingerprint.
    pub api_key: Fingerprint,
    /// How it stands.
    #[serde(flatten)]
    pub state: State,
}

/// How a registration stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nothing has been answered yet.
    Pending,
    /// CaiGunn has taken the URL.
    Registered {
        /// When.
        since: Timestamp,
        /// CaiGunn's word on it.
        detail: String,
    },
    /// It failed in a way that may pass; it is tried again.
    Retrying {
        /// How often it has failed.
        failure_count: u32,
        /// When it is tried again.
        next_at: Timestamp,
        /// What happened.
        error: String,
    },
    /// CaiGunn refused; a person must act. It is tried again, rarely.
    Refused {
        /// How often it has failed.
        failure_count: u32,
        /// When it is tried again.
        next_at: Timestamp,
        /// What happened.
        error: String,
    },
}

/// What may be seen of all registrations, at any time.
#[derive(Clone, Debug)]
pub struct View(Arc<Seen>);

#[derive(Debug)]
struct Seen {
    shown_url: Option<String>,
    registrations: Mutex<Vec<Registration>>,
}

impl View {
    /// The view where nothing is registered.
    pub fn nothing() -> Self {
        Self(Arc::new(Seen {
            shown_url: None,
            registrations: Mutex::default(),
        }))
    }

    fn of(settings: &Settings) -> Self {
        let registrations = settings
            .api_keys
            .iter()
            .map(|api_key| Registration {
                api_key: Fingerprint::of(api_key),
                state: State::Pending,
            })
            .collect();
        Self(Arc::new(Seen {
            shown_url: Some(settings.shown_url.clone()),
            registrations: Mutex::new(registrations),
        }))
    }

    fn set(&self, index: usize, state: State) {
        let mut registrations = self
            .0
            .registrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        registrations[index].state = state;
    }

    /// As JSON: `webhook_url` without its token (null if nothing is registered), and `chatbots`.
    pub fn to_json(&self) -> serde_json::Value {
        let registrations = self
            .0
            .registrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        serde_json::json!({ "webhook_url": self.0.shown_url, "chatbots": *registrations })
    }
}

/// A view, and the task that registers every chatbot. The task ends when all are registered.
///
/// # Cancel safety
/// The task may be dropped at any time; CaiGunn may then have the URL or not.
pub fn keep(settings: Settings, client: Client) -> (View, impl Future<Output = ()> + Send + 'static) {
    let view = View::of(&settings);
    let seen = view.clone();
    let task = async move {
        let settings = Arc::new(settings);
        let calls = Arc::new(tokio::sync::Semaphore::new(MAX_CALLS));
        let mut registering = JoinSet::new();
        for index in 0..settings.api_keys.len() {
            registering.spawn(register(
                index,
                Arc::clone(&settings),
                client.clone(),
                seen.clone(),
                Arc::clone(&calls),
            ));
        }
        while registering.join_next().await.is_some() {}
    };
    (view, task)
}

async fn register(
    index: usize,
    settings: Arc<Settings>,
    client: Client,
    view: View,
    calls: Arc<tokio::sync::Semaphore>,
) {
    let api_key = &settings.api_keys[index];
    let fingerprint = Fingerprint::of(api_key);
    let mut failure_count: u32 = 0;
    loop {
        let put = {
            let _call = calls.acquire().await.expect("the semaphore is never closed");
            client.put_webhook(api_key, &settings.webhook_url).await
        };
        let error = match put {
            Ok(detail) => {
                tracing::info!(
                    api_key = %fingerprint,
                    "registered {} with CaiGunn for API key {fingerprint}…: {detail}",
                    settings.shown_url
                );
                view.set(
                    index,
                    State::Registered {
                        since: Timestamp::now(),
                        detail,
                    },
                );
                return;
            }
            Err(error) => error,
        };
        failure_count = failure_count.saturating_add(1);
        let Next { wait, advice } = next(&error, &settings, failure_count, fastrand::f64());
        let next_at = Timestamp::now().plus(wait);
        let text = error.to_string();
        if let Some(advice) = advice {
            tracing::error!(
                api_key = %fingerprint,
                error.type = "registration_refused",
                "not registered for API key {fingerprint}…: {error}; {advice}; trying again at {next_at}"
            );
            view.set(
                index,
                State::Refused {
                    failure_count,
                    next_at,
                    error: text,
                },
            );
        } else {
            tracing::warn!(
                api_key = %fingerprint,
                error.type = "registration_failed",
                "not yet registered for API key {fingerprint}…: {error}; trying again at {next_at}"
            );
            view.set(
                index,
                State::Retrying {
                    failure_count,
                    next_at,
                    error: text,
                },
            );
        }
        sleep(wait).await;
    }
}

/// What follows from a failure.
#[derive(Debug, PartialEq, Eq)]
struct Next {
    wait: Duration,
    /// What a person should check, where waiting alone will not help.
    advice: Option<&'static str>,
}

fn next(error: &Error, settings: &Settings, failure_count: u32, random: f64) -> Next {
    let backoff = settings.retry.wait(failure_count, random);
    match error {
        Error::TooManyRequests { retry_after, .. } | Error::Unavailable { retry_after, .. } => Next {
            wait: retry_after.map_or(backoff, |asked| asked.min(settings.refused_retry).max(backoff)),
            advice: None,
        },
        Error::Refused { .. } => Next {
            wait: settings.refused_retry,
            advice: Some(
                "check CAIGUNN_API_KEY and CAIGUNN_ACCESS_TOKEN: the key must be of a chatbot of the token's user, \
                 and the token must not have expired",
            ),
        },
        Error::Invalid { .. } => Next {
            wait: settings.refused_retry,
            advice: Some("check CAIGUNN_PUBLIC_URL and CAIGUNN_API_KEY"),
        },
        Error::Unexpected { .. } => Next {
            wait: settings.refused_retry,
            advice: Some("check CAIGUNN_API_URL"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            api_keys: vec!["key".into()],
            webhook_url: "https://hooks.example.com/webhook".into(),
            shown_url: "https://hooks.example.com/webhook".to_owned(),
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
        let wait = |error, failures| next(&error, &settings(), failures, 0.0).wait.as_secs();

        assert_eq!(wait(too_many(Some(30)), 1), 30);
        assert_eq!(wait(too_many(Some(0)), 4), 8);
        assert_eq!(wait(too_many(None), 1), 1);
    }

    #[test]
    fn a_refusal_is_tried_again_rarely_and_says_what_to_check() {
        let refused = Error::Refused {
            status: 401,
            detail: String::new(),
        };

        let next = next(&refused, &settings(), 1, 0.0);

        assert_eq!(next.wait, Duration::from_secs(3600));
        assert!(next.advice.unwrap().contains("CAIGUNN_ACCESS_TOKEN"));
    }

    #[test]
    fn retry_after_has_the_wait_after_a_refusal_as_its_bound() {
        let wait = |error| next(&error, &settings(), 1, 0.0).wait;

        assert_eq!(wait(too_many(Some(1_000_000))), Duration::from_secs(3600));
    }

    #[test]
    fn a_failure_that_may_pass_needs_nobody_and_any_other_says_what_to_check() {
        let detail = String::new;
        let advice = |error| next(&error, &settings(), 1, 0.0).advice;

        assert_eq!(advice(too_many(None)), None);
        assert_eq!(
            advice(Error::Unavailable {
                retry_after: None,
                detail: detail()
            }),
            None
        );
        assert_eq!(
            advice(Error::Invalid {
                status: 422,
                detail: detail()
            }),
            Some("check CAIGUNN_PUBLIC_URL and CAIGUNN_API_KEY")
        );
        assert_eq!(
            advice(Error::Unexpected {
                status: 301,
                detail: detail()
            }),
            Some("check CAIGUNN_API_URL")
        );
    }

    #[test]
    fn a_view_shows_neither_the_key_nor_the_token() {
        let settings = Settings {
            webhook_url: "https://hooks.example.com/webhook/hunter2".into(),
            shown_url: "https://hooks.example.com/webhook/[token]".to_owned(),
            ..settings()
        };
        let view = View::of(&settings);
        view.set(
            0,
            State::Registered {
                since: Timestamp::from_micros(0),
                detail: "done".to_owned(),
            },
        );

        assert_eq!(
            view.to_json(),
            serde_json::json!({
                "webhook_url": "https://hooks.example.com/webhook/[token]",
                // The start of the SHA-256 of "key".
                "chatbots": [{
                    "api_key": "2c70e12b",
                    "state": "registered",
                    "since": "1970-01-01T00:00:00.000000Z",
                    "detail": "done",
                }],
            })
        );
        assert!(!format!("{settings:?} {view:?}").contains("hunter2"));
    }
}
