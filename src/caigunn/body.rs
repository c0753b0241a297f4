//! From the body of a good answer to the types of this module.
//!
//! The body is read in layers without a document tree, as `event::wire` reads notifications: what is asked for is
//! found and kept, the rest is skipped. What is wrong is told by its place, as a JSON pointer (RFC 6901) of
//! documented names and indexes, and never by its value, which may be an API key.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Chatbot, ChatbotDetails, EventLog, LogEntry};
use crate::event::ChatbotId;

/// What is wrong with a body, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake(pub String);

/// A chatbot of the list.
pub enum Listed {
    /// One that is there.
    Live(Chatbot),
    /// One that is marked as deleted; it may have lost its API key.
    Deleted(ChatbotId),
}

/// `{"chatbots": [{"id", "title", "api_key"}, ...]}`
pub fn chatbots(text: &str) -> Result<Vec<Listed>, Mistake> {
    let [chatbots] = Part::body(text)?.members(["chatbots"])?;
    chatbots.items(|chatbot| {
        let [id, title, api_key, is_deleted] = chatbot.members(["id", "title", "api_key", "is_deleted"])?;
        let id = id.parsed("a UUID")?;
        if is_deleted.flag()? {
            return Ok(Listed::Deleted(id));
        }
        Ok(Listed::Live(Chatbot {
            id,
            title: title.text_if_any()?.unwrap_or_default(),
            api_key: api_key.secret()?,
        }))
    })
}

/// One chatbot with its many members.
pub fn chatbot(text: &str) -> Result<ChatbotDetails, Mistake> {
    let [id, title, webhook_url, is_deleted] =
        Part::body(text)?.members(["id", "title", "webhook_url", "is_deleted"])?;
    let webhook_url = webhook_url.text_if_any()?.filter(|url| !url.is_empty());
    Ok(ChatbotDetails {
        id: id.parsed("a UUID")?,
        title: title.text_if_any()?.unwrap_or_default(),
        webhook_url: webhook_url.map(SecretString::from),
        is_deleted: is_deleted.flag()?,
    })
}

/// `{"webhook_logs": [{created_at, event_id, event, status, data, broadcast_status}, ...]}`
///
/// An entry that cannot be read hides no other: it may be of a kind that is newer than this program.
pub fn event_log(text: &str) -> Result<EventLog, Mistake> {
    let [entries] = Part::body(text)?.members(["webhook_logs"])?;
    let mut log = EventLog::default();
    entries.items(|entry| {
        match log_entry(&entry) {
            Ok(entry) => log.entries.push(entry),
            Err(Mistake(mistake)) => log.unreadable.push(mistake),
        }
        Ok(())
    })?;
    Ok(log)
}

fn log_entry(entry: &Part<'_>) -> Result<LogEntry, Mistake> {
    let [created_at, event_id, event, status, data] =
        entry.members(["created_at", "event_id", "event", "status", "data"])?;
    Ok(LogEntry {
        created_at: created_at.text_if_any().unwrap_or_default(),
        event_id: event_id
            .is_there()
            .then(|| event_id.parsed("a UUID"))
            .transpose()?,
        event: event.text()?,
        status: status.text()?,
        data: data.raw.map(ToOwned::to_owned),
    })
}

/// `{"token": "..."}`
pub fn token(text: &str) -> Result<SecretString, Mistake> {
    let [token] = Part::body(text)?.members(["token"])?;
    token.secret()
}

/// A part of a body that knows its place. `null` counts as not there.
struct Part<'a> {
    raw: Option<&'a RawValue>,
    place: String,
}

impl<'a> Part<'a> {
    /// The whole body, which is checked to be JSON, and so is whatever is in it.
    fn body(text: &'a str) -> Result<Self, Mistake> {
        let raw = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Mistake(format!(
                "the body is not JSON from line {line}, column {column} on"
            ))
        })?;
        Ok(Self {
            raw: Some(raw),
            place: String::new(),
        })
    }

    fn is_there(&self) -> bool {
        self.raw.is_some()
    }

    /// These members of the object that it must be.
    fn members<const N: usize>(&self, names: [&'static str; N]) -> Result<[Self; N], Mistake> {
        let visitor = Members {
            names,
            values: [None; N],
        };
        let values = self.read("an object", |raw| {
            serde_json::Deserializer::from_str(raw.get()).deserialize_map(visitor)
        })?;
        let mut index = 0;
        Ok(values.map(|raw| {
            let place = format!("{}/{}", self.place, names[index]);
            index += 1;
            Self { raw, place }
        }))
    }

    /// The items of the list that it must be, each read by `read_item`, up to the first mistake.
    fn items<T>(&self, read_item: impl FnMut(Self) -> Result<T, Mistake>) -> Result<Vec<T>, Mistake> {
        let mut mistake = None;
        let visitor = Items {
            place: &self.place,
            read_item,
            mistake: &mut mistake,
        };
        let items = self.read("a list", |raw| {
            serde_json::Deserializer::from_str(raw.get()).deserialize_seq(visitor)
        });
        mistake.map_or(items, Err)
    }

    /// The text that it must be.
    fn text(&self) -> Result<String, Mistake> {
        self.read("text", |raw| serde_json::from_str(raw.get()))
    }

    fn text_if_any(&self) -> Result<Option<String>, Mistake> {
        self.is_there().then(|| self.text()).transpose()
    }

    /// The text that it must be, and not an empty one.
    fn secret(&self) -> Result<SecretString, Mistake> {
        match self.text()? {
            empty if empty.is_empty() => Err(Mistake(format!("{} is empty", self.place))),
            secret => Ok(secret.into()),
        }
    }

    /// What its text says, where it must say something of a certain form.
    fn parsed<T: FromStr>(&self, expected: &str) -> Result<T, Mistake> {
        self.text()?
            .parse()
            .map_err(|_| Mistake(format!("{} is not {expected}", self.place)))
    }

    /// The boolean that it must be; false if it is not there.
    fn flag(&self) -> Result<bool, Mistake> {
        if !self.is_there() {
            return Ok(false);
        }
        self.read("true or false", |raw| serde_json::from_str(raw.get()))
    }

    fn read<T>(
        &self,
        expected: &str,
        read: impl FnOnce(&'a RawValue) -> serde_json::Result<T>,
    ) -> Result<T, Mistake> {
        let place = match &*self.place {
            "" => "the body",
            place => place,
        };
        let raw = self.raw.ok_or_else(|| Mistake(format!("{place} is missing")))?;
        read(raw).map_err(|_| Mistake(format!("{place} is not {expected}")))
    }
}

/// Finds members by their names. Of a member that is there twice the last counts.
struct Members<'a, const N: usize> {
    names: [&'static str; N],
    values: [Option<&'a RawValue>; N],
}

impl<'de, const N: usize> Visitor<'de> for Members<'de, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(MemberName(name)) = map.next_key()? {
            match self.names.iter().position(|known| *known == name) {
                Some(index) => self.values[index] = map.next_value()?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self.values)
    }
}

/// A member's name, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct MemberName<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a list item by item; the first mistake ends it.
struct Items<'p, F> {
    place: &'p str,
    read_item: F,
    mistake: &'p mut Option<Mistake>,
}

impl<'de, T, F: FnMut(Part<'de>) -> Result<T, Mistake>> Visitor<'de> for Items<'_, F> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(raw) = seq.next_element()? {
            let place = format!("{}/{}", self.place, items.len());
            match (self.read_item)(Part {
                raw: Some(raw),
                place,
            }) {
                Ok(item) => items.push(item),
                Err(mistake) => {
                    *self.mistake = Some(mistake);
                    return Err(serde::de::Error::custom("told by its place"));
                }
            }
        }
        Ok(items)
    }
}
