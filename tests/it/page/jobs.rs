//! Promise: which job failed, and why, is found in clicks from the start; what was refused is accepted after all, and seen.

use caigunn_webhook::event::sample::{Ids, notification, to_json};
use caigunn_webhook::event::{Event, UploadedFile, Wire};
use serde_json::{Value, json};

use super::browser::{Browser, at, filled};
use super::walker::Walker;
use crate::harness::{App, json as body_of, sample_with, spawn_app, spawn_app_with, upload_of_failed_files};

fn failed(ids: &Ids) -> Value {
    let detail = Some("Character limit exceeded".to_owned());
    to_json(&notification(
        Event::CrawlingFailed { detail },
        ids,
        Wire::V2024_07,
    ))
}

async fn post(app: &App, body: &Value) {
    assert_eq!(app.post(body).await.status(), 200);
}

/// Has a receiver refuse a notification for its content type; the id of its entry.
async fn refused(app: &App, ids: &Ids) -> String {
    let body = failed(ids).to_string();
    assert_eq!(app.post_bytes("text/plain", body).await.status(), 415);
    let kept = app.api("/quarantine").await["quarantine"][0].clone();
    kept["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn which_job_failed_today_and_why_is_found_in_clicks() {
    let app = spawn_app().await;
    filled(&app).await;
    let ids = Ids::fresh();
    post(
        &app,
        &body_of(&sample_with("crawling.initial", &ids, Wire::V2024_07)),
    )
    .await;
    post(&app, &failed(&ids)).await;
    let Some(browser) = Browser::start().await else {
        return;
    };

    browser.open(&at(&app, "/")).await;
    browser.click("nav a[href='/jobs']").await;
    browser.click("a[href^='/jobs?state=failed&since=']").await;
    browser.wait_for_text("Character limit exceeded").await;
    browser.click(&format!("a[href='/jobs/{}']", ids.event_id)).await;
    browser.wait_for_text("by webhook").await;

    browser.wait_for_text("Character limit exceeded").await;
    browser.judge_here().await;
}

#[tokio::test]
async fn the_pages_of_jobs_are_well_made_also_with_hostile_names() {
    let app = spawn_app().await;
    let Some(browser) = Browser::start().await else {
        return;
    };
    browser.judge(&at(&app, "/jobs")).await;
    filled(&app).await;
    let ids = Ids::fresh();
    let file = |filename: String, detail: &str| UploadedFile {
        id: ids.training_data_id,
        filename,
        status: Some(UploadedFile::FAILED.to_owned()),
        detail: Some(detail.to_owned()),
    };
    let files = vec![
        file(
            "<script>alert(1)</script>\u{202e}gpj.exe".to_owned(),
            "\"><img src=x onerror=alert(1)>",
        ),
        file("x".repeat(64 << 10), &"y".repeat(64 << 10)),
    ];
    let uploaded = notification(Event::UploadingCompleted { files }, &ids, Wire::V2024_07);
    post(&app, &to_json(&uploaded)).await;

    browser.judge(&at(&app, "/jobs")).await;
    browser
        .judge(&at(&app, "/jobs?state=running&event=training"))
        .await;
    browser.judge(&at(&app, &format!("/jobs/{}", ids.event_id))).await;
    browser.wait_for_text("<script>alert(1)</script>").await;
}

#[tokio::test]
async fn what_is_in_quarantine_is_accepted_and_its_receipt_seen() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    let id = refused(&app, &ids).await;
    let Some(browser) = Browser::start().await else {
        return;
    };

    browser.open(&at(&app, "/")).await;
    browser.click("nav a[href='/quarantine']").await;
    browser.judge_here().await;
    browser.click(&format!("a[href='/quarantine/{id}']")).await;
    browser.wait_for_text("Accept it after all").await;
    browser.judge_here().await;
    browser
        .click(&format!("form[action='/quarantine/{id}/accept'] button"))
        .await;
    browser.wait_for_text("is accepted now").await;

    let receipts = app.receipts().await;
    let receipt_id = receipts[0]["id"].as_str().expect("an id");
    assert!(browser.url().await.contains(&format!("/receipts/{receipt_id}")));
    browser.open(&at(&app, &format!("/quarantine/{id}"))).await;
    browser.wait_for_text("accepted as").await;
    browser.judge_here().await;
}

#[tokio::test]
async fn a_duplicate_that_differs_stands_beside_its_original() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    post(&app, &failed(&ids)).await;
    let mut other = failed(&ids);
    other["data"]["detail"] = json!("something else");
    post(&app, &other).await;
    let page = app.api("/quarantine").await;
    let id = page["quarantine"][0]["id"].as_str().expect("an id").to_owned();
    let Some(browser) = Browser::start().await else {
        return;
    };

    browser.judge(&at(&app, &format!("/quarantine/{id}"))).await;

    let texts = "return [...document.querySelectorAll('pre')].map((it) => it.textContent);";
    let texts = browser.run(texts).await;
    assert!(
        texts[0]
            .as_str()
            .is_some_and(|text| text.contains("Character limit exceeded")),
        "{texts}"
    );
    assert!(
        texts[1]
            .as_str()
            .is_some_and(|text| text.contains("something else")),
        "{texts}"
    );
    assert!(
        browser
            .driver()
            .find(thirtyfour::By::Css("form[action$='/accept']"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn forms_of_jobs_and_the_quarantine_work_without_a_script_and_for_nobody_who_may_only_look() {
    let reading = "reading-token-0123456789abcdef";
    let tokens = [
        ("admin.token", "admin-token-0123456789abcdef"),
        ("admin.read_only_token", reading),
    ];
    let app = spawn_app_with(&tokens).await;
    let body = "{";
    assert_eq!(app.post_bytes("application/json", body).await.status(), 400);
    let ids = Ids::fresh();
    post(
        &app,
        &body_of(&sample_with("crawling.initial", &ids, Wire::V2024_07)),
    )
    .await;
    let mut walker = Walker::before(&app);
    assert_eq!(walker.sign_in(tokens[0].1).await.status, 303);
    let list = walker.get("/quarantine").await;
    let (_, rest) = list.text.split_once("href=\"/quarantine/").expect("a link");
    let id = rest.split('"').next().expect("an end").to_owned();

    // Its page has no button. Whoever asks for it all the same is told why not.
    let form_token = walker.get("/replays").await.field("form_token");
    let accept = format!("/quarantine/{id}/accept");
    let refused = walker.post(&accept, &[("form_token", &form_token)]).await;
    assert_eq!(refused.status, 303);
    let said = walker.follow(&refused).await;
    assert!(
        said.says("It was not accepted: it still cannot be read"),
        "{}",
        said.text
    );
    let backfill = format!("/jobs/{}/backfill", ids.event_id);
    let asked = walker.post(&backfill, &[("form_token", &form_token)]).await;
    let said = walker.follow(&asked).await;
    assert!(said.says("CaiGunn could not be asked"), "{}", said.text);
    assert_eq!(walker.post(&accept, &[]).await.status, 403);
    let nothing = walker.get("/jobs/0192f0c1-2b3c-7d4e-8f50-61728394a5b6").await;
    assert_eq!(nothing.status, 404);

    let mut reader = Walker::before(&app);
    assert_eq!(reader.sign_in(reading).await.status, 303);
    let body = failed(&Ids::fresh()).to_string();
    assert_eq!(app.post_bytes("text/plain", body).await.status(), 415);
    let list = reader.get("/quarantine").await;
    let (_, rest) = list.text.split_once("href=\"/quarantine/").expect("a link");
    let readable = rest.split('"').next().expect("an end").to_owned();
    let one = reader.get(&format!("/quarantine/{readable}")).await;
    assert!(
        one.says("Accept it after all") && !one.says("/accept\""),
        "{}",
        one.text
    );
    let form_token = one.field("form_token");
    assert_eq!(
        reader.post(&accept, &[("form_token", &form_token)]).await.status,
        403
    );
}

#[tokio::test]
async fn of_an_upload_one_is_told_what_failed_and_of_what_can_be_read_alone_that_it_can_be_accepted() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    let file = |filename: &str| UploadedFile {
        id: ids.training_data_id,
        filename: filename.to_owned(),
        status: Some(UploadedFile::FAILED.to_owned()),
        detail: Some("Unsupport file format".to_owned()),
    };
    let files = vec![file("a.numbers"), file("b.numbers")];
    let uploaded = notification(Event::UploadingCompleted { files }, &ids, Wire::V2024_07);
    post(&app, &to_json(&uploaded)).await;
    let nameless = Ids::fresh();
    let files = vec![file("")];
    let uploaded = notification(Event::UploadingCompleted { files }, &nameless, Wire::V2024_07);
    post(&app, &to_json(&uploaded)).await;
    assert_eq!(app.post_bytes("application/json", "{").await.status(), 400);
    let kept = app.api("/quarantine").await["quarantine"][0]["id"].clone();
    let mut walker = Walker::before(&app);

    let jobs = walker.get("/jobs").await;
    let job = walker.get(&format!("/jobs/{}", ids.event_id)).await;
    let kept = walker
        .get(&format!("/quarantine/{}", kept.as_str().unwrap()))
        .await;

    assert!(
        jobs.says("2 of the files failed: a.numbers: Unsupport file format"),
        "{}",
        jobs.text
    );
    let why = "<dt>Why</dt><dd><strong><bdi>2 of the files failed: a.numbers: Unsupport file format</bdi></strong></dd>";
    assert!(job.says(why), "{}", job.text);
    assert!(!job.says("Here are the first"), "{}", job.text);
    let nameless = "1 of the files failed: a file without a name: Unsupport file format";
    assert!(jobs.says(nameless), "{}", jobs.text);
    assert!(kept.says("It cannot be accepted after all: "), "{}", kept.text);
    assert!(!kept.says("Accept it after all"), "{}", kept.text);
}

#[tokio::test]
async fn of_more_failed_files_than_are_shown_it_is_said_how_many_and_where_all_are() {
    let app = spawn_app().await;
    let ids = Ids::fresh();
    let uploaded = upload_of_failed_files(150, &ids);
    post(&app, &to_json(&uploaded)).await;
    let receipt = app.receipts().await[0]["id"].as_str().unwrap().to_owned();

    let job = Walker::before(&app).get(&format!("/jobs/{}", ids.event_id)).await;

    let left =
        format!("Here are the first 100 of 150; <a href=\"/receipts/{receipt}\">the receipt</a> has all.");
    assert!(
        job.says("150 of the files failed") && job.says(&left),
        "{}",
        job.text
    );
    assert!(job.says(">file-99<") && !job.says(">file-100<"));
}
