//! Makes what was committed durable: a thread that syncs SQLite's log, so that the next batch is written meanwhile.
//!
//! A commit is durable when all that it wrote to the log is on stable storage; SQLite reads the log up to the first frame
//! that is not whole, so a commit that is there has all that came before it there too. Nobody is answered before that:
//! an answer waits in line here, and one sync is for all that wait when it begins.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// How many answers wait in line: each is of a batch, or of something that the way out has to record.
const QUEUE_COUNT: usize = 16;

/// Of what was committed to one opening of the file.
#[derive(Clone, Debug)]
pub struct Log {
    /// SQLite has descriptors of its own; a sync of any of them is one of the file.
    pub file: Arc<File>,
    /// Which opening it was; the numbers grow.
    pub opening: u64,
}

/// The way to the thread. It ends when this is dropped, after the last answer.
pub struct Durable {
    queue: SyncSender<Committed>,
    /// The last opening of which a sync failed; 0 if none did.
    failed: Arc<AtomicU64>,
}

/// Something that was committed, and what is to happen when it is durable.
struct Committed {
    log: Log,
    then: Box<dyn FnOnce(Result<(), Arc<io::Error>>) + Send>,
}

impl Durable {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system starts none.
    pub fn start() -> io::Result<Self> {
        let (queue, committed) = sync_channel(QUEUE_COUNT);
        let failed = Arc::default();
        let durable = Self {
            queue,
            failed: Arc::clone(&failed),
        };
        thread::Builder::new()
            .name("inbox-sync".to_owned())
            .spawn(move || sync(&committed, &failed))?;
        Ok(durable)
    }

    /// Has `then` called when what was committed so far is durable, or with why it may not be. Waits while too many are
    /// in line.
    ///
    /// # Panics
    /// If the thread has.
    pub fn when_durable(&self, log: Log, then: impl FnOnce(Result<(), Arc<io::Error>>) + Send + 'static) {
        let committed = Committed {
            log,
            then: Box::new(then),
        };
        // If a bug has ended that thread, it must end this one too, and the program with it: nothing would be durable.
        let sent = self.queue.send(committed).is_ok();
        assert!(sent, "the thread that syncs the inbox's log has ended");
    }

    /// Whether a sync of that opening failed. Then nobody knows what of its log is on stable storage, and another sync
    /// would not tell: the system may have forgotten what it could not write.
    pub fn has_failed(&self, opening: u64) -> bool {
        self.failed.load(Ordering::Acquire) >= opening
    }
}

fn sync(queue: &Receiver<Committed>, failed: &AtomicU64) {
    let mut in_line: Vec<Committed> = Vec::with_capacity(QUEUE_COUNT);
    while let Ok(first) = queue.recv() {
        in_line.push(first);
        in_line.extend(queue.try_iter().take(QUEUE_COUNT));
        let mut in_line = in_line.drain(..).peekable();
        while let Some(Committed { log, then }) = in_line.next() {
            let mut done = vec![then];
            while let Some(same) = in_line.next_if(|next| next.log.opening == log.opening) {
                done.push(same.then);
            }
            let synced = if failed.load(Ordering::Relaxed) >= log.opening {
                Err(Arc::new(io::Error::other("an earlier sync of it failed")))
            } else {
                log.file.sync_data().map_err(Arc::new)
            };
            if synced.is_err() {
                failed.fetch_max(log.opening, Ordering::Release);
            }
            done.into_iter().for_each(|then| then(synced.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn log(opening: u64) -> Log {
        let file = tempfile::tempfile().expect("a file");
        Log {
            file: Arc::new(file),
            opening,
        }
    }

    /// A log that cannot be synced: the system has no notion of it for a pipe.
    fn broken(opening: u64) -> Log {
        let (reader, _) = io::pipe().expect("a pipe");
        Log {
            file: Arc::new(File::from(std::os::fd::OwnedFd::from(reader))),
            opening,
        }
    }

    /// Puts something in line and waits until it is durable, or not.
    fn sync(durable: &Durable, log: Log) -> Result<(), Arc<io::Error>> {
        let (sender, synced) = mpsc::channel();
        durable.when_durable(log, move |done| sender.send(done).expect("the test waits"));
        synced.recv().expect("it is answered")
    }

    #[test]
    fn whoever_is_in_line_is_answered_in_order() {
        let durable = Durable::start().unwrap();
        let (sender, order) = mpsc::channel();

        for number in 0..100 {
            let sender = sender.clone();
            durable.when_durable(log(1), move |synced| {
                sender.send((number, synced.is_ok())).expect("the test waits");
            });
        }
        drop((sender, durable));

        let expected: Vec<_> = (0..100).map(|number| (number, true)).collect();
        assert_eq!(order.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn after_a_failed_sync_nothing_of_that_opening_is_durable_any_more() {
        let durable = Durable::start().unwrap();
        assert!(sync(&durable, log(1)).is_ok());

        assert!(sync(&durable, broken(2)).is_err());

        assert!(durable.has_failed(2));
        assert!(
            sync(&durable, log(2)).is_err(),
            "a sync that goes well later says nothing of what failed before"
        );
        assert!(!durable.has_failed(3));
        assert!(sync(&durable, log(3)).is_ok());
    }
}
