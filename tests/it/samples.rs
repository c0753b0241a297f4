//! Promise: what `trigger` posts says that it is a sample, to the log and to the application, and leaves nothing behind that
//! CaiGunn is asked about.

use std::path::Path;

use caigunn_webhook::event::Event;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::application::Application;
use crate::harness::process::{Ended, run};
use crate::harness::site::TOKEN;
use crate::harness::{self, Process, Site, client, sample};

/// How the ids of samples begin: "sample" in ASCII.
const MARK: &str = "73616d70-6c65-8";

fn folder() -> TempDir {
    tempfile::tempdir().expect("the system has a folder for temporary files")
}

/// A receiver that delivers to an application and to a program, which writes down what it is told.
async fn delivering_to(application: &Application, folder: &Path) -> Process {
    let told = folder.join("told");
    let destinations = json!([
        {"name": "app", "kind": "http", "url": application.url()},
        {"name": "log", "kind": "command",
         "command": ["sh", "-c", format!("echo \"$CAIGUNN_EVENT ${{CAIGUNN_SAMPLE-none}}\" >> {}", told.display())]},
    ]);
    Process::start(
        folder,
        &[("CAIGUNN_DELIVERY_DESTINATION", &destinations.to_string())],
    )
    .await
}

async fn trigger(receiver: &Process, folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = Process::command(folder);
    command
        .arg("trigger")
        .args(arguments)
        .env("CAIGUNN_LISTEN", receiver.public.to_string());
    run(command).await
}

/// The lines of the log about notifications, once there are so many.
async fn lines(receiver: &Process, count: usize) -> Vec<Value> {
    harness::wait_for(&format!("{count} lines"), || async {
        let mut lines = receiver.log_lines();
        lines.retain(|line| line["outcome"] == "accepted");
        if lines.len() == count {
            Ok(lines)
        } else {
            Err(format!("{lines:?}"))
        }
    })
    .await
}

#[tokio::test]
async fn the_log_and_the_application_can_tell_a_sample() {
    let (application, folder) = (Application::start().await, folder());
    let receiver = delivering_to(&application, folder.path()).await;

    let triggered = trigger(&receiver, folder.path(), &["crawling.initial"]).await;
    application.wait_for_arrivals(1).await;
    let body = harness::json(&sample("uploading.initial"));
    let real = client().post(receiver.url("/webhook")).json(&body).send().await;
    let arrivals = application.wait_for_arrivals(2).await;

    assert_eq!(triggered.code, Some(0), "{triggered:?}");
    assert_eq!(real.expect("an answer").status(), 200);
    assert_eq!(arrivals[0].headers["caigunn-sample"], "true");
    assert!(arrivals[0].event_id.starts_with(MARK), "{arrivals:?}");
    assert_eq!(arrivals[1].headers.get("caigunn-sample"), None);
    let lines = lines(&receiver, 2).await;
    assert_eq!(lines[0]["sample"], true, "{lines:?}");
    assert_eq!(lines[1].get("sample"), None, "{lines:?}");
    let told = harness::wait_for("both to be written down", || async {
        let told = std::fs::read_to_string(folder.path().join("told")).unwrap_or_default();
        if told.lines().count() == 2 {
            Ok(told)
        } else {
            Err(told)
        }
    })
    .await;
    assert_eq!(told, "crawling.initial true\nuploading.initial none\n");
}

#[tokio::test]
async fn what_is_posted_with_an_id_of_ones_own_or_from_a_file_is_told_by_its_request() {
    let (folder, id) = (folder(), "0192f0c1-2b3c-7d4e-8f50-61728394a5b6");
    let receiver = Process::start(folder.path(), &[]).await;
    std::fs::write(
        folder.path().join("body.json"),
        harness::json(&sample("uploading.initial")).to_string(),
    )
    .expect("the folder takes files");

    trigger(&receiver, folder.path(), &["crawling.initial", "--event-id", id]).await;
    trigger(&receiver, folder.path(), &["--file", "body.json"]).await;

    let lines = lines(&receiver, 2).await;
    assert_eq!(lines[0]["event_id"], id);
    assert_eq!(
        (&lines[0]["sample"], &lines[1]["sample"]),
        (&json!(true), &json!(true))
    );
}

#[tokio::test]
async fn in_the_older_generation_the_chatbot_tells_where_there_is_no_job() {
    let (application, folder) = (Application::start().await, folder());
    let receiver = delivering_to(&application, folder.path()).await;

    trigger(&receiver, folder.path(), &["training", "--wire", "2024-01"]).await;

    for arrival in application.wait_for_arrivals(2).await {
        let body: Value = serde_json::from_slice(&arrival.body).expect("JSON");
        assert_eq!(body.get("event_id"), None);
        assert!(
            body["chatbot_id"].as_str().expect("an id").starts_with(MARK),
            "{body}"
        );
        assert_eq!(arrival.headers["caigunn-sample"], "true");
    }
}

#[tokio::test]
async fn a_sample_is_of_a_chatbot_that_is_registered_unless_another_is_named() {
    let site = Site::running().await;
    let registered = site.provider.chatbot_id("key-one").to_string();
    let receiver = site.receiver.as_ref().expect("a receiver runs");
    let chatbot = async |count: usize, arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["trigger", "crawling.initial"], arguments].concat();
        let triggered = site.run(&arguments, variables).await;
        assert_eq!(triggered.code, Some(0), "{triggered:?}");
        let line = lines(receiver, count).await.remove(count - 1);
        (
            line["chatbot_id"].as_str().expect("an id").to_owned(),
            triggered.errors,
        )
    };
    let named = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";

    assert_eq!(chatbot(1, &[], &[]).await, (registered, String::new()));
    assert_eq!(chatbot(2, &["--chatbot-id", named], &[]).await.0, named);
    let (unknown, errors) = chatbot(3, &[], &[("CAIGUNN_ADMIN_TOKEN", "another-token")]).await;
    assert!(unknown.starts_with(MARK), "{unknown}");
    assert!(
        errors.ends_with("so the sample is of a chatbot that nobody has\n"),
        "{errors}"
    );
    let url = receiver.url(&format!("/webhook/{TOKEN}"));
    let (elsewhere, errors) = chatbot(4, &["--to", &url], &[]).await;
    assert!(
        elsewhere.starts_with(MARK) && errors.is_empty(),
        "{elsewhere} {errors}"
    );
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_with_those_that_there_are() {
    let folder = folder();
    let program = async |arguments: &[&str]| {
        let mut command = Process::command(folder.path());
        command.args(arguments);
        run(command).await
    };

    let help = program(&["trigger", "--help"]).await;
    for name in ["crawling.complete", "archiving.started", "crawling."] {
        let refused = program(&["trigger", name, "--print"]).await;
        assert_eq!((refused.code, &*refused.output), (Some(64), ""), "{refused:?}");
        for known in Event::NAMES {
            assert!(refused.errors.contains(&known.to_string()), "{refused:?}");
        }
    }
    let undocumented = [
        "trigger",
        "crawling.initial",
        "--print",
        "--set",
        "event=archiving",
    ];
    let undocumented = program(&undocumented).await;

    for known in Event::NAMES {
        assert!(help.output.contains(&known.to_string()), "{help:?}");
    }
    assert!(
        undocumented.output.contains("\"event\":\"archiving\""),
        "{undocumented:?}"
    );
}
