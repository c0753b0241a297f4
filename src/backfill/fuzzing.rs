//! A target: an answer of CaiGunn's log of events.

use uuid::Uuid;

use super::gap;
use crate::caigunn::event_log;
use crate::event::{ChatbotId, EventId, Wire, parse};

/// An answer of the log: each of its entries becomes one body, which is read as what it was made of, or is named as one that
/// cannot be read.
pub fn log(input: &[u8]) {
    let Ok(log) = std::str::from_utf8(input)
        .map_err(drop)
        .and_then(|text| event_log(text).map_err(drop))
    else {
        return;
    };
    let stated = log.entries.iter().find_map(|entry| entry.event_id);
    let event_id = stated.unwrap_or(EventId::new(Uuid::nil()));
    for chatbot_id in [None, Some(ChatbotId::new(Uuid::max()))] {
        let (logged, unreadable) = gap::read(event_id, chatbot_id, &log.entries);
        assert!(logged.len() + unreadable.len() <= log.entries.len());
        let names: Vec<_> = logged.iter().map(|logged| logged.notification.name()).collect();
        for (index, logged) in logged.iter().enumerate() {
            assert!(!names[..index].contains(&names[index]), "each once");
            assert_eq!(parse(&logged.body).as_ref(), Ok(&logged.notification));
            assert_eq!(logged.notification.wire, Wire::V2024_07);
            assert_eq!(logged.notification.event_id, Some(event_id));
            assert!(chatbot_id.is_none() || keeps_its_data(&logged.body, &log.entries));
        }
        let is_named = |name: &str| name.chars().count() <= 2 * 64 + 1;
        assert!(unreadable.iter().all(|(name, _)| is_named(name)));
    }
}

/// Whether a body ends with the data of one of the entries, to the byte, but for how the object begins.
fn keeps_its_data(body: &[u8], entries: &[crate::caigunn::LogEntry]) -> bool {
    let rest = |data: &str| match data.strip_prefix('{') {
        Some(rest) => rest.trim_start().to_owned(),
        None => data.to_owned(),
    };
    // The owner's id stands where there was null.
    let without_owner = |text: &str| text.replace(&format!("\"{}\"", Uuid::max()), "null");
    let body = without_owner(&String::from_utf8_lossy(body));
    entries.iter().any(|entry| {
        let data = entry.data.as_ref().map_or("", |data| data.get());
        body.ends_with(&format!("{}}}", without_owner(&rest(data))))
    })
}
