//! What Redis says where it adds nothing.

use redis::{ErrorKind, RedisError};

use crate::delivery::{Report, Wish};
use crate::inbox::outbox::Outcome;
use crate::outgoing;

/// What servers say of what is too long, and what we say of that limit: Redis itself, and Upstash.
const TOO_LONG: [(&str, &str); 2] = [
    ("invalid bulk length", "(proto-max-bulk-len)"),
    ("max request size exceeded", "in one command"),
];

/// What is to be said of an attempt that ended so, with an entry whose longest text has so many bytes.
pub fn report(error: &RedisError, place: &str, stream: &str, longest: usize) -> Report {
    let Some(code) = error.code() else {
        let detail = format!(
            "the connection to {place} ended before the answer: {}",
            said(error)
        );
        return Report::new(Outcome::Unreachable, detail);
    };
    let less = Wish::Less { pause: None };
    let words = error.detail().unwrap_or_default();
    let limit = TOO_LONG.iter().find(|(said, _)| words.contains(said));
    let limit = limit.map(|(_, limit)| *limit);
    let too_long = format!(
        "its {longest} bytes are more than this server takes {}",
        limit.unwrap_or_default()
    );
    let (outcome, wish, meaning) = match code {
        _ if limit.is_some() => (Outcome::Refused, Wish::NeverThis, &*too_long),
        "OOM" => (Outcome::Failed, less, "it has no memory left (maxmemory)"),
        "LOADING" => (Outcome::Failed, less, "it is reading its data from the disk"),
        "READONLY" => (Outcome::Failed, less, "it is a replica, which takes no writes"),
        "MASTERDOWN" => (Outcome::Failed, less, "it is a replica that has lost its master"),
        "NOREPLICAS" => (Outcome::Failed, less, "too few replicas follow it"),
        "MISCONF" => (Outcome::Failed, less, "it cannot write to its disk"),
        "CLUSTERDOWN" => (
            Outcome::Failed,
            less,
            "it is a node of a cluster, which is down or has nobody for this stream",
        ),
        "BUSY" | "TRYAGAIN" => (Outcome::Failed, less, "it is busy with itself"),
        "MOVED" | "ASK" => (
            Outcome::Refused,
            Wish::None,
            "it is a node of a cluster, another has this stream, and no redirection is followed; give it a `url` that is of no node",
        ),
        _ if is_unknown(error) => (Outcome::Refused, Wish::None, NO_STREAMS),
        "NOAUTH" | "WRONGPASS" => (Outcome::Refused, Wish::None, "it does not take these credentials"),
        "NOPERM" => (Outcome::Refused, Wish::None, "this user may not do that"),
        "WRONGTYPE" => (Outcome::Refused, Wish::None, "what it has there is no stream"),
        _ => (Outcome::Failed, Wish::None, "it failed"),
    };
    let detail = format!(
        "{place} did not add to stream {stream}: {meaning}: {}",
        said(error)
    );
    Report::new(outcome, detail).asking(wish)
}

/// What is said of who does not know us.
pub const NO_LOGIN: &str = "does not take these credentials";

/// What is said where whoever we are may not do what is needed.
pub const NO_RIGHT: &str = "does not allow this user what is needed";

/// What is said of who does not know our commands.
pub const NO_STREAMS: &str = "it has no streams, as a Sentinel, or a Redis before 5.0, has none; give it the `url` of a server that has";

/// What is said where the number in the URL is of no database.
pub const NO_DATABASE: &str = "has no database of that number";

/// What is said of who wants to see a certificate of ours.
pub const NO_CERTIFICATE: &str = "wants a certificate of its client, which is not supported here (set tls-auth-clients no or optional there)";

/// What is said of who is no server of Redis, or not by this scheme.
pub const NO_REDIS: &str = "as Redis does";

/// What is to be said of an attempt that found the door closed.
pub fn at_the_door(error: &RedisError, place: &str) -> Report {
    let less = Wish::Less { pause: None };
    let (outcome, wish, what) = match error.code() {
        Some("LOADING" | "MASTERDOWN") => (Outcome::Failed, less, "is not ready"),
        Some(_) if has_no_room(error) => (Outcome::Failed, less, "takes no more connections now"),
        Some("NOAUTH" | "WRONGPASS") => (Outcome::Refused, Wish::None, NO_LOGIN),
        Some("NOPERM") => (Outcome::Refused, Wish::None, NO_RIGHT),
        _ if error.kind() == ErrorKind::AuthenticationFailed => (Outcome::Refused, Wish::None, NO_LOGIN),
        Some(_) if has_no_database(error) => (Outcome::Refused, Wish::None, NO_DATABASE),
        Some(_) => (Outcome::Refused, Wish::None, "does not let us in"),
        None => (Outcome::Unreachable, Wish::WhenBack, not_spoken(error)),
    };
    Report::new(outcome, format!("{place} {what}: {}", said(error))).asking(wish)
}

/// What is to be said of who did not answer as Redis does.
fn not_spoken(error: &RedisError) -> &'static str {
    match error.kind() {
        _ if outgoing::tells_no_certificate(&error.to_string()) => NO_CERTIFICATE,
        // Whether its word was that it wants a certificate, is lost where it has closed the connection before we wrote.
        ErrorKind::Io => {
            "ends the connection and does not answer as Redis does (redis:// is without TLS, rediss:// with it, where tls-auth-clients \
             must be no or optional)"
        }
        _ => "does not speak as Redis does (redis:// is without TLS, rediss:// with it)",
    }
}

/// Whether another command would fare no better: nobody knows us there, or no Redis is there.
pub fn is_at_the_door(error: &RedisError) -> bool {
    match error.code() {
        Some("NOAUTH" | "DENIED") => true,
        Some(_) => has_no_room(error),
        None => error.kind() != ErrorKind::UnexpectedReturnType,
    }
}

/// Whether it has as many connections as it takes, which passes: Redis itself says so, and Upstash.
fn has_no_room(error: &RedisError) -> bool {
    let words = error.detail().unwrap_or_default();
    words.contains("max number of clients") || words.contains("max concurrent connections")
}

fn has_no_database(error: &RedisError) -> bool {
    let words = error.detail().unwrap_or_default();
    words.contains("DB index") || words.contains("SELECT is not allowed")
}

/// Whether it is a command that the server does not know, or that this user may not run.
pub fn is_of_command(error: &RedisError) -> bool {
    is_forbidden(error) || is_unknown(error)
}

/// Whether it is a command or a key that is not for this user.
pub fn is_forbidden(error: &RedisError) -> bool {
    error.code() == Some("NOPERM")
}

/// Whether it is a command that the server does not know.
fn is_unknown(error: &RedisError) -> bool {
    let words = error.detail().unwrap_or_default().to_ascii_lowercase();
    error.code().is_some() && (words.contains("unknown command") || words.contains("unknown subcommand"))
}

/// Whether nothing more is to be expected of a connection that ended an attempt so. A server that has become a replica, or
/// a name that leads to another one by now, is found by connecting anew.
pub fn ends_connection(error: &RedisError) -> bool {
    match error.code() {
        None => true,
        Some(code) => matches!(code, "READONLY" | "MASTERDOWN" | "NOAUTH" | "ERR" | "MOVED"),
    }
}

/// The server's own words, or the library's.
fn said(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        // Of what it could not read, the library tells the bytes.
        _ if error.kind() == ErrorKind::Parse => "its answer cannot be read".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the library makes of that answer.
    fn answered(line: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes());
        value.unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn who_may_be_another_server_by_now_is_connected_to_anew() {
        for (line, is_left) in [
            ("READONLY You can't write", true),
            ("MASTERDOWN Link with MASTER", true),
            ("MOVED 3999 127.0.0.1:6381", true),
            ("NOAUTH Authentication required.", true),
            ("OOM command not allowed", false),
            ("BUSY Redis is busy", false),
        ] {
            assert_eq!(ends_connection(&answered(line)), is_left, "{line}");
        }
    }

    #[test]
    fn each_refusal_is_told_as_it_is() {
        let less = Wish::Less { pause: None };
        let (failed, refused) = (Outcome::Failed, Outcome::Refused);
        for (line, outcome, wish, meaning) in [
            (
                "OOM command not allowed",
                failed,
                less,
                "it has no memory left (maxmemory)",
            ),
            (
                "LOADING Redis is loading",
                failed,
                less,
                "it is reading its data from the disk",
            ),
            (
                "READONLY You can't write",
                failed,
                less,
                "it is a replica, which takes no writes",
            ),
            (
                "MASTERDOWN Link with MASTER",
                failed,
                less,
                "it is a replica that has lost its master",
            ),
            (
                "NOREPLICAS Not enough",
                failed,
                less,
                "too few replicas follow it",
            ),
            (
                "MISCONF Errors writing",
                failed,
                less,
                "it cannot write to its disk",
            ),
            (
                "CLUSTERDOWN The cluster",
                failed,
                less,
                "it is a node of a cluster, which is down or has nobody for this stream",
            ),
            (
                "MOVED 3999 127.0.0.1:6381",
                refused,
                Wish::None,
                "it is a node of a cluster, another has this stream, and no redirection is followed; give it a `url` that is of no \
                 node",
            ),
            (
                "NOAUTH Authentication required.",
                refused,
                Wish::None,
                "it does not take these credentials",
            ),
            (
                "NOPERM this user has no",
                refused,
                Wish::None,
                "this user may not do that",
            ),
            (
                "WRONGTYPE Operation against",
                refused,
                Wish::None,
                "what it has there is no stream",
            ),
            (
                "ERR Protocol error: invalid bulk length",
                refused,
                Wish::NeverThis,
                "its 9 bytes are more than this server takes (proto-max-bulk-len)",
            ),
            (
                "ERR max request size exceeded. Limit: 8 bytes, Actual: 9 bytes",
                refused,
                Wish::NeverThis,
                "its 9 bytes are more than this server takes in one command",
            ),
            ("ERR unknown command 'XADD'", refused, Wish::None, NO_STREAMS),
            ("ERR another", failed, Wish::None, "it failed"),
        ] {
            let told = report(&answered(line), "r:6379", "s", 9);

            assert_eq!(
                told.detail,
                format!("r:6379 did not add to stream s: {meaning}: {line}")
            );
            assert_eq!((told.outcome, told.wish), (outcome, wish), "{line}");
        }
    }

    #[test]
    fn a_door_that_is_closed_is_told_from_one_that_is_not_open_yet() {
        let of = |line: &str| {
            let told = at_the_door(&answered(line), "r:6379");
            (told.outcome, told.detail)
        };
        let wrong = "WRONGPASS invalid username-password pair";
        assert_eq!(
            of(wrong),
            (
                Outcome::Refused,
                format!("r:6379 does not take these credentials: {wrong}")
            )
        );
        assert_eq!(
            of("LOADING Redis is loading"),
            (
                Outcome::Failed,
                "r:6379 is not ready: LOADING Redis is loading".to_owned()
            )
        );
        for line in [
            "ERR max number of clients reached",
            "ERR max concurrent connections exceeded",
        ] {
            let told = at_the_door(&answered(line), "r:6379");
            let detail = format!("r:6379 takes no more connections now: {line}");
            assert_eq!((told.outcome, told.detail), (Outcome::Failed, detail));
            assert_eq!(told.wish, Wish::Less { pause: None });
            assert!(is_at_the_door(&answered(line)));
        }
        let range = "ERR DB index is out of range";
        assert_eq!(
            of(range),
            (
                Outcome::Refused,
                format!("r:6379 has no database of that number: {range}")
            )
        );
        let forbidden = "NOPERM this user has no permissions to run the 'select' command";
        assert_eq!(
            of(forbidden),
            (
                Outcome::Refused,
                format!("r:6379 does not allow this user what is needed: {forbidden}")
            )
        );
        for (line, expected) in [
            (
                "NOPERM User queue has no permissions to run the 'info' command",
                true,
            ),
            ("ERR unknown command 'INFO', with args beginning with: ", true),
            (
                "ERR unknown subcommand or wrong number of arguments for 'get'",
                true,
            ),
            ("NOAUTH Authentication required.", false),
            ("ERR max number of clients reached", false),
        ] {
            assert_eq!(is_of_command(&answered(line)), expected, "{line}");
            assert_eq!(is_at_the_door(&answered(line)), !expected, "{line}");
        }
        assert!(is_at_the_door(&RedisError::from((ErrorKind::Parse, "no Redis"))));
        let ended = RedisError::from((ErrorKind::Io, "it ended"));
        assert_eq!(report(&ended, "r:6379", "s", 9).outcome, Outcome::Unreachable);
        assert!(ends_connection(&ended) && !ends_connection(&answered("OOM x")));
    }
}
