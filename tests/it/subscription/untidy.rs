//! Promise: one odd thing at CaiGunn, a key, a chatbot, an entry, a page or a spelling, concerns itself alone.

use caigunn_webhook::event::ChatbotId;

use super::*;
use crate::harness::pass;

/// A page that stands in for a site while it is maintained.
const PAGE: &str = "<!doctype html><title>Maintenance</title>";

/// Nineteen chatbots that are well, and one whose credentials are refused.
fn twenty(provider: &Provider) -> ChatbotId {
    for number in 2..20 {
        provider.add_chatbot(&format!("Chatbot {number}"), &format!("key-{number}"));
    }
    let refused = provider.add_chatbot("Refused", "key-refused");
    provider.refuse(refused);
    refused
}

#[tokio::test]
async fn a_401_of_one_chatbot_sets_it_aside_alone_and_it_is_named_and_tried_again_after_an_hour() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let id = twenty(&provider);
    let mut receiver = Stepped::new(&provider, &[]);

    receiver.round().await;

    let mut states = receiver.states();
    states.retain(|(_, state)| state != "registered");
    assert_eq!(states, all("refused", &["Refused"]));
    assert_eq!(
        (put_count(&provider), receiver.seen()["problem"].clone()),
        (20, Value::Null)
    );
    let errors = recorder.messages("ERROR");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains(&format!("\"Refused\" ({id}): CaiGunn refused API key ")),
        "{errors:?}"
    );
    assert!(!recorder.text().contains("key-refused"));
    receiver.after(WATCH).await;
    assert_eq!(put_count(&provider), 20);
    receiver.after(REFUSED_RETRY).await;
    assert_eq!(put_count(&provider), 21);
}

#[tokio::test]
async fn entries_of_the_list_that_cannot_be_read_keep_no_other_from_being_registered() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let id = Uuid::from_u128(7);
    provider.list_untidy(vec![
        json!({"id": id, "title": "A", "api_key": null}),
        json!({"id": 17, "title": "B", "api_key": "key-b"}),
        json!({"id": id, "title": "C", "api_key": "planted\u{1}"}),
        json!({"id": id, "title": "D", "api_key": "plantéd"}),
        json!(null),
    ]);
    let mut receiver = Stepped::new(&provider, &[]);

    receiver.round().await;
    receiver.after(WATCH).await;

    assert_eq!(receiver.states(), all("registered", &["First"]));
    assert_eq!(
        recorder.messages("WARN"),
        [format!(
            "CaiGunn's list has 5 entries that cannot be read and are left out, such as: /chatbots/0/api_key is missing \
             (chatbot {id}); /chatbots/1/id is not a UUID; /chatbots/2/api_key has a character that no header may hold \
             (chatbot {id}); /chatbots/3/api_key has a character that no header may hold (chatbot {id}); /chatbots/4 is \
             missing"
        )]
    );
    assert!(!recorder.text().contains("plant"));
}

#[tokio::test]
async fn our_url_in_any_spelling_is_ours_and_put_once() {
    let spellings: [fn(&str) -> String; 6] = [
        |url| format!("{url}/"),
        |url| url.replace("https", "http"),
        |url| url.replace('-', "%2D"),
        |url| format!("{url}?source=caigunn"),
        |url| format!("{url}#caigunn"),
        |url| url[..url.len() - 10].to_owned() + "***",
    ];
    for (number, spelling) in spellings.into_iter().enumerate() {
        let recorder = Recorder::start();
        let provider = Provider::start([]).await;
        provider.spell(spelling);
        let mut receiver = Stepped::new(&provider, &[]);

        receiver.round().await;
        for _ in 0..3 {
            receiver.after(WATCH).await;
        }

        assert_eq!(put_count(&provider), 1, "{number}");
        assert_eq!(receiver.chatbot()["state"], "registered", "{number}");
        assert_eq!(recorder.messages("WARN"), [""; 0], "{number}");
        // All but the last say the same as ours, so that the next process knows them too.
        if number < 5 {
            Stepped::new(&provider, &[]).round().await;
            assert_eq!(put_count(&provider), 1, "{number}");
        }
    }
}

#[tokio::test]
async fn a_url_that_caigunn_changes_so_that_posts_to_it_are_refused_is_no_registration() {
    type Change = (fn(&str) -> String, &'static str);
    let changes: [Change; 5] = [
        (
            |url| url[..url.len() - 10].to_owned(),
            "only the first 51 of its 61 characters",
        ),
        (
            |url| url[..30].to_owned(),
            "only the first 30 of its 61 characters",
        ),
        (str::to_uppercase, "it in other letters, capital or small"),
        (
            |url| url.replace("token-of", "t-of"),
            "another port, path or token of its host",
        ),
        (
            |url| url.replace("/webhook", ":8443/webhook"),
            "another port, path or token of its host",
        ),
    ];
    for (change, what) in changes {
        let recorder = Recorder::start();
        let provider = Provider::start([]).await;
        provider.spell(change);
        let mut receiver = Stepped::new(&provider, &[]);

        receiver.round().await;
        let begun = Instant::now();
        while begun.elapsed() < REFUSED_RETRY {
            receiver.come_back().await;
        }

        let chatbot = receiver.chatbot();
        let error = chatbot["error"].as_str().unwrap_or_default();
        assert_eq!(chatbot["state"], "refused", "{chatbot}");
        assert!(error.contains(what), "{chatbot}");
        assert_eq!(put_count(&provider), 2, "{what}");
        let errors = recorder.messages("ERROR");
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].contains(what), "{errors:?}");
        assert!(errors[0].contains("CAIGUNN_WEBHOOK_TOKEN"), "{errors:?}");
        assert!(!recorder.text().contains("-url"), "{}", recorder.text());

        // As soon as it is kept, that is seen.
        provider.spell(str::to_owned);
        receiver.after(REFUSED_RETRY).await;
        assert_eq!(receiver.chatbot()["state"], "registered", "{what}");
    }
}

#[tokio::test]
async fn a_url_that_caigunn_cuts_later_is_put_again_and_no_newer_deployments() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let mut receiver = Stepped::new(&provider, &[("subscription.on_takeover", "warn")]);
    receiver.round().await;

    provider.spell(|url| url[..url.len() - 10].to_owned());
    receiver.after(WATCH).await;

    assert_eq!(put_count(&provider), 2);
    assert_eq!(receiver.chatbot()["state"], "refused");
    assert_eq!(recorder.messages("WARN"), [""; 0]);
}

#[tokio::test]
async fn a_web_page_is_no_registration_and_is_over_in_minutes() {
    for route in [Route::Chatbots, Route::Chatbot, Route::PutWebhook] {
        for reply in [Reply::Text(200, PAGE), Reply::Text(302, "")] {
            let provider = Provider::start([]).await;
            provider.reply_always(route, Some(reply));
            let mut receiver = Stepped::new(&provider, &[]);

            receiver.round().await;
            for _ in 0..3 {
                receiver.come_back().await;
            }
            let states = receiver.states();
            let is_registered = states.iter().any(|(_, state)| state == "registered");
            // Reading alone may be broken.
            assert_eq!(is_registered, route == Route::Chatbot, "{route:?} {states:?}");
            provider.reply_always(route, None);
            let mut waited = Duration::ZERO;
            while receiver.states() != all("registered", &["First"]) {
                waited += receiver.come_back().await;
                assert!(waited <= Duration::from_secs(600), "{route:?} {waited:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_in_json_of_another_shape_is_over_in_minutes_and_one_that_is_refused_names_what_it_uses() {
    for body in [r#"{"detail":"Maintenance"}"#, "null", r#"["a","b"]"#] {
        let provider = Provider::start([]).await;
        provider.reply_always(Route::Chatbots, Some(Reply::Text(200, body)));
        let mut receiver = Stepped::new(&provider, &[]);
        for _ in 0..4 {
            receiver.come_back().await;
        }

        provider.reply_always(Route::Chatbots, None);

        let waited = receiver.come_back().await;
        assert!(waited <= Duration::from_secs(300), "{body}: {waited:?}");
        assert_eq!(receiver.states(), all("registered", &["First"]), "{body}");
    }
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    provider.reply_always(Route::Chatbots, Some(failure(422)));
    let mut receiver = Stepped::new(&provider, &[]);

    receiver.round().await;

    let errors = recorder.messages("ERROR");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("check CAIGUNN_ACCESS_TOKEN and CAIGUNN_API_URL"),
        "{errors:?}"
    );
    assert!(!errors[0].contains("CAIGUNN_API_KEY"), "{errors:?}");
}

#[tokio::test]
async fn a_list_whose_route_is_not_there_yet_is_over_in_minutes() {
    for status in [404, 405] {
        let recorder = Recorder::start();
        let provider = Provider::start([]).await;
        provider.reply_always(Route::Chatbots, Some(failure(status)));
        let mut receiver = Stepped::new(&provider, &[]);
        for _ in 0..4 {
            receiver.come_back().await;
        }
        let trouble = receiver.trouble().unwrap_or_default();
        assert!(trouble.contains(&status.to_string()), "{trouble}");
        assert_eq!(recorder.messages("ERROR"), [""; 0]);

        provider.reply_always(Route::Chatbots, None);

        let waited = receiver.come_back().await;
        assert!(waited <= Duration::from_secs(300), "{status}: {waited:?}");
        assert_eq!(receiver.states(), all("registered", &["First"]), "{status}");
    }
}

#[tokio::test]
async fn a_url_that_caigunn_never_keeps_is_put_within_bounds_and_one_it_does_not_tell_of_once() {
    let recorder = Recorder::start();
    let forgetful = json!({"webhook_url": null});
    for (told, bound) in [(forgetful, 1 + 3), (json!({"title": "First"}), 1)] {
        let provider = Provider::start([]).await;
        provider.reply_always(Route::Chatbot, Some(Reply::Status(200, None, told.clone())));
        let mut receiver = Stepped::new(&provider, &[]);

        receiver.round().await;
        // Less than an hour.
        for _ in 0..9 {
            receiver.after(WATCH).await;
        }

        assert!(put_count(&provider) <= bound, "{told}: {}", put_count(&provider));
    }
    let errors = recorder.messages("ERROR");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("has no webhook URL there afterwards"),
        "{errors:?}"
    );
    let mut warnings = recorder.messages("WARN");
    warnings.retain(|warning| warning.contains("a takeover would not be noticed"));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("/webhook_url is missing"), "{warnings:?}");
}

#[tokio::test]
async fn a_caigunn_whose_reads_are_behind_what_it_took_is_not_said_to_refuse_it() {
    const OLDER: &str = "https://hooks.example.com/webhook/another-token";
    for stale in [json!({"webhook_url": null}), json!({"webhook_url": OLDER})] {
        let recorder = Recorder::start();
        let provider = Provider::start([]).await;
        let lagging = || Reply::Status(200, None, stale.clone());
        provider.reply(Route::Chatbot, [lagging(), lagging()]);
        let mut receiver = Stepped::new(&provider, &[]);

        receiver.round().await;

        assert_eq!(receiver.states(), all("registered", &["First"]));
        assert_eq!(recorder.messages("ERROR"), [""; 0]);
        assert_eq!(put_count(&provider), 1);
    }
}

#[tokio::test]
async fn a_list_that_is_empty_for_a_round_makes_nobody_forget_that_a_takeover_is_only_warned_of() {
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[("subscription.on_takeover", "warn")]);
    receiver.round().await;
    provider.set_webhook_url(id, Some("https://elsewhere.example/"));
    receiver.after(WATCH).await;
    assert_eq!(receiver.chatbot()["state"], "taken_over");

    let empty = Reply::Status(200, None, json!({"chatbots": []}));
    provider.reply_always(Route::Chatbots, Some(empty));
    receiver.after(WATCH).await;
    assert_eq!(receiver.chatbot()["state"], "taken_over");
    provider.reply_always(Route::Chatbots, None);
    receiver.after(WATCH).await;

    assert_eq!(put_count(&provider), 1);
    assert_eq!(receiver.chatbot()["state"], "taken_over");
}

#[tokio::test]
async fn a_plea_for_patience_quiets_whoever_uses_the_client() {
    let provider = Provider::start([]).await;
    let busy = Reply::Status(429, Some(60), json!({"detail": "Slow down"}));
    provider.reply(Route::Chatbots, [busy]);
    let mut receiver = Stepped::new(&provider, &[("api.key", "key-one")]);

    receiver.round().await;
    let ensured = receiver.try_ensure().await;

    assert!(ensured.is_err(), "{ensured:?}");
    assert_eq!(provider.calls().len(), 1);
    pass(Duration::from_secs(61)).await;
    receiver.try_ensure().await.unwrap();
    assert_eq!(put_count(&provider), 1);
}
