//! Promise: a tab that is not seen holds no connection and catches up at once when it is seen again; one that is seen says when the
//! receiver does not answer; and what is renewed by itself leaves open what is open, and the focus where it is.

use super::browser::{Browser, at, filled};
use crate::harness::application::{Application, Reply};
use crate::harness::{
    App, Process, closed_folder, free_port, json, processes, sample, spawn_app, spawn_app_with,
};

/// More than a browser has connections to one host.
const TABS: usize = 8;

async fn accept(app: &App, name: &str) {
    assert_eq!(app.post(&json(&sample(name))).await.status(), 200);
}

#[tokio::test]
async fn tabs_that_are_not_seen_take_nothing_from_the_one_that_is_and_catch_up() {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = format!(
        r#"[{{name = "app", kind = "http", url = "{}"}}]"#,
        application.url()
    );
    let app = spawn_app_with(&[("delivery.destination", &destination)]).await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    let driver = browser.driver();
    let mut tabs = vec![driver.window().await.expect("it has one")];
    for number in 0..TABS {
        if number > 0 {
            tabs.push(driver.new_tab().await.expect("it opens"));
            driver
                .switch_to_window(tabs[number].clone())
                .await
                .expect("it is there");
        }
        browser
            .open(&at(&app, if number % 2 == 0 { "/receipts" } else { "/" }))
            .await;
        browser.wait_for_stream("live").await;
        browser.run("window.isTheSame = true;").await;
    }

    accept(&app, "crawling.completed").await;

    browser.wait_for_text("app took nothing since").await;
    browser.wait_for_text("1 came since this page was loaded").await;
    for tab in tabs {
        driver.switch_to_window(tab).await.expect("it is there");
        browser.wait_for_stream("live").await;
        browser.wait_for_text("app took nothing since").await;
        browser.wait_for_text("1 came since this page was loaded").await;
        assert_eq!(browser.run("return window.isTheSame;").await, true);
    }
    browser.assert_quiet().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_is_not_called_live_and_well_and_is_both_again_when_it_goes_on() {
    let folder = closed_folder();
    let listen = format!("127.0.0.1:{}", free_port());
    let process = Process::start(folder.path(), &[("CAIGUNN_ADMIN_LISTEN", &listen)]).await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&format!("http://{listen}/receipts")).await;
    browser.wait_for_stream("live").await;
    browser.wait_for_text("nothing needs a person").await;

    processes::freeze(&[process.id()]);
    browser.wait_for_text("no answer from the receiver since").await;
    browser.wait_for_stream("not connected").await;
    processes::thaw(&[process.id()]);

    browser.wait_for_stream("live").await;
    browser.wait_for_text("nothing needs a person").await;
}

#[tokio::test]
async fn what_is_open_and_has_the_focus_on_the_overview_is_renewed_and_stays_so() {
    let app = spawn_app().await;
    filled(&app).await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/")).await;
    browser.wait_for_text("Received in the last hour: 5").await;
    browser.click("#overview summary").await;

    filled(&app).await;

    browser.wait_for_text("Received in the last hour: 10").await;
    browser.wait_for_text("2 failed").await;
    let is_kept = "const summary = document.querySelector('#overview summary'); \
                   return summary.parentElement.open && document.activeElement === summary;";
    assert_eq!(browser.run(is_kept).await, true);
    browser.judge_here().await;
}
