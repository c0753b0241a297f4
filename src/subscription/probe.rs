//! Whether the public URL leads to this process: a request to it from here, with a nonce that only this process can
//! answer.
//!
//! A probe only warns. From inside some networks the public address cannot be reached although CaiGunn can (no
//! hairpin routing), so a failure is no proof.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response};
use serde::Serialize;
use url::Url;
use uuid::Uuid;

use crate::instance::{Instance, NONCE_PARAMETER, PROOF_HEADER};

/// How long a probe may take: as long as a patient sender of webhooks.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What answered at the public URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// This process.
    Ours,
    /// A receiver like this one, but another process.
    OtherReceiver,
    /// Something that is no receiver: the URL is wrong.
    NoReceiver {
        /// Its status.
        status: u16,
    },
    /// A proxy or tunnel that did not reach the receiver behind it.
    BrokenProxy {
        /// Its status.
        status: u16,
    },
    /// Nothing.
    NoAnswer {
        /// What happened.
        reason: String,
    },
}

/// A short name for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// [`Finding::Ours`]
    Ours,
    /// [`Finding::OtherReceiver`]
    OtherReceiver,
    /// [`Finding::NoReceiver`]
    NoReceiver,
    /// [`Finding::BrokenProxy`]
    BrokenProxy,
    /// [`Finding::NoAnswer`]
    NoAnswer,
}

impl Finding {
    /// Its name.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ours => Kind::Ours,
            Self::OtherReceiver => Kind::OtherReceiver,
            Self::NoReceiver { .. } => Kind::NoReceiver,
            Self::BrokenProxy { .. } => Kind::BrokenProxy,
            Self::NoAnswer { .. } => Kind::NoAnswer,
        }
    }
}

/// One line, with what to check.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours => formatter.write_str("it leads to this receiver"),
            Self::OtherReceiver => formatter.write_str(
                "another caigunn-webhook process answers there: a replica of this one, or CAIGUNN_PUBLIC_URL is \
                 another deployment's",
            ),
            Self::NoReceiver { status } => write!(
                formatter,
                "something that is no caigunn-webhook answers there, with {status}: check CAIGUNN_PUBLIC_URL, and \
                 that the proxy passes /healthz and /webhook on"
            ),
            Self::BrokenProxy { status } => write!(
                formatter,
                "the proxy or tunnel there answers {status}: it runs, but does not reach this receiver; check the \
                 address and port that it passes requests on to"
            ),
            Self::NoAnswer { reason } => write!(
                formatter,
                "nothing answers there: {reason}; check CAIGUNN_PUBLIC_URL, and that the tunnel or proxy runs"
            ),
        }
    }
}

/// A client for probes: a redirect is an answer, and connections are not kept, so that each probe goes the whole way.
///
/// # Errors
/// The system's certificates cannot be read.
pub fn client() -> Result<Client, reqwest::Error> {
    builder().build()
}

/// As [`client`], for addresses of this machine: no proxy that the environment names is used.
///
/// # Errors
/// The system's certificates cannot be read.
pub fn client_without_proxy() -> Result<Client, reqwest::Error> {
    builder().no_proxy().build()
}

fn builder() -> ClientBuilder {
    Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .user_agent(concat!("caigunn-webhook/", env!("CARGO_PKG_VERSION"), " probe"))
}

/// Asks the public URL once.
///
/// # Cancel safety
/// May be dropped at any time.
pub async fn probe(client: &Client, public_url: &Url, instance: &Instance) -> Finding {
    let nonce = Uuid::new_v4();
    match ask(client, public_url, nonce).await {
        Answer::Proof(proof) if proof == instance.proof(nonce) => Finding::Ours,
        Answer::Proof(_) => Finding::OtherReceiver,
        Answer::Other(finding) => finding,
    }
}

/// What came back for a nonce.
pub enum Answer {
    /// A receiver's proof. Two askers with the same nonce can tell by it whether they reach the same process.
    Proof(String),
    /// Something else.
    Other(Finding),
}

/// Asks for the proof of a nonce below `base`.
pub async fn ask(client: &Client, base: &Url, nonce: Uuid) -> Answer {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("the configuration takes http and https URLs only, which have a path")
        .pop_if_empty()
        .push("healthz");
    url.query_pairs_mut()
        .append_pair(NONCE_PARAMETER, &nonce.to_string());
    match client.get(url).send().await {
        Ok(response) => sort(&response),
        Err(error) => Answer::Other(Finding::NoAnswer {
            reason: reason(&error),
        }),
    }
}

fn sort(response: &Response) -> Answer {
    let status = response.status().as_u16();
    let proof = response
        .headers()
        .get(PROOF_HEADER)
        .and_then(|proof| proof.to_str().ok());
    match (status, proof) {
        (200, Some(proof)) => Answer::Proof(proof.to_owned()),
        // 502 to 504 are what proxies answer for a backend that they do not reach; 520 to 530 are Cloudflare's.
        (502..=504 | 520..=530, _) => Answer::Other(Finding::BrokenProxy { status }),
        (_, _) => Answer::Other(Finding::NoReceiver { status }),
    }
}

/// Why no answer came: the innermost cause says it best.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    let mut source = error.source();
    let mut text = "the connection broke".to_owned();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
