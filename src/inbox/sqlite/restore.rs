//! Puts a copy in the inbox's place.
//!
//! SQLite takes a log by its name, so a file that is put over another one gets the log of that. Here both names change
//! owners in an order in which none of what a kill or a power cut may leave is mistaken for something else: the old inbox
//! with its log, or the copy with the old one's log, which a start refuses ([`super::log`]), or the copy alone. At no time is
//! there the old file without its log, or neither, which a start would take for the wish to begin anew.
//!
//! What was there is kept under another name, with its log.

#[cfg(test)]
mod tests;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::Error;
use super::backup::{BackupError, Copied, Partial, Watch, copy, failed};
use super::hold::{Hold, make_way};
use super::{Check, check, folder, schema};
use crate::clock::Timestamp;

/// What lies beside an inbox and belongs to it; the file itself comes first.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the inbox is now.
    pub copied: Copied,
    /// Where the old inbox is, if there was one; its log is beside it.
    pub kept: Option<PathBuf>,
}

/// Puts a copy in the inbox's place, with what is in the copy's own log. The copy stays as it is.
///
/// # Errors
/// [`BackupError::From`] if the copy is no sound inbox of this program or an older one; [`BackupError::To`] if a receiver
/// has the inbox open, or it cannot be replaced. The inbox is as it was.
pub fn restore(inbox: &Path, from: &Path, watch: &Watch) -> Result<Restored, BackupError> {
    let inbox = make_way(inbox).map_err(|error| BackupError::To {
        reason: error.to_string(),
    })?;
    let inbox = inbox.as_path();
    if fs::canonicalize(from).is_ok_and(|from| from == inbox) {
        return Err(BackupError::To {
            reason: format!(
                "{0} is the inbox itself: move it away first (`mv {0} {0}.copy`), and restore that",
                inbox.display()
            ),
        });
    }
    let hold = Hold::take_to_replace(inbox).map_err(|error| BackupError::To {
        reason: match error {
            Error::InUse { reason } => format!("{reason}; stop it first"),
            other => other.to_string(),
        },
    })?;
    if schema::is_half_changed(inbox) {
        return Err(BackupError::To {
            reason: format!(
                "{0} is half changed: move it and {0}-journal away together, and restore then",
                inbox.display()
            ),
        });
    }
    see_that_it_is_sound(from)?;
    let path = schema::beside(inbox, ".restoring");
    // One that was cut off has left it.
    let _ = fs::remove_file(&path);
    let partial = Partial::create(path)?;
    let copied = copy(from, &partial, watch)?;
    give_to_the_same_user(&partial, inbox)?;
    let kept = put_in_place(partial.path(), inbox, |_| ())?;
    drop(hold);
    Ok(Restored { copied, kept })
}

fn see_that_it_is_sound(from: &Path) -> Result<(), BackupError> {
    let refused = |reason: String| Err(BackupError::From(Error::Refused { reason }));
    match check(from).map_err(BackupError::From)? {
        Check::Sound { version, .. } if version > 0 => Ok(()),
        Check::Sound { .. } => refused(format!("{} is empty", from.display())),
        Check::Missing => refused(format!("there is no {}", from.display())),
        Check::Newer { reason } | Check::Foreign { reason } => refused(reason),
        Check::ForeignLog { reason, advice } => refused(format!("{reason}; {advice}")),
    }
}

/// The receiver must be able to open it, whoever restores it.
fn give_to_the_same_user(partial: &Partial, inbox: &Path) -> Result<(), BackupError> {
    let before = fs::metadata(inbox).or_else(|_| fs::metadata(folder::of(inbox)));
    let (Ok(before), Ok(now)) = (before, fs::metadata(partial.path())) else {
        return Ok(());
    };
    if before.uid() == now.uid() {
        return Ok(());
    }
    std::os::unix::fs::chown(partial.path(), Some(before.uid()), Some(before.gid())).map_err(|_| {
        let reason = format!(
            "{} belongs to the user {}, and this is {}: run this as the user that the receiver runs as",
            inbox.display(),
            before.uid(),
            now.uid()
        );
        BackupError::To { reason }
    })
}

/// A step of [`put_in_place`], after which it may be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Linked,
    LinksSynced,
    Renamed,
    RenameSynced,
    Removed,
}

/// Gives the new file the name of the old one, and the old one another; that name, if there was one. `after` each step
/// the folder is fit to be left so: for tests.
fn put_in_place(
    new: &Path,
    inbox: &Path,
    mut after: impl FnMut(Step),
) -> Result<Option<PathBuf>, BackupError> {
    let kept = schema::beside(inbox, &format!(".until-{}", moment()));
    let is_there = |suffix: &&str| schema::beside(inbox, suffix).symlink_metadata().is_ok();
    let there: Vec<_> = SUFFIXES.into_iter().filter(is_there).collect();
    let mut replace = || {
        for suffix in &there {
            keep(&schema::beside(inbox, suffix), &schema::beside(&kept, suffix))?;
            after(Step::Linked);
        }
        sync_folder_of(inbox)?;
        after(Step::LinksSynced);
        fs::rename(new, inbox).map_err(|error| failed("replace", inbox, &error))
    };
    if let Err(error) = replace() {
        // The old inbox is as it was, and needs no second name.
        for suffix in &there {
            let _ = fs::remove_file(schema::beside(&kept, suffix));
        }
        return Err(error);
    }
    after(Step::Renamed);
    // Else a power cut might leave the old file, and its log gone.
    sync_folder_of(inbox)?;
    after(Step::RenameSynced);
    for suffix in there.iter().filter(|suffix| !suffix.is_empty()) {
        let old = schema::beside(inbox, suffix);
        fs::remove_file(&old).map_err(|error| failed("remove", &old, &error))?;
        after(Step::Removed);
    }
    sync_folder_of(inbox)?;
    Ok((!there.is_empty()).then_some(kept))
}

/// Now, to the second, in UTC, as a part of a name.
fn moment() -> String {
    let now = Timestamp::now().to_string();
    let to_the_second = now.split('.').next().unwrap_or_default();
    to_the_second.replace(['-', ':'], "") + "Z"
}

fn keep(old: &Path, name: &Path) -> Result<(), BackupError> {
    fs::hard_link(old, name).map_err(|error| BackupError::To {
        reason: format!("cannot keep {} as {}: {error}", old.display(), name.display()),
    })
}

fn sync_folder_of(path: &Path) -> Result<(), BackupError> {
    let folder = folder::of(path);
    folder::sync(folder).map_err(|error| failed("sync", folder, &error))
}
