//! The members of JSON objects, read as slices of the text: no document tree is built.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::fault::Faults;
use super::text::{compact, paired, string};

/// Why a text holds no object.
pub enum NoObject {
    /// It is not JSON.
    Syntax(serde_json::Error),
    /// It is JSON of another kind.
    OtherValue,
}

/// A member of an object, found or not.
#[derive(Clone, Copy, Default)]
pub struct Member<'a> {
    /// Its value as a slice of the text, `null` too; the last one if it stands there twice.
    pub value: Option<&'a RawValue>,
    /// Whether it stands there more than once.
    pub is_repeated: bool,
}

impl<'a> Member<'a> {
    /// Its value, with a fault if it stands there twice.
    pub fn single(self, pointer: &str, faults: &mut Faults) -> Option<&'a RawValue> {
        if self.is_repeated {
            faults.add(pointer, "one value", "the member twice");
        }
        self.value
    }
}

/// Finds the members of an object that have the given names.
pub struct Members<const N: usize>(pub [&'static str; N]);

impl<const N: usize> Members<N> {
    /// Those members in the text of an object, in the order of their names.
    pub fn find(self, text: &str) -> Result<[Member<'_>; N], NoObject> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        if text.trim_ascii_start().starts_with('{') {
            let members = self.deserialize(&mut deserializer).map_err(NoObject::Syntax)?;
            deserializer.end().map_err(NoObject::Syntax)?;
            return Ok(members);
        }
        IgnoredAny::deserialize(&mut deserializer)
            .and_then(|IgnoredAny| deserializer.end())
            .map_err(NoObject::Syntax)?;
        Err(NoObject::OtherValue)
    }
}

impl<'de, const N: usize> DeserializeSeed<'de> for Members<N> {
    type Value = [Member<'de>; N];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = [Member<'de>; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = [Member::default(); N];
        // Names are taken as they stand, since one that is no text is only one that nobody asks for.
        while let Some(raw) = map.next_key::<&RawValue>()? {
            let name = string(raw);
            let Some(index) = self.0.iter().position(|known| name.as_deref() == Some(*known)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let member = &mut members[index];
            member.is_repeated = member.value.replace(map.next_value()?).is_some();
        }
        Ok(members)
    }
}

/// The value of a member that is neither absent nor `null`.
pub fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

/// A member that decides nothing, as it is shown: whatever its value, this is no fault. `None` if there is none.
///
/// Half a surrogate pair is shown as U+FFFD, and what is no string as its JSON without whitespace.
pub fn shown<'a>(member: Member<'a>, faults: &mut Faults) -> Option<Cow<'a, str>> {
    faults.has_tolerated |= member.is_repeated;
    let raw = present(member.value)?;
    let text = string(raw).unwrap_or_else(|| {
        faults.has_tolerated = true;
        match raw.get().starts_with('"') {
            true => {
                serde_json::from_str(&paired(raw.get())).expect("nothing else makes a JSON string no text")
            }
            false => compact(raw.get()),
        }
        .into()
    });
    Some(text)
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

pub fn uuid(pointer: &str, raw: Option<&RawValue>, faults: &mut Faults) -> Option<Uuid> {
    let raw = present(raw)?;
    let uuid = parse_uuid(raw);
    if uuid.is_none() {
        faults.add(pointer, "a uuid", raw.get());
    }
    uuid
}

pub fn parse_uuid(raw: &RawValue) -> Option<Uuid> {
    Uuid::try_parse(&string(raw)?).ok()
}
