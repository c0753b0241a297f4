//! What there is to know of a stream before anything is published to it.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::ack::Names;
use super::wire::{self, Connection};
use super::{Settings, ack};
use crate::clock::rounded;
use crate::delivery::Report;
use crate::delivery::filter::stands_for;
use crate::delivery::http::place;
use crate::delivery::look::{MIN_KEPT, Sight, UNREACHED};
use crate::inbox::outbox::Outcome;

/// How long connecting may take, and all questions behind it: a server that is there needs milliseconds, and somebody waits at a
/// terminal.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a stream may take to answer for itself, behind a server that answers.
const STREAM_TIMEOUT: Duration = Duration::from_secs(2);

const NO_LOGIN: &str = "see that `user` and `password` (or `password_file`) are those of a user who may publish to the subject and \
                        subscribe to _INBOX.>; a password without a user is a token";

const NO_STREAM: &str = "make one that has this subject, as in `nats stream add NAME --subjects 'SUBJECT'`; until then nothing is \
                         taken, and what is for it is kept";

const CANNOT_ASK: &str = "let this user publish to $JS.API.STREAM.NAMES and $JS.API.STREAM.INFO.*, so that the stream can be looked \
                          at; deliveries ask the first to tell a stream without a leader from none, and $JS.API.STREAM.MSG.GET.* what \
                          an acknowledgement means that says duplicate";

const CANNOT_GET: &str = "let this user publish to $JS.API.STREAM.MSG.GET.*; until then what the stream says it has had (duplicate) is \
                          stored once more, under ID@NAME";

const NO_LEADER: &str = "see that most servers of the cluster run and reach one another; what is for it is kept and sent when they have \
                         a leader";

const ANOTHER_ACCOUNT: &str = "have it log in as a user of the account that has the stream; where that is another one, which exports \
                               the subject to this one, messages are taken, and what comes again cannot be looked at: it is \
                               stored once more, under ID@NAME";

const SEALED: &str = "make another stream for this subject, once this one is deleted or has other subjects: what is sealed cannot be \
                      unsealed";

const NOT_SYNCED: &str = "set `sync_interval: always` in the jetstream block of the server's configuration, or have the stream kept \
                          by three servers (`--replicas 3`); where that is set already, nothing is to be done";

/// Of the answer of `STREAM.INFO`, what matters to who publishes.
#[derive(Deserialize)]
struct Info {
    config: Config,
}

/// A limit of which nothing is told is none.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    name: String,
    subjects: Vec<String>,
    retention: String,
    discard: String,
    storage: String,
    num_replicas: usize,
    no_ack: bool,
    sealed: bool,
    max_msgs: i64,
    max_bytes: i64,
    max_msgs_per_subject: i64,
    discard_new_per_subject: bool,
    max_msg_size: i64,
    /// How long a message is kept, in nanoseconds; 0 for ever.
    max_age: i64,
}

/// What the operator of a subject is to know.
pub async fn look(settings: &Settings) -> Vec<Sight> {
    let place = place(&settings.url);
    let unreached = |report: Report| {
        let advice = match report.outcome {
            Outcome::Refused => NO_LOGIN,
            _ => UNREACHED,
        };
        vec![Sight::unreached(report.detail, advice)]
    };
    let ended = CancellationToken::new();
    // It has a time limit of its own, and knows what was waited for.
    let connection = match wire::connect(settings, TIMEOUT, ended.clone()).await {
        Ok(connection) => connection,
        Err(report) => return unreached(report),
    };
    let subject = settings.subject.fill_all("*");
    tokio::select! {
        sights = streams(&connection, &place, &subject) => sights,
        () = ended.cancelled() => unreached(connection.end()),
        () = sleep(TIMEOUT) => {
            let what = format!("{place} does not answer within {} s", TIMEOUT.as_secs());
            vec![Sight::unreached(what, UNREACHED)]
        }
    }
}

/// What is to be known of the streams that have this subject, in which a place is `*`.
async fn streams(connection: &Connection, place: &str, subject: &str) -> Vec<Sight> {
    let wildcard = wildcards(subject);
    let question = json!({"subject": wildcard}).to_string();
    let names = match ask::<Names>(connection, place, ack::NAMES, question).await {
        Ok(names) => names.streams.unwrap_or_default(),
        Err(sight) => return vec![sight],
    };
    // All at once, for one that nobody answers for must not be in the way of another.
    let looks = names.iter().map(|name| stream(connection, place, name, subject));
    let mut of_streams = join_all(looks).await.concat();
    if of_streams.is_empty() {
        let what = format!("{place}: no stream takes subject {wildcard}");
        return vec![Sight::Bad {
            what,
            advice: NO_STREAM,
        }];
    }
    let most = connection.client.max_payload();
    let mut sights = vec![Sight::Good(format!(
        "{place} takes connections, and messages of {most} bytes at most with their headers"
    ))];
    sights.append(&mut of_streams);
    sights
}

/// What is to be known of a stream, if it may have this subject.
async fn stream(connection: &Connection, place: &str, name: &str, subject: &str) -> Vec<Sight> {
    let looking = async {
        let call = format!("$JS.API.STREAM.INFO.{name}");
        match ask::<Info>(connection, place, &call, String::new()).await {
            // Of a part that is not the same for all, the server was asked for any.
            Ok(Info { config }) if !config.subjects.iter().any(|of_stream| meets(of_stream, subject)) => {
                Vec::new()
            }
            Ok(Info { config }) => {
                let mut sights = of_stream(&config, &wildcards(subject));
                sights.extend(unseen(connection, name).await);
                sights
            }
            Err(sight) => vec![sight],
        }
    };
    timeout(STREAM_TIMEOUT, looking).await.unwrap_or_else(|_| {
        let seconds = STREAM_TIMEOUT.as_secs();
        vec![Sight::Bad {
            what: format!(
                "{place} is there, and nobody answers for stream {name} within {seconds} s: its servers are away, or choose a leader"
            ),
            advice: NO_LEADER,
        }]
    })
}

/// That what a stream has cannot be looked at, if it cannot.
async fn unseen(connection: &Connection, name: &str) -> Option<Sight> {
    let subject = format!("$JS.API.STREAM.MSG.GET.{name}");
    let refusal = connection.refusal(&subject);
    tokio::select! {
        // There is no message of that number; who may ask is told so.
        _ = connection.client.request(subject.clone(), r#"{"seq":0}"#.into()) => None,
        why = refusal => Some(Sight::Doubtful {
            what: format!("what stream {name} says it has had cannot be looked at: {why}"),
            advice: CANNOT_GET,
        }),
    }
}

/// A subject in which each part that is not the same for all is a wildcard; in a part it would be taken as it stands.
fn wildcards(subject: &str) -> String {
    let parts = subject
        .split('.')
        .map(|part| if part.contains('*') { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

async fn ask<T: DeserializeOwned>(
    connection: &Connection,
    place: &str,
    subject: &str,
    question: String,
) -> Result<T, Sight> {
    let refusal = connection.refusal(subject);
    let cannot = |why: String| Sight::Doubtful {
        what: format!("{place} does not tell what streams it has: {why}"),
        advice: CANNOT_ASK,
    };
    let answered = tokio::select! {
        answered = connection.client.request(subject.to_owned(), question.into()) => answered,
        why = refusal => return Err(cannot(why)),
    };
    let answer = answered.map_err(|_| Sight::Bad {
        what: format!("{place} has no JetStream for this account: nobody answers to {subject}"),
        advice: "begin the server with JetStream (`nats-server -js`, or a jetstream block in its configuration), and enable it \
                 for the account",
    })?;
    if let Some(problem) = ack::problem(&answer.payload) {
        return Err(told(&problem, place));
    }
    serde_json::from_slice(&answer.payload).map_err(|error| cannot(error.to_string()))
}

/// What it says of a server that it answers a question with that problem.
fn told(problem: &ack::Problem, place: &str) -> Sight {
    let why = &problem.description;
    if problem.has_no_leader() {
        return Sight::Bad {
            what: format!("{place} takes nothing now: its cluster has no leader: {why}"),
            advice: NO_LEADER,
        };
    }
    let (what, advice) = match problem.is_of_account() {
        true => (
            format!("{place} has no JetStream for this account, so its streams cannot be looked at: {why}"),
            ANOTHER_ACCOUNT,
        ),
        false => (
            format!("{place} does not tell what streams it has: {why}"),
            CANNOT_ASK,
        ),
    };
    Sight::Doubtful { what, advice }
}

/// What a stream's word is worth.
fn of_stream(config: &Config, wildcard: &str) -> Vec<Sight> {
    let name = &config.name;
    let mut sights = Vec::new();
    let unfit = [
        (config.sealed, "it is sealed", SEALED),
        (
            config.no_ack,
            "it acknowledges nothing (no_ack)",
            "edit the stream, or make another one for this subject",
        ),
    ];
    if let Some((_, why, advice)) = unfit.into_iter().find(|(is_so, ..)| *is_so) {
        sights.push(Sight::Bad {
            what: format!("stream {name} can be delivered to by nobody: {why}"),
            advice,
        });
    }
    if !config.subjects.iter().any(|subject| covers(subject, wildcard)) {
        sights.push(Sight::Doubtful {
            what: format!("stream {name} takes {} and not all of {wildcard}", config.subjects.join(", ")),
            advice: "see that the streams have the subjects of all that this destination gets (its `events`); what has no stream \
                     is not delivered",
        });
    }
    if config.retention == "interest" {
        sights.push(Sight::Doubtful {
            what: format!(
                "stream {name} acknowledges and drops what no consumer waits for (retention interest)"
            ),
            advice: "make the consumers before notifications come, or the stream with another retention",
        });
    }
    sights.extend(dropped(config));
    sights.push(match (&*config.storage, config.num_replicas) {
        ("memory", 0 | 1) => Sight::Doubtful {
            what: format!("stream {name} is kept in memory by one server, whose end is its end"),
            advice: "make the stream with `--storage file`",
        },
        ("file", 0 | 1) => Sight::Doubtful {
            what: format!(
                "stream {name} is kept in a file by one server: what it acknowledges survives the end of its process, and a power \
                 cut only if it syncs first, which cannot be asked and is not so by default"
            ),
            advice: NOT_SYNCED,
        },
        (storage, count) => Sight::Good(format!(
            "stream {name} is kept by {count} servers (storage: {storage}), most of which have what it acknowledges"
        )),
    });
    if let Some(most) = u64::try_from(config.max_msg_size).ok().filter(|most| *most > 0) {
        sights.push(Sight::Good(format!(
            "stream {name} takes messages of {most} bytes at most"
        )));
    }
    sights
}

/// What a stream drops though nobody has read it.
fn dropped(config: &Config) -> Vec<Sight> {
    let name = &config.name;
    let mut sights = Vec::new();
    if config.discard != "new" && [config.max_msgs, config.max_bytes].iter().any(|limit| *limit > 0) {
        sights.push(Sight::Doubtful {
            what: format!("stream {name} drops its oldest messages, read or not, once it is full"),
            advice: "`nats stream edit NAME --discard new` has it refuse new ones instead, which are kept here and tried by the schedule",
        });
    }
    if let count @ 1.. = config.max_msgs_per_subject
        && !config.discard_new_per_subject
    {
        let noun = if count == 1 { "message" } else { "messages" };
        sights.push(Sight::Doubtful {
            what: format!("stream {name} keeps {count} {noun} of each subject and drops older ones, read or not"),
            advice: "`nats stream edit NAME --max-msgs-per-subject=-1` takes that limit away; with `--discard new \
                     --discard-per-subject` it refuses new ones instead, which are kept here and tried by the schedule",
        });
    }
    let age = u64::try_from(config.max_age).map(Duration::from_nanos);
    if let Some(age) = age.ok().filter(|age| !age.is_zero() && *age < MIN_KEPT) {
        sights.push(Sight::Doubtful {
            what: format!(
                "stream {name} drops what nobody has taken for {} (max_age)",
                rounded(age)
            ),
            advice: "`nats stream edit NAME --max-age 7d` or more: longer than the application is ever down",
        });
    }
    sights
}

/// Whether a subject of a stream has some of those that another stands for, in which `*` is any text within a part.
fn meets(of_stream: &str, subject: &str) -> bool {
    takes(of_stream, subject, |part, pattern| stands_for(pattern, part))
}

/// Whether a subject of a stream has all that another subject, with wildcards, stands for.
fn covers(of_stream: &str, wildcard: &str) -> bool {
    takes(of_stream, wildcard, |part, other| part == other)
}

/// Whether a subject of a stream, with wildcards, takes another one, whose parts are compared so with those that are none.
fn takes(of_stream: &str, subject: &str, is_alike: impl Fn(&str, &str) -> bool) -> bool {
    let (mut theirs, mut ours) = (of_stream.split('.'), subject.split('.'));
    loop {
        match (theirs.next(), ours.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(part), Some(other)) if is_alike(part, other) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sights(config: &str) -> Vec<String> {
        let config: Config = serde_json::from_str(config).unwrap();
        let told = of_stream(&config, "a.*").into_iter().map(|sight| match sight {
            Sight::Good(what) => format!("good: {what}"),
            Sight::Doubtful { what, .. } => format!("doubtful: {what}"),
            Sight::Bad { what, .. } => format!("bad: {what}"),
        });
        told.collect()
    }

    #[test]
    fn a_stream_is_told_by_what_its_word_is_worth() {
        let told =
            sights(r#"{"name":"S","subjects":["a.>"],"storage":"file","num_replicas":3,"max_msg_size":9}"#);
        assert_eq!(
            told,
            [
                "good: stream S is kept by 3 servers (storage: file), most of which have what it acknowledges",
                "good: stream S takes messages of 9 bytes at most"
            ]
        );
        let told = sights(
            r#"{"name":"S","subjects":["a.b"],"storage":"memory","num_replicas":1,"retention":"interest",
                "discard":"old","max_msgs":5,"no_ack":true}"#,
        );
        assert_eq!(
            told,
            [
                "bad: stream S can be delivered to by nobody: it acknowledges nothing (no_ack)",
                "doubtful: stream S takes a.b and not all of a.*",
                "doubtful: stream S acknowledges and drops what no consumer waits for (retention interest)",
                "doubtful: stream S drops its oldest messages, read or not, once it is full",
                "doubtful: stream S is kept in memory by one server, whose end is its end",
            ]
        );
        let told = sights(r#"{"name":"S","subjects":["a.*"],"storage":"file","discard":"new","max_msgs":5}"#);
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("doubtful: stream S is kept in a file by one server: "),
            "{told:?}"
        );
    }

    #[test]
    fn what_takes_nothing_is_told_with_what_can_be_done_about_it() {
        for (flag, expected) in [
            ("sealed", SEALED),
            ("no_ack", "edit the stream, or make another one for this subject"),
        ] {
            let config = format!(r#"{{"name":"S","subjects":["a.*"],"{flag}":true}}"#);
            let sight = of_stream(&serde_json::from_str(&config).unwrap(), "a.*").remove(0);

            assert!(
                matches!(sight, Sight::Bad { advice, .. } if advice == expected),
                "{flag}: {sight:?}"
            );
        }
    }

    #[test]
    fn what_a_stream_drops_before_it_is_read_is_told_of_each_of_its_limits() {
        let dropped = |limits: &str| {
            let config =
                format!(r#"{{"name":"S","subjects":["a.*"],"storage":"file","num_replicas":3,{limits}}}"#);
            let told = sights(&config);
            told.into_iter()
                .filter(|told| told.starts_with("doubtful: "))
                .collect::<Vec<_>>()
        };
        let of_a_subject =
            "doubtful: stream S keeps 1 message of each subject and drops older ones, read or not";
        let when_full = "doubtful: stream S drops its oldest messages, read or not, once it is full";
        for (limits, expected) in [
            (r#""discard":"new","max_msgs_per_subject":1"#, &[of_a_subject][..]),
            (r#""discard":"old","max_msgs_per_subject":1"#, &[of_a_subject]),
            (
                r#""discard":"old","max_msgs_per_subject":1,"max_bytes":9"#,
                &[when_full, of_a_subject],
            ),
            (
                r#""discard":"new","max_msgs_per_subject":1,"discard_new_per_subject":true"#,
                &[],
            ),
            (r#""discard":"new","max_msgs_per_subject":-1,"max_age":0"#, &[]),
            (
                r#""discard":"new","max_age":3600000000000"#,
                &["doubtful: stream S drops what nobody has taken for 60 min (max_age)"],
            ),
            (r#""discard":"new","max_age":86400000000000"#, &[]),
        ] {
            assert_eq!(dropped(limits), expected, "{limits}");
        }
    }

    #[test]
    fn a_stream_that_can_have_none_of_a_subject_is_not_meant() {
        for (of_stream, subject, expected) in [
            ("caigunn-crawling", "caigunn-*", true),
            ("*", "caigunn-*", true),
            (">", "caigunn-*", true),
            ("orders", "caigunn-*", false),
            ("caigunn-crawling.x", "caigunn-*", false),
            ("a.caigunn-x", "a.caigunn-*", true),
            ("b.>", "a.*", false),
            ("a", "a.*", false),
            ("a.>", "a.*-*.c", true),
            ("a.b.c", "a.*-*.c", false),
        ] {
            assert_eq!(meets(of_stream, subject), expected, "{of_stream} {subject}");
        }
    }

    #[test]
    fn a_cluster_without_a_leader_is_a_failure_and_no_missing_right() {
        let problem = |err_code: u32| {
            let answer =
                format!(r#"{{"error":{{"code":503,"err_code":{err_code},"description":"because"}}}}"#);
            told(&ack::problem(answer.as_bytes()).unwrap(), "n:4222")
        };

        assert_eq!(
            problem(10_008),
            Sight::Bad {
                what: "n:4222 takes nothing now: its cluster has no leader: because".to_owned(),
                advice: NO_LEADER,
            }
        );
        assert!(matches!(
            problem(10_039),
            Sight::Doubtful {
                advice: ANOTHER_ACCOUNT,
                ..
            }
        ));
        assert!(matches!(
            problem(10_001),
            Sight::Doubtful {
                advice: CANNOT_ASK,
                ..
            }
        ));
    }

    #[test]
    fn a_subject_has_what_another_stands_for() {
        for (of_stream, wildcard, is_covered) in [
            ("a.b", "a.b", true),
            ("a.*", "a.*", true),
            ("a.>", "a.*.b", true),
            (">", "a", true),
            ("a.>", "a", false),
            ("a.b", "a.*", false),
            ("a.*", "a.b.c", false),
        ] {
            assert_eq!(covers(of_stream, wildcard), is_covered, "{of_stream} {wildcard}");
        }
        assert_eq!(wildcards("a.*.b-*"), "a.*.*");
    }
}
