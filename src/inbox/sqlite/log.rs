//! Whether the log beside a file is that file's, told from the bytes of both, before SQLite puts one into the other.
//!
//! SQLite takes the log that has the right name. Where a copy was put over an inbox after a crash, that is the log of what
//! was there before, and a part of its pages on top of the copy's is neither. What is known of a log that is the file's:
//!
//! - It is younger than the file's being in WAL mode, which the head of the file says. What `VACUUM INTO` makes, and so
//!   `inbox backup`, is not in that mode before it is first opened as an inbox.
//! - The first page of the file is as it was before the first commit of the log, or as some commit of the log left it.
//!   Every commit of ours counts in that page ([`super::commits`]), so it is known which it would have to be.
//!
//! Only what SQLite would take counts of a log: frames with the salts of its head and right checksums, up to the last
//! commit. See <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.
//!
//! Left out: copies of inboxes that commits were not counted in; a copy that was made by copying the bytes of a file while it
//! was between two commits that both changed it, for such a copy is damaged without any log; and what another program
//! wrote, which does not count.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use super::super::Error;
use super::{Check, commits, restore, schema};

/// The head of a file, at the front of its first page.
const HEAD_BYTES: usize = 100;

/// The head of a log, and that of each page in it.
const LOG_HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;

/// How often both are looked at if they change meanwhile. Where they go on changing, somebody writes to them, and then the log
/// is the file's.
const TRIES: usize = 3;

type Head = [u8; HEAD_BYTES];

/// A log that is not its file's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Foreign {
    /// There is no file, or an empty one, which SQLite takes for a reason to remove the log.
    WithoutFile,
    /// The file is another one, or the same one at another time.
    OfAnother,
    /// As [`Foreign::OfAnother`], and the log has a second name, under which [`super::restore()`] keeps it.
    Kept,
}

/// Whether a restore was cut off when the file had been replaced and its log had not gone yet.
///
/// # Errors
/// As [`refuse_foreign`], which says when it may be called.
pub fn is_of_cut_off_restore(path: &Path) -> Result<bool, Error> {
    find_foreign(path).map(|found| found == Some(Foreign::Kept))
}

/// Refuses a file beside which lies the log of another one.
///
/// Opens and closes the file, which takes away the locks that SQLite has on it in this process: so only before it has any.
///
/// # Errors
/// [`Error::Refused`] with what to do; [`Error::Unavailable`] if one of both cannot be read.
pub fn refuse_foreign(path: &Path) -> Result<(), Error> {
    let Some(foreign) = find_foreign(path)? else {
        return Ok(());
    };
    Err(Error::Refused {
        reason: format!("{}; {}", foreign.reason(path), foreign.advice(path)),
    })
}

/// As [`refuse_foreign`], for [`super::check()`].
pub fn check(path: &Path) -> Result<Option<Check>, Error> {
    let found = find_foreign(path)?;
    Ok(found.map(|foreign| Check::ForeignLog {
        reason: foreign.reason(path),
        advice: foreign.advice(path),
    }))
}

fn find_foreign(path: &Path) -> Result<Option<Foreign>, Error> {
    foreign(path).map_err(|error| Error::Unavailable {
        reason: format!("cannot read {} and its log: {error}", path.display()),
    })
}

/// Whether the log beside a file is another one's. Another process may write to both meanwhile.
fn foreign(path: &Path) -> io::Result<Option<Foreign>> {
    foreign_amid(path, || ())
}

/// As [`foreign`]; `meanwhile` is what others do between two reads, for tests.
fn foreign_amid(path: &Path, mut meanwhile: impl FnMut()) -> io::Result<Option<Foreign>> {
    let log_path = schema::beside(path, "-wal");
    for _ in 0..TRIES {
        // The file first: what has been copied into it by now is in the log that is read after it, unless that is begun
        // anew in between. Read the other way round, it may be in the file only.
        let head = read_start(path)?;
        meanwhile();
        let Some(mut log) = Log::open(&log_path)? else {
            return Ok(None);
        };
        meanwhile();
        let found = judge(path, head, &mut log)?;
        if found == Some(Foreign::OfAnother) && restore::keeps_log(path) {
            return Ok(Some(Foreign::Kept));
        }
        let is_as_it_was =
            || Ok::<_, io::Error>(read_start(path)? == head && read_start(&log_path)? == Some(log.head));
        if found.is_none() || is_as_it_was()? {
            return Ok(found);
        }
    }
    Ok(None)
}

fn judge(path: &Path, head: Option<Head>, log: &mut Log) -> io::Result<Option<Foreign>> {
    let Some(first_commit) = log.next_commit()? else {
        return Ok(None);
    };
    let Some(head) = head else {
        // What has no whole head and is not empty is no database, as SQLite says itself.
        let is_empty = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
        return Ok(is_empty.then_some(Foreign::WithoutFile));
    };
    if !head.starts_with(b"SQLite format 3\0") {
        return Ok(None);
    }
    let is_in_wal_mode = head[18..20] == [2, 2];
    if !is_in_wal_mode || page_bytes(&head) != log.page_bytes {
        return Ok(Some(Foreign::OfAnother));
    }
    let mut commit = Some(first_commit);
    let mut is_first = true;
    while let Some(heads) = commit {
        if let Some(logged) = heads {
            if (is_first && precedes(&head, &logged)) || logged[24..] == head[24..] {
                return Ok(None);
            }
            is_first = false;
        }
        commit = log.next_commit()?;
    }
    // Without any first page in the log there is nothing to compare.
    Ok((!is_first).then_some(Foreign::OfAnother))
}

/// Whether a head can be that of the file from before the log that first changed it so.
fn precedes(head: &Head, logged: &Head) -> bool {
    let (version, next) = (user_version(head), user_version(logged));
    let follows = match commits::count(version) {
        // The count begins anywhere, but of the tables one version comes after the other.
        0 => {
            (0..=1).contains(&(commits::tables_version(next).wrapping_sub(commits::tables_version(version))))
        }
        // None more if what first changed the page is the commit of another program.
        count => (0..=1).contains(&(commits::count(next).wrapping_sub(count) % commits::COUNT_MODULUS)),
    };
    // SQLite's counter of changes to tables goes up with `VACUUM`, which puts everything on other pages.
    let changes_of_tables = |head| word(head, 40);
    follows && changes_of_tables(head) <= changes_of_tables(logged)
}

impl Foreign {
    /// What was found.
    fn reason(self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::WithoutFile => format!("{path} is not there, but its log is: {path}-wal"),
            Self::OfAnother => format!(
                "{path}-wal is not the log of {path}, but of what was there before: it seems that a copy was put in its \
                 place after a crash"
            ),
            Self::Kept => format!(
                "{path} was restored, and that was cut off in its last step: {path}-wal is still that of the old inbox, \
                 which is kept under another name, with its log"
            ),
        }
    }

    /// What to do.
    fn advice(self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::WithoutFile => {
                "put the file back beside its log, or `caigunn-webhook inbox restore COPY`, which keeps \
                                  the log under another name"
                    .to_owned()
            }
            Self::OfAnother => format!(
                "nothing was changed; to have the copy: `mv {path} {path}.copy`, then `caigunn-webhook inbox restore \
                 {path}.copy`, which keeps the log under another name; to have the inbox as it was: put the file that it \
                 was in back at {path}"
            ),
            Self::Kept => {
                "start the receiver, which ends that step and goes on with what was restored".to_owned()
            }
        }
    }
}

/// A log that is read from its front.
struct Log {
    file: BufReader<File>,
    head: [u8; LOG_HEAD_BYTES],
    page_bytes: usize,
    is_big_endian: bool,
    /// Over all that was read.
    sums: (u32, u32),
    frame: Vec<u8>,
}

impl Log {
    /// Opens a log; `None` if SQLite would take nothing of it, or there is none.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut head = [0; LOG_HEAD_BYTES];
        if !filled(&mut file, &mut head)? {
            return Ok(None);
        }
        let is_big_endian = match word(&head, 0) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return Ok(None),
        };
        let sums = add_sums((0, 0), &head[..24], is_big_endian);
        let page_bytes = word(&head, 8) as usize;
        let is_right = sums == (word(&head, 24), word(&head, 28));
        if !is_right || !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
            return Ok(None);
        }
        Ok(Some(Self {
            file,
            head,
            page_bytes,
            is_big_endian,
            sums,
            frame: vec![0; FRAME_HEAD_BYTES + page_bytes],
        }))
    }

    /// The heads of the file that the next commit wrote, of which the last counts; `None` after the last commit.
    fn next_commit(&mut self) -> io::Result<Option<Option<Head>>> {
        let mut written = None;
        while filled(&mut self.file, &mut self.frame)? {
            let (head, page) = self.frame.split_at(FRAME_HEAD_BYTES);
            let sums = add_sums(self.sums, &head[..8], self.is_big_endian);
            self.sums = add_sums(sums, page, self.is_big_endian);
            let is_of_this_log = head[8..16] == self.head[16..24];
            if !is_of_this_log || self.sums != (word(head, 16), word(head, 20)) {
                break;
            }
            if word(head, 0) == 1 {
                written = page.first_chunk().copied();
            }
            let is_commit = word(head, 4) != 0;
            if is_commit {
                return Ok(Some(written));
            }
        }
        Ok(None)
    }
}

/// The first bytes of a file; `None` if it has fewer, or there is none.
fn read_start<const N: usize>(path: &Path) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    let is_filled = match File::open(path) {
        Ok(mut file) => filled(&mut file, &mut bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    Ok(is_filled.then_some(bytes))
}

/// Reads so much, if there is so much.
fn filled(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn word(bytes: &[u8], offset: usize) -> u32 {
    let word = bytes[offset..].first_chunk().expect("a head is longer");
    u32::from_be_bytes(*word)
}

fn user_version(head: &Head) -> i32 {
    word(head, 60).cast_signed()
}

fn page_bytes(head: &Head) -> usize {
    match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65_536,
        bytes => bytes.into(),
    }
}

/// The log's checksums, over further bytes.
fn add_sums(sums: (u32, u32), bytes: &[u8], is_big_endian: bool) -> (u32, u32) {
    let read = if is_big_endian {
        u32::from_be_bytes
    } else {
        u32::from_le_bytes
    };
    let (words, _) = bytes.as_chunks();
    let (pairs, _) = words.as_chunks();
    pairs
        .iter()
        .fold(sums, |(first, second), [even, odd]: &[[u8; 4]; 2]| {
            let first = first.wrapping_add(read(*even)).wrapping_add(second);
            let second = second.wrapping_add(read(*odd)).wrapping_add(first);
            (first, second)
        })
}
