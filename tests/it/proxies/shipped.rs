//! The configurations that are shipped for nginx and Caddy, with what they promise: they take what the receiver takes,
//! write the token down nowhere, and no post is lost.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use caigunn_webhook::config::{self, Sources};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{GUARDED, TOKEN, start_receiver};
use crate::harness::caddy::Caddy;
use crate::harness::nginx::Nginx;
use crate::harness::posters::text;
use crate::harness::{Process, client, json, sample};

/// How many posts come at once; one of them is as large as a body may be.
const COUNT: usize = 50;

/// A shipped file.
fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).expect("the file is shipped")
}

/// Puts one thing in place of another, which must stand there once.
fn replaced(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new)
}

/// Without the lines for a second receiver, which are marked.
fn for_one_receiver(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("#2"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// nginx as it is shipped, in front of this receiver, without TLS.
async fn nginx(receiver: SocketAddr) -> Option<Nginx> {
    let text = for_one_receiver(&shipped("config/proxies/nginx.conf"));
    let text = replaced(&text, "127.0.0.1:8080", &receiver.to_string());
    let text = replaced(&text, "listen 443 ssl http2;", "listen {address};");
    let text = replaced(
        &text,
        "error_log /var/log/nginx/error.log crit;",
        "error_log error.log crit;",
    );
    let is_certificate = |line: &&str| line.trim_start().starts_with("ssl_certificate");
    assert_eq!(text.lines().filter(is_certificate).count(), 2);
    let lines: Vec<_> = text.lines().filter(|line| !is_certificate(line)).collect();
    Nginx::start(&lines.join("\n")).await
}

/// Caddy as it is shipped, in front of this receiver, without TLS, as its variables say; and without the address at which
/// it takes orders, which is one for all.
async fn caddy(receiver: SocketAddr) -> Option<Caddy> {
    let text = for_one_receiver(&shipped("config/proxies/Caddyfile"));
    let text = replaced(&text, "\n\tlog {\n", "\n\tadmin off\n\tlog {\n");
    let receiver = receiver.to_string();
    Caddy::start_shipped(&text, &[("HOOKS_RECEIVER", &receiver)]).await
}

/// Posts what is valid, what is not, and, when the receiver is gone, in vain.
async fn assert_promises(mut receiver: Process, address: SocketAddr, log: impl Fn() -> String) {
    let url = format!("http://{address}/webhook/{TOKEN}");
    let client = client();
    let status_of = async |url: &str, body: &Value| {
        let answer = client
            .post(url)
            .json(body)
            .send()
            .await
            .expect("the proxy answers");
        answer.status().as_u16()
    };
    let mut bodies: Vec<_> = (0..COUNT).map(|_| json(&sample("crawling.completed"))).collect();
    bodies[0]["padding"] = "".into();
    bodies[0]["padding"] = "x".repeat((8 << 20) - bodies[0].to_string().len()).into();
    let statuses = join_all(bodies.iter().map(|body| status_of(&url, body))).await;
    assert_eq!(statuses, [200; COUNT], "{}", log());
    assert_eq!(status_of(&format!("{url}x"), &"guess".into()).await, 401);
    let receipts = receiver.receipts(&client).await;
    let stored: BTreeSet<_> = receipts.iter().map(|receipt| text(receipt, "event_id")).collect();
    assert_eq!(
        (receipts.len(), stored),
        (COUNT, bodies.iter().map(|body| text(body, "event_id")).collect())
    );

    receiver.kill();

    assert_eq!(status_of(&url, &"in vain".into()).await, 502);
    assert!(!log().contains(TOKEN), "{}", log());
}

#[tokio::test]
async fn nginx_as_it_is_shipped_takes_all_that_the_receiver_takes_and_writes_no_token() {
    let (receiver, _folder) = start_receiver(&GUARDED).await;
    let Some(nginx) = nginx(receiver.public).await else {
        return;
    };

    assert_promises(receiver, nginx.address, || nginx.errors()).await;
}

#[tokio::test]
async fn caddy_as_it_is_shipped_takes_all_that_the_receiver_takes_and_writes_no_token() {
    let (receiver, _folder) = start_receiver(&GUARDED).await;
    let Some(caddy) = caddy(receiver.public).await else {
        return;
    };

    assert_promises(receiver, caddy.address, || caddy.log()).await;
}

/// Reads a post whose body ends with the only closing brace, and answers it with 200 if it is to.
async fn serve(stream: &mut TcpStream, is_answered: bool) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"}") {
        let byte = stream.read_u8().await;
        bytes.push(byte.expect("the post is whole"));
    }
    if is_answered {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.expect("the proxy reads");
    }
}

/// The receiver stores each once, so a post may come twice, but must not go missing.
#[tokio::test]
async fn nginx_as_it_is_shipped_sends_a_post_again_whose_kept_connection_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let Some(nginx) = nginx(listener.local_addr().expect("it is bound")).await else {
        return;
    };
    let receiver = tokio::spawn(async move {
        let (mut kept, _) = listener.accept().await.expect("nginx connects");
        serve(&mut kept, true).await;
        serve(&mut kept, false).await;
        drop(kept);
        let (mut fresh, _) = listener.accept().await.expect("nginx connects again");
        serve(&mut fresh, true).await;
    });

    let mut statuses = Vec::new();
    for _ in 0..2 {
        let answer = client().post(nginx.url("/webhook")).body("{}").send().await;
        statuses.push(answer.expect("nginx answers").status().as_u16());
    }

    assert_eq!(statuses, [200, 200], "{}", nginx.errors());
    receiver.await.expect("it was posted on two connections");
}

#[test]
fn the_deployment_with_caddy_gives_the_shipped_file_the_variables_that_it_reads() {
    let (deployment, caddyfile) = (shipped("compose.caddy.yaml"), shipped("config/proxies/Caddyfile"));
    let variables: Vec<_> = caddyfile
        .split("{$")
        .skip(1)
        .filter_map(|rest| rest.split(':').next())
        .collect();

    assert_eq!(variables, ["HOOKS_HOST", "HOOKS_RECEIVER"]);
    for variable in variables {
        assert!(deployment.contains(&format!("      {variable}: ")), "{variable}");
    }
    assert!(deployment.contains("./config/proxies/Caddyfile:/etc/caddy/Caddyfile:ro"));
}

/// Else a proxy posts on a connection that the receiver ends at that moment, and does not repeat it.
#[test]
fn by_default_the_receiver_keeps_idle_connections_for_longer_than_shipped_files_have_proxies_keep_them() {
    let defaults = config::load(&Sources::default()).expect("the defaults are right");
    let kept = defaults.settings.http.connections.idle_timeout;
    let number_behind = |file: &str, setting: &str| -> Vec<Duration> {
        let text = shipped(file);
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let given = lines
            .filter_map(|line| line.split_once(setting))
            .map(|(_, rest)| {
                let digits: String = rest.trim().chars().take_while(char::is_ascii_digit).collect();
                Duration::from_secs(digits.parse().expect("a number of seconds"))
            });
        given.collect()
    };
    let apache = number_behind("config/proxies/apache.conf", "ttl=");
    let traffic_server = "proxy.config.http.keep_alive_no_activity_timeout_out INT";
    let traffic_server = number_behind("config/proxies/trafficserver.records.config", traffic_server);
    assert_eq!((apache.len(), traffic_server.len()), (1, 1));
    for time in [apache, traffic_server].concat() {
        assert!(time < kept, "{time:?} and {kept:?}");
    }
    // Those of the others are their defaults: Caddy's is the longest, two minutes.
    for (file, setting) in [
        ("config/proxies/Caddyfile", "keepalive"),
        ("config/proxies/nginx.conf", "keepalive_timeout"),
        ("config/nginx.conf", "keepalive_timeout"),
    ] {
        let text = shipped(file);
        let mut lines = text.lines().map(str::trim);
        assert!(!lines.any(|line| line.starts_with(setting)), "{file}");
    }
    assert!(kept > Duration::from_secs(120), "{kept:?}");
}
