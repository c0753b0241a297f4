//! Which texts name the file of an inbox.

use std::path::{Path, PathBuf};

/// What SQLite and this program put beside the file of an inbox, and take away, by what follows its name.
pub const BESIDE: [&str; 8] = [
    "-wal",
    "-shm",
    "-journal",
    "-wal.found",
    ".lock",
    ".restoring",
    ".addresses",
    ".addresses-new",
];

/// The file that a text names, which is taken as it stands: no shell, no URL and no SQLite reads it. So what only these
/// give a meaning to is refused, and so is what is no file's name.
///
/// # Errors
/// What is wrong with the text, and what to write instead.
pub fn named(text: &str) -> Result<PathBuf, String> {
    match mistake(text) {
        Some(mistake) => Err(mistake),
        None => Ok(PathBuf::from(text)),
    }
}

fn mistake(text: &str) -> Option<String> {
    if let Some(control) = text.chars().find(|character| character.is_control()) {
        return Some(format!(
            "it has the control character {control:?} in it, as of a line's end: leave that out"
        ));
    }
    let is_quoted = text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']);
    let is_folder = text.ends_with('/') || matches!(text.rsplit('/').next(), Some("." | ".."));
    let mistakes = [
        (text.is_empty(), "it names no file"),
        (
            text.trim() != text,
            "it begins or ends with a blank: leave that out (in the middle of a name one may be)",
        ),
        (
            is_quoted,
            "quotation marks are part of the name here: leave them out",
        ),
        (
            text == ":memory:",
            "an inbox in memory would be lost with the process: name a file",
        ),
        (
            text.starts_with("file:"),
            "SQLite's file: URIs are not read here: write the path alone",
        ),
        (
            text.starts_with("//"),
            "a path is no URL: write sqlite:/data/inbox.db, or sqlite:data/inbox.db in the folder where the receiver runs",
        ),
        (
            text.starts_with('~'),
            "~ is not replaced here: write the whole path, as in sqlite:/home/me/inbox.db",
        ),
        (
            has_variable(text),
            "variables are not replaced here: write what $… stands for",
        ),
        (
            text.contains('?'),
            "a path has no parameters: leave out what begins with ?",
        ),
        (
            has_escape(text),
            "% codes are not decoded here: write the character itself",
        ),
        (
            is_folder || Path::new(text).is_dir(),
            "it is a folder: name a file in it",
        ),
    ];
    if let Some((_, mistake)) = mistakes.into_iter().find(|(is_made, _)| *is_made) {
        return Some(mistake.to_owned());
    }
    let beside = BESIDE.iter().find(|suffix| text.ends_with(**suffix))?;
    Some(format!(
        "a name that ends with {beside} is that of a file which belongs to an inbox: name the inbox itself"
    ))
}

/// Whether a shell would see a variable in it.
fn has_variable(text: &str) -> bool {
    let after = text.split('$').skip(1).map(|after| after.chars().next());
    let begins_a_name = |next: char| next.is_ascii_alphabetic() || matches!(next, '_' | '{' | '(');
    after.flatten().any(begins_a_name)
}

/// Whether a URL would have a character written as a code in it.
fn has_escape(text: &str) -> bool {
    let mut after = text.split('%').skip(1);
    after.any(|after| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_by_the_name_it_has_however_odd() {
        for text in [
            "inbox.db",
            "data/inbox.db",
            "../data/inbox.db",
            "/data/inbox.db",
            "my inbox.db",
            "data of today/inbox.db",
            "inbox 100%.db",
            "inbox%5",
            "5$.db",
            "a~b.db",
            "Eingänge.db",
            "inbox",
            ".inbox",
            "-inbox.db",
            "a:b#c&d.db",
        ] {
            assert_eq!(named(text), Ok(PathBuf::from(text)));
        }
    }

    #[test]
    fn what_would_make_another_file_than_was_meant_is_refused_with_what_is_allowed() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().to_str().expect("a text").to_owned();
        for (text, said) in [
            ("", "it names no file"),
            ("inbox.db ", "begins or ends with a blank"),
            (" inbox.db", "begins or ends with a blank"),
            ("inbox.db\u{a0}", "begins or ends with a blank"),
            ("inbox.db\r", "control character '\\r'"),
            ("inbox\n.db", "control character '\\n'"),
            ("inbox\0.db", "control character '\\0'"),
            ("\"my inbox.db\"", "leave them out"),
            ("'inbox.db'", "leave them out"),
            ("inbox.db\"", "leave them out"),
            (":memory:", "name a file"),
            ("file:inbox.db", "write the path alone"),
            ("file:inbox.db?mode=rwc", "write the path alone"),
            ("//data/inbox.db", "sqlite:/data/inbox.db"),
            ("///data/inbox.db", "sqlite:/data/inbox.db"),
            ("~/inbox.db", "write the whole path"),
            ("~me/inbox.db", "write the whole path"),
            ("$HOME/inbox.db", "write what $"),
            ("/data/${NAME}.db", "write what $"),
            ("/data/$(hostname).db", "write what $"),
            ("/data/$_name.db", "write what $"),
            ("inbox.db?mode=rwc", "leave out what begins with ?"),
            ("my%20inbox.db", "write the character itself"),
            ("data/", "name a file in it"),
            ("data/.", "name a file in it"),
            ("..", "name a file in it"),
            ("/", "name a file in it"),
            (&folder, "name a file in it"),
            ("data/inbox.db-wal", "name the inbox itself"),
            ("data/inbox.db-shm", "name the inbox itself"),
            ("data/inbox.db-journal", "name the inbox itself"),
            ("data/inbox.db.lock", "name the inbox itself"),
            ("data/inbox.db.addresses", "name the inbox itself"),
            ("data/inbox.db.restoring", "name the inbox itself"),
        ] {
            let mistake = named(text).expect_err(text);
            assert!(mistake.contains(said), "{text:?}: {mistake}");
        }
    }
}
