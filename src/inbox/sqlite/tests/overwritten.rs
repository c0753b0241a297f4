//! Promise: what else than SQLite writes to the file of an open inbox is noticed before anything is stored on top of it, and
//! what other programs do by SQLite costs nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::*;

fn other(folder: &Folder) -> Connection {
    Connection::open(folder.inbox_path()).expect("the inbox opens")
}

/// Has SQLite copy the log into the file, from another connection.
fn checkpoint(connection: &Connection, mode: &str) {
    let is_busy: bool = connection
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0))
        .expect("it copies");
    assert!(!is_busy, "{mode}");
}

/// What is done to a file, of which there is a copy, and what it was some commits ago.
type Change = fn(&Path, &[u8], &[u8]);

/// Gives a file that content as `cp` does, and so keeps its inode.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("it is written");
}

fn cut(path: &Path, bytes: u64) {
    File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(bytes))
        .expect("it is cut");
}

fn log(folder: &Folder) -> PathBuf {
    schema::beside(&folder.inbox_path(), "-wal")
}

fn corrupt<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Corrupt { reason }) => reason,
        other => panic!("corrupt, not {other:?}"),
    }
}

/// An inbox with receipts, more than a page of them in its file; a copy of it; and what its file was then.
async fn inbox() -> (Folder, SqliteInbox, Vec<u8>, Vec<u8>) {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let many = (0..200).map(|_| crawled(&Ids::fresh())).collect();
    inbox.as_dyn().accept(many).await;
    let copy = folder.0.path().join("copy.db");
    let watch: Watch = Arc::new(|_| true);
    backup(&folder.inbox_path(), &copy, &watch).expect("it is copied");
    checkpoint(&other(&folder), "TRUNCATE");
    let file = fs::read(folder.inbox_path()).expect("it is read");
    // Which opens it anew.
    inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    (folder, inbox, fs::read(copy).expect("it is read"), file)
}

#[tokio::test]
async fn onto_what_was_put_over_the_file_in_place_nothing_is_stored() {
    let changes: [Change; 5] = [
        |path, copy, _| overwrite(path, copy),
        |path, _, older| overwrite(path, older),
        |path, _, _| overwrite(path, &b"Notes, and by no means a database. ".repeat(9_000)),
        |path, _, _| cut(path, 0),
        |path, _, _| cut(path, 4_096),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (folder, inbox, copy, older) = inbox().await;
        // So that what is in the file is younger than either.
        checkpoint(&other(&folder), "PASSIVE");
        inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
        let path = folder.inbox_path();
        change(&path, &copy, &older);
        let left = [fs::read(&path).unwrap(), fs::read(log(&folder)).unwrap()];

        let refusals = [
            corrupt(inbox.append(vec![Entry::Receipt(crawled(&Ids::fresh()))]).await),
            corrupt(inbox.append(vec![Entry::Probe]).await),
            corrupt(inbox.expire(at(1)).await),
            corrupt(inbox.close().await),
        ];

        for refusal in refusals {
            assert!(
                refusal.contains("inbox.db was overwritten or cut short while in use"),
                "{refusal}"
            );
        }
        let after = [fs::read(&path).unwrap(), fs::read(log(&folder)).unwrap()];
        assert!(after == left, "{number}: neither is changed any more");
        // Nor does a start put the log into it.
        let opened = SqliteInbox::open(&path, settings()).err();
        let is_refused = matches!(opened, Some(Error::Refused { .. } | Error::Corrupt { .. }));
        assert!(is_refused, "{number}: {opened:?}");
    }
}

/// Each of these changes what the receiver looks at: the file's length, the count in its head, the length of the log.
#[tokio::test]
async fn what_other_programs_do_by_sqlite_is_no_damage() {
    let vacuumed = "DELETE FROM receipt WHERE seq > 10; VACUUM;";
    let small_log =
        "PRAGMA journal_size_limit = 0; PRAGMA wal_checkpoint(RESTART); UPDATE state SET probe = x'00';";
    for sql in [
        "PRAGMA wal_checkpoint(PASSIVE)",
        "PRAGMA wal_checkpoint(FULL)",
        "PRAGMA wal_checkpoint(RESTART)",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        &format!("{vacuumed} PRAGMA wal_checkpoint(PASSIVE)"),
        &format!("{vacuumed} PRAGMA wal_checkpoint(TRUNCATE)"),
        vacuumed,
        "PRAGMA auto_vacuum = full; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)",
        small_log,
        // The version of the tables is its lowest byte, and stays.
        "PRAGMA user_version = 2560009; PRAGMA wal_checkpoint(TRUNCATE)",
        "REINDEX",
    ] {
        let (folder, inbox, ..) = inbox().await;
        let (before, later) = (crawled(&Ids::fresh()), crawled(&Ids::fresh()));
        inbox.as_dyn().accept_one(before).await;

        let connection = other(&folder);
        connection.execute_batch(sql).expect(sql);
        inbox.append(vec![Entry::Probe]).await.expect(sql);
        inbox.expire(at(1)).await.expect(sql);
        let receipt_id = inbox.as_dyn().accept_one(later.clone()).await;
        checkpoint(&connection, "TRUNCATE");
        inbox.append(vec![Entry::Probe]).await.expect(sql);
        checkpoint(&connection, "PASSIVE");
        drop(connection);

        assert_eq!(
            inbox.as_dyn().store_one(later).await,
            duplicate_of(receipt_id),
            "{sql}"
        );
        let held = inbox.as_dyn().all().await;
        inbox.close().await.expect(sql);
        let reopened = folder.open(settings());
        assert_eq!(reopened.as_dyn().all().await, held, "{sql}");
    }
}

#[tokio::test]
async fn a_log_that_was_cut_when_all_of_it_was_in_the_file_costs_nothing() {
    let (folder, inbox, ..) = inbox().await;
    checkpoint(&other(&folder), "PASSIVE");
    cut(&log(&folder), 100);

    let notification = crawled(&Ids::fresh());
    let receipt_id = inbox.as_dyn().accept_one(notification.clone()).await;

    let held = inbox.as_dyn().all().await;
    assert_eq!(held.len(), 202);
    inbox.close().await.unwrap();
    let reopened = folder.open(settings());
    assert_eq!(reopened.as_dyn().all().await, held);
    assert_eq!(
        reopened.as_dyn().store_one(notification).await,
        duplicate_of(receipt_id)
    );
}

#[tokio::test]
async fn a_log_that_another_program_emptied_before_a_stop_is_no_loss() {
    let (folder, inbox, ..) = inbox().await;
    let held = inbox.as_dyn().all().await;

    checkpoint(&other(&folder), "TRUNCATE");
    inbox.close().await.expect("nothing is lost");

    assert_eq!(folder.open(settings()).as_dyn().all().await, held);
}
