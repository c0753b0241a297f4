//! Amazon SQS: moto stands for it, which is killed and frozen, and botocore judges what is signed.
//!
//! moto keeps nothing over its end, and forgets the deduplication ids of messages that were deleted. So what was
//! acknowledged is fetched before a kill, and that SQS would leave a repeat out is not seen here, only what it would go by.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::server::Server;
use super::{Message, Receiver, assert_says, assert_sound, doctor};
use crate::delivery::{post_jobs, replay, wait_for_state};
use crate::harness::postgres::leave_out;
use crate::harness::{client, free_port, wait_for};

const FIFO: &str = "notifications.fifo";

/// What stands for Amazon's authority: moto goes by the region in it and believes the rest.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=test/20240730/eu-central-1/sqs/aws4_request, SignedHeaders=host, Signature=0";

/// A Python that has moto and botocore, where there is one.
#[track_caller]
fn python() -> Option<String> {
    let python = std::env::var("CAIGUNN_TEST_MOTO").ok();
    if python.is_none() {
        leave_out("CAIGUNN_TEST_MOTO is not set");
    }
    python
}

/// A destination that is a queue at that address, with these members besides.
fn destination(address: impl std::fmt::Display, name: &str, more: &str) -> String {
    let keys = r#"access_key_id = "AKIAPLANTED", secret_access_key = "planted-secret""#;
    format!(
        r#"name = "queue", kind = "sqs", url = "http://{address}/123456789012/{name}", region = "eu-central-1", {keys}, timeout_seconds = 2{more}"#
    )
}

struct Moto {
    server: Server,
}

impl Moto {
    async fn start() -> Option<Self> {
        let python = python()?;
        let server = Server::start(&python, |address, _| {
            let (host, port) = (address.ip().to_string(), address.port().to_string());
            let words = ["-m", "moto.server", "-H", &host, "-p", &port];
            words.map(str::to_owned).to_vec()
        });
        Some(Self { server: server.await })
    }

    /// Calls an operation, which must succeed.
    async fn call(&self, operation: &str, request: &Value) -> Value {
        let request = client()
            .post(format!("http://{}/", self.server.address))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header("authorization", AUTHORIZATION)
            .body(request.to_string());
        let response = request.send().await.expect("moto answers");
        let status = response.status();
        let text = response.text().await.expect("moto answers text");
        assert_eq!(status, 200, "{operation}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn create(&self, name: &str, limit_bytes: usize) {
        let mut attributes = json!({"MaximumMessageSize": limit_bytes.to_string()});
        if name == FIFO {
            attributes["FifoQueue"] = "true".into();
        }
        self.call(
            "CreateQueue",
            &json!({"QueueName": name, "Attributes": attributes}),
        )
        .await;
    }

    fn url(&self, name: &str) -> String {
        format!("http://{}/123456789012/{name}", self.server.address)
    }

    /// Takes all that is in a queue out of it, as a consumer does.
    async fn drain(&self, name: &str) -> Vec<Message> {
        let url = self.url(name);
        let mut seen = Vec::new();
        loop {
            let request = json!({
                "QueueUrl": url,
                "MaxNumberOfMessages": 10,
                "MessageAttributeNames": ["All"],
                "AttributeNames": ["All"],
            });
            let answer = self.call("ReceiveMessage", &request).await;
            let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                return seen;
            }
            for message in messages {
                seen.push(read(&message));
                let handle = &message["ReceiptHandle"];
                self.call(
                    "DeleteMessage",
                    &json!({"QueueUrl": url, "ReceiptHandle": handle}),
                )
                .await;
            }
        }
    }
}

/// A message as it was received.
fn read(message: &Value) -> Message {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let attributes = message["MessageAttributes"].as_object().expect("they are there");
    let headers: HashMap<_, _> = attributes
        .iter()
        .map(|(name, value)| (name.clone(), text(&value["StringValue"])))
        .collect();
    let message_id = headers["message-id"].clone();
    let own = &message["Attributes"];
    if let Some(deduplication_id) = own["MessageDeduplicationId"].as_str() {
        assert_eq!(deduplication_id, message_id);
        let body: Value = serde_json::from_str(&text(&message["Body"])).expect("JSON");
        assert_eq!(own["MessageGroupId"], body["event_id"]);
    }
    Message {
        message_id,
        headers,
        body: text(&message["Body"]).into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_in_order_whoever_is_killed_or_frozen() {
    let Some(mut moto) = Moto::start().await else {
        return;
    };
    moto.create(FIFO, 262_144).await;
    let mut receiver = Receiver::start(&[destination(moto.server.address, FIFO, "")]).await;
    let mut jobs = post_jobs(receiver.public(), 20).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 40).await;
    let mut seen = moto.drain(FIFO).await;

    moto.server.kill_9();
    jobs.extend(post_jobs(receiver.public(), 20).await);
    receiver.wait_for_failure("queue", "cannot connect to").await;
    moto.server.restart().await;
    receiver.wait_for_failure("queue", "there is no such queue").await;
    moto.create(FIFO, 262_144).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 80).await;
    let (more, ()) = tokio::join!(post_jobs(receiver.public(), 50), async {
        wait_for("some of them", || async {
            let attributes =
                json!({"QueueUrl": moto.url(FIFO), "AttributeNames": ["ApproximateNumberOfMessages"]});
            let answer = moto.call("GetQueueAttributes", &attributes).await;
            match answer["Attributes"]["ApproximateNumberOfMessages"].as_str() {
                Some(count) if count.parse().is_ok_and(|count: usize| count > 50) => Ok(()),
                _ => Err(answer.to_string()),
            }
        })
        .await;
        moto.server.freeze();
    });
    jobs.extend(more);
    receiver.wait_for_failure("queue", "within 2 s").await;
    moto.server.thaw();
    receiver.kill_and_restart().await;
    wait_for_state(receiver.admin(), "queue", "delivered", 180).await;

    seen.extend(moto.drain(FIFO).await);
    assert_sound(&seen, &jobs);
    assert!(
        !receiver.log().to_lowercase().contains("planted"),
        "{}",
        receiver.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standard_queue_gets_everything_with_what_makes_a_repeat_recognisable() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    moto.create("notifications", 262_144).await;
    let receiver = Receiver::start(&[destination(moto.server.address, "notifications", "")]).await;

    let jobs = post_jobs(receiver.public(), 20).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 40).await;

    let seen = moto.drain("notifications").await;
    assert_sound(&seen, &jobs);
    assert!(
        seen.iter()
            .all(|message| message.webhook_id() == message.message_id)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_arrives_under_an_id_of_its_own_also_after_the_first_was_deleted() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    moto.create(FIFO, 262_144).await;
    let receiver = Receiver::start(&[destination(moto.server.address, FIFO, "")]).await;
    let jobs = post_jobs(receiver.public(), 1).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;
    let id = &jobs.values().next().unwrap()[0];
    assert_sound(&moto.drain(FIFO).await, &jobs);

    for count in 1..=2 {
        replay(receiver.admin(), json!({"receipt_ids": [id]})).await;
        let again = wait_for("the replay", || async {
            let seen = moto.drain(FIFO).await;
            seen.into_iter().next().ok_or_else(String::new)
        })
        .await;

        assert_eq!(
            (again.webhook_id(), &*again.message_id),
            (&**id, &*format!("{id}.{count}"))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_a_dead_letter_at_once_and_one_below_it_arrives() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    moto.create(FIFO, 262_144).await;
    let receiver = Receiver::start(&[destination(moto.server.address, FIFO, "")]).await;

    let id = receiver.post_long(262_145).await;
    let told = receiver.wait_for_dead(&id).await.to_string();
    assert!(told.contains("and the queue takes 262144 at most"), "{told}");
    assert!(told.contains(r#""attempt_count":1"#), "{told}");
    receiver.post_long(200_000).await;
    wait_for_state_beside_the_dead(&receiver).await;

    assert_eq!(moto.drain(FIFO).await[0].body.len(), 200_000);
}

/// Waits until the other of two notifications is delivered.
async fn wait_for_state_beside_the_dead(receiver: &Receiver) {
    wait_for("the other to be delivered", || async {
        let delivered = crate::delivery::deliveries(receiver.admin(), "state=delivered").await;
        if delivered.len() == 1 {
            Ok(())
        } else {
            Err(format!("{delivered:?}"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_what_is_there_and_what_is_not() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let address = moto.server.address;
    moto.create(FIFO, 262_144).await;

    assert_says(
        &doctor(&destination(address, FIFO, "")).await,
        "ok      ",
        "the FIFO queue is there",
    );
    let absent = doctor(&destination(address, "absent", "")).await;
    assert_says(
        &absent,
        "FAILURE ",
        "there is no such queue in this account and region",
    );
    let nobody = doctor(&destination(format!("127.0.0.1:{}", free_port()), FIFO, "")).await;
    assert_says(&nobody, "FAILURE ", "Connection refused");
    let retention = json!({"QueueUrl": moto.url(FIFO), "Attributes": {"MessageRetentionPeriod": "3600"}});
    moto.call("SetQueueAttributes", &retention).await;
    let short = doctor(&destination(address, FIFO, "")).await;
    assert_says(
        &short,
        "warning ",
        "the queue drops what nobody has taken for 60 min",
    );
}

/// What takes nothing but what is signed with that secret. It ends when the test drops it.
struct Signed {
    child: Child,
    address: String,
}

impl Signed {
    #[track_caller]
    fn start(secret: &str) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/queues/signed.py");
        let mut child = Command::new(python()?)
            .args([script, secret])
            .stdout(Stdio::piped())
            .spawn()
            .expect("CAIGUNN_TEST_MOTO is a Python");
        let mut port = String::new();
        let output = child.stdout.take().expect("it is a pipe");
        BufReader::new(output).read_line(&mut port).expect("it is read");
        let address = format!("127.0.0.1:{}", port.trim());
        Some(Self { child, address })
    }
}

impl Drop for Signed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn botocore_takes_what_is_signed_with_its_secret_and_nothing_else() {
    let (Some(ours), Some(other)) = (Signed::start("planted-secret"), Signed::start("another-secret")) else {
        return;
    };
    let refused = destination(&other.address, FIFO, "").replace("\"queue\"", "\"refused\"");
    let receiver = Receiver::start(&[destination(&ours.address, FIFO, ""), refused.clone()]).await;

    post_jobs(receiver.public(), 2).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;
    let told = receiver
        .wait_for_failure(
            "refused",
            "the secret access key is another one, or the region is",
        )
        .await;

    assert!(!told.to_string().to_lowercase().contains("planted"), "{told}");
    assert_says(
        &doctor(&refused).await,
        "FAILURE ",
        "SignatureDoesNotMatch: the secret access key is another one, or the region is",
    );
    assert_says(
        &doctor(&destination(&ours.address, FIFO, "")).await,
        "ok      ",
        "the FIFO queue is there",
    );
}
