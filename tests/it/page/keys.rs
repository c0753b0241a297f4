//! Promise: all can be done by keys alone.

use std::collections::BTreeSet;

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
    let all = "window.all = [...document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')] \
               .filter((it) => it.checkVisibility() && !it.disabled); return all.map((it) => it.outerHTML);";
    let all = browser.run(all).await;
    let all = all.as_array().unwrap();

    assert_eq!(browser.tab().await, "To the content");
    let mut reached = BTreeSet::new();
    for _ in 0..all.len() + 5 {
        let place = browser
            .run("return window.all.indexOf(document.activeElement);")
            .await;
        reached.extend(place.as_u64());
        browser.tab().await;
    }

    let missed = (0..).zip(all).filter(|(place, _)| !reached.contains(place));
    let missed: Vec<_> = missed.map(|(_, element)| element).collect();
    assert!(!all.is_empty() && missed.is_empty(), "{missed:#?}");
}
