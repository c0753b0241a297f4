//! When something was received last, by a clock that may be set meanwhile. Values in, values out; time is told to it.

use crate::clock::Timestamp;
use crate::inbox::ReceiptId;

/// The newest receipt, as it was seen again and again in one term.
#[derive(Clone, Copy, Debug, Default)]
pub struct Newest {
    /// When it was last looked.
    looked_at: Option<Timestamp>,
    /// Which one that was, and when it came.
    found: Option<(ReceiptId, Timestamp)>,
}

impl Newest {
    /// Takes down which receipt is the newest `now`, with the time that is kept with it; says when it came. `None`:
    /// nobody knows, since nothing is held, or what came last has a time that is still to come, by another clock.
    pub fn see(&mut self, newest: Option<(ReceiptId, Timestamp)>, now: Timestamp) -> Option<Timestamp> {
        let came = |(id, received_at): (ReceiptId, Timestamp)| match (self.found, self.looked_at) {
            (Some((known, at)), _) if known == id => at,
            // It came since then, whatever the clock said meanwhile.
            (_, Some(looked_at)) => received_at.min(now).max(looked_at),
            (_, None) => received_at,
        };
        self.found = newest.map(|newest| (newest.0, came(newest)));
        self.looked_at = Some(now);
        self.found.map(|(_, at)| at).filter(|at| *at <= now)
    }

    /// The clock, which said `was`, was set to `is`: what came before came as long ago as before.
    pub fn set_clock(&mut self, was: Timestamp, is: Timestamp) {
        let found = self.found.as_mut().map(|(_, at)| at);
        // What is later than the clock said came by another clock, which this one may be again now.
        for time in found.into_iter().chain(&mut self.looked_at) {
            if *time <= was {
                *time = time.moved(was, is);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    const DAY: u64 = 86_400;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus(Duration::from_secs(seconds))
    }

    fn receipt(seconds: u64) -> Option<(ReceiptId, Timestamp)> {
        Some((ReceiptId::new(Uuid::now_v7()), at(seconds)))
    }

    #[test]
    fn what_came_by_this_clock_came_as_long_ago_however_it_is_set() {
        for (said, is) in [(0, 1_000 * DAY), (1_000 * DAY, 0)] {
            let mut newest = Newest::default();
            assert_eq!(newest.see(None, at(said)), None);
            let came = receipt(said + 2);
            assert_eq!(newest.see(came, at(said + 3)), Some(at(said + 2)));

            newest.set_clock(at(said + 4), at(is));

            assert_eq!(
                newest.see(came, at(is + 6)),
                Some(at(is).minus(Duration::from_secs(2)))
            );
        }
    }

    #[test]
    fn what_came_between_two_looks_came_then_though_the_clock_was_set_meanwhile() {
        for (said, is) in [(0, 1_000 * DAY), (1_000 * DAY, 0)] {
            let mut newest = Newest::default();
            newest.see(receipt(said), at(said + 1));

            newest.set_clock(at(said + 4), at(is));

            let Some(at_last) = newest.see(receipt(said + 2), at(is)) else {
                panic!("it is known");
            };
            assert!(at(is).distance(at_last) <= Duration::from_secs(3), "{at_last}");
        }
    }

    #[test]
    fn what_an_earlier_process_took_at_a_time_to_come_came_nobody_knows_when_until_the_clock_is_right() {
        let mut newest = Newest::default();
        let kept = receipt(1_000 * DAY);

        assert_eq!(newest.see(kept, at(0)), None);
        newest.set_clock(at(2), at(1_000 * DAY + 10));

        assert_eq!(newest.see(kept, at(1_000 * DAY + 11)), Some(at(1_000 * DAY)));
    }

    #[test]
    fn a_clock_that_goes_back_a_little_by_itself_changes_nothing() {
        let mut newest = Newest::default();
        newest.see(None, at(5));

        assert_eq!(newest.see(receipt(4), at(4)), None);
        assert_eq!(newest.see(receipt(6), at(7)), Some(at(6)));
    }
}
