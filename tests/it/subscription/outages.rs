//! Promise: whatever CaiGunn does, a chatbot is registered as soon as that is possible, with few calls, and a person is
//! told once what to do.

use caigunn_webhook::clock::Timestamp;

use super::*;

const BROKEN: [(u16, &str); 4] = [
    (500, "{\"detail\": \"Out of order\"}"),
    (200, "{\"detail\": "),
    (404, "{\"detail\": \"Not Found\"}"),
    (403, "{\"detail\": \"Forbidden\"}"),
];

#[tokio::test]
async fn a_chatbot_that_cannot_be_read_is_registered_once_all_the_same() {
    for (status, body) in BROKEN {
        let recorder = Recorder::start();
        let provider = Provider::start([]).await;
        provider.reply_always(Route::Chatbot, Some(Reply::Text(status, body)));
        let mut receiver = Stepped::new(&provider, &[("api.key", "key-one")]);

        receiver.round().await;
        let registered = receiver.chatbot();
        for _ in 0..4 {
            receiver.after(WATCH).await;
        }

        assert_eq!(put_count(&provider), 1, "{status}");
        assert_eq!(registered["state"], "registered", "{status}");
        // Nothing has been seen since, so nothing is claimed.
        assert_eq!(receiver.chatbot(), registered, "{status}");
        assert_eq!(recorder.messages("ERROR"), [""; 0], "{status}");
        let warnings = recorder.messages("WARN");
        let id = provider.chatbot_id("key-one");
        let expected = format!("cannot read which webhook URL chatbot \"First\" ({id}) has: CaiGunn ");
        let unreadable: Vec<_> = warnings
            .iter()
            .filter(|message| message.starts_with(&expected))
            .collect();
        assert_eq!(unreadable.len(), 1, "{warnings:#?}");
        assert!(
            unreadable[0].ends_with("; a takeover would not be noticed"),
            "{unreadable:?}"
        );

        provider.reply_always(Route::Chatbot, None);
        receiver.after(REFUSED_RETRY).await;

        assert_eq!(put_count(&provider), 1, "{status}");
        assert!(receiver.chatbot()["confirmed_at"].as_str() > registered["confirmed_at"].as_str());
    }
}

#[tokio::test]
async fn given_api_keys_are_registered_once_although_the_chatbots_cannot_be_listed() {
    for (status, body) in BROKEN {
        let provider = Provider::start([]).await;
        let id = provider.chatbot_id("key-one");
        provider.reply_always(Route::Chatbots, Some(Reply::Text(status, body)));
        let mut receiver = Stepped::new(&provider, &[("api.key", "key-one, key-two")]);
        provider.add_chatbot("Second", "key-two");

        receiver.round().await;
        for _ in 0..4 {
            receiver.after(WATCH).await;
        }

        assert_eq!(put_count(&provider), 2, "{status}");
        assert_eq!(receiver.states(), all("registered", &["-", "-"]), "{status}");
        assert_eq!(receiver.keys_of(Some(id)).unwrap(), ["key-one", "key-two"]);

        provider.reply_always(Route::Chatbots, None);
        receiver.after(REFUSED_RETRY).await;

        assert_eq!(put_count(&provider), 2, "{status}");
        assert_eq!(receiver.states(), all("registered", &["First", "Second"]));
        assert_eq!(receiver.keys_of(Some(id)).unwrap(), ["key-one"]);

        // What has been learned stays.
        provider.reply_always(Route::Chatbots, Some(Reply::Text(status, body)));
        receiver.after(WATCH).await;
        assert_eq!(receiver.keys_of(Some(id)).unwrap(), ["key-one"]);
    }
}

#[tokio::test]
async fn a_list_that_fails_twice_is_shown_until_it_works() {
    let provider = Provider::start([]).await;
    provider.reply(Route::Chatbots, [failure(500), failure(502)]);
    let mut receiver = Stepped::new(&provider, &[]);

    receiver.round().await;
    assert_eq!(receiver.seen()["list_error"], Value::Null);
    receiver.come_back().await;
    assert_eq!(
        receiver.seen()["list_error"],
        "the chatbots cannot be listed: CaiGunn is unavailable: 502: Out of order"
    );
    assert_eq!(receiver.keys_of(None), None);
    receiver.come_back().await;

    assert_eq!(receiver.seen()["list_error"], Value::Null);
    assert_eq!(receiver.states(), all("registered", &["First"]));
}

#[tokio::test]
async fn failures_that_may_pass_are_tried_again_after_waits_that_double() {
    let provider = Provider::start([500, 502, 503, 504].map(failure)).await;
    let mut receiver = Stepped::new(&provider, &[]);

    let begun = Instant::now();
    receiver.round().await;
    for expected in [1.0, 2.0, 4.0, 8.0] {
        assert_eq!(receiver.chatbot()["state"], "retrying");
        // Waits are counted from answers: what the rounds take is added, or has gone by before it is looked at.
        let taken = begun.elapsed().as_secs_f64();
        let waited = receiver.come_back().await.as_secs_f64();
        // Up to half is left away at random.
        assert!(
            (expected / 2.0 - taken..=expected + taken).contains(&waited),
            "{waited} s"
        );
    }

    assert_eq!(receiver.chatbot()["state"], "registered");
    assert_eq!(put_count(&provider), 5);
}

#[tokio::test]
async fn when_caigunn_asks_for_patience_nothing_at_all_is_called_for_so_long() {
    let busy = || Reply::Status(429, Some(1200), json!({"detail": "Slow down"}));
    for route in [Route::Chatbots, Route::Chatbot, Route::PutWebhook] {
        let provider = Provider::start([]).await;
        let titles: Vec<_> = (0..10).map(|number| format!("Chatbot {number}")).collect();
        for title in &titles {
            provider.add_chatbot(title, title);
        }
        provider.reply_always(route, Some(busy()));
        let mut receiver = Stepped::new(&provider, &[]);

        receiver.round().await;
        let asked = provider.calls().len();
        // Four are under way at once.
        assert!(provider.calls_of(route).len() <= 4, "{route:?}");
        receiver.after(Duration::from_secs(1100)).await;
        assert_eq!(provider.calls().len(), asked, "{route:?}");
        let wait = receiver.next - Instant::now();
        assert!(
            (Duration::from_secs(40)..Duration::from_secs(101)).contains(&wait),
            "{wait:?}"
        );
        provider.reply_always(route, None);
        // Those that were under way are due a moment later, one after the other.
        for _ in 0..5 {
            receiver.come_back().await;
        }

        let states = receiver.states();
        assert_eq!(states.len(), 11, "{route:?}");
        assert!(
            states.iter().all(|(_, state)| state == "registered"),
            "{states:?}"
        );
        assert_eq!(receiver.seen()["problem"], Value::Null);
    }
}

#[tokio::test]
async fn what_is_said_and_shown_of_the_next_attempt_is_kept_while_caigunn_is_down() {
    let provider = Provider::start([]).await;
    for route in [Route::Chatbots, Route::Chatbot, Route::PutWebhook] {
        provider.reply_always(route, Some(failure(503)));
    }
    let keys = [("api.key", "key-one"), ("subscription.retry_max_seconds", "3")];
    let mut receiver = Stepped::new(&provider, &keys);
    let (mut longest, mut rounds) = (Duration::ZERO, 0);
    while longest < Duration::from_secs(30) {
        let (recorder, before) = (Recorder::start(), Timestamp::now());
        receiver.come_back().await;
        let wait = receiver.next.saturating_duration_since(Instant::now());

        let lines = recorder.messages("WARN");
        let (_, said) = lines.last().unwrap().rsplit_once("; trying again in ").unwrap();
        let said: u64 = said.strip_suffix(" s").unwrap().parse().unwrap();
        assert!(said >= wait.as_secs(), "{wait:?}: {lines:#?}");
        if let Some(next_at) = receiver.chatbot()["next_at"].as_str() {
            let shown = next_at.parse::<Timestamp>().unwrap();
            assert!(shown >= before.plus(wait), "{wait:?}: {next_at}");
        }
        longest = longest.max(wait);
        rounds += 1;
        assert!(rounds < 500, "{longest:?}");
    }
}

#[tokio::test]
async fn a_read_that_is_not_answered_in_time_does_not_keep_a_chatbot_from_being_registered() {
    let provider = Provider::start([]).await;
    provider.reply(Route::Chatbot, [Reply::Held]);
    let mut receiver = Stepped::new(&provider, &[("api.timeout_seconds", "1")]);

    receiver.round().await;

    assert_eq!(receiver.chatbot()["state"], "registered");
    assert_eq!(put_count(&provider), 1);
}

/// Checks the one error about the access token.
#[track_caller]
fn assert_one_error(recorder: &Recorder) {
    let errors = recorder.messages("ERROR");
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let expected = "CaiGunn refused the access token with 401: Invalid access token; nothing can be registered or \
                    backfilled with this access token: ";
    assert!(errors[0].starts_with(expected), "{errors:?}");
    assert!(
        errors[0].contains("`caigunn-webhook token refresh`"),
        "{errors:?}"
    );
}

#[tokio::test]
async fn an_access_token_that_is_refused_is_one_error_that_says_which_command_helps() {
    for keys in [[].as_slice(), &[("api.key", "key-one")]] {
        let recorder = Recorder::start();
        let provider = Provider::start([]).await;
        provider.set_access_token("another-token");
        let mut receiver = Stepped::new(&provider, keys);

        receiver.round().await;
        for _ in 0..3 {
            receiver.after(WATCH).await;
        }
        assert_eq!(provider.calls().len(), 1);
        receiver.after(REFUSED_RETRY).await;

        assert_one_error(&recorder);
        assert_eq!(
            receiver.seen()["problem"],
            "CaiGunn refused the access token with 401: Invalid access token"
        );
        assert_eq!(provider.calls().len(), 2);

        provider.set_access_token("access-token");
        receiver.after(REFUSED_RETRY).await;

        assert_eq!(receiver.seen()["problem"], Value::Null);
        assert_eq!(receiver.states(), all("registered", &["First"]));
        assert_one_error(&recorder);
    }
}

#[tokio::test]
async fn an_access_token_that_expires_while_running_is_one_error_however_many_chatbots() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    for number in 0..10 {
        provider.add_chatbot(&format!("Chatbot {number}"), &format!("key-{number}"));
    }
    let mut receiver = Stepped::new(&provider, &[]);
    receiver.round().await;
    assert_eq!(put_count(&provider), 11);

    // The list is asked before anything else, and what it says is asked again after an hour.
    provider.set_access_token("another-token");
    let read_count = provider.calls_of(Route::Chatbot).len();
    for _ in 0..3 {
        receiver.after(WATCH).await;
    }

    assert_one_error(&recorder);
    assert_eq!(
        receiver.seen()["problem"],
        "CaiGunn refused the access token with 401: Invalid access token"
    );
    assert_eq!(provider.calls_of(Route::Chatbot).len(), read_count);
    receiver.after(REFUSED_RETRY).await;
    assert_one_error(&recorder);

    provider.set_access_token("access-token");
    receiver.after(REFUSED_RETRY).await;

    assert_eq!(receiver.seen()["problem"], Value::Null);
    assert_eq!(put_count(&provider), 11);
    assert_one_error(&recorder);

    // Refused once more, it is said once more.
    provider.set_access_token("another-token");
    receiver.after(WATCH).await;
    assert_eq!(recorder.messages("ERROR").len(), 2);
}

#[tokio::test]
async fn a_running_receiver_shows_that_its_access_token_is_refused() {
    let provider = Provider::start([]).await;
    provider.set_access_token("another-token");

    let app = spawn(&provider, &[]).await;

    let problem = wait_for("the problem", || async {
        let seen = app.api("/subscription").await;
        seen["problem"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| seen.to_string())
    })
    .await;
    assert_eq!(
        problem,
        "CaiGunn refused the access token with 401: Invalid access token"
    );
    // After a start no chatbot is known that could be in any state, so this is all that tells.
    let numbers = numbers(&app).await;
    assert_eq!(numbers["account_trouble"], 1.0);
    assert_eq!(numbers["last_confirmed_registration_timestamp_seconds"], 0.0);
    app.stop().await;
}

#[tokio::test]
async fn while_caigunn_is_down_a_few_chatbots_find_out_for_all() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    for number in 0..50 {
        provider.add_chatbot(&format!("Bot {number}"), &format!("key-of-{number}"));
    }
    let mut receiver = Stepped::new(&provider, &[]);
    let down = failure(503);
    provider.reply_always(Route::PutWebhook, Some(down));

    let mut waits = Vec::new();
    receiver.round().await;
    for _ in 0..12 {
        waits.push(receiver.come_back().await.as_secs());
    }

    // Three failures end a round; as many as are on their way besides come to their end.
    assert!(put_count(&provider) <= 13 * 6, "{}", put_count(&provider));
    assert!(waits.iter().all(|wait| *wait <= 300), "{waits:?}");
    assert!(waits[11] >= 150, "{waits:?}");
    assert!(recorder.messages("WARN").len() <= 13 * 6);

    provider.reply_always(Route::PutWebhook, None);
    let mut rounds = 0;
    while receiver.states().iter().any(|(_, state)| state != "registered") {
        receiver.come_back().await;
        rounds += 1;
        assert!(rounds < 50, "{:?}", receiver.states());
    }
    // Nobody was kept from a turn by those that were tried before.
    assert_eq!(receiver.states().len(), 51);
}
