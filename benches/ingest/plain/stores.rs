//! Both stores: what they are asked to do alike.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::{ChatbotId, Event};
use caigunn_webhook::inbox::postgres::{Location, PostgresInbox};
use caigunn_webhook::inbox::{Appended, Entry, Inbox, NewReceipt, Origin, Settings, Stored};
use sha2::{Digest, Sha256};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

/// How many batches are with the server at once.
pub const APPENDS: usize = 3;

const TABLES: &str = include_str!("plain.sql");

/// What its planner is told, as ours: one way for each statement.
const SESSION: &str =
    "SET search_path = caigunn_webhook; SET plan_cache_mode = force_generic_plan; SET jit = off;
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_mergejoin = off";

const APPEND: &str =
    "SELECT place, new_id, known_id, is_same FROM append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// How many old receipts go at once: some 0.1 s.
const LOT: usize = 5_000;

const REMOVE: &str = "DELETE FROM receipt WHERE seq >= $1 AND seq < $2";

/// A store with receipts.
pub trait Store: Sized {
    /// For people.
    const NAME: &str;
    /// Whether its table is the ring.
    const HAS_SLOTS: bool;

    /// In a database, where it makes its tables unless they are there.
    async fn open(url: &str) -> Self;

    /// Stores a batch for the connection of that number; how many were new.
    async fn append(&self, number: usize, batch: Vec<NewReceipt>) -> usize;

    /// Removes what was received before, which is what has a smaller number.
    async fn remove(&self, before: Timestamp, seq: u64);
}

/// The store as it is.
pub struct Ring(PostgresInbox);

impl Store for Ring {
    const NAME: &str = "ring";
    const HAS_SLOTS: bool = true;

    async fn open(url: &str) -> Self {
        let settings = Settings {
            duplicate_window: Duration::from_secs(60),
            quarantine_max_count: 1000,
            quarantine_max_bytes: 64 << 20,
            max_connections: 8,
            timeout: Duration::from_secs(60),
        };
        let location = Location::parse(url).expect("a URL");
        Self(PostgresInbox::open(&location, settings).await.expect("it opens"))
    }

    async fn append(&self, _: usize, batch: Vec<NewReceipt>) -> usize {
        let batch = batch.into_iter().map(Entry::Receipt).collect();
        let stored = self.0.append(batch).await.expect("the inbox takes a batch");
        let is_new = |stored: &&_| matches!(stored, Ok(Stored::Receipt(Appended::New { .. })));
        stored.iter().filter(is_new).count()
    }

    async fn remove(&self, before: Timestamp, _: u64) {
        while self.0.expire(before).await.expect("the inbox lets them expire") > 0 {}
    }
}

/// The one table.
pub struct Plain {
    appending: Vec<(Client, Statement)>,
    removing: Client,
    /// The lowest number that is there, so that no removal goes through what the last one left behind.
    first_seq: AtomicU64,
}

/// A connection of the plain store's.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("the server answers");
    tokio::spawn(connection);
    client
        .batch_execute(SESSION)
        .await
        .expect("all versions have these");
    client
}

impl Store for Plain {
    const NAME: &str = "plain";
    const HAS_SLOTS: bool = false;

    async fn open(url: &str) -> Self {
        let removing = connect(url).await;
        removing.batch_execute(TABLES).await.expect("the tables are made");
        let mut appending = Vec::new();
        for _ in 0..APPENDS {
            let client = connect(url).await;
            let append = client.prepare(APPEND).await.expect("the function is there");
            appending.push((client, append));
        }
        Self {
            appending,
            removing,
            first_seq: AtomicU64::new(1),
        }
    }

    async fn append(&self, number: usize, batch: Vec<NewReceipt>) -> usize {
        let (client, append) = &self.appending[number];
        let each = || batch.iter();
        let identity: Vec<_> = each().map(|new| key(new, &new.name.status)).collect();
        let received_at: Vec<_> = each().map(|new| system_time(new.received_at)).collect();
        let event_id: Vec<_> = each().map(|new| new.event_id().map(|id| id.uuid())).collect();
        // None of them is the end of an older training.
        let model_id: Vec<Option<Uuid>> = vec![None; batch.len()];
        let chatbot_id: Vec<_> = each().map(|new| new.chatbot_id.map(ChatbotId::uuid)).collect();
        let is_documented: Vec<_> = each()
            .map(|new| Event::is_documented(&new.name.event, &new.name.status))
            .collect();
        let is_backfilled: Vec<_> = each().map(|new| new.origin == Origin::Backfill).collect();
        let wire: Vec<_> = each().map(|new| new.wire.as_str()).collect();
        let event: Vec<_> = each().map(|new| &*new.name.event).collect();
        let status: Vec<_> = each().map(|new| &*new.name.status).collect();
        let body: Vec<_> = each().map(|new| &new.body[..]).collect();
        let begun: Vec<_> = each().map(|new| key(new, "initial")).collect();
        let columns: [&(dyn ToSql + Sync); 12] = [
            &identity,
            &received_at,
            &event_id,
            &model_id,
            &chatbot_id,
            &is_documented,
            &is_backfilled,
            &wire,
            &event,
            &status,
            &body,
            &begun,
        ];
        let rows = client
            .query(append, &columns)
            .await
            .expect("the table takes a batch");
        rows.iter()
            .filter(|row| row.get::<_, Option<Uuid>>(1).is_some())
            .count()
    }

    async fn remove(&self, _: Timestamp, seq: u64) {
        let first_seq = self.first_seq.swap(seq, Ordering::Relaxed);
        for first in (first_seq..seq).step_by(LOT) {
            let end = seq.min(first + LOT as u64);
            let lot: [&(dyn ToSql + Sync); 2] = [&(first as i64), &(end as i64)];
            self.removing.execute(REMOVE, &lot).await.expect("the rows go");
        }
    }
}

/// What stands for a step of the receipt's job, made as ours is: of one job 96 bits are the same.
fn key(receipt: &NewReceipt, status: &str) -> Option<Uuid> {
    let mut job = Sha256::new_with_prefix("job");
    job.update(receipt.event_id()?.uuid().as_bytes());
    job.update(&*receipt.name.event);
    let mut key = [0; 16];
    key[..12].copy_from_slice(&job.finalize()[..12]);
    key[12..].copy_from_slice(&Sha256::digest(status)[..4]);
    Some(Uuid::from_bytes(key))
}

fn system_time(timestamp: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(timestamp.as_micros().unsigned_abs())
}
