//! Promise: a program that goes on reading the inbox and does not end is noticed and named, and when it ends, what it held up
//! is worked off without anybody who posts being refused.
//!
//! CAIGUNN_TEST_LOG_MIB makes the log longer than the 282 MiB that show it, such as 2048; how long answers took is printed.

use std::env;
use std::fs;
use std::time::Instant;

use reqwest::Client;
use rusqlite::Connection;
use serde_json::Value;

use crate::harness::{PATIENCE, Process, client, json, sample, wait_for};

/// What is said of is from 256 MiB on; what is cut back is cut to 64 MiB.
const LONG_BYTES: f64 = (256 << 20) as f64;
const CUT_BYTES: f64 = (64 << 20) as f64;

async fn post(client: &Client, process: &Process) {
    let request = client.post(process.url("/webhook"));
    let response = request.json(&json(&sample("crawling.completed"))).send().await;
    let response = response.expect("the receiver answers");
    assert_eq!(response.status(), 200, "{}", process.log());
}

fn of_the_log(process: &Process) -> Vec<Value> {
    let mut lines = process.log_lines();
    lines.retain(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        line["error.type"] == "long_log" || message.starts_with("the log of the inbox")
    });
    lines
}

#[tokio::test]
async fn a_log_that_a_reader_holds_up_is_noticed_and_worked_off_when_it_ends() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let process = Process::start(folder.path(), &[]).await;
    let client = client();
    // Of this process, which is another one than the receiver.
    let reader = Connection::open(folder.path().join("inbox.db")).expect("it is there");
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM receipt")
        .expect("it is read");
    let size = || process.metric(&client, "inbox_log_bytes");

    assert!(size().await < LONG_BYTES);
    // By what is written into a table of its own, since that is quick; the log is the same.
    let other = Connection::open(folder.path().join("inbox.db")).expect("it is there");
    other
        .execute_batch(
            "PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = 0; CREATE TABLE filler (bytes BLOB)",
        )
        .expect("it takes a table");
    let mib = env::var("CAIGUNN_TEST_LOG_MIB").map(|mib| mib.parse().expect("a number"));
    while size().await
        < mib
            .clone()
            .map_or(LONG_BYTES * 1.1, |mib: f64| mib * f64::from(1 << 20))
    {
        let filler = "INSERT INTO filler VALUES (randomblob(8 << 20))";
        other.execute(filler, []).expect("it takes bytes");
    }
    drop(other);
    wait_for("a warning", || async {
        post(&client, &process).await;
        match of_the_log(&process).len() {
            0 => Err(process.log()),
            _ => Ok(()),
        }
    })
    .await;
    post(&client, &process).await;

    let said = of_the_log(&process);
    assert_eq!(said.len(), 1, "{said:?}");
    let message = said[0]["message"].as_str().expect("a message");
    let own = std::process::id();
    let name = fs::read_to_string(format!("/proc/{own}/comm")).unwrap_or_default();
    if cfg!(target_os = "linux") {
        let reads = format!("{} (process {own}) reads", name.trim_end());
        assert!(message.contains(&reads), "{message}");
    }
    assert_eq!(
        (&said[0]["level"], &said[0]["error.type"]),
        (&"WARN".into(), &"long_log".into())
    );

    reader.execute_batch("COMMIT").expect("it ends");
    let (began, mut took) = (Instant::now(), Vec::new());
    while size().await > CUT_BYTES {
        let posted = Instant::now();
        post(&client, &process).await;
        took.push(posted.elapsed());
        assert!(began.elapsed() < PATIENCE * 4, "the log has {}", size().await);
    }
    took.sort_unstable();
    let (p99, longest) = (took[took.len() * 99 / 100], took[took.len() - 1]);
    let seconds = began.elapsed().as_secs_f32();
    println!(
        "worked off in {seconds:.1} s, of {} posts p99 {p99:?}, longest {longest:?}",
        took.len()
    );
    // Also where nobody posts any more.
    let end = wait_for("the end of the warning", || async {
        let said = of_the_log(&process);
        said.get(1).cloned().ok_or_else(|| process.log())
    })
    .await;
    assert_eq!(
        end["message"],
        "the log of the inbox has begun anew: nobody holds it up any more"
    );
}
