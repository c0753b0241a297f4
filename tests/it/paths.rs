//! Promise: a path means the same however a proxy or a person spells it, and posts that lead nowhere do not stay unseen.

use caigunn_webhook::event::Wire;
use reqwest::Client;
use serde_json::Value;

use crate::harness::raw::{Raw, post_to};
use crate::harness::{Process, client, json, sample, sample_with, spawn_app_with, wait_for};
use caigunn_webhook::event::sample::Ids;

const TOKEN: &str = "a-token~of.letters_0123456789";

fn notification() -> String {
    json(&sample("crawling.completed")).to_string()
}

#[tokio::test]
async fn a_notification_is_taken_at_every_spelling_of_its_path() {
    let app = spawn_app_with(&[("webhook.token", TOKEN)]).await;
    let encoded = TOKEN.replace('~', "%7E").replace('a', "%61");
    let spellings = [
        format!("/webhook/{TOKEN}"),
        format!("/webhook/{TOKEN}/"),
        format!("//webhook/{TOKEN}"),
        format!("/webhook//{TOKEN}//"),
        format!("/webhook/{encoded}"),
        format!("/%77ebhook/{encoded}/?from=proxy"),
        format!("http://receiver/webhook/{TOKEN}/"),
    ];
    let mut connection = Raw::connect(app.public).await;
    for path in &spellings {
        connection.send(post_to(path, &notification())).await;

        let answer = connection.read_answer().await;

        assert_eq!(answer.status(), 200, "{path}: {answer:?}");
    }
    for path in [
        format!("/webhook/{TOKEN}x"),
        format!("/webhook/{}", TOKEN.replace('~', "%257E")),
        "/webhook/".to_owned(),
    ] {
        connection.send(post_to(&path, &notification())).await;

        assert_eq!(connection.read_answer().await.status(), 401, "{path}");
    }
    assert_eq!(app.receipts().await.len(), spellings.len());
    app.stop().await;
}

/// The lines about posts that found no route.
async fn strays(process: &Process, count: usize) -> Vec<Value> {
    wait_for("the line about posts without a route", || async {
        let mut lines = process.log_lines();
        lines.retain(|line| line["error.type"] == "no-route");
        if lines.len() == count {
            Ok(lines)
        } else {
            Err(process.log())
        }
    })
    .await
}

async fn post_elsewhere(client: &Client, process: &Process, path: &str) -> u16 {
    let response = client.post(process.url(path)).body("{}").send().await;
    response.expect("the receiver answers").status().as_u16()
}

#[tokio::test]
async fn posts_that_no_route_takes_are_counted_and_warned_of_once_without_their_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::start(folder.path(), &[("CAIGUNN_WEBHOOK_TOKEN", TOKEN)]).await;
    let client = client();

    let statuses = [
        post_elsewhere(&client, &process, &format!("/hooks/{TOKEN}")).await,
        post_elsewhere(&client, &process, &format!("/webhook/{TOKEN}/more")).await,
        post_elsewhere(&client, &process, "/healthz").await,
    ];

    assert_eq!(statuses, [404, 404, 405]);
    let lines = strays(&process, 1).await;
    assert_eq!(lines[0]["level"], "WARN");
    let said = lines[0]["message"].as_str().expect("text");
    assert!(
        said.starts_with("posts to paths other than /webhook, which got 404 or 405: 1;"),
        "{said}"
    );
    assert_eq!(
        process
            .metric(&client, r#"rejections_total{reason="no-route"}"#)
            .await,
        3.0
    );
    assert!(!process.log().contains(TOKEN), "{}", process.log());
}

#[tokio::test]
async fn the_id_with_which_a_request_came_is_logged_beside_ours_if_it_is_fit_to_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::start(folder.path(), &[]).await;
    let long = "x".repeat(300);
    for (incoming, body, logged) in [
        ("from-the-proxy/1", notification(), Some("from-the-proxy/1")),
        ("of-what-is-refused", "{}".to_owned(), Some("of-what-is-refused")),
        (&*long, notification(), Some(&long[..128])),
        ("with a blank", notification(), None),
    ] {
        let response = client()
            .post(process.url("/webhook"))
            .header("content-type", "application/json")
            .header("x-request-id", incoming)
            .body(body)
            .send()
            .await
            .expect("the receiver answers");
        let ours = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_ne!(ours, incoming);

        let line = process
            .wait_for_lines(1, |line| line["request_id"] == *ours)
            .await
            .remove(0);

        assert_eq!(line["incoming_request_id"].as_str(), logged, "{line}");
    }
}

#[tokio::test]
async fn of_both_generations_an_offer_to_speak_http_2_is_passed_over_and_the_body_taken() {
    // Java's client makes this offer with its first post on a connection, unless it is told not to.
    let app = spawn_app_with(&[]).await;
    for wire in [Wire::V2024_01, Wire::V2024_07] {
        let body = json(&sample_with("crawling.completed", &Ids::fresh(), wire)).to_string();
        let mut connection = Raw::connect(app.public).await;
        for _ in 0..2 {
            connection
                .send(format!(
                    "POST /webhook HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: {}\r\n\
                     Host: receiver\r\nHTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAABgAGAAA\r\n\
                     Upgrade: h2c\r\nContent-Type: application/json\r\n\r\n{body}",
                    body.len()
                ))
                .await;

            assert_eq!(connection.read_answer().await.status(), 200);
        }
    }
    assert_eq!(app.receipts().await.len(), 2);
    app.stop().await;
}
