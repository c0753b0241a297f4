//! What stands between receivers and the server, or is set for all who use it: it holds, or is refused in words.

use serde_json::Value;
use tokio_postgres::NoTls;

use super::Replica;
use crate::harness::postgres::{PgBouncer, Server, fresh_database};
use crate::harness::process::run;
use crate::harness::{Process, client, json, sample};

/// Starts a receiver that must not come up; what it says.
async fn refusal(url: &str) -> String {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let mut command = Process::command(folder.path());
    command.env("CAIGUNN_INBOX_URL", url);
    let ended = run(command).await;
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    ended.output + &*ended.errors
}

/// Posts notifications, several at once, each of which must be answered 200.
async fn assert_takes(replica: &Replica, count: usize) {
    let client = client();
    let posts = (0..count).map(async |_| {
        let body = json(&sample("crawling.completed")).to_string();
        let request = client
            .post(replica.process.url("/webhook"))
            .header("content-type", "application/json")
            .body(body);
        let response = request.send().await.expect("the receiver answers");
        let (status, text) = (response.status(), response.text().await.unwrap_or_default());
        assert_eq!(status, 200, "{text}");
    });
    futures_util::future::join_all(posts).await;
}

#[tokio::test]
async fn a_pooler_that_mixes_sessions_up_is_refused_at_start() {
    let Some(database) = fresh_database().await else {
        return;
    };
    for pool_mode in ["transaction", "statement"] {
        let Some(pooler) = PgBouncer::start(database.url(), pool_mode).await else {
            return;
        };

        let said = refusal(pooler.url()).await;

        assert!(said.contains("pool_mode=session"), "{pool_mode}: {said}");
    }
}

#[tokio::test]
async fn a_pooler_that_leaves_sessions_whole_holds() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let Some(pooler) = PgBouncer::start(database.url(), "session").await else {
        return;
    };
    let replicas = [
        Replica::start(pooler.url(), &[]).await,
        Replica::start(pooler.url(), &[]).await,
    ];
    for replica in &replicas {
        assert_takes(replica, 50).await;
    }
}

#[tokio::test]
async fn a_database_that_a_pooler_does_not_know_is_said_at_once() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let Some(pooler) = PgBouncer::start(database.url(), "session").await else {
        return;
    };
    let unknown = url::Url::parse(pooler.url()).map(|mut url| {
        url.set_path("not-there");
        url.to_string()
    });

    let said = refusal(&unknown.expect("a URL")).await;

    assert!(said.contains("not-there") && said.contains("08P01"), "{said}");
    assert!(!said.contains("trying again"), "{said}");
}

#[tokio::test]
async fn a_server_behind_a_pooler_that_takes_nobody_for_a_while_is_waited_for() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let Some(pooler) = PgBouncer::start(server.url(), "session").await else {
        return;
    };
    server.execute("ALTER SYSTEM SET max_connections = 12").await;
    server.stop_fast().await;
    server.restart().await;
    let mut all = Vec::new();
    while let Ok((client, connection)) = tokio_postgres::connect(server.url(), NoTls).await {
        tokio::spawn(connection);
        all.push(client);
    }
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let mut command = Process::command(folder.path());
    command.env("CAIGUNN_INBOX_URL", pooler.url());
    let mut process = Process::launch(folder.path(), command);
    // The pooler hands on what the server said, with a code of its own.
    let waits = |line: &Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("trying again") && message.contains("08P01")
    };
    process.wait_for_lines(1, waits).await;

    drop(all);

    process.wait_until_it_listens().await;
}

#[tokio::test]
async fn a_time_that_is_set_for_others_does_not_end_what_waits_its_turn() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let name: String = database.rows("SELECT current_database()::text").await[0].get(0);
    database
        .execute(&format!("ALTER DATABASE {name} SET lock_timeout = '20ms'"))
        .await;
    let replicas = [
        Replica::start(database.url(), &[]).await,
        Replica::start(database.url(), &[]).await,
    ];

    for _ in 0..3 {
        futures_util::future::join_all(replicas.iter().map(|replica| assert_takes(replica, 200))).await;
    }
}

#[tokio::test]
async fn tables_that_are_put_back_while_receivers_run_are_written_to_by_one_at_a_time() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let old = Replica::start(database.url(), &[]).await;
    assert_takes(&old, 1).await;
    // As a restore leaves it: the same rows, in a table with another number.
    database
        .execute(
            "BEGIN;
             LOCK TABLE caigunn_webhook.state IN ACCESS EXCLUSIVE MODE;
             CREATE TABLE caigunn_webhook.put_back (LIKE caigunn_webhook.state INCLUDING ALL);
             INSERT INTO caigunn_webhook.put_back SELECT * FROM caigunn_webhook.state;
             DROP TABLE caigunn_webhook.state;
             ALTER TABLE caigunn_webhook.put_back RENAME TO state;
             COMMIT",
        )
        .await;
    let new = Replica::start(database.url(), &[]).await;

    for _ in 0..10 {
        futures_util::future::join_all([&old, &new].map(|replica| assert_takes(replica, 200))).await;
    }
}
