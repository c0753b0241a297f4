//! Promise: who is left out stays so, whatever he is called by and by, and who is found while the receiver runs is taken from
//! nobody but as a takeover is undone.

use super::*;

/// Another deployment's, with a secret in its path.
const THEIRS: &str = "https://prod.example/webhook/planted-token";

/// What may be told of it.
const SHOWN: &str = "https://prod.example/[hidden]";

/// That many lists without a chatbot make it forgotten.
const LISTS: usize = 5;

#[tokio::test]
async fn a_chatbot_that_is_found_while_the_receiver_runs_is_left_to_whoever_has_it_where_takeovers_are() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let mut receiver = Stepped::new(&provider, &[("subscription.on_takeover", "warn")]);
    receiver.round().await;

    let later = provider.add_chatbot("Later", "key-later");
    provider.set_webhook_url(later, Some(THEIRS));
    let free = provider.add_chatbot("Free", "key-free");
    receiver.after(WATCH).await;
    receiver.after(WATCH).await;

    assert_eq!(provider.webhook_url(later).as_deref(), Some(THEIRS));
    assert_eq!(provider.webhook_url(free).as_deref(), Some(OURS));
    assert_eq!(put_count(&provider), 2);
    let states = ["registered", "taken_over", "registered"];
    let expected = ["First", "Later", "Free"].into_iter().zip(states);
    let expected = expected.map(|(title, state)| (title.to_owned(), state.to_owned()));
    assert_eq!(receiver.states(), expected.collect::<Vec<_>>());
    let warnings = recorder.messages("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    let expected = format!("chatbot \"Later\" ({later}) was taken over by {SHOWN}, so its events go there; ");
    assert!(warnings[0].starts_with(&expected), "{warnings:?}");
    assert!(!recorder.text().contains("planted"), "{}", recorder.text());
}

#[tokio::test]
async fn a_chatbot_that_is_found_and_cannot_be_read_once_is_not_taken_for_free() {
    let never = [
        ("subscription.on_takeover", "warn"),
        ("subscription.max_reclaims_per_hour", "0"),
    ];
    for (setting, reply) in never.into_iter().flat_map(|setting| {
        let replies = [
            Reply::Text(503, "away"),
            failure(404),
            failure(403),
            failure(422),
            Reply::Text(200, r#"{"title": "Later"}"#),
        ];
        replies.map(|reply| (setting, reply))
    }) {
        let provider = Provider::start([]).await;
        let mut receiver = Stepped::new(&provider, &[setting]);
        receiver.round().await;

        let later = provider.add_chatbot("Later", "key-later");
        provider.set_webhook_url(later, Some(THEIRS));
        provider.reply_about(later, reply.clone());
        receiver.after(WATCH).await;
        let states = receiver.states();
        provider.reply_about(later, Reply::Ok);
        receiver.after(REFUSED_RETRY).await;

        assert_eq!(provider.webhook_url(later).as_deref(), Some(THEIRS), "{reply:?}");
        assert_eq!(put_count(&provider), 1, "{reply:?}");
        assert!(
            matches!(&*states[1].1, "retrying" | "refused"),
            "{reply:?}: {states:?}"
        );
        let state = if setting.1 == "warn" {
            "taken_over"
        } else {
            "contested"
        };
        assert_eq!(receiver.states()[1].1, state, "{reply:?}");
    }
}

#[tokio::test]
async fn a_chatbot_that_is_found_while_the_receiver_runs_is_reclaimed_as_often_as_others() {
    for (max, url) in [("1", OURS), ("0", THEIRS)] {
        let recorder = Recorder::start();
        let provider = Provider::start([]).await;
        let mut receiver = Stepped::new(&provider, &[("subscription.max_reclaims_per_hour", max)]);
        receiver.round().await;

        let later = provider.add_chatbot("Later", "key-later");
        provider.set_webhook_url(later, Some(THEIRS));
        receiver.after(WATCH).await;

        assert_eq!(provider.webhook_url(later).as_deref(), Some(url));
        let said = [recorder.messages("WARN"), recorder.messages("ERROR")].concat();
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains(SHOWN), "{said:?}");
    }
}

#[tokio::test]
async fn a_chatbot_that_is_left_out_stays_so_under_another_title() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let theirs = provider.add_chatbot("Bot 1", "key-theirs");
    provider.set_webhook_url(theirs, Some(THEIRS));
    let mut receiver = Stepped::new(&provider, &[("subscription.exclude", "Bot 1")]);
    receiver.round().await;

    provider.rename(theirs, "Bot 1 (Berlin)");
    for _ in 0..3 {
        receiver.after(WATCH).await;
    }

    assert_eq!(receiver.states(), all("registered", &["First"]));
    assert_eq!(provider.webhook_url(theirs).as_deref(), Some(THEIRS));
    assert_eq!(receiver.keys_of(None).unwrap(), ["key-one"]);
    let warnings = recorder.messages("WARN");
    let of_it = format!(
        "chatbot \"Bot 1 (Berlin)\" ({theirs}) was called what subscription.exclude names, and stays left out until the next \
         start, or until another receiver leads: name its id there, which does not change"
    );
    let said = warnings.iter().filter(|warning| **warning == of_it);
    assert_eq!(said.count(), 1, "{warnings:#?}");
}

#[tokio::test]
async fn a_chatbot_that_is_called_for_a_while_what_is_left_out_is_looked_after_all_the_same() {
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let mut receiver = Stepped::new(&provider, &[("subscription.exclude", "Bot 1")]);
    receiver.round().await;

    provider.rename(id, "Bot 1");
    receiver.after(WATCH).await;
    provider.rename(id, "First");
    for _ in 0..LISTS {
        receiver.after(WATCH).await;
    }

    assert_eq!(receiver.states(), all("registered", &["First"]));
}

#[tokio::test]
async fn blanks_around_a_title_are_no_part_of_what_chooses_it() {
    for title in ["Bot 1 ", " Bot 1", "Bot 1"] {
        let provider = Provider::start([]).await;
        provider.add_chatbot(title, "key-other");
        for keys in [
            [("subscription.exclude", "Bot 1")],
            [("subscription.exclude", "[\"Bot 1 \"]")],
            [("subscription.include", "First, Frist")],
        ] {
            let mut receiver = Stepped::new(&provider, &keys);

            receiver.round().await;

            assert_eq!(
                receiver.states(),
                all("registered", &["First"]),
                "{title:?} {keys:?}"
            );
        }
        let mut receiver = Stepped::new(&provider, &[("subscription.include", "Bot 1")]);
        receiver.round().await;
        assert_eq!(receiver.states(), all("registered", &[title]));
    }
}

#[tokio::test]
async fn a_chatbot_that_is_chosen_no_more_under_another_title_is_not_said_to_be_gone() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    let shop = provider.add_chatbot("Bot 0", "key-shop");
    let gone = provider.add_chatbot("Gone", "key-gone");
    let mut receiver = Stepped::new(&provider, &[("subscription.include", "First, Bot 0, Gone")]);
    receiver.round().await;

    provider.rename(shop, "Shop");
    provider.remove_chatbot(gone);
    for _ in 0..LISTS {
        receiver.after(WATCH).await;
    }

    assert_eq!(receiver.states(), all("registered", &["First"]));
    let lines = recorder.messages("INFO");
    let expected = [
        format!(
            "chatbot \"Bot 0\" ({shop}) is looked after no more: it is called \"Shop\" now, and subscription.include and \
             subscription.exclude do not leave that"
        ),
        format!("chatbot \"Gone\" ({gone}) is not listed any more"),
    ];
    assert!(lines.ends_with(&expected), "{lines:#?}");
}
