//! Bodies as they are shown: from the text as it came, so that no number and no escape in it becomes another.

use maud::{Markup, PreEscaped, html};

use super::parts::{is_hidden, name, put_visible};
use crate::accents::thinned;

/// How much of a body a page shows, in bytes.
pub const SHOWN_BYTES: usize = 256 << 10;

/// How long the pretty form of it may get.
const MAX_PRETTY_BYTES: usize = 1 << 20;

/// How deep is still indented.
const MAX_INDENT: usize = 24;

/// The longest command that a shell takes with a body in it, less what else is in it.
const MAX_ARGUMENT_BYTES: usize = 100 << 10;

/// The beginning of a body that is shown, and whether that is all of it.
pub fn shown(body: &str) -> (&str, bool) {
    let most = SHOWN_BYTES.min(body.len());
    let end = (0..=most)
        .rev()
        .find(|at| body.is_char_boundary(*at))
        .unwrap_or_default();
    (&body[..end], end == body.len())
}

/// A text to the letter in a `pre`, for who reads or copies it. What cannot be seen has its name before it, which is not copied,
/// and a box of its own: all other letters stand in their order, whatever is between them.
pub fn as_it_came(text: &str) -> Markup {
    let is_unseen = |letter: char| is_hidden(letter) && !matches!(letter, '\n' | '\t');
    html! {
        // A line end right behind the tag is none of the text.
        "\n"
        @for part in text.split_inclusive(is_unseen) {
            @let seen = part.trim_end_matches(is_unseen);
            (seen)
            @for letter in part[seen.len()..].chars() {
                @match letter {
                    // As itself it would be read as the end of a line.
                    '\r' => (PreEscaped("&#13;")),
                    _ => span.unseen data-label=(name(letter)) { (letter) },
                }
            }
        }
    }
}

/// JSON a value a line, with every value as it stands in the text. What is no JSON comes out with breaks where some would be.
/// Characters that cannot be seen are named, and accents that no letter can have counted.
pub fn pretty(json: &str) -> String {
    let mut pretty = Pretty::default();
    let mut is_escaped = false;
    let mut is_in_text = false;
    let json = thinned(json);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if pretty.text.len() > MAX_PRETTY_BYTES {
            pretty.text.push('…');
            break;
        }
        if is_in_text {
            pretty.put(letter);
            is_in_text = is_escaped || letter != '"';
            is_escaped = !is_escaped && letter == '\\';
            continue;
        }
        match letter {
            ' ' | '\t' | '\n' | '\r' => {}
            '{' | '[' => {
                while letters.next_if(|next| " \t\n\r".contains(*next)).is_some() {}
                pretty.put(letter);
                match letters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => pretty.put(end),
                    None => pretty.step(1),
                }
            }
            '}' | ']' => {
                pretty.step(-1);
                pretty.put(letter);
            }
            ',' => {
                pretty.put(letter);
                pretty.step(0);
            }
            ':' => pretty.text.push_str(": "),
            _ => {
                is_in_text = letter == '"';
                pretty.put(letter);
            }
        }
    }
    pretty.text
}

#[derive(Default)]
struct Pretty {
    text: String,
    depth: usize,
}

impl Pretty {
    fn put(&mut self, letter: char) {
        put_visible(&mut self.text, letter);
    }

    /// Begins a line so much deeper.
    fn step(&mut self, by: isize) {
        self.depth = self.depth.saturating_add_signed(by);
        self.text.push('\n');
        for _ in 0..self.depth.min(MAX_INDENT) {
            self.text.push_str("  ");
        }
    }
}

/// The command that posts a body to an application, to the byte; `None` where it is too long for a shell, or has what a terminal
/// that it is pasted into would follow.
pub fn curl(body: &str) -> Option<String> {
    let is_followed = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if body.contains(is_followed) {
        return None;
    }
    let quoted = body.replace('\'', r"'\''");
    let command = format!(
        "curl -H 'Content-Type: application/json' --data-binary '{quoted}' http://localhost:3000/hook"
    );
    (quoted.len() <= MAX_ARGUMENT_BYTES).then_some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_laid_out_and_no_value_of_it_is_touched() {
        let body =
            r#"{ "id":12345678901234567890.10,"a":[1, 2,{}],"e":[ ],"t":"a\"{,:\\","u":"\u00e9\ud83d" }"#;

        let expected = r#"{
  "id": 12345678901234567890.10,
  "a": [
    1,
    2,
    {}
  ],
  "e": [],
  "t": "a\"{,:\\",
  "u": "\u00e9\ud83d"
}"#;
        assert_eq!(pretty(body), expected);
        assert_eq!(pretty("\"a\u{202e}b\""), "\"a⟨U+202E⟩b\"");
        assert_eq!(
            pretty(&format!("\"Z{}\"", "\u{301}".repeat(30_000))),
            "\"Z\u{301}\u{301}\u{301}\u{301}⟨29996 more accents⟩\""
        );
        assert_eq!(pretty("}]not json"), "\n}\n]notjson");
    }

    #[test]
    fn what_cannot_be_seen_is_named_beside_a_text_that_stays_as_it_came() {
        let shown = as_it_came("{\r\n\t\"a\u{202e}<\u{2069}\u{2067}\"}").into_string();

        let boxed = |letter: char| {
            let name = name(letter);
            format!("<span class=\"unseen\" data-label=\"{name}\">{letter}</span>")
        };
        let [right, end, isolated] = ['\u{202e}', '\u{2069}', '\u{2067}'].map(boxed);
        assert_eq!(
            shown,
            format!("\n{{&#13;\n\t&quot;a{right}&lt;{end}{isolated}&quot;}}")
        );
    }

    #[test]
    fn whatever_is_laid_out_stays_small() {
        assert!(pretty(&"[".repeat(SHOWN_BYTES)).len() < MAX_PRETTY_BYTES + 100);
        assert!(pretty(&"[1,".repeat(SHOWN_BYTES / 3)).len() < MAX_PRETTY_BYTES + 100);
    }

    #[test]
    fn a_command_has_the_body_to_the_byte_whatever_is_in_it() {
        let body = "{\"it's\": \"$HOME `id` \\\\ \u{202e}\"}";

        let command = curl(body).unwrap().replacen("curl", "printf '%s|'", 1);

        let ran = std::process::Command::new("sh")
            .arg("-c")
            .arg(command)
            .output()
            .unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        assert!(printed.contains(&format!("|--data-binary|{body}|")), "{printed}");
        assert_eq!(curl(&"x".repeat(MAX_ARGUMENT_BYTES + 1)), None);
        assert!(curl("{\n\t\"a\":\r\n1}").is_some());
        for followed in ["\u{1b}[201~", "\u{7f}", "\u{9b}201~", "\0"] {
            assert_eq!(curl(&format!("{{\"a\":\"{followed}\"}}")), None, "{followed:?}");
        }
    }

    #[test]
    fn a_long_body_is_cut_between_characters() {
        let body = "ü".repeat(SHOWN_BYTES);

        let (begin, is_whole) = shown(&body);

        assert!(begin.len() <= SHOWN_BYTES && begin.len() > SHOWN_BYTES - 2 && !is_whole);
        assert_eq!(shown("ü"), ("ü", true));
    }
}
