//! The bytes of one connection: where the peer takes no more of them, what it has said is read nevertheless.
//!
//! A server that has seen enough of a request (too large, not allowed, or no matter) answers and closes. The rest of the
//! request then meets a closed connection, and its answer lies there to be read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Whatever carries bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The way of the bytes: TCP, with TLS, or with TLS in TLS.
pub type Carrier = Box<dyn Duplex>;

/// How far what was written has gone, as whoever drives the connection may ask. One task does both, so no order is needed.
#[derive(Clone, Default)]
pub struct Progress(Arc<AtomicU8>);

/// Some of it has still to be written.
const PART: u8 = 0;
/// The system has all of it.
const ALL: u8 = 1;
/// The peer takes no more.
const REFUSED: u8 = 2;

impl Progress {
    /// Whether all that was written is with the system, on its way to the peer.
    pub fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed) == ALL
    }

    /// Whether nothing is left to be written: all of it was, or nobody takes it.
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) != PART
    }

    fn is_refused(&self) -> bool {
        self.0.load(Ordering::Relaxed) == REFUSED
    }

    fn set(&self, state: u8) {
        self.0.store(state, Ordering::Relaxed);
    }
}

/// A connection as HTTP is spoken on it. What cannot be written any more passes for written, and what is read decides.
pub struct Stream {
    carrier: Carrier,
    progress: Progress,
    /// Why the peer takes no more, until it is told.
    refusal: Option<io::Error>,
}

impl Stream {
    /// Over that carrier, which is connected; `progress` is kept up to date.
    pub fn new(carrier: Carrier, progress: Progress) -> Self {
        Self {
            carrier,
            progress,
            refusal: None,
        }
    }

    fn written(&mut self, polled: Poll<io::Result<usize>>, length: usize) -> Poll<io::Result<usize>> {
        self.progress.set(PART);
        match polled {
            Poll::Ready(Err(error)) => {
                self.refuse(error);
                Poll::Ready(Ok(length))
            }
            polled => polled,
        }
    }

    fn refuse(&mut self, error: io::Error) {
        self.progress.set(REFUSED);
        self.refusal = Some(error);
    }
}

impl Drop for Stream {
    /// With TLS an end without a word may be somebody else's doing, and is a line in the log of many servers. What cannot be
    /// said at once is left unsaid.
    fn drop(&mut self) {
        let _ = Pin::new(&mut self.carrier).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.carrier).poll_read(context, buffer))?;
        // It has said all that it will.
        match this.refusal.take_if(|_| buffer.filled().len() == before) {
            Some(refusal) => Poll::Ready(Err(refusal)),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.progress.is_refused() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut this.carrier).poll_write(context, bytes);
        this.written(polled, bytes.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = slices.iter().map(|slice| slice.len()).sum();
        if this.progress.is_refused() {
            return Poll::Ready(Ok(length));
        }
        let polled = Pin::new(&mut this.carrier).poll_write_vectored(context, slices);
        this.written(polled, length)
    }

    fn is_write_vectored(&self) -> bool {
        self.carrier.is_write_vectored()
    }

    /// Is called when all is written, with TLS into its buffer.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.progress.is_refused() {
            match ready!(Pin::new(&mut this.carrier).poll_flush(context)) {
                Ok(()) => this.progress.set(ALL),
                Err(error) => this.refuse(error),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().carrier).poll_shutdown(context)
    }
}
