//! Promise: all can be done by keys alone.

use super::browser::{Browser, at, filled};
use crate::harness::spawn_app;

#[tokio::test]
async fn rows_are_gone_through_with_j_and_k_and_opened_and_the_search_and_the_keys_are_a_key_away() {
    let app = spawn_app().await;
    filled(&app).await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/receipts")).await;
    browser.wait_for_text("training.initial").await;
    let row = async || {
        let row = "return [...document.querySelectorAll('main tbody tr')].findIndex((row) => row.contains(document.activeElement));";
        browser.run(row).await
    };

    browser.press("jjj").await;
    assert_eq!(row().await, 2);
    browser.press("k").await;
    assert_eq!(row().await, 1);
    browser.press("/").await;
    assert_eq!(browser.run("return document.activeElement.id;").await, "q");
    browser.press("j?").await;
    assert_eq!(browser.run("return document.activeElement.value;").await, "j?");
    browser
        .run("document.activeElement.value = ''; document.activeElement.blur();")
        .await;
    browser.press("?").await;
    browser.wait_for_text("the next row").await;
    browser.press("\u{e00c}").await;
    assert_eq!(
        browser.run("return document.getElementById('keys').open;").await,
        false
    );
    browser.press("j\u{e007}").await;

    browser.wait_for_text("Receipt of training.initial").await;
    browser.assert_quiet().await;
}

#[tokio::test]
async fn whatever_can_be_clicked_on_is_reached_by_tab_the_content_first() {
    let app = spawn_app().await;
    filled(&app).await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/receipts")).await;
    let count =
        "return document.querySelectorAll('a, button:not([hidden] *), input, select, summary').length;";
    let count = browser.run(count).await.as_u64().unwrap();

    let mut reached = vec![browser.tab().await];
    for _ in 0..count + 5 {
        reached.push(browser.tab().await);
    }

    assert_eq!(reached[0], "To the content");
    for name in ["q", "Find", "Jobs", "filter-event", "Filter", "Pause"] {
        assert!(reached.iter().any(|it| it == name), "{name}: {reached:?}");
    }
}
