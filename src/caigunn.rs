//! CaiGunn's REST API: one typed method a call.
//!
//! Errors are sorted by what a caller would do about them. No secret is in any of them: the URL of a call holds
//! none, answers that are errors are quoted in part and without what we sent, and others not at all.
//!
//! Left out on purpose: the calls that start jobs, which are the application's, and any retry, which is the caller's.

mod answer;
mod body;
mod error;
pub mod keyring;
mod list;
mod model;
mod patience;
pub mod spelling;
mod token;

#[cfg(test)]
mod tests;

use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, DATE, HeaderName, HeaderValue};
use reqwest::{ClientBuilder, Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};
use crate::fingerprint::Fingerprint;
use crate::http_time;
use crate::outgoing::{self, Trusting};
use crate::rotating::Rotating;
use answer::{Asked, MAX_SHORT_BYTES, Secrets, unreachable_error};
use body::Mistake;
use patience::Patience;

pub(crate) use answer::aside;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use body::event_log;
pub use error::{ACCESS_TOKEN, Credential, Error};
pub use model::{Chatbot, EventLog, Listing, LogEntry, MAX_NAMED, Settings, Standing, Unreadable};
pub use patience::{MAX_WAIT, Quiet};
pub use token::expires_at;

/// The header that names one chatbot.
const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// The header that carries the user's token.
const ACCESS_TOKEN_HEADER: HeaderName = HeaderName::from_static("caigunn-access-token");

/// How much of a call's time looking up its name, connecting and TLS may take. The addresses of a name share it, so that one that
/// says nothing hides no other and leaves the next one time for its answer; and of two name servers the second is asked after 5 s.
const CONNECT_SHARE: f64 = 0.6;

/// The longest that connecting may take: a host that is there needs milliseconds.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much is read of a page of chatbots or of one with all its members, in bytes. A page of 30 has some thousand.
const MAX_CHATBOT_BYTES: usize = 4 << 20;

/// How much is read of an event log, in bytes. The crawl of a large site lists tens of thousands of ids of 39 bytes:
/// some megabytes, and `server.body_limit_bytes` is 8 MiB; a log holds several notifications of that size.
const MAX_LOG_BYTES: usize = 32 << 20;

/// A client of CaiGunn's API, for one user. Cheap to clone; clones have one [quiet time](Client::quiet_until) together.
#[derive(Clone, Debug)]
pub struct Client {
    http: Arc<Trusting<reqwest::Client>>,
    settings: Settings,
    /// As it is in its file now.
    access_token: Rotating<SecretString>,
    patience: Patience,
    /// When the last call began to which the list has answered: the access token was good then.
    proven_at: Arc<Mutex<Option<Instant>>>,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        let url = settings.url.clone();
        Self::by(settings, move || outgoing::to(&url))
    }

    /// As [`Client::new`], by clients that are built upon these.
    fn by(
        settings: Settings,
        builder: impl Fn() -> ClientBuilder + Send + Sync + 'static,
    ) -> Result<Self, reqwest::Error> {
        let timeout = settings.timeout;
        let http = Trusting::new(move || {
            builder()
                .timeout(timeout)
                .connect_timeout(timeout.mul_f64(CONNECT_SHARE).min(MAX_CONNECT_TIMEOUT))
                // A redirect could carry the credentials elsewhere.
                .redirect(reqwest::redirect::Policy::none())
                .build()
        })?;
        let access_token = Rotating::new(settings.access_token.clone());
        Ok(Self {
            http: Arc::new(http),
            settings,
            access_token,
            patience: Patience::default(),
            proven_at: Arc::default(),
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

    /// The time in which no call is made, since CaiGunn has asked for patience or is down, if it is such a time.
    pub fn quiet(&self) -> Option<Quiet> {
        self.patience.quiet()
    }

    /// Until when no call is made. A call in that time fails at once, with the error that began it.
    pub fn quiet_until(&self) -> Option<Instant> {
        Some(self.quiet()?.until)
    }

    /// How long that is from now; zero where calls are made.
    pub fn quiet_left(&self) -> Duration {
        self.quiet_until().map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// Makes `webhook_url` the one that the chatbot of `api_key` posts to; returns CaiGunn's word on it, which may speak of the
    /// URL that stood there before: nothing is told of the tokens of `others` either.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the URL was set; setting it again is safe.
    pub async fn put_webhook<'a>(
        &self,
        api_key: &SecretString,
        webhook_url: &'a SecretString,
        others: impl IntoIterator<Item = &'a SecretString>,
    ) -> Result<String, Error> {
        let mut call = self.call_about(Method::PUT, &["chatbot", "webhook"], api_key, Credential::ApiKey)?;
        let urls = others.into_iter().chain([webhook_url]);
        urls.for_each(|url| call.asked.secrets.add_webhook_url(url));
        let body = json!({ "webhook_url": webhook_url.expose_secret() });
        call.request = call.request.json(&body);
        self.make(call, MAX_SHORT_BYTES, answer::words).await
    }

    /// Makes the chatbot of `api_key` post to nobody; returns CaiGunn's word on it.
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the URL was forgotten; asking again is safe.
    pub async fn delete_webhook(&self, api_key: &SecretString) -> Result<String, Error> {
        let call = self.call_about(
            Method::DELETE,
            &["chatbot", "webhook"],
            api_key,
            Credential::ApiKey,
        )?;
        self.make(call, MAX_SHORT_BYTES, answer::words).await
    }

    /// The log of one job of the chatbot of `api_key`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] also beyond 32 MiB.
    pub async fn event_log(&self, api_key: &SecretString, event_id: EventId) -> Result<EventLog, Error> {
        let path = ["chatbot", "event", &event_id.to_string()];
        let call = self.call_about(Method::GET, &path, api_key, Credential::ApiKeyOfLog)?;
        self.make(call, MAX_LOG_BYTES, |text, _| body::event_log(text))
            .await
    }

    /// What stands for one chatbot of the user, also for one that is deleted, while CaiGunn knows it.
    ///
    /// # Errors
    /// [`Error::Unexpected`] also beyond 4 MiB.
    pub async fn chatbot(&self, id: ChatbotId) -> Result<Standing, Error> {
        let path = ["user", "chatbot", &id.to_string()];
        let call = self.call(Method::GET, &path, &[], Credential::Chatbot(id))?;
        self.make(call, MAX_CHATBOT_BYTES, |text, _| body::chatbot(text))
            .await
    }

    /// A new access token, to end at `expired_date`, which is sent as it is: CaiGunn does not document its form.
    ///
    /// # Cancel safety
    /// Dropping the future may leave a token behind that nobody knows.
    pub async fn refresh_token(&self, expired_date: &str) -> Result<SecretString, Error> {
        let (path, query) = (["user", "token", "refresh"], [("expired_date", expired_date)]);
        let call = self.call(Method::GET, &path, &query, Credential::AccessToken)?;
        self.make(call, MAX_SHORT_BYTES, |text, _| body::token(text))
            .await
    }

    /// The `Date` of an answer to a GET of the base URL, whatever its status, to check the clock by. No credentials
    /// are sent.
    ///
    /// # Errors
    /// [`Error::Unavailable`] without an answer.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, Error> {
        let request = self.http.get().0.get(self.settings.url.clone());
        let response = request.send().await.map_err(|error| unreachable_error(&error))?;
        let date = response.headers().get(DATE);
        Ok(date.and_then(|date| http_time::date(date.to_str().ok()?)))
    }

    /// Makes a call. A 401 of one about a chatbot is that chatbot's only if the list takes the access token.
    async fn make<T: Send + 'static>(
        &self,
        call: Call,
        max_bytes: usize,
        parse: impl FnOnce(&str, &Asked) -> Result<T, Mistake> + Send + 'static,
    ) -> Result<T, Error> {
        let (began, token) = (Instant::now(), self.access_token.replaced_count());
        let result = self.attempt(call, max_bytes, parse).await;
        if let Err(Error::Refused {
            whose, status: 401, ..
        }) = &result
            && *whose != Credential::AccessToken
        {
            self.prove_token(began).await?;
            if self.access_token.replaced_count() != token {
                // The one before may have been what was refused.
                return Err(Error::of_replaced_token());
            }
        }
        result
    }

    /// Makes a call, unless CaiGunn is to be left alone.
    async fn attempt<T: Send + 'static>(
        &self,
        call: Call,
        max_bytes: usize,
        parse: impl FnOnce(&str, &Asked) -> Result<T, Mistake> + Send + 'static,
    ) -> Result<T, Error> {
        if let Some(error) = self.patience.refusal() {
            return Err(error);
        }
        let kind = (call.method, discriminant(&call.asked.whose));
        let result = match call.request.send().await {
            Ok(response) => answer::parsed(response, call.asked, max_bytes, parse).await,
            Err(error) => {
                // The next call is made with what is trusted then: its authority may have been added since.
                if outgoing::is_distrust(&error) {
                    let (_, used) = self.http.get();
                    self.http.renew(used);
                }
                Err(unreachable_error(&error))
            }
        };
        self.patience.note(kind, result.as_ref().err());
        result
    }

    /// Has the list say that the access token was good at that time or later. Many who ask at once ask CaiGunn once.
    async fn prove_token(&self, at: Instant) -> Result<(), Error> {
        let mut proven_at = self.proven_at.lock().await;
        if proven_at.is_some_and(|proven_at| proven_at >= at) {
            return Ok(());
        }
        let began = Instant::now();
        match self.chatbots_from(0, "1").await {
            Err(error) if error.is_outage() || error.is_account_refused() => Err(error),
            // Whatever else it says, it is no word against the token.
            _ => {
                *proven_at = Some(began);
                Ok(())
            }
        }
    }

    /// A call for the user.
    fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        whose: Credential,
    ) -> Result<Call, Error> {
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
        let request = self.http.get().0.request(method.clone(), url);
        let token = secret_header(access_token, &Credential::AccessToken)?;
        let request = request.header(ACCESS_TOKEN_HEADER, token);
        // Whoever is told nothing may compress what it likes (RFC 9110, section 12.5.3).
        let request = request.header(ACCEPT_ENCODING, "identity");
        let asked = Asked { secrets, whose };
        Ok(Call {
            method,
            request,
            asked,
        })
    }

    /// A call about one chatbot.
    fn call_about(
        &self,
        method: Method,
        path: &[&str],
        api_key: &SecretString,
        whose: fn(Fingerprint) -> Credential,
    ) -> Result<Call, Error> {
        let mut call = self.call(method, path, &[], whose(Fingerprint::of(api_key)))?;
        call.asked.secrets.add(api_key);
        let key = secret_header(api_key, &call.asked.whose)?;
        call.request = call.request.header(API_KEY, key);
        Ok(call)
    }
}

/// A call to be made, and what it must not tell.
struct Call {
    method: Method,
    request: RequestBuilder,
    asked: Asked,
}

/// A header that is never printed.
fn secret_header(secret: &SecretString, whose: &Credential) -> Result<HeaderValue, Error> {
    let unsendable = || Error::Unsendable { whose: whose.clone() };
    let text = Some(secret.expose_secret()).filter(|_| is_sendable(secret));
    let mut value = HeaderValue::from_str(text.ok_or_else(unsendable)?).map_err(|_| unsendable())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether a header may hold a secret: what is beyond ASCII one may, and every server reads it in another way.
fn is_sendable(secret: &SecretString) -> bool {
    let mut bytes = secret.expose_secret().bytes();
    bytes.all(|byte| byte.is_ascii_graphic() || byte == b' ')
}
