//! What CaiGunn's webhook did not bring goes the same way once backfill has brought it.

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use serde_json::json;

use super::{Store, destinations, on_both_stores, wait_for_state};
use crate::harness::application::Application;
use crate::harness::{self, Provider, sample_with};

on_both_stores!(what_was_backfilled_is_delivered_in_its_order);

async fn what_was_backfilled_is_delivered_in_its_order(store: Store) {
    let application = Application::start().await;
    let provider = Provider::start([]).await;
    let ids = Ids {
        chatbot_id: provider.chatbot_id("key-one"),
        ..Ids::fresh()
    };
    for name in ["crawling.initial", "crawling.completed"] {
        let missed = harness::json(&sample_with(name, &ids, Wire::V2024_07));
        provider.log_event(ids.chatbot_id, &missed);
    }
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "")]),
            &[
                ("api.url", &provider.url()),
                ("api.access_token", "access-token"),
                ("server.public_url", "https://hooks.example.com"),
                ("subscription.probe", "false"),
            ],
        )
        .await;
    // What is put was listed before.
    provider.wait_for_calls(1).await;

    let url = format!("http://{}/api/v1/jobs/{}/backfill", app.admin, ids.event_id);
    let response = app.client.post(url).send().await.unwrap();
    assert_eq!(response.status(), 200);

    wait_for_state(app.admin, "app", "delivered", 2).await;
    let mut receipts = app.receipts().await;
    receipts.reverse();
    assert!(
        receipts.iter().all(|receipt| receipt["origin"] == "backfill"),
        "{receipts:?}"
    );
    let arrivals = application.arrivals();
    let seen: Vec<_> = arrivals
        .iter()
        .map(|arrival| (json!(arrival.webhook_id), &*arrival.event))
        .collect();
    let expected = [
        (receipts[0]["id"].clone(), "crawling.initial"),
        (receipts[1]["id"].clone(), "crawling.completed"),
    ];
    assert_eq!(seen, expected);
    app.stop().await;
}
