//! The members of JSON objects, read as slices of the text: no document tree is built.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::fault::Faults;

/// Why a text holds no object.
pub enum NoObject {
    /// It is not JSON.
    Syntax(serde_json::Error),
    /// It is JSON of another kind.
    OtherValue,
}

/// The members of one object that have the given names, as slices of its text; `null` stands for itself.
#[derive(Clone)]
pub struct Members<'a, const N: usize> {
    names: [&'static str; N],
    values: [Option<&'a RawValue>; N],
    repeated: Option<&'static str>,
}

impl<'a, const N: usize> Members<'a, N> {
    pub fn none(names: [&'static str; N]) -> Self {
        Self {
            names,
            values: [None; N],
            repeated: None,
        }
    }

    /// Finds the members in the text of an object.
    pub fn find(text: &'a str, names: [&'static str; N]) -> Result<Self, NoObject> {
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
    pub fn read(&self, pointer: &str, faults: &mut Faults) -> [Option<&'a RawValue>; N] {
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
pub struct MemberName<'a>(#[serde(borrow)] Cow<'a, str>);

/// The value of a member that is neither absent nor `null`.
pub fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

/// As [`present`], with a fault where it is not.
pub fn required<'a>(
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

pub fn text<'a>(pointer: &str, raw: Option<&'a RawValue>, faults: &mut Faults) -> Option<Cow<'a, str>> {
    let raw = present(raw)?;
    match serde_json::from_str::<MemberName<'_>>(raw.get()) {
        Ok(MemberName(text)) => Some(text),
        Err(_) => {
            faults.add(pointer, "a string", raw.get());
            None
        }
    }
}

pub fn uuid(pointer: &str, raw: Option<&RawValue>, faults: &mut Faults) -> Option<Uuid> {
    let raw = present(raw)?;
    let uuid = parse_uuid(raw);
    if uuid.is_none() {
        faults.add(pointer, "a uuid", raw.get());
    }
    uuid
}

pub fn parse_uuid(raw: &RawValue) -> Option<Uuid> {
    let MemberName(text) = serde_json::from_str(raw.get()).ok()?;
    Uuid::try_parse(&text).ok()
}
