//! What there is to know of a server of Redis before anything is added to a stream.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, FromRedisValue, RedisError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Settings, refusal, wire};
use crate::delivery::Report;
use crate::delivery::http::place;
use crate::delivery::look::{NO_CERTIFICATE, Sight, UNREACHED};
use crate::inbox::outbox::Outcome;

/// How long all of it may take: a server that is there needs milliseconds, and somebody waits at a terminal.
const TIMEOUT: Duration = Duration::from_secs(5);

const NO_LOGIN: &str = "see that `user` and `password` (or `password_file`) are those of a user who may XADD to the stream, and \
                        SELECT if its URL has the number of a database";

const NO_DATABASE: &str = "give its URL the number of a database that there is, or none: `CONFIG GET databases` says how many there \
                           are, and a cluster has only number 0";

const NO_RIGHT: &str =
    "let its user run that: XADD, and SELECT if its URL has the number of a database (`+xadd +select`)";

const NO_SENTINEL: &str = "give its URL the address of the master that this Sentinel watches (`SENTINEL GET-MASTER-ADDR-BY-NAME NAME` \
                           says it), or one that leads to whichever server is that, such as a proxy's";

const NO_CLUSTER: &str =
    "give its URL a server that is no node of a cluster, or a proxy that speaks for the whole cluster";

const NOT_LET_IN: &str = "mend what that says, unless it passes by itself; what is for it is kept and sent when it lets this receiver in";

const NO_REDIS: &str = "see that its URL is that of a server of Redis, by redis:// without TLS and by rediss:// with it, and that the \
                        server runs; what is for it is kept and sent when it is there";

const KEY_FORBIDDEN: &str = "see that this user's rights are for that key (`~KEY`) and for XADD and TYPE (`+xadd +type`): else nothing is added";

const KEY_HIDDEN: &str = "see that what answers there is a server of Redis that has streams: one that does not know TYPE or XADD adds \
                          nothing";

/// What a server tells of itself.
struct Told {
    /// The answer of `INFO`.
    info: String,
    /// `appendfsync`, if it tells.
    fsync: Option<String>,
    /// The type of what is under the stream's key, if that is the same for all.
    kind: Option<String>,
    /// Why that is not told, and what to do about it.
    hidden: Option<(String, &'static str)>,
}

/// What the operator of a stream is to know.
pub async fn look(settings: &Settings) -> Vec<Sight> {
    let place = place(&settings.url);
    let looking = timeout(TIMEOUT, async {
        let connected = wire::connect(settings, TIMEOUT, CancellationToken::new()).await;
        let mut connection = connected.map_err(bad)?;
        told(&mut connection.connection, settings).await.map_err(|error| {
            if !refusal::is_of_command(&error) {
                return bad(refusal::at_the_door(&error, &place));
            }
            Sight::Doubtful {
                what: format!("{place} takes connections, and does not tell what its word is worth: {error}"),
                advice: "let this user run INFO and CONFIG GET, or see for yourself that appendonly is on and maxmemory-policy is \
                         noeviction",
            }
        })
    });
    match looking.await {
        Ok(Ok(told)) => judge(&told, &place, &settings.stream.to_string()),
        Ok(Err(sight)) => vec![sight],
        Err(_) => {
            let what = format!("{place} does not answer within {} s", TIMEOUT.as_secs());
            vec![Sight::Bad {
                what,
                advice: UNREACHED,
            }]
        }
    }
}

/// That nothing can be delivered, with what to do about it.
fn bad(report: Report) -> Sight {
    let what = report.detail;
    let says = |words: &str| what.contains(words);
    let advice = match report.outcome {
        _ if says(refusal::NO_CERTIFICATE) => NO_CERTIFICATE,
        _ if says(refusal::NO_DATABASE) => NO_DATABASE,
        _ if says(refusal::NO_REDIS) => NO_REDIS,
        _ if says(refusal::NO_RIGHT) => NO_RIGHT,
        Outcome::Refused if says(refusal::NO_LOGIN) => NO_LOGIN,
        Outcome::Refused | Outcome::Failed => NOT_LET_IN,
        _ => UNREACHED,
    };
    Sight::unreached(what, advice)
}

async fn told(connection: &mut MultiplexedConnection, settings: &Settings) -> Result<Told, RedisError> {
    let info = ask(connection, &redis::cmd("INFO")).await?;
    // Providers of servers often forbid it.
    let fsync = wire::setting(connection, "appendfsync").await.ok().flatten();
    let (kind, hidden) = match settings.stream.is_fixed() {
        true => match ask(connection, redis::cmd("TYPE").arg(settings.stream.to_string())).await {
            Ok(kind) => (Some(kind), None),
            Err(error) if refusal::is_at_the_door(&error) => return Err(error),
            Err(error) if refusal::is_forbidden(&error) => (None, Some((error.to_string(), KEY_FORBIDDEN))),
            Err(error) => (None, Some((error.to_string(), KEY_HIDDEN))),
        },
        false => (None, None),
    };
    Ok(Told {
        info,
        fsync,
        kind,
        hidden,
    })
}

/// What keeps a server of that mode (`redis_mode` of `INFO`) from being delivered to, if that is so. Where the key of the
/// stream is the same for all, a node of a cluster tells its type only if it has it.
fn unfit(mode: &str, place: &str, has_key: bool) -> Option<Sight> {
    match mode {
        "sentinel" => Some(Sight::Bad {
            what: format!("{place} is a Sentinel, which has no streams"),
            advice: NO_SENTINEL,
        }),
        "cluster" if has_key => Some(Sight::Doubtful {
            what: format!(
                "{place} is a node of a cluster: it has the stream now, and a redirection to another node (MOVED) is not followed"
            ),
            advice: NO_CLUSTER,
        }),
        "cluster" => Some(Sight::Bad {
            what: format!(
                "{place} is a node of a cluster: other nodes have some of the streams, and redirections to them (MOVED) are not \
                 followed"
            ),
            advice: NO_CLUSTER,
        }),
        _ => None,
    }
}

async fn ask(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<String, RedisError> {
    let answer = connection.req_packed_command(command).await?.extract_error()?;
    Ok(String::from_redis_value(answer)?)
}

/// What a server's word is worth.
fn judge(told: &Told, place: &str, stream: &str) -> Vec<Sight> {
    let of = |name: &str| {
        let lines = told.info.lines().filter_map(|line| line.trim().split_once(':'));
        lines
            .into_iter()
            .find_map(|(found, value)| (found == name).then_some(value))
            .unwrap_or_default()
    };
    let version = of("redis_version");
    let mut sights = vec![Sight::Good(format!(
        "{place} takes connections (Redis {version})"
    ))];
    if let Some(sight) = unfit(of("redis_mode"), place, told.kind.is_some()) {
        let is_bad = matches!(sight, Sight::Bad { .. });
        sights.push(sight);
        if is_bad {
            // What another one's word is worth, this one does not tell.
            return sights;
        }
    }
    if of("role") == "slave" {
        sights.push(Sight::Bad {
            what: format!("{place} is a replica, which takes no writes"),
            advice: "name its master, or an address that leads to whichever server is that",
        });
    }
    if let Some(kind) = told
        .kind
        .as_deref()
        .filter(|kind| !matches!(*kind, "stream" | "none"))
    {
        sights.push(Sight::Bad {
            what: format!("{place} has a {kind} under the key {stream}, and no stream"),
            advice: "give the destination another `stream`",
        });
    }
    if let Some((reason, advice)) = &told.hidden {
        sights.push(Sight::Doubtful {
            what: format!("{place} does not tell what it has under the key {stream}: {reason}"),
            advice,
        });
    }
    sights.push(durability(place, of("aof_enabled"), told.fsync.as_deref()));
    let policy = of("maxmemory_policy");
    // Dragonfly has one word for that.
    let throws_away = policy.starts_with("allkeys-") || policy == "eviction";
    if throws_away && !matches!(of("maxmemory"), "" | "0") {
        sights.push(Sight::Doubtful {
            what: format!("{place} throws whole streams away when its memory is full (maxmemory-policy {policy})"),
            advice: "set maxmemory-policy to noeviction (Dragonfly: cache_mode to false): then it refuses, and what is for it is kept here and tried by the schedule",
        });
    }
    sights
}

/// What an answer is worth of a server that says that of its log, and of how it syncs that.
fn durability(place: &str, has_log: &str, fsync: Option<&str>) -> Sight {
    match (has_log, fsync) {
        ("0", _) => Sight::Doubtful {
            what: format!(
                "{place} answers before anything is in a file (appendonly no): the end of its process loses all since its last \
                 snapshot"
            ),
            advice: "set `appendonly yes`, and `appendfsync always` if a power cut must lose nothing either",
        },
        ("1", Some("always")) => Sight::Good(format!(
            "{place} has on its disk what it answers to (appendfsync always)"
        )),
        ("1", Some(fsync)) => Sight::Doubtful {
            what: format!(
                "{place} answers before its disk has it (appendfsync {fsync}): the end of its process loses nothing, a power cut \
                 what came last"
            ),
            advice: "set `appendfsync always` if a power cut must lose nothing",
        },
        ("1", None) => Sight::Doubtful {
            what: format!(
                "{place} writes what it answers to into a file (appendonly yes), and does not tell whether its disk has it then \
                 (CONFIG is forbidden)"
            ),
            advice: "ask who runs it how much a power cut or a failover may lose",
        },
        // Not all that speak as Redis does tell of such a log: Kvrocks and Dragonfly have none.
        _ => Sight::Doubtful {
            what: format!(
                "{place} does not tell whether what it answers to is in a file (INFO has no aof_enabled)"
            ),
            advice: "see from its documents, or ask who runs it, how much the end of its process, a power cut or a failover may lose",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sights(info: &str, fsync: Option<&str>, kind: Option<&str>) -> Vec<String> {
        let told = Told {
            info: info.replace('\n', "\r\n"),
            fsync: fsync.map(str::to_owned),
            kind: kind.map(str::to_owned),
            hidden: None,
        };
        let told = judge(&told, "redis:6379", "events")
            .into_iter()
            .skip(1)
            .map(|sight| match sight {
                Sight::Good(what) => format!("good: {what}"),
                Sight::Doubtful { what, .. } => format!("doubtful: {what}"),
                Sight::Bad { what, .. } => format!("bad: {what}"),
            });
        told.collect()
    }

    #[test]
    fn a_server_is_told_by_what_its_word_is_worth() {
        let safe =
            "redis_version:7.0.15\nrole:master\naof_enabled:1\nmaxmemory:100\nmaxmemory_policy:noeviction\n";
        assert_eq!(
            sights(safe, Some("always"), Some("none")),
            ["good: redis:6379 has on its disk what it answers to (appendfsync always)"]
        );
        let told = sights(safe, Some("everysec"), Some("stream"));
        assert!(
            told[0].starts_with("doubtful: redis:6379 answers before its disk has it (appendfsync everysec)")
        );
        let told = sights(safe, None, None);
        assert!(
            told[0].ends_with("does not tell whether its disk has it then (CONFIG is forbidden)"),
            "{told:?}"
        );
        let unsafe_one = "role:slave\naof_enabled:0\nmaxmemory:100\nmaxmemory_policy:allkeys-lru\n";
        let told = sights(unsafe_one, Some("always"), Some("list"));
        assert_eq!(told[0], "bad: redis:6379 is a replica, which takes no writes");
        assert_eq!(
            told[1],
            "bad: redis:6379 has a list under the key events, and no stream"
        );
        assert!(
            told[2].starts_with("doubtful: redis:6379 answers before anything is in a file (appendonly no)")
        );
        assert_eq!(
            told[3],
            "doubtful: redis:6379 throws whole streams away when its memory is full (maxmemory-policy allkeys-lru)"
        );
        assert_eq!(told.len(), 4);
    }

    #[test]
    fn what_is_no_redis_itself_is_told_by_what_it_says_and_not_by_what_it_does_not() {
        let kvrocks = "redis_version:4.0.0\nrole:master\n";
        assert_eq!(
            sights(kvrocks, None, None),
            [
                "doubtful: redis:6379 does not tell whether what it answers to is in a file (INFO has no aof_enabled)"
            ]
        );
        let dragonfly = "redis_version:7.4.0\nrole:master\nmaxmemory:100\nmaxmemory_policy:eviction\n";
        assert_eq!(
            sights(dragonfly, None, None)[1..],
            [
                "doubtful: redis:6379 throws whole streams away when its memory is full (maxmemory-policy eviction)"
            ]
        );
    }

    #[test]
    fn a_sentinel_and_a_node_of_a_cluster_are_no_places_for_a_stream() {
        let of = |mode: &str, kind: Option<&str>| {
            sights(
                &format!("redis_mode:{mode}\naof_enabled:1\n"),
                Some("always"),
                kind,
            )
        };
        let has_word = "good: redis:6379 has on its disk what it answers to (appendfsync always)";

        assert_eq!(
            of("sentinel", None),
            ["bad: redis:6379 is a Sentinel, which has no streams"]
        );
        let told = of("cluster", None);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("bad: redis:6379 is a node of a cluster: "),
            "{told:?}"
        );
        let told = of("cluster", Some("stream"));
        assert!(
            told[0].starts_with("doubtful: redis:6379 is a node of a cluster: it has the stream now"),
            "{told:?}"
        );
        assert_eq!(told[1..], [has_word]);
        assert_eq!(of("standalone", Some("none")), [has_word]);
    }
}
