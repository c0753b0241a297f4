//! What a JSON text says, in 16 bytes: the same for every spelling of it, and found while it is read.
//!
//! Two texts say the same if they are equal as values: the order of members, white space and escapes do not count; of a
//! name that is repeated in one object the last value counts; `1` and `1.0` are two numbers, and one that no integer of
//! 64 bits holds is the nearest floating-point number. Where notifications have ids, UUIDs are equal if their values are,
//! whatever letters they are written in.
//!
//! There is no document tree. What is held is 32 bytes for each member of the objects that are open, which are at most
//! [`MAX_MEMBERS`], whatever the text. What is nested deeper than 127 values, or has more members, has no digest.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The most members of objects that are open at once: 8 MiB of them. A body of 8 MiB whose members are named by UUIDs has
/// fewer.
const MAX_MEMBERS: usize = 1 << 18;

/// A value: a short one as it is, another one by its hash. The first byte says which, and of what kind it is.
pub type Mark = [u8; 16];

/// The mark of `null`.
pub const NULL: Mark = [0; 16];

const BOOL: u8 = 1;
const POSITIVE: u8 = 2;
const NEGATIVE: u8 = 3;
const FLOAT: u8 = 4;
const SHORT_TEXT: u8 = 5;
const TEXT: u8 = 6;
const ARRAY: u8 = 7;
const OBJECT: u8 = 8;

/// The members in which a notification has ids.
const ID_NAMES: [&str; 5] = ["event_id", "chatbot_id", "model_id", "training_data_ids", "id"];

/// How many bytes a text may have to be its own mark: two are for the kind and the length.
const MAX_SHORT_TEXT_BYTES: usize = 14;

/// Reads texts that are to be compared. Marks of two readers do not compare: each has a key of its own, so that nobody can
/// look for two texts with one mark.
pub struct Reader {
    keyed: Sha256,
    members: Vec<Member>,
    /// The member of the outermost object that does not count.
    without: Option<Mark>,
    /// The names of members that have ids.
    id_names: [Mark; ID_NAMES.len()],
    /// Whether the next value is an id, or a list of them.
    is_id: bool,
}

#[derive(Clone, Copy)]
struct Member {
    name: Mark,
    value: Mark,
}

impl Reader {
    pub fn new() -> Self {
        let mut reader = Self {
            keyed: Sha256::new_with_prefix(Uuid::new_v4()),
            members: Vec::new(),
            without: None,
            id_names: [NULL; ID_NAMES.len()],
            is_id: false,
        };
        reader.id_names = ID_NAMES.map(|name| reader.text(name));
        reader
    }

    /// The mark of a text; `None` if it is not JSON, or too deep, or too wide.
    pub fn mark(&mut self, text: &[u8]) -> Option<Mark> {
        self.read(text, None)
    }

    /// The mark of a text as if it had no member of that name, if it is an object; one that is then empty is `null`.
    pub fn mark_without(&mut self, text: &[u8], name: &str) -> Option<Mark> {
        let is_object = text.trim_ascii_start().starts_with(b"{");
        let without = is_object.then(|| self.text(name));
        self.read(text, without)
    }

    fn read(&mut self, text: &[u8], without: Option<Mark>) -> Option<Mark> {
        let text = std::str::from_utf8(text).ok()?;
        self.members.clear();
        (self.without, self.is_id) = (without, false);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let mark = self.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        Some(mark)
    }

    fn hasher(&self, kind: u8) -> Sha256 {
        self.keyed.clone().chain_update([kind])
    }

    fn text(&self, text: &str) -> Mark {
        if text.len() > MAX_SHORT_TEXT_BYTES {
            return hashed(TEXT, self.hasher(TEXT).chain_update(text));
        }
        let mut mark = [0; 16];
        mark[0] = SHORT_TEXT;
        // It is at most 14.
        mark[1] = text.len() as u8;
        mark[2..2 + text.len()].copy_from_slice(text.as_bytes());
        mark
    }

    /// Takes a member of the object whose members begin at `first`.
    fn add<E: Error>(&mut self, first: usize, member: Member) -> Result<(), E> {
        if self.members.len() == MAX_MEMBERS {
            self.keep_last(first);
            // Where few have gone, sorting all of them again and again would take too long.
            if self.members.len() > MAX_MEMBERS / 2 {
                return Err(E::custom("too many members"));
            }
        }
        self.members.push(member);
        Ok(())
    }

    /// Puts the members from `first` on in the order of their names, and keeps the last of each name.
    fn keep_last(&mut self, first: usize) {
        self.members[first..].sort_by_key(|member| member.name);
        let mut kept = first;
        for at in first..self.members.len() {
            let member = self.members[at];
            if kept > first && self.members[kept - 1].name == member.name {
                kept -= 1;
            }
            self.members[kept] = member;
            kept += 1;
        }
        self.members.truncate(kept);
    }

    /// Closes the object whose members begin at `first`.
    fn object(&mut self, first: usize, without: Option<Mark>) -> Mark {
        self.keep_last(first);
        let mut hasher = self.hasher(OBJECT);
        let mut is_empty = true;
        for Member { name, value } in self.members.drain(first..) {
            if Some(name) != without {
                hasher.update(name);
                hasher.update(value);
                is_empty = false;
            }
        }
        if without.is_some() && is_empty {
            return NULL;
        }
        hashed(OBJECT, hasher)
    }
}

fn hashed(kind: u8, hasher: Sha256) -> Mark {
    let mut mark = [kind; 16];
    mark[1..].copy_from_slice(&hasher.finalize()[..15]);
    mark
}

fn number(kind: u8, bytes: [u8; 8]) -> Mark {
    let mut mark = [0; 16];
    mark[0] = kind;
    mark[1..9].copy_from_slice(&bytes);
    mark
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = Mark;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Mark, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = Mark;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Mark, E> {
        Ok(NULL)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Mark, E> {
        Ok(number(BOOL, u64::from(value).to_le_bytes()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Mark, E> {
        Ok(number(POSITIVE, value.to_le_bytes()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Mark, E> {
        Ok(number(NEGATIVE, value.to_le_bytes()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Mark, E> {
        // With zero added, the negative zero is the other one.
        Ok(number(FLOAT, (value + 0.0).to_le_bytes()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Mark, E> {
        let id = self.is_id.then(|| Uuid::try_parse(value).ok()).flatten();
        Ok(match id {
            Some(id) => self.text(id.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
            None => self.text(value),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Mark, A::Error> {
        let (mut hasher, are_ids) = (self.hasher(ARRAY), self.is_id);
        while let Some(item) = seq.next_element_seed(&mut *self)? {
            hasher.update(item);
            self.is_id = are_ids;
        }
        Ok(hashed(ARRAY, hasher))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Mark, A::Error> {
        let (first, without) = (self.members.len(), self.without.take());
        self.is_id = false;
        while let Some(name) = map.next_key_seed(&mut *self)? {
            self.is_id = self.id_names.contains(&name);
            let value = map.next_value_seed(&mut *self)?;
            self.is_id = false;
            self.add(first, Member { name, value })?;
        }
        Ok(self.object(first, without))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outermost_object_is_read_without_a_member() {
        let mut reader = Reader::new();
        let mut says_as_much = |text: &str, without: &str| {
            reader.mark_without(text.as_bytes(), "a") == reader.mark(without.as_bytes())
        };

        assert!(says_as_much(r#" {"b":1,"\u0061":2}"#, r#"{"b":1}"#));
        assert!(says_as_much(r#"{"a":1,"a":2}"#, "null"));
        assert!(says_as_much(r#"{"a":1,"b":{"a":2}}"#, r#"{"b":{"a":2}}"#));
        assert!(says_as_much(r#"[{"a":1}]"#, r#"[{"a":1}]"#));
    }
}
