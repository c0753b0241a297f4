//! Those that answer before they have read what is sent.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::inbox::outbox::MAX_ANSWER_BYTES;

/// More than what lies between two sockets holds.
const LARGE: usize = 16 << 20;

/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a server does with the rest of a request once it has answered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rest {
    /// It reads it, and takes no other request on that connection.
    Read,
    /// It closes the connection at once.
    Refuse,
    /// It leaves it where it is.
    Leave,
}

/// A server, by `https` or not, that answers one request on each connection as soon as its head is there, and how many bytes of
/// its body then came.
struct Early {
    url: String,
    task: JoinHandle<()>,
    counts: mpsc::Receiver<usize>,
    trusted: ClientConfig,
}

impl Drop for Early {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Early {
    async fn start(is_encrypted: bool, answer: Vec<u8>, rest: Rest) -> Self {
        let (acceptor, trusted) = certified("127.0.0.1");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (counted, counts) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Else the system keeps the answer back, and throws it away when the connection is closed.
                stream.set_nodelay(true).unwrap();
                let (acceptor, answer, counted) = (acceptor.clone(), answer.clone(), counted.clone());
                tokio::spawn(async move {
                    match is_encrypted {
                        true => serve(acceptor.accept(stream).await.unwrap(), &answer, rest, &counted).await,
                        false => serve(stream, &answer, rest, &counted).await,
                    }
                });
            }
        });
        let scheme = if is_encrypted { "https" } else { "http" };
        Self {
            url: format!("{scheme}://{address}/hook"),
            task,
            counts,
            trusted,
        }
    }

    fn sender(&self) -> HttpSender {
        let settings = settings(&self.url);
        let destination = sample::destination(Kind::Http(settings.clone()), PATIENCE);
        let trusted = self.trusted.clone();
        HttpSender::through(&destination, &settings, None, move || Ok(trusted.clone())).unwrap()
    }

    /// How many bytes came on the next connection, when all did or it has ended.
    async fn count(&mut self) -> usize {
        let count = tokio::time::timeout(PATIENCE, self.counts.recv()).await;
        count.expect("it reads what is sent").unwrap()
    }
}

/// What speaks TLS for that host, and what trusts it.
pub fn certified(host: &str) -> (TlsAcceptor, ClientConfig) {
    let certified = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let server = rustls::ServerConfig::builder_with_provider(outgoing::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(outgoing::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), client)
}

/// Answers one request, and tells how many bytes of its body came afterwards.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &[u8],
    rest: Rest,
    counted: &mpsc::Sender<usize>,
) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
    }
    stream.write_all(answer).await.unwrap();
    stream.flush().await.unwrap();
    match rest {
        Rest::Refuse => {}
        Rest::Leave => std::future::pending().await,
        Rest::Read => {
            let (mut count, mut chunk) = (0, vec![0; 1 << 16]);
            while count < LARGE {
                match stream.read(&mut chunk).await {
                    Ok(0) | Err(_) => break,
                    Ok(more) => count += more,
                }
            }
            counted.send(count).await.unwrap();
            std::future::pending().await
        }
    }
}

fn large() -> Parcel {
    Parcel {
        body: vec![b' '; LARGE].into(),
        ..sample::parcel(BODY)
    }
}

fn answer(status: &str, body_length: usize) -> Vec<u8> {
    let body = "x".repeat(body_length);
    format!("HTTP/1.1 {status}\r\ncontent-length: {body_length}\r\n\r\n{body}").into_bytes()
}

#[tokio::test]
async fn what_was_taken_before_it_was_read_arrives_whole() {
    for is_encrypted in [false, true] {
        // What is not read to its end, too: it is closed on, or what is to be sent goes on while it is passed over.
        for length in [2, MAX_ANSWER_BYTES + (1 << 16)] {
            for connection in ["keep-alive", "close"] {
                let answer = answer(&format!("200 OK\r\nconnection: {connection}"), length);
                let mut server = Early::start(is_encrypted, answer, Rest::Read).await;

                let sender = server.sender();

                for _ in 0..2 {
                    let report = sender.send(large()).await;

                    let count = server.count().await;
                    assert_eq!(report.outcome, Outcome::Delivered, "{report:?}");
                    assert_eq!(report.answer.len(), length.min(MAX_ANSWER_BYTES));
                    assert_eq!(count, LARGE, "{is_encrypted} {length} {connection}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_was_answered_is_read_though_the_rest_of_the_request_is_refused() {
    for is_encrypted in [false, true] {
        for (status, outcome) in [
            ("413 Content Too Large", Outcome::Refused),
            ("200 OK", Outcome::Delivered),
        ] {
            // A closed connection is met by chance, at one byte or another.
            for _ in 0..10 {
                let answer = answer(&format!("{status}\r\nconnection: close"), 2);
                let server = Early::start(is_encrypted, answer, Rest::Refuse).await;

                let report = server.sender().send(large()).await;

                assert_eq!(
                    (report.outcome, &*report.answer),
                    (outcome, &b"xx"[..]),
                    "{report:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn one_that_refuses_is_not_sent_the_rest_and_gets_the_next_on_another_connection() {
    for is_encrypted in [false, true] {
        let server = Early::start(is_encrypted, answer("401 Unauthorized", 2), Rest::Leave).await;
        let sender = server.sender();

        for _ in 0..2 {
            // The second would wait for ever behind the first.
            let report = sender.send(large()).await;

            assert_eq!((report.outcome, report.status), (Outcome::Refused, Some(401)));
        }
    }
}
