//! From bytes to a [`Notification`]: the only file that knows the JSON that CaiGunn sends.
//!
//! The body is read in layers without a document tree: an object's members are found first and kept as slices
//! of the body, then each is read as what it must be. So memory stays in proportion to the body whatever it
//! holds, nesting cannot exhaust the stack, and every fault knows its place. Members this file does not know
//! are skipped: the inbox keeps the raw body.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    ChatbotId, Event, EventId, Failure, FileOutcome, Json, ModelId, Name, Notification, TrainingDataId,
    UploadedFile, Wire,
};

/// How many faults of one body are reported; more are counted. Enough to see a pattern, small enough to read.
pub const MAX_FAULTS: usize = 20;

/// The longest `event` or `status` taken, in bytes: they go into logs and indexes. CaiGunn's longest is 9.
pub const MAX_NAME_BYTES: usize = 64;

/// How much of an unexpected value a fault quotes, in characters.
const MAX_QUOTE_CHARS: usize = 60;

/// Why a body is no notification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes are not one JSON text in UTF-8 (RFC 8259).
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// It is JSON, but not a notification.
    #[error("the body is JSON but not a notification: {}", Summary(.faults, *.omitted_count))]
    NotNotification {
        /// What is wrong, place by place, the first [`MAX_FAULTS`].
        faults: Vec<Fault>,
        /// How many more there were.
        omitted_count: usize,
    },
}

/// One thing wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901). Made of documented names and indexes only, never of the sender's text.
    pub pointer: String,
    /// What is allowed there.
    pub expected: Cow<'static, str>,
    /// What is there, quoted in part. The sender's text: answer it, but do not log it.
    pub found: String,
}

impl Fault {
    /// The pointer, or words for the empty one, which points to the whole body.
    pub fn place(&self) -> &str {
        if self.pointer.is_empty() {
            "the body"
        } else {
            &self.pointer
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: expected {}, found {}",
            self.place(),
            self.expected,
            self.found
        )
    }
}

struct Summary<'a>(&'a [Fault], usize);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            ([only], 0) => only.fmt(formatter),
            ([first, rest @ ..], omitted_count) => {
                write!(formatter, "{first} (and {} more)", rest.len() + omitted_count)
            }
            ([], omitted_count) => write!(formatter, "{omitted_count} faults"),
        }
    }
}

/// Reads a body as a notification of either wire generation, told apart by where `chatbot_id` stands.
///
/// # Errors
/// [`ParseError`] says what is wrong and where. Whatever the bytes, this returns.
pub fn parse(body: &[u8]) -> Result<Notification, ParseError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        ParseError::NotJson(format!("it is not UTF-8 from byte {} on", error.valid_up_to()))
    })?;
    let mut faults = Faults::default();
    let notification = match Members::find(text, TOP_NAMES) {
        Ok(top) => notification(&top, &mut faults),
        Err(NoObject::Syntax(error)) => return Err(ParseError::NotJson(error.to_string())),
        Err(NoObject::OtherValue) => {
            faults.add("", "an object", text);
            None
        }
    };
    notification
        .filter(|_| faults.list.is_empty())
        .ok_or(ParseError::NotNotification {
            faults: faults.list,
            omitted_count: faults.omitted_count,
        })
}

const TOP_NAMES: [&str; 6] = ["event", "status", "event_id", "chatbot_id", "detail", "data"];
const DATA_NAMES: [&str; 4] = ["chatbot_id", "detail", "model_id", "training_data_ids"];

/// Reads the members of the whole notification. What it gives is to be dropped if there are faults.
fn notification(top: &Members<'_, 6>, faults: &mut Faults) -> Option<Notification> {
    let [event, status, event_id, chatbot_id, detail, data] = top.read("", faults);
    let data = present(data);
    let names = (name("/event", event, faults), name("/status", status, faults));
    let documented = match &names {
        (Some(event), Some(status)) => Event::is_documented(event, status),
        (_, _) => false,
    };
    let data_members = match data.map(|data| (data, Members::find(data.get(), DATA_NAMES))) {
        Some((_, Ok(members))) => members,
        Some((data, Err(_))) if documented => {
            faults.add("/data", "an object", data.get());
            Members::none(DATA_NAMES)
        }
        Some(_) | None => Members::none(DATA_NAMES),
    };
    let [data_chatbot_id, data_detail, model_id, ids] = data_members.read("/data", faults);
    let chatbot = Twice {
        top: uuid("/chatbot_id", chatbot_id, faults).map(ChatbotId::new),
        data: uuid("/data/chatbot_id", data_chatbot_id, faults).map(ChatbotId::new),
    };
    let (detail, data_detail) = if documented {
        (detail, data_detail)
    } else {
        (None, None)
    };
    let detail = Twice {
        top: text("/detail", detail, faults).map(Failure::from),
        data: text("/data/detail", data_detail, faults).map(Failure::from),
    };
    let wire = match chatbot {
        Twice {
            top: Some(_),
            data: None,
        } => Wire::V2024_01,
        Twice { .. } => Wire::V2024_07,
    };
    let detail = detail.agreed("/data/detail", "the text of /detail", faults);
    let stated_chatbot_id = chatbot.agreed("/data/chatbot_id", "the uuid of /chatbot_id", faults);
    let stated_event_id = uuid("/event_id", event_id, faults).map(EventId::new);

    let (Some(event_name), Some(status_name)) = names else {
        return None;
    };
    let event = match (&*event_name, &*status_name) {
        ("crawling", "initial") => Event::CrawlingInitial,
        ("crawling", "completed") => Event::CrawlingCompleted {
            training_data_ids: training_data_ids(ids, faults, training_data_id),
        },
        ("crawling", "failed") => Event::CrawlingFailed { detail },
        ("uploading", "initial") => Event::UploadingInitial,
        ("uploading", "completed") => Event::UploadingCompleted {
            files: training_data_ids(ids, faults, uploaded_file),
        },
        ("uploading", "failed") => Event::UploadingFailed { detail },
        ("training", "initial") => Event::TrainingInitial,
        ("training", "completed") => {
            let model_id = required("/data/model_id", "a uuid", model_id, faults);
            let model_id = uuid("/data/model_id", model_id, faults);
            let training_data_ids = training_data_ids(ids, faults, training_data_id);
            Event::TrainingCompleted {
                // Without one there is a fault, so nobody sees the nil; to return here would hide later faults.
                model_id: ModelId::new(model_id.unwrap_or(Uuid::nil())),
                training_data_ids,
            }
        }
        ("training", "failed") => Event::TrainingFailed { detail },
        _ => Event::Unrecognized {
            name: Name {
                event: Cow::Owned(event_name.into_owned()),
                status: Cow::Owned(status_name.into_owned()),
            },
            data: data.map(|data| Json(data.to_owned())),
        },
    };
    match &event {
        Event::Unrecognized { .. } => {}
        Event::TrainingInitial | Event::TrainingCompleted { .. } | Event::TrainingFailed { .. } => {
            require_chatbot_id(chatbot_id, data_chatbot_id, faults);
        }
        Event::CrawlingInitial
        | Event::CrawlingCompleted { .. }
        | Event::CrawlingFailed { .. }
        | Event::UploadingInitial
        | Event::UploadingCompleted { .. }
        | Event::UploadingFailed { .. } => {
            required("/event_id", "a uuid", event_id, faults);
            require_chatbot_id(chatbot_id, data_chatbot_id, faults);
        }
    }
    Some(Notification {
        wire,
        event_id: stated_event_id,
        chatbot_id: stated_chatbot_id,
        event,
    })
}

/// A value that stands at the top level in one wire generation and inside `data` in the other.
struct Twice<T> {
    top: Option<T>,
    data: Option<T>,
}

impl<T: PartialEq + fmt::Display> Twice<T> {
    /// The value, from wherever it stands; a fault if it stands in both places and differs.
    fn agreed(self, pointer: &str, expected: &'static str, faults: &mut Faults) -> Option<T> {
        match (self.top, self.data) {
            (Some(top), Some(data)) if top != data => {
                faults.add(pointer, expected, &format!("\"{data}\""));
                None
            }
            (top, data) => top.or(data),
        }
    }
}

/// A fault where `chatbot_id` stands in neither of its two places; it names the one of today.
fn require_chatbot_id(top: Option<&RawValue>, data: Option<&RawValue>, faults: &mut Faults) {
    if present(top).is_none() {
        required("/data/chatbot_id", "a uuid (or /chatbot_id)", data, faults);
    }
}

/// Faults met so far, the first [`MAX_FAULTS`] kept.
#[derive(Default)]
struct Faults {
    list: Vec<Fault>,
    omitted_count: usize,
}

impl Faults {
    /// `found` is the JSON text at `pointer`, or what to say of it in a few words; empty where nothing is.
    fn add(&mut self, pointer: &str, expected: impl Into<Cow<'static, str>>, found: &str) {
        if self.list.len() == MAX_FAULTS {
            self.omitted_count += 1;
            return;
        }
        self.list.push(Fault {
            pointer: pointer.to_owned(),
            expected: expected.into(),
            found: quote(found),
        });
    }
}

/// Describes a piece of JSON in a few words, quoting scalars.
fn quote(json: &str) -> String {
    let json = json.trim_start();
    match json.bytes().next() {
        None => "nothing".to_owned(),
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(_) => match json.char_indices().nth(MAX_QUOTE_CHARS) {
            None => json.trim_end().to_owned(),
            Some((end, _)) => format!("{}…", &json[..end]),
        },
    }
}

/// Why a text holds no object.
enum NoObject {
    /// It is not JSON.
    Syntax(serde_json::Error),
    /// It is JSON of another kind.
    OtherValue,
}

/// The members of one object that have the given names, as slices of its text; `null` stands for itself.
#[derive(Clone)]
struct Members<'a, const N: usize> {
    names: [&'static str; N],
    values: [Option<&'a RawValue>; N],
    repeated: Option<&'static str>,
}

impl<'a, const N: usize> Members<'a, N> {
    fn none(names: [&'static str; N]) -> Self {
        Self {
            names,
            values: [None; N],
            repeated: None,
        }
    }

    /// Finds the members in the text of an object.
    fn find(text: &'a str, names: [&'static str; N]) -> Result<Self, NoObject> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        if text.trim_ascii_start().starts_with('{') {
            let members = Self::none(names)
                .deserialize(&mut deserializer)
                .map_err(NoObject::Syntax)?;
            deserializer.end().map_err(NoObject::Syntax)?;
            return Ok(members);
        }
        IgnoredAny::deserialize(&mut deserializer)
            .and_then(|IgnoredAny| deserializer.end())
            .map_err(NoObject::Syntax)?;
        Err(NoObject::OtherValue)
    }

    /// The values in the order of the names, after a fault for a member that stands there twice.
    fn read(&self, pointer: &str, faults: &mut Faults) -> [Option<&'a RawValue>; N] {
        if let Some(name) = self.repeated {
            faults.add(&format!("{pointer}/{name}"), "one value", "the member twice");
        }
        self.values
    }
}

impl<'de, const N: usize> DeserializeSeed<'de> for Members<'de, N> {
    type Value = Self;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Members<'de, N> {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(MemberName(name)) = map.next_key()? {
            let Some(index) = self.names.iter().position(|known| *known == name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if self.values[index].replace(map.next_value()?).is_some() {
                self.repeated = Some(self.names[index]);
            }
        }
        Ok(self)
    }
}

/// A member's name, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct MemberName<'a>(#[serde(borrow)] Cow<'a, str>);

/// The value of a member that is neither absent nor `null`.
fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

/// As [`present`], with a fault where it is not.
fn required<'a>(
    pointer: &str,
    expected: &'static str,
    raw: Option<&'a RawValue>,
    faults: &mut Faults,
) -> Option<&'a RawValue> {
    let value = present(raw);
    if value.is_none() {
        faults.add(pointer, expected, raw.map_or("", RawValue::get));
    }
    value
}

fn text<'a>(pointer: &str, raw: Option<&'a RawValue>, faults: &mut Faults) -> Option<Cow<'a, str>> {
    let raw = present(raw)?;
    match serde_json::from_str::<MemberName<'_>>(raw.get()) {
        Ok(MemberName(text)) => Some(text),
        Err(_) => {
            faults.add(pointer, "a string", raw.get());
            None
        }
    }
}

fn uuid(pointer: &str, raw: Option<&RawValue>, faults: &mut Faults) -> Option<Uuid> {
    let raw = present(raw)?;
    let uuid = parse_uuid(raw);
    if uuid.is_none() {
        faults.add(pointer, "a uuid", raw.get());
    }
    uuid
}

fn parse_uuid(raw: &RawValue) -> Option<Uuid> {
    let MemberName(text) = serde_json::from_str(raw.get()).ok()?;
    Uuid::try_parse(&text).ok()
}

/// An `event` or `status`.
fn name<'a>(pointer: &str, raw: Option<&'a RawValue>, faults: &mut Faults) -> Option<Cow<'a, str>> {
    let raw = required(pointer, "a string", raw, faults)?;
    let name = text(pointer, Some(raw), faults)?;
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        let expected = format!("1 to {MAX_NAME_BYTES} bytes without control characters");
        faults.add(pointer, expected, raw.get());
        return None;
    }
    Some(name)
}

/// Reads `/data/training_data_ids` with `read_item`, which adds the faults of the items it gives `None` for.
fn training_data_ids<T>(
    raw: Option<&RawValue>,
    faults: &mut Faults,
    read_item: impl Fn(usize, &RawValue, &mut Faults) -> Option<T>,
) -> Vec<T> {
    const POINTER: &str = "/data/training_data_ids";
    let mut items = Vec::new();
    if let Some(raw) = required(POINTER, "an array", raw, faults) {
        let seed = Items {
            items: &mut items,
            faults,
            read_item,
        };
        if seed
            .deserialize(&mut serde_json::Deserializer::from_str(raw.get()))
            .is_err()
        {
            faults.add(POINTER, "an array", raw.get());
        }
    }
    items
}

fn training_data_id(index: usize, raw: &RawValue, faults: &mut Faults) -> Option<TrainingDataId> {
    let uuid = parse_uuid(raw);
    if uuid.is_none() {
        faults.add(&format!("/data/training_data_ids/{index}"), "a uuid", raw.get());
    }
    uuid.map(TrainingDataId::new)
}

fn uploaded_file(index: usize, raw: &RawValue, faults: &mut Faults) -> Option<UploadedFile> {
    let pointer = format!("/data/training_data_ids/{index}");
    let Ok(members) = Members::find(raw.get(), ["id", "filename", "status", "detail"]) else {
        faults.add(&pointer, "an object", raw.get());
        return None;
    };
    let at = |name: &str| format!("{pointer}/{name}");
    let [id, filename, status, detail] = members.read(&pointer, faults);
    let id = required(&at("id"), "a uuid", id, faults);
    let id = uuid(&at("id"), id, faults);
    let filename = required(&at("filename"), "a string", filename, faults);
    let filename = text(&at("filename"), filename, faults);
    let status = text(&at("status"), status, faults);
    let detail = text(&at("detail"), detail, faults).map(Failure::from);
    let outcome = match status {
        None => FileOutcome::Uploaded,
        Some(status) if status == "failed" => FileOutcome::Failed { detail },
        Some(status) => FileOutcome::Unrecognized(status.into_owned()),
    };
    Some(UploadedFile {
        id: TrainingDataId::new(id?),
        filename: filename?.into_owned(),
        outcome,
    })
}

/// Reads an array item by item, so that no item is held twice.
struct Items<'f, T, F> {
    items: &'f mut Vec<T>,
    faults: &'f mut Faults,
    read_item: F,
}

impl<'de, T, F: Fn(usize, &RawValue, &mut Faults) -> Option<T>> DeserializeSeed<'de> for Items<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T, F: Fn(usize, &RawValue, &mut Faults) -> Option<T>> Visitor<'de> for Items<'_, T, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(raw) = seq.next_element::<&'de RawValue>()? {
            self.items.extend((self.read_item)(index, raw, self.faults));
            index += 1;
        }
        Ok(())
    }
}
