//! Reads the members of one table and notes what is wrong with each.

use std::ops::RangeInclusive;

use reqwest::header::HeaderMap;
use toml::{Table, Value};

use crate::clock::Timestamp;
use crate::config::Mistake;
use crate::config::reader::HIDDEN;
use crate::delivery::http;

/// What of a text that is not allowed may be shown.
#[derive(Clone, Copy)]
pub enum Shown {
    /// All.
    Whole,
    /// Of a URL the scheme and host.
    Origin,
    /// Nothing.
    Nothing,
}

/// The members of a table that nobody has read yet. Where one is wrong the mistake is noted, so that all are found.
pub struct Fields<'a> {
    place: String,
    origin: &'a str,
    table: Table,
    mistakes: &'a mut Vec<Mistake>,
    refused: Vec<String>,
    allowed: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The members of the table that is found at `place`.
    pub fn new(place: String, origin: &'a str, table: Table, mistakes: &'a mut Vec<Mistake>) -> Self {
        Self {
            place,
            origin,
            table,
            mistakes,
            refused: Vec::new(),
            allowed: Vec::new(),
        }
    }

    /// Says which keys there are, for whoever gave another.
    pub fn allow(&mut self, keys: &[&'static str]) {
        self.allowed = keys.to_vec();
    }

    /// A text that must be there, as `read` takes it.
    pub fn required<T>(
        &mut self,
        key: &str,
        allowed: &str,
        shown: Shown,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        match self.table.remove(key) {
            Some(value) => self.text(key, allowed, shown, value, read),
            None => {
                self.refuse_key(key, &format!("expected {allowed}, found nothing"));
                None
            }
        }
    }

    /// As [`Fields::required`], but may be left out.
    pub fn parsed<T>(&mut self, key: &str, allowed: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = self.table.remove(key)?;
        self.text(key, allowed, Shown::Whole, value, read)
    }

    fn text<T>(
        &mut self,
        key: &str,
        allowed: &str,
        shown: Shown,
        value: Value,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let Value::String(text) = value else {
            self.refuse_type(key, allowed, &value);
            return None;
        };
        let read = read(&text);
        if read.is_none() {
            self.refuse(key, allowed, shown.of(&text).as_deref());
        }
        read
    }

    /// A list of texts, each as `read` takes it; without the wrong ones.
    pub fn texts<T>(
        &mut self,
        key: &str,
        allowed: &str,
        shown: Shown,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let items = match self.table.remove(key) {
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.refuse_type(key, &format!("a list of {allowed}"), &other);
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let mut texts = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            texts.extend(self.text(&format!("{key}[{index}]"), allowed, shown, item, &read));
        }
        texts
    }

    /// A whole number.
    pub fn number(&mut self, key: &str, unit: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let allowed = format!("{unit} from {} to {}", range.start(), range.end());
        let value = self.table.remove(key)?;
        let Value::Integer(number) = value else {
            self.refuse_type(key, &allowed, &value);
            return None;
        };
        let legal = u32::try_from(number).ok().filter(|number| range.contains(number));
        if legal.is_none() {
            self.refuse(key, &allowed, Some(&number.to_string()));
        }
        legal
    }

    /// True or false.
    pub fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.table.remove(key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.refuse_type(key, "true or false", &value);
        }
        flag
    }

    /// A number within a range.
    pub fn rate(&mut self, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        let allowed = format!("a number from {} to {}", range.start(), range.end());
        let value = self.table.remove(key)?;
        let number = match value {
            Value::Integer(number) => number as f64,
            Value::Float(number) => number,
            _ => {
                self.refuse_type(key, &allowed, &value);
                return None;
            }
        };
        let is_legal = range.contains(&number);
        if !is_legal {
            self.refuse(key, &allowed, Some(&number.to_string()));
        }
        is_legal.then_some(number)
    }

    /// A time, as a text or as TOML's own.
    pub fn time(&mut self, key: &str) -> Option<Timestamp> {
        let allowed = "a time with an offset, as in 2024-07-30T09:15:00Z";
        let value = match self.table.remove(key)? {
            Value::Datetime(time) => Value::String(time.to_string()),
            other => other,
        };
        self.text(key, allowed, Shown::Whole, value, |text| text.parse().ok())
    }

    /// A table of headers.
    pub fn headers(&mut self, key: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let table = match self.table.remove(key) {
            Some(Value::Table(table)) => table,
            Some(other) => {
                self.refuse_type(key, "a table of headers", &other);
                return headers;
            }
            None => return headers,
        };
        for (name, value) in table {
            let allowed = "the text of a header that is neither of the connection nor set by this program";
            let key = format!("{key}.{name}");
            let header = self.text(&key, allowed, Shown::Nothing, value, |value| {
                http::header(&name, value)
            });
            if let Some((name, value)) = header
                && headers.insert(&name, value).is_some()
            {
                self.refuse_key(&key, "this header is given twice");
            }
        }
        headers
    }

    /// Notes that a value is not allowed; `None`: and may not be shown.
    pub fn refuse(&mut self, key: &str, allowed: &str, found: Option<&str>) {
        let found = found.map_or("another text (hidden)".to_owned(), |found| format!("{found:?}"));
        self.note(key, &format!("expected {allowed}, found {found}"));
    }

    fn refuse_type(&mut self, key: &str, allowed: &str, value: &Value) {
        self.note(key, &format!("expected {allowed}, found {}", value.type_str()));
    }

    /// Notes what is wrong with a key that is there or should be.
    pub fn refuse_key(&mut self, key: &str, reason: &str) {
        self.note(key, reason);
    }

    /// Drops a key unread, with a mistake if it is there.
    pub fn refuse_if_there(&mut self, key: &str, reason: &str) {
        if self.table.remove(key).is_some() {
            self.note(key, reason);
        }
    }

    /// Drops a key unread.
    pub fn forget(&mut self, key: &str) {
        self.table.remove(key);
    }

    /// Whether something is wrong with a key, or with an item of it.
    pub fn is_refused(&self, key: &str) -> bool {
        let is_of_key = |refused: &String| {
            refused
                .strip_prefix(key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        self.refused.iter().any(is_of_key)
    }

    fn note(&mut self, key: &str, text: &str) {
        let Self { place, origin, .. } = self;
        self.mistakes
            .push(Mistake(format!("{place}.{key} ({origin}): {text}")));
        self.refused.push(key.to_owned());
    }

    /// Whether all was right. Notes every key that nobody has read.
    pub fn finish(&mut self) -> bool {
        for (key, _) in std::mem::take(&mut self.table) {
            let reason = format!("there is no such key; there is only {}", self.allowed.join(", "));
            self.note(&key, &reason);
        }
        self.refused.is_empty()
    }
}

impl Shown {
    fn of(self, text: &str) -> Option<String> {
        match self {
            Self::Whole => Some(text.to_owned()),
            Self::Origin => {
                let (scheme, rest) = text.split_once("://")?;
                // Whatever may be a user and a password goes, wherever its author put it.
                let (user, rest) = match rest.rsplit_once('@') {
                    Some((_, rest)) => (format!("{HIDDEN}@"), rest),
                    None => (String::new(), rest),
                };
                let (host, path) = match rest.find(['/', '?', '#']) {
                    Some(end) => (&rest[..end], format!("{}{HIDDEN}", &rest[end..=end])),
                    None => (rest, String::new()),
                };
                Some(format!("{scheme}://{user}{host}{path}"))
            }
            Self::Nothing => None,
        }
    }
}
