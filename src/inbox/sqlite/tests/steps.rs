//! Promise: what people and programs look at takes as many steps of SQLite on a large inbox as on a small one.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// How many receipts there are. To go through all of them takes more than [`MAX_STEPS`].
const RECEIPTS: u32 = 20_000;

/// How many steps one look may take, which are counted by so many.
const MAX_STEPS: u64 = 10_000;
const EACH: i32 = 1;

type Look = fn(&Connection, &Mutex<KeyIndex>, ReceiptId) -> rusqlite::Result<bool>;

const LOOKS: [(&str, Look); 6] = [
    ("the newest receipts", |connection, index, _| {
        let filter = ReceiptFilter::default();
        Ok(read::receipts(connection, index, &filter, PAGE)?.items.len() == PAGE.limit)
    }),
    ("a receipt", |connection, _, id| {
        Ok(read::receipt(connection, id)?.is_some())
    }),
    ("the last number", |connection, _, _| {
        Ok(outbox::read::last_sequence(connection)? == u64::from(RECEIPTS) + 1)
    }),
    ("receipts after a number", |connection, _, _| {
        let last = outbox::read::last_sequence(connection)?;
        Ok(outbox::read::receipts_after(connection, last - 1, PAGE.limit)?.len() == 1)
    }),
    ("the number before a time", |connection, _, _| {
        Ok(outbox::read::last_before(connection, Timestamp::now())? > 0)
    }),
    ("what is in quarantine", |connection, _, _| {
        Ok(quarantine::page(connection, PAGE)?.items.is_empty())
    }),
];

const PAGE: PageRequest = PageRequest {
    cursor: None,
    limit: 50,
};

#[tokio::test]
async fn a_look_takes_no_more_steps_the_more_receipts_there_are() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let receipt_id = inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    inbox.repeat_last(RECEIPTS).await;
    let mut connection = schema::open_reader(&folder.inbox_path()).unwrap();
    let steps = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&steps);
    let count = move || {
        counted.fetch_add(EACH as u64, Ordering::Relaxed);
        false
    };
    connection.progress_handler(EACH, Some(count)).unwrap();
    for (name, look) in LOOKS {
        steps.store(0, Ordering::Relaxed);

        let found = look(&connection, &inbox.index, receipt_id).unwrap();

        let steps = steps.load(Ordering::Relaxed);
        assert!(found, "{name}");
        assert!(steps > 0 && steps < MAX_STEPS, "{name} took {steps} steps");
    }
}
