//! What CaiGunn tells us, as types: the language of the rest of the program.
//!
//! [`parse`] is the only way from bytes to a [`Notification`]; whoever holds one holds a valid one. The shapes
//! of the JSON are known to `wire` alone, the rules of sameness (what is a repeat) to `identity`.
//!
//! Left out on purpose: any judgement on order. `completed` may come before `initial`, or alone.

mod compose;
mod digest;
mod filter;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod id;
mod identity;
pub mod sample;
mod shown;
mod wire;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::words::words;
pub use compose::compose;
pub use filter::{EVENT_FILTER, did_you_mean, event_filter};
pub(crate) use id::id;
pub use identity::{Identity, same_content};
pub use wire::{Fault, MAX_FAULTS, MAX_NAME_BYTES, ParseError, parse};

id!(
    /// CaiGunn's `event_id`: it names a job, so all notifications of one job share it.
    EventId
);
id!(
    /// The chatbot that a notification is about.
    ChatbotId
);
id!(
    /// The model that a training made.
    ModelId
);
id!(
    /// A piece of training data that a crawl or an upload made, or that a training used.
    TrainingDataId
);

/// One notification, as posted by CaiGunn and found valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// The generation of the wire format it came in.
    pub wire: Wire,
    /// The job; always there on crawling and uploading, absent on the older training notifications.
    pub event_id: Option<EventId>,
    /// The chatbot; absent only where an unrecognised notification names none.
    pub chatbot_id: Option<ChatbotId>,
    /// What happened.
    pub event: Event,
}

/// What happened, with what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A crawl began.
    CrawlingInitial,
    /// A crawl ended and left this training data.
    CrawlingCompleted {
        /// In CaiGunn's order.
        training_data_ids: Vec<TrainingDataId>,
    },
    /// A crawl failed. CaiGunn does not document this one; it is expected all the same.
    CrawlingFailed {
        /// Why, where CaiGunn says so.
        detail: Option<String>,
    },
    /// An upload began.
    UploadingInitial,
    /// An upload ended; single files may have failed, see [`Event::failed_files`].
    UploadingCompleted {
        /// In CaiGunn's order.
        files: Vec<UploadedFile>,
    },
    /// An upload failed as a whole.
    UploadingFailed {
        /// Why, where CaiGunn says so.
        detail: Option<String>,
    },
    /// A training began.
    TrainingInitial,
    /// A training ended and made a model.
    TrainingCompleted {
        /// The new model.
        model_id: ModelId,
        /// What it was trained on, in CaiGunn's order.
        training_data_ids: Vec<TrainingDataId>,
    },
    /// A training failed.
    TrainingFailed {
        /// Why, where CaiGunn says so.
        detail: Option<String>,
    },
    /// An event or status nobody has documented yet, kept as it came.
    Unrecognized {
        /// CaiGunn's names for it.
        name: Name,
        /// The `data` member, untouched.
        data: Option<Json>,
        /// What it has in the places of its ids where that is no id.
        id_texts: IdTexts,
    },
}

/// What an undocumented event has in the places of its ids where that is no id: for people, since nothing is found by
/// it. At most 201 characters each; JSON where it is no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdTexts {
    /// In that of `event_id`.
    pub event_id: Option<String>,
    /// In that of `chatbot_id`.
    pub chatbot_id: Option<String>,
}

/// An id, or what stands in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Stated<'a, T> {
    /// It is one.
    Id(T),
    /// It is none, which only an undocumented event may have.
    Text(&'a str),
}

impl<'a, T> Stated<'a, T> {
    /// The id if there is one, else the text.
    pub fn of(id: Option<T>, text: Option<&'a str>) -> Option<Self> {
        id.map(Self::Id).or(text.map(Self::Text))
    }
}

impl<T: fmt::Display> fmt::Display for Stated<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(formatter),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// A file of a completed upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedFile {
    /// The training data made of it, or meant to be.
    pub id: TrainingDataId,
    /// Its name, as uploaded; empty where CaiGunn gives none.
    pub filename: String,
    /// What became of it: [`UploadedFile::FAILED`], or a status that nobody has documented yet. Without one it is training
    /// data now.
    pub status: Option<String>,
    /// Why it failed, if it did and CaiGunn says so.
    pub detail: Option<String>,
}

impl UploadedFile {
    /// The status of one that failed.
    pub const FAILED: &str = "failed";
}

words!(
    /// The generation of CaiGunn's wire format, named by the month it is known from.
    #[derive(PartialOrd, Ord)]
    pub enum Wire {
        /// `chatbot_id` at the top level; training notifications without `event_id`.
        V2024_01 = "2024-01",
        /// Since 2024-07-30: `chatbot_id` inside `data`, `event_id` everywhere.
        V2024_07 = "2024-07",
    }
);

/// An event name such as `crawling.completed`: CaiGunn's `event` and `status`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// `crawling`, `uploading`, `training`, or an undocumented one.
    pub event: Cow<'static, str>,
    /// `initial`, `completed`, `failed`, or an undocumented one.
    pub status: Cow<'static, str>,
}

/// A piece of JSON kept as the text it came as; equal if the text is.
#[derive(Clone, Debug)]
pub struct Json(pub Box<RawValue>);

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Json {
    /// The same for strict readers of JSON: half a surrogate pair is U+FFFD.
    pub fn paired(&self) -> Cow<'_, RawValue> {
        match wire::paired(self.0.get()) {
            Cow::Borrowed(_) => Cow::Borrowed(&*self.0),
            Cow::Owned(json) => {
                Cow::Owned(RawValue::from_string(json).expect("an escape instead of another leaves JSON"))
            }
        }
    }
}

impl Notification {
    /// Its event name.
    pub fn name(&self) -> Name {
        self.event.name()
    }

    /// Its job, or what stands in its place.
    pub fn stated_event_id(&self) -> Option<Stated<'_, EventId>> {
        let texts = self.event.id_texts();
        Stated::of(self.event_id, texts.and_then(|texts| texts.event_id.as_deref()))
    }
}

impl Event {
    /// The names of the events this program knows the shape of.
    pub const NAMES: [Name; 9] = [
        Name::known("crawling", "initial"),
        Name::known("crawling", "completed"),
        Name::known("crawling", "failed"),
        Name::known("uploading", "initial"),
        Name::known("uploading", "completed"),
        Name::known("uploading", "failed"),
        Name::known("training", "initial"),
        Name::known("training", "completed"),
        Name::known("training", "failed"),
    ];

    /// Whether CaiGunn's `event` and `status` name an event whose shape is known.
    pub fn is_documented(event: &str, status: &str) -> bool {
        Self::NAMES
            .iter()
            .any(|name| name.event == event && name.status == status)
    }

    /// Its event name.
    pub fn name(&self) -> Name {
        let (event, status) = match self {
            Self::CrawlingInitial => ("crawling", "initial"),
            Self::CrawlingCompleted { .. } => ("crawling", "completed"),
            Self::CrawlingFailed { .. } => ("crawling", "failed"),
            Self::UploadingInitial => ("uploading", "initial"),
            Self::UploadingCompleted { .. } => ("uploading", "completed"),
            Self::UploadingFailed { .. } => ("uploading", "failed"),
            Self::TrainingInitial => ("training", "initial"),
            Self::TrainingCompleted { .. } => ("training", "completed"),
            Self::TrainingFailed { .. } => ("training", "failed"),
            Self::Unrecognized { name, .. } => return name.clone(),
        };
        Name::known(event, status)
    }

    /// What it has in the places of its ids, if it is one that this program knows only by name.
    pub fn id_texts(&self) -> Option<&IdTexts> {
        match self {
            Self::Unrecognized { id_texts, .. } => Some(id_texts),
            _ => None,
        }
    }

    /// Why it failed, if it did and CaiGunn said so.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::CrawlingFailed { detail }
            | Self::UploadingFailed { detail }
            | Self::TrainingFailed { detail } => detail.as_deref(),
            _ => None,
        }
    }

    /// The files of a completed upload that failed.
    pub fn failed_files(&self) -> impl Iterator<Item = &UploadedFile> {
        let files = match self {
            Self::UploadingCompleted { files } => files.as_slice(),
            _ => &[],
        };
        files
            .iter()
            .filter(|file| file.status.as_deref() == Some(UploadedFile::FAILED))
    }
}

impl Name {
    /// The status with which a job begins.
    pub const INITIAL: &str = "initial";

    /// The statuses with which a job ends: one of them.
    pub const FINAL: [&str; 2] = ["completed", "failed"];

    /// Whether it says that its job has ended, one way or the other.
    pub fn ends_job(&self) -> bool {
        Self::FINAL.contains(&&*self.status)
    }

    const fn known(event: &'static str, status: &'static str) -> Self {
        Self {
            event: Cow::Borrowed(event),
            status: Cow::Borrowed(status),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.event, self.status)
    }
}
