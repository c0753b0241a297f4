//! Promise: every command does what its help says, says clearly what is wrong where it cannot, and ends with 0 if it
//! is done, 1 if it failed and 64 if it was called or configured wrongly.

use std::fs;
use std::path::Path;
use std::process::Command;

use caigunn_webhook::config::KEYS;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};

use crate::harness::application::Application;
use crate::harness::process::{Ended, run, run_with_input};
use crate::harness::tunnel::answering;
use crate::harness::{App, EVENT_NAMES, Process, Provider, client, spawn_app, spawn_app_with, wait_for};

const JOB: &str = "0191f0a0-0000-7000-8000-000000000001";
const CHATBOT: &str = "0191f0a0-0000-7000-8000-000000000002";

fn folder() -> TempDir {
    tempfile::tempdir().expect("the system has a folder for temporary files")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Process::command(folder);
    command.args(arguments);
    command
}

/// A script of bash's, with nothing of this environment but where programs are.
fn bash(script: &str) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-c", script])
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    bash
}

/// Runs the program in a folder of its own.
async fn program(arguments: &[&str]) -> Ended {
    run(command(folder().path(), arguments)).await
}

/// Runs `trigger` as it is run beside that receiver, which has this token.
async fn trigger(app: &App, token: &str, arguments: &[&str]) -> Ended {
    let folder = folder();
    let mut command = command(folder.path(), &[&["trigger"], arguments].concat());
    command
        .env("CAIGUNN_LISTEN", app.public.to_string())
        .env("CAIGUNN_WEBHOOK_TOKEN", token);
    run(command).await
}

/// The value and the origin that `config check` shows for a key.
fn shown(checked: &Ended, key: &str) -> [String; 2] {
    let line = checked
        .output
        .lines()
        .find(|line| line.split_whitespace().next() == Some(key));
    let line = line.unwrap_or_else(|| panic!("{key} is not in {checked:?}"));
    let mut columns = line
        .split("  ")
        .map(str::trim)
        .filter(|column| !column.is_empty());
    let mut next = || columns.next().unwrap_or_default().to_owned();
    next();
    [next(), next()]
}

/// An address that refuses connections, for as long as the socket lives.
fn deaf() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

async fn listening() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[tokio::test]
async fn help_names_every_command_and_the_common_variables() {
    let ended = program(&["--help"]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = [
        "\n  serve ",
        "\n  trigger ",
        "\n  subscription ",
        "\n  receipts ",
        "\n  deliveries ",
        "\n  destinations ",
        "\n  listen ",
        "\n  backfill ",
        "\n  inbox ",
        "\n  token ",
        "\n  doctor ",
        "\n  config ",
        "\n  healthcheck ",
        "\n  completions ",
        "--config <FILE>",
        "--listen <ADDRESS>",
        "CAIGUNN_API_KEY",
        "CAIGUNN_ACCESS_TOKEN",
        "CAIGUNN_PUBLIC_URL",
        "CAIGUNN_WEBHOOK_TOKEN",
    ];
    for text in expected {
        assert!(ended.output.contains(text), "{text} is not in {}", ended.output);
    }
    // Of those that all commands have, it names one that each of them takes.
    let of_command = program(&["healthcheck", "--help"]).await;
    assert!(of_command.output.contains("such as --config: "), "{of_command:?}");
}

#[tokio::test]
async fn no_line_of_a_help_is_broken_in_the_middle() {
    let commands: [&[&str]; 24] = [
        &[],
        &["subscription"],
        &["subscription", "show"],
        &["subscription", "ensure"],
        &["subscription", "remove"],
        &["token", "refresh"],
        &["backfill"],
        &["inbox"],
        &["inbox", "copy"],
        &["inbox", "check"],
        &["doctor"],
        &["receipts"],
        &["receipts", "list"],
        &["receipts", "show"],
        &["receipts", "tail"],
        &["receipts", "replay"],
        &["receipts", "replays"],
        &["deliveries"],
        &["deliveries", "list"],
        &["deliveries", "retry"],
        &["destinations"],
        &["destinations", "list"],
        &["destinations", "pause"],
        &["listen"],
    ];
    for command in commands {
        let ended = program(&[command, &["-h"]].concat()).await;

        assert_eq!(ended.code, Some(0), "{command:?} {ended:?}");
        // What explains a variable stands in its column; clap goes on elsewhere with a line that it had to break.
        let variables = ended
            .output
            .lines()
            .skip_while(|line| !line.starts_with("  CAIGUNN_"));
        let column = " ".repeat(25);
        let mut after =
            variables.skip_while(|line| line.starts_with("  CAIGUNN_") || line.starts_with(&column));
        let sentence = after.next().unwrap_or("A secret is also read");
        assert!(
            sentence.starts_with("A secret is also read"),
            "{command:?} {}",
            ended.output
        );
        let longest = ended.output.lines().map(str::len).max();
        assert!(longest <= Some(100), "{command:?} {}", ended.output);
    }
}

#[tokio::test]
async fn version_is_the_packages() {
    let ended = program(&["--version"]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.output,
        format!("caigunn-webhook {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn wrong_usage_ends_with_64_and_says_what_is_wrong() {
    let cases: [(&[&str], &str); 24] = [
        (&["--nonsense"], "--nonsense"),
        (&["nonsense"], "nonsense"),
        (&["trigger"], "<EVENT>, or --file <FILE>"),
        (&["trigger", "nonsense"], "invalid value 'nonsense'"),
        (&["trigger", "crawling", "--wire", "2023-01"], "2023-01"),
        (&["trigger", "crawling", "--count", "0"], "expected 1 to 1000000"),
        (&["trigger", "crawling", "--count", "-1"], "expected 1 to 1000000"),
        (
            &["trigger", "crawling", "--event-id", "nonsense"],
            "expected a whole id",
        ),
        (
            &["trigger", "crawling", "--chatbot-id", "nonsense"],
            "expected a whole id",
        ),
        (
            &["trigger", "crawling", "--set", "data..x=1"],
            "expected PATH=VALUE",
        ),
        (&["trigger", "crawling", "--set", "=x"], "expected PATH=VALUE"),
        (&["receipts", "replays", "--limit", "0"], "expected 1 to 500"),
        (
            &["listen", "--forward-to", "3000", "--timeout", "0"],
            "expected 1 to 600",
        ),
        (&["receipts", "list", "--limit", "-1"], "expected 1 to 1000000"),
        (&["receipts", "list", "--since", "-1h"], "expected a time"),
        (&["jobs", "list", "--until", "-1h"], "expected a time"),
        (
            &["trigger", "crawling", "--set", "nonsense"],
            "expected PATH=VALUE",
        ),
        (&["trigger", "crawling", "--file", "x.json"], "--file"),
        (&["completions", "nonsense"], "bash"),
        (
            &["receipts", "list", "--since", "1h", "--until", "2h"],
            "--until: expected a time after --since",
        ),
        (
            &["receipts", "replay", "--since", "1h", "--until", "2h"],
            "--until: expected a time after --since",
        ),
        (
            &["deliveries", "list", "--since", "1h", "--until", "2h"],
            "--until: expected a time after --since",
        ),
        (
            &["jobs", "list", "--since", "1h", "--until", "2h"],
            "--until: expected a time after --since",
        ),
        (
            &["receipts", "list", "--admin", "a b"],
            "--admin: expected a host, with a port unless it is 9090, or a URL",
        ),
    ];
    for (arguments, expected) in cases {
        let ended = program(arguments).await;

        assert_eq!(ended.code, Some(64), "{arguments:?} {ended:?}");
        assert!(ended.errors.contains(expected), "{arguments:?} {}", ended.errors);
        assert_eq!(ended.output, "", "{arguments:?}");
    }
}

#[tokio::test]
async fn completions_need_no_configuration() {
    let folder = folder();
    let mut command = command(folder.path(), &["completions", "bash"]);
    command.env("CAIGUNN_LISTEN", "nonsense");

    let ended = run(command).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.output.contains("_caigunn__webhook()"), "{}", ended.output);
}

#[tokio::test]
async fn bash_completes_commands_and_their_flags() {
    // Longer than an argument may be.
    let folder = folder();
    let script = folder.path().join("completions.bash");
    fs::write(&script, program(&["completions", "bash"]).await.output).expect("the folder takes files");
    let script = script.display();
    let words_for = async |typed: &str| {
        let ask = format!(
            "source {script}\nCOMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _caigunn__webhook caigunn-webhook \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             echo \"${{COMPREPLY[@]}}\""
        );
        run(bash(&ask)).await.output
    };

    assert_eq!(words_for("caigunn-webhook tr").await, "trigger\n");
    assert_eq!(words_for("caigunn-webhook trigger --ev").await, "--event-id\n");
    assert_eq!(words_for("caigunn-webhook config ch").await, "check\n");
    assert_eq!(words_for("caigunn-webhook doc").await, "doctor\n");
    assert_eq!(words_for("caigunn-webhook doctor --fo").await, "--format\n");
    assert_eq!(words_for("caigunn-webhook doctor --format j").await, "json\n");
    assert_eq!(words_for("caigunn-webhook subscription en").await, "ensure\n");
    assert_eq!(
        words_for("caigunn-webhook subscription remove --ch").await,
        "--chatbot\n"
    );
    assert_eq!(
        words_for("caigunn-webhook token refresh --ex").await,
        "--expires\n"
    );
    assert_eq!(words_for("caigunn-webhook deliv").await, "deliveries\n");
    assert_eq!(
        words_for("caigunn-webhook receipts replay --dr").await,
        "--dry-run\n"
    );
    assert_eq!(words_for("caigunn-webhook listen --forw").await, "--forward-to\n");
    assert_eq!(words_for("caigunn-webhook backfill --dr").await, "--dry-run\n");
    assert_eq!(words_for("caigunn-webhook inbox copy --fr").await, "--from\n");
}

#[tokio::test]
async fn config_check_shows_every_setting_and_where_it_is_from() {
    let folder = folder();
    let mut command = command(folder.path(), &["config", "check"]);
    command
        .env_remove("CAIGUNN_LISTEN")
        .env_remove("CAIGUNN_ADMIN_LISTEN")
        .env_remove("CAIGUNN_INBOX_URL")
        .env("CAIGUNN_API_KEY", "a-key-of-the-api");

    let ended = run(command).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    for key in KEYS.iter().filter(|key| key.name != "api.key") {
        assert_eq!(shown(&ended, key.name)[1], "default", "{}", key.name);
    }
    assert_eq!(shown(&ended, "server.listen")[0], "127.0.0.1:8080");
    assert_eq!(shown(&ended, "admin.listen")[0], "127.0.0.1:9090");
    assert_eq!(shown(&ended, "inbox.url")[0], "sqlite:data/inbox.db");
    assert_eq!(shown(&ended, "webhook.token")[0], "(not set)");
    assert_eq!(shown(&ended, "api.key"), ["[hidden]", "CAIGUNN_API_KEY"]);
    assert!(
        ended.output.ends_with(
            "warning: no token: anyone who finds the address may post notifications; set CAIGUNN_WEBHOOK_TOKEN to 32 \
             random characters, such as `openssl rand -hex 16` prints\n\
             warning: no credentials, so nothing is registered with CaiGunn and nothing missed is asked for; set \
             CAIGUNN_ACCESS_TOKEN, CAIGUNN_PUBLIC_URL\n"
        ),
        "{}",
        ended.output
    );
}

#[tokio::test]
async fn a_flag_wins_over_a_variable_over_a_file_over_the_default() {
    let folder = folder();
    fs::write(
        folder.path().join("settings.toml"),
        "[server]\nlisten = \"127.0.0.1:1001\"\n",
    )
    .unwrap();
    let check = async |arguments: &[&str], variable: Option<&str>| {
        let mut command = command(folder.path(), &[&["config", "check"], arguments].concat());
        match variable {
            Some(value) => command.env("CAIGUNN_LISTEN", value),
            None => command.env_remove("CAIGUNN_LISTEN"),
        };
        shown(&run(command).await, "server.listen")
    };
    let file = ["--config", "settings.toml"];
    let all = ["--config", "settings.toml", "--listen", "127.0.0.1:1003"];

    assert_eq!(check(&[], None).await, ["127.0.0.1:8080", "default"]);
    // What a script has nothing for.
    assert_eq!(
        check(&["--config", "", "--listen", ""], None).await,
        ["127.0.0.1:8080", "default"]
    );
    assert_eq!(check(&file, None).await, ["127.0.0.1:1001", "settings.toml:2"]);
    assert_eq!(
        check(&file, Some("127.0.0.1:1002")).await,
        ["127.0.0.1:1002", "CAIGUNN_LISTEN"]
    );
    assert_eq!(
        check(&all, Some("127.0.0.1:1002")).await,
        ["127.0.0.1:1003", "the command line"]
    );
}

#[tokio::test]
async fn a_secret_is_read_from_the_file_that_a_variable_names() {
    let app = spawn_app_with(&[("webhook.token", "token-in-a-file")]).await;
    let folder = folder();
    fs::write(folder.path().join("token"), "token-in-a-file\n").unwrap();
    let mut command = command(folder.path(), &["trigger", "crawling.initial"]);
    command
        .env("CAIGUNN_LISTEN", app.public.to_string())
        .env("CAIGUNN_WEBHOOK_TOKEN_FILE", "token");

    let ended = run(command).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn every_mistake_is_reported_at_once_before_anything_is_opened() {
    let folder = folder();
    let (_taken, address) = listening().await;
    let file =
        "[server]\nbody_limit_bytes = 3\nlisten_on = \"127.0.0.1:1\"\n[inbox]\nretention_days = \"many\"\n";
    fs::write(folder.path().join("settings.toml"), file).unwrap();
    let expected = "\
caigunn-webhook: the configuration has mistakes:
  server.listen_on (settings.toml:3): there is no such key; did you mean server.listen?
  CAIGUNN_NONSENSE (the environment): there is no such setting; docs/configuration.md lists all
  server.body_limit_bytes (settings.toml:2): expected a whole number from 1024 to 268435456, found \"3\"
  inbox.url (CAIGUNN_INBOX_URL): expected sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE, found \
\"mysql://[hidden]\": it begins otherwise
  inbox.retention_days (settings.toml:5): expected whole days from 1 to 36500, found \"many\"
  log.format (the command line): expected auto, json or pretty, found \"xml\"
";
    for arguments in [&["serve"] as &[&str], &["config", "check"], &["healthcheck"], &[]] {
        let options = ["--config", "settings.toml", "--log-format", "xml"];
        let mut command = command(folder.path(), &[arguments, &options].concat());
        command
            .env("CAIGUNN_LISTEN", &address)
            .env("CAIGUNN_NONSENSE", "1")
            .env("CAIGUNN_INBOX_URL", "mysql://localhost");

        let ended = run(command).await;

        assert_eq!(ended.code, Some(64), "{arguments:?} {ended:?}");
        assert_eq!(ended.errors, expected, "{arguments:?}");
        assert_eq!(ended.output, "", "{arguments:?}");
    }
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(left, ["settings.toml"]);
}

#[tokio::test]
async fn a_line_that_is_not_toml_is_named_by_its_number() {
    let folder = folder();
    fs::write(folder.path().join("settings.toml"), "[server]\n\n= 3\n").unwrap();

    let ended = run(command(
        folder.path(),
        &["config", "check", "--config", "settings.toml"],
    ))
    .await;

    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.errors.contains("  settings.toml:3: "), "{}", ended.errors);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let ended = program(&["serve", "--config", "nowhere.toml"]).await;

    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(
        ended
            .errors
            .contains("--config nowhere.toml: cannot be read: No such file"),
        "{}",
        ended.errors
    );
}

#[tokio::test]
async fn config_check_opens_nothing() {
    let folder = folder();
    let (_taken, address) = listening().await;
    let mut command = command(folder.path(), &["config", "check"]);
    command
        .env_remove("CAIGUNN_INBOX_URL")
        .env("CAIGUNN_LISTEN", address);

    let ended = run(command).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn trigger_posts_every_event_in_both_generations() {
    let app = spawn_app_with(&[("webhook.token", "the-token-of-the-url")]).await;
    for wire in ["2024-01", "2024-07"] {
        for event in EVENT_NAMES {
            let ended = trigger(&app, "the-token-of-the-url", &[event, "--wire", wire]).await;

            assert_eq!(ended.code, Some(0), "{event} {wire} {ended:?}");
            let (status, body) = ended.output.split_once(' ').expect("a status and a body");
            let answer: Value = serde_json::from_str(body).expect("the body is JSON");
            assert_eq!(status, "200");
            assert_eq!(answer["outcome"], "accepted");
            assert_eq!(answer["event"], event);
        }
    }
    let receipts = app.receipts().await;
    let kept: Vec<_> = receipts
        .iter()
        .rev()
        .map(|receipt| receipt["event"].as_str().unwrap())
        .collect();
    assert_eq!(kept, [EVENT_NAMES, EVENT_NAMES].concat());
}

#[tokio::test]
async fn trigger_posts_a_job_from_its_start_to_its_end() {
    let app = spawn_app().await;
    for wire in ["2024-01", "2024-07"] {
        for job in ["crawling", "uploading", "training"] {
            let ended = trigger(&app, "", &[job, "--wire", wire]).await;

            assert_eq!(ended.code, Some(0), "{job} {wire} {ended:?}");
            let answers: Vec<Value> = ended
                .output
                .lines()
                .map(|line| serde_json::from_str(line.strip_prefix("200 ").unwrap()).unwrap())
                .collect();
            assert_eq!(answers.len(), 2);
            assert_eq!(answers[0]["event"], format!("{job}.initial"));
            assert_eq!(answers[1]["event"], format!("{job}.completed"));
            assert_eq!(answers[0]["event_id"], answers[1]["event_id"]);
        }
    }
}

#[tokio::test]
async fn printed_json_is_what_would_be_posted() {
    let app = spawn_app().await;

    let printed = trigger(&app, "", &["uploading.completed", "--print"]).await;
    let body = printed.output.trim_end_matches('\n').to_owned();
    let kept_before = app.receipts().await.len();
    let answer: Value = app
        .post_bytes("application/json", body.clone())
        .await
        .json()
        .await
        .unwrap();

    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert_eq!(kept_before, 0);
    assert_eq!(answer["outcome"], "accepted");
    let receipt = app
        .api(&format!("/receipts/{}", answer["receipt_id"].as_str().unwrap()))
        .await;
    assert_eq!(receipt["body"], body);
}

#[tokio::test]
async fn ids_are_fresh_unless_given() {
    let app = spawn_app().await;

    let fresh = trigger(&app, "", &["crawling.completed", "--count", "3"]).await;
    let given = [
        "crawling.completed",
        "--count",
        "2",
        "--event-id",
        JOB,
        "--chatbot-id",
        CHATBOT,
    ];
    let given = trigger(&app, "", &given).await;

    assert_eq!(
        fresh.output.matches("\"outcome\":\"accepted\"").count(),
        3,
        "{fresh:?}"
    );
    let outcomes: Vec<Value> = given
        .output
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line.strip_prefix("200 ").unwrap()).unwrap()["outcome"].clone()
        })
        .collect();
    assert_eq!(outcomes, ["accepted", "duplicate"]);
    let kept = &app.receipts().await[0];
    assert_eq!(kept["event_id"], JOB);
    assert_eq!(kept["chatbot_id"], CHATBOT);
}

#[tokio::test]
async fn what_says_200_and_no_outcome_is_no_receiver() {
    let application = Application::start().await;
    let url = format!("http://{}/", application.address);

    let ended = program(&["trigger", "crawling.initial", "--to", &url]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let expected = format!(
        "caigunn-webhook: not accepted: 1 notification; what answered at http://{} is no receiver, which says the outcome\n",
        application.address
    );
    assert_eq!(ended.errors, expected);
}

#[tokio::test]
async fn set_changes_members_by_their_path() {
    let arguments = [
        "trigger",
        "crawling.completed",
        "--print",
        "--event-id",
        JOB,
        "--chatbot-id",
        CHATBOT,
        "--set",
        "data.training_data_ids=[\"a\",\"b\"]",
        "--set",
        "data.training_data_ids.1=text",
        "--set",
        "data.count=5",
        "--set",
        "data.deep.er.still=null",
        "--set",
        "note=a=b, c",
        "--set",
        "quoted=\"5\"",
        "--set",
        "empty=",
    ];

    let ended = program(&arguments).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let printed: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(
        printed,
        json!({
            "event": "crawling",
            "status": "completed",
            "event_id": JOB,
            "data": {
                "chatbot_id": CHATBOT,
                "training_data_ids": ["a", "text"],
                "count": 5,
                "deep": {"er": {"still": null}},
            },
            "note": "a=b, c",
            "quoted": "5",
            "empty": "",
        })
    );
}

#[tokio::test]
async fn set_says_where_a_path_leads_nowhere() {
    let cases = [
        ("data.training_data_ids.7=x", "the array has no item \"7\""),
        ("data.training_data_ids.x=x", "the array has no item \"x\""),
        ("event.deeper=x", "has no member \"deeper\""),
    ];
    for (assignment, expected) in cases {
        let ended = program(&["trigger", "crawling.completed", "--print", "--set", assignment]).await;

        assert_eq!(ended.code, Some(64), "{ended:?}");
        assert!(ended.errors.contains(expected), "{}", ended.errors);
    }
}

#[tokio::test]
async fn trigger_posts_a_file_to_the_byte() {
    let app = spawn_app().await;
    let folder = folder();
    let body = format!(
        "{{ \"event\":\"crawling\",\n\"status\":\"initial\", \"event_id\":\"{JOB}\", \"chatbot_id\":\"{CHATBOT}\" }}\n\n"
    );
    fs::write(folder.path().join("body.json"), &body).unwrap();
    let listen = app.public.to_string();

    let from_file = command(
        folder.path(),
        &["trigger", "--file", "body.json", "--listen", &listen],
    );
    let from_file = run(from_file).await;
    let from_input = command(folder.path(), &["trigger", "--file", "-", "--listen", &listen]);
    let from_input = run_with_input(from_input, &body).await;
    let from_nowhere = command(
        folder.path(),
        &["trigger", "--file", "nowhere.json", "--listen", &listen],
    );
    let from_nowhere = run(from_nowhere).await;

    assert_eq!(from_file.code, Some(0), "{from_file:?}");
    assert!(from_file.output.contains("\"accepted\""), "{from_file:?}");
    assert_eq!(from_input.code, Some(0), "{from_input:?}");
    assert!(from_input.output.contains("\"duplicate\""), "{from_input:?}");
    let receipt_id = app.receipts().await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(app.api(&format!("/receipts/{receipt_id}")).await["body"], body);
    assert_eq!(from_nowhere.code, Some(1), "{from_nowhere:?}");
    assert!(
        from_nowhere.errors.contains("reading nowhere.json"),
        "{from_nowhere:?}"
    );
}

#[tokio::test]
async fn a_notification_that_is_refused_ends_trigger_with_1() {
    let app = spawn_app_with(&[("webhook.token", "the-token-of-the-url")]).await;

    let invalid = ["crawling.initial", "--set", "event_id=nonsense"];
    let invalid = trigger(&app, "the-token-of-the-url", &invalid).await;
    let unauthorized = trigger(&app, "", &["crawling"]).await;
    let without_a_path = app.url("/");
    let astray = program(&["trigger", "crawling.initial", "--to", &without_a_path]).await;

    assert_eq!(invalid.code, Some(1), "{invalid:?}");
    assert!(invalid.output.starts_with("422 {"), "{invalid:?}");
    assert!(
        invalid.errors.contains("not accepted: 1 notification"),
        "{invalid:?}"
    );
    assert_eq!(unauthorized.code, Some(1), "{unauthorized:?}");
    assert_eq!(
        unauthorized.output.matches("401 {").count(),
        2,
        "{unauthorized:?}"
    );
    assert_eq!(astray.code, Some(1), "{astray:?}");
    assert!(astray.errors.contains("takes posts at /webhook"), "{astray:?}");
}

#[tokio::test]
async fn a_post_that_leads_to_the_wrong_side_or_in_the_wrong_scheme_is_told_so() {
    let app = spawn_app().await;
    let (admin, encrypted) = (app.admin.to_string(), format!("https://{}", app.public));

    let to_admin = program(&["trigger", "crawling.initial", "--to", &admin]).await;
    let to_tls = program(&["trigger", "crawling.initial", "--to", &encrypted]).await;
    let folder = folder();
    let mut by_proxy = command(
        folder.path(),
        &["trigger", "crawling.initial", "--to", "app.invalid"],
    );
    let (_socket, proxy) = deaf();
    by_proxy.env("http_proxy", format!("http://{proxy}"));
    let by_proxy = run(by_proxy).await;

    assert!(to_admin.output.starts_with("405 "), "{to_admin:?}");
    assert!(to_admin.errors.contains("on its public side"), "{to_admin:?}");
    let expected = format!("caigunn-webhook: posting to {encrypted}: what listens there speaks no TLS\n");
    assert_eq!(to_tls.errors, expected);
    let expected = format!("(through the proxy http://{proxy},");
    assert!(by_proxy.errors.contains(&expected), "{by_proxy:?}");
    for ended in [to_admin, to_tls, by_proxy] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
    }
}

#[tokio::test]
async fn what_a_server_answers_a_sample_commands_no_terminal_and_fills_none() {
    let body = format!("\u{1b}]0;x\u{7}{}\r\nend", "y".repeat(1 << 20));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let place = answering(format!("{head}{body}")).await.to_string();

    let ended = program(&["trigger", "crawling.initial", "--to", &place]).await;

    // It says nothing of an outcome.
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    let (beginning, _) = ended.output.split_at(20.min(ended.output.len()));
    assert!(
        beginning.starts_with("200 \u{fffd}]0;x\u{fffd}yyyy"),
        "{beginning:?}"
    );
    assert!(ended.output.len() < 64 << 10, "{} bytes", ended.output.len());
}

#[tokio::test]
async fn a_receiver_that_is_down_is_named_without_its_token() {
    let (_socket, address) = deaf();
    let url = format!("http://{address}/webhook/the-token-of-the-url");

    let ended = program(&["trigger", "crawling", "--to", &url]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.output, "");
    let expected = format!("caigunn-webhook: posting to http://{address}: ");
    assert!(ended.errors.starts_with(&expected), "{}", ended.errors);
    assert!(ended.errors.contains("Connection refused"), "{}", ended.errors);
    assert!(!ended.errors.contains("the-token"), "{}", ended.errors);
}

#[tokio::test]
async fn where_results_have_one_form_only_nobody_is_sent_to_the_form_of_the_log() {
    for arguments in [
        &["config", "check", "--format", "json"][..],
        &["trigger", "crawling", "--format", "json"],
        &["--format", "json", "jobs", "list"],
    ] {
        let ended = program(arguments).await;

        assert_eq!(ended.code, Some(64), "{ended:?}");
        assert!(
            ended.errors.contains("--format") && !ended.errors.contains("--log-format"),
            "{ended:?}"
        );
        assert!(
            ended
                .errors
                .contains("it stands behind a command that prints results"),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn a_sample_without_a_receiver_says_that_none_runs() {
    let folder = folder();
    let (_socket, address) = deaf();
    let mut command = command(folder.path(), &["trigger", "crawling"]);
    command.env("CAIGUNN_LISTEN", &address);

    let ended = run(command).await;

    assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{ended:?}");
    let expected = format!(
        "caigunn-webhook: no receiver runs at {address}: start it with `caigunn-webhook serve`, or say where it listens with \
         --to or CAIGUNN_LISTEN\n"
    );
    assert!(ended.errors.ends_with(&expected), "{}", ended.errors);
}

#[tokio::test]
async fn healthcheck_tells_a_ready_receiver_from_another_and_from_none() {
    let app = spawn_app().await;
    let other = Provider::start([]).await;
    let (_socket, deaf) = deaf();
    let (_listener, silent) = listening().await;

    let ready = program(&["healthcheck", "--listen", &app.public.to_string()]).await;
    let not_ready = program(&["healthcheck", "--listen", &other.address.to_string()]).await;
    let down = program(&["healthcheck", "--listen", &deaf]).await;
    let hanging = program(&["healthcheck", "--listen", &silent]).await;
    let on_all_addresses = format!("0.0.0.0:{}", app.public.port());
    let on_all_addresses = program(&["healthcheck", "--listen", &on_all_addresses]).await;

    assert_eq!((ready.code, &*ready.output), (Some(0), "ready\n"), "{ready:?}");
    assert_eq!(on_all_addresses.code, Some(0), "{on_all_addresses:?}");
    assert_eq!(not_ready.code, Some(1), "{not_ready:?}");
    assert!(
        not_ready
            .errors
            .contains("answered 404: the receiver is not ready"),
        "{not_ready:?}"
    );
    assert_eq!(down.code, Some(1), "{down:?}");
    assert!(
        down.errors
            .contains(&format!("asking http://{deaf}/readyz: Connection refused")),
        "{down:?}"
    );
    let expected = format!("caigunn-webhook: http://{silent}/readyz did not answer within 3 s\n");
    assert_eq!((hanging.code, hanging.errors), (Some(1), expected));
}

#[tokio::test]
async fn healthcheck_passes_on_why_a_receiver_is_not_ready() {
    let folder = folder();
    let drain = [("CAIGUNN_SERVER_DRAIN_DELAY_SECONDS", "600")];
    let process = Process::start(folder.path(), &drain).await;
    process.signal("TERM");
    let url = process.url("/readyz");
    let detail = wait_for("the receiver to be stopping", || async {
        let answer = client().get(&url).send().await.unwrap();
        let answer: serde_json::Value = answer.json().await.unwrap_or_default();
        let detail = answer["detail"]
            .as_str()
            .filter(|detail| detail.contains("stopping"));
        detail.map(str::to_owned).ok_or_else(|| answer.to_string())
    })
    .await;

    let ended = program(&["healthcheck", "--listen", &process.public.to_string()]).await;

    let expected = format!("caigunn-webhook: {url} answered 503: the receiver is not ready: {detail}\n");
    assert_eq!((ended.code, ended.errors), (Some(1), expected));
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    for (variable, side) in [("CAIGUNN_LISTEN", "public"), ("CAIGUNN_ADMIN_LISTEN", "admin")] {
        let folder = folder();
        let (_taken, address) = listening().await;
        let mut command = command(folder.path(), &["serve"]);
        command.env(variable, &address);

        let ended = run(command).await;

        assert_eq!(ended.code, Some(1), "{ended:?}");
        let expected = format!(
            "caigunn-webhook: cannot listen on {address}, the {side} address ({variable}); `ss -ltnp` shows who does: Address \
             already in use"
        );
        assert!(ended.errors.starts_with(&expected), "{}", ended.errors);
        assert!(ended.output.contains("\"level\":\"ERROR\""), "{}", ended.output);
    }
}

#[tokio::test]
async fn an_inbox_that_cannot_be_opened_is_named() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").unwrap();
    let mut command = command(folder.path(), &["serve"]);
    command.env("CAIGUNN_INBOX_URL", "sqlite:file/inbox.db");

    let ended = run(command).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains("cannot open the inbox"), "{}", ended.errors);
    assert!(ended.errors.contains("file"), "{}", ended.errors);
}

#[tokio::test]
async fn without_a_command_and_any_configuration_it_serves_and_keeps_its_inbox_in_data() {
    let folder = folder();
    let mut command = command(folder.path(), &[]);
    // The default addresses may be taken on this machine; everything else is as on a first run.
    command.env_remove("CAIGUNN_INBOX_URL");

    let mut process = Process::spawn(folder.path(), command).await;
    process.wait_until_ready().await;
    process.signal("TERM");
    let status = process.wait().await;

    assert_eq!(status.code(), Some(0));
    assert!(folder.path().join("data/inbox.db").is_file());
    let mut lines = process.log_lines();
    lines.retain(|line| line["level"] == "WARN");
    let warnings: Vec<_> = lines
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        warnings,
        [
            "no token: anyone who finds the address may post notifications; set CAIGUNN_WEBHOOK_TOKEN to 32 random \
             characters, such as `openssl rand -hex 16` prints",
            "no credentials, so nothing is registered with CaiGunn and nothing missed is asked for; set \
             CAIGUNN_ACCESS_TOKEN, CAIGUNN_PUBLIC_URL",
        ]
    );
    assert_eq!(process.errors(), "");
}
