//! What goes into the inbox, and what becomes of it.

use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::announce::{Bearer, DUPLICATE_DIFFERS, Remarks};
use super::{QuarantineId, Quarantined, Receipt, ReceiptId, RequestId};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Identity, Name, Notification, Wire, parse};
use crate::trace::Trace;
use crate::words::words;

/// Something to store.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A valid notification.
    Receipt(NewReceipt),
    /// An authentic request that is being refused.
    Quarantine(NewQuarantined),
    /// Nothing: only proof that the store takes writes.
    Probe,
}

impl Entry {
    /// How many bytes of a sender's it holds.
    pub fn body_bytes(&self) -> usize {
        match self {
            Self::Receipt(receipt) => receipt.body.len(),
            Self::Quarantine(quarantined) => quarantined.body.len(),
            Self::Probe => 0,
        }
    }
}

/// What became of an [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is a receipt, or there was one.
    Receipt(Appended),
    /// It is in quarantine.
    Quarantined(QuarantineId),
    /// The store takes writes.
    Probed,
    /// It may be a repeat, and nothing is stored yet: whether it says the same as the original is more work than others
    /// should wait for. [`Writer::append`](super::Writer::append) finds it out, and never answers with this.
    Uncompared(Box<Uncompared>),
}

/// A notification that may be a repeat of a receipt: of the same identity, or without any id and after the last one of
/// its chatbot and event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncompared {
    /// The notification.
    pub receipt: NewReceipt,
    /// The receipt that is held.
    pub held_id: ReceiptId,
}

/// What became of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is a new receipt.
    New {
        /// The receipt.
        receipt_id: ReceiptId,
    },
    /// There is a receipt of the same identity already.
    Duplicate {
        /// The first one's receipt.
        receipt_id: ReceiptId,
        /// If its content is not the first one's: where the copy is kept.
        differs: Option<QuarantineId>,
    },
}

words!(
    /// How a notification came.
    pub enum Origin {
        /// CaiGunn posted it.
        Webhook = "webhook",
        /// This program found it in CaiGunn's event log.
        Backfill = "backfill",
    }
);

/// A notification to store: its body, and what the store must know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReceipt {
    /// The request that brought it.
    pub request_id: RequestId,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Its wire generation.
    pub wire: Wire,
    /// Its event name.
    pub name: Name,
    /// Its identity.
    pub identity: Identity,
    /// Its chatbot.
    pub chatbot_id: Option<ChatbotId>,
    /// The body, as received.
    pub body: Bytes,
    /// How it came.
    pub origin: Origin,
    /// Where it stands in a trace of its sender's, if it came with one.
    pub trace: Option<Box<Trace>>,
    /// What else its log line says.
    pub remarks: Remarks,
    /// The request that waits for it; `None` where none does, as with [`Origin::Backfill`].
    pub bearer: Option<Bearer>,
    /// The receipt that it was compared with, and differs from. One without any id need not be compared with that one
    /// again if it is still the last of its chatbot and event.
    pub differs_from: Option<ReceiptId>,
}

impl NewReceipt {
    /// What to store of `notification`, which was read from `body`.
    pub fn new(
        notification: &Notification,
        body: Bytes,
        received_at: Timestamp,
        request_id: RequestId,
        origin: Origin,
    ) -> Self {
        Self {
            request_id,
            received_at,
            wire: notification.wire,
            name: notification.name(),
            identity: notification.identity(),
            chatbot_id: notification.chatbot_id,
            body,
            origin,
            trace: None,
            remarks: Remarks::of(notification),
            bearer: None,
            differs_from: None,
        }
    }

    /// What was stored of a receipt, to be stored in another place.
    pub(super) fn again(receipt: &Receipt, body: &Bytes) -> Self {
        let identity = match receipt.event_id {
            Some(event_id) => Identity::Job {
                event_id,
                name: receipt.event.clone(),
            },
            // Without a job it is the body that tells, which was a notification when it was stored.
            None => parse(body).map_or(Identity::Windowed, |notification| notification.identity()),
        };
        Self {
            // It is kept with refused requests only.
            request_id: RequestId::new(Uuid::nil()),
            received_at: receipt.received_at,
            wire: receipt.wire,
            name: receipt.event.clone(),
            identity,
            chatbot_id: receipt.chatbot_id,
            body: body.clone(),
            origin: receipt.origin,
            trace: receipt.trace.clone(),
            remarks: Remarks::default(),
            bearer: None,
            differs_from: None,
        }
    }

    /// The model that it is known by, if it is.
    pub(super) fn model_id(&self) -> Option<Uuid> {
        match &self.identity {
            Identity::Model { model_id } => Some(model_id.uuid()),
            Identity::Job { .. } | Identity::Windowed => None,
        }
    }

    /// Whether it matters which one is the last of its chatbot and event: one without any id is compared with that.
    pub(super) fn is_followed(&self) -> bool {
        self.name.event == "training" || self.identity == Identity::Windowed
    }

    /// The job, if it is part of one.
    pub fn event_id(&self) -> Option<EventId> {
        match &self.identity {
            Identity::Job { event_id, .. } => Some(*event_id),
            Identity::Model { .. } | Identity::Windowed => None,
        }
    }
}

/// How much is kept of what was wrong with a request, and of its content type: a page of the quarantine has at most 500 of
/// these. What this program says itself is far shorter; a sender's header may have 64 KiB.
const MAX_QUARANTINE_TEXT_BYTES: usize = 1 << 10;

/// A refused request to keep.
#[derive(Clone, Debug)]
pub struct NewQuarantined {
    /// The request.
    pub request_id: RequestId,
    /// When it arrived.
    pub received_at: Timestamp,
    /// A short name of the reason, such as `not-json`.
    pub reason: String,
    /// What was wrong, for people.
    pub detail: String,
    /// The original, where this is a duplicate that differs from it.
    pub receipt_id: Option<ReceiptId>,
    /// Its content type, as sent.
    pub content_type: Option<String>,
    /// What was read of its body.
    pub body: Bytes,
    /// Whether there was more.
    pub truncated: bool,
}

impl NewQuarantined {
    /// What was kept of a request, to be kept in another place.
    pub(super) fn again(kept: &Quarantined, body: &Bytes) -> Self {
        Self {
            request_id: kept.request_id,
            received_at: kept.received_at,
            reason: kept.reason.clone(),
            detail: kept.detail.clone(),
            receipt_id: kept.duplicate_of.or(kept.accepted_as),
            content_type: kept.content_type.clone(),
            body: body.clone(),
            truncated: kept.truncated,
        }
    }

    /// What is kept of what was wrong.
    pub(super) fn kept_detail(&self) -> &str {
        start_of(&self.detail)
    }

    /// What is kept of its content type.
    pub(super) fn kept_content_type(&self) -> Option<&str> {
        self.content_type.as_deref().map(start_of)
    }

    /// A copy of a duplicate that says something else than its original.
    pub(super) fn differing(receipt: &NewReceipt, original_id: ReceiptId) -> Self {
        Self {
            request_id: receipt.request_id,
            received_at: receipt.received_at,
            reason: DUPLICATE_DIFFERS.to_owned(),
            detail: format!("it has the identity of receipt {original_id} but says something else"),
            receipt_id: Some(original_id),
            content_type: None,
            body: receipt.body.clone(),
            truncated: false,
        }
    }
}

impl Quarantined {
    /// [`Self::duplicate_of`] and [`Self::accepted_as`]. The store keeps one id for both: which of them that is only the
    /// reason tells, and none where that is no text.
    pub(super) fn related(reason: &[u8], receipt_id: Option<ReceiptId>) -> [Option<ReceiptId>; 2] {
        match str::from_utf8(reason) {
            Ok(DUPLICATE_DIFFERS) => [receipt_id, None],
            Ok(_) => [None, receipt_id],
            Err(_) => [None, None],
        }
    }
}

/// The state of the quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct QuarantineTotals {
    /// Bytes of bodies in it now.
    pub bytes: u64,
    /// Requests ever put into it.
    pub quarantined_count: u64,
    /// Requests that went out again for want of room.
    pub evicted_count: u64,
}

/// As much of a text as is kept beside a body in quarantine.
fn start_of(text: &str) -> &str {
    let mut end = text.len().min(MAX_QUARANTINE_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
