//! Promise: whatever stands in the texts of others, what stands beside them stays as readable as it was.

use caigunn_webhook::event::sample::{Ids, notification, to_json};
use caigunn_webhook::event::{Event, Wire};

use super::browser::{Browser, at};
use super::walker::Walker;
use crate::harness::{App, spawn_app, spawn_app_with, wait_for};

/// Has a receiver take a job that failed for that reason.
async fn fail(app: &App, reason: String) -> Ids {
    let ids = Ids::fresh();
    let detail = Some(reason);
    let failed = notification(Event::CrawlingFailed { detail }, &ids, Wire::V2024_07);
    assert_eq!(app.post(&to_json(&failed)).await.status(), 200);
    ids
}

#[tokio::test]
async fn beside_a_long_reason_words_stay_whole() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let app = spawn_app().await;
    let reason = "The crawl ended before its time since a page that it came to had no end. ".repeat(5);
    fail(&app, reason[..319].to_owned()).await;

    for path in ["/jobs", "/receipts"] {
        browser.open(&at(&app, path)).await;
        let broken = "return [...document.querySelectorAll('th, td .state, td .id, td bdi')] \
                      .filter((it) => !it.textContent.trim().includes(' ')) \
                      .filter((it) => { const range = document.createRange(); range.selectNodeContents(it); \
                      return new Set([...range.getClientRects()].map((line) => line.top)).size > 1; }) \
                      .map((it) => it.textContent);";
        assert_eq!(browser.run(broken).await, serde_json::json!([]), "{path}");
        browser.judge_here().await;
    }
}

#[tokio::test]
async fn accents_beyond_what_a_letter_can_have_are_counted_and_not_drawn() {
    let app = spawn_app().await;
    let ids = fail(&app, format!("Z{} it said", "\u{301}".repeat(400))).await;
    let receipt = app.receipts().await[0]["id"].as_str().unwrap().to_owned();
    let mut walker = Walker::before(&app);

    for path in [
        "/jobs".to_owned(),
        format!("/jobs/{}", ids.event_id),
        format!("/receipts/{receipt}"),
    ] {
        let page = walker.get(&path).await;
        let four = format!("Z{}⟨396 more accents⟩ it said", "\u{301}".repeat(4));
        assert!(page.says(&four), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn of_an_answer_what_cannot_be_seen_is_named_and_its_lines_stay() {
    let destination = r#"[{name = "app", kind = "command", command = ["/bin/sh", "-c",
        'printf "one\000\342\200\256\r\ntwo\n"; exit 1']}]"#;
    let app = spawn_app_with(&[
        ("delivery.destination", destination),
        ("delivery.retry_schedule_seconds", "[0]"),
    ])
    .await;
    fail(&app, "no reason".to_owned()).await;
    let dead = wait_for("a dead letter", || async {
        let page = app.api("/deliveries?state=dead").await;
        let id = page["deliveries"][0]["id"].as_str().map(str::to_owned);
        id.ok_or(page.to_string())
    })
    .await;
    let receipt = dead.strip_prefix("app/").expect("it is of app").to_owned();
    let mut walker = Walker::before(&app);

    for path in [format!("/deliveries/{dead}"), format!("/receipts/{receipt}")] {
        let page = walker.get(&path).await;
        let expected = "<pre>one⟨U+0000⟩⟨U+202E⟩\ntwo\n</pre>";
        assert!(page.says(expected), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn of_a_body_as_it_came_all_letters_stand_in_their_order_and_are_copied_as_they_are() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let app = spawn_app().await;
    let ids = fail(&app, "an \u{202e}abcdef\u{2069}\u{2067}ghi\u{200b}jkl".to_owned()).await;
    let receipt = app.receipts().await[0]["id"].as_str().unwrap().to_owned();
    let body = app.admin(&format!("/receipts/{receipt}/body")).await;
    let body = body.text().await.unwrap();
    assert!(
        body.contains('\u{202e}') && body.contains(&ids.event_id.to_string()),
        "{body}"
    );
    browser.open(&at(&app, &format!("/receipts/{receipt}"))).await;
    browser
        .run("document.querySelectorAll('main details').forEach((it) => { it.open = true; });")
        .await;

    for id in ["raw", "curl"] {
        // What is seen from left to right, line by line, but for blanks, and what is there.
        let seen = format!(
            "const pre = document.getElementById('{id}'); const walker = document.createTreeWalker(pre, 4); const seen = []; \
             while (walker.nextNode()) {{ const node = walker.currentNode; for (let at = 0; at < node.length; at += 1) {{ \
             if (!/[!-~]/.test(node.data[at])) continue; const range = document.createRange(); range.setStart(node, at); \
             range.setEnd(node, at + 1); const box = range.getBoundingClientRect(); seen.push([box.top, box.left, node.data[at]]); }} }} \
             seen.sort((one, other) => Math.abs(one[0] - other[0]) > 5 ? one[0] - other[0] : one[1] - other[1]); \
             getSelection().selectAllChildren(pre); \
             return [seen.map((it) => it[2]).join(''), pre.textContent, getSelection().toString()];"
        );
        let seen = browser.run(&seen).await;
        let [seen, there, selected]: [String; 3] = serde_json::from_value(seen).unwrap();

        let plain: String = there.chars().filter(char::is_ascii_graphic).collect();
        assert_eq!(seen, plain, "{id}");
        assert_eq!(there, selected, "{id}");
        let is_whole = if id == "raw" {
            there == body
        } else {
            there.contains(&body)
        };
        assert!(is_whole, "{id}: {there} {body}");
    }
    browser.judge_here().await;
}
