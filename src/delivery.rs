//! The way out: takes each accepted notification to the destinations that want it, until they say that they have it.
//!
//! Actors: the inbox, which holds receipts and, for each destination, how far it is (`inbox::outbox`); a worker a
//! destination, in the receiver that leads; the destination, which may be slow, wrong or down.
//!
//! - **At least once.** An attempt of which nobody knows whether it was received is made again, with the same id.
//! - **In order, a job at a time.** Of one job, a notification is sent only when the one before it is recorded as
//!   delivered, dead or called off. Other jobs do not wait.
//! - **Delivered means said so**: 2xx, exit code 0, or the acknowledgement of a queue. All else is tried again by the [`schedule`](Schedule), and then
//!   is a dead letter, which is kept.
//! - **Nothing that happens here is in the way of a notification that arrives.** There is no row a receipt, and nobody
//!   waits for a destination.
//!
//! Not promised: an order between jobs, or that a destination gets nothing twice.
//!
//! Where what is:
//!
//! - `backlog`: what may be sent next, and which attempt uses up a try; `schedule`: how long is waited before the next one;
//!   `health`: when a destination is down, and how much it is sent; `filter`: which receipts it gets.
//! - `worker`: does that for one destination; `dispatch`: starts the workers, in the receiver that leads; `log` and `metrics`:
//!   what is said of it.
//! - `envelope`: what is sent, whatever carries it; `format` and `cloudevents`: its body; `pattern`: where in a queue it goes.
//! - `send`: what an attempt is, and what is said of it afterwards; `http`, `command`, `nats`, `redis`, `sqs`, `kafka`: what makes
//!   one. What a 410 does, and every other answer to a post, is in `http/answer.rs`.
//! - `kept`, `login`, `secret`: connections, users and secrets, where several of these have them; `absent`: whether somebody is
//!   back.
//! - `look`: what `doctor` finds of a destination, which each kind looks for itself.
//! - `follow`: does what operators ask for; `instruction`: how far that is; `status` and `view`: what people are shown.

mod absent;
mod backlog;
pub mod cloudevents;
pub mod command;
pub mod dispatch;
pub mod envelope;
pub mod filter;
mod follow;
pub mod format;
mod health;
pub mod http;
pub mod instruction;
pub mod kafka;
mod kept;
mod log;
pub mod login;
pub mod look;
mod metrics;
pub mod nats;
pub mod pattern;
pub mod redis;
pub mod schedule;
mod secret;
pub mod send;
pub mod sqs;
pub mod status;
pub mod view;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::clock::Timestamp;
use crate::rotating::Rotating;
use command::CommandSender;
pub use dispatch::Dispatch;
pub use filter::Filter;
pub use follow::{Answer, Answers, QUESTION_TIMEOUT};
pub use format::Format;
use http::HttpSender;
use login::Login;
use nats::NatsSender;
pub use schedule::Schedule;
pub use secret::secret;
pub use send::{PAUSED_ITSELF, Parcel, Report, Sender, Wish};
use sqs::SqsSender;
pub use status::{Failure, Status};
pub use view::Deliveries;

/// What the way out must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When a delivery is tried again.
    pub schedule: Schedule,
    /// For how long a destination that is configured no more keeps its place; none at all if that is zero.
    pub removal_grace: Duration,
    /// Where receipts go, at most [`MAX_DESTINATIONS`](crate::inbox::outbox::MAX_DESTINATIONS), each with a name of its own.
    pub destinations: Vec<DestinationSettings>,
}

/// What is to be known of one destination.
#[derive(Clone, Debug)]
pub struct DestinationSettings {
    /// Its name: 1 to 40 of `a-z`, `0-9`, `-` and `_`.
    pub name: String,
    /// What it gets.
    pub filter: Filter,
    /// From where on it gets receipts when it is new; `None`: from then on.
    pub since: Option<Timestamp>,
    /// How many attempts run at once, 1 to 256.
    pub max_in_flight: usize,
    /// How many attempts begin in a second at most; `None`: as many as can.
    pub max_per_second: Option<f64>,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// How a notification is put for it.
    pub format: Format,
    /// The secrets to sign with, as Standard Webhooks writes them (`whsec_...`): one signature each. A program gets none.
    pub secrets: Rotating<Vec<SecretString>>,
    /// What it is.
    pub kind: Kind,
}

impl DestinationSettings {
    /// How often secrets of its were read anew from their files.
    fn renewal_count(&self) -> usize {
        let login = self.kind.login();
        self.secrets.replaced_count() + login.map_or(0, |login| login.password.replaced_count())
    }
}

/// What a destination is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A URL to post to.
    Http(http::Settings),
    /// A program to run.
    Command(command::Settings),
    /// A subject of NATS JetStream to publish to.
    Nats(nats::Settings),
    /// A stream of Redis to add to.
    Redis(redis::Settings),
    /// A queue of Amazon SQS.
    Sqs(sqs::Settings),
    /// A topic of Kafka.
    Kafka(kafka::Settings),
}

impl Kind {
    /// Its name in the configuration.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Command(_) => "command",
            Self::Nats(_) => "nats",
            Self::Redis(_) => "redis",
            Self::Sqs(_) => "sqs",
            Self::Kafka(_) => "kafka",
        }
    }

    /// Where that is, without anything secret: scheme, host and port of a URL, or the program; host, port and name in a queue.
    pub fn place(&self) -> String {
        match self {
            Self::Http(settings) => settings.url.origin().ascii_serialization(),
            Self::Command(settings) => settings.program.clone(),
            Self::Nats(settings) => format!("{} {}", http::place(&settings.url), settings.subject),
            Self::Redis(settings) => format!("{} {}", http::place(&settings.url), settings.stream),
            Self::Sqs(settings) => settings.url.to_string(),
            Self::Kafka(settings) => format!("{} {}", settings.brokers, settings.topic),
        }
    }

    /// Who it is told that we are, if it is told by a user and a password.
    pub const fn login(&self) -> Option<&Login> {
        match self {
            Self::Http(_) | Self::Command(_) | Self::Sqs(_) => None,
            Self::Nats(settings) => Some(&settings.login),
            Self::Redis(settings) => Some(&settings.login),
            Self::Kafka(settings) => Some(&settings.login),
        }
    }
}

/// Why there is nothing to send to a destination with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection can be made to any URL.
    #[error("the system's certificates cannot be read")]
    Client(#[source] reqwest::Error),
    /// No connection with TLS can be made. In words.
    #[error("{0}")]
    Certificates(String),
    /// A URL is too long, or has a host that none can have.
    #[error("its URL is none that HTTP can be spoken with")]
    Url,
    /// Kafka was left out. The configuration lets no such destination through.
    #[error("this program was built without Kafka")]
    WithoutKafka,
}

/// What sends to that destination; nothing is sent yet.
pub fn sender(destination: &DestinationSettings) -> Result<Arc<dyn Sender>, Error> {
    Ok(match &destination.kind {
        Kind::Http(settings) => Arc::new(HttpSender::new(destination, settings)?),
        Kind::Command(settings) => Arc::new(CommandSender::new(destination, settings)),
        Kind::Nats(settings) => Arc::new(NatsSender::new(destination, settings)),
        Kind::Redis(settings) => Arc::new(redis::RedisSender::new(destination, settings)),
        Kind::Sqs(settings) => Arc::new(SqsSender::new(destination, settings)?),
        #[cfg(feature = "kafka")]
        Kind::Kafka(settings) => Arc::new(kafka::KafkaSender::new(destination, settings)),
        #[cfg(not(feature = "kafka"))]
        Kind::Kafka(_) => return Err(Error::WithoutKafka),
    })
}

/// Looks whether there is something at a destination that would take what is sent, and what its word is worth.
///
/// # Errors
/// The system's certificates cannot be read, or a URL is none.
pub async fn look(kind: &Kind) -> Result<Vec<look::Sight>, Error> {
    let seen = match kind {
        Kind::Http(settings) => vec![http::reach::look(settings).await?],
        Kind::Command(settings) => vec![command::find::look(settings)],
        Kind::Nats(settings) => nats::look::look(settings).await,
        Kind::Redis(settings) => redis::look::look(settings).await,
        Kind::Sqs(settings) => sqs::look(settings).await.map_err(Error::Client)?,
        #[cfg(feature = "kafka")]
        Kind::Kafka(settings) => kafka::look(settings).await,
        // The configuration lets none through.
        #[cfg(not(feature = "kafka"))]
        Kind::Kafka(_) => Vec::new(),
    };
    Ok(seen.into_iter().map(|sight| sight.shown(kind.login())).collect())
}
