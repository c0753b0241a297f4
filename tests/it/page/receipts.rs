//! Promise: receipts are found by filters that are in the address, and of one all is shown as it came, with its deliveries, and
//! sent once more by a button; with a script and without.

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::browser::{Browser, at, filled};
use super::walker::Walker;
use crate::harness::application::{Application, Reply};
use crate::harness::{
    App, PATIENCE, Process, client, closed_folder, json as body_of, sample_with, spawn_app, spawn_app_with,
    wait_for,
};

/// Posts a body and gives its receipt's id.
async fn accept(app: &App, body: &str) -> String {
    let answer: Value = app
        .post_bytes("application/json", body.to_owned())
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(answer["outcome"], "accepted", "{answer}");
    answer["receipt_id"].as_str().expect("a text").to_owned()
}

/// A receiver that delivers to an application.
async fn delivering() -> (App, Application) {
    let application = Application::start().await;
    let destination = format!(
        r#"[{{name = "app", kind = "http", url = "{}"}}]"#,
        application.url()
    );
    (
        spawn_app_with(&[("delivery.destination", &destination)]).await,
        application,
    )
}

#[tokio::test]
async fn the_first_view_is_small() {
    let app = spawn_app().await;
    filled(&app).await;
    for _ in 0..10 {
        let body = body_of(&sample_with("crawling.completed", &Ids::fresh(), Wire::V2024_07));
        accept(&app, &body.to_string()).await;
    }
    let mut bytes = 0;
    for path in ["/", "/assets/page.css", "/assets/page.js"] {
        bytes += app.admin(path).await.bytes().await.unwrap().len();
    }

    assert!(bytes <= 60 << 10, "{bytes} bytes");
}

/// What is said of a time that is none, on the page as by commands.
const EXPECTED: &str = "since: expected a time such as 2024-07-30T09:15:00Z, a day such as 2024-07-30 (midnight UTC), or how \
                        long ago, such as 30m, 2h or 7d, found";

#[tokio::test]
async fn a_filter_that_is_none_is_said_above_the_form_with_it() {
    let app = spawn_app().await;
    let mut walker = Walker::before(&app);
    for path in ["/receipts", "/jobs", "/deliveries"] {
        for since in ["2026-11-28", "2026-11-28T09:15"] {
            let listed = walker.get(&format!("{path}?since={since}")).await;
            assert_eq!(listed.status, 200, "{path} {}", listed.text);
        }

        let refused = walker
            .get(&format!("{path}?since=yesterday&event=crawling"))
            .await;

        assert_eq!(refused.status, 400, "{path}");
        assert!(
            refused.says(EXPECTED) && refused.field("since") == "yesterday",
            "{}",
            refused.text
        );
        assert_eq!(refused.field("event"), "crawling");
    }
    let form_token = walker.get("/replays").await.field("form_token");
    let fields = [
        ("form_token", &*form_token),
        ("since", "yesterday"),
        ("event_id", "x"),
        ("max_per_second", "0"),
    ];
    let refused = walker.post("/replays", &fields).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    for words in [
        &EXPECTED.replace("since:", "Received since (UTC):"),
        "<p><bdi>Job: expected a uuid, found &quot;x&quot;</bdi></p>",
        "<p><bdi>At most a second: expected a number from 0.001 to 10000, found 0.0</bdi></p>",
    ] {
        assert!(refused.says(words), "{words}: {}", refused.text);
    }
}

#[tokio::test]
async fn blanks_around_what_one_filters_by_are_left_out() {
    let app = spawn_app().await;
    let ids = filled(&app).await;
    let mut walker = Walker::before(&app);
    let id = ids[0].event_id;

    for path in [
        "/receipts?event=+crawling.completed+".to_owned(),
        format!("/receipts?event_id=+{id}%09&event=+crawling.completed"),
        "/jobs?event=+crawling+&since=+2h+".to_owned(),
    ] {
        let listed = walker.get(&path).await;

        assert_eq!(
            (listed.status, listed.row_count()),
            (200, 1),
            "{path} {}",
            listed.text
        );
        assert!(listed.field("event").starts_with("crawling"), "{}", listed.text);
    }
}

#[tokio::test]
async fn a_plain_client_walks_from_filters_over_pages_to_a_receipt() {
    let app = spawn_app().await;
    let ids = filled(&app).await;
    for _ in 0..60 {
        app.post(&body_of(&sample_with(
            "crawling.completed",
            &Ids::fresh(),
            Wire::V2024_07,
        )))
        .await;
    }
    let mut walker = Walker::before(&app);

    let first = walker
        .get("/receipts?event=crawling.completed&chatbot_id=&since=")
        .await;
    assert_eq!((first.status, first.row_count()), (200, 50));
    assert!(first.says("value=\"crawling.completed\""));
    let next = first
        .text
        .split("rel=\"next\" href=\"")
        .nth(1)
        .expect("a next page")
        .split('"')
        .next()
        .unwrap();
    let second = walker.get(&next.replace("&amp;", "&")).await;
    assert_eq!(second.row_count(), 11);
    assert!(!second.says("rel=\"next\"") && second.says("Newest"));

    let of_job = walker
        .get(&format!(
            "/receipts?event_id={}&event=uploading.failed",
            ids[1].event_id
        ))
        .await;
    assert_eq!(of_job.row_count(), 1);
    let path = of_job
        .text
        .split("href=\"/receipts/")
        .nth(1)
        .expect("a receipt")
        .split('"')
        .next()
        .unwrap();
    let receipt = walker.get(&format!("/receipts/{path}")).await;
    assert!(receipt.status == 200 && receipt.says("Receipt of uploading.failed"));
    let wrong = walker.get("/receipts?since=yesterday").await;
    assert!(
        wrong.status == 400 && wrong.says("since: expected a time"),
        "{}",
        wrong.text
    );
    let missing = walker.get("/receipts/nothing").await;
    assert!(missing.status == 404 && missing.says("there is no receipt nothing"));
}

#[tokio::test]
async fn a_body_is_shown_and_copied_as_it_came() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    let ids = Ids::fresh();
    let body = format!(
        r#"{{"event":"crawling","status":"initial","event_id":"{}","data":{{"chatbot_id":"{}","n":12345678901234567890.10,"it's":"a\u00e9"}}}}"#,
        ids.event_id, ids.chatbot_id
    );
    let id = accept(&app, &body).await;
    browser.judge(&at(&app, &format!("/receipts/{id}"))).await;

    let shown = browser
        .run("return document.getElementById('pretty').textContent;")
        .await;
    assert!(
        shown
            .as_str()
            .unwrap()
            .contains("    \"n\": 12345678901234567890.10,\n"),
        "{shown}"
    );
    assert!(
        shown.as_str().unwrap().contains(r#""it's": "a\u00e9""#),
        "{shown}"
    );
    let raw = "return document.getElementById('raw').textContent;";
    assert_eq!(browser.run(raw).await, *body);
    // As by plain http from elsewhere.
    browser
        .run("Object.defineProperty(navigator, 'clipboard', {value: undefined});")
        .await;
    browser.click("button[data-copy=raw]").await;
    browser.wait_for_text("Cop").await;
    assert_eq!(browser.run("return getSelection().toString();").await, *body);
    browser.click("button[data-copy=curl]").await;
    let selected = browser.run("return getSelection().toString();").await;
    assert!(
        selected
            .as_str()
            .unwrap()
            .starts_with("curl -H 'Content-Type: application/json' --data-binary '{")
    );
    let downloaded = app.admin(&format!("/receipts/{id}/body")).await;
    assert_eq!(downloaded.text().await.unwrap(), body);
    browser.judge_here().await;
    let ends = format!(
        "\n{{\r\n\r{}",
        &body_of(&sample_with("crawling.initial", &Ids::fresh(), Wire::V2024_07)).to_string()[1..]
    );
    let id = accept(&app, &ends).await;
    browser.open(&at(&app, &format!("/receipts/{id}"))).await;
    assert_eq!(browser.run(raw).await, *ends);
}

#[tokio::test]
async fn where_the_store_fails_it_is_not_said_that_a_receipt_goes_nowhere() {
    let application = Application::start().await;
    let destination = json!([{"name": "app", "kind": "http", "url": application.url()}]).to_string();
    let folder = closed_folder();
    let receiver = Process::start(folder.path(), &[("CAIGUNN_DELIVERY_DESTINATION", &destination)]).await;
    let body = body_of(&sample_with("crawling.initial", &Ids::fresh(), Wire::V2024_07));
    let posted = client().post(receiver.url("/webhook")).json(&body).send().await;
    let posted: Value = posted.expect("an answer").json().await.expect("JSON");
    let id = posted["receipt_id"].as_str().expect("an id");
    let mut walker = Walker::before_address(receiver.admin);
    wait_for("the delivery", || async {
        let page = client()
            .get(receiver.api("/deliveries?state=delivered"))
            .send()
            .await;
        let page: Value = page.expect("an answer").json().await.expect("JSON");
        let delivered = page["deliveries"].get(0);
        delivered.map(|_| ()).ok_or(page.to_string())
    })
    .await;

    let inbox = Connection::open(folder.path().join("inbox.db")).expect("it is there");
    inbox.busy_timeout(PATIENCE).expect("it can wait");
    inbox
        .execute_batch("DROP TABLE attempt")
        .expect("it is a statement");
    let page = walker.get(&format!("/receipts/{id}")).await;

    assert!(page.says("What goes to app cannot be read: "), "{}", page.text);
    assert!(!page.says("It goes to no destination."), "{}", page.text);
}

#[tokio::test]
async fn an_attempt_that_cannot_be_read_hides_nothing_else() {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = json!([{"name": "app", "kind": "http", "url": application.url()}]).to_string();
    let folder = closed_folder();
    let variables = [
        ("CAIGUNN_DELIVERY_DESTINATION", &*destination),
        ("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", "[0, 0]"),
    ];
    let receiver = Process::start(folder.path(), &variables).await;
    let ids = Ids::fresh();
    for name in ["crawling.initial", "crawling.completed"] {
        let body = body_of(&sample_with(name, &ids, Wire::V2024_07));
        let posted = client().post(receiver.url("/webhook")).json(&body).send().await;
        assert_eq!(posted.expect("an answer").status(), 200);
    }
    let dead = async |query: &str| {
        let page = client()
            .get(receiver.api(&format!("/deliveries?state=dead{query}")))
            .send()
            .await;
        page.expect("an answer").json::<Value>().await.expect("JSON")["deliveries"].clone()
    };
    let before = wait_for("both to be given up", || async {
        let dead = dead("").await;
        (dead.as_array().map(Vec::len) == Some(2))
            .then_some(dead.clone())
            .ok_or(dead.to_string())
    })
    .await;

    let inbox = Connection::open(folder.path().join("inbox.db")).expect("it is there");
    inbox.busy_timeout(PATIENCE).expect("it can wait");
    let damaged = inbox.execute("UPDATE attempt SET outcome = 'x' WHERE seq = 1", []);
    assert_eq!(damaged.expect("it is a statement"), 1);
    let mut walker = Walker::before_address(receiver.admin);
    let [list, of_job, job] = [
        walker.get("/deliveries").await,
        walker
            .get(&format!("/deliveries?event_id={}", ids.event_id))
            .await,
        walker.get(&format!("/jobs/{}", ids.event_id)).await,
    ];

    for page in [list, of_job, job] {
        assert_eq!(page.status, 200, "{}", page.text);
        assert_eq!(page.text.matches("cannot be read: ").count(), 1, "{}", page.text);
        assert!(page.says("answered 500"), "{}", page.text);
    }
    assert_eq!(dead(&format!("&event_id={}", ids.event_id)).await, before);
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_as_a_page_with_what_cannot_be_seen_named() {
    let app = spawn_app().await;
    let mut walker = Walker::before(&app);

    let no_text = walker.get("/receipts/%FF").await;
    let turning = walker.get("/receipts/a%E2%80%AEb").await;

    assert_eq!(no_text.status, 404);
    assert!(no_text.says("To the overview"), "{}", no_text.text);
    assert_eq!(turning.status, 404);
    assert!(turning.says("there is no receipt a⟨U+202E⟩b"), "{}", turning.text);
}

#[tokio::test]
async fn a_repeat_that_says_something_else_is_shown_with_what_differs() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    let mut body = body_of(&sample_with("crawling.initial", &ids, Wire::V2024_07));
    body["data"]["note"] = json!("first");
    let id = accept(&app, &body.to_string()).await;
    body["data"]["note"] = json!("<b>second</b>");
    assert_eq!(app.post(&body).await.status(), 200);

    let page = Walker::before(&app).get(&format!("/receipts/{id}")).await;

    assert!(
        page.says("Repeats that say something else") && page.says("/data/note"),
        "{}",
        page.text
    );
    assert!(page.says("&lt;b&gt;second&lt;/b&gt;") && !page.says("<b>second"));
}

#[tokio::test]
async fn a_receipt_shows_its_attempts_and_is_sent_once_more_by_a_button() {
    let (app, application) = delivering().await;
    let ids = Ids::fresh();
    let id = accept(
        &app,
        &body_of(&sample_with("crawling.initial", &ids, Wire::V2024_07)).to_string(),
    )
    .await;
    application.wait_for_arrivals(1).await;
    let mut walker = Walker::before(&app);
    let page = wait_for("the delivery", || async {
        let page = Walker::before(&app).get(&format!("/receipts/{id}")).await;
        if page.says("state delivered") {
            Ok(page)
        } else {
            Err(page.text)
        }
    })
    .await;
    assert!(page.says("Attempts to app") && page.says("<option value=\"app\">"));
    let form_token = page.field("form_token");

    let sent = walker
        .post(
            &format!("/receipts/{id}/replay"),
            &[("form_token", &form_token), ("destination", "app")],
        )
        .await;

    assert_eq!(sent.status, 303, "{}", sent.text);
    let leads = sent.location.expect("it leads somewhere");
    assert!(
        leads.starts_with(&format!("/deliveries/app/{id}?notice=")),
        "{leads}"
    );
    application.wait_for_arrivals(2).await;
    let notice = leads.split_once('?').unwrap().1;
    let said = walker.get(&format!("/receipts/{id}?{notice}")).await;
    assert!(said.says("Attempt 2: delivered."), "{}", said.text);
    let made_up = walker
        .get(&format!("/receipts/{id}?notice=Send%20us%20your%20token"))
        .await;
    assert!(!made_up.says("Send us"));
}

#[tokio::test]
async fn hostile_texts_do_no_harm() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    let markup =
        "</pre></td><script>window.isHarmed = true</script><img src=x onerror='window.isHarmed = true'>";
    let bidi = "\u{202e}gpj.exe\u{2066}\u{200f}";
    let long = "<b>long</b>".repeat(6000);
    let mut paths = vec![
        "/".to_owned(),
        "/receipts".to_owned(),
        format!("/search?q={}", "%3Cscript%3E"),
    ];
    for (number, text) in [markup, bidi, &long].into_iter().enumerate() {
        let ids = Ids::fresh();
        let body = json!({
            "event": if number == 1 { format!("crawling{bidi}") } else { "crawling<script>window.isHarmed=true</script>".to_owned() },
            "status": "<i>odd</i>",
            "event_id": ids.event_id,
            "data": {"chatbot_id": ids.chatbot_id, "title": text, "filename": text, "detail": text},
        });
        let id = accept(&app, &body.to_string()).await;
        paths.push(format!("/receipts/{id}"));
    }

    for path in paths {
        browser.judge(&at(&app, &path)).await;
        assert_eq!(
            browser.run("return window.isHarmed === undefined;").await,
            true,
            "{path}"
        );
        let found = "return document.querySelectorAll('main script, main img, main b, main i').length;";
        assert_eq!(browser.run(found).await, 0, "{path}");
        // A direction that is set by a text ends with it: what names the columns stands where it stood.
        let hidden =
            "return /[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.querySelector('h1').textContent);";
        assert_eq!(browser.run(hidden).await, false, "{path}");
    }
}

#[tokio::test]
async fn who_sends_a_receipt_once_more_is_told_where_that_does_nothing_or_is_held_up() {
    let application = Application::start().await;
    let url = application.url();
    let destinations = format!(
        r#"[{{name = "app", kind = "http", url = "{url}"}}, {{name = "crawls", kind = "http", url = "{url}", events = ["crawling.*"]}}]"#
    );
    let app = spawn_app_with(&[("delivery.destination", &destinations)]).await;
    let body = body_of(&sample_with("training.completed", &Ids::fresh(), Wire::V2024_07));
    let receipt = accept(&app, &body.to_string()).await;
    application.wait_for_arrivals(1).await;
    let mut walker = Walker::before(&app);
    let path = format!("/receipts/{receipt}");
    let form_token = walker.get(&path).await.field("form_token");
    let mut replay = async |destination: &str| {
        let fields = [("form_token", &*form_token), ("destination", destination)];
        let done = walker.post(&format!("{path}/replay"), &fields).await;
        walker.follow(&done).await
    };

    let unwanted = replay("crawls").await;
    let sent = replay("app").await;

    assert!(
        unwanted.status == 200 && unwanted.says("It is not sent to crawls once more"),
        "{}",
        unwanted.text
    );
    assert!(
        sent.status == 200 && sent.says("Attempt 2: delivered."),
        "{}",
        sent.text
    );
    let pause = at(&app, "/api/v1/destinations/app/pause?reason=x");
    assert_eq!(app.client.post(pause).send().await.unwrap().status(), 200);
    let held = replay("app").await;
    assert!(held.status == 200 && held.says("app is paused"), "{}", held.text);
    let listed = walker.get("/deliveries?state=pending").await;
    assert!(
        listed.says("its destination is paused") && !listed.says("; next "),
        "{}",
        listed.text
    );
}
