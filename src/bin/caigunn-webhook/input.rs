//! Files that commands are given.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;

/// Reads a file, or standard input where it is `-`.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = if path == Path::new("-") {
        let mut content = Vec::new();
        io::stdin().lock().read_to_end(&mut content).map(|_| content)
    } else {
        fs::read(path)
    };
    read.with_context(|| format!("reading {}", named(path)))
}

/// What to call it.
pub fn named(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.display().to_string(),
    }
}
