//! Promise: `GET /api/v1/openapi.json` says of every route what it takes and answers, docs/openapi.json is the same, and
//! Schemathesis, asking the whole API what the document allows and what it does not, gets no answer that is not in it.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::harness::postgres::leave_out;
use crate::harness::{App, PATIENCE, json, sample, spawn_app, spawn_app_with, wait_for};

/// The document in the repository.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");

/// How many requests of each kind are made up for a route at most, from where, and what is looked at in the answers.
const MAX_EXAMPLES: &str = "8";
const SEED: &str = "1";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

#[tokio::test]
async fn the_document_in_the_repository_is_the_one_that_is_answered() {
    let app = spawn_app().await;

    let response = app.admin("/api/v1/openapi.json").await;

    assert_eq!(response.headers()["content-type"], "application/json");
    let answered = response.text().await.unwrap();
    assert!(answered == fs::read_to_string(GOLDEN).unwrap());
}

/// A receiver that has one of each: deliveries that arrived, were given up and wait, a job, a request in quarantine, a
/// replay.
async fn filled() -> App {
    let destinations = r#"[{name = "well", kind = "command", command = ["/bin/true"]},
        {name = "broken", kind = "command", command = ["/bin/false"]}]"#;
    let app = spawn_app_with(&[
        ("delivery.destination", destinations),
        ("delivery.retry_schedule_seconds", "[0]"),
    ])
    .await;
    for name in ["crawling.initial", "crawling.completed", "uploading.failed"] {
        assert_eq!(app.post(&json(&sample(name))).await.status(), 200);
    }
    assert_eq!(app.post_bytes("application/json", "{").await.status(), 400);
    wait_for("dead letters", || async {
        let dead = app.api("/deliveries?state=dead").await;
        match dead["deliveries"].as_array().unwrap().len() {
            3 => Ok(()),
            _ => Err(dead.to_string()),
        }
    })
    .await;
    let url = format!("http://{}/api/v1/replays", app.admin);
    let begun = app
        .client
        .post(url)
        .json(&serde_json::json!({"destination": "well"}));
    assert_eq!(begun.send().await.unwrap().status(), 202);
    app
}

/// Whether a command ended well, and what it said. It takes half a minute alone, and what runs beside it makes that longer.
async fn ended(command: Command) -> (bool, String) {
    let mut command = tokio::process::Command::from(command);
    let ending = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let ended = timeout(10 * PATIENCE, ending)
        .await
        .expect("it ends")
        .expect("it starts");
    let said = [ended.stdout, ended.stderr].concat();
    (
        ended.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Has Schemathesis ask those routes at that address; with the real ids of a configuration, if there is one.
async fn assert_judged(
    python: &str,
    folder: &TempDir,
    address: &str,
    which: &[&str],
    config: Option<String>,
) {
    let mut command = Command::new(python);
    command
        .current_dir(folder.path())
        .args(["-m", "schemathesis.cli"]);
    if let Some(config) = config {
        let path = folder.path().join("ids.toml");
        fs::write(&path, config).unwrap();
        command.arg("--config-file").arg(path);
    }
    command
        .arg("run")
        .arg(GOLDEN)
        .args(["--url", address])
        .args(which);
    command.args(["--checks", CHECKS, "--max-examples", MAX_EXAMPLES, "--seed", SEED]);
    command.args(["--warnings", "off", "--no-color"]);
    let (is_well, said) = ended(command).await;
    assert!(
        is_well,
        "{which:?}
{said}"
    );
}

#[tokio::test]
async fn no_answer_of_the_whole_api_is_other_than_the_document_says() {
    let Ok(python) = std::env::var("CAIGUNN_TEST_SCHEMATHESIS") else {
        return leave_out("CAIGUNN_TEST_SCHEMATHESIS is not set");
    };
    let app = filled().await;
    let ids = real_ids(&app).await;
    let folder = tempfile::tempdir().unwrap();
    let (public, admin) = (format!("http://{}", app.public), format!("http://{}", app.admin));

    assert_judged(&python, &folder, &public, &["--include-tag", "public"], None).await;
    assert_judged(&python, &folder, &admin, &["--include-tag", "admin"], None).await;
    let named = ["--include-tag", "admin", "--exclude-path-regex", "^[^{]*$"];
    assert_judged(&python, &folder, &admin, &named, Some(ids)).await;
}

/// What is to stand in the paths so that there is something at them.
async fn real_ids(app: &App) -> String {
    let first = async |list: &str, member: &str, path: &str| {
        let answer = app.api(list).await;
        answer[member][0][path].as_str().expect("there is one").to_owned()
    };
    let receipt = first("/receipts", "receipts", "id").await;
    let job = first("/receipts", "receipts", "event_id").await;
    let quarantined = first("/quarantine", "quarantine", "id").await;
    let replay = first("/replays", "replays", "id").await;
    let places = [
        ("receipts/", "id", &*receipt),
        ("jobs/", "event_id", &*job),
        ("quarantine/", "id", &*quarantined),
        ("replays/", "id", &*replay),
        ("destinations/", "name", "broken"),
        ("deliveries/", "destination", "broken"),
        ("deliveries/", "receipt_id", &*receipt),
    ];
    let mut config = String::new();
    for part in [
        "receipts/",
        "jobs/",
        "quarantine/",
        "replays/",
        "destinations/",
        "deliveries/",
    ] {
        let of_part = places.iter().filter(|(place, ..)| *place == part);
        let named: Vec<_> = of_part
            .map(|(_, name, value)| format!("\"path.{name}\" = \"{value}\""))
            .collect();
        config += &format!(
            "[[operations]]\ninclude-path-regex = \"{part}\"\nparameters = {{ {} }}\n",
            named.join(", ")
        );
    }
    config
}

/// That a route that answers otherwise than it says is found: else the test above could not fail.
#[tokio::test]
async fn a_document_that_says_less_than_is_answered_is_found_out() {
    let Ok(python) = std::env::var("CAIGUNN_TEST_SCHEMATHESIS") else {
        return leave_out("CAIGUNN_TEST_SCHEMATHESIS is not set");
    };
    let app = spawn_app().await;
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(GOLDEN).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["components"]["schemas"]["QuarantinePage"]["properties"]["totals"] =
        serde_json::json!({"type": "string"});
    let path = folder.path().join("wrong.json");
    fs::write(&path, document.to_string()).unwrap();
    let mut command = Command::new(python);
    command
        .current_dir(folder.path())
        .args(["-m", "schemathesis.cli", "run"])
        .arg(path);
    command.args([
        "--url",
        &format!("http://{}", app.admin),
        "--include-path",
        "/api/v1/quarantine",
    ]);
    command.args([
        "--checks",
        CHECKS,
        "--max-examples",
        MAX_EXAMPLES,
        "--seed",
        SEED,
        "--no-color",
    ]);

    let (is_well, said) = ended(command).await;

    assert!(!is_well && said.contains("totals"), "{said}");
}
