//! Promise: what commands print may be cut off by whoever reads it, and is in colour only where that is wanted. What a
//! command did, and its exit code, stay.

use std::io::pipe;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::process::run;
use crate::harness::{Process, Site, installed, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_caigunn-webhook");

fn folder() -> TempDir {
    tempfile::tempdir().expect("the system has a folder for temporary files")
}

/// The exit code of a command beside a receiver of which nobody reads what it prints, nor, if so, its errors; and these.
async fn unread(site: &Site, folder: &Path, arguments: &[&str], has_errors: bool) -> (Option<i32>, String) {
    let mut command = Process::command(folder);
    site.configure(&mut command);
    command.args(arguments);
    let errors = folder.join("errors.txt");
    let nobody = || {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        Stdio::from(writer)
    };
    command.stdin(Stdio::null()).stdout(nobody());
    command.stderr(if has_errors {
        Stdio::from(std::fs::File::create(&errors).expect("the folder takes files"))
    } else {
        nobody()
    });
    let mut child = command.spawn().expect("the program starts");
    let ended = wait_for("the command to end", || {
        let ended = child.try_wait().expect("the child is ours");
        async move { ended.ok_or_else(|| format!("{arguments:?}")) }
    })
    .await;
    (ended.code(), std::fs::read_to_string(errors).unwrap_or_default())
}

#[tokio::test]
async fn a_reader_who_has_gone_changes_nothing_but_that_it_is_not_printed() {
    let (site, folder) = (Site::running().await, folder());
    let nobody = "app/0192f0c1-2b3c-7d4e-8f50-61728394a5b6";
    let cases: [(&[&str], i32, &str); 12] = [
        (&["healthcheck"], 0, ""),
        (&["receipts", "list"], 0, ""),
        (&["destinations", "list", "--format", "json"], 0, ""),
        (&["subscription", "show"], 0, ""),
        (&["config", "check"], 0, ""),
        (&["doctor"], 0, ""),
        (&["completions", "bash"], 0, ""),
        (&["--help"], 0, ""),
        (&["--version"], 0, ""),
        (&["trigger", "crawling"], 0, ""),
        (&["trigger", "crawling", "--print", "--count", "1000000"], 0, ""),
        (
            &["deliveries", "retry", nobody],
            1,
            "1 of 1 delivery could not be retried",
        ),
    ];
    for (arguments, code, error) in cases {
        let (with_errors, errors) = unread(&site, folder.path(), arguments, true).await;
        let (without_errors, _) = unread(&site, folder.path(), arguments, false).await;

        assert_eq!(
            (with_errors, without_errors),
            (Some(code), Some(code)),
            "{arguments:?} {errors}"
        );
        assert!(errors.contains(error), "{arguments:?} {errors}");
        assert_eq!(error.is_empty(), errors.is_empty(), "{arguments:?} {errors}");
    }
}

/// What `doctor` finds is in its exit code, however little of it was read.
#[tokio::test]
async fn a_failure_stays_one_when_nobody_reads_it() {
    let (site, folder) = (Site::running().await, folder());
    let failing = ["doctor", "--public-url", "http://127.0.0.1:1"];

    let (code, errors) = unread(&site, folder.path(), &failing, true).await;
    let (mistaken, _) = unread(&site, folder.path(), &["doctor", "--listen", "x"], false).await;

    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.starts_with("caigunn-webhook: found "), "{errors}");
    assert_eq!(mistaken, Some(64));
}

#[tokio::test]
async fn what_prints_for_ever_ends_when_nobody_reads_it_though_nothing_comes() {
    let (site, folder) = (Site::running().await, folder());
    let following: [&[&str]; 2] = [
        &["receipts", "tail"],
        &["listen", "--forward-to", "http://127.0.0.1:1/"],
    ];
    for arguments in following {
        let (code, errors) = unread(&site, folder.path(), arguments, true).await;

        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

#[tokio::test]
async fn a_help_that_could_not_be_written_is_no_success() {
    for argument in ["--help", "--version"] {
        let mut command = Command::new(PROGRAM);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let status = command
            .arg(argument)
            .stdout(full.expect("Linux has a device that is full"))
            .status();

        assert_eq!(status.expect("the program starts").code(), Some(1), "{argument}");
    }
}

/// What a command prints on a terminal.
async fn on_terminal(script: &str, variables: &[(&str, &str)], arguments: &str) -> String {
    let folder = folder();
    let mut command = Command::new(script);
    command
        .args(["-qec", &format!("{PROGRAM} {arguments}"), "/dev/null"])
        .current_dir(folder.path())
        .env_clear()
        .env("TERM", "xterm-256color")
        .env("CAIGUNN_INBOX_URL", "sqlite:nowhere/file/inbox.db")
        .envs(variables.iter().copied());
    std::fs::write(folder.path().join("nowhere"), "").expect("the folder takes files");
    let ended = run(command).await;
    ended.output
}

#[tokio::test]
async fn colours_are_left_out_where_they_are_not_wanted_or_not_understood() {
    let Some(script) = installed("CAIGUNN_TEST_SCRIPT", "/usr/bin/script") else {
        return;
    };
    // A start that fails, whose log is for people on a terminal; and a mistake that clap reports.
    for arguments in [
        "serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0",
        "nonsense",
    ] {
        let usual = on_terminal(&script, &[], arguments).await;
        let no_color = on_terminal(&script, &[("NO_COLOR", "1")], arguments).await;
        let dumb = on_terminal(&script, &[("TERM", "dumb")], arguments).await;

        assert!(usual.contains('\u{1b}'), "{usual:?}");
        for plain in [no_color, dumb] {
            assert!(plain.len() > 20 && !plain.contains('\u{1b}'), "{plain:?}");
        }
    }
}
