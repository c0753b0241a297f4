//! Promise: what CaiGunn's webhook did not bring is brought from its log, once, and without troubling CaiGunn more
//! than was agreed.

mod failures;
mod keys;
mod logs;
mod restart;
mod rounds;
mod route;
mod seen;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use caigunn_webhook::backfill::{Backfill, Mode, Progress, Rounds, Seen, Settings};
use caigunn_webhook::caigunn::keyring::Keyring;
use caigunn_webhook::caigunn::{self, Client};
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::config::{self, Sources};
use caigunn_webhook::event::sample::Ids;
use caigunn_webhook::event::{ChatbotId, EventId, Notification, Wire};
use caigunn_webhook::inbox::announce::Announcer;
use caigunn_webhook::inbox::sqlite::SqliteInbox;
use caigunn_webhook::inbox::{
    Appended, Entry, Inbox, NewReceipt, Origin, ReceiptId, RequestId, Stored, Writer,
};
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;
use tracing::subscriber::DefaultGuard;
use uuid::Uuid;

use crate::harness::provider::{Call, Reply, Route};
use crate::harness::{PATIENCE, Provider, json, pass, sample_with};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The defaults, but that calls do not wait for one another.
const SETTINGS: Settings = Settings {
    after: Duration::from_secs(120),
    interval: MINUTE,
    concurrency: 4,
    max_calls_per_minute: 6_000_000,
    give_up_after: Duration::from_secs(7 * 86_400),
    refused_retry: HOUR,
};

/// An inbox and a fake of CaiGunn, between which rounds are stepped by hand.
struct Stage {
    provider: Provider,
    chatbot_id: ChatbotId,
    inbox: Arc<dyn Inbox>,
    progress: Progress,
    keyring: Keyring,
    log: Log,
    client: Client,
    backfill: Backfill,
    folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        Self::with(&SETTINGS).await
    }

    async fn with(settings: &Settings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let provider = Provider::start([]).await;
        let chatbot_id = provider.chatbot_id("key-one");
        let (inbox, writer) = open(folder.path());
        let client = client(&provider);
        let backfill = Backfill::new(Arc::clone(&inbox), writer, client.clone(), settings);
        Self {
            chatbot_id,
            inbox,
            progress: Progress::default(),
            keyring: keyring(&client, &[]).await,
            log: Log::begin(),
            client,
            backfill,
            provider,
            folder,
        }
    }

    fn rounds(&self) -> Rounds {
        self.rounds_with(SETTINGS)
    }

    fn rounds_with(&self, settings: Settings) -> Rounds {
        Rounds::new(settings, self.backfill.clone(), self.progress.clone())
    }

    /// A job whose `initial` was received that long before `now`; nothing of it is in CaiGunn's log.
    async fn begin(&self, now: Timestamp, age: Duration) -> Ids {
        let ids = Ids {
            chatbot_id: self.chatbot_id,
            ..Ids::fresh()
        };
        self.receive("crawling.initial", &ids, now.minus(age)).await;
        ids
    }

    /// Jobs of the same age, the first of which came first.
    async fn begin_many<const N: usize>(&self, now: Timestamp, age: Duration) -> [Ids; N] {
        let mut jobs = [Ids::fresh(); N];
        for job in &mut jobs {
            *job = self.begin(now, age).await;
        }
        jobs
    }

    /// Puts a notification into the inbox, as a webhook does.
    async fn receive(&self, name: &str, ids: &Ids, at: Timestamp) {
        self.receive_as(name, ids, Wire::V2024_07, at).await;
    }

    async fn receive_as(&self, name: &str, ids: &Ids, wire: Wire, at: Timestamp) {
        let entry = entry(&sample_with(name, ids, wire), at);
        let stored = self.inbox.append(vec![entry]).await.expect("the inbox works");
        assert!(stored[0].is_ok(), "{stored:?}");
    }

    /// Lets CaiGunn end a job, without posting it.
    fn complete(&self, ids: &Ids) {
        complete(&self.provider, ids);
    }

    /// Which notifications of a job are in the inbox, and how they came.
    async fn held(&self, ids: &Ids) -> Vec<(String, Origin)> {
        let receipts = self.inbox.job(ids.event_id).await.expect("the inbox works");
        let held = receipts.iter();
        held.map(|receipt| (receipt.event.to_string(), receipt.origin))
            .collect()
    }

    /// Whether a job's end was brought.
    async fn is_completed(&self, ids: &Ids) -> bool {
        let end = ("crawling.completed".to_owned(), Origin::Backfill);
        self.held(ids).await.contains(&end)
    }

    /// The jobs that CaiGunn was asked about, in order.
    fn asked(&self) -> Vec<EventId> {
        let calls = self.provider.calls_of(Route::EventLog);
        calls.iter().map(asked_about).collect()
    }

    /// How many jobs are open and how many of them were given up, as of the last look.
    fn seen(&self) -> [usize; 2] {
        let Seen {
            open_count,
            stalled_count,
            ..
        } = self.progress.seen();
        [open_count, stalled_count].map(|count| count.expect("it has looked"))
    }
}

fn open(folder: &Path) -> (Arc<dyn Inbox>, Writer) {
    let settings = config::load(&Sources::default())
        .expect("the defaults are right")
        .settings;
    let inbox = SqliteInbox::open(&folder.join("inbox.db"), settings.inbox).expect("the inbox opens");
    let inbox: Arc<dyn Inbox> = Arc::new(inbox);
    let (writer, writing) = Writer::new(Arc::clone(&inbox), settings.writer, Announcer::default());
    tokio::spawn(writing);
    (inbox, writer)
}

fn client(provider: &Provider) -> Client {
    let settings = caigunn::Settings {
        url: provider.url().parse().expect("a URL"),
        access_token: "access-token".into(),
        timeout: PATIENCE,
    };
    Client::new(settings).expect("a client")
}

/// The keys of all chatbots, and some more that were given.
async fn keyring(client: &Client, given: &[&str]) -> Keyring {
    let listing = client.chatbots().await.expect("the fake lists them");
    let listed = listing.chatbots.into_iter();
    let listed = listed.map(|chatbot| (Some(chatbot.id), chatbot.api_key));
    listed.chain(given_keys(given)).collect()
}

/// Keys that no listed chatbot has.
fn given_keys(given: &[&str]) -> impl Iterator<Item = (Option<ChatbotId>, SecretString)> {
    given.iter().map(|key| (None, SecretString::from(*key)))
}

fn entry(notification: &Notification, at: Timestamp) -> Entry {
    let body = json(notification).to_string().into();
    let request_id = RequestId::new(Uuid::now_v7());
    Entry::Receipt(NewReceipt::new(
        notification,
        body,
        at,
        request_id,
        Origin::Webhook,
    ))
}

/// Logs the two notifications of a crawl.
fn complete(provider: &Provider, ids: &Ids) {
    for name in ["crawling.initial", "crawling.completed"] {
        provider.log_event(ids.chatbot_id, &json(&sample_with(name, ids, Wire::V2024_07)));
    }
}

fn asked_about(call: &Call) -> EventId {
    let last = call.path.rsplit('/').next();
    last.and_then(|id| id.parse().ok())
        .expect("the path ends with a job")
}

/// What this thread logs, while it is kept.
struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn begin() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            lines,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    fn lines(&self) -> Vec<Value> {
        let text = self.lines.0.lock().unwrap().clone();
        let text = String::from_utf8(text).expect("the log is text");
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect()
    }

    /// The messages of a level, such as `WARN`.
    fn messages(&self, level: &str) -> Vec<String> {
        let lines = self.lines().into_iter().filter(|line| line["level"] == level);
        lines
            .map(|line| line["message"].as_str().expect("a line has a message").to_owned())
            .collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
