//! Promise: a chatbot that loses our URL gets it back, the operator is told once, two that fight do it within bounds,
//! and an old process never undoes what a newer one has registered.

use super::*;
use crate::harness::Process;

/// Somebody else's, with secrets wherever a URL can have them.
const THEIRS: &str =
    "https://user:planted-password@elsewhere.example:8443/planted-path?key=planted-key#planted-end";

/// What may be told of it.
const SHOWN: &str = "https://elsewhere.example:8443/[hidden]";

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_url_that_caigunn_forgets_is_put_again_with_a_warning() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[]);
    receiver.round().await;

    provider.set_webhook_url(id, None);
    receiver.after(WATCH).await;

    assert_eq!(provider.webhook_url(id).as_deref(), Some(OURS));
    assert_eq!(put_count(&provider), 2);
    assert_eq!(
        recorder.messages("WARN"),
        [format!(
            "CaiGunn had no webhook URL for chatbot \"First\" ({id}) any more; registered \
             https://hooks.example.com/webhook/[token] again: Webhook url update successfully"
        )]
    );
}

#[tokio::test]
async fn a_takeover_is_warned_about_once_and_undone_within_an_interval() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[]);
    receiver.round().await;
    let registered = receiver.chatbot();

    for _ in 0..2 {
        provider.set_webhook_url(id, Some(THEIRS));
        receiver.after(WATCH).await;
        assert_eq!(provider.webhook_url(id).as_deref(), Some(OURS));
    }

    assert_eq!(put_count(&provider), 3);
    assert_eq!(receiver.chatbot()["state"], "registered");
    assert!(receiver.chatbot()["since"].as_str() > registered["since"].as_str());
    let name = format!("chatbot \"First\" ({id})");
    let detail = "Webhook url update successfully";
    assert_eq!(
        recorder.messages("WARN"),
        [format!(
            "{name} was taken over by {SHOWN}; took it back: {detail}. If two deployments want one chatbot, its \
             events go to one, then the other: stop one of them"
        )]
    );
    assert_eq!(
        recorder.messages("INFO").last().unwrap(),
        &format!("took {name} back from {SHOWN} once more: {detail}")
    );
    assert!(!recorder.text().contains("planted"), "{}", recorder.text());
}

#[tokio::test]
async fn after_so_many_reclaims_an_hour_it_is_an_error_and_left_alone_until_the_hour_has_passed() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[("subscription.max_reclaims_per_hour", "2")]);
    receiver.round().await;

    let mut urls = Vec::new();
    for _ in 0..10 {
        provider.set_webhook_url(id, Some(THEIRS));
        receiver.after(WATCH).await;
        urls.push(provider.webhook_url(id).unwrap() == OURS);
    }

    // Ten times 340 s are less than an hour after the first of them.
    assert_eq!(urls, [[true; 2].as_slice(), &[false; 8]].concat());
    assert_eq!(put_count(&provider), 1 + 2);
    let chatbot = receiver.chatbot();
    assert_eq!(
        (&chatbot["state"], &chatbot["by"]),
        (&json!("contested"), &json!(SHOWN))
    );
    assert_eq!(
        recorder.messages("ERROR"),
        [format!(
            "{SHOWN} has chatbot \"First\" ({id}), which is reclaimed 2 times an hour at most and left alone until \
             then, so its events go there. Two deployments want one chatbot: stop one of them"
        )]
    );

    receiver.after(HOUR).await;

    assert_eq!(provider.webhook_url(id).as_deref(), Some(OURS));
    assert_eq!(receiver.chatbot()["state"], "registered");
    assert!(!recorder.text().contains("planted"), "{}", recorder.text());
    assert!(!receiver.seen().to_string().contains("planted"));
}

#[tokio::test]
async fn whoever_is_told_to_warn_leaves_it_and_warns_once() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[("subscription.on_takeover", "warn")]);
    receiver.round().await;

    provider.set_webhook_url(id, Some(THEIRS));
    for _ in 0..3 {
        receiver.after(WATCH).await;
    }

    assert_eq!(put_count(&provider), 1);
    let chatbot = receiver.chatbot();
    assert_eq!(
        (&chatbot["state"], &chatbot["by"]),
        (&json!("taken_over"), &json!(SHOWN))
    );
    assert_eq!(
        recorder.messages("WARN"),
        [format!(
            "chatbot \"First\" ({id}) was taken over by {SHOWN}, so its events go there; `caigunn-webhook subscription \
             ensure` takes it back"
        )]
    );

    // Which it does, and the receiver sees it.
    receiver.ensure().await;
    receiver.after(WATCH).await;
    assert_eq!(receiver.chatbot()["state"], "registered");
    assert!(!recorder.text().contains("planted"), "{}", recorder.text());
}

#[tokio::test]
async fn a_takeover_that_cannot_be_undone_is_no_registration_and_it_is_said_where_posts_go() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[]);
    receiver.round().await;

    provider.set_webhook_url(id, Some(THEIRS));
    provider.reply(Route::PutWebhook, [failure(500)]);
    receiver.after(WATCH).await;
    let failed = receiver.chatbot();
    receiver.come_back().await;

    assert_eq!(failed["state"], "retrying");
    let error = "ours could not be put in its place: CaiGunn is unavailable: 500: Out of order";
    assert_eq!(failed["error"], format!("{SHOWN} stands there, and {error}"));
    let warnings = recorder.messages("WARN");
    let expected = format!("chatbot \"First\" ({id}) posts to {SHOWN}, and {error}; trying again in ");
    assert!(warnings[0].starts_with(&expected), "{warnings:?}");
    assert_eq!(receiver.chatbot()["state"], "registered");
    assert!(!recorder.text().contains("planted"), "{}", recorder.text());
}

/// Steps both through a day, each when it wants to come back.
async fn live_a_day(one: &mut Stepped, other: &mut Stepped) {
    let end = Instant::now() + DAY;
    loop {
        let earlier = if one.next <= other.next {
            &mut *one
        } else {
            &mut *other
        };
        if earlier.next >= end {
            return;
        }
        earlier.come_back().await;
    }
}

#[tokio::test]
async fn two_receivers_that_fight_over_a_chatbot_for_a_day_put_within_bounds_and_warn_once_each() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let mut one = Stepped::new(&provider, &[("server.public_url", "https://one.example")]);
    let mut other = Stepped::new(&provider, &[("server.public_url", "https://other.example")]);

    live_a_day(&mut one, &mut other).await;

    // Each registers once, and reclaims three times in any of the day's hours at most.
    let bound = 2 * (1 + 24 * 3);
    let puts = put_count(&provider);
    assert!(puts <= bound, "{puts} PUTs");
    // Nor has any given up for good.
    assert!(puts >= 24, "{puts} PUTs");
    let warnings = recorder.messages("WARN");
    let count = |messages: &[String], by: &str| {
        let mut by_it = messages.iter().filter(|message| message.contains(by));
        (by_it.next().is_some(), by_it.count())
    };
    assert_eq!(
        count(
            &warnings,
            "was taken over by https://one.example/[hidden]; took it back"
        ),
        (true, 0)
    );
    assert_eq!(
        count(
            &warnings,
            "was taken over by https://other.example/[hidden]; took it back"
        ),
        (true, 0)
    );
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    let errors = recorder.messages("ERROR");
    assert!((1..=2).contains(&errors.len()), "{errors:#?}");
    assert_ne!(errors.first(), errors.get(1));
}

#[tokio::test]
async fn two_replicas_with_the_tokens_in_another_order_put_within_bounds() {
    let provider = Provider::start([]).await;
    let (a, b) = ("token-a-0123456789abcdef", "token-b-0123456789abcdef");
    let mut one = Stepped::new(&provider, &[("webhook.token", &format!("{a},{b}"))]);
    let mut other = Stepped::new(&provider, &[("webhook.token", &format!("{b},{a}"))]);

    live_a_day(&mut one, &mut other).await;

    let puts = put_count(&provider);
    assert!((2..=2 * (1 + 24 * 3)).contains(&puts), "{puts} PUTs");
}

const OLD: &str = "https://hooks.example.com/webhook/old-token-0123456789abcdef";
const NEW: &str = "https://hooks.example.com/webhook/new-token-0123456789abcdef";
const OLD_TOKENS: (&str, &str) = ("webhook.token", "old-token-0123456789abcdef");
const NEW_TOKENS: (&str, &str) = (
    "webhook.token",
    "new-token-0123456789abcdef,old-token-0123456789abcdef",
);

/// The URLs put, in order.
fn put_urls(provider: &Provider) -> Vec<String> {
    let calls = provider.calls_of(Route::PutWebhook);
    calls
        .iter()
        .map(|call| call.body["webhook_url"].as_str().expect("a URL").to_owned())
        .collect()
}

#[tokio::test]
async fn in_a_rolling_deploy_the_new_process_has_the_last_word_whatever_the_order_of_rounds() {
    const ROUNDS: u32 = 6;
    // A bit a round: whose it is. The new one has at least one.
    for order in 1..1_u32 << ROUNDS {
        let provider = Provider::start([]).await;
        let id = provider.chatbot_id("key-one");
        let mut old = Stepped::new(&provider, &[OLD_TOKENS]);
        let mut new = Stepped::new(&provider, &[NEW_TOKENS]);
        old.round().await;

        for round in 0..ROUNDS {
            if order >> round & 1 == 1 {
                new.after(WATCH).await;
            } else {
                old.after(WATCH).await;
            }
        }
        old.after(WATCH).await;

        assert_eq!(put_urls(&provider), [OLD, NEW], "{order:b}");
        assert_eq!(provider.webhook_url(id).as_deref(), Some(NEW), "{order:b}");
        assert_eq!(old.chatbot()["state"], "superseded", "{order:b}");
        assert_eq!(new.chatbot()["state"], "registered", "{order:b}");
    }
}

#[tokio::test]
async fn an_old_process_that_starts_late_is_corrected_by_the_new_one_and_warns_once() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let mut old = Stepped::new(&provider, &[OLD_TOKENS]);
    let mut new = Stepped::new(&provider, &[NEW_TOKENS]);

    new.round().await;
    for _ in 0..3 {
        old.after(WATCH).await;
        new.after(WATCH).await;
    }

    assert_eq!(put_urls(&provider), [NEW, OLD, NEW]);
    assert_eq!(old.chatbot()["state"], "superseded");
    let id = provider.chatbot_id("key-one");
    assert_eq!(
        recorder.messages("WARN"),
        [format!(
            "a receiver with this public URL and another token has registered for chatbot \"First\" ({id}); left as it \
             is, since a newer deployment does that"
        )]
    );
    assert!(!recorder.text().contains("0123456789abcdef"));
}

#[tokio::test]
async fn a_running_receiver_takes_a_chatbot_back_and_tells_no_secret() {
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("CAIGUNN_API_URL", &*provider.url()),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
        ("CAIGUNN_WEBHOOK_TOKEN", "token-of-the-registered-url"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        ("CAIGUNN_LOG", "trace"),
    ];
    let process = Process::start(folder.path(), &variables).await;
    provider.wait_for_calls(1).await;

    provider.set_webhook_url(id, Some(THEIRS));
    provider.wait_for_calls(2).await;
    let line = process
        .wait_for_lines(1, |line| line["error.type"] == "taken_over")
        .await
        .remove(0);

    assert_eq!(line["level"], "WARN");
    assert_eq!(provider.webhook_url(id).as_deref(), Some(OURS));
    let seen = client().get(process.api("/subscription")).send().await.unwrap();
    let told = seen.text().await.unwrap() + &*process.log() + &*process.errors();
    for secret in [
        "planted",
        "key-one",
        "access-token",
        "token-of-the-registered-url",
    ] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
}

#[tokio::test]
async fn a_reclaim_whose_answer_is_lost_is_told_and_counted_once_it_is_seen() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[]);
    receiver.round().await;
    provider.reply_always(Route::PutWebhook, Some(Reply::Done(502, "<html>")));

    // Three times an hour, and not the fourth.
    for number in 1..=4 {
        provider.set_webhook_url(id, Some(THEIRS));
        receiver.after(WATCH).await;
        receiver.come_back().await;

        let url = provider.webhook_url(id);
        let expected = if number <= 3 { OURS } else { THEIRS };
        assert_eq!(url.as_deref(), Some(expected), "{number}");
        let state = if number <= 3 { "registered" } else { "contested" };
        assert_eq!(receiver.chatbot()["state"], state, "{number}");
    }
    let mut warnings = recorder.messages("WARN");
    warnings.retain(|warning| warning.contains(&format!("was taken over by {SHOWN}; took it back")));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[tokio::test]
async fn a_reclaim_whose_answer_is_lost_is_counted_in_the_next_term_unless_another_receiver_led_between() {
    for (goes_on, expected) in [(false, "contested"), (true, "registered")] {
        let provider = Provider::start([]).await;
        let id = provider.chatbot_id("key-one");
        let mut receiver = Stepped::new(&provider, &[("subscription.max_reclaims_per_hour", "1")]);
        receiver.round().await;
        provider.set_webhook_url(id, Some(THEIRS));
        provider.reply(Route::PutWebhook, [Reply::Done(502, "<html>")]);
        receiver.after(WATCH).await;
        assert_eq!(provider.webhook_url(id).as_deref(), Some(OURS));

        receiver.keeper.rest();
        receiver.keeper.begin_term(goes_on);
        receiver.round().await;

        assert_eq!(receiver.chatbot()["state"], "registered");
        // Once an hour, and that was it.
        provider.set_webhook_url(id, Some(THEIRS));
        receiver.after(WATCH).await;
        assert_eq!(receiver.chatbot()["state"], expected);
    }
}

#[tokio::test]
async fn a_reclaim_that_failed_is_not_counted() {
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[("subscription.max_reclaims_per_hour", "1")]);
    receiver.round().await;
    provider.set_webhook_url(id, Some(THEIRS));
    provider.reply(Route::PutWebhook, [failure(502), failure(502)]);

    receiver.after(WATCH).await;
    for _ in 0..2 {
        receiver.come_back().await;
    }

    assert_eq!(provider.webhook_url(id).as_deref(), Some(OURS));
    assert_eq!(receiver.chatbot()["state"], "registered");
}
