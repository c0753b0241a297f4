//! Where the ids of what is stored come from.

use uuid::Uuid;

/// How far ahead of the last id one goes on at most: far more than there are ids, and so little that some hundred thousand
/// beginnings with the clock behind fit into a UUIDv7.
const MAX_AHEAD: u128 = (1 << 44) - 1;

/// Gives UUIDv7s, each greater than all it gave before, whatever the clock does (RFC 9562, section 6.2).
#[derive(Clone, Copy, Debug)]
pub struct IdSource {
    last: u128,
}

impl IdSource {
    /// Continues after `last`, the greatest id that is known to have been given.
    pub fn after(last: Option<Uuid>) -> Self {
        // Where the clock is behind it, a backup that is put back would give the ids once more that were given since it was made,
        // and whoever has had them takes what comes for repeats. So it goes on at random, some way ahead.
        let ahead = Uuid::new_v4().as_u128() & MAX_AHEAD;
        Self {
            last: last.map_or(0, |id| id.as_u128() + ahead),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_go_on_after_the_same_id_give_different_ones_also_with_the_clock_behind() {
        let ahead = Uuid::from_u128(Uuid::now_v7().as_u128() | 1 << 126);
        for last in [ahead, Uuid::now_v7()] {
            let given = [(); 2].map(|()| {
                let mut ids = IdSource::after(Some(last));
                [(); 1_000].map(|()| ids.next_id())
            });

            let mut all = given.concat();
            assert!(all.iter().all(|id| *id > last && id.get_version_num() == 7));
            assert!(given.iter().all(|ids| ids.is_sorted()));
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 2_000);
        }
    }
}
