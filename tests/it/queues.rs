//! Promise: what was accepted reaches a queue as it reaches a URL: at least once, each job in its order, whatever becomes
//! of the queue and the receiver in between; what comes again bears the id that it had, but for a replay, which arrives.

#[cfg(feature = "kafka")]
mod kafka;
mod nats;
mod redis;
mod server;
mod sqs;
mod trust;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use caigunn_webhook::delivery::secret;
use secrecy::ExposeSecret;
use serde_json::Value;
use server::Server;
use standardwebhooks::Webhook;
use tempfile::TempDir;

use crate::delivery::{Jobs, deliveries, post_jobs, wait_for_state};
use crate::harness::process::{Ended, run};
use crate::harness::{Process, client, closed_folder, json, sample, wait_for};

/// What the destinations of these tests sign with.
pub const SIGNING_SECRET: &str = "whsec_cGxhbnRlZC1wbGFudGVkLXBsYW50ZWQtcGxhbnRlZA==";

/// A schedule that goes on for longer than any outage of these tests, without long waits.
const SCHEDULE: &str = "0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1";

/// A receiver that delivers to queues, in a process of its own.
pub struct Receiver {
    folder: TempDir,
    destinations: String,
    variables: Vec<(String, String)>,
    process: Process,
}

impl Receiver {
    /// Starts one with these destinations: each the members of a table, besides the secret.
    pub async fn start(destinations: &[String]) -> Self {
        Self::start_with(destinations, &[]).await
    }

    /// As [`Receiver::start`], with these variables.
    pub async fn start_with(destinations: &[String], variables: &[(&str, &str)]) -> Self {
        let folder = closed_folder();
        let tables = destinations.iter();
        let tables = tables.map(|members| format!(r#"{{{members}, secrets = ["{SIGNING_SECRET}"]}}"#));
        let destinations = format!("[{}]", tables.collect::<Vec<_>>().join(", "));
        let variables = variables.iter();
        let variables: Vec<_> = variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let process = Self::launch(&folder, &destinations, &variables).await;
        Self {
            folder,
            destinations,
            variables,
            process,
        }
    }

    /// Kills it, and starts it again.
    pub async fn kill_and_restart(&mut self) {
        self.process.kill();
        self.process = Self::launch(&self.folder, &self.destinations, &self.variables).await;
    }

    async fn launch(folder: &TempDir, destinations: &str, variables: &[(String, String)]) -> Process {
        let mut command = Process::command(folder.path());
        command
            .env("CAIGUNN_DELIVERY_DESTINATION", destinations)
            .env("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", SCHEDULE)
            .envs(variables.iter().cloned());
        Process::spawn(folder.path(), command).await
    }

    pub fn public(&self) -> SocketAddr {
        self.process.public
    }

    pub fn admin(&self) -> SocketAddr {
        self.process.admin
    }

    /// What it has logged since it was started.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until it has logged that.
    pub async fn wait_for_log(&self, part: &str) {
        self.process.wait_for_log(part, 1).await;
    }

    /// Waits until the last failure of a destination is told so; all that is told of it.
    pub async fn wait_for_failure(&self, destination: &str, part: &str) -> Value {
        wait_for(&format!("{part:?} to be told"), || async {
            let url = format!("http://{}/api/v1/destinations", self.admin());
            let response = client().get(url).send().await.expect("the API answers");
            let shown: Value = response.json().await.expect("the API answers JSON");
            let all = shown["destinations"].as_array().expect("a list");
            let found = all.iter().find(|shown| shown["name"] == destination).cloned();
            let found = found.expect("it is configured");
            let detail = found["status"]["last_failure"]["detail"]
                .as_str()
                .unwrap_or_default();
            if detail.contains(part) {
                Ok(found)
            } else {
                Err(found.to_string())
            }
        })
        .await
    }

    /// Posts a notification whose body has so many bytes; its receipt.
    pub async fn post_long(&self, bytes: usize) -> String {
        let mut document = json(&sample("crawling.initial"));
        document["padding"] = "".into();
        let short = document.to_string().len();
        document["padding"] = "x".repeat(bytes - short).into();
        let request = client()
            .post(format!("http://{}/webhook", self.public()))
            .header("content-type", "application/json")
            .body(document.to_string());
        let response = request.send().await.expect("the receiver answers");
        assert_eq!(response.status(), 200);
        let answer: Value = response.json().await.expect("the receiver answers JSON");
        answer["receipt_id"].as_str().expect("a text").to_owned()
    }

    /// Waits until the only dead letter is that receipt's; its last attempt.
    pub async fn wait_for_dead(&self, receipt_id: &str) -> Value {
        let dead = wait_for("a dead letter", || async {
            let dead = deliveries(self.admin(), "state=dead").await;
            if dead.len() == 1 {
                Ok(dead)
            } else {
                Err(format!("{dead:?}"))
            }
        })
        .await;
        assert_eq!(dead[0]["receipt_id"], receipt_id);
        let destination = dead[0]["destination"].as_str().expect("a text");
        let path = format!("/deliveries/{destination}/{receipt_id}");
        let url = format!("http://{}/api/v1{path}", self.admin());
        let response = client().get(url).send().await.expect("the API answers");
        response.json().await.expect("the API answers JSON")
    }
}

/// What `doctor` says of a destination with these members.
pub async fn doctor(members: &str) -> Ended {
    doctor_with(members, &[]).await
}

/// As [`doctor`], with these variables.
pub async fn doctor_with(members: &str, variables: &[(&str, &str)]) -> Ended {
    let folder = closed_folder();
    let mut command = Process::command(folder.path());
    command.arg("doctor").envs(variables.iter().copied());
    command.env("CAIGUNN_DELIVERY_DESTINATION", format!("[{{{members}}}]"));
    let ended = run(command).await;
    assert!(!ended.output.contains("planted"), "{}", ended.output);
    assert!(!ended.errors.contains("planted"), "{}", ended.errors);
    ended
}

/// Fails unless what found the queue's server gone goes out once that is there again, whatever the schedule wants.
pub async fn assert_goes_out_when_it_is_back(server: &mut Server, destination: String) {
    let receiver = Receiver::start_with(&[destination], &[ONE_TRY]).await;
    server.kill_9();
    post_jobs(receiver.public(), 1).await;
    let place = server.address.to_string();
    receiver.wait_for_failure("queue", &place).await;

    server.restart().await;

    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;
}

/// A schedule of one try, after which a delivery waits for longer than anything is waited for here.
pub const ONE_TRY: (&str, &str) = ("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", "0,3600");

/// A schedule of two tries, after which a delivery waits for longer than anything is waited for here.
pub const TWO_TRIES: (&str, &str) = ("CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS", "0,1,3600");

/// Waits until one delivery to the queue is pending that was tried so often; its receipt's id.
pub async fn wait_for_tries(admin: SocketAddr, count: u64) -> String {
    wait_for(&format!("{count} attempts"), || async {
        let pending = deliveries(admin, "destination=queue&state=pending").await;
        let tried = pending
            .iter()
            .find(|delivery| delivery["attempt_count"].as_u64() >= Some(count));
        match tried {
            Some(delivery) => Ok(delivery["receipt_id"].as_str().expect("a text").to_owned()),
            None => Err(format!("{pending:?}")),
        }
    })
    .await
}

/// Fails unless `doctor` says that, in a line that begins so.
#[track_caller]
pub fn assert_says(ended: &Ended, verdict: &str, part: &str) {
    let start = format!("{verdict} destination: ");
    let has_line = ended
        .output
        .lines()
        .any(|line| line.starts_with(&start) && line.contains(part));
    assert!(has_line, "{verdict}{part}\n{}", ended.output);
}

/// Makes a certificate for this machine in that folder, and its key: `certificate.pem` and `key.pem`.
pub fn certify(folder: &Path) {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let files = [
        ("certificate.pem", certified.cert.pem()),
        ("key.pem", certified.signing_key.serialize_pem()),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("the folder takes files");
    }
}

/// A message as a consumer saw it.
#[derive(Clone, Debug)]
pub struct Message {
    /// What the queue was told to know it by.
    pub message_id: String,
    /// By their names.
    pub headers: HashMap<String, String>,
    pub body: Bytes,
}

impl Message {
    pub fn webhook_id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// Fails unless nothing is missing, each job's messages came in its order (a repeat after its first is where it may be),
/// what came again bears the id that it had, and all of them verify as they would over HTTP.
pub fn assert_sound(seen: &[Message], jobs: &Jobs) {
    let verifier = secret(SIGNING_SECRET).expect("a secret");
    let verifier = Webhook::new(verifier.expose_secret()).expect("a secret");
    let mut first: HashMap<&str, (usize, &Message)> = HashMap::new();
    for (place, message) in seen.iter().enumerate() {
        let headers = message.headers.iter();
        let headers = headers.filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        let verified = verifier.verify(&message.body, &headers.collect::<reqwest::header::HeaderMap>());
        verified.expect("what a queue has verifies");
        let (_, other) = first.entry(message.webhook_id()).or_insert((place, message));
        assert_eq!(
            other.message_id, message.message_id,
            "it came again under another id"
        );
        assert_eq!(other.body, message.body);
    }
    for (job, ids) in jobs {
        let places: Vec<_> = ids
            .iter()
            .map(|id| {
                first
                    .get(&**id)
                    .unwrap_or_else(|| panic!("{id} of job {job} is missing"))
                    .0
            })
            .collect();
        assert!(places.is_sorted(), "of job {job} they came at {places:?}");
    }
    let count: usize = jobs.values().map(Vec::len).sum();
    assert_eq!(first.len(), count, "something came that nobody posted");
}

mod oracle {
    //! That it sees what it is to see.

    use caigunn_webhook::clock::Timestamp;

    use super::*;

    /// A message that verifies, of that receipt, under that id.
    fn message(webhook_id: &str, message_id: &str) -> Message {
        let at = Timestamp::now().as_micros() / 1_000_000;
        let body = Bytes::from_static(b"{}");
        let secret = secret(SIGNING_SECRET).unwrap();
        let signature = Webhook::new(secret.expose_secret()).unwrap();
        let signature = signature.sign(webhook_id, at, &body).unwrap();
        let headers = [
            ("webhook-id", webhook_id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signature),
        ];
        Message {
            message_id: message_id.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body,
        }
    }

    fn jobs() -> Jobs {
        Jobs::from([("job".to_owned(), vec!["a".to_owned(), "b".to_owned()])])
    }

    #[test]
    fn a_repeat_under_its_id_is_sound_wherever_it_comes() {
        let (a, b) = (message("a", "a"), message("b", "b"));
        assert_sound(&[a.clone(), a.clone(), b, a], &jobs());
    }

    #[test]
    #[should_panic(expected = "b of job job is missing")]
    fn what_is_missing_is_seen() {
        assert_sound(&[message("a", "a")], &jobs());
    }

    #[test]
    #[should_panic(expected = "of job job they came at [1, 0]")]
    fn another_order_is_seen() {
        assert_sound(&[message("b", "b"), message("a", "a")], &jobs());
    }

    #[test]
    #[should_panic(expected = "it came again under another id")]
    fn a_repeat_under_another_id_is_seen() {
        assert_sound(
            &[message("a", "a"), message("b", "b"), message("b", "b.1")],
            &jobs(),
        );
    }

    #[test]
    #[should_panic(expected = "what a queue has verifies")]
    fn a_body_that_was_changed_is_seen() {
        let mut changed = message("a", "a");
        changed.body = Bytes::from_static(b"{} ");
        assert_sound(&[changed], &jobs());
    }
}
