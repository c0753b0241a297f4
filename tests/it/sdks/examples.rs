//! The examples of docs/delivery.md, run as they stand there: they take what is signed with their secret, once, and nothing
//! else.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Mutex;

use caigunn_webhook::inbox::outbox::Outcome;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use super::{Node, OTHER_SECRET, SECRET, axum_example, python};
use crate::harness::{free_port, wait_for};
use crate::standard_webhooks::{parcel, send};

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

/// Bodies that the examples are given, with the types of their events. The last is longer than frameworks take by themselves.
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
            format!(r#"{{"event":"billing","status":"due","data":{nested}}}"#),
            "com.caigunn.billing.due",
        ),
        (
            format!(r#"{{"event":"billing","status":"paid","data":["{long}",1e400]}}"#),
            "com.caigunn.billing.paid",
        ),
    ]
}

/// Sends it all bodies as a receiver does: with another secret, then twice with its own. The work that follows, a line each.
async fn sent(port: u16) -> Vec<String> {
    let url = format!("http://127.0.0.1:{port}/hooks/caigunn");
    let settings = |secrets: &str| format!("secrets = [{secrets}]\nformat = \"cloudevents\"");
    let mut work = Vec::new();
    for (number, (body, name)) in (1..).zip(bodies()) {
        let parcel = parcel(number, body);
        let wrong = send(&url, &settings(&format!("\"{OTHER_SECRET}\"")), parcel.clone()).await;
        assert_eq!(
            (wrong.outcome, wrong.status),
            (Outcome::Refused, Some(401)),
            "{wrong:?}"
        );
        for _ in 0..2 {
            let both = settings(&format!("\"{OTHER_SECRET}\", \"{SECRET}\""));
            let right = send(&url, &both, parcel.clone()).await;
            assert_eq!(
                (right.outcome, right.status),
                (Outcome::Delivered, Some(200)),
                "{right:?}"
            );
        }
        work.push(format!("{name} {}", parcel.receipt.id));
    }
    let unsigned = send(&url, "format = \"cloudevents\"", parcel(9, bodies()[0].0.clone())).await;
    assert_eq!(unsigned.status, Some(401), "{unsigned:?}");
    work
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

    let work = sent(port).await;

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

    let work = sent(port).await;

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

    let work = sent(port).await;

    serving.abort();
    assert_eq!(*WORK.lock().unwrap(), work);
}

#[test]
fn the_example_for_axum_is_the_one_that_is_tried() {
    let tried = fs::read_to_string(Path::new(&super::script("axum_example.rs"))).expect("it is here");

    assert_eq!(example("rust", "use std::collections::HashSet;", ""), tried);
}
