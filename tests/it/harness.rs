//! What the tests stand on: the program in this process ([`app`]) or in one of its own ([`process`]), a fake of
//! CaiGunn's API ([`provider`]), a user's application ([`application`]), a tunnel ([`tunnel`]), all of these together
//! ([`site`]), a real PostgreSQL ([`postgres`]), nginx ([`nginx`]) and Caddy ([`caddy`]), the distance to one
//! ([`distance`]), clients that break the rules ([`raw`]) and many that keep them ([`posters`]), the log of what runs
//! on the test's thread ([`recorder`]), and what the system tells of processes ([`processes`]).

pub mod app;
pub mod application;
pub mod caddy;
pub mod distance;
pub mod nginx;
pub mod posters;
pub mod postgres;
pub mod process;
pub mod processes;
pub mod provider;
pub mod raw;
pub mod recorder;
pub mod site;
pub mod tls;
pub mod tunnel;
pub mod unread;

use std::env;
use std::fs::Permissions;
use std::future::Future;
use std::iter;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use caigunn_webhook::delivery::{self, Deliveries, Schedule};
use caigunn_webhook::event::sample::{self, Ids};
use caigunn_webhook::event::{Event, IdTexts, Name, Notification, UploadedFile, Wire};
use caigunn_webhook::inbox::Inbox;
use caigunn_webhook::outgoing;
use reqwest::{Client, ClientBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

pub use app::{App, spawn_app, spawn_app_on, spawn_app_with};
pub use process::Process;
pub use provider::Provider;
pub use recorder::Recorder;
pub use site::Site;

/// The documented events, each once.
pub const EVENT_NAMES: [&str; 9] = [
    "crawling.initial",
    "crawling.completed",
    "crawling.failed",
    "uploading.initial",
    "uploading.completed",
    "uploading.failed",
    "training.initial",
    "training.completed",
    "training.failed",
];

/// How long a test waits for a state before it fails: far longer than it ever takes, so that a slow machine passes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a test looks whether a state has come.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until `look` gives a value; fails with what it last saw.
pub async fn wait_for<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(value) => return value,
            Err(seen) if tokio::time::Instant::now() > deadline => {
                panic!("waited in vain for {what}; last seen: {seen}")
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Lets so much time pass at once, for all that runs in this test.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A port for a server that cannot have the system pick one, or must be found on it again after a restart. No test of
/// this process gets it twice, and it is below those that the system picks.
pub fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(fastrand::u16(20_000..30_000)));
    let mut ports = iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("there is always a next port")
}

/// A server that a test needs: the program that a variable names, or else the one that Debian's package puts there,
/// which is not in everybody's `PATH`. Where there is none, or the variable is empty, the caller leaves the test out.
#[track_caller]
pub fn installed(variable: &str, usual: &str) -> Option<String> {
    let program = match env::var(variable) {
        Ok(program) => Some(program).filter(|program| !program.is_empty()),
        Err(_) => Path::new(usual).exists().then(|| usual.to_owned()),
    };
    if program.is_none() {
        let name = usual.rsplit('/').next().unwrap_or(usual);
        postgres::leave_out(&format!("there is no {name}"));
    }
    program
}

/// A folder that only its owner may look into, as a start makes one. That of `tempdir` is as open as any.
pub fn closed_folder() -> TempDir {
    let mut builder = tempfile::Builder::new();
    let builder = builder.permissions(Permissions::from_mode(0o700));
    builder
        .tempdir()
        .expect("the system has a folder for temporary files")
}

/// Builds clients that go straight to where they are told. None speaks TLS, and reading all certificates of the system takes
/// longer than most of what a client is made for.
pub fn clients() -> ClientBuilder {
    outgoing::provider();
    Client::builder().no_proxy().tls_certs_only([])
}

/// One of them.
pub fn client() -> Client {
    clients().build().expect("a client")
}

/// The way out of a receiver without destinations.
pub fn no_destinations(inbox: &Arc<dyn Inbox>) -> Deliveries {
    let settings = delivery::Settings {
        removal_grace: Duration::from_secs(86_400),
        schedule: Schedule::new(vec![Duration::ZERO]).expect("one try is a schedule"),
        destinations: Vec::new(),
    };
    Deliveries::new(Arc::clone(inbox), &settings, &[], Arc::default())
}

/// The sample of an event name such as `crawling.completed`, with fresh ids, in the newer generation.
pub fn sample(name: &str) -> Notification {
    sample_with(name, &Ids::fresh(), Wire::V2024_07)
}

/// An upload that has completed, of whose files so many failed without a reason.
pub fn upload_of_failed_files(count: usize, ids: &Ids) -> Notification {
    let file = |number| UploadedFile {
        id: ids.training_data_id,
        filename: format!("file-{number}"),
        status: Some(UploadedFile::FAILED.to_owned()),
        detail: None,
    };
    let files = (0..count).map(file).collect();
    sample::notification(Event::UploadingCompleted { files }, ids, Wire::V2024_07)
}

/// The sample of an event name with these ids in that generation.
pub fn sample_with(name: &str, ids: &Ids, wire: Wire) -> Notification {
    let known = sample::events(ids)
        .into_iter()
        .find(|event| event.name().to_string() == name);
    let event = known.unwrap_or_else(|| {
        let (event, status) = name.split_once('.').expect("an event name has a dot");
        let name = Name {
            event: event.to_owned().into(),
            status: status.to_owned().into(),
        };
        Event::Unrecognized {
            name,
            data: None,
            id_texts: IdTexts::default(),
        }
    });
    sample::notification(event, ids, wire)
}

/// The name of a host that is none, and that no resolver is asked for, which may have an answer for every other: a part of a name
/// has at most 63 letters.
pub const NO_HOST: &str = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn.invalid";

/// The JSON that CaiGunn would post.
pub fn json(notification: &Notification) -> Value {
    sample::to_json(notification)
}

/// The text of a header, if it is there.
pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let value = response.headers().get(name)?;
    Some(value.to_str().expect("the receiver's headers are text"))
}

/// Reads a problem document and checks what all of them have in common.
pub async fn problem(response: Response) -> Value {
    let status = response.status().as_u16();
    assert_eq!(
        header(&response, "content-type"),
        Some("application/problem+json")
    );
    let request_id = header(&response, "x-request-id").map(str::to_owned);
    let document: Value = response.json().await.expect("a problem document is JSON");
    let members = document.as_object().expect("a problem document is an object");
    let mut names: Vec<_> = members.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected: &[_] = match status {
        422 => &["detail", "errors", "instance", "status", "title", "type"],
        _ => &["detail", "instance", "status", "title", "type"],
    };
    assert_eq!(names, expected, "{document}");
    assert_eq!(document["status"], status);
    assert_eq!(document["instance"].as_str(), request_id.as_deref());
    assert!(
        request_id.is_some_and(|id| Uuid::try_parse(&id).is_ok()),
        "{document}"
    );
    document
}
