//! The connections to one destination.
//!
//! A connection is driven by the very attempt that uses it, and by nobody while it lies idle. So an attempt wakes no other
//! task and is woken by none but its socket, which is half of what it cost through a client that drives them for itself.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

use super::stream::{Carrier, Progress, Stream};
use super::{IDLE_TIMEOUT, MAX_AGE, MAX_HEADERS};

/// A connection with whoever drives it.
pub struct Link {
    pub sender: SendRequest<Full<Bytes>>,
    connection: Driven,
    /// Of what is written on it.
    pub progress: Progress,
    made_at: Instant,
}

/// A connection until it has ended. It is large, and goes from attempt to attempt.
type Driven = Option<Box<Connection<TokioIo<Stream>, Full<Bytes>>>>;

impl Link {
    /// HTTP over that carrier. Nothing is sent.
    ///
    /// # Errors
    /// None that is known.
    pub async fn over(carrier: Carrier) -> hyper::Result<Self> {
        // Old forms of headers make no other answer of a 200 (RFC 9112 sections 5.1 and 5.2), nor does a line that is none. Where
        // that was to tell the length of the body, it is read to the end of the connection.
        let mut builder = Builder::new();
        builder
            .max_headers(MAX_HEADERS)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true);
        let progress = Progress::default();
        let stream = TokioIo::new(Stream::new(carrier, progress.clone()));
        let (sender, connection) = builder.handshake(stream).await?;
        Ok(Self {
            sender,
            connection: Some(Box::new(connection)),
            progress,
            made_at: Instant::now(),
        })
    }

    /// The result of what waits for something of the connection, which is driven meanwhile.
    pub async fn driven<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        std::future::poll_fn(|context| {
            // It has something to say to the connection, or the connection to it.
            if let Poll::Ready(done) = waiting.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            self.poll(context);
            waiting.as_mut().poll(context)
        })
        .await
    }

    /// Does what can be done on it now.
    pub async fn advance(&mut self) {
        std::future::poll_fn(|context| {
            self.poll(context);
            Poll::Ready(())
        })
        .await;
    }

    /// Does what can be done on it now, and wakes the task when more can.
    pub fn poll(&mut self, context: &mut Context<'_>) {
        // How it ended, whoever waits for an answer is told.
        if self
            .connection
            .as_mut()
            .is_some_and(|connection| Pin::new(&mut **connection).poll(context).is_ready())
        {
            self.connection = None;
        }
    }

    /// Whether nothing more can be done on it.
    pub const fn has_ended(&self) -> bool {
        self.connection.is_none()
    }

    /// Whether another request may be sent on it: it says so itself, all of the one before was written, and it is not too old.
    fn is_ready(&self) -> bool {
        !self.has_ended()
            && self.sender.is_ready()
            && self.progress.is_complete()
            && self.made_at.elapsed() < MAX_AGE
    }
}

/// Connections that lie idle, since when.
pub struct Pool {
    idle: Mutex<Idle>,
    max_count: usize,
}

#[derive(Default)]
struct Idle {
    links: Vec<(Instant, Link)>,
    /// Somebody closes those that lie there for too long.
    is_tended: bool,
}

impl Pool {
    /// For so many at most.
    pub fn new(max_count: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            max_count,
        })
    }

    /// The one that was used last and is open.
    pub async fn take(&self) -> Option<Link> {
        loop {
            let (since, mut link) = self.idle.lock().links.pop()?;
            if since.elapsed() < IDLE_TIMEOUT {
                // What the peer has said meanwhile: nothing, if it goes on.
                link.advance().await;
                if link.is_ready() {
                    return Some(link);
                }
            }
        }
    }

    /// Takes one that was used, if it can be used again.
    pub async fn put(self: &Arc<Self>, mut link: Link) {
        // It says so itself when it takes another request.
        link.advance().await;
        if !link.is_ready() {
            return;
        }
        let mut idle = self.idle.lock();
        if idle.links.len() < self.max_count {
            idle.links.push((Instant::now(), link));
        }
        if !std::mem::replace(&mut idle.is_tended, true) {
            tokio::spawn(Arc::clone(self).tend());
        }
    }

    /// Closes what lies idle for too long, until nothing is left.
    async fn tend(self: Arc<Self>) {
        loop {
            let next = {
                let mut idle = self.idle.lock();
                idle.links.retain(|(since, _)| since.elapsed() < IDLE_TIMEOUT);
                let Some(since) = idle.links.iter().map(|(since, _)| *since).min() else {
                    idle.is_tended = false;
                    return;
                };
                since + IDLE_TIMEOUT
            };
            sleep_until(next).await;
        }
    }
}
