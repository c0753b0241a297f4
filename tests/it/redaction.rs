//! Promise: no secret, no header and nothing of a body but what the log's documentation lists is in the log, in
//! errors, in the configuration that is shown, or in the state of the subscription; not even at trace level.

mod destinations;

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::process::{Ended, run};
use crate::harness::provider::{Reply, Route};
use crate::harness::raw::{self, Raw};
use crate::harness::{self, Process, Provider, client, sample, wait_for};

const API_KEYS: [&str; 6] = [
    "planted-api-key-1",
    "planted-api-key-2",
    "planted-api-key-3",
    "planted-api-key-4",
    "planted-api-key-5",
    "planted-api-key-6",
];
const ACCESS_TOKEN: &str = "planted-access-token";
const TOKEN: &str = "planted-token-1";
const OTHER_TOKEN: &str = "planted-token-2";
const ADMIN_TOKEN: &str = "planted-admin-token";

/// What every planted secret has in it, and nothing else.
const MARK: &str = "planted-";

fn folder() -> TempDir {
    tempfile::tempdir().expect("the system has a folder for temporary files")
}

#[track_caller]
fn assert_hides(what: &str, text: &str) {
    let leaks: Vec<_> = text
        .lines()
        .filter(|line| line.to_lowercase().contains(MARK))
        .collect();
    assert!(leaks.is_empty(), "{what} tells a secret:\n{}", leaks.join("\n"));
}

fn with_secrets(variables: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let secrets = [
        ("CAIGUNN_API_KEY", API_KEYS.join(",")),
        ("CAIGUNN_ACCESS_TOKEN", ACCESS_TOKEN.to_owned()),
        ("CAIGUNN_WEBHOOK_TOKEN", format!("{TOKEN},{OTHER_TOKEN}")),
        ("CAIGUNN_ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com".to_owned()),
        // Nobody is to be asked where that is.
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false".to_owned()),
    ];
    let more = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
    secrets.into_iter().chain(more).collect()
}

async fn start(folder: &TempDir, variables: &[(&'static str, &str)]) -> Process {
    let mut command = Process::command(folder.path());
    command.env("CAIGUNN_LOG", "trace").envs(with_secrets(variables));
    Process::spawn(folder.path(), command).await
}

async fn subscription(process: &Process) -> Value {
    let asked = client()
        .get(process.api("/subscription"))
        .bearer_auth(ADMIN_TOKEN)
        .send();
    asked.await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn whatever_a_sender_puts_into_a_request_stays_out_of_the_log() {
    let folder = folder();
    let mut process = start(
        &folder,
        &[
            ("CAIGUNN_API_URL", "http://127.0.0.1:9"),
            ("CAIGUNN_SERVER_BODY_LIMIT_BYTES", "1024"),
        ],
    )
    .await;
    let mut notification = harness::json(&sample("uploading.completed"));
    notification["planted-member"] = json!("planted-value");
    notification["data"]["planted-member"] = json!({"planted-member": ["planted-value"]});
    notification["data"]["training_data_ids"][0]["filename"] = json!("planted-file-that-did-not-fail");
    let mut invalid = notification.clone();
    invalid["event_id"] = json!("planted-event-id");
    invalid["data"]["training_data_ids"] = json!({"planted-member": 1});
    let json_type = "application/json";
    let posts = [
        (TOKEN, json_type, notification.to_string(), 200),
        // The same once more, with the other token.
        (OTHER_TOKEN, json_type, notification.to_string(), 200),
        (
            TOKEN,
            json_type,
            "{\"planted-member\": planted-value}".to_owned(),
            400,
        ),
        (TOKEN, json_type, "\"planted-value".to_owned(), 400),
        ("planted-wrong-token", json_type, notification.to_string(), 401),
        (
            TOKEN,
            json_type,
            format!("\"{}\"", "planted-value ".repeat(100)),
            413,
        ),
        (TOKEN, "text/planted-type", notification.to_string(), 415),
        (TOKEN, json_type, invalid.to_string(), 422),
        (TOKEN, json_type, "\"planted-value\"".to_owned(), 422),
    ];

    for (token, content_type, body, expected) in posts {
        let url = process.url(&format!("/webhook/{token}?planted-name=planted-value"));
        let request = client()
            .post(url)
            .header("content-type", content_type)
            .header("authorization", "Bearer planted-bearer")
            .header("cookie", "planted-cookie=planted-value")
            .header("x-foo", "planted-foo")
            // This one is logged, since a proxy's log is found by it.
            .header("x-request-id", "of-the-proxy")
            .header("user-agent", "planted-agent")
            .body(body.clone());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), expected, "{body}");
    }
    let gets = [
        (process.url("/webhooks/planted-segment"), 404),
        (process.url("/webhook/planted-segment"), 405),
        (
            process.url("/planted-segment/more?planted-name=planted-value"),
            404,
        ),
        (process.api("/receipts?token=planted-value"), 400),
        (process.api("/receipts?planted-name=1"), 400),
        (process.api("/receipts?limit=planted-value"), 400),
        (process.api("/receipts?event_id=planted-value"), 400),
        (process.api("/receipts/planted-segment"), 404),
        (process.api("/jobs/planted-segment"), 404),
        (process.api("/planted-segment"), 404),
        (process.api("/subscription"), 200),
    ];
    for (url, expected) in gets {
        let response = client().get(&url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        assert_eq!(response.status(), expected, "{url}");
    }
    let url = process.api("/subscription");
    let response = client()
        .get(url)
        .bearer_auth("planted-wrong-bearer")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
    let oddities = [
        "POST /webhook/planted-token-1 HTTP/1.1\r\nHost: planted-host\r\nplanted header\r\n\r\n".to_owned(),
        "GET http://planted-user:planted-password@receiver/healthz HTTP/1.1\r\n\r\n".to_owned(),
        "POST /webhook/planted-token-1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: planted-coding\r\n\r\n"
            .to_owned(),
        "planted-nonsense\r\n\r\n".to_owned(),
        raw::post("{}").replace("Content-Length: 2", "Content-Length: planted-2"),
    ];
    for oddity in oddities {
        let mut connection = Raw::connect(process.public).await;
        connection.send(&oddity).await;
        let answer = connection.read_to_end().await;
        assert!(
            answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5"),
            "{oddity}: {answer}"
        );
    }
    let seen = subscription(&process).await;
    process.signal("TERM");
    let status = process.wait().await;

    assert_eq!(status.code(), Some(0));
    assert_hides("the log", &process.log());
    assert_hides("standard error", &process.errors());
    assert_hides("the state of the subscription", &seen.to_string());
    // The log was on, and saw all of it.
    let lines = process.log_lines();
    for status in [400, 401, 404, 405, 413, 415, 422] {
        let has_line = lines
            .iter()
            .any(|line| line["http.response.status_code"] == status);
        assert!(has_line, "{status} is not in {}", process.log());
    }
    for outcome in ["accepted", "duplicate", "rejected"] {
        assert!(lines.iter().any(|line| line["outcome"] == outcome), "{outcome}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_stays_out_of_the_log() {
    let folder = folder();
    let process = start(&folder, &[("CAIGUNN_API_URL", "http://127.0.0.1:9")]).await;
    let head = format!("POST /webhook/{TOKEN} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n");

    let mut connection = Raw::connect(process.public).await;
    let chunk =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n10\r\n{{\"planted-value\"\r\nplanted-size\r\n");
    connection.send(chunk).await;
    connection.read_to_end().await;

    process.wait_for_log("could not be read to its end", 1).await;
    assert_hides("the log", &process.log());
}

#[tokio::test]
async fn a_provider_that_tells_our_secrets_back_is_quoted_without_them() {
    let url = format!("https://hooks.example.com/webhook/{TOKEN}");
    let echoed = |status, body: Value| Reply::Status(status, None, body);
    let all = format!("{{api-key}} {ACCESS_TOKEN} {TOKEN}");
    let fault = json!({"loc": ["body", "webhook_url"], "msg": "invalid", "type": "url", "input": url});
    let talkative_fault = json!({"loc": ["body", url], "msg": format!("{url} is no url"), "type": "url"});
    let replies = [
        echoed(422, json!({"detail": [fault]})),
        echoed(422, json!({"detail": [talkative_fault]})),
        echoed(401, json!({"detail": format!("none of these is known: {all}")})),
        echoed(
            400,
            json!({"detail": {"headers": {"caigunn-access-token": ACCESS_TOKEN}, "url": url}}),
        ),
        // The quote is cut within the first of them.
        echoed(500, json!(format!("{}{all}", "x".repeat(290)))),
        echoed(
            200,
            json!({"detail": format!("Webhook url {url} update successfully")}),
        ),
    ];
    let provider = Provider::start(replies).await;
    provider.set_access_token(ACCESS_TOKEN);
    for api_key in API_KEYS {
        provider.add_chatbot("A chatbot", api_key);
    }
    let folder = folder();

    let mut process = start(&folder, &[("CAIGUNN_API_URL", &provider.url())]).await;
    let seen = wait_for("an answer for every chatbot", || async {
        let seen = subscription(&process).await;
        let chatbots = seen["chatbots"].as_array().expect("a list");
        let is_done = !chatbots.is_empty() && chatbots.iter().all(|chatbot| chatbot["state"] != "pending");
        if is_done { Ok(seen) } else { Err(seen.to_string()) }
    })
    .await;
    process.signal("TERM");
    process.wait().await;

    assert_hides("the state of the subscription", &seen.to_string());
    assert_hides("the log", &process.log());
    assert_hides("standard error", &process.errors());
    let log = process.log();
    let quotes = [
        "body.webhook_url: invalid",
        "[hidden] is no url",
        "none of these is known: [hidden] [hidden] [hidden]",
    ];
    for quote in quotes {
        assert!(log.contains(quote), "{quote} is not in {log}");
    }
}

#[tokio::test]
async fn what_a_provider_says_of_the_url_before_ours_tells_neither_an_older_token_nor_somebody_elses() {
    let before = format!(
        "set before to https://hooks.example.com/webhook/{OTHER_TOKEN} ({OTHER_TOKEN}), \
         https://elsewhere.example/planted-hook?key=planted-key"
    );
    let provider = Provider::start([]).await;
    provider.set_access_token(ACCESS_TOKEN);
    for api_key in API_KEYS {
        provider.add_chatbot("A chatbot", api_key);
    }
    let said = |status| Reply::Status(status, None, json!({"detail": before}));
    provider.reply(Route::PutWebhook, [said(409), said(422)]);
    let folder = folder();

    let mut process = start(&folder, &[("CAIGUNN_API_URL", &provider.url())]).await;
    process.wait_for_log("set before to", 2).await;
    let seen = subscription(&process).await;
    process.signal("TERM");
    process.wait().await;

    assert!(process.log().contains("https://elsewhere.example/[hidden]"));
    assert_hides("the state of the subscription", &seen.to_string());
    assert_hides("the log", &process.log());
}

async fn check(folder: &TempDir, variables: &[(&'static str, &str)]) -> Ended {
    let mut command = Process::command(folder.path());
    command.args(["config", "check"]).envs(variables.iter().copied());
    run(command).await
}

#[tokio::test]
async fn the_configuration_is_shown_without_its_secrets() {
    let folder = folder();
    let secrets = with_secrets(&[(
        "CAIGUNN_INBOX_URL",
        "postgres://receiver:planted-password@db/inbox?password=planted-password",
    )]);
    let secrets: Vec<_> = secrets.iter().map(|(name, value)| (*name, &**value)).collect();

    let ended = check(&folder, &secrets).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_hides("standard output", &ended.output);
    assert_hides("standard error", &ended.errors);
    assert_eq!(ended.output.matches("[hidden]").count(), 4, "{}", ended.output);
    let inbox = "postgres://receiver:***@db/inbox?password=***";
    assert!(ended.output.contains(inbox), "{}", ended.output);
}

#[tokio::test]
async fn mistakes_in_secrets_are_reported_without_them() {
    let folder = folder();
    let secret_file = folder.path().join("token");
    fs::write(&secret_file, "planted/token/of/a/file\nplanted-second-line\n").unwrap();
    let cases: [&[(&'static str, &str)]; 3] = [
        &[
            ("CAIGUNN_API_KEY", "planted-key, planted key with blanks"),
            ("CAIGUNN_ACCESS_TOKEN", "planted-token-with\ttab"),
            ("CAIGUNN_WEBHOOK_TOKEN", "planted-token/with/slashes"),
            ("CAIGUNN_ADMIN_TOKEN", "planted-tökén"),
        ],
        &[
            ("CAIGUNN_ACCESS_TOKEN", "planted-one"),
            ("CAIGUNN_API_ACCESS_TOKEN", "planted-two"),
            ("CAIGUNN_API_KEYZ", "planted-key"),
            ("CAIGUNN_WEBHOOK_TOKEN_FILE", secret_file.to_str().unwrap()),
        ],
        &[
            (
                "CAIGUNN_API_URL",
                "https://planted-user:planted-password@example.com",
            ),
            (
                "CAIGUNN_PUBLIC_URL",
                "https://example.com/?token=planted-token#planted-fragment",
            ),
            (
                "CAIGUNN_INBOX_URL",
                "postgres://planted-user:planted-p@ss/word?@localhost/inbox",
            ),
        ],
    ];
    for variables in cases {
        let ended = check(&folder, variables).await;

        assert_eq!(ended.code, Some(64), "{ended:?}");
        assert_hides("standard output", &ended.output);
        assert_hides("standard error", &ended.errors);
        for (name, _) in variables {
            assert!(ended.errors.contains(name), "{name} is not in {}", ended.errors);
        }
    }
}

#[tokio::test]
async fn a_broken_file_is_reported_without_the_secrets_in_it() {
    let folder = folder();
    let path = folder.path().join("settings.toml");
    let contents = [
        "[api]\nkey = planted-key\n",
        "[api]\nkey = \"planted-key\n",
        "[api]\nkey = \"planted-key\" \"planted-rest\"\n",
        "[api]\nkey = \"planted-key\\q\"\n",
        "[api]\nkey = [\"planted-key\", {}]\n",
        "[api]\nkey = {planted-member = \"planted-key\"}\n",
        "[api]\nkey = \"planted-key\"\nkey = \"planted-key\"\n",
        "[api]\nkey = \"planted key\"\n",
        "[secrets]\nkey = \"planted-key\"\n",
        "key = \"planted-key\"\n",
    ];
    for content in contents {
        fs::write(&path, content).unwrap();
        let mut command = Process::command(folder.path());
        command.args(["config", "check", "--config"]).arg(&path);

        let ended = run(command).await;

        assert_eq!(ended.code, Some(64), "{content}{ended:?}");
        assert_hides("standard output", &ended.output);
        assert_hides("standard error", &ended.errors);
        assert!(ended.errors.contains("settings.toml"), "{content}{ended:?}");
    }
}
