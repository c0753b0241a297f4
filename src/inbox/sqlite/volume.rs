//! What the file system is like that an inbox is on.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::StatVfsMountFlags;

use super::folder;

/// With less than that, in bytes, no start can have an index of the log, which SQLite makes with 32 KiB.
const LEAST_FREE_BYTES: u64 = 64 << 10;

/// Whether the file system that a folder is on takes no further file, whatever room it has, as far as the system tells. SQLite
/// says of it only that it cannot open one.
pub fn has_no_inode(folder: &Path) -> bool {
    // Some have no fixed number of them, and say 0 of both.
    rustix::fs::statvfs(folder).is_ok_and(|volume| volume.f_files > 0 && volume.f_favail == 0)
}

/// What to do then.
pub const NO_INODE_ADVICE: &str = "remove files from that file system that nobody needs (`df -i` counts them), or put the inbox on another one";

/// Whether it has no room. Of the index of the log SQLite calls that an I/O error.
fn is_full(folder: &Path) -> bool {
    let volume = rustix::fs::statvfs(folder);
    volume.is_ok_and(|volume| {
        // What can only be read has no room either, and that is not what is wrong with it.
        let is_writable = !volume.f_flag.contains(StatVfsMountFlags::RDONLY);
        is_writable
            && volume.f_blocks > 0
            && volume.f_bavail.saturating_mul(volume.f_frsize) < LEAST_FREE_BYTES
    })
}

/// Which of both it is where a file of an inbox cannot be made or made longer, and what to do.
pub fn shortage(inbox: &Path) -> Option<String> {
    let folder = folder::of(inbox);
    let shown = folder.display();
    if has_no_inode(folder) {
        Some(format!(
            "the file system of {shown} has no inode free, so no file can be made there; {NO_INODE_ADVICE}"
        ))
    } else if is_full(folder) {
        Some(format!(
            "no space is left on the file system of {shown}; make room there, or put the inbox on a larger one, to which \
             `caigunn-webhook inbox backup FILE` copies it"
        ))
    } else {
        None
    }
}

/// Where the system lists what is mounted for this process.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Whether a file is mounted by itself, without its folder, as far as the system tells. The path is that of
/// [`folder::resolve`].
pub fn is_mounted_alone(file: &Path) -> bool {
    fs::read(MOUNTS).is_ok_and(|mounts| is_mount_point(&mounts, file))
}

/// The format is that of Linux's `proc_pid_mountinfo(5)`: `36 35 98:0 /root /mount\040point rw master:1 - ext3 /dev/root rw`.
fn is_mount_point(mounts: &[u8], path: &Path) -> bool {
    let mut written = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => written.extend(format!("\\{byte:03o}").bytes()),
            byte => written.push(*byte),
        }
    }
    let mut lines = mounts.split(|byte| *byte == b'\n');
    lines.any(|line| line.split(|byte| *byte == b' ').nth(4) == Some(&*written))
}

/// A file system that is none for an inbox, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It keeps in memory what is written to it.
    Memory(&'static str),
    /// It is another machine's, which sees to the locks of files in ways of its own.
    Network(&'static str),
}

/// What a folder is on, if that is unfit.
#[cfg(target_os = "linux")]
pub fn unfit(folder: &Path) -> Option<Unfit> {
    // The width of the field differs.
    unfit_by(rustix::fs::statfs(folder).ok()?.f_type as u32)
}

/// Elsewhere nobody asks.
#[cfg(not(target_os = "linux"))]
pub fn unfit(_folder: &Path) -> Option<Unfit> {
    None
}

/// By the numbers of linux/magic.h.
#[cfg(any(target_os = "linux", test))]
fn unfit_by(magic: u32) -> Option<Unfit> {
    match magic {
        0x0102_1994 => Some(Unfit::Memory("tmpfs")),
        0x8584_58f6 => Some(Unfit::Memory("ramfs")),
        0x6969 => Some(Unfit::Network("nfs")),
        0x517b => Some(Unfit::Network("smb")),
        0xff53_4d42 => Some(Unfit::Network("cifs")),
        0xfe53_4d42 => Some(Unfit::Network("smb2")),
        0x00c3_6400 => Some(Unfit::Network("ceph")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_known_by_its_number() {
        assert_eq!(unfit_by(0x6969), Some(Unfit::Network("nfs")));
        assert_eq!(unfit_by(0xfe53_4d42), Some(Unfit::Network("smb2")));
        assert_eq!(unfit_by(0x0102_1994), Some(Unfit::Memory("tmpfs")));
        // That of ext4.
        assert_eq!(unfit_by(0xef53), None);
    }

    #[test]
    fn a_file_that_is_mounted_is_found_among_all_mounts() {
        let mounts = b"\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
36 22 254:0 /srv/inbox.db /data/inbox.db rw,relatime - ext4 /dev/vda rw
37 22 254:0 /data/other.db /my\\040data/in\\134box.db rw - ext4 /dev/vda rw
38 22 254:0 /srv /data/folder rw - ext4 /dev/vda rw
";
        for (path, expected) in [
            ("/data/inbox.db", true),
            ("/my data/in\\box.db", true),
            ("/data/other.db", false),
            ("/data/folder/inbox.db", false),
            ("/srv/inbox.db", false),
            ("/data/inbox.db-wal", false),
        ] {
            assert_eq!(is_mount_point(mounts, Path::new(path)), expected, "{path}");
        }
        assert!(!is_mount_point(b"", Path::new("/data/inbox.db")));
    }
}
