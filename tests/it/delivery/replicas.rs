//! Of many receivers on one inbox, one sends at a time, and another goes on where it ended.

use std::time::SystemTime;

use serde_json::Value;
use uuid::Uuid;

use super::{Store, destinations, post_jobs, wait_for_state, wait_until_closed};
use crate::harness::application::{Application, Reply, assert_in_order};
use crate::harness::{Process, client, wait_for};

/// Two receivers on one database, of which the first leads.
async fn two(store: &Store, destination: &str) -> (Process, Process, tempfile::TempDir) {
    let first = store.process(destination, &[]).await;
    first.wait_for_log("this receiver leads", 1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let url = store.url();
    let variables = [
        ("CAIGUNN_INBOX_URL", url.as_str()),
        ("CAIGUNN_DELIVERY_DESTINATION", destination),
    ];
    let second = Process::start(folder.path(), &variables).await;
    (first, second, folder)
}

/// Who has the lease, and until when.
async fn lease(store: &Store) -> (Uuid, SystemTime) {
    let database = store.database.as_ref().expect("a store on a server");
    let rows = database
        .rows("SELECT holder, until FROM caigunn_webhook.lease")
        .await;
    (rows[0].get(0), rows[0].get(1))
}

#[tokio::test]
async fn what_one_was_sending_when_it_was_killed_another_sends_under_the_same_id() {
    let Some(store) = Store::postgres().await else {
        return;
    };
    let application = Application::answering(|_| Reply::Held).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let (mut first, second, _folder) = two(&store, &destination).await;
    // What any of them accepts, the leader sends.
    let jobs = post_jobs(second.public, 3).await;
    application.wait_for_arrivals(3).await;

    first.kill();
    let held = application.arrivals();
    assert_eq!(held.len(), 3, "nobody else sent it");
    application.answer(|_| Reply::Status(200));

    wait_for_state(second.admin, "app", "delivered", 6).await;
    let arrivals = application.arrivals();
    assert_eq!(arrivals.len(), 9);
    for held in held {
        let same = arrivals
            .iter()
            .filter(|arrival| arrival.webhook_id == held.webhook_id);
        assert_eq!(same.count(), 2);
    }
    assert_in_order(&application.taken(), &jobs);
}

#[tokio::test]
async fn what_one_is_sending_when_it_is_stopped_no_other_sends() {
    let Some(store) = Store::postgres().await else {
        return;
    };
    let application = Application::answering(|_| Reply::Held).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let (mut first, second, _folder) = two(&store, &destination).await;
    let jobs = post_jobs(second.public, 3).await;
    application.wait_for_arrivals(3).await;

    first.signal("TERM");
    // It serves no longer, and goes on asking to lead: another could, if it had let go.
    wait_until_closed(first.public).await;
    let (holder, until) = lease(&store).await;
    wait_for("the lease to be renewed", || async {
        let (holder_now, until_now) = lease(&store).await;
        assert_eq!(holder, holder_now);
        if until_now > until {
            Ok(())
        } else {
            Err(format!("{until_now:?}"))
        }
    })
    .await;
    assert_eq!(application.arrivals().len(), 3);
    application.answer(|_| Reply::Status(200));
    application.let_go();
    assert_eq!(first.wait().await.code(), Some(0), "{}", first.log());

    wait_for_state(second.admin, "app", "delivered", 6).await;
    assert_eq!(application.arrivals().len(), 6);
    assert_in_order(&application.taken(), &jobs);
}

#[tokio::test]
async fn a_follower_counts_as_pending_what_the_leader_does() {
    let Some(store) = Store::postgres().await else {
        return;
    };
    let application = Application::answering(|_| Reply::Held).await;
    let url = application.url();
    let all = destinations(&[
        ("none", &url, r#"events = ["training.*"]"#),
        ("some", &url, r#"events = ["*.completed"]"#),
        ("all", &url, ""),
    ]);
    let (first, second, _folder) = two(&store, &all).await;
    post_jobs(second.public, 100).await;

    for (name, count) in [("none", 0), ("some", 100), ("all", 200)] {
        for receiver in [&first, &second] {
            wait_for(&format!("{count} pending for {name}"), || async {
                let url = format!("http://{}/api/v1/destinations", receiver.admin);
                let answer: Value = client().get(url).send().await.unwrap().json().await.unwrap();
                let all = answer["destinations"].as_array().expect("a list");
                let found = all.iter().find(|known| known["name"] == name);
                match found.expect("it is there")["pending_count"].as_u64() {
                    Some(pending_count) if pending_count == count => Ok(()),
                    other => Err(format!("{other:?} of {name}")),
                }
            })
            .await;
        }
    }
    application.let_go();
}
