//! Promise: who begins to lead after another one knows of the chatbots what that one knew, and a deployment that is rolled out
//! gets them all the same.

use serde_json::Value;

use super::Replica;
use crate::harness::postgres::fresh_database;
use crate::harness::processes;
use crate::harness::provider::Route;
use crate::harness::{Provider, client, wait_for};

const RIVAL: &str = "https://rival.example.com/hook";

/// Starts a receiver that is told to leave a chatbot that another one takes.
async fn start(database: &str, provider: &Provider, more: &[(&str, &str)]) -> Replica {
    let url = provider.url();
    let variables = [
        ("CAIGUNN_API_URL", url.as_str()),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
        ("CAIGUNN_WEBHOOK_TOKEN", "token-of-the-registered-url"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
        ("CAIGUNN_SUBSCRIPTION_ON_TAKEOVER", "warn"),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
    ];
    Replica::start(database, &[&variables, more].concat()).await
}

/// Waits until that one knows the only chatbot to be in one of these states; in which.
async fn wait_for_state(replica: &Replica, states: &[&str]) -> String {
    let client = client();
    wait_for("the chatbot's state", || async {
        let response = client.get(replica.process.api("/subscription")).send().await;
        let seen: Value = response.expect("the API answers").json().await.expect("JSON");
        let state = seen["chatbots"][0]["state"].as_str().unwrap_or_default();
        if seen["leader"]["is_self"] == true && states.contains(&state) {
            Ok(state.to_owned())
        } else {
            Err(seen.to_string())
        }
    })
    .await
}

#[tokio::test]
async fn a_chatbot_that_was_left_to_a_rival_is_left_by_who_leads_next_too() {
    let settings: [&[(&str, &str)]; 2] = [
        &[],
        &[
            ("CAIGUNN_SUBSCRIPTION_ON_TAKEOVER", "reclaim"),
            ("CAIGUNN_SUBSCRIPTION_MAX_RECLAIMS_PER_HOUR", "0"),
        ],
    ];
    let left = ["taken_over", "contested"];
    for (settings, state) in settings.into_iter().zip(left) {
        for is_frozen in [false, true] {
            let Some(database) = fresh_database().await else {
                return;
            };
            let provider = Provider::start([]).await;
            let id = provider.chatbot_id("key-one");
            let mut first = start(database.url(), &provider, settings).await;
            wait_for_state(&first, &["registered"]).await;
            let second = start(database.url(), &provider, settings).await;
            provider.set_webhook_url(id, Some(RIVAL));
            wait_for_state(&first, &[state]).await;

            if is_frozen {
                processes::freeze(&[first.process.id()]);
            } else {
                first.process.kill();
            }
            let found = wait_for_state(&second, &[state, "registered"]).await;

            assert_eq!(found, state, "frozen: {is_frozen}");
            assert_eq!(provider.webhook_url(id).as_deref(), Some(RIVAL));
            assert_eq!(provider.calls_of(Route::PutWebhook).len(), 1);
            if is_frozen {
                processes::thaw(&[first.process.id()]);
            }
        }
    }
}

#[tokio::test]
async fn who_is_rolled_out_with_another_url_registers_it_though_another_one_led_before() {
    let cases = [
        (
            ("CAIGUNN_PUBLIC_URL", "https://new.example.com"),
            "https://new.example.com/webhook/token-of-the-registered-url",
        ),
        (
            ("CAIGUNN_WEBHOOK_TOKEN", "new-token"),
            "https://hooks.example.com/webhook/new-token",
        ),
    ];
    for (setting, url) in cases {
        let Some(database) = fresh_database().await else {
            return;
        };
        let provider = Provider::start([]).await;
        let id = provider.chatbot_id("key-one");
        let first = start(database.url(), &provider, &[]).await;
        wait_for_state(&first, &["registered"]).await;
        let second = start(database.url(), &provider, &[setting]).await;

        first.process.signal("TERM");
        wait_for_state(&second, &["registered"]).await;

        assert_eq!(provider.webhook_url(id).as_deref(), Some(url));
    }
}
