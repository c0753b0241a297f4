//! Promise: what keeps the account's chatbots from being looked after is shown as soon as it is no matter of a moment, by the
//! last answer, and no longer than it lasts.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use caigunn_webhook::clock::Timestamp;

use super::*;

/// An access token that says when it ends.
fn token_of_days(days: u64) -> String {
    let end = Timestamp::now().plus(Duration::from_secs(days * 86_400));
    let claims = json!({ "exp": end.as_micros() / 1_000_000 }).to_string();
    let parts = ["{}", &claims, "signature"].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    parts.join(".")
}

#[tokio::test]
async fn a_list_that_fails_for_longer_than_a_few_minutes_is_shown_at_once() {
    let cases = [
        (
            Reply::Status(403, None, json!({"detail": "Token expired"})),
            "403",
        ),
        (failure(422), "422"),
        (Reply::Status(503, Some(3600), json!({"detail": "Closed"})), "503"),
    ];
    for (reply, status) in cases {
        let provider = Provider::start([]).await;
        provider.reply_always(Route::Chatbots, Some(reply));
        let mut receiver = Stepped::new(&provider, &[]);

        receiver.round().await;
        let trouble = receiver.trouble();

        assert!(
            trouble.as_ref().is_some_and(|words| words.contains(status)),
            "{status}: {trouble:?}"
        );
        provider.reply_always(Route::Chatbots, None);
        receiver.after(REFUSED_RETRY).await;
        assert_eq!(receiver.trouble(), None, "{status}");
        assert_eq!(receiver.states(), all("registered", &["First"]));
    }
}

#[tokio::test]
async fn the_refusal_of_an_access_token_is_not_that_of_the_next_one() {
    for reply in [failure(500), Reply::Text(200, "{\"chatbots\": 5}")] {
        let provider = Provider::start([]).await;
        provider.set_access_token("another-token");
        let mut receiver = Stepped::new(&provider, &[("api.key", "key-one")]);
        receiver.round().await;
        assert_eq!(receiver.chatbot()["state"], "pending");
        assert!(receiver.trouble().is_some_and(|words| words.contains("401")));
        let backfilling = receiver.follow_keys();

        provider.reply_always(Route::Chatbots, Some(reply));
        receiver.take_token("another-token");
        receiver.round().await;

        assert_eq!(receiver.chatbot()["state"], "registered");
        let trouble = receiver.trouble().expect("the list fails still");
        assert!(trouble.starts_with("the chatbots cannot be listed"), "{trouble}");
        assert!(!trouble.contains("401"), "{trouble}");
        assert!(
            backfilling.has_changed().unwrap(),
            "nobody is told that it may ask"
        );
    }
}

#[tokio::test]
async fn an_account_of_which_no_chatbot_is_looked_after_is_trouble_until_there_is_one() {
    let provider = Provider::start([]).await;
    let mut receiver = Stepped::new(&provider, &[("subscription.include", "Shop")]);
    assert_eq!(receiver.trouble(), None, "nobody has looked yet");

    receiver.round().await;
    let trouble = receiver.trouble().unwrap_or_default();
    assert!(
        trouble.starts_with("there is no chatbot to look after"),
        "{trouble}"
    );

    let shop = provider.add_chatbot("Shop", "key-shop");
    receiver.after(WATCH).await;
    assert_eq!(receiver.trouble(), None);
    assert_eq!(receiver.states(), all("registered", &["Shop"]));

    // A list that is short for once is no reason.
    provider.remove_chatbot(shop);
    let mut troubles = Vec::new();
    for _ in 0..5 {
        receiver.after(WATCH).await;
        troubles.push(receiver.trouble().is_some());
    }
    assert_eq!(troubles, [false, false, false, false, true]);
}

#[tokio::test]
async fn a_running_receiver_that_looks_after_no_chatbot_says_so_and_is_not_well() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;

    let app = spawn(&provider, &[("subscription.include", "Shop")]).await;

    wait_for("the trouble", || async {
        let seen = app.api("/subscription").await;
        let problem = seen["problem"].as_str().unwrap_or_default();
        if problem.starts_with("there is no chatbot to look after") {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    })
    .await;
    assert_eq!(numbers(&app).await["account_trouble"], 1.0);
    // How it goes is known to the page for two seconds.
    wait_for("the page to say so", || async {
        let line = app.admin("/health").await.text().await.unwrap();
        if line.contains("Not well: there is no chatbot to look after") {
            Ok(())
        } else {
            Err(line)
        }
    })
    .await;
    let again = "CaiGunn lists the chatbots again";
    assert!(!recorder.messages("INFO").iter().any(|message| message == again));
    app.stop().await;
}

#[tokio::test]
async fn each_access_token_that_ends_soon_is_warned_of_once() {
    let (first, second) = (token_of_days(3), token_of_days(4));
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    provider.set_access_token(&first);
    let mut receiver = Stepped::new(&provider, &[("api.access_token", &first)]);
    let warnings = || {
        let messages = recorder.messages("WARN").into_iter();
        let of_end = messages.filter(|message| message.starts_with("the access token ends at"));
        of_end.count()
    };

    receiver.round().await;
    receiver.after(WATCH).await;
    assert_eq!(warnings(), 1);

    provider.set_access_token(&second);
    receiver.take_token(&second);
    receiver.round().await;
    receiver.after(WATCH).await;
    assert_eq!(warnings(), 2);
}

/// That CaiGunn is to be left alone for an hour.
fn busy() -> Reply {
    Reply::Status(429, Some(3600), json!({"detail": "Slow down"}))
}

#[tokio::test]
async fn a_plea_for_patience_from_whatever_call_is_said_once_and_shown_while_nobody_is_asked() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let mut receiver = Stepped::new(&provider, &[]);
    receiver.round().await;
    provider.reply(Route::EventLog, [busy()]);

    receiver.ask_about_a_job().await.unwrap_err();
    let calls = provider.calls().len();
    let again = receiver.ask_about_a_job().await.unwrap_err().to_string();
    receiver.after(WATCH).await;

    assert_eq!(provider.calls().len(), calls);
    let said = recorder.messages("WARN");
    assert_eq!(said.len(), 1, "{said:#?}");
    let until = said[0]
        .strip_prefix("CaiGunn is left alone until ")
        .and_then(|rest| rest.split_once(": CaiGunn asks for fewer requests: Slow down"))
        .unwrap_or_else(|| panic!("{said:?}"));
    let until = until.0;
    assert!(until.parse::<Timestamp>().unwrap() > Timestamp::now().plus(REFUSED_RETRY / 2));
    assert_eq!(
        again,
        format!(
            "CaiGunn asks for fewer requests: Slow down (as before: it was not asked now, and is left alone until {until})"
        )
    );
    let trouble = receiver.trouble().unwrap_or_default();
    assert_eq!(
        trouble,
        format!("the chatbots cannot be listed until {until}: CaiGunn asks for fewer requests: Slow down")
    );
    assert_eq!(receiver.seen()["left_alone_until"], until);

    receiver.after(REFUSED_RETRY).await;
    assert_eq!(receiver.trouble(), None);
    assert_eq!(receiver.seen()["left_alone_until"], Value::Null);
    assert_eq!(receiver.states(), all("registered", &["First"]));
    assert_eq!(recorder.messages("WARN").len(), 1);
}

#[tokio::test]
async fn who_does_not_look_after_the_chatbots_shows_no_plea() {
    let provider = Provider::start([]).await;
    let mut receiver = Stepped::new(&provider, &[]);
    receiver.round().await;
    provider.reply(Route::EventLog, [busy()]);
    receiver.ask_about_a_job().await.unwrap_err();
    assert!(receiver.trouble().is_some());

    receiver.keeper.rest();
    assert_eq!(receiver.trouble(), None);

    receiver.keeper.begin_term(true);
    assert!(receiver.trouble().is_some());
}

#[tokio::test]
async fn a_running_receiver_that_is_to_leave_caigunn_alone_shows_it() {
    let provider = Provider::start([]).await;
    let app = spawn(&provider, &[]).await;
    wait_for_registered(&app, 1).await;
    provider.reply(Route::EventLog, [busy()]);
    let job = Uuid::from_u128(7);
    let path = format!("http://{}/api/v1/jobs/{job}/backfill", app.admin);

    let asked = client().post(path).send().await.unwrap();

    assert_eq!(asked.status(), 502);
    let seen = app.api("/subscription").await;
    let problem = seen["problem"].as_str().unwrap_or_default();
    assert!(
        problem.starts_with("the chatbots cannot be listed until "),
        "{seen}"
    );
    assert_eq!(numbers(&app).await["account_trouble"], 1.0);
    app.stop().await;
}

#[tokio::test]
async fn keys_that_are_rotated_are_handed_to_backfilling_also_where_the_list_cannot_be_had() {
    let provider = Provider::start([]).await;
    let mut receiver = Stepped::new(&provider, &[("api.key", "key-one")]);
    receiver.round().await;
    provider.reply_always(Route::Chatbots, Some(failure(500)));
    let id = provider.chatbot_id("key-one");

    receiver.take_keys(&["key-new", "key-one"]);
    // In a quiet time nothing is listed.
    for _ in 0..3 {
        receiver.come_back().await;
    }
    assert_eq!(receiver.keys_of(None).unwrap(), ["key-new", "key-one"]);
    // What an earlier list told of them is better than nothing.
    assert_eq!(receiver.keys_of(Some(id)).unwrap(), ["key-one"]);

    receiver.take_keys(&["key-new"]);
    for _ in 0..3 {
        receiver.come_back().await;
    }
    assert_eq!(receiver.keys_of(None).unwrap(), ["key-new"]);
    let keys = receiver.follow_keys();
    receiver.come_back().await;
    assert!(!keys.has_changed().unwrap(), "they are handed over once");
}

#[tokio::test]
async fn a_term_begins_without_the_keys_of_the_last_one() {
    for keys in [&[][..], &[("api.key", "key-one")]] {
        let provider = Provider::start([]).await;
        let mut receiver = Stepped::new(&provider, keys);
        receiver.round().await;
        assert_eq!(receiver.keys_of(None).unwrap(), ["key-one"]);

        receiver.keeper.rest();
        assert_eq!(receiver.keys_of(None), None);
        receiver.keeper.begin_term(true);
        assert_eq!(receiver.keys_of(None), None);

        // They are had also where the list fails, as they were known.
        provider.reply_always(Route::Chatbots, Some(failure(500)));
        receiver.round().await;
        assert_eq!(receiver.keys_of(None).unwrap(), ["key-one"]);
    }
}
