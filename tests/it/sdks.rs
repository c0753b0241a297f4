//! Promise: what is delivered is read by the official libraries of CloudEvents as a parser of JSON reads it, is accepted by those
//! of Standard Webhooks, and is taken by the applications of examples/.

#[path = "../../examples/axum/main.rs"]
mod axum_example;
mod bodies;
mod examples;
mod reading;
mod surprises;
mod verifying;

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::application::{Application, Arrival};
use crate::harness::postgres::leave_out;
use crate::harness::process::run_with_input;
use crate::harness::spawn_app_with;

/// As long as `openssl rand -base64 32` makes one.
const SECRET: &str = "whsec_C2FVsBQIihrBChkgUMV+b5sSYspob7oDC2FVsBQIiho=";

const OTHER_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Has a receiver deliver these bodies to destinations with these settings each; what each of them got, in the order of the
/// bodies.
async fn delivered(bodies: &[String], settings: &[&str]) -> Vec<Vec<Arrival>> {
    let mut applications = Vec::new();
    let mut destinations = Vec::new();
    for (place, settings) in settings.iter().enumerate() {
        let application = Application::start().await;
        let url = application.url();
        destinations.push(format!(
            r#"{{name = "d{place}", kind = "http", url = "{url}", {settings}}}"#
        ));
        applications.push(application);
    }
    let app = spawn_app_with(&[("delivery.destination", &format!("[{}]", destinations.join(", ")))]).await;
    let mut receipt_ids = Vec::new();
    for body in bodies {
        let response = app.post_bytes("application/json", body.clone()).await;
        let answer: Value = response.json().await.expect("the receiver answers JSON");
        assert_eq!(answer["outcome"], "accepted", "{body:.300}: {answer}");
        receipt_ids.push(answer["receipt_id"].clone());
    }
    let mut delivered = Vec::new();
    for application in &applications {
        let arrivals = application.wait_for_arrivals(bodies.len()).await;
        let of_receipt = |id: &Value| arrivals.iter().find(|arrival| arrival.webhook_id == *id);
        let in_order = receipt_ids
            .iter()
            .map(|id| of_receipt(id).expect("it came").clone());
        delivered.push(in_order.collect());
    }
    app.stop().await;
    delivered
}

/// What a script prints, which is given arrivals: a list with an entry of each.
async fn told(mut command: Command, script: &Path, arrivals: &[Arrival], secrets: &[&str]) -> Vec<Value> {
    let arrivals_json = arrivals.iter().map(|arrival| {
        let headers = arrival.headers.iter().map(|(name, value)| {
            let value = value.to_str().expect("a header of text");
            (name.to_string(), Value::from(value))
        });
        json!({"headers": Value::Object(headers.collect()), "body": STANDARD.encode(&arrival.body)})
    });
    let input = json!({"secrets": secrets, "arrivals": arrivals_json.collect::<Vec<_>>()});
    command.arg(script);
    let ended = run_with_input(command, &input.to_string()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let told: Vec<Value> = serde_json::from_str(&ended.output).expect("it prints a list");
    assert_eq!(told.len(), arrivals.len());
    told
}

/// A file of this folder's.
fn script(name: &str) -> String {
    format!("{}/tests/it/sdks/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A Python that has the libraries; `None`, and the test is left out, where there is none.
#[track_caller]
fn python() -> Option<Command> {
    let python = std::env::var("CAIGUNN_TEST_PYTHON_SDKS").ok();
    if python.is_none() {
        leave_out("CAIGUNN_TEST_PYTHON_SDKS is not set");
    }
    python.map(Command::new)
}

/// Where Node.js finds the libraries: it looks beside the script that asks for them.
struct Node {
    program: String,
    folder: TempDir,
}

impl Node {
    /// `None`, and the test is left out, where there are no libraries.
    #[track_caller]
    fn start() -> Option<Self> {
        let Ok(modules) = std::env::var("CAIGUNN_TEST_NODE_MODULES") else {
            leave_out("CAIGUNN_TEST_NODE_MODULES is not set");
            return None;
        };
        let folder = TempDir::new().expect("the system has a folder for temporary files");
        std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).expect("a link can be made");
        Some(Self {
            program: std::env::var("CAIGUNN_TEST_NODE").unwrap_or("node".to_owned()),
            folder,
        })
    }

    /// Node.js, and where it finds a script with this text.
    fn script(&self, name: &str, text: &str) -> (Command, PathBuf) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        (Command::new(&self.program), path)
    }
}
