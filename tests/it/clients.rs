//! Promise: a client that is slow, rude or gone costs only itself; others are served meanwhile and after it.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::raw::{Answer, Raw, post, status_of};
use crate::harness::{
    App, Process, client, closed_folder, json, sample, spawn_app, spawn_app_with, wait_for,
};

/// How long a slow client waits between two bytes: far less than any timeout, so it is never idle.
const DRIP: Duration = Duration::from_millis(50);

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: receiver\r\n\r\n";

/// The last request of a connection.
const LAST: &str = "GET /healthz HTTP/1.1\r\nHost: receiver\r\nConnection: close\r\n\r\n";

fn notification() -> String {
    json(&sample("crawling.completed")).to_string()
}

/// Posts an honest notification on a new connection.
async fn honest_post(app: &App) -> Answer {
    let mut connection = Raw::connect(app.public).await;
    connection.send(post(&notification())).await;
    connection.read_answer().await
}

async fn assert_others_are_served(app: &App) {
    let answer = honest_post(app).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
}

/// Sends a head that holds the receiver until a body of `length` bytes has come, and waits until it is held.
async fn begin_body(app: &App, length: usize) -> Raw {
    let mut connection = Raw::connect(app.public).await;
    connection
        .send(format!(
            "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        ))
        .await;
    // The receiver says this when it begins to read the body.
    assert_eq!(status_of(&connection.read_head().await), 100);
    connection
}

#[tokio::test]
async fn a_head_that_drips_in_is_cut_off_while_others_are_served() {
    let app = spawn_app_with(&[("server.header_timeout_seconds", "5")]).await;
    let mut slow = Raw::connect(app.public).await;
    slow.send("POST /webhook HTTP/1.1\r\nHost: receiver\r\nX-Slow: ")
        .await;

    let slow = tokio::spawn(slow.drip_until_closed("a", DRIP));
    while !slow.is_finished() {
        assert_others_are_served(&app).await;
    }

    assert_eq!(slow.await.unwrap(), "");
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_drips_in_is_answered_408_while_others_are_served() {
    let app = spawn_app_with(&[("server.body_timeout_seconds", "5")]).await;
    let slow = begin_body(&app, 1_000_000).await;

    let slow = tokio::spawn(slow.drip_until_closed(" ", DRIP));
    while !slow.is_finished() {
        assert_others_are_served(&app).await;
    }

    let answer = slow.await.unwrap();
    assert_eq!(status_of(&answer), 408);
    assert!(
        answer.to_lowercase().contains("\r\nconnection: close\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("urn:caigunn-webhook:problem:body-timeout"),
        "{answer}"
    );
    assert!(answer.contains("the body did not arrive within 5 s"), "{answer}");
    app.stop().await;
}

#[tokio::test]
async fn a_connection_that_lies_idle_is_closed() {
    let app = spawn_app_with(&[("server.idle_timeout_seconds", "5")]).await;
    let mut unused = Raw::connect(app.public).await;
    let mut used = Raw::connect(app.public).await;
    used.send(post(&notification())).await;
    assert_eq!(used.read_answer().await.status(), 200);

    assert_eq!(unused.read_to_end().await, "");
    assert_eq!(used.read_to_end().await, "");
    assert_others_are_served(&app).await;
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_vanishes_in_a_body_leaves_nothing_behind() {
    // One connection, and bytes in flight for one body: whatever is left behind keeps the next from being served.
    let keys = [
        ("server.max_connections", "1"),
        ("server.body_limit_bytes", "2048"),
        ("server.bodies_in_flight_bytes", "2048"),
    ];
    let app = spawn_app_with(&keys).await;
    let bodies = ["{\"event\": ", "20\r\n{\"event\": ", "5\r\n"];
    let heads = [
        "Content-Length: 2000",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked",
    ];
    for (head, body) in heads.into_iter().zip(bodies) {
        let connected = wait_for_a_place(&app).await;
        drop(connected);
        let mut vanishing = wait_for_a_place(&app).await;
        vanishing
            .send(format!(
                "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
                 Expect: 100-continue\r\n{head}\r\n\r\n"
            ))
            .await;
        assert_eq!(status_of(&vanishing.read_head().await), 100);
        vanishing.send(body).await;

        drop(vanishing);
    }

    let mut next = wait_for_a_place(&app).await;
    next.send(post(&notification())).await;
    assert_eq!(next.read_answer().await.status(), 200);
    drop(next);
    wait_for("the connection to end", || async {
        app.client
            .get(app.url("/healthz"))
            .header("connection", "close")
            .send()
            .await
            .map_err(|error| error.to_string())
            .and_then(|response| (response.status() == 200).then_some(()).ok_or("503".to_owned()))
    })
    .await;
    assert_eq!(app.receipts().await.len(), 1);
    // What came of each is kept, since nobody will send it again.
    assert_eq!(app.api("/quarantine").await["totals"]["quarantined_count"], 3);
    app.stop().await;
}

/// Connects until the receiver has a place, and shows it by an answer on that connection.
async fn wait_for_a_place(app: &App) -> Raw {
    wait_for("a free place", || async {
        let mut connection = Raw::connect(app.public).await;
        if !connection
            .try_send("GET /healthz HTTP/1.1\r\nHost: receiver\r\n\r\n")
            .await
        {
            return Err("closed".to_owned());
        }
        match connection.try_read_answer().await {
            Ok(answer) if answer.status() == 200 => Ok(connection),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_is_stored_once() {
    let app = spawn_app().await;
    let body = notification();
    let mut leaving = Raw::connect(app.public).await;
    leaving.send(post(&body)).await;
    drop(leaving);

    let answer = app.post_bytes("application/json", body).await;

    assert_eq!(answer.status(), 200);
    assert_eq!(app.receipts().await.len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_is_answered_503_and_a_freed_place_is_used_again() {
    let app = spawn_app_with(&[("server.max_connections", "2")]).await;
    let body = notification();
    let mut first = begin_body(&app, body.len()).await;
    let second = begin_body(&app, body.len()).await;

    let mut third = Raw::connect(app.public).await;
    // What it sends is not read before the answer, and does not keep it from arriving.
    third.send(post(&body)).await;
    let answer = third.read_answer().await;

    assert_eq!(answer.status(), 503);
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.json()["type"], "urn:caigunn-webhook:problem:overloaded");
    assert_eq!(third.read_to_end().await, "");
    first.send(&body).await;
    assert_eq!(first.read_answer().await.status(), 200);
    drop(second);
    let mut fourth = wait_for_a_place(&app).await;
    fourth.send(post(&notification())).await;
    assert_eq!(fourth.read_answer().await.status(), 200);
    app.stop().await;
}

#[tokio::test]
async fn the_connection_that_has_been_idle_longest_makes_room_for_a_new_one() {
    let app = spawn_app_with(&[("server.max_connections", "3")]).await;
    let body = notification();
    let mut busy = begin_body(&app, body.len()).await;
    let mut longest = wait_for_a_place(&app).await;
    // When it has been answered here, the other one has been idle for longer.
    let mut later = wait_for_a_place(&app).await;

    let mut new = Raw::connect(app.public).await;
    new.send(post(&notification())).await;

    assert_eq!(new.read_answer().await.status(), 200);
    assert_eq!(longest.read_to_end().await, "");
    later.send(post(&notification())).await;
    assert_eq!(later.read_answer().await.status(), 200);
    busy.send(&body).await;
    assert_eq!(busy.read_answer().await.status(), 200);
    app.stop().await;
}

#[tokio::test]
async fn connections_that_make_room_or_are_read_on_count_and_end_for_new_ones() {
    const ROOM: f64 = 32.0;
    // As many more may be about to end.
    const LEAVING: f64 = 16.0;
    let folder = closed_folder();
    let receiver = Process::start(folder.path(), &[("CAIGUNN_SERVER_MAX_CONNECTIONS", "32")]).await;
    let mut open = Vec::new();
    for count in 0..200 {
        let mut connection = Raw::connect(receiver.public).await;
        let request = if count % 4 == 3 { LAST } else { HEALTH };
        connection.send(request).await;
        assert_eq!(connection.read_answer().await.status(), 200);
        open.push(connection);
    }

    let count = receiver
        .metric(&client(), r#"open_connections{listener="public"}"#)
        .await;

    assert!(count <= ROOM + LEAVING, "{count}");
}

#[tokio::test]
async fn of_what_a_client_goes_on_sending_behind_a_refusal_a_bounded_part_is_read() {
    const MIB: usize = 1 << 20;
    let app = spawn_app().await;
    let mut connection = Raw::connect(app.public).await;
    let head = "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
                Content-Length: 1073741824\r\n\r\n";
    connection.send(head).await;

    let (piece, mut count) = (vec![b' '; MIB], 0);
    while count < 256 && connection.try_send(&piece).await {
        count += 1;
    }

    // Of 32 MiB and what lies on the way.
    assert!(count < 128, "{count} MiB");
}

/// The kernel ends it, and only Linux has that.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_whose_peer_takes_nothing_of_an_answer_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("CAIGUNN_SERVER_WRITE_TIMEOUT_SECONDS", "5")];
    let receiver = Process::start(folder.path(), &variables).await;
    // More than fits on the way to who reads none of it.
    let mut large = json(&sample("crawling.completed"));
    large["x"] = "x".repeat(7 << 20).into();
    let taken = client().post(receiver.url("/webhook")).json(&large).send().await;
    let taken: Value = taken.unwrap().json().await.unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(receiver.admin).await.unwrap();
    let path = format!("/api/v1/receipts/{}", taken["receipt_id"].as_str().unwrap());
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", receiver.admin);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();

    let client = client();
    wait_for("that connection to be ended", || async {
        let open = receiver
            .metric(&client, r#"open_connections{listener="admin"}"#)
            .await;
        // The other one asks.
        if open == 1.0 {
            Ok(())
        } else {
            Err(format!("{open} are open"))
        }
    })
    .await;
    drop(stream);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let app = spawn_app().await;
    let mut connection = Raw::connect(app.public).await;

    for _ in 0..5 {
        connection.send(post(&notification())).await;
        let answer = connection.read_answer().await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("connection"), None);
    }

    // A refusal that leaves the framing clear does not end the connection either.
    connection.send(post("{}")).await;
    assert_eq!(connection.read_answer().await.status(), 422);
    connection.send(post(&notification())).await;
    assert_eq!(connection.read_answer().await.status(), 200);
    assert_eq!(app.receipts().await.len(), 6);
    app.stop().await;
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_their_order() {
    let app = spawn_app().await;
    let notifications: Vec<_> = (0..5).map(|_| json(&sample("crawling.completed"))).collect();
    let bytes: String = notifications.iter().map(|body| post(&body.to_string())).collect();
    let chunked = {
        let body = notification();
        let (start, end) = body.split_at(10);
        format!(
            "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\na;an=extension\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\nA: trailer\r\n\r\n",
            end.len()
        )
    };
    let mut connection = Raw::connect(app.public).await;

    connection.send(format!("{bytes}{chunked}{}", post("{}"))).await;

    for body in &notifications {
        let answer = connection.read_answer().await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json()["event_id"], body["event_id"]);
    }
    assert_eq!(connection.read_answer().await.status(), 200);
    assert_eq!(connection.read_answer().await.status(), 422);
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let app = spawn_app().await;
    let body = notification();
    let mut connection = begin_body(&app, body.len()).await;

    connection.send(&body).await;

    assert_eq!(connection.read_answer().await.status(), 200);
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let app = spawn_app_with(&[("webhook.token", "right"), ("server.body_limit_bytes", "2048")]).await;
    let asked = |path: &str, length: usize| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    for (request, status) in [
        (asked("/webhook/wrong", 100), 401),
        (asked("/webhook/right", 2049), 413),
        (asked("/nowhere", 100), 404),
    ] {
        let mut connection = Raw::connect(app.public).await;

        connection.send(&request).await;

        let answer = connection.read_answer().await;
        assert_eq!(answer.status(), status, "{request}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        // Whether it sends the body now cannot be told from what follows, so nothing may follow.
        connection.try_send(post(&notification())).await;
        assert_eq!(connection.read_to_end().await, "");
        let answer = app
            .post_to("/webhook/right", &json(&sample("crawling.completed")))
            .await;
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(app.receipts().await.len(), 3);
    app.stop().await;
}

/// A POST with these header lines beside `Host` and the type, and these bytes after its head. It would smuggle a
/// second request past whoever reads the first one otherwise.
fn ambiguous(lines: &str, after: &str) -> String {
    format!(
        "POST /webhook HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n{lines}\r\n\r\n{after}"
    )
}

/// How often a request is sent, each time in two parts cut at another place.
const CUT_COUNT: usize = 6;

/// Sends it whole and in two parts: each time it must be answered once, with this status, and the connection closed.
async fn assert_refused(app: &App, request: &str, status: u16) {
    let receipt_count = app.receipts().await.len();
    let cuts = (0..request.len().min(300)).step_by(request.len().min(300).div_ceil(CUT_COUNT));
    for cut in cuts {
        let (start, end) = request.as_bytes().split_at(cut);
        let mut connection = Raw::connect(app.public).await;
        connection.send(start).await;
        // By the end of a round trip elsewhere the receiver has read the first part.
        assert_eq!(app.get("/healthz").await.status(), 200);
        connection.try_send(end).await;

        let answer = connection.read_to_end().await;

        let shown = request.chars().take(200).collect::<String>();
        let found = format!("to {shown:?}, cut at {cut}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{found}");
        assert_eq!(status_of(&answer), status, "{found}");
    }
    assert_eq!(app.receipts().await.len(), receipt_count);
    assert_others_are_served(app).await;
}

#[tokio::test]
async fn a_request_whose_end_two_readers_could_see_in_different_places_is_refused() {
    let app = spawn_app().await;
    let body = notification();
    let length = body.len().to_string();
    let smuggled = post(&notification());
    let whole = format!("{body}{smuggled}");
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n{smuggled}", body.len());
    // N stands for the length of the body.
    for (lines, after, status) in [
        ("Content-Length: N\r\nTransfer-Encoding: chunked", &chunked, 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: N", &chunked, 400),
        (
            "content-length: 0\r\nX: y\r\ntransfer-encoding:chunked",
            &chunked,
            400,
        ),
        ("Content-Length: N\r\nContent-Length: 0", &whole, 400),
        ("Content-Length: 0\r\nContent-Length: N", &whole, 400),
        ("Content-Length: N, 0", &whole, 400),
        ("Content-Length: +N", &whole, 400),
        ("Content-Length: -N", &whole, 400),
        ("Content-Length: 0xN", &whole, 400),
        ("Content-Length: N 0", &whole, 400),
        ("Content-Length: 18446744073709551616", &whole, 400),
        ("Content-Length:", &whole, 400),
        ("Content-Length : N", &whole, 400),
        ("Transfer-Encoding : chunked", &chunked, 400),
        (" Content-Length: N", &whole, 400),
        ("X: y\r\n Content-Length: N", &whole, 400),
        ("Transfer-Encoding: chunked, chunked", &chunked, 501),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            &chunked,
            501,
        ),
        ("Transfer-Encoding: gzip, chunked", &chunked, 501),
        (
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            &chunked,
            501,
        ),
        ("Transfer-Encoding: chunked, gzip", &chunked, 400),
        ("Transfer-Encoding: gzip", &chunked, 400),
        ("Transfer-Encoding: xchunked", &chunked, 400),
        ("Transfer-Encoding: \"chunked\"", &chunked, 400),
        ("Transfer-Encoding:", &chunked, 400),
    ] {
        let lines = lines.replace('N', &length);
        assert_refused(&app, &ambiguous(&lines, after), status).await;
    }
    app.stop().await;
}

#[tokio::test]
async fn a_body_with_bad_chunks_is_refused() {
    let app = spawn_app().await;
    let smuggled = post(&notification());
    for chunks in [
        "x\r\n",
        "-1\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "\r\n",
        ";\r\n",
        "10000000000000000\r\n",
        "ffffffffffffffff0\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "0\r\nno trailer\r\n\r\n",
    ] {
        let request = ambiguous("Transfer-Encoding: chunked", &format!("{chunks}{smuggled}"));
        assert_refused(&app, &request, 400).await;
    }
    app.stop().await;
}

#[tokio::test]
async fn a_head_that_is_not_http_1_is_refused() {
    let app = spawn_app().await;
    let body = notification();
    let length = body.len();
    let rest = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
    let filler = "a".repeat(300 << 10);
    for (request, status) in [
        (format!("POST /webhook HTTP/1.1\r\n{rest}"), 400),
        (
            format!("POST /webhook HTTP/1.1\r\nHost: one\r\nHost: two\r\n{rest}"),
            400,
        ),
        (
            format!("POST /webhook HTTP/1.1\r\nHost: one\r\nHost: one\r\n{rest}"),
            400,
        ),
        (
            format!("POST /webhook HTTP/1.1\r\nHost : receiver\r\n{rest}"),
            400,
        ),
        (
            format!("POST /webhook HTTP/1.1\r\nHost: receiver\r\nno colon\r\n{rest}"),
            400,
        ),
        (
            format!("POST /webhook HTTP/1.1\r\nHost: receiver\r\nX: \0\r\n{rest}"),
            400,
        ),
        (
            format!("POST /webhook HTTP/1.1\r\nHost: receiver\r\nX: a\rb\r\n{rest}"),
            400,
        ),
        (
            format!("POST /webhook HTTP/1.1\r\nHost: receiver\r\nX: {filler}\r\n{rest}"),
            431,
        ),
        (
            format!(
                "POST /webhook HTTP/1.1\r\nHost: receiver\r\n{}{rest}",
                "X: y\r\n".repeat(1_000)
            ),
            431,
        ),
        (format!("POST /webhook HTTP/1.2\r\nHost: receiver\r\n{rest}"), 400),
        (format!("POST /webhook\r\nHost: receiver\r\n{rest}"), 400),
        (
            format!("POST /webhook#a HTTP/1.1\r\nHost: receiver\r\n{rest}"),
            400,
        ),
        (
            format!("POST  /webhook HTTP/1.1\r\nHost: receiver\r\n{rest}"),
            400,
        ),
        ("\u{1}\u{2}\u{3} is no HTTP at all\r\n\r\n".to_owned(), 400),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".to_owned(), 400),
    ] {
        assert_refused(&app, &request, status).await;
    }
    app.stop().await;
}

#[tokio::test]
async fn http_1_0_is_served_but_not_with_chunks() {
    let app = spawn_app().await;
    let body = notification();
    let head = "POST /webhook HTTP/1.0\r\nContent-Type: application/json\r\n";
    let mut plain = Raw::connect(app.public).await;
    plain
        .send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
        .await;
    let answer = plain.read_to_end().await;
    assert_eq!(status_of(&answer), 200);

    let mut chunked = Raw::connect(app.public).await;
    chunked
        .send(format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ))
        .await;

    assert_eq!(status_of(&chunked.read_to_end().await), 400);
    assert_others_are_served(&app).await;
    app.stop().await;
}

#[tokio::test]
async fn http_2_is_refused() {
    let app = spawn_app().await;
    let mut connection = Raw::connect(app.public).await;

    connection
        .send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0")
        .await;

    let answer = connection.read_to_end().await;
    assert_eq!(status_of(&answer), 400);
    assert_others_are_served(&app).await;
    app.stop().await;
}
