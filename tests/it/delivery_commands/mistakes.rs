//! Commands without a receiver, and commands that are called wrongly.

use std::fs;

use super::id;
use crate::harness::Process;
use crate::harness::process::run;

#[tokio::test]
async fn without_a_receiver_each_command_says_so_and_ends_with_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";
    let delivery = id(nobody);
    let cases: [&[&str]; 14] = [
        &["deliveries", "list"],
        &["deliveries", "show", &delivery],
        &["deliveries", "retry", &delivery],
        &["deliveries", "cancel", &delivery],
        &["destinations", "list"],
        &["destinations", "pause", "app"],
        &["destinations", "resume", "app"],
        &["destinations", "remove", "app"],
        &["receipts", "list"],
        &["receipts", "show", nobody],
        &["receipts", "tail"],
        &["receipts", "replay", nobody],
        &["receipts", "replay", "--all", "--dry-run"],
        &["listen", "--forward-to", "http://127.0.0.1:1"],
    ];
    for arguments in cases {
        let mut command = Process::command(folder.path());
        command.env("CAIGUNN_ADMIN_LISTEN", "127.0.0.1:1").args(arguments);
        let ended = run(command).await;

        assert_eq!(
            (ended.code, &*ended.output),
            (Some(1), ""),
            "{arguments:?} {ended:?}"
        );
        assert_eq!(
            ended.errors,
            "caigunn-webhook: no receiver runs at the admin address 127.0.0.1:1: start it with `caigunn-webhook serve`, or \
             say where it listens with --admin or CAIGUNN_ADMIN_LISTEN\n"
        );
    }
}

#[tokio::test]
async fn wrong_usage_ends_with_64_and_says_what_is_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = "0192f0c1-2b3c-7d4e-8f50-61728394a5b6";
    let cases: [(&[&str], &str); 14] = [
        (&["receipts", "replay"], "say which receipts: ids, --event"),
        (&["receipts", "replay", "nonsense"], "nonsense"),
        (
            &["receipts", "replay", "--all", "--rate", "0"],
            "expected a number from 0.001 to 10000",
        ),
        (
            &["receipts", "list", "--since", "yesterday"],
            "a day such as 2024-07-30",
        ),
        (&["receipts", "list", "--limit", "0"], "expected 1 to 1000000"),
        (
            &["receipts", "list", "--event", ""],
            "expected an event or an event name",
        ),
        (
            &["receipts", "replay", "--event", "crawling."],
            "expected an event or an event name",
        ),
        (
            &["deliveries", "list", "--event", ".completed"],
            "expected an event or an event name",
        ),
        (
            &["jobs", "list", "--event", " crawling"],
            "expected an event or an event name",
        ),
        (
            &["deliveries", "list", "--state", "lost"],
            "pending, delivered, dead, cancelled, removed",
        ),
        (&["deliveries", "show", nobody], "expected DESTINATION/RECEIPT_ID"),
        (&["deliveries", "retry"], "required arguments were not provided"),
        (&["listen"], "--forward-to"),
        (&["listen", "--forward-to", "ftp://x"], "expected a URL such as"),
    ];
    for (arguments, expected) in cases {
        let mut command = Process::command(folder.path());
        command.args(arguments);
        let ended = run(command).await;

        assert_eq!(
            (ended.code, &*ended.output),
            (Some(64), ""),
            "{arguments:?} {ended:?}"
        );
        assert!(ended.errors.contains(expected), "{arguments:?} {ended:?}");
        assert!(!ended.errors.contains("planted"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_none_is_refused_with_the_rule_that_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = "; `echo whsec_$(openssl rand -base64 32)` makes one\n";
    let cases = [
        ("", "nothing"),
        ("whsec_", "nothing behind whsec_"),
        ("planted", "a text that begins otherwise"),
        ("whsec_planted!", "something else than base64 behind whsec_"),
        ("whsec_cGxhbnRlZA==", "7 bytes"),
    ];
    for (secret, found) in cases {
        fs::write(folder.path().join("secret"), format!("{secret}\n")).expect("the folder takes files");
        for (name, flags) in [
            ("--secret", ["--secret", secret]),
            ("--secret-file secret", ["--secret-file", "secret"]),
        ] {
            let mut command = Process::command(folder.path());
            command
                .args(["listen", "--forward-to", "http://127.0.0.1:1"])
                .args(flags);
            let ended = run(command).await;

            let expected = format!(
                "caigunn-webhook: {name}: expected whsec_ and 24 to 64 bytes in base64, found {found}{made}"
            );
            assert_eq!((ended.code, ended.errors), (Some(64), expected));
        }
    }
    let mut command = Process::command(folder.path());
    command.args([
        "listen",
        "--forward-to",
        "http://127.0.0.1:1",
        "--secret-file",
        "nowhere",
    ]);
    let ended = run(command).await;

    assert_eq!(ended.code, Some(64), "{ended:?}");
    let expected = "caigunn-webhook: --secret-file nowhere: the file cannot be read: No such file";
    assert!(ended.errors.starts_with(expected), "{ended:?}");
}
