use std::env;
use std::process::Command;

use crate::harness::process::{Ended, run};

/// A test of this program that needs a server.
const TEST: &str =
    "harness::postgres::testing::a_fresh_database_is_empty_and_goes_with_its_value_whoever_is_connected";

/// Runs it as `cargo test` does, with this server.
async fn run_test(server: Option<&str>) -> Ended {
    let mut command = Command::new(env::current_exe().expect("we are a program"));
    command.args(["--exact", TEST]);
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
async fn a_test_without_a_proxy_is_left_out_and_says_so() {
    for (proxy, test) in [
        (
            "nginx",
            "harness_tests::nginx::nginx_passes_on_to_a_receiver_at_a_given_address_and_elsewhere_once_it_is_told",
        ),
        ("caddy", "harness_tests::caddy::caddy_passes_on_to_a_receiver"),
    ] {
        let mut command = Command::new(env::current_exe().expect("we are a program"));
        command.args(["--exact", test]);
        command.env(format!("CAIGUNN_TEST_{}", proxy.to_uppercase()), "");

        let ended = run(command).await;

        assert_eq!(ended.code, Some(0), "{ended:?}");
        let said = format!("LEFT OUT: {test} (");
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
