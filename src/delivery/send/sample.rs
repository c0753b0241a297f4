//! What tests send.

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::Parcel;
use crate::clock::Timestamp;
use crate::delivery::{DestinationSettings, Filter, Format, Kind};
use crate::event;
use crate::inbox::{Origin, Receipt, ReceiptId};
use crate::rotating::Rotating;

/// The first attempt of a receipt with this body, which must be a notification.
pub fn parcel(body: &str) -> Parcel {
    let notification = event::parse(body.as_bytes()).expect("the test gives a notification");
    Parcel {
        receipt: Receipt {
            id: ReceiptId::new(Uuid::from_u128(0x0190_5c9b_0000_7000_8000_0000_0000_0001)),
            sequence: 1,
            received_at: Timestamp::from_micros(1_722_330_900_000_123),
            event: notification.name(),
            event_id: notification.event_id,
            chatbot_id: notification.chatbot_id,
            wire: notification.wire,
            origin: Origin::Webhook,
            body_bytes: body.len(),
            trace: None,
            damage: None,
        },
        body: Bytes::copy_from_slice(body.as_bytes()),
        attempt: 1,
        replay_count: 0,
    }
}

/// A destination called `app` that gets everything raw.
pub fn destination(kind: Kind, timeout: Duration) -> DestinationSettings {
    DestinationSettings {
        name: "app".to_owned(),
        filter: Filter::default(),
        since: None,
        max_in_flight: 16,
        max_per_second: None,
        timeout,
        format: Format::Raw,
        secrets: Rotating::new(Vec::new()),
        kind,
    }
}
