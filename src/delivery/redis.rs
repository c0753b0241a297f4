//! A destination that is a stream of Redis: each notification is one entry, added by `XADD`, and its id in the answer is what
//! says that it is there.
//!
//! Redis gives each entry an id of its own, so a repeat is a second entry. It is told by its `message-id`, which all
//! attempts of a delivery share. An id of ours would not do: Redis refuses one that is not above all that it ever had, so
//! entries of two jobs could not be told apart from repeats, and a replay could not arrive.
//!
//! Nothing is sent twice by the library: a connection that broke is replaced by the next attempt. Streams have no cap, since
//! one drops what nobody has read yet.

pub(super) mod look;
mod refusal;
mod wire;

use futures_util::future::BoxFuture;
use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, Value};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::envelope::Envelope;
use super::http::place;
use super::kept::{self, Deliver, Lent, Line};
use super::login::Login;
use super::pattern::Pattern;
use super::send::MESSAGE_ID;
use super::{DestinationSettings, Parcel, Report, Sender, Wish, absent};
use crate::inbox::outbox::Outcome;
use wire::Connection;
pub use wire::DEFAULT_PORT;

/// The field with the body.
const BODY: &str = "body";

/// What is to be known of a destination that is a stream.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server: `redis://` or `rediss://`, host and port, and the number of a database.
    pub url: Url,
    /// Who we are.
    pub login: Login,
    /// The key of the stream of each notification.
    pub stream: Pattern,
}

impl Settings {
    /// The number of the database.
    pub fn database(&self) -> i64 {
        database(&self.url).unwrap_or_default()
    }
}

/// The number of the database in a URL, 0 if it names none.
///
/// # Errors
/// It names something else.
pub fn database(url: &Url) -> Result<i64, std::num::ParseIntError> {
    match url.path().trim_start_matches('/') {
        "" => Ok(0),
        number => number.parse::<u16>().map(i64::from),
    }
}

/// Adds to a stream.
pub struct RedisSender {
    settings: Settings,
    line: Line<Connection>,
}

impl RedisSender {
    /// Makes one; nothing is connected yet.
    pub fn new(destination: &DestinationSettings, settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            line: Line::new(destination, place(&settings.url)),
        }
    }
}

impl Deliver for RedisSender {
    type Connection = Connection;

    const ANSWER: &str = "answer";

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
        let stream = self.settings.stream.fill(&parcel.receipt);
        let mut value = connection.value.clone();
        let longest = envelope.body.len().max(stream.len());
        if let Some(most) = value.max_bytes.filter(|most| longest > *most) {
            let detail = format!(
                "not sent: it has {longest} bytes, and {most} are the most that {} takes (proto-max-bulk-len)",
                self.line.place
            );
            return Err(Report::new(Outcome::Refused, detail).asking(Wish::NeverThis));
        }
        let command = command(&stream, &parcel.message_id(), &envelope);
        let answered = tokio::select! {
            answered = value.connection.req_packed_command(&command) => answered.and_then(Value::extract_error),
            () = connection.ended.cancelled() => Err((ErrorKind::Io, "it ended before the answer").into()),
        };
        match answered {
            Ok(Value::BulkString(id)) => Ok(format!(
                "stream {stream} has it as {}",
                String::from_utf8_lossy(&id)
            )),
            Ok(_) => {
                let detail = format!(
                    "{} answered something else than the id of an entry",
                    self.line.place
                );
                Err(Report::new(Outcome::Failed, detail))
            }
            Err(error) => {
                if refusal::ends_connection(&error) {
                    connection.forget();
                }
                Err(refusal::report(&error, &self.line.place, &stream, longest))
            }
        }
    }
}

impl Sender for RedisSender {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        Box::pin(kept::attempt(self, parcel))
    }

    fn is_back(&self) -> BoxFuture<'_, bool> {
        Box::pin(absent::is_back(&self.settings.url, DEFAULT_PORT))
    }
}

/// What adds an entry.
fn command(stream: &str, message_id: &str, envelope: &Envelope) -> Cmd {
    let mut command = redis::cmd("XADD");
    command.arg(stream).arg("*").arg(MESSAGE_ID).arg(message_id);
    for (name, value) in &envelope.headers {
        command.arg(*name).arg(value);
    }
    command.arg(BODY).arg(&*envelope.body);
    command
}
