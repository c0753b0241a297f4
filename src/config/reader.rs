//! Reads values as what they must be and collects the mistakes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::{Table, Value};

use super::keys::{DESTINATION_KEYS, Form, KEYS, Key, Kind, NOTICE_KEYS, did_you_mean};
use super::layers::{self, Sourced};
use super::sources::Sources;
use super::tables::summary;
use super::value::{HIDDEN, items, rendered, shown_path, text};
use super::{InboxLocation, Loaded, Mistake, Mistakes, Settings, Warning};
use crate::http::ShownSetting;

/// Reads one key after the other. Where a value is wrong it notes the mistake and goes on with the default, so that
/// all mistakes are found; [`Reader::finish`] then fails.
pub struct Reader {
    values: BTreeMap<String, Sourced>,
    defaults: BTreeMap<String, Sourced>,
    pub mistakes: Vec<Mistake>,
    warnings: Vec<Warning>,
}

impl Reader {
    pub fn new(sources: &Sources) -> Self {
        let merged = layers::merge(sources);
        Self {
            values: merged.values,
            defaults: layers::defaults(),
            mistakes: merged.mistakes,
            warnings: merged.warnings,
        }
    }

    /// The value, unless it is not set or `read` does not take it, and says why not.
    pub fn explained<T>(&mut self, key: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = text(&self.values.get(key)?.value);
        let given = text.map(|text| Some(text).filter(|text| !text.is_empty()));
        let read = given.and_then(|text| text.map(|text| read(&text)).transpose());
        read.map_err(|reason| self.refuse(key, &reason)).ok().flatten()
    }

    /// As [`Reader::explained`], where there is nothing to say.
    pub fn optional<T>(&mut self, key: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.explained(key, |text| read(text).ok_or_else(String::new))
    }

    /// As [`Reader::optional`], of what has no default and must be there.
    pub fn required<T>(&mut self, key: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.required_explained(key, |text| read(text).ok_or_else(String::new))
    }

    /// As [`Reader::explained`], of what has no default and must be there.
    pub fn required_explained<T>(
        &mut self,
        key: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.is_there(key) {
            self.refuse(key, "");
        }
        self.explained(key, read)
    }

    /// As [`Reader::explained`], or the default.
    pub fn explained_or_default<T>(&mut self, key: &str, read: impl Fn(&str) -> Result<T, String>) -> T {
        self.explained(key, &read).unwrap_or_else(|| {
            let default = text(&self.defaults[key].value).and_then(|text| read(&text));
            default.expect("every default is allowed, as a test shows")
        })
    }

    pub fn parsed<T: FromStr>(&mut self, key: &str) -> T {
        self.explained_or_default(key, |text| text.parse().map_err(|_| String::new()))
    }

    /// As [`Reader::parsed`], of what is [`named`].
    pub fn choice<T: DeserializeOwned>(&mut self, key: &str) -> T {
        self.explained_or_default(key, |text| named(text).ok_or_else(String::new))
    }

    pub fn optional_number(&mut self, key: &str) -> Option<u64> {
        self.optional(key, |text| number(key, text))
    }

    fn number(&mut self, key: &str) -> u64 {
        self.explained_or_default(key, |text| number(key, text).ok_or_else(String::new))
    }

    pub fn count(&mut self, key: &str) -> usize {
        usize::try_from(self.number(key)).expect("the most of every count is one")
    }

    /// As [`Reader::count`], of bytes that must have room for the longest body.
    pub fn count_of_bodies(&mut self, key: &str, body_limit_bytes: usize) -> usize {
        let count = self.count(key);
        if count < body_limit_bytes {
            let allowed = format!("{body_limit_bytes} (server.body_limit_bytes) or more");
            self.refuse_for(key, &allowed, "");
        }
        count
    }

    pub fn seconds(&mut self, key: &str) -> Duration {
        Duration::from_secs(self.number(key))
    }

    pub fn days(&mut self, key: &str) -> Duration {
        Duration::from_secs(self.number(key) * 86_400)
    }

    /// A number of hours, as a time.
    pub fn hours(&mut self, key: &str) -> Duration {
        Duration::from_secs(self.number(key) * 3_600)
    }

    /// The items of a list, each as `read` takes it; none if it is not set.
    pub fn list<T>(&mut self, key: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let list = self.list_as(key, |items| items.iter().map(|item| read(item)).collect());
        list.unwrap_or_default()
    }

    /// A list as `read` takes all of it.
    pub fn list_as<T>(&mut self, key: &str, read: impl Fn(Vec<String>) -> Option<T>) -> Option<T> {
        let items = items(&self.values.get(key)?.value);
        let read = items.and_then(|items| read(items).ok_or_else(String::new));
        read.map_err(|reason| self.refuse(key, &reason)).ok()
    }

    /// What is in the file that the second key names, as `read` takes it; `None` if it names none. If the first key says it,
    /// too, that is a mistake, in these words.
    pub fn in_file<T>(
        &mut self,
        (key, key_of_file): (&str, &str),
        said: &str,
        sources: &Sources,
        read: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<Option<T>> {
        let path = self.optional(key_of_file, |text| Some(text.to_owned()))?;
        if self.is_there(key) {
            self.note(key_of_file, said);
        }
        let (found, (path, advice)) = match sources.files.get(&path) {
            Some(Ok(content)) => (read(content), (&*path, "")),
            Some(Err(error)) => (Err(&**error), shown_path(&path)),
            None => (Err("the file was not read"), shown_path(&path)),
        };
        let found = found.map_err(|reason| self.note(key_of_file, &format!("{path}: {reason}{advice}")));
        Some(found.ok())
    }

    /// The value as it stands and where it came from, if it is set.
    pub fn sourced(&self, key: &str) -> Option<Sourced> {
        self.values.get(key).cloned()
    }

    pub fn is_there(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Makes the members of a table in the list of that key, which may have these, values of their own, all with the place of
    /// the whole. An empty text is none, and neither is an empty list.
    pub fn enter(&mut self, list: &str, keys: &[Key], index: usize, table: Table, place: &str) {
        let whole = format!("{list}[{index}]");
        let sourced = |value| Sourced {
            value,
            place: place.to_owned(),
            places: Vec::new(),
            is_said: true,
        };
        let member_of = |key: &Key| key.name.rsplit('.').next().unwrap_or_default().to_owned();
        let known = keys.iter().map(member_of);
        self.values.insert(whole.clone(), sourced(Value::Boolean(true)));
        for (member, value) in table {
            let name = format!("{whole}.{member}");
            let Some(key) = keys.iter().find(|key| member_of(key) == member) else {
                let meant = did_you_mean(&member, known.clone());
                self.note(&name, &format!("there is no such key{meant}"));
                continue;
            };
            let is_empty = match &value {
                Value::String(text) => text.trim().is_empty(),
                Value::Array(items) => items.is_empty() && key.is_list(),
                _ => false,
            };
            if !is_empty {
                self.values.insert(name, sourced(value));
            }
        }
    }

    pub fn warn(&mut self, found: impl Into<String>, advice: &'static str) {
        let found = found.into();
        self.warnings.push(Warning { found, advice });
    }

    /// Notes that a key's value is not allowed, and why, if that needs to be said.
    pub fn refuse(&mut self, key: &str, reason: &str) {
        self.refuse_for(key, &find(key).allowed(), reason);
    }

    /// As [`Reader::refuse`], where not all is allowed that else would be.
    pub fn refuse_for(&mut self, key: &str, allowed: &str, reason: &str) {
        let sourced = self.values.get(key);
        let text = sourced.map_or_else(String::new, |sourced| rendered(&sourced.value));
        let shown = match find(key).kind {
            Kind::Plain => without_credentials(&text, &['?', '#']),
            Kind::Origin => without_credentials(&text, &['/', '?', '#']).filter(|_| text.contains("://")),
            Kind::Location => without_password(&text),
            Kind::Tables | Kind::Secret => None,
        };
        let found = match shown {
            _ if !self.is_there(key) => "nothing".to_owned(),
            Some(shown) => format!("{shown:?}"),
            None if sourced.is_some_and(|sourced| sourced.value.is_table()) => "a table (hidden)".to_owned(),
            None => "another text (hidden)".to_owned(),
        };
        let colon = if reason.is_empty() { "" } else { ": " };
        self.note(key, &format!("expected {allowed}, found {found}{colon}{reason}"));
    }

    /// Notes what is wrong with a key that is there, or should be, or with something in its value.
    pub fn note(&mut self, key: &str, text: &str) {
        // The names that this one begins with come before it; the last of them is the nearest.
        let mut before = self.values.range(..=key.to_owned()).rev();
        let holder = before.find(|(holder, _)| key.starts_with(&***holder));
        let place = holder.map_or("default", |(_, holder)| &holder.place);
        self.mistakes.push(Mistake(format!("{key} ({place}): {text}")));
    }

    /// The settings that were read, with what they were made of and what is unwise.
    pub fn finish(self, settings: Settings) -> Result<Loaded, Mistakes> {
        if !self.mistakes.is_empty() {
            return Err(Mistakes(self.mistakes));
        }
        let shown = KEYS.iter().map(|key| {
            let sourced = self.values.get(key.name);
            let value = sourced.map_or_else(String::new, |sourced| match key.kind {
                // An empty list hides nothing.
                Kind::Secret if !rendered(&sourced.value).is_empty() => HIDDEN.to_owned(),
                Kind::Secret => String::new(),
                Kind::Plain | Kind::Origin => rendered(&sourced.value),
                Kind::Location => rendered(&sourced.value)
                    .parse::<InboxLocation>()
                    .map_or_else(|_| HIDDEN.to_owned(), |location| location.to_string()),
                Kind::Tables => summary(&sourced.value),
            });
            ShownSetting {
                key: key.name,
                value,
                origin: sourced.map_or("default", |sourced| &sourced.place).to_owned(),
                is_said: sourced.is_some_and(|sourced| sourced.is_said),
            }
        });
        Ok(Loaded {
            settings,
            shown: shown.collect(),
            warnings: self.warnings,
        })
    }
}

/// What is known by that name.
pub fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    let name: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
    T::deserialize(name).ok()
}

/// A secret of visible characters.
pub fn visible(text: &str) -> Option<SecretString> {
    let is_visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_visible.then(|| SecretString::from(text))
}

/// A text as it may be shown: of a URL, also one that lacks its scheme, not what may be a password or a token, wherever its
/// author put that. `ends` is what ends the part that may be shown, but for what is behind `/webhook/`.
fn without_credentials<'a>(text: &'a str, ends: &[char]) -> Option<Cow<'a, str>> {
    let (scheme, rest) = match text.find("://") {
        Some(end) => text.split_at(end + "://".len()),
        None if text.contains("/webhook/") || text.contains('@') => ("", text),
        None => return Some(text.into()),
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("[hidden]@", rest),
        None => ("", rest),
    };
    let token = rest.find("/webhook/").map(|start| start + "/webhook".len());
    let (place, query) = match rest.find(ends).into_iter().chain(token).min() {
        Some(end) => (&rest[..end], format!("{}[hidden]", &rest[end..=end])),
        None => (rest, String::new()),
    };
    Some(format!("{scheme}{user}{place}{query}").into())
}

/// A text that is no location, as it may be shown: where in a URL with a mistake the password is, nobody can tell, and
/// a text of another kind may have one too. `None`: not at all.
fn without_password(text: &str) -> Option<Cow<'_, str>> {
    match text.split_once("://") {
        Some((scheme, _)) => Some(format!("{scheme}://{HIDDEN}").into()),
        None if text.contains(['@', '=']) || text.starts_with("postgres") => None,
        None => Some(text.into()),
    }
}

/// A whole number within the bounds of that key.
fn number(key: &str, text: &str) -> Option<u64> {
    let Form::Number(_, least, most) = find(key).form else {
        unreachable!("only keys of numbers are read as one")
    };
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

/// The key of that name, in which a table of a list has its number: `delivery.destination[0].url`.
fn find(name: &str) -> Key {
    let mut keys = KEYS.into_iter().chain(DESTINATION_KEYS).chain(NOTICE_KEYS);
    let parts = name.split_once('[').zip(name.split_once(']'));
    let plain = parts.map(|((list, _), (_, member))| format!("{list}{member}"));
    let found = keys.find(|key| key.name == plain.as_deref().unwrap_or(name));
    found.expect("only keys there are are read")
}
