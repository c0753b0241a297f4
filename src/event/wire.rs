//! From bytes to a [`Notification`]: the only module that knows the JSON of a notification.
//!
//! The body is read in layers without a document tree: an object's members are found first and kept as slices
//! of the body, then each is read as what it must be. So memory stays in proportion to the body whatever it
//! holds, nesting cannot exhaust the stack, and every fault knows its place. Members this file does not know
//! are skipped: the inbox keeps the raw body.

mod fault;
mod members;
mod text;
mod unrecognized;

use std::borrow::Cow;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::{ChatbotId, Event, EventId, ModelId, Name, Notification, TrainingDataId, UploadedFile, Wire};
use crate::json::{Member, Members, NoObject, each, string};
use fault::Faults;
use members::{parse_uuid, present, required, shown, single, uuid};
use unrecognized::unrecognized;

pub use fault::{Fault, MAX_FAULTS, ParseError};
pub(super) use text::paired;

/// The longest `event` or `status` taken, in bytes: they go into logs and indexes. CaiGunn's longest is 9.
pub const MAX_NAME_BYTES: usize = 64;

/// Reads a body as a notification of either wire generation, told apart by where `chatbot_id` stands.
///
/// # Errors
/// [`ParseError`] says what is wrong and where. Whatever the bytes, this returns.
pub fn parse(body: &[u8]) -> Result<Notification, ParseError> {
    read(body).map(|(notification, _)| notification)
}

/// As [`parse`], but `None` where something was tolerated, so that the notification does not say exactly what the body
/// says.
pub(super) fn parse_exact(body: &[u8]) -> Option<Notification> {
    let (notification, has_tolerated) = read(body).ok()?;
    (!has_tolerated).then_some(notification)
}

/// A body without the byte order mark that RFC 8259 lets a reader ignore.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

/// A notification, and whether something in it was tolerated.
fn read(body: &[u8]) -> Result<(Notification, bool), ParseError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        ParseError::NotJson(format!("it is not UTF-8 from byte {} on", error.valid_up_to()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(ParseError::NotJson("it is empty".to_owned()));
    }
    let mut faults = Faults::default();
    let notification = match Members(TOP_NAMES).find(text) {
        Ok(top) => notification(top, &mut faults),
        Err(NoObject::Syntax(error)) => {
            // So the parser calls what begins like `true` or `null` and goes on otherwise.
            let reason = error.to_string().replace("expected ident", "expected value");
            return Err(ParseError::NotJson(reason));
        }
        Err(NoObject::OtherValue) => {
            faults.add("", "an object", text);
            None
        }
    };
    match notification {
        Some(notification) if faults.list.is_empty() => Ok((notification, faults.has_tolerated)),
        Some(_) | None => Err(ParseError::NotNotification {
            faults: faults.list,
            omitted_count: faults.omitted_count,
        }),
    }
}

const TOP_NAMES: [&str; 6] = ["event", "status", "event_id", "chatbot_id", "detail", "data"];
const DATA_NAMES: [&str; 4] = ["chatbot_id", "detail", "model_id", "training_data_ids"];

/// Reads the members of the whole notification. What it gives is to be dropped if there are faults.
fn notification(top: [Member<'_>; 6], faults: &mut Faults) -> Option<Notification> {
    let [event, status, _, _, _, data] = top;
    let event = name("/event", event, faults);
    let status = name("/status", status, faults);
    let data = present(single(data, "/data", faults));
    let (event, status) = (event?, status?);
    Some(if Event::is_documented(&event, &status) {
        documented((&event, &status), top, data, faults)
    } else {
        let name = Name {
            event: Cow::Owned(event.into_owned()),
            status: Cow::Owned(status.into_owned()),
        };
        unrecognized(name, top, data, faults)
    })
}

/// Reads an event whose shape is known.
fn documented(
    name: (&str, &str),
    top: [Member<'_>; 6],
    data: Option<&RawValue>,
    faults: &mut Faults,
) -> Notification {
    let [_, _, event_id, chatbot_id, detail, Member { value: top_data, .. }] = top;
    let [data_chatbot_id, data_detail, model_id, ids] = data_members(data, faults);
    let event_id = single(event_id, "/event_id", faults);
    let chatbot_id = single(chatbot_id, "/chatbot_id", faults);
    let data_chatbot_id = single(data_chatbot_id, "/data/chatbot_id", faults);
    let chatbot = Twice {
        top: uuid("/chatbot_id", chatbot_id, faults),
        data: uuid("/data/chatbot_id", data_chatbot_id, faults),
    };
    let wire = chatbot.wire();
    let stated_chatbot_id = chatbot.agreed(faults).map(ChatbotId::new);
    let stated_event_id = uuid("/event_id", event_id, faults).map(EventId::new);
    let detail = Twice {
        top: detail,
        data: data_detail,
    };
    let event = match name {
        ("crawling", "initial") => Event::CrawlingInitial,
        ("crawling", "completed") => Event::CrawlingCompleted {
            training_data_ids: training_data_ids(ids, faults, training_data_id),
        },
        ("crawling", "failed") => Event::CrawlingFailed {
            detail: detail.failure(faults),
        },
        ("uploading", "initial") => Event::UploadingInitial,
        ("uploading", "completed") => Event::UploadingCompleted {
            files: training_data_ids(ids, faults, uploaded_file),
        },
        ("uploading", "failed") => Event::UploadingFailed {
            detail: detail.failure(faults),
        },
        ("training", "initial") => Event::TrainingInitial,
        ("training", "completed") => {
            let model_id = single(model_id, "/data/model_id", faults);
            let model_id = required("/data/model_id", "a uuid", model_id, faults);
            let model_id = uuid("/data/model_id", model_id, faults);
            Event::TrainingCompleted {
                // Without one there is a fault, so nobody sees the nil; to return here would hide later faults.
                model_id: ModelId::new(model_id.unwrap_or(Uuid::nil())),
                training_data_ids: training_data_ids(ids, faults, training_data_id),
            }
        }
        ("training", "failed") => Event::TrainingFailed {
            detail: detail.failure(faults),
        },
        (event, status) => unreachable!("{event}.{status} is documented, so it has its line above"),
    };
    // An older training has no job.
    if name.0 != "training" {
        required("/event_id", "a uuid", event_id, faults);
    }
    if present(chatbot_id).is_none() {
        // It names the place of today.
        required(
            "/data/chatbot_id",
            "a uuid (or /chatbot_id)",
            data_chatbot_id,
            faults,
        );
    }
    if data.is_none() {
        faults.begin_with_data(top_data.map_or("", RawValue::get));
    }
    Notification {
        wire,
        event_id: stated_event_id,
        chatbot_id: stated_chatbot_id,
        event,
    }
}

/// The members of the data of an event whose shape is known.
fn data_members<'a>(data: Option<&'a RawValue>, faults: &mut Faults) -> [Member<'a>; 4] {
    let Some(data) = data else {
        return <[Member<'_>; 4]>::default();
    };
    Members(DATA_NAMES).find(data.get()).unwrap_or_else(|_| {
        faults.add("/data", "an object", data.get());
        <[Member<'_>; 4]>::default()
    })
}

/// What stands at the top level in one wire generation and inside `data` in the other.
struct Twice<T> {
    top: T,
    data: T,
}

impl<T> Twice<Option<T>> {
    /// The generation, if this is the chatbot.
    fn wire(&self) -> Wire {
        match self {
            Self {
                top: Some(_),
                data: None,
            } => Wire::V2024_01,
            Self { .. } => Wire::V2024_07,
        }
    }
}

impl Twice<Option<Uuid>> {
    /// The chatbot, from wherever it stands; a fault if it stands in both places and differs.
    fn agreed(self, faults: &mut Faults) -> Option<Uuid> {
        match (self.top, self.data) {
            (Some(top), Some(data)) if top != data => {
                let found = format!("\"{data}\"");
                faults.add("/data/chatbot_id", "the uuid of /chatbot_id", &found);
                None
            }
            (top, data) => top.or(data),
        }
    }
}

impl Twice<Member<'_>> {
    /// Why something failed, from wherever it stands: inside `data` if in both places.
    fn failure(self, faults: &mut Faults) -> Option<String> {
        let (top, data) = (shown(self.top, faults), shown(self.data, faults));
        faults.has_tolerated |= top.is_some() && data.is_some() && top != data;
        data.or(top).map(Cow::into_owned)
    }
}

/// An `event` or `status`.
fn name<'a>(pointer: &str, member: Member<'a>, faults: &mut Faults) -> Option<Cow<'a, str>> {
    let raw = single(member, pointer, faults);
    let raw = required(pointer, "a string", raw, faults)?;
    let Some(name) = string(raw) else {
        faults.add(pointer, "a string", raw.get());
        return None;
    };
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        let expected = format!("1 to {MAX_NAME_BYTES} bytes without control characters");
        faults.add(pointer, expected, raw.get());
        return None;
    }
    Some(name)
}

/// Reads `/data/training_data_ids` with `read_item`, which adds the faults of the items it gives `None` for.
fn training_data_ids<T>(
    member: Member<'_>,
    faults: &mut Faults,
    read_item: impl Fn(usize, &RawValue, &mut Faults) -> Option<T>,
) -> Vec<T> {
    const POINTER: &str = "/data/training_data_ids";
    let mut items = Vec::new();
    let raw = single(member, POINTER, faults);
    if let Some(raw) = required(POINTER, "an array", raw, faults)
        && each(raw, |index, item| items.extend(read_item(index, item, faults))).is_err()
    {
        faults.add(POINTER, "an array", raw.get());
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
    let at = |member: &str| format!("/data/training_data_ids/{index}{member}");
    let Ok([id, filename, status, detail]) = Members(["id", "filename", "status", "detail"]).find(raw.get())
    else {
        faults.add(&at(""), "an object", raw.get());
        return None;
    };
    let id_pointer = at("/id");
    let id = single(id, &id_pointer, faults);
    let id = required(&id_pointer, "a uuid", id, faults);
    let id = uuid(&id_pointer, id, faults);
    let filename = shown(filename, faults);
    faults.has_tolerated |= filename.is_none();
    let status = shown(status, faults).map(Cow::into_owned);
    let detail = shown(detail, faults).filter(|_| status.as_deref() == Some(UploadedFile::FAILED));
    Some(UploadedFile {
        id: TrainingDataId::new(id?),
        filename: filename.unwrap_or_default().into_owned(),
        status,
        detail: detail.map(Cow::into_owned),
    })
}
