//! Promise: what the documents say is there is there, and what is there is in the documents: links, metrics, log fields,
//! commands, routes and examples. (Of settings that is tested where they are read.)

mod commands;
mod restore;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::inbox::outbox::Outcome;
use serde_json::Value;

use crate::harness::process::run;
use crate::harness::site::ADMIN_TOKEN;
use crate::harness::{Process, Site, client, closed_folder, json, sample, wait_for};

/// Where the documents are.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document for people, by its path.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let folders = [root.to_owned(), root.join("docs"), root.join("examples")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths
}

/// The lines of a document that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text
            .chars()
            .filter(|it| it.is_alphanumeric() || " -_".contains(*it));
        kept.map(|it| if it == ' ' { '-' } else { it }).collect()
    };
    headings.map(anchor).collect()
}

/// Where the links of a document lead, but for those out of here.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text).collect::<Vec<_>>().join("\n");
    let targets = prose.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target.to_owned()));
    targets.filter(|target| !target.contains("://")).collect()
}

/// What stands in backticks in the first column of the tables of a document, without labels and parameters.
fn first_column(text: &str) -> BTreeSet<String> {
    let rows = prose(text).filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| format!("`{}", row.split(" | ").next().unwrap()));
    cells
        .flat_map(|cell| {
            let quoted = cell.split('`').skip(1).step_by(2);
            quoted.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{}: {link}", document.display());
            if !anchor.is_empty() {
                let anchors = anchors(&fs::read_to_string(&target).unwrap());
                assert!(anchors.contains(anchor), "{}: {link}", document.display());
            }
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}

#[tokio::test]
async fn every_metric_is_documented_and_no_other() {
    let destination = r#"[{name = "app", kind = "http", url = "http://127.0.0.1:9/"}]"#;
    let notice = r#"[{name = "ops", url = "http://127.0.0.1:9/"}]"#;
    let variables = [
        ("CAIGUNN_DELIVERY_DESTINATION", destination),
        ("CAIGUNN_NOTICE", notice),
    ];
    let site = Site::running_with(&variables).await;
    let url = format!("http://{}/metrics", site.receiver.as_ref().unwrap().admin);
    // Those of destinations are there once the receiver leads.
    let there = wait_for("all metrics", || async {
        let page = client().get(&url).bearer_auth(ADMIN_TOKEN);
        let page = page.send().await.unwrap().text().await.unwrap();
        let types = page
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE caigunn_webhook_"));
        let names = types.map(|line| line.split_once(' ').unwrap().0.to_owned());
        let names: BTreeSet<_> = names.collect();
        match page.contains("destination_down{") {
            true => Ok(names),
            false => Err(page),
        }
    })
    .await;

    let documented = first_column(&read("docs/metrics.md"));
    let documented: BTreeSet<_> = documented
        .iter()
        .map(|name| name.split('{').next().unwrap().to_owned())
        .collect();

    assert_eq!(there, documented);
}

#[tokio::test]
async fn every_field_of_a_notifications_line_is_documented_and_no_other() {
    let folder = closed_folder();
    let process = Process::start(folder.path(), &[]).await;
    let failed = r#"{"event":"uploading","status":"completed","event_id":"0191f0a0-0000-7000-8000-000000000001","data":
        {"chatbot_id":"0191f0a0-0000-7000-8000-000000000002","training_data_ids":[{"id":
        "0191f0a0-0000-7000-8000-000000000003","filename":"a.pdf","status":"failed","detail":"no"}]}}"#;
    let crawled = json(&sample("crawling.failed")).to_string();
    let mut trigger = Process::command(folder.path());
    trigger.args(["trigger", "crawling.initial", "--to", &process.url("/webhook")]);
    assert_eq!(run(trigger).await.code, Some(0));
    for body in [failed, &crawled, &crawled, "{"] {
        let request = client().post(process.url("/webhook")).body(body.to_owned());
        let request = request.header("content-type", "application/json");
        let request = request.header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
        request.header("x-request-id", "mine").send().await.unwrap();
    }
    let lines = process
        .wait_for_lines(5, |line| line.get("outcome").is_some())
        .await;
    let members = |line: &Value| line.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut logged: BTreeSet<_> = lines.iter().flat_map(members).collect();
    // Of what was found in CaiGunn's log, which there is none of here.
    logged.insert("origin".to_owned());

    let page = read("docs/logs.md");
    assert_eq!(logged, first_column(page.split("\n## ").next().unwrap()));
}

/// The texts that stand behind these words in a file of the program, each between quotation marks.
fn quoted_behind(words: &str, text: &str) -> BTreeSet<String> {
    let found = text.split(words).skip(1);
    let found = found.filter_map(|rest| rest.split_once('"').map(|(quoted, _)| quoted.to_owned()));
    found.collect()
}

/// Every file of the program.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = files.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| sources(folder)));
    files
}

#[test]
fn every_kind_of_trouble_that_the_log_names_is_documented_and_no_other() {
    let mut named = BTreeSet::new();
    for file in sources(&Path::new(ROOT).join("src")) {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        named.extend(quoted_behind("error.type = \"", &text));
        named.extend(quoted_behind("error.log(\"", &text));
    }
    // Chosen elsewhere than where they are logged: of a chatbot, of a post that no route takes, and of attempts.
    let chosen = ["registration_failed", "registration_refused", "no-route"];
    named.extend(chosen.map(str::to_owned));
    let in_vain = Outcome::ALL
        .into_iter()
        .filter(|outcome| *outcome != Outcome::Delivered);
    named.extend(in_vain.map(|outcome| outcome.as_str().to_owned()));

    let page = read("docs/logs.md");
    let (_, section) = page
        .split_once("\n## What the receiver says by itself\n")
        .unwrap();
    let (head, table) = section
        .split("\n## ")
        .next()
        .unwrap()
        .split_once("| --- |")
        .unwrap();

    assert!(head.ends_with("what to do |\n"), "{head}");
    assert_eq!(named, first_column(table));
}

#[test]
fn every_warning_and_error_says_of_what_kind_it_is() {
    let mut without = Vec::new();
    for file in sources(&Path::new(ROOT).join("src")) {
        if file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let program = text.split("\n#[cfg(test)]\nmod tests").next().unwrap();
        for level in ["tracing::warn!(", "tracing::error!("] {
            for (line, _) in program.match_indices(level) {
                // Fields stand before the message.
                let fields = program[line..].split('"').next().unwrap();
                if !fields.contains("error.type = ") {
                    let number = program[..line].matches('\n').count() + 1;
                    without.push(format!("{}:{number}", file.display()));
                }
            }
        }
    }

    assert_eq!(without, Vec::<String>::new());
}

#[tokio::test]
async fn every_command_is_documented_and_no_other() {
    let mut there = BTreeSet::new();
    for command in subcommands(&[]).await {
        let below = subcommands(&[&command]).await;
        there.extend(below.iter().map(|below| format!("{command} {below}")));
        if below.is_empty() {
            there.insert(command);
        }
    }

    let documented = first_column(&read("docs/commands.md"));
    let documented: BTreeSet<_> = documented
        .iter()
        .map(|usage| {
            let words = usage
                .split(' ')
                .take_while(|word| word.starts_with(char::is_lowercase));
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();

    assert_eq!(there, documented);
}

/// The commands that help names below these words.
async fn subcommands(words: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Process::command(folder.path());
    command.args(words).arg("--help");
    let help = run(command).await.output;
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn every_route_is_documented_and_no_other() {
    // What is answered is compared with that document where it is tested.
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).unwrap();
    let mut there = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().keys();
        there.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }

    let documented = first_column(&read("docs/api.md"));
    let mut paths = BTreeSet::new();
    let mut former = String::new();
    for usage in documented_in_order(&read("docs/api.md"), &documented) {
        // `…/resume` is what stands before it with another end.
        let usage = match usage.strip_prefix('…') {
            Some(end) => format!("{}{end}", former.rsplit_once('/').unwrap().0),
            None => usage,
        };
        former.clone_from(&usage);
        paths.insert(usage);
    }

    assert_eq!(there, paths);
}

/// The same, as they stand in the document.
fn documented_in_order(text: &str, documented: &BTreeSet<String>) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2).map(str::to_owned);
    quoted.filter(|quoted| documented.contains(quoted)).collect()
}

#[test]
fn every_example_is_shown_as_the_file_is_that_is_tried_and_no_other() {
    let page = read("docs/delivery.md");
    let (_, section) = page.split_once("\n## Examples\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```").skip(1).step_by(2);
    let shown: BTreeSet<_> = blocks.map(|block| block.split_once('\n').unwrap().1).collect();

    let files = [
        "fastapi/hook.py",
        "express/hook.mjs",
        "fetch/hook.mjs",
        "axum/main.rs",
    ];
    let files = files.map(|file| read(&format!("examples/{file}")));

    assert_eq!(shown, files.iter().map(String::as_str).collect());
}

/// The number behind the first of these words in a file.
fn number_behind(file: &str, words: &str) -> u64 {
    let text = read(file);
    let (_, rest) = text
        .split_once(words)
        .unwrap_or_else(|| panic!("{words} is not in {file}"));
    let digits = rest.trim_start_matches(['"', ' ']).chars();
    let digits: String = digits.take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Else the service's manager kills it in the midst of a stop that would have ended in order.
#[test]
fn every_service_that_is_shipped_is_given_more_time_to_stop_than_it_takes() {
    let defaults = config::load(&Sources::default()).unwrap().settings;
    let of_default = defaults.drain_delay.as_secs();
    let of_replicas = number_behind("compose.postgres.yaml", "CAIGUNN_SERVER_DRAIN_DELAY_SECONDS:");
    let of_pods = number_behind("deploy/kubernetes/postgres/config.toml", "drain_delay_seconds =");
    for (file, words, drain_delay) in [
        ("compose.yaml", "stop_grace_period:", of_default),
        ("compose.caddy.yaml", "stop_grace_period:", of_default),
        ("compose.postgres.yaml", "stop_grace_period:", of_replicas),
        (
            "deploy/systemd/caigunn-webhook.service",
            "\nTimeoutStopSec=",
            of_default,
        ),
        (
            "deploy/kubernetes/base/deployment.yaml",
            "terminationGracePeriodSeconds:",
            of_default.max(of_pods),
        ),
    ] {
        let given = number_behind(file, words);

        assert!(
            given > drain_delay + defaults.stop_timeout.as_secs(),
            "{file}: {given}"
        );
    }
}

#[test]
fn how_often_and_for_how_long_a_delivery_is_tried_is_what_the_schedule_says() {
    let settings = read("config/caigunn-webhook.toml");
    let (_, schedule) = settings.split_once("\nretry_schedule_seconds = [").unwrap();
    let (schedule, _) = schedule.split_once(']').unwrap();
    let schedule: Vec<u64> = schedule.split(", ").map(|wait| wait.parse().unwrap()).collect();
    // As the words below have it.
    assert_eq!(schedule.len(), 10);
    let hours = schedule.iter().sum::<u64>() / 3600;
    let waits = schedule[1..].iter().map(|wait| match wait {
        0..60 => format!("{wait} s"),
        60..3600 => format!("{} min", wait / 60),
        _ => format!("{} h", wait / 3600),
    });
    let waits: Vec<_> = waits.collect();
    let (last, others) = waits.split_last().unwrap();

    for (file, count, said) in [
        (
            "README.md",
            1,
            format!("ten attempts in all within some {hours} hours"),
        ),
        ("docs/queues.md", 1, format!("schedule goes on ({hours} hours)")),
        ("docs/queues.md", 1, format!("after the schedule's {hours} hours")),
        (
            "docs/delivery.md",
            1,
            format!("some {hours} hours by the schedule"),
        ),
        (
            "docs/delivery.md",
            1,
            format!("At once, then {} and {last} after", others.join(", ")),
        ),
        (
            "config/caigunn-webhook.toml",
            1,
            format!("ten attempts in some {hours} hours"),
        ),
    ] {
        // Wherever a line ends.
        let text = read(file).replace("\n# ", " ").replace('\n', " ");
        assert_eq!(text.matches(&said).count(), count, "{file}: {said}");
    }
}
