//! Promise: whether the public URL leads to this process is told in one plain line, when it changes, and never stands in
//! the way of registering.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use caigunn_webhook::instance::{Instance, PROOF_HEADER};
use caigunn_webhook::subscription::probe::{self, Finding, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::harness::{Process, header, spawn_app};

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    (listener, address)
}

/// Some HTTP server at which every request gets the status of the moment.
struct Stranger {
    address: SocketAddr,
    status: watch::Sender<u16>,
    request_count: Arc<AtomicUsize>,
}

impl Stranger {
    async fn start(status: u16) -> Self {
        let (listener, address) = listen().await;
        let (status, current) = watch::channel(status);
        let request_count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&request_count);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a probe connects");
                let mut request = [0; 4096];
                // The asker may be gone already.
                let _ = stream.read(&mut request).await;
                counted.fetch_add(1, Ordering::Relaxed);
                let status = *current.borrow();
                let answer = format!(
                    "HTTP/1.1 {status} Whatever\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            address,
            status,
            request_count,
        }
    }

    /// Waits until so many more requests have been answered.
    async fn wait_for_requests(&self, count: usize) {
        let before = self.request_count.load(Ordering::Relaxed);
        wait_for("probes", || async {
            let now = self.request_count.load(Ordering::Relaxed);
            (now >= before + count).then_some(()).ok_or(now.to_string())
        })
        .await;
    }
}

/// Asks as a process of its own does.
async fn probe(address: SocketAddr) -> Finding {
    let url = format!("http://{address}/some/path/").parse().unwrap();
    let client = probe::client(&url).unwrap();
    probe::probe(&client, &url, &Instance::random()).await
}

#[tokio::test]
async fn whatever_answers_is_told_in_one_line() {
    let other = spawn_app().await;
    // Below a path the other receiver has no health, and without it, it has.
    let url = format!("http://{}", other.public).parse().unwrap();
    let client = probe::client(&url).unwrap();
    let found = probe::probe(&client, &url, &Instance::random()).await;
    assert_eq!(found.kind, Kind::OtherReceiver);
    assert_eq!(
        found.to_string(),
        "another caigunn-webhook process answers there; if it is no replica of this one, CAIGUNN_PUBLIC_URL is another \
         deployment's, or its proxy passes requests on to one"
    );
    let found = probe(other.public).await;
    assert_eq!(found.kind, Kind::NoReceiver);
    assert!(found.seen.ends_with("with 404"), "{found}");

    for status in [200, 401, 404, 500] {
        let found = probe(Stranger::start(status).await.address).await;

        assert_eq!(found.kind, Kind::NoReceiver);
        assert_eq!(
            found.to_string(),
            format!(
                "something that is no caigunn-webhook answers there, with {status}; check CAIGUNN_PUBLIC_URL, and that \
                 the proxy passes /healthz and /webhook on"
            )
        );
    }
    for status in [301, 308] {
        let found = probe(Stranger::start(status).await.address).await;

        assert_eq!(
            found.to_string(),
            format!(
                "it redirects to http://127.0.0.1:9 ({status}), which CaiGunn may not follow; set CAIGUNN_PUBLIC_URL to \
                 where it leads"
            )
        );
    }
    for status in [502, 503, 504, 521, 530] {
        let found = probe(Stranger::start(status).await.address).await;

        assert_eq!(found.kind, Kind::BrokenProxy);
        assert_eq!(
            found.to_string(),
            format!(
                "the proxy or tunnel there answers {status}: it runs, but does not reach this receiver; check the \
                 address and port that it passes requests on to"
            )
        );
    }
    other.stop().await;
}

#[tokio::test]
async fn a_url_at_which_nothing_listens_is_told_as_that() {
    // Bound, the port is ours; not listened on, it refuses connections.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();

    let found = probe(socket.local_addr().unwrap()).await;

    let expected = "nothing answers there: Connection refused (os error 111); check CAIGUNN_PUBLIC_URL, and that the \
                    tunnel or proxy runs";
    assert_eq!(found.to_string(), expected);
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_as_that() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });

    let found = probe(address).await;

    assert_eq!(found.kind, Kind::NoAnswer, "{found:?}");
    assert_eq!(found.to_string().lines().count(), 1, "{found}");
}

/// With the clock paused, the ten seconds are over as soon as nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_url_that_never_answers_is_told_as_that() {
    // The system connects, and nobody ever reads.
    let (_listener, address) = listen().await;

    let found = probe(address).await;

    let expected = "nothing answers there: no answer within 10 s; check CAIGUNN_PUBLIC_URL, and that the tunnel or \
                    proxy runs";
    assert_eq!(found.to_string(), expected);
}

#[tokio::test]
async fn health_is_200_with_any_nonce_and_proves_itself_for_a_uuid_alone() {
    let (app, other) = (spawn_app().await, spawn_app().await);
    let nonce = Uuid::from_u128(1);
    let ask = async |address: SocketAddr, query: &str| {
        let url = format!("http://{address}/healthz{query}");
        let response = client().get(url).send().await.unwrap();
        assert_eq!(response.status(), 200, "{query}");
        let proof = header(&response, PROOF_HEADER).map(str::to_owned);
        assert_eq!(response.text().await.unwrap(), "ok\n");
        proof
    };

    for address in [app.public, app.admin] {
        for query in [
            "",
            "?",
            "?nonce",
            "?nonce=",
            "?nonce=1",
            "?nonce=%FF%00",
            "?nonce=planted%0d%0ax-planted:1",
            "?other=00000000-0000-0000-0000-000000000001",
        ] {
            assert_eq!(ask(address, query).await, None, "{query}");
        }
    }
    let query = format!("?a=b&nonce={nonce}");
    let proof = ask(app.public, &query).await.expect("a proof");
    assert_eq!(proof.len(), 64);
    assert_eq!(ask(app.admin, &query).await.as_ref(), Some(&proof));
    assert_ne!(ask(other.public, &query).await.as_ref(), Some(&proof));
    let next = format!("?nonce={}", Uuid::from_u128(2));
    assert_ne!(ask(app.public, &next).await.as_ref(), Some(&proof));
    app.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_url_that_leads_here_is_shown_as_ours() {
    // A proxy whose address is known before the receiver has one.
    let (listener, address) = listen().await;
    let (tell_target, target) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a probe connects");
            let mut target = target.clone();
            tokio::spawn(async move {
                let target: SocketAddr = target.wait_for(Option::is_some).await.unwrap().unwrap();
                let mut there = TcpStream::connect(target).await.expect("the receiver listens");
                // Either may close first.
                let _ = copy_bidirectional(&mut stream, &mut there).await;
            });
        }
    });
    let provider = Provider::start([]).await;
    let public_url = format!("http://{address}");
    let keys = [
        ("server.public_url", &*public_url),
        ("subscription.probe", "true"),
    ];

    let app = spawn(&provider, &keys).await;
    tell_target.send_replace(Some(app.public));

    let probe = wait_for("the probe", || async {
        let seen = app.api("/subscription").await;
        let probe = seen["probe"].clone();
        if probe.is_object() {
            Ok(probe)
        } else {
            Err(seen.to_string())
        }
    })
    .await;
    assert_eq!(
        probe,
        json!({
            "finding": "ours",
            "detail": "it leads to this receiver",
            "is_well": true,
            "since": probe["since"],
            "at": probe["at"],
        })
    );
    wait_for_registered(&app, 1).await;
    app.stop().await;
}

#[tokio::test]
async fn a_failed_probe_warns_when_it_changes_and_does_not_keep_a_chatbot_from_being_registered() {
    let provider = Provider::start([]).await;
    let stranger = Stranger::start(502).await;
    let public_url = format!("http://{}", stranger.address);
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("CAIGUNN_API_URL", &*provider.url()),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", &public_url),
        ("CAIGUNN_WEBHOOK_TOKEN", "token-of-the-registered-url"),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
    ];
    let process = Process::start(folder.path(), &variables).await;
    let probed = || async {
        let seen = client().get(process.api("/subscription")).send().await.unwrap();
        seen.json::<Value>().await.unwrap()["probe"].clone()
    };
    let wait_for_finding = async |finding: &str| {
        wait_for(finding, || async {
            let probe = probed().await;
            if probe["finding"] == finding {
                Ok(())
            } else {
                Err(probe.to_string())
            }
        })
        .await;
    };

    provider.wait_for_calls(1).await;
    wait_for_finding("broken_proxy").await;
    let first = probed().await;
    stranger.wait_for_requests(2).await;
    stranger.status.send_replace(404);
    wait_for_finding("no_receiver").await;
    stranger.wait_for_requests(2).await;
    let last = probed().await;
    assert_eq!(process.metric(&client(), "public_url_trouble").await, 1.0);

    let mut lines = process.log_lines();
    lines.retain(|line| line["error.type"] == "probe");
    let messages: Vec<_> = lines
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        messages,
        [
            format!(
                "probed {public_url}/: the proxy or tunnel there answers 502: it runs, but does not reach this \
                 receiver; check the address and port that it passes requests on to"
            ),
            format!(
                "probed {public_url}/: something that is no caigunn-webhook answers there, with 404; check \
                 CAIGUNN_PUBLIC_URL, and that the proxy passes /healthz and /webhook on"
            ),
        ]
    );
    assert!(lines.iter().all(|line| line["level"] == "WARN"), "{lines:?}");
    assert_eq!(last["since"], first["since"], "it did not lead here in between");
    assert!(last["at"].as_str() > last["since"].as_str(), "{last}");
    assert_eq!(put_count(&provider), 1);
}
