//! Inboxes in files, made by the store itself.

use std::path::Path;
use std::time::{Duration, Instant};

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use caigunn_webhook::inbox::{Entry, Inbox, NewReceipt, Origin, RequestId, Settings};
use uuid::Uuid;

use crate::load::notification;

/// The receipts of a transaction; also the connections to post over.
pub const BATCH: usize = 256;

/// A copy for one server, in full on the disk, so that nothing is left to be written while that server is measured.
pub fn copy(original: &Path, to: &Path) {
    std::fs::copy(original, to).expect("the disk takes a copy");
    let copy = std::fs::File::open(to).expect("it is there");
    copy.sync_all().expect("the disk takes it");
}

pub fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

pub fn by_the_store(path: &Path, count: usize) {
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

pub fn print_rate(count: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "\nfilled an inbox with {count} receipts in {seconds:.1} s, {:.0}/s",
        count as f64 / seconds
    );
}
