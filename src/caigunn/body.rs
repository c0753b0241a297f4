//! From the body of a good answer to the types of this module.
//!
//! The body is read in layers without a document tree, as `event::wire` reads notifications: what is asked for is
//! found and kept, the rest is skipped. What is wrong is told by its place, as a JSON pointer (RFC 6901) of
//! documented names and indexes, and never by its value, which may be an API key.

use std::array;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;

use super::{Chatbot, EventLog, LogEntry, Standing, is_sendable};
use crate::accents::cut;
use crate::clock::Timestamp;
use crate::event::ChatbotId;
use crate::json::{Members, each, with_member};

/// How much of a chatbot's title is kept, in characters. As many as are listed are kept in memory, each with its title and key.
const MAX_TITLE_CHARS: usize = 300;

/// The longest API key, in bytes; CaiGunn's have some dozens.
const MAX_API_KEY_BYTES: usize = 4 << 10;

/// How much of a URL is read, in characters. It is compared with ours, which is shorter, in many ways.
const MAX_URL_CHARS: usize = 64 << 10;

/// What is wrong with a body, and where.
#[derive(Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It is no JSON at all.
    Json(String),
    /// It is JSON of another shape.
    Shape(String),
}

impl Mistake {
    fn text(self) -> String {
        let (Self::Json(text) | Self::Shape(text)) = self;
        text
    }
}

/// Whether it is JSON at all.
pub fn check(text: &str) -> Result<(), Mistake> {
    Part::body(text).map(drop)
}

/// An entry of the list of chatbots.
pub enum Listed {
    /// A chatbot that is there.
    Live(Chatbot),
    /// One that is marked as deleted; it may have lost its API key.
    Deleted(ChatbotId),
    /// Something that is none.
    Unreadable {
        /// Stands for its text.
        mark: u64,
        /// What is wrong.
        mistake: String,
    },
}

/// Tells an entry from others, also where it cannot be read.
#[derive(PartialEq, Eq, Hash)]
pub enum Mark {
    Id(ChatbotId),
    Text(u64),
}

impl Listed {
    pub fn mark(&self) -> Mark {
        match self {
            Self::Live(Chatbot { id, .. }) | Self::Deleted(id) => Mark::Id(*id),
            Self::Unreadable { mark, .. } => Mark::Text(*mark),
        }
    }
}

/// `{"chatbots": [{"id", "title", "api_key"}, ...]}`, the page from that offset on.
pub fn chatbots(text: &str, offset: usize) -> Result<Vec<Listed>, Mistake> {
    let [chatbots] = Part::body(text)?.members(["chatbots"])?;
    let mut listed = Vec::new();
    chatbots.items(offset, |entry| {
        listed.push(chatbot_of(&entry).unwrap_or_else(|mistake| {
            let mut hasher = DefaultHasher::new();
            entry.raw.map(RawValue::get).hash(&mut hasher);
            Listed::Unreadable {
                mark: hasher.finish(),
                mistake: mistake.text(),
            }
        }));
    })?;
    Ok(listed)
}

fn chatbot_of(entry: &Part<'_>) -> Result<Listed, Mistake> {
    let [id, title, api_key, is_deleted] = entry.members(["id", "title", "api_key", "is_deleted"])?;
    let id = id.parsed("a UUID")?;
    if is_deleted.flag() {
        return Ok(Listed::Deleted(id));
    }
    let name = |mistake: Mistake| Mistake::Shape(format!("{} (chatbot {id})", mistake.text()));
    Ok(Listed::Live(Chatbot {
        id,
        title: cut(&title.text().unwrap_or_default(), MAX_TITLE_CHARS),
        api_key: api_key.sendable().map_err(name)?,
    }))
}

/// Of one chatbot with its many members, where it posts to.
pub fn chatbot(text: &str) -> Result<Standing, Mistake> {
    let [webhook_url, is_deleted] = Part::body(text)?.members(["webhook_url", "is_deleted"])?;
    Ok(match webhook_url.text() {
        _ if is_deleted.flag() => Standing::Deleted,
        Ok(url) if may_be_url(&url) => {
            Standing::Url(url.chars().take(MAX_URL_CHARS).collect::<String>().into())
        }
        Ok(_) => Standing::Nothing,
        Err(_) if webhook_url.is_null() => Standing::Nothing,
        // A member that is missing, or that is no text, says nothing.
        Err(_) => Standing::Unknown,
    })
}

/// Whether a text may stand for a URL, also for one that is hidden in part or has no scheme: `None`, `null` and blanks do not.
fn may_be_url(text: &str) -> bool {
    text.contains(['.', ':', '/', '*', '\u{2022}', '\u{2026}'])
}

/// `{"webhook_logs": [{created_at, event_id, event, status, data, broadcast_status}, ...]}`
///
/// An entry that cannot be read hides no other: it may be of a kind that is newer than this program.
pub fn event_log(text: &str) -> Result<EventLog, Mistake> {
    let [entries] = Part::body(text)?.members(["webhook_logs"])?;
    let mut log = EventLog::default();
    entries.items(0, |entry| match log_entry(&entry) {
        Ok(entry) => log.entries.push(entry),
        Err(mistake) => log.unreadable.push(mistake.text()),
    })?;
    Ok(log)
}

fn log_entry(entry: &Part<'_>) -> Result<LogEntry, Mistake> {
    let [created_at, event_id, event, status, data, detail, chatbot_id] = entry.members([
        "created_at",
        "event_id",
        "event",
        "status",
        "data",
        "detail",
        "chatbot_id",
    ])?;
    let data = data
        .value()
        .map(|data| object_in_text(data).unwrap_or_else(|| data.to_owned()));
    // The older generation has these beside `data`.
    let is_id = |id: &&RawValue| serde_json::from_str::<ChatbotId>(id.get()).is_ok();
    let beside = [
        ("detail", detail.value()),
        ("chatbot_id", chatbot_id.value().filter(is_id)),
    ];
    let data = beside.into_iter().fold(data, |data, (name, value)| {
        let added = value.and_then(|value| with_member(data.as_deref(), name, value.get()));
        added.or(data)
    });
    Ok(LogEntry {
        created_at: created_at.text().ok().and_then(|text| Timestamp::read_any(&text)),
        event_id: event_id
            .is_there()
            .then(|| event_id.parsed("a UUID"))
            .transpose()?,
        event: event.text()?,
        status: status.text()?,
        data,
    })
}

/// The object whose text stands as a text.
fn object_in_text(data: &RawValue) -> Option<Box<RawValue>> {
    let text: String = serde_json::from_str(data.get()).ok()?;
    let is_object = text.trim_ascii_start().starts_with('{');
    RawValue::from_string(text).ok().filter(|_| is_object)
}

/// `{"token": "..."}`
pub fn token(text: &str) -> Result<SecretString, Mistake> {
    let [token] = Part::body(text)?.members(["token"])?;
    token.secret()
}

/// A part of a body that knows its place.
struct Part<'a> {
    raw: Option<&'a RawValue>,
    place: String,
}

impl<'a> Part<'a> {
    /// The whole body, which is checked to be JSON, and so is whatever is in it.
    fn body(text: &'a str) -> Result<Self, Mistake> {
        let raw = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Mistake::Json(format!(
                "the body is not JSON from line {line}, column {column} on"
            ))
        })?;
        Ok(Self {
            raw: Some(raw),
            place: String::new(),
        })
    }

    fn is_null(&self) -> bool {
        self.raw.is_some_and(|raw| raw.get() == "null")
    }

    fn is_there(&self) -> bool {
        self.value().is_some()
    }

    /// What it is, unless it is missing or null.
    fn value(&self) -> Option<&'a RawValue> {
        self.raw.filter(|_| !self.is_null())
    }

    /// These members of the object that it must be.
    fn members<const N: usize>(&self, names: [&'static str; N]) -> Result<[Self; N], Mistake> {
        let found = self.read("an object", |raw| Members(names).find(raw.get()))?;
        Ok(array::from_fn(|index| Self {
            raw: found[index].value,
            place: format!("{}/{}", self.place, names[index]),
        }))
    }

    /// Reads each item of the list that it must be. The list is a part of one whose first item has the number `first`.
    fn items(&self, first: usize, mut read_item: impl FnMut(Part<'a>)) -> Result<(), Mistake> {
        self.read("a list", |raw| {
            each(raw, |index, raw| {
                let place = format!("{}/{}", self.place, first + index);
                read_item(Part {
                    raw: Some(raw),
                    place,
                });
            })
        })
    }

    /// The text that it must be; a number is taken as its digits.
    fn text(&self) -> Result<String, Mistake> {
        self.read("text", |raw| match raw.get() {
            digits if digits.starts_with(|first: char| first.is_ascii_digit()) => Ok(digits.to_owned()),
            text => serde_json::from_str(text),
        })
    }

    /// The text that it must be, and not an empty one.
    fn secret(&self) -> Result<SecretString, Mistake> {
        match self.text()? {
            empty if empty.is_empty() => Err(Mistake::Shape(format!("{} is empty", self.place))),
            secret => Ok(secret.into()),
        }
    }

    /// The secret that it must be, if a header may hold it.
    fn sendable(&self) -> Result<SecretString, Mistake> {
        let secret = self.secret()?;
        let wrong = match secret.expose_secret().len() {
            ..=MAX_API_KEY_BYTES if is_sendable(&secret) => return Ok(secret),
            ..=MAX_API_KEY_BYTES => "a character that no header may hold".to_owned(),
            bytes => format!("{bytes} bytes, and {MAX_API_KEY_BYTES} are the most that are taken"),
        };
        Err(Mistake::Shape(format!("{} has {wrong}", self.place)))
    }

    /// What its text says, where it must say something of a certain form.
    fn parsed<T: FromStr>(&self, expected: &str) -> Result<T, Mistake> {
        self.text()?
            .parse()
            .map_err(|_| Mistake::Shape(format!("{} is not {expected}", self.place)))
    }

    /// Whether it says yes, in whatever way.
    fn flag(&self) -> bool {
        let text = self.raw.map_or("", RawValue::get).trim_matches('"');
        text == "1" || text.eq_ignore_ascii_case("true")
    }

    fn read<T, E>(
        &self,
        expected: &str,
        read: impl FnOnce(&'a RawValue) -> Result<T, E>,
    ) -> Result<T, Mistake> {
        let place = match &*self.place {
            "" => "the body",
            place => place,
        };
        let raw = self
            .value()
            .ok_or_else(|| Mistake::Shape(format!("{place} is missing")))?;
        read(raw).map_err(|_| Mistake::Shape(format!("{place} is not {expected}")))
    }
}
