//! Bodies that their handlers leave unread, in part or whole.
//!
//! An answer that leaves before the body is read ends the connection, and whoever keeps it for the next request must be
//! told so (RFC 9112, section 9.6): a proxy puts the connection into its pool the moment it has the answer, and the next
//! sender's post is lost on it. So a short rest is read first, and of a long one the answer says `Connection: close`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::timeout;

/// How much of a rest is read so that the connection can stay. Beyond it a new connection is cheaper.
const SHORT_BYTES: usize = 64 << 10;

/// How long the rest may take, while the sender waits for an answer that is ready.
const SHORT_TIME: Duration = Duration::from_secs(2);

/// Where a connection's bodies come back to that are dropped before their end.
#[derive(Clone, Default)]
pub struct Unread(Arc<Mutex<Option<Incoming>>>);

impl Unread {
    /// A body that comes back here if it is dropped before its end.
    pub fn lend(&self, body: Incoming) -> Lent {
        Lent {
            body: Some(body),
            home: self.clone(),
        }
    }

    /// Takes what came back, if anything did.
    pub fn take(&self) -> Option<Rest> {
        self.0.lock().take().map(Rest)
    }
}

/// What is unread of a body. While it is held, hyper waits for somebody to read it.
pub struct Rest(Incoming);

impl Rest {
    /// Reads it; whether that was all of it, so that the connection can stay.
    pub async fn read(self) -> bool {
        let Self(mut body) = self;
        let rest = async {
            let mut room = SHORT_BYTES;
            while let Some(frame) = body.frame().await {
                let count = frame.ok()?.data_ref().map_or(0, Bytes::len);
                room = room.checked_sub(count)?;
            }
            Some(())
        };
        timeout(SHORT_TIME, rest).await.is_ok_and(|read| read.is_some())
    }
}

/// A request's body on its way through the handlers.
pub struct Lent {
    /// `None` once it has ended.
    body: Option<Incoming>,
    home: Unread,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take()
            && !body.is_end_stream()
        {
            *self.home.0.lock() = Some(body);
        }
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        // After an error nothing more comes either.
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
