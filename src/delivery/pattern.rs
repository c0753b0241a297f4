//! Where in a queue a notification goes: a text with places for what the notification is of.
//!
//! What is put into a place cannot be taken for anything else: of it all but letters, digits, `-` and `_` is percent-encoded,
//! also where that is a dot, a blank or a wildcard, which have a meaning in a queue's names.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::inbox::Receipt;

/// What is percent-encoded.
const NOT_IN_NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// What stands for nothing: for the chatbot of a notification that names none.
const NONE: &str = "-";

/// What stands for an empty text, which would leave a part of a name empty. A percent sign is nowhere else alone.
const EMPTY: &str = "%";

/// The places there are.
const PLACES: [&str; 3] = ["{event}", "{status}", "{chatbot_id}"];

/// A name with places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Takes a text with `{event}`, `{status}` and `{chatbot_id}` in it, each any number of times. `None` if there is another
    /// brace in it, or nothing.
    pub fn new(text: &str) -> Option<Self> {
        let pattern = Self(text.to_owned());
        let has_other_braces = pattern.fill_all("-").contains(['{', '}']);
        (!text.is_empty() && !has_other_braces).then_some(pattern)
    }

    /// The name for a notification.
    pub fn fill(&self, receipt: &Receipt) -> String {
        let chatbot_id = receipt.chatbot_id;
        let chatbot_id = chatbot_id.map_or_else(|| NONE.to_owned(), |id| id.to_string());
        self.filled([
            &encoded(&receipt.event.event),
            &encoded(&receipt.event.status),
            &chatbot_id,
        ])
    }

    /// The name with that text in all places.
    pub fn fill_all(&self, with: &str) -> String {
        self.filled([with; 3])
    }

    /// Whether all notifications have the same name.
    pub fn is_fixed(&self) -> bool {
        !self.0.contains('{')
    }

    /// What is put in has no brace, so no place comes of it.
    fn filled(&self, with: [&str; 3]) -> String {
        let places = PLACES.iter().zip(with);
        places.fold(self.0.clone(), |name, (place, with)| name.replace(place, with))
    }
}

/// As it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn encoded(text: &str) -> String {
    match text {
        "" => EMPTY.to_owned(),
        text => utf8_percent_encode(text, NOT_IN_NAMES).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::send::sample::parcel;
    use crate::event::Name;

    #[test]
    fn what_is_put_into_a_place_cannot_be_taken_for_anything_else() {
        let mut receipt = parcel(r#"{"event":"indexing","status":"completed"}"#).receipt;
        let fill = |pattern: &str, receipt: &Receipt| Pattern::new(pattern).unwrap().fill(receipt);

        assert_eq!(
            fill("caigunn.{event}.{status}", &receipt),
            "caigunn.indexing.completed"
        );
        assert_eq!(fill("{status}-{status}", &receipt), "completed-completed");
        assert_eq!(fill("all", &receipt), "all");
        assert_eq!(fill("of.{chatbot_id}", &receipt), "of.-");
        receipt.event = Name {
            event: "a.b *>%ü".into(),
            status: "".into(),
        };
        assert_eq!(fill("{event}.{status}", &receipt), "a%2Eb%20%2A%3E%25%C3%BC.%");
    }

    #[test]
    fn other_braces_and_nothing_at_all_are_refused() {
        for text in [
            "",
            "{",
            "}",
            "a.{job}",
            "{event",
            "event}",
            "{{event}}",
            "{Event}",
        ] {
            assert_eq!(Pattern::new(text), None, "{text}");
        }
        let pattern = Pattern::new("a.{event}.b{chatbot_id}").unwrap();
        assert_eq!(pattern.to_string(), "a.{event}.b{chatbot_id}");
        assert_eq!(pattern.fill_all("*"), "a.*.b*");
        assert!(!pattern.is_fixed() && Pattern::new("a").unwrap().is_fixed());
    }
}
