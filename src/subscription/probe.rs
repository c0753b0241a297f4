//! Whether the public URL leads to this process: a request to it from here, with a nonce that only this process can
//! answer.
//!
//! A probe only warns. From inside some networks the public address cannot be reached although CaiGunn can (no
//! hairpin routing), so a failure is no proof.

use std::fmt;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Client, ClientBuilder, Response};
use serde::Serialize;
use url::Url;
use uuid::Uuid;

use crate::caigunn::spelling::shown;
use crate::instance::{Instance, NONCE_PARAMETER, PROOF_HEADER};
use crate::outgoing;

/// How long a probe may take: as long as a patient sender of webhooks.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What answered at the public URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// This process.
    Ours,
    /// A receiver like this one, but another process.
    OtherReceiver,
    /// A redirect, which a sender need not follow.
    Redirect {
        /// Its status.
        status: u16,
        /// Where to, its path and query hidden.
        to: String,
    },
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
    /// [`Finding::Redirect`]
    Redirect,
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
            Self::Redirect { .. } => Kind::Redirect,
            Self::NoReceiver { .. } => Kind::NoReceiver,
            Self::BrokenProxy { .. } => Kind::BrokenProxy,
            Self::NoAnswer { .. } => Kind::NoAnswer,
        }
    }
}

impl Finding {
    /// What was seen.
    pub fn seen(&self) -> String {
        match self {
            Self::Ours => "it leads to this receiver".to_owned(),
            Self::OtherReceiver => "another caigunn-webhook process answers there".to_owned(),
            Self::Redirect { status, to } => {
                format!("it redirects to {to} ({status}), which CaiGunn may not follow")
            }
            Self::NoReceiver { status } => {
                format!("something that is no caigunn-webhook answers there, with {status}")
            }
            Self::BrokenProxy { status } => {
                format!(
                    "the proxy or tunnel there answers {status}: it runs, but does not reach this receiver"
                )
            }
            Self::NoAnswer { reason } => format!("nothing answers there: {reason}"),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Ours => None,
            Self::OtherReceiver => Some(
                "if it is no replica of this one, CAIGUNN_PUBLIC_URL is another deployment's, or its proxy passes \
                 requests on to one",
            ),
            Self::Redirect { .. } => Some("set CAIGUNN_PUBLIC_URL to where it leads"),
            Self::NoReceiver { .. } => {
                Some("check CAIGUNN_PUBLIC_URL, and that the proxy passes /healthz and /webhook on")
            }
            Self::BrokenProxy { .. } => Some("check the address and port that it passes requests on to"),
            Self::NoAnswer { .. } => Some("check CAIGUNN_PUBLIC_URL, and that the tunnel or proxy runs"),
        }
    }
}

/// One line: what was seen, and what to do about it.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.seen())?;
        self.advice()
            .map_or(Ok(()), |advice| write!(formatter, "; {advice}"))
    }
}

/// A client for probes of that URL: a redirect is an answer, and connections are not kept, so that each probe goes the
/// whole way.
///
/// # Errors
/// The system's certificates cannot be read.
pub fn client(url: &Url) -> Result<Client, reqwest::Error> {
    for_probes(outgoing::to(url))
}

/// As [`client`], for addresses of this machine: neither a proxy nor certificates are needed.
///
/// # Errors
/// The client cannot be made.
pub fn client_without_proxy() -> Result<Client, reqwest::Error> {
    for_probes(outgoing::to_this_machine())
}

fn for_probes(builder: ClientBuilder) -> Result<Client, reqwest::Error> {
    let builder = builder
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    let agent = concat!("caigunn-webhook/", env!("CARGO_PKG_VERSION"), " probe");
    builder.pool_max_idle_per_host(0).user_agent(agent).build()
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
            reason: reason(&error, base),
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
        (300..=399, _) => Answer::Other(Finding::Redirect {
            status,
            to: destination(response),
        }),
        (_, _) => Answer::Other(Finding::NoReceiver { status }),
    }
}

/// Where a redirect leads, as it may be shown.
fn destination(response: &Response) -> String {
    let location = response.headers().get(LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    match location.map(|location| response.url().join(location)) {
        Some(Ok(url)) => shown(url.as_str()),
        Some(Err(_)) | None => "nowhere".to_owned(),
    }
}

/// Why no answer came.
fn reason(error: &reqwest::Error, url: &Url) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    outgoing::why(error, url)
}
