//! What it is all for: one destination works, one is down for a while.

use std::collections::HashSet;

use serde_json::json;

use super::{Store, deliveries, destinations, on_both_stores, post_jobs, replay, wait_for_state};
use crate::harness::application::{Application, Reply, assert_in_order};
use crate::harness::posters::text;

on_both_stores!(
    what_is_down_gets_everything_in_order_when_it_returns_and_nobody_else_waits_for_it,
    a_replayed_receipt_arrives_once_more_with_its_id,
);

async fn what_is_down_gets_everything_in_order_when_it_returns_and_nobody_else_waits_for_it(store: Store) {
    let works = Application::start().await;
    let down = Application::start().await;
    let (down_address, down_url) = (down.address, down.url());
    drop(down);
    let both = destinations(&[("works", &works.url(), ""), ("down", &down_url, "")]);
    let app = store.receiver(&both, &[]).await;

    // More than is read ahead.
    let jobs = post_jobs(app.public, 700).await;
    works.wait_for_arrivals(1_400).await;
    wait_for_state(app.admin, "works", "delivered", 1_400).await;
    assert_eq!(works.arrivals().len(), 1_400, "nothing came twice");
    assert_in_order(&works.taken(), &jobs);
    wait_for_state(app.admin, "down", "pending", 1_400).await;
    let ids: HashSet<_> = deliveries(app.admin, "state=pending&destination=down")
        .await
        .iter()
        .map(|delivery| text(delivery, "receipt_id"))
        .collect();
    assert_eq!(ids, jobs.values().flatten().cloned().collect());

    let back = Application::start_at(down_address, |_| Reply::Status(204)).await;
    back.wait_for_arrivals(1_400).await;
    wait_for_state(app.admin, "down", "delivered", 1_400).await;
    assert_in_order(&back.taken(), &jobs);
    assert_eq!(back.arrivals().len(), 1_400);
    app.stop().await;
}

async fn a_replayed_receipt_arrives_once_more_with_its_id(store: Store) {
    let application = Application::start().await;
    let app = store
        .receiver(&destinations(&[("app", &application.url(), "")]), &[])
        .await;
    let jobs = post_jobs(app.public, 2).await;
    wait_for_state(app.admin, "app", "delivered", 4).await;
    let id = &jobs.values().next().unwrap()[0];

    let counted = replay(app.admin, json!({"receipt_ids": [id], "dry_run": true})).await;
    assert_eq!(
        (&counted["matched_count"], &counted["replayed_count"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(application.arrivals().len(), 4);
    let replayed = replay(app.admin, json!({"receipt_ids": [id]})).await;
    assert_eq!(replayed["replayed_count"], 1);

    let arrivals = application.wait_for_arrivals(5).await;
    let of_it: Vec<_> = arrivals
        .iter()
        .filter(|arrival| arrival.webhook_id == *id)
        .collect();
    assert_eq!(of_it.len(), 2);
    assert_eq!(of_it[0].body, of_it[1].body);
    wait_for_state(app.admin, "app", "delivered", 4).await;
    app.stop().await;
}
