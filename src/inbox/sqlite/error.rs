//! What an error of SQLite means.

use std::path::Path;

use rusqlite::ErrorCode;

use super::super::Error;
use super::values::concerns_a_value;
use super::{Wanted, holder, obstacle, volume};

/// What to look at where the system did not read or write, and not for want of room.
const IO_ADVICE: &str = "; see that no quota and no limit of a file's size (ulimit -f) is met, and what the kernel's log says of \
                         the disk";

/// What to look at where a file system takes no writes that is not said to be mounted so: a kernel that meets an error on a
/// disk writes nothing to it any more.
const READ_ONLY_ADVICE: &str = "; see that its volume is not mounted read-only, and what the kernel's log (`dmesg`) says of the disk: \
                                after an error there, the kernel takes no more writes until the file system has been \
                                checked (fsck) and mounted anew";

/// Sorts an error of SQLite by what an operator would do.
pub fn sort(path: &Path, verb: &str, error: &rusqlite::Error) -> Error {
    let wanted = if verb == "read" {
        Wanted::Reading
    } else {
        Wanted::Writing
    };
    sort_where(path, verb, wanted, error)
}

/// As [`sort`], where that was wanted of the files.
pub fn sort_where(path: &Path, verb: &str, wanted: Wanted, error: &rusqlite::Error) -> Error {
    let shown = path.display();
    let reason = format!("cannot {verb} {shown}: {}", words(error));
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => Error::unavailable(holder::words(path)),
        // An I/O error, too, where a file system has been mounted anew.
        Some(
            code @ (ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::SystemIoFailure),
        ) => {
            let obstacle = obstacle(path, wanted)
                .map(|obstacle| obstacle.to_string())
                .or_else(|| volume::shortage(path).filter(|_| wanted != Wanted::Reading || verb == "open"))
                .map(|obstacle| format!("cannot {verb} {shown}: {obstacle}"));
            // Which error of the system's it was SQLite tells by no safe call.
            let advice = match code {
                ErrorCode::SystemIoFailure => IO_ADVICE,
                ErrorCode::ReadOnly => READ_ONLY_ADVICE,
                _ => "",
            };
            Error::unavailable(obstacle.unwrap_or_else(|| reason + advice))
        }
        Some(ErrorCode::DiskFull) => Error::unavailable(format!("no space left for {shown}")),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt { reason },
        None if concerns_a_value(error) => Error::Corrupt { reason },
        _ => Error::Unavailable { reason },
    }
}

/// An error without the statements that it was met in: senders, too, are told of it.
fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// As of ext4 since Linux 6.13: who asks for the right to write has it, and no write comes to pass.
    #[test]
    fn that_a_volume_takes_no_writes_is_told_with_where_the_cause_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("inbox.db");
        let read_only = ffi::Error::new(ffi::SQLITE_READONLY);
        let said = "attempt to write a readonly database".to_owned();

        let error = sort(
            &path,
            "write to",
            &rusqlite::Error::SqliteFailure(read_only, Some(said)),
        );

        let expected = format!(
            "cannot write to {}: attempt to write a readonly database; see that its volume is not mounted read-only, and what \
             the kernel's log (`dmesg`) says of the disk: ",
            path.display()
        );
        let Error::Unavailable { reason } = error else {
            panic!("{error:?}");
        };
        assert!(reason.starts_with(&expected), "{reason}");
    }
}
