//! The folder of the inbox, made so that a power cut does not take it away with all that is in it, and the file that a path leads
//! to.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// How many links may lead from one to the next, as in Linux.
const MAX_LINKS: usize = 40;

/// The folder that a file is in.
pub fn of(path: &Path) -> &Path {
    path.parent().map_or(Path::new("."), or_here)
}

/// A folder as the system takes it: of a name alone the one above is empty.
pub fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// The folder that a file is in, or would be, or the nearest above it that there is.
pub fn existing(path: &Path) -> &Path {
    let mut folders = path.ancestors().skip(1).map(or_here);
    folders.find(|folder| folder.is_dir()).unwrap_or(Path::new("."))
}

/// A path as a shell takes it.
pub fn quoted(path: &Path) -> String {
    let shown = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(&byte);
    match shown.bytes().all(is_plain) {
        true => shown,
        false => format!("'{}'", shown.replace('\'', r"'\''")),
    }
}

/// The folders that are to be made before there can be this file, the innermost first.
pub fn missing(path: &Path) -> Vec<PathBuf> {
    let folders = path.ancestors().skip(1).map(or_here);
    let missing = folders.take_while(|folder| matches!(folder.try_exists(), Ok(false)));
    missing.map(Path::to_owned).collect()
}

/// The file that a path leads to, over all links, whether there is one or not: locks, log and index lie beside that, not
/// beside a link to it.
///
/// # Errors
/// Its folder cannot be found.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    if let Ok(resolved) = fs::canonicalize(path) {
        return Ok(resolved);
    }
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
            return Ok(fs::canonicalize(of(&path))?.join(name));
        };
        path = of(&path).join(target);
    }
    Err(io::ErrorKind::InvalidInput.into())
}

/// Has the disk keep a folder: syncs it, and those above it, whose entries lead to it. All of them, since those that
/// were made by a start that was cut off look like any other.
pub fn sync(folder: &Path) -> io::Result<()> {
    for folder in fs::canonicalize(folder)?.ancestors() {
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            Ok(()) => {}
            Err(error) if is_not_ours_to_sync(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whoever may not read a folder, or write to where it is, did not make anything in it; and some file systems know of
/// no sync for folders.
fn is_not_ours_to_sync(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::InvalidInput
            | ErrorKind::Unsupported
    )
}
