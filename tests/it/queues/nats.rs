//! NATS JetStream: a real server, which is killed, frozen and purged.

mod told;

use std::fs;
use std::path::Path;

use async_nats::Client;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::server::Server;
use super::{
    Message, ONE_TRY, Receiver, assert_goes_out_when_it_is_back, assert_says, assert_sound, doctor,
    wait_for_tries,
};
use crate::delivery::{Jobs, deliveries, order, post_jobs, replay, wait_for_state};
use crate::harness::wait_for;

/// The subjects of these tests.
const SUBJECTS: &str = "caigunn.>";

/// A server, where there is one.
struct Nats {
    server: Server,
}

impl Nats {
    /// Starts one with JetStream, and with these lines in its configuration.
    async fn start(lines: &str) -> Option<Self> {
        Self::configured(|store| format!("jetstream {{ store_dir: \"{}\" }}\n{lines}", store.display())).await
    }

    /// Starts one with what `lines` makes of where it may store something.
    async fn configured(lines: impl FnOnce(&Path) -> String) -> Option<Self> {
        let Ok(program) = std::env::var("CAIGUNN_TEST_NATS_SERVER") else {
            crate::harness::postgres::leave_out("CAIGUNN_TEST_NATS_SERVER is not set");
            return None;
        };
        let server = Server::start(&program, |address, folder| {
            let file = folder.join("nats.conf");
            let configuration = format!("listen: \"{address}\"\n{}\n", lines(&folder.join("store")));
            fs::write(&file, configuration).expect("the folder takes files");
            vec!["-c".to_owned(), file.display().to_string()]
        });
        Some(Self { server: server.await })
    }

    fn url(&self) -> String {
        format!("nats://{}", self.server.address)
    }

    /// A destination that is a subject of it, with these members besides.
    fn destination(&self, name: &str, more: &str) -> String {
        let url = self.url();
        format!(
            r#"name = "{name}", kind = "nats", url = "{url}", subject = "caigunn.{{event}}.{{status}}", timeout_seconds = 2{more}"#
        )
    }

    async fn client(&self) -> Client {
        let options = async_nats::ConnectOptions::new().user_and_password("all".into(), "planted-all".into());
        options
            .connect(self.url())
            .await
            .expect("the server takes connections")
    }

    /// A call to JetStream.
    async fn call(&self, client: &Client, call: &str, question: &Value) -> Value {
        let subject = format!("$JS.API.{call}");
        let answer = client.request(subject, question.to_string().into()).await;
        let answer = serde_json::from_slice(&answer.expect("JetStream answers").payload);
        let answer: Value = answer.expect("JetStream answers JSON");
        assert_eq!(answer["error"], Value::Null, "{call}");
        answer
    }

    async fn make_stream(&self, client: &Client, more: &Value) {
        let mut config =
            json!({"name": "EVENTS", "subjects": [SUBJECTS], "storage": "file", "num_replicas": 1});
        for (name, value) in more.as_object().into_iter().flatten() {
            config[name] = value.clone();
        }
        self.call(client, "STREAM.CREATE.EVENTS", &config).await;
    }

    /// Changes these members of the stream's configuration.
    async fn edit_stream(&self, client: &Client, changes: &Value) {
        let mut config = self.call(client, "STREAM.INFO.EVENTS", &json!({})).await["config"].clone();
        for (name, value) in changes.as_object().into_iter().flatten() {
            config[name] = value.clone();
        }
        self.call(client, "STREAM.UPDATE.EVENTS", &config).await;
    }

    async fn state(&self, client: &Client) -> Value {
        self.call(client, "STREAM.INFO.EVENTS", &json!({})).await["state"].clone()
    }

    async fn wait_for_messages(&self, client: &Client, count: u64) {
        wait_for(&format!("{count} messages in the stream"), || async {
            let state = self.state(client).await;
            if state["messages"].as_u64() >= Some(count) {
                Ok(())
            } else {
                Err(state.to_string())
            }
        })
        .await;
    }

    /// All that the stream has, as any consumer gets it.
    async fn messages(&self, client: &Client) -> Vec<Message> {
        let state = self.state(client).await;
        let (first, last) = (
            state["first_seq"].as_u64().unwrap(),
            state["last_seq"].as_u64().unwrap(),
        );
        let mut messages = Vec::new();
        for sequence in first..=last {
            let answer = self
                .call(client, "STREAM.MSG.GET.EVENTS", &json!({"seq": sequence}))
                .await;
            let decoded = |name: &str| {
                let text = answer["message"][name].as_str().unwrap_or_default();
                BASE64_STANDARD.decode(text).expect("base64")
            };
            let lines = String::from_utf8(decoded("hdrs")).expect("headers are text");
            let headers = lines.lines().filter_map(|line| line.split_once(": "));
            let headers: std::collections::HashMap<_, _> = headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            messages.push(Message {
                message_id: headers["Nats-Msg-Id"].clone(),
                headers,
                body: decoded("data").into(),
            });
        }
        messages
    }
}

/// A server with the stream, a client to it, and a receiver.
async fn set_up(lines: &str, more: &str) -> Option<(Nats, Client, Receiver)> {
    let nats = Nats::start(lines).await?;
    let client = nats.client().await;
    nats.make_stream(&client, &json!({})).await;
    let receiver = Receiver::start(&[nats.destination("queue", more)]).await;
    Some((nats, client, receiver))
}

fn id_of(jobs: &Jobs) -> String {
    jobs.values().flatten().next().expect("one was posted").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_in_order_whoever_is_killed_or_frozen() {
    let Some((mut nats, client, mut receiver)) = set_up("", "").await else {
        return;
    };
    let mut jobs = post_jobs(receiver.public(), 20).await;

    nats.wait_for_messages(&client, 1).await;
    nats.server.kill_9();
    jobs.extend(post_jobs(receiver.public(), 50).await);
    nats.server.restart().await;
    wait_for_state(receiver.admin(), "queue", "delivered", 140).await;
    nats.server.freeze();
    jobs.extend(post_jobs(receiver.public(), 50).await);
    receiver.wait_for_failure("queue", "within 2 s").await;
    nats.server.thaw();
    let public = receiver.public();
    let (more, ()) = tokio::join!(post_jobs(public, 200), async {
        nats.wait_for_messages(&client, 160).await;
        nats.server.kill_9();
        nats.server.restart().await;
    });
    jobs.extend(more);
    receiver.kill_and_restart().await;
    wait_for_state(receiver.admin(), "queue", "delivered", 640).await;

    let seen = nats.messages(&client).await;
    assert_sound(&seen, &jobs);
    let names = ["content-type", "caigunn-event", "caigunn-attempt"];
    assert!(
        names.iter().all(|name| seen[0].headers.contains_key(*name)),
        "{:?}",
        seen[0]
    );
    assert_eq!(seen.len(), 640, "within its window the stream drops repeats");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_without_a_stream_is_a_failure_until_there_is_one() {
    let Some(nats) = Nats::start("").await else {
        return;
    };
    let client = nats.client().await;
    let receiver = Receiver::start(&[nats.destination("queue", "")]).await;
    let jobs = post_jobs(receiver.public(), 2).await;
    let place = nats.server.address;

    let told = receiver
        .wait_for_failure("queue", "no stream takes subject caigunn.crawling.initial")
        .await;
    assert_eq!(told["to"], format!("{place} caigunn.{{event}}.{{status}}"));
    assert_says(
        &doctor(&nats.destination("queue", "")).await,
        "FAILURE ",
        &format!("queue: {place}: no stream takes subject caigunn.*.*"),
    );
    nats.make_stream(&client, &json!({})).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;

    assert_sound(&nats.messages(&client).await, &jobs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_finds_no_stream_where_one_was_goes_out_when_it_is_back_whatever_the_schedule_wants() {
    let Some(mut nats) = Nats::start("").await else {
        return;
    };
    let client = nats.client().await;
    nats.make_stream(&client, &json!({})).await;
    let receiver = Receiver::start_with(&[nats.destination("queue", "")], &[ONE_TRY]).await;
    post_jobs(receiver.public(), 1).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;

    nats.call(&client, "STREAM.DELETE.EVENTS", &json!({})).await;
    post_jobs(receiver.public(), 1).await;
    wait_for_tries(receiver.admin(), 1).await;
    receiver
        .wait_for_failure("queue", "no stream takes subject caigunn.crawling.initial")
        .await;
    nats.make_stream(&client, &json!({})).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;

    // A server that is leaving has no JetStream any more, and keeps its connections.
    nats.server.signal("USR2");
    wait_for("JetStream to be gone", || async {
        match client.request("$JS.API.INFO", "".into()).await {
            Ok(_) => Err("it answers".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .await;
    post_jobs(receiver.public(), 1).await;
    wait_for_tries(receiver.admin(), 1).await;
    nats.server.kill_9();
    nats.server.restart().await;
    wait_for_state(receiver.admin(), "queue", "delivered", 6).await;
}

#[tokio::test]
async fn what_found_it_gone_goes_out_when_it_is_back() {
    let Some(mut nats) = Nats::start("").await else {
        return;
    };
    let client = nats.client().await;
    nats.make_stream(&client, &json!({})).await;

    let destination = nats.destination("queue", "");
    assert_goes_out_when_it_is_back(&mut nats.server, destination).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_arrives_under_an_id_of_its_own_also_after_a_purge() {
    let Some((nats, client, receiver)) = set_up("", "").await else {
        return;
    };
    let jobs = post_jobs(receiver.public(), 1).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;
    let id = id_of(&jobs);

    replay(receiver.admin(), json!({"receipt_ids": [id]})).await;
    nats.wait_for_messages(&client, 3).await;
    let last = nats.messages(&client).await.remove(2);
    assert_eq!(
        (last.webhook_id(), &*last.message_id),
        (&*id, &*format!("{id}.1"))
    );
    nats.call(&client, "STREAM.PURGE.EVENTS", &json!({})).await;
    replay(receiver.admin(), json!({"receipt_ids": [id]})).await;
    nats.wait_for_messages(&client, 1).await;

    let again = nats.messages(&client).await;
    assert_eq!(
        (again[0].webhook_id(), &*again[0].message_id),
        (&*id, &*format!("{id}.2"))
    );
}

/// Posts one job while the destination is paused, has its first message published under the id that it will have, as that
/// destination does, and lets it go, after a purge if that is wanted; the receipt's id.
async fn deliver_what_the_stream_knows(
    nats: &Nats,
    client: &Client,
    receiver: &Receiver,
    is_purged: bool,
) -> String {
    order(receiver.admin(), "/destinations/queue/pause?reason=a+test", None).await;
    let jobs = post_jobs(receiver.public(), 1).await;
    let ids = jobs.values().next().unwrap().clone();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", &*ids[0]);
    headers.insert("caigunn-destination", "queue");
    let subject = "caigunn.crawling.initial";
    let published = client
        .request_with_headers(subject, headers, "published before".into())
        .await;
    published.expect("the stream takes it");
    if is_purged {
        nats.call(client, "STREAM.PURGE.EVENTS", &json!({})).await;
    }
    let (status, _) = order(receiver.admin(), "/destinations/queue/resume", None).await;
    assert_eq!(status, 200);
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;
    ids[0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_stream_says_it_had_is_published_again_where_it_is_gone() {
    let Some((nats, client, receiver)) = set_up("", "").await else {
        return;
    };
    let id = deliver_what_the_stream_knows(&nats, &client, &receiver, true).await;

    let messages = nats.messages(&client).await;
    let ids: Vec<_> = messages.iter().map(|message| &*message.message_id).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_eq!(
        (ids[0], messages[0].webhook_id()),
        (&*format!("{id}@queue"), &*id)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_stream_had_already_is_not_published_again() {
    let Some((nats, client, receiver)) = set_up("", "").await else {
        return;
    };
    let id = deliver_what_the_stream_knows(&nats, &client, &receiver, false).await;

    let state = nats.state(&client).await;
    assert_eq!(state["messages"], 2, "{id}");
    let ids: Vec<_> = deliveries(receiver.admin(), "destination=queue&state=delivered").await;
    assert!(ids.iter().any(|delivery| delivery["receipt_id"] == id), "{ids:?}");
}

/// How the last attempt at that receipt's delivery ended, in words.
async fn last_detail(receiver: &Receiver, id: &str) -> String {
    let url = format!("http://{}/api/v1/deliveries/queue/{id}", receiver.admin());
    let response = crate::harness::client().get(url).send().await;
    let shown: Value = response
        .expect("the API answers")
        .json()
        .await
        .expect("the API answers JSON");
    let last = shown["attempts"].as_array().and_then(|attempts| attempts.last());
    last.expect("it was tried")["detail"]
        .as_str()
        .expect("a text")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_stream_had_under_another_subject_is_not_published_again() {
    let Some(nats) = Nats::start("").await else {
        return;
    };
    let client = nats.client().await;
    let transform = json!({"subject_transform": {"src": SUBJECTS, "dest": "other.>"}});
    nats.make_stream(&client, &transform).await;
    let receiver = Receiver::start(&[nats.destination("queue", "")]).await;

    let id = deliver_what_the_stream_knows(&nats, &client, &receiver, false).await;

    assert_eq!(nats.state(&client).await["messages"], 2, "{id}");
    let detail = last_detail(&receiver, &id).await;
    assert!(
        detail.starts_with("stream EVENTS had it already, as "),
        "{detail}"
    );
    let headers = &nats.messages(&client).await[1].headers;
    assert_eq!(headers["caigunn-destination"], "queue");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_looked_at_is_published_again_and_told_so() {
    let accounts = r#"accounts {
        OWNER: { jetstream: enabled, users: [{ user: all, password: "planted-all" }], exports: [{ service: "caigunn.>" }] }
        OTHER: { users: [{ user: other, password: "planted-other" }],
            imports: [{ service: { account: OWNER, subject: "caigunn.>" } }] }
    }"#;
    let other = r#", user = "other", password = "planted-other""#;
    let Some((nats, client, receiver)) = set_up(accounts, other).await else {
        return;
    };

    let id = deliver_what_the_stream_knows(&nats, &client, &receiver, false).await;

    assert_eq!(nats.state(&client).await["messages"], 3, "{id}");
    let detail = last_detail(&receiver, &id).await;
    let reason =
        format!("it knew {id}, and whether of this message could not be looked at (JetStream not enabled");
    assert!(detail.contains(&reason), "{detail}");
    let found = doctor(&nats.destination("queue", other)).await;
    assert_says(
        &found,
        "warning ",
        "has no JetStream for this account, so its streams",
    );
    assert!(!found.output.contains("publish to $JS"), "{}", found.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_destinations_in_one_stream_both_arrive() {
    let Some(nats) = Nats::start("").await else {
        return;
    };
    let client = nats.client().await;
    nats.make_stream(&client, &json!({})).await;
    let url = nats.url();
    let destination =
        |name: &str| format!(r#"name = "{name}", kind = "nats", url = "{url}", subject = "caigunn.{name}""#);
    // The second one is named as a replay is numbered.
    let receiver = Receiver::start(&[destination("one"), destination("1")]).await;

    post_jobs(receiver.public(), 5).await;
    for name in ["one", "1"] {
        wait_for_state(receiver.admin(), name, "delivered", 10).await;
    }
    assert_eq!(nats.state(&client).await["messages"], 20);
    for name in ["one", "1"] {
        replay(receiver.admin(), json!({"destination": name})).await;
    }

    nats.wait_for_messages(&client, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_destinations_with_one_subject_both_arrive() {
    let Some(nats) = Nats::start("").await else {
        return;
    };
    let client = nats.client().await;
    nats.make_stream(&client, &json!({})).await;
    let other = nats.destination("other", r#", format = "cloudevents""#);
    let receiver = Receiver::start(&[nats.destination("queue", ""), other]).await;

    post_jobs(receiver.public(), 5).await;
    for name in ["queue", "other"] {
        wait_for_state(receiver.admin(), name, "delivered", 10).await;
    }

    let messages = nats.messages(&client).await;
    for name in ["queue", "other"] {
        let of_one = messages
            .iter()
            .filter(|message| message.headers["caigunn-destination"] == name);
        assert_eq!(of_one.count(), 10, "{name}");
    }
    assert!(
        receiver
            .log()
            .contains("destinations queue and other are one queue")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_a_dead_letter_at_once_and_one_below_it_arrives() {
    let Some((nats, client, receiver)) = set_up("max_payload: 65536", "").await else {
        return;
    };

    // With its headers it is too long.
    let id = receiver.post_long(65_536).await;
    let told = receiver.wait_for_dead(&id).await.to_string();
    assert!(told.contains("and 65536 are the most that"), "{told}");
    assert!(told.contains(r#""attempt_count":1"#), "{told}");
    receiver.post_long(64_000).await;
    nats.wait_for_messages(&client, 1).await;
    assert_eq!(nats.messages(&client).await[0].body.len(), 64_000);

    // The stream's own limit.
    nats.edit_stream(&client, &json!({"max_msg_size": 4096})).await;
    let receiver = Receiver::start(&[nats.destination("queue", "")]).await;
    let id = receiver.post_long(5000).await;
    let told = receiver.wait_for_dead(&id).await.to_string();
    assert!(
        told.contains("bytes with its headers: message size exceeds"),
        "{told}"
    );
}
