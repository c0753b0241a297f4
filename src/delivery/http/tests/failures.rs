//! What is said where there is no answer.

use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;

#[tokio::test]
async fn one_that_is_down_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let sender = sender_with(&settings(&format!("http://{address}/hunter2?hunter2")), LONG);
    let report = sender.send(sample::parcel(BODY)).await;

    assert_eq!(
        report,
        Report::new(
            Outcome::Unreachable,
            format!("cannot connect to {address}: Connection refused (os error 111)")
        )
        .asking(Wish::WhenBack)
    );
}

#[tokio::test]
async fn one_that_takes_no_connection_in_time_is_unreachable() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    // As many as the system lets wait for a server that takes none.
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }

    let report = sender_with(&settings(&format!("http://{address}/")), SHORT)
        .send(sample::parcel(BODY))
        .await;

    assert_eq!(report.outcome, Outcome::Unreachable, "{report:?}");
    let expected = format!("cannot connect to {address}: ");
    assert!(report.detail.starts_with(&expected), "{report:?}");
}

#[tokio::test]
async fn one_that_nobody_knows_is_unreachable() {
    // A part of a name has at most 63 letters, so that no resolver is asked; RFC 5737 promises that there is no such address.
    let unnamed = format!("{}.invalid", "n".repeat(64));
    for (url, place) in [
        (format!("http://{unnamed}/hunter2"), format!("{unnamed}:80")),
        ("https://192.0.2.1/hunter2".to_owned(), "192.0.2.1:443".to_owned()),
    ] {
        let start = Instant::now();

        let report = sender_with(&settings(&url), SHORT)
            .send(sample::parcel(BODY))
            .await;

        assert_eq!(report.outcome, Outcome::Unreachable, "{report:?}");
        let expected = format!("cannot connect to {place}: ");
        assert!(report.detail.starts_with(&expected), "{report:?}");
        assert!(!report.detail.contains("hunter2"), "{report:?}");
        assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn one_that_does_not_answer_in_time_has_a_timeout() {
    let half_a_head = b"HTTP/1.1 200 OK\r\nx-header: ";
    for (answer, then) in [
        (b"".as_slice(), Then::Hang),
        (half_a_head, Then::Hang),
        (half_a_head, Then::Drip),
    ] {
        let server = Server::start(answer, then).await;
        let start = Instant::now();

        let report = sender_with(&settings(&server.url("/hunter2")), SHORT)
            .send(sample::parcel(BODY))
            .await;

        let expected = format!("no answer from {} within 2 s", server.address);
        assert_eq!(report, Report::new(Outcome::Timeout, expected));
        assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn one_that_ends_the_connection_before_the_answer_is_unreachable() {
    for answer in [b"".as_slice(), b"HTTP/1.1 200 OK\r\nx-header: "] {
        let server = Server::start(answer, Then::Close).await;

        let report = sender(&server).send(sample::parcel(BODY)).await;

        assert_eq!(report.outcome, Outcome::Unreachable);
        let expected = format!("the connection to {} ended before the answer: ", server.address);
        assert!(report.detail.starts_with(&expected), "{report:?}");
    }
}

#[tokio::test]
async fn one_that_does_not_speak_http_has_failed() {
    let server = Server::start(b"220 mail.example.com ESMTP\r\n", Then::Hang).await;

    let report = sender(&server).send(sample::parcel(BODY)).await;

    assert_eq!(report.outcome, Outcome::Failed);
    let expected = format!("{} does not answer with HTTP: ", server.address);
    assert!(report.detail.starts_with(&expected), "{report:?}");
}

#[tokio::test]
async fn one_whose_certificate_nobody_known_has_signed_is_unreachable_and_gets_nothing() {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let advice =
        "UnknownIssuer; its certificate is of no authority that this machine trusts: SSL_CERT_FILE may name";
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let provider = crate::outgoing::provider();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(Arc::new(config)).accept(stream).await.is_ok()
    });

    let sender = sender_with(&settings(&format!("https://{address}/")), LONG);
    let report = sender.send(sample::parcel(BODY)).await;

    assert_eq!(report.outcome, Outcome::Unreachable);
    let expected = format!("cannot connect to {address}: invalid peer certificate: ");
    assert!(report.detail.starts_with(&expected), "{report:?}");
    assert!(report.detail.contains(advice), "{report:?}");
    assert!(!server.await.unwrap(), "TLS was agreed on");
}
