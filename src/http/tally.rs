//! What anybody can do as often as they like, told by its number: a line for each would fill the log.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;

/// How often at most something is said of it.
pub const PAUSE: Duration = Duration::from_secs(60);

/// Counts something of one kind. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tally {
    say: fn(usize),
    unsaid: Arc<Mutex<Unsaid>>,
}

/// What was not said yet.
#[derive(Debug, Default)]
struct Unsaid {
    count: usize,
    /// Whether it is said when the pause is over.
    is_awaited: bool,
}

/// Who is to say what was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Whoever counted it, at once: it is the first in a while.
    First,
    /// This says it with others, when the pause is over.
    Later,
}

impl Tally {
    /// Of what is said in this way, with the number.
    pub fn new(say: fn(usize)) -> Self {
        Self {
            say,
            unsaid: Arc::default(),
        }
    }

    /// Counts one: the first is said at once, and what comes in the pause after that when it is over.
    pub fn count(&self) {
        if self.count_silently() == Counted::First {
            (self.say)(1);
        }
    }

    /// As [`Tally::count`], where the first is said by whoever counts it.
    pub fn count_silently(&self) -> Counted {
        let mut unsaid = self.unsaid.lock();
        if mem::replace(&mut unsaid.is_awaited, true) {
            unsaid.count += 1;
            return Counted::Later;
        }
        let tally = self.clone();
        tokio::spawn(async move {
            loop {
                sleep(PAUSE).await;
                let count = {
                    let mut unsaid = tally.unsaid.lock();
                    unsaid.is_awaited = unsaid.count > 0;
                    mem::take(&mut unsaid.count)
                };
                match count {
                    0 => return,
                    count => (tally.say)(count),
                }
            }
        });
        Counted::First
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::telemetry::testing::Log;

    #[tokio::test(start_paused = true)]
    async fn the_first_is_said_at_once_and_all_others_within_a_minute() {
        let log = Log::start();
        let tally = Tally::new(|count| tracing::warn!("there were {count}"));
        let said = || {
            let lines = log.lines();
            let count = |line: &String| Some(line.split_once("there were ")?.1.to_owned());
            lines.iter().filter_map(count).collect::<Vec<_>>()
        };

        tally.count();
        assert_eq!(said(), ["1"]);
        tally.count();
        assert_eq!(tally.count_silently(), Counted::Later);
        assert_eq!(said(), ["1"]);
        sleep(PAUSE + Duration::from_secs(1)).await;
        assert_eq!(said(), ["1", "2"]);
        sleep(PAUSE * 3).await;
        assert_eq!(said(), ["1", "2"]);
        advance(PAUSE).await;
        assert_eq!(tally.count_silently(), Counted::First);
        assert_eq!(said(), ["1", "2"]);
        sleep(PAUSE * 2).await;
        tally.count();
        assert_eq!(said(), ["1", "2", "1"]);
    }
}
