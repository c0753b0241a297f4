//! Promise: any id pasted into the one box leads to what it is of, whichever that is; and where it is of nothing, that is said.

use std::sync::Arc;
use std::time::Duration;

use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use caigunn_webhook::inbox::{Appended, Entry, Inbox, NewReceipt, Origin, RequestId, Stored};
use serde_json::Value;

use super::browser::filled;
use super::walker::Walker;
use crate::harness::{closed_folder, header, json, sample, spawn_app, spawn_app_on};

#[tokio::test]
async fn a_line_of_a_log_fits_into_the_box_and_leads_to_the_id_in_it() {
    let app = spawn_app().await;
    app.post(&json(&sample("crawling.completed"))).await;
    let id = app.receipts().await[0]["id"].as_str().unwrap().to_owned();
    let mut walker = Walker::before(&app);
    let line = format!("{}{id}", "caigunn_webhook::delivery ".repeat(150));

    let page = walker.get("/").await;
    let found = walker.get(&format!("/search?q={}", line.replace(' ', "+"))).await;

    let (_, rest) = page.text.split_once("maxlength=\"").expect("the box has a bound");
    let bound: usize = rest.split('"').next().unwrap().parse().unwrap();
    assert!(line.len() <= bound, "{} > {bound}", line.len());
    assert_eq!(found.location, Some(format!("/receipts/{id}")));
}

#[tokio::test]
async fn an_id_of_whatever_kind_leads_to_what_it_is_of() {
    let app = spawn_app().await;
    let jobs = filled(&app).await;
    let receipt = app.receipts().await[0]["id"].as_str().unwrap().to_owned();
    let accepted = app.post(&json(&sample("training.initial"))).await;
    let of_accepted = header(&accepted, "x-request-id").unwrap().to_owned();
    let accepted = app.receipts().await[0]["id"].as_str().unwrap().to_owned();
    let refused = app.post_bytes("application/json", "{").await;
    assert_eq!(refused.status(), 400);
    let request = header(&refused, "x-request-id").unwrap().to_owned();
    let quarantine: Value = app.api("/quarantine").await;
    let quarantined = quarantine["quarantine"][0]["id"].as_str().unwrap().to_owned();
    let (job, chatbot) = (jobs[0].event_id.to_string(), jobs[0].chatbot_id.to_string());
    let mut walker = Walker::before(&app);
    let cases = [
        (&receipt, format!("/receipts/{receipt}")),
        (&job, format!("/jobs/{job}")),
        (&chatbot, format!("/receipts?chatbot_id={chatbot}")),
        (&of_accepted, format!("/receipts/{accepted}")),
        (&request, format!("/quarantine/{quarantined}")),
        (&quarantined, format!("/quarantine/{quarantined}")),
    ];

    for (id, path) in cases {
        let found = walker.get(&format!("/search?q=%20{id}%20")).await;
        assert_eq!((found.status, found.location), (303, Some(path)), "{id}");
    }

    let spelled = walker
        .get(&format!("/search?q={}", receipt.to_uppercase().replace('-', "")))
        .await;
    assert_eq!(spelled.location, Some(format!("/receipts/{receipt}")));
    for nothing in ["0192f0c1-2b3c-7d4e-8f50-61728394a5b6", "crawling", "%3Cb%3E"] {
        let found = walker.get(&format!("/search?q={nothing}")).await;
        assert!(
            found.status == 200 && found.says("Nothing here has the id") && !found.says("<b>"),
            "{}",
            found.text
        );
    }
    assert_eq!(walker.get("/search?q=").await.location.as_deref(), Some("/"));
}

#[tokio::test]
async fn an_id_may_be_pasted_with_what_stands_around_it_or_in_part() {
    let app = spawn_app().await;
    filled(&app).await;
    let receipts = app.receipts().await;
    let receipt = receipts[0]["id"].as_str().unwrap();
    let path = Some(format!("/receipts/{receipt}"));
    let mut walker = Walker::before(&app);

    let end = &receipt[24..];
    for pasted in [
        format!("%22{receipt}%22,"),
        format!("({receipt})."),
        format!("{receipt}.2"),
        format!("…{end}"),
        format!("app/…{end}"),
        format!("done: retry app/{receipt}.2"),
        format!("http://localhost:9090/receipts/{receipt}"),
        format!("%22receipt_id%22: %22{receipt}%22, %22x%22: 1"),
        end.to_uppercase(),
    ] {
        let found = walker.get(&format!("/search?q={pasted}")).await;
        assert_eq!((found.status, &found.location), (303, &path), "{pasted}");
    }

    // A UUIDv7 begins with the time, so that those of one moment begin alike.
    let beginning = &receipt[..5];
    let several = walker.get(&format!("/search?q={beginning}")).await;
    assert_eq!(several.status, 200, "{}", several.text);
    for receipt in &receipts {
        let link = format!("href=\"/receipts/{}\"", receipt["id"].as_str().unwrap());
        assert!(several.says(&link), "{link}: {}", several.text);
    }
    let short = walker.get("/search?q=01").await;
    assert!(short.says("Nothing here has the id"), "{}", short.text);
}

#[tokio::test]
async fn the_receipt_of_a_request_is_found_whoever_took_longer_and_of_one_moment_all_are_named() {
    let folder = closed_folder();
    let settings = config::load(&Sources::default()).expect("the defaults are right");
    let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings.settings.inbox).unwrap();
    let now = Timestamp::now();
    let slow = now.minus(Duration::from_secs(50));
    let entry = |received_at| {
        let notification = sample("crawling.completed");
        let body = json(&notification).to_string().into();
        let id = RequestId::at(received_at);
        Entry::Receipt(NewReceipt::new(
            &notification,
            body,
            received_at,
            id,
            Origin::Webhook,
        ))
    };
    let stored = inbox
        .append([now, slow, slow, slow].map(entry).into())
        .await
        .unwrap();
    let Ok(Stored::Receipt(Appended::New { receipt_id })) = stored[0] else {
        panic!("{stored:?}");
    };
    let app = spawn_app_on(Arc::new(inbox), &[]).await;
    let mut walker = Walker::before(&app);

    let found = walker.get(&format!("/search?q={}", RequestId::at(now))).await;
    let several = walker.get(&format!("/search?q={}", RequestId::at(slow))).await;
    let nothing = RequestId::at(now.plus(Duration::from_micros(1)));
    let nothing = walker.get(&format!("/search?q={nothing}")).await;

    assert_eq!(
        found.location,
        Some(format!("/receipts/{receipt_id}")),
        "{}",
        found.text
    );
    assert!(several.says("Several ids are like that"), "{}", several.text);
    assert_eq!(
        several.text.matches("href=\"/receipts/").count(),
        3,
        "{}",
        several.text
    );
    assert!(
        nothing.says("Nothing here has the id") && !nothing.says("Not all was looked at"),
        "{}",
        nothing.text
    );
}
