//! The head of an inbox's file, and what it shows of whoever writes to the file while it is open.
//!
//! While a connection has the file open, SQLite writes to it only what a checkpoint copies from the log, whichever program has
//! it do so, and in whatever program a commit was made. So three things hold of a file to which nothing else writes (`cp`, say):
//!
//! - Its head says all the time that it is a database with a log and pages of that size: nobody can change either of an open file.
//! - The count of commits in it ([`super::commits`]) is that of some commit since the one it had before, up to the last.
//! - It becomes no shorter than it was when it was opened, nor than what was in it then.
//!
//! Another program may break the last two by SQL: it may set `user_version`, put a copy in by SQLite's backup interface, or
//! `VACUUM`. But then its commit shows on our connection ([`super::opened::data_version`]), so these are only suspicions.
//!
//! Left out: what is written over other pages than the first, which shows when such a page is read, and a copy of what the
//! file was a moment ago.

use super::commits;

/// At the front of the first page, in bytes.
pub const HEAD_BYTES: usize = 100;

pub type Head = [u8; HEAD_BYTES];

/// A checkpoint may write the head while it is read; not so often in a row.
const TRIES: usize = 3;

/// Whether it is the head of a database.
pub fn is_database(head: &Head) -> bool {
    head.starts_with(b"SQLite format 3\0")
}

/// Whether it is that of a database with a log.
pub fn is_in_wal_mode(head: &Head) -> bool {
    head[18..20] == [2, 2]
}

/// The size of its pages.
pub fn page_bytes(head: &Head) -> usize {
    match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65_536,
        bytes => bytes.into(),
    }
}

/// What our commits are counted in.
pub fn user_version(head: &Head) -> i32 {
    i32::from_be_bytes([head[60], head[61], head[62], head[63]])
}

/// What was last seen of a file that is open.
pub struct Seen {
    page_bytes: u64,
    /// The count of commits in its head; `None` where it could not be read.
    commit_count: Option<u32>,
    /// What it is never shorter than.
    least_bytes: u64,
}

/// Who has written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Nobody but SQLite, as far as it shows.
    Sqlite,
    /// Something else, unless another program has changed it by SQL.
    Doubtful,
    /// Something else.
    Other,
}

impl Seen {
    /// Of a file that has just been opened, with this head and so many bytes, and content of so many; `None` if that may become
    /// less by our own commits.
    pub fn new(head: Option<&Head>, bytes: u64, page_bytes: u64, content_bytes: Option<u64>) -> Self {
        Self {
            page_bytes,
            commit_count: head.map(|head| commits::count(user_version(head))),
            least_bytes: content_bytes.map_or(0, |content_bytes| content_bytes.min(bytes)),
        }
    }

    /// Looks again at the file, which has so many bytes, after a last commit with that count.
    pub fn look(&mut self, read: impl Fn() -> Option<Head>, bytes: u64, last_count: u32) -> Writer {
        if bytes < HEAD_BYTES as u64 {
            return Writer::Other;
        }
        for _ in 0..TRIES {
            // Where it cannot be read SQLite says more.
            let Some(head) = read() else {
                return Writer::Sqlite;
            };
            let is_same_database =
                is_database(&head) && is_in_wal_mode(&head) && page_bytes(&head) as u64 == self.page_bytes;
            if !is_same_database {
                return Writer::Other;
            }
            let count = commits::count(user_version(&head));
            if self.may_have(count, last_count) {
                self.commit_count = Some(count);
                return if bytes < self.least_bytes {
                    Writer::Doubtful
                } else {
                    Writer::Sqlite
                };
            }
        }
        Writer::Doubtful
    }

    /// Whether a checkpoint can have put that count there. What was never counted begins anywhere.
    fn may_have(&self, count: u32, last_count: u32) -> bool {
        let behind = |count: u32| last_count.wrapping_sub(count) % commits::COUNT_MODULUS;
        match self.commit_count {
            None | Some(0) => true,
            Some(before) => count == before || behind(count) <= behind(before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_goes_up_to_that_of_the_last_commit_and_over_its_end() {
        let last = commits::COUNT_MODULUS - 1;
        for (before, count, last_count, is_possible) in [
            (7, 7, 9, true),
            (7, 8, 9, true),
            (7, 9, 9, true),
            (7, 10, 9, false),
            (7, 6, 9, false),
            (7, 0, 9, false),
            (7, 7, 7, true),
            (last, 0, 3, true),
            (last, 3, 3, true),
            (last, 4, 3, false),
            (last, last - 1, 3, false),
            (0, 123, 9, true),
        ] {
            let seen = Seen {
                page_bytes: 4_096,
                commit_count: Some(before),
                least_bytes: 0,
            };

            let found = seen.may_have(count, last_count);

            assert_eq!(found, is_possible, "{before}, {count}, {last_count}");
        }
    }
}
