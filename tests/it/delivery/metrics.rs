//! `/metrics` follows what becomes of deliveries.

use super::{Store, destinations, on_both_stores, post_names};
use crate::harness::application::{Application, Reply};
use crate::harness::{App, wait_for};
use crate::metrics::{Numbers, numbers};

on_both_stores!(
    attempts_and_what_they_leave_are_counted,
    a_destination_that_is_down_is_shown_as_such_until_it_is_back,
    without_destinations_there_is_nothing_to_show,
);

/// All that is shown of the destination `app`, but for times: counts of attempts by outcome, and then the gauges.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    delivered: f64,
    refused: f64,
    failed: f64,
    other: f64,
    durations: f64,
    pending: f64,
    dead: f64,
    in_flight: f64,
    down: f64,
}

impl Shown {
    fn of(numbers: &Numbers) -> Self {
        let of_app = |name: &str| numbers[&format!(r#"{name}{{destination="app"}}"#)];
        let attempts = |outcome: &str| {
            numbers[&format!(r#"delivery_attempts_total{{destination="app",outcome="{outcome}"}}"#)]
        };
        Self {
            delivered: attempts("delivered"),
            refused: attempts("refused"),
            failed: attempts("failed"),
            other: attempts("unreachable") + attempts("timeout") + attempts("ours"),
            durations: of_app("delivery_attempt_duration_seconds_count"),
            pending: of_app("deliveries_pending"),
            dead: of_app("deliveries_dead"),
            in_flight: of_app("deliveries_in_flight"),
            down: of_app("destination_down"),
        }
    }
}

/// Waits until that is shown; how old the oldest is that is pending.
async fn wait_for_shown(app: &App, expected: Shown) -> f64 {
    wait_for(&format!("{expected:?}"), || async {
        // Before the receiver leads, there are no gauges.
        let numbers = numbers(app).await;
        if !numbers.contains_key(r#"deliveries_pending{destination="app"}"#) {
            return Err(format!("{numbers:?}"));
        }
        let shown = Shown::of(&numbers);
        if shown == expected {
            Ok(numbers[r#"deliveries_oldest_pending_age_seconds{destination="app"}"#])
        } else {
            Err(format!("{shown:?}"))
        }
    })
    .await
}

async fn attempts_and_what_they_leave_are_counted(store: Store) {
    let mut replies = [Reply::Status(200), Reply::Held].into_iter();
    let application = Application::answering(move |_| replies.next().unwrap_or(Reply::Status(422))).await;
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "")]),
            &[("delivery.retry_schedule_seconds", "0,0,0")],
        )
        .await;
    let post = || post_names(app.public, 1, &["crawling.initial"]);
    assert_eq!(wait_for_shown(&app, Shown::default()).await, 0.0);

    post().await;
    let one_delivered = Shown {
        delivered: 1.0,
        durations: 1.0,
        ..Shown::default()
    };
    assert_eq!(wait_for_shown(&app, one_delivered).await, 0.0);

    post().await;
    let second_under_way = Shown {
        delivered: 1.0,
        durations: 1.0,
        pending: 1.0,
        in_flight: 1.0,
        ..Shown::default()
    };
    let age = wait_for_shown(&app, second_under_way).await;
    assert!(0.0 < age && age < 60.0, "{age}");

    // It is under way from before it arrives; the next one must not be taken for it.
    application.wait_for_arrivals(2).await;
    application.let_go();
    post().await;
    let third_dead = Shown {
        delivered: 2.0,
        refused: 3.0,
        durations: 5.0,
        dead: 1.0,
        ..Shown::default()
    };
    assert_eq!(wait_for_shown(&app, third_dead).await, 0.0);
    app.stop().await;
}

async fn a_destination_that_is_down_is_shown_as_such_until_it_is_back(store: Store) {
    let mut count = 0;
    // Two answers of that kind say that nobody is there.
    let application = Application::answering(move |_| {
        count += 1;
        if count <= 2 {
            Reply::Status(503)
        } else {
            Reply::Held
        }
    })
    .await;
    let app = store
        .receiver(
            &destinations(&[("app", &application.url(), "")]),
            &[("delivery.retry_schedule_seconds", "0,0,3600")],
        )
        .await;

    post_names(app.public, 1, &["crawling.initial"]).await;
    let down_and_tried = Shown {
        failed: 2.0,
        durations: 2.0,
        pending: 1.0,
        in_flight: 1.0,
        down: 1.0,
        ..Shown::default()
    };
    wait_for_shown(&app, down_and_tried).await;
    application.let_go();
    let back = Shown {
        delivered: 1.0,
        failed: 2.0,
        durations: 3.0,
        ..Shown::default()
    };
    assert_eq!(wait_for_shown(&app, back).await, 0.0);
    app.stop().await;
}

async fn without_destinations_there_is_nothing_to_show(store: Store) {
    let app = store.receiver("[]", &[]).await;
    post_names(app.public, 1, &["crawling.initial"]).await;

    let numbers = numbers(&app).await;
    let of_destinations: Vec<_> = numbers
        .keys()
        .filter(|series| series.starts_with("deliver") || series.contains("destination"))
        .collect();
    assert_eq!(of_destinations, [""; 0]);
    app.stop().await;
}
