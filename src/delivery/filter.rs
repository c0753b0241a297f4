//! Which receipts a destination gets.

use std::fmt;
use std::str::FromStr;

use crate::event::{ChatbotId, Event, Name, did_you_mean};
use crate::inbox::Receipt;

/// Which receipts a destination gets: those that match both lists. An empty list matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// By event name.
    pub events: Vec<Pattern>,
    /// By chatbot. One without a chatbot matches no list.
    pub chatbots: Vec<ChatbotId>,
}

impl Filter {
    /// That a destination gets nothing by a pattern that is [unheard of](Self::unheard_of), in words.
    pub fn gets_nothing_by(destination: &str, pattern: &Pattern) -> String {
        format!(
            "{destination} gets nothing by {pattern} in its events: no event that this program knows is called so{}",
            did_you_mean(&pattern.0)
        )
    }

    /// The patterns that match the name of no event that is known here: as likely a slip as an event that is yet to come.
    pub fn unheard_of(&self) -> impl Iterator<Item = &Pattern> {
        let is_known = |pattern: &&Pattern| Event::NAMES.iter().any(|name| pattern.matches(name));
        self.events.iter().filter(move |pattern| !is_known(pattern))
    }

    /// Whether both let an event through that is known here.
    pub fn overlaps(&self, other: &Self) -> bool {
        let lets_through = |filter: &Self, name: &Name| {
            filter.events.is_empty() || filter.events.iter().any(|pattern| pattern.matches(name))
        };
        let has_event = Event::NAMES
            .iter()
            .any(|name| lets_through(self, name) && lets_through(other, name));
        let is_of_all = self.chatbots.is_empty() || other.chatbots.is_empty();
        has_event
            && (is_of_all
                || self
                    .chatbots
                    .iter()
                    .any(|chatbot| other.chatbots.contains(chatbot)))
    }

    /// Whether it lets that receipt through. Of a damaged one nobody can tell that it is not meant.
    pub fn matches(&self, receipt: &Receipt) -> bool {
        receipt.damage.is_some() || self.is_meant(receipt)
    }

    fn is_meant(&self, receipt: &Receipt) -> bool {
        (self.events.is_empty() || self.events.iter().any(|pattern| pattern.matches(&receipt.event)))
            && (self.chatbots.is_empty()
                || receipt
                    .chatbot_id
                    .is_some_and(|chatbot_id| self.chatbots.contains(&chatbot_id)))
    }
}

/// Event names: a text in which each `*` stands for any text, also none: `crawling.*`, `*.failed`. An event alone, `crawling`, is
/// all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Whether it stands for that name.
    pub fn matches(&self, name: &Name) -> bool {
        self.0 == *name.event || stands_for(&self.0, &name.to_string())
    }
}

/// Whether a pattern, in which each `*` is any text, also none, stands for that text.
pub fn stands_for(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    // What is before the first `*` begins the text, what is behind the last one ends it, and the rest is between, each part
    // where it comes first.
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty()
            || text
                .chars()
                .any(|character| character.is_whitespace() || character.is_control())
        {
            return Err(
                "a pattern is an event name, in which * stands for anything, as in crawling.*".to_owned(),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let (event, status) = name.split_once('.').unwrap();
        let name = Name {
            event: event.to_owned().into(),
            status: status.to_owned().into(),
        };
        pattern.parse::<Pattern>().unwrap().matches(&name)
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in [
            ("*", "crawling.completed"),
            ("crawling.completed", "crawling.completed"),
            ("crawling.*", "crawling.completed"),
            ("*.completed", "crawling.completed"),
            ("*ing.comp*", "crawling.completed"),
            ("c*l*ed", "crawling.completed"),
            ("**", "a.b"),
            ("a.b*", "a.b"),
            ("crawling", "crawling.completed"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("crawl", "crawling.completed"),
            ("completed", "crawling.completed"),
            ("crawling.", "crawling.completed"),
            ("*.failed", "crawling.completed"),
            ("crawling.*ed.", "crawling.completed"),
            ("a*a", "a.b"),
            ("a.b.*", "a.b"),
            ("completed.*", "crawling.completed"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn two_filters_overlap_where_one_event_of_one_chatbot_is_for_both() {
        const ONE: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
        const OTHER: &str = "4fa85f64-5717-4562-b3fc-2c963f66afa6";
        let filter = |events: &[&str], chatbots: &[&str]| Filter {
            events: events.iter().map(|pattern| pattern.parse().unwrap()).collect(),
            chatbots: chatbots.iter().map(|id| id.parse().unwrap()).collect(),
        };
        for (one, other, expected) in [
            (filter(&[], &[]), filter(&[], &[]), true),
            (filter(&["crawling"], &[]), filter(&[], &[ONE]), true),
            (filter(&["crawling"], &[]), filter(&["*.completed"], &[]), true),
            (filter(&["crawling"], &[]), filter(&["training"], &[]), false),
            (filter(&[], &[ONE]), filter(&[], &[ONE, OTHER]), true),
            (filter(&[], &[ONE]), filter(&[], &[OTHER]), false),
        ] {
            assert_eq!(one.overlaps(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.overlaps(&one), expected, "{other:?} {one:?}");
        }
    }

    #[test]
    fn what_no_known_event_is_called_is_told() {
        let events = ["crawling", "*.failed", "crawlings.*", "crawling.begun", "*"];
        let filter = Filter {
            events: events.map(|pattern| pattern.parse().unwrap()).into(),
            chatbots: Vec::new(),
        };

        let told: Vec<_> = filter.unheard_of().map(Pattern::to_string).collect();

        assert_eq!(told, ["crawlings.*", "crawling.begun"]);
    }

    #[test]
    fn a_pattern_is_a_text_without_blanks() {
        assert!("".parse::<Pattern>().is_err());
        assert!("crawling. *".parse::<Pattern>().is_err());
    }
}
