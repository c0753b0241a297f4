//! Whether the inbox is sound, has room, and takes writes.

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use super::Finding;
use super::network::Receiver;
use crate::config::{InboxLocation, Settings};
use crate::inbox::Error;
use crate::inbox::sqlite::{Check, check, try_write};

const CHECK: &str = "inbox";

/// Below this much free space, in bytes, an operator should act soon.
const LOW_BYTES: u64 = 256 << 20;

/// Below this much, the next burst may be refused: a batch holds up to 8 MiB of bodies, and the log may have as much
/// that is not yet copied into the file.
const FULL_BYTES: u64 = 16 << 20;

pub async fn examine(settings: &Settings, receiver: &Receiver) -> Vec<Finding> {
    let InboxLocation::Sqlite(path) = &settings.inbox_location;
    let (path, runs) = (path.clone(), receiver.runs());
    let examined = spawn_blocking(move || vec![soundness(&path), space(&path), writing(&path, runs)]);
    examined.await.unwrap_or_else(|error| {
        vec![Finding::failure(
            CHECK,
            format!("it could not be examined: {error}"),
            "report this as a bug",
        )]
    })
}

fn soundness(path: &Path) -> Finding {
    let shown = path.display();
    match check(path) {
        Ok(Check::Missing) => Finding::ok(
            CHECK,
            format!("{shown} does not exist yet; the first start makes it"),
        ),
        Ok(Check::Sound { receipt_count, .. }) => Finding::ok(
            CHECK,
            format!("{shown} is sound and holds {receipt_count} receipts"),
        ),
        Err(Error::Corrupt { reason }) => Finding::failure(
            CHECK,
            format!("it is damaged, or no inbox: {reason}"),
            format!(
                "stop the receiver, keep a copy of {shown} and of the files beside it, and put a backup back; what can be \
                 read of a damaged file, `sqlite3 {shown} .recover` reads"
            ),
        ),
        Err(error) => Finding::failure(
            CHECK,
            error.to_string(),
            format!("make {shown} readable to the user that the receiver runs as"),
        ),
    }
}

fn space(path: &Path) -> Finding {
    const CHECK: &str = "free space";
    let folder = existing_folder(path);
    let shown = folder.display();
    let free_bytes = match rustix::fs::statvfs(&folder) {
        Ok(volume) => volume.f_bavail.saturating_mul(volume.f_frsize),
        Err(error) => {
            return Finding::warning(
                CHECK,
                format!("the free space of {shown} cannot be told: {error}"),
                "look at it with df",
            );
        }
    };
    let found = format!("{} MiB are free in {shown}", free_bytes >> 20);
    let advice = "make room on that volume, or lower inbox.retention_days; without room posts get 503";
    if free_bytes < FULL_BYTES {
        Finding::failure(CHECK, found, advice)
    } else if free_bytes < LOW_BYTES {
        Finding::warning(CHECK, found, advice)
    } else {
        Finding::ok(CHECK, found)
    }
}

fn writing(path: &Path, receiver_runs: bool) -> Finding {
    const CHECK: &str = "writing";
    let shown = path.display();
    match try_write(path) {
        Ok(()) if path.exists() => Finding::ok(CHECK, format!("{shown} takes writes")),
        Ok(()) => Finding::ok(CHECK, format!("the folder for {shown} takes writes")),
        Err(Error::InUse { .. }) if receiver_runs => Finding::ok(
            CHECK,
            format!("{shown} is in use by the running receiver; its /readyz says whether it takes writes"),
        ),
        Err(Error::InUse { reason }) => Finding::failure(
            CHECK,
            format!("{reason}, and that process does not answer at server.listen"),
            "end that process, or give each receiver an inbox of its own",
        ),
        Err(error) => Finding::failure(
            CHECK,
            format!("{shown} does not take writes: {error}"),
            "make the file and its folder writable to the user that the receiver runs as, and see that the volume is \
             neither full nor mounted read-only",
        ),
    }
}

/// The folder of a file, or the nearest one above that exists.
fn existing_folder(path: &Path) -> PathBuf {
    let folders = path.ancestors().skip(1);
    let mut folders = folders.map(|folder| {
        if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        }
    });
    folders
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("."))
        .to_owned()
}
