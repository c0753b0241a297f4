//! Inboxes that are full before anybody posts.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use caigunn_webhook::inbox::{Entry, Inbox, NewReceipt, Origin, RequestId, Settings};
use uuid::Uuid;

use super::Run;
use crate::load::{load, notification};
use crate::server::Program;

const MANY: usize = 1_000_000;

/// How many receipts are written between two looks at the size of a file.
const PART: usize = 100_000;

/// The receipts of a transaction; also the connections to post over.
const BATCH: usize = 256;

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

/// A copy for one server, in full on the disk, so that nothing is left to be written while that server is measured.
pub fn copy(original: &Path, to: &Path) {
    std::fs::copy(original, to).expect("the disk takes a copy");
    let copy = std::fs::File::open(to).expect("it is there");
    copy.sync_all().expect("the disk takes it");
}

pub fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn by_the_store(path: &Path, count: usize) {
    let settings = Settings {
        duplicate_window: Duration::from_secs(60),
        quarantine_max_count: 1000,
        quarantine_max_bytes: 64 << 20,
        max_connections: 8,
        timeout: Duration::from_secs(60),
    };
    let inbox = SqliteInbox::open(path, settings).expect("the inbox opens");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let started = Instant::now();
    for first in (0..count).step_by(BATCH) {
        let batch = (first..count.min(first + BATCH)).map(|_| receipt());
        runtime
            .block_on(inbox.append(batch.collect()))
            .expect("the inbox takes a batch");
    }
    runtime.block_on(inbox.close()).expect("the inbox closes");
    print_rate(count, started);
}

fn receipt() -> Entry {
    let notification = notification(&Ids::fresh());
    let body = sample::to_json(&notification).to_string().into();
    let request_id = RequestId::new(Uuid::new_v4());
    Entry::Receipt(NewReceipt::new(
        &notification,
        body,
        Timestamp::now(),
        request_id,
        Origin::Webhook,
    ))
}

fn by_posts(path: &Path, program: &Program) {
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

fn print_rate(count: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "\nfilled an inbox with {count} receipts in {seconds:.1} s, {:.0}/s",
        count as f64 / seconds
    );
}
