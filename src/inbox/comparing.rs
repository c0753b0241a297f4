//! How much of comparing is done while a batch is stored, and so while others wait. What is more is done aside: see
//! [`Stored::Uncompared`](super::Stored::Uncompared).

use crate::event::same_content;

/// The most bytes of bodies that are read as JSON for one batch: some 10 ms of work. It is enough for 512 repeats of the
/// usual size whose originals are spelled in another way.
const MAX_BATCH_BYTES: usize = 512 << 10;

/// How often another notification of the same chatbot and event may be stored while one without any id is compared with
/// the last, before it is left to the sender to try again.
pub(super) const MAX_OVERTAKEN: usize = 10;

/// What may still be compared for one batch.
pub(super) struct Comparing {
    bytes_left: usize,
}

impl Comparing {
    /// For a new batch.
    pub fn new() -> Self {
        Self {
            bytes_left: MAX_BATCH_BYTES,
        }
    }

    /// Whether bodies of so many bytes together may be compared, whatever they are.
    pub fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.bytes_left
    }

    /// Whether two bodies say the same; `None` if that is too much work. Whether they are equal to the byte never is.
    pub fn is_same(&mut self, one: &[u8], other: &[u8]) -> Option<bool> {
        if one == other {
            return Some(true);
        }
        self.bytes_left = self.bytes_left.checked_sub(one.len() + other.len())?;
        Some(same_content(one, other))
    }
}
