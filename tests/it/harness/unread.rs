//! One pipe for all that a program says, as in `2>&1 | less`, which nobody reads any more.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, ErrorKind, PipeReader, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use rustix::fs::OFlags;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::PATIENCE;

pub struct Unread {
    reader: BufReader<PipeReader>,
    /// For the program, which is then the only one that has it open to write: so its end is seen.
    writer: Option<PipeWriter>,
}

impl Unread {
    pub fn new() -> Self {
        let (reader, writer) = io::pipe().expect("the system has pipes");
        Self {
            reader: BufReader::new(reader),
            writer: Some(writer),
        }
    }

    /// Has the one command write into it, to standard output and to standard error.
    pub fn take_all_of(&mut self, command: &mut Command) {
        let writer = self.writer.take().expect("it is one command's");
        let twice = writer.try_clone().expect("a file more may be open");
        command.stdout(twice).stderr(writer);
    }

    /// Reads on until a line has what is looked for.
    pub async fn read_until<T: Send + 'static>(mut self, find: fn(&str) -> Option<T>) -> (T, Self) {
        let reading = spawn_blocking(move || {
            let mut line = String::new();
            loop {
                line.clear();
                let count = self.reader.read_line(&mut line).expect("what is said is text");
                assert!(count > 0, "the program ended before it said it");
                if let Some(found) = find(&line) {
                    return (found, self);
                }
            }
        });
        let read = timeout(PATIENCE, reading).await;
        read.expect("the program says it").expect("what is said is text")
    }

    /// Fills it, so that the next write waits for a reader.
    pub fn fill(&self) {
        // Opened once more: that a write may not wait would hold for the program's, too.
        let path = format!("/proc/self/fd/{}", self.reader.get_ref().as_raw_fd());
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(OFlags::NONBLOCK.bits() as i32);
        let mut filling = options.open(path).expect("it is open");
        for size in [4_096, 1] {
            let full = loop {
                if let Err(error) = filling.write_all(&vec![b'\n'; size]) {
                    break error;
                }
            };
            assert_eq!(full.kind(), ErrorKind::WouldBlock, "{full}");
        }
    }
}
