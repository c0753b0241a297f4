//! When the next call may begin.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Interval, interval};

/// Lets calls begin one after another, never closer than their rate allows, whoever makes them.
#[derive(Debug)]
pub struct Pace(Mutex<Interval>);

impl Pace {
    /// Within a runtime.
    pub fn new(max_calls_per_minute: usize) -> Self {
        let between = Duration::from_secs_f64(60.0 / max_calls_per_minute as f64);
        Self(Mutex::new(interval(between)))
    }

    /// Waits until another call may begin; those who wait go in the order in which they came.
    pub async fn wait_for_turn(&self) {
        let mut turns = self.0.lock().await;
        turns.tick().await;
        // From now on, however late it was.
        turns.reset();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;
    use tokio::time::{Instant, advance};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn calls_begin_no_closer_than_the_rate_allows_however_many_ask_at_once() {
        let (pace, began) = (Arc::new(Pace::new(120)), Instant::now());
        let mut calls = JoinSet::new();
        for _ in 0..241 {
            let pace = Arc::clone(&pace);
            calls.spawn(async move {
                pace.wait_for_turn().await;
                began.elapsed()
            });
        }

        let mut begun_at = calls.join_all().await;

        begun_at.sort_unstable();
        let expected: Vec<_> = (0..241).map(|number| SECOND / 2 * number).collect();
        assert_eq!(begun_at, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_that_nobody_took_are_not_saved_up() {
        let (pace, began) = (Pace::new(60), Instant::now());
        pace.wait_for_turn().await;
        advance(SECOND * 600).await;

        let mut begun_at = Vec::new();
        for _ in 0..3 {
            pace.wait_for_turn().await;
            begun_at.push(began.elapsed());
        }

        assert_eq!(begun_at, [600, 601, 602].map(|seconds| SECOND * seconds));
    }
}
