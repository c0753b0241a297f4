//! What may be wrong with a body, and how it is said.

use std::borrow::Cow;
use std::fmt;

use crate::accents::cut;

/// How many faults of one body are reported; more are counted. Enough to see a pattern, small enough to read.
pub const MAX_FAULTS: usize = 20;

/// How much of an unexpected value a fault quotes, in characters.
const MAX_QUOTE_CHARS: usize = 60;

/// Why a body is no notification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes are not one JSON text in UTF-8 (RFC 8259).
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// It is JSON, but not a notification.
    #[error("the body is JSON but not a notification: {}", summary(.faults, *.omitted_count))]
    NotNotification {
        /// What is wrong, place by place, the first [`MAX_FAULTS`].
        faults: Vec<Fault>,
        /// How many more there were.
        omitted_count: usize,
    },
}

/// One thing wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901). Made of documented names and indexes only, never of the sender's text.
    pub pointer: String,
    /// What is allowed there.
    pub expected: Cow<'static, str>,
    /// What is there, quoted in part. The sender's text: answer it, but do not log it.
    pub found: String,
}

impl Fault {
    /// The pointer, or words for the empty one, which points to the whole body.
    pub fn place(&self) -> &str {
        if self.pointer.is_empty() {
            "the body"
        } else {
            &self.pointer
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: expected {}, found {}",
            self.place(),
            self.expected,
            self.found
        )
    }
}

fn summary(faults: &[Fault], omitted_count: usize) -> String {
    match faults {
        [only] if omitted_count == 0 => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len() + omitted_count),
        [] => format!("{omitted_count} faults"),
    }
}

/// Faults met so far, the first [`MAX_FAULTS`] kept.
#[derive(Default)]
pub struct Faults {
    pub list: Vec<Fault>,
    pub omitted_count: usize,
    /// Whether something was taken for less than it says, since it is only shown.
    pub has_tolerated: bool,
}

impl Faults {
    /// `found` is the JSON text at `pointer`, or what to say of it in a few words; empty where nothing is.
    pub fn add(&mut self, pointer: &str, expected: impl Into<Cow<'static, str>>, found: &str) {
        if self.list.len() == MAX_FAULTS {
            self.omitted_count += 1;
            return;
        }
        self.list.push(Fault {
            pointer: pointer.to_owned(),
            expected: expected.into(),
            found: quote(found),
        });
    }

    /// Says first that there is no `/data`, where something is missing in it: `found` is what is in its place.
    pub fn begin_with_data(&mut self, found: &str) {
        if self.list.iter().any(|fault| fault.pointer.starts_with("/data/")) {
            let mut rest = std::mem::take(&mut self.list);
            self.add("/data", "an object", found);
            self.list.append(&mut rest);
            self.omitted_count += self.list.len().saturating_sub(MAX_FAULTS);
            self.list.truncate(MAX_FAULTS);
        }
    }
}

/// Describes a piece of JSON in a few words, quoting scalars.
fn quote(json: &str) -> String {
    let json = json.trim_start();
    match json.bytes().next() {
        None => "nothing".to_owned(),
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(_) => cut(json.trim_end(), MAX_QUOTE_CHARS),
    }
}
