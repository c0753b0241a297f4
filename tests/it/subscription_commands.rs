//! Promise: `subscription` and `token` show how the chatbots stand, register and unregister this receiver's URL and no
//! other, renew the access token when they are told to, and tell no secret but the new token.

mod change;
mod cut_off;
mod show;
mod token;

use caigunn_webhook::event::ChatbotId;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::harness::provider::{Reply, Route};
use crate::harness::site::ADMIN_TOKEN;
use crate::harness::{NO_HOST, Site, client, free_port, wait_for};

/// For both chatbots of [`with_two`].
const BOTH: [(&str, &str); 1] = [("CAIGUNN_API_KEY", "key-one,key-two")];

/// For these two and a key that no chatbot has.
const ONE_TOO_MANY: [(&str, &str); 1] = [("CAIGUNN_API_KEY", "key-one,key-two,key-of-nobody")];

const ELSEWHERE: &str = "https://elsewhere.example/hook?key=hunter2";

/// A site where CaiGunn has two chatbots, and their ids.
async fn with_two() -> (Site, [ChatbotId; 2]) {
    let site = Site::new().await;
    let second = site.provider.add_chatbot("Second", "key-two");
    let first = site.provider.chatbot_id("key-one");
    (site, [first, second])
}

/// What the running receiver says of its subscription, once that is so.
async fn subscription(site: &Site, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let receiver = site.receiver.as_ref().unwrap();
    wait_for(what, || async {
        let asked = client()
            .get(receiver.api("/subscription"))
            .bearer_auth(ADMIN_TOKEN);
        let seen: Value = asked.send().await.unwrap().json().await.unwrap();
        if is_so(&seen) {
            Ok(seen)
        } else {
            Err(seen.to_string())
        }
    })
    .await
}

/// A receiver of both chatbots that is registered, and what it says of that.
async fn running_for_two() -> (Site, [ChatbotId; 2], Value) {
    let (mut site, ids) = with_two().await;
    site.start(&BOTH).await;
    let seen = subscription(&site, "both to be registered", |seen| {
        let chatbots = seen["chatbots"].as_array().unwrap();
        chatbots.len() == 2 && chatbots.iter().all(|chatbot| chatbot["state"] == "registered")
    })
    .await;
    (site, ids, seen)
}

/// The URL that is registered, as it is shown.
fn shown_url(site: &Site) -> String {
    format!("{}/webhook/[token]", site.tunnel.url())
}

const COMMANDS: [&[&str]; 4] = [
    &["subscription", "show"],
    &["subscription", "ensure"],
    &["subscription", "remove"],
    &["token", "refresh"],
];

#[tokio::test]
async fn a_refused_access_token_is_one_line_that_says_which_command_helps() {
    let site = Site::new().await;
    for command in COMMANDS {
        let ended = site.run(command, &[("CAIGUNN_ACCESS_TOKEN", "an-old-one")]).await;

        let aim = match command[0] {
            "token" => "refreshing the access token",
            _ => "listing the account's chatbots",
        };
        let expected = format!(
            "caigunn-webhook: {aim}: CaiGunn refused the access token with 401: Invalid access token; put a valid one into \
             the file that CAIGUNN_ACCESS_TOKEN_FILE names, or into CAIGUNN_ACCESS_TOKEN and restart: while one is still valid, \
             `caigunn-webhook token refresh` makes the next; after that, CaiGunn's web site does\n"
        );
        assert_eq!(ended.errors, expected, "{command:?}");
        assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{command:?}");
    }
}

#[tokio::test]
async fn a_setting_that_is_missing_is_named() {
    let site = Site::new().await;
    let access_token = [("CAIGUNN_ACCESS_TOKEN", "")];
    let public_url = [("CAIGUNN_PUBLIC_URL", "")];
    let both = [access_token[0], public_url[0]];
    let needs = |names: &str| format!("caigunn-webhook: settings are missing; set {names}\n");
    for command in &COMMANDS[..3] {
        for (without, names) in [
            (&access_token[..], "CAIGUNN_ACCESS_TOKEN"),
            (&public_url, "CAIGUNN_PUBLIC_URL"),
            (&both, "CAIGUNN_ACCESS_TOKEN and CAIGUNN_PUBLIC_URL"),
        ] {
            let ended = site.run(command, without).await;

            assert_eq!(ended.errors, needs(names), "{command:?}");
            assert_eq!(ended.code, Some(64), "{command:?}");
        }
    }
    let refresh = site.run(COMMANDS[3], &access_token).await;
    assert_eq!(
        (refresh.code, &*refresh.errors),
        (
            Some(64),
            "caigunn-webhook: no access token; set CAIGUNN_ACCESS_TOKEN\n"
        )
    );
    assert!(site.provider.calls().is_empty());
}

#[tokio::test]
async fn wrong_usage_ends_with_64_and_nothing_is_called() {
    let site = Site::new().await;
    let cases: [(&[&str], &str); 6] = [
        (&["subscription"], "Usage: caigunn-webhook subscription"),
        (&["subscription", "nonsense"], "nonsense"),
        (
            &["subscription", "remove", "--chatbot", "First"],
            "invalid value 'First' for '--chatbot <ID>': expected an id, as `subscription show` lists them",
        ),
        (
            &["subscription", "show", "--format", "xml"],
            "[possible values: table, json]",
        ),
        (&["subscription", "show", "--dry-run"], "--dry-run"),
        (&["token"], "Usage: caigunn-webhook token"),
    ];
    for (command, expected) in cases {
        let ended = site.run(command, &[]).await;

        assert_eq!(ended.code, Some(64), "{command:?} {ended:?}");
        assert!(ended.errors.contains(expected), "{command:?} {}", ended.errors);
        assert_eq!(ended.output, "", "{command:?}");
    }
    assert!(site.provider.calls().is_empty());
}

#[tokio::test]
async fn a_caigunn_that_is_down_is_named() {
    let site = Site::new().await;
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let api = format!("http://{}", deaf.local_addr().unwrap());
    site.provider.reply_always(
        Route::Chatbots,
        Some(Reply::Status(503, None, json!({"detail": "Maintenance"}))),
    );
    for command in &COMMANDS[..3] {
        let down = site.run(command, &[]).await;
        let away = site.run(command, &[("CAIGUNN_API_URL", &api)]).await;

        let listing = "caigunn-webhook: listing the account's chatbots: CaiGunn is unavailable: ";
        assert_eq!(down.errors, format!("{listing}503: Maintenance\n"), "{command:?}");
        assert!(away.errors.starts_with(listing), "{command:?} {}", away.errors);
        assert!(
            away.errors.contains("Connection refused"),
            "{command:?} {}",
            away.errors
        );
        assert_eq!((down.code, away.code), (Some(1), Some(1)), "{command:?}");
    }
}
