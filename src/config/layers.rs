//! Where values come from, each over the one before: the defaults of the program and of the image, `PORT`, the file, the
//! environment, flags.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Table, Value};

use super::keys::{DESTINATION, KEYS, Key, Kind, NOTICE, did_you_mean, meant};
use super::links::is_service_link;
use super::sources::Sources;
use super::tables::{secret_file_paths, tables};
use super::{Mistake, Warning, aws, value};
use crate::outgoing;

/// The file of defaults.
const DEFAULTS: &str = include_str!("../../config/caigunn-webhook.toml");

/// The variable that names the operator's file; it sets nothing itself.
pub const CONFIG_VARIABLE: &str = "CAIGUNN_CONFIG";

/// The variable that names a file with an image's defaults, over which everything else goes.
pub const DEFAULTS_VARIABLE: &str = "CAIGUNN_DEFAULTS";

/// The members of destinations and notices that are taken while the receiver runs.
const ROTATED_MEMBERS: [&str; 2] = ["secrets", "password"];

/// Their members that last until a restart and may be in files that others name. A secret access key belongs to another
/// `access_key_id`, which stands in the settings.
const LASTING_FILES: [(&str, &str); 2] = [
    ("url_file", "url"),
    ("secret_access_key_file", "secret_access_key"),
];

/// What is said of each destination and notice but what is rotated, by what it is called: what of it changes needs a restart.
pub type Lasting = BTreeMap<String, Table>;

/// The address of which `PORT` is a part.
const LISTEN: &str = "server.listen";

/// What is said of a file of a secret with nothing in it: never that there is no secret.
const EMPTY: &str = "the file is empty; put the value into it, or take the variable away";

impl Sources {
    /// Whether a variable concerns this program.
    pub fn is_read(variable: &str) -> bool {
        variable.starts_with("CAIGUNN_")
            || variable == "PORT"
            || outgoing::is_variable(variable)
            || aws::is_variable(variable)
    }

    /// Reads the files that `..._FILE` variables name, and then those of secrets in the tables of lists.
    pub fn read_files(&mut self, read: impl Fn(&str) -> Result<String, String>) {
        let by_variable = self.environment.iter().filter(|(variable, path)| {
            let is_file = Key::of_variable(variable).is_some_and(|(_, is_file)| is_file);
            is_file && !path.trim().is_empty()
        });
        let paths = by_variable.map(|(_, path)| path.trim().to_owned());
        self.files = paths.map(|path| (path.clone(), read(&path))).collect();
        let mut values = merge(self).values;
        let lists = [DESTINATION, NOTICE]
            .into_iter()
            .filter_map(|key| values.remove(key));
        let paths: Vec<_> = lists.flat_map(|list| secret_file_paths(&list.value)).collect();
        let paths = paths.into_iter();
        self.files.extend(paths.map(|path| (path.clone(), read(&path))));
    }

    /// What is said of destinations and notices and lasts until a restart. What is in a file of its own is part of it.
    pub fn lasting(&self) -> Lasting {
        let mut values = merge(self).values;
        let text = |table: &Table, member: &str| table.get(member).and_then(|it| value::text(it).ok());
        let mut lasting = Lasting::new();
        for (key, what) in [(DESTINATION, "destination"), (NOTICE, "notice")] {
            let list = values.remove(key);
            for mut table in list.and_then(|list| tables(&list.value).ok()).unwrap_or_default() {
                table.retain(|member, _| !ROTATED_MEMBERS.contains(&member));
                for (file, member) in LASTING_FILES {
                    let content = text(&table, file).and_then(|path| self.files.get(&path));
                    if let Some(Ok(content)) = content {
                        table.insert(member.to_owned(), content.trim().into());
                    }
                }
                let name = text(&table, "name").unwrap_or_default();
                lasting.insert(format!("{what} {name}"), table);
            }
        }
        lasting
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced {
    pub value: Value,
    /// `FILE:LINE`, a variable, or other words.
    pub place: String,
    /// Of a list in a file, the place of each item.
    pub places: Vec<String>,
    /// Whether the operator has said it.
    pub is_said: bool,
}

/// By the name of the key.
pub type Values = BTreeMap<String, Sourced>;

/// What came of putting the layers over one another.
#[derive(Default)]
pub struct Merged {
    /// What was said last of each key.
    pub values: Values,
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Warning>,
    /// Whether what follows is the operator's.
    is_said: bool,
}

/// Puts the layers over one another. An empty text sets nothing.
pub fn merge(sources: &Sources) -> Merged {
    let mut merged = Merged {
        values: defaults(),
        ..Merged::default()
    };
    if let Some((name, content)) = &sources.defaults {
        merged.add_file(name, content);
    }
    if let Some((_, port)) = sources.environment.iter().find(|(name, _)| name == "PORT") {
        merged.add_port(port.trim());
    }
    merged.is_said = true;
    if let Some((name, content)) = &sources.file {
        merged.add_file(name, content);
    }
    merged.add_environment(sources);
    merged.warn_of_port(sources);
    for (name, text) in &sources.flags {
        match Key::find(name) {
            Some(key) => merged.set(key, text.as_str(), "the command line", Vec::new()),
            None => merged.note_unknown(name, "the command line"),
        }
    }
    merged
}

/// The values of the file of defaults.
pub fn defaults() -> Values {
    let mut merged = Merged::default();
    merged.add_file("default", DEFAULTS);
    assert_eq!(merged.mistakes, [], "the file of defaults is part of the program");
    for value in merged.values.values_mut() {
        "default".clone_into(&mut value.place);
    }
    merged.values
}

impl Merged {
    fn note(&mut self, text: String) {
        self.mistakes.push(Mistake(text));
    }

    fn note_unknown(&mut self, name: &str, place: &str) {
        let known = KEYS.into_iter().map(|key| key.name.to_owned());
        let meant = did_you_mean(name, known);
        self.note(format!("{name} ({place}): there is no such key{meant}"));
    }

    fn set(&mut self, key: Key, value: impl Into<Value>, place: &str, places: Vec<String>) {
        let sourced = Sourced {
            value: value.into(),
            place: place.to_owned(),
            places,
            is_said: self.is_said,
        };
        if sourced.value.as_str().is_none_or(|text| !text.trim().is_empty()) {
            self.values.insert(key.name.to_owned(), sourced);
        }
    }

    fn add_file(&mut self, name: &str, content: &str) {
        // Looked into for each key, of which there are many.
        let line_ends: Vec<_> = content.match_indices('\n').map(|(end, _)| end).collect();
        let place = |start: usize| {
            let lines_before = line_ends.partition_point(|end| *end < start);
            format!("{name}:{}", 1 + lines_before)
        };
        let table = match DeTable::parse(content) {
            Ok(table) => table.into_inner(),
            // The parser's own text quotes the line, which may hold a secret.
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let line = line_ends.partition_point(|end| *end < start);
                let is_bare = content.lines().nth(line).is_some_and(lacks_quotes);
                let advice = match error.message() {
                    // Of the line that is all which may be shown.
                    "duplicate key" => {
                        let key = error.span().and_then(|span| content.get(span));
                        key.map_or_else(String::new, |key| format!(", {}", key.trim()))
                    }
                    _ if is_bare => "; a text must stand in quotes".to_owned(),
                    _ => String::new(),
                };
                return self.note(format!("{}: {}{advice}", place(start), error.message()));
            }
        };
        for (section, members) in table {
            let place_of_section = place(section.span().start);
            if let Some(key) = Key::find(section.get_ref()) {
                self.add_value(key.name, &place_of_section, members, place);
                continue;
            }
            let is_list = matches!(members.get_ref(), DeValue::Array(_));
            let members = match (members.into_inner(), list_meant(section.get_ref())) {
                (DeValue::Table(members), None) => members,
                (_, list) => {
                    let section = section.get_ref();
                    let is_one = KEYS.iter().any(|key| key.name.split('.').next() == Some(section));
                    let list = list.or(is_list
                        .then_some(DESTINATION)
                        .filter(|list| list.split('.').next() == Some(section)));
                    let advice = match list {
                        Some(list) if is_list && is_one => {
                            format!("it is a section and no list; did you mean [[{list}]]?")
                        }
                        _ if is_one => format!("it is a section: write [{section}], and its keys below"),
                        Some(list) => format!("there is no such section; did you mean [[{list}]]?"),
                        None => "there is no such section; a key is written below its [section]".to_owned(),
                    };
                    self.note(format!("{section} ({place_of_section}): {advice}"));
                    continue;
                }
            };
            for (member, value) in members {
                let name = format!("{}.{}", section.get_ref(), member.get_ref());
                self.add_value(&name, &place(member.span().start), value, place);
            }
        }
    }

    /// Takes what a file says of a key, at that place of it.
    fn add_value(
        &mut self,
        name: &str,
        place_of_key: &str,
        value: Spanned<DeValue<'_>>,
        place: impl Fn(usize) -> String,
    ) {
        let places = match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| place(item.span().start)).collect(),
            _ => Vec::new(),
        };
        let value = Value::deserialize(ValueDeserializer::from(value));
        match (Key::find(name), value) {
            (None, _) => self.note_unknown(name, place_of_key),
            (Some(key), Ok(value)) => self.set(key, value, place_of_key, places),
            // The error has the value, which may be a secret.
            (Some(_), Err(_)) => self.note(format!(
                "{name} ({place_of_key}): expected a text, in quotes, or a number of 18 digits at most"
            )),
        }
    }

    /// Takes the port that a platform gives for the one of the public address.
    fn add_port(&mut self, port: &str) {
        let key = Key::find(LISTEN).expect("it is a key");
        let listen = self.values[LISTEN].value.as_str();
        match (listen.and_then(|listen| listen.rsplit_once(':')), port.parse::<u16>()) {
            _ if port.is_empty() => {}
            (Some((host, _)), Ok(port)) => self.set(key, format!("{host}:{port}"), "PORT", Vec::new()),
            _ => self.note(format!(
                "PORT (the environment): expected the public side's port, a number without quotes, found {port:?}"
            )),
        }
    }

    /// Warns where somebody has said another port than the platform, which sends there what comes.
    fn warn_of_port(&mut self, sources: &Sources) {
        let port = sources.environment.iter().find(|(name, _)| name == "PORT");
        let is_flag = sources.flags.iter().any(|(name, _)| name == LISTEN);
        let (Some((_, port)), Some(said), false) = (port, self.values.get(LISTEN), is_flag) else {
            return;
        };
        let listen = value::rendered(&said.value);
        let is_another = listen.rsplit_once(':').is_some_and(|(_, own)| own != port.trim());
        if said.is_said && is_another && !port.trim().is_empty() {
            self.warnings.push(Warning {
                found: format!(
                    "{LISTEN} of {} overrides PORT, which says {}",
                    said.place,
                    port.trim()
                ),
                advice: "take one of the two away: where a platform sets PORT, it sends there what comes",
            });
        }
    }

    fn add_environment(&mut self, sources: &Sources) {
        for (variable, value) in &sources.environment {
            if !variable.starts_with("CAIGUNN_") {
                if let Err(reason) = outgoing::check_variable(variable, value) {
                    self.note(format!("{variable} (the environment): {reason}"));
                }
                continue;
            }
            let Some((key, is_file)) = Key::of_variable(variable) else {
                let is_known = [CONFIG_VARIABLE, DEFAULTS_VARIABLE].contains(&&**variable);
                if !is_known && !is_service_link(&sources.environment, variable, value) {
                    let ours = [CONFIG_VARIABLE.to_owned()];
                    let known = KEYS.into_iter().flat_map(Key::variables).chain(ours);
                    let meant = did_you_mean(variable, known);
                    self.note(format!(
                        "{variable} (the environment): there is no such setting{meant}"
                    ));
                }
                continue;
            };
            let path = value.trim();
            let read = match sources.files.get(path) {
                _ if path.is_empty() => continue,
                _ if !is_file => Ok(value),
                Some(Ok(content)) if is_nothing(key, content) => Err(EMPTY),
                Some(read) => read.as_ref().map_err(String::as_str),
                None => continue,
            };
            match read {
                Ok(text) => self.set_by(variable, key, text),
                Err(reason) => {
                    let (path, advice) = match reason {
                        // It was read.
                        EMPTY => (path, ""),
                        _ => value::shown_path(path),
                    };
                    self.note(format!("{} ({variable}={path}): {reason}{advice}", key.name));
                }
            }
        }
    }

    /// Takes what a variable says, and tells where that was said otherwise before.
    fn set_by(&mut self, variable: &str, key: Key, text: &str) {
        let name = key.name;
        let earlier = self.values.get(name).filter(|earlier| earlier.is_said);
        let is_same = |earlier: &Value| value::is_same(earlier, &text.into(), key.is_list());
        let other = earlier.filter(|earlier| !is_same(&earlier.value));
        match other.map(|other| other.place.clone()) {
            Some(place) if Key::of_variable(&place).is_some() => {
                self.note(format!("{name}: {place} and {variable} are both set and differ"));
            }
            Some(place) => self.warnings.push(Warning {
                found: format!("{variable} overrides {name} of {place}, which says otherwise"),
                advice: "take one of the two away",
            }),
            None => {}
        }
        self.set(key, text, variable, Vec::new());
    }
}

/// Whether what is behind the `=` of a line is a text without quotes.
fn lacks_quotes(line: &str) -> bool {
    let value = line.split_once('=').map_or("", |(_, value)| value.trim_start());
    let is_bare = value.starts_with(|first: char| first.is_alphanumeric() || ":/.".contains(first));
    is_bare && DeTable::parse(&format!("value = {value}")).is_err()
}

/// The list of tables that may be meant by a section that there is not: its name alone says where it stands.
fn list_meant(section: &str) -> Option<&'static str> {
    let lists = [NOTICE, DESTINATION].map(|list| (list, list.rsplit('.').next().unwrap_or(list)));
    let name = meant(section, lists.iter().map(|(_, name)| (*name).to_owned()))?;
    lists
        .into_iter()
        .find_map(|(list, own)| (own == name).then_some(list))
}

/// Whether a file of a key's own has nothing in it. Of a secret no list of none is meant: whoever leaves the door open on
/// purpose takes the variable away.
fn is_nothing(key: Key, content: &str) -> bool {
    let is_list_of_none = || value::listed(&content.into()) == Ok(Value::Array(Vec::new()));
    content.trim().is_empty() || (key.kind == Kind::Secret && is_list_of_none())
}
