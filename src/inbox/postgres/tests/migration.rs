//! Promise: tables with slots become plain ones with all that is in them, also with what receivers of the version before
//! store meanwhile.

use futures_util::future::join;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::super::contract::{Place, crawled, duplicate_of, posted, sent, settings};
use super::super::super::{Appended, Candidate, Leadership, NewReceipt};
use super::super::key;
use super::super::schema::{lock_append, newest};
use super::*;
use crate::event::sample::Ids;
use crate::event::{Event, Wire};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The version that release 0.1.0 left.
const RELEASED: usize = 2;

/// The first whose programs alone can go on.
const PLAIN: i32 = 5;

/// Makes the tables of that version.
pub async fn make_tables(database: &Database, version: usize) {
    let migrations = [
        include_str!("../../../../migrations/postgres/0001_inbox.sql"),
        include_str!("../../../../migrations/postgres/0002_outbox.sql"),
        include_str!("../../../../migrations/postgres/0003_way_out.sql"),
        include_str!("../../../../migrations/postgres/0004_replays.sql"),
    ];
    database
        .execute(&format!(
            "CREATE SCHEMA caigunn_webhook; SET search_path = caigunn_webhook;
             CREATE TABLE migration (version integer PRIMARY KEY, runs_from integer NOT NULL,
                                     applied_at timestamptz NOT NULL DEFAULT now());
             {};
             INSERT INTO migration (version, runs_from) SELECT version, 1 FROM generate_series(1, {version}) AS version",
            migrations[..version].join(";")
        ))
        .await;
}

/// What a receiver of the version before does to its tables.
struct Old {
    database: Database,
    client: tokio_postgres::Client,
}

impl Old {
    async fn new(database: Database) -> Self {
        Self::of_version(database, RELEASED).await
    }

    async fn of_version(database: Database, version: usize) -> Self {
        make_tables(&database, version).await;
        let client = database.connect().await;
        let path = "SET search_path = caigunn_webhook";
        client.batch_execute(path).await.unwrap();
        Self { database, client }
    }

    /// Begins to store; nobody else does until `COMMIT`.
    async fn begin(&self) {
        let lock = lock_append();
        let of_table =
            "SELECT pg_advisory_xact_lock((x'43475748'::bigint << 32) | 'state'::regclass::oid::bigint)";
        let begin = format!("BEGIN; {lock}; {of_table}");
        self.client.batch_execute(&begin).await.unwrap();
    }

    /// Stores one that is new, in what [`Old::begin`] began.
    async fn insert(&self, new: &NewReceipt) -> Result<(), tokio_postgres::Error> {
        let statement = "
            WITH stored AS (
                INSERT INTO receipt (seq, slot, received_at, id, identity, event_id, chatbot_id, is_documented,
                                     is_backfilled, wire, event, status, body)
                SELECT coalesce(newest.seq, 0) + 1, state.slot, $1,
                       (lpad(to_hex(1600000000000 + coalesce(newest.seq, 0)), 12, '0') || '70008000000000000000')::uuid,
                       $2, $3, $4, true, false, $5, $6, $7, $8
                FROM state LEFT JOIN (SELECT seq FROM receipt ORDER BY seq DESC LIMIT 1) AS newest ON true
                RETURNING seq, identity
            ),
            opened AS (INSERT INTO open_job SELECT identity, seq FROM stored WHERE $7 = 'initial' AND $3 IS NOT NULL)
            INSERT INTO latest SELECT $9, seq FROM stored WHERE $2 IS NULL OR $6 = 'training'
            ON CONFLICT (key) DO UPDATE SET seq = excluded.seq";
        let latest = key::of_chatbot(new.chatbot_id, &new.name.event);
        let (event, status) = (&*new.name.event, &*new.name.status);
        self.client
            .execute(
                statement,
                &[
                    &new.received_at,
                    &key::of(&new.identity),
                    &new.event_id().map(|id| id.uuid()),
                    &new.chatbot_id.map(|id| id.uuid()),
                    &new.wire.as_str(),
                    &event,
                    &status,
                    &&new.body[..],
                    &latest,
                ],
            )
            .await
            .map(drop)
    }

    async fn store(&self, new: &NewReceipt) -> Result<(), tokio_postgres::Error> {
        self.begin().await;
        match self.insert(new).await {
            Ok(()) => self.client.batch_execute("COMMIT").await,
            Err(error) => {
                self.client.batch_execute("ROLLBACK").await.unwrap();
                Err(error)
            }
        }
    }

    /// Has new ones go into another slot.
    async fn turn_to(&self, slot: usize) {
        let turn = format!("UPDATE state SET slot = {slot}");
        self.client.batch_execute(&turn).await.unwrap();
    }

    /// Waits until this is so of a session that copies receipts.
    async fn until_migrating(&self, is_so: &str) {
        self.until_in("receipt_plain", is_so).await;
    }

    /// Waits until this is so of a session whose statement has that word in it.
    async fn until_in(&self, word: &str, is_so: &str) {
        let deadline = Instant::now() + PATIENCE;
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND query LIKE '%{word}%' AND pid <> pg_backend_pid() AND {is_so}"
        );
        while self.database.value::<i64>(&sql).await == 0 {
            assert!(Instant::now() < deadline, "it is never so that {is_so}");
        }
    }
}

const WAITS: &str = "wait_event_type = 'Lock'";

async fn numbers_of(inbox: &dyn Inbox) -> Vec<u64> {
    let mut numbers: Vec<_> = inbox.all().await.iter().map(|one| one.sequence).collect();
    numbers.reverse();
    numbers
}

#[tokio::test]
async fn all_that_is_held_is_there_afterwards_and_numbers_go_on() {
    let old = Old::new(database!()).await;
    let training = |ids: &Ids| sent(Event::TrainingInitial, ids, Wire::V2024_01);
    let [one, other, open] = [Ids::fresh(), Ids::fresh(), Ids::fresh()];
    let stored = [
        sent(Event::CrawlingInitial, &other, Wire::V2024_07),
        crawled(&one),
        crawled(&other),
        sent(Event::CrawlingInitial, &open, Wire::V2024_07),
        training(&one),
        posted(r#"{"event": "billing", "status": "due"}"#),
    ];
    for (place, new) in stored.iter().enumerate() {
        old.turn_to(place / 2 + 3).await;
        old.store(new).await.unwrap();
    }
    old.database
        .execute(
            "SET search_path = caigunn_webhook;
             DELETE FROM open_job WHERE seq = 1;
             UPDATE state SET first_seq = 2, probed_at = now();
             INSERT INTO destination (name, cursor, added_at) VALUES ('shop', 4, now());
             INSERT INTO delivery VALUES (3, 1, 'pending', 1, 2, 'failed', now(), now()),
                                         (4, 1, 'dead', 1, 0, NULL, now(), now());
             INSERT INTO attempt VALUES (3, 1, 2, now(), 7, 'failed', 500, 'it broke', '');
             INSERT INTO quarantine (id, received_at, request_id, reason, detail, truncated, body_bytes, body)
             VALUES (gen_random_uuid(), now(), gen_random_uuid(), 'not-json', '', false, 1, '{');
             UPDATE quarantine_totals SET held_count = 1, held_bytes = 1, quarantined_count = 1",
        )
        .await;
    let rows = "SELECT jsonb_agg(to_jsonb(receipt) - ARRAY['slot', 'trace'] ORDER BY seq)::text FROM caigunn_webhook.receipt
                WHERE seq >= 2";
    let before: String = old.database.value(rows).await;

    let inbox = Place::open(&old.database, settings()).await;

    assert_eq!(old.database.value::<String>(rows).await, before);
    assert_eq!(numbers_of(&*inbox).await, [2, 3, 4, 5, 6]);
    let jobs = inbox
        .open_jobs(PageRequest {
            cursor: None,
            limit: 10,
        })
        .await;
    assert_eq!(jobs.unwrap().items.len(), 1);
    assert_eq!(inbox.job(other.event_id).await.unwrap().len(), 1);
    let shop = inbox.outbox().destinations().await.unwrap().remove(0);
    assert_eq!((shop.cursor, shop.pending_count, shop.dead_count), (4, 1, 1));
    assert!(inbox.outbox().delivery(shop.id, 3).await.unwrap().is_some());
    assert_eq!(inbox.whole_quarantine().await.len(), 1);
    // Repeats are known, but for what has expired.
    let all = inbox.all().await;
    for (receipt, new) in all.iter().rev().zip(&stored[1..]) {
        assert_eq!(inbox.receipt(receipt.id).await.unwrap().unwrap().1, new.body);
        assert_eq!(inbox.store_one(new.clone()).await, duplicate_of(receipt.id));
    }
    inbox.accept_one(stored[0].clone()).await;
    let newest = &inbox.all().await[0];
    assert_eq!(newest.sequence, 7);
    assert!(newest.id > all[0].id);
    let sound = Check::Sound {
        version: newest_version(&old.database).await,
        receipt_count: 6,
    };
    assert_eq!(check(&old.database.location(), &settings()).await.unwrap(), sound);
}

/// The version of the tables, below which no program can go on.
async fn newest_version(database: &Database) -> i32 {
    let versions = "SELECT ARRAY[max(version), max(runs_from)] FROM caigunn_webhook.migration";
    let versions: Vec<i32> = database.value(versions).await;
    assert_eq!(versions, [newest(), PLAIN]);
    versions[0]
}

#[tokio::test]
async fn where_all_have_expired_numbers_go_on_too() {
    let old = Old::new(database!()).await;
    for _ in 0..3 {
        old.store(&crawled(&Ids::fresh())).await.unwrap();
    }
    let expire = "UPDATE caigunn_webhook.state SET first_seq = 4";
    old.database.execute(expire).await;

    let inbox = Place::open(&old.database, settings()).await;

    assert!(inbox.all().await.is_empty());
    inbox.accept_one(crawled(&Ids::fresh())).await;
    assert_eq!(numbers_of(&*inbox).await, [4]);
}

#[tokio::test]
async fn what_is_being_stored_when_nearly_all_is_copied_is_not_lost() {
    let old = Old::new(database!()).await;
    let [first, last] = [crawled(&Ids::fresh()), crawled(&Ids::fresh())];
    old.store(&first).await.unwrap();
    old.begin().await;
    old.insert(&last).await.unwrap();

    let opening = Place::open(&old.database, settings());
    let (inbox, ()) = join(opening, async {
        old.until_migrating(WAITS).await;
        old.client.batch_execute("COMMIT").await.unwrap();
    })
    .await;

    assert_eq!(numbers_of(&*inbox).await, [1, 2]);
    let repeats = inbox.store(vec![first.clone(), last.clone()]).await;
    assert!(
        repeats
            .iter()
            .all(|repeat| matches!(repeat, Appended::Duplicate { .. })),
        "{repeats:?}"
    );
    // One that goes on with the old tables is told, and not believed.
    old.store(&crawled(&Ids::fresh())).await.unwrap_err();
}

#[tokio::test]
async fn nothing_is_lost_of_what_is_stored_all_the_while() {
    let old = Old::new(database!()).await;
    old.client
        .batch_execute(
            "INSERT INTO receipt
             SELECT seq, seq / 7000, now(), (lpad(to_hex(1600000000000 + seq), 12, '0') || '70008000000000000000')::uuid,
                    gen_random_uuid(), NULL, NULL, NULL, true, false, '2024-07', 'crawling', 'completed', ''
             FROM generate_series(1, 20000) AS seq;
             UPDATE state SET slot = 3",
        )
        .await
        .unwrap();

    let opening = Place::open(&old.database, settings());
    let (inbox, stored_count) = join(opening, async {
        let mut stored_count = 0;
        while old.store(&crawled(&Ids::fresh())).await.is_ok() {
            stored_count += 1;
        }
        stored_count
    })
    .await;

    let expected: Vec<u64> = (1..=20_000 + stored_count).collect();
    assert_eq!(numbers_of(&*inbox).await, expected);
}

#[tokio::test]
async fn whoever_reads_for_long_keeps_nobody_from_storing_nor_from_delivering() {
    // Each with a word of the step that changes it, and what is so once that was tried.
    const SLEEPS: &str = "wait_event = 'PgSleep'";
    let held_up = [
        (RELEASED, "destination", "unconfigured_at", WAITS),
        (RELEASED, "delivery", "replay_count", WAITS),
        (RELEASED, "receipt", "receipt_plain", SLEEPS),
        // Who comes while receipts are copied, and holds up what is done after that.
        (4, "delivery", "receipt_plain", SLEEPS),
    ];
    for (version, table, word, is_tried) in held_up {
        let old = Old::of_version(database!(), version).await;
        old.store(&crawled(&Ids::fresh())).await.unwrap();
        let mut reader = old.database.connect().await;
        let reading = reader.transaction().await.unwrap();
        let read = format!("SELECT FROM caigunn_webhook.{table}");
        reading.query(&read, &[]).await.unwrap();

        let opening = Place::open(&old.database, settings());
        let (inbox, ()) = join(opening, async {
            old.until_in(word, is_tried).await;
            let deliver = "SET lock_timeout = '60s';
                           SELECT FROM receipt, delivery, destination;
                           UPDATE delivery SET step = step; UPDATE destination SET cursor = cursor";
            old.client.batch_execute(deliver).await.unwrap();
            old.store(&crawled(&Ids::fresh())).await.unwrap();
            reading.commit().await.unwrap();
        })
        .await;

        assert_eq!(numbers_of(&*inbox).await, [1, 2], "{table}");
    }
}

#[tokio::test]
async fn what_takes_longer_than_a_call_may_is_waited_for_by_all_who_start() {
    let old = Old::new(database!()).await;
    let impatient = Settings {
        timeout: Duration::from_secs(2),
        ..settings()
    };
    old.begin().await;

    let opening = join(
        Place::open(&old.database, impatient.clone()),
        Place::open(&old.database, impatient),
    );
    let (_, ()) = join(opening, async {
        old.until_migrating(&format!("{WAITS} AND now() - query_start > interval '3 s'"))
            .await;
        old.client.batch_execute("COMMIT").await.unwrap();
    })
    .await;

    assert_eq!(newest_version(&old.database).await, newest());
}

#[tokio::test]
async fn a_leader_of_the_version_before_is_left_its_lease() {
    let old = Old::new(database!()).await;
    let inbox = Place::open(&old.database, settings()).await;
    // As version 0.1.0 asks to lead, and to go on leading.
    for _ in 0..2 {
        old.client
            .batch_execute(
                "INSERT INTO lease (holder, name, until)
                 VALUES ('00000000-0000-4000-8000-000000000001', 'older', clock_timestamp() + interval '6 seconds')
                 ON CONFLICT (one) DO UPDATE
                 SET holder = excluded.holder, name = excluded.name, until = excluded.until
                 WHERE lease.holder = excluded.holder OR lease.until < clock_timestamp()",
            )
            .await
            .unwrap();
    }
    let candidate = Candidate {
        id: Uuid::new_v4(),
        name: "newer".to_owned(),
    };

    let leader = "older".to_owned();
    assert_eq!(
        inbox.lead(&candidate).await.unwrap(),
        Leadership::Follower {
            id: Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001),
            leader
        }
    );
}
