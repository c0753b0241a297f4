//! Whether the system starts the threads that are needed.

use std::num::NonZero;
use std::thread;

use anyhow::Context;
use parking_lot::Mutex;

/// How many threads a receiver starts beside those that serve requests and that of its log: for its inbox, and what may block.
const OTHERS: usize = 7;

/// How many a command starts, for files and for looking up a name.
pub const OF_COMMAND: usize = 2;

/// How many a receiver starts here.
pub fn of_receiver() -> usize {
    // As the library that runs the tasks counts them.
    let chosen = std::env::var("TOKIO_WORKER_THREADS").ok();
    let serving = chosen.and_then(|count| count.parse().ok());
    let serving = serving.or_else(|| thread::available_parallelism().ok().map(NonZero::get));
    serving.unwrap_or(1) + OTHERS
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
