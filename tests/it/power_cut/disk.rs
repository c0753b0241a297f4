//! What a disk may hold after a cut: the model, as `power_cut.rs` states it.

mod survivors;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bytes::Bytes;

use super::journal::Event;

/// A file or a folder, by the order in which they were made; the first is the folder that was recorded.
type Node = usize;

/// What is on the disk for certain, and what may be.
#[derive(Clone, Default)]
pub struct Disk {
    nodes: Vec<Content>,
    /// Which node an inode is now: the system uses it again for another file once one is gone.
    inodes: HashMap<u64, Node>,
    /// How many events there had been when a sync that is under way began.
    syncs: HashMap<u64, u64>,
    event_count: u64,
}

#[derive(Clone)]
enum Content {
    File(Settled<Vec<u8>, FileChange>),
    Folder {
        settled: Settled<Entries, FolderChange>,
        /// As the receiver sees it.
        seen: Entries,
    },
}

type Entries = BTreeMap<String, Node>;

/// What is certain, and the changes that are not, each with the number of its event.
#[derive(Clone)]
struct Settled<T, C> {
    certain: T,
    pending: Vec<(u64, C)>,
}

#[derive(Clone)]
enum FileChange {
    Write { offset: usize, bytes: Bytes },
    Truncate { size: usize },
}

#[derive(Clone)]
enum FolderChange {
    Put { name: String, node: Node },
    Remove { name: String },
    Move { from: String, to: String, node: Node },
}

impl<T, C: Change<T>> Settled<T, C> {
    fn certain(certain: T) -> Self {
        let pending = Vec::new();
        Self { certain, pending }
    }

    /// Makes certain what came before an event.
    fn settle(&mut self, before: u64) {
        let count = self.pending.partition_point(|(number, _)| *number < before);
        for (_, change) in self.pending.drain(..count) {
            change.apply(&mut self.certain);
        }
    }
}

trait Change<T> {
    /// Does all of it.
    fn apply(&self, to: &mut T);
}

impl Change<Vec<u8>> for FileChange {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => write_at(file, *offset, bytes),
            Self::Truncate { size } => file.resize(*size, 0),
        }
    }
}

impl Change<Entries> for FolderChange {
    fn apply(&self, entries: &mut Entries) {
        match self {
            Self::Put { name, node } => drop(entries.insert(name.clone(), *node)),
            Self::Remove { name } => drop(entries.remove(name)),
            Self::Move { from, to, node } => {
                entries.remove(from);
                entries.insert(to.clone(), *node);
            }
        }
    }
}

fn write_at(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

impl Disk {
    /// A folder as it is now, all of it certain.
    pub fn of(folder: &Path) -> Self {
        let mut disk = Self::default();
        disk.read_folder(folder);
        disk
    }

    fn read_folder(&mut self, folder: &Path) -> Node {
        let node = self.add(
            fs::metadata(folder).expect("the folder is there").ino(),
            Content::new(true),
        );
        let mut entries = Entries::new();
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let entry = entry.expect("the folder can be read");
            let metadata = entry.metadata().expect("the entry is there");
            let child = match metadata.is_dir() {
                true => self.read_folder(&entry.path()),
                false => {
                    let bytes = fs::read(entry.path()).expect("the file is there");
                    self.add(metadata.ino(), Content::File(Settled::certain(bytes)))
                }
            };
            let name = entry.file_name().into_string();
            entries.insert(name.expect("names of a test are text"), child);
        }
        let (settled, seen) = self.folder(node);
        settled.certain.clone_from(&entries);
        *seen = entries;
        node
    }

    fn add(&mut self, inode: u64, content: Content) -> Node {
        self.nodes.push(content);
        self.inodes.insert(inode, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// Does what the receiver did.
    pub fn follow(&mut self, event: &Event) {
        self.event_count += 1;
        match event {
            Event::Started { inode } => assert_eq!(self.inodes.get(inode), Some(&0), "it is another folder"),
            Event::Opened { inode, path } => {
                assert_eq!(
                    self.inodes.get(inode),
                    Some(&self.find(path)),
                    "{path} is another file"
                );
            }
            Event::Made {
                inode,
                path,
                is_folder,
            } => {
                let node = self.add(*inode, Content::new(*is_folder));
                self.put(path, node);
            }
            Event::Written { inode, offset, bytes } => {
                let (offset, bytes) = (to_usize(*offset), bytes.clone());
                self.change_file(*inode, FileChange::Write { offset, bytes });
            }
            Event::Truncated { inode, size } => {
                let size = to_usize(*size);
                self.change_file(*inode, FileChange::Truncate { size });
            }
            Event::SyncBegun { number, .. } => drop(self.syncs.insert(*number, self.event_count)),
            Event::Synced { inode, number } => {
                let before = self.syncs.remove(number).expect("a sync begins before it ends");
                match &mut self.nodes[self.inodes[inode]] {
                    Content::File(file) => file.settle(before),
                    Content::Folder { settled, .. } => settled.settle(before),
                }
            }
            Event::Moved { from, to } => {
                let ((folder, from), (other, to)) = (self.place(from), self.place(to));
                assert_eq!(folder, other, "the model moves nothing between folders: teach it");
                let node = self.folder(folder).1[&from];
                self.change_folder(folder, FolderChange::Move { from, to, node });
            }
            Event::Linked { from, to } => {
                let node = self.find(from);
                self.put(to, node);
            }
            Event::Removed { path } => {
                let (folder, name) = self.place(path);
                self.change_folder(folder, FolderChange::Remove { name });
            }
            Event::Answered(_) => {}
        }
    }

    /// As if all of it had been synced.
    pub fn sync(&mut self) {
        for content in &mut self.nodes {
            match content {
                Content::File(file) => file.settle(u64::MAX),
                Content::Folder { settled, .. } => settled.settle(u64::MAX),
            }
        }
    }

    /// Where what is certain here differs from what is certain there, if it does. The index of the log is left out: it
    /// is memory that processes share, and says nothing after a cut.
    pub fn difference(&self, other: &Self) -> Option<String> {
        Self::difference_below((self, 0), (other, 0), "")
    }

    fn difference_below(
        (disk, node): (&Self, Node),
        (other, twin): (&Self, Node),
        path: &str,
    ) -> Option<String> {
        match (&disk.nodes[node], &other.nodes[twin]) {
            (Content::File(file), Content::File(twin)) => {
                let is_same = path.ends_with("-shm") || file.certain == twin.certain;
                let sizes = (file.certain.len(), twin.certain.len());
                (!is_same).then(|| format!("{path} has other bytes; sizes {sizes:?}"))
            }
            (Content::Folder { settled: folder, .. }, Content::Folder { settled: twin, .. }) => {
                if !folder.certain.keys().eq(twin.certain.keys()) {
                    return Some(format!(
                        "{path} has {:?} here, {:?} there",
                        folder.certain, twin.certain
                    ));
                }
                let both = folder.certain.iter().zip(twin.certain.values());
                both.filter_map(|((name, node), twin)| {
                    Self::difference_below((disk, *node), (other, *twin), &format!("{path}/{name}"))
                })
                .next()
            }
            _ => Some(format!("{path} is a file and a folder")),
        }
    }

    fn change_file(&mut self, inode: u64, change: FileChange) {
        let number = self.event_count;
        match &mut self.nodes[self.inodes[&inode]] {
            Content::File(file) => file.pending.push((number, change)),
            Content::Folder { .. } => panic!("a folder was written to"),
        }
    }

    fn change_folder(&mut self, folder: Node, change: FolderChange) {
        let number = self.event_count;
        let (settled, seen) = self.folder(folder);
        change.apply(seen);
        settled.pending.push((number, change));
    }

    fn put(&mut self, path: &str, node: Node) {
        let (folder, name) = self.place(path);
        self.change_folder(folder, FolderChange::Put { name, node });
    }

    fn folder(&mut self, node: Node) -> (&mut Settled<Entries, FolderChange>, &mut Entries) {
        match &mut self.nodes[node] {
            Content::Folder { settled, seen } => (settled, seen),
            Content::File(_) => panic!("a file was taken for a folder"),
        }
    }

    /// The folder and the name of a path.
    fn place(&self, path: &str) -> (Node, String) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        (self.find(folder), name.to_owned())
    }

    fn find(&self, path: &str) -> Node {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.fold(0, |folder, name| match &self.nodes[folder] {
            Content::Folder { seen, .. } => seen[name],
            Content::File(_) => panic!("a file was taken for a folder"),
        })
    }
}

impl Content {
    fn new(is_folder: bool) -> Self {
        match is_folder {
            true => Self::Folder {
                settled: Settled::certain(Entries::new()),
                seen: Entries::new(),
            },
            false => Self::File(Settled::certain(Vec::new())),
        }
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).expect("files of a test fit into memory")
}
