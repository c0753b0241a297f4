//! What the store leaves uncompared is compared here, one at a time, beside the batches that follow.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::super::announce::Announcement;
use super::super::comparing::MAX_OVERTAKEN;
use super::super::{
    Appended, Entry, Error, Inbox, NewQuarantined, NewReceipt, ReceiptId, Stored, Uncompared,
};
use super::{Writer, ended};
use crate::event::{Identity, same_content};

/// Compares notifications with what is held.
#[derive(Debug)]
pub(in super::super) struct Comparer {
    /// How long a notification waits for its turn.
    patience: Duration,
    /// One compares at a time: it has an original of any size in memory, and what comparing takes, and keeps a core busy.
    turn: Semaphore,
}

impl Comparer {
    pub fn new(patience: Duration) -> Self {
        Self {
            patience,
            turn: Semaphore::new(1),
        }
    }

    /// Finds out what the store has left uncompared, and has it stored accordingly by `append`. What has come to an end
    /// without that is told by `tell`.
    pub async fn decide<A: Future<Output = Result<Stored, Error>>>(
        &self,
        inbox: &dyn Inbox,
        mut uncompared: Uncompared,
        append: impl Fn(Entry) -> A,
        tell: impl Fn(NewReceipt, Appended),
    ) -> Result<Stored, Error> {
        let duplicate = |receipt, receipt_id, differs| {
            let appended = Appended::Duplicate { receipt_id, differs };
            tell(receipt, appended);
            Ok(Stored::Receipt(appended))
        };
        for _ in 0..MAX_OVERTAKEN {
            let Uncompared { receipt, held_id } = uncompared;
            let entry = match self.is_same(inbox, &receipt, held_id).await? {
                Some(true) => return duplicate(receipt, held_id, None),
                Some(false) if receipt.identity != Identity::Windowed => {
                    let copy = NewQuarantined::differing(&receipt, held_id);
                    let Stored::Quarantined(id) = append(Entry::Quarantine(copy)).await? else {
                        unreachable!("what is to be in quarantine is stored there")
                    };
                    return duplicate(receipt, held_id, Some(id));
                }
                // New, unless another one has become the last of its chatbot and event.
                Some(false) => Entry::Receipt(NewReceipt {
                    differs_from: Some(held_id),
                    ..receipt
                }),
                None => Entry::Receipt(receipt),
            };
            match append(entry).await? {
                Stored::Uncompared(again) => uncompared = *again,
                stored => return Ok(stored),
            }
        }
        Err(Error::unavailable(
            "notifications of the same chatbot are stored faster than they can be compared",
        ))
    }

    /// Whether a receipt says the same; `None` if it is not held any more.
    async fn is_same(
        &self,
        inbox: &dyn Inbox,
        receipt: &NewReceipt,
        held_id: ReceiptId,
    ) -> Result<Option<bool>, Error> {
        let waited = self.patience;
        let turn = timeout(waited, self.turn.acquire());
        let _turn = turn.await.map_err(|_| Error::Timeout { waited })?;
        let Some((_, held)) = inbox.receipt(held_id).await? else {
            return Ok(None);
        };
        let body = receipt.body.clone();
        let is_same = spawn_blocking(move || same_content(&held, &body)).await;
        is_same.map(Some).map_err(|_| ended())
    }
}

impl Writer {
    /// As [`Writer::append`], of what the store has left uncompared. It goes on when nobody waits for it.
    pub(super) async fn compare(&self, uncompared: Uncompared) -> Result<Stored, Error> {
        let writer = self.clone();
        let deciding = tokio::spawn(async move {
            let append = |entry| writer.enqueue(entry);
            let tell = |mut receipt, appended| {
                writer
                    .announcer
                    .tell([(&Announcement::of(&mut receipt), appended)]);
            };
            let comparer = Arc::clone(&writer.comparer);
            comparer.decide(&*writer.inbox, uncompared, append, tell).await
        });
        deciding.await.unwrap_or_else(|_| Err(ended()))
    }
}
