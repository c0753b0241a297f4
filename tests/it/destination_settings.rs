//! Promise: `config check` reads destinations from wherever a setting can come from, with their files of secrets, and
//! shows of them only names and kinds.

use std::fs;

use tempfile::TempDir;

use crate::harness::Process;
use crate::harness::process::{Ended, run};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

const DESTINATIONS: &str = r#"[
    {name = "app", kind = "http", url = "https://app.example.com/planted?planted", secrets_file = "./signing"},
    {name = "script", kind = "command", command = ["run", "planted"]},
]"#;

/// Checks the configuration with this file of destinations, in a folder with this file of secrets.
async fn check(destinations: &str, secrets: Option<&str>) -> Ended {
    let folder: TempDir = tempfile::tempdir().expect("the system has a folder for temporary files");
    fs::write(folder.path().join("destinations"), destinations).unwrap();
    if let Some(secrets) = secrets {
        fs::write(folder.path().join("signing"), secrets).unwrap();
    }
    let mut command = Process::command(folder.path());
    command
        .args(["config", "check"])
        .env("CAIGUNN_DELIVERY_DESTINATION_FILE", "destinations");
    run(command).await
}

#[tokio::test]
async fn destinations_and_their_secrets_are_read_from_files_and_not_shown() {
    let ended = check(DESTINATIONS, Some(&format!("{SECRET}\n"))).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = ended
        .output
        .lines()
        .find(|line| line.starts_with("delivery.destination "));
    let words: Vec<_> = line.expect("the line of the key").split_whitespace().collect();
    assert_eq!(
        words,
        [
            "delivery.destination",
            "app",
            "(http),",
            "script",
            "(command)",
            "CAIGUNN_DELIVERY_DESTINATION_FILE"
        ]
    );
    for text in ["planted", &SECRET[6..]] {
        assert!(!format!("{ended:?}").contains(text), "{ended:?}");
    }
}

#[tokio::test]
async fn a_file_of_secrets_that_is_not_there_or_holds_none_is_a_mistake() {
    let place = "delivery.destination[0].secrets_file (CAIGUNN_DELIVERY_DESTINATION_FILE): ./signing: ";
    for (secrets, reason) in [
        (
            None,
            "the file cannot be read: No such file or directory (os error 2); it is relative to the folder where the receiver \
             runs, and this is to run there too",
        ),
        (
            Some("planted"),
            "expected whsec_ and 24 to 64 bytes in base64 in each line (`echo whsec_$(openssl rand -base64 32)` makes one), found another text (hidden)",
        ),
    ] {
        let ended = check(DESTINATIONS, secrets).await;

        assert_eq!(ended.code, Some(64), "{ended:?}");
        assert!(
            ended.errors.contains(&format!("  {place}{reason}\n")),
            "{ended:?}"
        );
        assert!(!format!("{ended:?}").contains("planted"), "{ended:?}");
    }
}
