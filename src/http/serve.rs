//! Connections: bound, accepted, limited, served by hyper, and ended in order.
//!
//! HTTP/1.1 and 1.0 only: CaiGunn and the proxies in front of us speak nothing else to a receiver, and one
//! protocol has one set of limits.

use std::convert::Infallible;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::framing::Guarded;
use super::{ConnectionSettings, Endpoint};

/// How many connections the system may hold ready for us; Linux caps it at net.core.somaxconn, 4096 by default.
const BACKLOG: i32 = 1024;

/// How much hyper reads ahead on a connection before it reads no more, and the longest head: far more than any
/// honest one.
const MAX_BUFFER_BYTES: usize = 64 << 10;

/// How long to wait after accept failed, as it does while no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long, and for how many bytes, a connection that we end is read on, so that the peer can read our answer
/// before the system resets what it was still sending (RFC 9112, section 9.6).
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 32 << 20;

/// The answer to a connection too many: short enough to be taken by the socket at once.
const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Type: application/problem+json\r\nContent-Length: 115\r\n\r\n\
    {\"type\":\"urn:caigunn-webhook:problem:overloaded\",\"title\":\"Overloaded\",\"status\":503,\"detail\":\"too many connections\"}";

/// Opens a listener.
///
/// # Errors
/// The address is in use, is not this machine's, or may not be bound.
pub fn bind(address: SocketAddr, settings: &ConnectionSettings) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // What is set here holds for accepted connections too. An answer is one write, so waiting to fill a packet
    // would only delay it.
    socket.set_tcp_nodelay(true)?;
    // The kernel ends a connection whose peer takes nothing for so long: a reader that never reads, or one that
    // is gone. Only Linux has it; elsewhere keep-alive must do.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(settings.write_timeout))?;
    socket.set_keepalive(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// An address to connect to: of a listener on all addresses, the loopback one.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Serves connections until `stop`; then ends those that are idle and waits for the requests of the others.
///
/// # Cancel safety
/// Dropping the future stops accepting; open connections go on until the runtime ends.
pub async fn serve(
    listener: TcpListener,
    endpoint: Endpoint,
    settings: ConnectionSettings,
    stop: CancellationToken,
) {
    let endpoint = Arc::new(endpoint);
    let connections = TaskTracker::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_header_size(MAX_BUFFER_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES);
    loop {
        // Both branches may be dropped: an accepted connection is not lost by a dropped accept.
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error.type = "accept", "cannot accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&endpoint.connections.room).try_acquire_owned() else {
            endpoint.connections.refused.inc();
            tracing::warn!(client.address = %peer.ip(), "refused a connection: {} are open", settings.max_count);
            // Best effort: if the socket does not take it now, the peer sees a closed connection.
            let _ = stream.try_write(TOO_MANY_CONNECTIONS);
            continue;
        };
        let (http, endpoint, stop) = (http.clone(), Arc::clone(&endpoint), stop.clone());
        connections.spawn(async move {
            connection(&http, stream, peer, endpoint, stop).await;
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(
    http: &http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    endpoint: Arc<Endpoint>,
    stop: CancellationToken,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let endpoint = Arc::clone(&endpoint);
        async move { Ok::<_, Infallible>(endpoint.answer(request.map(Body::new), peer).await) }
    });
    let stream = Lingering::new(Guarded::new(stream), stop.clone());
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = &mut connection => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // Nearly always a peer's doing: it went away, was too slow, or spoke no HTTP. hyper has answered.
        tracing::debug!(client.address = %peer.ip(), error.type = "connection", "a connection ended early: {error}");
    }
}

/// A stream that, when it is shut down, says so to the peer and then reads on for a while, discarding.
struct Lingering<S> {
    stream: S,
    stop: CancellationToken,
    /// Set when the shutdown has been sent.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Lingering<S> {
    fn new(stream: S, stop: CancellationToken) -> Self {
        Self {
            stream,
            stop,
            lingering: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let (deadline, discarded_bytes) = this
            .lingering
            .get_or_insert_with(|| (Box::pin(sleep(LINGER_TIME)), 0));
        let mut scratch = [MaybeUninit::uninit(); 8 << 10];
        while *discarded_bytes < LINGER_BYTES && !this.stop.is_cancelled() {
            let mut discarded = ReadBuf::uninit(&mut scratch);
            match Pin::new(&mut this.stream).poll_read(cx, &mut discarded) {
                Poll::Ready(Ok(())) if !discarded.filled().is_empty() => {
                    *discarded_bytes += discarded.filled().len();
                }
                // The peer is done, one way or another.
                Poll::Ready(_) => break,
                Poll::Pending => {
                    ready!(deadline.as_mut().poll(cx));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_answer_to_a_connection_too_many_is_whole() {
        let text = std::str::from_utf8(TOO_MANY_CONNECTIONS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();

        let lines: Vec<_> = head.split("\r\n").collect();
        let length = format!("Content-Length: {}", body.len());
        assert_eq!(
            lines,
            [
                "HTTP/1.1 503 Service Unavailable",
                "Retry-After: 5",
                "Connection: close",
                "Content-Type: application/problem+json",
                &length,
            ]
        );
        assert_eq!(
            serde_json::from_str::<Value>(body).unwrap(),
            json!({
                "type": "urn:caigunn-webhook:problem:overloaded",
                "title": "Overloaded",
                "status": 503,
                "detail": "too many connections",
            })
        );
    }
}
