//! What is seen of it from outside: numbers, the subscription's state, and the state of a job.

use serde_json::json;

use super::*;
use crate::harness::{App, spawn_app_with, wait_for};

/// The numbers on the metrics page, by name and labels without the program's own prefix.
async fn number(app: &App, series: &str) -> f64 {
    let page = app
        .admin("/metrics")
        .await
        .text()
        .await
        .expect("the page is text");
    let line = page.lines().find_map(|line| {
        let rest = line.strip_prefix("caigunn_webhook_")?;
        rest.strip_prefix(series)?.strip_prefix(' ')
    });
    let value = line.unwrap_or_else(|| panic!("{series} is not in {page}"));
    value.parse().expect("a value is a number")
}

#[tokio::test]
async fn numbers_and_the_state_of_jobs_tell_what_was_brought_and_what_is_open() {
    let provider = Provider::start([]).await;
    let chatbot_id = provider.chatbot_id("key-one");
    let (folder, now) = (tempfile::tempdir().expect("a folder"), Timestamp::now());
    let ages = [8 * DAY, HOUR, 2 * HOUR, 9 * DAY];
    let jobs = ages.map(|_| Ids {
        chatbot_id,
        ..Ids::fresh()
    });
    let [stalled, running, missed, missed_long_ago] = &jobs;
    let (inbox, writer) = open(folder.path());
    for (ids, age) in jobs.iter().zip(ages) {
        let initial = entry(
            &sample_with("crawling.initial", ids, Wire::V2024_07),
            now.minus(age),
        );
        inbox.append(vec![initial]).await.expect("the inbox works");
    }
    drop(writer);
    inbox.close().await.expect("the inbox closes");
    complete(&provider, missed);
    complete(&provider, missed_long_ago);
    let inbox_url = format!("sqlite:{}", folder.path().join("inbox.db").display());

    let app = spawn_app_with(&[
        ("inbox.url", &*inbox_url),
        ("api.url", &provider.url()),
        ("api.access_token", "access-token"),
        ("server.public_url", "https://hooks.example.com"),
        ("subscription.probe", "false"),
    ])
    .await;

    let subscription = wait_for("the first round", || async {
        let subscription = app.api("/subscription").await;
        match subscription["backfill"]["open_jobs"].as_u64() {
            Some(2) => Ok(subscription),
            _ => Err(subscription.to_string()),
        }
    })
    .await;
    let expected = json!({"open_jobs": 2, "stalled_jobs": 1, "problem": null});
    assert_eq!(subscription["backfill"], expected);
    let accepted = |origin| format!("notifications_total{{outcome=\"accepted\",origin=\"{origin}\"}}");
    assert_eq!(number(&app, &accepted("backfill")).await, 2.0);
    assert_eq!(number(&app, &accepted("webhook")).await, 0.0);
    assert_eq!(number(&app, "open_jobs").await, 2.0);
    assert_eq!(number(&app, "stalled_jobs").await, 1.0);

    let state_of = async |ids: &Ids| app.api(&format!("/jobs/{}", ids.event_id)).await["state"].clone();
    assert_eq!(state_of(stalled).await, "stalled");
    assert_eq!(state_of(running).await, "running");
    assert_eq!(state_of(missed).await, "completed");
    assert_eq!(state_of(missed_long_ago).await, "completed");
    let completed = json(&sample_with("crawling.completed", stalled, Wire::V2024_07));
    assert_eq!(app.post(&completed).await.status(), 200);
    assert_eq!(state_of(stalled).await, "completed");
}

#[tokio::test]
async fn what_keeps_it_from_asking_is_in_the_subscriptions_state() {
    let provider = Provider::start([]).await;
    let reply = Reply::Status(500, None, json!({"detail": "planted"}));
    provider.reply_always(Route::EventLog, Some(reply));
    let (folder, now) = (tempfile::tempdir().expect("a folder"), Timestamp::now());
    let ids = Ids {
        chatbot_id: provider.chatbot_id("key-one"),
        ..Ids::fresh()
    };
    let (inbox, writer) = open(folder.path());
    let initial = entry(&sample_with("crawling.initial", &ids, Wire::V2024_07), now);
    inbox.append(vec![initial]).await.expect("the inbox works");
    drop(writer);
    inbox.close().await.expect("the inbox closes");
    let inbox_url = format!("sqlite:{}", folder.path().join("inbox.db").display());

    let app = spawn_app_with(&[
        ("inbox.url", &*inbox_url),
        ("api.url", &provider.url()),
        ("api.access_token", "access-token"),
        ("server.public_url", "https://hooks.example.com"),
        ("subscription.probe", "false"),
    ])
    .await;

    let backfill = wait_for("the first round", || async {
        let backfill = app.api("/subscription").await["backfill"].clone();
        if backfill["problem"].is_null() {
            Err(backfill.to_string())
        } else {
            Ok(backfill)
        }
    })
    .await;
    let problem = "cannot read CaiGunn's log: CaiGunn is unavailable: 500: planted";
    assert_eq!(backfill["problem"], problem);
}
