//! A stretch of time in which receipts came.

use std::time::Duration;

use crate::clock::Timestamp;

/// How far behind a receipt's time those of later ones may be: receivers' clocks differ, and are set.
const CLOCK_SLACK: Duration = Duration::from_secs(3600);

/// When receipts came that are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Then or later.
    pub since: Option<Timestamp>,
    /// Before that.
    pub until: Option<Timestamp>,
}

impl Span {
    /// Whether something that came at that time is asked for.
    pub fn contains(&self, received_at: Timestamp) -> bool {
        self.since.is_none_or(|since| received_at >= since)
            && self.until.is_none_or(|until| received_at < until)
    }

    /// Whether all that came before something that came at that time is too old.
    pub fn begins_after(&self, received_at: Timestamp) -> bool {
        self.since
            .is_some_and(|since| received_at < since.minus(CLOCK_SLACK))
    }
}
