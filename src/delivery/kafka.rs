//! A destination that is a topic of Kafka: each notification is one message, and its job is the key, so that a job stays in
//! one partition and in order there.
//!
//! `acks=all`: what is acknowledged is with all replicas that are in sync, of which the topic says how many must be. The
//! producer is idempotent: what its library repeats by itself is there once. An attempt that had no acknowledgement in time
//! may be written later all the same; so a consumer may see it twice, with the same `webhook-id`. Within one producer the
//! late one cannot come after what was written behind it: after such a timeout the library goes on in a new epoch, and the
//! broker refuses the old one.
//!
//! The library is C (librdkafka), so all that sends is behind the feature `kafka`; what can be configured is not.

#[cfg(feature = "kafka")]
mod client;
#[cfg(feature = "kafka")]
mod producer;
#[cfg(feature = "kafka")]
mod topic;

use super::login::Login;
use crate::words::words;

#[cfg(feature = "kafka")]
pub(super) use producer::KafkaSender;
#[cfg(feature = "kafka")]
pub(super) use topic::look;

/// Whether this program can send to topics: only with the feature `kafka`.
pub const IS_BUILT_IN: bool = cfg!(feature = "kafka");

/// What is to be known of a topic.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to begin: `HOST:PORT`, several between commas.
    pub brokers: String,
    /// Whether the brokers speak TLS.
    pub is_encrypted: bool,
    /// The name of the topic.
    pub topic: String,
    /// Who we are, where brokers ask.
    pub login: Login,
    /// How they are shown the password.
    pub mechanism: Mechanism,
}

words!(
    /// How a password is shown to brokers.
    pub enum Mechanism {
        /// As it is.
        Plain = "plain",
        /// By a proof that brokers cannot use elsewhere, with SHA-256.
        ScramSha256 = "scram-sha-256",
        /// The same with SHA-512.
        ScramSha512 = "scram-sha-512",
    }
);
