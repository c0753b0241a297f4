//! Destinations: from TOML or JSON text to settings, with all mistakes of all of them.

mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use toml::{Table, Value};
use url::Url;

use super::Mistake;
use super::layers::{DESTINATION, Sourced};
use crate::delivery::{DestinationSettings, Filter, Format, Kind, command, http};
use crate::inbox::outbox::MAX_DESTINATIONS;
use table::{Fields, Shown};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

const DEFAULT_MAX_IN_FLIGHT: usize = 16;

/// The keys that every destination may have.
const COMMON_KEYS: [&str; 9] = [
    "name",
    "kind",
    "format",
    "events",
    "chatbots",
    "timeout_seconds",
    "max_in_flight",
    "max_per_second",
    "since",
];

/// The kinds there are, and the keys that only they have.
const KINDS: [(&str, &[&str]); 2] = [
    ("http", &["url", "secrets", "secrets_file", "headers", "proxy"]),
    ("command", &["command"]),
];

/// The sizes that Standard Webhooks wants a secret to have.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

const ALLOWED_SECRET: &str = "whsec_ and 24 to 64 bytes in base64";

/// The destinations in that text. One with a mistake is left out.
pub fn read(
    sourced: &Sourced,
    signing_files: &BTreeMap<String, Result<String, String>>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<DestinationSettings> {
    let Sourced { text, origin } = sourced;
    let tables = tables(text).unwrap_or_else(|reason| {
        mistakes.push(Mistake(format!(
            "{DESTINATION} ({origin}): expected a list of tables, as in \
             [{{name = \"app\", kind = \"http\", url = \"https://app.example.com\"}}], \
             found another text (hidden): {reason}"
        )));
        Vec::new()
    });
    if tables.len() > MAX_DESTINATIONS {
        mistakes.push(Mistake(format!(
            "{DESTINATION} ({origin}): expected at most {MAX_DESTINATIONS} destinations, found {}",
            tables.len()
        )));
    }
    let mut names = Vec::new();
    let mut destinations = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        let mut fields = Fields::new(format!("{DESTINATION}[{index}]"), origin, table, mistakes);
        destinations.extend(destination(&mut fields, &mut names, signing_files));
    }
    destinations
}

/// What of that text may be shown: `app (http), log (command)`.
pub fn summary(text: &str) -> String {
    let tables = tables(text).unwrap_or_default();
    let texts = tables.iter().map(|table| {
        let text = |key| table.get(key).and_then(Value::as_str).unwrap_or_default();
        format!("{} ({})", text("name"), text("kind"))
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// The paths in that text of files with secrets to sign with.
pub fn signing_file_paths(text: &str) -> Vec<String> {
    let tables = tables(text).unwrap_or_default();
    let paths = tables
        .iter()
        .filter_map(|table| table.get("secrets_file")?.as_str());
    paths.map(str::to_owned).collect()
}

/// The tables in a list, in TOML or JSON. The error is why there are none, and quotes nothing.
fn tables(text: &str) -> Result<Vec<Table>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(_) => text.trim().parse().map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
            format!("line {line}: {}", error.message())
        })?,
    };
    let Value::Array(items) = value else {
        return Err(format!("it is no list, but {}", value.type_str()));
    };
    let table = |item| match item {
        Value::Table(table) => Ok(table),
        other => Err(format!("there is {} in it", other.type_str())),
    };
    items.into_iter().map(table).collect()
}

/// One destination, or its mistakes.
fn destination(
    fields: &mut Fields,
    names: &mut Vec<String>,
    signing_files: &BTreeMap<String, Result<String, String>>,
) -> Option<DestinationSettings> {
    let name = fields.required("name", "1 to 40 of a-z, 0-9, - and _", Shown::Whole, |text| {
        is_name(text).then(|| text.to_owned())
    });
    if let Some(name) = &name {
        if names.contains(name) {
            fields.refuse("name", "a name of its own", Some(name));
        }
        names.push(name.clone());
    }
    let kind = kind(fields, signing_files);
    let format = fields.parsed("format", "raw or cloudevents", |text| text.parse::<Format>().ok());
    let filter = Filter {
        events: fields.texts(
            "events",
            "event names, in which * stands for anything, as in crawling.*",
            Shown::Whole,
            |text| text.parse().ok(),
        ),
        chatbots: fields.texts("chatbots", "ids of chatbots", Shown::Whole, |text| {
            text.parse().ok()
        }),
    };
    let timeout = fields.number("timeout_seconds", "whole seconds", 1..=600);
    let max_in_flight = fields.number("max_in_flight", "a whole number", 1..=256);
    let max_per_second = fields.rate("max_per_second", 0.001..=10_000.0);
    let since = fields.time("since");
    fields.finish().then_some(())?;
    Some(DestinationSettings {
        name: name?,
        filter,
        since,
        max_in_flight: max_in_flight.map_or(DEFAULT_MAX_IN_FLIGHT, |number| number as usize),
        max_per_second,
        timeout: timeout.map_or(DEFAULT_TIMEOUT, |seconds| Duration::from_secs(u64::from(seconds))),
        format: format.unwrap_or(Format::Raw),
        kind: kind?,
    })
}

/// What a destination is; takes the keys that only this kind has, and refuses those of the other.
fn kind(fields: &mut Fields, signing_files: &BTreeMap<String, Result<String, String>>) -> Option<Kind> {
    let kind = fields.required("kind", "http or command", Shown::Whole, |text| {
        KINDS.into_iter().find(|(kind, _)| *kind == text)
    });
    let Some((kind, own)) = kind else {
        // Which of their keys it should have nobody can tell.
        for key in KINDS.into_iter().flat_map(|(_, keys)| keys) {
            fields.forget(key);
        }
        fields.allow(&COMMON_KEYS);
        return None;
    };
    fields.allow(&[&COMMON_KEYS, own].concat());
    for (other, keys) in KINDS.into_iter().filter(|(other, _)| *other != kind) {
        for key in keys {
            fields.refuse_if_there(key, &format!("only one of kind {other} has this key"));
        }
    }
    match kind {
        "http" => http(fields, signing_files).map(Kind::Http),
        _ => command(fields).map(Kind::Command),
    }
}

fn http(
    fields: &mut Fields,
    signing_files: &BTreeMap<String, Result<String, String>>,
) -> Option<http::Settings> {
    let url = fields.required(
        "url",
        "an absolute http or https URL without user and fragment",
        Shown::Origin,
        url,
    );
    let secrets = secrets(fields, signing_files);
    let headers = fields.headers("headers");
    let proxy = fields.flag("proxy");
    Some(http::Settings {
        url: url?,
        secrets,
        headers,
        proxy: proxy.unwrap_or(true),
    })
}

/// The secrets to sign with, given or in a file.
fn secrets(
    fields: &mut Fields,
    signing_files: &BTreeMap<String, Result<String, String>>,
) -> Vec<SecretString> {
    let given = fields.texts("secrets", ALLOWED_SECRET, Shown::Nothing, secret);
    let path = fields.parsed("secrets_file", "the path of a file", |text| {
        (!text.is_empty()).then(|| text.to_owned())
    });
    let Some(path) = path else {
        return given;
    };
    if !given.is_empty() {
        fields.refuse_key("secrets_file", "secrets are given by `secrets` too");
    }
    let content = match signing_files.get(&path) {
        Some(Ok(content)) => content,
        Some(Err(error)) => {
            fields.refuse_key("secrets_file", &format!("{path}: {error}"));
            return given;
        }
        None => {
            fields.refuse_key("secrets_file", &format!("{path}: the file was not read"));
            return given;
        }
    };
    let lines = content.lines().map(str::trim).filter(|line| !line.is_empty());
    let secrets: Option<Vec<_>> = lines.map(secret).collect();
    match secrets {
        Some(secrets) if !secrets.is_empty() => secrets,
        Some(_) => {
            fields.refuse_key("secrets_file", &format!("{path}: there is no secret in the file"));
            given
        }
        None => {
            let reason =
                format!("{path}: expected {ALLOWED_SECRET} in each line, found another text (hidden)");
            fields.refuse_key("secrets_file", &reason);
            given
        }
    }
}

fn command(fields: &mut Fields) -> Option<command::Settings> {
    let words = fields.texts(
        "command",
        "texts without NUL: a program, and what it is given",
        Shown::Nothing,
        |text| (!text.contains('\0')).then(|| text.to_owned()),
    );
    match words.split_first() {
        Some((program, arguments)) if !program.is_empty() => Some(command::Settings {
            program: program.clone(),
            arguments: arguments.to_vec(),
        }),
        _ => {
            if !fields.is_refused("command") {
                fields.refuse_key(
                    "command",
                    "expected a list of texts, of which the first is a program, found none",
                );
            }
            None
        }
    }
}

fn is_name(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(is_legal)
}

fn url(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then_some(url)
}

fn secret(text: &str) -> Option<SecretString> {
    let bytes = BASE64_STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
    SECRET_BYTES
        .contains(&bytes.len())
        .then(|| SecretString::from(text))
}
