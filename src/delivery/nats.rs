//! A destination that is a subject of NATS JetStream: each notification is one message, and the stream's acknowledgement is
//! what says that it has it.
//!
//! `Nats-Msg-Id` is what the stream drops repeats by. It does so across all of its subjects, and also where it has the
//! message no more, with an acknowledgement that only says `duplicate`. So that is not believed: the stream is asked for the
//! message it speaks of, and if that is another one, or none, or cannot be looked at, ours is published once more under an id
//! that no other destination uses.
//!
//! The library's own way to reconnect is not used: it keeps what was published meanwhile and sends it later, and of what was
//! under way its callers hear nothing. A connection that ended, or did not answer in time, is replaced by the next attempt.

mod ack;
pub(super) mod look;
mod taken;
mod wire;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::{HeaderMap, Request, RequestErrorKind};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::envelope::Envelope;
use super::http::place;
use super::kept::{self, Deliver, Lent, Line};
use super::login::Login;
use super::pattern::Pattern;
use super::{DestinationSettings, Parcel, Report, Sender, Wish, absent};
use crate::backoff::Backoff;
use crate::inbox::Receipt;
use crate::inbox::outbox::Outcome;
use ack::Ack;
use taken::Taken;
use wire::Connection;
pub use wire::DEFAULT_PORT;

/// What a stream knows a message by. Servers look at this spelling alone.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// The header with the destination's name, by which what it published is known where the stream has it under another subject.
const DESTINATION: &str = "caigunn-destination";

/// How long JetStream may take to say which streams it has: one that is there needs milliseconds.
const NAMES_TIMEOUT: Duration = Duration::from_secs(2);

/// The waits before it is seen whether a stream takes messages again that was away: servers choose a leader within seconds, and
/// only a message shows it.
const AGAIN_MIN: Duration = Duration::from_secs(5);
const AGAIN_MAX: Duration = Duration::from_secs(20);

/// The longest subject, in bytes. A server takes lines of 4096, and ends the connection at a longer one.
const MAX_SUBJECT_BYTES: usize = 1024;

/// What is to be known of a destination that is a subject.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server: `nats://` or `tls://`, host and port.
    pub url: Url,
    /// Who we are. A password without a user is a token.
    pub login: Login,
    /// The subject of each notification.
    pub subject: Pattern,
}

/// Publishes to a subject.
pub struct NatsSender {
    /// The name of the destination.
    destination: String,
    settings: Settings,
    line: Line<Connection>,
    taken: Taken,
    /// How many messages in a row found their stream away.
    away_count: AtomicU32,
    again: Backoff,
}

impl NatsSender {
    /// Makes one; nothing is connected yet.
    pub fn new(destination: &DestinationSettings, settings: &Settings) -> Self {
        Self {
            destination: destination.name.clone(),
            settings: settings.clone(),
            line: Line::new(destination, place(&settings.url)),
            taken: Taken::default(),
            away_count: AtomicU32::new(0),
            again: Backoff::new(AGAIN_MIN, AGAIN_MAX).expect("five seconds are less than twenty"),
        }
    }

    /// Publishes, and waits for the acknowledgement of a stream.
    async fn publish(
        &self,
        connection: &Lent<Connection>,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Ack, Report> {
        let bytes = wire::header_bytes(&headers) + body.len();
        let most = connection.value.client.max_payload();
        if bytes > most {
            let detail = format!(
                "not sent: it has {bytes} bytes with its headers, and {most} are the most that {} takes (max_payload)",
                self.line.place
            );
            return Err(Report::new(Outcome::Refused, detail).asking(Wish::NeverThis));
        }
        let request = Request::new().headers(headers).payload(body);
        let Some(answer) = self.ask(connection, subject, request).await? else {
            return Err(self.untaken(connection, subject).await);
        };
        let ack = ack::read(&answer, subject, bytes)?;
        self.taken.note(subject);
        Ok(ack)
    }

    /// What is to be said where nobody takes a subject. Where a stream is, or was, that passes: its servers choose a leader, or
    /// the one that is asked is leaving and has no JetStream any more.
    async fn untaken(&self, connection: &Lent<Connection>, subject: &str) -> Report {
        let detail = format!("no stream takes subject {subject} at {}", self.line.place);
        if !self.taken.has(subject) && !self.may_have_stream(connection, subject).await {
            // The server is there, and another subject may have one.
            return Report::new(Outcome::Refused, detail);
        }
        // Who is leaving keeps its connections for minutes. A new one leads to a server that stays, or waits for one.
        connection.forget();
        let detail = format!(
            "{detail} now: its stream has no leader, or the server is leaving, which passes by itself, or the stream was deleted"
        );
        Report::new(Outcome::Failed, detail).asking(Wish::WhenBack)
    }

    /// Whether JetStream has a stream for that subject, or is not in a state to say so. Where it may not be asked, it has none.
    async fn may_have_stream(&self, connection: &Lent<Connection>, subject: &str) -> bool {
        let question = Request::new().payload(json!({"subject": subject}).to_string().into());
        let asking = self.ask(connection, ack::NAMES, question);
        match timeout(NAMES_TIMEOUT.min(self.line.timeout() / 2), asking).await {
            Ok(Ok(Some(answer))) => ack::may_have_stream(&answer),
            Ok(Ok(None)) => false,
            Ok(Err(_)) => connection.ended.is_cancelled(),
            // The servers that could say it have no leader themselves.
            Err(_) => true,
        }
    }

    /// As [`ack::known`], of the message that the stream says to have had. The outer error is that of an attempt whose
    /// connection has ended.
    async fn known(
        &self,
        connection: &Lent<Connection>,
        ack: &Ack,
        subject: &str,
        id: &str,
    ) -> Result<Result<(), String>, Report> {
        let request = Request::new().payload(format!("{{\"seq\":{}}}", ack.sequence).into());
        let api = ack.api(&format!("STREAM.MSG.GET.{}", ack.stream));
        match self.ask(connection, &api, request).await {
            Ok(Some(answer)) => Ok(ack::known(&answer, subject, id, &self.destination)),
            Ok(None) => Ok(Err(ack::unseen(id, &format!("nobody answers to {api}")))),
            Err(report) if connection.ended.is_cancelled() => Err(report),
            Err(report) => Ok(Err(ack::unseen(id, &report.detail))),
        }
    }

    /// One question and its answer; `None` if nobody is there whom it is for.
    async fn ask(
        &self,
        connection: &Lent<Connection>,
        subject: &str,
        request: Request,
    ) -> Result<Option<Bytes>, Report> {
        let Lent { value, ended, .. } = connection;
        let refusal = value.refusal(subject);
        let answered = tokio::select! {
            answered = value.client.send_request(subject.to_owned(), request.timeout(None)) => answered,
            detail = refusal => {
                // The library remembers for ever what it has no answer to.
                connection.forget();
                return Err(Report::new(Outcome::Refused, detail));
            }
            () = ended.cancelled() => return Err(value.end()),
        };
        let error = match answered {
            Ok(message) => return Ok(Some(message.payload)),
            Err(error) => error,
        };
        match error.kind() {
            RequestErrorKind::NoResponders => Ok(None),
            _ => {
                connection.forget();
                let detail = format!("no acknowledgement from {}: {error}", self.line.place);
                Err(Report::new(Outcome::Unreachable, detail))
            }
        }
    }
}

impl Deliver for NatsSender {
    type Connection = Connection;

    const ANSWER: &str = "acknowledgement";

    fn line(&self) -> &Line<Connection> {
        &self.line
    }

    async fn connect(&self, ended: CancellationToken) -> Result<Connection, Report> {
        wire::connect(&self.settings, self.line.timeout(), ended).await
    }

    async fn deliver(
        &self,
        connection: Lent<Connection>,
        parcel: &Parcel,
        envelope: Envelope,
    ) -> Result<String, Report> {
        let subject = subject(&self.settings.subject, &parcel.receipt)?;
        let Envelope { body, headers } = envelope;
        let id = parcel.message_id();
        let publish = |id: &str| {
            let mut message = HeaderMap::new();
            for (name, value) in &headers {
                message.insert(*name, value.as_str());
            }
            message.insert(MESSAGE_ID, id);
            message.insert(DESTINATION, &*self.destination);
            self.publish(&connection, &subject, message, body.clone())
        };
        let ack = publish(&id).await?;
        if !ack.duplicate {
            return Ok(format!("stream {} has it as {}", ack.stream, ack.sequence));
        }
        let Err(because) = self.known(&connection, &ack, &subject, &id).await? else {
            let Ack { stream, sequence, .. } = ack;
            return Ok(format!("stream {stream} had it already, as {sequence}"));
        };
        // Under this one only this destination publishes, so if it was had, ours was: no id of a replay has an @.
        let again = publish(&format!("{id}@{}", self.destination)).await?;
        let had = if again.duplicate { "had" } else { "has" };
        Ok(format!(
            "stream {} {had} it as {}, under an id of its own: {because}",
            again.stream, again.sequence
        ))
    }
}

impl Sender for NatsSender {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        Box::pin(async move {
            let report = kept::attempt(self, parcel).await;
            match (report.outcome, report.wish) {
                (Outcome::Failed, Wish::WhenBack) => _ = self.away_count.fetch_add(1, Ordering::Relaxed),
                // The stream is there, or the server itself is not.
                (Outcome::Delivered | Outcome::Unreachable, _) => self.away_count.store(0, Ordering::Relaxed),
                _ => {}
            }
            report
        })
    }

    fn is_back(&self) -> BoxFuture<'_, bool> {
        match self.away_count.load(Ordering::Relaxed) {
            0 => Box::pin(absent::is_back(&self.settings.url, DEFAULT_PORT)),
            count => Box::pin(async move {
                sleep(self.again.wait(count, fastrand::f64())).await;
                true
            }),
        }
    }
}

/// A subject as the configuration may have it: no blanks, no wildcards, no part of it empty, and not one of the server's own.
pub fn pattern(text: &str) -> Option<Pattern> {
    let is_legal = |part: &str| {
        !part.is_empty() && !part.contains(|letter: char| letter.is_whitespace() || "*>".contains(letter))
    };
    let is_own = text.starts_with('$') || text.starts_with("_INBOX");
    let is_subject = text.split('.').all(is_legal) && text.len() <= MAX_SUBJECT_BYTES && !is_own;
    Pattern::new(text).filter(|_| is_subject)
}

/// The subject of a notification, whose event name may be of any length.
fn subject(pattern: &Pattern, receipt: &Receipt) -> Result<String, Report> {
    let subject = pattern.fill(receipt);
    if subject.len() <= MAX_SUBJECT_BYTES {
        return Ok(subject);
    }
    let detail = format!(
        "not sent: its subject would have {} bytes, and {MAX_SUBJECT_BYTES} are the most",
        subject.len()
    );
    Err(Report::new(Outcome::Refused, detail).asking(Wish::NeverThis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::send::sample::parcel;

    #[test]
    fn a_subject_that_no_server_takes_is_no_setting() {
        for text in [
            "", "a b", "a..b", ".a", "a.", "a.*", "a.>", "$JS.API", "_INBOX.a", "a\t", "{job}",
        ] {
            assert_eq!(pattern(text), None, "{text:?}");
        }
        for text in [
            "a",
            "caigunn.{event}.{status}",
            "{chatbot_id}",
            "a.$b",
            "a-{event}",
        ] {
            assert!(pattern(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn a_name_too_long_for_a_subject_is_never_sent() {
        let mut receipt = parcel(r#"{"event":"cr","status":"completed"}"#).receipt;
        let pattern = pattern("a.{event}").unwrap();
        assert_eq!(subject(&pattern, &receipt), Ok("a.cr".to_owned()));

        receipt.event.event = "x".repeat(MAX_SUBJECT_BYTES - 1).into();
        let refused = subject(&pattern, &receipt).unwrap_err();

        assert_eq!(
            (refused.outcome, refused.wish),
            (Outcome::Refused, Wish::NeverThis)
        );
        assert_eq!(
            refused.detail,
            "not sent: its subject would have 1025 bytes, and 1024 are the most"
        );
    }
}
