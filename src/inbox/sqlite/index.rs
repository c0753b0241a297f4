//! The identities of all receipts, in memory.
//!
//! CaiGunn's ids are random, so an index of them on disk would dirty a page of its own for nearly every row.
//! This one costs 17 to 35 bytes a receipt (16 a slot, one for the table, at a load between 7/16 and 7/8) and no
//! I/O. Keys are 64 bits of a hash: a hit is a candidate, and the store compares the row it points to.

use hashbrown::HashTable;
use sha2::{Digest, Sha256};

use crate::event::Identity;

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
        let mut hasher = Sha256::new();
        match identity {
            Identity::Job { event_id, name } => {
                hasher.update(b"job");
                hasher.update(event_id.uuid().as_bytes());
                hasher.update(name.event.as_bytes());
                // Neither name has control characters, so this keeps ("a", "b.c") apart from ("a.b", "c").
                hasher.update([0]);
                hasher.update(name.status.as_bytes());
            }
            Identity::Model { model_id } => {
                hasher.update(b"model");
                hasher.update(model_id.uuid().as_bytes());
            }
            Identity::Windowed => return None,
        }
        let digest = hasher.finalize();
        let bytes = digest.first_chunk().expect("a SHA-256 digest has 32 bytes");
        // Zero stands for "no key" on disk; one hash in 2^64 moves over.
        Some(Self(u64::from_le_bytes(*bytes).max(1)))
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
#[derive(Debug, Default)]
pub struct KeyIndex {
    slots: HashTable<(Key, Seq)>,
}

impl KeyIndex {
    /// An index with room for `count` receipts.
    pub fn with_capacity(count: usize) -> Self {
        Self { slots: HashTable::with_capacity(count) }
    }

    /// The receipts that may have this key's identity: nearly always none or one.
    pub fn candidates(&self, key: Key) -> impl Iterator<Item = Seq> {
        self.slots.iter_hash(key.0).filter(move |slot| slot.0 == key).map(|slot| slot.1)
    }

    /// Adds a receipt.
    pub fn insert(&mut self, key: Key, seq: Seq) {
        self.slots.insert_unique(key.0, (key, seq), |slot| slot.0.0);
    }

    /// Removes a receipt, if it is there.
    pub fn remove(&mut self, key: Key, seq: Seq) {
        if let Ok(slot) = self.slots.find_entry(key.0, |slot| *slot == (key, seq)) {
            slot.remove();
        }
    }
}
