//! What an operator is to know of a topic, found by asking the brokers.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::metadata::{MetadataBroker, MetadataPartition};
use rdkafka::producer::{Producer, ThreadedProducer};
use rdkafka::types::RDKafkaRespErr;
use tokio::task::spawn_blocking;

use super::Settings;
use super::client::{Context, NO_PARTITION, config};
use crate::clock::rounded;
use crate::delivery::look::{MIN_KEPT, Sight};
use crate::inbox::outbox::Outcome;

/// How long each question may take: somebody waits at a terminal.
const TIMEOUT: Duration = Duration::from_secs(5);

const NOT_REACHED: &str = "see that its URL is right, that the brokers run and can be reached from here under the names by which they \
                           know themselves (advertised.listeners), that they want no login or TLS that is not set here, and that a \
                           certificate is one that this machine trusts (SSL_CERT_FILE may name a file with that of yours)";

const NO_LOGIN: &str = "see that `user`, `password` (or `password_file`) and `sasl_mechanism` are what the brokers have for this user";

const NO_TOPIC: &str = "make the topic, or see that its name is right and that this user may see it";

const NO_LEADER: &str = "see that the brokers that have copies of it run, and why none of them may lead; what is for it is kept and sent \
                         when one does";

const NOT_IN_SYNC: &str = "see that the brokers that have copies of it run and follow, by `kafka-topics.sh --describe \
                           --under-min-isr-partitions`; what is for it is kept and sent when enough do";

const NO_PRODUCER: &str =
    "give its user the right IdempotentWrite on the cluster, or from Kafka 2.8 on that to write to the topic";

/// What a topic is like.
struct Found {
    partitions: Vec<Partition>,
    /// Why there is no producer that may write to it, if that is so.
    no_producer: Option<String>,
}

/// What a partition is like.
struct Partition {
    id: i32,
    has_leader: bool,
    /// How many copies it is to have.
    replica_count: usize,
    /// How many of them have all that there is.
    in_sync_count: usize,
}

impl Partition {
    fn of(told: &MetadataPartition, brokers: &[MetadataBroker]) -> Self {
        Self {
            id: told.id(),
            has_leader: brokers.iter().any(|broker| broker.id() == told.leader()),
            replica_count: told.replicas().len(),
            in_sync_count: told.isr().len(),
        }
    }
}

impl Found {
    /// The fewest copies that one of its partitions has.
    fn replica_count(&self) -> usize {
        let counts = self.partitions.iter().map(|partition| partition.replica_count);
        counts.min().unwrap_or(0)
    }

    /// The partitions that are so, in words.
    fn those(&self, are_so: impl Fn(&Partition) -> bool) -> Option<String> {
        let found = self.partitions.iter().filter(|partition| are_so(partition));
        let found: Vec<_> = found.map(|partition| partition.id.to_string()).collect();
        match &*found {
            [] => None,
            [one] => Some(format!("partition {one}")),
            several => Some(format!("partitions {}", several.join(", "))),
        }
    }
}

/// Looks at a topic without writing to it.
pub async fn look(settings: &Settings) -> Vec<Sight> {
    let (owned, topic) = (settings.clone(), &settings.topic);
    let found = match spawn_blocking(move || ask(&owned)).await {
        Ok(Ok(found)) => found,
        Ok(Err(sight)) => return vec![sight],
        Err(error) => {
            return vec![Sight::Bad {
                what: error.to_string(),
                advice: NOT_REACHED,
            }];
        }
    };
    let configured = configured(settings).await;
    let value = &|name: &str| {
        let entry = configured.as_ref().ok()?.get(name)?;
        entry.value.clone()
    };
    let limit = value("max.message.bytes").map_or_else(String::new, |limit| {
        format!("; it takes messages of {limit} bytes at most")
    });
    let mut sights = vec![Sight::Good(format!(
        "topic {topic} is there, partitions: {}, copies of each: {}{limit}",
        found.partitions.len(),
        found.replica_count()
    ))];
    sights.extend(held_up(&found, value("min.insync.replicas").as_deref()));
    if let Some(what) = doubt(
        &found,
        value("min.insync.replicas").as_deref(),
        value("unclean.leader.election.enable").as_deref(),
    ) {
        sights.push(Sight::Doubtful {
            what,
            advice: "what is acknowledged is lost with one broker; have the topic copied to three, with min.insync.replicas = 2 and \
                     unclean.leader.election.enable = false",
        });
    }
    sights.extend(dropped(value));
    if let Err(reason) = configured {
        sights.push(Sight::Doubtful {
            what: format!("how many brokers stand behind an acknowledgement is not known: {reason}"),
            advice: "see that min.insync.replicas of the topic is 2 or more; for this look, let this user describe its settings",
        });
    }
    sights
}

/// What keeps messages from being taken now.
fn held_up(found: &Found, min_in_sync: Option<&str>) -> Vec<Sight> {
    let mut sights = Vec::new();
    if let Some(reason) = &found.no_producer {
        sights.push(Sight::Bad {
            what: format!("this user gets no producer id, without which nothing is written: {reason}"),
            advice: NO_PRODUCER,
        });
    }
    if let Some(those) = found.those(|partition| !partition.has_leader) {
        sights.push(Sight::Bad {
            what: format!("{those} of it: no broker leads, so that nothing is taken there"),
            advice: NO_LEADER,
        });
    }
    let min = min_in_sync.and_then(|number| number.parse::<usize>().ok());
    let lacks = |partition: &Partition| {
        partition.has_leader && partition.in_sync_count < min.unwrap_or(partition.replica_count)
    };
    if let Some(those) = found.those(lacks) {
        let counts = found.partitions.iter().filter(|partition| lacks(partition));
        let fewest = counts.map(|partition| partition.in_sync_count).min().unwrap_or(0);
        sights.push(match min {
            Some(min) => Sight::Bad {
                what: format!(
                    "{those} of it: too few copies are in sync, so that nothing is acknowledged there ({fewest} at the fewest, \
                     min.insync.replicas = {min})"
                ),
                advice: NOT_IN_SYNC,
            },
            None => Sight::Doubtful {
                what: format!(
                    "{those} of it: not all copies are in sync ({fewest} at the fewest); where they are fewer than \
                     min.insync.replicas, which is not known here, nothing is acknowledged"
                ),
                advice: NOT_IN_SYNC,
            },
        });
    }
    sights
}

/// Why an acknowledgement may be the word of one broker.
fn doubt(found: &Found, min_in_sync: Option<&str>, unclean: Option<&str>) -> Option<String> {
    if found.replica_count() < 2 {
        return Some("a partition of it has one copy".to_owned());
    }
    if min_in_sync == Some("1") {
        return Some("an acknowledgement may stand for one copy (min.insync.replicas = 1)".to_owned());
    }
    (unclean == Some("true")).then(|| {
        "a copy that lacks the newest may become the first (unclean.leader.election.enable)".to_owned()
    })
}

/// What the topic drops though nobody has read it, by its settings.
fn dropped(value: impl Fn(&str) -> Option<String>) -> Vec<Sight> {
    let number = |name: &str| value(name).and_then(|value| value.parse::<u64>().ok());
    let mut sights = Vec::new();
    let policy = value("cleanup.policy").unwrap_or_default();
    if policy.contains("compact") {
        sights.push(Sight::Doubtful {
            what: format!(
                "the topic keeps the newest message of each key and drops older ones, read or not (cleanup.policy = {policy}), and \
                 the notifications of a job have one key"
            ),
            advice: "set its cleanup.policy to delete",
        });
    }
    if !policy.contains("delete") {
        return sights;
    }
    let retention = number("retention.ms").map(Duration::from_millis);
    if let Some(retention) = retention.filter(|retention| *retention < MIN_KEPT) {
        sights.push(Sight::Doubtful {
            what: format!(
                "the topic drops what nobody has taken for {} (retention.ms)",
                rounded(retention)
            ),
            advice: "set its retention.ms longer than the application is ever down",
        });
    }
    if let Some(limit) = number("retention.bytes") {
        sights.push(Sight::Doubtful {
            what: format!(
                "a partition of the topic drops its oldest messages, read or not, beyond {limit} bytes (retention.bytes)"
            ),
            advice: "set its retention.bytes to -1, or see that nobody is so far behind",
        });
    }
    sights
}

/// Asks for the topic; blocks.
fn ask(settings: &Settings) -> Result<Found, Sight> {
    let bad = |what, advice| Sight::Bad { what, advice };
    let password = settings.login.password.get();
    let mut config = config(settings, Option::as_ref(&password), TIMEOUT);
    // As who writes does, so that it is seen whether this user gets a producer id; the log alone tells that it has one.
    config
        .set("enable.idempotence", "true")
        .set("debug", "eos")
        .set_log_level(RDKafkaLogLevel::Debug);
    let producer: ThreadedProducer<Context> = config
        .create_with_context(Context::default())
        .map_err(|error| bad(format!("there is no client: {error}"), NOT_REACHED))?;
    let metadata = producer
        .client()
        .fetch_metadata(Some(&settings.topic), TIMEOUT)
        .map_err(|error| {
            let reason = match producer.context().trouble(NO_PARTITION) {
                Some((Outcome::Refused, reason)) => return bad(reason, NO_LOGIN),
                Some((_, reason)) => reason,
                None => error.to_string(),
            };
            Sight::unreached(
                format!("the brokers at {} do not answer: {reason}", settings.brokers),
                NOT_REACHED,
            )
        })?;
    let topic = metadata.topics().first();
    let error = topic.and_then(|topic| topic.error());
    let partitions = topic.map_or(&[][..], |topic| topic.partitions());
    match error {
        None if !partitions.is_empty() => Ok(Found {
            partitions: partitions
                .iter()
                .map(|told| Partition::of(told, metadata.brokers()))
                .collect(),
            no_producer: {
                producer.context().wait_for_producer_id(TIMEOUT);
                producer.client().fatal_error().map(|(_, reason)| reason)
            },
        }),
        Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) => Err(bad(
            format!("this user may not see topic {}", settings.topic),
            NO_TOPIC,
        )),
        _ => Err(bad(format!("there is no topic {}", settings.topic), NO_TOPIC)),
    }
}

/// How the topic is set up. The error is why that is not known.
async fn configured(settings: &Settings) -> Result<ConfigResource, String> {
    let admin: AdminClient<Context> =
        config(settings, Option::as_ref(&settings.login.password.get()), TIMEOUT)
            .create_with_context(Context::default())
            .map_err(|error| error.to_string())?;
    let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
    let asked = [ResourceSpecifier::Topic(&settings.topic)];
    let answers = admin.describe_configs(&asked, &options).await;
    // Its end waits for the library's threads.
    drop(spawn_blocking(move || drop(admin)));
    match answers.map(|answers| answers.into_iter().next()) {
        Ok(Some(Ok(resource))) => Ok(resource),
        Ok(Some(Err(code))) => Err(code.to_string()),
        Ok(None) => Err("there was no answer".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A topic with these partitions: whether they have a leader, and how many copies there are and are in sync.
    fn topic(partitions: &[(bool, usize, usize)]) -> Found {
        let partition =
            |(id, (has_leader, replica_count, in_sync_count)): (i32, &(bool, usize, usize))| Partition {
                id,
                has_leader: *has_leader,
                replica_count: *replica_count,
                in_sync_count: *in_sync_count,
            };
        Found {
            partitions: (0..).zip(partitions).map(partition).collect(),
            no_producer: None,
        }
    }

    #[test]
    fn what_takes_nothing_now_is_told_by_its_partitions() {
        let told = |partitions: &[(bool, usize, usize)], min: Option<&str>| {
            let sights = held_up(&topic(partitions), min).into_iter();
            let told = sights.map(|sight| match sight {
                Sight::Good(what) => format!("good: {what}"),
                Sight::Doubtful { what, .. } => format!("doubtful: {what}"),
                Sight::Bad { what, .. } => format!("bad: {what}"),
            });
            told.collect::<Vec<_>>()
        };
        let well = (true, 3, 3);

        assert!(told(&[well, well], Some("2")).is_empty());
        assert!(told(&[well, (true, 3, 2)], Some("2")).is_empty());
        assert!(told(&[well], None).is_empty());
        assert_eq!(
            told(&[well, (true, 3, 1), (false, 3, 0), (true, 3, 1)], Some("2")),
            [
                "bad: partition 2 of it: no broker leads, so that nothing is taken there",
                "bad: partitions 1, 3 of it: too few copies are in sync, so that nothing is acknowledged there (1 at the fewest, \
                 min.insync.replicas = 2)",
            ]
        );
        let unknown = told(&[well, (true, 3, 1)], None);
        assert_eq!(unknown.len(), 1, "{unknown:?}");
        assert!(
            unknown[0]
                .starts_with("doubtful: partition 1 of it: not all copies are in sync (1 at the fewest)"),
            "{unknown:?}"
        );
    }

    #[test]
    fn one_copy_is_doubted_however_it_comes_to_be_one() {
        for (replica_count, min_in_sync, unclean, expected) in [
            (1, None, None, Some("a partition of it has one copy")),
            (
                3,
                Some("1"),
                Some("false"),
                Some("an acknowledgement may stand for one copy (min.insync.replicas = 1)"),
            ),
            (
                3,
                Some("2"),
                Some("true"),
                Some("a copy that lacks the newest may become the first (unclean.leader.election.enable)"),
            ),
            (3, Some("2"), Some("false"), None),
            (3, None, None, None),
        ] {
            let found = topic(&[(true, replica_count, replica_count)]);

            assert_eq!(doubt(&found, min_in_sync, unclean).as_deref(), expected);
        }
    }

    #[test]
    fn what_a_topic_drops_before_it_is_read_is_told_of_each_of_its_settings() {
        let told = |settings: &[(&str, &str)]| {
            let value = |name: &str| {
                let found = settings.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let sights = dropped(value).into_iter().map(|sight| match sight {
                Sight::Doubtful { what, .. } => what,
                other => panic!("{other:?}"),
            });
            sights.collect::<Vec<_>>()
        };
        let week = ("retention.ms", "604800000");
        let endless = ("retention.bytes", "-1");

        assert!(told(&[]).is_empty());
        assert!(told(&[("cleanup.policy", "delete"), week, endless]).is_empty());
        assert!(told(&[("cleanup.policy", "delete"), ("retention.ms", "-1"), endless]).is_empty());
        assert_eq!(
            told(&[
                ("cleanup.policy", "delete"),
                ("retention.ms", "3600000"),
                ("retention.bytes", "9")
            ]),
            [
                "the topic drops what nobody has taken for 60 min (retention.ms)",
                "a partition of the topic drops its oldest messages, read or not, beyond 9 bytes (retention.bytes)",
            ]
        );
        let compacted = told(&[("cleanup.policy", "compact"), ("retention.ms", "1"), endless]);
        assert_eq!(compacted.len(), 1, "{compacted:?}");
        assert!(
            compacted[0].ends_with("the notifications of a job have one key"),
            "{compacted:?}"
        );
    }
}
