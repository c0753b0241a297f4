//! How often something happened in each of the last 1,440 minutes, for plots. It begins with the process and is kept nowhere
//! else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock::Timestamp;

/// How many minutes are kept: a day.
pub const DAY: usize = 1_440;

const MICROS: i64 = 60_000_000;

/// A ring of minutes. Adding takes no lock.
#[derive(Debug)]
pub struct Minutes(Box<[AtomicU64]>);

impl Default for Minutes {
    fn default() -> Self {
        Self((0..DAY).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Minutes {
    /// Counts that so many more happened at a time. What was counted in the same place for another minute goes: that was days
    /// before, or by a clock that was wrong.
    pub fn add(&self, at: Timestamp, count: u32) {
        let minute = minute(at);
        let cell = &self.0[minute as usize % DAY];
        let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |kept| {
            let counted = if (kept >> 32) as u32 == minute {
                kept as u32
            } else {
                0
            };
            Some(u64::from(minute) << 32 | u64::from(counted.saturating_add(count)))
        });
    }

    /// The counts of the last `count` minutes, oldest first; the last one is that of `now`, which is not over.
    pub fn last(&self, now: Timestamp, count: usize) -> Vec<u32> {
        let now = minute(now);
        let back = (0..count.min(DAY) as u32).rev();
        back.map(|back| {
            let wanted = now.saturating_sub(back);
            let kept = self.0[wanted as usize % DAY].load(Ordering::Relaxed);
            if (kept >> 32) as u32 == wanted {
                kept as u32
            } else {
                0
            }
        })
        .collect()
    }
}

/// The number of a minute since 1970.
fn minute(at: Timestamp) -> u32 {
    u32::try_from(at.as_micros() / MICROS).unwrap_or(0)
}

/// What came and went. Cheap to clone.
pub type Traffic = Arc<Counted>;

/// What is counted of it.
#[derive(Debug, Default)]
pub struct Counted {
    /// Notifications that were stored or known.
    pub received: Minutes,
    /// Posts that were refused.
    pub rejected: Minutes,
    /// Attempts with which a destination said that it has what was sent.
    pub delivered: Minutes,
    destinations: Mutex<BTreeMap<&'static str, Arc<Attempts>>>,
}

/// The attempts of one destination.
#[derive(Debug, Default)]
pub struct Attempts {
    /// All of them.
    pub made: Minutes,
    /// Those that failed.
    pub failed: Minutes,
    /// How long they took together, in milliseconds.
    pub milliseconds: Minutes,
}

impl Counted {
    /// The attempts of a destination, which begin with the first call.
    pub fn attempts(&self, destination: &'static str) -> Arc<Attempts> {
        let mut destinations = self.destinations.lock();
        Arc::clone(destinations.entry(destination).or_default())
    }

    /// The same of one that may not be known here.
    pub fn attempts_of(&self, destination: &str) -> Option<Arc<Attempts>> {
        let destinations = self.destinations.lock();
        destinations.get(destination).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_micros(minute * MICROS + 1)
    }

    #[test]
    fn what_happened_is_counted_in_its_minute_and_forgotten_after_a_day() {
        let (minutes, begin) = (Minutes::default(), 1_000_000);
        minutes.add(at(begin), 2);
        minutes.add(at(begin), 3);
        minutes.add(at(begin + 2), 7);

        assert_eq!(minutes.last(at(begin + 2), 4), [0, 5, 0, 7]);
        assert_eq!(minutes.last(at(begin + 3), 2), [7, 0]);
        minutes.add(at(begin + DAY as i64), 1);
        let day = minutes.last(at(begin + DAY as i64), DAY);
        assert_eq!((day.len(), day.iter().sum::<u32>(), day[DAY - 1]), (DAY, 8, 1));
    }

    #[test]
    fn what_was_counted_by_a_clock_that_was_ahead_is_in_the_way_of_nothing() {
        let (minutes, begin) = (Minutes::default(), 1_000_000);
        minutes.add(at(begin + 365 * DAY as i64), 9);

        minutes.add(at(begin), 1);

        assert_eq!(minutes.last(at(begin), 1), [1]);
    }

    #[test]
    fn a_count_ends_at_the_most_that_is_kept() {
        let minutes = Minutes::default();
        minutes.add(at(5), u32::MAX);
        minutes.add(at(5), 1);

        assert_eq!(minutes.last(at(5), 1), [u32::MAX]);
    }
}
