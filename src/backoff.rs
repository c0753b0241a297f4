//! How long to wait before the next try.

use std::time::Duration;

/// Waits that double from `min` to `max`, each shortened at random by up to half, so that many who failed together
/// do not return together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    min: Duration,
    max: Duration,
}

impl Backoff {
    /// `None` if `min` is zero or above `max`.
    pub fn new(min: Duration, max: Duration) -> Option<Self> {
        (!min.is_zero() && min <= max).then_some(Self { min, max })
    }

    /// The wait after `failure_count` failures in a row (1 and up); `random` is from 0 to 1.
    pub fn wait(self, failure_count: u32, random: f64) -> Duration {
        let doublings = failure_count.saturating_sub(1).min(31);
        let whole = self.min.saturating_mul(1 << doublings).min(self.max);
        whole.mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_maximum() {
        let backoff = Backoff::new(SECOND, SECOND * 10).unwrap();

        let waits = [1, 2, 3, 4, 5, u32::MAX].map(|failures| backoff.wait(failures, 0.0).as_secs());

        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn chance_takes_half_at_most() {
        let backoff = Backoff::new(SECOND * 4, SECOND * 4).unwrap();

        assert_eq!(backoff.wait(1, 1.0), SECOND * 2);
        assert_eq!(backoff.wait(1, 0.5), SECOND * 3);
    }

    #[test]
    fn waits_that_make_no_sense_are_refused() {
        assert_eq!(Backoff::new(Duration::ZERO, SECOND), None);
        assert_eq!(Backoff::new(SECOND * 2, SECOND), None);
    }
}
