//! Promise: who is named in a notice is told once where something begins to be wrong, and once where that is over,
//! whatever is killed in between and however many receivers there are.

mod account;
mod inbox;
mod untold;

use serde_json::Value;

use super::{Store, destinations, on_both_stores, post_jobs};
use crate::harness::application::{Application, Arrival, Reply};
use crate::harness::postgres::Server;
use crate::harness::provider::{self, Provider, Route};
use crate::harness::{Process, Site, client, json, sample, tls, wait_for};

on_both_stores!(
    a_destination_that_goes_down_and_comes_back_is_told_once_each_also_over_a_restart,
    a_dead_letter_is_told,
    what_was_to_be_told_when_the_receiver_was_killed_is_told_by_the_next,
    what_is_refused_is_told_again_until_it_is_taken_under_the_same_id,
    what_goes_down_again_within_the_quiet_time_is_not_told,
);

/// One try after the other, so that no test waits for minutes.
const SCHEDULE: (&str, &str) = (
    "CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS",
    "0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
);

/// A notice in TOML, to that application. One that is about everything says with `free_percent` of how full a disk it hears: the
/// machine's may be nearly so.
fn notice(ops: &Application, more: &str) -> String {
    format!(r#"[{{name = "ops", url = "{}", {more}}}]"#, ops.url())
}

impl Store {
    /// A receiver in a process of its own that delivers to `app` and tells `ops`.
    async fn telling(&self, app: &Application, notice: &str, schedule: &str) -> Process {
        let destination = destinations(&[("app", &app.url(), "")]);
        let variables = [("CAIGUNN_NOTICE", notice), (SCHEDULE.0, schedule)];
        self.process(&destination, &variables).await
    }
}

/// What an arrival says.
fn told(arrival: &Arrival) -> Value {
    serde_json::from_slice(&arrival.body).expect("a notice is JSON")
}

/// What came, each message once: one that was taken when its receiver was killed may come again, under the same id.
fn distinct(mut arrivals: Vec<Arrival>) -> Vec<Arrival> {
    let mut ids = Vec::new();
    arrivals.retain(|arrival| {
        let is_new = !ids.contains(&arrival.webhook_id);
        ids.push(arrival.webhook_id.clone());
        is_new
    });
    arrivals
}

/// Waits until so many messages have come.
async fn wait_for_messages(ops: &Application, count: usize) -> Vec<Arrival> {
    let what = format!("{count} messages");
    let is_reached = |arrivals: &[Arrival]| distinct(arrivals.to_vec()).len() >= count;
    distinct(ops.wait_until(&what, is_reached).await)
}

fn titles(arrivals: &[Arrival]) -> Vec<String> {
    let title = |arrival| {
        told(arrival)["data"]["title"]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    arrivals.iter().map(title).collect()
}

/// Posts what cannot be stored, so that the receiver learns of it sooner than by a probe.
async fn post_in_vain(process: &Process) {
    let body = json(&sample("crawling.initial"));
    let posted = client().post(process.url("/webhook")).json(&body).send().await;
    assert_eq!(posted.expect("the receiver answers").status(), 503);
}

/// Waits until a destination that is down was tried so often more: what is seen of it then was seen by the notices, too.
async fn wait_for_tries(app: &Application, count: usize) {
    let before = app.arrivals().len();
    app.wait_for_arrivals(before + count).await;
}

async fn a_destination_that_goes_down_and_comes_back_is_told_once_each_also_over_a_restart(store: Store) {
    let (ops, app) = (
        Application::start().await,
        Application::answering(|_| Reply::Status(503)).await,
    );
    let notice = notice(&ops, "free_percent = 1");
    let mut process = store.telling(&app, &notice, SCHEDULE.1).await;
    post_jobs(process.public, 1).await;

    let began = ops.wait_for_arrivals(1).await;
    let began = told(&began[0]);
    assert_eq!(began["type"], "notice.began");
    assert_eq!(
        (&began["data"]["about"], &began["data"]["subjects"][0]),
        (&"destination".into(), &"app".into())
    );
    assert_eq!(began["data"]["title"], "destination app is down");
    assert_eq!(began["data"]["page"], format!("http://{}/", process.admin));
    let text = began["data"]["text"].as_str().unwrap();
    assert!(text.contains("answered 503"), "{text}");

    process.kill();
    let process = store.telling(&app, &notice, SCHEDULE.1).await;
    process.wait_for_log("fails throughout", 1).await;
    wait_for_tries(&app, 3).await;
    app.answer(|_| Reply::Status(200));

    let arrivals = wait_for_messages(&ops, 2).await;
    let outcome = r#"notices_total{notice="ops",outcome="delivered"}"#;
    wait_for("it to be counted", || async {
        let count = process.metric(&client(), outcome).await;
        if count >= 1.0 {
            Ok(())
        } else {
            Err(count.to_string())
        }
    })
    .await;
    assert_eq!(
        titles(&arrivals),
        ["destination app is down", "destination app is back"]
    );
}

async fn a_dead_letter_is_told(store: Store) {
    let (ops, app) = (
        Application::start().await,
        Application::answering(|_| Reply::Status(400)).await,
    );
    let process = store
        .telling(&app, &notice(&ops, r#"about = ["dead_letter"]"#), "0")
        .await;

    post_jobs(process.public, 1).await;

    let arrivals = ops.wait_for_arrivals(1).await;
    let told = told(&arrivals[0]);
    let title = told["data"]["title"].as_str().unwrap();
    assert!(title.ends_with("for destination app"), "{title}");
    let advice = told["data"]["advice"].as_str().unwrap();
    assert!(
        advice.contains("receipts replay --dead --destination app"),
        "{advice}"
    );
}

async fn what_was_to_be_told_when_the_receiver_was_killed_is_told_by_the_next(store: Store) {
    let app = Application::answering(|_| Reply::Status(503)).await;
    let ops = Application::start().await;
    let (address, notice) = (ops.address, notice(&ops, r#"about = ["destination"]"#));
    drop(ops);
    let mut process = store.telling(&app, &notice, SCHEDULE.1).await;
    post_jobs(process.public, 1).await;
    process.wait_for_log("cannot tell by notice ops", 1).await;
    process.kill();
    let killed_at = caigunn_webhook::clock::Timestamp::now().to_string();

    // It is back meanwhile, so that nobody would find it down anew.
    app.answer(|_| Reply::Status(200));
    let ops = Application::start_at(address, |_| Reply::Status(200)).await;
    let _process = store.telling(&app, &notice, SCHEDULE.1).await;

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(
        titles(&arrivals),
        ["destination app is down", "destination app is back"]
    );
    let made_at = told(&arrivals[0])["timestamp"].as_str().unwrap().to_owned();
    assert!(made_at < killed_at, "{made_at} {killed_at}");
}

async fn what_is_refused_is_told_again_until_it_is_taken_under_the_same_id(store: Store) {
    let mut count = 0;
    let ops = Application::answering(move |_| {
        count += 1;
        Reply::Status(if count < 3 { 500 } else { 200 })
    })
    .await;
    let app = Application::answering(|_| Reply::Status(503)).await;
    let process = store
        .telling(&app, &notice(&ops, r#"about = ["destination"]"#), SCHEDULE.1)
        .await;

    post_jobs(process.public, 1).await;

    let arrivals = ops.wait_for_arrivals(3).await;
    process
        .wait_for_log("told by notice ops: destination app is down", 1)
        .await;
    assert!(
        arrivals
            .iter()
            .all(|arrival| arrival.webhook_id == arrivals[0].webhook_id)
    );
    assert_eq!(arrivals.len(), 3);
    let failed = r#"notices_total{notice="ops",outcome="failed"}"#;
    assert_eq!(process.metric(&client(), failed).await, 2.0);
}

async fn what_goes_down_again_within_the_quiet_time_is_not_told(store: Store) {
    let (ops, app) = (
        Application::start().await,
        Application::answering(|_| Reply::Status(503)).await,
    );
    let process = store
        .telling(&app, &notice(&ops, r#"about = ["destination"]"#), SCHEDULE.1)
        .await;
    post_jobs(process.public, 1).await;
    ops.wait_for_arrivals(1).await;
    app.answer(|_| Reply::Status(200));
    ops.wait_for_arrivals(2).await;

    app.answer(|_| Reply::Status(503));
    post_jobs(process.public, 1).await;
    process.wait_for_log("fails throughout", 2).await;
    wait_for_tries(&app, 4).await;
    app.answer(|_| Reply::Status(200));
    process.wait_for_log("app is back", 2).await;

    assert_eq!(
        titles(&ops.arrivals()),
        ["destination app is down", "destination app is back"]
    );
}

#[tokio::test]
async fn of_two_receivers_on_one_database_one_tells_and_the_other_goes_on() {
    let Some(store) = Store::postgres().await else {
        return;
    };
    let (ops, app) = (
        Application::start().await,
        Application::answering(|_| Reply::Status(503)).await,
    );
    let notice = notice(&ops, "free_percent = 1");
    let mut first = store.telling(&app, &notice, SCHEDULE.1).await;
    first.wait_for_log("this receiver leads", 1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (url, destination) = (store.url(), destinations(&[("app", &app.url(), "")]));
    let variables = [
        ("CAIGUNN_INBOX_URL", url.as_str()),
        ("CAIGUNN_DELIVERY_DESTINATION", &destination),
        ("CAIGUNN_NOTICE", &notice),
        SCHEDULE,
    ];
    let second = Process::start(folder.path(), &variables).await;
    post_jobs(second.public, 1).await;
    ops.wait_for_arrivals(1).await;

    first.kill();
    second.wait_for_log("this receiver leads", 1).await;
    second.wait_for_log("fails throughout", 1).await;
    wait_for_tries(&app, 3).await;
    app.answer(|_| Reply::Status(200));

    let arrivals = wait_for_messages(&ops, 2).await;
    assert_eq!(
        titles(&arrivals),
        ["destination app is down", "destination app is back"]
    );
    let name = |arrival: &Arrival| told(arrival)["data"]["receiver"].as_str().unwrap().to_owned();
    let names: Vec<_> = arrivals.iter().map(name).collect();
    assert!(
        names[0].ends_with(&format!("(process {})", first.id())),
        "{names:?}"
    );
    assert!(
        names[1].ends_with(&format!("(process {})", second.id())),
        "{names:?}"
    );
}
