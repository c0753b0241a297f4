//! CaiGunn's REST API: one typed method a call.
//!
//! Errors are sorted by what a caller would do about them. No secret is in any of them: the URL of a call holds
//! none, answers that are errors are quoted in part and without what we sent, and others not at all.
//!
//! Left out on purpose: the calls that start jobs, which are the application's, and any retry, which is the caller's.

mod answer;
mod body;
pub mod keyring;
mod token;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Duration;

use reqwest::header::{DATE, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use serde_json::value::RawValue;
use url::Url;

use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};
use crate::http_time;
use crate::rotating::Rotating;
use answer::{MAX_SHORT_BYTES, Secrets, unreachable_error};
use body::Listed;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use body::event_log;
pub use token::expires_at;

/// The header that names one chatbot.
const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// The header that carries the user's token.
const ACCESS_TOKEN: HeaderName = HeaderName::from_static("caigunn-access-token");

/// How many chatbots are asked for at a time: CaiGunn's own default.
const PAGE_COUNT: &str = "30";

/// How many chatbots a user may have here: far more than anybody has, and few enough to hold.
const MAX_CHATBOTS: usize = 10_000;

/// How much is read of a page of chatbots or of one with all its members, in bytes. A page of 30 has some thousand.
const MAX_CHATBOT_BYTES: usize = 4 << 20;

/// How much is read of an event log, in bytes. The crawl of a large site lists tens of thousands of ids of 39 bytes:
/// some megabytes, and `server.body_limit_bytes` is 8 MiB; a log holds several notifications of that size.
const MAX_LOG_BYTES: usize = 32 << 20;

/// What the client must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// CaiGunn's base URL.
    pub url: Url,
    /// The user's access token.
    pub access_token: SecretString,
    /// How long one call may take, from connecting to the end of the answer.
    pub timeout: Duration,
}

/// Why a call failed, by what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The credentials are wrong or have expired (401, 403): a person must mend them.
    #[error("CaiGunn refused the credentials with {status}: {detail}")]
    Refused {
        /// The status.
        status: u16,
        /// CaiGunn's words.
        detail: String,
    },
    /// CaiGunn does not accept what was sent (other 4xx): a person must look.
    #[error("CaiGunn did not accept the request, with {status}: {detail}")]
    Invalid {
        /// The status.
        status: u16,
        /// CaiGunn's words.
        detail: String,
    },
    /// CaiGunn asks for patience (429): try again, not before `retry_after`.
    #[error("CaiGunn asks for fewer requests: {detail}")]
    TooManyRequests {
        /// How long `Retry-After` says to wait, as seconds or as a date.
        retry_after: Option<Duration>,
        /// CaiGunn's words.
        detail: String,
    },
    /// CaiGunn could not be reached, was too slow, or failed (5xx): try again.
    #[error("CaiGunn is unavailable: {detail}")]
    Unavailable {
        /// How long `Retry-After` says to wait, as seconds or as a date.
        retry_after: Option<Duration>,
        /// What happened.
        detail: String,
    },
    /// CaiGunn answered something that this program does not know, such as a redirect, or a 2xx with another body than
    /// the documented one: the provider has changed.
    #[error("CaiGunn answered unexpectedly with {status}: {detail}")]
    Unexpected {
        /// The status.
        status: u16,
        /// CaiGunn's words; of a 2xx, what is wrong with it and where.
        detail: String,
    },
}

/// A chatbot, as the list of all of a user's has it.
#[derive(Clone, Debug)]
pub struct Chatbot {
    /// Its id.
    pub id: ChatbotId,
    /// What people call it; may be empty.
    pub title: String,
    /// The key that names it in calls about it; never empty.
    pub api_key: SecretString,
}

/// A chatbot, as a call about it alone tells.
#[derive(Clone, Debug)]
pub struct ChatbotDetails {
    /// Its id.
    pub id: ChatbotId,
    /// What people call it; may be empty.
    pub title: String,
    /// Where its notifications are posted, if anywhere. A secret, for the URL may have a token in it.
    pub webhook_url: Option<SecretString>,
    /// Whether it has been deleted.
    pub is_deleted: bool,
}

/// CaiGunn's log of a job.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    /// Its notifications, in CaiGunn's order.
    pub entries: Vec<LogEntry>,
    /// What is wrong with each entry that is none, by its place.
    pub unreadable: Vec<String>,
}

/// A notification in CaiGunn's log of a job.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// When it was logged, in CaiGunn's words: their form is not documented, so what is no text counts as absent.
    pub created_at: Option<String>,
    /// The job.
    pub event_id: Option<EventId>,
    /// What happened, e.g. `crawling`.
    pub event: String,
    /// How it stands, e.g. `completed`.
    pub status: String,
    /// The rest of the notification, as the text it came as.
    pub data: Option<Box<RawValue>>,
}

/// A client of CaiGunn's API, for one user.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    settings: Settings,
    /// As it is in its file now.
    access_token: Rotating<SecretString>,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(settings.timeout)
            // A redirect could carry the credentials elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("caigunn-webhook/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let access_token = Rotating::new(settings.access_token.clone());
        Ok(Self {
            http,
            settings,
            access_token,
        })
    }

    /// When the access token ends, if its form tells.
    pub fn token_expires_at(&self) -> Option<Timestamp> {
        expires_at(&self.access_token.get())
    }

    /// Makes all calls of this client and its clones from now on with another access token.
    pub fn replace_access_token(&self, access_token: SecretString) {
        self.access_token.replace(access_token);
    }

    /// CaiGunn's base URL.
    pub fn url(&self) -> &Url {
        &self.settings.url
    }

    /// Makes `webhook_url` the one that the chatbot of `api_key` posts to; returns CaiGunn's word on it.
    ///
    /// # Errors
    /// See [`Error`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the URL was set; setting it again is safe.
    pub async fn put_webhook(
        &self,
        api_key: &SecretString,
        webhook_url: &SecretString,
    ) -> Result<String, Error> {
        let mut call = self.call_about(Method::PUT, &["chatbot", "webhook"], api_key)?;
        call.secrets.add_webhook_url(webhook_url);
        let body = json!({ "webhook_url": webhook_url.expose_secret() });
        call.request = call.request.json(&body);
        let (response, secrets) = call.send().await?;
        answer::words(response, &secrets).await
    }

    /// Makes the chatbot of `api_key` post to nobody; returns CaiGunn's word on it.
    ///
    /// # Errors
    /// See [`Error`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the URL was forgotten; asking again is safe.
    pub async fn delete_webhook(&self, api_key: &SecretString) -> Result<String, Error> {
        let call = self.call_about(Method::DELETE, &["chatbot", "webhook"], api_key)?;
        let (response, secrets) = call.send().await?;
        answer::words(response, &secrets).await
    }

    /// The log of one job of the chatbot of `api_key`.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Unexpected`] also beyond 32 MiB.
    ///
    /// # Cancel safety
    /// The call only reads; the future may be dropped at any time.
    pub async fn event_log(&self, api_key: &SecretString, event_id: EventId) -> Result<EventLog, Error> {
        let path = ["chatbot", "event", &event_id.to_string()];
        let (response, secrets) = self.call_about(Method::GET, &path, api_key)?.send().await?;
        answer::parsed(response, &secrets, MAX_LOG_BYTES, body::event_log).await
    }

    /// All chatbots of the user that are not deleted, each once, in CaiGunn's order. A chatbot that moves up a page
    /// while the pages are read, since another is deleted, is missed.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Unexpected`] also beyond 10,000 chatbots, and 4 MiB a page.
    ///
    /// # Cancel safety
    /// The calls only read; the future may be dropped at any time.
    pub async fn chatbots(&self) -> Result<Vec<Chatbot>, Error> {
        let mut chatbots = Vec::new();
        let mut known = HashSet::new();
        let mut offset = 0;
        // CaiGunn may give fewer than asked for, or the same whatever is asked for: only a page without a new one is
        // the end.
        loop {
            let page = self.chatbots_from(offset).await?;
            offset += page.len();
            let known_before = known.len();
            for listed in page {
                match listed {
                    Listed::Live(chatbot) if known.insert(chatbot.id) => chatbots.push(chatbot),
                    Listed::Live(_) => {}
                    Listed::Deleted(id) => drop(known.insert(id)),
                }
            }
            if known.len() == known_before {
                return Ok(chatbots);
            }
            if known.len() > MAX_CHATBOTS {
                return Err(Error::Unexpected {
                    status: 200,
                    detail: format!("more than {MAX_CHATBOTS} chatbots are listed"),
                });
            }
        }
    }

    async fn chatbots_from(&self, offset: usize) -> Result<Vec<Listed>, Error> {
        let query = [("offset", &*offset.to_string()), ("limit", PAGE_COUNT)];
        let call = self.call(Method::GET, &["user", "chatbot"], &query)?;
        let (response, secrets) = call.send().await?;
        answer::parsed(response, &secrets, MAX_CHATBOT_BYTES, body::chatbots).await
    }

    /// One chatbot of the user, and where it posts to; also one that is deleted, while CaiGunn knows it.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Unexpected`] also beyond 4 MiB.
    ///
    /// # Cancel safety
    /// The call only reads; the future may be dropped at any time.
    pub async fn chatbot(&self, id: ChatbotId) -> Result<ChatbotDetails, Error> {
        let call = self.call(Method::GET, &["user", "chatbot", &id.to_string()], &[])?;
        let (response, secrets) = call.send().await?;
        answer::parsed(response, &secrets, MAX_CHATBOT_BYTES, body::chatbot).await
    }

    /// A new access token, to end at `expired_date`, which is sent as it is: CaiGunn does not document its form.
    ///
    /// # Errors
    /// See [`Error`].
    ///
    /// # Cancel safety
    /// Dropping the future may leave a token behind that nobody knows.
    pub async fn refresh_token(&self, expired_date: &str) -> Result<SecretString, Error> {
        let query = [("expired_date", expired_date)];
        let call = self.call(Method::GET, &["user", "token", "refresh"], &query)?;
        let (response, secrets) = call.send().await?;
        answer::parsed(response, &secrets, MAX_SHORT_BYTES, body::token).await
    }

    /// The `Date` of an answer to a GET of the base URL, whatever its status, to check the clock by. No credentials
    /// are sent.
    ///
    /// # Errors
    /// [`Error::Unavailable`] without an answer.
    ///
    /// # Cancel safety
    /// The call only reads; the future may be dropped at any time.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, Error> {
        let request = self.http.get(self.settings.url.clone());
        let response = request.send().await.map_err(|error| unreachable_error(&error))?;
        let date = response.headers().get(DATE);
        Ok(date.and_then(|date| http_time::date(date.to_str().ok()?)))
    }

    /// A call for the user.
    fn call(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<Call, Error> {
        let mut url = self.settings.url.clone();
        url.path_segments_mut()
            .expect("the configuration takes http and https URLs only, which have a path")
            .pop_if_empty()
            .extend(["api", "external"])
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let access_token = &*self.access_token.get();
        let mut secrets = Secrets::default();
        secrets.add(access_token);
        let request = self.http.request(method, url);
        let request = request.header(ACCESS_TOKEN, secret_header(access_token)?);
        Ok(Call { request, secrets })
    }

    /// A call about one chatbot.
    fn call_about(&self, method: Method, path: &[&str], api_key: &SecretString) -> Result<Call, Error> {
        let mut call = self.call(method, path, &[])?;
        call.secrets.add(api_key);
        call.request = call.request.header(API_KEY, secret_header(api_key)?);
        Ok(call)
    }
}

/// A call to be made, and what it must not tell.
struct Call {
    request: RequestBuilder,
    secrets: Secrets,
}

impl Call {
    async fn send(self) -> Result<(Response, Secrets), Error> {
        let sent = self.request.send().await;
        let response = sent.map_err(|error| unreachable_error(&error))?;
        Ok((response, self.secrets))
    }
}

/// A header that is never printed.
fn secret_header(secret: &SecretString) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(|_| Error::Invalid {
        status: 0,
        detail: "not sent: a credential has characters that no header may have".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
