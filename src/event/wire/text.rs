//! JSON as it is shown.

use std::borrow::Cow;

/// JSON in which each half of a surrogate pair, which many readers of JSON refuse, is U+FFFD instead.
pub fn paired(json: &str) -> Cow<'_, str> {
    const ESCAPE_BYTES: usize = r"\uXXXX".len();
    let unit = |at: usize| match json.get(at..)?.strip_prefix(r"\u")?.get(..4) {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => None,
    };
    let mut paired = String::new();
    let (mut at, mut copied_bytes) = (0, 0);
    // In JSON a backslash begins an escape, wherever it stands.
    while let Some(distance) = json[at..].find('\\') {
        at += distance;
        at += match (unit(at), unit(at + ESCAPE_BYTES)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 2 * ESCAPE_BYTES,
            (Some(0xd800..0xe000), _) => {
                paired.push_str(&json[copied_bytes..at]);
                paired.push_str(r"\ufffd");
                copied_bytes = at + ESCAPE_BYTES;
                ESCAPE_BYTES
            }
            (Some(_), _) => ESCAPE_BYTES,
            (None, _) => r"\n".len(),
        };
    }
    if copied_bytes == 0 {
        return Cow::Borrowed(json);
    }
    paired.push_str(&json[copied_bytes..]);
    Cow::Owned(paired)
}

/// JSON without the whitespace between its parts.
pub fn compact(json: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let is_kept = |character: &char| {
        let is_kept = is_text || !character.is_ascii_whitespace();
        is_text ^= *character == '"' && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        is_kept
    };
    json.chars().filter(is_kept).collect()
}
