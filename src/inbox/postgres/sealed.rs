//! What may have receipts in the slots that take no new ones, told without asking the server.
//!
//! Nearly every notification is of a job that began lately, so that nothing of it is in an older slot. To find that out
//! on the server takes a look into each slot's index, which costs more the more they hold. This filter says it in memory:
//! either there is nothing, or there may be. It costs 12 bits a receipt, and calls one in a hundred what it is not, which
//! then is looked up.
//!
//! A slot is sealed when new receipts go into the next one; from then on it only loses receipts. So a filter over sealed
//! slots stays right until the next one is sealed, which shows in the answer to an append.

use tokio_postgres::Error;
use uuid::Uuid;

use super::key::JOB_BYTES;
use super::{Client, connections::Connections};

/// How much of the filter there is for a receipt, in bits.
const BITS: u64 = 12;

/// The most memory of a filter, in bytes: enough for 180 million receipts. With more it sends more to the server.
const MAX_BYTES: u64 = 256 << 20;

/// How many keys are read at once: some 10 ms from an index alone, which is how it is once the server has vacuumed the
/// slot, and a second or so before.
const PAGE: i64 = 10_000;

/// How many bits of a block stand for a key.
const BITS_A_KEY: u32 = 6;

/// 64 bytes, which a processor fetches at once.
type Block = [u64; 8];

/// A filter over the keys in all slots but one.
#[derive(Debug)]
pub struct Sealed {
    /// The slot that takes new receipts.
    slot: i16,
    blocks: Vec<Block>,
}

impl Sealed {
    /// Reads the keys of all sealed slots: about a second a million.
    pub async fn read(connections: &Connections) -> Result<Self, super::super::Error> {
        loop {
            let (slot, count) = connections.run("read", extent).await?;
            let mut sealed = Self::with_room(slot, count);
            let mut after = None;
            while let Some((slot, key)) = connections
                .run("read", async |client| sealed.read_page(client, after).await)
                .await?
            {
                after = Some((slot, key));
            }
            // Another one may have been sealed meanwhile.
            if connections.run("read", extent).await?.0 == slot {
                return Ok(sealed);
            }
        }
    }

    /// The slot that takes new receipts, over which this says nothing.
    pub fn slot(&self) -> i16 {
        self.slot
    }

    /// Whether a sealed slot may have receipts of the same job, or with the same key.
    pub fn may_have(&self, key: Uuid) -> bool {
        let (block, bits) = self.place(key);
        self.blocks[block]
            .iter()
            .zip(bits)
            .all(|(word, bits)| word & bits == bits)
    }

    fn with_room(slot: i16, count: u64) -> Self {
        let bytes = (count * BITS / 8).min(MAX_BYTES);
        let block_count = bytes as usize / size_of::<Block>() + 1;
        Self {
            slot,
            blocks: vec![Block::default(); block_count],
        }
    }

    fn add(&mut self, key: Uuid) {
        let (block, bits) = self.place(key);
        for (word, bits) in self.blocks[block].iter_mut().zip(bits) {
            *word |= bits;
        }
    }

    /// Where a key is: its block, and the bits in it. By what the steps of a job have in common, which is of a hash.
    fn place(&self, key: Uuid) -> (usize, Block) {
        let (job, _) = key.as_bytes().split_at(JOB_BYTES);
        let (high, low) = job.split_at(8);
        let high = u64::from_be_bytes(high.try_into().expect("8 of 12 bytes"));
        let low = u32::from_be_bytes(low.try_into().expect("the other 4"));
        // The block by all of the first 8 bytes; the bits by the other 4 and the last of those.
        let block = (u128::from(high) * self.blocks.len() as u128) >> 64;
        let mut bits = Block::default();
        let mut rest = (u64::from(low) << 32 | high & 0xffff_ffff).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for _ in 0..BITS_A_KEY {
            bits[(rest & 7) as usize] |= 1 << (rest >> 3 & 63);
            rest >>= 9;
        }
        (block as usize, bits)
    }

    /// Adds the keys that follow a slot and a key; returns the last ones, `None` if there are no more.
    async fn read_page(
        &mut self,
        client: &Client,
        after: Option<(i16, Uuid)>,
    ) -> Result<Option<(i16, Uuid)>, Error> {
        let (mut slot, mut key) = after.unwrap_or((0, Uuid::nil()));
        loop {
            // By the slot's own name: as a condition, the slot would have to be read from each row.
            let page =
                format!("SELECT identity FROM receipt_{slot} WHERE identity > $1 ORDER BY identity LIMIT $2");
            let rows = if slot == self.slot {
                Vec::new()
            } else {
                let page = client.prepare_cached(&page).await?;
                client.query(&page, &[&key, &PAGE]).await?
            };
            for row in &rows {
                key = row.try_get(0)?;
                self.add(key);
            }
            if !rows.is_empty() {
                return Ok(Some((slot, key)));
            }
            (slot, key) = (slot + 1, Uuid::nil());
            if slot == super::upkeep::SLOTS {
                return Ok(None);
            }
        }
    }
}

/// The slot that takes new receipts, and about how many there are in the others.
async fn extent(client: &Client) -> Result<(i16, u64), Error> {
    let extent = client
        .prepare_cached(
            "SELECT state.slot, greatest(coalesce((SELECT max(seq) - min(seq) + 1 FROM receipt), 0), 0) FROM state WHERE one",
        )
        .await?;
    let row = client.query_one(&extent, &[]).await?;
    Ok((row.try_get(0)?, row.try_get::<_, i64>(1)? as u64))
}

#[cfg(test)]
mod tests {
    use super::super::key;
    use super::*;
    use crate::event::EventId;

    fn step(number: u128, status: &str) -> Uuid {
        key::of_step(EventId::new(Uuid::from_u128(number)), "crawling", status)
    }

    #[test]
    fn nothing_that_is_there_is_ever_missed() {
        for count in [0, 1, 100, 10_000] {
            let mut sealed = Sealed::with_room(0, count);
            for number in 0..u128::from(count) {
                sealed.add(step(number, "initial"));
            }

            assert!((0..u128::from(count)).all(|number| sealed.may_have(step(number, "initial"))));
        }
    }

    #[test]
    fn the_other_steps_of_a_job_may_be_there_too() {
        let mut sealed = Sealed::with_room(0, 1);
        sealed.add(step(1, "initial"));

        assert!(sealed.may_have(step(1, "completed")));
    }

    #[test]
    fn few_are_taken_for_what_they_are_not() {
        const COUNT: u64 = 100_000;
        let mut sealed = Sealed::with_room(0, COUNT);
        for number in 0..u128::from(COUNT) {
            sealed.add(step(number, "initial"));
        }

        let others = u128::from(COUNT)..2 * u128::from(COUNT);
        let mistaken_count = others
            .filter(|number| sealed.may_have(step(*number, "initial")))
            .count();

        assert!(
            mistaken_count < COUNT as usize / 50,
            "{mistaken_count} of {COUNT}"
        );
    }

    #[test]
    fn an_empty_one_has_nothing() {
        assert!(!Sealed::with_room(0, 0).may_have(step(1, "initial")));
    }
}
