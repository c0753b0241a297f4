//! A clock that somebody may set.

use std::time::Duration;

use tokio::time::Instant;

use super::Timestamp;

/// By how much a clock is off at once when somebody has set it: more than it is corrected by little by little.
const STEP: Duration = Duration::from_secs(1);

/// What the clock said when it was last looked at, and when that was.
#[derive(Debug)]
pub struct Watched(Timestamp, Instant);

impl Watched {
    /// Looked at now for the first time.
    pub fn from_now() -> Self {
        Self(Timestamp::now(), Instant::now())
    }

    /// What the clock says; and, if it was set since it was last looked at, what it would say if it had not been.
    pub fn now(&mut self) -> (Timestamp, Option<Timestamp>) {
        let now = Timestamp::now();
        (now, self.see(now))
    }

    /// The second of these, where the clock says that now.
    pub fn see(&mut self, now: Timestamp) -> Option<Timestamp> {
        let instant = Instant::now();
        let Self(before, at) = std::mem::replace(self, Self(now, instant));
        let expected = before.plus(instant - at);
        (now.distance(expected) > STEP).then_some(expected)
    }
}
