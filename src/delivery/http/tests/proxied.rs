//! Proxies: one that reads what goes through it, and one that only connects.

use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::early::certified;
use super::*;
use crate::delivery::send::ASKS_FOR_PAUSE;

/// As the environment would name it.
fn intercept(proxy: &str, url: &str) -> Option<Intercept> {
    let matcher = Matcher::builder().all(proxy).build();
    matcher.intercept(&url.parse().unwrap())
}

fn sender_through(proxy: &str, url: &str, trusted: ClientConfig) -> HttpSender {
    let settings = settings(url);
    let destination = sample::destination(Kind::Http(settings.clone()), LONG);
    HttpSender::through(&destination, &settings, intercept(proxy, url), move || {
        Ok(trusted.clone())
    })
    .unwrap()
}

#[tokio::test]
async fn a_proxy_that_reads_is_told_the_whole_url_and_its_own_password() {
    let proxy = Server::start(OK, Then::Keep).await;
    let named = proxy.url("").replace("//", "//user:hunter2@");
    let url = "http://app.invalid:8080/hook?a=1";
    let (_, trusted) = certified("app.invalid");
    let sender = sender_through(&named, url, trusted);

    for _ in 0..2 {
        let report = sender.send(sample::parcel(BODY)).await;

        assert_eq!(report.outcome, Outcome::Delivered, "{report:?}");
    }

    let request = &proxy.requests()[1];
    assert_eq!(request.line, format!("POST {url} HTTP/1.1"));
    assert_eq!(request.header("host"), "app.invalid:8080");
    assert_eq!(request.header("proxy-authorization"), "Basic dXNlcjpodW50ZXIy");
    assert!(!request.has("authorization"));
    assert_eq!(proxy.connection_count(), 1);
}

#[tokio::test]
async fn a_proxy_that_connects_is_told_the_host_and_its_own_password_and_no_more() {
    let application = Server::start(OK, Then::Keep).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
    let (acceptor, trusted) = certified("app.invalid");
    // Proxy and TLS are ended here, so that the application sees what was within.
    let behind = application.address;
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            stream.read_line(&mut head).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut inside = acceptor.accept(stream).await.unwrap();
        let mut onward = TcpStream::connect(behind).await.unwrap();
        let _ = copy_bidirectional(&mut inside, &mut onward).await;
        head
    });
    let sender = sender_through(&proxy, "https://app.invalid/hook?a=1", trusted);

    for _ in 0..2 {
        let report = sender.send(sample::parcel(BODY)).await;

        assert_eq!(report.outcome, Outcome::Delivered, "{report:?}");
    }

    drop(sender);
    let head = serving.await.unwrap().to_ascii_lowercase();
    let lines: Vec<_> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines[0], "connect app.invalid:443 http/1.1");
    assert!(lines.contains(&"host: app.invalid:443"), "{head}");
    assert!(
        lines.contains(&"proxy-authorization: basic dxnlcjpodw50zxiy"),
        "{head}"
    );
    assert!(head.contains("user-agent: caigunn-webhook/"), "{head}");
    let request = &application.requests()[1];
    assert_eq!(request.line, "POST /hook?a=1 HTTP/1.1");
    assert_eq!(request.header("host"), "app.invalid");
    assert!(!request.has("proxy-authorization"));
    assert_eq!(application.connection_count(), 1);
}

#[tokio::test]
async fn a_proxy_that_speaks_no_http_is_told_nothing() {
    for url in ["http://app.invalid/hook", "https://app.invalid/hook"] {
        for proxy in ["socks5", "socks5h", "socks4"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let proxy = format!("{proxy}://user:hunter2@{}", listener.local_addr().unwrap());
            let sender = sender_through(&proxy, url, certified("app.invalid").1);

            let report = sender.send(sample::parcel(BODY)).await;

            assert_eq!(
                (report.outcome, report.wish),
                (Outcome::Unreachable, Wish::WhenBack),
                "{report:?}"
            );
            assert!(report.detail.contains("nothing here speaks socks"), "{report:?}");
            assert!(!report.detail.contains("hunter2"), "{report:?}");
            let came = tokio::time::timeout(SHORT, listener.accept()).await;
            assert!(came.is_err(), "{proxy}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_stands_in_the_way_is_named_without_its_password() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let named = proxy.replace("//", "//user:hunter2@");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                stream.read_line(&mut line).await.unwrap();
            }
            let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(refusal).await.unwrap();
        }
    });
    let (_, trusted) = certified("app.invalid");
    for (url, expected) in [
        ("http://app.invalid/hook", "answered 407 (through the proxy "),
        (
            "https://app.invalid/hook",
            "cannot connect to app.invalid:443: tunnel error: proxy authorization required; ",
        ),
    ] {
        let report = sender_through(&named, url, trusted.clone())
            .send(sample::parcel(BODY))
            .await;

        assert!(report.detail.starts_with(expected), "{report:?}");
        let shown = format!("(through the proxy {proxy}, which");
        assert!(report.detail.contains(&shown), "{report:?}");
        assert!(!report.detail.contains("hunter2"), "{report:?}");
    }
}

#[tokio::test]
async fn that_a_pause_is_asked_for_is_said_last_also_where_a_proxy_may_have_asked_for_it() {
    let (_, trusted) = certified("app.invalid");
    for status in [
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
        "521 Down",
    ] {
        let answer = format!("HTTP/1.1 {status}\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n");
        let proxy = Server::start(answer.as_bytes(), Then::Keep).await;
        let sender = sender_through(&proxy.url(""), "http://app.invalid/hook", trusted.clone());

        let report = sender.send(sample::parcel(BODY)).await.kept(None);

        assert_eq!(report.wish.pause(), Duration::from_secs(7));
        assert!(
            report.detail.contains(" (through the proxy http://"),
            "{report:?}"
        );
        assert!(report.detail.ends_with(ASKS_FOR_PAUSE), "{report:?}");
    }
}
