//! Inboxes that are full before anybody posts.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Run;
use crate::files::{BATCH, by_the_store, print_rate, url};
use crate::load::load;
use crate::server::Program;

const MANY: usize = 1_000_000;

/// How many receipts are written between two looks at the size of a file.
const PART: usize = 100_000;

/// A file with so many receipts that this build can open.
pub fn with(run: &Run, count: usize) -> PathBuf {
    let path = run.folder.join("filled.db");
    by_the_store(&path, count);
    path
}

/// A file with a million receipts that every program of the run can open.
pub fn with_a_million(run: &Run) -> PathBuf {
    let path = run.folder.join("million.db");
    by_the_store(&path, MANY);
    let oldest = run.programs.first().expect("this build is there");
    match oldest.try_start(oldest.name, &url(&path), "[]") {
        Ok(server) => {
            server.stop();
            path
        }
        Err(reason) => {
            println!(
                "\n{} does not open the inbox that this build filled ({reason}): it fills one itself, by what is \
                 posted to it. The new one's time until it is ready is then that of an update.",
                oldest.path.display()
            );
            let path = run.folder.join("million-posted.db");
            by_posts(&path, oldest);
            path
        }
    }
}

/// A file of so many MiB or a little more.
pub fn with_mib(run: &Run, mib: u64) -> PathBuf {
    let path = run.folder.join("large.db");
    while std::fs::metadata(&path).map_or(0, |file| file.len()) < mib << 20 {
        by_the_store(&path, PART);
    }
    path
}

fn by_posts(path: &std::path::Path, program: &Program) {
    let server = program.start(&url(path));
    let started = Instant::now();
    let mut count = 0;
    while count < MANY {
        count += load(server.address, BATCH, Duration::from_secs(1))
            .latencies
            .len();
    }
    server.stop();
    print_rate(count, started);
}
