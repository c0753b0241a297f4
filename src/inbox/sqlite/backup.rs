//! A copy of the whole inbox in one file, made while a receiver writes to it.
//!
//! It holds all that was committed before it began, needs no log beside it, and is on the disk before it has the name that
//! was asked for. The bytes are copied as they are: SQLite's backup interface would begin anew with each commit of the
//! receiver, and `VACUUM INTO` writes each row anew, which takes several times as long. What the receiver commits
//! meanwhile stays in its log, which grows.
//!
//! For a process that has not opened the inbox: the file is opened and closed here ([`super::hold`]). Left out: inboxes in
//! PostgreSQL, which has means of its own.

mod copying;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use self::copying::{copy_state, unreadable};
use super::super::Error;
use super::hold::FileId;
use super::path::BESIDE;
use super::{Check, check, folder, log, schema};

/// After so many steps of SQLite's check, some milliseconds, it is asked whether to go on.
const LOOK_STEPS: i32 = 20_000;

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
    /// What was to be restored is nothing to be restored: what is wrong with it, and where, in words for an operator.
    #[error("the copy cannot be restored: {0}")]
    Copy(String),
    /// Where it was to go does not take it: what is wrong, and where, in words for an operator.
    #[error("{0}")]
    To(String),
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
        BackupError::From(Error::unavailable(format!(
            "cannot find {}: {error}",
            inbox.display()
        )))
    })?;
    if !inbox.is_file() {
        // Whoever opens a pipe may wait for ever.
        return Err(BackupError::From(Error::unavailable(format!(
            "{} is not a file",
            inbox.display()
        ))));
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
    let refused = |reason: String| Err(BackupError::To(reason));
    let Some(name) = to.file_name() else {
        return refused(format!("{} is no name for a file", to.display()));
    };
    let folder = match fs::canonicalize(folder::of(to)) {
        Ok(folder) => folder,
        Err(error) => return refused(format!("cannot find the folder of {}: {error}", to.display())),
    };
    let path = folder.join(name);
    // What has such a name would be taken for the inbox's own, and replaced or removed.
    let is_beside = |suffix: &str| path == schema::beside(inbox, suffix);
    if path == inbox || BESIDE.into_iter().any(is_beside) {
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

    /// Has the disk keep what is in it.
    pub fn sync(&self) -> Result<(), BackupError> {
        let synced = self.file.sync_all();
        synced.map_err(|error| failed("sync", &self.path, &error))
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
        let kept = named.and_then(|()| {
            let synced = folder::sync(folder::of(to));
            // After a power cut it might be there or not.
            synced.inspect_err(|_| drop(fs::remove_file(to)))
        });
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
    // What is copied is the file and its log, and nothing is taken back.
    if let Some(flaw) = check::half_changed(from) {
        return Err(BackupError::From(Error::refused(flaw.to_string())));
    }
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
    let opened = opened.map_err(|error| lost(path, &error))?;
    let inspected = check::inspect(Ok(opened), from);
    if !watch(Progress::Checking) {
        return Err(BackupError::Stopped);
    }
    match inspected.map_err(BackupError::From)? {
        // It would pass for a copy of what was in the inbox before.
        Check::Sound { version: 0, .. } => Err(BackupError::From(empty(from))),
        Check::Sound { receipt_count, .. } => Ok(Copied {
            receipt_count,
            bytes: copy
                .file
                .metadata()
                .map_err(|error| failed("look at", path, &error))?
                .len(),
        }),
        Check::DamagedRows { reason, advice, .. } => {
            Err(BackupError::From(Error::corrupt(format!("{reason}; {advice}"))))
        }
        Check::Missing
        | Check::Newer { .. }
        | Check::Foreign { .. }
        | Check::ForeignLog(_)
        | Check::Unusable(_) => Err(BackupError::From(Error::corrupt(format!(
            "{} is no inbox",
            from.display()
        )))),
    }
}

/// That a copy cannot be read which was written just now.
fn lost(copy: &Path, error: &rusqlite::Error) -> BackupError {
    let shown = copy.display();
    BackupError::To(match copy.try_exists() {
        Ok(false) => {
            format!(
                "{shown} is gone: it or its folder was removed while the copy was being made, so begin anew"
            )
        }
        _ => format!("cannot read {shown}: {error}"),
    })
}

/// That there is nothing to copy.
pub fn empty(from: &Path) -> Error {
    Error::refused(format!(
        "{} is empty: it has no tables of an inbox",
        from.display()
    ))
}

/// That something could not be done to a file.
pub fn failed(verb: &str, path: &Path, error: &io::Error) -> BackupError {
    BackupError::To(format!("cannot {verb} {}: {error}", path.display()))
}
