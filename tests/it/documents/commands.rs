//! Promise: every command that a document shows is taken with the flags it is shown with, and those that only look do so
//! beside a receiver.

use std::collections::{BTreeMap, BTreeSet};

use super::{documents, first_column, prose, read};
use crate::harness::application::Application;
use crate::harness::process::run;
use crate::harness::site::TOKEN;
use crate::harness::{Process, Site, client, json, sample};

/// How the program is called in documents.
const PROGRAM: [&str; 3] = [
    "caigunn-webhook",
    "./target/release/caigunn-webhook",
    "cargo run --release --",
];

/// The commands that only look, as they are shown somewhere: those are run.
const RUN: [&str; 14] = [
    "config check",
    "deliveries list",
    "destinations list",
    "doctor",
    "healthcheck",
    "inbox backup FILE",
    "inbox check",
    "jobs list",
    "jobs show EVENT_ID",
    "quarantine list",
    "receipts list",
    "receipts replays",
    "receipts show ID",
    "subscription show",
];

/// The arguments of every command that is called in a document: in a block of `sh`, or in backticks by the name.
fn shown() -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for document in documents() {
        let text = read(document.to_str().unwrap());
        let mut blocks = Vec::new();
        for block in text.split("```").skip(1).step_by(2) {
            let code = block
                .strip_prefix("sh\n")
                .unwrap_or_default()
                .replace("\\\n", " ");
            blocks.extend(code.lines().map(|line| line.trim().to_owned()));
        }
        let prose = prose(&text).collect::<Vec<_>>().join(" ");
        let quoted = prose.split('`').skip(1).step_by(2).map(str::to_owned);
        for command in blocks.into_iter().chain(quoted) {
            let command = command.split(" # ").next().unwrap();
            let called = PROGRAM.iter().find_map(|name| command.strip_prefix(name));
            if let Some(arguments) = called.filter(|rest| rest.starts_with(' ')) {
                shown.insert(arguments.trim().to_owned());
            }
        }
    }
    shown
}

/// The rows of docs/commands.md: the commands of each, and the flags that it speaks of.
fn rows() -> Vec<(BTreeSet<String>, BTreeSet<String>)> {
    let page = read("docs/commands.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let flags = row.split('`').skip(1).step_by(2);
        let flags = flags.filter_map(|quoted| quoted.split(' ').next().filter(|word| word.starts_with("--")));
        (first_column(row), flags.map(str::to_owned).collect())
    })
    .collect()
}

/// The arguments, with something in place of what stands there for the reader's own.
fn words(arguments: &str, own: &BTreeMap<&str, &str>) -> Vec<String> {
    let mut words = Vec::new();
    for word in arguments.split_whitespace() {
        let word = word.trim_matches(['[', ']', '\'', '…']);
        let of_command = words.first().map(|command| format!("{command} {word}"));
        let found = of_command.and_then(|place| own.get(&*place));
        let found = found.or_else(|| own.get(word)).copied();
        words.push(found.unwrap_or(word).to_owned());
    }
    words
}

#[tokio::test]
async fn every_command_is_taken_as_it_is_shown_and_does_what_it_is_shown_for() {
    let application = Application::start().await;
    let url = application.url();
    let destination = format!(r#"[{{name = "app", kind = "http", url = "{url}"}}]"#);
    let site = Site::running_with(&[("CAIGUNN_DELIVERY_DESTINATION", &destination)]).await;
    let notification = json(&sample("crawling.failed"));
    let receiver = site.receiver.as_ref().unwrap();
    let posted = client().post(receiver.url(&format!("/webhook/{TOKEN}")));
    let answer = posted.json(&notification).send().await.unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    let [receipt, event_id] = ["receipt_id", "event_id"].map(|name| answer[name].as_str().unwrap());
    let admin = receiver.admin.to_string();
    let delivery = format!("app/{receipt}");
    let own = BTreeMap::from([
        ("0190b5c4-", receipt),
        ("127.0.0.1:9191", &*admin),
        ("COMMAND", "serve"),
        ("COPY", "copy.db"),
        ("EVENT_ID", event_id),
        ("FILE", "copy.db"),
        ("ID", receipt),
        ("NAME", "app"),
        ("URL", &*url),
        ("app/0190b5c4-", &*delivery),
        ("deliveries ID", &*delivery),
        ("inbox URL", "sqlite:copy.db"),
    ]);
    let help = async |arguments: &str| {
        let mut command = Process::command(&site.path(""));
        let arguments = words(arguments, &own);
        command.args(&arguments).arg("--help");
        let ended = run(command).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.errors);
        ended.output
    };

    let mut commands = shown();
    let shared = help("").await;
    for (of_row, flags) in rows() {
        let mut helps = shared.clone();
        for command in &of_row {
            helps.push_str(&help(command).await);
        }
        for flag in flags {
            let is_there = helps.split_whitespace().any(|word| word == flag);
            assert!(is_there, "{of_row:?} have no {flag}: {helps}");
        }
        commands.extend(of_row);
    }
    assert!(commands.len() > 50, "{commands:#?}");

    let mut not_run = BTreeSet::from(RUN);
    for command in &commands {
        help(command).await;
        let Some(looks) = RUN.iter().find(|looks| command.starts_with(*looks)) else {
            continue;
        };
        let arguments = words(command, &own);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let settings = [("CAIGUNN_DELIVERY_DESTINATION", &*destination)];
        let ended = site.run(&arguments, &settings).await;
        assert_eq!(
            ended.code,
            Some(0),
            "{arguments:?}: {} {}",
            ended.output,
            ended.errors
        );
        not_run.remove(looks);
    }
    assert!(not_run.is_empty(), "they are shown nowhere: {not_run:?}");
}
