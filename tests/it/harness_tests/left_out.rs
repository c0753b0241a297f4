use std::io::Write;
use std::process::Command;
use std::{env, fs};

use tempfile::NamedTempFile;

use crate::harness::process::{Ended, run};

/// A test of this program that needs a server.
const TEST: &str =
    "harness::postgres::testing::a_fresh_database_is_empty_and_goes_with_its_value_whoever_is_connected";

/// A test of this program, run as `cargo test` does.
fn test(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("we are a program"));
    command
        .args(["--exact", name])
        .env_remove("CAIGUNN_TEST_LEFT_OUT");
    command
}

/// Runs it with this server.
async fn run_test(server: Option<&str>) -> Ended {
    let mut command = test(TEST);
    match server {
        Some(server) => command.env("CAIGUNN_TEST_POSTGRES", server),
        None => command.env_remove("CAIGUNN_TEST_POSTGRES"),
    };
    run(command).await
}

#[tokio::test]
async fn a_test_without_a_server_is_left_out_and_says_so_where_nothing_is_captured() {
    let ended = run_test(None).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut lines = ended.errors.lines().filter(|line| !line.is_empty());
    let (first, last) = (lines.next().expect("a line"), lines.next().expect("a line"));
    assert!(first.starts_with(&format!("LEFT OUT: {TEST} (")), "{ended:?}");
    assert!(
        first.ends_with("since CAIGUNN_TEST_POSTGRES is not set; scripts/test runs it"),
        "{ended:?}"
    );
    assert_eq!(
        last,
        "NOT EVERYTHING WAS TESTED. Left out: 1. Nothing is left out by scripts/test."
    );
}

#[tokio::test]
async fn of_what_scripts_test_leaves_out_a_list_is_kept_and_nothing_else_said() {
    let mut list = NamedTempFile::new().expect("the system has a folder for temporary files");
    list.write_all(b"LEFT OUT: another\n").expect("it is ours");
    let mut command = test(TEST);
    command
        .env_remove("CAIGUNN_TEST_POSTGRES")
        .env("CAIGUNN_TEST_LEFT_OUT", list.path());

    let ended = run(command).await;

    assert_eq!((ended.code, &*ended.errors), (Some(0), ""));
    let kept = fs::read_to_string(list.path()).expect("it is text");
    let said = kept
        .strip_prefix("LEFT OUT: another\n")
        .expect("what was there stays");
    assert!(said.starts_with(&format!("LEFT OUT: {TEST} (")), "{kept}");
    assert!(
        said.ends_with(", since CAIGUNN_TEST_POSTGRES is not set\n"),
        "{kept}"
    );
}

#[tokio::test]
async fn a_test_without_a_proxy_is_left_out_and_says_so() {
    for (proxy, name) in [
        (
            "nginx",
            "harness_tests::nginx::nginx_passes_on_to_a_receiver_at_a_given_address_and_elsewhere_once_it_is_told",
        ),
        ("caddy", "harness_tests::caddy::caddy_passes_on_to_a_receiver"),
    ] {
        let mut command = test(name);
        command.env(format!("CAIGUNN_TEST_{}", proxy.to_uppercase()), "");

        let ended = run(command).await;

        assert_eq!(ended.code, Some(0), "{ended:?}");
        let said = format!("LEFT OUT: {name} (");
        let reason = format!("since there is no {proxy}; scripts/test runs it\n");
        assert!(ended.errors.contains(&said), "{ended:?}");
        assert!(ended.errors.contains(&reason), "{ended:?}");
    }
}

#[tokio::test]
async fn a_test_whose_server_does_not_answer_fails() {
    // Nothing can listen on port 0.
    let ended = run_test(Some("postgres://nobody@127.0.0.1:0/postgres")).await;

    assert_eq!(ended.code, Some(101), "{ended:?}");
    assert!(ended.output.contains("1 failed"), "{ended:?}");
}
