//! JSON of others, read in layers without a document tree: the members of an object and the items of a list, as slices of the
//! text.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

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

/// The text of an object with that member too, at its front or in the place of a `null`; without an object, or with `null` for
/// it, of that member alone. `None` if it has one of that name, or is no object.
pub fn with_member(object: Option<&RawValue>, name: &'static str, value: &str) -> Option<Box<RawValue>> {
    let object = object.map(RawValue::get).filter(|text| *text != "null");
    let object = object.unwrap_or("{}");
    let [known] = Members([name]).find(object).ok()?;
    let text = match known.value.map(RawValue::get) {
        None => {
            let rest = object.trim_start().strip_prefix('{')?.trim_start();
            let comma = if rest.starts_with('}') { "" } else { "," };
            format!("{{\"{name}\":{value}{comma}{rest}")
        }
        Some(null @ "null") => {
            let at = null.as_ptr().addr().checked_sub(object.as_ptr().addr())?;
            let (before, after) = (object.get(..at)?, object.get(at + null.len()..)?);
            format!("{before}{value}{after}")
        }
        Some(_) => return None,
    };
    RawValue::from_string(text).ok()
}

/// Hands over each item of a list with its number, one by one, so that a list of millions takes no more memory than one of them.
///
/// # Errors
/// It is no list.
pub fn each<'a>(list: &'a RawValue, take: impl FnMut(usize, &'a RawValue)) -> serde_json::Result<()> {
    serde_json::Deserializer::from_str(list.get()).deserialize_seq(Each(take))
}

struct Each<F>(F);

impl<'de, F: FnMut(usize, &'de RawValue)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(item) = seq.next_element()? {
            (self.0)(number, item);
            number += 1;
        }
        Ok(())
    }
}

/// Whether an object in a text, which must be JSON no deeper than 127 values, has a member more than once, of which readers of
/// JSON take the first or the last, or refuse it all.
pub fn repeats_a_member(text: &str) -> bool {
    serde_json::from_str::<Unrepeated>(text).is_err()
}

/// JSON in which no object has a member more than once.
struct Unrepeated;

impl<'de> Deserialize<'de> for Unrepeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unrepeated {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON in which no object has a member more than once")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        // Of names only this, since there may be a million.
        let (hasher, mut names) = (RandomState::new(), HashSet::new());
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(hasher.hash_one(name)) {
                return Err(A::Error::custom("a member stands there twice"));
            }
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// The text of a JSON string, borrowed unless it has escapes. `None` of another value, and of a string with half a
/// surrogate pair, which is no text.
pub fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw.get()).ok().map(Cow::Owned)
}
