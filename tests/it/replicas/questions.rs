//! What only the leader knows or does can be asked of every receiver.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::Value;

use super::Replica;
use crate::clocks::LIBRARY;
use crate::harness::postgres::fresh_database;
use crate::harness::{self, Provider, client, sample_with, wait_for};
use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;

/// CaiGunn, which has sent all of a job.
async fn provider_of_a_job() -> (Provider, Ids) {
    let provider = Provider::start([]).await;
    let ids = Ids {
        chatbot_id: provider.chatbot_id("key-one"),
        ..Ids::fresh()
    };
    for name in ["crawling.initial", "crawling.completed"] {
        provider.log_event(
            ids.chatbot_id,
            &harness::json(&sample_with(name, &ids, Wire::V2024_07)),
        );
    }
    (provider, ids)
}

/// What has a receiver ask CaiGunn there.
fn variables(url: &str) -> [(&str, &str); 4] {
    [
        ("CAIGUNN_API_URL", url),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
    ]
}

async fn seen_by(replica: &Replica, path: &str) -> Value {
    let answer = client().get(replica.process.api(path)).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn wait_until_it_follows(replica: &Replica) {
    wait_for("it to know who leads", || async {
        let seen = seen_by(replica, "/subscription").await;
        seen["leader"]["name"]
            .is_string()
            .then_some(())
            .ok_or(seen.to_string())
    })
    .await;
}

/// Has a receiver backfill the job; what it answers.
async fn backfill(replica: &Replica, ids: &Ids) -> (StatusCode, Value) {
    let path = format!("/jobs/{}/backfill", ids.event_id);
    let answer = client().post(replica.process.api(&path)).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_follower_whose_clock_is_behind_has_its_questions_answered() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let (provider, ids) = provider_of_a_job().await;
    let url = provider.url();
    let _leader = Replica::start(database.url(), &variables(&url)).await;
    provider.wait_for_calls(1).await;
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let clock = folder.path().join("clock");
    // Longer than whoever asks waits for an answer.
    std::fs::write(&clock, "-150").expect("the folder takes files");
    let clock = [
        ("LD_PRELOAD", text(&LIBRARY.1)),
        ("TEST_CLOCK_FILE", text(&clock)),
    ];
    let follower = Replica::start(database.url(), &[&variables(&url)[..], &clock].concat()).await;
    wait_until_it_follows(&follower).await;

    let (status, outcome) = backfill(&follower, &ids).await;

    assert_eq!(status, 200, "{outcome}");
    assert_eq!(outcome["missing"][1]["event"], "crawling.completed", "{outcome}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("its name is a text")
}

#[tokio::test]
async fn a_follower_has_the_leader_backfill_a_job_and_look_at_the_chatbots_and_tells_how_they_stand() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let (provider, ids) = provider_of_a_job().await;
    let chatbot_id = provider.chatbot_id("key-one");
    let url = provider.url();
    let variables = variables(&url);
    let leader = Replica::start(database.url(), &variables).await;
    provider.wait_for_calls(1).await;
    let follower = Replica::start(database.url(), &variables).await;
    wait_until_it_follows(&follower).await;

    let seen = seen_by(&follower, "/subscription?of_leader=true").await;
    let (status, outcome) = backfill(&follower, &ids).await;

    assert_eq!(seen["leader"]["is_self"], false);
    assert_eq!(seen["chatbots"][0]["title"], "First", "{seen}");
    assert_eq!(seen["chatbots"][0]["state"], "registered", "{seen}");
    assert_eq!(status, 200, "{outcome}");
    assert_eq!(outcome["missing"][1]["event"], "crawling.completed", "{outcome}");
    let held = follower.process.receipts(&client()).await;
    assert_eq!(held.len(), 2, "{held:?}");

    provider.set_webhook_url(chatbot_id, Some("https://elsewhere.example"));
    let origin = format!("http://{}", follower.process.admin);
    let page = client().get(format!("{origin}/chatbots")).send().await.unwrap();
    let page = page.text().await.unwrap();
    let (_, form_token) = page.split_once("name=\"form_token\" value=\"").expect("a form");
    let (form_token, _) = form_token.split_once('"').expect("its end");
    let ensured = client()
        .post(format!("{origin}/chatbots/ensure"))
        .header("origin", &origin)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("form_token={form_token}"));
    let ensured = ensured.send().await.unwrap();
    assert!(ensured.status().is_success() || ensured.status().is_redirection());
    wait_for("our URL", || async {
        let url = provider.webhook_url(chatbot_id).unwrap_or_default();
        let is_ours = url.starts_with("https://hooks.example.com/");
        is_ours.then_some(()).ok_or(url)
    })
    .await;
    drop(leader);
}

#[tokio::test]
async fn a_token_is_registered_where_the_leader_has_registered_that_one() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let provider = Provider::start([]).await;
    let url = provider.url();
    let (old, new) = ("planted-old-token-0123456789", "planted-new-token-0123456789");
    let with = async |tokens: [&str; 2]| {
        let tokens = tokens.join(",");
        let variables = [
            ("CAIGUNN_API_URL", url.as_str()),
            ("CAIGUNN_ACCESS_TOKEN", "access-token"),
            ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
            ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
            ("CAIGUNN_WEBHOOK_TOKEN", &tokens),
        ];
        Replica::start(database.url(), &variables).await
    };
    let leader = with([old, new]).await;
    provider.wait_for_calls(1).await;
    // As in the middle of a rolling deploy.
    let follower = with([new, old]).await;

    wait_for("the registration to be seen", || async {
        let path = follower.process.api("/subscription?of_leader=true");
        let seen: Value = client().get(path).send().await.unwrap().json().await.unwrap();
        if seen["chatbots"][0]["state"] != "registered" {
            return Err(seen.to_string());
        }
        let marks = [0, 1].map(|index| seen["tokens"][index]["is_registered"].as_bool());
        assert_eq!(marks, [Some(false), Some(true)], "{seen}");
        Ok(())
    })
    .await;
    drop(leader);
}
