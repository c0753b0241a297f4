//! Ids and events on the command line.

use std::str::FromStr;

use caigunn_webhook::event::{EVENT_FILTER, event_filter};

/// Takes an id. One that was copied out of a list may be cut.
pub fn id<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| {
        "expected a whole id, such as 3fa85f64-5717-4562-b3fc-2c963f66afa6; with --wide lists show ids whole".to_owned()
    })
}

/// Takes which events are meant ([`event_filter`]).
pub fn event(text: &str) -> Result<String, String> {
    event_filter(text).ok_or_else(|| format!("expected {EVENT_FILTER}"))
}
