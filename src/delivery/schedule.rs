//! When a delivery is tried again: from the number of tries to a wait, and nothing else.

use std::time::Duration;

/// The waits before each try: the first from acceptance on, each other from the failure before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

/// The most tries.
pub const MAX_TRIES: usize = 100;

/// The longest wait: a week.
pub const MAX_WAIT: Duration = Duration::from_secs(7 * 86_400);

/// By how much a wait is made shorter or longer at random, at most, so that those who failed together do not return
/// together.
const JITTER: f64 = 0.1;

impl Schedule {
    /// `None` if there are no waits, more than [`MAX_TRIES`], or one above [`MAX_WAIT`].
    pub fn new(waits: Vec<Duration>) -> Option<Self> {
        let is_legal = (1..=MAX_TRIES).contains(&waits.len()) && waits.iter().all(|wait| *wait <= MAX_WAIT);
        is_legal.then_some(Self(waits))
    }

    /// The wait before the first try.
    pub fn first(&self) -> Duration {
        self.0[0]
    }

    /// The wait after `tries` in vain (1 and up); `None` if that was the last one. `random` is from 0 to 1.
    pub fn next(&self, tries: u32, random: f64) -> Option<Duration> {
        let wait = self.0.get(usize::try_from(tries).ok()?)?;
        Some(wait.mul_f64(1.0 + JITTER * (2.0 * random.clamp(0.0, 1.0) - 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(waits: &[u64]) -> Vec<Duration> {
        waits.iter().copied().map(Duration::from_secs).collect()
    }

    #[test]
    fn each_try_has_its_wait_and_after_the_last_there_is_none() {
        let schedule = Schedule::new(seconds(&[0, 5, 300])).unwrap();

        assert_eq!(schedule.first(), Duration::ZERO);
        assert_eq!(schedule.next(1, 0.5), Some(Duration::from_secs(5)));
        assert_eq!(schedule.next(2, 0.5), Some(Duration::from_secs(300)));
        assert_eq!(schedule.next(3, 0.5), None);
        assert_eq!(schedule.next(u32::MAX, 0.5), None);
    }

    #[test]
    fn a_schedule_has_tries_and_bounds() {
        assert_eq!(Schedule::new(Vec::new()), None);
        assert_eq!(Schedule::new(seconds(&[0; MAX_TRIES + 1])), None);
        assert_eq!(Schedule::new(vec![MAX_WAIT + Duration::from_secs(1)]), None);
        assert!(Schedule::new(vec![MAX_WAIT; MAX_TRIES]).is_some());
    }

    proptest! {
        #[test]
        fn chance_takes_or_adds_a_tenth_at_most(wait in 0u64..604_800, random in -1.0f64..2.0) {
            let schedule = Schedule::new(seconds(&[0, wait])).unwrap();

            let waited = schedule.next(1, random).unwrap().as_secs_f64();

            let wait = wait as f64;
            prop_assert!(waited >= wait * 0.9 - 1e-6 && waited <= wait * 1.1 + 1e-6);
        }
    }
}
