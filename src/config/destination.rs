//! Destinations: a list of tables, each of which is read as all else is, under its own keys.

use std::time::Duration;

use reqwest::header::HeaderMap;
use secrecy::SecretString;
use toml::{Table, Value};
use url::Url;

use super::keys::DESTINATION;
use super::layers::Sources;
use super::reader::{Reader, listed, named, text};
use crate::delivery::{DestinationSettings, Filter, Format, Kind, command, http};
use crate::inbox::outbox::MAX_DESTINATIONS;
use crate::rotating::Rotating;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

const DEFAULT_MAX_IN_FLIGHT: usize = 16;

/// The kinds there are, and the keys that only they have.
const KINDS: [(&str, &[&str]); 2] = [
    ("http", &["url", "secrets", "secrets_file", "headers", "proxy"]),
    ("command", &["command"]),
];

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
        reader.enter(index, table, sourced.places.get(index).unwrap_or(&sourced.place));
        let destination = destination(reader, index, &mut names, sources);
        destinations.extend(destination.filter(|_| reader.mistakes.len() == count));
    }
    destinations
}

/// What of that value may be shown: `app (http), log (command)`.
pub fn summary(value: &Value) -> String {
    let tables = tables(value).unwrap_or_default();
    let texts = tables.iter().map(|table| {
        let text = |key| table.get(key).and_then(Value::as_str).unwrap_or_default();
        format!("{} ({})", text("name"), text("kind"))
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// The paths in that value of files with secrets to sign with.
pub fn signing_file_paths(value: &Value) -> Vec<String> {
    let tables = tables(value).unwrap_or_default().into_iter();
    let paths = tables.filter_map(|table| text(table.get("secrets_file")?).ok());
    paths.filter(|path| !path.is_empty()).collect()
}

/// The tables in a list. The error is why there are none, and quotes nothing.
fn tables(value: &Value) -> Result<Vec<Table>, String> {
    let table = |item| match item {
        Value::Table(table) => Ok(table),
        other => Err(format!("there is {} in it", other.type_str())),
    };
    match listed(value)? {
        Value::Array(items) => items.into_iter().map(table).collect(),
        other => Err(text(&other).err().unwrap_or_else(|| "it is no list".to_owned())),
    }
}

/// One destination, unless something is wrong with it.
fn destination(
    reader: &mut Reader,
    index: usize,
    names: &mut Vec<String>,
    sources: &Sources,
) -> Option<DestinationSettings> {
    let key = |name: &str| format!("{DESTINATION}[{index}].{name}");
    let name = reader.required(&key("name"), |text| is_name(text).then(|| text.to_owned()));
    if let Some(name) = &name {
        if names.contains(name) {
            reader.refuse(&key("name"), "another destination has this name");
        }
        names.push(name.clone());
    }
    let kind = reader.required(&key("kind"), |text| KINDS.iter().find(|(kind, _)| *kind == text));
    let mut settings = None;
    for (name, members) in &KINDS {
        let members = members.iter().map(|member| key(member));
        let there: Vec<_> = members.filter(|member| reader.is_there(member)).collect();
        match kind {
            Some((kind, _)) if kind != name => {
                for member in there {
                    reader.note(&member, &format!("only one of kind {name} has this key"));
                }
            }
            // Of no kind, it is read as whatever it has keys of.
            None if there.is_empty() => {}
            _ if *name == "http" => settings = http(reader, key, sources).map(Kind::Http),
            _ => settings = command(reader, &key("command")).map(Kind::Command),
        }
    }
    let filter = Filter {
        events: reader.list(&key("events"), |text| text.parse().ok()),
        chatbots: reader.list(&key("chatbots"), |text| text.parse().ok()),
    };
    let max_per_second = reader.optional(&key("max_per_second"), |text| {
        text.parse().ok().filter(|rate| (0.001..=10_000.0).contains(rate))
    });
    let max_in_flight = reader.optional_number(&key("max_in_flight"));
    let since = reader.optional(&key("since"), |text| text.parse().ok());
    let timeout = reader.optional_number(&key("timeout_seconds"));
    let format = reader.optional(&key("format"), named);
    Some(DestinationSettings {
        name: name?,
        filter,
        since,
        max_in_flight: max_in_flight.map_or(DEFAULT_MAX_IN_FLIGHT, |count| count as usize),
        max_per_second,
        timeout: timeout.map_or(DEFAULT_TIMEOUT, Duration::from_secs),
        format: format.unwrap_or(Format::Raw),
        kind: settings?,
    })
}

fn http(reader: &mut Reader, key: impl Fn(&str) -> String, sources: &Sources) -> Option<http::Settings> {
    let url = reader.required(&key("url"), url);
    let secrets = secrets(reader, &key("secrets"), &key("secrets_file"), sources);
    let headers = headers(reader, &key("headers"));
    let proxy = reader.optional(&key("proxy"), |text| text.parse().ok());
    Some(http::Settings {
        url: url?,
        secrets: Rotating::new(secrets),
        headers,
        proxy: proxy.unwrap_or(true),
    })
}

/// The secrets to sign with, given or in a file.
fn secrets(reader: &mut Reader, key: &str, key_of_file: &str, sources: &Sources) -> Vec<SecretString> {
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

/// Headers as they are, blanks and quotes included.
fn headers(reader: &mut Reader, key: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let table = match reader.sourced(key).map(|sourced| sourced.value) {
        Some(Value::Table(table)) => table,
        Some(_) => {
            reader.refuse(key, "");
            return headers;
        }
        None => return headers,
    };
    for (name, value) in table {
        let key = format!("{key}.{name}");
        let header = value.as_str().and_then(|value| http::header(&name, value));
        let Some((name, value)) = header else {
            reader.note(
                &key,
                "expected the text of a header that is neither of the connection nor set by this program, found \
                 another (hidden)",
            );
            continue;
        };
        if headers.insert(&name, value).is_some() {
            reader.note(&key, "this header is given twice");
        }
    }
    headers
}

/// A program and its arguments as they are, blanks and quotes included.
fn command(reader: &mut Reader, key: &str) -> Option<command::Settings> {
    let is_legal = |word: &&str| !word.contains('\0');
    let words = match reader.sourced(key).map(|sourced| sourced.value) {
        Some(Value::Array(words)) => words,
        _ => Vec::new(),
    };
    let words: Option<Vec<_>> = words.iter().map(|word| word.as_str().filter(is_legal)).collect();
    match words.unwrap_or_default().split_first() {
        Some((program, arguments)) if !program.is_empty() => Some(command::Settings {
            program: (*program).to_owned(),
            arguments: arguments.iter().copied().map(str::to_owned).collect(),
        }),
        _ => {
            reader.refuse(key, "");
            None
        }
    }
}

fn is_name(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(is_legal)
}

/// An absolute http or https URL without user and fragment.
pub fn url(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then_some(url)
}

fn secret(text: &str) -> Option<SecretString> {
    http::secret(text).ok()
}
