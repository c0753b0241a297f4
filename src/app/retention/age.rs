//! The inbox's own time, by which receipts grow old: values in, values out, no clock and no store.
//!
//! It goes as the clock does, as long as the clock says about what has passed: that catches up with a night for which no
//! receiver ran. Where the clock says something else, by more than [`tolerance`], it goes on by the time for which this
//! process has run, and what the clock says is not believed, now or later. So no clock ages a receipt by more than that.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::inbox::Mark;

/// How far the clock may be from what has passed for it to be believed, at most: a night, or a day.
const MAX_TOLERANCE: Duration = Duration::from_secs(86_400);

/// The part of the retention that it may be at most.
const SHARE: u32 = 10;

/// How often a mark is made while the clock goes on as it should. A receipt is kept for so much too long.
pub const MARK_INTERVAL: Duration = Duration::from_secs(3_600);

/// That the clock says something else than has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// So much more.
    Ahead(Duration),
    /// So much less.
    Back(Duration),
}

/// What a look at the clock gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What is to be gone by.
    pub now: Mark,
    /// Why it is not as the clock says, if it is not.
    pub jump: Option<Jump>,
    /// Whether it is to be kept as a mark.
    pub is_mark: bool,
}

/// How far the clock may be from what has passed for it to be believed.
pub fn tolerance(retention: Duration) -> Duration {
    MAX_TOLERANCE.min(retention / SHARE)
}

/// Reads the clock, of which this process knows that so much has passed since the mark was made: nothing if that was before
/// its start.
pub fn read(mark: Mark, passed: Duration, clock: Timestamp, tolerance: Duration) -> Reading {
    let expected = mark.clock.plus(passed);
    let is_believed = clock.distance(expected) <= tolerance;
    let at = match (is_believed, clock < mark.clock) {
        (false, _) => mark.at.plus(passed),
        (true, false) => mark.at.plus(clock.since(mark.clock)),
        (true, true) => mark.at.minus(mark.clock.since(clock)),
    };
    let jump = match (is_believed, clock < expected) {
        (true, _) => None,
        (false, false) => Some(Jump::Ahead(clock.since(expected))),
        (false, true) => Some(Jump::Back(expected.since(clock))),
    };
    Reading {
        now: Mark { at, clock },
        jump,
        is_mark: jump.is_some() || at.distance(mark.at) >= MARK_INTERVAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn day(count: f64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus(DAY.mul_f64(count))
    }

    /// Of a mark whose time is `at`, when the clock said `clock`.
    fn mark(at: f64, clock: f64) -> Mark {
        Mark {
            at: day(at),
            clock: day(clock),
        }
    }

    #[test]
    fn where_the_clock_goes_as_it_should_the_inboxs_time_goes_with_it() {
        let reading = read(mark(3.0, 3.0), HOUR / 2, day(3.0).plus(HOUR / 2), DAY);

        assert_eq!(reading.now.at, day(3.0).plus(HOUR / 2));
        assert_eq!((reading.jump, reading.is_mark), (None, false));
        let later = read(mark(3.0, 3.0), HOUR, day(3.0).plus(HOUR), DAY);
        assert!(later.is_mark);
    }

    #[test]
    fn a_night_for_which_nothing_ran_counts() {
        let reading = read(mark(3.0, 3.0), Duration::ZERO, day(3.5), DAY);

        assert_eq!(reading.now, mark(3.5, 3.5));
        assert_eq!((reading.jump, reading.is_mark), (None, true));
    }

    #[test]
    fn a_clock_that_says_much_more_than_has_passed_is_not_believed() {
        for (clock, ahead) in [(94.0, 91), (368.0, 365), (20_003.0, 20_000)] {
            let reading = read(mark(3.0, 3.0), Duration::ZERO, day(clock), DAY);

            assert_eq!(reading.now, mark(3.0, clock));
            assert_eq!(reading.jump, Some(Jump::Ahead(DAY * ahead)));
            assert!(reading.is_mark);
        }
    }

    #[test]
    fn after_a_jump_the_inboxs_time_goes_on_beside_the_clock() {
        // A board begins in 1970, and has its clock set after an hour.
        let set = read(mark(0.0, 0.0), HOUR, day(20_000.0), DAY);
        assert_eq!(set.now.at, day(0.0).plus(HOUR));

        let later = read(set.now, HOUR, day(20_000.0).plus(HOUR), DAY);

        assert_eq!(later.now.at, day(0.0).plus(HOUR * 2));
        assert_eq!(later.jump, None);
    }

    #[test]
    fn a_clock_that_goes_far_back_takes_nothing_back() {
        let reading = read(mark(100.0, 100.0), HOUR, day(5.0), DAY);

        assert_eq!(reading.now.at, day(100.0).plus(HOUR));
        assert_eq!(reading.jump, Some(Jump::Back(DAY * 95 + HOUR)));
    }

    #[test]
    fn small_steps_to_and_fro_do_not_add_up() {
        let mut now = mark(0.0, 0.0);
        for _ in 0..1_000 {
            now = read(now, Duration::ZERO, now.clock.plus(HOUR * 20), DAY).now;
            now = read(now, HOUR, now.clock.minus(HOUR * 20), DAY).now;
        }
        assert_eq!(now, mark(0.0, 0.0));
    }

    #[test]
    fn of_a_short_retention_only_a_part_is_believed() {
        assert_eq!(tolerance(DAY), DAY / 10);
        assert_eq!(tolerance(DAY * 10), DAY);
        assert_eq!(tolerance(DAY * 90), DAY);
    }
}
