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
    let expected = "caigunn-webhook: it is no inbox: /dev/null is not a file\nset CAIGUNN_INBOX_URL to the inbox's own file, ";
    assert!(device.errors.starts_with(expected), "{device:?}");
    assert_eq!(found["condition"], "foreign", "{found}");
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
    let expected = [json!("postgres"), json!("sound"), json!(8), json!(2)];
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
