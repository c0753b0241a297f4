//! Promise: what commands print fits the terminal, and what goes elsewhere is whole; a help fits on a screen.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use caigunn_webhook::event::sample::Ids;
use caigunn_webhook::event::{EventId, Wire};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;
use uuid::Uuid;

use crate::harness::process::run;
use crate::harness::{self, Process, client, installed, sample_with};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caigunn-webhook");

/// The lines that a command prints on a terminal.
async fn on_terminal(
    script: &str,
    receiver: &Process,
    variables: &[(&str, &str)],
    arguments: &str,
) -> String {
    let mut command = Command::new(script);
    command
        .args(["-qec", &format!("{PROGRAM} {arguments}"), "/dev/null"])
        .env_clear()
        .env("TZ", "UTC")
        .env("CAIGUNN_ADMIN_LISTEN", receiver.admin.to_string())
        .envs(variables.iter().copied());
    run(command).await.output.replace('\r', "")
}

async fn piped(folder: &Path, receiver: &Process, arguments: &[&str]) -> String {
    let mut command = Process::command(folder);
    command
        .env("CAIGUNN_ADMIN_LISTEN", receiver.admin.to_string())
        .env("COLUMNS", "60")
        .args(arguments);
    run(command).await.output
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[tokio::test]
async fn tables_fit_the_terminal_and_are_whole_elsewhere() {
    let Some(script) = installed("CAIGUNN_TEST_SCRIPT", "/usr/bin/script") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[]).await;
    let first = Ids::fresh();
    // As if both were of one moment, so that only their ends tell them apart.
    let second = Ids {
        event_id: EventId::new(Uuid::from_u128(first.event_id.uuid().as_u128() ^ 1)),
        ..Ids::fresh()
    };
    let ids = [first, second];
    for ids in &ids {
        let body = harness::json(&sample_with("crawling.completed", ids, Wire::V2024_07));
        let answer = client().post(receiver.url("/webhook")).json(&body).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    let whole_id = ids[0].event_id.to_string();

    for list in ["receipts list", "jobs list", "quarantine list", "deliveries list"] {
        for width in [40, 80, 120] {
            let columns = width.to_string();
            let shown = on_terminal(&script, &receiver, &[("COLUMNS", &columns)], list).await;
            assert!(widest(&shown) <= width, "{list} in {width}:\n{shown}");
        }
    }
    for list in [
        "receipts list --event training",
        "jobs list --event training",
        "quarantine list",
    ] {
        let none = on_terminal(&script, &receiver, &[], list).await;
        assert!(none.contains("Nothing matches."), "{list}: {none}");
    }
    let since = "receipts list --since 2024-07-30T09:15";
    let note = "(2024-07-30T09:15 has no zone, so it is UTC: 2024-07-30 11:15:00 here)";
    let east = on_terminal(&script, &receiver, &[("TZ", "EAST-2")], since).await;
    assert!(east.contains(note), "{east}");
    for (zone, since) in [
        ("UTC", since),
        ("EAST-2", "receipts list --since 2024-07-30T09:15:00Z"),
    ] {
        let said = on_terminal(&script, &receiver, &[("TZ", zone)], since).await;
        assert!(!said.contains("has no zone"), "{zone} {said}");
    }
    let narrow = on_terminal(&script, &receiver, &[("COLUMNS", "80")], "receipts list").await;
    assert!(!narrow.contains(&whole_id), "{narrow}");
    assert!(narrow.contains(&format!("  …{}", &whole_id[28..])), "{narrow}");
    // A terminal that does not say how wide it is.
    let unknown = on_terminal(&script, &receiver, &[], "receipts list").await;
    assert!(widest(&unknown) <= 80, "{unknown}");
    let wide = on_terminal(&script, &receiver, &[("COLUMNS", "80")], "receipts list --wide").await;
    let elsewhere = piped(folder.path(), &receiver, &["receipts", "list"]).await;
    assert!(elsewhere.contains(&whole_id), "{elsewhere}");
    assert!(elsewhere.contains("  webhook  "), "{elsewhere}");
    assert_eq!(wide, elsewhere);
}

#[tokio::test]
async fn what_is_followed_on_a_terminal_has_short_ids_and_short_times_and_samples_are_marked() {
    let Some(script) = installed("CAIGUNN_TEST_SCRIPT", "/usr/bin/script") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[]).await;
    let first_line_of = async |arguments: &str| {
        let mut tail = tokio::process::Command::new(&script)
            .args(["-qefc", &format!("{PROGRAM} {arguments}"), "/dev/null"])
            .env_clear()
            .env("TZ", "UTC")
            .env("CAIGUNN_ADMIN_LISTEN", receiver.admin.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("script");
        let mut lines = BufReader::new(tail.stdout.take().expect("a pipe")).lines();
        let mut next = async || {
            let line = timeout(Duration::from_secs(60), lines.next_line()).await;
            line.expect("a line").expect("text").expect("a line")
        };
        let begun = next().await;
        assert!(begun.contains("Ctrl-C ends it"), "{begun}");
        let body = harness::json(&sample_with("crawling.completed", &Ids::marked(), Wire::V2024_07));
        let answer = client().post(receiver.url("/webhook")).json(&body).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
        next().await
    };

    let short = first_line_of("receipts tail").await;
    let wide = first_line_of("receipts tail --wide").await;

    assert!(short.trim_end().chars().count() <= 80, "{short}");
    assert!(short.contains("  job …") && !short.contains('Z'), "{short}");
    assert!(wide.contains("Z  crawling.completed"), "{wide}");
    assert!(wide.trim_end().chars().count() > 140, "{wide}");
    let listed = piped(folder.path(), &receiver, &["receipts", "list"]).await;
    assert_eq!(listed.matches("  sample  ").count(), 2, "{listed}");
    let id = wide.split_whitespace().nth(2).expect("an id");
    let shown = piped(folder.path(), &receiver, &["receipts", "show", id]).await;
    assert!(shown.contains("\norigin       sample\n"), "{shown}");
}

#[tokio::test]
async fn a_help_fits_on_a_screen_and_names_the_flags_of_all_commands_once() {
    let help = async |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .arg("--help")
            .env_clear()
            .env("COLUMNS", "100");
        run(command).await.output
    };
    for flag in ["--config <FILE>", "--admin <URL>", "--inbox-url <URL>"] {
        assert!(help(&[]).await.contains(flag), "{flag}");
    }
    let commands: [&[&str]; 20] = [
        &["serve"],
        &["subscription"],
        &["subscription", "show"],
        &["receipts"],
        &["receipts", "list"],
        &["receipts", "show"],
        &["receipts", "replay"],
        &["listen"],
        &["trigger"],
        &["inbox", "copy"],
        &["jobs", "list"],
        &["jobs", "show"],
        &["quarantine"],
        &["quarantine", "accept"],
        &["deliveries", "list"],
        &["destinations", "pause"],
        &["backfill"],
        &["inbox"],
        &["doctor"],
        &["config", "check"],
    ];
    for command in commands {
        let help = help(command).await;

        // It has fourteen flags.
        let most = if command == ["receipts", "replay"] { 30 } else { 26 };
        assert!(help.lines().count() <= most, "{command:?}\n{help}");
        assert!(!help.contains("--inbox-url"), "{command:?}\n{help}");
        assert!(help.contains("caigunn-webhook --help"), "{command:?}\n{help}");
    }
    // They are taken all the same.
    let mut checked = Command::new(PROGRAM);
    checked
        .args(["config", "check", "--listen", "nonsense"])
        .env_clear();
    assert_eq!(run(checked).await.code, Some(64));
}

#[tokio::test]
async fn who_gives_an_id_as_a_list_cut_it_is_told_how_whole_ones_are_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [
        &["receipts", "show", "…5d6e7f80"][..],
        &["receipts", "replay", "5d6e7f80"],
        &["receipts", "list", "--job", "3fa85f64…"],
        &["jobs", "show", "3fa85f64…"],
        &["jobs", "list", "--chatbot", "0f4e2f0a…"],
        &["quarantine", "accept", "…5d6e7f80"],
        &["deliveries", "show", "app/…5d6e7f80"],
        &["backfill", "3fa85f64…"],
    ] {
        let mut command = Process::command(folder.path());
        command.args(arguments);

        let ended = run(command).await;

        assert_eq!(ended.code, Some(64), "{ended:?}");
        assert!(ended.errors.contains("with --wide"), "{ended:?}");
    }
}

#[tokio::test]
async fn what_a_receiver_answers_reaches_no_terminal_as_a_command_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(async move {
        let problem = || async {
            let body = r#"{"title":"No","detail":"a\u009b2J\u001b[2J\u202eb\nsecond line"}"#;
            let kind = [("content-type", "application/problem+json")];
            (axum::http::StatusCode::BAD_REQUEST, kind, body)
        };
        axum::serve(listener, axum::Router::new().fallback(problem)).await
    });
    let mut command = Process::command(folder.path());
    command
        .env("CAIGUNN_ADMIN_LISTEN", address.to_string())
        .args(["receipts", "list"]);

    let ended = run(command).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let hidden = "a\u{fffd}2J\u{fffd}[2J\u{fffd}b\nsecond line";
    assert!(ended.errors.contains(hidden), "{ended:?}");
}

#[tokio::test]
async fn what_a_sender_wrote_reaches_no_terminal_as_a_command_to_it_and_stays_the_same_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Process::start(folder.path(), &[]).await;
    let evil = "a\u{9b}2J\u{9d}0;x\u{7}\u{7f}\u{202e}b\u{2066}é";
    let mut body = harness::json(&sample_with("crawling.failed", &Ids::fresh(), Wire::V2024_07));
    body["data"]["detail"] = evil.into();
    let ids = Ids::fresh();
    let mut accented = harness::json(&sample_with("crawling.failed", &ids, Wire::V2024_07));
    accented["data"]["detail"] = format!("Z{}", "\u{301}".repeat(400)).into();
    for body in [accented, body] {
        let answer = client().post(receiver.url("/webhook")).json(&body).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }

    let json = piped(folder.path(), &receiver, &["jobs", "list", "--format", "json"]).await;
    let table = piped(folder.path(), &receiver, &["jobs", "list"]).await;

    let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(read["jobs"][0]["reason"], evil);
    let has_control =
        |letter: char| letter != '\n' && letter.is_control() || "\u{202e}\u{2066}".contains(letter);
    assert!(!json.contains(has_control), "{json:?}");
    assert!(
        json.contains(r"a\u009b2J\u009d0;x\u0007\u007f\u202eb\u2066é"),
        "{json}"
    );
    let four = format!("Z{}⟨396 more accents⟩", "\u{301}".repeat(4));
    assert!(table.contains(&four), "{table}");
}
