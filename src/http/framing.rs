//! Where one request of a connection ends and the next begins, so that hyper never sees beyond the one that it reads.
//!
//! hyper is more lenient than RFC 9112 demands: it hides a `Content-Length` beside a `Transfer-Encoding`, and skips
//! whatever stands behind a chunk's size. Two readers of such a request could see its end in different places (section
//! 11.2), so it is refused here, before hyper has a byte of it. So is one whose target has a fragment, which hyper leaves
//! out: a proxy in front may have let it pass by the whole. What hyper refuses by itself is left to it: then it closes the
//! connection, and where the request would have ended does not matter.

use axum::extract::Request;
use axum::http::Version;
use axum::http::header::{HOST, TRANSFER_ENCODING};

use super::problem::Problem;

/// The longest head, in bytes; hyper answers 431 to a longer one. Far more than any honest one.
pub const MAX_HEAD_BYTES: usize = 64 << 10;

/// The longest line of a chunk's size with its extensions, and the most bytes of a trailer, as hyper has them.
const MAX_LINE_BYTES: usize = 16 << 10;

/// One `Host` that names a host (RFC 9112, section 3.2), and no transfer coding but `chunked` (section 6.1).
///
/// # Errors
/// The problem to answer; it closes the connection.
pub fn check_head(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() != Version::HTTP_11 => {}
        (Some(host), None) if is_host(host.as_bytes()) => {}
        (Some(_), None) => return Err(Problem::malformed("the Host header names no host")),
        (_, _) => return Err(Problem::malformed("a request has exactly one Host header")),
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

/// Whether a text is `uri-host [ ":" port ]` (RFC 3986, section 3.2.2), which may be empty.
fn is_host(text: &[u8]) -> bool {
    let is_port = |rest: &[u8]| match rest {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if let [b'[', literal @ ..] = text {
        return memchr::memchr(b']', literal).is_some_and(|end| {
            let is_address = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
            end > 0 && literal[..end].iter().all(is_address) && is_port(&literal[end + 1..])
        });
    }
    let name = text.iter().take_while(|byte| **byte != b':').count();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte);
    text[..name].iter().all(is_name) && is_port(&text[name..])
}

/// A request with two readings, or one that no reader should guess at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// In its head: nobody has seen any of it.
    Head,
    /// In its body: the handler has it, and must learn that the rest will not come.
    Body,
}

/// Follows the bytes of a connection from head to body to head.
#[derive(Debug, Default)]
pub struct Framing {
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Between requests, or in a head of which so many bytes have been looked at.
    Head(usize),
    /// So many bytes belong to the request, whatever they are.
    Pass(u64, Then),
    /// A chunk's size comes next.
    ChunkSize,
    /// The line of a trailer comes next; so many bytes of trailers came before.
    Trailer(usize),
    #[default]
    Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    NextRequest,
    ChunkSize,
    Trailer(usize),
}

/// What to do with the bytes at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes from the front are empty lines before a request (RFC 9112, section 2.2), and nobody's.
    Skip(usize),
    /// So many bytes from the front are the request's. Never 0.
    HandOn(usize),
    /// More bytes are needed to tell.
    Wait,
}

impl Framing {
    /// Looks at the bytes that have arrived and were not handed on, at most `room` of which can be now.
    ///
    /// # Errors
    /// The framing is ambiguous or no framing at all. Nothing more is to be handed on.
    pub fn step(&mut self, bytes: &[u8], room: usize) -> Result<Step, Refused> {
        loop {
            match self.place {
                Place::Start => match (empty_lines(bytes), bytes) {
                    (0, [] | [b'\r']) => return Ok(Step::Wait),
                    // It is no method, so nobody need wait for the rest: a TLS handshake, for instance.
                    (0, [first, ..]) if !is_token_part(*first) => return Err(Refused::Head),
                    (0, _) => self.place = Place::Head(0),
                    (count, _) => return Ok(Step::Skip(count)),
                },
                Place::Head(looked_at) => match head_end(bytes, looked_at) {
                    Some(end) => self.place = framing(&bytes[..end])?,
                    // hyper answers 431.
                    None if bytes.len() > MAX_HEAD_BYTES => {
                        self.place = Place::Pass(u64::MAX, Then::NextRequest);
                    }
                    None => {
                        self.place = Place::Head(bytes.len().saturating_sub(2));
                        return Ok(Step::Wait);
                    }
                },
                Place::Pass(to_go, then) => {
                    let count = to_go.min(bytes.len().min(room) as u64);
                    if count == 0 {
                        return Ok(Step::Wait);
                    }
                    self.place = match (to_go - count, then) {
                        (0, Then::NextRequest) => Place::Start,
                        (0, Then::ChunkSize) => Place::ChunkSize,
                        (0, Then::Trailer(bytes)) => Place::Trailer(bytes),
                        (to_go, then) => Place::Pass(to_go, then),
                    };
                    return Ok(Step::HandOn(
                        usize::try_from(count).expect("it is at most `room`"),
                    ));
                }
                Place::ChunkSize => {
                    let Some(line) = line(bytes, MAX_LINE_BYTES)? else {
                        return Ok(Step::Wait);
                    };
                    let length = line.len() as u64 + 2;
                    self.place = match chunk_size(line).ok_or(Refused::Body)? {
                        0 => Place::Pass(length, Then::Trailer(0)),
                        // The chunk's data is followed by a line end of its own, which hyper demands as CR LF.
                        size => Place::Pass(length + size + 2, Then::ChunkSize),
                    };
                }
                Place::Trailer(before) => {
                    let Some(line) = line(bytes, MAX_LINE_BYTES.saturating_sub(before))? else {
                        return Ok(Step::Wait);
                    };
                    let length = line.len() + 2;
                    let then = if line.is_empty() {
                        Then::NextRequest
                    } else {
                        Then::Trailer(before + length)
                    };
                    self.place = Place::Pass(length as u64, then);
                }
            }
        }
    }

    /// Whether no request has begun since the last one ended.
    pub fn is_between_requests(&self) -> bool {
        self.place == Place::Start
    }

    /// Whether what is waited for is the rest of a head.
    pub fn is_in_head(&self) -> bool {
        matches!(self.place, Place::Head(_))
    }
}

/// How many bytes of empty lines there are at the front.
fn empty_lines(bytes: &[u8]) -> usize {
    let mut count = 0;
    loop {
        count += match bytes[count..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return count,
        };
    }
}

/// Where a head ends: after its first empty line. A line may end with a bare LF, as hyper has it (section 2.2).
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', &bytes[from..]).find_map(|at| match bytes[from + at + 1..] {
        [b'\n', ..] => Some(from + at + 2),
        [b'\r', b'\n', ..] => Some(from + at + 3),
        _ => None,
    })
}

/// What comes with and after a whole head.
fn framing(head: &[u8]) -> Result<Place, Refused> {
    let (mut length, mut is_chunked) = (None, false);
    let mut lines = head.split(|byte| *byte == b'\n');
    if lines.next().is_some_and(has_fragment) {
        return Err(Refused::Head);
    }
    for line in lines {
        // Most lines are of no interest; their first byte tells.
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T')) {
            continue;
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let stated = decimal(value).ok_or(Refused::Head)?;
            if length.replace(stated).is_some_and(|before| before != stated) {
                return Err(Refused::Head);
            }
        }
    }
    match (is_chunked, length) {
        (true, Some(_)) => Err(Refused::Head),
        (true, None) => Ok(Place::Pass(head.len() as u64, Then::ChunkSize)),
        (false, length) => Ok(Place::Pass(
            head.len() as u64 + length.unwrap_or(0),
            Then::NextRequest,
        )),
    }
}

/// Whether a request line has a target with a fragment, which none may have (RFC 9112, section 3.2). A method may have a `#`.
fn has_fragment(line: &[u8]) -> bool {
    memchr::memrchr(b'#', line).is_some_and(|at| line[..at].contains(&b' '))
}

/// A number of bytes in digits only, and not so large that sums of it overflow.
fn decimal(digits: &[u8]) -> Option<u64> {
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?;
    (is_number && number <= u64::MAX >> 1).then_some(number)
}

/// The first line, without its CR LF; `None` if it has not ended yet.
fn line(bytes: &[u8], max_bytes: usize) -> Result<Option<&[u8]>, Refused> {
    match memchr::memchr(b'\n', &bytes[..bytes.len().min(max_bytes + 2)]) {
        // hyper looks for the end of the trailers by CR LF alone; what follows a bare LF would be a trailer to it.
        Some(end) => bytes[..end].strip_suffix(b"\r").map(Some).ok_or(Refused::Body),
        None if bytes.len() > max_bytes => Err(Refused::Body),
        None => Ok(None),
    }
}

/// The size in a chunk's first line, if all of the line is as RFC 9112, section 7.1.1, has it.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let size = u64::from_str_radix(std::str::from_utf8(&line[..digits]).ok()?, 16).ok()?;
    let mut rest = &line[digits..];
    while !rest.is_empty() {
        rest = trim_start(rest).strip_prefix(b";")?;
        rest = token(trim_start(rest))?;
        if let Some(value) = trim_start(rest).strip_prefix(b"=") {
            let value = trim_start(value);
            rest = value.strip_prefix(b"\"").map_or_else(|| token(value), quoted)?;
        }
    }
    (size <= u64::MAX >> 1).then_some(size)
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| b" \t".contains(byte)).count()..]
}

/// What follows a token (RFC 9110, section 5.6.2); `None` if there is none.
fn token(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.iter().take_while(|byte| is_token_part(**byte)).count();
    (length > 0).then(|| &bytes[length..])
}

fn is_token_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What follows a quoted string (section 5.6.4) behind its first quote; `None` if it does not end.
fn quoted(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        bytes = match bytes {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', b'\t' | b' '..=b'~' | 0x80.., rest @ ..] => rest,
            [b'\t' | b' '..=b'~' | 0x80.., rest @ ..] => rest,
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests;
