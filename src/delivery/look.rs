//! What a look at a destination finds, for `doctor`. No notification is sent, and nothing is changed.

#[cfg(feature = "kafka")]
use super::kafka;
use super::{Kind, command, http, nats, redis, sqs};

/// What was found, in words for an operator; nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// That is as it should be.
    Good(String),
    /// It delivers, and this is not as it should be.
    Doubtful {
        /// What.
        what: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// Nothing can be delivered.
    Bad {
        /// What is wrong.
        what: String,
        /// What to do about it.
        advice: &'static str,
    },
}

/// Looks whether there is something at a destination that would take what is sent, and what its word is worth.
///
/// # Errors
/// The system's certificates cannot be read.
///
/// # Cancel safety
/// May be dropped at any time.
pub async fn look(kind: &Kind) -> Result<Vec<Sight>, reqwest::Error> {
    Ok(match kind {
        Kind::Http(settings) => vec![http::reach::look(settings).await?],
        Kind::Command(settings) => vec![command::find::look(settings)],
        Kind::Nats(settings) => nats::look::look(settings).await,
        Kind::Redis(settings) => redis::look::look(settings).await,
        Kind::Sqs(settings) => sqs::look(settings).await?,
        #[cfg(feature = "kafka")]
        Kind::Kafka(settings) => kafka::look(settings).await,
        // The configuration lets none through.
        #[cfg(not(feature = "kafka"))]
        Kind::Kafka(_) => Vec::new(),
    })
}
