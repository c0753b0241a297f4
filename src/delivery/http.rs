//! A destination that is a URL: each notification is one POST, signed as Standard Webhooks says.
//!
//! The status of the answer decides, and nothing behind it: an application that has said 2xx has the notification, also
//! if the rest of its answer never comes. Of that rest little is read and nothing waited for, so that a destination
//! costs neither memory nor time beyond its timeout, whatever it answers.
//!
//! Left out on purpose: redirects, which could lead the notification and its signature elsewhere; and any retry, which
//! is the schedule's.

mod answer;
pub mod reach;
mod secret;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Request};
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError,
};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::format::aside;
use super::{DestinationSettings, Error, Format, Parcel, Report, Sender};
use crate::clock::Timestamp;
use crate::event::sample;
use crate::inbox::outbox::Outcome;
use crate::rotating::Rotating;

use crate::outgoing;
pub use secret::secret;

/// The longest that connecting may take: a host that is there needs milliseconds.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of the whole timeout connecting may take, so that what was slow can be said.
const CONNECT_SHARE: f64 = 0.9;

/// How many headers an answer may have: more than any proxy adds, and some 64 KiB while it is read. The 100 of the HTTP
/// library made no answer of a 200.
const MAX_HEADERS: usize = 1000;

/// How long a connection is kept for the next attempt. Node.js, which closes sooner than most, does it after 5 s; an
/// attempt that meets such a close is lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The number of the attempt, from 1 on.
const ATTEMPT: HeaderName = HeaderName::from_static("caigunn-attempt");

/// The event name.
const EVENT: HeaderName = HeaderName::from_static("caigunn-event");

/// What a header cannot carry as itself: event names may have any character that is no control character.
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Headers that no destination can be given, besides all that begin with one of [`OWN_PREFIXES`]: those of one
/// connection (RFC 9110 section 7.6.1), and those that this program or its HTTP library sets.
const OWN_HEADERS: [&str; 11] = [
    "connection",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

const OWN_PREFIXES: [&str; 3] = ["caigunn-", "content-", "webhook-"];

/// What is to be known of a destination that is a URL.
#[derive(Clone)]
pub struct Settings {
    /// Where to post to. Its path and query may hold a secret.
    pub url: Url,
    /// The secrets to sign with, as Standard Webhooks writes them (`whsec_...`): one signature each.
    pub secrets: Rotating<Vec<SecretString>>,
    /// Headers to send, each secret.
    pub headers: HeaderMap,
    /// Whether the proxy that the environment names is used.
    pub proxy: bool,
}

/// Without what is secret.
impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        formatter
            .debug_struct("Settings")
            .field("place", &place(&self.url))
            .field("secrets", &self.secrets)
            .field("headers", &names)
            .field("proxy", &self.proxy)
            .finish()
    }
}

/// Posts to a URL.
pub struct HttpSender {
    client: Client,
    settings: Settings,
    /// Where that is, for people.
    place: String,
    /// What must not be told back.
    hidden: Vec<Vec<u8>>,
    format: Format,
    timeout: Duration,
}

impl HttpSender {
    /// Makes one; nothing is sent yet.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn new(destination: &DestinationSettings, settings: &Settings) -> Result<Self, Error> {
        let timeout = destination.timeout;
        let client = client_to(settings)
            .connect_timeout(timeout.mul_f64(CONNECT_SHARE).min(MAX_CONNECT_TIMEOUT))
            .http1_max_headers(MAX_HEADERS)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(destination.max_in_flight);
        for secret in &*settings.secrets.get() {
            Webhook::new(secret.expose_secret()).map_err(|_| Error::Secret)?;
        }
        Ok(Self {
            client: client.build().map_err(Error::Client)?,
            settings: settings.clone(),
            place: place(&settings.url),
            hidden: answer::hidden(&settings.url, &settings.headers),
            format: destination.format,
            timeout,
        })
    }

    async fn attempt(&self, parcel: Parcel) -> Report {
        let deadline = Instant::now() + self.timeout;
        let request = match self.request(&parcel).await {
            Ok(request) => request,
            Err(detail) => return Report::unanswered(Outcome::Ours, detail),
        };
        match timeout_at(deadline, self.client.execute(request)).await {
            Ok(Ok(response)) => answer::report(response, deadline, &self.hidden).await,
            Ok(Err(error)) => answer::unanswered(&error, &self.settings),
            Err(_) => Report::unanswered(
                Outcome::Timeout,
                format!(
                    "no answer from {} within {} s",
                    self.place,
                    self.timeout.as_secs_f64()
                ),
            ),
        }
    }

    /// What is sent. The error is in words for an operator.
    async fn request(&self, parcel: &Parcel) -> Result<Request, String> {
        let body = self.format.body(parcel).await?;
        let id = parcel.receipt.id.to_string();
        let timestamp_seconds = Timestamp::now().as_micros().div_euclid(1_000_000);
        let event = parcel.receipt.event.to_string();
        let mut request = self
            .client
            .post(self.settings.url.clone())
            .headers(self.settings.headers.clone())
            .header(CONTENT_TYPE, self.format.content_type())
            .header(ATTEMPT, parcel.attempt)
            .header(EVENT, utf8_percent_encode(&event, NOT_IN_HEADERS).to_string())
            .header(HEADER_WEBHOOK_ID, &id)
            .header(HEADER_WEBHOOK_TIMESTAMP, timestamp_seconds);
        if parcel.receipt.is_sample() {
            request = request.header(sample::HEADER, "true");
        }
        let secrets = self.settings.secrets.get();
        if !secrets.is_empty() {
            let signed = body.clone();
            let sign_all = move || -> Result<Vec<String>, WebhookError> {
                let sign = |secret: &SecretString| {
                    Webhook::new(secret.expose_secret())?.sign(&id, timestamp_seconds, &signed)
                };
                secrets.iter().map(sign).collect()
            };
            let signatures = aside(body.len(), sign_all).await;
            let signatures = signatures.map_err(|error| format!("not sent: it cannot be signed: {error}"))?;
            request = request.header(HEADER_WEBHOOK_SIGNATURE, signatures.join(" "));
        }
        request
            .body(body)
            .build()
            .map_err(|error| format!("not sent: {}", outgoing::innermost(&error)))
    }
}

impl Sender for HttpSender {
    fn send(&self, parcel: Parcel) -> Pin<Box<dyn Future<Output = Report> + Send + '_>> {
        Box::pin(self.attempt(parcel))
    }
}

/// A header for every request, if it may be one: it is not this program's affair or the connection's, and its value has
/// no line end. The value is never printed.
pub fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name: HeaderName = name.parse().ok()?;
    if OWN_HEADERS.contains(&name.as_str())
        || OWN_PREFIXES
            .iter()
            .any(|prefix| name.as_str().starts_with(prefix))
    {
        return None;
    }
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

/// The host and port of a URL, without anything secret.
pub fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A client whose way to that destination is that of every attempt.
fn client_to(settings: &Settings) -> ClientBuilder {
    let client = if settings.proxy {
        outgoing::to(&settings.url)
    } else {
        outgoing::directly()
    };
    client.redirect(reqwest::redirect::Policy::none())
}
