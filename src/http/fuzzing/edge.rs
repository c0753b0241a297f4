//! The bytes of a connection, through the stream and hyper, to a handler.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONNECTION;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::ConnectionSettings;
use super::super::framing::{MAX_HEAD_BYTES, check_head};
use super::super::path::make_plain;
use super::super::stream::{Socket, Stream};
use super::reference::{self, Wanted};

/// Where an input is to be cut: a byte that no head may hold. It is not sent.
const CUT: u8 = 0x1f;

/// How often a connection is polled that neither reads nor ends: it never would.
const MAX_POLLS: usize = 100_000;

/// What a peer sends, with marks where it is cut: the same requests reach a handler however it is cut, those that RFC 9112
/// finds in it, none of them with another body, and nothing behind one that is refused.
pub fn edge(input: &[u8]) {
    let pieces: Vec<&[u8]> = input
        .split(|byte| *byte == CUT)
        .filter(|piece| !piece.is_empty())
        .collect();
    let bytes = pieces.concat();
    let cuts = [vec![&*bytes], pieces, bytes.chunks(1).collect()];
    let [whole, cut, single] = cuts.each_ref().map(|pieces| handed_on(pieces, 512));
    assert_eq!(cut, whole);
    assert_eq!(single, whole);
    assert_eq!(handed_on(&cuts[1], 7), whole);

    let wanted = reference::requests(&bytes);
    let [whole, cut, single] = cuts.each_ref().map(|pieces| serve(pieces));
    assert_eq!(cut, whole);
    assert_eq!(single, whole);
    are_those(&whole, &wanted);
}

/// Whether what reached the handler is what the reference finds, as far as it goes.
fn are_those(served: &Served, wanted: &[Wanted]) {
    let seen = &served.seen;
    assert!(seen.len() <= wanted.len(), "{seen:?} of {wanted:?}");
    for (seen, wanted) in seen.iter().zip(wanted) {
        assert_eq!((&seen.method, &seen.target), (&wanted.method, &wanted.target));
        if seen.is_whole {
            assert!(wanted.is_whole, "{seen:?} is {wanted:?}");
            assert_eq!(seen.body, wanted.body);
        } else {
            assert!(wanted.body.starts_with(&seen.body));
        }
    }
    let plain_count = wanted
        .iter()
        .take_while(|wanted| wanted.is_plain && wanted.is_whole)
        .count();
    assert!(seen.len() >= plain_count, "{seen:?} of {wanted:?}");
    assert!(seen[..plain_count].iter().all(|seen| seen.is_whole));
    assert!(
        served
            .statuses
            .iter()
            .take(plain_count)
            .all(|status| *status == 200)
    );
    let is_last = |at: usize| at + 1 == served.statuses.len();
    for (at, status) in served.statuses.iter().enumerate() {
        assert!(
            *status == 200 || is_last(at),
            "nothing is answered behind {status}"
        );
    }
}

/// What is handed on of these pieces, and whether it ended with an error, where so many bytes are read at once.
fn handed_on(pieces: &[&[u8]], room: usize) -> (Vec<u8>, bool) {
    let mut stream = stream(Peer::of(pieces, &Arc::default()));
    let mut context = Context::from_waker(Waker::noop());
    let (mut out, mut space) = (Vec::new(), vec![0; room]);
    loop {
        let mut piece = ReadBuf::new(&mut space);
        match Pin::new(&mut stream).poll_read(&mut context, &mut piece) {
            Poll::Ready(Ok(())) if !piece.filled().is_empty() => out.extend(piece.filled()),
            Poll::Ready(result) => {
                assert!(!stream.hoards(), "what begins no request is refused");
                return (out, result.is_err());
            }
            Poll::Pending => unreachable!("the peer never waits"),
        }
    }
}

/// What became of a connection.
#[derive(Debug, PartialEq, Eq)]
struct Served {
    seen: Vec<Seen>,
    statuses: Vec<u16>,
}

/// A request that reached the handler.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    method: String,
    target: String,
    body: Vec<u8>,
    is_whole: bool,
}

/// Lets hyper serve what a peer sends, as `serve` sets it up, with a handler that reads every body.
fn serve(pieces: &[&[u8]]) -> Served {
    let (received, seen) = (Arc::new(Mutex::new(Vec::new())), Mutex::new(Vec::new()));
    let service = service_fn(async |request: axum::http::Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let mut head = axum::extract::Request::from_parts(parts, Body::empty());
        if check_head(&head).is_err() {
            let response = axum::http::Response::builder()
                .status(400)
                .header(CONNECTION, "close");
            return Ok::<_, Infallible>(
                response
                    .body(Full::<Bytes>::default())
                    .expect("it is well formed"),
            );
        }
        let target = reference::normal(&head.uri().to_string());
        make_plain(head.uri_mut());
        let (body, is_whole) = read(body).await;
        let status = if is_whole { 200 } else { 400 };
        seen.lock().push(Seen {
            method: head.method().to_string(),
            target,
            body,
            is_whole,
        });
        let response = axum::http::Response::builder().status(status);
        Ok(response.body(Full::default()).expect("it is well formed"))
    });
    let mut http = http1::Builder::new();
    http.header_read_timeout(None)
        .half_close(true)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES);
    let connection = http.serve_connection(TokioIo::new(stream(Peer::of(pieces, &received))), service);
    let mut connection = pin!(connection);
    let mut context = Context::from_waker(Waker::noop());
    let ended = (0..MAX_POLLS).any(|_| connection.as_mut().poll(&mut context).is_ready());
    assert!(ended, "a connection whose peer has ended ends");
    let statuses = statuses(&received.lock());
    let seen = std::mem::take(&mut *seen.lock());
    Served { seen, statuses }
}

/// What there is of a body, and whether that is all.
async fn read(mut body: Incoming) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match body.frame().await {
            None => return (bytes, true),
            Some(Err(_)) => return (bytes, false),
            Some(Ok(frame)) => bytes.extend(frame.into_data().unwrap_or_default()),
        }
    }
}

/// The statuses of answers, none of which has a body.
fn statuses(received: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(received);
    let lines = text.lines().filter_map(|line| line.strip_prefix("HTTP/1."));
    let statuses = lines.map(|line| line[2..5].parse().expect("hyper writes a status"));
    statuses.filter(|status| *status >= 200).collect()
}

fn stream(peer: Peer) -> Stream<Peer> {
    let limit = Duration::from_secs(600);
    let settings = ConnectionSettings {
        max_count: 1,
        header_timeout: limit,
        idle_timeout: limit,
        body_timeout: limit,
        write_timeout: limit,
        stop_grace: limit,
    };
    Stream::new(peer, &settings, Arc::default())
}

/// A connection whose peer sends these pieces, each read by itself, and then nothing more.
struct Peer {
    pieces: VecDeque<Bytes>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Peer {
    fn of(pieces: &[&[u8]], received: &Arc<Mutex<Vec<u8>>>) -> Self {
        Self {
            pieces: pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect(),
            received: Arc::clone(received),
        }
    }
}

impl Socket for Peer {
    fn has_unread(&self) -> bool {
        !self.pieces.is_empty()
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(piece) = self.pieces.front_mut() {
            out.put_slice(&piece.split_to(piece.len().min(out.remaining())));
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.received.lock().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
