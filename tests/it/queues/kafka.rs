//! Kafka: the cluster that librdkafka has for tests, whose brokers are taken away, slowed down and made to refuse.

mod guarded;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use serde_json::json;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::task::block_in_place;

use super::{Message, Receiver, assert_says, assert_sound, certify, doctor, doctor_with};
use crate::delivery::{post_jobs, replay, wait_for_state};
use crate::harness::application::Application;
use crate::harness::{PATIENCE, client, closed_folder, free_port, wait_for};
use guarded::{Guarded, PASSWORD, USER};

const TOPIC: &str = "notifications";

const BROKERS: i32 = 3;

const PARTITIONS: i32 = 4;

struct Kafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Kafka {
    /// A cluster without topics.
    fn start() -> Self {
        let cluster = MockCluster::new(BROKERS).expect("a cluster");
        Self { cluster }
    }

    fn with_topic(replica_count: i32) -> Self {
        let kafka = Self::start();
        kafka.create(replica_count);
        kafka
    }

    fn create(&self, replica_count: i32) {
        let created = self.cluster.create_topic(TOPIC, PARTITIONS, replica_count);
        created.expect("there is none of this name");
    }

    /// Takes a broker away, and keeps its port from others: where it could not have it again, the library would end this process.
    async fn down(&self, broker: i32) -> Socket {
        self.cluster.broker_down(broker).expect("it is there");
        let brokers = self.cluster.bootstrap_servers();
        let address = brokers.split(',').nth(broker as usize - 1);
        let address: SocketAddr = address.expect("it is one of them").parse().expect("an address");
        wait_for("the port of a broker that is away", || async {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.set_reuse_address(true).expect("an option");
            match socket.bind(&address.into()) {
                Ok(()) => Ok(socket),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Has it back at the port that was kept.
    fn up(&self, broker: i32, port: Socket) {
        drop(port);
        self.cluster.broker_up(broker).expect("it is there");
    }

    /// Takes all of them away.
    async fn all_down(&self) -> Vec<Socket> {
        let mut ports = Vec::new();
        for broker in 1..=BROKERS {
            ports.push(self.down(broker).await);
        }
        ports
    }

    fn each_broker(&self, change: impl Fn(&MockCluster<'static, DefaultProducerContext>, i32)) {
        for broker in 1..=BROKERS {
            change(&self.cluster, broker);
        }
    }

    /// A destination that is the topic, with these members besides.
    fn destination(&self, more: &str) -> String {
        destination(&self.cluster.bootstrap_servers(), more)
    }

    /// All that is in the topic, as any consumer gets it: each partition in its order.
    fn messages(&self) -> Vec<Message> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", "test")
            .set("enable.auto.commit", "false")
            .create()
            .expect("a consumer");
        let mut all = TopicPartitionList::new();
        let mut count = 0;
        for partition in 0..PARTITIONS {
            let place = all.add_partition_offset(TOPIC, partition, Offset::Beginning);
            place.expect("a place in the topic");
            let ends = consumer.fetch_watermarks(TOPIC, partition, PATIENCE);
            let (start, end) = ends.expect("the brokers say how much there is");
            count += end - start;
        }
        consumer.assign(&all).expect("it can be read");
        let mut seen = Vec::new();
        while seen.len() < usize::try_from(count).expect("a number of messages") {
            let polled = consumer.poll(PATIENCE);
            let message = polled.expect("there is more").expect("it can be read");
            seen.push(read(&message));
        }
        seen
    }
}

/// A destination that is the topic at these brokers.
fn destination(brokers: &str, more: &str) -> String {
    format!(
        r#"name = "queue", kind = "kafka", url = "kafka://{brokers}", topic = "{TOPIC}", timeout_seconds = 2{more}"#
    )
}

/// A message as it was received.
fn read(message: &BorrowedMessage<'_>) -> Message {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is text");
    let all = message.headers().expect("there are headers");
    let headers: HashMap<_, _> = all
        .iter()
        .map(|header| (header.key.to_owned(), text(header.value.expect("it has a value"))))
        .collect();
    let body = message.payload().expect("a body").to_vec();
    let document: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(document["event_id"], text(message.key().expect("a key")));
    Message {
        message_id: headers["message-id"].clone(),
        headers,
        body: body.into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_in_order_whoever_is_killed_or_frozen() {
    let kafka = Kafka::with_topic(BROKERS);
    let mut receiver = Receiver::start(&[kafka.destination("")]).await;
    let mut jobs = post_jobs(receiver.public(), 20).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 40).await;

    let ports = kafka.all_down().await;
    jobs.extend(post_jobs(receiver.public(), 20).await);
    receiver
        .wait_for_failure("queue", "no acknowledgement within 2 s: ")
        .await;
    for (broker, port) in (1..).zip(ports) {
        kafka.up(broker, port);
    }
    wait_for_state(receiver.admin(), "queue", "delivered", 80).await;
    let slow = |delay: u64| {
        let delay = Duration::from_millis(delay);
        kafka.each_broker(|cluster, broker| {
            cluster
                .broker_round_trip_time(broker, delay)
                .expect("it is there")
        });
    };
    slow(8_000);
    jobs.extend(post_jobs(receiver.public(), 20).await);
    receiver
        .wait_for_failure("queue", "no acknowledgement within 2 s")
        .await;
    slow(0);
    let (more, ()) = tokio::join!(post_jobs(receiver.public(), 100), async {
        let port = kafka.down(1).await;
        kafka.up(1, port);
    });
    jobs.extend(more);
    receiver.kill_and_restart().await;
    wait_for_state(receiver.admin(), "queue", "delivered", 320).await;

    assert_sound(&block_in_place(|| kafka.messages()), &jobs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_topic_is_told_and_goes_on_once_there_is_one() {
    let kafka = Kafka::start();
    let receiver = Receiver::start(&[kafka.destination("")]).await;
    let jobs = post_jobs(receiver.public(), 2).await;

    receiver
        .wait_for_failure("queue", "there is no topic notifications")
        .await;
    assert_says(
        &doctor(&kafka.destination("")).await,
        "FAILURE ",
        "there is no topic notifications",
    );
    kafka.create(BROKERS);
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;

    assert_sound(&block_in_place(|| kafka.messages()), &jobs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_arrives_under_an_id_of_its_own() {
    let kafka = Kafka::with_topic(BROKERS);
    let receiver = Receiver::start(&[kafka.destination("")]).await;
    let jobs = post_jobs(receiver.public(), 1).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;
    let id = &jobs.values().next().unwrap()[0];

    replay(receiver.admin(), json!({"receipt_ids": [id]})).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;

    let seen = block_in_place(|| kafka.messages());
    let ids: Vec<_> = seen
        .iter()
        .filter(|message| message.webhook_id() == *id)
        .collect();
    let ids: Vec<_> = ids.iter().map(|message| &*message.message_id).collect();
    assert_eq!(ids, [&**id, &*format!("{id}.1")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_a_dead_letter_at_once_and_one_of_8_mib_arrives() {
    let kafka = Kafka::with_topic(BROKERS);
    let receiver = Receiver::start(&[kafka.destination("")]).await;
    // The cluster takes everything, so it is told to refuse.
    let too_large = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE];
    kafka.cluster.request_errors(RDKafkaApiKey::Produce, &too_large);

    let id = receiver.post_long(100_000).await;
    let told = receiver.wait_for_dead(&id).await.to_string();
    assert!(
        told.contains("more than topic notifications takes (max.message.bytes)"),
        "{told}"
    );
    assert!(told.contains(r#""attempt_count":1"#), "{told}");
    receiver.post_long(8 << 20).await;
    let seen = crate::harness::wait_for("the other", || async {
        let seen = block_in_place(|| kafka.messages());
        seen.into_iter().next().ok_or_else(String::new)
    });

    assert_eq!(seen.await.body.len(), 8 << 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_longer_than_a_segment_is_a_dead_letter_at_once() {
    let kafka = Kafka::with_topic(BROKERS);
    let too_large = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE];
    kafka.cluster.request_errors(RDKafkaApiKey::Produce, &too_large);
    let receiver = Receiver::start(&[kafka.destination("")]).await;

    let id = receiver.post_long(100_000).await;

    let told = receiver.wait_for_dead(&id).await.to_string();
    assert!(
        told.contains("more than a segment of topic notifications takes (segment.bytes)"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_get_in_is_told_and_the_password_is_not() {
    let kafka = Kafka::with_topic(BROKERS);
    let login = r#", user = "caigunn", password = "planted-password", sasl_mechanism = "plain""#;
    let receiver = Receiver::start(&[kafka.destination(login)]).await;
    post_jobs(receiver.public(), 1).await;

    let told = receiver.wait_for_failure("queue", "SASL").await.to_string();

    assert!(!told.contains("planted"), "{told}");
    assert_says(&doctor(&kafka.destination(login)).await, "FAILURE ", "SASL");
    assert!(!receiver.log().contains("planted"), "{}", receiver.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_what_an_acknowledgement_is_worth() {
    let kafka = Kafka::with_topic(1);

    let found = doctor(&kafka.destination("")).await;

    assert_says(
        &found,
        "ok      ",
        "topic notifications is there, partitions: 4, copies of each: 1",
    );
    assert_says(&found, "warning ", "a partition of it has one copy");
    assert_says(
        &found,
        "warning ",
        "how many brokers stand behind an acknowledgement is not known: ",
    );
    let nobody = doctor(&destination(&format!("127.0.0.1:{}", free_port()), "")).await;
    assert_says(&nobody, "FAILURE ", "Connection refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_gets_no_producer_id_is_told_which_right_is_missing() {
    let kafka = Kafka::with_topic(BROKERS);
    let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 500];
    kafka
        .cluster
        .request_errors(RDKafkaApiKey::InitProducerId, &refused);
    let receiver = Receiver::start(&[kafka.destination("")]).await;
    let jobs = post_jobs(receiver.public(), 2).await;

    let told = receiver
        .wait_for_failure("queue", "it needs the right IdempotentWrite on the cluster")
        .await;
    assert!(!told.to_string().contains("Purge"), "{told}");
    let found = doctor(&kafka.destination("")).await;
    assert_says(&found, "FAILURE ", "this user gets no producer id");
    kafka.cluster.clear_request_errors(RDKafkaApiKey::InitProducerId);
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;

    assert_sound(&block_in_place(|| kafka.messages()), &jobs);
    let found = doctor(&kafka.destination("")).await;
    assert!(!found.output.contains("producer id"), "{}", found.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_copies_in_sync_are_named_though_the_library_tries_on() {
    let kafka = Kafka::with_topic(BROKERS);
    let too_few = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 5000];
    kafka.cluster.request_errors(RDKafkaApiKey::Produce, &too_few);
    let receiver = Receiver::start(&[kafka.destination("")]).await;
    let jobs = post_jobs(receiver.public(), 2).await;

    receiver
        .wait_for_failure("queue", "too few copies are in sync (min.insync.replicas): ")
        .await;
    kafka.cluster.clear_request_errors(RDKafkaApiKey::Produce);
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;

    assert_sound(&block_in_place(|| kafka.messages()), &jobs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_that_have_forgotten_the_producer_are_told_so_and_get_another_one() {
    let kafka = Kafka::with_topic(BROKERS);
    let receiver = Receiver::start(&[kafka.destination("")]).await;
    let mut jobs = post_jobs(receiver.public(), 1).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;
    let unknown = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID; 5000];
    kafka.cluster.request_errors(RDKafkaApiKey::Produce, &unknown);

    jobs.extend(post_jobs(receiver.public(), 1).await);
    receiver
        .wait_for_failure("queue", "the brokers do not know this producer as it is any more")
        .await;
    kafka.cluster.clear_request_errors(RDKafkaApiKey::Produce);
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;

    assert_sound(&block_in_place(|| kafka.messages()), &jobs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broker_refused_once_is_no_reason_of_a_later_outage() {
    let kafka = Kafka::with_topic(BROKERS);
    let too_few = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 5000];
    kafka.cluster.request_errors(RDKafkaApiKey::Produce, &too_few);
    let receiver = Receiver::start(&[kafka.destination("")]).await;
    let jobs = post_jobs(receiver.public(), 1).await;
    receiver
        .wait_for_failure("queue", "too few copies are in sync")
        .await;

    let _ports = kafka.all_down().await;

    let id = jobs.values().flatten().next().expect("one was posted");
    wait_for("a try that found no broker", || async {
        let url = format!("http://{}/api/v1/deliveries/queue/{id}", receiver.admin());
        let response = client().get(url).send().await.expect("the API answers");
        let shown: serde_json::Value = response.json().await.expect("the API answers JSON");
        let attempts = shown["attempts"].as_array().expect("a list");
        match attempts.last() {
            Some(last) if last["outcome"] == "unreachable" => Ok(()),
            _ => Err(shown.to_string()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_leader_is_gone_is_told_why_though_others_take_what_is_theirs() {
    let kafka = Kafka::with_topic(BROKERS);
    for partition in 0..PARTITIONS {
        let leader = Some(1 + partition % 2);
        let made = kafka.cluster.partition_leader(TOPIC, partition, leader);
        made.expect("it is there");
    }
    let port = kafka.down(1).await;
    let receiver = Receiver::start(&[kafka.destination("")]).await;
    let jobs = post_jobs(receiver.public(), 20).await;

    // Whether the library tries to connect to it is left to chance.
    let told = receiver
        .wait_for_failure("queue", "no acknowledgement within 2 s")
        .await;
    let detail = told["status"]["last_failure"]["detail"].to_string();
    assert!(detail.contains("no acknowledgement within 2 s: "), "{detail}");
    assert_says(
        &doctor(&kafka.destination("")).await,
        "FAILURE ",
        "partitions 0, 2 of it: no broker leads",
    );
    kafka.up(1, port);
    wait_for_state(receiver.admin(), "queue", "delivered", 40).await;

    assert_sound(&block_in_place(|| kafka.messages()), &jobs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_broker_is_told_so_and_no_count_of_brokers() {
    let application = Application::start().await;
    let web = destination(&application.address.to_string(), "");
    let found = doctor(&web).await;
    assert_says(
        &found,
        "FAILURE ",
        "do not answer: what answers there is no broker",
    );
    let encrypted = web.replace("kafka://", "kafka+ssl://");
    let found = doctor(&encrypted).await;
    assert_says(
        &found,
        "FAILURE ",
        "do not answer: what listens there speaks no TLS: ",
    );
    assert!(!found.output.contains("certificate"), "{}", found.output);

    // The system takes connections for it, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("it is bound").to_string();
    let found = doctor(&destination(&address, "")).await;
    assert_says(&found, "FAILURE ", "do not answer: ");
    assert!(!found.output.contains("brokers are down"), "{}", found.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_behind_tls_and_a_login_takes_what_is_for_it_and_doctor_tells_a_wrong_password_from_a_wrong_authority()
 {
    let kafka = Kafka {
        cluster: MockCluster::new(1).expect("a cluster"),
    };
    kafka.create(1);
    let folder = closed_folder();
    certify(folder.path());
    let broker = kafka.cluster.bootstrap_servers();
    let guarded = Guarded::start(broker.parse().expect("it is one"), folder.path()).await;
    let certificate = folder.path().join("certificate.pem").display().to_string();
    let trusted = [("SSL_CERT_FILE", &*certificate)];
    let at = |password: &str, mechanism: &str| {
        let login = format!(r#", user = "{USER}", password = "{password}", sasl_mechanism = "{mechanism}""#);
        destination(&guarded.address.to_string(), &login).replace("kafka://", "kafka+ssl://")
    };

    for mechanism in ["plain", "scram-sha-512"] {
        let there = doctor_with(&at(PASSWORD, mechanism), &trusted).await;
        assert_says(&there, "ok      ", "topic notifications is there");
        let wrong = doctor_with(&at("planted-other", mechanism), &trusted).await;
        assert_says(&wrong, "FAILURE ", "the brokers do not let this user in: ");
        assert_says(&wrong, "FAILURE ", "invalid credentials");
    }
    let untrusted = doctor(&at(PASSWORD, "plain")).await;
    assert_says(&untrusted, "FAILURE ", "no TLS with the brokers: ");
    let unknown = doctor_with(&at(PASSWORD, "scram-sha-256"), &trusted).await;
    assert_says(&unknown, "FAILURE ", "the brokers do not let this user in: ");
    let scram = [at(PASSWORD, "scram-sha-512")];
    let other = closed_folder();
    certify(other.path());
    let bundle = other.path().join("certificate.pem");
    let file = [("SSL_CERT_FILE", bundle.to_str().unwrap())];
    let receiver = Receiver::start_with(&scram, &file).await;
    let jobs = post_jobs(receiver.public(), 5).await;
    receiver
        .wait_for_failure("queue", "certificate verify failed")
        .await;
    // An authority that is added counts while the receiver runs.
    fs::copy(&certificate, &bundle).unwrap();
    wait_for_state(receiver.admin(), "queue", "delivered", 10).await;

    assert_sound(&block_in_place(|| kafka.messages()), &jobs);
    assert!(!receiver.log().contains("planted"), "{}", receiver.log());
}
