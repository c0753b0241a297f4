//! Members of a notification, as what they must be.

use std::borrow::Cow;

use serde_json::value::RawValue;
use uuid::Uuid;

use super::fault::Faults;
use super::text::{compact, paired};
use crate::json::{Member, string};

/// The value of a member, with a fault if it stands there twice.
pub fn single<'a>(member: Member<'a>, pointer: &str, faults: &mut Faults) -> Option<&'a RawValue> {
    if member.is_repeated {
        faults.add(pointer, "one value", "the member twice");
    }
    member.value
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
