//! The program in this process: port 0, an inbox of its own, stopped in order when dropped by [`App::stop`].

use std::net::SocketAddr;
use std::sync::Arc;

use caigunn_webhook::app;
use caigunn_webhook::config::{self, Settings, Sources};
use caigunn_webhook::inbox::Inbox;
use caigunn_webhook::systemd::Sockets;
use reqwest::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{client, closed_folder};

/// A running receiver.
pub struct App {
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub client: Client,
    stop: CancellationToken,
    running: JoinHandle<Result<(), app::Error>>,
    folder: TempDir,
}

/// Starts a receiver with the defaults.
pub async fn spawn_app() -> App {
    spawn_app_with(&[]).await
}

/// Starts a receiver with some keys set, as in `("webhook.token", "secret")`.
pub async fn spawn_app_with(keys: &[(&str, &str)]) -> App {
    let folder = closed_folder();
    start(folder, keys).await
}

/// As [`spawn_app_with`], on an open inbox.
pub async fn spawn_app_on(inbox: Arc<dyn Inbox>, keys: &[(&str, &str)]) -> App {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let app = app::App::on(inbox, settings(&folder, keys), Sockets::default()).expect("the app builds");
    run(app, folder)
}

async fn start(folder: TempDir, keys: &[(&str, &str)]) -> App {
    let app = app::App::build(settings(&folder, keys), Sockets::default()).await;
    run(app.expect("the app builds"), folder)
}

fn settings(folder: &TempDir, keys: &[(&str, &str)]) -> Settings {
    let inbox = format!("sqlite:{}", folder.path().join("inbox.db").display());
    let defaults = [
        ("server.listen", "127.0.0.1:0"),
        ("admin.listen", "127.0.0.1:0"),
        ("inbox.url", &inbox),
    ];
    let flags = defaults
        .iter()
        .chain(keys)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let sources = Sources {
        flags: flags.collect(),
        ..Sources::default()
    };
    config::load(&sources)
        .expect("the test's configuration is right")
        .settings
}

fn run(app: app::App, folder: TempDir) -> App {
    let (public, admin) = (app.public_address(), app.admin_address());
    let stop = CancellationToken::new();
    let running = tokio::spawn(app.run(stop.clone()));
    let client = client();
    App {
        public,
        admin,
        client,
        stop,
        running,
        folder,
    }
}

impl App {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.public)
    }

    /// Posts JSON to `/webhook`.
    pub async fn post(&self, body: &Value) -> Response {
        self.post_to("/webhook", body).await
    }

    pub async fn post_to(&self, path: &str, body: &Value) -> Response {
        self.client
            .post(self.url(path))
            .json(body)
            .send()
            .await
            .expect("the receiver answers")
    }

    /// Posts bytes with that content type.
    pub async fn post_bytes(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self
            .client
            .post(self.url("/webhook"))
            .header("content-type", content_type)
            .body(body);
        request.send().await.expect("the receiver answers")
    }

    /// GETs a path of the public side.
    pub async fn get(&self, path: &str) -> Response {
        self.client
            .get(self.url(path))
            .send()
            .await
            .expect("the receiver answers")
    }

    /// GETs a path of the admin side.
    pub async fn admin(&self, path: &str) -> Response {
        let url = format!("http://{}{path}", self.admin);
        self.client.get(url).send().await.expect("the admin side answers")
    }

    /// GETs JSON of the admin API, which must answer 200.
    pub async fn api(&self, path: &str) -> Value {
        let response = self.admin(&format!("/api/v1{path}")).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.expect("the API answers JSON")
    }

    /// Every receipt, newest first.
    pub async fn receipts(&self) -> Vec<Value> {
        self.api("/receipts?limit=500").await["receipts"]
            .as_array()
            .expect("a list")
            .clone()
    }

    /// Ends it as a kill would: nothing of it runs any more, and nothing is put in order.
    pub async fn kill(self) {
        self.running.abort();
        let ended = self.running.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()));
    }

    /// Stops in order; the inbox stays for [`Stopped::start`].
    pub async fn stop(self) -> Stopped {
        self.stop.cancel();
        self.running
            .await
            .expect("the app does not panic")
            .expect("the app stops in order");
        Stopped { folder: self.folder }
    }
}

/// What is left of a receiver that was stopped: its inbox.
pub struct Stopped {
    folder: TempDir,
}

impl Stopped {
    /// Starts another receiver on the same inbox.
    pub async fn start(self, keys: &[(&str, &str)]) -> App {
        start(self.folder, keys).await
    }
}
