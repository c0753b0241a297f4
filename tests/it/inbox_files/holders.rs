//! Whoever holds the inbox is named, to all who wait for it, before they give up.

use rusqlite::Connection;

use super::*;
use crate::harness::process::run;

/// How long an inbox is waited for, in seconds, where a sixteenth of it must be enough to see who holds it.
const ENOUGH: &str = "24";

#[tokio::test]
async fn another_program_that_holds_the_inbox_is_named_in_every_answer() {
    let mut desk = Desk::new();
    let process = desk.start_waiting(ENOUGH).await;
    desk.post_all(&process, 1).await;
    let holder = Connection::open(desk.path("inbox.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();

    let mut refusals = Vec::new();
    for _ in 0..5 {
        refusals.push(desk.post(&process).await);
    }
    let ready = readyz(&process).await;
    holder.execute_batch("COMMIT").unwrap();
    wait_for("the receiver to store again", || async {
        match readyz(&process).await {
            (200, _) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    desk.post_all(&process, 1).await;

    let name = fs::read_to_string("/proc/self/comm").unwrap();
    let words = format!(
        "another program holds the inbox: {} (process {}), in the middle of a transaction; nothing can be stored until it \
         ends that",
        name.trim_end(),
        std::process::id()
    );
    refusals.push(ready);
    for refusal in refusals {
        assert_eq!(refusal, (503, words.clone()));
    }
}

#[tokio::test]
async fn all_who_wait_together_for_a_held_inbox_hear_who_holds_it() {
    let desk = Desk::new();
    let process = desk.start_waiting(ENOUGH).await;
    let holder = Connection::open(desk.path("inbox.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();

    let posts = (0..20).map(|_| {
        let body = json(&sample("crawling.completed")).to_string();
        let request = client()
            .post(process.url("/webhook"))
            .header("content-type", "application/json")
            .body(body);
        async {
            let response = request.send().await.expect("an answer");
            let answer: Value = response.json().await.expect("JSON");
            text(&answer, "detail")
        }
    });
    let details = futures_util::future::join_all(posts).await;

    for detail in details {
        assert!(
            detail.starts_with("another program holds the inbox: "),
            "{detail}"
        );
    }
    drop(holder);
}

#[tokio::test]
async fn another_program_that_keeps_the_file_to_itself_is_named_to_who_starts() {
    let desk = Desk::new();
    drop(desk.start().await);
    let holder = Connection::open(desk.path("inbox.db")).unwrap();
    // Such a lock is on the file itself, and there is no index of the log.
    holder.pragma_update(None, "locking_mode", "exclusive").unwrap();
    holder.execute_batch("BEGIN IMMEDIATE; COMMIT").unwrap();
    let mut command = Process::command(desk.folder.path());
    command.env("CAIGUNN_INBOX_APPEND_TIMEOUT_SECONDS", "1");

    let ended = run(command).await;

    let process = format!("(process {}), in the middle of a transaction", std::process::id());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.errors.contains("another program holds the inbox: "),
        "{ended:?}"
    );
    assert!(ended.errors.contains(&process), "{ended:?}");
    drop(holder);
}

#[tokio::test]
async fn another_program_that_only_reads_what_was_restored_is_named_to_who_starts() {
    let mut desk = Desk::new();
    let mut process = desk.start().await;
    desk.post_all(&process, 1).await;
    process.signal("TERM");
    assert!(process.wait().await.success(), "{}", process.errors());
    let holder = Connection::open(desk.path("inbox.db")).unwrap();
    // As a copy is: without a log.
    holder.pragma_update(None, "journal_mode", "delete").unwrap();
    holder
        .execute_batch("BEGIN; SELECT count(*) FROM receipt")
        .unwrap();
    let mut command = Process::command(desk.folder.path());
    command.env("CAIGUNN_INBOX_APPEND_TIMEOUT_SECONDS", "1");

    let ended = run(command).await;

    let process = format!("(process {}), in the middle of a transaction", std::process::id());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains(&process), "{ended:?}");
    holder.execute_batch("COMMIT").unwrap();
    let process = desk.start().await;
    desk.assert_nothing_is_lost(process).await;
}
