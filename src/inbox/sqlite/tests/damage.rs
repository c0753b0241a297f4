//! Promise: a check reads each row as the program does, and says of those that it cannot read which they are and what to do.

use super::*;
use crate::inbox::Appended;

/// A closed inbox with receipts, after this SQL.
async fn changed(sql: &str) -> (Folder, Vec<NewReceipt>) {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let notifications: Vec<_> = (0..50).map(|_| crawled(&Ids::fresh())).collect();
    inbox.as_dyn().accept(notifications.clone()).await;
    inbox.close().await.unwrap();
    let file = Connection::open(folder.inbox_path()).unwrap();
    file.execute_batch(sql).expect(sql);
    (folder, notifications)
}

fn damaged(folder: &Folder) -> (String, String) {
    match check(&folder.inbox_path()) {
        Ok(Check::DamagedRows { reason, advice }) => (reason, advice),
        other => panic!("damaged rows, not {other:?}"),
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_and_the_rest_is_sound_without_it() {
    let delivery = "INSERT INTO delivery (seq, destination, state, step, attempt_count, due_at, changed_at";
    for (sql, row, why) in [
        (
            "UPDATE receipt SET status = CAST(x'8d' AS TEXT) WHERE seq = 2",
            "seq 2 of the table receipt",
            "what the inbox holds as its status cannot be read",
        ),
        (
            "UPDATE receipt SET event = CAST(x'8d' AS TEXT) WHERE seq = 2",
            "seq 2 of the table receipt",
            "what the inbox holds as its event cannot be read",
        ),
        (
            "UPDATE receipt SET wire = '2024-08' WHERE seq = 2",
            "seq 2 of the table receipt",
            "what the inbox holds as its wire cannot be read",
        ),
        (
            "UPDATE receipt SET chatbot_id = x'01' WHERE seq = 2",
            "seq 2 of the table receipt",
            "what the inbox holds as its chatbot_id cannot be read",
        ),
        (
            "UPDATE receipt SET model_id = x'01' WHERE seq = 2",
            "seq 2 of the table receipt",
            "model_id: ",
        ),
        (
            "INSERT INTO trace VALUES (2, CAST(x'8d' AS TEXT))",
            "seq 2 of the table trace",
            "headers: ",
        ),
        (
            "INSERT INTO notices VALUES (1, CAST(x'8d' AS TEXT))",
            "id 1 of the table notices",
            "book: ",
        ),
        (
            "INSERT INTO instruction VALUES (x'0a0b', 0, '', '', NULL)",
            "id x'0a0b' of the table instruction",
            "id: ",
        ),
        (
            "INSERT INTO quarantine VALUES (7, x'01', 0, x'', '', '', NULL, NULL, x'', 0)",
            "seq 7 of the table quarantine",
            "what the inbox holds as its id, request_id cannot be read",
        ),
        (
            &format!("{delivery}) VALUES (2, 1, 'gone', 0, 0, 0, 0)"),
            "seq 2 of the table delivery",
            "state: ",
        ),
        (
            &format!("{delivery}, first_started_at) VALUES (2, 1, 'pending', 0, 0, 0, 0, 1)"),
            "seq 2 of the table delivery",
            "first_duration_us: it is Null",
        ),
        (
            "INSERT INTO attempt VALUES (2, 1, 1, 0, 0, 'gone', NULL, '', x'')",
            "seq 2 of the table attempt",
            "outcome: ",
        ),
    ] {
        let (folder, notifications) = changed(sql).await;

        let (reason, advice) = damaged(&folder);
        let watch: Watch = Arc::new(|_| true);
        let refused = backup(&folder.inbox_path(), &folder.0.path().join("copy.db"), &watch);

        let expected = format!("inbox.db is damaged: rows that cannot be read: {row} (the first: {why}");
        assert!(reason.contains(&expected), "{sql}: {reason}");
        assert!(
            matches!(refused, Err(BackupError::From(Error::Corrupt { .. }))),
            "{refused:?}"
        );
        let advised = advice
            .split_once(" \"")
            .and_then(|(_, rest)| rest.split_once("\"`"));
        let (advised, _) = advised.unwrap_or_else(|| panic!("{advice}"));
        let file = Connection::open(folder.inbox_path()).unwrap();
        file.execute_batch(advised).expect(advised);
        drop(file);
        let receipt_count = if row.ends_with("receipt") { 49 } else { 50 };
        let sound = Check::Sound {
            version: MIGRATIONS.len(),
            receipt_count,
        };
        assert_eq!(check(&folder.inbox_path()).unwrap(), sound, "{sql}");
        let inbox = folder.open(settings());
        let stored = inbox.as_dyn().store(notifications).await;
        let new = stored
            .iter()
            .filter(|appended| matches!(appended, Appended::New { .. }));
        assert_eq!(
            new.count() as u64,
            50 - receipt_count,
            "{sql}: what was removed is taken anew"
        );
    }
}

#[tokio::test]
async fn of_many_rows_that_cannot_be_read_some_are_named_and_all_counted() {
    let (folder, _) = changed("UPDATE receipt SET status = CAST(x'8d' AS TEXT)").await;

    let (reason, advice) = damaged(&folder);

    assert!(
        reason.contains("seq 1, 2, 3, 4, ") && reason.contains(" and 30 more "),
        "{reason}"
    );
    assert!(reason.len() + advice.len() < 1_500, "{reason}; {advice}");
}

#[tokio::test]
async fn a_row_of_an_older_version_that_cannot_be_read_is_named_too() {
    let folder = Folder::new();
    folder.write_version_1(&[crawled(&Ids::fresh())]);
    let file = Connection::open(folder.inbox_path()).unwrap();
    file.execute_batch("UPDATE receipt SET status = CAST(x'8d' AS TEXT)")
        .unwrap();
    drop(file);

    let (reason, _) = damaged(&folder);

    assert!(reason.contains("seq 1 of the table receipt"), "{reason}");
}
