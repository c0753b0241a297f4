//! Enums whose values have names: what the API, the tables, metrics and the log call them. And nouns by their number.

use std::fmt::Display;

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
