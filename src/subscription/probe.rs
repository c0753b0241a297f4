//! Whether the public URL leads to this process: a request to it from here, with a nonce that only this process can
//! answer.
//!
//! A probe only warns. From inside some networks the public address cannot be reached although CaiGunn can (no
//! hairpin routing), so a failure is no proof.

use std::fmt;
use std::time::Duration;

use reqwest::{Client, ClientBuilder};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::caigunn::spelling::redirect;
use crate::instance::{Instance, NONCE_PARAMETER, PROOF_HEADER};
use crate::outgoing;

/// How long a probe may take: as long as a patient sender of webhooks.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of that looking up its name, connecting and TLS may take, which the addresses of a name share: one that says nothing
/// hides no other; and of two name servers the second is asked after 5 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);

/// What answered at the public URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// What was seen, for people; of a redirect neither path nor query.
    pub seen: String,
}

/// What can answer at the public URL; a short name for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProbeFinding)]
pub enum Kind {
    /// This process.
    Ours,
    /// A receiver like this one, but another process.
    OtherReceiver,
    /// A redirect, which a sender need not follow.
    Redirect,
    /// Something that is no receiver: the URL is wrong.
    NoReceiver,
    /// A proxy or tunnel that did not reach the receiver behind it.
    BrokenProxy,
    /// Nothing.
    NoAnswer,
}

impl Finding {
    fn new(kind: Kind, seen: impl Into<String>) -> Self {
        let seen = seen.into();
        Self { kind, seen }
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Ours => None,
            Kind::OtherReceiver => Some(
                "if it is no replica of this one, CAIGUNN_PUBLIC_URL is another deployment's, or its proxy passes \
                 requests on to one",
            ),
            Kind::Redirect => Some("set CAIGUNN_PUBLIC_URL to where it leads"),
            Kind::NoReceiver => {
                Some("check CAIGUNN_PUBLIC_URL, and that the proxy passes /healthz and /webhook on")
            }
            Kind::BrokenProxy => Some("check the address and port that it passes requests on to"),
            Kind::NoAnswer => Some("check CAIGUNN_PUBLIC_URL, and that the tunnel or proxy runs"),
        }
    }
}

/// One line: what was seen, and what to do about it.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.seen)?;
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
    for_probes(outgoing::unencrypted())
}

fn for_probes(builder: ClientBuilder) -> Result<Client, reqwest::Error> {
    let builder = builder
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    let agent = concat!("caigunn-webhook/", env!("CARGO_PKG_VERSION"), " probe");
    builder.pool_max_idle_per_host(0).user_agent(agent).build()
}

/// Asks the public URL once.
pub async fn probe(client: &Client, public_url: &Url, instance: &Instance) -> Finding {
    let nonce = Uuid::new_v4();
    match ask(client, public_url, nonce).await {
        Ok(proof) if proof == instance.proof(nonce) => Finding::new(Kind::Ours, "it leads to this receiver"),
        Ok(_) => Finding::new(
            Kind::OtherReceiver,
            "another caigunn-webhook process answers there",
        ),
        Err(finding) => finding,
    }
}

/// Asks for a receiver's proof of a nonce below `base`. Two askers with the same nonce can tell by it whether they reach
/// the same process.
///
/// # Errors
/// What answers there, if it is no receiver.
pub async fn ask(client: &Client, base: &Url, nonce: Uuid) -> Result<String, Finding> {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("the configuration takes http and https URLs only, which have a path")
        .pop_if_empty()
        .push("healthz");
    url.query_pairs_mut()
        .append_pair(NONCE_PARAMETER, &nonce.to_string());
    let response = client.get(url).send().await.map_err(|error| {
        let seen = format!("nothing answers there: {}", reason(&error, base));
        Finding::new(Kind::NoAnswer, seen)
    })?;
    let status = response.status().as_u16();
    let proof = response.headers().get(PROOF_HEADER);
    let proof = proof.and_then(|proof| proof.to_str().ok());
    let (kind, seen) = match (status, proof) {
        (200, Some(proof)) => return Ok(proof.to_owned()),
        _ if outgoing::tells_nobody_behind(status) => (
            Kind::BrokenProxy,
            format!("the proxy or tunnel there answers {status}: it runs, but does not reach this receiver"),
        ),
        (300..=399, _) => {
            let to = redirect(&response).unwrap_or_else(|| "nowhere".to_owned());
            let seen = format!("it redirects to {to} ({status}), which CaiGunn may not follow");
            (Kind::Redirect, seen)
        }
        (_, _) => (
            Kind::NoReceiver,
            format!("something that is no caigunn-webhook answers there, with {status}"),
        ),
    };
    Err(Finding::new(kind, seen))
}

/// Why no answer came.
fn reason(error: &reqwest::Error, url: &Url) -> String {
    if error.is_timeout() && error.is_connect() {
        let seconds = CONNECT_TIMEOUT.as_secs();
        return format!("no connection within {seconds} s{}", outgoing::through(url));
    }
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    outgoing::why(error, url)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_says_nothing_hides_no_other_of_the_name() {
        let (silent, _socket, _filling) = outgoing::testing::silent().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback(async || "ok");
        tokio::spawn(async move { axum::serve(listener, router).await });
        let url = "http://hooks.test".parse().unwrap();
        let found = async |addresses: &[_]| {
            let builder = outgoing::unencrypted().resolve_to_addrs("hooks.test", addresses);
            let asked = ask(&for_probes(builder).unwrap(), &url, Uuid::nil()).await;
            asked.unwrap_err()
        };

        assert_eq!(found(&[silent, there]).await.kind, Kind::NoReceiver);
        let none = found(&[silent]).await;
        assert_eq!(none.kind, Kind::NoAnswer);
        assert_eq!(none.seen, "nothing answers there: no connection within 6 s");
    }
}
