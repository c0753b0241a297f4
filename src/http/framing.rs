//! Refuses requests whose end two readers could see in different places (RFC 9112, section 6.3 and 11.2).
//!
//! hyper refuses most of them. It lets pass, as the RFC allows, a request with both `Content-Length` and
//! `Transfer-Encoding`, and hides the former from its caller. This module is stricter: [`Guarded`] watches the
//! bytes on their way to hyper and spoils such a head, so that hyper answers 400 and closes the connection.
//! [`check_head`] looks at what a head says once it is parsed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::http::Version;
use axum::http::header::{HOST, TRANSFER_ENCODING};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::problem::Problem;

/// One `Host` (RFC 9112, section 3.2), and no transfer coding but `chunked` (section 6.1).
///
/// # Errors
/// The problem to answer; it closes the connection.
pub fn check_head(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let host_count = headers.get_all(HOST).iter().count();
    if host_count > 1 || host_count == 0 && request.version() == Version::HTTP_11 {
        return Err(Problem::malformed("a request has exactly one Host header"));
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if codings
        .next()
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        || codings.next().is_some()
    {
        return Err(Problem::unknown_transfer_coding());
    }
    Ok(())
}

/// A connection whose incoming bytes are watched.
pub struct Guarded<S> {
    stream: S,
    scanner: Scanner,
}

impl<S> Guarded<S> {
    /// Watches `stream`.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            scanner: Scanner::default(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.scanner.scan(&mut buf.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
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
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How much of a line that comes in pieces is kept. The lines that matter are shorter; a longer one that could be
/// one of them ends the watch with the connection.
const MAX_LINE_BYTES: usize = 128;

/// Follows the bytes of a connection from head to body to head.
///
/// It need not judge what hyper refuses anyway: in doubt it stops watching, since hyper then closes.
#[derive(Debug, Default)]
struct Scanner {
    place: Place,
    /// The start of the line that is being read, when it came in pieces.
    line: Vec<u8>,
    content_length: Option<u64>,
    is_chunked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    RequestLine,
    Header,
    /// In a body, or a chunk with its line end, with this much to go.
    Data(u64, Then),
    ChunkSize,
    Trailer,
    /// hyper will refuse what was met here.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    NextRequest,
    NextChunk,
}

impl Scanner {
    /// Reads on; overwrites the end of a header line that makes the framing ambiguous.
    fn scan(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() && self.place != Place::Lost {
            if let Place::Data(to_go, then) = self.place {
                let taken = to_go.min((bytes.len() - at) as u64);
                at += taken as usize;
                self.place = match (to_go - taken, then) {
                    (0, Then::NextRequest) => Place::RequestLine,
                    (0, Then::NextChunk) => Place::ChunkSize,
                    (to_go, then) => Place::Data(to_go, then),
                };
                continue;
            }
            let Some(length) = memchr::memchr(b'\n', &bytes[at..]) else {
                let room = MAX_LINE_BYTES - self.line.len().min(MAX_LINE_BYTES);
                self.line.extend(bytes[at..].iter().take(room));
                return;
            };
            let end = at + length;
            let is_sound = if self.line.is_empty() {
                self.line_ends(&bytes[at..end])
            } else {
                let mut line = std::mem::take(&mut self.line);
                let room = MAX_LINE_BYTES - line.len().min(MAX_LINE_BYTES);
                line.extend(bytes[at..end].iter().take(room));
                self.line_ends(&line)
            };
            if !is_sound {
                // No header line may hold this byte, so hyper answers 400 and closes.
                bytes[end] = 0;
                self.place = Place::Lost;
            }
            at = end + 1;
        }
    }

    /// Takes a whole line, without its line feed. Whether the framing is unambiguous so far.
    fn line_ends(&mut self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.place {
            // Empty lines before a request are skipped (RFC 9112, section 2.2).
            Place::RequestLine if line.is_empty() => {}
            Place::RequestLine => {
                (self.content_length, self.is_chunked) = (None, false);
                self.place = Place::Header;
            }
            Place::Header if line.is_empty() => {
                self.place = match (self.is_chunked, self.content_length) {
                    (true, _) => Place::ChunkSize,
                    (false, Some(length)) if length > 0 => Place::Data(length, Then::NextRequest),
                    (false, _) => Place::RequestLine,
                };
            }
            Place::Header => return self.header(line),
            Place::ChunkSize => {
                let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
                let size = std::str::from_utf8(&line[..digits])
                    .ok()
                    .and_then(|hex| u64::from_str_radix(hex, 16).ok());
                self.place = match size {
                    Some(0) => Place::Trailer,
                    // The chunk's data is followed by a line end of its own, which hyper demands as CR LF.
                    Some(size) if size < u64::MAX - 2 => Place::Data(size + 2, Then::NextChunk),
                    Some(_) | None => Place::Lost,
                };
            }
            Place::Trailer if line.is_empty() => self.place = Place::RequestLine,
            Place::Trailer | Place::Data(..) | Place::Lost => {}
        }
        true
    }

    fn header(&mut self, line: &[u8]) -> bool {
        // Most lines are of no interest; their first byte tells.
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T')) {
            return true;
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            return true;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            match std::str::from_utf8(value)
                .ok()
                .and_then(|value| value.parse().ok())
            {
                Some(length) if line.len() < MAX_LINE_BYTES => self.content_length = Some(length),
                // hyper refuses all but digits; whatever is this long is no honest length either.
                Some(_) | None => return false,
            }
        }
        !(self.is_chunked && self.content_length.is_some())
    }
}
