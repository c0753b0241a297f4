//! What of a disk survives a cut.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::{Change, Content, Disk, Entries, FileChange, FolderChange, Node, Settled, write_at};

/// A disk writes no less than this: whole, or not at all.
const SECTOR_BYTES: usize = 512;

/// What the system hands to a disk at once.
const PAGE_BYTES: usize = 4096;

impl Disk {
    /// Writes down what a cut may leave, into a folder of which nothing is there yet.
    pub fn survive(&self, to: &Path, rng: &mut Rng) {
        self.survive_below(0, to, rng, &mut HashMap::new());
    }

    /// `made` has the files that are there already, for those with several names.
    fn survive_below(&self, node: Node, to: &Path, rng: &mut Rng, made: &mut HashMap<Node, PathBuf>) {
        match &self.nodes[node] {
            Content::File(_) if made.contains_key(&node) => {
                fs::hard_link(&made[&node], to).expect("the folder takes links");
            }
            Content::File(file) => {
                made.insert(node, to.to_owned());
                let mut bytes = surviving_file(file, rng);
                // What processes shared in memory may have been written at any time, or never.
                if to.to_string_lossy().ends_with("-shm") && rng.bool() {
                    rng.fill(&mut bytes);
                }
                fs::write(to, bytes).expect("there is room for files");
            }
            Content::Folder { settled, .. } => {
                fs::create_dir(to).expect("there is room for folders");
                for (name, child) in surviving_entries(settled, rng) {
                    self.survive_below(child, &to.join(name), rng, made);
                }
            }
        }
    }
}

/// Which of the changes that were not synced are there.
#[derive(Clone, Copy)]
enum Luck {
    /// Each part of each, with this probability.
    Each(f64),
    /// What came before this one, and parts of it.
    Before(usize),
    /// What came after this one, and parts of it.
    After(usize),
}

impl Luck {
    fn draw(change_count: usize, rng: &mut Rng) -> Self {
        match rng.u8(..8) {
            0 => Self::Each(0.0),
            1 => Self::Each(1.0),
            2 => Self::Each(0.5),
            3 => Self::Each(rng.f64()),
            4 => Self::Each(0.97),
            5 => Self::Each(0.03),
            6 => Self::Before(rng.usize(..=change_count)),
            _ => Self::After(rng.usize(..=change_count)),
        }
    }

    /// Whether a part of that change is there.
    fn keeps(self, change: usize, rng: &mut Rng) -> bool {
        match self {
            Self::Each(probability) => rng.f64() < probability,
            Self::Before(border) => change < border || (change == border && rng.bool()),
            Self::After(border) => change > border || (change == border && rng.bool()),
        }
    }
}

fn surviving_entries(folder: &Settled<Entries, FolderChange>, rng: &mut Rng) -> Entries {
    let mut entries = folder.certain.clone();
    let luck = Luck::draw(folder.pending.len(), rng);
    for (place, (_, change)) in folder.pending.iter().enumerate() {
        if luck.keeps(place, rng) {
            change.apply(&mut entries);
        }
    }
    entries
}

fn surviving_file(file: &Settled<Vec<u8>, FileChange>, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = file.certain.clone();
    let count = file.pending.len();
    let luck = Luck::draw(count, rng);
    let unit = if rng.bool() { SECTOR_BYTES } else { PAGE_BYTES };
    // Sizes are kept by the file system's own log, so in their order; data is not.
    let size_count = if rng.bool() { count } else { rng.usize(..=count) };
    let mut size = bytes.len();
    for (place, (_, change)) in file.pending.iter().enumerate() {
        let is_sized = place < size_count;
        match change {
            FileChange::Write {
                offset,
                bytes: written,
            } => {
                if is_sized {
                    size = size.max(offset + written.len());
                }
                for (offset, part) in parts(*offset, written, unit) {
                    if luck.keeps(place, rng) {
                        write_at(&mut bytes, offset, part);
                    }
                }
            }
            FileChange::Truncate { size: truncated } if is_sized => {
                size = *truncated;
                bytes.truncate(size);
            }
            FileChange::Truncate { .. } => {}
        }
    }
    // A size without data reads as zeroes.
    bytes.resize(size, 0);
    bytes
}

/// A write in parts that end where a unit of the file does.
fn parts(offset: usize, bytes: &[u8], unit: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let first = (unit - offset % unit).min(bytes.len());
    let (head, rest) = bytes.split_at(first);
    let rest = rest.chunks(unit).enumerate();
    let rest = rest.map(move |(place, part)| (offset + first + place * unit, part));
    std::iter::once((offset, head)).chain(rest)
}
