//! Promise: what was accepted reaches every destination that wants it, at least once, each job in its order, whatever
//! becomes of the destination, the receiver and the store in between; and nothing counts as delivered before the
//! destination has said so. The same on both stores.

mod answers;
mod backfill;
mod commands;
mod crash;
mod destinations;
mod flood;
mod metrics;
mod narrow;
mod notices;
mod odd_bodies;
mod outages;
mod replicas;
mod retention;
mod returning;
mod scenario;
mod stop;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use caigunn_webhook::event::Wire;
use caigunn_webhook::event::sample::Ids;
use futures_util::stream::{self, StreamExt};
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::harness::posters::text;
use crate::harness::postgres::{Database, fresh_database};
use crate::harness::{App, Process, client, closed_folder, json, sample_with, spawn_app_with, wait_for};

/// Makes two tests of each function: on SQLite and on PostgreSQL.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::delivery::Store::sqlite()).await;
                }
            )*
        }
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if let Some(store) = $crate::delivery::Store::postgres().await {
                        super::$name(store).await;
                    }
                }
            )*
        }
    };
}
use on_both_stores;

/// Where the receivers of a test keep their inbox, and their logs.
struct Store {
    folder: TempDir,
    database: Option<Database>,
}

impl Store {
    fn sqlite() -> Self {
        Self {
            folder: closed_folder(),
            database: None,
        }
    }

    #[track_caller]
    fn postgres() -> impl Future<Output = Option<Self>> {
        let database = fresh_database();
        async {
            let database = database.await?;
            Some(Self {
                database: Some(database),
                ..Self::sqlite()
            })
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn url(&self) -> String {
        match &self.database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite:{}", self.folder().join("inbox.db").display()),
        }
    }

    /// A receiver in this process that delivers to these destinations, in TOML.
    async fn receiver(&self, destinations: &str, keys: &[(&str, &str)]) -> App {
        let url = self.url();
        let all = [
            ("inbox.url", url.as_str()),
            ("delivery.destination", destinations),
        ];
        spawn_app_with(&[&all, keys].concat()).await
    }

    /// A receiver in a process of its own.
    async fn process(&self, destinations: &str, variables: &[(&str, &str)]) -> Process {
        let url = self.url();
        let all = [
            ("CAIGUNN_INBOX_URL", url.as_str()),
            ("CAIGUNN_DELIVERY_DESTINATION", destinations),
        ];
        Process::start(self.folder(), &[&all, variables].concat()).await
    }
}

/// Destinations in TOML: each with its name, its URL and whatever else.
fn destinations(all: &[(&str, &str, &str)]) -> String {
    let tables = all
        .iter()
        .map(|(name, url, more)| format!(r#"{{name = "{name}", kind = "http", url = "{url}", {more}}}"#));
    format!("[{}]", tables.collect::<Vec<_>>().join(", "))
}

/// What was posted: the ids of the receipts of each job, in the order of acceptance.
pub type Jobs = HashMap<String, Vec<String>>;

/// Posts so many jobs, some at a time, each with its beginning and its end; every post must be answered 200.
pub async fn post_jobs(public: SocketAddr, count: usize) -> Jobs {
    post_names(public, count, &["crawling.initial", "crawling.completed"]).await
}

/// Posts so many jobs with these notifications each, in this order.
pub async fn post_names(public: SocketAddr, count: usize, names: &[&str]) -> Jobs {
    let client = client();
    let posting = (0..count).map(|_| post_job(&client, public, names));
    stream::iter(posting).buffer_unordered(32).collect().await
}

async fn post_job(client: &Client, public: SocketAddr, names: &[&str]) -> (String, Vec<String>) {
    let ids = Ids::fresh();
    let mut receipt_ids = Vec::new();
    let mut event_id = String::new();
    for name in names {
        let body = json(&sample_with(name, &ids, Wire::V2024_07));
        event_id = text(&body, "event_id");
        let url = format!("http://{public}/webhook");
        let response = client.post(url).json(&body).send().await;
        let response = response.expect("the receiver answers");
        assert_eq!(response.status(), 200);
        let answer: Value = response.json().await.expect("the receiver answers JSON");
        receipt_ids.push(text(&answer, "receipt_id"));
    }
    (event_id, receipt_ids)
}

/// All deliveries of the API that match a query, on all pages.
pub async fn deliveries(admin: SocketAddr, query: &str) -> Vec<Value> {
    let client = client();
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let url = format!("http://{admin}/api/v1/deliveries?limit=500&{query}{cursor}");
        let response = client.get(url).send().await.expect("the API answers");
        assert_eq!(response.status(), 200, "{query}");
        let page: Value = response.json().await.expect("the API answers JSON");
        all.extend(page["deliveries"].as_array().expect("a list").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// How many deliveries there are of each state.
async fn counts(admin: SocketAddr, destination: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for delivery in deliveries(admin, &format!("destination={destination}")).await {
        *counts.entry(text(&delivery, "state")).or_default() += 1;
    }
    counts
}

/// Waits until a destination has so many deliveries of a state and no others.
pub async fn wait_for_state(admin: SocketAddr, destination: &str, state: &str, count: usize) {
    let wanted = HashMap::from([(state.to_owned(), count)]);
    wait_for(&format!("{count} deliveries that are {state}"), || async {
        let counts = counts(admin, destination).await;
        if counts == wanted {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    })
    .await;
}

/// Waits until nobody listens there any more.
async fn wait_until_closed(address: SocketAddr) {
    wait_for("the listener to be closed", || async {
        match TcpStream::connect(address).await {
            Ok(_) => Err("it takes connections".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .await;
}

/// Posts to the admin API; the status and the JSON of the answer.
pub async fn order(admin: SocketAddr, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = client().post(format!("http://{admin}/api/v1{path}"));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.expect("the API answers");
    let status = response.status().as_u16();
    (status, response.json().await.expect("the API answers JSON"))
}

/// Has receipts sent once more, and waits until that is done; how far it came.
pub async fn replay(admin: SocketAddr, replay: Value) -> Value {
    let (status, answer) = order(admin, "/replays", Some(replay)).await;
    assert_eq!(status, 202, "{answer}");
    let id = text(&answer["replay"], "id");
    wait_for("the replay to be done", || async {
        let url = format!("http://{admin}/api/v1/replays/{id}");
        let response = client().get(url).send().await.expect("the API answers");
        let answer: Value = response.json().await.expect("the API answers JSON");
        let shown = &answer["replay"];
        match shown["state"].as_str() {
            Some("done") => Ok(shown["progress"].clone()),
            _ => Err(answer.to_string()),
        }
    })
    .await
}
