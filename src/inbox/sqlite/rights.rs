//! Who may do what with the files of an inbox: why this process may not, who else may, and the command that mends it.

use std::fmt;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use super::volume::{self, Unfit};
use super::{folder, schema};

/// All files of an inbox, by what follows its name.
const FILES: [&str; 5] = ["", "-wal", "-shm", "-journal", ".lock"];

/// The bits of a mode that are of others than the owner, and those by which they change a folder.
const OF_OTHERS: u32 = 0o077;
const WRITING_OF_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// What is to be done with the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// They are looked at.
    Reading,
    /// They are written to, and more are made.
    Writing,
    /// The same, by a receiver that has them open: they were its own when it started.
    Keeping,
}

/// Something about the files that an operator should change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What it is.
    pub found: String,
    /// What to do about it.
    pub advice: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.found, self.advice)
    }
}

/// Why this process may not do what is wanted with the files of an inbox; `None` if nothing of the kind is in the way.
pub fn obstacle(path: &Path, wanted: Wanted) -> Option<Flaw> {
    // Whoever is told to do something with a folder may stand in another one.
    let resolved = folder::resolve(path).or_else(|_| std::path::absolute(path));
    let path = resolved.unwrap_or_else(|_| path.to_owned());
    let (rights, rights_to_folder) = match wanted {
        Wanted::Reading => (Access::READ_OK, Access::EXEC_OK),
        Wanted::Writing | Wanted::Keeping => (
            Access::READ_OK | Access::WRITE_OK,
            Access::WRITE_OK | Access::EXEC_OK,
        ),
    };
    for file in FILES.map(|suffix| schema::beside(&path, suffix)) {
        // Of the lock nobody needs anything who only reads.
        if wanted == Wanted::Reading && file.extension().is_some_and(|extension| extension == "lock") {
            continue;
        }
        if let (Ok(metadata), Err(errno)) = (fs::metadata(&file), access(&file, rights)) {
            return Some(forbidden(&path, &file, &metadata, wanted, errno));
        }
    }
    // The nearest folder that there is: those that are missing are made in it.
    let mut is_out_of_reach = false;
    for folder in path.ancestors().skip(1).map(folder::or_here) {
        match fs::metadata(folder) {
            // Those below it cannot be seen, and may be there and ours.
            Ok(metadata) if is_out_of_reach => {
                let errno = access(folder, Access::EXEC_OK).err();
                return errno.map(|_| closed(folder, &metadata, wanted));
            }
            Ok(metadata) => {
                let errno = access(folder, rights_to_folder).err()?;
                return metadata
                    .is_dir()
                    .then(|| forbidden(&path, folder, &metadata, wanted, errno));
            }
            Err(error) => is_out_of_reach = error.kind() == ErrorKind::PermissionDenied,
        }
    }
    None
}

/// Why a receiver cannot say any more whether its inbox has its name still: all is there again once it may look for it. `None`
/// if it may.
pub fn out_of_reach(path: &Path) -> Option<String> {
    let sought = fs::metadata(path);
    let is_closed = sought.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    let obstacle = is_closed.then(|| obstacle(path, Wanted::Keeping))??;
    Some(format!("cannot get to {} any more: {obstacle}", path.display()))
}

/// That a folder above the inbox's own may not be entered. It is somebody's who has other things in it, and stays his.
fn closed(folder: &Path, metadata: &Metadata, wanted: Wanted) -> Flaw {
    let shown = folder.display();
    let (owner, mode, user) = (metadata.uid(), metadata.mode() & 0o7777, geteuid().as_raw());
    let instead = match wanted {
        Wanted::Reading => "run this as a user who may, or ",
        Wanted::Writing => "set CAIGUNN_INBOX_URL to a file elsewhere, or ",
        Wanted::Keeping => "",
    };
    Flaw {
        found: format!(
            "{shown} belongs to {}, with mode {mode:04o}, and this process, which runs as {}, may not enter it",
            name(owner),
            name(user)
        ),
        advice: match owner == user {
            true => format!("run `chmod u+rwx {shown}`"),
            false => format!(
                "{instead}let {} enter that folder: run `setfacl -m u:{user}:x {shown}` as root",
                name(user)
            ),
        },
    }
}

fn forbidden(inbox: &Path, file: &Path, metadata: &Metadata, wanted: Wanted, errno: Errno) -> Flaw {
    let shown = file.display();
    if errno == Errno::ROFS {
        return Flaw {
            found: format!("{shown} is on a file system that is mounted read-only"),
            advice: "mount it for writing, or set CAIGUNN_INBOX_URL to a file elsewhere".to_owned(),
        };
    }
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    // Who has the inbox is the receiver's user; a file of somebody else beside it is in the receiver's way too.
    let (whose, receiver) = fs::metadata(inbox).map_or((file, owner), |metadata| (inbox, metadata.uid()));
    let deed = match wanted {
        Wanted::Reading => "read",
        Wanted::Writing | Wanted::Keeping => "write to",
    };
    let as_owner = format!("run this as {}, the owner of {}", name(receiver), whose.display());
    // One in which the inbox's own is to be made has other things in it, and stays whose it is.
    let own = folder::of(inbox);
    let is_of_more = metadata.is_dir() && (file != own || file.parent().is_none());
    let quoted = folder::quoted(file);
    Flaw {
        found: format!(
            "{shown} belongs to {}, with mode {mode:04o}, and this process, which runs as {}, may not {deed} it",
            name(owner),
            name(user)
        ),
        advice: match wanted {
            _ if owner == user && metadata.is_dir() => format!("run `chmod u+rwx {quoted}`"),
            _ if owner == user => format!("run `chmod u+rw {quoted}`"),
            Wanted::Reading if receiver != user => as_owner,
            Wanted::Writing if is_of_more => elsewhere_than(file, own, (user, group)),
            // A receiver of theirs may be running, which would be without its inbox at once. One of root's would not.
            Wanted::Writing if receiver != user && receiver != 0 => format!(
                "{as_owner}; or, if the receiver is to run as {} from now on, stop it and run `chown {user}:{group} {}` as root",
                name(user),
                all_in_the_way(inbox, file)
            ),
            Wanted::Reading | Wanted::Writing | Wanted::Keeping => {
                format!("run `chown {user}:{group} {quoted}` as root")
            }
        },
    }
}

/// What to do where nothing can be made in a folder that is not the inbox's alone.
fn elsewhere_than(folder: &Path, own: &Path, (user, group): (u32, u32)) -> String {
    let elsewhere = "set CAIGUNN_INBOX_URL to a file elsewhere";
    match folder == own {
        true => elsewhere.to_owned(),
        false => format!(
            "{elsewhere}, or run `install -d -m 700 -o {user} -g {group} {}` as root",
            folder::quoted(own)
        ),
    }
}

/// What is to change hands with what stands in the way, as a shell takes it: all that lies beside the inbox by its name.
fn all_in_the_way(inbox: &Path, file: &Path) -> String {
    let files = format!("{}*", folder::quoted(inbox));
    match file.is_dir() {
        true if inbox.parent() == Some(file) => format!("{} {files}", folder::quoted(file)),
        true => folder::quoted(file),
        false => files,
    }
}

/// A user as people know it.
fn name(user: u32) -> String {
    match user {
        0 => "root (uid 0)".to_owned(),
        user => format!("uid {user}"),
    }
}

/// What of the files' owners, modes and names is unwise, or will be in somebody's way.
pub fn flaws(path: &Path) -> Vec<Flaw> {
    let Ok(path) = folder::resolve(path) else {
        return Vec::new();
    };
    let Ok(inbox) = fs::metadata(&path) else {
        return Vec::new();
    };
    let files = FILES.map(|suffix| schema::beside(&path, suffix));
    let files: Vec<_> = files
        .into_iter()
        .filter_map(|file| fs::metadata(&file).ok().map(|metadata| (file, metadata)))
        .collect();
    let flaws = [
        other_owners(&files, &inbox),
        open_files(&files),
        open_folder(&path, &inbox),
        other_names(&path, &inbox),
        mounted_alone(&path),
    ];
    flaws.into_iter().flatten().collect()
}

type Files = [(PathBuf, Metadata)];

/// As `chmod` and its like take them.
fn listed<'a>(files: impl Iterator<Item = &'a PathBuf>) -> String {
    let shown: Vec<_> = files.map(|file| folder::quoted(file)).collect();
    shown.join(" ")
}

fn other_owners(files: &Files, inbox: &Metadata) -> Option<Flaw> {
    let others: Vec<_> = files
        .iter()
        .filter(|(_, metadata)| metadata.uid() != inbox.uid())
        .collect();
    let (file, metadata) = others.first()?;
    Some(Flaw {
        found: format!(
            "{} belongs to {}, and the inbox to {}: somebody has opened it as another user than the receiver",
            file.display(),
            name(metadata.uid()),
            name(inbox.uid())
        ),
        advice: format!(
            "run `chown {}:{} {}` as root",
            inbox.uid(),
            inbox.gid(),
            listed(others.iter().map(|(file, _)| file))
        ),
    })
}

fn open_files(files: &Files) -> Option<Flaw> {
    let is_open = |metadata: &Metadata| metadata.mode() & OF_OTHERS != 0;
    // The lock file has nothing in it, but who can open it can keep the receiver from starting.
    let open: Vec<_> = files.iter().filter(|(_, metadata)| is_open(metadata)).collect();
    let (file, metadata) = open.first()?;
    Some(Flaw {
        found: format!(
            "{} has mode {:04o}: other users of this machine may read what customers say, or lock it",
            file.display(),
            metadata.mode() & 0o7777
        ),
        advice: format!("run `chmod 600 {}`", listed(open.iter().map(|(file, _)| file))),
    })
}

fn open_folder(path: &Path, inbox: &Metadata) -> Option<Flaw> {
    let folder = folder::of(path);
    let metadata = fs::metadata(folder).ok()?;
    let mode = metadata.mode() & 0o7777;
    if mode & OF_OTHERS == 0 {
        return None;
    }
    let harm = if mode & WRITING_OF_OTHERS == 0 {
        "look into it"
    } else {
        "put files where the inbox expects its own"
    };
    // A folder like /tmp or /srv is not ours to close.
    let is_ours = mode & STICKY == 0 && metadata.uid() == inbox.uid();
    Some(Flaw {
        found: format!(
            "the inbox's folder {} has mode {mode:04o}: other users of this machine may {harm}",
            folder.display()
        ),
        advice: if is_ours {
            format!(
                "run `chmod 700 {}`, or give the inbox a folder of its own",
                folder.display()
            )
        } else {
            "give the inbox a folder of its own, with mode 0700".to_owned()
        },
    })
}

fn other_names(path: &Path, inbox: &Metadata) -> Option<Flaw> {
    (inbox.nlink() > 1).then(|| Flaw {
        found: format!(
            "{} has {} names (hard links): who opens it by another one does not find its log, and what is in that",
            path.display(),
            inbox.nlink()
        ),
        advice: "remove the other names".to_owned(),
    })
}

/// That an inbox is mounted without its folder, as a container's `-v` of a file does it.
pub fn mounted_alone(path: &Path) -> Option<Flaw> {
    let path = folder::resolve(path).ok()?;
    let (shown, folder) = (path.display(), folder::of(&path).display());
    volume::is_mounted_alone(&path).then(|| Flaw {
        found: format!(
            "{shown} is mounted as a single file: its log, {shown}-wal, is not in what is mounted, and what was accepted last \
             is lost where that goes, as with a container"
        ),
        advice: format!(
            "stop the receiver in order, which copies its log into the file, and mount the folder that it is in, at \
             {folder}, in place of it"
        ),
    })
}

/// That the folder of an inbox, or the nearest one above it that there is, is on no disk of this machine's.
pub fn on_no_disk(path: &Path) -> Option<Flaw> {
    let path = folder::resolve(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder::existing(&path);
    let shown = folder.display();
    let (found, advice) = match volume::unfit(folder)? {
        Unfit::Memory(name) => (
            format!(
                "{shown} is in memory ({name}), and all that is in it is lost when the machine or its container ends"
            ),
            "put the inbox on a disk, unless this is a trial: a 200 says that a notification is on one",
        ),
        Unfit::Network(name) => (
            format!(
                "{shown} is on a network file system ({name}), where the locks that SQLite and this program rest on may be \
                 refused, or be seen by nobody else"
            ),
            "put the inbox on a disk of the machine, or into PostgreSQL",
        ),
    };
    Some(Flaw {
        found,
        advice: advice.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

    use tempfile::TempDir;

    use super::*;

    fn inbox() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("inbox.db");
        fs::write(&path, "").unwrap();
        set_mode(&path, 0o600);
        set_mode(folder.path(), 0o700);
        assert_eq!(flaws(&path), []);
        (folder, path)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn whatever_others_may_do_with_a_file_is_a_flaw() {
        let (_folder, path) = inbox();
        for mode in [0o610, 0o620, 0o640, 0o601, 0o602, 0o604] {
            set_mode(&path, mode);

            let flaws = flaws(&path);

            assert_eq!(flaws.len(), 1, "{mode:o}");
            assert!(flaws[0].found.contains(&format!("has mode {mode:04o}: ")));
        }
    }

    #[test]
    fn whatever_others_may_do_with_the_folder_is_a_flaw() {
        let (folder, path) = inbox();
        let (look, put) = (
            "may look into it",
            "may put files where the inbox expects its own",
        );
        for (mode, harm) in [
            (0o710, look),
            (0o750, look),
            (0o704, look),
            (0o770, put),
            (0o702, put),
        ] {
            set_mode(folder.path(), mode);

            let flaws = flaws(&path);

            assert_eq!(flaws.len(), 1, "{mode:o}");
            assert!(flaws[0].found.ends_with(harm), "{flaws:?}");
            assert!(flaws[0].advice.starts_with("run `chmod 700 "), "{flaws:?}");
        }
    }

    #[test]
    fn a_folder_for_all_or_of_somebody_else_is_not_to_be_closed() {
        let (folder, path) = inbox();
        set_mode(folder.path(), 0o1777);
        let mut advice = vec![flaws(&path).remove(0).advice];
        if geteuid().is_root() {
            set_mode(folder.path(), 0o755);
            chown(folder.path(), Some(65_532), None).unwrap();
            advice.push(flaws(&path).remove(0).advice);
        }

        for advice in advice {
            assert_eq!(advice, "give the inbox a folder of its own, with mode 0700");
        }
    }
}
