//! Promise: a large body takes memory in proportion to its size, and nobody else's time, also when it is repeated.

use std::fs;
use std::time::Duration;

use caigunn_webhook::event::sample::Ids;
use reqwest::Client;
use serde_json::Value;
use tokio::time::sleep;

use crate::harness::posters::text;
use crate::harness::postgres::fresh_database;
use crate::harness::{Process, clients, json, sample};

/// How long the answer to a large body may take. Comparing two takes half a second in a release build, a quarter of a
/// minute in this one, and longer on a busy machine.
const LARGE_PATIENCE: Duration = Duration::from_secs(300);

/// How long whoever posts a small one waits before the next: a fraction of what a large one takes.
const BETWEEN: Duration = Duration::from_millis(50);

/// The most memory that it may take beyond what the receiver has when it is ready: with the 15 MiB of a release build, 100 MiB,
/// whatever room the code of a debug build takes. It takes some 30 MiB, and 65 with PostgreSQL; two document trees would take
/// 1.3 GiB.
const MAX_TAKEN_BYTES: u64 = 85 << 20;

/// The beginning of a job, with nearly 8 MiB of small objects that this program does not know.
fn large(ids: &Ids, object: &str) -> String {
    let (event_id, chatbot_id) = (ids.event_id, ids.chatbot_id);
    let objects = vec![object; (8 << 20) / 9].join(",");
    format!(
        r#"{{"event":"crawling","status":"initial","event_id":"{event_id}","data":{{"chatbot_id":"{chatbot_id}"}},"x":[{objects}]}}"#
    )
}

/// Posts a body; the answer, which must be 200.
async fn post(client: Client, url: String, body: String) -> Value {
    let request = client.post(url).header("content-type", "application/json");
    let response = request.body(body).send().await.expect("the receiver answers");
    assert_eq!(response.status(), 200);
    response.json().await.expect("the receiver answers JSON")
}

/// The most memory that a process ever had.
fn peak_bytes(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("a number of KiB")
        << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_repeat_in_another_spelling_takes_little_memory_and_holds_up_nobody() {
    check_large_repeat(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_repeat_in_another_spelling_takes_little_memory_and_holds_up_nobody_on_postgres() {
    let Some(database) = fresh_database().await else {
        return;
    };
    check_large_repeat(&[("CAIGUNN_INBOX_URL", database.url())]).await;
}

async fn check_large_repeat(variables: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let process = Process::start(folder.path(), variables).await;
    let ready = peak_bytes(&process);
    let client = clients().timeout(LARGE_PATIENCE).build();
    let client = client.expect("a client");
    let ids = Ids::fresh();
    let url = process.url("/webhook");
    let post = |body: String| tokio::spawn(post(client.clone(), url.clone(), body));

    let first = post(large(&ids, r#"{"":0}"#)).await.unwrap();
    let repeat = post(large(&ids, r#"{"": 0}"#));
    // A store that compares is not heard of for longer than the receiver waits for it: they would get 503.
    while !repeat.is_finished() {
        post(json(&sample("crawling.completed")).to_string())
            .await
            .expect("it is answered 200");
        sleep(BETWEEN).await;
    }

    let repeat = repeat.await.expect("it is answered 200");
    assert_eq!(text(&repeat, "outcome"), "duplicate");
    assert_eq!(text(&repeat, "receipt_id"), text(&first, "receipt_id"));
    let quarantine = client.get(process.api("/quarantine")).send().await.unwrap();
    let quarantine: Value = quarantine.json().await.unwrap();
    assert_eq!(quarantine["totals"]["quarantined_count"], 0);
    let taken = peak_bytes(&process) - ready;
    println!("{} MiB more at the peak", taken >> 20);
    assert!(taken < MAX_TAKEN_BYTES, "{} MiB more at the peak", taken >> 20);
}
