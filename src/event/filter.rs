//! Events as people ask for them.

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

#[cfg(test)]
mod tests {
    use super::*;

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
