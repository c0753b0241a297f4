//! Enums whose values have names: what the API, the tables, metrics and the log call them. And nouns by their number, and
//! ids cut short.

use std::fmt::Display;

use uuid::{Uuid, Variant};

/// How many characters of an id are shown where it is cut.
const ID_CHARS: usize = 8;

/// How long an id is in text.
const UUID_CHARS: usize = 36;

/// Declares such an enum, with the name behind each value: serde writes and reads it, and a text with it is read as the value.
macro_rules! words {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$said:meta])* $value:ident = $word:tt,)* }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        $(#[$about])*
        pub enum $name {
            $($(#[$said])* #[serde(rename = $word)] $value,)*
        }

        impl $name {
            /// The names of all of them.
            pub const NAMES: [&'static str; [$($word),*].len()] = [$($word),*];

            /// All of them.
            pub const ALL: [Self; Self::NAMES.len()] = [$(Self::$value),*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.into_iter().find(|value| value.as_str() == text);
                found.ok_or_else(|| format!("expected one of {}, found {text:?}", Self::NAMES.join(", ")))
            }
        }
    };
}

pub(crate) use words;

/// A number of things, with the noun in the form that fits it.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if count == N::from(1) => format!("1 {noun}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {noun}s"),
    }
}

/// The same text with each id cut, `3fa85f64…`. Of those that begin with the time of their making (version 7), or as all
/// samples do (version 8), the end is left, `…8394a5b6`.
pub fn with_short_ids(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let id = rest.get(..UUID_CHARS).filter(|id| id.as_bytes()[8] == b'-');
        match id.and_then(|id| Some((id, Uuid::try_parse(id).ok()?))) {
            Some((id, uuid)) => {
                let begins_as_others =
                    uuid.get_variant() == Variant::RFC4122 && matches!(uuid.get_version_num(), 7 | 8);
                match begins_as_others {
                    true => short.extend(["…", &id[UUID_CHARS - ID_CHARS..]]),
                    false => short.extend([&id[..ID_CHARS], "…"]),
                }
                rest = &rest[UUID_CHARS..];
            }
            None => {
                short.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_id_that_part_is_left_which_tells_it_from_others() {
        let (job, receipt, sample) = (
            "3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "019ffa1e-2b3c-7d4e-8f50-a1b25d6e7f80",
            "73616d70-6c65-8d4e-8f50-61728394a5b6",
        );

        let short = with_short_ids(&format!("job {job}, delivery app/{receipt}, sample {sample}"));

        assert_eq!(short, "job 3fa85f64…, delivery app/…5d6e7f80, sample …8394a5b6");
        for other in ["", "app", "üüüüüüüüüüüüüüüüüü", &job[1..]] {
            assert_eq!(with_short_ids(other), other);
        }
    }
}
