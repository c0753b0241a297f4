//! A standby takes over: while the primary hangs, when it comes back, and when the standby lacks what it had. Or a backup is
//! put back, which lacks it too.

use std::collections::HashSet;
use std::process::Command;
use std::time::{Duration, Instant};

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use reqwest::Client;
use tokio::time::timeout;
use url::Url;

use super::Replica;
use crate::harness::application::Application;
use crate::harness::postgres::{Server, fresh_database, program};
use crate::harness::process::run;
use crate::harness::{client, json, sample, sample_with, wait_for};

/// How long a failover may take here, from the promotion to the next 200: some seconds, and what a busy machine adds. One that waits
/// for a connection to end by itself takes minutes.
const FAILOVER: Duration = Duration::from_secs(60);

/// A primary with its standby.
async fn pair() -> Option<(Server, Server)> {
    let primary = Server::start().await?;
    let standby = primary.standby().await;
    Some((primary, standby))
}

/// Posts a new notification; its receipt's id if it was taken.
async fn post(client: &Client, replica: &Replica) -> Result<String, String> {
    let request = client
        .post(replica.process.url("/webhook"))
        .header("content-type", "application/json")
        .body(json(&sample("crawling.completed")).to_string());
    let response = request.send().await.expect("the receiver answers");
    let (status, text) = (response.status(), response.text().await.unwrap_or_default());
    if status != 200 {
        return Err(text);
    }
    let answer: serde_json::Value = serde_json::from_str(&text).expect("an answer is JSON");
    Ok(answer["receipt_id"].as_str().expect("a receipt").to_owned())
}

async fn post_some(client: &Client, replica: &Replica, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(post(client, replica).await.expect("the receiver takes it"));
    }
    ids
}

/// The ids of all receipts on a server.
async fn receipts(server: &Server) -> HashSet<String> {
    let rows = server.rows("SELECT id::text FROM caigunn_webhook.receipt").await;
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_standby_that_takes_over_is_used_in_seconds_though_the_first_host_hangs() {
    let Some((primary, standby)) = pair().await else {
        return;
    };
    let replica = Replica::start(&primary.url_with_second(&standby), &[]).await;
    let client = client();
    let before = post_some(&client, &replica, 3).await;
    primary.wait_for_standby(&standby).await;

    primary.freeze().await;
    standby.promote().await;
    let promoted_at = Instant::now();
    let after = wait_for("a notification to be taken", || post(&client, &replica)).await;
    let took = promoted_at.elapsed();

    assert!(took < FAILOVER, "{took:?}");
    let held = receipts(&standby).await;
    assert!(before.iter().chain([&after]).all(|id| held.contains(id)));
    assert!(replica.process.log().contains("a standby has taken over"));
}

#[tokio::test]
async fn a_primary_that_was_replaced_and_comes_back_gets_nothing_more() {
    let Some((primary, standby)) = pair().await else {
        return;
    };
    let url = primary.url_with_second(&standby);
    let client = client();
    let replica = Replica::start(&url, &[]).await;
    post_some(&client, &replica, 3).await;
    primary.wait_for_standby(&standby).await;
    primary.freeze().await;
    standby.promote().await;
    wait_for("a notification to be taken", || post(&client, &replica)).await;

    primary.thaw();
    let of_primary = receipts(&primary).await;
    let mut taken = post_some(&client, &replica, 50).await;
    // One that knows nothing of what was, and finds the old one first in its list.
    let another = Replica::start(&url, &[]).await;
    taken.extend(post_some(&client, &another, 50).await);

    assert_eq!(receipts(&primary).await, of_primary);
    let held = receipts(&standby).await;
    assert!(taken.iter().all(|id| held.contains(id)));

    // Nor when its successor is gone: what it took would be in no history that lasts.
    standby.freeze().await;
    let refused = wait_for("the reason to be known", || async {
        let refusal = post(&client, &replica).await.expect_err("nobody takes it");
        if refusal.contains("was replaced") {
            Ok(refusal)
        } else {
            Err(refusal)
        }
    })
    .await;
    assert!(refused.contains("on timeline 1"), "{refused}");
    assert_eq!(receipts(&primary).await, of_primary);
}

#[tokio::test]
async fn what_is_accepted_and_held_is_delivered_though_the_standby_lacked_what_came_before() {
    let Some((mut primary, standby)) = pair().await else {
        return;
    };
    let application = Application::start().await;
    let destination = format!(
        "[{{name = \"app\", kind = \"http\", url = \"{}\"}}]",
        application.url()
    );
    let url = primary.url_with_second(&standby);
    let replica = Replica::start(&url, &[("CAIGUNN_DELIVERY_DESTINATION", &destination)]).await;
    let client = client();
    let synced = post_some(&client, &replica, 5).await;
    application.wait_for_arrivals(synced.len()).await;
    primary.wait_for_standby(&standby).await;

    // The standby never hears of these, and the worker has read them.
    primary.freeze_replication().await;
    let lost = post_some(&client, &replica, 20).await;
    application.wait_for_arrivals(synced.len() + lost.len()).await;
    primary.kill_9().await;
    standby.promote().await;
    let first = wait_for("a notification to be taken", || post(&client, &replica)).await;
    let later = post_some(&client, &replica, 39).await;

    let held = receipts(&standby).await;
    assert!(lost.iter().all(|id| !held.contains(id)), "the test shows nothing");
    let expected: HashSet<_> = [first].into_iter().chain(later).collect();
    application
        .wait_until("all that is held to be delivered", |arrivals| {
            let arrived: HashSet<_> = arrivals.iter().map(|arrival| &*arrival.webhook_id).collect();
            expected.iter().all(|id| arrived.contains(&**id))
        })
        .await;
}

#[tokio::test]
async fn what_is_stored_after_a_backup_was_put_back_under_a_leader_is_delivered() {
    let (Some(database), Some(dump), Some(psql)) =
        (fresh_database().await, program("pg_dump"), program("psql"))
    else {
        return;
    };
    let application = Application::start().await;
    let destination = format!(
        "[{{name = \"app\", kind = \"http\", url = \"{}\"}}]",
        application.url()
    );
    let replica = Replica::start(database.url(), &[("CAIGUNN_DELIVERY_DESTINATION", &destination)]).await;
    let client = client();
    post_some(&client, &replica, 3).await;
    application.wait_for_arrivals(3).await;
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let copy = folder.path().join("copy.sql");
    let done = async |mut command: Command| {
        command.current_dir(folder.path());
        let ended = run(command).await;
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
    };
    let mut command = Command::new(dump);
    command.args(["--schema=caigunn_webhook", "--file"]);
    command.arg(&copy).arg(database.url());
    done(command).await;
    // What the worker has read by then has the numbers that will be used again.
    post_some(&client, &replica, 20).await;
    application.wait_for_arrivals(23).await;

    let mut command = Command::new(psql);
    command.args(["--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1"]);
    command.args(["--command=DROP SCHEMA caigunn_webhook CASCADE", "--file"]);
    command.arg(&copy);
    command.arg("--command=DELETE FROM caigunn_webhook.notices");
    command.arg(database.url());
    done(command).await;
    let expected: HashSet<_> = post_some(&client, &replica, 10).await.into_iter().collect();

    application
        .wait_until("all that is held to be delivered", |arrivals| {
            let arrived: HashSet<_> = arrivals.iter().map(|arrival| &*arrival.webhook_id).collect();
            expected.iter().all(|id| arrived.contains(&**id))
        })
        .await;
}

/// Lets nobody in, and ends all sessions.
async fn shut(server: &Server, database: &str) {
    server
        .execute(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"))
        .await;
    server
        .rows(&format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{database}'"
        ))
        .await;
}

#[tokio::test]
async fn what_is_stored_after_a_copy_took_the_databases_place_is_delivered() {
    let Some(server) = Server::start().await else {
        return;
    };
    server.execute("CREATE DATABASE inbox").await;
    let mut url = Url::parse(server.url()).expect("a URL");
    url.set_path("inbox");
    let application = Application::start().await;
    let destination = format!(
        "[{{name = \"app\", kind = \"http\", url = \"{}\"}}]",
        application.url()
    );
    let replica = Replica::start(url.as_str(), &[("CAIGUNN_DELIVERY_DESTINATION", &destination)]).await;
    let client = client();
    post_some(&client, &replica, 3).await;
    application.wait_for_arrivals(3).await;
    shut(&server, "inbox").await;
    server.execute("CREATE DATABASE kept TEMPLATE inbox").await;
    server
        .execute("ALTER DATABASE inbox ALLOW_CONNECTIONS true")
        .await;
    wait_for("a notification to be taken", || post(&client, &replica)).await;
    // What the worker has read by then has the numbers that will be used again.
    post_some(&client, &replica, 9).await;
    application.wait_for_arrivals(13).await;

    shut(&server, "inbox").await;
    server.execute("ALTER DATABASE inbox RENAME TO spoilt").await;
    server.execute("ALTER DATABASE kept RENAME TO inbox").await;
    let first = wait_for("a notification to be taken", || post(&client, &replica)).await;
    let later = post_some(&client, &replica, 14).await;

    let expected: HashSet<_> = [first].into_iter().chain(later).collect();
    application
        .wait_until("all that is held to be delivered", |arrivals| {
            let arrived: HashSet<_> = arrivals.iter().map(|arrival| &*arrival.webhook_id).collect();
            expected.iter().all(|id| arrived.contains(&**id))
        })
        .await;
    assert!(replica.process.log().contains("the database is not what it was"));
}

#[tokio::test]
async fn a_repeat_of_what_no_standby_has_is_not_said_to_be_held() {
    let Some(server) = Server::start().await else {
        return;
    };
    let window = ("CAIGUNN_INBOX_DUPLICATE_WINDOW_SECONDS", "86400");
    let replica = Replica::start(server.url(), &[window]).await;
    let client = client();
    let set = async |names: &str| {
        server
            .execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"))
            .await;
        server.rows("SELECT pg_reload_conf()").await;
    };
    let held_up = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let with_id = sample("crawling.completed");
    let without_id = sample_with("training.initial", &Ids::fresh(), Wire::V2024_01);
    for (count, body) in [(1, json(&with_id)), (2, json(&without_id))] {
        let body = body.to_string();
        let status = async || {
            let request = client
                .post(replica.process.url("/webhook"))
                .header("content-type", "application/json")
                .body(body.clone());
            request.send().await.expect("the receiver answers").status()
        };
        server.execute("CREATE TABLE IF NOT EXISTS probe ()").await;
        set("nobody").await;
        // Each process of the server takes that in its own time.
        wait_for("commits to wait for a standby", || async {
            let writing = server.execute("INSERT INTO probe DEFAULT VALUES");
            let is_done = timeout(Duration::from_millis(500), writing).await.is_ok();
            match server.rows(held_up).await.len() {
                0 => Err(format!("none waits; a commit is done: {is_done}")),
                _ => Ok(()),
            }
        })
        .await;
        assert_eq!(status().await, 503);
        // Now it can be seen, though no standby has it.
        wait_for("the commit to be given up", || async {
            let ended = server.rows(waiting).await.len();
            let held = receipts(&server).await.len();
            if ended == 0 && held == count {
                Ok(())
            } else {
                Err(format!("{ended} ended, {held} held"))
            }
        })
        .await;

        assert_eq!(status().await, 503);

        set("").await;
        wait_for("the repeat to be taken", || async {
            match status().await.as_u16() {
                200 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
    }
    assert_eq!(receipts(&server).await.len(), 2);
}
