//! Promise: what comes is seen at once and without a reload; a viewer that was cut off or is slow catches up; and however many
//! come and go, nothing is left of them.

use std::sync::Arc;
use std::time::Duration;

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use caigunn_webhook::inbox::Inbox;
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use reqwest::Response;
use serde_json::Value;

use super::browser::{Browser, at, filled};
use super::walker::Walker;
use crate::harness::application::{Application, Reply};
use crate::harness::{App, json, sample, sample_with, spawn_app, spawn_app_on, spawn_app_with, wait_for};

const TOKEN: &str = "admin-token-0123456789abcdef";

/// Watches what comes, as a browser does that has seen so far.
async fn watch(app: &App, query: &str, last_id: Option<u64>) -> Response {
    let mut request = app.client.get(at(app, &format!("/live{query}")));
    if let Some(id) = last_id {
        request = request.header("last-event-id", id.to_string());
    }
    request.send().await.expect("the page answers")
}

/// What is said up to that text.
pub(super) async fn until(response: &mut Response, text: &str) -> String {
    let reading = async {
        let mut said = String::new();
        while !said.contains(text) {
            let chunk = response.chunk().await.expect("it goes on");
            said.push_str(std::str::from_utf8(&chunk.expect("it goes on")).expect("text"));
        }
        said
    };
    tokio::time::timeout(crate::harness::PATIENCE, reading)
        .await
        .expect(text)
}

/// What the last event has in it.
fn last_data(said: &str) -> Value {
    let data = said.rsplit_once("data: ").expect("an event").1;
    serde_json::from_str(data.trim()).expect("JSON")
}

async fn accept(app: &App, count: usize) {
    for _ in 0..count {
        assert_eq!(app.post(&json(&sample("crawling.completed"))).await.status(), 200);
    }
}

#[tokio::test]
async fn the_first_event_is_seen_without_a_reload() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/receipts")).await;
    browser.wait_for_text("There is no receipt like that.").await;
    browser.wait_for_stream("live").await;
    browser.run("window.isTheSame = true;").await;

    accept(&app, 1).await;

    browser.wait_for_text("crawling.completed").await;
    browser.wait_for_text("1 came since this page was loaded").await;
    assert_eq!(browser.run("return window.isTheSame === true;").await, true);
    let is_empty_hidden = "return document.querySelector('main .empty').hidden;";
    assert_eq!(browser.run(is_empty_hidden).await, true);
    browser.judge_here().await;
}

#[tokio::test]
async fn the_first_event_is_seen_on_the_overview_too() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/")).await;
    browser.wait_for_text("Nothing was received yet.").await;
    browser.wait_for_stream("live").await;

    accept(&app, 1).await;

    browser.wait_for_text("1 came since this page was loaded").await;
    let rows = "return document.querySelectorAll('#live ~ table tbody tr').length;";
    assert_eq!(browser.run(rows).await, 1);
    browser.judge_here().await;
}

#[tokio::test]
async fn an_open_page_says_how_it_goes_now_and_when_nobody_answers() {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = format!(
        r#"[{{name = "app", kind = "http", url = "{}"}}]"#,
        application.url()
    );
    let app = spawn_app_with(&[("delivery.destination", &destination)]).await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/settings")).await;
    browser.wait_for_text("nothing needs a person").await;

    accept(&app, 1).await;

    browser.wait_for_text("app took nothing since").await;
    browser.wait_for_text("answered 500").await;
    app.stop().await;
    browser.wait_for_text("no answer from the receiver").await;
}

#[tokio::test]
async fn who_looks_how_it_goes_has_an_idle_receiver_write_nothing() {
    let app = spawn_app().await;
    let commits = async || {
        let metrics = app.admin("/metrics").await.text().await.unwrap();
        let count = metrics
            .lines()
            .find(|line| line.starts_with("caigunn_webhook_batch_entries_count "));
        count.expect("it is counted").to_owned()
    };
    accept(&app, 1).await;
    let before = commits().await;

    // Longer than a commit is evidence for who wants it fresh, as `doctor` does.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let line = app.admin("/health").await.text().await.unwrap();

    assert!(line.contains("Well: the inbox takes writes"), "{line}");
    assert_eq!(commits().await, before);
}

#[tokio::test]
async fn where_all_receipts_have_expired_the_next_one_is_the_only_one_that_came() {
    let folder = tempfile::tempdir().expect("a folder");
    let loaded = config::load(&Sources::default()).expect("the defaults are right");
    let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), loaded.settings.inbox).expect("it opens");
    let inbox: Arc<dyn Inbox> = Arc::new(inbox);
    let app = spawn_app_on(Arc::clone(&inbox), &[]).await;
    accept(&app, 3).await;
    while inbox.expire(Timestamp::now()).await.expect("the inbox works") > 0 {}
    let mut viewer = watch(&app, "", Some(3)).await;
    until(&mut viewer, "event: seen").await;

    accept(&app, 1).await;

    let said = last_data(&until(&mut viewer, "data: ").await);
    assert_eq!((&said["count"], &said["more"]), (&1.into(), &0.into()), "{said}");
    app.stop().await;
}

#[tokio::test]
async fn who_signs_out_watches_no_more() {
    let token = TOKEN;
    let app = spawn_app_with(&[("admin.token", token)]).await;
    let mut walker = Walker::before(&app);
    assert_eq!(walker.sign_in(token).await.status, 303);
    let form_token = walker.get("/").await.field("form_token");
    let request = app
        .client
        .get(at(&app, "/live"))
        .header("cookie", walker.cookie());
    let mut viewer = request.send().await.unwrap();
    assert_eq!(viewer.status(), 200);
    until(&mut viewer, "retry: ").await;

    walker.post("/sign-out", &[("form_token", &form_token)]).await;

    let reading = async { while viewer.chunk().await.is_ok_and(|chunk| chunk.is_some()) {} };
    tokio::time::timeout(crate::harness::PATIENCE, reading)
        .await
        .expect("it ends");
}

#[tokio::test]
async fn it_can_be_paused_and_goes_on_with_what_came_meanwhile() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/receipts?event=crawling")).await;
    browser.wait_for_stream("live").await;

    browser.click("#live button").await;
    browser.wait_for_stream("paused").await;
    accept(&app, 3).await;
    app.post(&json(&sample("training.initial"))).await;
    let rows = "return document.querySelectorAll('main tbody tr').length;";
    assert_eq!(browser.run(rows).await, 0);
    browser.click("#live button").await;

    wait_for("three rows", || async {
        let rows = browser.run(rows).await;
        if rows == 3 { Ok(()) } else { Err(rows.to_string()) }
    })
    .await;
    browser.assert_quiet().await;
}

#[tokio::test]
async fn the_page_says_when_it_is_cut_off_and_comes_back_by_itself() {
    let folder = crate::harness::closed_folder();
    let port = crate::harness::free_port();
    let listen = format!("127.0.0.1:{port}");
    let variables = [("CAIGUNN_ADMIN_LISTEN", &*listen)];
    let process = crate::harness::Process::start(folder.path(), &variables).await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&format!("http://{listen}/receipts")).await;
    browser.wait_for_stream("live").await;

    drop(process);
    browser.wait_for_stream("not connected").await;
    let process = crate::harness::Process::start(folder.path(), &variables).await;

    browser.wait_for_stream("live").await;
    let body = json(&sample("crawling.completed")).to_string();
    let request = crate::harness::client().post(process.url("/webhook")).body(body);
    request
        .header("content-type", "application/json")
        .send()
        .await
        .unwrap();
    browser.wait_for_text("crawling.completed").await;
}

#[tokio::test]
async fn who_was_cut_off_is_told_what_it_missed_and_of_very_much_how_much() {
    let app = spawn_app().await;
    accept(&app, 80).await;

    let mut missed_some = watch(&app, "", Some(10)).await;
    let said = until(&mut missed_some, "\n\n").await;

    assert!(said.contains("id: 80\n"), "{said}");
    let data = last_data(&said);
    let row_count = data["rows"].as_str().expect("text").matches("<tr").count();
    assert_eq!(
        (row_count, &data["count"], &data["more"]),
        (50, &50.into(), &20.into())
    );
    let mut missed_nothing = watch(&app, "", Some(80)).await;
    assert!(until(&mut missed_nothing, "\n\n").await.starts_with("retry: "));
    accept(&app, 1).await;
    let said = until(&mut missed_nothing, "data: ").await;
    assert!(said.contains("id: 81\n"), "{said}");
}

#[tokio::test]
async fn a_viewer_with_a_filter_is_told_of_nothing_else() {
    let app = spawn_app().await;
    let mine = Ids::fresh();
    let mut viewer = watch(
        &app,
        &format!("?chatbot_id={}&after=newest", mine.chatbot_id),
        None,
    )
    .await;
    until(&mut viewer, "retry: ").await;

    accept(&app, 3).await;
    app.post(&json(&sample_with("training.initial", &mine, Wire::V2024_07)))
        .await;

    let said = until(&mut viewer, "data: ").await;
    assert!(
        said.contains("training.initial") && !said.contains("crawling.completed"),
        "{said}"
    );
}

#[tokio::test]
async fn a_viewer_with_a_filter_that_goes_away_for_a_while_goes_on_behind_what_was_looked_at() {
    let app = spawn_app().await;
    let mut viewer = watch(&app, "?event=training&after=newest", None).await;
    until(&mut viewer, "retry: ").await;

    accept(&app, 3).await;

    until(&mut viewer, "event: seen\nid: 3\ndata\n\n").await;
}

#[tokio::test]
async fn for_a_filter_a_thousand_are_looked_through() {
    let app = spawn_app().await;
    let mine = Ids::fresh();
    let others = async |count: usize| {
        let posts = (0..10).map(|_| accept(&app, count / 10));
        futures_util::future::join_all(posts).await;
    };
    others(100).await;
    app.post(&json(&sample_with("training.initial", &mine, Wire::V2024_07)))
        .await;
    others(950).await;

    let query = format!("?chatbot_id={}", mine.chatbot_id);
    let mut viewer = watch(&app, &query, Some(0)).await;
    let said = until(&mut viewer, "}\n\n").await;

    let data = last_data(&said);
    let told = [&data["count"], &data["more"], &data["unread"]].map(Value::as_u64);
    assert_eq!(told, [Some(1), Some(0), Some(51)], "{data}");
    assert!(said.contains("training.initial"), "{said}");
}

#[tokio::test]
async fn a_flood_is_told_by_the_newest_and_a_count() {
    let app = spawn_app().await;
    let mut viewer = watch(&app, "?after=0", None).await;
    until(&mut viewer, "retry: ").await;
    let mut shown = 0;
    let mut frames = 0;

    let posting = async {
        let posts = (0..20).map(|_| accept(&app, 100));
        futures_util::future::join_all(posts).await;
    };
    let watching = async {
        let mut last = 0;
        let mut more = 0;
        while last < 2000 {
            let said = until(&mut viewer, "}\n\n").await;
            for event in said.split("\n\n").filter(|event| event.contains("data: ")) {
                let id = event
                    .split("id: ")
                    .nth(1)
                    .expect("an id")
                    .lines()
                    .next()
                    .expect("a line");
                last = id.parse().expect("a number");
                let data = last_data(event);
                assert!(data["count"].as_u64() <= Some(50), "{data}");
                shown += data["count"].as_u64().expect("a number");
                more += data["more"].as_u64().expect("a number");
                frames += 1;
            }
        }
        more
    };
    let ((), more) = tokio::join!(posting, watching);

    assert_eq!(shown + more, 2000);
    assert!(frames < 1000, "{frames} frames");
}

#[tokio::test]
async fn a_hundred_may_watch_and_nothing_is_left_of_those_that_went() {
    let app = spawn_app().await;
    for _ in 0..3 {
        let mut viewers = Vec::new();
        for _ in 0..100 {
            let viewer = wait_for("a place", || async {
                let viewer = watch(&app, "", None).await;
                if viewer.status() == 200 {
                    Ok(viewer)
                } else {
                    Err(viewer.status().to_string())
                }
            })
            .await;
            viewers.push(viewer);
        }

        let refused = watch(&app, "", None).await;

        assert_eq!(refused.status(), 503);
        assert!(refused.text().await.unwrap().contains("too many watch"));
    }
    accept(&app, 1).await;
}

#[tokio::test]
async fn viewers_hold_up_no_stop() {
    let app = spawn_app().await;
    let mut viewer = watch(&app, "", None).await;
    until(&mut viewer, "retry: ").await;

    let stopped = tokio::time::timeout(crate::harness::PATIENCE, app.stop()).await;

    assert!(stopped.is_ok());
    let reading = async { while viewer.chunk().await.is_ok_and(|chunk| chunk.is_some()) {} };
    assert!(
        tokio::time::timeout(crate::harness::PATIENCE, reading)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_overview_says_how_it_is_now_without_a_reload() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/")).await;
    browser.wait_for_text("none yet").await;
    browser.run("document.body.dataset.isFirst = true;").await;

    filled(&app).await;

    browser.wait_for_text("Received in the last hour: 5").await;
    browser.wait_for_text("1 failed").await;
    assert_eq!(browser.run("return document.body.dataset.isFirst;").await, "true");
    browser.assert_quiet().await;
}

/// Signs in where one is led to the jobs then.
async fn sign_in(browser: &Browser) {
    browser.type_into("input[name=token]", TOKEN).await;
    browser.click("main form button").await;
    browser.wait_for_text("Jobs, newest first").await;
}

#[tokio::test]
async fn an_open_page_says_that_its_session_has_ended() {
    let app = spawn_app_with(&[("admin.token", TOKEN)]).await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/jobs?state=failed&event=crawling")).await;
    sign_in(&browser).await;
    let token = browser
        .run("return document.querySelector('form[action=\"/sign-out\"] input[name=form_token]').value;")
        .await;

    // As in another window.
    let sign_out = format!(
        "const form = new URLSearchParams({{form_token: {token}}}); \
         return fetch('/sign-out', {{method: 'POST', body: form, redirect: 'manual'}}).then(() => true);"
    );
    browser.run(&sign_out).await;

    browser.wait_for_text("You are not signed in any more").await;
    browser.click("#health a").await;
    sign_in(&browser).await;
    assert!(browser.url().await.ends_with("/jobs?state=failed&event=crawling"));
}

/// What the page has in a list asked for by a script, as text.
async fn text_of(browser: &Browser, selector: &str) -> String {
    let text = browser
        .run(&format!(
            "return document.querySelector('{selector}')?.textContent ?? '';"
        ))
        .await;
    text.as_str().expect("text").to_owned()
}

#[tokio::test]
async fn what_a_page_is_asked_for_that_it_does_not_know_breaks_no_stream() {
    let app = spawn_app().await;
    let mut walker = Walker::before(&app);
    for path in [
        "/?utm_source=mail",
        "/receipts?after=5&event=crawling",
        "/receipts?limit=7&event=crawling",
    ] {
        let page = walker.get(path).await;

        let source = page
            .text
            .split("data-source=\"")
            .nth(1)
            .expect("it is live")
            .split('"')
            .next();
        let source = source.expect("it ends").replace("&amp;", "&");
        let expected = if path.starts_with("/?") {
            "/live?after=0"
        } else {
            "/live?event=crawling&after=0"
        };
        assert_eq!(source, expected, "{path}");
    }
}

#[tokio::test]
async fn where_rows_have_gone_to_make_room_older_goes_on_behind_the_last_that_is_left() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    accept(&app, 3).await;
    browser.open(&at(&app, "/receipts?event=crawling")).await;
    browser.wait_for_stream("live").await;
    assert_eq!(
        browser
            .run("return document.querySelector('.pager').hidden;")
            .await,
        true
    );

    for came in [50, 100, 150, 200] {
        accept(&app, 50).await;
        wait_for(&format!("{came} to be seen"), || async {
            let said = text_of(&browser, "#live .count").await;
            said.starts_with(&format!("{came} came"))
                .then_some(())
                .ok_or(said)
        })
        .await;
    }
    let last = browser
        .run("return document.querySelector('main tbody tr:last-child').dataset.sequence;")
        .await;
    let last: u64 = last
        .as_str()
        .expect("it has its number")
        .parse()
        .expect("a number");
    browser.judge_here().await;
    browser.click(".pager a[rel=next]").await;
    browser.wait_for_text("Newest").await;

    let next = browser
        .run("return document.querySelector('main tbody tr').dataset.sequence;")
        .await;
    assert_eq!(next, (last - 1).to_string());
    assert!(
        browser.url().await.contains("event=crawling&cursor="),
        "{}",
        browser.url().await
    );
    browser.assert_quiet().await;
}

/// Has what a page watches be a stream that a test says what comes of: `window.streams` has each that was opened.
const OWN_STREAM: &str = "window.streams = []; \
    window.EventSource = class { \
        constructor() { this.readyState = 0; window.streams.push(this); } \
        addEventListener() {} \
        close() { this.readyState = 2; } \
    };";

/// A browser that shows receipts, and watches a stream of the test's own; `None` where there is none.
async fn watching_own_stream(app: &App) -> Option<Browser> {
    let browser = Browser::start().await?;
    browser.open(&at(app, "/receipts")).await;
    browser.wait_for_stream("live").await;
    browser.click("#live button").await;
    browser.run(OWN_STREAM).await;
    browser.click("#live button").await;
    Some(browser)
}

#[tokio::test]
async fn all_that_came_too_fast_is_counted_together() {
    let app = spawn_app().await;
    let Some(browser) = watching_own_stream(&app).await else {
        return;
    };

    for unread in [7, 5, 0] {
        let came = format!("{{rows: '', count: 0, more: 0, unread: {unread}}}");
        let tell =
            format!("window.streams[0].onmessage({{lastEventId: '1', data: JSON.stringify({came})}});");
        browser.run(&tell).await;
    }

    let said = text_of(&browser, "#live .count").await;
    assert!(said.contains("; 12 came too fast"), "{said}");
}

#[tokio::test]
async fn a_stream_that_is_refused_again_and_again_is_not_said_again_and_again() {
    let app = spawn_app().await;
    let Some(browser) = watching_own_stream(&app).await else {
        return;
    };
    let refuse = "const stream = window.streams.at(-1); stream.readyState = 2; EventSource.CLOSED = 2; stream.onerror();";
    browser.run(refuse).await;
    browser.wait_for_stream("not connected").await;
    browser
        .run(
            "window.said = 0; \
             new MutationObserver((all) => { window.said += all.length; }) \
                 .observe(document.querySelector('#live .state'), {childList: true, characterData: true, subtree: true});",
        )
        .await;

    for _ in 0..3 {
        browser
            .run("document.dispatchEvent(new Event('visibilitychange'));")
            .await;
        // Else there would be nothing to be refused. How many there were is not said: a look at how it goes tries one, too.
        let state = browser.run("return window.streams.at(-1).readyState;").await;
        assert_ne!(state, 2, "a new stream is tried");
        browser.run(refuse).await;
    }

    assert_eq!(browser.run("return window.said;").await, 0);
}

#[tokio::test]
async fn what_is_no_answer_of_the_receiver_says_that_there_is_none_and_the_line_is_left_alone_while_it_is_the_same()
 {
    let app = spawn_app().await;
    // So that the line has what the server writes otherwise than a browser does.
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.open(&at(&app, "/settings")).await;
    browser.wait_for_text("nothing needs a person").await;
    let answers = |html: &str| {
        format!(
            "window.fetch = async () => {{ window.asked = (window.asked ?? 0) + 1; \
             return new Response({}); }}; window.asked = 0; \
             document.dispatchEvent(new Event('visibilitychange'));",
            serde_json::json!(html)
        )
    };
    let asked = async || {
        wait_for("the line to be asked for", || async {
            let asked = browser.run("return window.asked;").await;
            (asked != 0).then_some(()).ok_or(asked.to_string())
        })
        .await;
    };
    let line = "<p class=\"health well\" id=\"health\"><a href=\"/\"><bdi>Well: &quot;so&quot;</bdi></a></p>";

    browser.run(&answers(line)).await;
    browser.wait_for_text("Well: \"so\"").await;
    browser
        .run("window.line = document.getElementById('health');")
        .await;
    browser.run(&answers(line)).await;
    asked().await;
    // What follows is said by the same element, if nothing has put another one there.
    browser.run(&answers("<h1>Sign in to the network</h1>")).await;
    browser
        .wait_for_text("Not known: no answer from the receiver since")
        .await;
    assert_eq!(browser.run("return window.line.isConnected;").await, true);
    browser.run(&answers(line)).await;
    browser.wait_for_text("Well: \"so\"").await;
}
