//! A broker that wants TLS and a login, which librdkafka's cluster for tests lacks: it stands in front of that cluster's one
//! broker, answers what Kafka's protocol has of SASL by itself, and passes on all else once it knows who asks.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha512};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

const SASL_HANDSHAKE: i16 = 17;
const API_VERSIONS: i16 = 18;
const SASL_AUTHENTICATE: i16 = 36;

/// What Kafka answers in a version that it does not know, to a mechanism that it does not offer, and to a wrong password.
const UNSUPPORTED_VERSION: i16 = 35;
const UNSUPPORTED_MECHANISM: i16 = 33;
const AUTHENTICATION_FAILED: i16 = 58;

const MECHANISMS: [&str; 2] = ["PLAIN", "SCRAM-SHA-512"];

const ITERATIONS: u32 = 4096;

const SALT: &[u8] = b"salt of the test";

/// The one who is let in.
pub const USER: &str = "caigunn";
pub const PASSWORD: &str = "planted-password";

/// A broker behind TLS and a login. It ends when the test drops it.
pub struct Guarded {
    pub address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl Guarded {
    /// In front of that broker, with the certificate in that folder.
    pub async fn start(broker: SocketAddr, folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let certificate =
            CertificateDer::from_pem_file(folder.join("certificate.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("a key");
        let config = ServerConfig::builder_with_provider(caigunn_webhook::outgoing::provider())
            .with_safe_default_protocol_versions()
            .expect("there are some")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("they belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let serving = async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Who does not trust it is gone; so is who was not let in.
                let (acceptor, ports) = (acceptor.clone(), [broker.port(), address.port()]);
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await.ok()?;
                    let behind = TcpStream::connect(broker).await.ok()?;
                    serve(stream, behind, ports).await
                });
            }
        };
        Self {
            address,
            _serving: AbortOnDropHandle::new(tokio::spawn(serving)),
        }
    }
}

/// Answers one connection, request by request, until it ends.
async fn serve(
    mut stream: tokio_rustls::server::TlsStream<TcpStream>,
    mut behind: TcpStream,
    ports: [u16; 2],
) -> Option<()> {
    let mut login = Login::default();
    loop {
        let request = read(&mut stream).await?;
        let key = i16::from_be_bytes(request[..2].try_into().ok()?);
        let version = i16::from_be_bytes(request[2..4].try_into().ok()?);
        let correlation = &request[4..8];
        let name_length = usize::try_from(i16::from_be_bytes(request[8..10].try_into().ok()?)).unwrap_or(0);
        let body = &request[10 + name_length..];
        let answer = match key {
            // In a later version it has another form. Clients ask again in the first one.
            API_VERSIONS if version > 0 => {
                [correlation, &UNSUPPORTED_VERSION.to_be_bytes(), &[0; 4]].concat()
            }
            SASL_HANDSHAKE => [correlation, &login.begin(body)].concat(),
            SASL_AUTHENTICATE => [correlation, &login.go_on(body.get(4..)?)].concat(),
            _ if key != API_VERSIONS && !login.is_let_in => return None,
            _ => {
                write(&mut behind, &request).await?;
                let mut answer = read(&mut behind).await?;
                if key == API_VERSIONS {
                    offer_login(&mut answer);
                }
                name_guard(&mut answer, ports);
                answer
            }
        };
        write(&mut stream, &answer).await?;
    }
}

async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Vec<u8>> {
    let length = stream.read_u32().await.ok()?;
    let mut frame = vec![0; length as usize];
    stream.read_exact(&mut frame).await.ok()?;
    Some(frame)
}

async fn write(stream: &mut (impl AsyncWriteExt + Unpin), frame: &[u8]) -> Option<()> {
    let length = u32::try_from(frame.len()).ok()?.to_be_bytes();
    stream.write_all(&[&length, frame].concat()).await.ok()?;
    stream.flush().await.ok()
}

/// Puts the two requests of a login to those that the broker says it knows: behind correlation and error there is their count.
fn offer_login(answer: &mut Vec<u8>) {
    let count = u32::from_be_bytes(answer[6..10].try_into().expect("four bytes"));
    answer[6..10].copy_from_slice(&(count + 2).to_be_bytes());
    for (key, newest) in [(SASL_HANDSHAKE, 1_i16), (SASL_AUTHENTICATE, 0)] {
        answer.extend([key, 0, newest].map(i16::to_be_bytes).concat());
    }
}

/// Has the broker be known by the address of what stands in front of it.
fn name_guard(answer: &mut [u8], [broker, guard]: [u16; 2]) {
    let name = |port: u16| [b"127.0.0.1", &u32::from(port).to_be_bytes()[..]].concat();
    let (of_broker, of_guard) = (name(broker), name(guard));
    for start in 0..answer.len().saturating_sub(of_broker.len() - 1) {
        let place = &mut answer[start..start + of_broker.len()];
        if *place == *of_broker {
            place.copy_from_slice(&of_guard);
        }
    }
}

/// How far a client is with its login.
#[derive(Default)]
struct Login {
    is_plain: bool,
    is_let_in: bool,
    /// Of SCRAM, what was said so far: the client's first message without its head, and ours.
    said: Option<(String, String)>,
}

impl Login {
    /// The client names its mechanism.
    fn begin(&mut self, body: &[u8]) -> Vec<u8> {
        let mechanism = String::from_utf8_lossy(&body[2..]).into_owned();
        self.is_plain = mechanism == "PLAIN";
        let error = match MECHANISMS.contains(&&*mechanism) {
            true => 0,
            false => UNSUPPORTED_MECHANISM,
        };
        let texts = MECHANISMS.iter().flat_map(|name| text(name));
        let count = (MECHANISMS.len() as u32).to_be_bytes();
        let head = error.to_be_bytes().into_iter().chain(count);
        head.chain(texts).collect()
    }

    /// The client shows who it is, or goes on with that.
    fn go_on(&mut self, shown: &[u8]) -> Vec<u8> {
        let shown = String::from_utf8_lossy(shown).into_owned();
        let answer = match (self.is_plain, self.said.take()) {
            (true, _) => {
                self.is_let_in = shown == format!("\0{USER}\0{PASSWORD}");
                self.is_let_in.then(String::new)
            }
            (false, None) => self.challenge(&shown),
            (false, Some(said)) => self.judge(&shown, &said),
        };
        match answer {
            Some(answer) => {
                let length = (answer.len() as u32).to_be_bytes();
                // No error, and no text of one.
                [&[0, 0, 0xff, 0xff], &length[..], answer.as_bytes()].concat()
            }
            None => {
                let told = "Authentication failed during authentication due to invalid credentials";
                let head = AUTHENTICATION_FAILED.to_be_bytes().into_iter();
                head.chain(text(told)).chain([0; 4]).collect()
            }
        }
    }

    /// What SCRAM answers a first message (RFC 5802 section 5).
    fn challenge(&mut self, shown: &str) -> Option<String> {
        let first = shown.strip_prefix("n,,")?;
        let nonce = first.strip_prefix(&format!("n={USER},r="))?;
        let challenge = format!("r={nonce}guard,s={},i={ITERATIONS}", BASE64_STANDARD.encode(SALT));
        self.said = Some((first.to_owned(), challenge.clone()));
        Some(challenge)
    }

    /// What it answers the last one, if that proves the password.
    fn judge(&mut self, shown: &str, (first, challenge): &(String, String)) -> Option<String> {
        let (without_proof, proof) = shown.split_once(",p=")?;
        let salted = salted_password();
        let client_key = hmac(&salted, b"Client Key");
        let talk = format!("{first},{challenge},{without_proof}");
        let signature = hmac(&Sha512::digest(&client_key), talk.as_bytes());
        let expected: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(one, other)| one ^ other)
            .collect();
        self.is_let_in = BASE64_STANDARD.decode(proof).ok()? == expected;
        let ours = hmac(&hmac(&salted, b"Server Key"), talk.as_bytes());
        self.is_let_in
            .then(|| format!("v={}", BASE64_STANDARD.encode(ours)))
    }
}

fn salted_password() -> Vec<u8> {
    let mut step = hmac(PASSWORD.as_bytes(), &[SALT, &1_u32.to_be_bytes()].concat());
    let mut salted = step.clone();
    for _ in 1..ITERATIONS {
        step = hmac(PASSWORD.as_bytes(), &step);
        salted
            .iter_mut()
            .zip(&step)
            .for_each(|(byte, of_step)| *byte ^= of_step);
    }
    salted
}

/// HMAC (RFC 2104) with SHA-512, of a key that is no longer than a block.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK_BYTES: usize = 128;
    let mut block = [0; BLOCK_BYTES];
    block[..key.len()].copy_from_slice(key);
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha512::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    let outer = Sha512::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize();
    outer.to_vec()
}

/// A text with its length before it.
fn text(text: &str) -> Vec<u8> {
    [&(text.len() as i16).to_be_bytes(), text.as_bytes()].concat()
}
