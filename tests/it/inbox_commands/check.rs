//! `inbox check` says of an inbox of either kind whether it is sound, and passes nothing else.

use std::os::unix::fs::FileExt;

use super::*;

#[tokio::test]
async fn a_sound_inbox_in_a_file_passes_also_while_a_receiver_runs() {
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    post(&process, 2).await;

    let table = inbox(folder.path(), &["check"]).await;
    let named = inbox(folder.path(), &["check", "sqlite:inbox.db", "--format", "json"]).await;

    let path = folder.path().join("inbox.db").display().to_string();
    assert_eq!((table.code, &*table.errors), (Some(0), ""), "{table:?}");
    assert_eq!(
        words(&table.output),
        [
            "INBOX KIND VERSION OF TABLES RECEIPTS CONDITION".to_owned(),
            format!("sqlite:{path} sqlite 9 2 sound"),
        ]
    );
    let expected = json!({
        "inbox": "sqlite:inbox.db",
        "kind": "sqlite",
        "condition": "sound",
        "tables_version": 9,
        "receipt_count": 2,
        "found": "inbox.db is sound; receipts in it: 2",
        "advice": null,
    });
    assert_eq!(printed(&named), (expected, Some(0)));
}

#[tokio::test]
async fn a_damaged_file_does_not_pass() {
    let folder = folder();
    fill(folder.path(), 500).await;
    let path = folder.path().join("inbox.db");
    let file = fs::File::options().write(true).open(&path).expect("the inbox");
    let length = file.metadata().expect("the inbox").len();
    for offset in (8_192..length).step_by(4_096) {
        file.write_all_at(&[0xff; 64], offset).expect("it takes writes");
    }

    let table = inbox(folder.path(), &["check"]).await;
    let (found, code) = printed(&inbox(folder.path(), &["check", "--format", "json"]).await);

    assert_eq!((table.code, &*table.output), (Some(1), ""), "{table:?}");
    assert!(
        table.errors.starts_with("caigunn-webhook: it is damaged: "),
        "{table:?}"
    );
    assert!(
        table.errors.contains(
            "\nstop the receiver and restore a backup (`caigunn-webhook inbox restore COPY`), which keeps "
        ),
        "{table:?}"
    );
    assert_eq!(
        (&found["condition"], code),
        (&json!("damaged"), Some(1)),
        "{found}"
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_read_as_it_is_does_not_pass_and_is_told_of_with_what_helps() {
    let folder = folder();
    fill(folder.path(), 1).await;
    let path = folder.path().join("inbox.db");
    let path = path.display();
    fs::write(folder.path().join("inbox.db-journal"), "half").expect("the folder takes files");

    let half_changed = inbox(folder.path(), &["check"]).await;
    let device = inbox(folder.path(), &["check", "sqlite:/dev/null"]).await;
    let (found, _) = printed(&inbox(folder.path(), &["check", "sqlite:/dev/null", "--format", "json"]).await);

    let expected = format!(
        "caigunn-webhook: {path} is half changed: {path}-journal has what was there before, as where the very first start was \
         cut off\nstart the receiver, which takes that back (of a copy, `sqlite3 {path} .schema` as its owner does), and check \
         again\n"
    );
    assert_eq!((half_changed.code, half_changed.errors), (Some(1), expected));
    let expected = format!(
        "caigunn-webhook: it is no inbox: /dev/null is not a file\nthis copy is of no use: make another (`caigunn-webhook inbox \
         backup FILE`) or name another; of the configured inbox, sqlite:{path}, this says nothing\n"
    );
    assert_eq!(device.errors, expected);
    assert_eq!(found["condition"], "foreign", "{found}");
}

#[tokio::test]
async fn of_a_copy_that_is_of_no_use_nothing_is_advised_that_is_for_the_configured_inbox() {
    let folder = folder();
    fill(folder.path(), 500).await;
    let mut bytes = fs::read(folder.path().join("inbox.db")).expect("the inbox");
    for page in bytes.chunks_mut(4_096).skip(2) {
        page[..64].fill(0xff);
    }
    fs::write(folder.path().join("damaged.db"), bytes).expect("a file");
    fs::copy(folder.path().join("inbox.db"), folder.path().join("rows.db")).expect("a file");
    let rows = rusqlite::Connection::open(folder.path().join("rows.db")).expect("it opens");
    rows.execute_batch("PRAGMA user_version = 0")
        .expect("it takes it");
    drop(rows);
    std::os::unix::fs::symlink("inbox.db", folder.path().join("link.db")).expect("a link");
    let nothing = format!(
        "of the configured inbox, sqlite:{}, this says nothing",
        folder.path().join("inbox.db").display()
    );

    let damaged = inbox(folder.path(), &["check", "sqlite:damaged.db"]).await;
    let (found, _) =
        printed(&inbox(folder.path(), &["check", "sqlite:damaged.db", "--format", "json"]).await);
    let rows = inbox(folder.path(), &["check", "sqlite:rows.db"]).await;
    let missing = inbox(folder.path(), &["check", "sqlite:missing.db"]).await;
    let link = inbox(folder.path(), &["check", "sqlite:link.db"]).await;

    let advice = format!(
        "this copy is of no use: make another (`caigunn-webhook inbox backup FILE`) or name another; {nothing}"
    );
    assert_eq!(damaged.code, Some(1), "{damaged:?}");
    assert!(
        damaged.errors.starts_with("caigunn-webhook: it is damaged: "),
        "{damaged:?}"
    );
    assert!(damaged.errors.ends_with(&format!("\n{advice}\n")), "{damaged:?}");
    assert_eq!(found["advice"], advice);
    // What mends it is told all the same.
    let advice = format!(
        "this copy is of no use: make another (`caigunn-webhook inbox backup FILE`) or name another, or take the damage out of \
         it: `sqlite3 {} 'PRAGMA user_version = 9'`; {nothing}",
        folder.path().join("rows.db").display()
    );
    assert!(rows.errors.ends_with(&format!("\n{advice}\n")), "{rows:?}");
    let expected = format!(
        "caigunn-webhook: there is no inbox at sqlite:missing.db\nsee that the URL is right; a path is relative to the folder \
         where this runs; {nothing}\n"
    );
    assert_eq!((missing.code, missing.errors), (Some(1), expected));
    assert_eq!((link.code, &*link.errors), (Some(0), ""));
    // Whatever path leads to it, the configured one has an advice of its own.
    fs::remove_file(folder.path().join("inbox.db")).expect("it goes");
    fs::rename(folder.path().join("damaged.db"), folder.path().join("inbox.db")).expect("it is put there");
    let link = inbox(folder.path(), &["check", "sqlite:link.db"]).await;
    assert!(
        link.errors.contains("\nstop the receiver and restore a backup "),
        "{link:?}"
    );
}

#[tokio::test]
async fn an_inbox_that_is_not_there_does_not_pass_and_is_not_made() {
    let folder = folder();
    let path = folder.path().join("inbox.db");

    let ended = inbox(folder.path(), &["check"]).await;

    let expected = format!(
        "caigunn-webhook: {} does not exist yet; the first start makes it\nif there should be an inbox, see that \
         CAIGUNN_INBOX_URL is the receiver's, and that this runs in its folder\n",
        path.display()
    );
    assert_eq!((ended.code, ended.errors), (Some(1), expected));
    assert!(!path.exists());
    let Some(database) = fresh_database().await else {
        return;
    };
    let (found, code) = printed(&inbox(folder.path(), &["check", database.url(), "--format", "json"]).await);
    assert_eq!(
        (&found["condition"], code),
        (&json!("missing"), Some(1)),
        "{found}"
    );
    let schemas = "SELECT FROM pg_namespace WHERE nspname = 'caigunn_webhook'";
    assert_eq!(database.rows(schemas).await.len(), 0);
}

#[tokio::test]
async fn a_database_passes_if_it_is_sound_and_not_if_it_is_damaged() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let folder = folder();
    let configured = [("CAIGUNN_INBOX_URL", database.url())];
    let process = Process::start(folder.path(), &configured).await;
    post(&process, 2).await;

    let sound = inbox_with(folder.path(), &["check", "--format", "json"], &configured).await;
    database.execute("DELETE FROM caigunn_webhook.open_job").await;
    let damaged = inbox_with(folder.path(), &["check"], &configured).await;

    let (found, code) = printed(&sound);
    assert_eq!(code, Some(0), "{found}");
    let expected = [json!("postgres"), json!("sound"), json!(9), json!(2)];
    let seen = ["kind", "condition", "tables_version", "receipt_count"];
    assert_eq!(seen.map(|name| found[name].clone()), expected, "{found}");
    assert_eq!((damaged.code, &*damaged.output), (Some(1), ""), "{damaged:?}");
    assert!(
        damaged
            .errors
            .contains("a job does not count as open whose beginning is held"),
        "{damaged:?}"
    );
    assert!(
        damaged.errors.contains("\nstop the receivers, keep a copy "),
        "{damaged:?}"
    );
}
