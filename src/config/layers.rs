//! Where values come from: defaults, file, environment, flags, each over the one before.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{Mistake, destination};

/// The file of defaults.
const DEFAULTS: &str = include_str!("../../config/caigunn-webhook.toml");

/// What a key is called, and how it may be shown.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.key`.
    pub name: &'static str,
    /// A shorter variable than the one that follows from the name.
    pub short_variable: Option<&'static str>,
    /// What of its value may be printed.
    pub kind: Kind,
}

/// What of a value may be printed. One of which not all may can also be in a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All.
    Plain,
    /// All but the password that may be in it.
    Location,
    /// Nothing.
    Secret,
    /// Of each destination its name and kind.
    Destinations,
}

/// Every key there is, in the order of the file of defaults.
pub const KEYS: [Key; 46] = [
    short("server.listen", "CAIGUNN_LISTEN"),
    short("server.public_url", "CAIGUNN_PUBLIC_URL"),
    key("server.body_limit_bytes"),
    key("server.bodies_in_flight_bytes"),
    key("server.max_connections"),
    key("server.header_timeout_seconds"),
    key("server.idle_timeout_seconds"),
    key("server.body_timeout_seconds"),
    key("server.write_timeout_seconds"),
    key("server.drain_delay_seconds"),
    key("server.stop_timeout_seconds"),
    key("admin.listen"),
    secret("admin.token"),
    secret("webhook.token"),
    Key {
        kind: Kind::Location,
        ..key("inbox.url")
    },
    key("inbox.max_connections"),
    key("inbox.retention_days"),
    key("inbox.queue_count"),
    key("inbox.append_timeout_seconds"),
    key("inbox.duplicate_window_seconds"),
    key("inbox.quarantine_max_count"),
    key("inbox.quarantine_max_bytes"),
    key("api.url"),
    secret("api.key"),
    Key {
        short_variable: Some("CAIGUNN_ACCESS_TOKEN"),
        ..secret("api.access_token")
    },
    key("api.timeout_seconds"),
    key("subscription.discover"),
    key("subscription.include"),
    key("subscription.exclude"),
    key("subscription.watch_interval_seconds"),
    key("subscription.on_takeover"),
    key("subscription.max_reclaims_per_hour"),
    key("subscription.unsubscribe_on_exit"),
    key("subscription.probe"),
    key("subscription.retry_min_seconds"),
    key("subscription.retry_max_seconds"),
    key("subscription.refused_retry_seconds"),
    key("backfill.after_seconds"),
    key("backfill.interval_seconds"),
    key("backfill.concurrency"),
    key("backfill.max_calls_per_minute"),
    key("backfill.give_up_after_days"),
    key("delivery.retry_schedule_seconds"),
    Key {
        kind: Kind::Destinations,
        ..key(DESTINATION)
    },
    short("log.filter", "CAIGUNN_LOG"),
    key("log.format"),
];

/// The key of the destinations. Its value is TOML text: a list of tables.
pub const DESTINATION: &str = "delivery.destination";

const fn key(name: &'static str) -> Key {
    Key {
        name,
        short_variable: None,
        kind: Kind::Plain,
    }
}

const fn short(name: &'static str, variable: &'static str) -> Key {
    Key {
        short_variable: Some(variable),
        ..key(name)
    }
}

const fn secret(name: &'static str) -> Key {
    Key {
        kind: Kind::Secret,
        ..key(name)
    }
}

impl Key {
    /// The variables that set it: the one that follows from its name, and the shorter one if there is one.
    pub fn variables(self) -> impl Iterator<Item = String> {
        let long = format!("CAIGUNN_{}", self.name.replace('.', "_").to_uppercase());
        std::iter::once(long).chain(self.short_variable.map(str::to_owned))
    }
}

/// What a configuration is made of. Nothing here has been judged yet.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file's name and content.
    pub file: Option<(String, String)>,
    /// The environment, or what of it begins with `CAIGUNN_`.
    pub environment: Vec<(String, String)>,
    /// Keys and values from the command line.
    pub flags: Vec<(String, String)>,
    /// The content of the files that `..._FILE` variables name, by variable, or why they cannot be read.
    pub secret_files: BTreeMap<String, Result<String, String>>,
    /// The content of the files that destinations name as `secrets_file`, by path, or why they cannot be read.
    pub signing_files: BTreeMap<String, Result<String, String>>,
}

impl Sources {
    /// The `..._FILE` variables in the environment, with the paths in them: to be read into `secret_files`.
    pub fn secret_file_variables(&self) -> Vec<(String, String)> {
        let known: Vec<String> = secret_file_keys().map(|(variable, _)| variable).collect();
        self.environment
            .iter()
            .filter(|(name, path)| known.contains(name) && !path.is_empty())
            .cloned()
            .collect()
    }

    /// The paths that destinations name as `secrets_file`: to be read into `signing_files`, once `secret_files` is there,
    /// for the destinations may be in one of those.
    pub fn signing_file_paths(&self) -> Vec<String> {
        let values = merge(self, &mut Vec::new());
        destination::signing_file_paths(&values[DESTINATION].text)
    }
}

fn secret_file_keys() -> impl Iterator<Item = (String, Key)> {
    let secrets = KEYS.into_iter().filter(|key| key.kind != Kind::Plain);
    secrets.flat_map(|key| {
        key.variables()
            .map(move |variable| (format!("{variable}_FILE"), key))
    })
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced {
    pub text: String,
    pub origin: String,
}

/// Puts the layers over one another. Every key has a value in the end.
pub fn merge(sources: &Sources, mistakes: &mut Vec<Mistake>) -> BTreeMap<&'static str, Sourced> {
    let mut values = defaults();
    if let Some((name, content)) = &sources.file {
        add_file(name, content, &mut values, mistakes);
    }
    add_environment(sources, &mut values, mistakes);
    for (name, text) in &sources.flags {
        match find(name) {
            Some(key) => set(&mut values, key, text, "the command line".to_owned()),
            None => mistakes.push(Mistake(format!(
                "{name} (the command line): there is no such key"
            ))),
        }
    }
    values
}

/// The values of the file of defaults.
pub fn defaults() -> BTreeMap<&'static str, Sourced> {
    let mut values = BTreeMap::new();
    let mut mistakes = Vec::new();
    // The file cannot say so: where a list is empty no [[table]] may be added to it, as someone who copies the file does.
    let none = Sourced {
        text: String::new(),
        origin: "default".to_owned(),
    };
    values.insert(DESTINATION, none);
    add_file("default", DEFAULTS, &mut values, &mut mistakes);
    assert_eq!(mistakes, [], "the file of defaults is part of the program");
    values
}

fn add_file(
    name: &str,
    content: &str,
    values: &mut BTreeMap<&'static str, Sourced>,
    mistakes: &mut Vec<Mistake>,
) {
    let table = match content.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            // The parser's own text quotes the line, which may hold a secret.
            let start = error.span().map_or(0, |span| span.start);
            let line = 1 + content.bytes().take(start).filter(|byte| *byte == b'\n').count();
            mistakes.push(Mistake(format!("{name}, line {line}: {}", error.message())));
            return;
        }
    };
    for (section, members) in table {
        let Value::Table(members) = members else {
            mistakes.push(Mistake(format!("{section} ({name}): there is no such section")));
            continue;
        };
        for (member, value) in members {
            let full_name = format!("{section}.{member}");
            match find(&full_name).map(|key| (key, text_of(key, &value))) {
                Some((key, Ok(text))) => set(values, key, &text, name.to_owned()),
                Some((_, Err(expected))) => {
                    let kind = value.type_str();
                    mistakes.push(Mistake(format!(
                        "{full_name} ({name}): expected {expected}, found {kind}"
                    )));
                }
                None => {
                    let known: Vec<_> = KEYS
                        .iter()
                        .filter_map(|key| key.name.strip_prefix(&*section)?.strip_prefix('.'))
                        .collect();
                    let known = match &*known {
                        [] => format!("no section {section}"),
                        names => format!("in [{section}] only {}", names.join(", ")),
                    };
                    mistakes.push(Mistake(format!(
                        "{full_name} ({name}): there is no such key; there is {known}"
                    )));
                }
            }
        }
    }
}

/// A value as a text, or what was expected instead of it.
fn text_of(key: Key, value: &Value) -> Result<String, &'static str> {
    let text = match (key.kind, value) {
        (Kind::Destinations, Value::Array(_)) => Some(value.to_string()),
        (Kind::Destinations, _) => return Err("tables, each of which begins with [[delivery.destination]]"),
        (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Integer(number)) => Some(number.to_string()),
        (_, Value::Boolean(truth)) => Some(truth.to_string()),
        (Kind::Plain, Value::Array(items)) => {
            joined(items, Value::as_str).or(joined(items, Value::as_integer))
        }
        (_, Value::Array(items)) => joined(items, Value::as_str),
        (_, Value::Float(_) | Value::Datetime(_) | Value::Table(_)) => None,
    };
    text.ok_or("a text, a whole number, true or false")
}

/// A list, comma separated, if all its items are of one kind.
fn joined<'a, T: ToString>(items: &'a [Value], read: fn(&'a Value) -> Option<T>) -> Option<String> {
    let texts: Option<Vec<String>> = items.iter().map(|item| Some(read(item)?.to_string())).collect();
    Some(texts?.join(","))
}

fn add_environment(
    sources: &Sources,
    values: &mut BTreeMap<&'static str, Sourced>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut set_by: BTreeMap<&'static str, (String, String)> = BTreeMap::new();
    let ours = sources
        .environment
        .iter()
        .filter(|(name, _)| name.starts_with("CAIGUNN_"));
    for (variable, value) in ours {
        let direct = KEYS
            .into_iter()
            .find(|key| key.variables().any(|known| known == *variable));
        let by_file = secret_file_keys().find_map(|(known, key)| (known == *variable).then_some(key));
        let (key, text) = match (direct, by_file) {
            (Some(key), _) => (key, value.clone()),
            (None, Some(key)) => match sources.secret_files.get(variable) {
                Some(Ok(content)) => (key, content.trim_end_matches(['\r', '\n']).to_owned()),
                Some(Err(error)) => {
                    mistakes.push(Mistake(format!("{} ({variable}={value}): {error}", key.name)));
                    continue;
                }
                None => continue,
            },
            (None, None) if is_service_link(variable) => continue,
            (None, None) => {
                mistakes.push(Mistake(format!(
                    "{variable} (the environment): there is no such setting"
                )));
                continue;
            }
        };
        if let Some((other, earlier)) = set_by.get(key.name)
            && *earlier != text
        {
            // An empty text is "not set", as a compose file makes of a variable that is not there.
            if text.is_empty() {
                continue;
            }
            if !earlier.is_empty() {
                mistakes.push(Mistake(format!(
                    "{}: {other} and {variable} are both set and differ",
                    key.name
                )));
                continue;
            }
        }
        set_by.insert(key.name, (variable.clone(), text.clone()));
        set(values, key, &text, variable.clone());
    }
}

/// Whether a variable is one that Kubernetes or Docker sets for a service that happens to be called `caigunn...`.
fn is_service_link(variable: &str) -> bool {
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_link = |tail: &str| {
        let mut parts = tail.split('_');
        parts.next().is_some_and(is_port) && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
    };
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || variable.contains("_SERVICE_PORT_")
        || variable.ends_with("_PORT")
        || variable
            .rsplit_once("_PORT_")
            .is_some_and(|(_, tail)| is_link(tail))
        || variable
            .split_once("_PORT_")
            .is_some_and(|(_, tail)| is_link(tail))
}

fn find(name: &str) -> Option<Key> {
    KEYS.into_iter().find(|key| key.name == name)
}

fn set(values: &mut BTreeMap<&'static str, Sourced>, key: Key, text: &str, origin: String) {
    values.insert(
        key.name,
        Sourced {
            text: text.to_owned(),
            origin,
        },
    );
}
