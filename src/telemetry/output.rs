//! Lines on their way to standard output: made by anybody, written by a thread of their own.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How many bytes may wait: some 8,000 lines.
const MAX_WAITING_BYTES: usize = 4 << 20;

/// Where lines wait. Never blocks: what finds no room is dropped and counted. Cheap to clone.
#[derive(Clone)]
pub struct Output(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lines: Mutex<Lines>,
    /// Something waits, or it ends.
    changed: Condvar,
    /// All is written, after the end.
    written: Condvar,
}

#[derive(Default)]
struct Lines {
    waiting: Vec<u8>,
    dropped_count: usize,
    /// Why lines could not be written, the last time that they could not.
    failure: Option<String>,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// What waits is to be written, and nothing more.
    Ending,
    Ended,
}

impl Output {
    /// Starts the thread that writes to `target`.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start(target: impl Write + Send + 'static) -> io::Result<Self> {
        let output = Self(Arc::default());
        let shared = Arc::clone(&output.0);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || shared.write_out(target))?;
        Ok(output)
    }

    /// Adds whole lines, which are so many: all of them or none.
    pub fn add(&self, lines: &[u8], count: usize) {
        let mut held = self.0.lines.lock();
        if held.state == State::Open && held.waiting.len() + lines.len() <= MAX_WAITING_BYTES {
            let was_empty = held.waiting.is_empty();
            held.waiting.extend_from_slice(lines);
            drop(held);
            if was_empty {
                self.0.changed.notify_one();
            }
        } else {
            held.dropped_count += count;
        }
    }

    /// How many lines found no room so far, or could not be written; of those some may have been.
    pub fn dropped_count(&self) -> usize {
        self.0.lines.lock().dropped_count
    }

    /// Why lines could not be written, the last time that they could not; `None` if all that were dropped found no room.
    pub fn failure(&self) -> Option<String> {
        self.0.lines.lock().failure.clone()
    }

    /// Waits until all that waits is written, `patience` at most, and takes nothing more.
    pub fn end(&self, patience: Duration) {
        let mut held = self.0.lines.lock();
        if held.state == State::Open {
            held.state = State::Ending;
            self.0.changed.notify_one();
        }
        let is_under_way = |lines: &mut Lines| lines.state != State::Ended;
        self.0.written.wait_while_for(&mut held, is_under_way, patience);
    }
}

impl Shared {
    fn write_out(&self, mut target: impl Write) {
        let mut writing = Vec::new();
        loop {
            let mut lines = self.lines.lock();
            self.changed.wait_while(&mut lines, |lines| {
                lines.waiting.is_empty() && lines.state == State::Open
            });
            if lines.waiting.is_empty() {
                lines.state = State::Ended;
                self.written.notify_all();
                return;
            }
            std::mem::swap(&mut lines.waiting, &mut writing);
            drop(lines);
            // Nobody could be told that the output is gone, but by a number; the next lines are tried again.
            if let Err(error) = target.write_all(&writing).and_then(|()| target.flush()) {
                let mut lines = self.lines.lock();
                lines.dropped_count += memchr::memchr_iter(b'\n', &writing).count();
                lines.failure = Some(error.to_string());
            }
            writing.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Passes on what is written, each time only when it is let.
    struct Gated {
        gate: mpsc::Receiver<()>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.gate.recv();
            self.written.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Output, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
        let (open, gate) = mpsc::channel();
        let (written, writes) = mpsc::channel();
        (Output::start(Gated { gate, written }).unwrap(), open, writes)
    }

    #[test]
    fn lines_that_come_while_others_are_written_are_written_at_once() {
        let (output, open, writes) = gated();
        output.add(b"one\n", 1);
        // The thread has taken it when the rest finds nothing waiting.
        while !output.0.lines.lock().waiting.is_empty() {
            thread::yield_now();
        }
        output.add(b"two\nthree\n", 2);
        output.add(b"four\n", 1);

        open.send(()).unwrap();
        open.send(()).unwrap();

        assert_eq!(writes.recv().unwrap(), b"one\n");
        assert_eq!(writes.recv().unwrap(), b"two\nthree\nfour\n");
        assert_eq!(output.dropped_count(), 0);
    }

    #[test]
    fn what_finds_no_room_is_dropped_whole_and_counted() {
        let (output, open, writes) = gated();
        output.add(b"one\n", 1);
        while !output.0.lines.lock().waiting.is_empty() {
            thread::yield_now();
        }
        output.add(&vec![b'x'; MAX_WAITING_BYTES - 3], 1);
        output.add(b"a\nbc\n", 2);
        output.add(b"ab\n", 1);

        drop(open);
        output.end(Duration::from_secs(60));

        assert_eq!(output.dropped_count(), 2);
        let written: Vec<u8> = writes.into_iter().flatten().collect();
        assert_eq!(written.len(), 4 + MAX_WAITING_BYTES);
        assert!(written.ends_with(b"xab\n"));
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let output = Output::start(Broken).unwrap();

        assert_eq!(output.failure(), None);
        output.add(b"one\ntwo\n", 2);
        output.end(Duration::from_secs(60));

        assert_eq!(output.dropped_count(), 2);
        assert_eq!(output.failure().as_deref(), Some("no storage space"));
    }

    #[test]
    fn an_end_waits_for_what_is_written_but_not_for_ever() {
        let (output, open, writes) = gated();
        output.add(b"one\n", 1);

        output.end(Duration::from_millis(1));
        assert!(writes.try_recv().is_err());
        open.send(()).unwrap();
        output.end(Duration::from_secs(60));

        assert_eq!(writes.recv().unwrap(), b"one\n");
        output.add(b"two\n", 1);
        assert_eq!(output.dropped_count(), 1);
    }
}
