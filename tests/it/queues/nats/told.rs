//! What is told of a server that does not let us in, or whose word is worth little.

use std::fs;

use futures_util::StreamExt;
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;

use super::{Nats, set_up};
use crate::delivery::{post_jobs, wait_for_state};
use crate::harness::{closed_folder, free_port};
use crate::queues::{Receiver, assert_says, assert_sound, certify, doctor, doctor_with};

const USERS: &str = r#"authorization { users: [
    { user: all, password: "planted-all" }
    { user: queue, password: "planted-queue", permissions: {
        publish: ["caigunn.>", "$JS.API.STREAM.MSG.GET.*", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.*"]
        subscribe: ["_INBOX.>"]
    } }
    { user: blind, password: "planted-blind", permissions: {
        publish: ["caigunn.>", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.*"], subscribe: ["_INBOX.>"]
    } }
    { user: narrow, password: "planted-narrow", permissions: { publish: ["other"], subscribe: ["_INBOX.>"] } }
    { user: deaf, password: "planted-deaf", permissions: { subscribe: ["other"] } }
] }"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_and_the_right_one_is_taken_from_its_file_while_it_runs() {
    let folder = closed_folder();
    let file = folder.path().join("password");
    fs::write(&file, "planted-wrong\n").unwrap();
    let login = format!(r#", user = "queue", password_file = "{}""#, file.display());
    let Some((nats, client, receiver)) = set_up(USERS, &login).await else {
        return;
    };
    let jobs = post_jobs(receiver.public(), 2).await;

    let told = receiver
        .wait_for_failure("queue", "does not take these credentials")
        .await
        .to_string();
    assert!(!told.contains("planted"), "{told}");
    let found = doctor(&nats.destination("queue", &login)).await;
    assert_says(&found, "FAILURE ", "does not take these credentials");
    fs::write(&file, "planted-queue\n").unwrap();
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;

    assert_sound(&nats.messages(&client).await, &jobs);
    let found = doctor(&nats.destination("queue", &login)).await;
    assert_says(
        &found,
        "warning ",
        "stream EVENTS is kept in a file by one server",
    );
    assert!(!receiver.log().contains("planted"), "{}", receiver.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_publish_or_not_hear_the_answer_is_told_so() {
    let narrow = r#", user = "narrow", password = "planted-narrow""#;
    let Some((nats, _, receiver)) = set_up(USERS, narrow).await else {
        return;
    };
    post_jobs(receiver.public(), 1).await;
    receiver
        .wait_for_failure(
            "queue",
            "does not let this user publish to \"caigunn.crawling.initial\"",
        )
        .await;

    let deaf = r#", user = "deaf", password = "planted-deaf""#;
    let receiver = Receiver::start(&[nats.destination("queue", deaf)]).await;
    post_jobs(receiver.public(), 1).await;
    receiver
        .wait_for_failure(
            "queue",
            "does not let this user have answers, which come below _INBOX",
        )
        .await;
    assert_says(
        &doctor(&nats.destination("queue", deaf)).await,
        "FAILURE ",
        "does not let this user have answers, which come below _INBOX",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_what_a_streams_word_is_worth() {
    let Some(nats) = Nats::start("").await else {
        return;
    };
    let client = nats.client().await;
    let destination = nats.destination("queue", "");
    nats.make_stream(
        &client,
        &json!({"max_msg_size": 4096, "max_msgs": 10, "discard": "old"}),
    )
    .await;

    let found = doctor(&destination).await;
    assert_says(
        &found,
        "ok      ",
        "takes connections, and messages of 1048576 bytes at most",
    );
    assert_says(
        &found,
        "warning ",
        "stream EVENTS is kept in a file by one server",
    );
    assert_says(&found, "warning ", "drops its oldest messages, read or not");
    assert_says(
        &found,
        "ok      ",
        "stream EVENTS takes messages of 4096 bytes at most",
    );
    let encrypted = destination.replace("nats://", "tls://");
    assert_says(
        &doctor(&encrypted).await,
        "FAILURE ",
        "what listens there speaks no TLS",
    );
    nats.edit_stream(&client, &json!({"sealed": true})).await;
    let found = doctor(&destination).await;
    assert_says(&found, "FAILURE ", "can be delivered to by nobody: it is sealed");
    assert!(
        found.output.contains("what is sealed cannot be unsealed"),
        "{}",
        found.output
    );
    let absent = destination.replace(&nats.server.address.port().to_string(), &free_port().to_string());
    assert_says(&doctor(&absent).await, "FAILURE ", "Connection refused");
    nats.server.freeze();
    let frozen = doctor(&destination).await;
    nats.server.thaw();
    assert_says(&frozen, "FAILURE ", "no server of NATS answers at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_looks_only_at_streams_that_may_have_the_subject_and_names_the_right_that_a_duplicate_needs() {
    let Some(nats) = Nats::start(USERS).await else {
        return;
    };
    let client = nats.client().await;
    let blind = nats.destination("queue", r#", user = "blind", password = "planted-blind""#);
    let flat = blind.replace("caigunn.{event}.{status}", "caigunn-{event}");
    nats.make_stream(&client, &json!({"subjects": ["orders"]})).await;
    let found = doctor(&flat).await;
    assert_says(&found, "FAILURE ", "no stream takes subject *");
    assert!(!found.output.contains("stream EVENTS"), "{}", found.output);

    nats.edit_stream(&client, &json!({"subjects": ["caigunn.>"]}))
        .await;
    let found = doctor(&blind).await;

    assert_says(
        &found,
        "warning ",
        "what stream EVENTS says it has had cannot be looked at",
    );
    assert!(
        found.output.contains("publish to $JS.API.STREAM.MSG.GET.*;"),
        "{}",
        found.output
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wants_a_certificate_or_begins_with_tls_is_told_with_what_to_set() {
    let folder = closed_folder();
    certify(folder.path());
    let [certificate, key] =
        ["certificate.pem", "key.pem"].map(|name| folder.path().join(name).display().to_string());
    let tls = |more: &str| format!("tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", {more} }}");
    let trusted = [("SSL_CERT_FILE", &*certificate)];
    for (more, part) in [
        (
            format!("ca_file: \"{certificate}\", verify: true"),
            "it wants a certificate of its client, which is not supported here: take `verify`",
        ),
        (
            "handshake_first: true".to_owned(),
            "(handshake_first), which is not supported here",
        ),
    ] {
        let Some(nats) = Nats::start(&tls(&more)).await else {
            return;
        };
        let encrypted = nats.destination("queue", "").replace("nats://", "tls://");

        assert_says(&doctor_with(&encrypted, &trusted).await, "FAILURE ", part);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_certificates_that_cannot_be_read_is_told_with_what_to_do() {
    let folder = closed_folder();
    certify(folder.path());
    let [certificate, key] =
        ["certificate.pem", "key.pem"].map(|name| folder.path().join(name).display().to_string());
    let tls = format!("tls {{ cert_file: \"{certificate}\", key_file: \"{key}\" }}");
    let Some(nats) = Nats::start(&tls).await else {
        return;
    };
    let many = closed_folder();
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    fs::write(many.path().join("broken.pem"), broken).unwrap();
    let trusted = [
        ("SSL_CERT_FILE", &*certificate),
        ("SSL_CERT_DIR", many.path().to_str().unwrap()),
    ];
    let encrypted = nats.destination("queue", "").replace("nats://", "tls://");

    let found = doctor_with(&encrypted, &trusted).await;

    assert_says(&found, "FAILURE ", "name a bundle by SSL_CERT_FILE alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_drops_what_nobody_has_read_is_doubted_until_it_refuses_instead() {
    let Some(nats) = Nats::start("").await else {
        return;
    };
    let client = nats.client().await;
    let destination = nats.destination("queue", "");
    let limits = json!({"max_msgs_per_subject": 1, "discard": "new", "max_age": 3_600_000_000_000_u64});
    nats.make_stream(&client, &limits).await;
    let receiver = Receiver::start(std::slice::from_ref(&destination)).await;
    // Whatever is acknowledged is there, says the way out.
    let mut jobs = post_jobs(receiver.public(), 1).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;
    jobs.extend(post_jobs(receiver.public(), 1).await);
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;
    assert_eq!(nats.state(&client).await["messages"], 2);

    let found = doctor(&destination).await;
    assert_says(
        &found,
        "warning ",
        "stream EVENTS keeps 1 message of each subject and drops older ones, read or not",
    );
    assert_says(
        &found,
        "warning ",
        "stream EVENTS drops what nobody has taken for 60 min",
    );
    assert!(
        found.output.contains("--discard new --discard-per-subject"),
        "{}",
        found.output
    );
    // What is advised.
    nats.edit_stream(&client, &json!({"discard_new_per_subject": true, "max_age": 0}))
        .await;
    let found = doctor(&destination).await;
    assert!(!found.output.contains("drops"), "{}", found.output);
    post_jobs(receiver.public(), 1).await;
    receiver
        .wait_for_failure("queue", "maximum messages per subject exceeded")
        .await;
    nats.call(&client, "STREAM.PURGE.EVENTS", &json!({})).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_tls_must_show_a_certificate_that_is_trusted() {
    let folder = closed_folder();
    certify(folder.path());
    let [certificate, key] =
        ["certificate.pem", "key.pem"].map(|name| folder.path().join(name).display().to_string());
    let tls = format!("tls {{ cert_file: \"{certificate}\", key_file: \"{key}\" }}");
    let Some(nats) = Nats::start(&tls).await else {
        return;
    };
    let encrypted = nats.destination("queue", "").replace("nats://", "tls://");

    let trusted = [("SSL_CERT_FILE", &*certificate)];
    assert_says(
        &doctor_with(&encrypted, &trusted).await,
        "FAILURE ",
        "no stream takes subject caigunn.*.*",
    );
    // The server wants TLS, whatever the URL says.
    let found = doctor_with(&nats.destination("queue", ""), &trusted).await;
    assert_says(&found, "FAILURE ", "no stream takes subject caigunn.*.*");
    for destination in [encrypted, nats.destination("queue", "")] {
        assert_says(
            &doctor(&destination).await,
            "FAILURE ",
            "invalid peer certificate: UnknownIssuer",
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_answers_for_is_told_so_and_hides_no_other() {
    let Some(nats) = Nats::configured(|_| String::new()).await else {
        return;
    };
    // What a cluster says of two streams, of which one has its only server away.
    let client = nats.client().await;
    let mut asked = client.subscribe("$JS.API.STREAM.>").await.unwrap();
    client.flush().await.unwrap();
    let _answering = AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let answer = match &*message.subject {
                "$JS.API.STREAM.INFO.AWAY" => continue,
                "$JS.API.STREAM.NAMES" => r#"{"streams":["AWAY","THERE"]}"#,
                "$JS.API.STREAM.INFO.THERE" => {
                    r#"{"config":{"name":"THERE","subjects":["caigunn.>"],"storage":"file","num_replicas":3}}"#
                }
                _ => "{}",
            };
            let to = message.reply.expect("somebody waits for an answer");
            client.publish(to, answer.into()).await.unwrap();
        }
    }));

    let found = doctor(&nats.destination("queue", "")).await;

    assert_says(
        &found,
        "FAILURE ",
        &format!(
            "{} is there, and nobody answers for stream AWAY within 2 s",
            nats.server.address
        ),
    );
    assert_says(&found, "ok      ", "stream THERE is kept by 3 servers");
    assert!(
        !found.output.contains("see that its URL is right"),
        "{}",
        found.output
    );
}
