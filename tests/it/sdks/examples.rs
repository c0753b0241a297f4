//! The examples of docs/delivery.md, run as they stand there: they take what is signed with their secret, once, and nothing
//! else.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Mutex;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::{Node, OTHER_SECRET, SECRET, axum_example, python};
use crate::harness::posters::text;
use crate::harness::{App, free_port, spawn_app_with, wait_for};

const PAGE: &str = include_str!("../../../docs/delivery.md");

/// The block of code that begins so, as the page has it.
fn example(language: &str, beginning: &str, has: &str) -> &'static str {
    let mut blocks = PAGE.split("```").skip(1).step_by(2);
    let found = blocks.find_map(|block| {
        let code = block.strip_prefix(language)?.strip_prefix('\n')?;
        (code.starts_with(beginning) && code.contains(has)).then_some(code)
    });
    found.expect("the page has the example")
}

/// An example that runs, with the secret in a file that ends with a line end, as files do. It ends when the test drops it.
struct Example {
    child: Child,
    folder: TempDir,
}

impl Example {
    async fn start(mut command: Command, folder: TempDir, port: u16) -> Self {
        let path = |name: &str| folder.path().join(name);
        fs::write(path("secret"), format!("{SECRET}\n")).expect("the folder is ours");
        let output = File::create(path("output")).expect("the folder is ours");
        let child = command
            .current_dir(&folder)
            .env("SECRET_FILE", path("secret"))
            .env("PORT", port.to_string())
            .stdout(output)
            .spawn();
        let example = Self {
            child: child.expect("the program starts"),
            folder,
        };
        wait_for("the example to listen", || async {
            let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
            connected.map_err(|error| error.to_string())
        })
        .await;
        example
    }

    /// What its work was, a line each.
    fn work(&self) -> Vec<String> {
        let output = fs::read_to_string(self.folder.path().join("output")).expect("it is there");
        output.lines().map(str::to_owned).collect()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bodies that the examples are given, each of a job of its own, with the types of their events. The last is longer than
/// frameworks take by themselves.
fn bodies() -> [(String, &'static str); 3] {
    let nested = "[".repeat(5_000) + &"]".repeat(5_000);
    let long = "é".repeat(1_200_000);
    [
        (
            "{\"event\":\"crawling\",\"status\":\"failed\",\"detail\":\"網頁\",\
              \"event_id\":\"3fa85f64-5717-4562-b3fc-2c963f66afa6\",\"chatbot_id\":\"3fa85f64-5717-4562-b3fc-2c963f66afa6\"}"
                .to_owned(),
            "com.caigunn.crawling.failed",
        ),
        (
            format!(r#"{{"event":"billing","status":"due","event_id":"{}","data":{nested}}}"#, Uuid::now_v7()),
            "com.caigunn.billing.due",
        ),
        (
            format!(r#"{{"event":"billing","status":"paid","event_id":"{}","data":["{long}",1e400]}}"#, Uuid::now_v7()),
            "com.caigunn.billing.paid",
        ),
    ]
}

/// Has a receiver deliver all bodies to an example: without a signature and with another secret's, which it refuses, and with
/// its own among others, and then once more. The work that follows, a line each.
async fn received(port: u16) -> Vec<String> {
    let destination = |name: &str, secrets: &str| {
        format!(
            "{{name = \"{name}\", kind = \"http\", url = \"http://127.0.0.1:{port}/hooks/caigunn\",
              format = \"cloudevents\", secrets = [{secrets}]}}"
        )
    };
    let destinations = [
        destination("none", ""),
        destination("wrong", &format!("\"{OTHER_SECRET}\"")),
        destination("right", &format!("\"{OTHER_SECRET}\", \"{SECRET}\"")),
    ];
    let destinations = format!("[{}]", destinations.join(", "));
    let app = spawn_app_with(&[("delivery.destination", &destinations)]).await;
    let mut work = Vec::new();
    for (body, name) in bodies() {
        let response = app.post_bytes("application/json", body).await;
        let receipt: Value = response.json().await.expect("the receiver answers JSON");
        let id = text(&receipt, "receipt_id");
        for (destination, statuses) in [("none", [401]), ("wrong", [401]), ("right", [200])] {
            wait_for_answers(&app, destination, &id, &statuses).await;
        }
        let url = format!("http://{}/api/v1/replays", app.admin);
        let replay = app
            .client
            .post(url)
            .json(&json!({"receipt_ids": [id]}))
            .send()
            .await;
        assert_eq!(replay.expect("the API answers").status(), 202);
        wait_for_answers(&app, "right", &id, &[200, 200]).await;
        work.push(format!("{name} {id}"));
    }
    app.stop().await;
    work
}

/// Waits until the attempts of a delivery begin with these answers.
async fn wait_for_answers(app: &App, destination: &str, id: &str, statuses: &[u16]) {
    wait_for(&format!("{destination} to answer {statuses:?}"), || async {
        let response = app.admin(&format!("/api/v1/deliveries/{destination}/{id}")).await;
        let shown: Value = response.json().await.expect("the API answers JSON");
        // It has none before it has a row.
        let attempts = shown["attempts"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let answers: Vec<_> = attempts.iter().map(|attempt| &attempt["status"]).collect();
        match answers.get(..statuses.len()) {
            Some(first) if first == statuses => Ok(()),
            _ => Err(shown.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn the_example_for_fastapi_takes_once_what_is_signed_with_its_secret() {
    let Some(mut command) = python() else {
        return;
    };
    let folder = TempDir::new().expect("the system has a folder for temporary files");
    let code = example("python", "# hook.py", "fastapi");
    fs::write(folder.path().join("hook.py"), code).expect("the folder is ours");
    let port = free_port();
    command.args([
        "-m",
        "uvicorn",
        "hook:app",
        "--log-level",
        "warning",
        "--port",
        &port.to_string(),
    ]);
    let example = Example::start(command, folder, port).await;

    let work = received(port).await;

    assert_eq!(example.work(), work);
}

#[tokio::test]
async fn the_example_for_fetch_takes_once_what_is_signed_with_its_secret() {
    let code = example("js", "// hook.mjs", "async fetch(request)");
    takes_once_in_node(code, Some(include_str!("serve.mjs"))).await;
}

#[tokio::test]
async fn the_example_for_express_takes_once_what_is_signed_with_its_secret() {
    let code = example("js", "// hook.mjs", "express.raw");
    takes_once_in_node(code, None).await;
}

/// Runs an example in Node.js, by itself or by a script that serves it.
async fn takes_once_in_node(code: &str, server: Option<&str>) {
    let Some(node) = Node::start() else { return };
    let (mut command, mut script) = node.script("hook.mjs", code);
    if let Some(server) = server {
        (command, script) = node.script("serve.mjs", server);
    }
    command.arg(script);
    let port = free_port();
    let example = Example::start(command, node.folder, port).await;

    let work = received(port).await;

    assert_eq!(example.work(), work);
}

#[tokio::test]
async fn the_example_for_axum_takes_once_what_is_signed_with_its_secret() {
    static WORK: Mutex<Vec<String>> = Mutex::new(Vec::new());
    fn handle(event: &Value) -> Result<(), String> {
        let member = |name: &str| event[name].as_str().map(str::to_owned);
        let (name, id) = member("type").zip(member("id")).ok_or("it is no event")?;
        WORK.lock().unwrap().push(format!("{name} {id}"));
        Ok(())
    }
    let router = axum_example::router(&format!("{SECRET}\n"), handle);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async { axum::serve(listener, router).await });

    let work = received(port).await;

    serving.abort();
    assert_eq!(*WORK.lock().unwrap(), work);
}

#[test]
fn the_example_for_axum_is_the_one_that_is_tried() {
    let tried = fs::read_to_string(Path::new(&super::script("axum_example.rs"))).expect("it is here");

    assert_eq!(example("rust", "use std::collections::HashSet;", ""), tried);
}
