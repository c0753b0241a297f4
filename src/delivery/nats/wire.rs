//! A connection to a server of NATS.

use std::future::Future;
use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, HeaderMap};
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Settings;
use crate::delivery::http::{connect_timeout, place};
use crate::delivery::{Report, Wish};
use crate::inbox::outbox::Outcome;
use crate::outgoing;

/// Where a server listens that names no port.
pub const DEFAULT_PORT: u16 = 4222;

/// How often a server that says nothing is asked for a word. One that gave none for three times is left, with what was still
/// to be written to it.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// How the server begins to say that a subject is not for us.
const NOT_FOR_US: &str = "Permissions Violation for ";

/// A connection.
#[derive(Clone, Debug)]
pub struct Connection {
    pub client: Client,
    place: String,
    /// What the server has said last that was no answer.
    said: watch::Receiver<String>,
}

impl Connection {
    /// Waits until the server says that this subject is not for us: it gives no answer then.
    pub fn refusal(&self, subject: &str) -> impl Future<Output = String> + use<> {
        let mut said = self.said.clone();
        said.mark_unchanged();
        let (quoted, place) = (format!("\"{subject}\""), self.place.clone());
        async move {
            let is_of_it = |said: &String| said.contains(NOT_FOR_US) && said.contains(&quoted);
            loop {
                if said.changed().await.is_err() {
                    return std::future::pending().await;
                }
                if is_of_it(&said.borrow_and_update()) {
                    return format!("{place} does not let this user publish to {quoted}");
                }
            }
        }
    }

    /// What is to be said of an attempt whose connection has ended.
    pub fn end(&self) -> Report {
        let (said, place) = (self.said.borrow(), &self.place);
        match &**said {
            "" => Report::new(
                Outcome::Unreachable,
                format!("the connection to {place} ended before the answer"),
            ),
            said if said.contains(NOT_FOR_US) => {
                let detail =
                    format!("{place} does not let this user have answers, which come below _INBOX: {said}");
                Report::new(Outcome::Refused, detail)
            }
            said => Report::new(
                Outcome::Unreachable,
                format!("the connection to {place} ended before the answer; the server said: {said}"),
            ),
        }
    }
}

/// Connects; `ended` is cancelled when the connection is of no use any more. The error is what is to be said of the attempt.
pub async fn connect(
    settings: &Settings,
    timeout: Duration,
    ended: CancellationToken,
) -> Result<Connection, Report> {
    let place = place(&settings.url);
    let ours = |detail: String| Report::new(Outcome::Ours, detail);
    let (say, said) = watch::channel(String::new());
    let limit = connect_timeout(timeout);
    let host = settings.url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = settings.url.port().unwrap_or(DEFAULT_PORT);
    // The library gives so much to each address.
    let share = outgoing::share(host, port, limit).await;
    let mut options = ConnectOptions::new()
        .name("caigunn-webhook")
        // One that broke is not made again; one is the least that the library takes.
        .max_reconnects(1)
        .ignore_discovered_servers()
        .connection_timeout(share)
        .request_timeout(None)
        .ping_interval(PING_INTERVAL)
        .client_capacity(MAX_WAITING)
        .event_callback(move |event| {
            match event {
                Event::Disconnected | Event::Closed => ended.cancel(),
                Event::ServerError(error) => {
                    let error = error.to_string();
                    // Without its inbox there is no answer to anything.
                    let is_deaf = error.contains(NOT_FOR_US) && error.contains("Subscription");
                    say.send_replace(error);
                    if is_deaf {
                        ended.cancel();
                    }
                }
                _ => {}
            }
            std::future::ready(())
        });
    if settings.url.scheme() == "tls" {
        options = options.tls_client_config(outgoing::tls().map_err(ours)?);
    }
    let password = settings.login.password.get();
    let password = password
        .as_ref()
        .as_ref()
        .map(|password| password.expose_secret().to_owned());
    options = match (&settings.login.user, password) {
        (Some(user), password) => options.user_and_password(user.clone(), password.unwrap_or_default()),
        (None, Some(token)) => options.token(token),
        (None, None) => options,
    };
    let connected = async_nats::connect_with_options(settings.url.as_str(), options).await;
    let client = connected.map_err(|error| refused(&error, &place, limit))?;
    Ok(Connection { client, place, said })
}

/// How many messages may wait for being written. More wait with those who send them.
const MAX_WAITING: usize = 16;

/// What is to be said where no connection was made, for which there was so much time.
fn refused(error: &ConnectError, place: &str, limit: Duration) -> Report {
    let cause = outgoing::innermost(error);
    let detail = match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            let detail = format!("{place} does not take these credentials: {cause}");
            return Report::new(Outcome::Refused, detail);
        }
        // Whether anybody took the connection, the library does not tell.
        ConnectErrorKind::TimedOut => format!(
            "no server of NATS answers at {place} within {} s",
            limit.as_secs_f64()
        ),
        _ => format!("cannot connect to {place}: {cause}{}", remedy(&cause)),
    };
    Report::new(Outcome::Unreachable, detail).asking(Wish::WhenBack)
}

/// What is to be added to that cause, if a setting of the server may be it.
fn remedy(cause: &str) -> &'static str {
    if outgoing::tells_no_certificate(cause) {
        ": take `verify` and `verify_and_map` out of the server's tls block"
    } else if cause.contains("expected INFO") {
        "; a server of NATS speaks first, unless it is set to begin with TLS (handshake_first), which is not supported here"
    } else {
        ""
    }
}

/// How many bytes these headers are on the wire, which the server counts as it counts the body's.
pub fn header_bytes(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values
            .iter()
            .map(move |value| name.len() + value.as_str().len() + ": \r\n".len())
    });
    "NATS/1.0\r\n\r\n".len() + lines.sum::<usize>()
}
