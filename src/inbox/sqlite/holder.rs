//! Which other programs hold locks on the files of an inbox, as far as the system tells.

use std::fs;
use std::path::Path;

use super::hold::FileId;
use super::volume::{self, Unfit};
use super::{folder, schema};

/// Says that another program holds the inbox for writing, and which.
pub fn words(path: &Path) -> String {
    match (find(path), volume::unfit(folder::of(path))) {
        (Some(process), _) => format!(
            "another program holds the inbox: {}, in the middle of a transaction; nothing can be stored until it ends that",
            named(process)
        ),
        (None, Some(Unfit::Network(name))) => format!(
            "the inbox is locked, and the system does not tell by whom; it is on a network file system ({name}), where the \
             lock that this program holds it by may itself keep SQLite out: put it on a disk of the machine, or into \
             PostgreSQL"
        ),
        (None, _) => "another program holds the inbox, in the middle of a transaction; nothing can be stored until it ends that. \
                 The system does not tell which it is: look for it with `lslocks` as root on the host, and in other \
                 containers that have the folder"
            .to_owned(),
    }
}

/// A process by its name, if the system tells that.
pub fn named(process: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    match name.trim_end() {
        "" => format!("process {process}"),
        name => format!("{name} (process {process})"),
    }
}

fn find(path: &Path) -> Option<u32> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let [index, file] = ["-shm", ""].map(|suffix| FileId::at(&schema::beside(path, suffix)));
    holder(&locks, index, file, std::process::id())
}

/// Another process that keeps this one from writing, by the index of the log and the file.
fn holder(locks: &str, index: Option<FileId>, file: Option<FileId>, own: u32) -> Option<u32> {
    let with = |kind, file: Option<FileId>| of_others(locks, kind, file?, own).first().copied();
    // The lock for writing is in the index of the log; who changes the journal mode locks the file itself.
    let writer = with("WRITE", index).or_else(|| with("WRITE", file));
    // A file without an index has no log yet, as after a restore, and can have none while somebody reads it. Of one that has,
    // whoever has it open has such a lock, and is in nobody's way.
    let holder = writer.or_else(|| with("READ", file.filter(|_| index.is_none())));
    holder.map(|(process, _)| process)
}

/// A lock as Linux lists it, see `proc_locks(5)`: `1: POSIX  ADVISORY  WRITE 4711 08:01:131090 120 120`. Who only waits for one
/// has an arrow in its line.
#[derive(Clone, Copy)]
struct Lock<'a> {
    kind: &'a str,
    process: u32,
    /// Device and inode.
    file: (&'a str, u64),
    /// From which byte on.
    first: u32,
}

impl<'a> Lock<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_, "POSIX", _, kind, process, file, first, ..] = fields[..] else {
            return None;
        };
        let (device, inode) = file.rsplit_once(':')?;
        Some(Self {
            kind,
            process: process.parse().ok()?,
            file: (device, inode.parse().ok()?),
            first: first.parse().ok()?,
        })
    }
}

/// Which other processes have a lock of that kind on that file, and from which byte on.
///
/// Files of two devices may have one inode. On Btrfs, and on what lies over another file system, the list has another device
/// than a file says it is on; there a lock of this process's own on it tells which, since it locks no files so but an inbox's.
/// Without one nobody is named, which is better than somebody who has nothing to do with it.
pub fn of_others(locks: &str, kind: &str, file: FileId, own: u32) -> Vec<(u32, u32)> {
    let of_inode = |lock: &Lock<'_>| lock.file.1 == file.inode();
    let locks: Vec<_> = locks.lines().filter_map(Lock::read).filter(of_inode).collect();
    let of_own = locks.iter().find(|lock| lock.process == own);
    let device = of_own.map_or_else(|| file.device(), |lock| lock.file.0.to_owned());
    let is_it = |lock: &&Lock<'_>| lock.kind == kind && lock.file.0 == device && lock.process != own;
    let found = locks.iter().filter(is_it);
    found.map(|lock| (lock.process, lock.first)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On device 08:01, as both lists of locks here have it.
    fn file(inode: u64) -> FileId {
        FileId::new(0x801, inode)
    }

    const LOCKS: &str = "\
1: FLOCK  ADVISORY  WRITE 11 08:01:77 0 EOF
2: POSIX  ADVISORY  READ  12 08:01:78 128 128
3: POSIX  ADVISORY  WRITE 10 08:01:78 121 121
4: POSIX  ADVISORY  WRITE 13 08:01:178 120 120
5: -> POSIX  ADVISORY  WRITE 15 08:01:78 120 120
6: POSIX  ADVISORY  WRITE 16 08:02:78 120 120
7: POSIX  ADVISORY  WRITE 14 08:01:78 120 120
8: OFDLCK ADVISORY  WRITE -1 08:01:79 120 120
9: POSIX  ADVISORY  WRITE 17 08:02:80 120 120
10: POSIX  ADVISORY  READ  18 08:01:81 1073741826 1073742335
";

    #[test]
    fn who_holds_a_file_is_found_among_all_locks_of_the_system() {
        let holder_of = |index, of_file| holder(LOCKS, index, of_file, 10);
        assert_eq!(holder_of(Some(file(78)), Some(file(77))), Some(14));
        assert_eq!(holder_of(Some(file(77)), Some(file(78))), Some(14));
        for other in [77, 79, 80] {
            assert_eq!(holder_of(Some(file(other)), None), None, "{other}");
            assert_eq!(holder_of(None, Some(file(other))), None, "{other}");
        }
        assert_eq!(holder("", Some(file(78)), None, 10), None);
    }

    #[test]
    fn who_only_reads_holds_a_file_without_a_log_and_no_other() {
        assert_eq!(holder(LOCKS, None, Some(file(81)), 10), Some(18));
        assert_eq!(holder(LOCKS, Some(file(77)), Some(file(81)), 10), None);
        assert_eq!(holder(LOCKS, Some(file(81)), None, 10), None);
    }

    #[test]
    fn where_the_system_lists_another_device_than_the_file_is_on_a_lock_of_our_own_tells_it() {
        let on_another = FileId::new(0x900, 78);
        assert_eq!(holder(LOCKS, Some(on_another), None, 10), Some(14));
        assert_eq!(holder(LOCKS, Some(on_another), None, 9), None);
    }
}
