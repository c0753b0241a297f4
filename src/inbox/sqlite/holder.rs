//! Which other programs hold locks on the files of an inbox, as far as the system tells.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::schema;

/// Says that another program holds the inbox for writing, and which.
pub fn words(path: &Path) -> String {
    match find(path) {
        Some(process) => format!(
            "another program holds the inbox: {}, in the middle of a transaction; nothing can be stored until it ends that",
            named(process)
        ),
        None => "another program holds the inbox, in the middle of a transaction; nothing can be stored until it ends that. \
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
    // The lock for writing is in the index of the log; who changes the journal mode locks the file itself.
    let files = ["-shm", ""].map(|suffix| fs::metadata(schema::beside(path, suffix)).map(|file| file.ino()));
    writer(&locks, files.into_iter().flatten(), std::process::id())
}

/// Another process with a lock for writing on one of these files.
fn writer(locks: &str, mut inodes: impl Iterator<Item = u64>, own: u32) -> Option<u32> {
    inodes.find_map(|inode| {
        let mut locks = of_others(locks, "WRITE", inode, own);
        locks.next().map(|(process, _)| process)
    })
}

/// Which other processes have a lock of that kind on that file, and from which byte on. The format is that of Linux's
/// `proc_locks(5)`: `1: POSIX  ADVISORY  WRITE 4711 08:01:131090 120 120`. Who only waits for one has an arrow in its line.
pub fn of_others(locks: &str, kind: &str, inode: u64, own: u32) -> impl Iterator<Item = (u32, u32)> {
    let inode = inode.to_string();
    locks.lines().filter_map(move |line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_, "POSIX", _, held, process, file, first, ..] = fields[..] else {
            return None;
        };
        let is_it = held == kind && file.rsplit(':').next() == Some(&inode);
        let (process, first) = (process.parse().ok()?, first.parse().ok()?);
        (is_it && process != own).then_some((process, first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_file_is_found_among_all_locks_of_the_system() {
        let locks = "\
1: FLOCK  ADVISORY  WRITE 11 08:01:77 0 EOF
2: POSIX  ADVISORY  READ  12 08:01:78 128 128
3: POSIX  ADVISORY  WRITE 10 08:01:78 121 121
4: POSIX  ADVISORY  WRITE 13 08:01:178 120 120
5: -> POSIX  ADVISORY  WRITE 15 08:01:78 120 120
6: POSIX  ADVISORY  WRITE 14 08:01:78 120 120
7: OFDLCK ADVISORY  WRITE -1 08:01:79 120 120
";
        assert_eq!(writer(locks, [78, 77].into_iter(), 10), Some(14));
        assert_eq!(writer(locks, [77].into_iter(), 10), None);
        assert_eq!(writer(locks, [79].into_iter(), 10), None);
        assert_eq!(writer("", [78].into_iter(), 10), None);
    }
}
