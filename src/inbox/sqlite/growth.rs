//! Whether SQLite's log grows since somebody goes on reading, and who that is.

use std::fs;
use std::path::Path;

use super::super::Space;
use super::hold::FileId;
use super::log::frames::FRAME_HEAD_BYTES;
use super::{holder, schema};

/// From how many bytes on a log is too long. It begins anew after 8 MiB, and is cut back to 64 MiB where a burst or a reader
/// that ends has made it longer (`journal_size_limit`): this is four times as much, and a backup of some GiB that reads for
/// some seconds is none of it. It is also what `doctor` calls little free space.
const LONG_BYTES: u64 = Space::LARGE_LOG_BYTES;

/// What a page takes in the log: its 4096 bytes, SQLite's default, and a head.
const PAGE_BYTES: u64 = 4096 + FRAME_HEAD_BYTES as u64;

/// In which bytes of the log's index whoever reads holds a lock, see <https://www.sqlite.org/walformat.html#wal_locks>.
const READ_LOCKS: std::ops::RangeInclusive<u32> = 123..=127;

/// What was said of a log.
#[derive(Debug, Default)]
pub struct Growth {
    is_said: bool,
}

/// What there is to say of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Long,
    Short,
}

impl Growth {
    /// Says that the log is too long, once, and that it no longer is. It has so many pages.
    pub fn look(&mut self, path: &Path, log_pages: u32) {
        let log_bytes = u64::from(log_pages) * PAGE_BYTES;
        match self.news(log_bytes) {
            None => {}
            Some(News::Long) => tracing::warn!(
                error.type = "long_log",
                "the log of the inbox, {}, has grown to {} MiB: something began to read the inbox and does not end, so that \
                 the log cannot begin anew. Look for a forgotten sqlite3 shell, or a backup or a check that hangs: {}. When \
                 it ends, the log is worked off beside the posts",
                schema::beside(path, "-wal").display(),
                log_bytes >> 20,
                suspects(path)
            ),
            Some(News::Short) => {
                tracing::info!("the log of the inbox has begun anew: nobody holds it up any more");
            }
        }
    }

    /// Whether it was last said that the log is too long.
    pub fn is_said(&self) -> bool {
        self.is_said
    }

    fn news(&mut self, log_bytes: u64) -> Option<News> {
        if log_bytes >= LONG_BYTES && !self.is_said {
            self.is_said = true;
            Some(News::Long)
        } else if log_bytes < LONG_BYTES / 2 && self.is_said {
            self.is_said = false;
            Some(News::Short)
        } else {
            None
        }
    }
}

/// Who reads, in words.
fn suspects(path: &Path) -> String {
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let index = FileId::at(&schema::beside(path, "-shm"));
    let readers = index.map_or(Vec::new(), |index| readers(&locks, index, std::process::id()));
    if readers.is_empty() {
        return "the system shows no other process that reads, so it may be in another container, or this receiver's admin API"
            .to_owned();
    }
    let named = readers.into_iter().map(holder::named);
    format!("{} reads", named.collect::<Vec<_>>().join(", "))
}

/// Other processes that read by the log's index.
fn readers(locks: &str, index: FileId, own: u32) -> Vec<u32> {
    let mut readers = holder::of_others(locks, "READ", index, own);
    readers.retain(|(_, first)| READ_LOCKS.contains(first));
    let mut readers: Vec<u32> = readers.into_iter().map(|(process, _)| process).collect();
    readers.sort_unstable();
    readers.dedup();
    readers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_is_spoken_of_once_until_it_has_been_short() {
        let mut growth = Growth::default();

        let said = [1, 255, 256, 300, 2_000, 200, 256, 127, 1, 256].map(|mib| growth.news(mib << 20));

        let (long, short) = (Some(News::Long), Some(News::Short));
        assert_eq!(
            said,
            [None, None, long, None, None, None, None, short, None, long]
        );
    }

    #[test]
    fn who_reads_is_found_among_all_locks_of_the_system() {
        let locks = "\
1: POSIX  ADVISORY  READ  12 08:01:78 124 124
2: POSIX  ADVISORY  READ  12 08:01:78 128 128
3: POSIX  ADVISORY  READ  13 08:01:78 128 128
4: POSIX  ADVISORY  WRITE 14 08:01:78 120 120
5: POSIX  ADVISORY  READ  15 08:01:178 124 124
6: POSIX  ADVISORY  READ  10 08:01:78 123 123
7: -> POSIX  ADVISORY  READ 16 08:01:78 124 124
8: POSIX  ADVISORY  READ  11 08:01:78 127 127
9: OFDLCK ADVISORY  READ  -1 08:01:78 127 127
10: POSIX  ADVISORY  WRITE 17 08:01:78 124 124
11: POSIX  ADVISORY  READ  9 08:01:78 123 123
12: POSIX  ADVISORY  READ  12 08:01:78 125 125
13: POSIX  ADVISORY  READ  18 08:02:78 124 124
";
        let index = FileId::new(0x801, 78);
        assert_eq!(readers(locks, index, 10), [9, 11, 12]);
        assert_eq!(readers(locks, FileId::new(0x801, 79), 10), [0; 0]);
        assert_eq!(readers("", index, 10), [0; 0]);
    }
}
