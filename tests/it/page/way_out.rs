//! Promise: on the pages of the way out one finds what was not delivered and why, delivers it again, one or all that match, and
//! sees it arrive.

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use serde_json::Value;

use super::browser::{Browser, at};
use super::walker::Walker;
use crate::harness::application::{Application, Reply};
use crate::harness::{App, json, sample, sample_with, spawn_app_with, wait_for};

/// A receiver whose deliveries are given up after the first attempt, to that application.
async fn receiver(application: &Application) -> App {
    let destination = format!(
        r#"[{{name = "app", kind = "http", url = "{}"}}]"#,
        application.url()
    );
    spawn_app_with(&[
        ("delivery.destination", &destination),
        ("delivery.retry_schedule_seconds", "[0]"),
    ])
    .await
}

/// The deliveries in that state once there are so many.
async fn deliveries(app: &App, state: &str, count: usize) -> Vec<Value> {
    wait_for(&format!("{count} {state}"), || async {
        let page = app.api(&format!("/deliveries?state={state}")).await;
        let found = page["deliveries"].as_array().unwrap().clone();
        if found.len() == count {
            Ok(found)
        } else {
            Err(page.to_string())
        }
    })
    .await
}

async fn post(app: &App, name: &str) {
    assert_eq!(app.post(&json(&sample(name))).await.status(), 200);
}

#[tokio::test]
async fn what_was_not_delivered_is_found_retried_once_its_application_is_mended_and_seen_delivered() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let application = Application::answering(|_| Reply::Status(500)).await;
    let app = receiver(&application).await;
    post(&app, "crawling.completed").await;
    deliveries(&app, "dead", 1).await;

    browser.open(&at(&app, "/")).await;
    browser.wait_for_text("Not well").await;
    browser.click("main li a[href='/deliveries?state=dead']").await;
    browser.wait_for_text("answered 500").await;
    browser.click("main tbody td:last-child a").await;
    browser.wait_for_text("Attempts, oldest first").await;
    application.answer(|_| Reply::Status(200));
    browser.click("form[action$='/retry'] button").await;

    browser.wait_for_text("Attempt 2: delivered.").await;
    assert!(
        browser.url().await.ends_with("#attempt-2"),
        "{}",
        browser.url().await
    );
    assert_eq!(application.taken().len(), 1);
    browser.assert_quiet().await;
}

#[tokio::test]
async fn all_dead_letters_of_a_filter_are_counted_and_with_a_second_click_sent_once_more() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let application = Application::answering(|_| Reply::Status(500)).await;
    let app = receiver(&application).await;
    for name in ["crawling.initial", "crawling.failed", "training.initial"] {
        post(&app, name).await;
    }
    deliveries(&app, "dead", 3).await;
    application.answer(|_| Reply::Status(200));

    browser
        .open(&at(&app, "/deliveries?event=crawling&state=dead"))
        .await;
    browser.click("input[value=again] ~ button").await;
    browser.wait_for_text("Send 2 dead letters once more?").await;
    assert!(application.taken().is_empty());
    browser.click(".confirm button").await;

    browser
        .wait_for_text("The dead letters that match are sent once more.")
        .await;
    assert!(browser.url().await.contains("/replays/"));
    deliveries(&app, "delivered", 2).await;
    let left = deliveries(&app, "dead", 1).await;
    assert_eq!(left[0]["event"], "training.initial");
    browser.assert_quiet().await;
}

#[tokio::test]
async fn a_destination_is_paused_with_a_reason_keeps_what_comes_and_gets_it_when_it_is_resumed() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let application = Application::start().await;
    let app = receiver(&application).await;

    browser.open(&at(&app, "/destinations")).await;
    browser
        .type_into("input[name=reason]", "a new version comes")
        .await;
    browser
        .click("form[action='/destinations/app/pause'] button")
        .await;
    browser.wait_for_text("a new version comes").await;
    post(&app, "crawling.initial").await;
    browser.open(&at(&app, "/deliveries?state=pending")).await;
    browser.wait_for_text("crawling.initial").await;
    assert!(application.taken().is_empty());
    browser.open(&at(&app, "/destinations")).await;
    browser
        .click("form[action='/destinations/app/resume'] button")
        .await;

    browser.wait_for_text("It is sent to again.").await;
    deliveries(&app, "delivered", 1).await;
    browser.assert_quiet().await;
}

#[tokio::test]
async fn what_waits_is_cancelled_one_and_all_that_match_and_nothing_without_a_second_click() {
    let application = Application::start().await;
    let app = receiver(&application).await;
    let mut walker = Walker::before(&app);
    let form_token = walker.get("/destinations").await.field("form_token");
    let token = ("form_token", &*form_token);
    assert_eq!(walker.post("/destinations/app/pause", &[token]).await.status, 303);
    for name in ["crawling.initial", "training.initial", "training.failed"] {
        post(&app, name).await;
    }
    let waiting = deliveries(&app, "pending", 3).await;
    let crawling = waiting
        .iter()
        .find(|it| it["event"] == "crawling.initial")
        .unwrap();
    let id = crawling["id"].as_str().unwrap();
    let (path, retry) = (
        format!("/deliveries/{id}/cancel"),
        format!("/deliveries/{id}/retry"),
    );

    let tried = walker.post(&retry, &[token]).await;
    let said = walker.follow(&tried).await;
    assert!(
        said.says("app is paused: it is sent when you resume it"),
        "{}",
        said.text
    );
    let now = [
        token,
        ("deed", "now"),
        ("event", "training"),
        ("confirmed", "true"),
    ];
    let tried = walker.post("/deliveries/all", &now).await;
    let said = walker.follow(&tried).await;
    assert!(
        said.says("2 deliveries are due now. app is paused"),
        "{}",
        said.text
    );
    let one = walker.post(&path, &[token]).await;
    assert!(walker.follow(&one).await.says("It is cancelled."));
    let all = [token, ("deed", "off"), ("event", "training")];
    let asked = walker.post("/deliveries/all", &all).await;
    assert!(
        asked.status == 200
            && asked.says("Cancel 2 pending?")
            && asked.says("Those with event <b><bdi>training</bdi></b>."),
        "{}",
        asked.text
    );
    // As a reload does that was not told to send the form again.
    for (form, list) in [
        ("/deliveries/all", "/deliveries"),
        (&*path, "/deliveries"),
        ("/sign-out", "/"),
    ] {
        let reloaded = walker.get(form).await;
        assert_eq!(
            (reloaded.status, reloaded.location.as_deref()),
            (303, Some(list)),
            "{form}"
        );
    }
    deliveries(&app, "pending", 2).await;
    // What comes while one thinks about it is not what was asked about.
    post(&app, "training.completed").await;
    deliveries(&app, "pending", 3).await;
    let until = asked.field("until");
    let confirmed = [("until", &*until), ("confirmed", "true")];
    let done = walker
        .post("/deliveries/all", &[&all[..], &confirmed].concat())
        .await;

    assert!(
        walker
            .follow(&done)
            .await
            .says("2 deliveries are being cancelled.")
    );
    deliveries(&app, "cancelled", 3).await;
    deliveries(&app, "pending", 1).await;
    let rest = walker
        .post("/deliveries/all", &[&all[..], &[("confirmed", "true")]].concat())
        .await;
    assert_eq!(rest.status, 303);
    assert!(walker.follow(&rest).await.says("1 delivery is being cancelled."));
    deliveries(&app, "cancelled", 4).await;
    let none = walker.post("/deliveries/all", &all).await;
    assert!(
        walker
            .follow(&none)
            .await
            .says("No pending delivery matches whose destination is configured.")
    );
}

#[tokio::test]
async fn of_one_that_waits_behind_its_job_it_is_said_which_to_try() {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = format!(
        r#"[{{name = "app", kind = "http", url = "{}"}}]"#,
        application.url()
    );
    let app = spawn_app_with(&[
        ("delivery.destination", &destination),
        ("delivery.retry_schedule_seconds", "[0, 600]"),
    ])
    .await;
    let ids = Ids::fresh();
    for name in ["crawling.initial", "crawling.completed"] {
        let body = json(&sample_with(name, &ids, Wire::V2024_07));
        assert_eq!(app.post(&body).await.status(), 200);
    }
    let waiting = wait_for("the first to have been tried", || async {
        let waiting = deliveries(&app, "pending", 2).await;
        match waiting[1]["attempt_count"].as_u64() {
            Some(1) => Ok(waiting),
            _ => Err(waiting[1].to_string()),
        }
    })
    .await;
    let [second, first] = [&waiting[0], &waiting[1]].map(|it| it["id"].as_str().unwrap());
    let mut walker = Walker::before(&app);
    let form_token = walker.get("/deliveries").await.field("form_token");

    let tried = walker
        .post(
            &format!("/deliveries/{second}/retry"),
            &[("form_token", &form_token)],
        )
        .await;

    let page = walker.follow(&tried).await;
    let said = format!("It waits for {first}: try that one.");
    assert!(page.says(&said), "{said} {}", page.text);
}

#[tokio::test]
async fn a_replay_by_filter_is_counted_begun_and_shown_to_its_end() {
    let application = Application::start().await;
    let app = receiver(&application).await;
    for name in ["crawling.initial", "training.initial"] {
        post(&app, name).await;
    }
    deliveries(&app, "delivered", 2).await;
    let mut walker = Walker::before(&app);
    let form_token = walker.get("/replays").await.field("form_token");
    let fields = [
        ("form_token", &*form_token),
        ("event", "training"),
        ("destination", "app"),
    ];

    let asked = walker.post("/replays", &fields).await;
    assert!(
        asked.status == 200 && asked.says("Send 1 once more?"),
        "{}",
        asked.text
    );
    for rate in ["fast", "inf", "1e999"] {
        let wrong = [
            ("form_token", &*form_token),
            ("max_per_second", rate),
            ("event", "training"),
        ];
        let refused = walker.post("/replays", &wrong).await;
        assert!(
            refused.status == 422 && refused.says("a number from"),
            "{}",
            refused.text
        );
        assert_eq!(
            (&*refused.field("max_per_second"), &*refused.field("event")),
            (rate, "training")
        );
    }
    let begun = walker
        .post("/replays", &[&fields[..], &[("confirmed", "true")]].concat())
        .await;

    let path = begun.location.clone().unwrap();
    wait_for("its end", || async {
        let page = app.admin(&path).await.text().await.unwrap();
        if page.contains(">done<") {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await;
    wait_for("the third", || async {
        let count = application.taken().len();
        if count == 3 {
            Ok(())
        } else {
            Err(count.to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn how_far_a_replay_is_is_seen_without_a_reload() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let application = Application::start().await;
    let app = receiver(&application).await;
    for _ in 0..2 {
        post(&app, "crawling.completed").await;
    }
    deliveries(&app, "delivered", 2).await;
    let url = format!("http://{}/api/v1/replays", app.admin);
    // It takes 25 s: the page is to be open before its end.
    let replay = serde_json::json!({"destination": "app", "max_per_second": 0.08});
    let begun = app.client.post(url).json(&replay).send().await.unwrap();
    let begun: Value = begun.json().await.unwrap();
    let path = format!("/replays/{}", begun["replay"]["id"].as_str().unwrap());

    browser.open(&at(&app, &path)).await;
    browser.run("document.body.dataset.isFirst = true;").await;
    browser.wait_for_text("Look again").await;
    wait_for("its end", || async {
        let text = browser
            .run("return document.querySelector('#replay .state').textContent;")
            .await;
        (text == "done").then_some(()).ok_or(text.to_string())
    })
    .await;

    assert_eq!(browser.run("return document.body.dataset.isFirst;").await, "true");
    browser.judge_here().await;
}

#[tokio::test]
async fn a_replay_says_that_its_destination_is_paused_until_that_is_resumed() {
    const PAUSED: &str = "app is paused";
    let application = Application::start().await;
    let app = receiver(&application).await;
    post(&app, "crawling.completed").await;
    deliveries(&app, "delivered", 1).await;
    let mut walker = Walker::before(&app);
    let form_token = walker.get("/replays").await.field("form_token");
    let token = ("form_token", &*form_token);
    assert_eq!(walker.post("/destinations/app/pause", &[token]).await.status, 303);
    let begun = walker.post("/replays", &[token, ("confirmed", "true")]).await;
    let path = begun.location.clone().expect("it has begun");
    // What it made pending is seen a moment before it says so.
    wait_for("the replay to be counted", || async {
        let shown = app.api(&path).await;
        match shown["replay"]["progress"]["replayed_count"].as_u64() {
            Some(1) => Ok(()),
            _ => Err(shown.to_string()),
        }
    })
    .await;

    let paused = walker.get(&path).await;
    walker.post("/destinations/app/resume", &[token]).await;
    deliveries(&app, "delivered", 1).await;

    assert!(paused.says(PAUSED), "{}", paused.text);
    // How it goes is looked at every two seconds.
    wait_for("the page to say no more that it is paused", || async {
        let resumed = app
            .client
            .get(at(&app, &path))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        (!resumed.contains(PAUSED)).then_some(()).ok_or(resumed)
    })
    .await;
}

#[tokio::test]
async fn all_that_waits_is_tried_but_of_destinations_that_are_configured_no_more() {
    let (one, other) = (Application::start().await, Application::start().await);
    for application in [&one, &other] {
        application.answer(|_| Reply::Status(500));
    }
    let named = |name: &str, application: &Application| {
        format!(
            r#"{{name = "{name}", kind = "http", url = "{}"}}"#,
            application.url()
        )
    };
    let schedule = ("delivery.retry_schedule_seconds", "[0, 600]");
    let both = format!("[{}, {}]", named("one", &one), named("other", &other));
    let app = spawn_app_with(&[("delivery.destination", &both), schedule]).await;
    post(&app, "crawling.completed").await;
    wait_for("both to be tried", || async {
        let page = app.api("/deliveries?state=pending").await;
        let tried = |listed: &Value| listed["attempt_count"] == 1;
        let is_so = page["deliveries"]
            .as_array()
            .is_some_and(|all| all.len() == 2 && all.iter().all(tried));
        is_so.then_some(()).ok_or(page.to_string())
    })
    .await;
    let alone = format!("[{}]", named("one", &one));
    let app = app
        .stop()
        .await
        .start(&[("delivery.destination", &alone), schedule])
        .await;
    one.answer(|_| Reply::Status(200));
    let mut walker = Walker::before(&app);
    let form_token = walker.get("/deliveries?state=pending").await.field("form_token");

    let asked = walker
        .post("/deliveries/all", &[("form_token", &form_token), ("deed", "now")])
        .await;
    let told = walker
        .post(
            "/deliveries/all",
            &[
                ("form_token", &form_token),
                ("deed", "now"),
                ("confirmed", "true"),
            ],
        )
        .await;
    let told = walker.follow(&told).await;

    assert!(asked.says("Try 1 pending?"), "{}", asked.text);
    assert!(told.says("1 delivery is due now."), "{}", told.text);
    deliveries(&app, "delivered", 1).await;
}

#[tokio::test]
async fn of_a_destination_that_is_configured_no_more_it_is_said_when_what_waits_is_given_up_and_what_to_do() {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let app = receiver(&application).await;
    post(&app, "crawling.failed").await;
    let dead = deliveries(&app, "dead", 1).await;
    let url = at(&app, "/api/v1/destinations/app/pause");
    assert_eq!(app.client.post(url).send().await.unwrap().status(), 200);
    post(&app, "crawling.initial").await;
    let app = app.stop().await.start(&[]).await;

    let shown = wait_for("the destination to be known as configured no more", || async {
        let shown = app.api("/destinations").await;
        match shown["destinations"][0]["state"].as_str() {
            Some("unconfigured") => Ok(shown["destinations"][0].clone()),
            _ => Err(shown.to_string()),
        }
    })
    .await;
    let mut walker = Walker::before(&app);
    let page = walker.get("/destinations").await;
    let list = walker.get("/deliveries?destination=app&state=pending").await;
    let form_token = walker.get("/replays").await.field("form_token");
    let again = walker
        .post(
            "/deliveries/all",
            &[("form_token", &form_token), ("deed", "again")],
        )
        .await;
    let again = walker.follow(&again).await;

    let until = shown["removed_after"].as_str().unwrap()[..19].replace('T', " ");
    let said = format!(
        "what waits for it is given up after {until} UTC; pending: 1. If that is not meant, put it back"
    );
    assert!(page.says(&said), "{said}: {}", page.text);
    let not_listed = "What was not tried yet is counted on <a href=\"/destinations\">";
    assert!(list.says(not_listed), "{}", list.text);
    let none = "No dead letter matches whose destination is configured.";
    assert!(again.says(none), "{}", again.text);
    let id = dead[0]["id"].as_str().unwrap();
    let one = walker.get(&format!("/deliveries/{id}")).await;
    let gone = "app is configured no more: what was for it can neither be tried nor be called off.";
    assert!(one.says(gone) && !one.says("/retry"), "{}", one.text);
    assert!(!list.says("/deliveries/all"), "{}", list.text);
    // It would be refused.
    let health = walker.get("/health").await;
    assert!(!health.says("dead letter"), "{}", health.text);
}

#[tokio::test]
async fn after_more_attempts_than_are_kept_a_retry_leads_to_the_new_one() {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let destination = format!(
        r#"[{{name = "app", kind = "http", url = "{}"}}]"#,
        application.url()
    );
    let schedule = format!("[{}]", ["0"; 100].join(", "));
    let app = spawn_app_with(&[
        ("delivery.destination", &destination),
        ("delivery.retry_schedule_seconds", &schedule),
    ])
    .await;
    post(&app, "crawling.completed").await;
    let dead = deliveries(&app, "dead", 1).await;
    let path = format!("/deliveries/{}", dead[0]["id"].as_str().unwrap());
    let receipt = format!("/receipts/{}", dead[0]["receipt_id"].as_str().unwrap());
    let mut walker = Walker::before(&app);
    let whole = walker.get(&path).await;
    application.answer(|_| Reply::Status(200));

    let retried = walker
        .post(
            &format!("{path}/retry"),
            &[("form_token", &whole.field("form_token"))],
        )
        .await;
    let retried = walker.follow(&retried).await;
    let sent = [
        ("form_token", &*whole.field("form_token")),
        ("destination", "app"),
    ];
    let sent = walker.post(&format!("{receipt}/replay"), &sent).await;
    let sent = walker.follow(&sent).await;

    assert!(!whole.says("are kept"), "{}", whole.text);
    assert!(retried.says("Attempt 101: delivered."), "{}", retried.text);
    assert!(sent.says("Attempt 102: delivered."), "{}", sent.text);
    let not_kept = "Of the 102 attempts to app the last 100 are kept.";
    for path in [path, receipt] {
        let page = walker.get(&path).await;
        assert!(page.says(not_kept), "{path} {}", page.text);
    }
}

#[tokio::test]
async fn a_form_that_comes_twice_sends_nothing_twice() {
    let application = Application::answering(|_| Reply::Status(500)).await;
    let app = receiver(&application).await;
    post(&app, "crawling.completed").await;
    let dead = deliveries(&app, "dead", 1).await;
    application.answer(|_| Reply::Status(200));
    let mut walker = Walker::before(&app);
    let form_token = walker.get("/replays").await.field("form_token");
    let token = ("form_token", &*form_token);

    for (path, fields) in [
        ("/deliveries/all", vec![token, ("deed", "again")]),
        ("/replays", vec![token, ("event", "crawling")]),
    ] {
        let asked = walker.post(path, &fields).await;
        let (form_id, until) = (asked.field("form_id"), asked.field("until"));
        let own = [("form_id", &*form_id), ("until", &*until), ("confirmed", "true")];
        let fields = [&fields[..], &own].concat();
        let led = [walker.post(path, &fields).await, walker.post(path, &fields).await]
            .map(|page| page.location.expect("it leads to the replay"));
        let [first, second] = led.map(|path| path.split('?').next().unwrap().to_owned());
        assert_eq!(first, second, "{path}");
        deliveries(&app, "delivered", 1).await;
    }
    let receipt = format!("/receipts/{}", dead[0]["receipt_id"].as_str().unwrap());
    let form_id = walker.get(&receipt).await.field("form_id");
    let fields = [token, ("form_id", &form_id), ("destination", "app")];
    let path = format!("{receipt}/replay");
    let first = walker.post(&path, &fields).await;
    let first = walker.follow(&first).await;
    let second = walker.post(&path, &fields).await;
    let second = walker.follow(&second).await;

    assert!(first.says(": delivered."), "{}", first.text);
    assert!(
        second.says("It is sent once more already, since the button was pressed before"),
        "{}",
        second.text
    );
    let replays = app.api("/replays").await;
    assert_eq!(replays["replays"].as_array().map(Vec::len), Some(3), "{replays}");
    let shown = walker.get(&receipt).await;
    assert_ne!(shown.field("form_id"), form_id);
}

#[tokio::test]
async fn of_replays_it_is_said_that_there_are_more_than_are_listed() {
    let application = Application::start().await;
    let app = receiver(&application).await;
    let mut walker = Walker::before(&app);
    let begin = async |count: usize| {
        for _ in 0..count {
            let begun = app
                .client
                .post(at(&app, "/api/v1/replays"))
                .json(&serde_json::json!({}))
                .send()
                .await
                .unwrap();
            let id = begun.json::<Value>().await.unwrap()["replay"]["id"].clone();
            let path = format!("/replays/{}", id.as_str().unwrap());
            wait_for("its end", || async {
                let shown = app.api(&path).await;
                (shown["replay"]["state"] == "done")
                    .then_some(())
                    .ok_or(shown.to_string())
            })
            .await;
        }
    };
    const MORE: &str = "These are the latest 50;";

    begin(50).await;
    let all = walker.get("/replays").await;
    begin(1).await;
    let more = walker.get("/replays").await;

    assert_eq!((all.row_count(), all.says(MORE)), (50, false));
    assert_eq!((more.row_count(), more.says(MORE)), (50, true));
}
