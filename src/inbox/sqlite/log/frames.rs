//! Reads a log as SQLite would take it: frames with the salts of its head and right checksums, up to the last commit.
//! See <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

/// The head of a log, and that of each page in it.
pub const LOG_HEAD_BYTES: usize = 32;
pub const FRAME_HEAD_BYTES: usize = 24;

/// A log that is read from its front.
pub struct Log {
    file: BufReader<File>,
    head: [u8; LOG_HEAD_BYTES],
    page_bytes: usize,
    is_big_endian: bool,
    /// Over all that was read.
    sums: (u32, u32),
    /// Where the next frame is, which is read into `frame`.
    offset: u64,
    frame: Vec<u8>,
}

/// What the last commit of a log left.
pub struct Newest {
    /// How many pages the file has after it.
    pub page_count: u32,
    /// Where the newest of each page is that the log has, by the number of the page; the first is 1.
    pub offsets: BTreeMap<u32, u64>,
}

impl Log {
    /// The log itself, for what is read of it again.
    pub fn file(&self) -> &File {
        self.file.get_ref()
    }

    /// How long a page is.
    pub fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Opens a log; `None` if SQLite would take nothing of it, or there is none.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut head = [0; LOG_HEAD_BYTES];
        if !filled(&mut file, &mut head)? {
            return Ok(None);
        }
        let is_big_endian = match word(&head, 0) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return Ok(None),
        };
        let sums = add_sums((0, 0), &head[..24], is_big_endian);
        let page_bytes = word(&head, 8) as usize;
        let is_right = sums == (word(&head, 24), word(&head, 28));
        if !is_right || !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
            return Ok(None);
        }
        Ok(Some(Self {
            file,
            head,
            page_bytes,
            is_big_endian,
            sums,
            offset: LOG_HEAD_BYTES as u64,
            frame: vec![0; FRAME_HEAD_BYTES + page_bytes],
        }))
    }

    /// Whether this is still how the log beside that file begins, so that none of what was read has been written over.
    pub fn still_begins(&self, path: &Path) -> io::Result<bool> {
        Ok(read_start(path)? == Some(self.head))
    }

    /// Reads the next commit and shows each page of it: its number, where in the log it is, and its bytes. How many pages the
    /// file has after it; `None` after the last commit, though pages of one that is not whole may have been shown.
    pub fn next_commit(&mut self, mut page: impl FnMut(u32, u64, &[u8])) -> io::Result<Option<u32>> {
        while filled(&mut self.file, &mut self.frame)? {
            let (head, bytes) = self.frame.split_at(FRAME_HEAD_BYTES);
            let sums = add_sums(self.sums, &head[..8], self.is_big_endian);
            self.sums = add_sums(sums, bytes, self.is_big_endian);
            let is_of_this_log = head[8..16] == self.head[16..24];
            let number = word(head, 0);
            if !is_of_this_log || number == 0 || self.sums != (word(head, 16), word(head, 20)) {
                break;
            }
            page(number, self.offset + FRAME_HEAD_BYTES as u64, bytes);
            self.offset += self.frame.len() as u64;
            // 0 in all but the last of a commit.
            let page_count = word(head, 4);
            if page_count != 0 {
                return Ok(Some(page_count));
            }
        }
        Ok(None)
    }

    /// Reads on to the last commit; `None` if there is none.
    pub fn newest_pages(&mut self) -> io::Result<Option<Newest>> {
        let (mut offsets, mut of_commit, mut page_count) = (BTreeMap::new(), Vec::new(), None);
        while let Some(count) = self.next_commit(|number, offset, _| of_commit.push((number, offset)))? {
            offsets.extend(of_commit.drain(..));
            page_count = Some(count);
        }
        Ok(page_count.map(|page_count| {
            offsets.retain(|number, _| *number <= page_count);
            Newest { page_count, offsets }
        }))
    }
}

/// The first bytes of a file; `None` if it has fewer, or there is none.
pub fn read_start<const N: usize>(path: &Path) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    let is_filled = match File::open(path) {
        Ok(mut file) => filled(&mut file, &mut bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    Ok(is_filled.then_some(bytes))
}

/// Reads so much, if there is so much.
pub fn filled(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

pub fn word(bytes: &[u8], offset: usize) -> u32 {
    let word = bytes[offset..].first_chunk().expect("a head is longer");
    u32::from_be_bytes(*word)
}

/// The log's checksums, over further bytes.
pub fn add_sums(sums: (u32, u32), bytes: &[u8], is_big_endian: bool) -> (u32, u32) {
    let read = if is_big_endian {
        u32::from_be_bytes
    } else {
        u32::from_le_bytes
    };
    let (words, _) = bytes.as_chunks();
    let (pairs, _) = words.as_chunks();
    pairs
        .iter()
        .fold(sums, |(first, second), [even, odd]: &[[u8; 4]; 2]| {
            let first = first.wrapping_add(read(*even)).wrapping_add(second);
            let second = second.wrapping_add(read(*odd)).wrapping_add(first);
            (first, second)
        })
}
