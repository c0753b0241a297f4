//! Promise: while the inbox cannot be written, senders are told so and nothing is answered 200 that is not there;
//! when it can be written again, the receiver goes on by itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use reqwest::Client;
use serde_json::Value;
use uuid::Uuid;

use crate::harness::posters::{End, Posted, assert_each_stored_once, text};
use crate::harness::process::{NAMESPACE, can_mount, run};
use crate::harness::{Process, client, json, sample, wait_for};

/// So many refusals in a row, and no room is left that a checkpoint could still find.
const REFUSED_COUNT: usize = 10;

/// More than any of these disks takes, of bodies of 100 kB.
const MAX_POSTS: usize = 500;

/// A notification of 100 kB.
fn large() -> Value {
    let mut notification = json(&sample("crawling.completed"));
    let ids: Vec<_> = (0..2_500).map(|_| Uuid::new_v4().to_string()).collect();
    notification["data"]["training_data_ids"] = ids.into();
    notification
}

/// Posts a notification; what came back, and its problem document if it was refused.
async fn post(client: &Client, process: &Process, notification: &Value) -> (Posted, Option<Value>) {
    let body = notification.to_string();
    let request = client
        .post(process.url("/webhook"))
        .header("content-type", "application/json")
        .body(body.clone());
    let response = request.send().await.expect("the receiver answers");
    let (status, headers) = (response.status(), response.headers().clone());
    let answer: Value = response.json().await.expect("the receiver answers JSON");
    let mut posted = Posted {
        event_id: text(notification, "event_id"),
        body,
        sent_at: None,
        end: End::Nothing,
    };
    if status == 200 {
        let receipt_id = text(&answer, "receipt_id");
        posted.end = End::Stored { receipt_id };
        return (posted, None);
    }
    assert_eq!(status, 503, "{answer}");
    assert_eq!(headers["retry-after"], "5");
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(answer["type"], "urn:caigunn-webhook:problem:inbox-unavailable");
    posted.end = End::Wrong(answer.to_string());
    (posted, Some(answer))
}

/// Posts until there is no room left; all that was posted, and the last refusal's detail.
async fn fill(client: &Client, process: &Process) -> (Vec<Posted>, String) {
    let mut all = Vec::new();
    let mut refused_in_a_row = 0;
    while all.len() < MAX_POSTS {
        let (posted, problem) = post(client, process, &large()).await;
        all.push(posted);
        match problem {
            None => refused_in_a_row = 0,
            Some(problem) => {
                refused_in_a_row += 1;
                if refused_in_a_row == REFUSED_COUNT {
                    return (all, text(&problem, "detail"));
                }
            }
        }
    }
    panic!("the disk did not fill with {MAX_POSTS} notifications");
}

/// The status of `/readyz`, and the detail of its problem document.
async fn readyz(client: &Client, process: &Process) -> (u16, String) {
    let response = client
        .get(process.url("/readyz?fresh"))
        .send()
        .await
        .expect("an answer");
    let status = response.status().as_u16();
    let body = response.text().await.expect("text");
    let problem: Value = serde_json::from_str(&body).unwrap_or_default();
    (status, problem["detail"].as_str().unwrap_or_default().to_owned())
}

/// Asks `/readyz` until it has tried the inbox once more and found it well.
async fn wait_until_probed(client: &Client, process: &Process) {
    let committed = r#"commit_duration_seconds_count{result="ok"}"#;
    let before = process.metric(client, committed).await;
    wait_for("a probe", || async {
        let ready = readyz(client, process).await;
        let count = process.metric(client, committed).await - before;
        if count > 0.0 {
            Ok(())
        } else {
            Err(format!("{ready:?}"))
        }
    })
    .await;
}

/// Asks `/readyz` until it has tried the inbox and failed twice. From the first time on the answer must be 503 with this
/// detail. Before that there may be room for what a probe writes, which is less than a large notification.
async fn assert_unready_when_probed_twice(client: &Client, process: &Process, detail: &str) {
    let failed = async || process.metric(client, "failed_commits_total").await;
    let before = failed().await;
    wait_for("two probes to fail", || async {
        let count = failed().await - before;
        let ready = readyz(client, process).await;
        assert!(
            count == 0.0 || ready == (503, detail.to_owned()),
            "{count}: {ready:?}"
        );
        if count < 2.0 {
            Err(format!("{count} have failed"))
        } else {
            Ok(())
        }
    })
    .await;
    // Who restarts what is not alive must not restart this.
    for side in [process.public, process.admin] {
        let alive = client.get(format!("http://{side}/healthz")).send().await;
        assert_eq!(alive.expect("an answer").status(), 200, "{side}");
    }
}

async fn wait_until_ready(client: &Client, process: &Process) {
    wait_for("the receiver to be ready again", || async {
        match readyz(client, process).await {
            (200, _) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// Sends again what was refused, as CaiGunn would; it must be taken now.
async fn send_refused_again(client: &Client, process: &Process, all: &mut [Posted]) {
    for refused in all {
        if matches!(refused.end, End::Stored { .. }) {
            continue;
        }
        let notification = serde_json::from_str(&refused.body).expect("it is JSON");
        let (posted, problem) = post(client, process, &notification).await;
        assert_eq!(problem, None);
        *refused = posted;
    }
}

#[tokio::test]
async fn a_file_that_may_not_grow_is_answered_503_until_it_may() {
    let folder = tempfile::tempdir().expect("a folder");
    let client = client();
    // A soft limit of 4 MiB a file (the unit is 512 bytes); the signal that comes with it would kill the process.
    let limited = ["sh", "-c", r#"ulimit -S -f 8192; exec "$0""#];
    let command = Process::command_under(&limited, folder.path());
    let process = Process::spawn(folder.path(), command).await;
    wait_until_probed(&client, &process).await;

    let (mut all, detail) = fill(&client, &process).await;

    let inbox = folder.path().join("inbox.db");
    let expected = format!(
        "cannot write to {}: disk I/O error; see that no quota and no limit of a file's size (ulimit -f) is met, and what the \
         kernel's log says of the disk",
        inbox.display()
    );
    assert_eq!(detail, expected);
    assert_eq!(readyz(&client, &process).await, (503, expected.clone()));
    assert_unready_when_probed_twice(&client, &process, &expected).await;
    assert_each_stored_once(&all, &process.receipts(&client).await);

    let id = process.id().to_string();
    let lifted = Command::new("prlimit")
        .args(["--pid", &id, "--fsize=unlimited:"])
        .status();
    assert!(lifted.expect("there is a prlimit command").success());
    wait_until_ready(&client, &process).await;
    send_refused_again(&client, &process, &mut all).await;

    let receipts = process.receipts(&client).await;
    assert_each_stored_once(&all, &receipts);
    assert_eq!(receipts.len(), all.len());
    drop(process);
    let process = Process::start(folder.path(), &[]).await;
    assert_eq!(process.receipts(&client).await, receipts);
}

#[tokio::test]
async fn a_disk_that_takes_no_further_file_is_named_by_a_start_and_by_doctor() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let inbox = disk.join("inbox.db");
    // One is the folder's; with two there is a lock, with three the inbox's file, with four its log.
    for inode_count in 1..=4 {
        let script = format!(
            r#"mount -t tmpfs -o size=64m,nr_inodes={inode_count} none disk && {{ "$0"; "$0" doctor; }} 2>&1"#
        );
        let wrapper: Vec<_> = NAMESPACE.into_iter().chain(["sh", "-c", &script]).collect();
        let mut command = Process::command_under(&wrapper, folder.path());
        command.env("CAIGUNN_INBOX_URL", format!("sqlite:{}", inbox.display()));

        let ended = run(command).await;

        let refused = format!("the file system of {} has no inode free", disk.display());
        assert!(ended.output.contains(&refused), "{inode_count}: {ended:?}");
        // What could not be made whole has gone again.
        let found = "but no inode is: no file can be made there";
        assert!(
            inode_count == 4 || ended.output.contains(found),
            "{inode_count}: {ended:?}"
        );
    }
}

#[tokio::test]
async fn a_start_on_a_full_disk_names_it_and_leaves_an_inbox_that_can_be_read_and_copied() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let mut process = Process::start(folder.path(), &[]).await;
    let (posted, _) = post(&client(), &process, &large()).await;
    assert!(matches!(posted.end, End::Stored { .. }), "{posted:?}");
    process.signal("TERM");
    assert!(process.wait().await.success());
    let script = r#"
        mount -t tmpfs -o size=4m none disk && cp inbox.db inbox.db.lock disk &&
        { cat /dev/zero > disk/ballast; "$0" && exit 9; "$0" inbox check && "$0" inbox backup copy.db; }
    "#;
    let wrapper: Vec<_> = NAMESPACE.into_iter().chain(["sh", "-c", script]).collect();
    let mut command = Process::command_under(&wrapper, folder.path());
    let inbox = disk.join("inbox.db");
    command.env("CAIGUNN_INBOX_URL", format!("sqlite:{}", inbox.display()));

    let ended = run(command).await;

    let expected = format!(
        "cannot open {}: no space is left on the file system of {}; make room there",
        inbox.display(),
        disk.display()
    );
    assert!(ended.errors.contains(&expected), "{ended:?}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.output.contains("copy.db holds 1 receipt"), "{ended:?}");
}

#[tokio::test]
async fn a_full_disk_is_answered_503_until_there_is_room_again() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let client = client();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let script = r#"
        mount -t tmpfs -o size=8m none disk &&
        head -c 4000000 /dev/zero > disk/ballast &&
        exec "$0"
    "#;
    let wrapper: Vec<_> = NAMESPACE.into_iter().chain(["sh", "-c", script]).collect();
    let mut command = Process::command_under(&wrapper, folder.path());
    let inbox = disk.join("inbox.db");
    command.env("CAIGUNN_INBOX_URL", format!("sqlite:{}", inbox.display()));
    let process = Process::spawn(folder.path(), command).await;
    wait_until_probed(&client, &process).await;

    let (mut all, detail) = fill(&client, &process).await;

    let expected = format!("no space left for {}", inbox.display());
    assert_eq!(detail, expected);
    assert_eq!(readyz(&client, &process).await, (503, expected.clone()));
    assert_unready_when_probed_twice(&client, &process, &expected).await;
    assert_each_stored_once(&all, &process.receipts(&client).await);

    let seen_from_inside = Path::new("/proc").join(process.id().to_string()).join("root");
    let ballast = disk.join("ballast");
    let ballast = ballast.strip_prefix("/").expect("the folder's path is absolute");
    fs::remove_file(seen_from_inside.join(ballast)).expect("the ballast is there");
    wait_until_ready(&client, &process).await;
    send_refused_again(&client, &process, &mut all).await;

    let receipts = process.receipts(&client).await;
    assert_each_stored_once(&all, &receipts);
    assert_eq!(receipts.len(), all.len());
}

#[tokio::test]
async fn an_inbox_that_was_moved_away_is_answered_503_until_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let client = client();
    let process = Process::start(folder.path(), &[]).await;
    let (inbox, elsewhere) = (folder.path().join("inbox.db"), folder.path().join("elsewhere.db"));
    let mut all = vec![post(&client, &process, &large()).await.0];

    fs::rename(&inbox, &elsewhere).expect("a file can be renamed");
    let (refused, problem) = post(&client, &process, &large()).await;

    let expected = format!(
        "{} was moved or deleted while in use; find it and put it back (`mv`) while the receiver runs; only if it cannot be found, stop the receiver \
         and put a backup back with `caigunn-webhook inbox restore COPY`",
        inbox.display()
    );
    assert_eq!(problem.expect("it is refused")["detail"], expected.as_str());
    assert_eq!(readyz(&client, &process).await, (503, expected));
    assert!(!inbox.exists());
    all.push(refused);

    fs::rename(&elsewhere, &inbox).expect("a file can be renamed");
    wait_until_ready(&client, &process).await;
    send_refused_again(&client, &process, &mut all).await;

    let receipts = process.receipts(&client).await;
    assert_each_stored_once(&all, &receipts);
    assert_eq!(receipts.len(), all.len());
    drop(process);
    let process = Process::start(folder.path(), &[]).await;
    assert_eq!(process.receipts(&client).await, receipts);
}
