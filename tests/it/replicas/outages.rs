//! What becomes of the server and of the way to it, and what of it a sender, a balancer and an operator see.

use std::collections::HashMap;
use std::fs;
use std::pin::pin;
use std::time::{Duration, Instant};

use reqwest::{Client, Response};
use serde_json::Value;
use tokio::select;
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::Replica;
use super::senders::{Senders, Template};
use crate::harness::postgres::{Database, Server, authority, fresh_database, tunnel_to};
use crate::harness::tunnel::Tunnel;
use crate::harness::{client, header, json, problem, sample, tls, wait_for};

/// How long the store may take in these tests: a request may wait twice as long.
const APPEND_TIMEOUT: &str = "3";
const DEADLINE: Duration = Duration::from_secs(6);

/// What the machine may add to it.
const SLACK: Duration = Duration::from_secs(54);

/// How many requests wait at once for what does not come.
const AT_ONCE: usize = 20;

/// How often all sessions are ended.
const ROUNDS: usize = 10;

async fn start(database: &str) -> Replica {
    let variables = [
        ("CAIGUNN_INBOX_APPEND_TIMEOUT_SECONDS", APPEND_TIMEOUT),
        // As few as can be, so that all of them are soon in the midst of it.
        ("CAIGUNN_INBOX_MAX_CONNECTIONS", "3"),
    ];
    Replica::start(database, &variables).await
}

/// A receiver that reaches its database by a tunnel.
async fn start_behind_tunnel() -> Option<(Database, Tunnel, Replica)> {
    let database = fresh_database().await?;
    let (tunnel, url) = tunnel_to(database.url()).await;
    let replica = start(&url).await;
    Some((database, tunnel, replica))
}

fn notification() -> String {
    json(&sample("crawling.completed")).to_string()
}

async fn post(client: &Client, replica: &Replica, body: &str) -> Response {
    let request = client
        .post(replica.process.url("/webhook"))
        .header("content-type", "application/json")
        .body(body.to_owned());
    request.send().await.expect("the receiver answers")
}

/// The answer to a notification, which must be 200.
async fn stored(client: &Client, replica: &Replica, body: &str) -> Value {
    let response = post(client, replica, body).await;
    assert_eq!(response.status(), 200, "{}", replica.process.log());
    response.json().await.expect("an answer is JSON")
}

/// Waits until the receiver takes notifications again, and says that it is ready.
async fn wait_until_well(client: &Client, replica: &Replica) {
    wait_for("a notification to be taken", || async {
        let response = post(client, replica, &notification()).await;
        match response.status().as_u16() {
            200 => Ok(()),
            503 => Err(response.text().await.unwrap_or_default()),
            other => panic!("{other}"),
        }
    })
    .await;
    let posts = (0..AT_ONCE).map(async |_| stored(client, replica, &notification()).await);
    futures_util::future::join_all(posts).await;
    assert_eq!(readiness(client, replica).await.status(), 200);
}

async fn readiness(client: &Client, replica: &Replica) -> Response {
    let url = format!("http://{}/readyz?fresh", replica.process.admin);
    client.get(url).send().await.expect("the admin side answers")
}

/// What a 503 says. Fails unless it says when to come again, and came in time.
async fn refusal(response: Response, began: Instant) -> String {
    let took = began.elapsed();
    assert!(took < DEADLINE + SLACK, "{took:?}");
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "retry-after"), Some("5"));
    let problem = problem(response).await;
    assert_eq!(problem["type"], "urn:caigunn-webhook:problem:inbox-unavailable");
    problem["detail"].as_str().expect("a text").to_owned()
}

/// Fails unless many notifications at once, and the question whether it is ready, are all refused in time; what the
/// last one says.
async fn assert_refuses(client: &Client, replica: &Replica) -> String {
    let posts = (0..AT_ONCE).map(async |_| {
        let began = Instant::now();
        let response = post(client, replica, &notification()).await;
        refusal(response, began).await
    });
    futures_util::future::join_all(posts).await;
    let began = Instant::now();
    refusal(readiness(client, replica).await, began).await
}

async fn receipt_count(database: &Database) -> i64 {
    let rows = database
        .rows("SELECT count(*) FROM caigunn_webhook.receipt")
        .await;
    rows[0].get(0)
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_refused_and_its_repeat_is_a_duplicate() {
    let Some(database) = fresh_database().await else {
        return;
    };
    // Another one leads, so that the one behind the tunnel commits only what it stores.
    let _leader = start(database.url()).await;
    wait_for("a receiver to lead", || async {
        let leases = database.rows("SELECT FROM caigunn_webhook.lease").await;
        leases.first().map(drop).ok_or_else(|| "none does".to_owned())
    })
    .await;
    let (tunnel, url) = tunnel_to(database.url()).await;
    let replica = start(&url).await;
    let (client, body) = (client(), notification());

    tunnel.lose_answer_to("COMMIT");
    let began = Instant::now();
    let first = post(&client, &replica, &body).await;
    refusal(first, began).await;
    assert_eq!(tunnel.lost_count(), 1);

    let again = stored(&client, &replica, &body).await;

    assert_eq!(again["outcome"], "duplicate");
    assert_eq!(receipt_count(&database).await, 1);
    replica.assert_discreet(database.url());
}

#[tokio::test]
async fn a_transaction_that_is_cut_off_on_its_way_is_refused_and_its_repeat_is_accepted() {
    let Some((database, tunnel, replica)) = start_behind_tunnel().await else {
        return;
    };
    let client = client();
    stored(&client, &replica, &notification()).await;

    let body = loop {
        let body = notification();
        let sent: Value = serde_json::from_str(&body).expect("it is JSON");
        let event_id = sent["event_id"].as_str().expect("it has one").to_owned();
        let began = Instant::now();
        tunnel.stall();
        let mut posting = pin!(post(&client, &replica, &body));
        select! {
            () = tunnel.wait_until_it_holds(&event_id) => {
                tunnel.cut().await;
                refusal(posting.await, began).await;
                break body.clone();
            }
            // It had to wait for a connection, or on one that had not had such a thing, and so was not on its way.
            refused = &mut posting => refusal(refused, began).await,
        };
        tunnel.heal().await;
        wait_until_well(&client, &replica).await;
    };
    // Nothing listens now.
    assert_refuses(&client, &replica).await;
    tunnel.heal().await;

    let again = stored(&client, &replica, &body).await;

    assert_eq!(again["outcome"], "accepted");
    replica.assert_discreet(database.url());
}

#[tokio::test]
async fn a_network_that_passes_nothing_on_is_refused_in_time_and_survived() {
    let Some((database, tunnel, replica)) = start_behind_tunnel().await else {
        return;
    };
    let client = client();
    let body = notification();
    stored(&client, &replica, &body).await;

    tunnel.stall();
    for _ in 0..2 {
        let detail = assert_refuses(&client, &replica).await;
        assert!(!detail.is_empty());
    }
    tunnel.heal().await;

    wait_until_well(&client, &replica).await;
    assert_eq!(stored(&client, &replica, &body).await["outcome"], "duplicate");
    replica.assert_discreet(database.url());
}

#[tokio::test]
async fn while_every_session_is_ended_again_and_again_notifications_are_stored_all_the_same() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let replicas = [start(database.url()).await, start(database.url()).await];
    let addresses: Vec<_> = replicas.iter().map(|replica| replica.process.public).collect();
    let senders = Senders::start_endless(20, &addresses, &Template::new());

    let mut ended_count = 0;
    for _ in 0..ROUNDS {
        ended_count += database.terminate_backends().await;
        senders.wait_for_answers(senders.answered_count() + 50).await;
    }
    let account = senders.end().await;

    assert!(ended_count >= ROUNDS, "{ended_count}");
    let told = account.receipts();
    let rows = database
        .rows("SELECT event_id, id FROM caigunn_webhook.receipt")
        .await;
    let stored: HashMap<Uuid, Uuid> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(rows.len(), told.len());
    assert!(stored == told);
    let client = client();
    for replica in &replicas {
        wait_until_well(&client, replica).await;
        replica.assert_discreet(database.url());
    }
}

#[tokio::test]
async fn a_server_that_only_reads_is_named_until_it_writes_again() {
    let Some(server) = Server::start().await else {
        return;
    };
    let replica = start(server.url()).await;
    let client = client();
    stored(&client, &replica, &notification()).await;

    server.make_read_only().await;
    let detail = assert_refuses(&client, &replica).await;
    server.make_writable().await;

    assert!(
        detail.contains(
            " only reads: it is a standby, or was made read-only (default_transaction_read_only, of"
        ),
        "{detail}"
    );
    wait_until_well(&client, &replica).await;
    replica.assert_discreet(server.url());
}

#[tokio::test]
async fn a_server_that_is_stopped_and_started_is_found_again() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let replica = start(server.url()).await;
    let (client, body) = (client(), notification());
    stored(&client, &replica, &body).await;

    server.stop_fast().await;
    let detail = assert_refuses(&client, &replica).await;
    server.restart().await;

    assert!(detail.contains("refused"), "{detail}");
    wait_until_well(&client, &replica).await;
    assert_eq!(stored(&client, &replica, &body).await["outcome"], "duplicate");
    replica.assert_discreet(server.url());
}

#[tokio::test]
async fn a_table_that_somebody_has_locked_is_waited_for_in_time_only() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let replica = start(database.url()).await;
    let client = client();
    stored(&client, &replica, &notification()).await;
    let (session, connection) = tokio_postgres::connect(database.url(), NoTls)
        .await
        .expect("a session");
    tokio::spawn(connection);
    let lock = "BEGIN; LOCK TABLE caigunn_webhook.receipt IN ACCESS EXCLUSIVE MODE";
    session.batch_execute(lock).await.expect("a lock");

    // The first have all connections wait for the lock.
    for _ in 0..2 {
        assert_refuses(&client, &replica).await;
    }
    session.batch_execute("ROLLBACK").await.expect("the lock is gone");

    wait_until_well(&client, &replica).await;
    replica.assert_discreet(database.url());
}

#[tokio::test]
async fn the_file_of_authorities_is_read_for_each_connection() {
    let (Some(database), Some(authority)) = (fresh_database().await, authority()) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let [roots, another] = ["roots.pem", "another.pem"].map(|name| folder.path().join(name));
    fs::copy(&authority, &roots).expect("it is there");
    let _ = tls::acceptor(&another);
    let url = database.url_with(&format!("sslmode=verify-full&sslrootcert={}", roots.display()));
    let replica = Replica::start(&url, &[]).await;
    let client = client();
    stored(&client, &replica, &notification()).await;

    fs::copy(&another, &roots).expect("it is there");
    // One that was being made meanwhile is listed only once it stands.
    wait_for("the connections of before to be gone", || async {
        let response = post(&client, &replica, &notification()).await;
        match (response.status().as_u16(), database.terminate_backends().await) {
            (503, 0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let detail = assert_refuses(&client, &replica).await;
    assert!(detail.contains("certificate"), "{detail}");
    fs::copy(&authority, &roots).expect("it is there");

    wait_until_well(&client, &replica).await;
}
