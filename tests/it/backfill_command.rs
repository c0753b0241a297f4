//! Promise: `backfill` brings what was missed of the jobs it is given, whether or not a receiver runs, says what came of
//! each, and ends with 0 only if nothing is missing any more.

mod mistakes;
mod without_url;

use std::fs;
use std::process::Command;

use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::event::sample::Ids;
use caigunn_webhook::event::{ChatbotId, Wire};
use caigunn_webhook::inbox::Inbox;
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::process::{Ended, run, run_with_input, words};
use crate::harness::provider::{Call, Reply, Route};
use crate::harness::{self, Process, Provider, client, sample_with, wait_for};

const TOKEN: &str = "admin-token-0123456789abcdef";

/// A fake of CaiGunn, and a folder with an inbox and maybe a receiver.
struct Stage {
    provider: Provider,
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Stage {
    async fn new() -> Self {
        let provider = Provider::start([]).await;
        let variables = vec![
            ("CAIGUNN_API_URL", provider.url()),
            ("CAIGUNN_ACCESS_TOKEN", "access-token".to_owned()),
            ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com".to_owned()),
            ("CAIGUNN_SUBSCRIPTION_PROBE", "false".to_owned()),
        ];
        let folder = tempfile::tempdir().expect("a folder");
        let settings = config::load(&Sources::default()).expect("the defaults are right");
        let inbox = SqliteInbox::open(&folder.path().join("inbox.db"), settings.settings.inbox);
        inbox
            .expect("a new inbox opens")
            .close()
            .await
            .expect("it closes");
        Self {
            provider,
            folder,
            variables,
        }
    }

    /// A job of which CaiGunn has posted nothing, and all is in its log.
    fn missed(&self) -> Ids {
        self.missed_of(self.provider.chatbot_id("key-one"))
    }

    fn missed_of(&self, chatbot_id: ChatbotId) -> Ids {
        let ids = Ids {
            chatbot_id,
            ..Ids::fresh()
        };
        for name in ["crawling.initial", "crawling.completed"] {
            let notification = harness::json(&sample_with(name, &ids, Wire::V2024_07));
            self.provider.log_event(chatbot_id, &notification);
        }
        ids
    }

    /// Starts a receiver that knows the account's chatbots; the commands after it are configured like it.
    async fn receiver(&mut self) -> Process {
        let variables: Vec<_> = self
            .variables
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let process = Process::start(self.folder.path(), &variables).await;
        // What is put was listed before.
        self.provider.wait_for_calls(1).await;
        self.variables
            .push(("CAIGUNN_ADMIN_LISTEN", process.admin.to_string()));
        process
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Process::command(self.folder.path());
        let variables = self.variables.iter().map(|(name, value)| (*name, value));
        command.arg("backfill").args(arguments).envs(variables);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        run(self.command(arguments)).await
    }

    /// Runs it for one job with more arguments; gives the JSON and the exit code.
    async fn json(&self, ids: &Ids, arguments: &[&str]) -> (Value, Option<i32>) {
        let event_id = ids.event_id.to_string();
        let ended = self
            .run(&[&[&*event_id, "--format", "json"], arguments].concat())
            .await;
        let output = serde_json::from_str(&ended.output);
        (
            output.unwrap_or_else(|_| panic!("no JSON: {ended:?}")),
            ended.code,
        )
    }

    fn calls(&self) -> Vec<Call> {
        self.provider.calls_of(Route::EventLog)
    }
}

/// What is printed of one job of which `missing` was missing.
fn printed(ids: &Ids, missing: &[&str], is_dry_run: bool) -> Value {
    json!({
        "jobs": [{"event_id": ids.event_id, "logged_count": 2, "missing": missing, "problems": []}],
        "dry_run": is_dry_run,
        "missing_count": missing.len(),
        "failed_count": 0,
    })
}

const BOTH: &[&str] = &["crawling.initial", "crawling.completed"];

#[tokio::test]
async fn without_a_receiver_it_stores_what_is_missing_itself_once() {
    let stage = Stage::new().await;
    let ids = stage.missed();

    let dry = stage.json(&ids, &["--dry-run"]).await;
    let dry_again = stage.json(&ids, &["--dry-run"]).await;
    let stored = stage.json(&ids, &[]).await;
    let again = stage.json(&ids, &[]).await;

    assert_eq!(dry, (printed(&ids, BOTH, true), Some(0)));
    assert_eq!(dry_again, dry, "a dry run stores nothing");
    assert_eq!(stored, (printed(&ids, BOTH, false), Some(0)));
    assert_eq!(again, (printed(&ids, &[], false), Some(0)));
    // And a receiver finds it there.
    let mut stage = stage;
    let process = stage.receiver().await;
    let receipts = process.receipts(&client()).await;
    let names: Vec<_> = receipts
        .iter()
        .rev()
        .map(|receipt| receipt["event"].clone())
        .collect();
    assert_eq!(names, BOTH);
    assert!(receipts.iter().all(|receipt| receipt["origin"] == "backfill"));
}

#[tokio::test]
async fn beside_a_receiver_it_asks_that_one() {
    for token in [None, Some(TOKEN)] {
        let mut stage = Stage::new().await;
        if let Some(token) = token {
            stage.variables.push(("CAIGUNN_ADMIN_TOKEN", token.to_owned()));
        }
        let ids = stage.missed();
        let process = stage.receiver().await;

        let dry = stage.json(&ids, &["--dry-run"]).await;
        let stored = stage.json(&ids, &[]).await;
        let again = stage.json(&ids, &[]).await;

        assert_eq!(dry, (printed(&ids, BOTH, true), Some(0)));
        assert_eq!(stored, (printed(&ids, BOTH, false), Some(0)));
        assert_eq!(again, (printed(&ids, &[], false), Some(0)));
        let brought = process
            .wait_for_lines(2, |line| line["origin"] == "backfill")
            .await;
        assert_eq!(brought.len(), 2, "{brought:?}");
    }
}

#[tokio::test]
async fn from_another_folder_the_receiver_at_the_admin_address_is_asked_and_no_inbox_opened() {
    let mut stage = Stage::new().await;
    let ids = stage.missed();
    let process = stage.receiver().await;
    let elsewhere = tempfile::tempdir().unwrap();
    for inbox in ["none.db", "own.db"] {
        if inbox == "own.db" {
            fs::copy(stage.folder.path().join("inbox.db"), elsewhere.path().join(inbox)).unwrap();
        }
        let mut command = stage.command(&[&ids.event_id.to_string()]);
        command
            .current_dir(elsewhere.path())
            .env("CAIGUNN_INBOX_URL", format!("sqlite:{inbox}"));

        let ended = run(command).await;

        assert_eq!((ended.code, &*ended.errors), (Some(0), ""), "{inbox}: {ended:?}");
        assert_eq!(process.receipts(&client()).await.len(), 2, "{inbox}");
    }
}

#[tokio::test]
async fn with_an_inbox_in_a_database_a_receiver_that_answers_is_asked_and_else_the_database() {
    let mut stage = Stage::new().await;
    let ids = stage.missed();
    let process = stage.receiver().await;
    // Nothing listens there, so whatever is done the receiver did.
    let nowhere = "postgres://me:planted-password@127.0.0.1:1/inbox";
    stage.variables.push(("CAIGUNN_INBOX_URL", nowhere.to_owned()));

    let stored = stage.json(&ids, &[]).await;
    drop(process);
    let alone = stage.run(&[&ids.event_id.to_string()]).await;

    assert_eq!(stored, (printed(&ids, BOTH, false), Some(0)));
    assert_eq!((alone.code, &*alone.output), (Some(1), ""));
    assert!(
        alone
            .errors
            .starts_with("caigunn-webhook: opening the inbox: the inbox is unavailable: "),
        "{alone:?}"
    );
    assert!(!alone.errors.contains("planted"), "{alone:?}");
}

#[tokio::test]
async fn people_get_a_table_and_a_summary() {
    let stage = Stage::new().await;
    let (ids, unknown) = (stage.missed(), Ids::fresh());
    let [one, other] = [ids, unknown].map(|ids| ids.event_id.to_string());

    let dry = stage.run(&[&one, "--dry-run"]).await;
    let stored = stage.run(&[&one, &other, &one]).await;

    let table = |row: String| ["JOB IN THE LOG WAS MISSING PROBLEM".to_owned(), row];
    let row = format!("{one} 2 crawling.initial, crawling.completed -");
    let summary = "1 job asked about: 2 notifications missing, 0 jobs with problems";
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!(
        words(&dry.output),
        [&table(row.clone())[..], &[String::new(), summary.to_owned()]].concat()
    );
    assert_eq!(dry.errors, "");
    let summary = "2 jobs asked about: 2 notifications stored, 1 job with problems";
    let unknown = format!("{other} 0 - CaiGunn has no log of it");
    assert_eq!(stored.code, Some(1), "{stored:?}");
    assert_eq!(
        words(&stored.output),
        [&table(row)[..], &[unknown, String::new(), summary.to_owned()]].concat()
    );
    assert_eq!(
        stored.errors,
        "caigunn-webhook: 1 of 2 jobs could not be made complete\n"
    );
}

#[tokio::test]
async fn ids_come_from_a_file_or_standard_input_too() {
    let stage = Stage::new().await;
    let jobs = [stage.missed(), stage.missed(), stage.missed()];
    let [first, second, third] = jobs.map(|ids| ids.event_id.to_string());
    // Some editors begin it with a mark.
    let text = format!("\u{feff}# the jobs of last night\n\n  {first}  # a crawl\r\n{second}\n");
    let path = stage.folder.path().join("jobs.txt");
    fs::write(&path, &text).expect("the folder takes files");

    let from_file = stage
        .run(&[&third, "--file", path.to_str().unwrap(), "--format", "json"])
        .await;
    let from_input = stage.command(&["--file", "-", "--format", "json"]);
    let from_input = run_with_input(from_input, &text).await;

    let jobs_of = |ended: &Ended| {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let printed: Value = serde_json::from_str(&ended.output).expect("JSON");
        let jobs = printed["jobs"].as_array().expect("a list").iter();
        jobs.map(|job| job["event_id"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(jobs_of(&from_file), [&*third, &first, &second]);
    assert_eq!(jobs_of(&from_input), [&*first, &second]);
}

#[tokio::test]
async fn a_chatbot_that_is_named_is_the_only_one_asked() {
    let mut stage = Stage::new().await;
    for number in 0..4 {
        stage
            .provider
            .add_chatbot("Another", &format!("key-of-another-{number}"));
    }
    let chatbot_id = stage.provider.chatbot_id("key-of-another-2");
    let named = chatbot_id.to_string();
    let mut process = None;
    for is_beside_a_receiver in [false, true] {
        if is_beside_a_receiver {
            process = Some(stage.receiver().await);
        }
        let ids = stage.missed_of(chatbot_id);
        let before = stage.calls().len();

        let (printed_one, code) = stage.json(&ids, &["--chatbot", &named]).await;

        assert_eq!((printed_one, code), (printed(&ids, BOTH, false), Some(0)));
        // Nor when its key does not open the job, and another might.
        let (_, code) = stage.json(&Ids::fresh(), &["--chatbot", &named]).await;
        assert_eq!(code, Some(1));
        let calls = stage.calls();
        let keys: Vec<_> = calls[before..]
            .iter()
            .map(|call| call.headers["api-key"].clone())
            .collect();
        assert_eq!(keys, ["key-of-another-2"; 2]);
    }
    drop(process);
}

#[tokio::test]
async fn given_keys_are_tried_each_once() {
    let mut stage = Stage::new().await;
    stage.provider.add_chatbot("Another", "key-of-another");
    stage
        .variables
        .push(("CAIGUNN_API_KEY", "key-of-another,key-one".to_owned()));

    let (_, code) = stage.json(&Ids::fresh(), &[]).await;

    assert_eq!(code, Some(1));
    assert_eq!(stage.calls().len(), 2);
}
