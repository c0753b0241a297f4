//! Whether the log beside a file is that file's, told from the bytes of both, before SQLite puts one into the other.
//!
//! SQLite takes the log that has the right name. Where a copy was put over an inbox after a crash, that is the log of what
//! was there before, and a part of its pages on top of the copy's is neither. What is known of a log that is the file's:
//!
//! - It is younger than the file's being in WAL mode, which the head of the file says. What `inbox backup` makes, and
//!   `VACUUM INTO`, is not in that mode before it is first opened as an inbox.
//! - The first page of the file is as it was before the first commit of the log, or as some commit of the log left it.
//!   Every commit of ours counts in that page ([`super::commits`]), so it is known which it would have to be.
//!
//! Only what SQLite would take counts of a log ([`frames`]).
//!
//! Left out: copies of inboxes that commits were not counted in; a copy that was made by copying the bytes of a file while it
//! was between two commits that both changed it, for such a copy is damaged without any log; and what another program
//! wrote, which does not count.

pub mod frames;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use self::frames::{Log, read_start, word};
use super::super::Error;
use super::head::{Head, is_database, is_in_wal_mode, page_bytes, user_version};
use super::hold::FileId;
use super::{Check, Flaw, commits, folder, rights, schema};

/// How often both are looked at if they change meanwhile. Where they go on changing, somebody writes to them, and then the log
/// is the file's.
const TRIES: usize = 3;

/// What follows its name in that of one that was replaced, before the moment.
pub const UNTIL: &str = ".until-";

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

/// The other name under which a restore keeps the log that lies beside the inbox, if it does.
pub fn kept(inbox: &Path) -> Option<PathBuf> {
    let log_path = schema::beside(inbox, "-wal");
    let log = FileId::at(&log_path)?;
    let prefix = schema::beside(inbox, UNTIL);
    let mut files = fs::read_dir(folder::of(inbox)).ok()?.flatten();
    files.find_map(|file| {
        let path = file.path();
        let is_kept = path
            .as_os_str()
            .as_bytes()
            .starts_with(prefix.as_os_str().as_bytes());
        let is_log = || FileId::at(&path) == Some(log) || has_content(&path, &log_path).unwrap_or(false);
        (is_kept && is_log()).then_some(path)
    })
}

/// Whether two files hold the same, as where there are no second names.
fn has_content(path: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(path)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (
        BufReader::new(File::open(path)?),
        BufReader::new(File::open(other)?),
    );
    loop {
        let (these, those) = (one.fill_buf()?, other.fill_buf()?);
        let count = these.len().min(those.len());
        if count == 0 || these[..count] != those[..count] {
            return Ok(these.len() == those.len() && count == 0);
        }
        one.consume(count);
        other.consume(count);
    }
}

/// Has the disk keep the log beside a file, if there is one. SQLite takes from it whatever it finds, also what a receiver had
/// written and not yet synced when it was killed: a repeat of that is a duplicate, and its answer a promise.
///
/// # Errors
/// [`Error::Unavailable`] if it cannot be synced.
pub fn sync(path: &Path) -> Result<(), Error> {
    let log = schema::beside(path, "-wal");
    let synced = match File::open(&log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.and_then(|opened| opened.sync_all()),
    };
    let kept = synced.and_then(|()| folder::sync(folder::of(path)));
    kept.map_err(|error| Error::unavailable(format!("cannot sync {}: {error}", log.display())))
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
    Err(Error::refused(foreign.flaw(path).to_string()))
}

/// As [`refuse_foreign`], for [`super::check()`].
pub fn check(path: &Path) -> Result<Option<Check>, Error> {
    let found = find_foreign(path)?;
    Ok(found.map(|foreign| Check::ForeignLog(foreign.flaw(path))))
}

fn find_foreign(path: &Path) -> Result<Option<Foreign>, Error> {
    foreign(path).map_err(|error| {
        let obstacle = rights::obstacle(path, rights::Wanted::Reading);
        let why = obstacle.map_or_else(|| error.to_string(), |obstacle| obstacle.to_string());
        Error::unavailable(format!("cannot read {} and its log: {why}", path.display()))
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
        if found == Some(Foreign::OfAnother) && kept(path).is_some() {
            return Ok(Some(Foreign::Kept));
        }
        let is_as_it_was = || Ok::<_, io::Error>(read_start(path)? == head && log.still_begins(&log_path)?);
        if found.is_none() || is_as_it_was()? {
            return Ok(found);
        }
    }
    Ok(None)
}

fn judge(path: &Path, head: Option<Head>, log: &mut Log) -> io::Result<Option<Foreign>> {
    let Some(mut logged) = next_head(log)? else {
        return Ok(None);
    };
    let Some(head) = head else {
        // What has no whole head and is not empty is no database, as SQLite says itself.
        let is_empty = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
        return Ok(is_empty.then_some(Foreign::WithoutFile));
    };
    if !is_database(&head) {
        return Ok(None);
    }
    if !is_in_wal_mode(&head) || page_bytes(&head) != log.page_bytes() {
        return Ok(Some(Foreign::OfAnother));
    }
    let mut is_first = true;
    loop {
        if let Some(logged) = logged {
            if (is_first && precedes(&head, &logged)) || logged[24..] == head[24..] {
                return Ok(None);
            }
            is_first = false;
        }
        match next_head(log)? {
            Some(next) => logged = next,
            // Without any first page in the log there is nothing to compare.
            None => return Ok((!is_first).then_some(Foreign::OfAnother)),
        }
    }
}

/// The head of the file as the next commit of its log wrote it, if it did; `None` after the last commit.
fn next_head(log: &mut Log) -> io::Result<Option<Option<Head>>> {
    let mut written = None;
    let commit = log.next_commit(|number, _, page| {
        if number == 1 {
            written = page.first_chunk().copied();
        }
    })?;
    Ok(commit.map(|_| written))
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
    /// What was found, and what to do.
    fn flaw(self, path: &Path) -> Flaw {
        let (path, quoted) = (path.display(), folder::quoted(path));
        let (found, advice) = match self {
            Self::WithoutFile => (
                format!("{path} is not there, but its log is: {path}-wal"),
                "put the file back beside its log, or `caigunn-webhook inbox restore COPY`, which keeps \
                 the log under another name"
                    .to_owned(),
            ),
            Self::OfAnother => (
                format!(
                    "{path}-wal is not the log of {path}, but of what was there before: it seems that a copy was put in its \
                     place after a crash"
                ),
                format!(
                    "nothing was changed; to have the copy: `mv {quoted} {quoted}.copy`, then `caigunn-webhook inbox restore \
                     {quoted}.copy`, which keeps the log under another name; to have the inbox as it was: put the file that it \
                     was in back at {path}"
                ),
            ),
            Self::Kept => (
                format!(
                    "{path} was restored, and that was cut off in its last step: {path}-wal is still that of the old inbox, \
                     which is kept under another name, with its log"
                ),
                "start the receiver, which ends that step and goes on with what was restored".to_owned(),
            ),
        };
        Flaw { found, advice }
    }
}
