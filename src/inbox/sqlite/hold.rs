//! The inbox's file, held so that no other receiver gets it: by locks that the system frees when the process ends,
//! however it ends.
//!
//! The lock on the file itself is the one that counts: it goes with the file, whatever name or link leads to it and
//! whatever is removed beside it. The lock file beside it is what older releases take. On Linux the lock (flock) and those
//! that SQLite takes (fcntl) do not see one another, but on network file systems; elsewhere they do, so there the lock file is
//! all there is.
//!
//! **Closing any descriptor of the file drops the locks that SQLite has on it in this process**, such are POSIX's locks. So
//! the file is opened here before SQLite opens it and closed after SQLite has closed it, and nothing else in the
//! process may open it but SQLite.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::Error;
use super::head::{HEAD_BYTES, Head};
use super::rights::Flaw;
use super::{folder, rights, schema, volume};

/// Who may read and write a file or folder that is made: its owner, since it has what customers say.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// What a restore writes into the lock file that it holds, and whoever holds it next takes out. Without the lock it says nothing.
const OF_RESTORE: &[u8] = b"restore\n";

/// The file, held. Whoever has SQLite open it keeps this until SQLite has closed it.
#[derive(Debug)]
pub struct Hold {
    /// The lock file. `None` where there is none and none was to be made.
    lock: Option<File>,
    /// The file itself, with the same exception.
    file: Option<File>,
    /// Which one it is.
    id: Option<FileId>,
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// The file that has this name now; `None` if none has.
    pub fn at(path: &Path) -> Option<Self> {
        Named::at(path).map(|named| named.id)
    }

    #[cfg(test)]
    pub fn new(device: u64, inode: u64) -> Self {
        Self { device, inode }
    }

    /// The device it says it is on, as the system's list of locks writes devices: `08:01`, in hexadecimal digits.
    pub fn device(self) -> String {
        let device = self.device as _;
        format!(
            "{:02x}:{:02x}",
            rustix::fs::major(device),
            rustix::fs::minor(device)
        )
    }

    /// Which of the files of that device.
    pub fn inode(self) -> u64 {
        self.inode
    }
}

/// A file by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    pub id: FileId,
    pub bytes: u64,
}

impl Named {
    /// The file that has this name now; `None` if none has.
    ///
    /// On Linux its times are not asked for: since 6.13 a file whose times somebody has read gets a new one with its next
    /// write, exact to the nanosecond, and the fsync of eight pages took 1.2 to 1.3 times as long for it (6.18, ext4).
    pub fn at(path: &Path) -> Option<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

            let asked = StatxFlags::INO | StatxFlags::SIZE;
            if let Ok(found) = statx(CWD, path, AtFlags::empty(), asked) {
                return Some(Self {
                    id: FileId {
                        device: makedev(found.stx_dev_major, found.stx_dev_minor),
                        inode: found.stx_ino,
                    },
                    bytes: found.stx_size,
                });
            }
        }
        // Elsewhere, and where a sandbox refuses that call.
        let found = fs::metadata(path).ok()?;
        Some(Self {
            id: FileId::of(&found),
            bytes: found.len(),
        })
    }
}

impl Hold {
    /// Takes the file, and makes it if need be: an empty one, which SQLite takes for a new database. What SQLite makes
    /// beside it gets its mode.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process has it; [`Error::Unavailable`] if it cannot be opened or locked.
    pub fn take(path: &Path) -> Result<Self, Error> {
        Self::open(path, true, true, b"")
    }

    /// As [`Hold::take`], of what there is; makes nothing.
    ///
    /// # Errors
    /// See there.
    pub fn take_what_is_there(path: &Path) -> Result<Self, Error> {
        Self::open(path, false, false, b"")
    }

    /// As [`Hold::take`], to put another file in its place; does not make it.
    ///
    /// # Errors
    /// See there.
    pub fn take_to_replace(path: &Path) -> Result<Self, Error> {
        Self::open(path, true, false, OF_RESTORE)
    }

    /// Writes `purpose` into the lock file.
    fn open(path: &Path, makes_lock: bool, makes: bool, purpose: &[u8]) -> Result<Self, Error> {
        // In this order: who has the lock file has the file's descriptors too, if it is this process.
        let lock_path = schema::beside(path, ".lock");
        let lock = open(&lock_path, makes_lock).and_then(|lock| match lock {
            Some(lock) => try_lock(&lock).map(|is_ours| (Some(lock), is_ours)),
            None => Ok((None, true)),
        });
        let (lock, is_ours) = lock.map_err(|error| refusal(path, "lock", &lock_path, &error))?;
        if !is_ours {
            return Err(in_use(path));
        }
        if let Some(lock) = &lock {
            // What a restore that was cut off has left. A disk that takes not even that keeps nobody from holding it: only words
            // are made of it.
            let _ = lock.set_len(0);
        }
        let file = open(path, makes).and_then(|file| match file {
            Some(file) if cfg!(target_os = "linux") => try_lock(&file).map(|is_ours| (Some(file), is_ours)),
            file => Ok((file, true)),
        });
        let (file, is_ours) = file.map_err(|error| refusal(path, "open", path, &error))?;
        if !is_ours {
            return Err(in_use(path));
        }
        if let Some(lock) = &lock {
            // Only now: who has the file may have another lock file, which was deleted, and of this one nobody may read that a
            // restore is at work that is just being refused.
            let _ = lock.write_all_at(purpose, 0);
        }
        let id = file.as_ref().map(File::metadata).transpose();
        let id = id.map_err(|error| refusal(path, "open", path, &error))?;
        Ok(Self {
            lock,
            file,
            id: id.as_ref().map(FileId::of),
        })
    }

    /// Lets others have the file, once SQLite has closed it. Dropping it would not do: a child process that is just being
    /// started shares the descriptors for a moment, and readers may keep it.
    ///
    /// What it was held for is taken out, since a receiver of an older release, which may hold it next, does not do that.
    pub fn release(&self) {
        if let Some(lock) = &self.lock {
            let _ = lock.set_len(0);
        }
        for file in [&self.file, &self.lock].into_iter().flatten() {
            let _ = file.unlock();
        }
    }

    /// The file, if it has that name now.
    pub fn at(&self, path: &Path) -> Option<Named> {
        Named::at(path).filter(|named| self.id == Some(named.id))
    }

    /// The head of the file; `None` if it cannot be read, or there is none.
    pub fn head(&self) -> Option<Head> {
        let mut head = [0; HEAD_BYTES];
        self.file.as_ref()?.read_exact_at(&mut head, 0).ok()?;
        Some(head)
    }

    /// Where what is in the file can be read although it has no name any more; `None` if it has one, or the system shows
    /// no such place.
    pub fn last_resort(&self) -> Option<PathBuf> {
        let file = self.file.as_ref()?;
        let is_deleted = file.metadata().is_ok_and(|metadata| metadata.nlink() == 0);
        let place = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        (is_deleted && cfg!(target_os = "linux")).then(|| PathBuf::from(place))
    }
}

/// Makes the folder of an inbox and those above it, for its owner alone, and has the disk keep them. Gives the path of the
/// file itself, as [`folder::resolve`] does.
///
/// # Errors
/// [`Error::Unavailable`].
pub fn make_way(path: &Path) -> Result<PathBuf, Error> {
    let failed = |deed: &str, what: &Path, error: &io::Error| {
        Error::unavailable(match rights::obstacle(path, rights::Wanted::Writing) {
            Some(obstacle) => format!("cannot {deed} {}: {obstacle}", what.display()),
            None => format!("cannot {deed} {}: {error}", what.display()),
        })
    };
    let folder = folder::of(path);
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
    // Where one above it may not be entered nobody can tell whether it is there.
    let deed = folder
        .try_exists()
        .map_or("get to the folder", |_| "make the folder");
    made.map_err(|error| failed(deed, folder, &error))?;
    let resolved = folder::resolve(path).map_err(|error| failed("find the folder of", path, &error))?;
    if !resolved.exists() {
        // What SQLite syncs is the folder of its files, not what leads to it.
        let folder = folder::of(&resolved);
        folder::sync(folder).map_err(|error| failed("sync the folder", folder, &error))?;
    }
    Ok(resolved)
}

/// Opens a file for reading and writing; `None` if it is not there and is not to be made.
fn open(path: &Path, makes: bool) -> io::Result<Option<File>> {
    // Anything else might be waited for, or take what is written and keep nothing.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(makes).mode(FILE_MODE);
    match options.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !makes => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the lock is ours now.
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What there is to say of a file that another process holds, but that has no name: a receiver has lost it, or a restore is
/// putting it there. `None` where neither is so, or its lock file is gone too, so that nobody can tell.
pub fn lost_in_use(path: &Path) -> Option<Flaw> {
    // The lock lies beside the file itself, not beside a link to it.
    let path = folder::resolve(path).unwrap_or_else(|_| path.to_owned());
    let is_gone = || matches!(path.try_exists(), Ok(false));
    let purpose = is_gone().then(|| purpose(&path))??;
    // A restore may have put it there just now.
    is_gone().then(|| match purpose {
        Purpose::Restore => of_restore(&path),
        Purpose::Receiver => Flaw {
            found: format!("{} was deleted or moved while a receiver has it open", path.display()),
            advice: "do not stop that receiver, with which all that it holds may be lost: `caigunn-webhook healthcheck` says \
                     how to get it back"
                .to_owned(),
        },
    })
}

/// What an inbox is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Receiver,
    Restore,
}

/// What another process holds the inbox for; `None` if none does, or there is no lock file. What a restore that was cut off has
/// left is nobody's.
fn purpose(path: &Path) -> Option<Purpose> {
    let mut lock = File::open(schema::beside(path, ".lock")).ok()?;
    let is_held = matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock));
    let mut written = Vec::new();
    let _ = (&mut lock)
        .take(OF_RESTORE.len() as u64 + 1)
        .read_to_end(&mut written);
    is_held.then_some(match written == OF_RESTORE {
        true => Purpose::Restore,
        false => Purpose::Receiver,
    })
}

/// What there is to say of an inbox in whose place a restore is putting a copy; `None` if none is at work.
pub fn being_restored(path: &Path) -> Option<Flaw> {
    let path = folder::resolve(path).unwrap_or_else(|_| path.to_owned());
    (purpose(&path) == Some(Purpose::Restore)).then(|| of_restore(&path))
}

fn of_restore(path: &Path) -> Flaw {
    Flaw {
        found: format!(
            "a restore is just putting a copy in the place of {}",
            path.display()
        ),
        advice: "wait until it has ended".to_owned(),
    }
}

/// That the file cannot be had. Of one that was lost nobody is to make another.
pub fn in_use(path: &Path) -> Error {
    let reason = being_restored(path).or_else(|| lost_in_use(path)).map_or_else(
        || {
            format!(
                "another process has {} open: one receiver writes to an inbox file at a time",
                path.display()
            )
        },
        |flaw| flaw.to_string(),
    );
    Error::InUse { reason }
}

fn refusal(path: &Path, verb: &str, file: &Path, error: &io::Error) -> Error {
    let file = file.display();
    Error::unavailable(match rights::obstacle(path, rights::Wanted::Writing) {
        Some(obstacle) => format!("cannot {verb} {file}: {obstacle}"),
        None => {
            let shortage = volume::shortage(path).unwrap_or_else(|| error.to_string());
            format!("cannot {verb} {file}: {shortage}")
        }
    })
}
