//! Promise: a receiver is what its settings say, whoever set them and however; commands beside it see what it sees; and a
//! secret that is rotated in its file is taken while it runs.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use reqwest::Client;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::harness::application::{Application, Reply};
use crate::harness::postgres::leave_out;
use crate::harness::process::{Ended, run};
use crate::harness::provider::{self, Route};
use crate::harness::{Process, Provider, client, free_port, wait_for};

const OLD: &str = "planted-old-token-0123456789";
const NEW: &str = "planted-new-token-0123456789";

fn folder() -> TempDir {
    tempfile::tempdir().expect("the system has a folder for temporary files")
}

/// A command without any setting of ours, and these arguments.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Process::command(folder);
    for variable in [
        "CAIGUNN_LISTEN",
        "CAIGUNN_ADMIN_LISTEN",
        "CAIGUNN_INBOX_URL",
        "PORT",
    ] {
        command.env_remove(variable);
    }
    command.args(arguments);
    command
}

/// What `config check` says with that file of settings and these variables.
async fn checked(folder: &Path, content: &str, variables: &[(&str, &str)]) -> Ended {
    fs::write(folder.join("own.toml"), content).unwrap();
    let mut command = command(folder, &["config", "check"]);
    command
        .env("CAIGUNN_CONFIG", "own.toml")
        .envs(variables.iter().copied());
    run(command).await
}

#[tokio::test]
async fn a_mounted_file_wins_over_the_defaults_of_the_image() {
    let folder = folder();
    fs::copy("config/image.toml", folder.path().join("image.toml")).unwrap();
    let image = ("CAIGUNN_DEFAULTS", "image.toml");
    let content = "[inbox]\nurl = \"sqlite:/data/own.db\"\n";

    let checked = checked(folder.path(), content, &[image]).await;

    assert_eq!(checked.code, Some(0), "{checked:?}");
    let line = |key: &str| {
        let lines = checked.output.lines().filter(|line| line.starts_with(key));
        lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>()[1..].join(" "))
            .collect::<String>()
    };
    assert_eq!(line("inbox.url"), "sqlite:/data/own.db own.toml:2");
    assert_eq!(line("server.listen"), "0.0.0.0:8080 image.toml:4");
    assert!(!checked.output.contains("overrides"), "{checked:?}");
}

#[tokio::test]
async fn config_check_says_what_overrides_the_file_and_which_url_will_be_registered() {
    let folder = folder();
    let content = "[inbox]\nurl = \"postgres://localhost/inbox\"\n[server]\npublic_url = \"https://hooks.example.com/base/\"\n";
    let variables = [
        ("CAIGUNN_INBOX_URL", "sqlite:x.db"),
        ("CAIGUNN_WEBHOOK_TOKEN", OLD),
    ];

    let checked = checked(folder.path(), content, &variables).await;

    assert_eq!(checked.code, Some(0), "{checked:?}");
    for line in [
        "warning: CAIGUNN_INBOX_URL overrides inbox.url of own.toml:2, which says otherwise; take one of the two away",
        "the URL to register is https://hooks.example.com/base/webhook/[token]",
    ] {
        assert!(
            checked.output.lines().any(|printed| printed == line),
            "{line}: {checked:?}"
        );
    }
    assert!(!checked.output.contains(OLD), "{checked:?}");
}

#[tokio::test]
async fn what_is_unwise_is_on_the_page_as_config_check_says_it() {
    let folder = folder();
    let receiver = Process::start(folder.path(), &[]).await;

    let page = client().get(format!("http://{}/settings", receiver.admin));
    let page = page.send().await.unwrap().text().await.unwrap();

    let checked = checked(folder.path(), "", &[]).await;
    let (_, warning) = checked.output.split_once("warning: no token: ").unwrap();
    let (warning, _) = warning.split_once(';').unwrap();
    assert!(page.contains(&format!("no token: {warning}")), "{page}");
}

#[tokio::test]
async fn a_file_of_a_secret_that_is_empty_starts_nothing() {
    let folder = folder();
    fs::write(folder.path().join("token"), " \n").unwrap();
    let mut command = command(folder.path(), &["serve"]);
    command.env("CAIGUNN_WEBHOOK_TOKEN_FILE", "token");

    let ended = run(command).await;

    assert_eq!(ended.code, Some(64), "{ended:?}");
    let expected = "webhook.token (CAIGUNN_WEBHOOK_TOKEN_FILE=token): the file is empty; put the value into it, or take the \
                    variable away";
    assert!(ended.errors.contains(expected), "{ended:?}");
    assert!(!folder.path().join("data").exists());
}

#[tokio::test]
async fn a_byte_order_mark_before_a_file_is_no_part_of_what_it_says() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    fs::write(path("token"), format!("\u{feff}{NEW}\n")).unwrap();
    fs::write(path("secret"), format!("\u{feff}{secret}\n")).unwrap();
    fs::write(
        path("destinations"),
        "\u{feff}[{name = \"a\", kind = \"command\", command = [\"true\"]}]",
    )
    .unwrap();
    let content = "\u{feff}[[delivery.destination]]\nname = \"app\"\nkind = \"http\"\nurl = \"https://app.example.com\"\n\
                   secrets_file = \"secret\"\n";

    let token = ("CAIGUNN_WEBHOOK_TOKEN_FILE", "token");
    let by_file = checked(folder.path(), content, &[token]).await;
    let by_variable = checked(
        folder.path(),
        "",
        &[("CAIGUNN_DELIVERY_DESTINATION_FILE", "destinations")],
    )
    .await;
    let mut listen = command(
        folder.path(),
        &["listen", "--forward-to", "127.0.0.1:1", "--secret-file", "secret"],
    );
    listen.args(["--admin", "127.0.0.1:1"]);
    let listened = run(listen).await;

    assert_eq!(by_file.code, Some(0), "{by_file:?}");
    assert!(by_file.output.contains("app (http)"), "{by_file:?}");
    assert!(by_variable.output.contains("a (command)"), "{by_variable:?}");
    // It got as far as asking.
    assert!(
        listened.errors.contains("no receiver runs at the admin address"),
        "{listened:?}"
    );
}

#[tokio::test]
async fn a_path_in_quotes_is_named_as_such() {
    let folder = folder();
    for variable in ["CAIGUNN_CONFIG", "CAIGUNN_DEFAULTS", "CAIGUNN_WEBHOOK_TOKEN_FILE"] {
        for path in ["\"./own.toml\"", "'./own.toml'"] {
            let mut command = command(folder.path(), &["config", "check"]);
            command.env(variable, path);

            let ended = run(command).await;

            assert_eq!(ended.code, Some(64), "{ended:?}");
            assert!(ended.errors.contains(&format!("{variable}={path}")), "{ended:?}");
            assert!(
                ended.errors.contains("give the path without the quotes"),
                "{ended:?}"
            );
        }
    }
}

#[tokio::test]
async fn of_a_file_that_is_not_utf_8_the_line_is_named() {
    let folder = folder();
    fs::write(folder.path().join("own.toml"), b"[server]\n# caf\xe9\n").unwrap();
    fs::write(folder.path().join("secret"), b"\xff").unwrap();
    let mut command = command(folder.path(), &["config", "check"]);
    command.env("CAIGUNN_CONFIG", "own.toml");
    command.env("CAIGUNN_WEBHOOK_TOKEN_FILE", "./secret");

    let ended = run(command).await;

    assert_eq!(ended.code, Some(64), "{ended:?}");
    for said in [
        "own.toml: cannot be read: line 2 is not UTF-8",
        "the file cannot be read: line 1 is not UTF-8",
    ] {
        assert!(ended.errors.contains(said), "{said}: {ended:?}");
    }
}

#[tokio::test]
async fn a_file_of_settings_that_is_missing_is_named_beside_all_other_mistakes() {
    let folder = folder();
    let mut command = command(folder.path(), &["config", "check"]);
    command
        .env("CAIGUNN_CONFIG", "nowhere.toml")
        .env("CAIGUNN_PORT", "9000");

    let ended = run(command).await;

    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(
        ended
            .errors
            .contains("CAIGUNN_CONFIG=nowhere.toml: cannot be read: No such file"),
        "{ended:?}"
    );
    assert!(ended.errors.contains("did you mean CAIGUNN_LISTEN?"), "{ended:?}");
}

#[tokio::test]
async fn commands_beside_a_receiver_find_it_where_nobody_told_them() {
    let folder = folder();
    let mut serve = command(folder.path(), &["serve"]);
    serve.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let mut receiver = Process::spawn(folder.path(), serve).await;

    let healthy = run(command(folder.path(), &["healthcheck"])).await;
    let posted = run(command(folder.path(), &["trigger", "crawling.initial"])).await;
    let listed = run(command(folder.path(), &["receipts", "list", "--format", "json"])).await;
    let told = run(command(
        folder.path(),
        &["healthcheck", "--listen", "127.0.0.1:1"],
    ))
    .await;

    assert_eq!(
        (healthy.code, &*healthy.output),
        (Some(0), "ready\n"),
        "{healthy:?}"
    );
    assert_eq!(posted.code, Some(0), "{posted:?}");
    // At the default addresses another may listen.
    let receipts = receiver.receipts(&client()).await;
    assert_eq!(receipts.len(), 1);
    let id = receipts[0]["id"].as_str().expect("it has one");
    assert!(listed.output.contains(id), "{id}: {listed:?}");
    assert_eq!(told.code, Some(1), "{told:?}");
    receiver.signal("TERM");
    assert_eq!(receiver.wait().await.code(), Some(0));
    assert!(!folder.path().join("data/inbox.db.addresses").exists());
}

#[tokio::test]
async fn where_a_killed_receiver_listened_is_not_where_commands_look() {
    let folder = folder();
    let mut serve = command(folder.path(), &["serve"]);
    serve.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let mut receiver = Process::spawn(folder.path(), serve).await;
    receiver.kill();
    receiver.wait().await;
    assert!(folder.path().join("data/inbox.db.addresses").exists());
    let port = free_port().to_string();

    let mut doctor = command(folder.path(), &["doctor"]);
    doctor.env("PORT", &port);
    let examined = run(doctor).await;

    let expected = format!("public address: 127.0.0.1:{port} is free; no receiver runs there now");
    assert!(examined.output.contains(&expected), "{examined:?}");
}

#[tokio::test]
async fn of_a_listener_on_all_addresses_both_loopback_ones_are_tried() {
    let folder = folder();
    if TcpListener::bind("[::1]:0").is_err() {
        leave_out("there is no IPv6 here, and so one way only");
        return;
    }
    // Whoever else listened at either would answer.
    let mut ports = std::iter::repeat_with(free_port);
    let port = ports
        .find(|port| TcpListener::bind(("::1", *port)).is_ok())
        .unwrap();
    let mut serve = command(folder.path(), &["serve"]);
    serve.args([
        "--listen",
        &format!("[::1]:{port}"),
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    let _receiver = Process::spawn(folder.path(), serve).await;

    let listen = format!("0.0.0.0:{port}");
    wait_for("the receiver to be ready", || async {
        let healthy = run(command(folder.path(), &["healthcheck", "--listen", &listen])).await;
        match (healthy.code, &*healthy.output) {
            (Some(0), "ready\n") => Ok(()),
            _ => Err(format!("{healthy:?}")),
        }
    })
    .await;
}

async fn status_of_post(client: &Client, receiver: &Process, token: &str) -> u16 {
    let body = json!({
        "event": "crawling", "status": "initial", "event_id": "0191f0a0-0000-7000-8000-000000000001",
        "data": {"chatbot_id": "0191f0a0-0000-7000-8000-000000000002"}});
    let url = receiver.url(&format!("/webhook/{token}"));
    client
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

async fn status_of_admin(client: &Client, receiver: &Process, token: &str) -> u16 {
    let asked = client.get(receiver.api("/receipts")).bearer_auth(token);
    asked.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn tokens_that_are_rotated_in_their_files_are_taken_and_a_file_that_is_emptied_changes_nothing() {
    let (folder, client) = (folder(), client());
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    // Those of the public side are none of the admin side's.
    let [old, new] = ["old-token-of-the-url-1234", "new-token-of-the-url-1234"];
    write("webhook", old);
    write("admin", OLD);
    let files = [
        ("CAIGUNN_WEBHOOK_TOKEN_FILE", "webhook"),
        ("CAIGUNN_ADMIN_TOKEN_FILE", "admin"),
    ];
    let receiver = Process::start(folder.path(), &files).await;
    assert_eq!(status_of_admin(&client, &receiver, OLD).await, 200);
    assert_eq!(status_of_post(&client, &receiver, new).await, 401);

    write("webhook", &format!("{new}\n{old}\n"));
    write("admin", NEW);

    wait_for("both to be taken", || async {
        let statuses = (
            status_of_admin(&client, &receiver, NEW).await,
            status_of_post(&client, &receiver, new).await,
        );
        if statuses == (200, 200) {
            Ok(())
        } else {
            Err(format!("{statuses:?}"))
        }
    })
    .await;
    assert_eq!(status_of_admin(&client, &receiver, OLD).await, 401);
    assert_eq!(status_of_post(&client, &receiver, old).await, 200);
    let said = |text: &str| receiver.log().contains(text);
    assert!(said("webhook.token was read anew: 2 are accepted") && said("admin.token was read anew"));

    // Another file in its place, as long and as old.
    let (admin, next) = (folder.path().join("admin"), folder.path().join("next"));
    fs::write(&next, OLD).unwrap();
    let changed_at = fs::metadata(&admin).unwrap().modified().unwrap();
    fs::File::options()
        .write(true)
        .open(&next)
        .unwrap()
        .set_modified(changed_at)
        .unwrap();
    fs::rename(&next, &admin).unwrap();

    wait_for("the file in its place to be taken", || async {
        match status_of_admin(&client, &receiver, OLD).await {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;

    write("admin", "");

    let said = "a file of a secret has changed and is not taken";
    receiver.wait_for_log(said, 1).await;
    assert_eq!(status_of_admin(&client, &receiver, OLD).await, 200);

    // What was read there is no secret in the place of a path.
    fs::remove_file(&admin).unwrap();
    receiver.wait_for_log("it was read from admin before", 1).await;
    let log = receiver.log();
    assert!(
        [NEW, OLD, new, old].iter().all(|token| !log.contains(token)),
        "{log}"
    );
}

#[tokio::test]
async fn a_secret_access_key_that_is_rotated_in_its_file_is_said_once_to_need_a_restart() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("key", "planted-one");
    write("admin", OLD);
    let queue = r#"[{"name": "queue", "kind": "sqs", "url": "http://127.0.0.1:9/1/queue", "region": "eu-central-1",
        "access_key_id": "PLANTED", "secret_access_key_file": "key"}]"#;
    let variables = [
        ("CAIGUNN_DELIVERY_DESTINATION", queue),
        ("CAIGUNN_ADMIN_TOKEN_FILE", "admin"),
    ];
    let receiver = Process::start(folder.path(), &variables).await;
    let count = |text: &str| receiver.log().matches(text).count();

    write("key", "planted-two-\n");

    let said =
        "what a file says of destination queue has changed; restart the receiver to use what is in it now";
    receiver.wait_for_log(said, 1).await;
    write("admin", NEW);
    receiver.wait_for_log("admin.token was read anew", 1).await;
    assert_eq!(count(said), 1);
    assert!(!receiver.log().contains("planted-"), "{}", receiver.log());
}

/// A receiver that registers itself at the provider once a round, whose rounds are a day apart.
async fn registering(folder: &TempDir, provider: &Provider, variables: &[(&str, &str)]) -> Process {
    let url = provider.url();
    let more = [
        ("CAIGUNN_API_URL", &*url),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "86400"),
        ("CAIGUNN_SUBSCRIPTION_REFUSED_RETRY_SECONDS", "86400"),
    ];
    Process::start(folder.path(), &[&more, variables].concat()).await
}

/// Waits until the chatbot of that key posts to the receiver with that token.
async fn wait_for_url(provider: &Provider, receiver: &Process, api_key: &str, token: &str) {
    let (id, expected) = (
        provider.chatbot_id(api_key),
        format!("https://hooks.example.com/webhook/{token}"),
    );
    wait_for("the registration", || async {
        let url = provider.webhook_url(id);
        if url.as_ref() == Some(&expected) {
            Ok(())
        } else {
            Err(format!("{url:?}: {}", receiver.log()))
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_rotated_in_its_file_is_registered_at_once_and_the_one_before_is_taken_until_the_next()
 {
    let (folder, client) = (folder(), client());
    let provider = Provider::start([]).await;
    let write = |token: &str| fs::write(folder.path().join("webhook"), token).unwrap();
    write(OLD);
    let variables = [
        ("CAIGUNN_WEBHOOK_TOKEN_FILE", "webhook"),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
    ];
    let receiver = registering(&folder, &provider, &variables).await;
    wait_for_url(&provider, &receiver, "key-one", OLD).await;

    write(NEW);

    wait_for_url(&provider, &receiver, "key-one", NEW).await;
    assert_eq!(status_of_post(&client, &receiver, NEW).await, 200);
    assert_eq!(status_of_post(&client, &receiver, OLD).await, 200);
    assert!(
        receiver
            .log()
            .contains("1 are accepted, and 1 that were to be registered before"),
        "{}",
        receiver.log()
    );

    write("planted-third-token-0123456789");

    wait_for_url(&provider, &receiver, "key-one", "planted-third-token-0123456789").await;
    assert_eq!(status_of_post(&client, &receiver, OLD).await, 401);
    assert_eq!(status_of_post(&client, &receiver, NEW).await, 200);
    assert_eq!(provider.calls_of(Route::PutWebhook).len(), 3);
    assert!(!receiver.log().contains("planted"), "{}", receiver.log());
}

#[tokio::test]
async fn a_token_that_caigunn_posts_with_is_taken_until_another_is_registered_however_often_it_is_rotated() {
    let (folder, client) = (folder(), client());
    let provider = Provider::start([]).await;
    let write = |token: &str| fs::write(folder.path().join("webhook"), token).unwrap();
    write(OLD);
    let variables = [
        ("CAIGUNN_WEBHOOK_TOKEN_FILE", "webhook"),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
    ];
    let receiver = registering(&folder, &provider, &variables).await;
    wait_for_url(&provider, &receiver, "key-one", OLD).await;
    let refusal = provider::Reply::Status(422, None, json!({"detail": "the URL is too long"}));
    provider.reply_always(Route::PutWebhook, Some(refusal));

    write("planted-token-that-is-not-taken");
    receiver.wait_for_log("registration_refused", 1).await;
    let shown: Value = client
        .get(receiver.api("/subscription"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(shown["tokens"][0]["is_registered"], false, "{shown}");
    provider.reply_always(Route::PutWebhook, None);
    write(NEW);
    receiver.wait_for_log("webhook.token was read anew", 2).await;

    assert_eq!(status_of_post(&client, &receiver, OLD).await, 200);
    wait_for_url(&provider, &receiver, "key-one", NEW).await;
    assert!(!receiver.log().contains("superseded"), "{}", receiver.log());
}

#[tokio::test]
async fn api_keys_that_are_rotated_in_their_file_are_looked_after_at_once_and_those_that_are_gone_no_more() {
    let folder = folder();
    let provider = Provider::start([]).await;
    provider.add_chatbot("Second", "key-two");
    let path = folder.path().join("keys");
    fs::write(&path, "key-one").unwrap();
    let variables = [
        ("CAIGUNN_WEBHOOK_TOKEN", OLD),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_API_KEY_FILE", "keys"),
    ];
    let receiver = registering(&folder, &provider, &variables).await;
    wait_for_url(&provider, &receiver, "key-one", OLD).await;

    fs::write(&path, "key-two\n").unwrap();

    wait_for_url(&provider, &receiver, "key-two", OLD).await;
    wait_for("the one chatbot", || async {
        let seen = client().get(receiver.api("/subscription")).send().await.unwrap();
        let seen: Value = seen.json().await.unwrap();
        let titles: Vec<_> = seen["chatbots"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["title"].clone())
            .collect();
        if titles == ["Second"] {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    })
    .await;

    // Nobody means by that to look after none.
    fs::write(&path, "[]").unwrap();

    let line = receiver
        .wait_for_lines(1, |line| line["error.type"] == "rotation")
        .await
        .remove(0);
    let message = line["message"].as_str().unwrap();
    assert!(message.contains("what was in it goes on: api.key"), "{message}");
    assert!(message.contains("the file is empty"), "{message}");
}

#[tokio::test]
async fn an_access_token_that_is_rotated_in_its_file_is_used_at_once_though_the_one_before_was_refused() {
    let folder = folder();
    let provider = Provider::start([]).await;
    let path = folder.path().join("access");
    fs::write(&path, "expired").unwrap();
    let variables = [
        ("CAIGUNN_WEBHOOK_TOKEN", OLD),
        ("CAIGUNN_API_KEY", "key-one"),
        ("CAIGUNN_ACCESS_TOKEN_FILE", "access"),
    ];
    let receiver = registering(&folder, &provider, &variables).await;
    receiver.wait_for_log("access_token_refused", 1).await;

    fs::write(&path, "access-token\n").unwrap();

    wait_for_url(&provider, &receiver, "key-one", OLD).await;
    assert!(receiver.log().contains("api.access_token was read anew"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_secret_that_comes_through_a_pipe_is_read_once_and_stays() {
    let (folder, client) = (folder(), client());
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(folder.path().join("admin"), OLD).unwrap();
    let files = [
        ("CAIGUNN_WEBHOOK_TOKEN_FILE", "pipe"),
        ("CAIGUNN_ADMIN_TOKEN_FILE", "admin"),
    ];
    // It waits for whoever reads, and then closes the pipe.
    let writing = spawn_blocking(move || fs::write(pipe, "token-of-the-url-123456"));
    let receiver = Process::start(folder.path(), &files).await;
    writing.await.unwrap().unwrap();

    fs::write(folder.path().join("admin"), NEW).unwrap();

    wait_for("the other file to be taken", || async {
        let status = status_of_admin(&client, &receiver, NEW).await;
        if status == 200 {
            Ok(())
        } else {
            Err(receiver.log())
        }
    })
    .await;
    assert_eq!(
        status_of_post(&client, &receiver, "token-of-the-url-123456").await,
        200
    );
    assert!(!receiver.log().contains("is not taken"), "{}", receiver.log());
}

#[tokio::test]
async fn a_notices_secret_is_taken_from_its_file_and_what_else_changes_in_one_is_said_once_to_need_a_restart()
{
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let (ops, app) = (
        Application::start().await,
        Application::answering(|_| Reply::Status(400)).await,
    );
    let (old, new) = (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    );
    let notice = r#"{"name": "ops", "about": "dead_letter", "url_file": "url", "secrets_file": "secret"}"#;
    write("notices", &format!("[{notice}]"));
    write("url", &ops.url());
    write("secret", old);
    let destination =
        |name: &str, url: &str| format!(r#"[{{"name": "{name}", "kind": "http", "url": "{url}"}}]"#);
    write("destinations", &destination("app", &app.url()));
    let variables = [
        ("CAIGUNN_NOTICE_FILE", "notices"),
        ("CAIGUNN_DELIVERY_DESTINATION_FILE", "destinations"),
        ("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", "0"),
    ];
    let receiver = Process::start(folder.path(), &variables).await;
    let count = |text: &str| receiver.log().matches(text).count();

    write("secret", &format!("{new}\n"));
    receiver
        .wait_for_log("the secrets of notice ops were read anew", 1)
        .await;
    assert_eq!(count("restart the receiver"), 0, "{}", receiver.log());
    assert_eq!(status_of_post(&client(), &receiver, "").await, 200);
    let told = &ops.wait_for_arrivals(1).await[0];
    let verified = |secret: &str| Webhook::new(secret).unwrap().verify(&told.body, &told.headers);
    assert!(verified(new).is_ok() && verified(old).is_err());

    // One after the other, and the first of them is not said again for the others.
    let said =
        |name: &str| format!("what a file says of {name} has changed; restart the receiver to use what");
    write("url", "http://127.0.0.1:9/planted-other");
    receiver.wait_for_log(&said("notice ops"), 1).await;
    write(
        "destinations",
        &destination("app", "http://127.0.0.1:9/planted-other"),
    );
    receiver.wait_for_log(&said("destination app"), 1).await;
    write(
        "notices",
        &format!(r#"[{notice}, {{"name": "phone", "url": "http://127.0.0.1:9/"}}]"#),
    );
    receiver.wait_for_log(&said("notice phone"), 1).await;
    write(
        "destinations",
        &destination("queue", "http://127.0.0.1:9/planted-other"),
    );
    receiver.wait_for_log(&said("destination queue"), 1).await;
    for (name, expected) in [
        ("notice ops", 1),
        ("notice phone", 1),
        // Another, and gone.
        ("destination app", 2),
        ("destination queue", 1),
    ] {
        assert_eq!(count(&said(name)), expected, "{name}: {}", receiver.log());
    }
    assert!(!receiver.log().contains("planted-"), "{}", receiver.log());
}

#[tokio::test]
async fn a_token_that_is_rotated_while_the_public_url_is_probed_for_the_first_time_is_registered() {
    let folder = folder();
    let provider = Provider::start([]).await;
    let path = folder.path().join("webhook");
    fs::write(&path, OLD).unwrap();
    // Takes connections and answers nobody, as where the public address cannot be reached from inside.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let public_url = format!("http://{}", silent.local_addr().unwrap());
    let variables = [
        ("CAIGUNN_WEBHOOK_TOKEN_FILE", "webhook"),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", &*public_url),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "true"),
    ];
    let receiver = registering(&folder, &provider, &variables).await;

    fs::write(&path, NEW).unwrap();

    let id = provider.chatbot_id("key-one");
    wait_for("the registration", || async {
        let url = provider.webhook_url(id).unwrap_or_default();
        let is_new = url.ends_with(&format!("/webhook/{NEW}"));
        is_new
            .then_some(())
            .ok_or_else(|| format!("{url}: {}", receiver.log()))
    })
    .await;
}
