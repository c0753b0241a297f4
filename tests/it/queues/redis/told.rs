//! What is told of a server that is none, does not let us in, or whose word is worth little.

use std::path::Path;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Redis, SAFE};
use crate::delivery::{post_jobs, wait_for_state};
use crate::harness::application::Application;
use crate::harness::{Process, client, closed_folder, free_port, json, sample};
use crate::queues::{Receiver, assert_says, certify, doctor, doctor_with, wait_for_tries};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_what_a_servers_word_is_worth() {
    let unwise = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let user = [
        "--user",
        "narrow",
        "on",
        ">planted-narrow",
        "~*",
        "+@all",
        "-config",
    ];
    let Some(redis) = Redis::start(&[&unwise[..], &user].concat()).await else {
        return;
    };
    let destination = redis.destination("");

    let found = doctor(&destination).await;
    assert_says(&found, "ok      ", "takes connections (Redis ");
    assert_says(
        &found,
        "warning ",
        "answers before anything is in a file (appendonly no)",
    );
    assert_says(
        &found,
        "warning ",
        "throws whole streams away when its memory is full (maxmemory-policy allkeys-lru)",
    );
    let () = redis.ask(&["CONFIG", "SET", "appendonly", "yes"]).await;
    assert_says(
        &doctor(&destination).await,
        "warning ",
        "answers before its disk has it (appendfsync everysec)",
    );
    let () = redis.ask(&["CONFIG", "SET", "appendfsync", "always"]).await;
    assert_says(
        &doctor(&destination).await,
        "ok      ",
        "has on its disk what it answers to",
    );
    let narrow = redis.destination(r#", user = "narrow", password = "planted-narrow""#);
    assert_says(
        &doctor(&narrow).await,
        "warning ",
        "does not tell whether its disk has it then",
    );
    let absent = destination.replace(&redis.server.address.port().to_string(), &free_port().to_string());
    assert_says(&doctor(&absent).await, "FAILURE ", "Connection refused");
    redis.server.freeze();
    let frozen = doctor(&destination).await;
    redis.server.thaw();
    assert_says(
        &frozen,
        "FAILURE ",
        "takes connections, and does not answer as Redis does within 4.5 s",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_redis_or_has_no_such_database_is_a_failure_with_its_own_advice() {
    let Some(redis) = Redis::start(SAFE).await else {
        return;
    };
    let application = Application::start().await;
    let place = redis.server.address.to_string();
    let web = redis
        .destination("")
        .replace(&place, &application.address.to_string());

    let found = doctor(&web).await;
    assert_says(&found, "FAILURE ", "does not speak as Redis does");
    assert!(!found.output.contains("Unexpected"), "{}", found.output);
    assert_eq!(found.code, Some(1));
    let receiver = Receiver::start(&[web]).await;
    post_jobs(receiver.public(), 1).await;
    receiver
        .wait_for_failure("queue", "does not speak as Redis does")
        .await;

    let database = redis.destination("").replace(&place, &format!("{place}/99"));
    let found = doctor(&database).await;
    assert_says(
        &found,
        "FAILURE ",
        "has no database of that number: ERR DB index is out of range",
    );
    assert!(
        found.output.contains("`CONFIG GET databases`"),
        "{}",
        found.output
    );
    // One that speaks no TLS waits for the end of a line, or finds one in it.
    let encrypted = redis.destination("").replace("redis://", "rediss://");
    let found = doctor(&encrypted).await;
    assert!(
        found.output.contains("does not answer as Redis does") || found.output.contains("speaks no TLS"),
        "{}",
        found.output
    );
    assert!(!found.output.contains("a certificate is"), "{}", found.output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentinel_and_a_node_of_a_cluster_are_named_with_what_to_give_instead() {
    let Some(sentinel) = Redis::sentinel().await else {
        return;
    };
    let found = doctor(&sentinel.destination("")).await;
    assert_says(&found, "FAILURE ", "is a Sentinel, which has no streams");
    assert!(
        found.output.contains("SENTINEL GET-MASTER-ADDR-BY-NAME"),
        "{}",
        found.output
    );
    assert!(!found.output.contains("rights"), "{}", found.output);
    let receiver = Receiver::start(&[sentinel.destination("")]).await;
    post_jobs(receiver.public(), 1).await;
    receiver
        .wait_for_failure("queue", "it has no streams, as a Sentinel")
        .await;

    let bus = free_port().to_string();
    let cluster = ["--cluster-enabled", "yes", "--cluster-port", &bus];
    let Some(node) = Redis::start(&[SAFE, &cluster].concat()).await else {
        return;
    };
    let found = doctor(&node.destination("")).await;
    assert_says(
        &found,
        "FAILURE ",
        "is a node of a cluster: other nodes have some",
    );
    assert!(
        found.output.contains("no node of a cluster, or a proxy"),
        "{}",
        found.output
    );
    let receiver = Receiver::start(&[node.destination("")]).await;
    post_jobs(receiver.public(), 1).await;
    receiver
        .wait_for_failure("queue", "it is a node of a cluster, which is down")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_select_the_database_is_told_which_right_is_missing() {
    let rights = ["~caigunn*", "-@all", "+xadd", "+info", "+type", "+config|get"];
    let user = ["--user", "queue", "on", ">planted-queue"];
    let Some(redis) = Redis::start(&[SAFE, &user, &rights].concat()).await else {
        return;
    };
    let place = redis.server.address.to_string();
    let login = r#", user = "queue", password = "planted-queue""#;
    let numbered = redis.destination(login).replace(&place, &format!("{place}/2"));
    let select = "does not allow this user what is needed: NOPERM";

    let found = doctor(&numbered).await;
    assert_says(&found, "FAILURE ", select);
    assert!(found.output.contains("`+xadd +select`"), "{}", found.output);
    let receiver = Receiver::start(std::slice::from_ref(&numbered)).await;
    post_jobs(receiver.public(), 1).await;
    receiver.wait_for_failure("queue", select).await;
    let () = redis.ask(&["ACL", "SETUSER", "queue", "+select"]).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;

    assert_says(
        &doctor(&numbered).await,
        "ok      ",
        "has on its disk what it answers to",
    );
}

/// A server with these settings that speaks TLS, a destination that is there by that, and the file of its certificate.
async fn encrypted(folder: &Path, settings: &[&str]) -> Option<(Redis, String, String)> {
    certify(folder);
    let file = |name: &str| folder.join(name).display().to_string();
    let [certificate, key, port] = [file("certificate.pem"), file("key.pem"), free_port().to_string()];
    let tls = [
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &certificate,
    ];
    let redis = Redis::start(&[SAFE, &tls, settings].concat()).await?;
    let plain = format!("redis://{}", redis.server.address);
    let encrypted = redis
        .destination("")
        .replace(&plain, &format!("rediss://127.0.0.1:{port}"));
    Some((redis, encrypted, certificate))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wants_a_certificate_is_told_with_what_to_set() {
    let folder = closed_folder();
    let Some((_redis, encrypted, certificate)) = encrypted(folder.path(), &[]).await else {
        return;
    };

    let found = doctor_with(&encrypted, &[("SSL_CERT_FILE", &certificate)]).await;

    assert_says(&found, "FAILURE ", "tls-auth-clients");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_tls_must_show_a_certificate_that_is_trusted() {
    let folder = closed_folder();
    let Some((_redis, encrypted, certificate)) =
        encrypted(folder.path(), &["--tls-auth-clients", "no"]).await
    else {
        return;
    };

    let found = doctor_with(&encrypted, &[("SSL_CERT_FILE", &certificate)]).await;
    assert_says(&found, "ok      ", "has on its disk what it answers to");
    assert_says(
        &doctor(&encrypted).await,
        "FAILURE ",
        "invalid peer certificate: UnknownIssuer",
    );
}

/// A destination whose server lets everybody in, and answers all else that it is asked with that refusal.
async fn refusing(words: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let answer = format!("-{words}\r\n");
            tokio::spawn(async move {
                let mut asked = vec![0; 1 << 16];
                while let Ok(1..) = connection.read(&mut asked).await {
                    let lets_in = asked.windows(4).any(|word| word == b"AUTH");
                    let answer = if lets_in { "+OK\r\n" } else { &answer };
                    asked.fill(0);
                    if connection.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!(
        r#"name = "queue", kind = "redis", url = "redis://{address}", stream = "s", password = "planted-password""#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_a_server_says_neither_the_password_nor_more_than_people_read_is_kept() {
    let destination = refusing(format!(
        "ERR unknown command `XADD`, with args beginning with: `planted-password`, `planted-p`, \u{9b}2J{}",
        "x".repeat(30_000)
    ))
    .await;
    let folder = closed_folder();
    let variables = [("CAIGUNN_DELIVERY_DESTINATION", &*format!("[{{{destination}}}]"))];
    let process = Process::start(folder.path(), &variables).await;
    let body = json(&sample("crawling.completed"));
    let posted = client().post(process.url("/webhook")).json(&body).send().await;
    assert_eq!(posted.expect("an answer").status(), 200);

    let id = wait_for_tries(process.admin, 1).await;

    let url = process.api(&format!("/deliveries/queue/{id}"));
    let shown = client().get(url).send().await.expect("an answer");
    let shown: Value = shown.json().await.expect("JSON");
    let detail = shown["attempts"][0]["detail"].as_str().expect("a text");
    let words = "`XADD`, with args beginning with: `[hidden]`, `[hidden]`, \u{9b}2Jxxx";
    assert!(detail.contains(words), "{detail}");
    assert_eq!(detail.chars().count(), 1001);
    // The line of the attempt is text for the journal, and no command to a terminal.
    process
        .wait_for_log(r"`[hidden]`, `[hidden]`, \u009b2Jxxx", 1)
        .await;
    assert!(!process.log().contains('\u{9b}'), "{}", process.log());
    assert_says(
        &doctor(&destination).await,
        "warning ",
        "`[hidden]`, `[hidden]`, \u{fffd}2Jxxx",
    );
}
