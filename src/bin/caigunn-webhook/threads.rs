//! Whether the system starts the threads that are needed.

use std::num::NonZero;
use std::thread;

use anyhow::Context;
use parking_lot::Mutex;

use crate::output::WrongUsage;

/// How many threads a receiver starts beside those that serve requests and that of its log: for its inbox, and what may block.
const OTHERS: usize = 7;

/// How many a command starts, for files and for looking up a name.
pub const OF_COMMAND: usize = 2;

/// What says how many threads serve requests, by the name that the library knows which runs the tasks. Read here, for it panics
/// where that is no number.
const CHOSEN: &str = "TOKIO_WORKER_THREADS";

/// How many threads serve requests: so many as are chosen, or as many as there are cores.
///
/// # Errors
/// [`WrongUsage`]: what is chosen is no such number.
pub fn serving() -> Result<usize, WrongUsage> {
    let chosen = std::env::var_os(CHOSEN).unwrap_or_default();
    let chosen = chosen.to_string_lossy();
    match chosen.trim() {
        "" => Ok(thread::available_parallelism().map_or(1, NonZero::get)),
        text => text.parse().map(NonZero::get).map_err(|_| {
            WrongUsage(format!(
                "{CHOSEN} (the environment): expected a whole number from 1 on, found {text:?}"
            ))
        }),
    }
}

/// How many a receiver starts of which so many serve requests.
pub fn of_receiver(serving: usize) -> usize {
    serving.saturating_add(OTHERS)
}

/// Fails unless the system starts so many threads now. The library that runs the tasks panics where it gets none, in part half
/// built, and is then waited for without an end.
///
/// # Errors
/// It does not, with what to do.
pub fn attain(count: usize) -> anyhow::Result<()> {
    let gate = Mutex::new(());
    let started = thread::scope(|scope| {
        let _closed = gate.lock();
        let start = |_| {
            let thread = thread::Builder::new().stack_size(64 << 10);
            thread.spawn_scoped(scope, || drop(gate.lock())).map(drop)
        };
        (0..count).try_for_each(start)
    });
    started.with_context(|| {
        format!(
            "cannot start the {count} threads that are needed here; allow more processes: ulimit -u, LimitNPROC= and TasksMax= of a \
             systemd unit, --pids-limit of a container"
        )
    })
}
