//! The body that a destination gets.

use bytes::Bytes;
use serde::Deserialize;

use super::{Parcel, Report, cloudevents};

/// How a notification is put for a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// CaiGunn's bytes, unchanged.
    Raw,
    /// A CloudEvent, the same for both wire generations: see [`cloudevents`].
    CloudEvents,
}

impl Format {
    /// The media type of what [`Format::body`] gives.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Raw => "application/json",
            // CloudEvents 1.0, HTTP binding, section 3.2.1.
            Self::CloudEvents => "application/cloudevents+json",
        }
    }

    /// The body for one attempt.
    ///
    /// # Errors
    /// What is to be said of an accepted notification that is none any more, so that it can never be put so.
    pub async fn body(self, parcel: &Parcel) -> Result<Bytes, Report> {
        match self {
            Self::Raw => Ok(parcel.body.clone()),
            Self::CloudEvents => {
                let (receipt, body) = (parcel.receipt.clone(), parcel.body.clone());
                let written = aside(parcel.body.len(), move || cloudevents::write(&receipt, &body)).await;
                let unreadable = |error| format!("the body can no longer be read: {error}");
                written.map_err(|error| Report::unreadable(parcel.receipt.id, &unreadable(error)))
            }
        }
    }
}

/// From this size on, working through a body could keep a worker thread busy for a millisecond or more.
const LARGE_BODY_BYTES: usize = 128 << 10;

/// The result of `work` on a body of that size; on a thread for blocking work where that may take long.
pub async fn aside<T: Send + 'static>(body_bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if body_bytes < LARGE_BODY_BYTES {
        return work();
    }
    tokio::task::spawn_blocking(work)
        .await
        .expect("reading and signing return whatever the bytes")
}
