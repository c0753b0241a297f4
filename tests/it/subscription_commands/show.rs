//! `subscription show`

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use serde_json::{Value, json};

use super::{BOTH, ELSEWHERE, ONE_TOO_MANY, running_for_two, shown_url, subscription, with_two};
use crate::harness::provider::{Reply, Route};
use crate::harness::site::TOKEN;
use crate::harness::{self, client, sample_with};

const SHOW: [&str; 2] = ["subscription", "show"];
const SHOW_JSON: [&str; 4] = ["subscription", "show", "--format", "json"];

/// A timestamp of JSON as tables have it.
fn to_second(timestamp: &Value) -> String {
    let (seconds, _) = timestamp.as_str().unwrap().split_once('.').unwrap();
    format!("{seconds}Z")
}

/// What the first token's SHA-256 begins with.
fn token_of(seen: &Value) -> &str {
    seen["tokens"][0]["token"].as_str().unwrap()
}

#[tokio::test]
async fn with_a_receiver_it_shows_what_only_that_one_knows() {
    let (site, [first, second], seen) = running_for_two().await;
    let ids = Ids {
        chatbot_id: first,
        ..Ids::fresh()
    };
    let notification = harness::json(&sample_with("crawling.initial", &ids, Wire::V2024_07));
    let url = site.receiver.as_ref().unwrap().url(&format!("/webhook/{TOKEN}"));
    let posted = client().post(url).json(&notification).send().await.unwrap();
    assert_eq!(posted.status(), 200);
    site.provider.set_webhook_url(second, Some(ELSEWHERE));
    let now = subscription(&site, "the token to be used", |seen| {
        !seen["tokens"][0]["last_used_at"].is_null()
    })
    .await;

    let table = site.run(&SHOW, &BOTH).await;
    let json = site.run(&SHOW_JSON, &BOTH).await;

    let chatbots = &now["chatbots"];
    let expected = format!(
        "\
CHATBOT  ID                                    REGISTERED URL                          OURS  SINCE                 LAST EVENT RECEIVED
First    {first}  {}  yes   {}  {}
Second   {second}  https://elsewhere.example/[hidden]      no    -                     -

Last probe of {}/, {}: it leads to this receiver
Token {}…, registered at every chatbot: last used {}
",
        shown_url(&site),
        to_second(&chatbots[0]["since"]),
        to_second(&chatbots[0]["last_received_at"]),
        site.tunnel.url(),
        to_second(&now["probe"]["at"]),
        token_of(&now),
        to_second(&now["tokens"][0]["last_used_at"]),
    );
    assert_eq!(table.output, expected);
    assert_eq!((table.code, &*table.errors), (Some(0), ""));
    let expected = json!({
        "webhook_url": shown_url(&site),
        "problem": null,
        "probe": now["probe"],
        "tokens": now["tokens"],
        "leader": now["leader"],
        "chatbots": [
            {
                "chatbot_id": first,
                "title": "First",
                "api_key": "9b346041",
                "webhook_url": shown_url(&site),
                "is_ours": true,
                "error": null,
                "state": "registered",
                "since": seen["chatbots"][0]["since"],
                "last_received_at": chatbots[0]["last_received_at"],
            },
            {
                "chatbot_id": second,
                "title": "Second",
                "api_key": "c8df5146",
                "webhook_url": "https://elsewhere.example/[hidden]",
                "is_ours": false,
                "error": null,
                "state": "registered",
                "since": seen["chatbots"][1]["since"],
                "last_received_at": null,
            },
        ],
    });
    assert_eq!(serde_json::from_str::<Value>(&json.output).unwrap(), expected);
    assert_eq!((json.code, &*json.errors), (Some(0), ""));
}

#[tokio::test]
async fn the_probe_is_of_the_receivers_own_url_whatever_is_set_here() {
    let (site, [first, _], _) = running_for_two().await;
    subscription(&site, "the first probe", |seen| !seen["probe"].is_null()).await;
    let other = [&BOTH[..], &[("CAIGUNN_PUBLIC_URL", "https://new.example")]].concat();

    let table = site.run(&SHOW, &other).await;

    let probed = format!("\nLast probe of {}/, ", site.tunnel.url());
    assert!(table.output.contains(&probed), "{table:?}");
    assert!(!table.output.contains("new.example"), "{table:?}");
    let admin = site.receiver.as_ref().unwrap().admin;
    let expected = format!(
        "the receiver that runs at {admin} registers {}, not https://new.example/webhook/[token], which is what is called ours \
         here: use its settings\n",
        shown_url(&site)
    );
    assert_eq!(table.errors, expected);
    assert!(table.output.contains(&first.to_string()), "{table:?}");
}

#[tokio::test]
async fn without_a_receiver_it_shows_what_caigunn_knows_and_says_what_is_missing() {
    let (site, [first, second]) = with_two().await;
    site.provider.set_webhook_url(second, Some(ELSEWHERE));

    let table = site.run(&SHOW, &BOTH).await;
    let json = site.run(&SHOW_JSON, &BOTH).await;

    let expected = format!(
        "\
CHATBOT  ID                                    REGISTERED URL                      OURS  SINCE  LAST EVENT RECEIVED
First    {first}  -                                   no    -      -
Second   {second}  https://elsewhere.example/[hidden]  no    -      -
"
    );
    let left_out = "no receiver runs at 127.0.0.1:0; since when, the last event received, the last probe and the tokens are \
                    left out\n";
    assert_eq!(table.output, expected);
    assert_eq!((table.code, &*table.errors), (Some(0), left_out));
    let shown: Value = serde_json::from_str(&json.output).unwrap();
    assert_eq!(shown["webhook_url"], shown_url(&site));
    assert_eq!((&shown["probe"], &shown["tokens"]), (&Value::Null, &Value::Null));
    assert_eq!(shown["chatbots"][0]["webhook_url"], Value::Null);
    assert_eq!(shown["chatbots"][0]["is_ours"], false);
    assert_eq!(shown["chatbots"][1]["state"], Value::Null);
    assert_eq!((json.code, &*json.errors), (Some(0), left_out));
}

#[tokio::test]
async fn what_the_receiver_refuses_to_tell_hides_nothing_of_what_caigunn_says() {
    let (site, [first, _], _) = running_for_two().await;

    let ended = site.run(&SHOW, &[("CAIGUNN_ADMIN_TOKEN", "another-one")]).await;

    let row = format!("First    {first}  {}  yes   -      -\n", shown_url(&site));
    assert!(ended.output.ends_with(&row), "{}", ended.output);
    let expected = format!(
        "the receiver at {} was started with another admin token: set CAIGUNN_ADMIN_TOKEN, or CAIGUNN_ADMIN_TOKEN_FILE, as \
         it is set there; since when, the last event received, the last probe and the tokens are left out\n",
        site.receiver.as_ref().unwrap().admin
    );
    assert_eq!((ended.code, ended.errors), (Some(0), expected));
}

#[tokio::test]
async fn what_troubles_the_receiver_is_shown() {
    let (mut site, _) = with_two().await;
    site.provider.reply(
        Route::Chatbots,
        [Reply::Status(401, None, json!({"detail": "Token expired"}))],
    );
    site.start(&BOTH).await;
    let seen = subscription(&site, "the refusal", |seen| !seen["problem"].is_null()).await;

    let ended = site.run(&SHOW, &BOTH).await;

    let problem = seen["problem"].as_str().unwrap();
    assert!(problem.contains("Token expired"), "{problem}");
    let expected = format!("\n\nThe running receiver has a problem: {problem}\n");
    assert!(ended.output.contains(&expected), "{}", ended.output);
    assert_eq!(ended.code, Some(0));
}

#[tokio::test]
async fn a_key_of_no_chatbot_is_a_row_that_says_so() {
    let (site, _) = with_two().await;

    let table = site.run(&SHOW, &ONE_TOO_MANY).await;
    let json = site.run(&SHOW_JSON, &ONE_TOO_MANY).await;

    let row = "(API key 1f212100…)  -                                     -               unknown  -      -                    \
               its API key is of no chatbot of this account that can be read\n";
    assert!(table.output.ends_with(row), "{}", table.output);
    let sum =
        "caigunn-webhook: 1 of 3 chatbots could not be read; `caigunn-webhook doctor` says what to do\n";
    for ended in [&table, &json] {
        assert!(ended.errors.ends_with(sum), "{}", ended.errors);
        assert_eq!(ended.code, Some(1));
    }
    let shown: Value = serde_json::from_str(&json.output).unwrap();
    let expected = json!({
        "chatbot_id": null,
        "title": null,
        "api_key": "1f212100",
        "webhook_url": null,
        "is_ours": null,
        "error": "its API key is of no chatbot of this account that can be read",
        "state": null,
        "since": null,
        "last_received_at": null,
    });
    assert_eq!(shown["chatbots"][2], expected);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_from_what_is_not_there() {
    let (site, _) = with_two().await;
    let cases = [
        (500, "CaiGunn is unavailable: 500: Oops"),
        (401, " with 401: Oops"),
        (404, "CaiGunn did not accept the request, with 404: Oops"),
    ];
    for (status, expected) in cases {
        let reply = Reply::Status(status, None, json!({"detail": "Oops"}));
        site.provider.reply_always(Route::Chatbot, Some(reply));

        let ended = site.run(&SHOW, &BOTH).await;

        assert_eq!(ended.output.matches(expected).count(), 2, "{}", ended.output);
        assert_eq!(ended.code, Some(1), "{status} {ended:?}");
    }
}

#[tokio::test]
async fn a_title_is_whole_in_a_pipe_and_cannot_rewrite_the_screen() {
    let (site, _) = with_two().await;
    let title = "\u{1b}[2J\r\n\tyes\u{7}\u{9b}31m\u{202e}on\u{2028}".to_owned() + &*"x".repeat(100);
    site.provider.add_chatbot(&title, "key-three");
    let all = [("CAIGUNN_API_KEY", "")];

    let shown = site.run(&SHOW, &all).await;
    let ensured = site.run(&["subscription", "ensure", "--dry-run"], &all).await;
    let json = site.run(&SHOW_JSON, &all).await;

    for ended in [shown, ensured] {
        let third = ended.output.lines().nth(3).unwrap();
        let x = "x".repeat(100);
        let expected =
            format!("\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}yes\u{fffd}\u{fffd}31m\u{fffd}on\u{fffd}{x}  ");
        assert!(third.starts_with(&expected), "{third:?}");
        assert_eq!(ended.output.lines().count(), 4, "{}", ended.output);
        assert!(!ended.output.replace('\n', "").contains(char::is_control));
    }
    // A program gets it as it is; JSON escapes what ends a line or begins a sequence.
    let parsed: Value = serde_json::from_str(&json.output).unwrap();
    assert_eq!(parsed["chatbots"][2]["title"], title);
    assert!(
        !json
            .output
            .replace('\n', "")
            .contains(|character: char| character < ' ')
    );
}
