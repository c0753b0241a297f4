//! A copy of the whole inbox in one file, made while a receiver writes to it.
//!
//! It holds all that was committed before it began, needs no log beside it, and is on the disk before it has the name that
//! was asked for. The bytes are copied as they are: SQLite's backup interface would begin anew with each commit of the
//! receiver, and `VACUUM INTO` writes each row anew, which takes several times as long. What the receiver commits
//! meanwhile stays in its log, which grows.
//!
//! For a process that has not opened the inbox: the file is opened and closed here ([`super::hold`]). Left out: inboxes in
//! PostgreSQL, which has means of its own.

#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use uuid::Uuid;

use super::super::Error;
use super::hold::FileId;
use super::log::frames::Log;
use super::{Check, check, folder, log, schema, sort};

/// After so many steps of SQLite's check, some milliseconds, it is asked whether to go on.
const LOOK_STEPS: i32 = 20_000;

/// So many bytes of a copy are left to the system before it must have them on the disk. All at once, at the end, would
/// keep the syncs of a receiver on the same disk waiting.
const UNSYNCED_BYTES: u64 = 16 << 20;

/// How often the log is read if it begins anew meanwhile. It does so once at most while a reader is there: what is then written
/// to it does not go into the file, so it cannot end.
const LOG_TRIES: usize = 2;

/// Where the head of a file says how it is written and read, and what says "without a log".
const MODE_OFFSET: u64 = 18;
const ROLLBACK_MODE: [u8; 2] = [1, 1];

/// What is left free on the inbox's own volume, in bytes: its log grows while it is copied.
const SPARE_BYTES: u64 = 64 << 20;

/// How much of a copy is read as memory: all that SQLite allows.
const MAPPED_BYTES: i64 = 0x7fff_0000;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes are written.
    Copied {
        /// So far.
        bytes: u64,
        /// In the end.
        total_bytes: u64,
    },
    /// All is written and synced, and is now being read.
    Checking,
}

/// Is told how far it is, and says whether to go on.
pub type Watch = Arc<dyn Fn(Progress) -> bool + Send + Sync>;

/// A copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The receipts in it.
    pub receipt_count: u64,
    /// Its size.
    pub bytes: u64,
}

/// Why nothing was copied. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// What was to be copied cannot be read, or is nothing to be copied.
    #[error("cannot copy it")]
    From(#[source] Error),
    /// Where it was to go does not take it.
    #[error("{reason}")]
    To {
        /// What is wrong, and where, in words for an operator.
        reason: String,
    },
    /// Whoever watches wished so.
    #[error("it was stopped, and nothing is left of it")]
    Stopped,
}

/// Copies the inbox to a file that is not there yet, readable for this user alone, and reads the copy to see that it is
/// sound.
///
/// # Errors
/// What was in the way. Then there is no such file.
pub fn backup(inbox: &Path, to: &Path, watch: &Watch) -> Result<Copied, BackupError> {
    // The log lies beside the file itself, not beside a link to it.
    let inbox = fs::canonicalize(inbox).map_err(|error| {
        BackupError::From(Error::Unavailable {
            reason: format!("cannot find {}: {error}", inbox.display()),
        })
    })?;
    if !inbox.is_file() {
        // Whoever opens a pipe may wait for ever.
        return Err(BackupError::From(Error::Unavailable {
            reason: format!("{} is not a file", inbox.display()),
        }));
    }
    let to = target(to, &inbox)?;
    let mut name = Uuid::new_v4().simple().to_string();
    name.truncate(8);
    let partial = Partial::create(schema::beside(&to, &format!(".{name}.partial")))?;
    let copied = copy(&inbox, &partial, watch)?;
    partial.publish(&to)?;
    Ok(copied)
}

/// The whole path of a file that may be made.
fn target(to: &Path, inbox: &Path) -> Result<PathBuf, BackupError> {
    let refused = |reason: String| Err(BackupError::To { reason });
    let Some(name) = to.file_name() else {
        return refused(format!("{} is no name for a file", to.display()));
    };
    let folder = match fs::canonicalize(folder::of(to)) {
        Ok(folder) => folder,
        Err(error) => return refused(format!("cannot find the folder of {}: {error}", to.display())),
    };
    let path = folder.join(name);
    // SQLite would take a file with such a name for the inbox's, or for the copy's.
    let beside = ["", "-wal", "-shm", "-journal", ".lock"];
    if beside.iter().any(|suffix| path == schema::beside(inbox, suffix)) {
        return refused(format!(
            "{} belongs to the inbox: choose another name",
            to.display()
        ));
    }
    for suffix in ["", "-wal", "-journal"] {
        let taken = schema::beside(&path, suffix);
        if taken.symlink_metadata().is_ok() {
            return refused(format!("{} exists, and nothing is overwritten", taken.display()));
        }
    }
    Ok(path)
}

/// A file that is not finished. It goes when this is dropped, unless it was renamed.
pub struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    /// Makes an empty file.
    pub fn create(path: PathBuf) -> Result<Self, BackupError> {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match made {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => Err(failed("make", &path, &error)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, if nothing has that yet, and has the disk keep it.
    fn publish(&self, to: &Path) -> Result<(), BackupError> {
        let named = match fs::hard_link(&self.path, to) {
            // Not every file system has links. What takes the name in this moment is overwritten there.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && to.symlink_metadata().is_err() => {
                fs::rename(&self.path, to)
            }
            named => named,
        };
        let kept = named.and_then(|()| folder::sync(folder::of(to)));
        kept.map_err(|error| failed("make", to, &error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It may have another name by now.
        let _ = fs::remove_file(&self.path);
    }
}

/// Copies an inbox and what is in its log into an empty file, has the disk keep that, and reads it to see that it is sound.
pub fn copy(from: &Path, to: &Partial, watch: &Watch) -> Result<Copied, BackupError> {
    log::refuse_foreign(from).map_err(BackupError::From)?;
    if let Some(copied) = schema::alone(from, |opened| copy_state(opened, from, to, watch)) {
        copied?;
    } else {
        // Whoever has opened it meanwhile may have had half of it copied.
        to.file
            .set_len(0)
            .map_err(|error| failed("empty", &to.path, &error))?;
        let file = FileId::at(from);
        copy_state(schema::open_reader(from), from, to, watch)?;
        if FileId::at(from) != file {
            return Err(unreadable(from, "it was replaced meanwhile: begin anew"));
        }
    }
    inspect(from, to, watch)
}

/// Copies the file as the last commit left it: what its log has of it from there, the rest from the file.
///
/// While this connection reads, nothing is copied from the log into the file but what the log has by now, and the log does not
/// begin anew before all of that is in the file. So what the log does not have by now stays in the file as it is.
fn copy_state(
    opened: rusqlite::Result<Connection>,
    from: &Path,
    to: &Partial,
    watch: &Watch,
) -> Result<(), BackupError> {
    let refused = |error: rusqlite::Error| BackupError::From(sort(from, "read", &error));
    let connection = opened.map_err(refused)?;
    connection.execute_batch("BEGIN").map_err(refused)?;
    // The first read is what begins it.
    schema::version(&connection, from).map_err(BackupError::From)?;
    let file = File::open(from).map_err(|error| unreadable(from, error))?;
    let mut copying = Copying {
        from,
        to,
        watch,
        total_bytes: 0,
        bytes: 0,
        unsynced_bytes: 0,
    };
    let pages = copying.take_log(&file)?;
    let mut start = 0;
    for page in pages {
        copying.take(&file, start..page.start, start)?;
        start = page.end;
    }
    copying.take(&file, start..copying.total_bytes, start)?;
    copying.end()
}

/// A copy that is being written.
struct Copying<'a> {
    from: &'a Path,
    to: &'a Partial,
    watch: &'a Watch,
    total_bytes: u64,
    /// Written so far.
    bytes: u64,
    unsynced_bytes: u64,
}

impl Copying<'_> {
    /// Copies the newest of each page that the log has; which these are, in the file, in order.
    fn take_log(&mut self, file: &File) -> Result<Vec<Range<u64>>, BackupError> {
        let path = schema::beside(self.from, "-wal");
        let from = self.from;
        let failed_to_read = |error| unreadable(from, error);
        for _ in 0..LOG_TRIES {
            let read = Log::open(&path).and_then(|log| {
                let Some(mut log) = log else { return Ok(None) };
                Ok(log.newest_pages()?.map(|newest| (log, newest)))
            });
            let Some((log, newest)) = read.map_err(failed_to_read)? else {
                let metadata = file.metadata().map_err(failed_to_read)?;
                self.expect(metadata.len())?;
                return Ok(Vec::new());
            };
            let page_bytes = log.page_bytes() as u64;
            self.expect(u64::from(newest.page_count) * page_bytes)?;
            let mut pages = Vec::with_capacity(newest.offsets.len());
            for (number, offset) in newest.offsets {
                let start = u64::from(number - 1) * page_bytes;
                self.take(log.file(), offset..offset + page_bytes, start)?;
                pages.push(start..start + page_bytes);
            }
            if log.still_begins(&path).map_err(failed_to_read)? {
                return Ok(pages);
            }
        }
        Err(unreadable(from, "its log began anew again and again"))
    }

    /// Makes the copy as long as it will be, if there is room.
    fn expect(&mut self, bytes: u64) -> Result<(), BackupError> {
        see_that_it_fits(self.from, self.to, bytes)?;
        self.total_bytes = bytes;
        let sized = self.to.file.set_len(bytes);
        sized.map_err(|error| self.failed(&error))
    }

    /// Copies a part of a file to that place.
    fn take(&mut self, mut source: &File, part: Range<u64>, place: u64) -> Result<(), BackupError> {
        let mut target = &self.to.file;
        let found = source
            .seek(SeekFrom::Start(part.start))
            .and_then(|_| target.seek(SeekFrom::Start(place)));
        found.map_err(|error| self.failed(&error))?;
        let mut left = part.end.saturating_sub(part.start);
        while left > 0 {
            let (bytes, total_bytes) = (self.bytes, self.total_bytes);
            if !(self.watch)(Progress::Copied { bytes, total_bytes }) {
                return Err(BackupError::Stopped);
            }
            let step = left.min(UNSYNCED_BYTES - self.unsynced_bytes);
            // Where the source is shorter than it should be, the check finds zeros.
            io::copy(&mut source.take(step), &mut target).map_err(|error| self.failed(&error))?;
            left -= step;
            self.bytes += step;
            self.unsynced_bytes += step;
            if self.unsynced_bytes == UNSYNCED_BYTES {
                target.sync_data().map_err(|error| self.failed(&error))?;
                self.unsynced_bytes = 0;
            }
        }
        Ok(())
    }

    /// Has it be in no mode that needs a log, so that none is taken for its own ([`log`]), and the disk keep it.
    fn end(self) -> Result<(), BackupError> {
        let file = &self.to.file;
        let ended = if self.total_bytes > 0 {
            file.write_all_at(&ROLLBACK_MODE, MODE_OFFSET)
        } else {
            Ok(())
        };
        ended
            .and_then(|()| file.sync_all())
            .map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> BackupError {
        let (from, to) = (self.from.display(), self.to.path.display());
        BackupError::To {
            reason: if error.kind() == io::ErrorKind::StorageFull {
                format!("no space left for {to}")
            } else {
                format!("cannot copy {from} to {to}: {error}")
            },
        }
    }
}

fn unreadable(from: &Path, why: impl Display) -> BackupError {
    BackupError::From(Error::Unavailable {
        reason: format!("cannot read {}: {why}", from.display()),
    })
}

/// A disk that is full in the end would be full for a receiver, too.
fn see_that_it_fits(from: &Path, to: &Partial, bytes: u64) -> Result<(), BackupError> {
    let folder = folder::of(&to.path);
    // Where the system cannot tell, it shows.
    let (Ok(volume), Ok(from), Ok(file)) = (
        rustix::fs::statvfs(folder),
        fs::metadata(from),
        to.file.metadata(),
    ) else {
        return Ok(());
    };
    let free_bytes = volume.f_bavail.saturating_mul(volume.f_frsize);
    let spare_bytes = if from.dev() == file.dev() { SPARE_BYTES } else { 0 };
    if free_bytes >= bytes.saturating_add(spare_bytes) {
        return Ok(());
    }
    let reason = format!(
        "{} has {} MiB free, and the copy takes {} MiB{}",
        folder.display(),
        free_bytes >> 20,
        bytes.div_ceil(1 << 20),
        if spare_bytes > 0 {
            ", beside 64 MiB that are left to the inbox on the same volume"
        } else {
            ""
        }
    );
    Err(BackupError::To { reason })
}

/// Reads all of a copy; whatever is wrong with it is so in what it was made from.
fn inspect(from: &Path, copy: &Partial, watch: &Watch) -> Result<Copied, BackupError> {
    if !watch(Progress::Checking) {
        return Err(BackupError::Stopped);
    }
    let path = copy.path.as_path();
    let opened = schema::open_alone(path).and_then(|mut connection| {
        let watch = Arc::clone(watch);
        let is_stopped = move || !watch(Progress::Checking);
        // Nobody else has this file, so nobody makes it shorter, which would end whoever reads it so.
        connection.pragma_update(None, "mmap_size", MAPPED_BYTES)?;
        connection.progress_handler(LOOK_STEPS, Some(is_stopped))?;
        Ok(connection)
    });
    let inspected = check::inspect(opened, from);
    if !watch(Progress::Checking) {
        return Err(BackupError::Stopped);
    }
    match inspected.map_err(BackupError::From)? {
        Check::Sound { receipt_count, .. } => Ok(Copied {
            receipt_count,
            bytes: copy
                .file
                .metadata()
                .map_err(|error| failed("look at", path, &error))?
                .len(),
        }),
        Check::Missing | Check::Newer { .. } | Check::Foreign { .. } | Check::ForeignLog { .. } => {
            Err(BackupError::From(Error::Corrupt {
                reason: format!("{} is no inbox", from.display()),
            }))
        }
    }
}

/// That something could not be done to a file.
pub fn failed(verb: &str, path: &Path, error: &io::Error) -> BackupError {
    BackupError::To {
        reason: format!("cannot {verb} {}: {error}", path.display()),
    }
}
