//! Promise: a wrong clock removes nothing and keeps nothing from being delivered. The clock is that of the real program, set
//! by `clock.c`, which is preloaded into it.

mod silence;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use caigunn_webhook::clock::Timestamp;
use reqwest::Client;
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::application::{Application, Reply};
use crate::harness::posters::text;
use crate::harness::postgres::fresh_database;
use crate::harness::process::run;
use crate::harness::{Process, client, json, sample, wait_for};

const DAY: i64 = 86_400;

/// Where a round of retention has ended. What there is to say of a jump stands before it, by the same task, so that a line that is not
/// there by then does not come.
const LOOKED: &str = "no receipt is older than 90 days";

/// A machine whose clock can be set, with an inbox.
struct Machine {
    folder: TempDir,
    destination: String,
    client: Client,
}

impl Machine {
    fn new(application: &Application) -> Self {
        let machine = Self {
            folder: tempfile::tempdir().expect("the system has a folder for temporary files"),
            destination: format!(
                r#"[{{name = "app", kind = "http", url = "{}"}}]"#,
                application.url()
            ),
            client: client(),
        };
        machine.set_clock(0);
        machine
    }

    /// So many seconds ahead of the system's, from now on.
    fn set_clock(&self, seconds: i64) {
        // In one step, since it is being read.
        let (new, file) = (self.path("clock.new"), self.path("clock"));
        fs::write(&new, seconds.to_string()).expect("the folder takes files");
        fs::rename(&new, &file).expect("both are in one folder");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Process::command(self.folder.path());
        command
            .env("LD_PRELOAD", &LIBRARY.1)
            .env("TEST_CLOCK_FILE", self.path("clock"))
            .env("CAIGUNN_LOG", "debug")
            .env("CAIGUNN_DELIVERY_DESTINATION", &self.destination)
            .env(
                "CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS",
                "0,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5",
            );
        command
    }

    async fn start(&self) -> Process {
        Process::spawn(self.folder.path(), self.command()).await
    }

    async fn post(&self, process: &Process, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let request = self.client.post(process.url("/webhook"));
            let response = request.json(&json(&sample("crawling.completed"))).send().await;
            let response = response.expect("the receiver answers");
            assert_eq!(response.status(), 200);
            ids.push(text(&response.json::<Value>().await.expect("JSON"), "receipt_id"));
        }
        ids
    }

    /// The ids of all receipts, oldest first.
    async fn held(&self, process: &Process) -> Vec<String> {
        let receipts = process.receipts(&self.client).await;
        receipts.iter().rev().map(|receipt| text(receipt, "id")).collect()
    }
}

async fn stop(mut process: Process) {
    process.signal("TERM");
    assert_eq!(process.wait().await.code(), Some(0), "{}", process.log());
}

fn jumps(process: &Process) -> Vec<String> {
    let lines = process.log_lines();
    let jumps = lines.iter().filter(|line| line["error.type"] == "clock_jump");
    jumps.map(|line| text(line, "message")).collect()
}

#[tokio::test]
async fn a_start_with_the_clock_far_ahead_removes_nothing_pending_or_not() {
    let application = Application::answering(|_| Reply::Status(500)).await;
    for days in [91, 366] {
        let machine = Machine::new(&application);
        let process = machine.start().await;
        let mut ids = machine.post(&process, 20).await;
        process.wait_for_log(LOOKED, 1).await;
        assert_eq!(jumps(&process), [""; 0]);
        stop(process).await;

        for start in 0..2 {
            machine.set_clock(days * DAY);
            let process = machine.start().await;
            process.wait_for_log(LOOKED, 1).await;
            ids.extend(machine.post(&process, 3).await);

            assert_eq!(machine.held(&process).await, ids);
            // The worker reads what was accepted a moment later.
            wait_for("all to be pending", || async {
                let pending = r#"deliveries_pending{destination="app"}"#;
                let pending = process.metric(&machine.client, pending).await;
                if pending == ids.len() as f64 {
                    Ok(())
                } else {
                    Err(format!("{pending} of {}", ids.len()))
                }
            })
            .await;
            let held = process.metric(&machine.client, "retention_held_seconds").await;
            assert!((held - (days * DAY) as f64).abs() < 60.0, "{held}");
            let said = jumps(&process);
            // At the second start it is known.
            assert_eq!(said.len(), 1 - start, "{said:?}");
            let ahead = format!("the clock is {days} days ahead of what has passed");
            assert!(said.iter().all(|line| line.starts_with(&ahead)), "{said:?}");
            stop(process).await;
        }

        let mut doctor = machine.command();
        doctor.args(["doctor", "--format", "json"]);
        let report = run(doctor).await.output;
        let words = format!("receipts are kept {days} days longer than inbox.retention_days");
        assert!(report.contains(&words), "{report}");

        machine.set_clock(0);
        let process = machine.start().await;
        process.wait_for_log(LOOKED, 1).await;
        assert_eq!(machine.held(&process).await, ids);
        let held = process.metric(&machine.client, "retention_held_seconds").await;
        assert!(held < 60.0, "{held}");
        stop(process).await;
    }
}

#[tokio::test]
async fn what_a_board_takes_in_1970_is_kept_and_delivered() {
    let application = Application::start().await;
    let machine = Machine::new(&application);
    machine.set_clock(-Timestamp::now().as_micros() / 1_000_000);
    let process = machine.start().await;
    process.wait_for_log(LOOKED, 1).await;
    let mut ids = machine.post(&process, 3).await;
    let first = &process.receipts(&machine.client).await[0];
    assert!(text(first, "received_at").starts_with("1970-01-01T"), "{first}");
    application.wait_for_arrivals(3).await;

    // While it runs, and at the next start.
    machine.set_clock(0);
    ids.extend(machine.post(&process, 3).await);
    application.wait_for_arrivals(6).await;
    stop(process).await;
    let process = machine.start().await;
    process.wait_for_log(LOOKED, 1).await;
    ids.extend(machine.post(&process, 3).await);

    assert_eq!(machine.held(&process).await, ids);
    application.wait_for_arrivals(9).await;
    stop(process).await;
}

#[tokio::test]
async fn when_the_clock_goes_back_a_year_deliveries_do_not_wait_for_it() {
    let mut seen = HashSet::new();
    let application = Application::answering(move |arrival| match seen.insert(arrival.webhook_id.clone()) {
        true => Reply::Status(500),
        false => Reply::Status(200),
    })
    .await;
    let machine = Machine::new(&application);
    machine.set_clock(366 * DAY);
    let process = machine.start().await;
    machine.post(&process, 1).await;
    application.wait_for_arrivals(1).await;

    // Once while it runs, and once while it does not.
    machine.set_clock(0);
    machine.post(&process, 1).await;
    application.wait_for_arrivals(4).await;
    stop(process).await;
    machine.set_clock(366 * DAY);
    let process = machine.start().await;
    machine.post(&process, 1).await;
    application.wait_for_arrivals(5).await;
    wait_for("the attempt to be recorded", || async {
        let inbox = Connection::open(machine.path("inbox.db")).expect("it is there");
        let count = inbox.query_row("SELECT sum(attempt_count) FROM delivery", [], |row| row.get(0));
        match count {
            Ok(5) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    stop(process).await;
    machine.set_clock(0);
    let process = machine.start().await;

    application.wait_for_arrivals(6).await;
    stop(process).await;
}

#[tokio::test]
async fn an_inbox_of_an_older_program_loses_nothing_to_a_clock_that_is_far_ahead() {
    let application = Application::start().await;
    for days in [91, 366] {
        let machine = Machine::new(&application);
        let process = machine.start().await;
        let ids = machine.post(&process, 20).await;
        stop(process).await;
        // As that program left it, with a clock that was right then.
        let inbox = Connection::open(machine.path("inbox.db")).expect("it is there");
        let sql = "DROP TABLE notices; DROP TABLE trace; DROP TABLE mark; DROP TRIGGER delivery_dies; DROP TRIGGER delivery_changes; DROP TRIGGER delivery_goes;
                   ALTER TABLE destination DROP COLUMN dead_count;
                   ALTER TABLE destination DROP COLUMN unconfigured_at;
                   ALTER TABLE delivery DROP COLUMN first_started_at; ALTER TABLE delivery DROP COLUMN first_duration_us;
                   ALTER TABLE delivery DROP COLUMN first_outcome; ALTER TABLE delivery DROP COLUMN first_status;
                   ALTER TABLE delivery DROP COLUMN first_detail; ALTER TABLE delivery DROP COLUMN first_answer;
                   ALTER TABLE delivery DROP COLUMN replay_count; PRAGMA user_version = 3";
        inbox.execute_batch(sql).expect("they are statements");
        let age = "UPDATE receipt SET received_at = received_at - ?1 * 86400000000";
        assert_eq!(inbox.execute(age, [days]).expect("it is a statement"), 20);
        drop(inbox);

        let process = machine.start().await;
        process.wait_for_log(LOOKED, 1).await;

        assert_eq!(machine.held(&process).await, ids);
        // For all that anybody knows nothing came for so long.
        assert_eq!(jumps(&process).len(), 0);
        stop(process).await;
    }
}

/// The library of `clock.c`, compiled, and the folder that it is in.
pub static LIBRARY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let library = folder.path().join("clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clocks/clock.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&library)
        .args([source, "-ldl"])
        .output();
    let compiled = compiled.expect("there is a C compiler, as the build needs one");
    let errors = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{errors}");
    (folder, library)
});

#[tokio::test]
async fn with_postgresql_the_servers_clock_counts_whatever_that_of_a_receiver_says() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let application = Application::answering(|_| Reply::Status(500)).await;
    let machine = Machine::new(&application);
    let start = async |days: i64| {
        machine.set_clock(days * DAY);
        let mut command = machine.command();
        command.env("CAIGUNN_INBOX_URL", database.url());
        Process::spawn(machine.folder.path(), command).await
    };
    let process = start(0).await;
    let mut ids = machine.post(&process, 20).await;
    process.wait_for_log(LOOKED, 1).await;
    stop(process).await;

    for days in [91, -400] {
        let process = start(days).await;
        process.wait_for_log(LOOKED, 1).await;
        ids.extend(machine.post(&process, 3).await);

        assert_eq!(machine.held(&process).await, ids);
        stop(process).await;
    }
    let wrong = "SELECT count(*) FROM caigunn_webhook.receipt WHERE abs(extract(epoch FROM now() - received_at)) > 3600";
    assert_eq!(database.rows(wrong).await[0].get::<_, i64>(0), 0);
}
