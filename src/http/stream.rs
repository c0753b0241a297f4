//! What hyper reads of a connection: one request at a time, and an end when the connection has waited for long enough.
//!
//! Three waits have an end of their own: for a request on a connection that lies idle, for the rest of a head from its
//! first byte on, and, during a stop, for whatever is unfinished or new. The rest of a body is its handler's to wait for. An
//! end is an end of file to hyper, which then closes without a word, as is right between requests.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::ConnectionSettings;
use super::framing::{Framing, Refused, Step};
use super::presence::{Presence, Wish};

/// How long a new connection may take to send something once a stop has begun: far more than its first bytes are behind.
const FIRST_REQUEST_TIME: Duration = Duration::from_secs(1);

/// What is read at once of a request that did not come whole.
const READ_BYTES: usize = 8 << 10;

/// No request can begin with these bytes, so hyper answers 400 to them and closes.
const NO_REQUEST: &[u8] = b"\0\r\n\r\n";

/// A socket that can be asked what it holds.
pub trait Socket: AsyncRead + AsyncWrite + Unpin {
    /// Whether bytes have arrived that were not read. Asks the system: a runtime learns of them a little later.
    fn has_unread(&self) -> bool;
}

impl Socket for TcpStream {
    fn has_unread(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        socket2::SockRef::from(self)
            .peek(&mut byte)
            .is_ok_and(|count| count > 0)
    }
}

/// A connection as hyper reads it.
pub struct Stream<S> {
    socket: S,
    framing: Framing,
    /// What has arrived and may not be handed on yet.
    held: BytesMut,
    /// Whether the peer sent what is no request: nothing more is read.
    is_refused: bool,
    /// Whether a request has begun to arrive.
    has_begun: bool,
    /// Whether an end of file was made up here.
    has_ended: bool,
    idle_timeout: Duration,
    head_timeout: Duration,
    stop_grace: Duration,
    presence: Arc<Presence>,
    /// Since when what is waited for now.
    waiting: Option<(Waiting, Instant)>,
    /// Since when the peer takes nothing of what is written.
    stuck_since: Option<Instant>,
    /// When the stop was seen to have begun.
    stopping_since: Option<Instant>,
    /// Armed for the next end or an earlier moment, so that a request costs no change of it.
    timer: Option<Pin<Box<Sleep>>>,
}

/// What is waited for: all of it, or the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Request,
    Head,
    Body,
}

impl<S: Socket> Stream<S> {
    pub fn new(socket: S, settings: &ConnectionSettings, presence: Arc<Presence>) -> Self {
        Self {
            socket,
            framing: Framing::default(),
            held: BytesMut::new(),
            is_refused: false,
            has_begun: false,
            has_ended: false,
            idle_timeout: settings.idle_timeout,
            head_timeout: settings.header_timeout,
            stop_grace: settings.stop_grace,
            presence,
            waiting: None,
            stuck_since: None,
            stopping_since: None,
            timer: None,
        }
    }

    /// Whether the peer is in the middle of a request, as far as is known.
    pub fn is_in_request(&self) -> bool {
        !self.framing.is_between_requests()
    }

    /// Whether a request has arrived on a connection that was ended because none had.
    pub fn has_late_request(&self) -> bool {
        self.has_ended && self.framing.is_between_requests() && self.socket.has_unread()
    }

    /// Whether more is held of what comes between requests than a line end may need.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn hoards(&self) -> bool {
        !self.is_refused && self.framing.is_between_requests() && self.held.len() > 1
    }

    /// The socket alone, when no more requests are to be read of it.
    pub fn into_socket(self) -> S {
        self.socket
    }

    /// Takes note that part of a request is handed on.
    fn hand_on(&mut self) {
        self.has_begun = true;
        if self.waiting.take().is_some() {
            self.presence.set_idle(None);
        }
    }

    fn refuse(&mut self, refused: Refused, out: &mut ReadBuf<'_>) -> io::Result<()> {
        self.is_refused = true;
        match refused {
            Refused::Head => {
                out.put_slice(&NO_REQUEST[..NO_REQUEST.len().min(out.remaining())]);
                Ok(())
            }
            Refused::Body => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the body's chunks are malformed",
            )),
        }
    }

    /// Nothing has arrived: the end, if its time has come, or else a waker for it.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waiting = if self.framing.is_between_requests() {
            Waiting::Request
        } else if self.framing.is_in_head() {
            Waiting::Head
        } else {
            Waiting::Body
        };
        let now = Instant::now();
        let since = match self.waiting {
            Some((same, since)) if same == waiting => since,
            _ => {
                self.waiting = Some((waiting, now));
                self.presence
                    .set_idle((waiting == Waiting::Request).then_some(now));
                now
            }
        };
        // Before the look at what is wished, or a wish could come in between and wake nobody.
        self.presence.waker.register(cx.waker());
        let wish = self.presence.wished();
        if wish == Wish::Stop {
            self.stopping_since.get_or_insert(now);
        }
        let grace = self.stopping_since.map(|since| since + self.stop_grace);
        let end = match waiting {
            // Whoever has just connected did so to send something.
            Waiting::Request if wish == Wish::Stop && !self.has_begun => {
                Some(since + self.stop_grace.min(FIRST_REQUEST_TIME))
            }
            Waiting::Request if wish > Wish::Stay => Some(now),
            Waiting::Request => Some(since + self.idle_timeout),
            Waiting::Head => [Some(since + self.head_timeout), grace]
                .into_iter()
                .flatten()
                .min(),
            Waiting::Body => grace,
        };
        let Some(end) = end else {
            return Poll::Pending;
        };
        if end > now {
            ready!(self.poll_timer(end, cx));
        }
        if self.socket.has_unread() {
            // It is answered. The runtime is about to learn of it, or has spent this task's share of time, and will
            // have it look again.
            return Poll::Pending;
        }
        match waiting {
            Waiting::Request | Waiting::Head => {
                self.has_ended = true;
                Poll::Ready(Ok(()))
            }
            Waiting::Body => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
    }

    /// The peer takes nothing: an error during a stop, once that has lasted for long enough.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let now = Instant::now();
        let stuck_since = *self.stuck_since.get_or_insert(now);
        self.presence.waker.register(cx.waker());
        if self.presence.wished() != Wish::Stop {
            return Poll::Pending;
        }
        let stopping_since = *self.stopping_since.get_or_insert(now);
        let end = stuck_since.max(stopping_since) + self.stop_grace;
        if end > now {
            ready!(self.poll_timer(end, cx));
        }
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    /// What came of a write, where it may wait.
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_pending() {
            return self.poll_stuck(cx).map(Err);
        }
        self.stuck_since = None;
        written
    }

    fn poll_timer(&mut self, end: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }

    /// Reads what has arrived into `out` and hands on as much of it as may be; holds the rest.
    fn poll_arrived(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<Handed>> {
        let before = out.filled().len();
        if self.held.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_read(cx, out))?;
        } else {
            let mut piece = [MaybeUninit::uninit(); READ_BYTES];
            let mut piece = ReadBuf::uninit(&mut piece);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut piece))?;
            self.held.extend_from_slice(piece.filled());
            let is_end = piece.filled().is_empty();
            return Poll::Ready(Ok(if is_end { Handed::End } else { Handed::Nothing }));
        }
        let arrived = &out.filled()[before..];
        if arrived.is_empty() {
            return Poll::Ready(Ok(Handed::End));
        }
        let (skipped, handed) = match self.framing.step(arrived, arrived.len()) {
            Ok(Step::HandOn(count)) => (0, count),
            Ok(Step::Skip(count)) => (count, 0),
            Ok(Step::Wait) => (0, 0),
            Err(refused) => {
                out.set_filled(before);
                self.refuse(refused, out)?;
                return Poll::Ready(Ok(Handed::Some));
            }
        };
        self.held.extend_from_slice(&arrived[skipped + handed..]);
        out.set_filled(before + handed);
        Poll::Ready(Ok(if handed > 0 { Handed::Some } else { Handed::Nothing }))
    }
}

/// What reading came to.
enum Handed {
    Some,
    Nothing,
    /// The peer sends nothing more.
    End,
}

impl<S: Socket> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.is_refused {
                return Poll::Ready(Ok(()));
            }
            if !this.held.is_empty() {
                match this.framing.step(&this.held, out.remaining()) {
                    Ok(Step::HandOn(count)) => {
                        out.put_slice(&this.held[..count]);
                        this.held.advance(count);
                        this.hand_on();
                        return Poll::Ready(Ok(()));
                    }
                    Ok(Step::Skip(count)) => {
                        this.held.advance(count);
                        continue;
                    }
                    Ok(Step::Wait) => {}
                    Err(refused) => return Poll::Ready(this.refuse(refused, out)),
                }
            }
            match this.poll_arrived(cx, out) {
                Poll::Ready(Ok(Handed::Some)) => {
                    this.hand_on();
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Ok(Handed::Nothing)) => {}
                Poll::Ready(Ok(Handed::End)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return this.poll_end(cx),
            }
        }
    }
}

/// Of one buffer at a time: head and body of an answer are small, and for hyper to copy them costs less than to have the system
/// gather them.
impl<S: Socket> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
