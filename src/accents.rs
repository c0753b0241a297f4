//! What others have written, in lines of ours. First accents: what stands over or under the character before it and takes no
//! room of its own. Whoever sends thousands of them in a row has them cover what stands around.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

/// How many are shown in a row. Most languages put two at most on a letter, Vietnamese, Hebrew and Thai among them.
const MAX_IN_A_ROW: usize = 4;

/// How many characters of a name are shown in a line.
const MAX_NAME_CHARS: usize = 60;

/// A text with four accents in a row at most; in place of more it has their number.
pub fn thinned(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut thinned = String::with_capacity(text.len());
    let mut in_a_row = 0;
    for letter in text.chars() {
        if letter.width() == Some(0) {
            in_a_row += 1;
            if in_a_row > MAX_IN_A_ROW {
                continue;
            }
        } else {
            put_rest(&mut thinned, in_a_row);
            in_a_row = 0;
        }
        thinned.push(letter);
    }
    put_rest(&mut thinned, in_a_row);
    Cow::Owned(thinned)
}

/// What somebody has called something, in quotes, for a line of text: its first 60 characters, which neither break the line
/// nor turn its direction.
pub fn quoted(name: &str) -> String {
    let name = plain(&thinned(name).chars().take(MAX_NAME_CHARS).collect::<String>());
    format!("\"{}\"", name.replace('"', "\\\""))
}

/// A text in one line, with a mark in place of each character that cannot be seen and changes how others are.
pub fn plain(text: &str) -> String {
    let letters = text.chars();
    letters
        .map(|letter| if is_hidden(letter) { '\u{fffd}' } else { letter })
        .collect()
}

/// Whether a character controls a terminal, breaks a line or turns its direction.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON that was written, with what [`is_hidden`] tells written as numbers, so that a terminal and the journal can have it: the same
/// JSON, since that stands in texts alone, but for the ends of lines.
pub fn escaped(json: &str) -> Cow<'_, str> {
    // Of ASCII this is the one that writers of JSON leave as it is.
    const DELETE: u8 = 0x7f;
    if json.bytes().all(|byte| byte < DELETE) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len());
    for letter in json.chars() {
        if is_hidden(letter) && letter != '\n' {
            let _ = write!(escaped, "\\u{:04x}", u32::from(letter));
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

/// As much of a text as that many characters, and an ellipsis where there is more.
pub fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn put_rest(text: &mut String, in_a_row: usize) {
    if let Some(rest) = in_a_row.checked_sub(MAX_IN_A_ROW).filter(|rest| *rest > 0) {
        let _ = write!(text, "⟨{rest} more accents⟩");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_accents_in_a_row_four_are_shown_and_the_others_counted() {
        let stacked = format!("Z{}y{}", "\u{301}".repeat(30_000), "\u{20dd}\u{489}".repeat(3));

        assert_eq!(
            thinned(&stacked),
            "Z\u{301}\u{301}\u{301}\u{301}⟨29996 more accents⟩y\u{20dd}\u{489}\u{20dd}\u{489}⟨2 more accents⟩"
        );
    }

    #[test]
    fn a_name_is_shown_as_it_is_written_and_changes_nothing_around_it() {
        assert_eq!(quoted("客服❤\u{fe0f} ร้านค้าที่นี่"), "\"客服❤\u{fe0f} ร้านค้าที่นี่\"");
        assert_eq!(quoted("a\" (b)\n\u{202e}"), "\"a\\\" (b)\u{fffd}\u{fffd}\"");
        assert_eq!(quoted(&"x".repeat(61)).len(), 62);
    }

    #[test]
    fn json_is_the_same_without_what_a_terminal_would_follow() {
        let value = serde_json::json!(["a\u{9b}2J\u{7f}\u{202e}b\n", "네 é"]);

        let shown = escaped(&format!("{value}\n")).into_owned();

        assert_eq!(shown, "[\"a\\u009b2J\\u007f\\u202eb\\n\",\"네 é\"]\n");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert!(matches!(escaped("[\"plain\"]\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for written in [
            "plain",
            "Vie\u{302}\u{323}t",
            "ש\u{5bc}\u{5c1}\u{5b8}",
            "ที่นี่",
            "한국어",
            "1112\u{1112}\u{1161}\u{11ab}",
            "👩\u{200d}👩\u{200d}👧",
            "a\nb\0",
        ] {
            assert_eq!(thinned(written), written);
        }
    }
}
