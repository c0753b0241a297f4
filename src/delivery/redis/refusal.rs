//! What Redis says where it adds nothing.

use redis::{ErrorKind, RedisError};

use crate::delivery::{Report, Wish};
use crate::inbox::outbox::Outcome;

/// What is to be said of an attempt that ended so.
pub fn report(error: &RedisError, place: &str, stream: &str) -> Report {
    let Some(code) = error.code() else {
        let detail = format!(
            "the connection to {place} ended before the answer: {}",
            said(error)
        );
        return Report::unanswered(Outcome::Unreachable, detail);
    };
    let less = Wish::Less { pause: None };
    let is_too_long = error
        .detail()
        .is_some_and(|detail| detail.contains("invalid bulk length"));
    let (outcome, wish, meaning) = match code {
        _ if is_too_long => (
            Outcome::Refused,
            Wish::NeverThis,
            "it is longer than this server takes",
        ),
        "OOM" => (Outcome::Failed, less, "it has no memory left (maxmemory)"),
        "LOADING" => (Outcome::Failed, less, "it is reading its data from the disk"),
        "READONLY" => (Outcome::Failed, less, "it is a replica, which takes no writes"),
        "MASTERDOWN" => (Outcome::Failed, less, "it is a replica that has lost its master"),
        "NOREPLICAS" => (Outcome::Failed, less, "too few replicas follow it"),
        "MISCONF" => (Outcome::Failed, less, "it cannot write to its disk"),
        "BUSY" | "TRYAGAIN" | "CLUSTERDOWN" => (Outcome::Failed, less, "it is busy with itself"),
        "MOVED" | "ASK" => (
            Outcome::Refused,
            Wish::None,
            "another server of its cluster has this stream",
        ),
        "NOAUTH" | "WRONGPASS" => (Outcome::Refused, Wish::None, "it does not take these credentials"),
        "NOPERM" => (Outcome::Refused, Wish::None, "this user may not do that"),
        "WRONGTYPE" => (Outcome::Refused, Wish::None, "what it has there is no stream"),
        _ => (Outcome::Failed, Wish::None, "it failed"),
    };
    let detail = format!(
        "{place} did not add to stream {stream}: {meaning}: {}",
        said(error)
    );
    Report {
        wish,
        ..Report::unanswered(outcome, detail)
    }
}

/// What is to be said of an attempt that found the door closed.
pub fn at_the_door(error: &RedisError, place: &str) -> Report {
    let less = Wish::Less { pause: None };
    let (outcome, wish, what) = match error.code() {
        Some("LOADING" | "MASTERDOWN") => (Outcome::Failed, less, "is not ready"),
        Some("NOAUTH" | "WRONGPASS" | "NOPERM") => {
            (Outcome::Refused, Wish::None, "does not take these credentials")
        }
        _ if error.kind() == ErrorKind::AuthenticationFailed => {
            (Outcome::Refused, Wish::None, "does not take these credentials")
        }
        Some(_) => (Outcome::Refused, Wish::None, "does not let us in"),
        None => (Outcome::Unreachable, Wish::None, "does not speak as Redis does"),
    };
    Report {
        wish,
        ..Report::unanswered(outcome, format!("{place} {what}: {}", said(error)))
    }
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
        _ => error.to_string(),
    }
}
