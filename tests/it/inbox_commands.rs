//! Promise: `inbox copy` brings an inbox from a file to PostgreSQL as it is, goes on where it was cut off, and shows
//! that both hold the same; `inbox check` says of either kind whether it is sound, and passes nothing else; `inbox backup`
//! and `inbox restore` make a whole copy of a file and put it back.

mod backup;
mod check;

use std::fs;
use std::path::Path;

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::event::{Event, Wire};
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use caigunn_webhook::inbox::{Entry, Inbox, NewReceipt, Origin, RequestId};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::harness::postgres::{Database, fresh_database};
use crate::harness::process::{Ended, run, words};
use crate::harness::{self, Process, client, sample, wait_for};

/// A folder for an inbox in `inbox.db`, which is the configured one.
fn folder() -> TempDir {
    tempfile::tempdir().expect("the system has a folder for temporary files")
}

/// Runs `inbox` in a folder.
async fn inbox(folder: &Path, arguments: &[&str]) -> Ended {
    inbox_with(folder, arguments, &[]).await
}

async fn inbox_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = Process::command(folder);
    command
        .arg("inbox")
        .args(arguments)
        .envs(variables.iter().copied());
    let ended = run(command).await;
    assert!(!ended.output.contains("planted"), "{ended:?}");
    assert!(!ended.errors.contains("planted"), "{ended:?}");
    ended
}

/// The JSON that a command prints, with its exit code.
#[track_caller]
fn printed(ended: &Ended) -> (Value, Option<i32>) {
    let value = serde_json::from_str(&ended.output);
    (value.unwrap_or_else(|_| panic!("no JSON: {ended:?}")), ended.code)
}

/// Posts so many notifications of jobs of their own.
async fn post(process: &Process, count: usize) {
    for _ in 0..count {
        let body = harness::json(&sample("crawling.initial"));
        let answer = client().post(process.url("/webhook")).json(&body).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
}

/// Stores so many receipts in `inbox.db`, which no receiver has open.
async fn fill(folder: &Path, count: usize) {
    let settings = config::load(&Sources::default()).expect("the defaults are right");
    let inbox = SqliteInbox::open(&folder.join("inbox.db"), settings.settings.inbox).expect("it opens");
    let entries = (0..count).map(|_| {
        let ids = Ids::fresh();
        let notification = sample::notification(Event::CrawlingInitial, &ids, Wire::V2024_07);
        let body = sample::to_json(&notification).to_string().into();
        let request_id = RequestId::new(Uuid::nil());
        Entry::Receipt(NewReceipt::new(
            &notification,
            body,
            Timestamp::now(),
            request_id,
            Origin::Webhook,
        ))
    });
    let stored = inbox.append(entries.collect()).await.expect("they are stored");
    assert!(stored.iter().all(Result::is_ok));
    inbox.close().await.expect("it closes");
}

/// How many receipts a database with tables holds.
async fn count(database: &Database) -> i64 {
    let rows = database
        .rows("SELECT count(*) FROM caigunn_webhook.receipt")
        .await;
    rows[0].get(0)
}

#[tokio::test]
async fn an_inbox_is_copied_while_its_receiver_runs_and_another_run_copies_the_rest() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let folder = folder();
    let process = Process::start(folder.path(), &[]).await;
    post(&process, 3).await;
    let arguments = ["copy", "--to", database.url(), "--format", "json"];

    let first = printed(&inbox(folder.path(), &arguments).await);
    post(&process, 2).await;
    let second = printed(&inbox(folder.path(), &arguments).await);
    let third = printed(&inbox(folder.path(), &arguments).await);

    let of = |copied: u64, held: u64, sha256: &Value| {
        let outcome = json!({
            "from": format!("sqlite:{}", folder.path().join("inbox.db").display()),
            "to": first.0["to"],
            "copied_count": copied,
            "quarantined_count": 0,
            "receipt_count": held,
            "destination_count": 0,
            "delivery_count": 0,
            "sha256": sha256,
        });
        (outcome, Some(0))
    };
    assert_eq!(first, of(3, 3, &first.0["sha256"]));
    assert_eq!(second, of(2, 5, &second.0["sha256"]));
    assert_eq!(third, of(0, 5, &second.0["sha256"]));
    assert_ne!(first.0["sha256"], second.0["sha256"]);
    assert_eq!(first.0["sha256"].as_str().map(str::len), Some(64));
    // A receiver on the copy shows what that on the file does.
    let other = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(other.path(), &[("CAIGUNN_INBOX_URL", database.url())]).await;
    assert_eq!(
        receiver.receipts(&client()).await,
        process.receipts(&client()).await
    );
}

#[tokio::test]
async fn nothing_is_copied_to_a_database_of_an_older_program_whose_receivers_may_run() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let folder = folder();
    fill(folder.path(), 1).await;
    harness::postgres::make_older(&database).await;

    let ended = inbox(folder.path(), &["copy", "--to", database.url()]).await;

    assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{ended:?}");
    assert!(ended.errors.contains(harness::postgres::OLDER), "{ended:?}");
}

#[tokio::test]
async fn people_get_a_table_and_a_database_that_is_configured_need_not_be_named() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let folder = folder();
    fill(folder.path(), 2).await;
    let configured = [("CAIGUNN_INBOX_URL", database.url())];

    let ended = inbox_with(folder.path(), &["copy", "--from", "sqlite:inbox.db"], &configured).await;

    assert_eq!((ended.code, &*ended.errors), (Some(0), ""), "{ended:?}");
    let lines = words(&ended.output);
    assert_eq!(lines[0], "COPIED NOW IN BOTH SHA-256 OF BOTH");
    assert!(lines[1].starts_with("2 2 "), "{ended:?}");
    assert_eq!(
        lines[3],
        "2 receipts of the first inbox are in the second, the same to the byte; of deliveries to 0 destinations both have \
         0; 0 requests in quarantine copied now"
    );
}

#[tokio::test]
async fn a_copy_that_is_killed_in_the_middle_is_completed_by_the_next_run() {
    let (Some(database), Some(reference)) = (fresh_database().await, fresh_database().await) else {
        return;
    };
    let folder = folder();
    fill(folder.path(), 1).await;
    let copy_to = async |database: &Database| {
        let arguments = ["copy", "--to", database.url(), "--format", "json"];
        printed(&inbox(folder.path(), &arguments).await)
    };
    // Makes the tables. Then somewhere in the middle the server waits for what this session has.
    copy_to(&database).await;
    fill(folder.path(), 3_000).await;
    database
        .execute(
            "CREATE TABLE gate (); CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN LOCK TABLE public.gate; RETURN NEW; END';
             CREATE TRIGGER wait BEFORE INSERT ON caigunn_webhook.receipt FOR EACH ROW WHEN (NEW.seq = 2000)
                 EXECUTE FUNCTION public.wait();",
        )
        .await;
    let gate = harness::postgres::hold(&database, "LOCK TABLE gate").await;
    let mut command = Process::command(folder.path());
    command.args(["inbox", "copy", "--to", database.url()]);
    let mut copying = Process::launch(folder.path(), command);
    wait_for("the copy to be at the gate", || async {
        let waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.gate'::regclass";
        match database.rows(waiting).await.len() {
            1 => Ok(()),
            other => Err(format!("{other} wait; {}", copying.errors())),
        }
    })
    .await;

    copying.kill();

    // The server may have been sent all of the transaction that it was in the middle of, and commit it.
    drop(gate);
    database.terminate_backends().await;
    let copied = count(&database).await;
    assert!((1_000..3_000).contains(&copied), "{copied}");
    let (rest, code) = copy_to(&database).await;
    assert_eq!(code, Some(0));
    assert_eq!(rest["copied_count"], json!(3_001 - copied));
    assert_eq!(rest["receipt_count"], 3_001);
    let (whole, _) = copy_to(&reference).await;
    assert_eq!(whole["copied_count"], 3_001);
    assert_eq!(whole["sha256"], rest["sha256"]);
}

#[tokio::test]
async fn what_cannot_be_copied_from_or_to_is_wrong_usage() {
    let folder = folder();
    let configured = folder.path().join("inbox.db");
    let cases: [(&[&str], String); 6] = [
        (
            &["copy"],
            format!(
                "--to is missing: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, since the configured inbox is \
                 sqlite:{}",
                configured.display()
            ),
        ),
        (
            &["copy", "--to", "sqlite:other.db"],
            "--to: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, found sqlite:other.db".to_owned(),
        ),
        (
            &["copy", "--from", "postgres://me:planted@db/inbox"],
            "--from: expected sqlite:PATH, found postgres://me:***@db/inbox".to_owned(),
        ),
        (
            &["copy", "--to", "mysql://me:planted@db/inbox"],
            "--to: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE: it begins otherwise".to_owned(),
        ),
        (
            &["copy", "--from", "inbox.db"],
            "--from: expected sqlite:PATH: it begins otherwise".to_owned(),
        ),
        (
            &["check", "mysql://me:planted@db/inbox"],
            "URL: expected sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE: it begins otherwise"
                .to_owned(),
        ),
    ];
    for (arguments, expected) in cases {
        let ended = inbox(folder.path(), arguments).await;

        assert_eq!(ended.errors, format!("caigunn-webhook: {expected}\n"));
        assert_eq!(
            (ended.code, &*ended.output),
            (Some(64), ""),
            "{arguments:?} {ended:?}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn of_a_path_that_is_no_url_it_is_said_how_it_is_written() {
    let folder = folder();
    fs::write(folder.path().join("b.db"), "").expect("the folder takes files");

    let ended = inbox(folder.path(), &["check", "b.db"]).await;

    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(
        ended.errors.ends_with(": did you mean sqlite:b.db?\n"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_says_why_and_ends_with_1() {
    let folder = folder();
    let nowhere = "postgres://me:planted@127.0.0.1:1/inbox";

    let missing = inbox(folder.path(), &["copy", "--to", nowhere]).await;
    fill(folder.path(), 1).await;
    let unreachable = inbox(folder.path(), &["copy", "--to", nowhere]).await;

    let path = folder.path().join("inbox.db");
    let expected = format!(
        "caigunn-webhook: there is no inbox at {}: a path may be relative to the receiver's folder\n",
        path.display()
    );
    assert_eq!((missing.code, missing.errors), (Some(1), expected));
    assert_eq!(unreachable.code, Some(1), "{unreachable:?}");
    let expected = "caigunn-webhook: cannot use the second inbox: the inbox is unavailable: cannot connect to \
                    127.0.0.1:1/inbox: ";
    assert!(unreachable.errors.starts_with(expected), "{unreachable:?}");
}

#[tokio::test]
async fn an_inbox_with_receipts_of_its_own_is_no_place_for_a_copy() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let folder = folder();
    fill(folder.path(), 2).await;
    let other = tempfile::tempdir().expect("a folder");
    let mut receiver = Process::start(other.path(), &[("CAIGUNN_INBOX_URL", database.url())]).await;
    post(&receiver, 1).await;
    receiver.signal("TERM");
    receiver.wait().await;

    let ended = inbox(folder.path(), &["copy", "--to", database.url()]).await;

    assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{ended:?}");
    assert!(
        ended.errors.contains("it is a copy of another inbox"),
        "{ended:?}"
    );
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn help_says_what_is_copied_where_and_what_a_check_takes() {
    let folder = folder();
    let cases: [(&[&str], &[&str]); 5] = [
        (&["--help"], &["copy", "check", "backup", "restore"]),
        (
            &["copy", "--help"],
            &["--from <URL>", "--to <URL>", "--format", "What was copied stays"],
        ),
        (
            &["check", "--help"],
            &["[URL]", "--format", "a receiver may run meanwhile"],
        ),
        (
            &["backup", "--help"],
            &["<FILE>", "--format", "nothing is overwritten"],
        ),
        (
            &["restore", "--help"],
            &["<COPY>", "--format", "Stop the receiver first"],
        ),
    ];
    for (arguments, expected) in cases {
        let ended = inbox(folder.path(), arguments).await;

        assert_eq!(ended.code, Some(0), "{ended:?}");
        for text in expected {
            assert!(ended.output.contains(text), "{text} is not in {}", ended.output);
        }
    }
}
