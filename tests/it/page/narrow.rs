//! Promise: on the narrowest screens nothing is wider than they are, words stay readable, and who has their browser write larger
//! reads larger letters.

use caigunn_webhook::event::sample::{Ids, notification, to_json};
use caigunn_webhook::event::{Event, Wire};

use super::browser::{Browser, PHONE, at};
use crate::harness::{spawn_app, spawn_app_with};

#[tokio::test]
async fn a_long_name_of_a_destination_makes_no_page_wider_than_the_screen() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let name = "a-destination-whose-name-has-40-letters-";
    let destinations = format!(
        r#"[{{name = "{name}", kind = "command", command = ["/bin/true"]}}, {{name = "b", kind = "command", command = ["/bin/true"]}}]"#
    );
    let app = spawn_app_with(&[("delivery.destination", &destinations)]).await;
    let ids = Ids::fresh();
    let body = crate::harness::json(&crate::harness::sample_with(
        "crawling.initial",
        &ids,
        Wire::V2024_07,
    ));
    assert_eq!(app.post(&body).await.status(), 200);
    let receipt = app.receipts().await[0]["id"].as_str().unwrap().to_owned();

    for path in [
        "/deliveries",
        "/replays",
        "/destinations",
        &format!("/jobs/{}", ids.event_id),
        &format!("/receipts/{receipt}"),
    ] {
        browser.judge(&at(&app, path)).await;
    }
}

#[tokio::test]
async fn on_a_card_what_stands_behind_a_long_text_is_not_squeezed_beside_it() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let app = spawn_app().await;
    let reason = "The crawl ended before its time since a page that it came to had no end. ".repeat(10);
    let detail = Some(reason);
    let failed = notification(Event::CrawlingFailed { detail }, &Ids::fresh(), Wire::V2024_07);
    assert_eq!(app.post(&to_json(&failed)).await.status(), 200);

    browser.with_width(PHONE).await;
    browser.open(&at(&app, "/jobs")).await;

    // It begins on the last line of the text, or below.
    let behind = "const lines = (it) => { const range = document.createRange(); range.selectNodeContents(it); \
                  return [...range.getClientRects()].map((line) => line.top); }; \
                  return [...document.querySelectorAll('td bdi + .quiet')].map((it) => \
                  lines(it)[0] >= Math.max(...lines(it.previousElementSibling)) - 2);";
    assert_eq!(browser.run(behind).await, serde_json::json!([true]));
}

#[tokio::test]
async fn who_has_their_browser_write_larger_reads_larger_letters() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let app = spawn_app().await;
    let size = "return getComputedStyle(document.body).fontSize;";
    browser.open(&at(&app, "/")).await;
    assert_eq!(browser.run(size).await, "15px");

    browser.with_letters(32).await;
    browser.open(&at(&app, "/")).await;

    assert_eq!(browser.run(size).await, "30px");
}
