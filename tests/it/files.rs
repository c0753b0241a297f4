//! Promise: a receiver takes as many connections as the system lets it have files open for, and says so if they are fewer
//! than were wanted; what it needs beside them is left to it.

use std::fs;

use tokio::net::TcpStream;

use crate::harness::process::{as_user, run};
use crate::harness::raw::{self, Raw, status_of};
use crate::harness::{Process, client, json, sample, wait_for};

/// What fits into 256 files on each listener.
const ROOM: usize = 78;

const WARNING: &str = "the limit of open files is 256, so there is room for 78 connections on each listener, and not for 512 \
                       (server.max_connections); raise it, with `ulimit -n`, Docker's `--ulimit nofile=`, or LimitNOFILE= of \
                       a systemd unit";

/// Runs what follows with this limit, which the options of ulimit say, and its arguments.
fn limited(options: &str) -> [String; 3] {
    let script = format!(r#"ulimit {options} && exec "$0" "$@""#);
    ["sh".to_owned(), "-c".to_owned(), script]
}

fn command_with(options: &str, folder: &std::path::Path) -> std::process::Command {
    let wrapper = limited(options);
    Process::command_under(&wrapper.each_ref().map(String::as_str), folder)
}

#[tokio::test]
async fn where_too_few_threads_are_to_be_had_it_ends_and_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    // Of whom no other process is: the limit counts all of a user's.
    let Some(wrapper) = as_user(54_321) else {
        return;
    };
    for (limit, arguments) in [
        ("--nproc=3", &["serve"][..]),
        ("--nproc=1", &["inbox", "check"]),
        ("--nproc=1", &["receipts", "list"]),
    ] {
        let wrapper: Vec<_> = ["prlimit", limit]
            .into_iter()
            .chain(wrapper.iter().map(String::as_str))
            .collect();
        let mut command = Process::command_under(&wrapper, folder.path());
        command.args(arguments).current_dir("/");

        let ended = run(command).await;

        assert_eq!(ended.code, Some(1), "{arguments:?} {ended:?}");
        assert!(
            ended
                .errors
                .contains("threads that are needed here; allow more processes: ulimit -u"),
            "{arguments:?} {ended:?}"
        );
    }
}

#[tokio::test]
async fn a_number_of_threads_that_is_none_is_a_mistake_and_nothing_is_none_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    // More than a machine has processors, by itself.
    for (chosen, serving) in [("", None), (" 33\n", Some(33))] {
        let process = Process::start(folder.path(), &[("TOKIO_WORKER_THREADS", chosen)]).await;
        let tasks = fs::read_dir(format!("/proc/{}/task", process.id())).expect("it runs");
        let names = tasks.map(|task| fs::read_to_string(task.expect("it runs").path().join("comm")));
        let count = names.flatten().filter(|name| name == "tokio-rt-worker\n").count();
        assert!(
            serving.is_none_or(|serving| count >= serving),
            "{chosen:?}: {count}"
        );
    }
    for chosen in ["0", "two", "-1"] {
        let mut command = Process::command(folder.path());
        command.env("TOKIO_WORKER_THREADS", chosen);

        let ended = run(command).await;

        let expected = format!(
            "caigunn-webhook: TOKIO_WORKER_THREADS (the environment): expected a whole number from 1 on, found {chosen:?}\n"
        );
        assert_eq!((ended.code, ended.errors), (Some(64), expected));
    }
}

#[tokio::test]
async fn a_low_soft_limit_is_raised_as_far_as_is_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::spawn(folder.path(), command_with("-S -n 64", folder.path())).await;

    let limits = fs::read_to_string(format!("/proc/{}/limits", process.id())).expect("it runs");
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let line: Vec<_> = line.expect("it is there").split_whitespace().collect();
    let [.., soft, hard, "files"] = line[..] else {
        panic!("{line:?}");
    };
    let most = hard.parse().unwrap_or(u64::MAX);
    assert_eq!(soft, most.min(8192).to_string());
    assert!(!process.log().contains("open files"), "{}", process.log());
}

#[tokio::test]
async fn with_few_files_fewer_connections_are_taken_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::spawn(folder.path(), command_with("-n 256", folder.path())).await;

    let (mut open, mut of_admin) = (Vec::new(), Vec::new());
    for _ in 0..ROOM {
        // In the middle of a request, since one that lies idle makes room.
        let mut connection = Raw::connect(process.public).await;
        connection
            .send("POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
            .await;
        assert_eq!(status_of(&connection.read_head().await), 100);
        open.push(connection);
        of_admin.push(TcpStream::connect(process.admin).await.expect("it is taken"));
    }
    // The receiver has taken all of them when there is no room for one more.
    let mut refused = Raw::connect(process.public).await;
    assert_eq!(refused.read_answer().await.status(), 503);
    open.pop();
    let body = json(&sample("crawling.completed")).to_string();
    wait_for("room for another", || async {
        let mut connection = Raw::connect(process.public).await;
        connection.send(raw::post(&body)).await;
        match connection.read_answer().await.status() {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;

    // It reads the inbox, for which it opens files.
    let receipts = wait_for("room on the admin side", || async {
        let url = format!("http://{}/api/v1/receipts", process.admin);
        let answer = client().get(url).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("text");
        if status == 200 { Ok(text) } else { Err(text) }
    })
    .await;
    assert!(receipts.contains("crawling.completed"), "{receipts}");
    let lines = process.log_lines();
    let about_files: Vec<_> = lines
        .iter()
        .filter(|line| {
            line["message"]
                .as_str()
                .is_some_and(|message| message.contains("open files"))
        })
        .collect();
    assert_eq!(about_files.len(), 1, "{lines:?}");
    assert_eq!(about_files[0]["level"], "WARN");
    assert_eq!(about_files[0]["message"], WARNING);
}

#[tokio::test]
async fn with_too_few_files_for_any_use_it_does_not_start_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");

    let ended = run(command_with("-n 100", folder.path())).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        ended.errors,
        "caigunn-webhook: the limit of open files is 100, and 132 are the least with these settings: 100 beside \
         connections, and 16 connections on each listener; raise it, with `ulimit -n`, Docker's `--ulimit nofile=`, or \
         LimitNOFILE= of a systemd unit\n"
    );
    assert!(!folder.path().join("inbox.db").exists());
}

#[tokio::test]
async fn the_settings_and_the_doctor_tell_before_a_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = async |limit: &str, words: &[&str]| {
        let mut command = command_with(&format!("-n {limit}"), folder.path());
        command.args(words);
        run(command).await.output
    };

    let output = told("256", &["config", "check"]).await;
    assert!(output.contains(&format!("warning: {WARNING}\n")), "{output}");
    let output = told("100", &["config", "check"]).await;
    assert!(
        output.contains("warning: the receiver would not start: the limit of"),
        "{output}"
    );
    let output = told("4096", &["config", "check"]).await;
    assert!(!output.contains("open files"), "{output}");

    for (limit, line) in [
        (
            "4096",
            "ok       open files: limited to 4096, enough for 512 connections on each listener\n",
        ),
        (
            "256",
            "warning  open files: the limit of open files is 256, so there is room for 78 connections",
        ),
        ("100", "FAILURE  open files: too few for a receiver to start\n"),
    ] {
        let output = told(limit, &["doctor"]).await;
        assert!(output.contains(line), "{output}");
    }
}
