//! Promise: the receiver registers its URL with CaiGunn by itself, once a chatbot, and whatever CaiGunn does
//! meanwhile, it serves.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use crate::harness::process::{run, says};
use crate::harness::provider::{Reply, Route};
use crate::harness::{self, App, Process, Provider, client, closed_folder, sample, spawn_app_with, wait_for};

/// The first eight digits of the SHA-256 of `key-one`.
const KEY_ONE: &str = "9b346041";

/// A receiver of one chatbot, told to register with the API at `api_url`.
async fn spawn(api_url: &str, keys: &[(&str, &str)]) -> App {
    let credentials = [
        ("api.url", api_url),
        ("api.key", "key-one"),
        ("api.access_token", "access-token"),
        ("server.public_url", "https://hooks.example.com"),
        // Nobody is to be asked where that is.
        ("subscription.probe", "false"),
    ];
    spawn_app_with(&[&credentials, keys].concat()).await
}

/// The same in a process of its own, for its log.
async fn start(folder: &tempfile::TempDir, api_url: &str, variables: &[(&str, &str)]) -> Process {
    let credentials = [
        ("CAIGUNN_API_URL", api_url),
        ("CAIGUNN_API_KEY", "key-one"),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
        ("CAIGUNN_WEBHOOK_TOKEN", "token-of-the-registered-url"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
    ];
    Process::start(folder.path(), &[&credentials, variables].concat()).await
}

/// Waits until the first chatbot's registration is in that state; gives it.
async fn wait_for_state(app: &App, state: &str) -> Value {
    wait_for(state, || async {
        let chatbot = app.api("/subscription").await["chatbots"][0].clone();
        if chatbot["state"] == state {
            Ok(chatbot)
        } else {
            Err(chatbot.to_string())
        }
    })
    .await
}

/// What a chatbot is called in the log.
fn name_of(provider: &Provider, title: &str, api_key: &str) -> String {
    format!("chatbot \"{title}\" ({})", provider.chatbot_id(api_key))
}

async fn assert_serves(app: &App) {
    let answer = app.post(&harness::json(&sample("crawling.completed"))).await;
    assert_eq!(answer.status(), 200);
}

fn failure(status: u16) -> Reply {
    Reply::Status(status, None, json!({"detail": "Out of order"}))
}

/// An API that answers every connection's request with these bytes, then with `more` for ever.
async fn answering(answer: String, more: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("the receiver connects");
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let mut result = stream.read(&mut request).await.map(drop);
                if result.is_ok() {
                    result = stream.write_all(answer.as_bytes()).await;
                }
                while !more.is_empty() && result.is_ok() {
                    result = stream.write_all(more).await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn the_url_is_put_once_with_both_headers() {
    let provider = Provider::start([]).await;

    let app = spawn(&provider.url(), &[]).await;
    wait_for_state(&app, "registered").await;
    app.stop().await;

    let calls = provider.calls_of(Route::PutWebhook);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].headers["api-key"], "key-one");
    assert_eq!(calls[0].headers["caigunn-access-token"], "access-token");
    assert_eq!(calls[0].headers["content-type"], "application/json");
    assert_eq!(
        calls[0].body,
        json!({"webhook_url": "https://hooks.example.com/webhook"})
    );
}

#[tokio::test]
async fn the_url_has_the_first_of_the_tokens() {
    let provider = Provider::start([]).await;
    let keys = [
        ("webhook.token", "first-token, second-token"),
        ("server.public_url", "https://hooks.example.com/bots/"),
    ];

    let app = spawn(&provider.url(), &keys).await;

    let calls = provider.wait_for_calls(1).await;
    assert_eq!(
        calls[0].body,
        json!({"webhook_url": "https://hooks.example.com/bots/webhook/first-token"})
    );
    assert_eq!(
        app.api("/subscription").await["webhook_url"],
        "https://hooks.example.com/bots/webhook/[token]"
    );
}

#[tokio::test]
async fn every_api_key_gets_one_put_of_its_own() {
    let provider = Provider::start([]).await;
    let keys = ["key-1", "key-2", "key-3", "key-4", "key-5", "key-6"];
    for key in keys {
        provider.add_chatbot(key, key);
    }

    let app = spawn(&provider.url(), &[("api.key", &keys.join(", "))]).await;

    wait_for("all to be registered", || async {
        let seen = app.api("/subscription").await;
        let chatbots = seen["chatbots"].as_array().expect("a list");
        let is_done = chatbots.len() == 6 && chatbots.iter().all(|chatbot| chatbot["state"] == "registered");
        is_done.then_some(()).ok_or_else(|| seen.to_string())
    })
    .await;
    let mut called: Vec<_> = provider
        .calls_of(Route::PutWebhook)
        .iter()
        .map(|call| call.headers["api-key"].to_str().unwrap().to_owned())
        .collect();
    called.sort_unstable();
    assert_eq!(called, keys);
}

#[tokio::test]
async fn both_listeners_answer_before_caigunn_is_called() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api_url = format!("http://{}", listener.local_addr().unwrap());
    let (tell_addresses, addresses) = oneshot::channel::<[String; 2]>();
    // A CaiGunn that looks at the receiver before it answers anything.
    let looking = tokio::spawn(async move {
        let (first_call, _) = listener.accept().await.unwrap();
        let mut statuses = Vec::new();
        for url in addresses.await.unwrap() {
            statuses.push(client().get(url).send().await.unwrap().status().as_u16());
        }
        drop(first_call);
        (statuses, Provider::on(listener, []))
    });

    let app = spawn(&api_url, &[]).await;
    let ready = |address| format!("http://{address}/readyz");
    tell_addresses
        .send([ready(app.public), ready(app.admin)])
        .unwrap();
    let (statuses, provider) = looking.await.unwrap();

    assert_eq!(statuses, [200, 200]);
    wait_for_state(&app, "registered").await;
    assert_eq!(provider.calls_of(Route::PutWebhook).len(), 1);
}

#[tokio::test]
async fn a_receiver_that_cannot_listen_registers_nothing() {
    let provider = Provider::start([]).await;
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = Process::command(folder.path());
    command
        .env("CAIGUNN_API_URL", provider.url())
        .env("CAIGUNN_API_KEY", "key-one")
        .env("CAIGUNN_ACCESS_TOKEN", "access-token")
        .env("CAIGUNN_PUBLIC_URL", "https://hooks.example.com")
        .env("CAIGUNN_SUBSCRIPTION_PROBE", "false")
        .env("CAIGUNN_ADMIN_LISTEN", taken.local_addr().unwrap().to_string());

    let ended = run(command).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(provider.calls().len(), 0);
}

#[tokio::test]
async fn the_log_quotes_what_caigunn_says() {
    let provider = Provider::start([]).await;
    let folder = tempfile::tempdir().unwrap();

    let process = start(&folder, &provider.url(), &[]).await;

    let lines = process.wait_for_lines(1, says("registered https")).await;
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["api_key"], KEY_ONE);
    let first = name_of(&provider, "First", "key-one");
    assert_eq!(
        lines[0]["message"],
        format!(
            "registered https://hooks.example.com/webhook/[token] for {first}: Webhook url update successfully"
        )
    );
}

#[tokio::test]
async fn a_failure_of_caigunns_is_tried_again() {
    let provider = Provider::start([failure(500)]).await;
    let folder = tempfile::tempdir().unwrap();

    let process = start(&folder, &provider.url(), &[]).await;

    process.wait_for_lines(1, says("registered https")).await;
    let failed = process.wait_for_lines(1, says("cannot register")).await;
    assert_eq!(failed[0]["level"], "WARN");
    assert_eq!(failed[0]["error.type"], "registration_failed");
    let message = failed[0]["message"].as_str().unwrap();
    let expected = format!(
        "cannot register for {} or look whether it is: CaiGunn is unavailable: 500: Out of order; trying again in 1 s",
        name_of(&provider, "First", "key-one")
    );
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(provider.calls_of(Route::PutWebhook).len(), 2);
}

#[tokio::test]
async fn a_caigunn_that_is_down_at_the_start_is_found_when_it_is_up() {
    // Bound, the port is ours; not listened on, it refuses connections.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let api_url = format!("http://{}", socket.local_addr().unwrap());

    let app = spawn(&api_url, &[]).await;
    let retrying = wait_for_state(&app, "retrying").await;
    assert_serves(&app).await;
    let provider = Provider::on(socket.listen(16).unwrap(), []);

    wait_for_state(&app, "registered").await;
    let error = retrying["error"].as_str().unwrap();
    assert!(error.contains("Connection refused"), "{error}");
    assert_eq!(provider.calls_of(Route::PutWebhook).len(), 1);
}

#[tokio::test]
async fn a_caigunn_that_does_not_answer_is_given_up_and_called_again() {
    let provider = Provider::start([Reply::Held]).await;

    let app = spawn(&provider.url(), &[("api.timeout_seconds", "1")]).await;
    provider.wait_for_calls(1).await;
    assert_serves(&app).await;

    wait_for_state(&app, "registered").await;
    assert_eq!(provider.calls_of(Route::PutWebhook).len(), 2);
}

#[tokio::test]
async fn the_state_is_pending_until_caigunn_answers_and_registered_from_then_on() {
    let provider = Provider::start([Reply::Held]).await;

    let app = spawn(&provider.url(), &[]).await;
    provider.wait_for_calls(1).await;
    let before = app.api("/subscription").await;
    provider.release();
    let after = wait_for_state(&app, "registered").await;

    let chatbot_id = provider.chatbot_id("key-one");
    assert_eq!(
        before,
        json!({
            "webhook_url": "https://hooks.example.com/webhook",
            "problem": null,
            "probe": null,
            "chatbots": [{
                "api_key": KEY_ONE,
                "chatbot_id": chatbot_id,
                "title": "First",
                "state": "pending",
            "last_received_at": null,
            }],
            "tokens": [],
            "backfill": {
                "open_jobs": before["backfill"]["open_jobs"],
                "stalled_jobs": before["backfill"]["stalled_jobs"],
                "problem": null,
            },
            "leader": before["leader"],
        })
    );
    let since = after["since"].clone();
    assert!(is_timestamp(&since), "{since}");
    assert_eq!(
        after,
        json!({
            "api_key": KEY_ONE,
            "chatbot_id": chatbot_id,
            "title": "First",
            "state": "registered",
            "last_received_at": null,
            "since": since,
            "confirmed_at": since,
        })
    );
}

#[tokio::test]
async fn the_state_is_retrying_after_a_failure_that_may_pass() {
    let provider = Provider::start([failure(503)]).await;
    let long = [
        ("subscription.retry_min_seconds", "600"),
        ("subscription.retry_max_seconds", "600"),
    ];

    let app = spawn(&provider.url(), &long).await;
    let seen = wait_for_state(&app, "retrying").await;

    let next_at = seen["next_at"].clone();
    assert!(is_timestamp(&next_at), "{next_at}");
    assert_eq!(
        seen,
        json!({
            "api_key": KEY_ONE,
            "chatbot_id": provider.chatbot_id("key-one"),
            "title": "First",
            "state": "retrying",
            "last_received_at": null,
            "failure_count": 1,
            "next_at": next_at,
            "error": "CaiGunn is unavailable: 503: Out of order",
        })
    );
    assert_serves(&app).await;
}

#[tokio::test]
async fn a_refusal_is_an_error_that_says_what_to_check_while_the_receiver_serves() {
    let invalid = json!({"loc": ["body", "webhook_url"], "msg": "invalid url", "type": "value_error.url"});
    let replies = [
        Reply::Status(401, None, json!({"detail": "Token expired"})),
        Reply::Status(403, None, json!({"detail": "Not your chatbot"})),
        Reply::Status(422, None, json!({"detail": [invalid]})),
    ];
    let provider = Provider::start(replies).await;
    provider.add_chatbot("Second", "key-two");
    provider.add_chatbot("Third", "key-three");
    let folder = tempfile::tempdir().unwrap();

    let process = start(
        &folder,
        &provider.url(),
        &[("CAIGUNN_API_KEY", "key-one,key-two,key-three")],
    )
    .await;
    let lines = process
        .wait_for_lines(3, says("not registered for chatbot"))
        .await;

    assert!(lines.iter().all(|line| line["level"] == "ERROR"), "{lines:?}");
    assert!(
        lines
            .iter()
            .all(|line| line["error.type"] == "registration_refused"),
        "{lines:?}"
    );
    let expected = [
        "with 401: Token expired; check CAIGUNN_API_KEY: ",
        "with 403: Not your chatbot; check CAIGUNN_API_KEY: ",
        "CaiGunn did not accept the request, with 422: body.webhook_url: invalid url; check CAIGUNN_PUBLIC_URL ",
    ];
    for expected in expected {
        let count = lines
            .iter()
            .filter(|line| line["message"].as_str().unwrap().contains(expected))
            .count();
        assert_eq!(count, 1, "{expected}\n{lines:?}");
    }
    // The line comes before the state.
    let seen = wait_for("all three to be refused", || async {
        let seen = client().get(process.api("/subscription")).send().await.unwrap();
        let seen: Value = seen.json().await.unwrap();
        let chatbots = seen["chatbots"].as_array().unwrap();
        let refused = chatbots.iter().filter(|chatbot| chatbot["state"] == "refused");
        match (refused.count(), chatbots.len()) {
            (3, 3) => Ok(seen),
            _ => Err(seen.to_string()),
        }
    })
    .await;
    for chatbot in seen["chatbots"].as_array().unwrap() {
        assert_eq!(chatbot["failure_count"], 1, "{seen}");
        assert!(is_timestamp(&chatbot["next_at"]), "{seen}");
    }
    let ready = client().get(process.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Provider::start([]).await;
    let location = format!("{}/api/external/chatbot/webhook", elsewhere.url());
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let address = answering(redirect, b"").await;

    let app = spawn(&format!("http://{address}"), &[]).await;
    let seen = wait_for_state(&app, "retrying").await;

    let expected = format!(
        "CaiGunn answered with 307 and no JSON, as while it is maintained: it redirects to {}/[hidden], which is not followed",
        elsewhere.url()
    );
    assert_eq!(seen["error"], expected);
    assert_eq!(elsewhere.calls().len(), 0);
    assert_serves(&app).await;
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_quoted_as_it_is() {
    let answer = "HTTP/1.1 500 Oops\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{\"detail\"";
    let address = answering(answer.to_owned(), b"").await;

    let app = spawn(&format!("http://{address}"), &[]).await;
    let seen = wait_for_state(&app, "retrying").await;

    assert_eq!(seen["error"], "CaiGunn is unavailable: 500: {\"detail\"");
    assert_serves(&app).await;
}

#[tokio::test]
async fn an_endless_answer_is_read_and_quoted_in_part() {
    let head = "HTTP/1.1 500 Oops\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
    let address = answering(head.to_owned(), &[b'x'; 8192]).await;

    let app = spawn(&format!("http://{address}"), &[]).await;
    let seen = wait_for_state(&app, "retrying").await;

    assert_eq!(
        seen["error"],
        format!("CaiGunn is unavailable: 500: {}", "x".repeat(300))
    );
    assert_serves(&app).await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_caigunn() {
    let provider = Provider::start([Reply::Held]).await;
    let keys = [
        ("api.timeout_seconds", "600"),
        ("server.stop_timeout_seconds", "10"),
    ];

    let app = spawn(&provider.url(), &keys).await;
    provider.wait_for_calls(1).await;

    // Fails unless everything ended within the stop's ten seconds.
    app.stop().await;
}

#[tokio::test]
async fn without_credentials_nothing_is_called_and_one_warning_names_what_is_missing() {
    let cases: [(&[(&str, &str)], &str); 3] = [
        (
            &[("CAIGUNN_ACCESS_TOKEN", ""), ("CAIGUNN_PUBLIC_URL", "")],
            "set CAIGUNN_ACCESS_TOKEN, CAIGUNN_PUBLIC_URL",
        ),
        (&[("CAIGUNN_ACCESS_TOKEN", "")], "set CAIGUNN_ACCESS_TOKEN"),
        // With an access token alone the chatbots are found, unless that is not wanted.
        (
            &[
                ("CAIGUNN_API_KEY", ""),
                ("CAIGUNN_SUBSCRIPTION_DISCOVER", "false"),
            ],
            "set CAIGUNN_API_KEY",
        ),
    ];
    for (variables, advice) in cases {
        let provider = Provider::start([]).await;
        let folder = closed_folder();

        let mut process = start(&folder, &provider.url(), variables).await;
        let url = process.url("/webhook/token-of-the-registered-url");
        let notification = harness::json(&sample("crawling.completed"));
        let answer = client().post(url).json(&notification).send().await.unwrap();
        let seen: Value = client()
            .get(process.api("/subscription"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        process.signal("TERM");
        let status = process.wait().await;

        assert_eq!(answer.status(), 200);
        assert_eq!(seen["webhook_url"], Value::Null);
        assert_eq!(seen["chatbots"], json!([]));
        assert_eq!(status.code(), Some(0));
        assert_eq!(provider.calls().len(), 0);
        let mut lines = process.log_lines();
        lines.retain(|line| line["level"] == "WARN");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(
            lines[0]["message"],
            format!(
                "no credentials, so nothing is registered with CaiGunn and nothing missed is asked for; {advice}"
            )
        );
    }
}

/// Whether it is a moment as the API writes them: `2024-07-30T12:34:56.123456Z`.
fn is_timestamp(value: &Value) -> bool {
    let pattern = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
    value.as_str().is_some_and(|text| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern).all(|(byte, expected)| match expected {
                b'd' => byte.is_ascii_digit(),
                other => byte == *other,
            })
    })
}
