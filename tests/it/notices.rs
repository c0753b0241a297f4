//! Promise: `notices test` sends what a notice would send, in the form of who gets it, and says what came of it; and of a
//! notice's URL nothing is shown but where it leads.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::application::{Application, Reply};
use crate::harness::process::{Ended, run};
use crate::harness::{Process, client, closed_folder, json, sample};

/// Runs a command with that list of notices.
async fn command(folder: &TempDir, arguments: &[&str], notices: &str) -> Ended {
    let mut command = Process::command(folder.path());
    command.args(arguments).env("CAIGUNN_NOTICE", notices);
    let ended = run(command).await;
    assert!(
        !ended.output.contains("planted") && !ended.errors.contains("planted"),
        "{ended:?}"
    );
    ended
}

/// A URL of which more than its place is secret.
fn secret_url(application: &Application) -> String {
    format!("http://{}/planted-path?planted=planted", application.address)
}

#[tokio::test]
async fn a_test_message_arrives_in_the_form_of_each() {
    let application = Application::start().await;
    let folder = closed_folder();
    fs::write(
        folder.path().join("url"),
        format!("{}\n", secret_url(&application)),
    )
    .unwrap();
    let forms = ["json", "slack", "teams", "ntfy"];
    let notices = forms.map(|form| format!(r#"{{name = "{form}", format = "{form}", url_file = "url"}}"#));

    let ended = command(
        &folder,
        &["notices", "test"],
        &format!("[{}]", notices.join(", ")),
    )
    .await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended
        .output
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(lines, forms.map(Some));
    let arrivals = application.arrivals();
    let bodies = arrivals
        .iter()
        .map(|arrival| serde_json::from_slice(&arrival.body).unwrap_or_default());
    let bodies: Vec<Value> = bodies.collect();
    assert_eq!(bodies[0]["type"], "notice.test");
    // Who else takes messages knows nothing of Standard Webhooks.
    let are_named = arrivals.iter().map(|arrival| !arrival.webhook_id.is_empty());
    assert_eq!(are_named.collect::<Vec<_>>(), [true, false, false, false]);
    assert_eq!(bodies[0]["data"]["about"], json!(null));
    let text = bodies[1]["text"].as_str().unwrap();
    assert!(text.contains("*a test of this notice*"), "{text}");
    assert_eq!(bodies[2]["attachments"][0]["content"]["type"], "AdaptiveCard");
    assert_eq!(arrivals[3].headers["title"], "a test of this notice");
    assert_eq!(arrivals[3].headers["priority"], "3");
    assert!(arrivals[3].body.starts_with(b"somebody asked for it"));
}

#[tokio::test]
async fn one_that_does_not_arrive_is_said_with_what_was_answered_and_exit_code_1() {
    let application = Application::answering(|_| Reply::Status(404)).await;
    let folder = closed_folder();
    let notices = format!(
        r#"[{{name = "ops", url = "{}"}}, {{name = "other", url = "http://127.0.0.1:9/"}}]"#,
        secret_url(&application)
    );

    let ended = command(&folder, &["notices", "test", "ops", "--format", "json"], &notices).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.errors, "caigunn-webhook: 1 of 1 message did not arrive\n");
    let result: Value = serde_json::from_str(&ended.output).unwrap();
    let tests = result["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 1);
    assert_eq!(
        (&tests[0]["outcome"], &tests[0]["status"]),
        (&json!("refused"), &json!(404))
    );
    assert_eq!(tests[0]["to"], format!("http://{}", application.address));
}

#[tokio::test]
async fn a_name_that_there_is_not_is_wrong_usage_and_those_that_there_are_are_named() {
    let folder = closed_folder();
    let notices = r#"[{name = "ops", url = "http://127.0.0.1:9/planted"}]"#;

    let ended = command(&folder, &["notices", "test", "opps"], notices).await;
    let none = command(&folder, &["notices", "test"], "").await;

    assert_eq!(ended.code, Some(64));
    assert_eq!(
        ended.errors,
        "caigunn-webhook: no notice \"opps\" is configured; there are: ops\n"
    );
    assert_eq!(none.code, Some(64));
    assert_eq!(
        none.errors,
        "caigunn-webhook: no notices are configured; docs/notices.md says how to\n"
    );
}

#[tokio::test]
async fn config_check_and_doctor_list_notices_without_their_urls() {
    let application = Application::start().await;
    let folder = closed_folder();
    let notices = format!(
        r#"[{{name = "ops", format = "slack", url = "{}"}}, {{name = "gone", url = "http://127.0.0.1:9/planted"}}]"#,
        secret_url(&application)
    );

    let check = command(&folder, &["config", "check"], &notices).await;
    let doctor = command(&folder, &["doctor"], &notices).await;

    let line = check
        .output
        .lines()
        .find(|line| line.starts_with("notice "))
        .unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words, ["notice", "ops", "(slack),", "gone", "CAIGUNN_NOTICE"]);
    let found = format!(
        "ok       notice: ops: {} takes connections\n",
        application.address
    );
    assert!(doctor.output.contains(&found), "{}", doctor.output);
    let missing = "warning  notice: gone: cannot connect to 127.0.0.1:9";
    assert!(doctor.output.contains(missing), "{}", doctor.output);
    assert!(application.arrivals().is_empty(), "nothing is sent");
}

#[tokio::test]
async fn a_receiver_tells_nothing_of_the_url_whatever_is_answered_and_at_any_level() {
    let echo =
        Application::answering(|_| Reply::With(500, "x-echo", "/planted-path?planted=planted".to_owned()))
            .await;
    let app = Application::answering(|_| Reply::Status(503)).await;
    let folder = closed_folder();
    let notice = format!(r#"[{{name = "ops", url = "{}"}}]"#, secret_url(&echo));
    let destination = format!(r#"[{{name = "app", kind = "http", url = "{}"}}]"#, app.url());
    let variables = [
        ("CAIGUNN_NOTICE", notice.as_str()),
        ("CAIGUNN_DELIVERY_DESTINATION", &destination),
        ("CAIGUNN_LOG", "trace"),
    ];
    let mut process = Process::start(folder.path(), &variables).await;
    let body: Value = json(&sample("crawling.initial"));
    let posted = client()
        .post(process.url("/webhook"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status(), 200);
    process.wait_for_log("cannot tell by notice ops", 1).await;
    let metrics = client()
        .get(format!("http://{}/metrics", process.admin))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    process.signal("TERM");
    process.wait().await;

    let kept = fs::read(folder.path().join("inbox.db")).unwrap();
    for text in [
        process.log(),
        process.errors(),
        metrics,
        String::from_utf8_lossy(&kept).into_owned(),
    ] {
        assert!(!text.contains("planted"), "{text}");
    }
}
