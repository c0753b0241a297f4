//! What an operator is to know of a topic, found by asking the brokers.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::producer::{Producer, ThreadedProducer};
use rdkafka::types::RDKafkaRespErr;
use tokio::task::spawn_blocking;

use super::Settings;
use super::client::{Context, config};
use crate::clock::rounded;
use crate::delivery::look::Sight;
use crate::inbox::outbox::Outcome;

/// How long each question may take: somebody waits at a terminal.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest time for which a topic is to keep what nobody has taken: applications are down over a night.
const MIN_RETENTION: Duration = Duration::from_secs(86_400);

const NOT_REACHED: &str = "see that its URL is right, that the brokers run and can be reached from here under the names by which they \
                           know themselves (advertised.listeners), that they want no login or TLS that is not set here, and that a \
                           certificate is one that this machine trusts (SSL_CERT_FILE may name a file with that of yours)";

const NO_LOGIN: &str = "see that `user`, `password` (or `password_file`) and `sasl_mechanism` are what the brokers have for this user";

const NO_TOPIC: &str = "make the topic, or see that its name is right and that this user may see it";

/// What a topic is like.
struct Found {
    partition_count: usize,
    /// The fewest copies that one of its partitions has.
    replica_count: usize,
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
        found.partition_count, found.replica_count
    ))];
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

/// Why an acknowledgement may be the word of one broker.
fn doubt(found: &Found, min_in_sync: Option<&str>, unclean: Option<&str>) -> Option<String> {
    if found.replica_count < 2 {
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
    if let Some(retention) = retention.filter(|retention| *retention < MIN_RETENTION) {
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
    let producer: ThreadedProducer<Context> =
        config(settings, Option::as_ref(&settings.login.password.get()), TIMEOUT)
            .create_with_context(Context::default())
            .map_err(|error| bad(format!("there is no client: {error}"), NOT_REACHED))?;
    let metadata = producer
        .client()
        .fetch_metadata(Some(&settings.topic), TIMEOUT)
        .map_err(|error| {
            let reason = match producer.context().trouble() {
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
            partition_count: partitions.len(),
            replica_count: partitions
                .iter()
                .map(|partition| partition.replicas().len())
                .min()
                .unwrap_or(0),
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
            let found = Found {
                partition_count: 6,
                replica_count,
            };

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
