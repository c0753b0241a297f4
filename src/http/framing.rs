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
/// one of them is spoiled.
const MAX_LINE_BYTES: usize = 128;

/// Follows the bytes of a connection from head to body to head.
///
/// It need not judge what hyper refuses anyway: in doubt it stops watching, since hyper then closes.
#[derive(Debug, Default)]
struct Scanner {
    place: Place,
    /// The start of the line that is being read, when it came in pieces.
    line: Vec<u8>,
    /// The last byte of those pieces, also where it is past what is kept.
    last: Option<u8>,
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
    /// hyper will refuse the head that was spoiled.
    Spoiled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    NextRequest,
    NextChunk,
}

impl Scanner {
    /// Reads on; overwrites the end of a line that makes the framing ambiguous.
    fn scan(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            match self.place {
                Place::Lost => return,
                // hyper that had the start of the head before looks at the rest once it finds an empty line in it.
                Place::Spoiled => return bytes[at..].fill(b'\n'),
                Place::Data(to_go, then) => {
                    let taken = to_go.min((bytes.len() - at) as u64);
                    at += taken as usize;
                    self.place = match (to_go - taken, then) {
                        (0, Then::NextRequest) => Place::RequestLine,
                        (0, Then::NextChunk) => Place::ChunkSize,
                        (to_go, then) => Place::Data(to_go, then),
                    };
                    continue;
                }
                Place::RequestLine | Place::Header | Place::ChunkSize | Place::Trailer => {}
            }
            let Some(length) = memchr::memchr(b'\n', &bytes[at..]) else {
                self.keep(&bytes[at..]);
                self.last = bytes.last().copied();
                return;
            };
            let end = at + length;
            let last_of_pieces = self.last.take();
            let is_bare = bytes[at..end].last().copied().or(last_of_pieces) != Some(b'\r');
            let is_sound = if self.line.is_empty() {
                self.line_ends(&bytes[at..end], is_bare)
            } else {
                self.keep(&bytes[at..end]);
                let line = std::mem::take(&mut self.line);
                self.line_ends(&line, is_bare)
            };
            if !is_sound {
                // No line may hold this byte, so hyper answers 400, or ends the body with an error, and closes.
                bytes[end] = 0;
                let is_head = self.place == Place::Header;
                self.place = if is_head { Place::Spoiled } else { Place::Lost };
            }
            at = end + 1;
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = MAX_LINE_BYTES - self.line.len().min(MAX_LINE_BYTES);
        self.line.extend(piece.iter().take(room));
    }

    /// Takes a whole line, without its line feed; `is_bare` if no carriage return came before that. Whether the
    /// framing is unambiguous so far.
    fn line_ends(&mut self, line: &[u8], is_bare: bool) -> bool {
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
                // There may be more digits than were kept, and hyper takes any number of leading zeros.
                if digits >= MAX_LINE_BYTES {
                    return false;
                }
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
            // hyper looks for the end of the trailers by CR LF alone; what follows a bare LF would be a trailer to it.
            Place::Trailer if is_bare => return false,
            Place::Trailer if line.is_empty() => self.place = Place::RequestLine,
            Place::Trailer | Place::Data(..) | Place::Lost | Place::Spoiled => {}
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

#[cfg(test)]
mod tests;
