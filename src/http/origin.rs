//! Where a request comes from.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;

use crate::clock::Timestamp;
use crate::inbox::RequestId;

/// What every request carries on its way through the handlers.
#[derive(Clone, Debug)]
pub struct Origin {
    pub request_id: RequestId,
    pub peer: SocketAddr,
    /// By the clock, as the id says it.
    pub received_at: Timestamp,
    pub started: Instant,
    /// The id that it came with.
    pub incoming_id: Option<Arc<str>>,
}

impl Origin {
    /// What [`super::request_log::log`] gave the request.
    pub fn of(request: &Request) -> &Self {
        request
            .extensions()
            .get()
            .expect("the log gives every request its origin")
    }
}
