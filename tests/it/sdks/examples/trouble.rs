//! What befalls the examples beside events that they take, after each of which they go on.

use std::net::SocketAddr;
use std::process::Stdio;

use caigunn_webhook::clock::Timestamp;
use reqwest::StatusCode;
use standardwebhooks::Webhook;

use super::*;
use crate::harness::client;
use crate::harness::raw::Raw;

const EVENT: &str = r#"{"type":"com.caigunn.training.completed","id":"one"}"#;

/// No event, so that `handle` fails.
const NO_EVENT: &str = "null";

const PATH: &str = "/hooks/caigunn";

/// Posts to an example what is signed as that of an id, with ids in front of it and behind it that nobody has signed; its answer,
/// if there is one.
async fn post_among(
    port: u16,
    [front, id, behind]: [&str; 3],
    body: &str,
) -> Result<StatusCode, reqwest::Error> {
    let now = Timestamp::now().as_micros() / 1_000_000;
    let webhook = Webhook::new(SECRET).expect("it is a secret");
    let signature = webhook.sign(id, now, body.as_bytes()).expect("it is signed");
    let mut request = client()
        .post(format!("http://127.0.0.1:{port}{PATH}"))
        .header("webhook-timestamp", now)
        .header("webhook-signature", signature)
        .body(body.to_owned());
    for id in [front, id, behind].into_iter().filter(|id| !id.is_empty()) {
        request = request.header("webhook-id", id);
    }
    Ok(request.send().await?.status())
}

async fn post(port: u16, id: &str, body: &str) -> StatusCode {
    let status = post_among(port, ["", id, ""], body).await;
    status.expect("it answers")
}

/// Begins a post and goes away in the midst of its body; returns once that was seen.
async fn hang_up(port: u16) {
    let mut connection = Raw::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: example\r\nContent-Length: 100\r\n\r\n");
    connection.send(head + "{").await;
    connection.half_close().await;
    connection.read_to_end().await;
}

async fn goes_on(example: &Example, port: u16) {
    assert_eq!(post(port, "one", NO_EVENT).await, 500);
    let asked = client()
        .get(format!("http://127.0.0.1:{port}{PATH}"))
        .send()
        .await;
    let asked = asked.expect("it answers").status();
    assert!(asked.is_client_error(), "{asked}");
    hang_up(port).await;

    // What failed is taken when it comes again, and then never more.
    assert_eq!(post(port, "one", EVENT).await, 200);
    for ids in [["", "one", ""], ["other", "one", ""], ["", "one", "other"]] {
        post_among(port, ids, EVENT).await.expect("it answers");
    }
    assert_eq!(example.work(), ["com.caigunn.training.completed one"]);
}

#[tokio::test]
async fn the_example_for_fastapi_goes_on_after_what_fails_and_takes_nothing_twice() {
    let port = free_port();
    let Some(example) = fastapi(port).await else {
        return;
    };

    goes_on(&example, port).await;

    assert_eq!(post(port, "long", &too_long()).await, 413);
}

#[tokio::test]
async fn the_example_for_fetch_goes_on_after_what_fails_and_takes_nothing_twice() {
    let port = free_port();
    let Some(example) = in_node(FETCH, Some(SERVE_FETCH), port).await else {
        return;
    };

    goes_on(&example, port).await;

    assert_eq!(post(port, "long", &too_long()).await, 413);
}

#[tokio::test]
async fn the_example_for_express_goes_on_after_what_fails_and_takes_nothing_twice() {
    let port = free_port();
    let Some(example) = in_node(EXPRESS, None, port).await else {
        return;
    };

    goes_on(&example, port).await;

    // In its own words Express tells where in which file it was found.
    let url = format!("http://127.0.0.1:{port}{PATH}");
    let coded = client().post(url).header("content-encoding", "none").body("{}");
    let refused = coded.send().await.expect("it answers");
    assert_eq!(refused.status(), 415);
    assert_eq!(
        refused.text().await.expect("it is a text"),
        "Unsupported Media Type"
    );
}

/// By a byte.
fn too_long() -> String {
    " ".repeat(20_000_001)
}

#[tokio::test]
async fn the_example_for_axum_goes_on_after_what_fails_and_takes_nothing_twice() {
    let port = free_port();
    let folder = TempDir::new().expect("the system has a folder for temporary files");
    let example = Example::start(axum(), folder, port).await;

    goes_on(&example, port).await;
}

/// Work that prints panics where nobody takes what it prints.
#[tokio::test]
async fn the_example_for_axum_goes_on_after_work_that_panics() {
    let port = free_port();
    let folder = TempDir::new().expect("the system has a folder for temporary files");
    let errors = File::create(folder.path().join("errors")).expect("the folder is ours");
    let mut command = axum();
    command.stderr(errors);
    let mut example = Example::start_with(command, Stdio::piped(), folder, port).await;
    drop(example.child.stdout.take());

    for id in ["one", "two"] {
        let status = post_among(port, ["", id, ""], EVENT).await;
        assert!(status.is_err(), "{status:?}");
    }

    let errors = fs::read_to_string(example.folder.path().join("errors")).expect("it is there");
    assert_eq!(errors.matches("failed printing to stdout").count(), 2, "{errors}");
}
