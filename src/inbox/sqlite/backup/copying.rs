//! One state of an inbox that is written to meanwhile, byte for byte.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use rusqlite::Connection;

use super::super::super::Error;
use super::super::log::frames::Log;
use super::super::{folder, schema, sort};
use super::{BackupError, Partial, Progress, Watch};

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

/// Copies the file as the last commit left it: what its log has of it from there, the rest from the file.
///
/// While this connection reads, nothing is copied from the log into the file but what the log has by now, and the log does not
/// begin anew before all of that is in the file. So what the log does not have by now stays in the file as it is.
pub fn copy_state(
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

    /// Has it be in no mode that needs a log, so that none is taken for its own ([`super::super::log`]), and the disk keep it.
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
        BackupError::To(if error.kind() == io::ErrorKind::StorageFull {
            format!("no space left for {to}")
        } else {
            format!("cannot copy {from} to {to}: {error}")
        })
    }
}

pub fn unreadable(from: &Path, why: impl Display) -> BackupError {
    BackupError::From(Error::unavailable(format!(
        "cannot read {}: {why}",
        from.display()
    )))
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
    Err(BackupError::To(format!(
        "{} has {} MiB free, and the copy takes {} MiB{}",
        folder.display(),
        free_bytes >> 20,
        bytes.div_ceil(1 << 20),
        if spare_bytes > 0 {
            ", beside 64 MiB that are left to the inbox on the same volume"
        } else {
            ""
        }
    )))
}
