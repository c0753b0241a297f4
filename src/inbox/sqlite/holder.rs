//! Which other program holds an inbox's lock for writing, as far as the system tells.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::schema;

/// Says that another program holds the inbox, and which.
pub fn words(path: &Path) -> String {
    match find(path) {
        Some((process, Some(name))) => format!(
            "another program holds the inbox: {name} (process {process}), in the middle of a transaction; nothing can be \
             stored until it ends that"
        ),
        Some((process, None)) => format!(
            "another program holds the inbox: process {process}, in the middle of a transaction; nothing can be stored until \
             it ends that"
        ),
        None => "another program holds the inbox, in the middle of a transaction; nothing can be stored until it ends that. \
                 The system does not tell which it is: look for it with `lslocks` as root on the host, and in other \
                 containers that have the folder"
            .to_owned(),
    }
}

/// The process, and what it is called.
fn find(path: &Path) -> Option<(u32, Option<String>)> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // The lock for writing is in the index of the log; who changes the journal mode locks the file itself.
    let files = ["-shm", ""].map(|suffix| fs::metadata(schema::beside(path, suffix)).map(|file| file.ino()));
    let process = writer(&locks, files.into_iter().flatten(), std::process::id())?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok();
    Some((process, name.map(|name| name.trim_end().to_owned())))
}

/// Another process with a lock for writing on one of these files. The format is that of Linux's `proc_locks(5)`:
/// `1: POSIX  ADVISORY  WRITE 4711 08:01:131090 120 120`. Who only waits for one has an arrow in its line.
fn writer(locks: &str, mut inodes: impl Iterator<Item = u64>, own: u32) -> Option<u32> {
    inodes.find_map(|inode| {
        let is_of_inode = |file: &str| file.rsplit(':').next() == Some(inode.to_string().as_str());
        locks.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            match fields[..] {
                [_, "POSIX", _, "WRITE", process, file, ..] if is_of_inode(file) => {
                    process.parse().ok().filter(|process| *process != own)
                }
                _ => None,
            }
        })
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
