//! A stretch of time in which receipts came.

use std::time::Duration;

use super::outbox::MAX_DISORDER;
use super::{Cursor, Error, Inbox, PageRequest};
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

    /// A page, newest first, that begins no further up than where what was received before the end may begin: what came since is
    /// passed over by its number, however much that is.
    ///
    /// # Errors
    /// What the store says.
    pub async fn page_before_end(&self, inbox: &dyn Inbox, page: PageRequest) -> Result<PageRequest, Error> {
        let until = self.until.map(|until| until.plus(2 * MAX_DISORDER));
        let Some(until) = until.filter(|until| *until < Timestamp::now()) else {
            return Ok(page);
        };
        // Above that number all were received then or later, but where a clock was ahead.
        let last = inbox.outbox().last_before(until).await?;
        let asked = page.cursor.map_or(u64::MAX, |cursor| cursor.0);
        Ok(PageRequest {
            cursor: Some(Cursor(asked.min(last + 1))),
            ..page
        })
    }
}
