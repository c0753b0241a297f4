//! Promise: from the page one has the receiver that leads look at the chatbots at once.

use serde_json::json;

use super::walker::Walker;
use crate::harness::provider::{Reply, Route};
use crate::harness::{Provider, client, spawn_app, spawn_app_with, wait_for};

const OURS: &str = "https://hooks.example.com/webhook/token-of-the-registered-url";

#[tokio::test]
async fn a_url_that_was_taken_away_is_put_back_at_a_button() {
    let provider = Provider::start([]).await;
    let url = provider.url();
    let app = spawn_app_with(&[
        ("api.url", &*url),
        ("api.access_token", "access-token"),
        ("server.public_url", "https://hooks.example.com"),
        ("webhook.token", "token-of-the-registered-url"),
        ("subscription.probe", "false"),
    ])
    .await;
    let id = provider.chatbot_id("key-one");
    let registered = async || {
        wait_for("our URL", || async {
            let url = provider.webhook_url(id);
            (url.as_deref() == Some(OURS))
                .then_some(())
                .ok_or(format!("{url:?}"))
        })
        .await;
    };
    registered().await;
    wait_for("the overview to say so", || async {
        let page = app.admin("/").await.text().await.expect("text");
        let is_said = page.contains(" chatbots registered</a>") && !page.contains(">0 of");
        is_said.then_some(()).ok_or(page)
    })
    .await;
    provider.set_webhook_url(id, Some("https://elsewhere.example"));
    let mut walker = Walker::before(&app);
    let form_token = walker.get("/chatbots").await.field("form_token");

    let done = walker
        .post("/chatbots/ensure", &[("form_token", &form_token)])
        .await;

    assert_eq!(done.status, 303, "{}", done.text);
    let led = walker.follow(&done).await;
    assert!(led.says("Each is looked at now"), "{}", led.text);
    registered().await;
}

#[tokio::test]
async fn where_nothing_is_to_be_registered_there_is_no_button() {
    let app = spawn_app().await;
    let mut walker = Walker::before(&app);
    let page = walker.get("/chatbots").await;
    assert!(!page.says("/chatbots/ensure"), "{}", page.text);
    let form_token = walker.get("/replays").await.field("form_token");

    let refused = walker
        .post("/chatbots/ensure", &[("form_token", &form_token)])
        .await;

    assert_eq!(refused.status, 409, "{}", refused.text);
}

#[tokio::test]
async fn while_caigunn_is_to_be_left_alone_the_button_says_until_when_nothing_is_looked_at() {
    let provider = Provider::start([]).await;
    let url = provider.url();
    let app = spawn_app_with(&[
        ("api.url", &*url),
        ("api.access_token", "access-token"),
        ("server.public_url", "https://hooks.example.com"),
        ("subscription.probe", "false"),
    ])
    .await;
    provider.wait_for_calls(1).await;
    let busy = Reply::Status(429, Some(3600), json!({"detail": "Slow down"}));
    provider.reply(Route::EventLog, [busy]);
    let path = "/api/v1/jobs/0191f0a0-0000-7000-8000-000000000001/backfill";
    let path = format!("http://{}{path}", app.admin);
    let asked = client().post(path).send().await.expect("an answer");
    assert_eq!(asked.status(), 502);
    let mut walker = Walker::before(&app);
    let form_token = walker.get("/chatbots").await.field("form_token");

    let done = walker
        .post("/chatbots/ensure", &[("form_token", &form_token)])
        .await;

    let led = walker.follow(&done).await;
    assert!(led.says("CaiGunn is left alone until "), "{}", led.text);
    assert!(led.says("Each is looked at then"), "{}", led.text);
    assert!(!led.says("Each is looked at now"), "{}", led.text);
    assert!(led.says("the chatbots cannot be listed until "), "{}", led.text);
}
