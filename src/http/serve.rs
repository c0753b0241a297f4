//! Connections: bound, accepted, limited, served by hyper, and ended in order.
//!
//! HTTP/1.1 and 1.0 only: CaiGunn and the proxies in front of us speak nothing else to a receiver, and one
//! protocol has one set of limits.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::framing::MAX_HEAD_BYTES;
use super::presence::{Presence, Wish};
use super::rooms::Room;
use super::stream::Stream;
use super::to_the_end::ToTheEnd;
use super::unread::Unread;
use super::{ConnectionSettings, Endpoint};

/// How long a listener on this machine may take to answer that it is there.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);

/// How many connections the system may hold ready for us; Linux caps it at net.core.somaxconn, 4096 by default.
const BACKLOG: i32 = 1024;

/// How long to wait after accept failed, as it does while no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection that we end is read on after the last byte came, so that the peer can read our answer before the
/// system resets what it was still sending (RFC 9112, section 9.6); and for how many bytes at most.
const LINGER_SILENCE: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 32 << 20;

/// How many connections too many are read on at once, so that their answer arrives, and for how long; of further ones it
/// may not.
const REFUSED_AT_ONCE: usize = 64;
const REFUSAL_TIME: Duration = Duration::from_secs(2);

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
    prepare(&socket, settings)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Takes a socket that somebody else has bound, and that listens already.
///
/// # Errors
/// It does not listen.
pub fn take(listener: std::net::TcpListener, settings: &ConnectionSettings) -> io::Result<TcpListener> {
    let socket = Socket::from(listener);
    // Else each accept would fail, again and again.
    #[cfg(target_os = "linux")]
    if !socket.is_listener()? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
    }
    prepare(&socket, settings)?;
    TcpListener::from_std(socket.into())
}

fn prepare(socket: &Socket, settings: &ConnectionSettings) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    // What is set here holds for accepted connections too. An answer is one write, so waiting to fill a packet
    // would only delay it.
    socket.set_tcp_nodelay(true)?;
    // The kernel ends a connection whose peer takes nothing for so long: a reader that never reads, or one that
    // is gone. Only Linux has it; elsewhere keep-alive must do.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(settings.write_timeout))?;
    socket.set_keepalive(true)
}

/// An address to connect to: of a listener on all addresses, the loopback one, of IPv4 or IPv6, where something listens.
/// Waits for both in turn, half a second at most.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let loopbacks: [IpAddr; 2] = match listen.ip() {
        ip if !ip.is_unspecified() => return listen,
        IpAddr::V4(_) => [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        IpAddr::V6(_) => [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
    };
    let [first, second] = loopbacks.map(|ip| SocketAddr::new(ip, listen.port()));
    let listens = |address| std::net::TcpStream::connect_timeout(address, LOOK_TIMEOUT).is_ok();
    if !listens(&first) && listens(&second) {
        second
    } else {
        first
    }
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
    let mut http = http1::Builder::new();
    // The stream has its own limits of time. A peer that has sent all it will may still wait for its answer.
    http.header_read_timeout(None)
        .half_close(true)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES);
    let rooms = endpoint.connections.rooms.clone();
    let mut server = Server {
        service: Arc::new(Service {
            http,
            endpoint: Arc::new(endpoint),
            settings,
            stop,
        }),
        connections: TaskTracker::new(),
        refusals: Arc::new(Semaphore::new(REFUSED_AT_ONCE)),
        refused: Refused::default(),
    };
    server.accept_until_stop(&listener).await;
    server.accept_what_waits(listener).await;
    rooms.stop();
    server.connections.close();
    server.connections.wait().await;
}

/// How connections are served.
struct Service {
    http: http1::Builder,
    endpoint: Arc<Endpoint>,
    settings: ConnectionSettings,
    stop: CancellationToken,
}

/// What accepts connections.
struct Server {
    service: Arc<Service>,
    connections: TaskTracker,
    /// A permit for each connection too many that is being answered.
    refusals: Arc<Semaphore>,
    refused: Refused,
}

/// Connections too many since the last line that said so.
#[derive(Default)]
struct Refused {
    count: usize,
    said_at: Option<Instant>,
}

impl Server {
    async fn accept_until_stop(&mut self, listener: &TcpListener) {
        let stop = self.service.stop.clone();
        loop {
            // An accepted connection is not lost by a dropped accept.
            match stop.run_until_cancelled(listener.accept()).await {
                None => return,
                Some(Ok((stream, peer))) => self.admit(stream, peer).await,
                Some(Err(error)) => {
                    tracing::warn!(error.type = "accept", "cannot accept a connection: {error}");
                    stop.run_until_cancelled(sleep(ACCEPT_PAUSE)).await;
                }
            }
        }
    }

    /// Takes the connections that the system holds ready: it would reset them when the listener is closed. Asks the
    /// system itself, of which the runtime learns a little later.
    async fn accept_what_waits(&mut self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            // One that fails has ended already.
            if let Ok(stream) = stream {
                self.admit(stream, peer).await;
            }
        }
    }

    /// Serves a connection, if there is room for it.
    async fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        let service = Arc::clone(&self.service);
        let connections = &service.endpoint.connections;
        if connections.rooms.are_being_made() {
            // Whoever made room for the last one ends now.
            yield_now().await;
        }
        let Some(room) = connections.rooms.take() else {
            connections.refused.inc();
            self.refused.say(service.settings.max_count);
            match Arc::clone(&self.refusals).try_acquire_owned() {
                Ok(permit) => {
                    self.connections.spawn(async move {
                        // However that ends, the next one has its turn.
                        let _ = timeout(REFUSAL_TIME, refuse(stream, service)).await;
                        drop(permit);
                    });
                }
                // Best effort: the system may take it back if the peer goes on sending.
                Err(_) => drop(stream.try_write(TOO_MANY_CONNECTIONS)),
            }
            return;
        };
        self.connections.spawn(async move {
            service.connection(stream, peer, &room).await;
            drop(room);
        });
    }
}

impl Refused {
    /// Says that a connection was refused, at most once a second.
    fn say(&mut self, open_count: usize) {
        self.count += 1;
        if self
            .said_at
            .is_some_and(|at| at.elapsed() < Duration::from_secs(1))
        {
            return;
        }
        tracing::warn!(
            error.type = "too_many_connections",
            "refused {} connections: {open_count} are open (server.max_connections)",
            self.count,
        );
        (self.count, self.said_at) = (0, Some(Instant::now()));
    }
}

/// Tells a peer that there is no room, and waits until it has read it.
async fn refuse(mut stream: TcpStream, service: Arc<Service>) {
    if stream.write_all(TOO_MANY_CONNECTIONS).await.is_ok() {
        service.linger(stream, &Presence::default()).await;
    }
}

impl Service {
    async fn connection(&self, mut socket: TcpStream, peer: SocketAddr, room: &Room) {
        let presence = &room.presence;
        loop {
            let stream = self.serve_requests(socket, peer, presence).await;
            let is_in_request = stream.is_in_request();
            // Looked at as late as can be, since nothing is answered once the peer is told of the end.
            let has_late_request = stream.has_late_request();
            socket = stream.into_socket();
            if has_late_request {
                continue;
            }
            // A stop waits for nobody who has his answer.
            if is_in_request || presence.wished() != Wish::Stop {
                self.linger(socket, presence).await;
            }
            return;
        }
    }

    async fn serve_requests(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
        presence: &Arc<Presence>,
    ) -> Stream<TcpStream> {
        let unread = Unread::default();
        let service = service_fn(|request: Request<Incoming>| {
            let (endpoint, unread) = (Arc::clone(&self.endpoint), unread.clone());
            let presence = Arc::clone(presence);
            ToTheEnd::new(async move {
                let is_wanted = || presence.wished() == Wish::Stay;
                Ok::<_, Infallible>(endpoint.answer_on(request, &unread, is_wanted, peer).await)
            })
        });
        let stream = Stream::new(socket, &self.settings, Arc::clone(presence));
        let mut connection = self.http.serve_connection(TokioIo::new(stream), service);
        let served = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
        if let Err(error) = served {
            // Nearly always a peer's doing: it went away, was too slow, or spoke no HTTP. hyper has answered.
            self.endpoint.telling.metrics.count_unreadable(&error);
            tracing::debug!(client.address = %peer.ip(), error.type = "connection", "a connection ended early: {error}");
        }
        connection.into_parts().io.into_inner()
    }

    /// Ends a connection once its peer has read what was written: what it still sends is read and thrown away. At once where its
    /// room is wanted, as that of one that lies idle.
    async fn linger(&self, mut stream: TcpStream, presence: &Presence) {
        if stream.shutdown().await.is_err() {
            return;
        }
        presence.set_idle(Some(Instant::now()));
        let reading = async {
            let mut piece = vec![0; 8 << 10];
            let mut room = LINGER_BYTES;
            while let Ok(Ok(count @ 1..)) = timeout(LINGER_SILENCE, stream.read(&mut piece)).await {
                let Some(left) = room.checked_sub(count) else {
                    return;
                };
                room = left;
            }
        };
        let stopping = async {
            self.stop.cancelled().await;
            sleep(self.settings.stop_grace).await;
        };
        // Whichever comes first, the connection is closed.
        tokio::select! {
            () = reading => {}
            () = stopping => {}
            () = presence.room_is_wanted() => {}
            () = sleep(self.settings.body_timeout) => {}
        }
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
