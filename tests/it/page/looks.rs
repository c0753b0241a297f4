//! Promise: on each page nothing is on the console, nothing breaks its policy, axe-core finds nothing, nothing scrolls sideways
//! on a phone.

use super::browser::{Browser, at, filled};
use crate::harness::{spawn_app, spawn_app_with, wait_for};

#[tokio::test]
async fn the_overview_and_an_error_are_well_made() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.judge(&at(&app, "/")).await;
    filled(&app).await;

    browser.judge(&at(&app, "/")).await;
    browser.judge(&at(&app, "/receipts?event=crawling")).await;
    browser.open(&at(&app, "/receipts/nothing")).await;
    let said = browser.console().await;
    assert!(said.len() == 1 && said[0].contains("status of 404"), "{said:?}");
    browser.judge_here().await;
}

#[tokio::test]
async fn the_sign_in_is_well_made() {
    let app = spawn_app_with(&[("admin.token", "admin-token-0123456789abcdef")]).await;
    let Some(browser) = Browser::start().await else {
        return;
    };

    browser.judge(&at(&app, "/")).await;

    assert!(browser.url().await.ends_with("/sign-in"));
}

#[tokio::test]
async fn what_is_not_of_the_page_does_not_run_and_the_browser_says_so() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/")).await;
    browser.assert_quiet().await;

    let plant = "const planted = document.createElement('script'); planted.textContent = 'window.isHarmed = true'; \
                 document.body.append(planted);";
    browser.run(plant).await;

    wait_for("the breach", || async {
        let said = browser.console().await.concat();
        if said.contains("Content Security Policy") {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await;
    let is_unharmed = "return window.isHarmed === undefined;";
    assert_eq!(browser.run(is_unharmed).await, true);
}
