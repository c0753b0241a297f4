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
use toml::Value;
use url::{Host, Url};

use super::keys::{DESTINATION, DESTINATION_KEYS, Key};
use super::reader::{self, Reader};
use super::sources::Sources;
use super::tables::tables;
use super::value::{control_character, text};
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

const fn kind(
    name: &'static str,
    keys: &'static [&'static str],
    read: fn(&mut Reader, Member, &Sources) -> Option<Kind>,
) -> KindOf {
    KindOf { name, keys, read }
}

/// The kinds there are.
const KINDS: [KindOf; 6] = [
    kind("http", http::KEYS, http::read),
    kind("command", command::KEYS, command::read),
    kind("nats", nats::KEYS, nats::read),
    kind("redis", redis::KEYS, redis::read),
    kind("sqs", sqs::KEYS, sqs::read),
    kind("kafka", kafka::KEYS, kafka::read),
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
    let (keys, bound) = (
        (DESTINATION, &DESTINATION_KEYS[..]),
        (MAX_DESTINATIONS, "destination"),
    );
    let destinations = read_each(reader, keys, bound, |reader, index, name| {
        destination(reader, index, name, sources)
    });
    shared::warn_of_shared(reader, &destinations);
    destinations
}

/// Reads each table in the list of that key, of which there may be so many, with its place in the list and its name. One with
/// a mistake is left out.
pub fn read_each<T>(
    reader: &mut Reader,
    (list, keys): (&str, &[Key]),
    (max_count, what): (usize, &str),
    read: impl Fn(&mut Reader, usize, Option<String>) -> Option<T>,
) -> Vec<T> {
    let Some(sourced) = reader.sourced(list) else {
        return Vec::new();
    };
    let tables = tables(&sourced.value).unwrap_or_else(|reason| {
        let reason = match sourced.value {
            Value::Table(_) => format!("write [[{list}]], with two brackets"),
            _ => reason,
        };
        reader.refuse(list, &reason);
        Vec::new()
    });
    if tables.len() > max_count {
        let reason = format!("there are {}, and {max_count} is the most", tables.len());
        reader.note(list, &reason);
    }
    let (mut names, mut found) = (Vec::new(), Vec::new());
    for (index, table) in tables.into_iter().enumerate() {
        let count = reader.mistakes.len();
        let place = sourced.places.get(index).unwrap_or(&sourced.place);
        reader.enter(list, keys, index, table, place);
        let key = format!("{list}[{index}].name");
        let name = reader.required(&key, |text| is_name(text).then(|| text.to_owned()));
        if let Some(name) = &name
            && names.contains(name)
        {
            reader.note(&key, &format!("another {what} has this name, {name:?}"));
        }
        names.extend(name.clone());
        let read = read(reader, index, name);
        found.extend(read.filter(|_| reader.mistakes.len() == count));
    }
    found
}

fn is_name(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(is_legal)
}

/// One destination, unless something is wrong with it.
fn destination(
    reader: &mut Reader,
    index: usize,
    name: Option<String>,
    sources: &Sources,
) -> Option<DestinationSettings> {
    let member = Member { index };
    let key = |name: &str| member.key(name);
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
    let said = "secrets are given by `secrets` too";
    let in_file = reader.in_file((key, key_of_file), said, sources, |content| {
        let lines = content.lines().map(str::trim).filter(|line| !line.is_empty());
        match lines.map(secret).collect::<Option<Vec<_>>>() {
            Some(secrets) if !secrets.is_empty() => Ok(secrets),
            Some(_) => Err("there is no secret in the file"),
            None => Err(
                "expected whsec_ and 24 to 64 bytes in base64 in each line (`echo whsec_$(openssl rand -base64 32)` makes one), \
                 found another text (hidden)",
            ),
        }
    });
    in_file.flatten().unwrap_or(given)
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

/// An absolute URL with neither user nor fragment, of one host: several between commas would be taken for a name. The error is
/// what is wrong with it, where what is allowed does not show that.
fn plain(text: &str) -> Result<Url, String> {
    if let Some(control) = control_character(text) {
        return Err(control);
    }
    let url = text.parse::<Url>().ok();
    let is_plain =
        |url: &Url| url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let is_of_one = |url: &Url| url.host_str().is_some_and(|host| !host.contains(','));
    let url = url.filter(|url| is_of_one(url) && is_plain(url));
    url.ok_or_else(|| match text.contains("://") {
        true => String::new(),
        false => "begin it with https://".to_owned(),
    })
}

/// As [`plain`], of a server, which has one of these schemes and for which more is to be said of what may be behind its host;
/// `several` is what to give in place of several.
fn server(text: &str, schemes: [&str; 2], several: &str) -> Result<Url, String> {
    if text.contains(',') {
        return Err(several.to_owned());
    }
    if let Some(control) = control_character(text) {
        return Err(control);
    }
    let url = text.parse::<Url>().ok();
    let url = url.filter(|url| schemes.contains(&url.scheme()) && url.has_host());
    let url = url.ok_or_else(String::new)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("give the user in `user`, and the password in `password` or `password_file`".to_owned());
    }
    match url.query().or(url.fragment()) {
        Some(_) => Err("leave out what begins with ? or #".to_owned()),
        None => with_plain_host(url),
    }
}

/// The URL with its host as it is looked up, which the parser does for http alone: in small letters, and what is not ASCII by
/// IDNA.
fn with_plain_host(mut url: Url) -> Result<Url, String> {
    let host = Host::parse(url.host_str().unwrap_or_default());
    let host = host.map_err(|error| format!("its host is no name: {error}"))?;
    let set = url.set_host(Some(&host.to_string()));
    set.map(|()| url)
        .map_err(|error| format!("its host is no name: {error}"))
}

fn secret(text: &str) -> Option<SecretString> {
    delivery::secret(text).ok()
}
