//! Promise: whoever waits for an inbox that another program holds up hears of it before giving up, and where nobody waits
//! the log tells of it, once.

use std::time::Instant;

use super::hold::Hold;
use super::write::Store;
use super::*;
use crate::telemetry::testing::Log;

const PATIENCE: Duration = Duration::from_secs(2);

fn patient() -> Settings {
    Settings {
        timeout: PATIENCE,
        ..settings()
    }
}

/// How long a batch waits to be refused.
async fn wait(inbox: &SqliteInbox, reason: &str) -> Duration {
    let began = Instant::now();
    let refused = unavailable(inbox.append(vec![Entry::Receipt(crawled(&Ids::fresh()))]).await);
    assert!(refused.contains(reason), "{refused}");
    began.elapsed()
}

#[tokio::test]
async fn only_the_first_of_those_who_wait_together_waits_for_the_lock_of_others() {
    let folder = Folder::new();
    let inbox = folder.open(patient());
    let other = Connection::open(folder.inbox_path()).unwrap();
    for _ in 0..2 {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();

        let first = wait(&inbox, "another program holds the inbox").await;
        let mut rest = Duration::ZERO;
        for _ in 0..3 {
            rest += wait(&inbox, "another program holds the inbox").await;
        }

        assert!(first > PATIENCE / 2 && rest < PATIENCE, "{first:?} {rest:?}");
        // Once it has gone it is waited for anew.
        other.execute_batch("COMMIT").unwrap();
        inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    }
}

/// An inbox with a receipt, and somebody amid reading it, so that its log cannot be saved.
async fn being_read() -> (Folder, SqliteInbox, Connection) {
    let folder = Folder::new();
    let inbox = folder.open(patient());
    inbox.as_dyn().accept_one(crawled(&Ids::fresh())).await;
    let reader = Connection::open(folder.inbox_path()).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM receipt")
        .unwrap();
    (folder, inbox, reader)
}

#[tokio::test]
async fn only_the_first_of_those_who_wait_together_waits_for_a_removed_log_to_be_saved() {
    let (folder, inbox, _reader) = being_read().await;
    std::fs::remove_file(schema::beside(&folder.inbox_path(), "-wal")).unwrap();

    let first = wait(&inbox, "cannot be saved yet").await;
    let mut rest = Duration::ZERO;
    for _ in 0..3 {
        rest += wait(&inbox, "cannot be saved yet").await;
    }

    // It is also looked after between two batches.
    assert!(first < PATIENCE * 2 && rest < PATIENCE, "{first:?} {rest:?}");
}

#[tokio::test]
async fn a_log_that_was_away_for_a_while_is_copied_again_when_it_is_back() {
    let (folder, inbox, reader) = being_read().await;
    let log = schema::beside(&folder.inbox_path(), "-wal");
    let moved = log.with_extension("moved");
    std::fs::rename(&log, &moved).unwrap();
    wait(&inbox, "cannot be saved yet").await;
    std::fs::rename(&moved, &log).unwrap();
    drop(reader);

    let before = std::fs::metadata(folder.inbox_path()).unwrap().len();
    let copied = async {
        // All of it is in the file's length only when the log was copied into it.
        while std::fs::metadata(folder.inbox_path()).unwrap().len() < before + (1 << 20) {
            let many = (0..500).map(|_| crawled(&Ids::fresh())).collect();
            inbox.as_dyn().accept(many).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), copied)
        .await
        .expect("it is copied");
}

#[test]
fn while_nothing_is_stored_the_log_tells_once_that_nothing_can_be_and_once_when_that_is_over() {
    let folder = Folder::new();
    let (path, moved) = (folder.inbox_path(), folder.inbox_path().with_extension("moved"));
    let hold = Arc::new(Hold::take(&path).unwrap());
    let mut store = Store::open(&path, settings(), Arc::default(), hold).unwrap();
    let log = Log::start();
    let mut looks = |count| (0..count).for_each(|_| store.watch());
    for trouble in 1..=2 {
        looks(2);
        std::fs::rename(&path, &moved).unwrap();
        looks(3);
        std::fs::rename(&moved, &path).unwrap();
        looks(2);

        let told = log.lines();
        assert_eq!(told.len(), 2 * trouble, "{told:?}");
        let [began, ended] = &told[2 * trouble - 2..] else {
            unreachable!()
        };
        assert!(began.starts_with("WARN nothing can be stored: "), "{told:?}");
        assert_eq!(ended, "INFO the files of the inbox are as they should be again");
    }
}
