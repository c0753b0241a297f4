//! Promise: a stop loses nothing that was answered, answers what it has begun to receive, waits for nobody who
//! has asked for nothing, and ends in time. Where there is a delay, it begins when balancers know of it.

mod busy;

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::harness::posters::{End, Posters, assert_each_stored_once};
use crate::harness::postgres::fresh_database;
use crate::harness::raw::{self, Raw, status_of};
use crate::harness::unread::Unread;
use crate::harness::{PATIENCE, Process, client, json, sample, wait_for};

fn notification() -> String {
    json(&sample("crawling.completed")).to_string()
}

fn assert_stopped_in_order(process: &Process, ended: ExitStatus) {
    assert_eq!(ended.code(), Some(0), "{}", process.log());
    let last = process.log_lines().pop().expect("a log");
    assert_eq!(last["message"], "stopped");
    assert_eq!(last["level"], "INFO");
}

/// With this a post waits for an inbox that is held longer than a test does, however slow the machine.
const PATIENT_INBOX: (&str, &str) = ("CAIGUNN_INBOX_APPEND_TIMEOUT_SECONDS", "600");

/// Another program that holds the inbox, so that nothing can be stored for as long as this is held.
fn hold_inbox(folder: &Path) -> rusqlite::Connection {
    let holder = rusqlite::Connection::open(folder.join("inbox.db")).expect("the inbox is a database");
    holder
        .execute_batch("BEGIN IMMEDIATE")
        .expect("nobody else writes");
    holder
}

/// A post waits for the inbox as soon as it has left the queue, and there is one connection.
async fn wait_until_it_is_with_the_inbox(process: &Process) {
    let client = client();
    wait_for("the post to be received", || async {
        let open = process
            .metric(&client, r#"open_connections{listener="public"}"#)
            .await;
        let queued = process.metric(&client, "queue_depth").await;
        if (open, queued) == (1.0, 0.0) {
            Ok(())
        } else {
            Err(format!("{open} open, {queued} queued"))
        }
    })
    .await;
}

/// A request of which the receiver is reading the body, and the half of it that has not been sent.
async fn half_sent(process: &Process) -> (Raw, String) {
    let mut body = notification();
    let rest = body.split_off(body.len() / 2);
    let mut connection = Raw::connect(process.public).await;
    let length = body.len() + rest.len();
    connection
        .send(format!(
            "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        ))
        .await;
    // The receiver says this when it begins to read the body.
    assert!(connection.read_head().await.starts_with("HTTP/1.1 100 "));
    connection.send(body).await;
    (connection, rest)
}

/// Waits until the public address takes no connections any more.
async fn wait_until_closed(process: &Process) {
    wait_for("the public address to close", || async {
        match TcpStream::connect(process.public).await {
            Ok(_) => Err("it takes connections".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .await;
}

/// Waits until `/readyz` on the public address says that the receiver stops.
async fn wait_until_not_ready(process: &Process) {
    let (client, url) = (client(), process.url("/readyz"));
    wait_for("the receiver not to be ready", || async {
        let answer = client.get(&url).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let problem = answer.text().await.expect("text");
        if status == 503 && problem.contains("urn:caigunn-webhook:problem:stopping") {
            Ok(())
        } else {
            Err(format!("{status} {problem}"))
        }
    })
    .await
}

async fn start(folder: &Path, variables: &[(&str, &str)]) -> Process {
    Process::start(folder, variables).await
}

#[tokio::test]
async fn an_interrupt_and_a_hang_up_stop_in_order_too() {
    for signal in ["INT", "HUP"] {
        let folder = tempfile::tempdir().expect("a folder");
        // Whoever runs the tests may have had a hang-up ignored, and what is ignored is inherited.
        let command = Process::command_under(&["env", "--default-signal=HUP"], folder.path());
        let mut process = Process::spawn(folder.path(), command).await;

        process.signal(signal);
        let ended = process.wait().await;

        assert_stopped_in_order(&process, ended);
        let said = format!("SIG{signal}: stopping; a second signal quits at once");
        assert!(process.log().contains(&said), "{}", process.log());
    }
}

#[tokio::test]
async fn who_is_told_to_ignore_a_hang_up_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = Process::command_under(&["nohup"], folder.path());
    let mut process = Process::spawn(folder.path(), command).await;

    process.signal("HUP");
    process.signal("TERM");
    let ended = process.wait().await;

    assert_stopped_in_order(&process, ended);
    assert!(process.log().contains("SIGTERM: stopping"), "{}", process.log());
    assert!(!process.log().contains("SIGHUP"), "{}", process.log());
}

#[tokio::test]
async fn several_signals_at_once_are_one_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = start(folder.path(), &[]).await;
    let (mut connection, rest) = half_sent(&process).await;

    // As timeout(1) of GNU coreutils does, which tells its child and then its group; and a terminal that closes.
    for signal in ["TERM", "TERM", "HUP"] {
        process.signal(signal);
    }
    wait_until_closed(&process).await;
    connection.send(rest).await;
    let answer = connection.read_answer().await;
    let ended = process.wait().await;

    assert_eq!(answer.status(), 200);
    assert_stopped_in_order(&process, ended);
    assert_eq!(process.errors(), "");
}

/// Sends SIGTERM until the process has ended. The first of them may still be the wish that it is told already.
async fn insist(process: &mut Process) -> ExitStatus {
    wait_for("the program to end", || {
        process.try_signal("TERM");
        let ended = process.ended();
        async move { ended.ok_or("it runs".to_owned()) }
    })
    .await
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    // Longer than a test has patience, so that only the stop can end these connections.
    let patient = [
        ("CAIGUNN_SERVER_HEADER_TIMEOUT_SECONDS", "600"),
        ("CAIGUNN_SERVER_STOP_TIMEOUT_SECONDS", "600"),
    ];
    let mut process = start(folder.path(), &patient).await;
    let mut used = Raw::connect(process.public).await;
    used.send(raw::post(&notification())).await;
    assert_eq!(used.read_answer().await.status(), 200);
    let mut used_admin = Raw::connect(process.admin).await;
    used_admin
        .send("GET /healthz HTTP/1.1\r\nHost: receiver\r\n\r\n")
        .await;
    assert_eq!(used_admin.read_answer().await.status(), 200);
    let mut unused = Raw::connect(process.public).await;

    process.signal("TERM");
    let ended = process.wait().await;

    assert_stopped_in_order(&process, ended);
    for connection in [&mut used, &mut used_admin, &mut unused] {
        assert_eq!(connection.read_to_end().await, "");
    }
}

#[tokio::test]
async fn a_request_that_was_being_received_is_answered_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    // So that the request is given more time than a test has patience.
    let mut process = start(folder.path(), &[("CAIGUNN_SERVER_STOP_TIMEOUT_SECONDS", "600")]).await;
    let (mut connection, rest) = half_sent(&process).await;

    process.signal("TERM");
    wait_until_closed(&process).await;
    connection.send(rest).await;
    let answer = connection.read_answer().await;
    let ended = process.wait().await;

    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("connection"), Some("close"));
    assert_stopped_in_order(&process, ended);
    let process = start(folder.path(), &[]).await;
    let receipts = process.receipts(&client()).await;
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0]["id"], answer.json()["receipt_id"]);
}

#[tokio::test]
async fn the_receiver_says_that_it_is_not_ready_while_a_request_holds_the_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    // So that the request is given more time than a test has patience.
    let mut process = start(folder.path(), &[("CAIGUNN_SERVER_STOP_TIMEOUT_SECONDS", "600")]).await;
    let readyz = format!("http://{}/readyz", process.admin);
    let client = client();
    wait_for("it to be ready", || async {
        match client.get(&readyz).send().await {
            Ok(answer) if answer.status() == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let (mut connection, rest) = half_sent(&process).await;

    process.signal("TERM");
    wait_until_closed(&process).await;
    let during = client.get(&readyz).send().await.expect("an answer");

    assert_eq!(during.status(), 503);
    assert_eq!(during.headers()["retry-after"], "5");
    let problem: serde_json::Value = during.json().await.expect("a problem document");
    assert_eq!(problem["type"], "urn:caigunn-webhook:problem:stopping");
    connection.send(rest).await;
    assert_eq!(connection.read_answer().await.status(), 200);
    let ended = process.wait().await;
    assert_stopped_in_order(&process, ended);
    // Nobody must act on it.
    assert!(!process.log().contains("/readyz"), "{}", process.log());
}

#[tokio::test]
async fn a_request_that_never_ends_is_given_up_at_the_deadline_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let times = [PATIENT_INBOX, ("CAIGUNN_SERVER_STOP_TIMEOUT_SECONDS", "1")];
    let mut process = start(folder.path(), &times).await;
    let holder = hold_inbox(folder.path());
    let mut connection = Raw::connect(process.public).await;
    connection.send(raw::post(&notification())).await;
    wait_until_it_is_with_the_inbox(&process).await;

    process.signal("TERM");
    let ended = process.wait().await;
    drop(holder);

    assert_eq!(ended.code(), Some(1), "{}", process.log());
    let lines = process.log_lines();
    let warnings: Vec<_> = lines
        .iter()
        .filter(|line| line["error.type"] == "stop_timeout")
        .collect();
    assert_eq!(warnings.len(), 1, "{lines:?}");
    assert_eq!(warnings[0]["level"], "WARN");
    let message = warnings[0]["message"].as_str().expect("a message");
    assert!(
        message.starts_with("stopping anyway after 1 s; still at work: "),
        "{message}"
    );
    assert!(message.contains("the public listener"), "{message}");
    assert!(lines.iter().all(|line| line["message"] != "stopped"));
    // Whatever its sender is told, it is not that it is stored.
    let answer = connection.read_to_end().await;
    assert!(answer.is_empty() || status_of(&answer) == 503, "{answer}");
}

#[tokio::test]
async fn a_receiver_that_waits_for_its_database_says_so_and_stops_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // Bound and not listening, so that it refuses connections and nobody else gets the port.
    let deaf = TcpSocket::new_v4().expect("a socket");
    deaf.bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let address = deaf.local_addr().expect("it is bound");
    let mut command = Process::command(folder.path());
    command.env(
        "CAIGUNN_INBOX_URL",
        format!("postgres://me:planted-password@{address}/inbox"),
    );
    let mut process = Process::launch(folder.path(), command);
    let warning = process
        .wait_for_lines(1, |line| line["error.type"] == "inbox_unavailable")
        .await
        .remove(0);

    process.signal("TERM");
    let ended = process.wait().await;

    assert_eq!(warning["level"], "WARN");
    let message = warning["message"].as_str().expect("a message");
    assert!(
        message.starts_with("the inbox does not open, trying again in "),
        "{message}"
    );
    assert_eq!(ended.code(), Some(0), "{}", process.log());
    let last = process.log_lines().pop().expect("a log");
    assert_eq!(last["message"], "stopped before the inbox was open");
    assert!(!process.log().contains("planted"), "{}", process.log());
    assert_eq!(process.errors(), "");
}

#[tokio::test]
async fn a_receiver_that_its_database_refuses_ends_at_once_and_says_why() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut url = url::Url::parse(database.url()).expect("a URL");
    url.set_password(Some("planted-password"))
        .expect("a URL with a host");
    let mut command = Process::command(folder.path());
    command.env("CAIGUNN_INBOX_URL", url.as_str());
    let mut process = Process::launch(folder.path(), command);

    let ended = process.wait().await;

    assert_eq!(ended.code(), Some(1), "{}", process.log());
    assert!(
        process
            .errors()
            .contains("the inbox cannot be used: cannot connect to "),
        "{}",
        process.errors()
    );
    assert!(process.errors().contains("28P01"), "{}", process.errors());
    let mut lines = process.log_lines().into_iter();
    assert!(
        lines.all(|line| line["error.type"] != "inbox_unavailable"),
        "it has waited: {}",
        process.log()
    );
    assert!(!process.errors().contains("planted"), "{}", process.errors());
}

#[tokio::test]
async fn a_second_signal_quits_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // Longer than a test has patience, so that only the second signal can end the process.
    let patient = [
        ("CAIGUNN_SERVER_BODY_TIMEOUT_SECONDS", "600"),
        ("CAIGUNN_SERVER_STOP_TIMEOUT_SECONDS", "600"),
    ];
    let mut process = start(folder.path(), &patient).await;
    let (_connection, _rest) = half_sent(&process).await;
    let first = Instant::now();
    process.signal("TERM");
    wait_until_closed(&process).await;

    let ended = insist(&mut process).await;

    assert!(first.elapsed() > Duration::from_secs(1), "{:?}", first.elapsed());
    assert_eq!(ended.code(), Some(1));
    assert_eq!(
        process.errors(),
        "caigunn-webhook: SIGTERM again: quitting at once\n"
    );
}

#[tokio::test]
async fn a_second_signal_quits_also_where_nobody_reads_what_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Process::command(folder.path());
    // Longer than a test has patience, so that only the second signal can end it.
    command.env("CAIGUNN_SERVER_DRAIN_DELAY_SECONDS", "600");
    let (mut process, unread) = Process::spawn_unread(folder.path(), command).await;
    unread.fill();
    process.signal("TERM");
    wait_until_not_ready(&process).await;

    assert_eq!(insist(&mut process).await.code(), Some(1));
}

#[tokio::test]
async fn a_receiver_with_a_mistake_ends_also_where_nobody_reads_what_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut unread = Unread::new();
    unread.fill();
    let mut command = Process::command(folder.path());
    command.env("CAIGUNN_LISTEN", "nowhere");
    let mut receiver = Process::spawn_into(folder.path(), command, &mut unread);

    let ended = timeout(PATIENCE, receiver.wait()).await;

    assert_eq!(ended.expect("the program ends").code(), Some(64));
}

#[tokio::test]
async fn during_the_delay_the_receiver_is_not_ready_and_takes_what_still_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    // Longer than a test has patience, so that only the second signal can end it.
    let mut process = start(folder.path(), &[("CAIGUNN_SERVER_DRAIN_DELAY_SECONDS", "600")]).await;
    let mut kept = Raw::connect(process.public).await;
    kept.send(raw::post(&notification())).await;
    let before = kept.read_answer().await;

    process.signal("TERM");
    wait_until_not_ready(&process).await;
    kept.send(raw::post(&notification())).await;
    let on_a_kept_connection = kept.read_answer().await;
    let mut new = Raw::connect(process.public).await;
    new.send(raw::post(&notification())).await;
    let on_a_new_one = new.read_answer().await;

    assert_eq!((before.status(), before.header("connection")), (200, None));
    for answer in [on_a_kept_connection, on_a_new_one] {
        assert_eq!(
            (answer.status(), answer.header("connection")),
            (200, Some("close"))
        );
        assert_eq!(answer.json()["outcome"], "accepted");
    }
    // So that whoever kept it sends the next request elsewhere.
    assert_eq!(kept.read_to_end().await, "");
    assert_eq!(process.receipts(&client()).await.len(), 3);
    let lines = process.log_lines();
    let said = "SIGTERM: not ready any more, and stopping in 600 s; a second signal quits at once";
    assert!(lines.iter().any(|line| line["message"] == said), "{lines:?}");
    assert_eq!(insist(&mut process).await.code(), Some(1));
    assert_eq!(
        process.errors(),
        "caigunn-webhook: SIGTERM again: quitting at once\n"
    );
}

#[tokio::test]
async fn after_the_delay_the_receiver_stops_in_order_under_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = start(folder.path(), &[("CAIGUNN_SERVER_DRAIN_DELAY_SECONDS", "1")]).await;
    let posters = Posters::start(8, process.public);
    posters.wait_for_answers(50).await;
    let since = Instant::now();

    process.signal("TERM");
    let ended = process.wait().await;
    let posted = posters.end().await;

    assert!(since.elapsed() >= Duration::from_secs(1), "{:?}", since.elapsed());
    assert_stopped_in_order(&process, ended);
    for posted in &posted {
        assert!(!matches!(posted.end, End::Wrong(_)), "{posted:?}");
    }
    let process = start(folder.path(), &[]).await;
    assert_each_stored_once(&posted, &process.receipts(&client()).await);
}

#[tokio::test]
async fn the_time_for_a_stop_counts_from_the_end_of_the_delay() {
    let folder = tempfile::tempdir().expect("a folder");
    let times = [
        PATIENT_INBOX,
        ("CAIGUNN_SERVER_DRAIN_DELAY_SECONDS", "2"),
        ("CAIGUNN_SERVER_STOP_TIMEOUT_SECONDS", "1"),
    ];
    let mut process = start(folder.path(), &times).await;
    let holder = hold_inbox(folder.path());
    let mut connection = Raw::connect(process.public).await;
    connection.send(raw::post(&notification())).await;
    wait_until_it_is_with_the_inbox(&process).await;
    let since = Instant::now();

    process.signal("TERM");
    let ended = process.wait().await;
    drop(holder);

    assert!(since.elapsed() >= Duration::from_secs(3), "{:?}", since.elapsed());
    assert_eq!(ended.code(), Some(1));
    let said = "stopping anyway after 1 s; still at work: ";
    assert!(process.log().contains(said), "{}", process.log());
}
