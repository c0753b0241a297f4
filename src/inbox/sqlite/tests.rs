//! What only SQLite promises, and the contract of every store.

mod accepting;
mod damage;
mod damaged;
mod faults;
mod files;
mod held;
mod job_words;
mod machine;
mod marks;
mod overwritten;
mod steps;
mod way_out;

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::types::FromSql;
use tempfile::TempDir;

use super::super::contract::{
    Place, at, contract_tests, crawled, duplicate_of, sent, settings, unrecognized,
};
use super::super::{NewReceipt, Origin};
use super::schema::MIGRATIONS;
use super::*;
use crate::event::sample::Ids;
use crate::event::{Event, Wire};
use index::Key;

/// A folder with one inbox file.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn inbox_path(&self) -> PathBuf {
        self.0.path().join("inbox.db")
    }

    fn open(&self, settings: Settings) -> SqliteInbox {
        SqliteInbox::open(&self.inbox_path(), settings).expect("the inbox opens")
    }

    /// Tries to open the file, which must fail.
    fn refusal(&self) -> Error {
        SqliteInbox::open(&self.inbox_path(), settings())
            .err()
            .expect("the inbox does not open")
    }
}

impl Place for Folder {
    async fn open(&self, settings: Settings) -> Arc<dyn Inbox> {
        Arc::new(Folder::open(self, settings))
    }
}

contract_tests!(Folder::new());

impl SqliteInbox {
    /// Does something on the writing connection, between its transactions.
    async fn on_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> T {
        self.work(move |store| Ok(work(store.connection())))
            .await
            .expect("the thread runs")
    }

    async fn pragma<T: FromSql + Send + 'static>(&self, name: &'static str) -> T {
        self.on_connection(move |connection| {
            connection
                .pragma_query_value(None, name, |row| row.get(0))
                .expect("the pragma has a value")
        })
        .await
    }

    /// How many rows say of a receipt that it came by backfill.
    async fn backfilled_count(&self) -> u64 {
        let count = "SELECT count(*) FROM backfilled";
        self.on_connection(move |connection| connection.query_row(count, [], |row| row.get(0)).unwrap())
            .await
    }

    /// Adds so many rows like that of the last receipt.
    async fn repeat_last(&self, count: u32) {
        let rows = "INSERT INTO receipt
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
            SELECT last + n, id, received_at, wire, event, status, event_id, model_id, chatbot_id, x''
            FROM n, (SELECT max(seq) AS last FROM receipt), (SELECT * FROM receipt ORDER BY seq DESC LIMIT 1)";
        self.on_connection(move |connection| connection.execute(rows, [count]).unwrap())
            .await;
    }

    fn as_dyn(&self) -> &dyn Inbox {
        self
    }
}

/// How many entries the index in memory has for a notification's identity.
fn remembered_count(inbox: &SqliteInbox, notification: &NewReceipt) -> usize {
    let key = Key::of(&notification.identity);
    key.map_or(0, |key| inbox.index.lock().candidates(key).count())
}

/// The reason of an error of this kind.
fn unavailable<T>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Unavailable { reason }) => reason,
        Err(other) => panic!("unavailable, not {other:?}"),
        Ok(_) => panic!("the call fails"),
    }
}

#[tokio::test]
async fn nothing_is_left_of_how_a_receipt_came_once_it_has_expired() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let backfilled = |seconds| NewReceipt {
        origin: Origin::Backfill,
        ..crawled(&Ids::fresh()).at(seconds)
    };
    inbox.as_dyn().accept(vec![backfilled(0), backfilled(1)]).await;
    let before = inbox.backfilled_count().await;

    inbox.as_dyn().expire_all(1).await;

    assert_eq!((before, inbox.backfilled_count().await), (2, 1));
}

#[tokio::test]
async fn a_new_file_is_an_inbox_with_the_durability_that_is_promised() {
    let folder = Folder::new();
    let inbox = folder.open(settings());

    assert_eq!(inbox.pragma::<String>("journal_mode").await, "wal");
    assert_eq!(
        inbox.pragma::<i64>("synchronous").await,
        2,
        "FULL: an fsync each commit"
    );
    assert_eq!(inbox.pragma::<i64>("fullfsync").await, 1);
    assert_eq!(inbox.pragma::<i64>("checkpoint_fullfsync").await, 1);
    assert_eq!(inbox.pragma::<i64>("wal_autocheckpoint").await, 0);
    assert_eq!(inbox.pragma::<i64>("journal_size_limit").await, 64 << 20);
    assert_eq!(inbox.pragma::<i64>("trusted_schema").await, 0);
    assert_eq!(inbox.pragma::<i64>("application_id").await, 0x4347_5748);
    assert_eq!(
        inbox.pragma::<i64>("user_version").await & 0xff,
        MIGRATIONS.len() as i64
    );
}

#[tokio::test]
async fn a_missing_folder_is_made() {
    let folder = Folder::new();
    let path = folder.0.path().join("data/of/today/inbox.db");

    let inbox = SqliteInbox::open(&path, settings()).expect("the inbox opens");
    inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;

    assert!(path.is_file());
}

#[tokio::test]
async fn a_file_of_a_newer_program_is_refused_and_left_alone() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    inbox.close().await.unwrap();
    let newer = Connection::open(folder.inbox_path()).unwrap();
    newer
        .pragma_update(None, "user_version", MIGRATIONS.len() + 1)
        .unwrap();
    newer.close().unwrap();
    let before = std::fs::read(folder.inbox_path()).unwrap();

    let refusal = folder.refusal();

    let Error::Refused { reason } = refusal else {
        panic!("refused, not {refusal:?}")
    };
    assert!(
        reason.contains("inbox.db was written by a newer program"),
        "{reason}"
    );
    let newest = MIGRATIONS.len();
    let said = format!(
        "version {}, this program knows up to {newest}; run the newer program with it, or ",
        newest + 1
    );
    assert!(reason.contains(&said), "{reason}");
    assert_eq!(std::fs::read(folder.inbox_path()).unwrap(), before);
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    let other = Connection::open(folder.inbox_path()).unwrap();
    other
        .execute_batch("CREATE TABLE receipt (seq INTEGER PRIMARY KEY); INSERT INTO receipt VALUES (1)")
        .unwrap();
    other.close().unwrap();
    let before = std::fs::read(folder.inbox_path()).unwrap();

    let refusal = folder.refusal();

    let Error::Refused { reason } = refusal else {
        panic!("refused, not {refusal:?}")
    };
    assert!(
        reason.contains(
            "is an SQLite database, but not an inbox of this program; set CAIGUNN_INBOX_URL to the inbox's own file"
        ),
        "{reason}"
    );
    assert_eq!(std::fs::read(folder.inbox_path()).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    let text = "Notes, and by no means a database. ".repeat(100);
    std::fs::write(folder.inbox_path(), &text).unwrap();

    let refusal = folder.refusal();

    let Error::Refused { reason } = refusal else {
        panic!("refused, not {refusal:?}")
    };
    assert!(
        reason.contains("inbox.db is not a database; set CAIGUNN_INBOX_URL to the inbox's own file"),
        "{reason}"
    );
    assert_eq!(std::fs::read_to_string(folder.inbox_path()).unwrap(), text);
}

#[tokio::test]
async fn a_file_is_open_once_at_a_time() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let first = inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;

    let refusal = folder.refusal();

    let Error::InUse { reason } = refusal else {
        panic!("in use, not {refusal:?}")
    };
    assert!(reason.contains("another process has"), "{reason}");
    assert_eq!(inbox.as_dyn().all().await.len(), 1);
    // Many times, since the answer to a close must not come before the file is free.
    let mut inbox = inbox;
    for _ in 0..20 {
        inbox.close().await.unwrap();
        inbox = folder.open(settings());
    }
    assert_eq!(inbox.as_dyn().all().await[0].id, first);
}

#[tokio::test]
async fn a_refused_file_is_not_left_locked() {
    let folder = Folder::new();
    std::fs::write(
        folder.inbox_path(),
        "Notes, and by no means a database. ".repeat(100),
    )
    .unwrap();
    folder.refusal();
    std::fs::remove_file(folder.inbox_path()).unwrap();

    folder
        .open(settings())
        .as_dyn()
        .accept_one(crawled(&Ids::fresh()))
        .await;
}

/// What a crash leaves is the files as they are at some moment: those of a running inbox, copied.
#[tokio::test]
async fn what_was_answered_is_in_the_files_without_a_close() {
    let (folder, crashed) = (Folder::new(), Folder::new());
    let inbox = folder.open(settings());
    let ids = Ids::fresh();
    let notifications = vec![crawled(&ids), unrecognized("billing", "due", &ids)];
    let receipt_ids = inbox.as_dyn().accept(notifications.clone()).await;

    for name in ["inbox.db", "inbox.db-wal"] {
        std::fs::copy(folder.0.path().join(name), crashed.0.path().join(name)).unwrap();
    }

    let crashed = crashed.open(settings());
    let appended = crashed.as_dyn().store(notifications).await;
    assert_eq!(
        appended,
        receipt_ids.into_iter().map(duplicate_of).collect::<Vec<_>>()
    );
    assert_eq!(crashed.as_dyn().all().await, inbox.as_dyn().all().await);
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer_in_the_middle_of_a_transaction() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let receipt_id = inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    inbox
        .on_connection(|connection| connection.execute_batch("BEGIN IMMEDIATE").unwrap())
        .await;

    let read = tokio::time::timeout(Duration::from_secs(60), inbox.receipt(receipt_id)).await;

    assert!(read.expect("the read does not wait").unwrap().is_some());
    inbox
        .on_connection(|connection| connection.execute_batch("ROLLBACK").unwrap())
        .await;
}

#[tokio::test]
async fn what_expired_takes_neither_memory_nor_room_in_the_file() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let older = |ids: &Ids| sent(Event::TrainingInitial, ids, Wire::V2024_01);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let notifications: Vec<_> = (0..10)
        .flat_map(|second| {
            let ids = Ids::fresh();
            let backfilled = NewReceipt {
                origin: Origin::Backfill,
                trace: Some(Box::new(trace.parse().unwrap())),
                ..unrecognized("billing", "initial", &ids)
            };
            let three = [crawled(&ids), backfilled, older(&ids)];
            three.map(|notification| notification.at(second))
        })
        .collect();
    for batch in notifications.chunks(12) {
        inbox.as_dyn().accept(batch.to_vec()).await;
    }
    let remembered = |inbox: &SqliteInbox| {
        let counts = notifications
            .iter()
            .map(|notification| remembered_count(inbox, notification));
        counts.collect::<Vec<_>>()
    };
    assert_eq!(remembered(&inbox), [1, 1, 0].repeat(10));

    // Half a batch and a whole one.
    inbox.as_dyn().expire_all(6).await;

    let last_four = [[0, 0, 0].repeat(6), [1, 1, 0].repeat(4)].concat();
    assert_eq!(remembered(&inbox), last_four);
    inbox.close().await.unwrap();
    let inbox = folder.open(settings());
    assert_eq!(remembered(&inbox), last_four);
    inbox.as_dyn().expire_all(10).await;
    assert_eq!(remembered(&inbox), [0; 30]);
    let counts = "SELECT (SELECT count(*) FROM receipt), (SELECT count(*) FROM unrecognized),
                         (SELECT count(*) FROM latest), (SELECT count(*) FROM open_job),
                         (SELECT count(*) FROM backfilled), (SELECT count(*) FROM trace), (SELECT count(*) FROM receipt_key)";
    let counts: [u64; 7] = inbox
        .on_connection(|connection| {
            let row = connection.query_row(counts, [], |row| {
                Ok([
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                ])
            });
            row.unwrap()
        })
        .await;
    assert_eq!(
        counts,
        [0, 0, 0, 0, 0, 0, 1],
        "the last row of keys holds the place in the order"
    );
}

/// Keys are hashes: one that two identities share must not make them one.
#[tokio::test]
async fn identities_with_the_same_key_are_kept_apart() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let (one_ids, other_ids) = (Ids::fresh(), Ids::fresh());
    let (one, other) = (crawled(&one_ids), crawled(&other_ids));
    let first = inbox.as_dyn().accept_one(one.clone()).await;
    let key = Key::of(&other.identity).expect("a job has a key");
    let sequence = inbox.as_dyn().all().await[0].sequence;
    inbox.index.lock().insert(key, sequence);

    let job_before = inbox.job(other_ids.event_id).await.unwrap();
    let second = inbox.as_dyn().accept_one(other.clone()).await;

    assert!(job_before.is_empty());
    assert_eq!(
        inbox.as_dyn().store(vec![one, other]).await,
        [first, second].map(duplicate_of)
    );
    assert_eq!(inbox.job(other_ids.event_id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn jobs_with_the_same_key_are_kept_apart() {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let [begun, ended, other] = std::array::from_fn(|_| Ids::fresh());
    let initial = |ids: &Ids| sent(Event::CrawlingInitial, ids, Wire::V2024_07);
    let accepted = vec![initial(&begun), crawled(&ended)];
    inbox.as_dyn().accept(accepted).await;
    let sequences: Vec<_> = inbox
        .as_dyn()
        .all()
        .await
        .iter()
        .map(|receipt| receipt.sequence)
        .collect();
    let share = |notification: &NewReceipt, sequence| {
        let key = Key::of(&notification.identity).expect("a job has a key");
        inbox.index.lock().insert(key, sequence);
    };
    share(&initial(&other), sequences[1]);

    // Neither does the end of another job close the one that has begun, nor does it end one that begins.
    let found = inbox.find(initial(&other).identity).await.unwrap();
    inbox.as_dyn().accept_one(crawled(&other)).await;
    let closed = Ids::fresh();
    share(&crawled(&closed), sequences[0]);
    let open = inbox.as_dyn().accept_one(initial(&closed)).await;

    assert_eq!(found, None);
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };
    let listed = inbox.open_jobs(page).await.unwrap().items;
    assert_eq!(
        listed.iter().map(|receipt| receipt.sequence).collect::<Vec<_>>(),
        [sequences[1], listed[1].sequence]
    );
    assert_eq!(listed[1].id, open);
}
