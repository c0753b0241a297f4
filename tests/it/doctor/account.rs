//! The credentials, the clock, and how the chatbots stand at CaiGunn.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use caigunn_webhook::caigunn::expires_at;
use caigunn_webhook::clock::Timestamp;
use serde_json::json;
use tokio::net::TcpSocket;

use super::assert_finds;
use crate::harness::Site;
use crate::harness::provider::{Reply, Route};
use crate::harness::tunnel::answering;

const NEW_TOKEN: &str = "put a valid one into the file that CAIGUNN_ACCESS_TOKEN_FILE names, or into CAIGUNN_ACCESS_TOKEN and restart: while one is \
                         still valid, `caigunn-webhook token refresh` makes the next; after that, CaiGunn's web site does";

const ENSURE: &str =
    "run `caigunn-webhook subscription ensure`, or start the receiver (again), which does it too";

/// An access token that says when it ends.
fn token_until(end: Timestamp) -> String {
    let claims = json!({ "exp": end.as_micros() / 1_000_000 }).to_string();
    let parts = ["{}", &claims, "signature"].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    parts.join(".")
}

#[tokio::test]
async fn a_key_of_no_chatbot_is_named_by_its_fingerprint() {
    let site = Site::running().await;

    let ended = site.doctor(&[("CAIGUNN_API_KEY", "key-one,key-of-nobody")]).await;

    assert_finds(
        &ended,
        "\
FAILURE  API key: API key 1f212100… (the start of its SHA-256) is of no chatbot of this account that can be read
         check CAIGUNN_API_KEY: it must be the key of a chatbot of the access token's user",
    );
    let counted = "ok       credentials: CaiGunn takes the access token; chatbots to look after: 1\n";
    assert!(ended.output.contains(counted), "{}", ended.output);
}

#[tokio::test]
async fn a_wrong_or_expired_access_token_is_named_and_how_to_get_another() {
    let site = Site::running().await;
    let ended_at = Timestamp::from_micros(1_700_000_000_000_000);
    let refusal = "CaiGunn refused the access token with 401: Invalid access token";
    let cases = [
        (
            "an-old-token".to_owned(),
            format!("the access token is wrong or has expired: {refusal}"),
        ),
        (
            token_until(ended_at),
            format!("the access token ended at {ended_at}: {refusal}"),
        ),
    ];
    for (token, found) in cases {
        let ended = site.doctor(&[("CAIGUNN_ACCESS_TOKEN", &token)]).await;

        assert_finds(
            &ended,
            &format!("FAILURE  credentials: {found}\n         {NEW_TOKEN}"),
        );
        assert!(!ended.output.contains(&token), "{}", ended.output);
    }
}

#[tokio::test]
async fn an_access_token_that_ends_within_a_week_is_warned_about() {
    let site = Site::running().await;
    let days = |count: u64| Timestamp::now().plus(Duration::from_secs(count * 86_400));
    let (soon, late) = (token_until(days(6)), token_until(days(8)));
    let found = |token: &str| {
        let end = expires_at(&token.into()).unwrap();
        format!(
            "credentials: CaiGunn takes the access token; chatbots to look after: 1; the token ends at {end}"
        )
    };

    site.provider.set_access_token(&soon);
    let warned = site.doctor(&[("CAIGUNN_ACCESS_TOKEN", &soon)]).await;
    site.provider.set_access_token(&late);
    let calm = site.doctor(&[("CAIGUNN_ACCESS_TOKEN", &late)]).await;

    let advice = "make a new one with `caigunn-webhook token refresh` while this one is valid";
    assert_finds(&warned, &format!("warning  {}\n         {advice}", found(&soon)));
    assert_finds(&calm, "");
    assert!(calm.output.contains(&found(&late)), "{}", calm.output);
}

#[tokio::test]
async fn an_account_without_a_chatbot_to_look_after_is_warned_about() {
    let site = Site::running().await;
    let variables = [
        ("CAIGUNN_API_KEY", ""),
        ("CAIGUNN_SUBSCRIPTION_INCLUDE", "Nobody"),
    ];

    let ended = site.doctor(&variables).await;

    assert_finds(
        &ended,
        "\
warning  credentials: CaiGunn takes the access token; chatbots to look after: 0
         see that the account has one, and what subscription.include and subscription.exclude leave of them
warning  chatbots: no chatbot of this account has as its id or title: [\"Nobody\"]
         check subscription.include and subscription.exclude: a title must be as CaiGunn has it, in the same case",
    );
}

#[tokio::test]
async fn where_no_chatbot_is_chosen_since_none_is_looked_for_that_is_said() {
    let site = Site::running().await;
    let variables = [
        ("CAIGUNN_API_KEY", ""),
        ("CAIGUNN_SUBSCRIPTION_DISCOVER", "false"),
    ];

    let ended = site.doctor(&variables).await;

    let expected = "\
warning  credentials: CaiGunn takes the access token; chatbots to look after: 0
         set CAIGUNN_API_KEY, or subscription.discover to true: without either no chatbot is looked for
";
    assert!(ended.output.contains(expected), "{}", ended.output);
    assert!(!ended.output.contains("subscription.include"), "{}", ended.output);
}

#[tokio::test]
async fn what_keeps_the_receiver_that_runs_from_looking_after_the_chatbots_is_named() {
    let site = Site::running().await;
    let busy = Reply::Status(429, Some(3600), json!({"detail": "Slow down"}));
    site.provider.reply(Route::EventLog, [busy]);
    let job = "0191f0a0-0000-7000-8000-000000000001";
    let asked = site.run(&["backfill", job], &[]).await;
    assert_eq!(asked.code, Some(1), "{asked:?}");

    let ended = site.doctor(&[]).await;

    let lines: Vec<_> = ended
        .output
        .lines()
        .skip_while(|line| !line.starts_with("warning  running receiver"))
        .collect();
    let expected = "warning  running receiver: it does not look after the chatbots now: the chatbots cannot be listed until ";
    assert!(lines[0].starts_with(expected), "{}", ended.output);
    assert!(
        lines[0].ends_with(": CaiGunn asks for fewer requests: Slow down"),
        "{}",
        ended.output
    );
    assert_eq!(
        lines[1],
        "         it is tried again by itself; `/api/v1/subscription` and the log say how it goes"
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn a_caigunn_that_is_down_or_something_else_is_named() {
    let site = Site::running().await;
    let web_page = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
    let web_page = format!("http://{}/", answering(web_page).await);
    let api = site.provider.url() + "/";

    let replies: [(Reply, String); 2] = [
        (
            Reply::Status(503, None, json!({"detail": "Maintenance"})),
            "CaiGunn is unavailable: 503: Maintenance".to_owned(),
        ),
        (
            Reply::Status(429, Some(60), json!({"detail": "Slow down"})),
            "CaiGunn asks for fewer requests: Slow down".to_owned(),
        ),
    ];
    for (reply, found) in replies {
        site.provider.reply_always(Route::Chatbots, Some(reply));
        let ended = site.doctor(&[]).await;

        let advice =
            format!("check CAIGUNN_API_URL ({api}), that it can be reached from here, and try again later");
        assert_finds(&ended, &format!("FAILURE  CaiGunn: {found}\n         {advice}"));
    }
    let ended = site.doctor(&[("CAIGUNN_API_URL", &web_page)]).await;
    let unexpected = ended.output.lines().find(|line| line.starts_with("FAILURE"));
    let unexpected = unexpected.unwrap();
    assert!(
        unexpected.starts_with(
            "FAILURE  CaiGunn: CaiGunn answered with 200 and no JSON, as while it is maintained: "
        ),
        "{unexpected}"
    );
    let advice = format!("\n         check CAIGUNN_API_URL ({web_page}), that it can be reached from here");
    assert!(ended.output.contains(&advice), "{}", ended.output);
}

#[tokio::test]
async fn a_caigunn_that_cannot_be_reached_is_named_and_the_rest_is_looked_at() {
    let site = Site::running().await;
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let api = format!("http://{}/", deaf.local_addr().unwrap());

    let ended = site.doctor(&[("CAIGUNN_API_URL", &api)]).await;

    let refused = "CaiGunn is unavailable: cannot connect: Connection refused (os error 111)";
    let expected = format!(
        "\
warning  clock: it could not be compared with CaiGunn's: {refused}
         once CaiGunn answers, ask again
FAILURE  CaiGunn: {refused}
         check CAIGUNN_API_URL ({api}), that it can be reached from here, and try again later"
    );
    assert_finds(&ended, &expected);
    assert!(ended.output.contains("ok       public URL: "), "{}", ended.output);
}

#[tokio::test]
async fn without_any_certificate_one_failure_names_where_they_come_from_and_the_rest_is_looked_at() {
    let site = Site::running().await;
    let none = site.path("none").display().to_string();
    let destinations = r#"[{name = "app", kind = "http", url = "https://127.0.0.1:9"},
                           {name = "shell", kind = "command", command = ["/bin/sh"]}]"#;
    let variables = [
        ("SSL_CERT_FILE", &*none),
        ("SSL_CERT_DIR", &*none),
        ("CAIGUNN_API_URL", "https://127.0.0.1:9"),
        ("CAIGUNN_PUBLIC_URL", "https://127.0.0.1:9"),
        ("CAIGUNN_DELIVERY_DESTINATION", destinations),
    ];

    let ended = site.doctor(&variables).await;

    let advice = "name certificates of authorities there, in PEM, or take the variable away: without both SSL_CERT_FILE and SSL_CERT_DIR \
                  the system's are trusted";
    let useless = |variable: &str, how: &str| {
        format!(
            "warning  settings: no certificate comes from {variable}, which is {none}: {how} at '{none}'\n         {advice}"
        )
    };
    assert_finds(
        &ended,
        &format!(
            "\
{}
{}
FAILURE  certificates: calls over the network cannot be prepared: unexpected error: No CA certificates were loaded from the system
         where this machine has no certificates, install ca-certificates or name a file in SSL_CERT_FILE
warning  destination: the receiver that runs here does not know app, shell, so nothing is sent there
         restart it, for it reads its settings when it starts; of several receivers the one that leads",
            useless("SSL_CERT_FILE", "failed to read PEM from file: No such file or directory (os error 2)"),
            useless("SSL_CERT_DIR", "opening directory: No such file or directory (os error 2)")
        ),
    );
    for line in [
        "ok       admin token: the receiver that runs here takes it\n",
        "ok       destination: shell: /bin/sh can be run\n",
    ] {
        assert!(ended.output.contains(line), "{line}{}", ended.output);
    }
}

#[tokio::test]
async fn a_clock_that_is_far_off_is_warned_about() {
    let site = Site::running().await;
    let now = Timestamp::now();
    let cases = [
        // The seconds go on while the test runs.
        (now.minus(Duration::from_secs(600)), Some("10 min ahead of")),
        (now.plus(Duration::from_secs(3_655)), Some("60 min behind")),
        (
            now.minus(Duration::from_secs(3 * 86_400)),
            Some("3 days ahead of"),
        ),
        (now.minus(Duration::from_secs(30)), None),
    ];
    for (date, expected) in cases {
        let moment = jiff::Timestamp::from_microsecond(date.as_micros()).unwrap();
        let date = moment.strftime("%a, %d %b %Y %H:%M:%S GMT");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{{\"chatbots\": []}}"
        );
        let api = format!("http://{}", answering(answer).await);
        let ended = site.doctor(&[("CAIGUNN_API_URL", &api)]).await;

        let mut lines = ended.output.lines().skip_while(|line| !line.contains(" clock: "));
        let (found, advice) = (lines.next().unwrap(), lines.next().unwrap());
        match expected {
            None => assert_eq!(found, "ok       clock: it agrees with CaiGunn's"),
            Some(expected) => {
                assert_eq!(found, format!("warning  clock: it is {expected} CaiGunn's"));
                assert_eq!(
                    advice,
                    "         set it right, with NTP: received_at, the window for older training events, and deliveries' \
                     timestamps go by it"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_chatbot_that_posts_elsewhere_or_nowhere_is_named() {
    let site = Site::running().await;
    let id = site.provider.chatbot_id("key-one");
    let first = site.first();
    let here = site.tunnel.url();
    let older = format!("{here}/webhook/an-older-token");
    let cases = [
        (
            Some("https://elsewhere.example/hook?key=hunter2"),
            format!(
                "{first} posts to https://elsewhere.example/[hidden], not here\n         {ENSURE}; if another deployment \
                 means to have it, stop one of the two"
            ),
        ),
        (
            Some(&*older),
            format!(
                "{first} posts to {here}/[hidden], which is here, but with another token or path than is set\n         \
                 {ENSURE}"
            ),
        ),
        (None, format!("{first} has no webhook URL\n         {ENSURE}")),
    ];
    for (url, expected) in cases {
        site.provider.set_webhook_url(id, url);
        let ended = site.doctor(&[]).await;

        assert_finds(&ended, &format!("FAILURE  registration: {expected}"));
    }
}

#[tokio::test]
async fn a_chatbot_whose_url_cannot_be_read_is_named() {
    let site = Site::running().await;
    let first = site.first();
    let cases = [
        (
            Reply::Status(500, None, json!({"detail": "Oops"})),
            format!(
                "FAILURE  registration: the webhook URL of {first} cannot be read: CaiGunn is unavailable: 500: Oops\n         \
                 try again later"
            ),
        ),
        (
            Reply::Status(404, None, json!({"detail": "Not Found"})),
            format!(
                "warning  registration: CaiGunn does not tell which webhook URL {first} has, so a takeover would not be noticed\n         \
                 see the chatbot's settings at CaiGunn; the receiver registers it when it starts"
            ),
        ),
    ];
    for (reply, expected) in cases {
        site.provider.reply_always(Route::Chatbot, Some(reply));
        let ended = site.doctor(&[]).await;

        assert_finds(&ended, &expected);
    }
}
