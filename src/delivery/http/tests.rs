//! What a destination gets, and what is made of everything it may answer.

mod answers;
mod early;
mod failures;
mod proxied;
mod refused;
mod server;

use secrecy::SecretString;
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::clock::Timestamp;
use crate::delivery::send::sample;
use crate::delivery::{Format, Kind, Wish};
use crate::rotating::Rotating;
use server::{Server, Then};

const BODY: &str = r#"{"event":"crawling", "status":"initial", "event_id":"3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "data":{"chatbot_id":"3fa85f64-5717-4562-b3fc-2c963f66afa6"}}"#;

/// Long enough for everything that should come.
const LONG: Duration = Duration::from_secs(20);

/// Short enough to wait for in vain.
const SHORT: Duration = Duration::from_secs(2);

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn settings(url: &str) -> Settings {
    Settings {
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        proxy: true,
    }
}

fn sender_with(settings: &Settings, timeout: Duration) -> HttpSender {
    let destination = sample::destination(Kind::Http(settings.clone()), timeout);
    HttpSender::new(&destination, settings).unwrap()
}

fn sender(server: &Server) -> HttpSender {
    sender_with(&settings(&server.url("/hook")), LONG)
}

/// The report on an attempt at a server that answers with these bytes.
async fn report_on(answer: &[u8], then: Then, timeout: Duration) -> Report {
    let server = Server::start(answer, then).await;
    let sender = sender_with(&settings(&server.url("/hook")), timeout);
    sender.send(sample::parcel(BODY)).await
}

#[tokio::test]
async fn a_destination_gets_the_body_unchanged_and_what_standard_webhooks_wants() {
    let server = Server::start(OK, Then::Keep).await;
    let before_seconds = Timestamp::now().as_micros() / 1_000_000;

    let report = sender(&server).send(sample::parcel(BODY)).await;

    assert_eq!(
        report,
        Report {
            outcome: Outcome::Delivered,
            status: Some(200),
            detail: "answered 200".to_owned(),
            answer: "ok".into(),
            wish: Wish::None,
        }
    );
    let request = server.only_request();
    assert_eq!(request.line, "POST /hook HTTP/1.1");
    assert_eq!(request.body, BODY.as_bytes());
    let version = env!("CARGO_PKG_VERSION");
    let timestamp: i64 = request.header("webhook-timestamp").parse().unwrap();
    assert!((before_seconds..before_seconds + 60).contains(&timestamp));
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", &format!("caigunn-webhook/{version}")),
        ("webhook-id", "01905c9b-0000-7000-8000-000000000001"),
        ("caigunn-attempt", "1"),
        ("caigunn-event", "crawling.initial"),
        ("content-length", &BODY.len().to_string()),
        ("host", &server.address.to_string()),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    assert!(!request.has("webhook-signature"));
}

#[tokio::test]
async fn every_attempt_has_the_same_id_and_all_go_over_one_connection() {
    let server = Server::start(OK, Then::Keep).await;
    let sender = sender(&server);

    for attempt in 1..=3 {
        let parcel = Parcel {
            attempt,
            ..sample::parcel(BODY)
        };
        assert_eq!(sender.send(parcel).await.outcome, Outcome::Delivered);
    }

    let requests = server.requests();
    let of_each = |name| requests.iter().map(|it| it.header(name)).collect::<Vec<_>>();
    assert_eq!(of_each("webhook-id"), ["01905c9b-0000-7000-8000-000000000001"; 3]);
    assert_eq!(of_each("caigunn-attempt"), ["1", "2", "3"]);
    assert_eq!(server.connection_count(), 1);
}

#[tokio::test]
async fn a_connection_that_was_ended_while_it_lay_idle_costs_no_attempt() {
    let mut server = Server::start(OK, Then::Keep).await;
    let sender = sender(&server);

    for count in 1..=20 {
        let report = sender.send(sample::parcel(BODY)).await;

        assert_eq!(report.outcome, Outcome::Delivered, "{count}: {report:?}");
        server.end_connections();
        server.until_so_many_ended(count).await;
    }

    assert_eq!((server.requests().len(), server.connection_count()), (20, 20));
}

#[tokio::test]
async fn a_connection_is_used_for_no_longer_than_a_name_is_believed() {
    let server = Server::start(OK, Then::Keep).await;
    let sender = sender(&server);
    // It lies idle for less than it may.
    let step = IDLE_TIMEOUT / 2;

    let mut counts = Vec::new();
    for _ in 0..=MAX_AGE.as_secs() / step.as_secs() {
        let report = sender.send(sample::parcel(BODY)).await;
        assert_eq!(report.outcome, Outcome::Delivered, "{report:?}");
        counts.push(server.connection_count());
        pass(step).await;
    }

    let last = counts.pop();
    assert!(counts.iter().all(|count| *count == 1), "{counts:?}");
    assert_eq!(last, Some(2));
}

#[tokio::test]
async fn a_connection_that_lies_idle_is_closed_each_time() {
    let mut server = Server::start(OK, Then::Keep).await;
    let sender = sender(&server);
    for count in 1..=2 {
        let report = sender.send(sample::parcel(BODY)).await;
        assert_eq!(report.outcome, Outcome::Delivered, "{report:?}");

        pass(IDLE_TIMEOUT).await;

        let closed = timeout_at(Instant::now() + 3 * LONG, server.until_so_many_ended(count)).await;
        assert!(closed.is_ok(), "{count}");
    }
}

#[tokio::test]
async fn a_connection_with_tls_ends_with_a_word_of_its_end() {
    let (acceptor, trusted) = early::certified("127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = settings(&format!("https://{}/", listener.local_addr().unwrap()));
    let destination = sample::destination(Kind::Http(settings.clone()), Duration::from_secs(60));
    let sender = HttpSender::through(&destination, &settings, None, move || Ok(trusted.clone())).unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        // What was sent fits.
        let _ = stream.read(&mut [0; 1 << 14]).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .unwrap();
        // It fails where the end is one of TCP alone.
        stream.read_to_end(&mut Vec::new()).await
    });

    let report = sender.send(sample::parcel(BODY)).await;
    drop(sender);

    assert_eq!(report.outcome, Outcome::Delivered, "{report:?}");
    let ended = serving.await.unwrap();
    assert!(ended.is_ok(), "{ended:?}");
}

/// Lets time pass, and nothing else.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_user_and_a_password_of_the_url_are_sent_as_a_header_of_the_configuration_is() {
    let server = Server::start(OK, Then::Keep).await;
    let url = server.url("/hook#part").replace("//", "//us%20er:hunter2@");
    for (headers, expected) in [
        (HeaderMap::new(), "Basic dXMgZXI6aHVudGVyMg=="),
        (
            HeaderMap::from_iter([header("Authorization", "Bearer other").unwrap()]),
            "Bearer other",
        ),
    ] {
        let settings = Settings {
            headers,
            ..settings(&url)
        };

        sender_with(&settings, LONG).send(sample::parcel(BODY)).await;

        let request = server.requests().pop().unwrap();
        assert_eq!(request.header("authorization"), expected);
        assert_eq!(request.line, "POST /hook HTTP/1.1");
        assert_eq!(request.header("host"), server.address.to_string());
    }
}

#[tokio::test]
async fn every_secret_signs() {
    let secrets = [
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_/////////////////////////////////////////w==",
    ];
    let server = Server::start(OK, Then::Keep).await;
    let settings = settings(&server.url("/"));
    let destination = DestinationSettings {
        secrets: Rotating::new(secrets.map(SecretString::from).to_vec()),
        ..sample::destination(Kind::Http(settings.clone()), LONG)
    };
    let sender = HttpSender::new(&destination, &settings).unwrap();
    // As large as is signed on another thread too.
    let large = BODY.replace(
        "\"data\":{",
        &format!("\"data\":{{\"x\":\"{}\",", "x".repeat(1 << 20)),
    );

    for body in [BODY, &large] {
        sender.send(sample::parcel(body)).await;
    }

    for request in server.requests() {
        assert_eq!(request.header("webhook-signature").split(' ').count(), 2);
        for secret in secrets {
            let verified = Webhook::new(secret)
                .unwrap()
                .verify(&request.body, &request.headers);
            assert!(verified.is_ok(), "{verified:?}");
        }
        let other = Webhook::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB").unwrap();
        assert!(other.verify(&request.body, &request.headers).is_err());
        let verified = Webhook::new(secrets[0]).unwrap().verify(b"{}", &request.headers);
        assert!(verified.is_err());
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn headers_of_the_configuration_are_sent_and_never_shown() {
    let secret = "Bearer hunter2-hunter2";
    let echo = format!("{secret} was sent, {secret}");
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{echo}", echo.len());
    let server = Server::start(answer.as_bytes(), Then::Keep).await;
    let sender = sender_with(
        &Settings {
            headers: HeaderMap::from_iter([header("Authorization", secret).unwrap()]),
            proxy: true,
            ..settings(&server.url("/hunter2?hunter2"))
        },
        LONG,
    );

    let report = sender.send(sample::parcel(BODY)).await;

    assert_eq!(server.only_request().header("authorization"), secret);
    assert_eq!(report.answer, "[hidden] was sent, [hidden]");
    let debug = format!("{:?} {:?}", sender.settings, header("Authorization", secret));
    assert!(
        !debug.contains("hunter2") && debug.contains("authorization"),
        "{debug}"
    );
    assert!(!format!("{report:?}").contains("hunter2"), "{report:?}");
}

#[tokio::test]
async fn a_name_that_no_header_can_carry_is_percent_encoded() {
    let server = Server::start(OK, Then::Keep).await;

    let parcel = sample::parcel(r#"{"event":"cr\u00e4wling 100%","status":" x "}"#);
    let report = sender(&server).send(parcel).await;

    assert_eq!(report.outcome, Outcome::Delivered, "{report:?}");
    assert_eq!(
        server.only_request().header("caigunn-event"),
        "cr%C3%A4wling%20100%25.%20x%20"
    );
}

#[tokio::test]
async fn a_cloud_event_is_sent_as_one_and_a_body_that_is_none_any_more_can_never_be_sent() {
    let server = Server::start(OK, Then::Keep).await;
    let settings = settings(&server.url("/"));
    let destination = DestinationSettings {
        format: Format::CloudEvents,
        ..sample::destination(Kind::Http(settings.clone()), LONG)
    };
    let sender = HttpSender::new(&destination, &settings).unwrap();
    let broken = Parcel {
        body: "{".into(),
        ..sample::parcel(BODY)
    };

    assert_eq!(
        sender.send(sample::parcel(BODY)).await.outcome,
        Outcome::Delivered
    );
    let report = sender.send(broken).await;

    let request = server.only_request();
    assert_eq!(request.header("content-type"), "application/cloudevents+json");
    let sent: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(sent["type"], "com.caigunn.crawling.initial");
    assert_eq!((report.outcome, report.wish), (Outcome::Ours, Wish::NeverThis));
    let shown = "receipts show 01905c9b-0000-7000-8000-000000000001";
    assert!(
        report
            .detail
            .starts_with("not sent: the body can no longer be read: ")
            && report.detail.contains(shown),
        "{report:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_signed_any_more_can_never_be_sent_and_a_secret_that_is_none_says_nothing_of_it() {
    let server = Server::start(OK, Then::Keep).await;
    let settings = settings(&server.url("/"));
    let broken = Parcel {
        body: b"{\"event\":\"\xff\"}".as_slice().into(),
        ..sample::parcel(BODY)
    };
    for (secret, parcel, expected) in [
        ("whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0", broken, Wish::NeverThis),
        ("whsec_?", sample::parcel(BODY), Wish::None),
    ] {
        let destination = DestinationSettings {
            secrets: Rotating::new(vec![secret.into()]),
            ..sample::destination(Kind::Http(settings.clone()), LONG)
        };
        let sender = HttpSender::new(&destination, &settings).unwrap();

        let report = sender.send(parcel).await;

        assert_eq!(
            (report.outcome, report.wish),
            (Outcome::Ours, expected),
            "{report:?}"
        );
    }
}
