//! A connection to a server of NATS.

use std::collections::VecDeque;
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

/// How often a server that says nothing is asked for a word, at most. One that gave none for three times is left, with what was
/// still to be written to it.
const MIN_PING_INTERVAL: Duration = Duration::from_secs(5);

/// How the server begins to say that a subject is not for us.
const NOT_FOR_US: &str = "Permissions Violation for ";

/// The same where we wanted to hear what comes under it.
const DEAF: &str = "Permissions Violation for Subscription";

/// How many of these are remembered: as many attempts may be under way at once, of a subject each.
const MAX_REFUSALS: usize = 256;

/// What a server has said that was no answer.
#[derive(Debug, Default)]
struct Said {
    /// The last of it.
    last: String,
    /// The last of it that were of a subject that is not for us. Several may come before anybody looks.
    refusals: VecDeque<String>,
    /// How many these were in all.
    refusal_count: usize,
}

impl Said {
    fn take(&mut self, said: String) {
        if said.contains(NOT_FOR_US) {
            self.refusals.truncate(MAX_REFUSALS - 1);
            self.refusals.push_front(said.clone());
            self.refusal_count += 1;
        }
        self.last = said;
    }

    /// Whether that subject, in quotes, is not for us, by what was said after so many refusals.
    fn refuses(&self, quoted: &str, after: usize) -> bool {
        let later = self.refusals.iter().take(self.refusal_count - after);
        later.into_iter().any(|said| said.contains(quoted))
    }
}

/// A connection.
#[derive(Clone, Debug)]
pub struct Connection {
    pub client: Client,
    place: String,
    said: watch::Receiver<Said>,
}

impl Connection {
    /// Waits until the server says that this subject is not for us: it gives no answer then.
    pub fn refusal(&self, subject: &str) -> impl Future<Output = String> + use<> {
        let mut said = self.said.clone();
        let known_count = said.borrow().refusal_count;
        let (quoted, place) = (format!("\"{subject}\""), self.place.clone());
        async move {
            if said
                .wait_for(|said| said.refuses(&quoted, known_count))
                .await
                .is_err()
            {
                return std::future::pending().await;
            }
            format!("{place} does not let this user publish to {quoted}")
        }
    }

    /// What is to be said of an attempt whose connection has ended.
    pub fn end(&self) -> Report {
        let (said, place) = (self.said.borrow(), &self.place);
        match &*said.last {
            "" => Report::new(
                Outcome::Unreachable,
                format!("the connection to {place} ended before the answer"),
            ),
            said if said.contains(DEAF) => {
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
    let (say, said) = watch::channel(Said::default());
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
        .ping_interval(ping_interval(timeout))
        .client_capacity(MAX_WAITING)
        .event_callback(move |event| {
            match event {
                Event::Disconnected | Event::Closed => ended.cancel(),
                Event::ServerError(error) => {
                    let error = error.to_string();
                    // Without its inbox there is no answer to anything.
                    let is_deaf = error.contains(DEAF);
                    say.send_modify(|said| said.take(error));
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

/// How often a server is asked for a word where an attempt has so much time. What it is asked waits behind a message that is being
/// written, so one that may take long is given its time.
fn ping_interval(timeout: Duration) -> Duration {
    (timeout / 3).max(MIN_PING_INTERVAL)
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
    } else if cause.contains("could not load platform certs") {
        "; the library of NATS wants to read all of the system's certificates: let this user read each of their files, or name a \
         bundle by SSL_CERT_FILE alone"
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::task::unconstrained;

    use super::*;

    /// One to nobody, and by what it hears what a server says.
    async fn connection() -> (Connection, watch::Sender<Said>) {
        let (say, said) = watch::channel(Said::default());
        let options = ConnectOptions::new().retry_on_initial_connect();
        let client = async_nats::connect_with_options("nats://127.0.0.1:9", options).await;
        let connection = Connection {
            client: client.unwrap(),
            place: "n:4222".to_owned(),
            said,
        };
        (connection, say)
    }

    fn refusal_of(subject: &str) -> String {
        format!("nats: {NOT_FOR_US}Publish to \"{subject}\"")
    }

    #[tokio::test]
    async fn of_several_refusals_at_once_each_is_heard_by_who_waits_for_it_and_by_nobody_later() {
        let (connection, say) = connection().await;
        let subjects: Vec<_> = (0..MAX_REFUSALS).map(|number| format!("a.{number}")).collect();
        let waiting: Vec<_> = subjects
            .iter()
            .map(|subject| connection.refusal(subject))
            .collect();

        for subject in &subjects {
            say.send_modify(|said| said.take(refusal_of(subject)));
        }
        say.send_modify(|said| said.take("another".to_owned()));

        for (subject, waiting) in subjects.iter().zip(waiting) {
            let expected = format!("n:4222 does not let this user publish to \"{subject}\"");
            assert_eq!(unconstrained(waiting).now_or_never(), Some(expected));
        }
        assert_eq!(connection.refusal(&subjects[0]).now_or_never(), None);
        (0..MAX_REFUSALS).for_each(|_| say.send_modify(|said| said.take(refusal_of("b"))));
        assert_eq!(connection.said.borrow().refusals.len(), MAX_REFUSALS);
    }

    #[tokio::test]
    async fn a_connection_that_ended_is_deaf_only_where_its_inbox_was_refused() {
        let (connection, say) = connection().await;
        say.send_modify(|said| said.take(refusal_of("a.Subscription")));
        let end = connection.end();
        assert_eq!(end.outcome, Outcome::Unreachable, "{end:?}");
        assert!(end.detail.ends_with(&refusal_of("a.Subscription")), "{end:?}");

        say.send_modify(|said| said.take(format!("nats: {DEAF} to \"_INBOX.x.*\"")));
        let end = connection.end();
        assert_eq!(end.outcome, Outcome::Refused, "{end:?}");
        assert!(
            end.detail.contains("have answers, which come below _INBOX"),
            "{end:?}"
        );
    }

    #[test]
    fn who_may_take_long_to_write_a_message_is_asked_for_a_word_less_often() {
        for (timeout, expected) in [(1, 5), (15, 5), (60, 20)] {
            let interval = ping_interval(Duration::from_secs(timeout));
            assert_eq!(interval, Duration::from_secs(expected));
        }
    }
}
