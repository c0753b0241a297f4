//! Puts a copy in the inbox's place.
//!
//! SQLite takes a log by its name, so a file that is put over another one gets the log of that. Here both names change
//! owners in an order in which none of what a kill or a power cut may leave is mistaken for something else: the old inbox
//! with its log, or the copy with the old one's log, which the next start takes away ([`finish`]), or the copy alone. At no
//! time is there the old file without its log, or neither, which a start would take for the wish to begin anew.
//!
//! What was there is kept under another name, with its log; where a file system has no second names, copies are.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::process::{getegid, geteuid};

use super::super::Error;
use super::backup::{BackupError, Copied, Partial, Watch, copy, empty, failed};
use super::hold::{FileId, Hold, being_restored, make_way};
use super::{Check, check, folder, log, rights, schema, sort};
use crate::clock::Timestamp;

/// What lies beside an inbox and belongs to it; the file itself comes first.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the inbox is now.
    pub copied: Copied,
    /// Where the old inbox is, if there was one, with its log beside it; or that log, if it was all there was.
    pub kept: Option<PathBuf>,
}

/// Puts a copy in the inbox's place, with what is in the copy's own log, but nothing of what notices have said. The copy stays
/// as it is.
///
/// # Errors
/// [`BackupError::Copy`] if the copy is no sound inbox of this program or an older one; [`BackupError::To`] if a receiver
/// has the inbox open, or it cannot be replaced. The inbox is as it was, unless the error says that the copy is it already.
pub fn restore(inbox: &Path, from: &Path, watch: &Watch) -> Result<Restored, BackupError> {
    // What a link leads to is the inbox.
    let resolved = folder::resolve(inbox);
    let inbox = resolved.as_deref().unwrap_or(inbox);
    if let Some(flaw) = rights::mounted_alone(inbox) {
        // The system lets nobody put another file in its place.
        return Err(BackupError::To(format!(
            "cannot replace {}: {flaw}",
            inbox.display()
        )));
    }
    let missing = folder::missing(inbox);
    let owner = owner(inbox, &missing)?;
    see_that_it_is_another(from, inbox, &schema::beside(inbox, ".restoring"))?;
    // Before anything is made, and before somebody is told to stop the receiver, for a copy that may be none.
    see_that_it_is_sound(from)?;
    let inbox = make_way(inbox).map_err(|error| BackupError::To(error.to_string()))?;
    for folder in &missing {
        give(folder, owner)?;
    }
    let inbox = inbox.as_path();
    let hold = Hold::take_to_replace(inbox).map_err(|error| {
        BackupError::To(match error {
            Error::InUse { reason } if inbox.exists() && being_restored(inbox).is_none() => {
                format!("{reason}; stop it first")
            }
            Error::InUse { reason } => reason,
            other => other.to_string(),
        })
    })?;
    let restored = restore_held(inbox, owner, from, watch);
    hold.release();
    restored
}

/// As [`restore`], of an inbox that is held, with a copy that is checked.
fn restore_held(inbox: &Path, owner: Owner, from: &Path, watch: &Watch) -> Result<Restored, BackupError> {
    // Also if nothing comes of it: it may have been made just now.
    give(&schema::beside(inbox, ".lock"), owner)?;
    if schema::is_half_changed(inbox) {
        return Err(BackupError::To(format!(
            "{0} is half changed: move it and {0}-journal away together, and restore then",
            inbox.display()
        )));
    }
    let path = schema::beside(inbox, ".restoring");
    // One that was cut off has left it.
    let _ = fs::remove_file(&path);
    let partial = Partial::create(path)?;
    let copied = copy(from, &partial, watch).map_err(|error| match error {
        BackupError::From(error) => of_copy(error),
        other => other,
    })?;
    give(partial.path(), owner)?;
    // Syncs the copy, and with it whose it is.
    forget_notices(&partial)?;
    let kept = put_in_place(partial.path(), inbox, link, |_| ())?;
    Ok(Restored { copied, kept })
}

/// Refuses the inbox itself, and what a restore that was cut off has left, which goes before anything is copied. Either may be
/// meant by another name.
fn see_that_it_is_another(from: &Path, inbox: &Path, partial: &Path) -> Result<(), BackupError> {
    let refused = |reason: String| Err(BackupError::To(reason));
    let Some(id) = FileId::at(from) else {
        return Ok(());
    };
    if FileId::at(partial) == Some(id) {
        return refused(format!(
            "{0} is what a restore that was cut off has left, perhaps a half, and the next one removes it: name the copy that \
             it was made from, or move it away first (`mv {1} {1}.copy`), and restore that",
            partial.display(),
            folder::quoted(partial)
        ));
    }
    if FileId::at(inbox) != Some(id) {
        return Ok(());
    }
    // Then it is a copy, and what is to be done with it is another thing.
    log::refuse_foreign(inbox).map_err(BackupError::From)?;
    refused(format!(
        "{0} is the inbox itself, and nothing is to be restored of it: what was accepted last is in its log, {0}-wal, where there \
         is one, so leave both where they are and start the receiver; to go back to a copy, name that",
        inbox.display()
    ))
}

fn see_that_it_is_sound(from: &Path) -> Result<(), BackupError> {
    let refused = |reason: String| Err(BackupError::Copy(reason));
    match check(from).map_err(of_copy)? {
        Check::Sound { version, .. } if version > 0 => Ok(()),
        Check::Sound { .. } => Err(of_copy(empty(from))),
        Check::Missing => refused(format!("there is no {}", from.display())),
        // What is advised of damaged rows is for the inbox that a receiver has.
        Check::Newer { reason } | Check::Foreign { reason } | Check::DamagedRows { reason, .. } => {
            refused(reason)
        }
        Check::ForeignLog(flaw) | Check::Unusable(flaw) => refused(flaw.to_string()),
    }
}

/// What is wrong with the copy, without the words of an error that are about the inbox.
fn of_copy(error: Error) -> BackupError {
    BackupError::Copy(match error {
        Error::Unavailable { reason }
        | Error::Refused { reason }
        | Error::InUse { reason }
        | Error::Corrupt { reason } => reason,
        error @ (Error::Full { .. } | Error::Timeout { .. } | Error::NotLeader) => error.to_string(),
    })
}

/// Has the notices begin anew: what they had said when the copy was made is long over, or was said to be, and what lasts now
/// would pass for said.
fn forget_notices(copy: &Partial) -> Result<(), BackupError> {
    let path = copy.path();
    let forgotten = Connection::open(path).and_then(|connection| {
        // A copy that is half changed is thrown away.
        connection.pragma_update(None, "journal_mode", "off")?;
        if schema::has_table(&connection, "notices")? {
            connection.execute("DELETE FROM notices", [])?;
        }
        Ok(())
    });
    forgotten.map_err(|error| BackupError::To(sort(path, "write to", &error).to_string()))?;
    copy.sync()
}

/// A user and a group.
type Owner = (u32, u32);

/// Who is to have the inbox: the receiver must be able to open it, whoever restores it. What of the folders that lead to it is
/// missing is made by this process.
fn owner(inbox: &Path, missing: &[PathBuf]) -> Result<Owner, BackupError> {
    let folder = missing
        .last()
        .map_or_else(|| folder::of(inbox), |folder| folder::of(folder));
    let before = fs::metadata(inbox).or_else(|_| fs::metadata(folder));
    let before = before.map_err(|error| match rights::obstacle(inbox, rights::Wanted::Writing) {
        Some(obstacle) => BackupError::To(format!("cannot look at {}: {obstacle}", inbox.display())),
        None => failed("look at", inbox, &error),
    })?;
    let (owner, user) = ((before.uid(), before.gid()), geteuid());
    if user.is_root() || user.as_raw() == owner.0 {
        Ok(owner)
    } else if !missing.is_empty() {
        Ok((user.as_raw(), getegid().as_raw()))
    } else {
        Err(other_owner(inbox, owner))
    }
}

fn give(file: &Path, owner: Owner) -> Result<(), BackupError> {
    let now = fs::metadata(file).map_err(|error| failed("look at", file, &error))?;
    if now.uid() == owner.0 {
        return Ok(());
    }
    std::os::unix::fs::chown(file, Some(owner.0), Some(owner.1)).map_err(|_| other_owner(file, owner))
}

fn other_owner(file: &Path, (user, _): Owner) -> BackupError {
    BackupError::To(format!(
        "{} is to belong to the user {user}, and this is {}: run this as the user that the receiver runs as",
        file.display(),
        geteuid().as_raw()
    ))
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

/// Gives the new file the name of the old one, and the old one another by `link`; that name, if there was one. `after` each
/// step the folder is fit to be left so: for tests.
fn put_in_place(
    new: &Path,
    inbox: &Path,
    link: fn(&Path, &Path) -> io::Result<()>,
    mut after: impl FnMut(Step),
) -> Result<Option<PathBuf>, BackupError> {
    let kept = free_name(inbox);
    let is_there = |suffix: &&str| schema::beside(inbox, suffix).symlink_metadata().is_ok();
    let there: Vec<_> = SUFFIXES.into_iter().filter(is_there).collect();
    let mut replace = || {
        for suffix in &there {
            keep(
                &schema::beside(inbox, suffix),
                &schema::beside(&kept, suffix),
                link,
            )?;
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
    let mut end = || {
        // Else a power cut might leave the old file, and its log gone.
        sync_folder_of(inbox)?;
        after(Step::RenameSynced);
        for suffix in &SUFFIXES[1..] {
            remove(inbox, &[suffix])?;
            after(Step::Removed);
        }
        Ok(())
    };
    end().map_err(|error: BackupError| {
        BackupError::To(format!(
            "{error}; the copy is the inbox already, and the next start does what is left"
        ))
    })?;
    Ok(there.first().map(|suffix| schema::beside(&kept, suffix)))
}

/// Removes what lies beside an inbox under these names, if it is there, and has the disk know it.
fn remove(inbox: &Path, suffixes: &[&str]) -> Result<(), BackupError> {
    for suffix in suffixes {
        let old = schema::beside(inbox, suffix);
        match fs::remove_file(&old) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("remove", &old, &error)),
            _ => {}
        }
    }
    sync_folder_of(inbox)
}

/// A name for the old inbox of which there is nothing yet.
fn free_name(inbox: &Path) -> PathBuf {
    let mut name = schema::beside(inbox, &format!("{}{}", log::UNTIL, Timestamp::now().compact()));
    let is_taken = |suffix: &str, name: &Path| schema::beside(name, suffix).symlink_metadata().is_ok();
    // Of one that was cut off within the same second.
    while SUFFIXES.iter().any(|suffix| is_taken(suffix, &name)) {
        name = schema::beside(&name, "-again");
    }
    name
}

/// Ends a restore that was cut off when the copy had the inbox's name, and the old one's log had its name still.
///
/// # Errors
/// [`Error::Unavailable`] if the folder cannot be written to.
pub fn finish(inbox: &Path) -> Result<(), Error> {
    let Some(kept) = log::kept(inbox) else {
        return Ok(());
    };
    // Its name first, as where a restore ends by itself.
    sync_folder_of(inbox)
        .and_then(|()| remove(inbox, &SUFFIXES[1..]))
        .map_err(|error| Error::unavailable(error.to_string()))?;
    tracing::warn!(
        error.type = "inbox_files",
        "a restore of {} was cut off in its last step, which has been done now; the log of what was there before is kept as {}",
        inbox.display(),
        kept.display()
    );
    Ok(())
}

/// A second name for a file.
fn link(old: &Path, name: &Path) -> io::Result<()> {
    fs::hard_link(old, name)
}

/// Gives a file a second name, or a copy of it where there can be none.
fn keep(old: &Path, name: &Path, link: fn(&Path, &Path) -> io::Result<()>) -> Result<(), BackupError> {
    let kept = match link(old, name) {
        // Not every file system has links.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => duplicate(old, name),
        kept => kept,
    };
    kept.map_err(|error| {
        BackupError::To(format!(
            "cannot keep {} as {}: {error}",
            old.display(),
            name.display()
        ))
    })
}

/// Copies a file for its owner alone, and has the disk keep that.
fn duplicate(old: &Path, name: &Path) -> io::Result<()> {
    let mut from = File::open(old)?;
    let mut options = OpenOptions::new();
    let mut copy = options.write(true).create_new(true).mode(0o600).open(name)?;
    io::copy(&mut from, &mut copy)?;
    let owner = from.metadata()?;
    if copy.metadata()?.uid() != owner.uid() {
        fchown(&copy, Some(owner.uid()), Some(owner.gid()))?;
    }
    copy.sync_all()
}

fn sync_folder_of(path: &Path) -> Result<(), BackupError> {
    let folder = folder::of(path);
    folder::sync(folder).map_err(|error| failed("sync", folder, &error))
}
