//! A delivery that is pending when its receipt expires goes with it, and what comes after it goes on.

use caigunn_webhook::app::open_inbox;
use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::inbox::ReceiptId;

use super::{Store, destinations, post_names, wait_for_state};
use crate::harness::application::{Application, Reply};
use crate::harness::{Recorder, json, sample, spawn_app_on, wait_for};

#[tokio::test]
async fn what_expires_is_no_longer_pending_and_the_rest_goes_on_on_sqlite() {
    what_expires_is_no_longer_pending_and_the_rest_goes_on(Store::sqlite()).await;
}

#[tokio::test]
async fn what_expires_is_no_longer_pending_and_the_rest_goes_on_on_postgres() {
    if let Some(store) = Store::postgres().await {
        what_expires_is_no_longer_pending_and_the_rest_goes_on(store).await;
    }
}

async fn what_expires_is_no_longer_pending_and_the_rest_goes_on(store: Store) {
    let recorder = Recorder::start();
    let sources = Sources {
        flags: vec![("inbox.url".to_owned(), store.url())],
        ..Sources::default()
    };
    let settings = config::load(&sources).expect("the settings are right").settings;
    let inbox = open_inbox(&settings.inbox_location, settings.inbox).await;
    let inbox = inbox.expect("a new inbox opens");
    let application = Application::answering(|arrival| match &*arrival.event {
        "crawling.initial" => Reply::Status(500),
        _ => Reply::Status(200),
    })
    .await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let keys = [
        ("delivery.destination", destination.as_str()),
        ("delivery.retry_schedule_seconds", "0,1,1,1,1,1,1,1,1,1,1,1,1,1,1"),
    ];
    let app = spawn_app_on(inbox.clone(), &keys).await;
    if let Some(marks) = inbox.marks() {
        // What comes while the first is being made is taken for older than it.
        wait_for("the first mark", || async {
            let marked = marks.marked().await.expect("the inbox works");
            marked.map(drop).ok_or_else(|| "there is none".to_owned())
        })
        .await;
    }
    let jobs = post_names(app.public, 1, &["crawling.initial", "crawling.failed"]).await;
    let (event_id, ids) = jobs.iter().next().unwrap();
    application.wait_for_arrivals(1).await;
    wait_for_state(app.admin, "app", "pending", 2).await;

    // As if the first of the two had been kept as long as receipts are.
    let (second, _) = inbox
        .receipt(ReceiptId::new(ids[1].parse().expect("a UUID")))
        .await
        .expect("the inbox works")
        .expect("it is there");
    let mut expired_count = 0;
    while let count @ 1.. = inbox.expire(second.received_at).await.expect("the inbox works") {
        expired_count += count;
    }
    assert_eq!(expired_count, 1);

    wait_for_state(app.admin, "app", "delivered", 1).await;
    let taken = application.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!((&taken[0].webhook_id, &taken[0].event_id), (&ids[1], event_id));
    let warnings = recorder.messages("WARN");
    let expired: Vec<_> = warnings
        .iter()
        .filter(|warning| warning.contains("expired"))
        .collect();
    // Said once, by whichever comes first: its next attempt, or the next look into the log.
    let by_attempt = "receipt number 1 expired before it was delivered to app";
    let by_look = "receipts before number 2 have expired, 1 of them not delivered to app";
    assert!(expired == [by_attempt] || expired == [by_look], "{expired:?}");
    // It is as if it had never been there.
    assert_eq!(app.post(&json(&sample("training.initial"))).await.status(), 200);
    wait_for_state(app.admin, "app", "delivered", 2).await;
    wait_for("nothing to be pending", || async {
        let shown = app.api("/destinations").await;
        match shown["destinations"][0]["pending_count"].as_u64() {
            Some(0) => Ok(()),
            _ => Err(shown.to_string()),
        }
    })
    .await;
    app.stop().await;
}
