//! What a receiver did to its folder, in order: recorded by `recorder.c`, read here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use bytes::{Buf, Bytes};
use tempfile::TempDir;

/// How long each sync takes at least, in microseconds: so that other threads write meanwhile, as they do on a disk.
const SYNC_PAUSE_US: u32 = 300;

/// The bytes that a note begins with.
const HEAD_BYTES: usize = 24;

/// One thing that was done. Files and folders are known by their inodes, paths are relative to the recorded folder.
#[derive(Clone, Debug)]
pub enum Event {
    /// A receiver was started; the inode is the folder's.
    Started {
        inode: u64,
    },
    /// What was there was opened.
    Opened {
        inode: u64,
        path: String,
    },
    /// A file or folder was made.
    Made {
        inode: u64,
        path: String,
        is_folder: bool,
    },
    Written {
        inode: u64,
        offset: u64,
        bytes: Bytes,
    },
    Truncated {
        inode: u64,
        size: u64,
    },
    /// A sync of a file or folder was asked for: the first since the start has the number 1.
    SyncBegun {
        number: u64,
    },
    /// It came back, without an error.
    Synced {
        inode: u64,
        number: u64,
    },
    Moved {
        from: String,
        to: String,
    },
    Linked {
        from: String,
        to: String,
    },
    Removed {
        path: String,
    },
    /// An answer was about to be sent.
    Answered(Bytes),
}

/// Where a receiver's deeds are recorded.
pub struct Journal {
    path: PathBuf,
    folder: PathBuf,
}

impl Journal {
    /// One at `path`, of what happens below `folder`, which does not hold it and is named without links.
    pub fn new(path: PathBuf, folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self { path, folder }
    }

    /// Has a command record into it, after what is in it already.
    pub fn record(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &*RECORDER.1)
            .env("RECORDER_FOLDER", &self.folder)
            .env("RECORDER_JOURNAL", &self.path)
            .env("RECORDER_SYNC_PAUSE_US", SYNC_PAUSE_US.to_string());
    }

    /// Forgets all that is in it, while nothing is recorded.
    pub fn clear(&self) {
        fs::write(&self.path, "").expect("the journal is ours");
    }

    /// All that is in it by now.
    pub fn events(&self) -> Vec<Event> {
        let mut rest = Bytes::from(fs::read(&self.path).expect("the journal is there"));
        let mut events = Vec::new();
        // A receiver that still runs may just be writing the last note.
        while let Some(event) = event(&mut rest) {
            events.push(event);
        }
        events
    }
}

/// Takes the first note from the bytes, if it is whole. The numbers are those of `recorder.c`.
fn event(rest: &mut Bytes) -> Option<Event> {
    let mut head = rest.get(..HEAD_BYTES)?;
    let (kind, length) = (head.get_u32_le(), head.get_u32_le() as usize);
    let (inode, at) = (head.get_u64_le(), head.get_u64_le());
    if rest.len() < HEAD_BYTES + length {
        return None;
    }
    rest.advance(HEAD_BYTES);
    let bytes = rest.split_to(length);
    let text = || String::from_utf8(bytes.to_vec()).expect("paths of a test are text");
    let two = || {
        let text = text();
        let (from, to) = text.split_once('\0').expect("two names");
        (from.to_owned(), to.to_owned())
    };
    Some(match kind {
        1 => Event::Started { inode },
        2 => Event::Opened { inode, path: text() },
        3 => Event::Made {
            inode,
            path: text(),
            is_folder: at == 1,
        },
        4 => Event::Written {
            inode,
            offset: at,
            bytes,
        },
        5 => Event::Truncated { inode, size: at },
        6 => Event::SyncBegun { number: at },
        7 => Event::Synced { inode, number: at },
        8 => {
            let (from, to) = two();
            Event::Moved { from, to }
        }
        9 => {
            let (from, to) = two();
            Event::Linked { from, to }
        }
        10 => Event::Removed { path: text() },
        11 => Event::Answered(bytes),
        other => panic!(
            "the model has no place for {:?} ({other}): teach it",
            String::from_utf8_lossy(&bytes)
        ),
    })
}

/// The recorder, compiled once a run of the tests, in a folder that goes with the run.
static RECORDER: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let library = folder.path().join("recorder.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/power_cut/recorder.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&library)
        .args([source, "-lpthread"])
        .output();
    let compiled = compiled.expect("there is a C compiler, as the build needs one");
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    (folder, library)
});
