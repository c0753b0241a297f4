//! `receipts tail` and `listen`

use std::path::Path;

use serde_json::{Value, json};

use super::Stage;
use crate::harness::application::{Application, Reply};
use crate::harness::{Process, wait_for};

/// Waits until the command says that it follows.
async fn wait_until_following(command: &Process) {
    wait_for("the command to follow", || async {
        let errors = command.errors();
        if errors.contains("Ctrl-C ends it") {
            Ok(())
        } else {
            Err(errors)
        }
    })
    .await;
}

/// Waits until a command has printed so many lines.
async fn wait_for_lines(command: &Process, count: usize) -> Vec<Value> {
    wait_for(&format!("{count} lines"), || async {
        let lines = command.log_lines();
        if lines.len() >= count {
            Ok(lines)
        } else {
            Err(format!("{lines:?} {}", command.errors()))
        }
    })
    .await
}

fn launch(stage: &Stage, folder: &Path, arguments: &[&str]) -> Process {
    Process::launch(folder, stage.command(arguments))
}

#[tokio::test]
async fn tail_prints_what_comes_and_goes_on_after_a_restart_of_the_receiver() {
    let mut stage = Stage::new().await;
    stage.post("crawling.initial").await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut tail = launch(&stage, folder.path(), &["receipts", "tail", "--format", "json"]);
    wait_until_following(&tail).await;

    let first = stage.post("crawling.initial").await;
    wait_for_lines(&tail, 1).await;
    stage.stop().await;
    wait_for("the command to have noticed", || async {
        let errors = tail.errors();
        if errors.contains("does not answer") {
            Ok(())
        } else {
            Err(errors)
        }
    })
    .await;
    stage.restart().await;
    let second = stage.post("uploading.initial").await;
    let lines = wait_for_lines(&tail, 2).await;
    tail.signal("INT");
    let status = tail.wait().await;

    assert_eq!(status.code(), Some(0));
    let receipts = stage.api("/receipts").await;
    assert_eq!(lines[0], receipts["receipts"][1]);
    assert_eq!(lines[1], receipts["receipts"][0]);
    assert_eq!(
        (&lines[0]["id"], &lines[1]["id"]),
        (&json!(first), &json!(second))
    );
    let errors = tail.errors();
    let said: Vec<_> = errors.lines().collect();
    let address = &stage.admin_listen;
    assert_eq!(said.len(), 3, "{errors}");
    assert_eq!(
        said[0],
        format!("following the receiver at {address}; Ctrl-C ends it")
    );
    assert!(
        said[1].starts_with(&format!("the receiver at {address} does not answer: ")),
        "{errors}"
    );
    assert_eq!(said[2], format!("the receiver at {address} answers again"));
}

#[tokio::test]
async fn tail_goes_on_with_another_inbox() {
    let mut stage = Stage::new().await;
    stage.post("crawling.initial").await;
    stage.post("crawling.initial").await;
    let folder = tempfile::tempdir().expect("a folder");
    let tail = launch(&stage, folder.path(), &["receipts", "tail", "--format", "json"]);
    wait_until_following(&tail).await;

    stage.stop().await;
    std::fs::remove_file(stage.folder.path().join("inbox.db")).expect("it is there");
    stage.restart().await;
    wait_for("the command to have noticed", || async {
        let errors = tail.errors();
        if errors.contains("the receiver has another inbox now") {
            Ok(())
        } else {
            Err(errors)
        }
    })
    .await;
    let receipt_id = stage.post("uploading.initial").await;

    let lines = wait_for_lines(&tail, 1).await;
    assert_eq!(lines[0]["id"], receipt_id);
    assert_eq!(lines[0]["sequence"], 1);
}

#[tokio::test]
async fn tail_prints_only_what_is_asked_for_a_line_each() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["receipts", "tail", "--event", "uploading"];
    let tail = launch(&stage, folder.path(), &arguments);
    wait_until_following(&tail).await;

    stage.post("crawling.initial").await;
    let wanted = stage.post("uploading.initial").await;

    let printed = wait_for("a line", || async {
        let log = tail.log();
        if log.ends_with('\n') { Ok(log) } else { Err(log) }
    })
    .await;
    assert_eq!(printed.lines().count(), 1);
    assert!(printed.contains("  uploading.initial     "), "{printed}");
    assert!(printed.contains(&wanted), "{printed}");
}

#[tokio::test]
async fn listen_forwards_what_comes_in_order_signed_and_says_what_came_of_it() {
    let stage = Stage::new().await;
    stage.post("crawling.initial").await;
    let local = Application::answering(|arrival| {
        Reply::Status(if arrival.event == "uploading.initial" {
            500
        } else {
            200
        })
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    let url = local.url();
    let arguments = [
        "listen",
        "--forward-to",
        &url,
        "--secret",
        secret,
        "--format",
        "json",
    ];
    let mut listen = launch(&stage, folder.path(), &arguments);
    wait_until_following(&listen).await;

    let ids = [
        stage.post("crawling.initial").await,
        stage.post("uploading.initial").await,
        stage.post("training.initial").await,
    ];
    let lines = wait_for_lines(&listen, 3).await;
    listen.signal("INT");
    let status = listen.wait().await;

    assert_eq!(status.code(), Some(0));
    let arrivals = local.arrivals();
    let arrived: Vec<_> = arrivals.iter().map(|arrival| &*arrival.webhook_id).collect();
    assert_eq!(arrived, ids, "each once, and nothing that was there before");
    for arrival in &arrivals {
        let signature = arrival.headers["webhook-signature"].to_str().expect("a text");
        assert!(signature.starts_with("v1,"), "{signature}");
        let kept = stage.api(&format!("/receipts/{}", arrival.webhook_id)).await;
        assert_eq!(kept["body"].as_str().expect("a text").as_bytes(), &*arrival.body);
    }
    let said: Vec<_> = lines
        .iter()
        .map(|line| json!([line["event"], line["receipt_id"], line["outcome"], line["status"]]))
        .collect();
    let expected = [
        json!(["crawling.initial", ids[0], "delivered", 200]),
        json!(["uploading.initial", ids[1], "failed", 500]),
        json!(["training.initial", ids[2], "delivered", 200]),
    ];
    assert_eq!(said, expected);
    let errors = listen.errors();
    assert_eq!(
        errors,
        format!(
            "listening to the receiver at {} and forwarding what comes from now on to {}; Ctrl-C ends it\n",
            stage.admin_listen, local.address
        )
    );
}

#[tokio::test]
async fn listen_sends_cloudevents_and_says_what_cannot_be_reached() {
    let stage = Stage::new().await;
    let local = Application::start().await;
    let folders = [tempfile::tempdir(), tempfile::tempdir()].map(|folder| folder.expect("a folder"));
    let url = local.url();
    let events = ["listen", "--forward-to", &url, "--cloudevents"];
    let events = launch(&stage, folders[0].path(), &events);
    let nowhere = ["listen", "--forward-to", "http://127.0.0.1:1/planted"];
    let nowhere = launch(&stage, folders[1].path(), &nowhere);
    wait_until_following(&events).await;
    wait_until_following(&nowhere).await;

    let receipt_id = stage.post("crawling.initial").await;

    let arrival = local.wait_for_arrivals(1).await.remove(0);
    assert_eq!(arrival.headers["content-type"], "application/cloudevents+json");
    let event: Value = serde_json::from_slice(&arrival.body).expect("JSON");
    assert_eq!(event["specversion"], "1.0");
    let printed = wait_for("a line", || async {
        let log = nowhere.log();
        if log.ends_with('\n') { Ok(log) } else { Err(log) }
    })
    .await;
    assert!(printed.contains(&receipt_id), "{printed}");
    assert!(
        printed.contains("unreachable: cannot connect to 127.0.0.1:1"),
        "{printed}"
    );
    assert!(
        !format!("{printed}{}", nowhere.errors()).contains("planted"),
        "{printed}"
    );
}
