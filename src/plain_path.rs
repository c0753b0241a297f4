//! The plain spelling of a path, as the receiver compares what is posted, and as it compares URLs at CaiGunn.

use std::borrow::Cow;

/// A path without empty segments, so without a slash at the end, and with unreserved characters as they are (RFC 3986,
/// section 6.2.2.2).
pub fn plain(path: &str) -> Cow<'_, str> {
    let is_plain = !path.contains("//") && !path.contains('%') && (path.len() <= 1 || !path.ends_with('/'));
    if is_plain || !path.starts_with('/') {
        return Cow::Borrowed(path);
    }
    let mut plain = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        plain.push('/');
        push_decoded(&mut plain, segment);
    }
    if plain.is_empty() {
        plain.push('/');
    }
    Cow::Owned(plain)
}

/// Adds a segment, its unreserved characters decoded and all else as it is.
fn push_decoded(plain: &mut String, segment: &str) {
    let mut pieces = segment.split('%');
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let decoded = piece
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte))
            .filter(|byte| !(byte.is_ascii_hexdigit() && awaits_digit(plain)));
        match decoded {
            Some(byte) => {
                plain.push(char::from(byte));
                plain.push_str(&piece[2..]);
            }
            None => {
                plain.push('%');
                plain.push_str(piece);
            }
        }
    }
}

/// Whether a text ends in what a digit more would make the encoding of a byte, which its author did not write.
fn awaits_digit(text: &str) -> bool {
    match text.as_bytes() {
        [.., b'%'] => true,
        [.., b'%', digit] => digit.is_ascii_hexdigit(),
        _ => false,
    }
}
