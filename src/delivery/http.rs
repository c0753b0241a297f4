//! A destination that is a URL: each notification is one POST, signed as Standard Webhooks says.
//!
//! The status of the answer decides, and nothing behind it: an application that has said 2xx has the notification, also
//! if the rest of its answer never comes. Of that rest little is kept and it is waited for only briefly, so that a destination
//! costs neither memory nor time beyond its timeout, whatever it answers. An application may say so before it has read what it
//! takes, so the rest of that is sent nevertheless; and what it answered is read though it takes no more.
//!
//! Left out on purpose: redirects, which could lead the notification and its signature elsewhere; and any retry, which
//! is the schedule's.

pub(super) mod answer;
mod connector;
mod pool;
pub(super) mod reach;
pub(super) mod stream;
#[cfg(test)]
mod tests;
mod way;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper_util::client::proxy::matcher::Intercept;
use reqwest::ClientBuilder;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};
use url::Url;

use answer::{Beginning, Missing, Redirect, Stage};
use way::Way;

use super::envelope::{Envelope, Sealer};
use super::{DestinationSettings, Error, Parcel, Report, Sender, absent};
use crate::http_time::retry_after;
use crate::inbox::outbox::Outcome;
use crate::outgoing;

/// The longest that connecting may take: a host that is there needs milliseconds.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of the whole timeout connecting may take, so that what was slow can be said.
pub(super) const CONNECT_SHARE: f64 = 0.9;

/// How long connecting may take in an attempt that may take so long.
pub(super) fn connect_timeout(timeout: Duration) -> Duration {
    timeout.mul_f64(CONNECT_SHARE).min(MAX_CONNECT_TIMEOUT)
}

/// How many headers an answer may have: more than any proxy adds, and some 16 KiB while it is read. The 100 of the HTTP
/// library made no answer of a 200.
const MAX_HEADERS: usize = 256;

/// How long a connection is kept for the next attempt. Node.js, which closes sooner than most, does it after 5 s; an
/// attempt that meets such a close is lost.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a connection is used. A busy one lies idle at no time, and would go on to where the application was before its name
/// was given another address; a name is looked up for each connection, which is what it costs. It is as often as elsewhere that
/// names are looked up.
const MAX_AGE: Duration = Duration::from_secs(20);

/// Headers that no destination can be given, besides all that begin with one of [`OWN_PREFIXES`]: those of one
/// connection (RFC 9110 section 7.6.1), and those that this program or its HTTP library sets.
const OWN_HEADERS: [&str; 13] = [
    "connection",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
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

impl Settings {
    /// The proxy that stands before it.
    fn intercept(&self) -> Option<Intercept> {
        self.proxy.then(|| outgoing::intercept(&self.url)).flatten()
    }
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
    way: Way,
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
    pub fn new(destination: &DestinationSettings, settings: &Settings) -> Result<Self, Error> {
        Self::through(destination, settings, settings.intercept(), outgoing::tls)
    }

    /// One that goes through that proxy, and trusts what `trusted` gives.
    fn through(
        destination: &DestinationSettings,
        settings: &Settings,
        proxy: Option<Intercept>,
        trusted: impl Fn() -> Result<ClientConfig, String> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let timeout = destination.timeout;
        let max_idle_count = destination.max_in_flight;
        Ok(Self {
            way: Way::new(settings, proxy, connect_timeout(timeout), max_idle_count, trusted)?,
            settings: settings.clone(),
            place: place(&settings.url),
            hidden: answer::hidden(&settings.url, &settings.headers),
            sealer: Sealer::new(destination),
            timeout,
        })
    }

    async fn attempt(&self, parcel: Parcel) -> Report {
        match self.sealer.seal(&parcel).await {
            Ok(envelope) => self.post(envelope).await,
            Err(report) => report,
        }
    }

    /// Posts what is sealed, as an attempt with a notification does. Never takes much longer than the timeout.
    ///
    /// # Cancel safety
    /// Dropping the future ends the attempt; it may have been received.
    pub async fn post(&self, envelope: Envelope) -> Report {
        let deadline = Instant::now() + self.timeout;
        let answered = self.exchanged(envelope, deadline).await;
        answered.unwrap_or_else(|missing| match missing {
            Some(missing) => missing.report(&self.place),
            None => Report::new(
                Outcome::Timeout,
                format!(
                    "no answer from {} within {} s",
                    self.place,
                    self.timeout.as_secs_f64()
                ),
            ),
        })
    }

    /// The error is why there is no answer, and none where it did not come in time.
    async fn exchanged(&self, envelope: Envelope, deadline: Instant) -> Result<Report, Option<Missing>> {
        let request = self.way.request(envelope);
        let request = request.map_err(|cause| Some(Missing(Stage::Unsent, cause)))?;
        let sent = timeout_at(deadline, self.way.send(request)).await;
        let answered = sent.map_err(|_| None)?.map_err(Some)?;
        let (status, headers) = (answered.response.status(), answered.response.headers());
        let (pause, redirect) = (retry_after(headers), Redirect::of(&self.settings.url, headers));
        let mut body = Beginning::default();
        // Whether all of it came, and in time, is nobody's concern.
        answered.read(&mut body, deadline).await;
        // Without encryption the proxy itself may have said so.
        let connector = &self.way.connector;
        let may_be_a_proxy_s = connector.reading_proxy().is_some() && answer::is_a_proxy_s(status);
        let through = may_be_a_proxy_s.then(|| connector.through());
        let said = answer::said(status, redirect, through);
        Ok(answer::report(status, pause, said, body, &self.hidden))
    }
}

impl Sender for HttpSender {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        Box::pin(self.attempt(parcel))
    }

    fn is_back(&self) -> BoxFuture<'_, bool> {
        if self.settings.intercept().is_some() {
            // Who is there behind a proxy, only a request tells.
            return Box::pin(std::future::ready(false));
        }
        let url = &self.settings.url;
        Box::pin(absent::is_back(
            url,
            url.port_or_known_default().unwrap_or_default(),
        ))
    }
}

/// A header for every request, if it may be one: it is not this program's affair or the connection's, and its value has
/// no line end. The value is never printed.
///
/// # Errors
/// What is allowed where it is not.
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name: HeaderName = name
        .parse()
        .map_err(|_| "a header's name, of letters, digits and -")?;
    if OWN_HEADERS.contains(&name.as_str())
        || OWN_PREFIXES
            .iter()
            .any(|prefix| name.as_str().starts_with(prefix))
    {
        return Err("a header that neither the connection nor this program sets");
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| "a text of ASCII without ends of lines")?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The host and port of a URL, without anything secret.
pub fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A client to what is called by HTTP and is no destination of this kind: through the same proxy, and with the same trust.
pub(super) fn client_to(settings: &Settings) -> ClientBuilder {
    let client = match settings.proxy {
        true => outgoing::to(&settings.url),
        false => outgoing::directly_to(&settings.url),
    };
    client.redirect(reqwest::redirect::Policy::none())
}
