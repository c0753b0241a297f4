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

/// A name with places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Event,
    Status,
    ChatbotId,
}

/// The places there are, and how they are written.
const PLACES: [(&str, Part); 3] = [
    ("{event}", Part::Event),
    ("{status}", Part::Status),
    ("{chatbot_id}", Part::ChatbotId),
];

impl Pattern {
    /// Takes a text with `{event}`, `{status}` and `{chatbot_id}` in it, each any number of times. `None` if there is another
    /// brace in it, or nothing.
    pub fn new(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let place = PLACES.iter().find(|(written, _)| rest.starts_with(written));
            if let Some((written, part)) = place {
                parts.push(part.clone());
                rest = &rest[written.len()..];
                continue;
            }
            let end = rest.find('{').unwrap_or(rest.len());
            let plain = &rest[..end];
            if plain.is_empty() || plain.contains('}') {
                return None;
            }
            parts.push(Part::Text(plain.to_owned()));
            rest = &rest[end..];
        }
        (!parts.is_empty()).then(|| Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// The name for a notification.
    pub fn fill(&self, receipt: &Receipt) -> String {
        self.filled(|part| match part {
            Part::Event => encoded(&receipt.event.event),
            Part::Status => encoded(&receipt.event.status),
            Part::ChatbotId => receipt
                .chatbot_id
                .map_or_else(|| NONE.to_owned(), |id| id.to_string()),
            Part::Text(text) => text.clone(),
        })
    }

    /// The name with that text in all places.
    pub fn fill_all(&self, with: &str) -> String {
        self.filled(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Event | Part::Status | Part::ChatbotId => with.to_owned(),
        })
    }

    /// Whether all notifications have the same name.
    pub fn is_fixed(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    fn filled(&self, part: impl Fn(&Part) -> String) -> String {
        self.parts.iter().map(part).collect()
    }
}

/// As it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
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
