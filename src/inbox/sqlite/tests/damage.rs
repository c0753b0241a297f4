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
        Ok(Check::DamagedRows { reason, advice, .. }) => (reason, advice),
        other => panic!("damaged rows, not {other:?}"),
    }
}

/// Does what a check advises.
fn mend(folder: &Folder, advice: &str) {
    let quoted = advice
        .split_once(" \"")
        .and_then(|(_, rest)| rest.split_once("\"`"));
    let (sql, _) = quoted.unwrap_or_else(|| panic!("{advice}"));
    let file = Connection::open(folder.inbox_path()).unwrap();
    file.execute_batch(sql).expect(sql);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_and_the_rest_is_sound_without_it() {
    let delivery = "INSERT INTO delivery (seq, destination, state, step, attempt_count, due_at, changed_at";
    for (sql, row, why) in [
        (
            // With all that is of it.
            format!(
                "UPDATE receipt SET status = CAST(x'8d' AS TEXT) WHERE seq = 2;
                 {delivery}) VALUES (2, 1, 'dead', 0, 0, 0, 0);
                 INSERT INTO attempt VALUES (2, 1, 2, 0, 0, 'failed', NULL, '', x'');
                 INSERT INTO open_job VALUES (2, x'00'); INSERT INTO trace VALUES (2, '')"
            )
            .as_str(),
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
            "seq, destination (2, 1) of the table delivery",
            "state: ",
        ),
        (
            &format!("{delivery}, first_started_at) VALUES (2, 1, 'pending', 0, 0, 0, 0, 1)"),
            "seq, destination (2, 1) of the table delivery",
            "first_duration_us: it is Null",
        ),
        (
            "INSERT INTO attempt VALUES (2, 1, 1, 0, 0, 'gone', NULL, '', x'')",
            "seq, destination, number (2, 1, 1) of the table attempt",
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
        mend(&folder, &advice);
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
async fn what_is_left_of_receipts_that_are_gone_is_found_and_removed() {
    let sql = "DELETE FROM receipt WHERE seq IN (2, 3);
               INSERT INTO delivery (seq, destination, state, step, attempt_count, due_at, changed_at)
               VALUES (2, 1, 'dead', 0, 0, 0, 0), (3, 1, 'pending', 0, 0, 0, 0), (4, 1, 'pending', 0, 0, 0, 0);
               INSERT INTO open_job VALUES (3, x'00')";
    let (folder, _) = changed(sql).await;

    let (reason, advice) = damaged(&folder);
    mend(&folder, &advice);

    let expected = "rows that are left of receipts that are gone: 1 in the table open_job, the first of seq 3, 2 in the table \
                    delivery, the first of seq 2";
    assert!(reason.ends_with(expected), "{reason}");
    let sound = Check::Sound {
        version: MIGRATIONS.len(),
        receipt_count: 48,
    };
    assert_eq!(check(&folder.inbox_path()).unwrap(), sound);
}

#[tokio::test]
async fn what_goes_with_a_destination_that_is_removed_is_said() {
    let sql = "INSERT INTO destination (id, name, cursor, added_at) VALUES (1, CAST(x'8d' AS TEXT), 0, 0)";
    let (folder, _) = changed(sql).await;

    let (_, advice) = damaged(&folder);

    assert!(
        advice.contains("A destination that is removed is put in anew at the next start"),
        "{advice}"
    );
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

/// A closed inbox with 20 receipts in batches of 1, 2, 3, 4, 1, 2, 3, 4: five times a job's step, the end of an older training,
/// the beginning of one, which has no key, and what nobody has documented.
async fn of_all_kinds() -> (Folder, Vec<NewReceipt>) {
    let folder = Folder::new();
    let inbox = folder.open(settings());
    let trained = |ids: &Ids| Event::TrainingCompleted {
        model_id: ids.model_id,
        training_data_ids: vec![ids.training_data_id],
    };
    let kinds = || {
        let ids = Ids::fresh();
        [
            crawled(&ids),
            sent(trained(&ids), &ids, Wire::V2024_01),
            sent(Event::TrainingInitial, &ids, Wire::V2024_01),
            unrecognized("billing", "initial", &ids),
        ]
    };
    let notifications: Vec<_> = (0..5).flat_map(|_| kinds()).collect();
    let mut rest = &notifications[..];
    for count in [1, 2, 3, 4, 1, 2, 3, 4] {
        let (batch, left) = rest.split_at(count);
        inbox.as_dyn().accept(batch.to_vec()).await;
        rest = left;
    }
    inbox.close().await.unwrap();
    (folder, notifications)
}

#[tokio::test]
async fn a_receipt_whose_key_is_lost_is_named_and_a_repeat_of_it_is_one_again_after_the_mend() {
    let wrong = "keys = CAST(substr(keys, 1, 8) || x'0102030405060708' || substr(keys, 17) AS BLOB)";
    let too_much = "keys = CAST(x'01' || substr(keys, 2) AS BLOB)";
    for (sql, seqs) in [
        (
            "UPDATE receipt_key SET keys = x'0102030405060708' WHERE first_seq = 1",
            "1",
        ),
        (
            &format!("UPDATE receipt_key SET {wrong} WHERE first_seq = 4"),
            "5",
        ),
        (
            &format!("UPDATE receipt_key SET {too_much} WHERE first_seq = 11"),
            "11",
        ),
        ("UPDATE receipt_key SET keys = x'' WHERE first_seq = 1", "1"),
        (
            "UPDATE receipt_key SET keys = substr(keys, 1, 12) WHERE first_seq = 4",
            "5, 6",
        ),
        (
            "UPDATE receipt_key SET keys = zeroblob(32) WHERE first_seq = 7",
            "8, 9, 10",
        ),
        (
            "UPDATE receipt_key SET first_seq = 30 WHERE first_seq = 7",
            "8, 9, 10",
        ),
        ("DELETE FROM receipt_key WHERE first_seq = 2", "2"),
        ("DELETE FROM receipt_key WHERE first_seq IN (1, 4)", "1, 4, 5, 6"),
    ] {
        let (folder, notifications) = of_all_kinds().await;
        let file = Connection::open(folder.inbox_path()).unwrap();
        file.execute_batch(sql).expect(sql);
        drop(file);

        let (reason, advice) = damaged(&folder);

        let said = format!("so that a repeat of them is taken for new: seq {seqs}");
        assert!(reason.ends_with(&said), "{sql}: {reason}");
        mend(&folder, &advice);
        let sound = Check::Sound {
            version: MIGRATIONS.len(),
            receipt_count: 20,
        };
        assert_eq!(check(&folder.inbox_path()).unwrap(), sound, "{sql}: {advice}");
        let inbox = folder.open(settings());
        let stored = inbox.as_dyn().store(notifications).await;
        let new: Vec<_> = stored
            .iter()
            .filter(|appended| matches!(appended, Appended::New { .. }))
            .collect();
        assert_eq!(new.len(), 0, "{sql}: {stored:?}");
    }
}

#[tokio::test]
async fn an_index_that_lacks_a_row_is_found() {
    let pending = "INSERT INTO delivery (seq, destination, state, step, attempt_count, due_at, changed_at) \
                   VALUES (2, 1, 'pending', 1, 1, 0, 0)";
    // The row is written where nobody knows of the index.
    let sql = format!(
        "PRAGMA writable_schema = ON;
         CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'delivery_pending';
         DELETE FROM sqlite_schema WHERE name = 'delivery_pending';
         PRAGMA writable_schema = RESET;
         {pending};
         PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema SELECT * FROM kept;
         PRAGMA writable_schema = RESET;
         DROP TABLE kept"
    );
    let (folder, _) = changed(&sql).await;

    let (reason, advice) = damaged(&folder);
    mend(&folder, &advice);

    assert!(
        reason.contains("an index does not fit its table (") && reason.contains("index delivery_pending"),
        "{reason}"
    );
    let sound = check(&folder.inbox_path());
    assert!(matches!(sound, Ok(Check::Sound { .. })), "{sound:?}");
}

#[tokio::test]
async fn of_two_deliveries_of_a_receipt_the_one_that_can_be_read_stays() {
    let row = |destination, state: &str| {
        format!(
            "INSERT INTO delivery (seq, destination, state, step, attempt_count, due_at, changed_at)
             VALUES (2, {destination}, {state}, 1, 1, 0, 0);"
        )
    };
    let sql = [row(1, "CAST(x'8d' AS TEXT)"), row(2, "'pending'")].concat();
    let (folder, _) = changed(&sql).await;

    let (reason, advice) = damaged(&folder);
    mend(&folder, &advice);

    assert!(
        reason.contains("seq, destination (2, 1) of the table delivery"),
        "{reason}"
    );
    let file = Connection::open(folder.inbox_path()).unwrap();
    let left: Vec<i64> = file
        .prepare("SELECT destination FROM delivery")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(left, [2]);
}

#[test]
fn advice_for_a_shell_takes_a_path_with_blanks_as_one() {
    let quoted = |path: &str| super::super::folder::quoted(Path::new(path));

    assert_eq!(quoted("/data/inbox.db"), "/data/inbox.db");
    assert_eq!(quoted("/my data/inbox.db"), "'/my data/inbox.db'");
    assert_eq!(quoted("/it's"), r"'/it'\''s'");
}
