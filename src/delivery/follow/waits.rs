//! For how long a replay is left alone whose destination takes no more: each look reads what it would send.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::inbox::outbox::InstructionId;

/// The first wait, which doubles up to the longest one.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Replays that wait for a destination.
#[derive(Debug, Default)]
pub struct Waits(Mutex<HashMap<InstructionId, Wait>>);

#[derive(Debug)]
struct Wait {
    since: Instant,
    lasts: Duration,
    /// Where it is.
    position: u64,
}

impl Waits {
    /// Whether it is too early for that one.
    pub fn is_early(&self, id: InstructionId) -> bool {
        let waits = self.0.lock();
        waits
            .get(&id)
            .is_some_and(|wait| wait.since.elapsed() < wait.lasts)
    }

    /// Whether another one than that has waited for long enough.
    pub fn has_others_due(&self, id: InstructionId) -> bool {
        let waits = self.0.lock();
        waits
            .iter()
            .any(|(other, wait)| *other != id && wait.since.elapsed() >= wait.lasts)
    }

    /// Whether that one has waited.
    pub fn knows(&self, id: InstructionId) -> bool {
        self.0.lock().contains_key(&id)
    }

    /// That one has to wait, at that position: for longer if it did not move.
    pub fn wait(&self, id: InstructionId, position: u64) {
        let mut waits = self.0.lock();
        // One that was ended is not asked about again.
        waits.retain(|_, wait| wait.since.elapsed() < 2 * LONGEST);
        let before = waits.get(&id).filter(|wait| wait.position == position);
        let lasts = before.map_or(FIRST, |wait| (2 * wait.lasts).min(LONGEST));
        let since = Instant::now();
        waits.insert(
            id,
            Wait {
                since,
                lasts,
                position,
            },
        );
    }

    /// That one waits no more.
    pub fn end(&self, id: InstructionId) {
        self.0.lock().remove(&id);
    }
}
