//! Redis Streams: a real server, which is killed and frozen.

mod told;

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, Value};
use serde_json::json;

use super::server::Server;
use super::{
    Message, Receiver, TWO_TRIES, assert_goes_out_when_it_is_back, assert_says, assert_sound, doctor,
    wait_for_tries,
};
use crate::delivery::{order, post_jobs, replay, wait_for_state};
use crate::harness::{PATIENCE, closed_folder, free_port, installed, wait_for};

/// The stream of these tests.
const STREAM: &str = "caigunn";

/// What keeps all that is answered to.
const SAFE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

/// A server, where there is one.
struct Redis {
    server: Server,
}

impl Redis {
    /// Starts one with these arguments.
    async fn start(more: &[&str]) -> Option<Self> {
        let program = installed("CAIGUNN_TEST_REDIS_SERVER", "/usr/bin/redis-server")?;
        let server = Server::start(&program, |address, folder| {
            let (port, folder) = (address.port().to_string(), folder.display().to_string());
            let usual = [
                "--bind",
                "127.0.0.1",
                "--port",
                &port,
                "--dir",
                &folder,
                "--save",
                "",
            ];
            usual.iter().chain(more).map(|word| (*word).to_owned()).collect()
        });
        Some(Self { server: server.await })
    }

    /// Starts a Sentinel.
    async fn sentinel() -> Option<Self> {
        let program = installed("CAIGUNN_TEST_REDIS_SERVER", "/usr/bin/redis-server")?;
        let server = Server::start(&program, |address, folder| {
            let file = folder.join("sentinel.conf");
            let configuration = format!(
                "port {}\nbind 127.0.0.1\ndir {}\n",
                address.port(),
                folder.display()
            );
            fs::write(&file, configuration).expect("the folder takes files");
            vec![file.display().to_string(), "--sentinel".to_owned()]
        });
        Some(Self { server: server.await })
    }

    /// A destination that is a stream of it, with these members besides.
    fn destination(&self, more: &str) -> String {
        let address = self.server.address;
        format!(
            r#"name = "queue", kind = "redis", url = "redis://{address}", stream = "{STREAM}", timeout_seconds = 2{more}"#
        )
    }

    async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(format!("redis://{}", self.server.address)).expect("a URL");
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let config = config.set_connection_timeout(Some(Duration::from_secs(10)));
        let connected = client.get_multiplexed_async_connection_with_config(&config).await;
        connected.expect("the server takes connections")
    }

    async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let answer = command.query_async(&mut self.connect().await).await;
        answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    async fn wait_for_entries(&self, count: usize) {
        wait_for(&format!("{count} entries in the stream"), || async {
            let found: usize = self.ask(&["XLEN", STREAM]).await;
            if found >= count {
                Ok(())
            } else {
                Err(found.to_string())
            }
        })
        .await;
    }

    /// All that the stream has, as any consumer gets it.
    async fn messages(&self) -> Vec<Message> {
        let entries: Vec<(String, HashMap<String, Value>)> = self.ask(&["XRANGE", STREAM, "-", "+"]).await;
        let bytes = |value: Value| match value {
            Value::BulkString(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        let message = |(_, fields): (String, HashMap<String, Value>)| {
            let mut fields: HashMap<_, _> = fields
                .into_iter()
                .map(|(name, value)| (name, bytes(value)))
                .collect();
            let body = fields.remove("body").expect("a body").into();
            let text = |bytes| String::from_utf8(bytes).expect("headers are text");
            let mut headers: HashMap<_, _> = fields
                .into_iter()
                .map(|(name, value)| (name, text(value)))
                .collect();
            Message {
                message_id: headers.remove("message-id").expect("an id"),
                headers,
                body,
            }
        };
        entries.into_iter().map(message).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_in_order_whoever_is_killed_or_frozen() {
    let Some(mut redis) = Redis::start(SAFE).await else {
        return;
    };
    let mut receiver = Receiver::start(&[redis.destination("")]).await;
    let mut jobs = post_jobs(receiver.public(), 20).await;

    redis.wait_for_entries(1).await;
    redis.server.kill_9();
    jobs.extend(post_jobs(receiver.public(), 50).await);
    redis.server.restart().await;
    wait_for_state(receiver.admin(), "queue", "delivered", 140).await;
    redis.server.freeze();
    jobs.extend(post_jobs(receiver.public(), 50).await);
    receiver.wait_for_failure("queue", "within 2 s").await;
    redis.server.thaw();
    let public = receiver.public();
    let (more, ()) = tokio::join!(post_jobs(public, 200), async {
        redis.wait_for_entries(160).await;
        redis.server.kill_9();
        redis.server.restart().await;
    });
    jobs.extend(more);
    receiver.kill_and_restart().await;
    wait_for_state(receiver.admin(), "queue", "delivered", 640).await;

    let seen = redis.messages().await;
    assert_sound(&seen, &jobs);
    let names = ["content-type", "caigunn-event", "caigunn-attempt"];
    assert!(
        names.iter().all(|name| seen[0].headers.contains_key(*name)),
        "{:?}",
        seen[0]
    );
}

#[tokio::test]
async fn what_found_it_gone_goes_out_when_it_is_back() {
    let Some(mut redis) = Redis::start(SAFE).await else {
        return;
    };

    let destination = redis.destination("");
    assert_goes_out_when_it_is_back(&mut redis.server, destination).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_and_then_found_nobody_goes_out_when_it_is_back_too() {
    let Some(mut redis) = Redis::start(SAFE).await else {
        return;
    };
    let receiver = Receiver::start_with(&[redis.destination("")], &[TWO_TRIES]).await;
    let () = redis.ask(&["RPUSH", STREAM, "no stream"]).await;
    post_jobs(receiver.public(), 1).await;
    let id = wait_for_tries(receiver.admin(), 2).await;
    let () = redis.ask(&["DEL", STREAM]).await;

    redis.server.kill_9();
    order(receiver.admin(), &format!("/deliveries/queue/{id}/retry"), None).await;
    receiver.wait_for_failure("queue", "cannot connect to ").await;
    // What has it count as down was tried later.
    post_jobs(receiver.public(), 1).await;
    receiver.wait_for_log("queue fails throughout").await;
    redis.server.restart().await;

    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_arrives_under_an_id_of_its_own() {
    let Some(redis) = Redis::start(SAFE).await else {
        return;
    };
    let receiver = Receiver::start(&[redis.destination("")]).await;
    let jobs = post_jobs(receiver.public(), 1).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;
    let id = &jobs.values().next().unwrap()[0];

    let () = redis.ask(&["DEL", STREAM]).await;
    replay(receiver.admin(), json!({"receipt_ids": [id]})).await;
    redis.wait_for_entries(1).await;

    let again = redis.messages().await;
    assert_eq!(
        (again[0].webhook_id(), &*again[0].message_id),
        (&**id, &*format!("{id}.1"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_a_dead_letter_at_once_and_one_below_it_arrives() {
    let limit = ["--proto-max-bulk-len", "1048576"];
    let Some(redis) = Redis::start(&[SAFE, &limit].concat()).await else {
        return;
    };
    let receiver = Receiver::start(&[redis.destination("")]).await;

    let id = receiver.post_long((1 << 20) + 1).await;
    let told = receiver.wait_for_dead(&id).await.to_string();
    assert!(
        told.contains("it has 1048577 bytes, and 1048576 are the most that"),
        "{told}"
    );
    assert!(told.contains(r#""attempt_count":1"#), "{told}");
    receiver.post_long(1 << 20).await;
    redis.wait_for_entries(1).await;

    assert_eq!(redis.messages().await[0].body.len(), 1 << 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_and_the_right_one_is_taken_from_its_file_while_it_runs() {
    let folder = closed_folder();
    let file = folder.path().join("password");
    fs::write(&file, "planted-wrong\n").unwrap();
    let users = [
        "--user",
        "queue",
        "on",
        ">planted-queue",
        "~caigunn*",
        "-@all",
        "+xadd",
        "+info",
        "+type",
        "+config|get",
    ];
    let Some(redis) = Redis::start(&[SAFE, &users].concat()).await else {
        return;
    };
    let login = format!(r#", user = "queue", password_file = "{}""#, file.display());
    let destination = redis.destination(&login);
    let receiver = Receiver::start(std::slice::from_ref(&destination)).await;
    let jobs = post_jobs(receiver.public(), 2).await;

    let told = receiver
        .wait_for_failure("queue", "does not take these credentials")
        .await
        .to_string();
    assert!(!told.contains("planted"), "{told}");
    assert_says(
        &doctor(&destination).await,
        "FAILURE ",
        "does not take these credentials",
    );
    fs::write(&file, "planted-queue\n").unwrap();
    wait_for_state(receiver.admin(), "queue", "delivered", 4).await;

    assert_sound(&redis.messages().await, &jobs);
    assert_says(
        &doctor(&destination).await,
        "ok      ",
        "has on its disk what it answers to",
    );
    assert!(!receiver.log().contains("planted"), "{}", receiver.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_refuses_is_told_as_it_is_and_goes_on_when_it_takes_it() {
    let Some(redis) = Redis::start(SAFE).await else {
        return;
    };
    let receiver = Receiver::start(&[redis.destination("")]).await;
    let () = redis.ask(&["RPUSH", STREAM, "no stream"]).await;

    let jobs = post_jobs(receiver.public(), 1).await;
    receiver
        .wait_for_failure("queue", "what it has there is no stream: WRONGTYPE")
        .await;
    assert_says(
        &doctor(&redis.destination("")).await,
        "FAILURE ",
        "has a list under the key caigunn, and no stream",
    );
    let () = redis.ask(&["DEL", STREAM]).await;
    let () = redis
        .ask(&["REPLICAOF", "127.0.0.1", &free_port().to_string()])
        .await;
    receiver
        .wait_for_failure("queue", "it is a replica, which takes no writes: READONLY")
        .await;
    assert_says(
        &doctor(&redis.destination("")).await,
        "FAILURE ",
        "is a replica, which takes no writes",
    );
    let () = redis.ask(&["REPLICAOF", "NO", "ONE"]).await;
    let () = redis.ask(&["CONFIG", "SET", "maxmemory", "1"]).await;
    receiver
        .wait_for_failure("queue", "it has no memory left (maxmemory): OOM")
        .await;
    let () = redis.ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
    wait_for_state(receiver.admin(), "queue", "delivered", 2).await;

    assert_sound(&redis.messages().await, &jobs);
}
