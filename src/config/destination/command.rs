//! One that is a program.

use toml::Value;

use super::Member;
use crate::config::reader::Reader;
use crate::config::sources::Sources;
use crate::delivery::{Kind, command};

pub const KEYS: &[&str] = &["command"];

/// A program and its arguments as they are, blanks and quotes included.
pub fn read(reader: &mut Reader, member: Member, _: &Sources) -> Option<Kind> {
    let key = &member.key("command");
    let is_legal = |word: &&str| !word.contains('\0');
    let words = match reader.sourced(key).map(|sourced| sourced.value) {
        Some(Value::Array(words)) => words,
        _ => Vec::new(),
    };
    let words: Option<Vec<_>> = words.iter().map(|word| word.as_str().filter(is_legal)).collect();
    match words.unwrap_or_default().split_first() {
        Some((program, arguments)) if !program.is_empty() => Some(Kind::Command(command::Settings {
            program: (*program).to_owned(),
            arguments: arguments.iter().copied().map(str::to_owned).collect(),
        })),
        _ => {
            reader.refuse(key, "");
            None
        }
    }
}
