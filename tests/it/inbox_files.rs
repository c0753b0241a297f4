//! Promise: whatever others do to the files of an inbox, a 200 stands for what is in a file with a name, one receiver
//! has it, and whoever is in the way is named.

mod access;
mod damaged;
mod holders;
mod mounts;
mod names;
mod paths;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::posters::{End, Posted, assert_each_stored_once, text};
use crate::harness::process::says;
use crate::harness::{Process, client, closed_folder, json, sample, wait_for};

/// A folder for an inbox in `inbox.db`, and what was posted to its receivers.
struct Desk {
    folder: TempDir,
    posted: Vec<Posted>,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: closed_folder(),
            posted: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A receiver that waits for its inbox for a second.
    async fn start(&self) -> Process {
        self.start_waiting("1").await
    }

    /// A receiver that waits for its inbox for so many seconds.
    async fn start_waiting(&self, seconds: &str) -> Process {
        Process::start(
            self.folder.path(),
            &[("CAIGUNN_INBOX_APPEND_TIMEOUT_SECONDS", seconds)],
        )
        .await
    }

    /// Posts a notification; the status of the answer, and its detail if it is a problem.
    async fn post(&mut self, process: &Process) -> (u16, String) {
        let notification = json(&sample("crawling.completed"));
        let body = notification.to_string();
        let request = client()
            .post(process.url("/webhook"))
            .header("content-type", "application/json")
            .body(body.clone());
        let response = request.send().await.expect("the receiver answers");
        let status = response.status().as_u16();
        let answer: Value = response.json().await.expect("the receiver answers JSON");
        let (end, detail) = match status {
            200 => (
                End::Stored {
                    receipt_id: text(&answer, "receipt_id"),
                },
                String::new(),
            ),
            _ => (End::Wrong(answer.to_string()), text(&answer, "detail")),
        };
        self.posted.push(Posted {
            event_id: text(&notification, "event_id"),
            body,
            sent_at: None,
            end,
        });
        (status, detail)
    }

    /// Posts so many notifications, each of which must be taken.
    async fn post_all(&mut self, process: &Process, count: usize) {
        for _ in 0..count {
            assert_eq!(self.post(process).await, (200, String::new()));
        }
    }

    /// Kills the receiver as a power cut would, starts another, and asserts that it has all that was answered 200, once.
    async fn assert_nothing_is_lost(&self, mut process: Process) {
        process.kill();
        let process = self.start().await;
        assert_each_stored_once(&self.posted, &process.receipts(&client()).await);
        let stored = |posted: &&Posted| matches!(posted.end, End::Stored { .. });
        assert!(self.posted.iter().any(|posted| stored(&posted)));
    }
}

/// The status of `/readyz`, and the detail of its problem document.
async fn readyz(process: &Process) -> (u16, String) {
    let response = client()
        .get(process.url("/readyz?fresh"))
        .send()
        .await
        .expect("an answer");
    let status = response.status().as_u16();
    let body = response.text().await.expect("text");
    let problem: Value = serde_json::from_str(&body).unwrap_or_default();
    (status, problem["detail"].as_str().unwrap_or_default().to_owned())
}

/// Waits for a warning with these words, and gives all of it.
async fn warning(process: &Process, words: &str) -> String {
    let is_it = |line: &Value| line["level"] == "WARN" && says(words)(line);
    let lines = process.wait_for_lines(1, is_it).await;
    lines[0]["message"].as_str().expect("text").to_owned()
}

/// Gives a file another content by putting a new file in its place.
fn replace(path: &Path, content: &[u8]) {
    let other = path.with_extension("other");
    fs::write(&other, content).expect("the folder takes files");
    fs::rename(other, path).expect("it is replaced");
}
