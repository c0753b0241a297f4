//! What is recorded: receivers in processes of their own, with all that makes them write.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use fastrand::Rng;
use futures_util::stream::{self, StreamExt};
use reqwest::Client;
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::disk::Disk;
use super::journal::{Event, Journal};
use super::recording::{Promises, Recording, scratch};
use crate::harness::application::Application;
use crate::harness::posters::text;
use crate::harness::process::{Process, run};
use crate::harness::{client, json, sample_with, wait_for};

/// How many clients post at once.
const CLIENT_COUNT: usize = 16;

/// Bytes that are no notification, of which 80 fill the log of a receiver, and few stay.
const REFUSED_BYTES: usize = 100_000;
const QUARANTINE_COUNT: &str = "3";

/// How often the log is begun anew in each part of a run.
const ROTATION_COUNT: usize = 2;

/// The folder that is recorded, and what is beside it.
pub struct Workshop {
    folder: TempDir,
    root: PathBuf,
    journal: Journal,
    application: Application,
    inbox: PathBuf,
    stored: Arc<Mutex<Vec<(String, Bytes)>>>,
}

impl Workshop {
    /// One whose inbox is at that path below an empty folder.
    pub async fn new(inbox: &str) -> Self {
        let make = |root: &Path| fs::create_dir(root).expect("the folder is ours");
        Self::with(Path::new(inbox), make).await
    }

    /// One whose inbox is at that path below the folder that is made.
    async fn with(inbox: &Path, make: impl FnOnce(&Path)) -> Self {
        let folder = scratch();
        let root = fs::canonicalize(folder.path()).expect("it is there").join("root");
        make(&root);
        Self {
            journal: Journal::new(folder.path().join("journal"), &root),
            root,
            folder,
            application: Application::start().await,
            inbox: inbox.to_owned(),
            stored: Arc::default(),
        }
    }

    /// The folder as it is now.
    pub fn disk(&self) -> Disk {
        Disk::of(&self.root)
    }

    /// Whether SQLite's log is beside the inbox.
    pub fn has_log(&self) -> bool {
        self.inbox().with_extension("db-wal").exists()
    }

    fn inbox(&self) -> PathBuf {
        self.root.join(&self.inbox)
    }

    /// The program, with an inbox that it is recorded how it writes to.
    pub fn command(&self) -> std::process::Command {
        let mut command = Process::command(self.folder.path());
        command.env("CAIGUNN_INBOX_URL", format!("sqlite:{}", self.inbox().display()));
        self.journal.record(&mut command);
        command
    }

    /// Runs a command with a copy of the inbox beside it.
    async fn inbox_command(&self, name: &str) {
        let mut command = self.command();
        command.arg("inbox").arg(name).arg(self.root.join("copy.db"));
        let ended = run(command).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    pub async fn start(&self, is_recorded: bool) -> Process {
        let destination = format!(
            r#"[{{name = "app", kind = "http", url = "{}"}}]"#,
            self.application.url()
        );
        let mut command = self.command();
        command
            .env("CAIGUNN_DELIVERY_DESTINATION", destination)
            .env("CAIGUNN_INBOX_QUARANTINE_MAX_COUNT", QUARANTINE_COUNT)
            .env("CAIGUNN_INBOX_RETENTION_DAYS", "1");
        if !is_recorded {
            command.env_remove("LD_PRELOAD");
        }
        Process::spawn(self.folder.path(), command).await
    }

    /// Posts so many jobs, some at a time, each with its beginning, its end and its end once more.
    pub async fn post(&self, process: &Process, job_count: usize) {
        let client = client();
        let jobs = (0..job_count).map(|_| self.post_job(&client, process));
        stream::iter(jobs)
            .buffer_unordered(CLIENT_COUNT)
            .collect::<()>()
            .await;
    }

    async fn post_job(&self, client: &Client, process: &Process) {
        let ids = Ids::fresh();
        for name in ["crawling.initial", "crawling.completed", "crawling.completed"] {
            let body = Bytes::from(json(&sample_with(name, &ids, Wire::V2024_07)).to_string());
            let (status, answer) = post(client, process, body.clone()).await;
            assert_eq!(status, 200, "{answer}");
            let mut stored = self.stored.lock().unwrap();
            stored.push((text(&answer, "receipt_id"), body));
        }
    }

    /// Posts what is refused until the receiver has begun its log anew some times, and what is accepted beside it.
    pub async fn post_until_rotated(&self, process: &Process) {
        let client = client();
        let before = self.rotation_count();
        for _ in 0..40 {
            let refused = stream::iter(0..40).map(|_| async {
                let body = format!(r#"{{"no": "{}"}}"#, "notification".repeat(REFUSED_BYTES / 12));
                assert_eq!(post(&client, process, body.into()).await.0, 422);
            });
            let refused = refused.buffer_unordered(CLIENT_COUNT).collect::<()>();
            tokio::join!(refused, self.post(process, 20));
            if self.rotation_count() >= before + ROTATION_COUNT {
                return;
            }
        }
        panic!("the receiver does not begin its log anew");
    }

    /// How often a log was begun: its head is the only write to its first byte.
    fn rotation_count(&self) -> usize {
        let mut log = 0;
        let events = self.journal.events();
        let is_head = |event: &&Event| match event {
            Event::Made { inode, path, .. } | Event::Opened { inode, path } => {
                if path.ends_with("-wal") {
                    log = *inode;
                }
                false
            }
            Event::Written { inode, offset, .. } => *inode == log && *offset == 0,
            _ => false,
        };
        events.iter().filter(is_head).count()
    }

    /// What was promised so far, by receivers that were not recorded: each receipt's id and body.
    pub fn take_stored(&self) -> Vec<(String, Bytes)> {
        std::mem::take(&mut *self.stored.lock().unwrap())
    }

    /// All of it, once no receiver runs.
    pub fn recording(&self, before: Disk, kept: &[(String, Bytes)]) -> Recording {
        let stored = self.stored.lock().unwrap();
        let promises = Promises {
            inbox: self.inbox.clone(),
            bodies: stored.iter().chain(kept).cloned().collect(),
            kept: kept.iter().map(|(id, _)| id.clone()).collect(),
            replaced: Vec::new(),
            backup: None,
        };
        Recording::read(&self.journal, before, &self.disk(), promises)
    }
}

pub async fn stop(mut process: Process) {
    process.signal("TERM");
    assert_eq!(process.wait().await.code(), Some(0), "{}", process.log());
}

async fn post(client: &Client, process: &Process, body: Bytes) -> (u16, Value) {
    let request = client.post(process.url("/webhook"));
    let request = request.header("content-type", "application/json").body(body);
    let response = request.send().await.expect("the receiver answers");
    let status = response.status().as_u16();
    (status, response.json().await.expect("the receiver answers JSON"))
}

/// A first start, that makes the folders; load, until the log has been begun anew; a stop and a restart; a kill and a
/// restart.
pub async fn first_start() -> Recording {
    let workshop = Workshop::new("made/by/the/start/inbox.db").await;
    let before = workshop.disk();

    let process = workshop.start(true).await;
    workshop.post(&process, 40).await;
    workshop.post_until_rotated(&process).await;
    stop(process).await;
    let mut process = workshop.start(true).await;
    workshop.post_until_rotated(&process).await;
    process.kill();
    let process = workshop.start(true).await;
    workshop.post(&process, 20).await;
    stop(process).await;

    workshop.recording(before, &[])
}

/// A start with a file of the oldest tables, some of whose receipts are older than the retention; and load.
pub async fn migration() -> Recording {
    let workshop = Workshop::new("inbox.db").await;
    let process = workshop.start(false).await;
    workshop.post(&process, 300).await;
    stop(process).await;
    make_old(&workshop.inbox());
    let stored = workshop.take_stored();
    let old = expired(&workshop.inbox());
    let kept: Vec<_> = stored.into_iter().filter(|(id, _)| !old.contains(id)).collect();
    let before = workshop.disk();

    let process = workshop.start(true).await;
    let client = client();
    tokio::join!(workshop.post(&process, 40), async {
        wait_for("old receipts to be removed", || async {
            let receipts = process.receipts(&client).await;
            let old = receipts
                .iter()
                .filter(|receipt| old.contains(&text(receipt, "id")));
            match old.count() {
                0 => Ok(()),
                left => Err(format!("{left} left")),
            }
        })
        .await;
    });
    workshop.post_until_rotated(&process).await;
    stop(process).await;

    workshop.recording(before, &kept)
}

/// Some posts, a kill, a start, and the same posts once more: as if the kill had come before the log was synced, and so before
/// any answer.
pub async fn killed_before_a_sync() -> Recording {
    let workshop = Workshop::new("inbox.db").await;
    let before = workshop.disk();

    let mut process = workshop.start(true).await;
    workshop.post(&process, 20).await;
    process.kill();
    let posted = workshop.stored.lock().unwrap().clone();
    let mut process = workshop.start(true).await;
    let client = client();
    for (receipt_id, body) in posted {
        let (status, answer) = post(&client, &process, body).await;
        assert_eq!(
            (status, text(&answer, "receipt_id")),
            (200, receipt_id),
            "{answer}"
        );
    }
    process.kill();

    workshop
        .recording(before, &[])
        .without_syncs_before_the_last_start()
}

/// A start after a cut of another recording, some posts, and a stop.
pub async fn restart(cut: &Recording, rng: &mut Rng) -> Recording {
    let mut kept = Vec::new();
    let workshop = Workshop::with(cut.inbox(), |root| kept = cut.leave_any(root, rng)).await;
    let before = workshop.disk();

    let process = workshop.start(true).await;
    workshop.post(&process, 20).await;
    stop(process).await;

    workshop.recording(before, &kept)
}

/// A backup of what a killed receiver left, which is put in the place of a later state that was left so too.
pub async fn backup_and_restore() -> (Recording, Recording) {
    let workshop = Workshop::new("inbox.db").await;
    let mut process = workshop.start(false).await;
    workshop.post(&process, 20).await;
    process.kill();
    let backed_up = workshop.take_stored();
    let before = workshop.disk();

    workshop.inbox_command("backup").await;

    let receipts: HashSet<_> = backed_up.iter().map(|(id, _)| id).collect();
    let backup = workshop.recording(before, &backed_up);
    let backup = backup.of_backup("copy.db", receipts.len() as u64);
    workshop.journal.clear();
    let mut process = workshop.start(false).await;
    workshop.post(&process, 20).await;
    process.kill();
    let replaced = workshop.take_stored().into_iter().map(|(id, _)| id).collect();
    let before = workshop.disk();

    workshop.inbox_command("restore").await;

    let restore = workshop.recording(before, &backed_up);
    (backup, restore.of_restore(replaced))
}

/// Takes a file back to the first version of its tables, with its first receipts as of the day before yesterday.
fn make_old(path: &Path) {
    let new = path.with_extension("new");
    fs::rename(path, &new).expect("the file is there");
    let file = Connection::open(path).expect("it can be made");
    file.execute_batch(include_str!("../../../migrations/sqlite/0001_inbox.sql"))
        .expect("they are statements");
    let tables =
        "SELECT name, (SELECT group_concat(name) FROM pragma_table_info(t.name)) FROM sqlite_schema AS t
                  WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut query = file.prepare(tables).expect("it is a query");
    let tables: Vec<(String, String)> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .expect("it can be read");
    drop(query);
    file.execute("ATTACH ?1 AS new", [new.to_str()])
        .expect("it is there");
    for (table, columns) in tables {
        let copy = format!(
            "DELETE FROM {table}; INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table};"
        );
        file.execute_batch(&copy).expect("it has these columns");
    }
    let age = "UPDATE receipt SET received_at = received_at - 2 * 86400000000 WHERE seq <= 300;
               DETACH new; PRAGMA application_id = 0x43475748; PRAGMA user_version = 1; PRAGMA journal_mode = wal;";
    file.execute_batch(age).expect("they are statements");
    file.close().expect("it can be closed");
    fs::remove_file(&new).expect("it is there");
}

/// The ids of the receipts that [`make_old`] made old.
fn expired(path: &Path) -> Vec<String> {
    let file = Connection::open(path).expect("it is there");
    let mut ids = file
        .prepare("SELECT id FROM receipt WHERE seq <= 300")
        .expect("it is a query");
    let ids = ids.query_map([], |row| Ok(uuid::Uuid::from_bytes(row.get(0)?).to_string()));
    ids.and_then(Iterator::collect).expect("it can be read")
}
