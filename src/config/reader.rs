//! Reads values as what they must be and collects the mistakes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::layers::{self, KEYS, Kind, Sourced, Sources};
use super::{InboxLocation, Mistake, Mistakes, Shown, destination};

/// What is shown where something is not.
pub const HIDDEN: &str = "[hidden]";

/// Reads one key after the other. Where a value is wrong it notes the mistake and goes on with the default, so that
/// all mistakes are found; [`Reader::finish`] then fails.
pub struct Reader {
    values: BTreeMap<&'static str, Sourced>,
    defaults: BTreeMap<&'static str, Sourced>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    pub fn new(sources: &Sources) -> Self {
        let mut mistakes = Vec::new();
        let values = layers::merge(sources, &mut mistakes);
        Self {
            values,
            defaults: layers::defaults(),
            mistakes,
        }
    }

    /// The value as `read` takes it.
    pub fn with<T>(&mut self, key: &'static str, allowed: &str, read: impl Fn(&str) -> Option<T>) -> T {
        if let Some(value) = read(&self.values[key].text) {
            return value;
        }
        self.refuse(key, allowed);
        read(&self.defaults[key].text).expect("every default is allowed, as a test shows")
    }

    /// As [`Reader::with`], where the type itself says what is wrong with a text.
    pub fn explained<T: FromStr<Err = String>>(&mut self, key: &'static str, allowed: &str) -> T {
        match self.values[key].text.parse() {
            Ok(value) => value,
            Err(reason) => {
                self.note(key, allowed, &format!(": {reason}"));
                let default = self.defaults[key].text.parse();
                default.expect("every default is allowed, as a test shows")
            }
        }
    }

    /// As [`Reader::with`]; `None` if the text is empty.
    pub fn optional<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.with(key, allowed, |text| {
            if text.is_empty() {
                Some(None)
            } else {
                read(text).map(Some)
            }
        })
    }

    pub fn parsed<T: FromStr>(&mut self, key: &'static str, allowed: &str) -> T {
        self.with(key, allowed, |text| text.parse().ok())
    }

    pub fn count(&mut self, key: &'static str, range: RangeInclusive<usize>) -> usize {
        self.number(key, "a whole number", &range)
    }

    /// As [`Reader::count`], of bytes that must have room for the longest body.
    pub fn count_of_bodies(
        &mut self,
        key: &'static str,
        range: RangeInclusive<usize>,
        body_limit_bytes: usize,
    ) -> usize {
        let count = self.count(key, range);
        if count < body_limit_bytes {
            self.refuse(
                key,
                &format!("{body_limit_bytes} (server.body_limit_bytes) or more"),
            );
        }
        count
    }

    pub fn seconds(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(key, "whole seconds", &range))
    }

    pub fn days(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(key, "whole days", &range) * 86_400)
    }

    fn number<T: FromStr + PartialOrd + Display>(
        &mut self,
        key: &'static str,
        kind: &str,
        range: &RangeInclusive<T>,
    ) -> T {
        let allowed = format!("{kind} from {} to {}", range.start(), range.end());
        self.with(key, &allowed, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    /// The secrets in a comma separated text, none if it is empty.
    pub fn secrets(
        &mut self,
        key: &'static str,
        allowed: &str,
        is_legal: fn(&str) -> bool,
    ) -> Vec<SecretString> {
        self.with(key, allowed, |text| {
            let secrets = text.split(',').map(str::trim).filter(|secret| !secret.is_empty());
            secrets
                .map(|secret| is_legal(secret).then(|| SecretString::from(secret)))
                .collect()
        })
    }

    /// The names in a comma separated text, none if it is empty.
    pub fn names(&self, key: &'static str) -> Vec<String> {
        let names = self.values[key].text.split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// The value as it stands, and where it came from.
    pub fn sourced(&self, key: &'static str) -> Sourced {
        self.values[key].clone()
    }

    /// Notes what is wrong inside of a value.
    pub fn add(&mut self, mistakes: Vec<Mistake>) {
        self.mistakes.extend(mistakes);
    }

    /// Notes that a key's value is not allowed.
    pub fn refuse(&mut self, key: &'static str, allowed: &str) {
        self.note(key, allowed, "");
    }

    fn note(&mut self, key: &'static str, allowed: &str, reason: &str) {
        let Sourced { text, origin } = &self.values[key];
        let shown = match kind(key) {
            Kind::Plain => Some(without_credentials(text)),
            Kind::Location => without_password(text),
            Kind::Secret | Kind::Destinations => None,
        };
        let found = shown.map_or("another text (hidden)".to_owned(), |shown| format!("{shown:?}"));
        self.mistakes.push(Mistake(format!(
            "{key} ({origin}): expected {allowed}, found {found}{reason}"
        )));
    }

    /// What was read, in the order of the file of defaults.
    pub fn finish(self) -> Result<Vec<Shown>, Mistakes> {
        if !self.mistakes.is_empty() {
            return Err(Mistakes(self.mistakes));
        }
        let shown = KEYS.iter().map(|key| {
            let Sourced { text, origin } = &self.values[key.name];
            let value = match key.kind {
                Kind::Secret if !text.is_empty() => HIDDEN.to_owned(),
                Kind::Secret | Kind::Plain => text.clone(),
                Kind::Location => text
                    .parse::<InboxLocation>()
                    .map_or_else(|_| HIDDEN.to_owned(), |location| location.to_string()),
                Kind::Destinations => destination::summary(text),
            };
            Shown {
                key: key.name,
                value,
                origin: origin.clone(),
            }
        });
        Ok(shown.collect())
    }
}

/// A text as it may be shown: of a URL, not what may be a password or a token, wherever its author put that.
fn without_credentials(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.into();
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("[hidden]@", rest),
        None => ("", rest),
    };
    let (place, query) = match rest.find(['?', '#']) {
        Some(end) => (&rest[..end], format!("{}[hidden]", &rest[end..=end])),
        None => (rest, String::new()),
    };
    format!("{scheme}://{user}{place}{query}").into()
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

fn kind(key: &str) -> Kind {
    let known = KEYS.iter().find(|known| known.name == key);
    known.map_or(Kind::Secret, |known| known.kind)
}
