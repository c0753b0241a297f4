//! Promise: who is named in a notice is told once where something begins to be wrong, and once where that is over,
//! whatever is killed in between and however many receivers there are.

use std::fs;

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

/// A notice in TOML, to that application.
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

async fn wait_for_lines(process: &Process, part: &str, count: usize) {
    wait_for(&format!("{count} times {part:?} in the log"), || async {
        let log = process.log();
        if log.matches(part).count() >= count {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
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
    let notice = notice(&ops, "");
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
    wait_for_lines(&process, "fails throughout", 1).await;
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
    wait_for_lines(&process, "cannot tell by notice ops", 1).await;
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
    wait_for_lines(&process, "told by notice ops: destination app is down", 1).await;
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
    wait_for_lines(&process, "fails throughout", 2).await;
    wait_for_tries(&app, 4).await;
    app.answer(|_| Reply::Status(200));
    wait_for_lines(&process, "app is back", 2).await;

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
    let notice = notice(&ops, "");
    let mut first = store.telling(&app, &notice, SCHEDULE.1).await;
    wait_for_lines(&first, "this receiver leads", 1).await;
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
    wait_for_lines(&second, "this receiver leads", 1).await;
    wait_for_lines(&second, "fails throughout", 1).await;
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

#[tokio::test]
async fn an_inbox_whose_file_is_moved_away_and_back_is_told() {
    let store = Store::sqlite();
    let (ops, app) = (Application::start().await, Application::start().await);
    let process = store
        .telling(&app, &notice(&ops, r#"about = ["inbox"]"#), SCHEDULE.1)
        .await;
    // It is started, and takes what is posted.
    post_jobs(process.public, 1).await;
    let (file, away) = (store.folder().join("inbox.db"), store.folder().join("away.db"));

    fs::rename(&file, &away).expect("the file can be moved");
    post_in_vain(&process).await;
    ops.wait_for_arrivals(1).await;
    fs::rename(&away, &file).expect("the file can be moved back");

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(
        titles(&arrivals),
        ["the inbox takes no writes", "the inbox takes writes again"]
    );
}

#[tokio::test]
async fn a_database_that_is_gone_for_longer_than_a_lease_and_back_is_told() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let ops = Application::start().await;
    let (url, notice) = (server.url().to_owned(), notice(&ops, ""));
    let variables = [
        ("CAIGUNN_INBOX_URL", url.as_str()),
        ("CAIGUNN_NOTICE", &notice),
        SCHEDULE,
    ];
    let process = Process::start(folder.path(), &variables).await;
    wait_for_lines(&process, "this receiver leads", 1).await;

    server.kill_9().await;
    post_in_vain(&process).await;
    ops.wait_for_arrivals(1).await;
    wait_for_lines(&process, "this receiver leads no more", 1).await;
    server.restart().await;

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(
        titles(&arrivals),
        ["the inbox takes no writes", "the inbox takes writes again"]
    );
}

#[tokio::test]
async fn a_database_that_hangs_is_told_while_it_does_and_once() {
    let Some(server) = Server::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let ops = Application::start().await;
    // By TLS there is something to be done for it again and again until it is told.
    let certificate = folder.path().join("certificate.pem");
    let address = tls::before(ops.address, &certificate).await;
    let notice = format!(r#"[{{name = "ops", url = "https://{address}/"}}]"#);
    let url = server.url().to_owned();
    let variables = [
        ("CAIGUNN_INBOX_URL", url.as_str()),
        ("CAIGUNN_INBOX_APPEND_TIMEOUT_SECONDS", "2"),
        ("CAIGUNN_NOTICE", &notice),
        ("SSL_CERT_FILE", certificate.to_str().expect("it is text")),
        SCHEDULE,
    ];
    let process = Process::start(folder.path(), &variables).await;
    wait_for_lines(&process, "this receiver leads", 1).await;
    let client = client();
    let count = async |outcome: &str| {
        let name = format!(r#"notices_total{{notice="ops",outcome="{outcome}"}}"#);
        process.metric(&client, &name).await
    };

    server.freeze().await;
    post_in_vain(&process).await;
    wait_for("it to be told", || async {
        let delivered = count("delivered").await;
        if delivered >= 1.0 {
            Ok(())
        } else {
            Err(process.log())
        }
    })
    .await;

    assert_eq!(titles(&ops.arrivals()), ["the inbox takes no writes"]);
    assert_eq!(count("failed").await, 0.0);
    server.thaw();
    let arrivals = wait_for_messages(&ops, 2).await;
    assert_eq!(titles(&arrivals)[1], "the inbox takes writes again");
}

#[tokio::test]
async fn a_chatbot_that_is_taken_over_and_a_refused_token_are_told() {
    let ops = Application::start().await;
    let notice = notice(&ops, "");
    let variables = [
        ("CAIGUNN_NOTICE", notice.as_str()),
        ("CAIGUNN_SUBSCRIPTION_ON_TAKEOVER", "warn"),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_REFUSED_RETRY_SECONDS", "1"),
    ];
    let site = Site::running_with(&variables).await;
    let id = site.provider.chatbot_id("key-one");
    let ours = site.provider.webhook_url(id).expect("it is registered");
    wait_for_lines(site.receiver.as_ref().unwrap(), "registered http", 1).await;

    site.provider
        .set_webhook_url(id, Some("https://other.example.com/hook"));
    let arrivals = ops.wait_for_arrivals(1).await;
    let text = told(&arrivals[0])["data"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("https://other.example.com"), "{text}");
    site.provider.set_webhook_url(id, Some(&ours));
    ops.wait_for_arrivals(2).await;
    site.provider.set_access_token("another-one");
    ops.wait_for_arrivals(3).await;
    site.provider.set_access_token("access-token");

    let arrivals = ops.wait_for_arrivals(4).await;
    let name = format!("\"First\" ({id})");
    assert_eq!(
        titles(&arrivals),
        [
            &*format!("not registered here: chatbot {name}"),
            &*format!("registered here again: chatbot {name}"),
            "chatbots cannot be looked after",
            "chatbots can be looked after again",
        ]
    );
}

/// What is said of the account.
const ACCOUNT: [&str; 2] = [
    "chatbots cannot be looked after",
    "chatbots can be looked after again",
];

#[tokio::test]
async fn that_caigunn_cannot_be_reached_any_more_is_told_and_its_return() {
    let ops = Application::start().await;
    let notice = notice(&ops, r#"about = ["account"]"#);
    let variables = [
        ("CAIGUNN_NOTICE", notice.as_str()),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_RETRY_MAX_SECONDS", "1"),
    ];
    let site = Site::running_with(&variables).await;
    let routes = [Route::Chatbots, Route::Chatbot, Route::PutWebhook];
    let answer_always = |reply: Option<provider::Reply>| {
        for route in routes {
            site.provider.reply_always(route, reply.clone());
        }
    };

    answer_always(Some(provider::Reply::Status(503, None, Value::Null)));
    ops.wait_for_arrivals(1).await;
    answer_always(None);

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(titles(&arrivals), ACCOUNT);
    let text = told(&arrivals[0])["data"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("503"), "{text}");
}

#[tokio::test]
async fn that_chatbots_cannot_be_listed_is_told_and_over_only_once_they_are_also_over_a_restart() {
    let ops = Application::start().await;
    let notice = notice(&ops, r#"about = ["account"]"#);
    let variables = [
        ("CAIGUNN_NOTICE", notice.as_str()),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_RETRY_MAX_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_REFUSED_RETRY_SECONDS", "1"),
    ];
    let mut site = Site::running_with(&variables).await;
    let list_answers = |site: &Site, reply| site.provider.reply_always(Route::Chatbots, reply);

    // No token that is refused as such, and no server that is down.
    list_answers(&site, Some(provider::Reply::Status(403, None, Value::Null)));
    ops.wait_for_arrivals(1).await;
    site.stop().await;
    list_answers(&site, Some(provider::Reply::Held));
    let put_count = site.provider.calls_of(Route::PutWebhook).len();
    site.start(&variables).await;
    // The chatbot whose key is given is registered without the list, which hangs.
    site.provider
        .wait_for_calls_of(Route::PutWebhook, put_count + 1)
        .await;
    wait_for_lines(site.receiver.as_ref().unwrap(), "cannot list", 1).await;
    assert_eq!(titles(&ops.arrivals()), ACCOUNT[..1]);
    list_answers(&site, None);

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(titles(&arrivals), ACCOUNT);
}

#[tokio::test]
async fn who_leads_no_more_tells_nothing_that_the_next_one_has_told() {
    let Some(store) = Store::postgres().await else {
        return;
    };
    let ops = Application::answering(|_| Reply::Status(503)).await;
    let notice = notice(&ops, r#"about = ["chatbot"], quiet_minutes = 0"#);
    let url = store.url();
    let variables = [
        ("CAIGUNN_INBOX_URL", url.as_str()),
        ("CAIGUNN_NOTICE", notice.as_str()),
        ("CAIGUNN_SUBSCRIPTION_ON_TAKEOVER", "warn"),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        SCHEDULE,
    ];
    let site = Site::running_with(&variables).await;
    let first = site.receiver.as_ref().expect("it runs");
    wait_for_lines(first, "registered http", 1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Process::command(folder.path());
    site.configure(&mut command);
    command.envs(variables);
    command
        .env("CAIGUNN_LISTEN", "127.0.0.1:0")
        .env("CAIGUNN_ADMIN_LISTEN", "127.0.0.1:0");
    let second = Process::spawn(folder.path(), command).await;
    let id = site.provider.chatbot_id("key-one");
    let ours = site.provider.webhook_url(id).expect("it is registered");
    let register = |url| site.provider.set_webhook_url(id, Some(url));

    register("https://other.example.com/hook");
    ops.wait_for_arrivals(1).await;
    first.signal("STOP");
    ops.answer(|_| Reply::Status(200));
    wait_for_taken(&ops, 1).await;
    register(&ours);
    wait_for_taken(&ops, 2).await;
    first.signal("CONT");
    wait_for_lines(first, "this receiver leads no more", 1).await;
    register("https://other.example.com/hook");

    let taken = wait_for_taken(&ops, 3).await;
    let began = format!("not registered here: chatbot \"First\" ({id})");
    let ended = format!("registered here again: chatbot \"First\" ({id})");
    assert_eq!(titles(&taken), [&*began, &*ended, &*began]);
    let ids: Vec<_> = taken.iter().map(|message| &message.webhook_id).collect();
    assert_ne!(ids[0], ids[2], "{}", first.log());
    drop(second);
}

/// Waits until so many messages have been taken.
async fn wait_for_taken(ops: &Application, count: usize) -> Vec<Arrival> {
    wait_for(&format!("{count} messages to be taken"), || async {
        let taken = ops.taken();
        if taken.len() >= count {
            Ok(taken)
        } else {
            Err(format!("{:?}", titles(&taken)))
        }
    })
    .await
}

#[tokio::test]
async fn a_refused_token_is_told_and_its_end_also_where_nothing_is_registered() {
    let ops = Application::start().await;
    let notice = notice(&ops, r#"about = ["account"]"#);
    let provider = Provider::start([]).await;
    provider.set_access_token("another-one");
    let folder = tempfile::tempdir().expect("a folder");
    let url = provider.url();
    let variables = [
        ("CAIGUNN_API_URL", url.as_str()),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_NOTICE", &notice),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_REFUSED_RETRY_SECONDS", "1"),
    ];
    let _process = Process::start(folder.path(), &variables).await;

    ops.wait_for_arrivals(1).await;
    provider.set_access_token("access-token");

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(titles(&arrivals), ACCOUNT);
}
