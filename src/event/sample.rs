//! One sample of each notification in both wire generations, for tests, for `trigger` and for the documents.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{ChatbotId, Event, EventId, ModelId, Notification, TrainingDataId, UploadedFile, Wire};

/// The request header that says that what is posted is a sample, and the header that tells a destination so.
pub const HEADER: &str = "caigunn-sample";

/// How the ids of a sample begin: "sample" in ASCII, in a UUID of version 8 (RFC 9562, section 5.8). So whoever has a
/// sample can tell, wherever it went, and the inbox keeps nothing more.
const MARK: u128 = 0x7361_6d70_6c65_8000 << 64;
/// How many bits there are behind that.
const MARK_SHIFT: u32 = 76;

/// Whether a notification with these ids is a sample: its job's id begins so or, in the older generation's training events,
/// which have none, its chatbot's.
pub fn is_sample(event_id: Option<EventId>, chatbot_id: Option<ChatbotId>) -> bool {
    let told = event_id.map(EventId::uuid).or(chatbot_id.map(ChatbotId::uuid));
    told.is_some_and(|uuid| uuid.as_u128() >> MARK_SHIFT == MARK >> MARK_SHIFT)
}

/// What distinguishes one sample of an event from another.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    /// The job.
    pub event_id: EventId,
    /// The chatbot.
    pub chatbot_id: ChatbotId,
    /// The model of a training.
    pub model_id: ModelId,
    /// Every piece of training data in the sample.
    pub training_data_id: TrainingDataId,
}

impl Ids {
    /// Ids that nobody has used.
    pub fn fresh() -> Self {
        Self::of(Uuid::now_v7)
    }

    /// Ids that nobody has used, which say that they are a sample's.
    pub fn marked() -> Self {
        Self::of(|| {
            Uuid::from_u128(MARK | Uuid::new_v4().as_u128() & (u128::MAX >> (u128::BITS - MARK_SHIFT)))
        })
    }

    /// The same UUID in every place, as in CaiGunn's own examples.
    pub fn all(uuid: Uuid) -> Self {
        Self::of(|| uuid)
    }

    fn of(uuid: impl Fn() -> Uuid) -> Self {
        Self {
            event_id: EventId::new(uuid()),
            chatbot_id: ChatbotId::new(uuid()),
            model_id: ModelId::new(uuid()),
            training_data_id: TrainingDataId::new(uuid()),
        }
    }
}

/// A sample of every event whose shape is known, in the order of [`Event::NAMES`].
pub fn events(ids: &Ids) -> Vec<Event> {
    let training_data_ids = vec![ids.training_data_id; 3];
    let file = UploadedFile {
        id: ids.training_data_id,
        filename: "filename".to_owned(),
        status: None,
        detail: None,
    };
    let failed_file = UploadedFile {
        status: Some(UploadedFile::FAILED.to_owned()),
        // Sic.
        detail: Some("Unsupport file format".to_owned()),
        ..file.clone()
    };
    vec![
        Event::CrawlingInitial,
        Event::CrawlingCompleted {
            training_data_ids: training_data_ids.clone(),
        },
        Event::CrawlingFailed { detail: None },
        Event::UploadingInitial,
        Event::UploadingCompleted {
            files: vec![file, failed_file],
        },
        Event::UploadingFailed { detail: None },
        Event::TrainingInitial,
        Event::TrainingCompleted {
            model_id: ids.model_id,
            training_data_ids,
        },
        Event::TrainingFailed {
            detail: Some(String::new()),
        },
    ]
}

/// The notification of `event` as that wire generation would carry it.
pub fn notification(event: Event, ids: &Ids, wire: Wire) -> Notification {
    let has_event_id = wire == Wire::V2024_07 || event.name().event != "training";
    Notification {
        wire,
        event_id: has_event_id.then_some(ids.event_id),
        chatbot_id: Some(ids.chatbot_id),
        event,
    }
}

/// A sample of every notification in that wire generation.
pub fn notifications(ids: &Ids, wire: Wire) -> Vec<Notification> {
    events(ids)
        .into_iter()
        .map(|event| notification(event, ids, wire))
        .collect()
}

/// The JSON that CaiGunn would send for a notification of known shape: the inverse of [`super::parse`].
///
/// Of an unrecognised one only the names and ids are written.
pub fn to_json(notification: &Notification) -> Value {
    let name = notification.name();
    let mut top = Map::new();
    let mut data = match &notification.event {
        Event::CrawlingCompleted { training_data_ids } => {
            object(json!({"training_data_ids": training_data_ids}))
        }
        Event::UploadingCompleted { files } => {
            object(json!({"training_data_ids": files.iter().map(file_to_json).collect::<Vec<_>>()}))
        }
        Event::TrainingCompleted {
            model_id,
            training_data_ids,
        } => object(json!({"model_id": model_id, "training_data_ids": training_data_ids})),
        _ => Map::new(),
    };
    top.insert("event".to_owned(), json!(name.event));
    top.insert("status".to_owned(), json!(name.status));
    if let Some(event_id) = notification.event_id {
        top.insert("event_id".to_owned(), json!(event_id));
    }
    let moved = match notification.wire {
        Wire::V2024_01 => &mut top,
        Wire::V2024_07 => &mut data,
    };
    if let Some(chatbot_id) = notification.chatbot_id {
        moved.insert("chatbot_id".to_owned(), json!(chatbot_id));
    }
    if let Some(detail) = notification.event.detail() {
        moved.insert("detail".to_owned(), json!(detail));
    }
    if !data.is_empty() {
        top.insert("data".to_owned(), Value::Object(data));
    }
    Value::Object(top)
}

fn file_to_json(file: &UploadedFile) -> Value {
    let mut members = object(json!({"id": file.id, "filename": file.filename}));
    for (name, text) in [("status", &file.status), ("detail", &file.detail)] {
        members.extend(text.as_ref().map(|text| (name.to_owned(), json!(text))));
    }
    Value::Object(members)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => unreachable!("{other} is an object wherever this is called"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_can_be_told_by_its_ids() {
        let (marked, other) = (Ids::marked(), Ids::fresh());

        assert!(marked.event_id.to_string().starts_with("73616d70-6c65-8"));
        assert_eq!(marked.event_id.uuid().get_version_num(), 8);
        assert_ne!(marked.event_id, Ids::marked().event_id);
        assert!(is_sample(Some(marked.event_id), Some(other.chatbot_id)));
        assert!(is_sample(None, Some(marked.chatbot_id)));
        assert!(!is_sample(Some(other.event_id), Some(marked.chatbot_id)));
        assert!(!is_sample(None, None));
    }
}
