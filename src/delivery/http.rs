//! A destination that is a URL: each notification is one POST, signed as Standard Webhooks says.
//!
//! The status of the answer decides, and nothing behind it: an application that has said 2xx has the notification, also
//! if the rest of its answer never comes. Of that rest little is read and nothing waited for, so that a destination
//! costs neither memory nor time beyond its timeout, whatever it answers.
//!
//! Left out on purpose: redirects, which could lead the notification and its signature elsewhere; and any retry, which
//! is the schedule's.

mod answer;
pub(super) mod reach;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Request};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::envelope::{Envelope, Sealer};
use super::{DestinationSettings, Error, Parcel, Report, Sender};
use crate::inbox::outbox::Outcome;
use crate::outgoing;

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
    sealer: Sealer,
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
        Ok(Self {
            client: client.build().map_err(Error::Client)?,
            settings: settings.clone(),
            place: place(&settings.url),
            hidden: answer::hidden(&settings.url, &settings.headers),
            sealer: Sealer::new(destination),
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
        let Envelope { body, headers } = self.sealer.seal(parcel).await?;
        let mut request = self
            .client
            .post(self.settings.url.clone())
            .headers(self.settings.headers.clone());
        for (name, value) in headers {
            request = request.header(name, value);
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
