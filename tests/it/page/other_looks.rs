//! Promise: the pages of the way out, the chatbots, the settings and a full overview are as well made as the first ones.

use super::browser::{Browser, at};
use crate::harness::application::{Application, Reply};
use crate::harness::{spawn_app_with, wait_for};

#[tokio::test]
async fn the_pages_of_the_way_out_the_chatbots_and_the_settings_are_well_made() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let application =
        Application::answering(|_| Reply::With(500, "x-hostile", "<script>alert(1)</script>".to_owned()))
            .await;
    let destination = format!(
        r#"[{{name = "app", kind = "http", url = "{}"}}, {{name = "well", kind = "command", command = ["/bin/true"]}}]"#,
        application.url()
    );
    let app = spawn_app_with(&[
        ("delivery.destination", &destination),
        ("delivery.retry_schedule_seconds", "[0]"),
        ("webhook.token", "a-token-of-more-than-24-letters"),
    ])
    .await;
    browser.judge(&at(&app, "/destinations")).await;
    let body = crate::harness::json(&crate::harness::sample("crawling.failed"));
    let posted = app
        .post_to("/webhook/a-token-of-more-than-24-letters", &body)
        .await;
    assert_eq!(posted.status(), 200);
    let dead = wait_for("a dead letter", || async {
        let page = app.api("/deliveries?state=dead").await;
        page["deliveries"][0]["id"]
            .as_str()
            .map(str::to_owned)
            .ok_or(page.to_string())
    })
    .await;
    let url = format!("http://{}/api/v1/replays", app.admin);
    let begun = app
        .client
        .post(url)
        .json(&serde_json::json!({"destination": "well"}))
        .send()
        .await
        .unwrap();
    let begun: serde_json::Value = begun.json().await.unwrap();
    let replay = format!("/replays/{}", begun["replay"]["id"].as_str().unwrap());

    for path in [
        "/",
        "/deliveries",
        "/deliveries?state=pending",
        &format!("/deliveries/{dead}"),
        "/destinations",
        "/replays",
        &replay,
        "/chatbots",
        "/settings",
    ] {
        browser.judge(&at(&app, path)).await;
    }
}

#[tokio::test]
async fn the_overview_says_what_came_and_went_and_how_many_jobs_stand_how() {
    let destination = r#"[{name = "well", kind = "command", command = ["/bin/true"]}]"#;
    let app = spawn_app_with(&[("delivery.destination", destination)]).await;
    for name in ["crawling.initial", "training.failed", "training.failed"] {
        let posted = app
            .post(&crate::harness::json(&crate::harness::sample(name)))
            .await;
        assert_eq!(posted.status(), 200);
    }
    assert_eq!(app.post_bytes("application/json", "{").await.status(), 400);

    wait_for("all of it", || async {
        let page = app.admin("/").await.text().await.unwrap();
        let said = [
            "Not well: 1 post of the last day was refused and is in quarantine (not-json)",
            "Received in the last hour: 3",
            "Rejected in the last day: 1",
            "Delivered in the last hour: 3",
            "<a href=\"/jobs?state=running\">1 running</a>",
            "2 failed</a>",
            "<dd>none is kept</dd>",
            "<a href=\"/deliveries?destination=well\">well</a>",
            "0 pending",
        ];
        if said.iter().all(|said| page.contains(said)) {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await;
}
