//! Posts of late that were refused and are in quarantine, as people are told of them.
//!
//! CaiGunn may repeat none of them. Duplicates that differ are none: their sender was answered 200, and they may differ by no more
//! than the spelling of a number.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::super::{Page, PageRequest, Quarantined};
use crate::clock::Timestamp;
use crate::words::counted;

/// For how long they are told of.
const LATELY: Duration = Duration::from_secs(24 * 3600);

/// How many of the newest in quarantine are looked at.
const LOOKED_AT: usize = 500;

/// How many there are, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    count: usize,
    /// Whether there may be more.
    is_least: bool,
    /// The reasons, each once, that of the newest first.
    reasons: Vec<String>,
}

impl Refused {
    /// What to look at for [`Refused::of`].
    pub const PAGE: PageRequest = PageRequest::first(LOOKED_AT);

    /// What to do.
    pub const ADVICE: &str = "see by `caigunn-webhook quarantine list` what is wrong with each: where CaiGunn has changed what it posts, all \
                              of that kind are refused; \"When posts are refused\" in docs/operations.md says what to do. This ends \
                              once they are accepted, or a day after the last of them";

    /// Those among the newest in quarantine that nobody has accepted since; `None` if there are none.
    pub fn of(newest: &Page<Quarantined>, now: Timestamp) -> Option<Self> {
        let since = now.minus(LATELY);
        let is_late = |kept: &&Quarantined| kept.received_at >= since;
        let lately = newest.items.iter().filter(is_late);
        let mut reasons = Vec::new();
        let mut count = 0;
        for kept in lately.filter(|kept| kept.duplicate_of.is_none() && kept.accepted_as.is_none()) {
            count += 1;
            if !reasons.contains(&kept.reason) {
                reasons.push(kept.reason.clone());
            }
        }
        (count > 0).then(|| Self {
            count,
            is_least: newest.next.is_some() && newest.items.last().as_ref().is_some_and(is_late),
            reasons,
        })
    }
}

impl Display for Refused {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let least = if self.is_least { "at least " } else { "" };
        let (posts, reasons) = (counted(self.count, "post"), self.reasons.join(", "));
        let (was, is) = if self.count == 1 {
            ("was", "is")
        } else {
            ("were", "are")
        };
        write!(
            formatter,
            "{least}{posts} of the last day {was} refused and {is} in quarantine ({reasons})"
        )
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::super::{Cursor, QuarantineId, ReceiptId, RequestId};
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> Timestamp {
        Timestamp::from_micros(0).plus(100 * HOUR)
    }

    fn kept(reason: &str, hours_ago: u32) -> Quarantined {
        Quarantined {
            id: QuarantineId::new(Uuid::nil()),
            received_at: now().minus(hours_ago * HOUR),
            request_id: RequestId::new(Uuid::nil()),
            reason: reason.to_owned(),
            detail: String::new(),
            duplicate_of: None,
            accepted_as: None,
            content_type: None,
            body_bytes: 0,
            truncated: false,
            damage: None,
        }
    }

    fn told(items: Vec<Quarantined>, next: Option<Cursor>) -> Option<String> {
        Refused::of(&Page { items, next }, now()).map(|refused| refused.to_string())
    }

    #[test]
    fn what_was_refused_within_a_day_is_counted_with_each_reason_once() {
        let items = vec![
            kept("not-a-notification", 1),
            kept("not-json", 2),
            kept("not-a-notification", 24),
            kept("body-too-large", 25),
        ];

        assert_eq!(
            told(items, None).as_deref(),
            Some("3 posts of the last day were refused and are in quarantine (not-a-notification, not-json)")
        );
        assert_eq!(
            told(vec![kept("not-json", 2)], None).as_deref(),
            Some("1 post of the last day was refused and is in quarantine (not-json)")
        );
    }

    #[test]
    fn what_was_accepted_since_and_a_duplicate_that_differs_need_nobody() {
        let receipt = ReceiptId::new(Uuid::nil());
        let accepted = Quarantined {
            accepted_as: Some(receipt),
            ..kept("not-a-notification", 1)
        };
        let differing = Quarantined {
            duplicate_of: Some(receipt),
            ..kept("duplicate-differs", 1)
        };

        assert_eq!(told(vec![accepted, differing, kept("not-json", 25)], None), None);
    }

    #[test]
    fn where_all_that_was_looked_at_came_within_a_day_there_may_be_more() {
        let more = Some(Cursor(1));

        let all = told(vec![kept("not-json", 1), kept("not-json", 24)], more).unwrap();
        let some = told(vec![kept("not-json", 1), kept("not-json", 25)], more).unwrap();

        assert!(
            all.starts_with("at least 2 posts") && some.starts_with("1 post "),
            "{all}, {some}"
        );
    }
}
