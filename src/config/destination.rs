//! Destinations: a list of tables, each of which is read as all else is, under its own keys.

mod command;
mod http;
mod kafka;
mod login;
mod nats;
mod redis;
mod shared;
mod sqs;

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::SecretString;

use super::keys::{DESTINATION, DESTINATION_KEYS};
use super::reader::{self, Reader};
use super::sources::Sources;
use super::tables::tables;
use super::value::text;
use crate::clock::Timestamp;
use crate::delivery::{self, DestinationSettings, Filter, Format, Kind};
use crate::inbox::outbox::MAX_DESTINATIONS;
use crate::rotating::Rotating;

pub use http::url;

pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

const DEFAULT_MAX_IN_FLIGHT: usize = 16;

/// A kind of destination.
struct KindOf {
    /// Its name.
    name: &'static str,
    /// The keys that not all kinds have.
    keys: &'static [&'static str],
    /// Reads what only it has.
    read: fn(&mut Reader, Member, &Sources) -> Option<Kind>,
}

/// The kinds there are.
const KINDS: [KindOf; 6] = [
    KindOf {
        name: "http",
        keys: http::KEYS,
        read: http::read,
    },
    KindOf {
        name: "command",
        keys: command::KEYS,
        read: command::read,
    },
    KindOf {
        name: "nats",
        keys: nats::KEYS,
        read: nats::read,
    },
    KindOf {
        name: "redis",
        keys: redis::KEYS,
        read: redis::read,
    },
    KindOf {
        name: "sqs",
        keys: sqs::KEYS,
        read: sqs::read,
    },
    KindOf {
        name: "kafka",
        keys: kafka::KEYS,
        read: kafka::read,
    },
];

/// Names the keys of one destination.
#[derive(Clone, Copy)]
struct Member {
    index: usize,
}

impl Member {
    fn key(self, name: &str) -> String {
        format!("{DESTINATION}[{}].{name}", self.index)
    }
}

/// The destinations there are. One with a mistake is left out.
pub fn read(reader: &mut Reader, sources: &Sources) -> Vec<DestinationSettings> {
    let Some(sourced) = reader.sourced(DESTINATION) else {
        return Vec::new();
    };
    let tables = tables(&sourced.value).unwrap_or_else(|reason| {
        reader.refuse(DESTINATION, &reason);
        Vec::new()
    });
    if tables.len() > MAX_DESTINATIONS {
        let reason = format!("there are {}, and {MAX_DESTINATIONS} is the most", tables.len());
        reader.note(DESTINATION, &reason);
    }
    let mut names = Vec::new();
    let mut destinations = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        let count = reader.mistakes.len();
        let place = sourced.places.get(index).unwrap_or(&sourced.place);
        reader.enter(DESTINATION, &DESTINATION_KEYS, index, table, place);
        let destination = destination(reader, index, &mut names, sources);
        destinations.extend(destination.filter(|_| reader.mistakes.len() == count));
    }
    shared::warn_of_shared(reader, &destinations);
    destinations
}

/// One destination, unless something is wrong with it.
fn destination(
    reader: &mut Reader,
    index: usize,
    names: &mut Vec<String>,
    sources: &Sources,
) -> Option<DestinationSettings> {
    let member = Member { index };
    let key = |name: &str| member.key(name);
    let name = reader.required(&key("name"), |text| is_name(text).then(|| text.to_owned()));
    if let Some(name) = &name {
        if names.contains(name) {
            reader.refuse(&key("name"), "another destination has this name");
        }
        names.push(name.clone());
    }
    let named = reader.required(&key("kind"), |text| KINDS.iter().find(|kind| kind.name == text));
    for name in names_of_keys() {
        if named.is_some_and(|kind| !kind.keys.contains(&name)) && reader.is_there(&key(name)) {
            let owners = KINDS.iter().filter(|kind| kind.keys.contains(&name));
            let owners = owners.map(|kind| kind.name).collect::<Vec<_>>().join(" or ");
            reader.note(&key(name), &format!("only one of kind {owners} has this key"));
        }
    }
    let kinds = named.map_or_else(|| kinds_by_keys(reader, member), |kind| vec![kind]);
    let settings = kinds
        .iter()
        .map(|kind| (kind.read)(reader, member, sources))
        .last();
    let secrets = match kinds.iter().any(|kind| kind.keys.contains(&"secrets")) {
        true => secrets(reader, &key("secrets"), &key("secrets_file"), sources),
        false => Vec::new(),
    };
    let filter = Filter {
        events: reader.list(&key("events"), |text| text.parse().ok()),
        chatbots: reader.list(&key("chatbots"), |text| text.parse().ok()),
    };
    let max_per_second = reader.optional(&key("max_per_second"), |text| {
        text.parse().ok().filter(|rate| (0.001..=10_000.0).contains(rate))
    });
    let max_in_flight = reader.optional_number(&key("max_in_flight"));
    let since: Option<Timestamp> = reader.optional(&key("since"), |text| text.parse().ok());
    if let (Some(name), Some(since)) = (&name, since.filter(|since| *since > Timestamp::now())) {
        reader.warn(
            format!("the since of destination {name} is to come, {since}: it gets nothing older than itself"),
            "correct it before the receiver starts with this destination, if what is kept is meant to go there: later it changes nothing",
        );
    }
    let timeout = reader.optional_number(&key("timeout_seconds"));
    let format = reader.optional(&key("format"), reader::named);
    Some(DestinationSettings {
        name: name?,
        filter,
        since,
        max_in_flight: max_in_flight.map_or(DEFAULT_MAX_IN_FLIGHT, |count| count as usize),
        max_per_second,
        timeout: timeout.map_or(DEFAULT_TIMEOUT, Duration::from_secs),
        format: format.unwrap_or(Format::Raw),
        secrets: Rotating::new(secrets),
        kind: settings??,
    })
}

/// What a destination of no kind is read as: the kinds that it has keys of, for each key the first that has it.
fn kinds_by_keys(reader: &Reader, member: Member) -> Vec<&'static KindOf> {
    let mut read = Vec::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for kind in &KINDS {
        let is_new = |name: &&str| !names.contains(name) && reader.is_there(&member.key(name));
        if kind.keys.iter().any(is_new) {
            names.extend(kind.keys);
            read.push(kind);
        }
    }
    read
}

/// The keys that not all kinds have, each once.
fn names_of_keys() -> BTreeSet<&'static str> {
    KINDS.iter().flat_map(|kind| kind.keys).copied().collect()
}

/// The secrets to sign with, given or in a file.
pub fn secrets(reader: &mut Reader, key: &str, key_of_file: &str, sources: &Sources) -> Vec<SecretString> {
    let given = reader.list(key, secret);
    let path = reader.optional(key_of_file, |text| Some(text.to_owned()));
    let Some(path) = path else {
        return given;
    };
    if reader.is_there(key) {
        reader.note(key_of_file, "secrets are given by `secrets` too");
    }
    let reason = match sources.files.get(&path) {
        Some(Ok(content)) => {
            let lines = content.lines().map(str::trim).filter(|line| !line.is_empty());
            match lines.map(secret).collect::<Option<Vec<_>>>() {
                Some(secrets) if !secrets.is_empty() => return secrets,
                Some(_) => "there is no secret in the file",
                None => {
                    "expected whsec_ and 24 to 64 bytes in base64 in each line, found another text (hidden)"
                }
            }
        }
        Some(Err(error)) => error,
        None => "the file was not read",
    };
    reader.note(key_of_file, &format!("{path}: {reason}"));
    given
}

/// What must be there, where it is not the same for all kinds.
fn required_as<T>(
    reader: &mut Reader,
    key: &str,
    allowed: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let given = reader.sourced(key).and_then(|sourced| text(&sourced.value).ok());
    let taken = given.and_then(|text| read(&text));
    if taken.is_none() {
        reader.refuse_for(key, allowed, "");
    }
    taken
}

pub fn is_name(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(is_legal)
}

fn secret(text: &str) -> Option<SecretString> {
    delivery::secret(text).ok()
}
