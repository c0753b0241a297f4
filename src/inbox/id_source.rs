//! Where the ids of what is stored come from.

use uuid::Uuid;

/// Gives UUIDv7s, each greater than all it gave before, whatever the clock does (RFC 9562, section 6.2).
#[derive(Clone, Copy, Debug)]
pub struct IdSource {
    last: u128,
}

impl IdSource {
    /// Continues after `last`, the greatest id given so far.
    pub fn after(last: Option<Uuid>) -> Self {
        Self {
            last: last.map_or(0, |id| id.as_u128()),
        }
    }

    /// The next id.
    pub fn next_id(&mut self) -> Uuid {
        // When the clock stands still or was set back, the successor of the last one: adding to the low bits
        // leaves version and variant alone for 2^62 steps less the random start, whose top bits are cleared.
        const HEADROOM: u128 = !(0b11 << 60);
        let fresh = Uuid::now_v7().as_u128() & HEADROOM;
        self.last = fresh.max(self.last + 1);
        Uuid::from_u128(self.last)
    }
}
