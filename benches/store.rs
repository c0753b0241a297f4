//! What an index on disk would cost: the store as it is against a table with a UNIQUE index over the identity, on
//! the same disk, with the same batches and the same durability, as both grow.
//!
//! `cargo bench --bench store`

use std::path::Path;
use std::time::Instant;

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::event::{Event, Wire};
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use caigunn_webhook::inbox::{Entry, Inbox, NewReceipt, Origin, RequestId, Settings};
use rusqlite::{Connection, params};
use uuid::Uuid;

const BATCH: usize = 256;
const STEP: usize = 1_000 * BATCH;
const STEPS: usize = 4;

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder takes files");
    let mut ours = Ours::open(&folder.path().join("ours.db"));
    let indexed = indexed(&folder.path().join("indexed.db"));
    println!("receipts so far      ours     UNIQUE index   ratio UNIQUE/ours");
    for step in 1..=STEPS {
        let (ours, indexed) = (
            fill(|batch| ours.append(batch)),
            fill(|batch| insert(&indexed, &batch)),
        );
        println!(
            "{:>15} {ours:>8.0}/s  {indexed:>12.0}/s   {:.2}",
            step * STEP,
            indexed / ours
        );
    }
}

/// Puts in [`STEP`] receipts; the rate, without the time it takes to make them.
fn fill(mut append: impl FnMut(Vec<NewReceipt>)) -> f64 {
    let mut seconds = 0.0;
    for _ in 0..STEP / BATCH {
        let batch = (0..BATCH).map(|_| receipt()).collect();
        let started = Instant::now();
        append(batch);
        seconds += started.elapsed().as_secs_f64();
    }
    STEP as f64 / seconds
}

fn receipt() -> NewReceipt {
    let ids = Ids {
        event_id: caigunn_webhook::event::EventId::new(Uuid::new_v4()),
        ..Ids::fresh()
    };
    let event = Event::CrawlingCompleted {
        training_data_ids: vec![ids.training_data_id; 3],
    };
    let notification = sample::notification(event, &ids, Wire::V2024_07);
    let body = sample::to_json(&notification).to_string().into();
    NewReceipt::new(
        &notification,
        body,
        Timestamp::now(),
        RequestId::new(Uuid::new_v4()),
        Origin::Webhook,
    )
}

struct Ours {
    inbox: SqliteInbox,
    runtime: tokio::runtime::Runtime,
}

impl Ours {
    fn open(path: &Path) -> Self {
        let settings = Settings {
            duplicate_window: std::time::Duration::from_secs(60),
            quarantine_max_count: 1000,
            quarantine_max_bytes: 64 << 20,
            max_connections: 8,
            timeout: std::time::Duration::from_secs(60),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime starts");
        Self {
            inbox: SqliteInbox::open(path, settings).expect("a new inbox opens"),
            runtime,
        }
    }

    fn append(&mut self, batch: Vec<NewReceipt>) {
        let batch = batch.into_iter().map(Entry::Receipt).collect();
        self.runtime
            .block_on(self.inbox.append(batch))
            .expect("the inbox takes a batch");
    }
}

fn indexed(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a new database opens");
    connection
        .execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA wal_autocheckpoint = 2000;
             CREATE TABLE receipt (seq INTEGER PRIMARY KEY, id BLOB, received_at INTEGER, event TEXT, status TEXT,
                                   event_id BLOB, chatbot_id BLOB, body BLOB, UNIQUE (event_id, event, status)) STRICT;",
        )
        .expect("a new table");
    connection
}

fn insert(connection: &Connection, batch: &[NewReceipt]) {
    let transaction = connection.unchecked_transaction().expect("a transaction begins");
    for receipt in batch {
        connection
            .prepare_cached(
                "INSERT INTO receipt (id, received_at, event, status, event_id, chatbot_id, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    Uuid::now_v7().as_bytes(),
                    receipt.received_at.as_micros(),
                    receipt.name.event,
                    receipt.name.status,
                    receipt.event_id().expect("it is part of a job").uuid().as_bytes(),
                    receipt.chatbot_id.expect("it has a chatbot").uuid().as_bytes(),
                    &receipt.body[..],
                ])
            })
            .expect("a row goes in");
    }
    transaction.commit().expect("a transaction ends");
}
