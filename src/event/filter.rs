//! Events as people ask for them.

use super::Event;

/// How near a name must be to be taken for the one that is meant.
const LIKENESS: f64 = 0.7;

/// What [`event_filter`] takes, in words.
pub const EVENT_FILTER: &str =
    "an event or an event name, such as crawling, crawling.* or crawling.completed";

/// Reads which events are asked for: those of an event, or of an event name. `crawling.*`, as destinations write it, is
/// `crawling`. `None` for what no event is called: a blank around a name, or half of one, would match nothing.
pub fn event_filter(text: &str) -> Option<String> {
    let event = text.strip_suffix(".*").unwrap_or(text);
    let is_whole = !event.is_empty() && !event.starts_with('.') && !event.ends_with('.');
    let is_plain = event.trim() == event && !event.contains('*') && !event.contains(char::is_control);
    (is_whole && is_plain).then(|| event.to_owned())
}

/// What to say behind a name, or a pattern of names, that no event known here has: which may be meant, or nothing.
pub fn did_you_mean(given: &str) -> String {
    let names = Event::NAMES.into_iter().flat_map(|name| {
        let (event, status) = (&name.event, &name.status);
        [
            event.to_string(),
            name.to_string(),
            format!("{event}.*"),
            format!("*.{status}"),
        ]
    });
    let likeness = |name: &String| strsim::normalized_damerau_levenshtein(given, name);
    let nearest = names
        .filter(|name| name.contains('*') == given.contains('*') && likeness(name) > LIKENESS)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_event_has_is_told_from_the_one_that_is_meant() {
        for (given, expected) in [
            ("crawling.complete", "; did you mean crawling.completed?"),
            ("crawlin", "; did you mean crawling?"),
            ("uplaoding.failed", "; did you mean uploading.failed?"),
            ("crawlings.*", "; did you mean crawling.*?"),
            ("*.fail", "; did you mean *.failed?"),
            ("billing.over.limit", ""),
        ] {
            assert_eq!(did_you_mean(given), expected, "{given}");
        }
    }

    #[test]
    fn an_event_filter_is_an_event_or_a_name_and_no_other_pattern() {
        for (text, expected) in [
            ("crawling", "crawling"),
            ("crawling.*", "crawling"),
            ("crawling.completed", "crawling.completed"),
            ("billing.over.limit", "billing.over.limit"),
            ("über den.rand", "über den.rand"),
        ] {
            assert_eq!(event_filter(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            " ",
            ".",
            ".*",
            "*",
            "*.completed",
            "crawling.*.*",
            "crawling..*",
            " crawling",
            "crawling ",
            "crawling.",
            ".completed",
            "crawl\ning",
        ] {
            assert_eq!(event_filter(text), None, "{text:?}");
        }
    }
}
