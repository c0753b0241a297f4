//! What all clients of brokers share: how they reach them, and what is remembered of what went wrong.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use super::Settings;
use crate::inbox::outbox::Outcome;
use crate::outgoing;

/// How the library puts it that a handshake was answered with something else than TLS, or with the end of the connection.
const NO_TLS: [&str; 2] = [
    "wrong version number",
    "connecting to a PLAINTEXT broker listener",
];

/// How the library begins where the first bytes of an answer are no length.
const NO_BROKER: &str = "Invalid response size";

/// How a message ended: its partition and offset there.
pub type Ending = Result<(i32, i64), KafkaError>;

/// Hears what the library has to say.
#[derive(Default)]
pub struct Context {
    /// What went wrong since a message was last taken. The library does not repeat itself, so this is also why the next
    /// message is not.
    last_error: Mutex<Option<(RDKafkaErrorCode, String)>>,
}

impl Context {
    /// What is known of why nothing is acknowledged.
    pub fn last_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_last_error(&self, error: Option<(RDKafkaErrorCode, String)>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    /// What a wait in vain came to, with what the library said of it; `None` if it said nothing.
    pub fn trouble(&self) -> Option<(Outcome, String)> {
        let (code, reason) = self.last_error()?;
        Some(match code {
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => (
                Outcome::Refused,
                format!("the brokers do not let this user in: {reason}"),
            ),
            RDKafkaErrorCode::ClusterAuthorizationFailed => {
                (Outcome::Refused, format!("this user may not do this: {reason}"))
            }
            // Of how many, the library's count is often of none.
            RDKafkaErrorCode::AllBrokersDown => (
                Outcome::Unreachable,
                "no connection to any broker lasts".to_owned(),
            ),
            // It advises to raise a limit that nobody can set.
            _ if reason.contains(NO_BROKER) => (
                Outcome::Unreachable,
                "what answers there is no broker, or wants TLS (kafka+ssl://)".to_owned(),
            ),
            _ if NO_TLS.iter().any(|words| reason.contains(words)) => {
                (Outcome::Unreachable, format!("{}: {reason}", outgoing::NO_TLS))
            }
            // A handshake that fails is told under one of several codes.
            code if code == RDKafkaErrorCode::SSL || reason.contains("SSL_HANDSHAKE") => {
                (Outcome::Unreachable, format!("no TLS with the brokers: {reason}"))
            }
            RDKafkaErrorCode::OperationTimedOut => (Outcome::Timeout, reason),
            _ => (Outcome::Unreachable, reason),
        })
    }
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!("librdkafka: {facility}: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        tracing::debug!("librdkafka: {error}: {reason}");
        // That none is left says less than why one is not there.
        if code != RDKafkaErrorCode::AllBrokersDown || self.last_error().is_none() {
            self.set_last_error(Some((code, reason.to_owned())));
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<oneshot::Sender<Ending>>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiting: Self::DeliveryOpaque) {
        let ending = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        if ending.is_ok() {
            self.set_last_error(None);
        }
        // Whoever waited may be gone.
        let _ = waiting.send(ending);
    }
}

/// The most that a connection may take, its TLS and its login included; librdkafka itself waits for 30 s.
const MAX_SETUP_TIMEOUT: Duration = Duration::from_secs(10);

/// The least that librdkafka lets be said.
const MIN_SETUP_TIMEOUT: Duration = Duration::from_secs(1);

/// How brokers are reached, with this password, by who waits for so long. Half of that goes to each address, so that one that
/// says nothing does not hide the next.
pub fn config(settings: &Settings, password: Option<&SecretString>, patience: Duration) -> ClientConfig {
    let setup_timeout = (patience / 2).clamp(MIN_SETUP_TIMEOUT, MAX_SETUP_TIMEOUT);
    let mut config = ClientConfig::new();
    config
        .set("client.id", "caigunn-webhook")
        .set("bootstrap.servers", &settings.brokers)
        .set("socket.keepalive.enable", "true")
        .set(
            "socket.connection.setup.timeout.ms",
            setup_timeout.as_millis().to_string(),
        )
        // How late the return of a broker may be noticed.
        .set("reconnect.backoff.max.ms", "1000")
        // No topic is made by mistake.
        .set("allow.auto.create.topics", "false");
    let login = settings.login.user.as_ref().zip(password);
    let protocol = match (settings.is_encrypted, &login) {
        (false, None) => "plaintext",
        (true, None) => "ssl",
        (false, Some(_)) => "sasl_plaintext",
        (true, Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if settings.is_encrypted {
        config.set("ssl.ca.pem", trusted());
    }
    if let Some((user, password)) = login {
        config
            .set("sasl.mechanism", settings.mechanism.as_str().to_uppercase())
            .set("sasl.username", user)
            .set("sasl.password", password.expose_secret());
    }
    config
}

/// The certificates that all other calls out of here trust.
fn trusted() -> String {
    let certificates = rustls_native_certs::load_native_certs().certs;
    let as_text = certificates.iter().map(|certificate| {
        let text = BASE64_STANDARD.encode(certificate);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    });
    as_text.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_that_fails_is_no_tls_under_whatever_code_it_is_told() {
        for (code, reason, is_tls) in [
            (
                RDKafkaErrorCode::SSL,
                "broker certificate could not be verified",
                true,
            ),
            (
                RDKafkaErrorCode::BrokerTransportFailure,
                "certificate verify failed (after 1ms in state SSL_HANDSHAKE)",
                true,
            ),
            (
                RDKafkaErrorCode::BrokerTransportFailure,
                "connection refused",
                false,
            ),
        ] {
            let context = Context::default();
            context.error(KafkaError::Global(code), reason);

            let (outcome, told) = context.trouble().expect("something was said");

            assert_eq!(outcome, Outcome::Unreachable);
            assert_eq!(told.starts_with("no TLS with the brokers: "), is_tls, "{told}");
            assert!(told.ends_with(reason), "{told}");
        }
    }

    #[test]
    fn neither_the_librarys_count_of_brokers_nor_its_advice_is_told() {
        for (code, reason, expected) in [
            (
                RDKafkaErrorCode::AllBrokersDown,
                "0/1 brokers are down",
                "no connection to any broker lasts",
            ),
            (
                RDKafkaErrorCode::BrokerTransportFailure,
                "b:9092/bootstrap: Receive failed: Invalid response size 1213486160 (0..100000000): increase \
                 receive.message.max.bytes",
                "what answers there is no broker, or wants TLS (kafka+ssl://)",
            ),
        ] {
            let context = Context::default();
            context.error(KafkaError::Global(code), reason);

            let told = context.trouble();

            assert_eq!(told, Some((Outcome::Unreachable, expected.to_owned())));
        }
    }
}
