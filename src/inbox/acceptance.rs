//! Accepting after all what stands in quarantine, where it can be read as a notification now: its shape has become known,
//! or it came with the wrong content type. It goes the way of every post.

mod refused;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::{
    Appended, Entry, Error, Inbox, NewReceipt, Origin, QuarantineId, Quarantined, ReceiptId, Stored, Writer,
};
use crate::clock::Timestamp;
use crate::event::{Identity, Notification, ParseError, parse, same_content};

pub use refused::Refused;

/// What became of a request in quarantine that was accepted after all.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// Its receipt, however often it is accepted.
    pub receipt_id: ReceiptId,
    /// Whether that is a new one.
    pub is_new: bool,
    /// What it says.
    pub notification: Notification,
}

/// Why a request in quarantine cannot be accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// It is not there, or no longer.
    #[error("there is no such request in quarantine")]
    Unknown,
    /// Only a part of it is there.
    #[error("{}, so it cannot be read", how_much_is_kept(*.kept_bytes))]
    Cut {
        /// How much.
        kept_bytes: usize,
    },
    /// Another one counts.
    #[error("receipt {0} has its identity and says something else, and the first that comes counts")]
    Differs(ReceiptId),
    /// It is still none.
    #[error("it still cannot be read as a notification: {0}")]
    NoNotification(ParseError),
    /// The store fails.
    #[error(transparent)]
    Inbox(#[from] Error),
}

fn how_much_is_kept(bytes: usize) -> String {
    match bytes {
        0 => "nothing of its body is kept".to_owned(),
        bytes => format!("only the first {bytes} bytes of its body are kept"),
    }
}

/// Accepts what is asked for, one after the other: without a job and a model nothing else tells that one was accepted
/// already. It is sure then within one receiver; of two at the same moment each may make a receipt of such a one.
pub struct Acceptance {
    inbox: Arc<dyn Inbox>,
    writer: Writer,
    duplicate_window: Duration,
    /// What was accepted, and as which receipts, where the store has failed to take that down.
    unmarked: Mutex<HashMap<QuarantineId, ReceiptId>>,
}

impl Acceptance {
    /// For that inbox, through its writer, with the store's duplicate window.
    pub fn new(inbox: Arc<dyn Inbox>, writer: Writer, duplicate_window: Duration) -> Self {
        Self {
            inbox,
            writer,
            duplicate_window,
            unmarked: Mutex::default(),
        }
    }

    /// Accepts a request in quarantine, as if it came now, and takes down there as which receipt. Accepted again it has
    /// the same one.
    ///
    /// # Errors
    /// Why not; nothing was stored, unless the store failed in the middle of it: accepted again here, it has that receipt. Where
    /// the store did not answer in time, one without a job and a model may be a second receipt then.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the write, and is for what is asked again as if the store had not answered in time.
    pub async fn accept(&self, id: QuarantineId) -> Result<Accepted, NotAccepted> {
        let mut unmarked = self.unmarked.lock().await;
        let Some((kept, body)) = self.inbox.quarantined(id).await? else {
            unmarked.remove(&id);
            return Err(NotAccepted::Unknown);
        };
        if let Some(original_id) = kept.duplicate_of
            && self.inbox.receipt(original_id).await?.is_some()
        {
            return Err(NotAccepted::Differs(original_id));
        }
        let (notification, body) = readable(&kept, body).await?;
        let known = unmarked.get(&id).copied();
        if let Some(receipt_id) = known {
            self.inbox.accept_quarantined(id, receipt_id).await?;
            unmarked.remove(&id);
        }
        if let Some(receipt_id) = kept.accepted_as.or(known) {
            return Ok(Accepted {
                receipt_id,
                is_new: false,
                notification,
            });
        }
        if let Some(receipt_id) = self.differing(&notification, &body).await? {
            return Err(NotAccepted::Differs(receipt_id));
        }
        let receipt = NewReceipt::new(
            &notification,
            body,
            Timestamp::now(),
            kept.request_id,
            Origin::Webhook,
        );
        let mut appended = self.append(receipt.clone()).await?;
        // Without ids what says the same within the duplicate window is one notification, and that counts from when each
        // came, not from when this one is accepted: of a night's all would be one else.
        if let (Identity::Windowed, &Appended::Duplicate { receipt_id, .. }) = (&receipt.identity, &appended)
            && !self.came_together(receipt_id, kept.received_at).await?
        {
            let differs_from = Some(receipt_id);
            appended = self
                .append(NewReceipt {
                    differs_from,
                    ..receipt
                })
                .await?;
        }
        let (receipt_id, is_new) = match appended {
            Appended::New { receipt_id } => (receipt_id, true),
            Appended::Duplicate {
                receipt_id,
                differs: None,
            } => (receipt_id, false),
            // It came at this very moment.
            Appended::Duplicate { receipt_id, .. } => return Err(NotAccepted::Differs(receipt_id)),
        };
        // Of what is asked for by people, one by one, while the store fails.
        unmarked.insert(id, receipt_id);
        self.inbox.accept_quarantined(id, receipt_id).await?;
        unmarked.remove(&id);
        tracing::info!(
            quarantine_id = %id,
            %receipt_id,
            request_id = %kept.request_id,
            "accepted after all as receipt {receipt_id} what is in quarantine as {id}"
        );
        Ok(Accepted {
            receipt_id,
            is_new,
            notification,
        })
    }

    async fn append(&self, receipt: NewReceipt) -> Result<Appended, Error> {
        match self.writer.append(Entry::Receipt(receipt)).await? {
            Stored::Receipt(appended) => Ok(appended),
            _ => unreachable!("a receipt's entry is stored as a receipt"),
        }
    }

    /// Whether a receipt was received within the duplicate window of that time.
    async fn came_together(&self, receipt_id: ReceiptId, received_at: Timestamp) -> Result<bool, Error> {
        let held = self.inbox.receipt(receipt_id).await?;
        Ok(held.is_some_and(|(held, _)| held.received_at.distance(received_at) < self.duplicate_window))
    }

    /// The receipt of the same identity, if it says something else.
    async fn differing(
        &self,
        notification: &Notification,
        body: &Bytes,
    ) -> Result<Option<ReceiptId>, NotAccepted> {
        let Some(held) = self.inbox.find(notification.identity()).await? else {
            return Ok(None);
        };
        let Some((held, original)) = self.inbox.receipt(held.id).await? else {
            return Ok(None);
        };
        let body = body.clone();
        let is_same = spawn_blocking(move || original == body || same_content(&original, &body)).await;
        let is_same = is_same.expect("comparing returns whatever the bytes");
        Ok((!is_same).then_some(held.id))
    }
}

/// What a request in quarantine says, if that can be told.
async fn readable(kept: &Quarantined, body: Bytes) -> Result<(Notification, Bytes), NotAccepted> {
    if kept.truncated {
        let kept_bytes = kept.body_bytes;
        return Err(NotAccepted::Cut { kept_bytes });
    }
    let parsed = spawn_blocking(move || parse(&body).map(|notification| (notification, body))).await;
    parsed
        .expect("parse returns whatever the bytes")
        .map_err(NotAccepted::NoNotification)
}
