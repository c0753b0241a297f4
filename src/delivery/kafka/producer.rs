//! Sends to a topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig, ThreadedProducer};
use secrecy::SecretString;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Settings;
use super::client::{Context, Ending, NO_PARTITION, STRANGER, config, is_of_producer, is_outworn};
use crate::delivery::envelope::{Envelope, Sealer};
use crate::delivery::send::MESSAGE_ID;
use crate::delivery::{DestinationSettings, Parcel, Report, Sender, Wish};
use crate::inbox::outbox::Outcome;

/// The longest message that the library lets through, so that it is the broker who says what is too large.
const MAX_MESSAGE_BYTES: &str = "1000000000";

/// How much later than the time limit the library may say that it is over: it looks once a second.
const SLACK: Duration = Duration::from_secs(3);

/// How long an attempt that has found no cause may take to ask whether its partition has a leader.
const LEADER_TIMEOUT: Duration = Duration::from_secs(1);

/// For how long a topic may be unknown that others have just made.
const TOPIC_PROPAGATION: Duration = Duration::from_secs(5);

/// From how many bytes on a message may be why no broker says anything: those of Azure Event Hubs take 1,046,528 at most, of all
/// that belongs to it, and end the connection at more.
const SILENCING_BYTES: usize = 1_000_000;

/// How old a producer is at least that is replaced since another one may fare better.
const MIN_AGE: Duration = Duration::from_secs(5);

/// Sends to a topic.
pub struct KafkaSender {
    settings: Settings,
    timeout: Duration,
    sealer: Sealer,
    /// Made by the first attempt, and anew where the library cannot go on.
    producer: Mutex<Option<Arc<Producer>>>,
}

/// A producer whose end nobody waits for.
struct Producer {
    inner: Option<ThreadedProducer<Context>>,
    /// What it was made with.
    password: Arc<Option<SecretString>>,
    made_at: Instant,
    /// Another one may fare better: it reads anew what this machine trusts, and is none that brokers may have forgotten.
    is_outworn: AtomicBool,
}

impl Producer {
    fn get(&self) -> &ThreadedProducer<Context> {
        self.inner.as_ref().expect("it is taken when it is dropped")
    }

    /// Whether it is of use, and has this password.
    fn can_go_on(&self, password: &Arc<Option<SecretString>>) -> bool {
        let is_outworn = self.is_outworn.load(Ordering::Relaxed) && self.made_at.elapsed() >= MIN_AGE;
        !is_outworn && Arc::ptr_eq(&self.password, password) && self.get().client().fatal_error().is_none()
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let producer = self.inner.take();
        // It waits for the library's threads. Without a thread, that is here.
        let _ = thread::Builder::new().spawn(move || drop(producer));
    }
}

/// Takes back what is not sent yet if the attempt is dropped: a leader that was has nothing more to say.
struct TakeBack<'a>(Option<&'a Producer>);

impl Drop for TakeBack<'_> {
    fn drop(&mut self) {
        if let Some(producer) = self.0 {
            producer
                .get()
                .purge(PurgeConfig::default().queue().non_blocking());
        }
    }
}

impl KafkaSender {
    /// Makes one; nothing is connected to yet.
    pub fn new(destination: &DestinationSettings, settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            timeout: destination.timeout,
            sealer: Sealer::new(destination),
            producer: Mutex::new(None),
        }
    }

    async fn attempt(&self, parcel: Parcel) -> Report {
        let envelope = match self.sealer.seal(&parcel).await {
            Ok(envelope) => envelope,
            Err(report) => return report,
        };
        let since = Instant::now();
        let producer = match self.producer() {
            Ok(producer) => producer,
            Err(error) => return Report::new(Outcome::Ours, format!("not sent: {error}")),
        };
        let job = parcel.job();
        let size_bytes = size_bytes(&envelope, &job);
        let (ending, ended) = oneshot::channel();
        let record = BaseRecord::with_opaque_to(&self.settings.topic, Box::new(ending))
            .key(job.as_bytes())
            .payload(&envelope.body[..])
            .headers(headers(&parcel, &envelope));
        if let Err((error, _)) = producer.get().send(record) {
            return self.failed(&producer, &error, (NO_PARTITION, since), size_bytes);
        }
        let mut take_back = TakeBack(Some(&producer));
        let ended = timeout(self.timeout + SLACK, ended).await;
        let report = match ended {
            Ok(Ok(ending)) => {
                take_back.0 = None;
                let partition = ending.as_ref().err().map(|(partition, _)| *partition);
                let report = self.report(&producer, ending, since, size_bytes);
                match (report.outcome, partition) {
                    (Outcome::Timeout, Some(partition)) if self.has_no_leader(&producer, partition).await => {
                        Report {
                            outcome: Outcome::Failed,
                            detail: format!("{}: no broker leads partition {partition}", report.detail),
                            ..report
                        }
                    }
                    _ => report,
                }
            }
            Ok(Err(_)) | Err(_) => self.timed_out(&producer, (NO_PARTITION, since), size_bytes),
        };
        if is_outworn(&report.detail) {
            producer.is_outworn.store(true, Ordering::Relaxed);
        }
        report
    }

    /// The one there is, or a new one.
    fn producer(&self) -> Result<Arc<Producer>, KafkaError> {
        let mut held = self.producer.lock();
        let password = self.settings.login.password.get();
        if let Some(producer) = held.as_ref().filter(|producer| producer.can_go_on(&password)) {
            return Ok(Arc::clone(producer));
        }
        let millis = |duration: Duration| duration.as_millis().to_string();
        let mut config = config(&self.settings, Option::as_ref(&password), self.timeout);
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", millis(self.timeout))
            .set(
                "topic.metadata.propagation.max.ms",
                millis(TOPIC_PROPAGATION.min(self.timeout / 2)),
            )
            .set("message.max.bytes", MAX_MESSAGE_BYTES)
            .set("linger.ms", "0")
            // A broker takes or refuses a batch as a whole, and bounds its size.
            .set("batch.num.messages", "1")
            // As all other clients choose a partition for a key.
            .set("partitioner", "murmur2_random")
            // What brokers answer to what is tried again within an attempt is told in the log alone.
            .set("debug", "msg")
            .set_log_level(RDKafkaLogLevel::Debug);
        let producer = config.create_with_context(Context::default())?;
        Ok(Arc::clone(held.insert(Arc::new(Producer {
            inner: Some(producer),
            password,
            made_at: Instant::now(),
            is_outworn: AtomicBool::new(false),
        }))))
    }

    fn report(&self, producer: &Producer, ending: Ending, since: Instant, size_bytes: usize) -> Report {
        match ending {
            Ok((partition, offset)) => Report::new(
                Outcome::Delivered,
                format!("partition {partition}, offset {offset}"),
            ),
            Err((partition, error)) => self.failed(producer, &error, (partition, since), size_bytes),
        }
    }

    /// What is to be said of an attempt that ended so, with the partition that it was for, and since when.
    fn failed(
        &self,
        producer: &Producer,
        error: &KafkaError,
        place: (i32, Instant),
        size_bytes: usize,
    ) -> Report {
        use RDKafkaErrorCode as Code;
        let topic = &self.settings.topic;
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        // It drops all that waits, whatever it says of each.
        if let Some((code, reason)) = producer.get().client().fatal_error() {
            return ended(code, &reason);
        }
        let (outcome, detail) = match code {
            Code::MessageTimedOut => return self.timed_out(producer, place, size_bytes),
            Code::ClusterAuthorizationFailed => return ended(code, &code.to_string()),
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                (Outcome::Refused, format!("there is no topic {topic}"))
            }
            Code::TopicAuthorizationFailed => (
                Outcome::Refused,
                format!("this user may not write to topic {topic}"),
            ),
            Code::MessageSizeTooLarge => (
                Outcome::Refused,
                format!(
                    "too large: the message has {size_bytes} bytes, more than topic {topic} takes (max.message.bytes)"
                ),
            ),
            Code::MessageBatchTooLarge => (
                Outcome::Refused,
                format!(
                    "too large: the message has {size_bytes} bytes, more than a segment of topic {topic} takes (segment.bytes)"
                ),
            ),
            Code::InvalidRecord => (
                Outcome::Refused,
                format!(
                    "topic {topic} does not take what is not as it wants it, by a schema of the brokers' or by its own settings \
                     (message.timestamp.after.max.ms)"
                ),
            ),
            Code::PolicyViolation => (
                Outcome::Refused,
                format!("a policy of the brokers does not let this into topic {topic}"),
            ),
            Code::PurgeQueue | Code::PurgeInflight | Code::QueueFull => {
                (Outcome::Ours, format!("not sent: {code}"))
            }
            _ if is_of_producer(code) => (Outcome::Failed, format!("{STRANGER}: {code}")),
            _ => (Outcome::Failed, code.to_string()),
        };
        let wish = match code {
            Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => Wish::NeverThis,
            Code::ThrottlingQuotaExceeded => Wish::Less { pause: None },
            _ => Wish::None,
        };
        Report::new(outcome, detail).asking(wish)
    }

    /// Whether no broker leads that partition, of which the library says nothing.
    async fn has_no_leader(&self, producer: &Arc<Producer>, partition: i32) -> bool {
        let (producer, topic) = (Arc::clone(producer), self.settings.topic.clone());
        let asked = spawn_blocking(move || {
            let told = producer
                .get()
                .client()
                .fetch_metadata(Some(&topic), LEADER_TIMEOUT);
            let told = told.ok()?;
            let mut partitions = told.topics().first()?.partitions().iter();
            let leader = partitions.find(|told| told.id() == partition)?.leader();
            Some(told.brokers().iter().all(|broker| broker.id() != leader))
        });
        asked.await.ok().flatten().unwrap_or(false)
    }

    /// What is to be said where no acknowledgement from a partition came in time, of what began then.
    fn timed_out(
        &self,
        producer: &Producer,
        (partition, since): (i32, Instant),
        size_bytes: usize,
    ) -> Report {
        let seconds = self.timeout.as_secs_f64();
        let context = producer.get().context();
        let refused = context.refusal(partition, since);
        let known = refused.map(|reason| (Outcome::Failed, reason));
        let (outcome, because) = match known.or_else(|| context.trouble(partition)) {
            // One that ends the connection for what is too large is gone as well.
            Some((Outcome::Unreachable, reason)) => (
                Outcome::Unreachable,
                format!(": {reason}{}", silenced(size_bytes)),
            ),
            Some((outcome, reason)) => (outcome, format!(": {reason}")),
            None => (Outcome::Timeout, silenced(size_bytes)),
        };
        let wish = match outcome {
            Outcome::Unreachable => Wish::WhenBack,
            _ => Wish::None,
        };
        Report::new(outcome, format!("no acknowledgement within {seconds} s{because}")).asking(wish)
    }
}

impl Sender for KafkaSender {
    fn send(&self, parcel: Parcel) -> BoxFuture<'_, Report> {
        Box::pin(self.attempt(parcel))
    }
}

/// What is to be said where the library cannot go on with a producer.
fn ended(code: RDKafkaErrorCode, reason: &str) -> Report {
    let (outcome, detail) = match code {
        RDKafkaErrorCode::ClusterAuthorizationFailed => (
            Outcome::Refused,
            format!(
                "not sent: this user gets no producer id; it needs the right IdempotentWrite on the cluster, or from Kafka 2.8 on \
                 to write to a topic: {reason}"
            ),
        ),
        _ => (Outcome::Failed, format!("the producer is made anew: {reason}")),
    };
    Report::new(outcome, detail)
}

/// What may be why nobody said anything of a message with so many bytes.
fn silenced(size_bytes: usize) -> String {
    if size_bytes < SILENCING_BYTES {
        return String::new();
    }
    format!(
        ": the message has {size_bytes} bytes, and some brokers, as those of Azure Event Hubs, end the connection at what is too large \
         and do not say so"
    )
}

fn headers(parcel: &Parcel, envelope: &Envelope) -> OwnedHeaders {
    let message_id = parcel.message_id();
    let own = [(MESSAGE_ID, &message_id)].into_iter();
    let all = envelope
        .headers
        .iter()
        .map(|(name, value)| (*name, value))
        .chain(own);
    all.fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(value.as_bytes()),
        })
    })
}

/// What the message has, without what the protocol adds.
fn size_bytes(envelope: &Envelope, job: &str) -> usize {
    let headers = envelope.headers.iter();
    envelope.body.len()
        + job.len()
        + headers
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::Mechanism;
    use super::*;
    use crate::delivery::login::Login;
    use crate::delivery::send::sample;
    use crate::delivery::{Kind, sender};
    use crate::rotating::Rotating;

    const TIMEOUT: Duration = Duration::from_secs(2);

    fn settings(brokers: String) -> Settings {
        Settings {
            brokers,
            is_encrypted: false,
            topic: "t".to_owned(),
            login: Login {
                user: None,
                password: Rotating::new(None),
            },
            mechanism: Mechanism::ScramSha512,
        }
    }

    /// One whose brokers nobody is, with its settings.
    fn lonely() -> (KafkaSender, Settings) {
        let settings = settings("127.0.0.1:1".to_owned());
        let destination = sample::destination(Kind::Kafka(settings.clone()), TIMEOUT);
        (KafkaSender::new(&destination, &settings), settings)
    }

    #[tokio::test]
    async fn a_producer_is_made_anew_for_another_password_and_not_each_time_that_it_fares_badly() {
        let (sender, settings) = lonely();
        let first = sender.producer().unwrap();
        first.is_outworn.store(true, Ordering::Relaxed);
        assert!(
            Arc::ptr_eq(&first, &sender.producer().unwrap()),
            "it is too young"
        );

        settings.login.password.replace(Some("another".into()));

        assert!(!Arc::ptr_eq(&first, &sender.producer().unwrap()));
    }

    #[tokio::test]
    async fn brokers_can_ask_for_less_and_not_to_be_sent_this_one() {
        use RDKafkaErrorCode as Code;
        let (sender, _) = lonely();
        let producer = sender.producer().unwrap();
        for (code, wish) in [
            (Code::ThrottlingQuotaExceeded, Wish::Less { pause: None }),
            (Code::MessageSizeTooLarge, Wish::NeverThis),
            (Code::MessageBatchTooLarge, Wish::NeverThis),
            (Code::NotEnoughReplicas, Wish::None),
        ] {
            let error = KafkaError::MessageProduction(code);
            let report = sender.failed(&producer, &error, (NO_PARTITION, Instant::now()), 1);
            assert_eq!(report.wish, wish, "{report:?}");
        }
    }

    #[test]
    fn what_is_so_large_that_some_brokers_end_the_connection_is_told_with_its_size() {
        assert_eq!(silenced(SILENCING_BYTES - 1), "");
        let told = silenced(SILENCING_BYTES);
        assert!(told.starts_with(": the message has 1000000 bytes, "), "{told}");
    }

    #[tokio::test]
    async fn who_finds_no_broker_is_to_be_sent_again_when_one_is_back() {
        // Nobody listens there any more.
        let address = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let kind = Kind::Kafka(settings(address.to_string()));
        let sender = sender(&sample::destination(kind, TIMEOUT)).unwrap();

        let report = sender.send(sample::parcel(r#"{"event":"x","status":"y"}"#)).await;

        assert_eq!(
            (report.outcome, report.wish),
            (Outcome::Unreachable, Wish::WhenBack),
            "{report:?}"
        );
    }
}
