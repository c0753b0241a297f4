//! What an error of SQLite means.

use std::path::Path;

use rusqlite::ErrorCode;

use super::super::Error;
use super::values::concerns_a_value;
use super::{Wanted, holder, obstacle, volume};

/// What to look at where the system did not read or write, and not for want of room.
const IO_ADVICE: &str = "; see that no quota and no limit of a file's size (ulimit -f) is met, and what the kernel's log says of \
                         the disk";

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
    let reason = format!("cannot {verb} {shown}: {error}");
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
                .or_else(|| volume::shortage(path))
                .map(|obstacle| format!("cannot {verb} {shown}: {obstacle}"));
            // Which error of the system's it was SQLite tells by no safe call.
            let advice = match code {
                ErrorCode::SystemIoFailure => IO_ADVICE,
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
