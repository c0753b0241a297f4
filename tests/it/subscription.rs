//! Promise: every chatbot that is to be looked after has this receiver's URL, found by the access token alone, and what
//! is as it should be is left alone.

mod account;
mod chosen;
mod many;
mod outages;
mod probe;
mod stepped;
mod stop;
mod takeover;
mod untidy;

use std::time::Duration;

use caigunn_webhook::subscription::visit::End;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use self::stepped::Stepped;
use crate::harness::provider::{Reply, Route};
use crate::harness::{self, App, Provider, Recorder, client, sample, spawn_app_with, wait_for};
use crate::metrics::numbers;

/// What is registered here, unless a test says otherwise.
const OURS: &str = "https://hooks.example.com/webhook/token-of-the-registered-url";

/// The longest that `subscription.watch_interval_seconds` of 300 can be, with its tenth at random and what a round takes.
const WATCH: Duration = Duration::from_secs(340);

/// The same of `subscription.refused_retry_seconds`.
const REFUSED_RETRY: Duration = Duration::from_secs(3660);

fn put_count(provider: &Provider) -> usize {
    provider.calls_of(Route::PutWebhook).len()
}

fn failure(status: u16) -> Reply {
    Reply::Status(status, None, json!({"detail": "Out of order"}))
}

fn all(state: &str, titles: &[&str]) -> Vec<(String, String)> {
    titles
        .iter()
        .map(|title| ((*title).to_owned(), state.to_owned()))
        .collect()
}

#[tokio::test]
async fn with_an_access_token_alone_a_thousand_chatbots_are_registered_once_each() {
    let provider = Provider::start([]).await;
    let mut ids = vec![provider.chatbot_id("key-one")];
    for number in 1..1000 {
        ids.push(provider.add_chatbot(&format!("Chatbot {number}"), &format!("key-{number}")));
    }
    let deleted = provider.add_chatbot("Deleted", "key-of-a-deleted-one");
    provider.remove_chatbot(deleted);
    let mut receiver = Stepped::new(&provider, &[]);

    receiver.round().await;

    let states = receiver.states();
    assert_eq!(states.len(), 1000);
    assert!(
        states.iter().all(|(_, state)| state == "registered"),
        "{states:?}"
    );
    for id in &ids {
        assert_eq!(provider.webhook_url(*id).as_deref(), Some(OURS));
    }
    assert_eq!(provider.webhook_url(deleted), None);
    assert_eq!(put_count(&provider), 1000);
    assert_eq!(receiver.keys_of(Some(ids[999])).unwrap(), ["key-999"]);
}

#[tokio::test]
async fn a_chatbot_made_later_is_registered_and_one_that_is_gone_is_shown_no_more() {
    let provider = Provider::start([]).await;
    let gone = provider.add_chatbot("Gone", "key-gone");
    let mut receiver = Stepped::new(&provider, &[]);
    receiver.round().await;
    assert_eq!(receiver.states(), all("registered", &["First", "Gone"]));

    let later = provider.add_chatbot("Later", "key-later");
    provider.remove_chatbot(gone);
    for _ in 0..5 {
        receiver.after(WATCH).await;
    }

    assert_eq!(receiver.states(), all("registered", &["First", "Later"]));
    assert_eq!(provider.webhook_url(later).as_deref(), Some(OURS));
    assert_eq!(put_count(&provider), 3);
    assert_eq!(receiver.keys_of(Some(later)).unwrap(), ["key-later"]);
    assert_eq!(receiver.keys_of(Some(gone)).unwrap(), [""; 0]);
}

#[tokio::test]
async fn only_chosen_chatbots_are_looked_after() {
    let provider = Provider::start([]).await;
    let shop = provider.add_chatbot("Shop", "key-shop").to_string();
    let help = provider.add_chatbot("Help", "key-help").to_string();
    type Keys<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Keys<'_>, &[&str]); 6] = [
        (&[], &["First", "Shop", "Help"]),
        (&[("subscription.include", "Shop, First")], &["First", "Shop"]),
        (&[("subscription.include", &help)], &["Help"]),
        (&[("subscription.exclude", "First")], &["Shop", "Help"]),
        (
            &[
                ("subscription.include", "Shop, Help"),
                ("subscription.exclude", &shop),
            ],
            &["Help"],
        ),
        (&[("api.key", "key-help")], &["Help"]),
    ];
    for (keys, expected) in cases {
        let mut receiver = Stepped::new(&provider, keys);

        receiver.round().await;

        assert_eq!(receiver.states(), all("registered", expected), "{keys:?}");
    }
    // Nobody had to take anything from anybody.
    assert_eq!(put_count(&provider), 3);
}

#[tokio::test]
async fn a_choice_that_leaves_no_chatbot_is_warned_about_once() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let mut receiver = Stepped::new(&provider, &[("subscription.include", "Frist")]);

    receiver.round().await;
    receiver.after(WATCH).await;

    assert_eq!(
        recorder.messages("WARN"),
        [
            "subscription.include and subscription.exclude name what no listed chatbot has as its id or title: [\"Frist\"]",
            "there is no chatbot to look after: CaiGunn lists 1 that can be read, and subscription.include and \
             subscription.exclude leave none of them"
        ]
    );
    assert_eq!(put_count(&provider), 0);
}

#[tokio::test]
async fn a_choice_that_names_no_chatbot_is_warned_about_once() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    provider.add_chatbot("Shop, old", "key-shop");
    let id = provider.chatbot_id("key-one").to_string().to_uppercase();
    let mut receiver = Stepped::new(
        &provider,
        &[
            ("subscription.include", &format!("[\"Shop, old\", \"{id}\"]")),
            ("subscription.exclude", "shop, old"),
        ],
    );

    receiver.round().await;
    receiver.after(WATCH).await;

    assert_eq!(receiver.states(), all("registered", &["First", "Shop, old"]));
    assert_eq!(
        recorder.messages("WARN"),
        [
            "subscription.include and subscription.exclude name what no listed chatbot has as its id or title: [\"shop\", \"old\"]"
        ]
    );
}

#[tokio::test]
async fn a_chatbot_that_is_said_to_be_deleted_is_forgotten_with_the_first_list_that_lacks_it() {
    let provider = Provider::start([]).await;
    let second = provider.add_chatbot("Second", "key-two");
    let mut receiver = Stepped::new(&provider, &[]);
    receiver.round().await;
    let mut keys = receiver.follow_keys();
    provider.remove_chatbot(second);
    provider.reply(Route::Chatbots, [Reply::Status(503, None, Value::Null)]);

    receiver.after(WATCH).await;
    let before = receiver.states();
    receiver.after(WATCH).await;

    assert_eq!(before[1], ("Second".to_owned(), "deleted".to_owned()));
    assert_eq!(receiver.states(), all("registered", &["First"]));
    let keyring = keys.borrow_and_update().clone().expect("they are known");
    assert!(keyring.is_whole && !keyring.may_open(Some(second)));
}

#[tokio::test]
async fn a_second_round_and_a_second_ensure_change_nothing() {
    let provider = Provider::start([]).await;
    provider.add_chatbot("Second", "key-two");
    let mut receiver = Stepped::new(&provider, &[]);

    let first = receiver.ensure().await;
    let second = receiver.ensure().await;
    receiver.round().await;
    receiver.after(WATCH).await;

    assert!(
        first.iter().all(|visit| matches!(visit.end, End::Put { .. })),
        "{first:?}"
    );
    assert!(
        second.iter().all(|visit| matches!(visit.end, End::AlreadySo)),
        "{second:?}"
    );
    assert_eq!(put_count(&provider), 2);
    assert_eq!(receiver.states(), all("registered", &["First", "Second"]));
    // Before the interval is over, a round calls nobody at all.
    let call_count = provider.calls().len();
    receiver.after(Duration::from_secs(1)).await;
    assert_eq!(provider.calls().len(), call_count);
}

#[tokio::test]
async fn a_url_that_stands_there_already_is_not_put() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    // Written in another way, it is the same.
    provider.set_webhook_url(
        id,
        Some("HTTPS://Hooks.Example.com:443/webhook/token-of-the-registered-url"),
    );
    let mut receiver = Stepped::new(&provider, &[]);

    receiver.round().await;
    let first = receiver.chatbot();
    receiver.after(WATCH).await;
    let second = receiver.chatbot();

    assert_eq!(put_count(&provider), 0);
    assert_eq!(first["state"], "registered");
    assert_eq!(second["since"], first["since"]);
    assert!(second["confirmed_at"].as_str() > first["confirmed_at"].as_str());
    assert_eq!(
        recorder.messages("INFO"),
        [
            format!("found chatbot \"First\" ({id})"),
            format!(
                "https://hooks.example.com/webhook/[token] is registered for chatbot \"First\" ({id}) already"
            ),
        ]
    );
}

#[tokio::test]
async fn an_api_key_given_twice_is_one_chatbot_and_one_that_is_not_listed_is_put_once() {
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[("api.key", "key-one, key-unlisted, key-one")]);
    // A key that works, of a chatbot that this user's list does not have.
    let unlisted = provider.add_chatbot("Unlisted", "key-unlisted");
    provider.reply_always(
        Route::Chatbots,
        Some(Reply::Status(
            200,
            None,
            json!({"chatbots": [{"id": id, "title": "First", "api_key": "key-one"}]}),
        )),
    );

    for _ in 0..3 {
        // The list ends with the page that has nothing new.
        receiver.after(WATCH).await;
    }

    assert_eq!(put_count(&provider), 2);
    assert_eq!(provider.webhook_url(unlisted).as_deref(), Some(OURS));
    let seen = receiver.seen();
    assert_eq!(seen["chatbots"][0]["title"], "First");
    assert_eq!(seen["chatbots"][1]["chatbot_id"], Value::Null);
    assert_eq!(seen["chatbots"][1]["state"], "registered");
    // It was put, and never seen since.
    assert_eq!(seen["chatbots"][1]["confirmed_at"], seen["chatbots"][1]["since"]);
    assert_eq!(receiver.keys_of(Some(id)).unwrap(), ["key-one"]);
    assert_eq!(receiver.keys_of(None).unwrap(), ["key-one", "key-unlisted"]);
    let nobody = Uuid::from_u128(7).to_string().parse().unwrap();
    assert_eq!(receiver.keys_of(Some(nobody)).unwrap(), ["key-unlisted"]);
}

/// A running receiver that finds its chatbots by itself.
async fn spawn(provider: &Provider, keys: &[(&str, &str)]) -> App {
    let url = provider.url();
    let defaults = [
        ("api.url", &*url),
        ("api.access_token", "access-token"),
        ("server.public_url", "https://hooks.example.com"),
        ("webhook.token", "token-of-the-registered-url"),
        ("subscription.probe", "false"),
    ];
    spawn_app_with(&[&defaults, keys].concat()).await
}

/// Waits until so many chatbots are registered.
async fn wait_for_registered(app: &App, count: usize) -> Value {
    wait_for("the registrations", || async {
        let seen = app.api("/subscription").await;
        let chatbots = seen["chatbots"].as_array().expect("a list");
        let is_done =
            chatbots.len() == count && chatbots.iter().all(|chatbot| chatbot["state"] == "registered");
        if is_done { Ok(seen) } else { Err(seen.to_string()) }
    })
    .await
}

#[tokio::test]
async fn a_receiver_registers_all_chatbots_and_those_made_later_by_itself() {
    let provider = Provider::start([]).await;
    provider.add_chatbot("Second", "key-two");

    let app = spawn(&provider, &[("subscription.watch_interval_seconds", "1")]).await;
    wait_for_registered(&app, 2).await;
    provider.add_chatbot("Third", "key-three");
    wait_for_registered(&app, 3).await;

    assert_eq!(put_count(&provider), 3);
    assert_eq!(numbers(&app).await["account_trouble"], 0.0);
    app.stop().await;
}

#[tokio::test]
async fn it_is_shown_when_each_token_was_last_used_and_never_the_token() {
    let provider = Provider::start([]).await;
    let (new, old) = ("new-token-0123456789abcdef", "old-token-0123456789abcdef");
    let app = spawn(&provider, &[("webhook.token", &format!("{new},{old}"))]).await;
    let notification = harness::json(&sample("crawling.completed"));
    let tokens = || async { app.api("/subscription").await["tokens"].clone() };
    wait_for_registered(&app, 1).await;
    let before = tokens().await;

    let answer = app.post_to(&format!("/webhook/{old}"), &notification).await;
    assert_eq!(answer.status(), 200);
    let after_old = tokens().await;
    let answer = app.post_to(&format!("/webhook/{new}"), &notification).await;
    assert_eq!(answer.status(), 200);
    let answer = app.post_to("/webhook/wrong-token", &notification).await;
    assert_eq!(answer.status(), 401);
    let after_new = tokens().await;

    // The starts of the tokens' SHA-256.
    let shown = |new_at: &Value, old_at: &Value| {
        json!([
            {"token": "dfa0c34c", "is_registered": true, "last_used_at": new_at},
            {"token": "cf29669c", "is_registered": false, "last_used_at": old_at},
        ])
    };
    let (new_at, old_at) = (&after_new[0]["last_used_at"], &after_old[1]["last_used_at"]);
    assert_eq!(before, shown(&Value::Null, &Value::Null));
    assert_eq!(after_old, shown(&Value::Null, old_at));
    assert_eq!(after_new, shown(new_at, old_at));
    assert!(
        old_at.is_string() && new_at.as_str() > old_at.as_str(),
        "{after_new}"
    );
    let seen = wait_for_registered(&app, 1).await.to_string();
    assert!(!seen.contains("0123456789abcdef"), "{seen}");
    app.stop().await;
}
