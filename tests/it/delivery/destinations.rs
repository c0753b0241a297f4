//! Which receipts a destination gets.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::Value;

use super::{
    Store, counts, deliveries, destinations, on_both_stores, order, post_jobs, post_names, wait_for_state,
};
use crate::harness::application::{Application, Reply};
use crate::harness::posters::text;
use crate::harness::wait_for;

on_both_stores!(
    a_new_destination_gets_what_comes_from_then_on,
    a_new_destination_gets_what_was_received_since_a_time,
    the_pending_deliveries_of_a_removed_destination_are_closed_as_such,
    a_destination_that_the_leader_lacks_for_a_while_loses_nothing,
    a_destination_that_is_configured_no_more_is_removed_by_command,
    a_destination_that_was_removed_gets_all_that_it_lacks_if_it_begins_before_that,
    a_filter_lets_through_what_it_names,
    what_a_changed_filter_means_for_what_waits_is_told_at_the_start,
    attempts_begin_no_faster_than_the_destination_allows,
    no_more_attempts_are_under_way_than_the_destination_allows,
);

async fn a_new_destination_gets_what_comes_from_then_on(store: Store) {
    let first = store.receiver("[]", &[]).await;
    post_jobs(first.public, 2).await;
    first.stop().await;
    let application = Application::start().await;
    let app = store
        .receiver(&destinations(&[("app", &application.url(), "")]), &[])
        .await;
    post_jobs(app.public, 1).await;

    wait_for_state(app.admin, "app", "delivered", 2).await;
    assert_eq!(application.arrivals().len(), 2);
    app.stop().await;
}

async fn a_new_destination_gets_what_was_received_since_a_time(store: Store) {
    let first = store.receiver("[]", &[]).await;
    post_names(first.public, 3, &["crawling.initial"]).await;
    let late = post_names(first.public, 1, &["crawling.initial"]).await;
    let id = &late.values().next().unwrap()[0];
    let since = text(&first.api(&format!("/receipts/{id}")).await, "received_at");
    first.stop().await;
    let application = Application::start().await;
    let more = format!(r#"since = "{since}""#);
    let app = store
        .receiver(&destinations(&[("app", &application.url(), &more)]), &[])
        .await;

    wait_for_state(app.admin, "app", "delivered", 1).await;
    assert_eq!(application.arrivals()[0].webhook_id, *id);
    app.stop().await;
}

async fn the_pending_deliveries_of_a_removed_destination_are_closed_as_such(store: Store) {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let keys = [
        ("delivery.retry_schedule_seconds", "0,600"),
        ("delivery.removal_grace_hours", "0"),
    ];
    let first = store.receiver(&destination, &keys).await;
    post_names(first.public, 2, &["crawling.initial"]).await;
    wait_for("both to have failed", || async {
        let shown = first.api("/deliveries").await;
        let deliveries = shown["deliveries"].as_array().unwrap();
        let failed = deliveries
            .iter()
            .filter(|delivery| delivery["attempt_count"] == 1);
        if failed.count() == 2 {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    })
    .await;
    first.stop().await;

    let second = store.receiver("[]", &keys).await;
    wait_for_state(second.admin, "app", "removed", 2).await;
    let shown = second.api("/destinations").await;
    assert_eq!(shown["destinations"][0]["state"], "removed");
    post_names(second.public, 2, &["crawling.initial"]).await;
    second.stop().await;

    // It begins anew.
    application.answer(|_| Reply::Status(200));
    let third = store.receiver(&destination, &keys).await;
    post_names(third.public, 1, &["crawling.initial"]).await;
    application.wait_for_arrivals(3).await;
    wait_for("the new one to be delivered", || async {
        let counts = counts(third.admin, "app").await;
        let is_so =
            counts.get("removed") == Some(&2) && counts.get("delivered") == Some(&1) && counts.len() == 2;
        if is_so { Ok(()) } else { Err(format!("{counts:?}")) }
    })
    .await;
    third.stop().await;
}

async fn a_filter_lets_through_what_it_names(store: Store) {
    let (some, other) = (Application::start().await, Application::start().await);
    let chatbots = r#"chatbots = ["00000000-0000-0000-0000-000000000001"]"#;
    let both = destinations(&[
        ("some", &some.url(), r#"events = ["*.completed", "training.*"]"#),
        ("other", &other.url(), chatbots),
    ]);
    let app = store.receiver(&both, &[]).await;
    let names = ["crawling.initial", "crawling.completed", "training.initial"];
    post_names(app.public, 2, &names).await;

    wait_for_state(app.admin, "some", "delivered", 4).await;
    let mut events: Vec<_> = some.arrivals().into_iter().map(|arrival| arrival.event).collect();
    events.sort();
    let expected = [
        "crawling.completed",
        "crawling.completed",
        "training.initial",
        "training.initial",
    ];
    assert_eq!(events, expected);
    assert_eq!(counts(app.admin, "other").await.len(), 0);
    assert_eq!(other.arrivals().len(), 0);
    app.stop().await;
}

async fn what_a_changed_filter_means_for_what_waits_is_told_at_the_start(store: Store) {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let keys = [("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", "0,600")];
    let url = application.url();
    let mut first = store.process(&destinations(&[("app", &url, "")]), &keys).await;
    post_names(first.public, 2, &["crawling.initial"]).await;
    wait_for_tries(first.admin, 2).await;
    let (status, answer) = order(first.admin, "/destinations/app/pause", None).await;
    assert_eq!(status, 200, "{answer}");
    post_names(first.public, 3, &["crawling.initial"]).await;
    first.signal("TERM");
    first.wait().await;

    let other = destinations(&[("app", &url, r#"events = ["training"]"#)]);
    let mut second = store.process(&other, &keys).await;

    for part in [
        "the events or chatbots of app were changed: 2 deliveries that they leave out now were tried",
        "3 receipts that came before this start are not sent to app",
    ] {
        second.wait_for_log(part, 1).await;
    }
    wait_for_state(second.admin, "app", "pending", 2).await;
    second.signal("TERM");
    second.wait().await;

    // Where that was a mistake which is soon mended, nothing is lost by it.
    let third = store.process(&destinations(&[("app", &url, "")]), &keys).await;
    wait_for_state(third.admin, "app", "pending", 5).await;
}

/// Waits until so many of the deliveries were tried once.
async fn wait_for_tries(admin: SocketAddr, count: usize) {
    wait_for("them to have failed", || async {
        let shown = deliveries(admin, "destination=app").await;
        let failed = shown.iter().filter(|delivery| delivery["attempt_count"] == 1);
        if failed.count() == count {
            Ok(())
        } else {
            Err(format!("{shown:?}"))
        }
    })
    .await;
}

async fn a_destination_that_was_removed_gets_all_that_it_lacks_if_it_begins_before_that(store: Store) {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let keys = [
        ("delivery.retry_schedule_seconds", "0,600"),
        ("delivery.removal_grace_hours", "0"),
    ];
    let url = application.url();
    let first = store.receiver(&destinations(&[("app", &url, "")]), &keys).await;
    let mut jobs = post_names(first.public, 2, &["crawling.initial"]).await;
    wait_for_tries(first.admin, 2).await;
    let (status, answer) = order(first.admin, "/destinations/app/pause", None).await;
    assert_eq!(status, 200, "{answer}");
    jobs.extend(post_names(first.public, 3, &["crawling.initial"]).await);
    first.stop().await;
    let second = store.receiver("[]", &keys).await;
    wait_for_state(second.admin, "app", "removed", 2).await;
    second.stop().await;

    application.answer(|_| Reply::Status(200));
    let since = destinations(&[("app", &url, r#"since = "2024-01-01T00:00:00Z""#)]);
    let third = store.receiver(&since, &keys).await;

    wait_for_state(third.admin, "app", "delivered", jobs.len()).await;
    third.stop().await;
}

async fn attempts_begin_no_faster_than_the_destination_allows(store: Store) {
    let application = Application::start().await;
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "max_per_second = 10")]),
            &[],
        )
        .await;
    let begun_at = Instant::now();
    post_names(app.public, 31, &["crawling.initial"]).await;
    application.wait_for_arrivals(31).await;

    let took = begun_at.elapsed().as_secs_f64();
    assert!(took >= 2.9, "{took}");
    app.stop().await;
}

async fn no_more_attempts_are_under_way_than_the_destination_allows(store: Store) {
    let application = Application::answering(|_| Reply::Held).await;
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "max_in_flight = 3")]),
            &[],
        )
        .await;
    post_names(app.public, 10, &["crawling.initial"]).await;
    application.wait_for_arrivals(3).await;
    let shown = app.api("/destinations").await;
    assert_eq!(
        shown["destinations"][0]["status"]["in_flight_count"], 3,
        "{shown}"
    );
    assert_eq!(application.arrivals().len(), 3);

    application.answer(|_| Reply::Status(200));
    application.let_go();
    wait_for_state(app.admin, "app", "delivered", 10).await;
    app.stop().await;
}

async fn a_destination_that_the_leader_lacks_for_a_while_loses_nothing(store: Store) {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let keys = [(
        "delivery.retry_schedule_seconds",
        "0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
    )];
    let first = store.receiver(&destination, &keys).await;
    let mut jobs = post_names(first.public, 5, &["crawling.initial"]).await;
    application.wait_for_arrivals(5).await;
    first.stop().await;

    let second = store.receiver("[]", &keys).await;
    jobs.extend(post_names(second.public, 5, &["crawling.initial"]).await);
    wait_for("it to be missed", || async {
        let shown = second.api("/destinations").await["destinations"][0].clone();
        if shown["state"] == "unconfigured" && shown["removed_after"].is_string() {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    })
    .await;
    assert_eq!(
        second.api("/destinations").await["destinations"][0]["pending_count"],
        10
    );
    second.stop().await;

    application.answer(|_| Reply::Status(200));
    let third = store.receiver(&destination, &keys).await;
    wait_for_state(third.admin, "app", "delivered", jobs.len()).await;
    let shown = third.api("/destinations").await["destinations"][0].clone();
    assert_eq!(
        (&shown["state"], &shown["removed_after"]),
        (&"active".into(), &Value::Null)
    );
    third.stop().await;
}

async fn a_destination_that_is_configured_no_more_is_removed_by_command(store: Store) {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = destinations(&[("app", &application.url(), "")]);
    let keys = [("delivery.retry_schedule_seconds", "0,600")];
    let first = store.receiver(&destination, &keys).await;
    post_names(first.public, 2, &["crawling.initial"]).await;
    application.wait_for_arrivals(2).await;
    let (status, answer) = order(first.admin, "/destinations/app/remove", None).await;
    assert_eq!(status, 409, "{answer}");
    first.stop().await;

    let second = store.receiver("[]", &keys).await;
    let (status, answer) = order(second.admin, "/destinations/nobody/remove", None).await;
    assert_eq!(status, 404, "{answer}");
    let waiting = wait_for("it to be missed", || async {
        let waiting = second.api("/deliveries").await["deliveries"][0].clone();
        match waiting["waits"].as_str() {
            Some("its destination is configured no more") => Ok(waiting),
            _ => Err(waiting.to_string()),
        }
    })
    .await;
    assert_eq!(waiting["next_attempt_at"], Value::Null);
    let (status, answer) = order(second.admin, "/destinations/app/remove", None).await;

    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["destination"]["state"], "removed");
    wait_for_state(second.admin, "app", "removed", 2).await;
    let (status, answer) = order(second.admin, "/destinations/app/remove", None).await;
    assert_eq!(status, 409, "{answer}");
    second.stop().await;
}

#[tokio::test]
async fn a_destination_that_is_configured_no_more_is_removed_after_its_time() {
    let Some(store) = Store::postgres().await else {
        return;
    };
    let application = Application::answering(|_| Reply::Status(500)).await;
    let url = application.url();
    let both = destinations(&[("app", &url, ""), ("other", &url, "")]);
    let keys = [("delivery.retry_schedule_seconds", "0,600")];
    let first = store.receiver(&both, &keys).await;
    post_names(first.public, 2, &["crawling.initial"]).await;
    application.wait_for_arrivals(4).await;
    first.stop().await;
    let database = store.database.as_ref().expect("a store on a server");
    database
        .execute(
            "UPDATE caigunn_webhook.destination SET unconfigured_at = now() -
                 CASE name WHEN 'app' THEN interval '23 hours' ELSE interval '25 hours' END",
        )
        .await;

    let without = store.receiver("[]", &keys).await;

    // The other one was added after it, and is looked at after it.
    let shown = wait_for("one to be removed", || async {
        let shown = without.api("/destinations").await["destinations"].clone();
        if shown[1]["state"] == "removed" {
            Ok(shown)
        } else {
            Err(shown.to_string())
        }
    })
    .await;
    assert_eq!(
        (&shown[0]["name"], &shown[0]["state"]),
        (&"app".into(), &"unconfigured".into())
    );
    wait_for_state(without.admin, "app", "pending", 2).await;
    wait_for_state(without.admin, "other", "removed", 2).await;
    without.stop().await;
}
