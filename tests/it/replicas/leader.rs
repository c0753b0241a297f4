//! What only one of many does: it keeps the registration at CaiGunn.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::net::TcpListener;

use super::Replica;
use crate::harness::postgres::fresh_database;
use crate::harness::provider::{Call, Route};
use crate::harness::{Provider, client, wait_for};

/// By which address of this machine each receiver calls CaiGunn, so that the fake can tell them apart.
const HOSTS: [&str; 3] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

struct Fleet {
    provider: Provider,
    /// With the host by which it calls CaiGunn; those that were stopped are gone.
    replicas: Vec<(String, Replica)>,
}

impl Fleet {
    async fn start(database: &str) -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a free port");
        let provider = Provider::on(listener, []);
        let mut replicas = Vec::new();
        for host in HOSTS {
            let host = format!("{host}:{}", provider.address.port());
            let url = format!("http://{host}");
            let variables = [
                ("CAIGUNN_API_URL", url.as_str()),
                ("CAIGUNN_ACCESS_TOKEN", "access-token"),
                ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
                ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
                ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
            ];
            replicas.push((host, Replica::start(database, &variables).await));
        }
        Self { provider, replicas }
    }

    /// Waits until one says that it leads and all others name it; its place.
    async fn wait_for_leader(&self) -> usize {
        let client = client();
        wait_for("a leader that all know", || async {
            let mut leaders = Vec::new();
            for (_, replica) in &self.replicas {
                let response = client.get(replica.process.api("/subscription")).send().await;
                let seen: Value = response
                    .expect("the API answers")
                    .json()
                    .await
                    .expect("the API answers JSON");
                leaders.push(seen["leader"].clone());
            }
            let leading = leaders.iter().enumerate();
            let leading: Vec<_> = leading.filter(|(_, seen)| seen["is_self"] == true).collect();
            match leading[..] {
                [(place, leader)] if leaders.iter().all(|seen| seen["name"] == leader["name"]) => Ok(place),
                _ => Err(format!("{leaders:?}")),
            }
        })
        .await
    }

    /// The hosts of all calls since the one of that number.
    fn callers(&self, since: usize) -> BTreeSet<String> {
        let calls = self.provider.calls();
        let host = |call: &Call| call.headers["host"].to_str().unwrap().to_owned();
        calls[since..].iter().map(host).collect()
    }

    /// Waits until that one has looked at its chatbots, once more than at the start.
    async fn wait_for_rounds_of(&self, host: &str, since: usize) {
        wait_for("calls of the leader", || async {
            let calls = self.provider.calls();
            let of_it = calls[since..].iter().filter(|call| call.headers["host"] == host);
            let listed = of_it.filter(|call| call.route == Route::Chatbots);
            match listed.count() {
                0..3 => Err(format!("{calls:?}")),
                _ => Ok(()),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn one_receiver_calls_caigunn_until_it_dies_or_stops_and_then_another_does() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let mut fleet = Fleet::start(database.url()).await;
    let place = fleet.wait_for_leader().await;
    fleet.wait_for_rounds_of(&fleet.replicas[place].0, 0).await;
    let id = fleet.provider.chatbot_id("key-one");
    let registered = Some("https://hooks.example.com/webhook".to_owned());
    assert_eq!(fleet.provider.webhook_url(id), registered);
    assert_eq!(
        fleet.callers(0),
        BTreeSet::from([fleet.replicas[place].0.clone()])
    );
    assert_eq!(fleet.provider.calls_of(Route::PutWebhook).len(), 1);

    let (_, mut killed) = fleet.replicas.remove(place);
    killed.process.kill();
    let place = fleet.wait_for_leader().await;
    // What the other one had sent before it died has arrived by now.
    let seen = fleet.provider.calls().len();
    fleet.wait_for_rounds_of(&fleet.replicas[place].0, seen).await;
    assert_eq!(
        fleet.callers(seen),
        BTreeSet::from([fleet.replicas[place].0.clone()])
    );

    let (_, mut stopped) = fleet.replicas.remove(place);
    stopped.process.signal("TERM");
    assert_eq!(
        stopped.process.wait().await.code(),
        Some(0),
        "{}",
        stopped.process.log()
    );
    let seen = fleet.provider.calls().len();
    let place = fleet.wait_for_leader().await;
    fleet.wait_for_rounds_of(&fleet.replicas[place].0, seen).await;

    assert_eq!(
        fleet.callers(seen),
        BTreeSet::from([fleet.replicas[place].0.clone()])
    );
    assert_eq!(fleet.provider.webhook_url(id), registered);
    for (_, replica) in &fleet.replicas {
        replica.assert_discreet(database.url());
    }
}
