//! Promise: the pictures in docs/ are of this page, and what was to be read on it stands beside this test: `CAIGUNN_TEST_RENEW_PICTURES=1 scripts/test page::pictures` makes them anew.

use std::path::Path;
use std::{env, fs};

use caigunn_webhook::event::sample::{Ids, notification, to_json};
use caigunn_webhook::event::{Event, UploadedFile, Wire};
use serde_json::Value;

use super::browser::{Browser, at};
use crate::harness::application::{Application, Reply};
use crate::harness::{App, json, sample_with, spawn_app_with, wait_for};

/// By setting this variable the pictures in the repository are renewed.
const RENEW: &str = "CAIGUNN_TEST_RENEW_PICTURES";

/// What stands beside numbers, and is another where they are.
const PASSING: &str =
    "Jan Feb Mar Apr May Jun Jul Aug Sep Sept Oct Nov Dec AM PM ms s sec min hr h day days KiB MiB GiB TiB";

/// A receiver whose application does not take that an upload has begun the first two times.
async fn receiver() -> (App, Application) {
    let mut left = 2;
    let application = Application::answering(move |arrival| {
        let is_taken = arrival.event != "uploading.initial" || left == 0;
        if is_taken {
            return Reply::Status(204);
        }
        left -= 1;
        Reply::Status(503)
    })
    .await;
    let destination = format!(
        r#"[{{name = "shop", kind = "http", url = "{}"}}]"#,
        application.url()
    );
    let settings = [
        ("delivery.destination", &*destination),
        ("delivery.retry_schedule_seconds", "[0, 0, 0]"),
    ];
    (spawn_app_with(&settings).await, application)
}

/// An upload of three files of which two failed.
fn uploaded(ids: &Ids) -> Value {
    let file = |filename: &str, why: Option<&str>| UploadedFile {
        id: ids.training_data_id,
        filename: filename.to_owned(),
        status: why.map(|_| UploadedFile::FAILED.to_owned()),
        detail: why.map(ToOwned::to_owned),
    };
    let files = vec![
        file("handbook.pdf", None),
        file("prices.numbers", Some("Unsupport file format")),
        file("archive.pdf", Some("Character limit exceeded")),
    ];
    let event = Event::UploadingCompleted { files };
    to_json(&notification(event, ids, Wire::V2024_07))
}

async fn post(app: &App, body: &Value) {
    assert_eq!(app.post(body).await.status(), 200);
}

/// Posts so that there is something to see; the job of the upload.
async fn fill(app: &App) -> Ids {
    let [upload, failed, running] = [(); 3].map(|()| Ids::fresh());
    let step = |name: &str, ids: &Ids| json(&sample_with(name, ids, Wire::V2024_07));
    post(app, &step("uploading.initial", &upload)).await;
    post(app, &uploaded(&upload)).await;
    for _ in 0..3 {
        let crawl = Ids::fresh();
        post(app, &step("crawling.initial", &crawl)).await;
        post(app, &step("crawling.completed", &crawl)).await;
    }
    post(app, &step("training.initial", &failed)).await;
    post(app, &step("training.failed", &failed)).await;
    post(app, &step("training.initial", &running)).await;
    upload
}

#[tokio::test]
async fn the_pictures_in_the_documents_are_of_this_page() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let (app, application) = receiver().await;
    let upload = fill(&app).await;
    application
        .wait_until("all to be taken", |arrivals| {
            arrivals.iter().filter(|it| it.status == Some(204)).count() == 11
        })
        .await;
    wait_for("all to be delivered", || async {
        let pending = app.api("/deliveries?state=pending").await["deliveries"].clone();
        pending
            .as_array()
            .is_some_and(Vec::is_empty)
            .then_some(())
            .ok_or(pending.to_string())
    })
    .await;

    let job = format!("/jobs/{}", upload.event_id);
    for (name, path, text, height) in [
        ("page-overview", "/", "training.failed", 900),
        ("page-job", &*job, "prices.numbers", 1100),
    ] {
        browser.open(&at(&app, path)).await;
        browser.wait_for_text(text).await;
        if path == "/" {
            browser.wait_for_stream("live").await;
        }
        let made = browser.picture(height).await;
        let read = browser.run("return document.body.innerText;").await;
        let read = lasting(read.as_str().expect("it is text"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let kept = root.join("docs").join(name).with_extension("png");
        let kept_text = root
            .join("tests/it/page/pictures")
            .join(name)
            .with_extension("txt");
        if env::var_os(RENEW).is_some() {
            fs::write(&kept, &made).expect("docs/ can be written to");
            fs::write(&kept_text, &read).expect("tests/ can be written to");
        }
        let kept = fs::read(&kept).unwrap_or_else(|error| panic!("{name}: {error}: set {RENEW}"));
        assert_eq!(size_of(&kept), size_of(&made), "{name} is old: set {RENEW}");
        let kept = fs::read_to_string(&kept_text).unwrap_or_default();
        assert_eq!(kept, read, "{name} is old: set {RENEW}");
    }
}

/// The words of a text, line by line, with a mark in place of what is another each time: ids, times, sizes and counts.
fn lasting(text: &str) -> String {
    let is_lasting = |word: &str| {
        let word = word.trim_end_matches([',', '.', ')']);
        !word.contains(|it: char| it.is_ascii_digit()) && !PASSING.split(' ').any(|passing| passing == word)
    };
    let lines = text.lines().map(|line| {
        let words = line.split_whitespace();
        let words = words.map(|word| if is_lasting(word) { word } else { "#" });
        let mut words: Vec<_> = words.collect();
        words.dedup_by(|next, before| (*next, *before) == ("#", "#"));
        words.join(" ") + "\n"
    });
    lines.collect()
}

/// Width and height as the head of a PNG says them.
fn size_of(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}
