//! The identities of all receipts, in memory.
//!
//! CaiGunn's ids are random, so an index of them on disk would dirty a page of its own for nearly every row.
//! This one costs 15 to 30 bytes a receipt (12 a slot, one for the table, at a load between 7/16 and 7/8) and no
//! I/O. Keys are 64 bits of a hash: a hit is a candidate, and the store compares the row it points to.

use hashbrown::HashTable;
use sha2::{Digest, Sha256};

use crate::event::{EventId, Identity};

/// The place of a receipt in the order of acceptance: 1 and up.
pub type Seq = u64;

/// 64 bits that stand for an identity. Taken of SHA-256, so that nobody can make many with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    /// The size of a key on disk, in bytes.
    pub const BYTES: usize = 8;

    /// The key of an identity; `None` where there is nothing to look it up by.
    pub fn of(identity: &Identity) -> Option<Self> {
        match identity {
            Identity::Job { event_id, name } => Some(Self::of_job(*event_id, &name.event, &name.status)),
            Identity::Model { model_id } => {
                let hasher = Sha256::new().chain_update(b"model");
                Some(Self::digest(hasher.chain_update(model_id.uuid().as_bytes())))
            }
            Identity::Windowed => None,
        }
    }

    /// The key of a job's step.
    pub fn of_job(event_id: EventId, event: &str, status: &str) -> Self {
        let hasher = Sha256::new()
            .chain_update(b"job")
            .chain_update(event_id.uuid().as_bytes())
            .chain_update(event.as_bytes())
            // Neither name has control characters, so this keeps ("a", "b.c") apart from ("a.b", "c").
            .chain_update([0])
            .chain_update(status.as_bytes());
        Self::digest(hasher)
    }

    fn digest(hasher: Sha256) -> Self {
        let digest = hasher.finalize();
        let bytes = digest.first_chunk().expect("a SHA-256 digest has 32 bytes");
        // Zero stands for "no key" on disk; one hash in 2^64 moves over.
        Self(u64::from_le_bytes(*bytes).max(1))
    }

    /// Its form on disk, zero for none.
    pub fn to_bytes(key: Option<Self>) -> [u8; Self::BYTES] {
        key.map_or(0, |key| key.0).to_le_bytes()
    }

    /// Back from its form on disk.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        match u64::from_le_bytes(bytes) {
            0 => None,
            key => Some(Self(key)),
        }
    }
}

/// Which receipts have which key.
#[derive(Debug)]
pub struct KeyIndex {
    /// Tables by the first byte of the key, so that one that must grow moves a 256th of all, not all: neither a
    /// pause of the writer nor a second copy of everything.
    shards: Vec<HashTable<Slot>>,
}

/// 7 bytes of a key (its table is the eighth) and 5 of a number, which is enough for 10^12 receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot([u8; 12]);

impl Slot {
    fn new(key: Key, seq: Seq) -> Self {
        let mut bytes = [0; 12];
        bytes[..7].copy_from_slice(&key.0.to_le_bytes()[1..]);
        bytes[7..].copy_from_slice(&seq.to_le_bytes()[..5]);
        Self(bytes)
    }

    /// The key without its low byte, which is the number of the table.
    fn key(self) -> u64 {
        let mut bytes = [0; 8];
        bytes[..7].copy_from_slice(&self.0[..7]);
        u64::from_le_bytes(bytes)
    }

    fn seq(self) -> Seq {
        let mut bytes = [0; 8];
        bytes[..5].copy_from_slice(&self.0[7..]);
        Seq::from_le_bytes(bytes)
    }

    /// Where a key without its low byte stands in its table. It is part of a hash already, but a table takes bits
    /// from both ends of 64, so its 56 are spread.
    fn hash(key: u64) -> u64 {
        key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

const SHARDS: usize = 256;

impl Default for KeyIndex {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| HashTable::new()).collect(),
        }
    }
}

impl KeyIndex {
    /// The receipts that may have this key's identity: nearly always none or one.
    pub fn candidates(&self, key: Key) -> impl Iterator<Item = Seq> {
        let wanted = key.0 >> 8;
        let slots = self.shards[Self::shard(key)].iter_hash(Slot::hash(wanted));
        slots
            .filter(move |slot| slot.key() == wanted)
            .map(|slot| slot.seq())
    }

    /// Adds a receipt.
    pub fn insert(&mut self, key: Key, seq: Seq) {
        let shard = &mut self.shards[Self::shard(key)];
        shard.insert_unique(Slot::hash(key.0 >> 8), Slot::new(key, seq), |slot| {
            Slot::hash(slot.key())
        });
    }

    /// Removes a receipt, if it is there.
    pub fn remove(&mut self, key: Key, seq: Seq) {
        let removed = Slot::new(key, seq);
        if let Ok(slot) =
            self.shards[Self::shard(key)].find_entry(Slot::hash(key.0 >> 8), |slot| *slot == removed)
        {
            slot.remove();
        }
    }

    fn shard(key: Key) -> usize {
        (key.0 % SHARDS as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::event::{ModelId, Name};

    /// Few, and such as share a table, what a slot holds, or all but a bit with another.
    const KEYS: [u64; 8] = [
        1,
        2,
        0x0101,
        0x0201,
        0x1_0000_0001,
        0x80_0000_0000_0001,
        0x80_0000_0000_0002,
        256,
    ];

    fn sorted(seqs: impl Iterator<Item = Seq>) -> Vec<Seq> {
        let mut seqs: Vec<_> = seqs.collect();
        seqs.sort_unstable();
        seqs
    }

    fn job(event: &'static str, status: &'static str) -> Identity {
        let name = Name {
            event: event.into(),
            status: status.into(),
        };
        Identity::Job {
            event_id: EventId::new(Uuid::from_u128(1)),
            name,
        }
    }

    #[test]
    fn a_key_is_found_with_each_of_its_receipts_until_they_are_removed() {
        let mut index = KeyIndex::default();
        let (key, other) = (Key(0x0102_0304_0506_0708), Key(0x0102_0304_0506_0808));

        index.insert(key, 7);
        index.insert(key, 0xff_ffff_ffff);
        index.insert(other, 8);

        assert_eq!(sorted(index.candidates(key)), [7, 0xff_ffff_ffff]);
        assert_eq!(sorted(index.candidates(other)), [8]);
        index.remove(key, 7);
        assert_eq!(sorted(index.candidates(key)), [0xff_ffff_ffff]);
        index.remove(key, 0xff_ffff_ffff);
        assert_eq!(index.candidates(key).count(), 0);
        assert_eq!(sorted(index.candidates(other)), [8]);
    }

    #[test]
    fn removing_what_is_not_there_changes_nothing() {
        let mut index = KeyIndex::default();
        index.insert(Key(1), 1);

        index.remove(Key(1), 2);
        index.remove(Key(2), 1);

        assert_eq!(sorted(index.candidates(Key(1))), [1]);
    }

    #[test]
    fn identities_have_keys_of_their_own_and_keep_them() {
        let id = Uuid::from_u128(1);
        let identities = [
            job("a", "b.c"),
            job("a.b", "c"),
            job("a", "b"),
            Identity::Model {
                model_id: ModelId::new(id),
            },
            Identity::Model {
                model_id: ModelId::new(Uuid::from_u128(2)),
            },
        ];

        let keys = identities.map(|identity| Key::of(&identity).expect("it has a key"));

        for (index, key) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == key), Some(index));
        }
        // Files hold keys, so that a change of this one would hide every receipt stored before it.
        assert_eq!(
            Key::of(&job("crawling", "initial")),
            Some(Key(0xafa5_216d_1522_d600))
        );
    }

    #[test]
    fn what_has_only_a_window_has_no_key() {
        assert_eq!(Key::of(&Identity::Windowed), None);
    }

    #[test]
    fn no_key_survives_the_disk() {
        assert_eq!(Key::to_bytes(None), [0; Key::BYTES]);
        assert_eq!(Key::from_bytes([0; Key::BYTES]), None);
    }

    proptest! {
        #[test]
        fn a_key_survives_the_disk(key in 1_u64..) {
            prop_assert_eq!(Key::from_bytes(Key::to_bytes(Some(Key(key)))), Some(Key(key)));
        }

        #[test]
        fn it_holds_what_a_map_holds(
            steps in prop::collection::vec((0_usize..KEYS.len(), 0_u64..40, any::<bool>()), 0..400),
        ) {
            let mut index = KeyIndex::default();
            let mut map: HashMap<u64, Vec<Seq>> = HashMap::new();
            for (key, seq, insert) in steps {
                let key = KEYS[key];
                let seqs = map.entry(key).or_default();
                if !insert {
                    index.remove(Key(key), seq);
                    seqs.retain(|other| *other != seq);
                } else if !seqs.contains(&seq) {
                    index.insert(Key(key), seq);
                    seqs.push(seq);
                }
            }
            for key in KEYS {
                let seqs = map.remove(&key).unwrap_or_default();
                prop_assert_eq!(sorted(index.candidates(Key(key))), sorted(seqs.into_iter()));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn it_holds_many_random_keys(keys in prop::collection::hash_set(1..=u64::MAX, 0..3_000)) {
            let mut index = KeyIndex::default();
            for (key, seq) in keys.iter().zip(1..) {
                index.insert(Key(*key), seq);
            }
            for (key, seq) in keys.iter().zip(1..) {
                prop_assert_eq!(sorted(index.candidates(Key(*key))), [seq]);
                if seq % 2 == 0 {
                    index.remove(Key(*key), seq);
                }
            }
            for (key, seq) in keys.iter().zip(1..) {
                let expected = if seq % 2 == 0 { vec![] } else { vec![seq] };
                prop_assert_eq!(sorted(index.candidates(Key(*key))), expected);
            }
        }
    }
}
