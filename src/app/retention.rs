//! Removes old receipts, a few at a time.
//!
//! Old by the inbox's own time (`age`), where the store keeps marks of it; else by the clock.

mod age;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::clock::{Timestamp, rounded};
use crate::inbox::{self, Inbox, Mark, Marks};
use crate::metrics::{Registry, Unit};
use crate::term::Terms;
use age::{Jump, Reading};

/// How often receipts are looked through for old ones.
const INTERVAL: Duration = Duration::from_secs(60);

/// How long the inbox is left alone between two steps of removing old receipts.
const PAUSE: Duration = Duration::from_millis(20);

/// Removes receipts older than `retention`, in terms only.
pub struct Retention {
    inbox: Arc<dyn Inbox>,
    retention: Duration,
    /// What the clock says.
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// See [`inbox::Marked::held`]; in seconds.
    held: Arc<AtomicU64>,
}

/// The last mark, and since when this process knows what has passed since: since it was made, or since its own start.
struct Known {
    mark: Mark,
    since: Instant,
}

impl Retention {
    /// Nothing is removed yet. `clock` reads the clock.
    pub fn new(
        inbox: Arc<dyn Inbox>,
        retention: Duration,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self {
            inbox,
            retention,
            clock: Box::new(clock),
            held: Arc::default(),
        }
    }

    /// Shows for how much longer receipts are kept than by the clock.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let held = Arc::clone(&self.held);
        registry.gauge(
            "retention_held",
            "How much longer than inbox.retention_days receipts are kept by the clock, since it jumped",
            Some(Unit::Seconds),
            move || held.load(Ordering::Relaxed) as f64,
        );
    }

    /// Does so for ever.
    ///
    /// # Cancel safety
    /// May be dropped at any time; the next round goes on where this one was.
    pub async fn keep(self, mut terms: Terms) {
        loop {
            let term = terms.next().await;
            let _ = term.run_until_cancelled(self.rounds()).await;
        }
    }

    /// Removes them for ever, beginning now.
    async fn rounds(&self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = None;
        loop {
            ticks.tick().await;
            match self.now(&mut known).await {
                Ok(now) => self.round(now.minus(self.retention)).await,
                Err(error) => failed(&error),
            }
        }
    }

    /// The time to go by.
    async fn now(&self, known: &mut Option<Known>) -> Result<Timestamp, inbox::Error> {
        let Some(marks) = self.inbox.marks() else {
            return Ok((self.clock)());
        };
        let known = match known {
            Some(known) => known,
            None => known.insert(self.begin(marks).await?),
        };
        let tolerance = age::tolerance(self.retention);
        let Reading { now, jump, is_mark } =
            age::read(known.mark, known.since.elapsed(), (self.clock)(), tolerance);
        if is_mark {
            // From when the clock was read, not from when it is on disk.
            let since = Instant::now();
            marks.mark(now).await?;
            *known = Known { mark: now, since };
            if let Some(jump) = jump {
                self.say(jump);
            }
        }
        let held = marks
            .marked()
            .await?
            .map_or(Duration::ZERO, |marked| marked.held());
        self.held.store(held.as_secs(), Ordering::Relaxed);
        Ok(now.at)
    }

    /// The last mark. Where there is none, as in a new inbox or one of an older program, the newest receipts make the first.
    async fn begin(&self, marks: &dyn Marks) -> Result<Known, inbox::Error> {
        let since = Instant::now();
        if let Some(marked) = marks.marked().await? {
            return Ok(Known {
                mark: marked.last,
                since,
            });
        }
        let clock = (self.clock)();
        // Of the two the earlier: too early a time only keeps receipts for longer.
        let newest = marks.newest_received_at().await?;
        let at = newest.map_or(clock, |newest| newest.min(clock));
        // What passed before was seen by nobody: where it is longer than may be believed, nothing is said of the clock.
        let is_believed = clock.distance(at) <= age::tolerance(self.retention);
        let mark = Mark {
            at,
            clock: if is_believed { at } else { clock },
        };
        marks.mark(mark).await?;
        Ok(Known { mark, since })
    }

    /// Removes what is older than that.
    async fn round(&self, before: Timestamp) {
        let mut removed_count = 0;
        loop {
            match self.inbox.expire(before).await {
                Ok(0) => break,
                Ok(count) => removed_count += count,
                Err(error) => {
                    failed(&error);
                    break;
                }
            }
            sleep(PAUSE).await;
        }
        let retention = rounded(self.retention);
        if removed_count > 0 {
            tracing::info!("removed {removed_count} receipts, older than {retention}");
        } else {
            tracing::debug!("no receipt is older than {retention}");
        }
    }

    fn say(&self, jump: Jump) {
        let retention = rounded(self.retention);
        match jump {
            Jump::Ahead(by) => tracing::warn!(
                error.type = "clock_jump",
                "the clock is {} ahead of what has passed since it was last looked at: nothing is removed for that. If it \
                 is wrong, set it right (NTP, the battery of the machine's clock). If it is right, as where no receiver ran \
                 for so long or a backup was put back, what was there before is removed once it is {retention} old by the \
                 time for which a receiver runs",
                rounded(by)
            ),
            Jump::Back(by) => tracing::warn!(
                error.type = "clock_jump",
                "the clock is {} behind what has passed since it was last looked at: nothing is kept longer for that, but \
                 received_at goes by it. See that it is right (NTP, the battery of the machine's clock)",
                rounded(by)
            ),
        }
    }
}

fn failed(error: &inbox::Error) {
    tracing::warn!(error.type = "retention", "cannot remove old receipts: {error}");
}
