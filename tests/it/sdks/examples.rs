//! The applications of examples/, which docs/delivery.md shows: they take what is signed with their secret, once, and nothing
//! else.

mod trouble;

use std::env;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{Node, OTHER_SECRET, SECRET, axum_example, python};
use crate::harness::posters::text;
use crate::harness::process::run;
use crate::harness::{App, Process, closed_folder, free_port, spawn_app_with, wait_for};

const FASTAPI: &str = include_str!("../../../examples/fastapi/hook.py");
const EXPRESS: &str = include_str!("../../../examples/express/hook.mjs");
const FETCH: &str = include_str!("../../../examples/fetch/hook.mjs");
const SERVE_FETCH: &str = include_str!("../../../examples/fetch/serve.mjs");

/// An example that runs, with the secret in a file that ends with a line end, as files do. It ends when the test drops it.
struct Example {
    child: Child,
    folder: TempDir,
}

impl Example {
    async fn start(command: Command, folder: TempDir, port: u16) -> Self {
        let output = File::create(folder.path().join("output")).expect("the folder is ours");
        Self::start_with(command, output.into(), folder, port).await
    }

    async fn start_with(mut command: Command, output: Stdio, folder: TempDir, port: u16) -> Self {
        let path = |name: &str| folder.path().join(name);
        fs::write(path("secret"), format!("{SECRET}\n")).expect("the folder is ours");
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
        let of_work = output.lines().filter(|line| line.starts_with("com.caigunn."));
        of_work.map(str::to_owned).collect()
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
    let nested = "[".repeat(5_000) + &*"]".repeat(5_000);
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

/// Runs the example for FastAPI; `None` where there is no Python with what it needs.
async fn fastapi(port: u16) -> Option<Example> {
    let mut command = python()?;
    let folder = TempDir::new().expect("the system has a folder for temporary files");
    fs::write(folder.path().join("hook.py"), FASTAPI).expect("the folder is ours");
    command.args([
        "-m",
        "uvicorn",
        "hook:app",
        "--log-level",
        "warning",
        "--port",
        &port.to_string(),
    ]);
    Some(Example::start(command, folder, port).await)
}

#[tokio::test]
async fn the_example_for_fastapi_takes_once_what_is_signed_with_its_secret() {
    let port = free_port();
    let Some(example) = fastapi(port).await else {
        return;
    };

    let work = received(port).await;

    assert_eq!(example.work(), work);
}

#[tokio::test]
async fn the_example_for_fetch_takes_once_what_is_signed_with_its_secret() {
    takes_once_in_node(FETCH, Some(SERVE_FETCH)).await;
}

#[tokio::test]
async fn the_example_for_express_takes_once_what_is_signed_with_its_secret() {
    takes_once_in_node(EXPRESS, None).await;
}

/// Runs an example in Node.js, by itself or by a script that serves it; `None` where there is no Node.js.
async fn in_node(code: &str, server: Option<&str>, port: u16) -> Option<Example> {
    let node = Node::start()?;
    let (mut command, mut script) = node.script("hook.mjs", code);
    if let Some(server) = server {
        (command, script) = node.script("serve.mjs", server);
    }
    command.arg(script);
    Some(Example::start(command, node.folder, port).await)
}

async fn takes_once_in_node(code: &str, server: Option<&str>) {
    let port = free_port();
    let Some(example) = in_node(code, server, port).await else {
        return;
    };

    let work = received(port).await;

    assert_eq!(example.work(), work);
}

#[tokio::test]
async fn the_examples_for_node_take_once_what_comes_again_while_they_work_on_it() {
    for (code, server) in [(FETCH, Some(SERVE_FETCH)), (EXPRESS, None)] {
        let work = "console.log(event.type, event.id);";
        let slow = format!("await new Promise((done) => setTimeout(done, 1000)); {work}");
        let port = free_port();
        let Some(example) = in_node(&code.replace(work, &slow), server, port).await else {
            return;
        };
        let destination = |name: &str| {
            format!(
                "{{name = \"{name}\", kind = \"http\", url = \"http://127.0.0.1:{port}/hooks/caigunn\",
                  format = \"cloudevents\", secrets = [\"{SECRET}\"]}}"
            )
        };
        // Of both the same comes at once, with the same id.
        let destinations = format!("[{}, {}]", destination("one"), destination("other"));
        let app = spawn_app_with(&[("delivery.destination", &destinations)]).await;
        let [(body, name), ..] = bodies();

        let response = app.post_bytes("application/json", body).await;

        let receipt: Value = response.json().await.expect("the receiver answers JSON");
        let id = text(&receipt, "receipt_id");
        for destination in ["one", "other"] {
            wait_for_answers(&app, destination, &id, &[200]).await;
        }
        assert_eq!(example.work(), [format!("{name} {id}")]);
        app.stop().await;
    }
}

/// The example for axum is compiled into this program: the test below in a process of its own is it.
fn axum() -> Command {
    let mut command = Command::new(env::current_exe().expect("we are a program"));
    let name = "sdks::examples::the_example_for_axum_takes_once_what_is_signed_with_its_secret";
    command.args(["--exact", name, "--quiet", "--nocapture"]);
    command
}

#[test]
fn the_example_for_axum_takes_once_what_is_signed_with_its_secret() {
    if env::var_os("SECRET_FILE").is_some() {
        return axum_example::main().expect("it serves");
    }
    let folder = TempDir::new().expect("the system has a folder for temporary files");
    let runtime = Runtime::new().expect("the system has threads");
    runtime.block_on(async {
        let port = free_port();
        let example = Example::start(axum(), folder, port).await;

        let work = received(port).await;

        assert_eq!(example.work(), work);
    });
}

#[tokio::test]
async fn the_settings_for_the_examples_are_read_with_the_secret_beside_them() {
    let folder = closed_folder();
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(folder.path().join("secrets/example"), format!("{SECRET}\n")).unwrap();
    let settings = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/receiver.toml");
    let mut command = Process::command(folder.path());
    command.args(["--config", settings, "config", "check"]);

    let ended = run(command).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.output.contains(" example (http) "), "{ended:?}");
}
