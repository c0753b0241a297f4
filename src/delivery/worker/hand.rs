//! Receipts that came with their bodies when the log was read, so that they need not be loaded.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::inbox::Receipt;

/// The most bytes of bodies that are kept so: all that is read ahead, where each is as large as what is brought.
const MAX_BYTES: usize = 4 << 20;

/// For how long. What has waited for longer is loaded, and found to have expired if it has.
const MAX_AGE: Duration = Duration::from_secs(10);

/// What is at hand.
#[derive(Debug, Default)]
pub struct Hand {
    held: HashMap<u64, Held>,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    receipt: Receipt,
    body: Bytes,
    since: Instant,
}

impl Hand {
    /// Keeps one if there is room.
    pub fn put(&mut self, receipt: Receipt, body: Bytes) {
        let sequence = receipt.sequence;
        if self.bytes + body.len() > MAX_BYTES || self.held.contains_key(&sequence) {
            return;
        }
        self.bytes += body.len();
        let since = Instant::now();
        self.held.insert(sequence, Held { receipt, body, since });
    }

    /// Whether that one is there.
    pub fn has(&self, sequence: u64) -> bool {
        self.held.contains_key(&sequence)
    }

    /// Takes that one.
    pub fn take(&mut self, sequence: u64) -> Option<(Receipt, Bytes)> {
        let Held { receipt, body, .. } = self.held.remove(&sequence)?;
        self.bytes -= body.len();
        Some((receipt, body))
    }

    /// Lets go of what has been there for too long.
    pub fn tidy(&mut self) {
        let now = Instant::now();
        self.held.retain(|_, held| now - held.since < MAX_AGE);
        self.bytes = self.held.values().map(|held| held.body.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::send::sample;

    fn receipt(sequence: u64) -> Receipt {
        Receipt {
            sequence,
            ..sample::parcel(r#"{"event":"x","status":"y"}"#).receipt
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_at_hand_is_bounded_in_bytes_and_in_time() {
        let mut hand = Hand::default();
        let half = Bytes::from(vec![0; MAX_BYTES / 2]);
        for sequence in 1..=3 {
            hand.put(receipt(sequence), half.clone());
        }
        assert!(hand.has(1) && hand.has(2) && !hand.has(3));
        let (taken, _) = hand.take(1).unwrap();
        assert_eq!((taken.sequence, hand.take(1)), (1, None));

        tokio::time::advance(MAX_AGE / 2).await;
        hand.put(receipt(3), half.clone());
        tokio::time::advance(MAX_AGE / 2).await;
        hand.tidy();

        assert!(!hand.has(2) && hand.has(3));
        hand.put(receipt(4), half);
        assert!(hand.has(4));
    }
}
