//! Promise: `doctor` looks at everything that a receiver depends on, names what is wrong and what to do about it in
//! words that a newcomer can act on, and changes nothing.

mod account;
mod database;
mod destinations;
mod elsewhere;
mod inbox;
mod network;
mod postgres;

use std::collections::BTreeMap;
use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::process::{Ended, IN_MEMORY, run};
use crate::harness::provider::Route;
use crate::harness::site::TOKEN;
use crate::harness::{Process, Site, client};

/// What is advised where the admin token is not the receiver's.
const SET_TOKEN: &str = "set CAIGUNN_ADMIN_TOKEN, or CAIGUNN_ADMIN_TOKEN_FILE, as it was when the receiver was started, or \
                         start it again; until then no command can ask it";

/// What is said of that.
const REFUSED: &str = "\
warning  quarantine: 1 post of the last day was refused and is in quarantine (not-a-notification)
         see by `caigunn-webhook quarantine list` what is wrong with each: where CaiGunn has changed what it posts, all of that kind are refused; \"When posts are refused\" in docs/operations.md says what to do. This ends once they are accepted, or a day after the last of them";

impl Site {
    /// Runs `doctor` beside the receiver, with its settings but for these.
    async fn doctor(&self, variables: &[(&str, &str)]) -> Ended {
        self.run(&["doctor"], variables).await
    }

    /// Has a post refused that has the right token.
    async fn post_what_is_no_notification(&self) {
        let url = self.receiver.as_ref().unwrap().url(&format!("/webhook/{TOKEN}"));
        let answer = client().post(url).json(&json!({})).send().await.unwrap();
        assert_eq!(answer.status(), 422);
    }

    /// What the fake calls its chatbot.
    fn first(&self) -> String {
        format!("chatbot \"First\" ({})", self.provider.chatbot_id("key-one"))
    }
}

/// Asserts that all is well but for what these lines say, and that the exit code and the sum go with them.
#[track_caller]
fn assert_finds(ended: &Ended, expected: &str) {
    let (output, memory_count) = without_memory(&ended.output);
    let is_problem = |line: &&str| !line.starts_with("ok       ");
    let problems: Vec<_> = output.lines().filter(is_problem).collect();
    assert_eq!(problems.join("\n"), expected, "in full:\n{}", ended.output);
    let count = |verdict| expected.lines().filter(|line| line.starts_with(verdict)).count();
    let counted = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    };
    let (failures, warnings) = (count("FAILURE  "), count("warning  ") + memory_count);
    let sum = format!(
        "caigunn-webhook: found {} and {}\n",
        counted(failures, "failure"),
        counted(warnings, "warning")
    );
    assert_eq!(ended.code, Some(i32::from(failures > 0)), "{ended:?}");
    assert_eq!(ended.errors, if failures > 0 { sum } else { String::new() });
}

/// A report without the finding that the inbox is in memory, where these tests may have their folders; how often that was in it.
fn without_memory(report: &str) -> (String, usize) {
    let (mut others, mut count) = (String::new(), 0);
    let mut lines = report.lines();
    while let Some(line) = lines.next() {
        if line.contains(IN_MEMORY) {
            lines.next();
            count += 1;
        } else {
            others += &format!("{line}\n");
        }
    }
    (others, count)
}

/// A report without the line that changes from one to the next: others use the disk too.
fn without_free_space(report: &str) -> Vec<&str> {
    let is_free_space = |line: &&str| line.starts_with("ok       free space: ");
    let (free_space, others): (Vec<_>, Vec<_>) = report.lines().partition(is_free_space);
    assert_eq!(free_space.len(), 1, "{report}");
    others
}

/// The names of the files in a folder, and what is in them.
fn files(site: &Site) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(site.path("")).unwrap().map(Result::unwrap);
    let content = files.map(|file| {
        let name = file.file_name().into_string().unwrap();
        (name, fs::read(file.path()).unwrap())
    });
    content.collect()
}

#[tokio::test]
async fn where_all_is_well_every_line_says_so() {
    let site = Site::running().await;
    let receiver = site.receiver.as_ref().unwrap();

    let ended = site.doctor(&[]).await;

    // How many files may be open, and how much is free, is the machine's own.
    let (output, _) = without_memory(&ended.output);
    let files = output.lines().nth(1).unwrap();
    let free = output.lines().nth(6).unwrap();
    let folder = site.path("").display().to_string();
    let folder = folder.trim_end_matches('/');
    assert!(free.ends_with(&format!(" MiB are free in {folder}")), "{free}");
    let expected = format!(
        "\
ok       settings: no mistakes; 9 of 49 keys are set
{files}
ok       public address: the receiver answers on {}
ok       admin address: the receiver answers on {}
ok       admin token: the receiver that runs here takes it
ok       inbox: {inbox} is sound; receipts in it: 0
{free}
ok       access: {inbox} can be read and changed by its owner alone
ok       writing: {inbox} takes writes, says the receiver that has it open
ok       clock: it agrees with CaiGunn's
ok       credentials: CaiGunn takes the access token; chatbots to look after: 1
ok       registration: {} posts to this receiver
ok       public URL: {}/ leads to the receiver that runs here
",
        receiver.public,
        receiver.admin,
        site.first(),
        site.tunnel.url(),
        inbox = site.inbox().display(),
    );
    assert_eq!(output, expected);
    assert!(files.starts_with("ok       open files: "), "{files}");
    assert!(free.starts_with("ok       free space: "), "{free}");
    assert_eq!((ended.code, &*ended.errors), (Some(0), ""));
}

#[tokio::test]
async fn before_the_first_start_it_says_what_the_start_will_do() {
    let site = Site::new().await;

    let ended = site.doctor(&[]).await;

    assert_finds(
        &ended,
        &format!(
            "\
FAILURE  registration: {} has no webhook URL
         run `caigunn-webhook subscription ensure`, or start the receiver (again), which does it too
warning  public URL: no receiver answers at {}/, and none runs here either
         start the receiver and ask again",
            site.first(),
            site.tunnel.url()
        ),
    );
    let inbox = site.inbox();
    for line in [
        "ok       public address: 127.0.0.1:0 is free; no receiver runs there now",
        &format!(
            "ok       inbox: {} does not exist yet; the first start makes it",
            inbox.display()
        ),
        &format!(
            "ok       writing: the folder for {} takes writes",
            inbox.display()
        ),
    ] {
        assert!(
            ended.output.lines().any(|found| found == line),
            "{line}\n{}",
            ended.output
        );
    }
}

#[tokio::test]
async fn without_any_configuration_it_says_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Process::command(folder.path());
    command.arg("doctor");

    let ended = run(command).await;

    assert_finds(
        &ended,
        "\
warning  settings: no token: anyone who finds the address may post notifications
         set CAIGUNN_WEBHOOK_TOKEN to 32 random characters, such as `openssl rand -hex 16` prints
warning  credentials: there is no access token, so nothing is registered with CaiGunn
         set CAIGUNN_ACCESS_TOKEN, and CAIGUNN_API_KEY for some chatbots only
warning  public URL: none is set, so nothing is registered with CaiGunn
         set CAIGUNN_PUBLIC_URL to the base URL under which CaiGunn reaches this receiver",
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_program_gets_the_same_as_json() {
    let site = Site::running().await;
    let variables = [
        ("CAIGUNN_API_KEY", "key-of-nobody"),
        ("CAIGUNN_WEBHOOK_TOKEN", "short"),
    ];

    let table = site.doctor(&variables).await;
    let ended = site.run(&["doctor", "--format", "json"], &variables).await;

    let report: Value = serde_json::from_str(&ended.output).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let as_table: String = findings
        .iter()
        .map(|finding| {
            let verdict = match finding["verdict"].as_str().unwrap() {
                "failure" => "FAILURE",
                other => other,
            };
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            let advice = match &finding["advice"] {
                Value::Null => String::new(),
                advice => format!("         {}\n", advice.as_str().unwrap()),
            };
            format!("{verdict:8} {}: {}\n{advice}", text("check"), text("found"))
        })
        .collect();
    assert_eq!(without_free_space(&as_table), without_free_space(&table.output));
    let (_, memory_count) = without_memory(&table.output);
    assert_eq!(
        findings[1],
        json!({
            "check": "settings",
            "verdict": "warning",
            "found": "a webhook token of 5 characters can be guessed",
            "advice": "take 32 random ones",
        })
    );
    assert_eq!(
        (&report["failure_count"], &report["warning_count"]),
        (&json!(2), &json!(1 + memory_count))
    );
    assert_eq!(ended.code, Some(1));
    let warnings = ["1 warning", "2 warnings"][memory_count];
    assert_eq!(
        ended.errors,
        format!("caigunn-webhook: found 2 failures and {warnings}\n")
    );
}

#[tokio::test]
async fn it_registers_nothing_and_leaves_no_file() {
    let mut site = Site::new().await;
    site.start(&[("CAIGUNN_SUBSCRIPTION_PROBE", "false")]).await;
    site.provider.wait_for_calls(1).await;
    site.stop().await;
    let id = site.provider.chatbot_id("key-one");
    site.provider
        .set_webhook_url(id, Some("http://127.0.0.1:9/elsewhere"));
    // As in a backup that was put back.
    fs::remove_file(site.path("inbox.db.lock")).unwrap();
    let before = files(&site);

    let ended = site.doctor(&[]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    let mut after = files(&site);
    let takes_writes = format!("ok       writing: {} takes writes", site.inbox().display());
    assert!(ended.output.contains(&takes_writes), "{}", ended.output);
    // The inbox has the filler in it that shows that it takes writes, and nothing else.
    after.insert("inbox.db".to_owned(), before["inbox.db"].clone());
    assert_eq!(before, after);
    assert_eq!(site.provider.calls_of(Route::PutWebhook).len(), 1);
    assert!(site.provider.calls_of(Route::DeleteWebhook).is_empty());
    assert!(site.provider.calls_of(Route::RefreshToken).is_empty());
    let elsewhere = site.provider.webhook_url(id);
    assert_eq!(elsewhere.as_deref(), Some("http://127.0.0.1:9/elsewhere"));
}

#[tokio::test]
async fn an_inbox_of_an_older_version_is_left_so() {
    let site = Site::new().await;
    let inbox = Connection::open(site.inbox()).unwrap();
    inbox
        .execute_batch(include_str!("../../migrations/sqlite/0001_inbox.sql"))
        .unwrap();
    inbox
        .execute_batch(
            "PRAGMA application_id = 0x43475748; PRAGMA user_version = 1; PRAGMA journal_mode = wal",
        )
        .unwrap();
    inbox.close().unwrap();

    let ended = site.doctor(&[]).await;

    let shown = site.inbox().display().to_string();
    for line in [
        format!("ok       inbox: {shown} is sound; receipts in it: 0\n"),
        format!("ok       writing: {shown} takes writes\n"),
    ] {
        assert!(ended.output.contains(&line), "{}", ended.output);
    }
    let inbox = Connection::open(site.inbox()).unwrap();
    let version: u32 = inbox
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1);
}
