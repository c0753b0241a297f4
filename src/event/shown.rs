//! Event names as they are shown in JSON, and read again.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use super::Name;

impl Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl utoipa::PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let text = text.description(Some("An event and its status, such as crawling.completed."));
        text.into()
    }
}

impl utoipa::ToSchema for Name {
    fn name() -> Cow<'static, str> {
        "EventName".into()
    }
}

/// As it was serialised: what another receiver on the same inbox tells this one.
impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (event, status) = text.split_once('.').ok_or_else(|| {
            let expected = "an event name such as crawling.completed";
            serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &expected)
        })?;
        Ok(Self {
            event: Cow::Owned(event.to_owned()),
            status: Cow::Owned(status.to_owned()),
        })
    }
}
