//! Promise: an answer that leaves before the end of a body never costs the next request on that connection: either the
//! connection stays and serves it, or the answer has said that it ends.

use crate::harness::raw::{Answer, Raw, post_to};
use crate::harness::{App, json, sample, spawn_app_with};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

async fn app() -> App {
    spawn_app_with(&[("webhook.token", TOKEN), ("server.body_limit_bytes", "1000000")]).await
}

fn notification() -> String {
    json(&sample("crawling.completed")).to_string()
}

/// A request of which only the head is sent at first, and its body.
fn in_two(method: &str, path: &str, length: usize) -> (String, String) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    (head, "x".repeat(length))
}

/// Whether the connection goes on: then the next request is answered on it.
async fn goes_on(connection: &mut Raw, answer: &Answer) -> bool {
    if answer.header("connection") == Some("close") {
        assert_eq!(connection.read_to_end().await, "");
        return false;
    }
    let path = format!("/webhook/{TOKEN}");
    connection.send(post_to(&path, &notification())).await;
    let next = connection.read_answer().await;
    assert_eq!(next.status(), 200, "{next:?}");
    true
}

#[tokio::test]
async fn a_refusal_reads_a_short_rest_and_says_of_a_long_one_that_the_connection_ends() {
    let app = app().await;
    let wrong = format!("/webhook/{}", TOKEN.replace('0', "1"));
    for (method, path, status) in [
        ("POST", wrong.as_str(), 401),
        ("POST", "/elsewhere", 404),
        ("PUT", "/webhook", 405),
    ] {
        for (length, stays) in [
            (0, true),
            (300, true),
            (65_536, true),
            (65_537, false),
            (200_000, false),
        ] {
            let (head, body) = in_two(method, path, length);
            let mut connection = Raw::connect(app.public).await;
            connection.send(head).await;
            connection.try_send(body).await;

            let answer = connection.read_answer().await;

            assert_eq!(answer.status(), status, "{path} {length}");
            assert_eq!(
                goes_on(&mut connection, &answer).await,
                stays,
                "{path} {length}: {answer:?}"
            );
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_sender_that_waits_to_be_asked_is_told_that_the_connection_ends() {
    let app = app().await;
    let mut connection = Raw::connect(app.public).await;
    connection
        .send("POST /elsewhere HTTP/1.1\r\nHost: receiver\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
        .await;

    let answer = connection.read_answer().await;

    assert_eq!(answer.status(), 404);
    assert_eq!(answer.header("connection"), Some("close"));
    app.stop().await;
}

#[tokio::test]
async fn a_refused_chunked_body_is_read_to_its_end_or_ends_the_connection() {
    let app = app().await;
    for (size, stays) in [(300, true), (200_000, false)] {
        let mut connection = Raw::connect(app.public).await;
        connection
            .send("POST /elsewhere HTTP/1.1\r\nHost: receiver\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        connection
            .try_send(format!("{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size)))
            .await;

        let answer = connection.read_answer().await;

        assert_eq!(answer.status(), 404);
        assert_eq!(goes_on(&mut connection, &answer).await, stays, "{size}");
    }
    app.stop().await;
}

#[tokio::test]
async fn of_what_is_announced_as_too_large_as_much_is_kept_as_there_may_be_room_for() {
    let bounds = [
        ("server.body_limit_bytes", "2048"),
        ("server.bodies_in_flight_bytes", "2048"),
    ];
    let app = spawn_app_with(&bounds).await;

    let answer = app.post(&serde_json::json!("x".repeat(20_000))).await;

    assert_eq!(answer.status(), 413);
    let entries = app.api("/quarantine").await;
    let kept = entries["quarantine"][0]["body_bytes"].as_u64();
    assert!(kept.is_some_and(|kept| kept >= 2048), "{entries}");
    app.stop().await;
}

#[tokio::test]
async fn what_came_of_a_body_that_was_cut_off_is_kept() {
    let app = app().await;
    let path = format!("/webhook/{TOKEN}");
    let (head, body) = in_two("POST", &path, 100_000);
    let mut leaving = Raw::connect(app.public).await;
    leaving.send(format!("{head}{}", &body[..70_000])).await;

    leaving.half_close().await;

    let answer = leaving.read_answer().await;
    assert_eq!(answer.status(), 400);
    let entries = app.api("/quarantine").await;
    let entry = &entries["quarantine"][0];
    assert_eq!(entry["reason"], "malformed-request", "{entries}");
    assert_eq!(
        (&entry["body_bytes"], &entry["truncated"]),
        (&65_536.into(), &true.into())
    );
    app.stop().await;
}
