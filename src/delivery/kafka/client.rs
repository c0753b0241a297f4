//! What all clients of brokers share: how they reach them, and what is remembered of what went wrong.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use parking_lot::{Condvar, Mutex};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
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

/// How the library puts it that the broker wants to see a certificate of ours.
const CERTIFICATE_REQUIRED: &str = "certificate required";

/// How the library begins where the first bytes of an answer are no length.
const NO_BROKER: &str = "Invalid response size";

/// How the library goes on where a connection ended before the broker had said anything; it guesses at settings then.
const SILENT: &str = ": requesting ApiVersion";

/// What the library logs of a connection that was in use: brokers end those that are idle, which is no trouble.
const IN_USE: &str = " in state UP";

/// How the library begins what brokers themselves have answered.
const OF_BROKER: &str = "Broker: ";

/// How a broker says that too few copies of a partition are in sync, before it has written a message or afterwards.
const IN_SYNC: &str = "in-sync replicas";

/// How the library says that it has a producer id.
const PRODUCER_ID: &str = "Acquired PID";

/// How the library says that the certificate of a broker is of no authority that is trusted, or otherwise not as it must be.
const NO_TRUST: &str = "certificate verify failed";

/// What brokers answer who do not know a producer, or not as it is. They take nothing more from it, and the library goes on
/// with it.
const OF_PRODUCER: [RDKafkaErrorCode; 4] = [
    RDKafkaErrorCode::ProducerFenced,
    RDKafkaErrorCode::InvalidProducerEpoch,
    RDKafkaErrorCode::UnknownProducerId,
    RDKafkaErrorCode::OutOfOrderSequenceNumber,
];

/// What is said of that.
pub const STRANGER: &str = "the brokers do not know this producer as it is any more, so another one is made";

/// Whether a broker has answered that a producer is the reason.
pub fn is_of_producer(code: RDKafkaErrorCode) -> bool {
    OF_PRODUCER.contains(&code)
}

/// The same of what it has answered, in the library's words.
fn tells_of_producer(reason: &str) -> bool {
    OF_PRODUCER.iter().any(|code| code.to_string().contains(reason))
}

/// Whether another producer may fare better, by what an attempt came to: brokers do not know this one any more, or what is trusted
/// was read when it was made.
pub fn is_outworn(told: &str) -> bool {
    told.contains(STRANGER) || told.contains(NO_TRUST)
}

/// For how long an error stands beside what other brokers take: of one that stays the library says so every 30 s.
const REPEATED_WITHIN: Duration = Duration::from_secs(60);

/// How a message ended: its partition and offset there, or its partition and why it is not there.
pub type Ending = Result<(i32, i64), (i32, KafkaError)>;

/// Hears what the library has to say.
#[derive(Default)]
pub struct Context {
    known: Mutex<Known>,
    /// Told when something was heard of a producer id.
    heard: Condvar,
}

/// What was heard of why messages are not taken.
#[derive(Default)]
struct Known {
    /// What went wrong with a connection, and when.
    last_error: Option<(RDKafkaErrorCode, String, Instant)>,
    /// When a partition has last taken a message.
    taken_at: HashMap<i32, Instant>,
    /// What the broker that leads a partition has answered last, and when, if the library tried again: it does so until the
    /// time is over, and tells nobody why.
    refusals: HashMap<i32, (String, Instant)>,
    /// Whether there is a producer id, or none will come.
    is_settled: bool,
}

impl Known {
    /// The last error, where it may be why that partition takes nothing. As long as nothing is taken at all, that is it: the
    /// library repeats itself too seldom.
    fn error(&self, partition: i32) -> Option<(RDKafkaErrorCode, &str)> {
        let (code, reason, at) = self.last_error.as_ref()?;
        let is_after = |taken: Option<&Instant>| taken.is_none_or(|taken| taken < at);
        let is_last = is_after(self.taken_at.values().max());
        let is_fresh = is_after(self.taken_at.get(&partition)) && at.elapsed() < REPEATED_WITHIN;
        (is_last || is_fresh).then_some((*code, reason))
    }
}

/// How the library marks, among what it does then, that a refusal ended a message: whose message that was is told it.
const FOR_GOOD: &str = "Permanent";

/// What a line of the library's log says of a broker's refusal after which it tries again: the partition, and why.
fn refusal(line: &str) -> Option<(i32, &str)> {
    let (head, rest) = line.split_once("]: MessageSet with ")?;
    let (_, partition) = head.rsplit_once('[')?;
    let (_, error) = rest.split_once(" encountered error: ")?;
    let (error, actions) = error.rsplit_once(" (actions ")?;
    let reason = error.strip_prefix(OF_BROKER)?;
    // Of a producer that is not known it says so and tries again all the same.
    if actions.contains(FOR_GOOD) && !tells_of_producer(reason) {
        return None;
    }
    Some((partition.parse().ok()?, reason))
}

impl Context {
    /// Waits until there is a producer id, or none will come, or that time is over. Blocks.
    pub fn wait_for_producer_id(&self, limit: Duration) {
        let is_open = |known: &mut Known| !known.is_settled;
        self.heard.wait_while_for(&mut self.known.lock(), is_open, limit);
    }

    /// Remembers what went wrong with a connection.
    fn failed(&self, code: RDKafkaErrorCode, reason: &str) {
        let mut known = self.known.lock();
        // That none is left says less than why one is not there.
        if code != RDKafkaErrorCode::AllBrokersDown || known.error(NO_PARTITION).is_none() {
            known.last_error = Some((code, reason.to_owned(), Instant::now()));
        }
    }

    fn settle(&self) {
        self.known.lock().is_settled = true;
        self.heard.notify_all();
    }

    /// What the broker that leads a partition has answered since then, in words, if it did.
    pub fn refusal(&self, partition: i32, since: Instant) -> Option<String> {
        let known = self.known.lock();
        let (reason, _) = known.refusals.get(&partition).filter(|(_, at)| *at >= since)?;
        let because = match reason {
            _ if reason.contains(IN_SYNC) => "too few copies are in sync (min.insync.replicas): ".to_owned(),
            _ if tells_of_producer(reason) => format!("{STRANGER}: "),
            _ => String::new(),
        };
        Some(format!("partition {partition}: {because}{reason}"))
    }

    /// What a wait in vain for that partition, which is below 0 if nobody knows it, came to, with what the library said of
    /// it; `None` if it said nothing.
    pub fn trouble(&self, partition: i32) -> Option<(Outcome, String)> {
        let known = self.known.lock();
        let (code, reason) = known.error(partition)?;
        let reason = reason.to_owned();
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
            _ if reason.contains(SILENT) => {
                let broker = reason.split(": ").next().unwrap_or_default();
                let detail = format!(
                    "{broker} ends connections before it has said anything: no broker is behind it, or one that wants TLS \
                     (kafka+ssl://) or a login"
                );
                (Outcome::Unreachable, detail)
            }
            _ if NO_TLS.iter().any(|words| reason.contains(words)) => {
                (Outcome::Unreachable, format!("{}: {reason}", outgoing::NO_TLS))
            }
            _ if reason.contains(CERTIFICATE_REQUIRED) => (
                Outcome::Unreachable,
                format!(
                    "{}: set ssl.client.auth=none (or requested) at the brokers: {reason}",
                    outgoing::NO_CERTIFICATE
                ),
            ),
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
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!("librdkafka: {facility}: {message}");
        // That others end a connection is told here alone.
        let is_end = matches!(
            level,
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info
        );
        if facility == "FAIL" && is_end && !message.contains(IN_USE) {
            let reason = message.split_once("]: ").map_or(message, |(_, reason)| reason);
            self.failed(RDKafkaErrorCode::BrokerTransportFailure, reason);
        }
        if let Some((partition, reason)) = refusal(message) {
            let refused = (reason.to_owned(), Instant::now());
            self.known.lock().refusals.insert(partition, refused);
        }
        if facility == "GETPID" && message.contains(PRODUCER_ID) {
            self.settle();
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        tracing::debug!("librdkafka: {error}: {reason}");
        self.failed(code, reason);
        if code == RDKafkaErrorCode::Fatal {
            self.settle();
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<oneshot::Sender<Ending>>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiting: Self::DeliveryOpaque) {
        let ending = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, message)) => Err((message.partition(), error.clone())),
        };
        if let Ok((partition, _)) = ending {
            let mut known = self.known.lock();
            known.refusals.remove(&partition);
            known.taken_at.insert(partition, Instant::now());
        }
        // Whoever waited may be gone.
        let _ = waiting.send(ending);
    }
}

/// What stands for a partition that nobody knows.
pub const NO_PARTITION: i32 = -1;

/// The most that a connection may take, its TLS and its login included; librdkafka itself waits for 30 s.
const MAX_SETUP_TIMEOUT: Duration = Duration::from_secs(10);

/// The least that librdkafka lets be said.
const MIN_SETUP_TIMEOUT: Duration = Duration::from_secs(1);

/// For how long a connection may lie idle. In Azure it is forgotten after four minutes, and nobody told; the library knows that of
/// brokers alone that have `azure` in their names.
const MAX_IDLE_MS: &str = "230000";

/// How brokers are reached, with this password, by who waits for so long. Half of that goes to each address, so that one that
/// says nothing does not hide the next.
pub fn config(settings: &Settings, password: Option<&SecretString>, patience: Duration) -> ClientConfig {
    let setup_timeout = (patience / 2).clamp(MIN_SETUP_TIMEOUT, MAX_SETUP_TIMEOUT);
    let mut config = ClientConfig::new();
    config
        .set("client.id", "caigunn-webhook")
        .set("bootstrap.servers", &settings.brokers)
        .set("socket.keepalive.enable", "true")
        .set("connections.max.idle.ms", MAX_IDLE_MS)
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
        let certificates = rustls_native_certs::load_native_certs().certs;
        config.set("ssl.ca.pem", as_pem(&certificates));
    }
    if let Some((user, password)) = login {
        config
            .set("sasl.mechanism", settings.mechanism.as_str().to_uppercase())
            .set("sasl.username", user)
            .set("sasl.password", password.expose_secret());
    }
    config
}

/// Those of these certificates that all other calls out of here trust: of one that cannot be read the library would take none.
fn as_pem(certificates: &[CertificateDer<'_>]) -> String {
    let mut roots = RootCertStore::empty();
    let trusted = certificates
        .iter()
        .filter(|certificate| roots.add((*certificate).clone()).is_ok());
    let as_text = trusted.map(|certificate| {
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

            let (outcome, told) = context.trouble(NO_PARTITION).expect("something was said");

            assert_eq!(outcome, Outcome::Unreachable);
            assert_eq!(told.starts_with("no TLS with the brokers: "), is_tls, "{told}");
            assert!(told.ends_with(reason), "{told}");
        }
    }

    #[test]
    fn one_certificate_that_cannot_be_read_does_not_take_the_others_with_it() {
        let name = vec!["broker.example".to_owned()];
        let good = rcgen::generate_simple_self_signed(name).unwrap().cert;
        let broken = CertificateDer::from(b"none".to_vec());

        let both = as_pem(&[broken, good.der().clone()]);

        assert_eq!(both, as_pem(&[good.der().clone()]));
        assert_eq!(both.matches("BEGIN CERTIFICATE").count(), 1);
        let mut config = ClientConfig::new();
        config.set("security.protocol", "ssl").set("ssl.ca.pem", both);
        assert!(config.create::<rdkafka::producer::BaseProducer>().is_ok());
    }

    #[test]
    fn no_connection_lies_idle_for_as_long_as_azure_remembers_it() {
        let settings = Settings {
            brokers: "b:9092".to_owned(),
            is_encrypted: false,
            topic: "t".to_owned(),
            login: crate::delivery::login::Login {
                user: None,
                password: crate::rotating::Rotating::new(None),
            },
            mechanism: super::super::Mechanism::Plain,
        };

        let config = config(&settings, None, Duration::from_secs(15));

        let idle: u64 = config.get("connections.max.idle.ms").unwrap().parse().unwrap();
        assert!(idle < 240_000, "{idle}");
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
            (
                RDKafkaErrorCode::BrokerTransportFailure,
                "b:9092/1: Disconnected: requesting ApiVersion: might be caused by incorrect security.protocol configuration",
                "b:9092/1 ends connections before it has said anything: no broker is behind it, or one that wants TLS \
                 (kafka+ssl://) or a login",
            ),
        ] {
            let context = Context::default();
            context.error(KafkaError::Global(code), reason);

            let told = context.trouble(NO_PARTITION);

            assert_eq!(told, Some((Outcome::Unreachable, expected.to_owned())));
        }
    }

    #[test]
    fn the_end_of_a_connection_is_heard_of_in_the_log_unless_it_was_in_use() {
        let told = |level: RDKafkaLogLevel, state: &str| {
            let context = Context::default();
            let line = format!("[thrd:b:9092/1]: b:9092/1: Disconnected (after 3ms in state {state})");
            context.log(level, "FAIL", &line);
            context.trouble(NO_PARTITION).map(|(_, told)| told)
        };

        assert_eq!(
            told(RDKafkaLogLevel::Info, "AUTH_REQ").as_deref(),
            Some("b:9092/1: Disconnected (after 3ms in state AUTH_REQ)")
        );
        assert_eq!(told(RDKafkaLogLevel::Info, "UP"), None);
        // Those come as errors, with their code.
        assert_eq!(told(RDKafkaLogLevel::Error, "CONNECT"), None);
    }

    #[test]
    fn what_a_broker_answered_of_a_partition_is_told_of_that_one_and_not_of_what_began_later() {
        let context = Context::default();
        let begun = Instant::now();
        let line = |partition: i32, error: &str| {
            format!(
                "[thrd:b:9092/1]: b:9092/1: a [b] [{partition}]: MessageSet with 1 message(s) (MsgId 5, BaseSeq 4) encountered \
                 error: {error} (actions {}MsgNotPersisted)",
                if error.contains("too large") {
                    "Permanent,"
                } else {
                    "Retry,"
                }
            )
        };
        let log = |line: &str| context.log(RDKafkaLogLevel::Debug, "MSGSET", line);
        log(&line(2, "Broker: Not enough in-sync replicas"));
        log(&line(
            3,
            "Broker: Disk error when trying to access log file on disk",
        ));
        log(&line(4, "Local: Broker transport failure"));
        log(&line(5, "Broker: Message size too large"));
        let unknown = line(6, "Broker: Unknown Producer Id");
        log(&unknown.replace("Retry,", "Permanent,"));

        let told = |partition: i32| context.refusal(partition, begun);
        assert_eq!(
            told(2).as_deref(),
            Some(
                "partition 2: too few copies are in sync (min.insync.replicas): Not enough in-sync replicas"
            )
        );
        assert_eq!(
            told(3).as_deref(),
            Some("partition 3: Disk error when trying to access log file on disk")
        );
        assert_eq!(
            told(6).as_deref(),
            Some(
                "partition 6: the brokers do not know this producer as it is any more, so another one is made: Unknown Producer Id"
            )
        );
        assert_eq!((told(4), told(5), told(NO_PARTITION)), (None, None, None));
        let later = Instant::now() + Duration::from_micros(1);
        assert_eq!((context.refusal(2, later), context.trouble(2)), (None, None));
    }

    #[test]
    fn a_broker_that_wants_a_certificate_is_told_with_what_to_do() {
        let context = Context::default();
        let reason = "ssl://b:9093/1: SSL handshake failed: ssl/record/rec_layer_s3.c:1590:error:0A00045C:SSL routines::tlsv13 alert \
                      certificate required: SSL alert number 116 (after 5ms in state SSL_HANDSHAKE)";
        context.error(KafkaError::Global(RDKafkaErrorCode::SSL), reason);

        let (_, told) = context.trouble(NO_PARTITION).expect("something was said");

        assert!(told.starts_with(outgoing::NO_CERTIFICATE), "{told}");
        assert!(
            told.contains("ssl.client.auth=none") && told.ends_with(reason),
            "{told}"
        );
    }

    #[test]
    fn an_error_stands_for_partitions_that_took_nothing_since_and_for_all_if_none_did() {
        let context = Context::default();
        let now = Instant::now();
        let ago = |seconds: u64| now.checked_sub(Duration::from_secs(seconds)).unwrap();
        let of = |error_age: u64, taken: &[(i32, u64)]| {
            *context.known.lock() = Known {
                last_error: Some((
                    RDKafkaErrorCode::BrokerTransportFailure,
                    "refused".to_owned(),
                    ago(error_age),
                )),
                taken_at: taken
                    .iter()
                    .map(|(partition, age)| (*partition, ago(*age)))
                    .collect(),
                ..Known::default()
            };
            context.trouble(1).is_some()
        };

        assert!(of(5, &[]) && of(5, &[(0, 2)]) && of(5, &[(1, 9), (0, 2)]));
        assert!(of(3_600, &[]) && of(3_600, &[(0, 3_700)]));
        assert!(!of(5, &[(1, 2)]) && !of(3_600, &[(0, 2)]) && !of(3_600, &[(1, 3_700), (0, 2)]));
    }
}
