//! The proof by counting: what senders were told against what is in the table.

use std::collections::HashMap;
use std::net::SocketAddr;

use uuid::Uuid;

use super::senders::{Senders, Template};
use super::{Replica, start_three};
use crate::harness::client;
use crate::harness::postgres::Server;

const NOTIFICATIONS: usize = 10_000;
/// How many of them are repeats of others.
const REPEATS: usize = 3_000;
const SENDERS: usize = 100;
/// How many receipts are read back from each receiver.
const SAMPLE: usize = 100;

/// So many `event_id`s in any order, some more than once.
fn with_repeats(count: usize, repeats: usize) -> Vec<Uuid> {
    let mut ids: Vec<_> = (0..count - repeats).map(|_| Uuid::new_v4()).collect();
    for _ in 0..repeats {
        ids.push(ids[fastrand::usize(..count - repeats)]);
    }
    fastrand::shuffle(&mut ids);
    ids
}

/// The receipt of each `event_id` in the table. Fails unless each has one, and each receipt is whole.
async fn stored(server: &Server, template: &Template) -> HashMap<Uuid, Uuid> {
    let (before, behind) = template.around_id();
    let counts = server
        .rows(&format!(
            "SELECT count(*), count(DISTINCT identity), count(DISTINCT event_id), count(DISTINCT seq),
                 count(*) FILTER (WHERE body = convert_to('{before}' || event_id::text || '{behind}', 'UTF8')),
                 count(*) FILTER (WHERE id > earlier_id OR earlier_id IS NULL)
             FROM (SELECT *, lag(id) OVER (ORDER BY seq) AS earlier_id FROM caigunn_webhook.receipt) AS receipt"
        ))
        .await;
    let rows = server
        .rows("SELECT event_id, id FROM caigunn_webhook.receipt")
        .await;
    let counts: Vec<i64> = (0..6).map(|place| counts[0].get(place)).collect();
    // Receipts, their identities, notifications, numbers, whole bodies, ids in the order of numbers.
    assert_eq!(counts, [i64::try_from(rows.len()).unwrap(); 6]);
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Fails unless these receipts can be read back from that receiver, to the byte.
async fn assert_read_back(replica: &Replica, template: &Template, receipts: &HashMap<Uuid, Uuid>) {
    let client = client();
    let sample = fastrand::choose_multiple(receipts.iter(), SAMPLE);
    for (event_id, receipt_id) in sample {
        let url = replica.process.api(&format!("/receipts/{receipt_id}"));
        let response = client.get(url).send().await.expect("the API answers");
        assert_eq!(response.status(), 200, "{receipt_id}");
        let receipt: serde_json::Value = response.json().await.expect("the API answers JSON");
        assert_eq!(receipt["body"], template.body(*event_id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_three_receivers_answered_is_there_once_though_one_of_them_and_the_server_are_killed() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let database = server.url().to_owned();
    let mut replicas = start_three(&database).await;
    let addresses: Vec<SocketAddr> = replicas.iter().map(|replica| replica.process.public).collect();
    let template = Template::new();
    let posted = with_repeats(NOTIFICATIONS, REPEATS);
    let started = std::time::Instant::now();

    let senders = Senders::start(SENDERS, &addresses, &template, &posted);
    senders.wait_for_answers(NOTIFICATIONS / 5).await;
    replicas[0].process.kill();
    senders.wait_for_answers(NOTIFICATIONS * 2 / 5).await;
    replicas[0] = Replica::start_at(addresses[0], &database, &[]).await;
    senders.wait_for_answers(NOTIFICATIONS * 3 / 5).await;
    server.kill_9().await;
    server.restart().await;
    senders.wait_for_answers(NOTIFICATIONS).await;
    let account = senders.end().await;
    println!(
        "{} answers, {} refusals, {} broken connections in {:.1} s",
        account.stored.len(),
        account.refused_count,
        account.broken_count,
        started.elapsed().as_secs_f64()
    );

    assert_eq!(account.stored.len(), NOTIFICATIONS);
    // Else nothing was killed while it worked.
    assert!(account.refused_count > 0 && account.broken_count > 0);
    let told = account.receipts();
    assert_eq!(told.len(), NOTIFICATIONS - REPEATS);
    assert!(stored(&server, &template).await == told);
    for replica in &replicas {
        assert_read_back(replica, &template, &told).await;
        replica.assert_discreet(&database);
    }
}
