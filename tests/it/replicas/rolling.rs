//! Receivers that are replaced one by one behind the nginx and the Caddy whose configuration is shipped.

use std::net::SocketAddr;
use std::path::Path;

use futures_util::future::join_all;

use super::senders::{Senders, Template};
use super::{Replica, fixed_port};
use crate::harness::caddy::Caddy;
use crate::harness::nginx::Nginx;
use crate::harness::postgres::{Database, fresh_database};
use crate::harness::raw::{self, Raw};
use crate::harness::{client, json, sample, wait_for};

/// The shipped file, and what stands in it for the receivers, for where nginx listens and for where it logs.
const SHIPPED: &str = "config/nginx.conf";
const RECEIVERS: [&str; 2] = ["172.30.111.11:8080", "172.30.111.12:8080"];
const LISTEN: &str = "listen 0.0.0.0:8080;";
const LOG: &str = "error_log /dev/stderr crit;";

const TOKEN: &str = "planted-token";

/// What all receivers are started with; the delay is that of compose.postgres.yaml. A disk that other tests keep busy is given
/// more time than usual, and so are whoever waits for it.
const SETTINGS: &[(&str, &str)] = &[
    ("CAIGUNN_WEBHOOK_TOKEN", TOKEN),
    ("CAIGUNN_SERVER_DRAIN_DELAY_SECONDS", "5"),
    ("CAIGUNN_INBOX_APPEND_TIMEOUT_SECONDS", "20"),
];

/// The shipped file with these receivers. Fails unless all is in it that is replaced.
fn shipped_for(receivers: [SocketAddr; 2]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SHIPPED);
    let mut text = std::fs::read_to_string(path).expect("the file is shipped");
    let mut replace = |old: &str, new: &str| {
        assert_eq!(text.matches(old).count(), 1, "{old}");
        text = text.replace(old, new);
    };
    for (shipped, receiver) in RECEIVERS.iter().zip(receivers) {
        replace(shipped, &receiver.to_string());
    }
    replace("proxy_read_timeout 10s;", "proxy_read_timeout 25s;");
    replace(LISTEN, "listen {address};");
    replace(LOG, "error_log error.log crit;");
    text
}

/// Two receivers on a database, and nginx in front of them.
async fn start() -> Option<(Database, [Replica; 2], Nginx)> {
    let database = fresh_database().await?;
    let addresses = [fixed_port(), fixed_port()];
    let nginx = Nginx::start(&shipped_for(addresses)).await?;
    let [first, second] = addresses.map(|address| Replica::start_at(address, database.url(), SETTINGS));
    let (first, second) = tokio::join!(first, second);
    Some((database, [first, second], nginx))
}

/// How many notifications it has taken, as it counts them.
async fn taken_count(replica: &Replica) -> usize {
    replica
        .process
        .log()
        .matches(r#"http.response.status_code":200"#)
        .count()
}

/// Replaces both under load that comes by way of a proxy, which is asked what it says of itself.
async fn assert_replacing_costs_no_request(
    database: &Database,
    replicas: &mut [Replica],
    proxy: SocketAddr,
    log: impl Fn() -> String,
) {
    let template = Template::posting_to_host(&proxy.to_string(), &format!("/webhook/{TOKEN}"));
    let senders = Senders::start_endless(16, &[proxy], &template);

    for replica in replicas {
        senders.wait_for_answers(senders.answered_count() + 200).await;
        replica.process.signal("TERM");
        let ended = replica.process.wait().await;
        assert_eq!(ended.code(), Some(0), "{}", replica.process.log());
        let address = replica.process.public;
        *replica = Replica::start_at(address, database.url(), SETTINGS).await;
        wait_for("the proxy to use the new receiver", || async {
            match taken_count(replica).await {
                0 => Err(replica.process.log()),
                _ => Ok(()),
            }
        })
        .await;
    }
    let account = senders.end().await;

    let refused = (account.refused_count, account.broken_count);
    assert_eq!(refused, (0, 0), "{:?}\n{}", account.refusal, log());
    assert!(account.stored.len() >= 400);
    assert!(account.stored.iter().all(|(_, _, is_new)| *is_new), "{}", log());
    let rows = database
        .rows("SELECT count(*) FROM caigunn_webhook.receipt")
        .await;
    assert_eq!(rows[0].get::<_, i64>(0), account.stored.len() as i64);
    assert!(!log().contains(TOKEN), "{}", log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_receivers_are_replaced_one_by_one_every_request_is_answered_200() {
    let Some((database, mut replicas, nginx)) = start().await else {
        return;
    };

    assert_replacing_costs_no_request(&database, &mut replicas, nginx.address, || nginx.errors()).await;
}

/// Its lines for a second receiver are marked, and so no lines until the mark is taken away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_receivers_are_replaced_behind_caddy_every_request_is_answered_200() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let addresses = [fixed_port(), fixed_port()];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/proxies/Caddyfile");
    let shipped = std::fs::read_to_string(path).expect("the file is shipped");
    assert_eq!(shipped.matches("127.0.0.1:8081").count(), 1);
    let configuration = shipped
        .replace("\n#2", "\n")
        .replace("127.0.0.1:8081", &addresses[1].to_string())
        .replace("lb_try_duration 5s", "lb_try_duration 25s")
        .replace("response_header_timeout 10s", "response_header_timeout 25s")
        .replace("\n\tlog {\n", "\n\tadmin off\n\tlog {\n");
    let first = addresses[0].to_string();
    let starting = addresses.map(|address| Replica::start_at(address, database.url(), SETTINGS));
    let mut replicas = join_all(starting).await;
    let Some(caddy) = Caddy::start_shipped(&configuration, &[("HOOKS_RECEIVER", &first)]).await else {
        return;
    };

    assert_replacing_costs_no_request(&database, &mut replicas, caddy.address, || caddy.log()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_killed_costs_no_request_its_answer() {
    let Some((_database, mut replicas, nginx)) = start().await else {
        return;
    };
    let template = Template::posting_to(&format!("/webhook/{TOKEN}"));
    let senders = Senders::start_endless(16, &[nginx.address], &template);
    senders.wait_for_answers(200).await;

    replicas[0].process.kill();
    senders.wait_for_answers(senders.answered_count() + 200).await;
    let account = senders.end().await;

    assert_eq!((account.refused_count, account.broken_count), (0, 0));
    account.receipts();
    assert!(!nginx.errors().contains(TOKEN), "{}", nginx.errors());
}

#[tokio::test]
async fn a_body_passes_nginx_up_to_the_receivers_limit() {
    let Some((_database, replicas, nginx)) = start().await else {
        return;
    };
    let client = client();
    let mut body = json(&sample("crawling.completed"));
    body["padding"] = "".into();
    let limit = 8 << 20;
    body["padding"] = "x".repeat(limit - body.to_string().len()).into();
    let url = nginx.url(&format!("/webhook/{TOKEN}"));

    let whole = client.post(&url).json(&body).send().await.expect("an answer");
    let mut connection = Raw::connect(nginx.address).await;
    let head = raw::post("").replace("Content-Length: 0", &format!("Content-Length: {}", limit + 1));
    connection.send(head).await;
    let refused = connection.read_answer().await;

    assert_eq!(whole.status(), 200, "{}", nginx.errors());
    assert_eq!(refused.status(), 413);
    // What was answered is told of a moment later.
    wait_for("one of them to be taken", || async {
        match taken_count(&replicas[0]).await + taken_count(&replicas[1]).await {
            1 => Ok(()),
            count => Err(count.to_string()),
        }
    })
    .await;
}
