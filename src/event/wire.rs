//! From bytes to a [`Notification`]: the only module that knows the JSON of a notification.
//!
//! The body is read in layers without a document tree: an object's members are found first and kept as slices
//! of the body, then each is read as what it must be. So memory stays in proportion to the body whatever it
//! holds, nesting cannot exhaust the stack, and every fault knows its place. Members this file does not know
//! are skipped: the inbox keeps the raw body.

mod fault;
mod members;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    ChatbotId, Event, EventId, Failure, FileOutcome, Json, ModelId, Name, Notification, TrainingDataId,
    UploadedFile, Wire,
};
use fault::Faults;
use members::{Members, NoObject, parse_uuid, present, required, text, uuid};

pub use fault::{Fault, MAX_FAULTS, ParseError};

/// The longest `event` or `status` taken, in bytes: they go into logs and indexes. CaiGunn's longest is 9.
pub const MAX_NAME_BYTES: usize = 64;

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
