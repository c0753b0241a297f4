//! The addresses to listen on, and the public URL.

use std::net::SocketAddr;

use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::Finding;
use crate::config::Settings;
use crate::http;
use crate::subscription::probe::{self, Answer};

/// What answers at the addresses of this configuration.
pub struct Receiver {
    client: reqwest::Client,
    /// For this machine's own addresses.
    local: reqwest::Client,
    /// What every receiver is asked, so that two answers of one process are the same.
    nonce: Uuid,
    public: At,
    admin: At,
    state: State,
}

/// What there is at an address.
#[derive(PartialEq, Eq)]
enum At {
    /// A receiver, and its proof for the nonce.
    Receiver(String),
    /// Something else.
    Other,
    /// Nothing that answers.
    Nothing,
}

/// Whether a receiver runs with these settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It does, and takes notifications.
    Ready,
    /// It does, and takes none; why.
    Unready(String),
    /// It does not.
    Absent,
}

impl Receiver {
    pub async fn find(settings: &Settings) -> Result<Self, reqwest::Error> {
        let public_url = settings.public_url.as_ref();
        let client = public_url.map_or_else(probe::client_without_proxy, probe::client)?;
        // The way to this machine's own addresses is not through a proxy.
        let local = probe::client_without_proxy()?;
        let nonce = Uuid::new_v4();
        let (public, admin) = tokio::join!(
            look(&local, settings.listen, nonce),
            look(&local, settings.admin_listen, nonce)
        );
        let state = match public {
            At::Receiver(_) => readiness(&local, settings.listen).await,
            At::Other | At::Nothing => State::Absent,
        };
        Ok(Self {
            client,
            local,
            nonce,
            public,
            admin,
            state,
        })
    }

    /// Whether a receiver runs with these settings, and takes notifications.
    pub fn state(&self) -> State {
        self.state.clone()
    }

    /// What the receiver that runs with these settings answers to a GET of its admin API; `None` if none runs. The error
    /// is in words for an operator.
    pub async fn ask(&self, settings: &Settings, path: &str) -> Option<Result<Value, String>> {
        let is_this_one = matches!(self.admin, At::Receiver(_)) && self.admin == self.public;
        if !is_this_one {
            return None;
        }
        let mut request = self
            .local
            .get(format!("{}api/v1{path}", url_of(settings.admin_listen)));
        if let Some(token) = &settings.http.admin_token {
            request = request.bearer_auth(token.expose_secret());
        }
        let response = match request.send().await {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => return Some(Err(format!("it answers {}", response.status().as_u16()))),
            Err(error) => return Some(Err(error.to_string())),
        };
        Some(response.json().await.map_err(|error| error.to_string()))
    }
}

async fn look(client: &reqwest::Client, listen: SocketAddr, nonce: Uuid) -> At {
    match probe::ask(client, &url_of(listen), nonce).await {
        Answer::Proof(proof) => At::Receiver(proof),
        Answer::Other(probe::Finding::NoAnswer { .. }) => At::Nothing,
        Answer::Other(_) => At::Other,
    }
}

/// Asks a receiver's `/readyz`.
async fn readiness(client: &reqwest::Client, listen: SocketAddr) -> State {
    let url = format!("{}readyz", url_of(listen));
    let response = match client.get(url).send().await {
        Ok(response) => response,
        Err(error) => return State::Unready(format!("/readyz does not answer: {error}")),
    };
    let status = response.status();
    if status.is_success() {
        return State::Ready;
    }
    let problem: Value = response.json().await.unwrap_or_default();
    State::Unready(match problem["detail"].as_str() {
        Some(detail) => detail.to_owned(),
        None => format!("/readyz answers {}", status.as_u16()),
    })
}

/// Whether both addresses are a receiver's, or free for one.
pub fn addresses(settings: &Settings, receiver: &Receiver) -> Vec<Finding> {
    let mut findings = vec![
        address(
            "public address",
            settings.listen,
            &receiver.public,
            &receiver.public,
            "CAIGUNN_LISTEN",
            settings,
        ),
        address(
            "admin address",
            settings.admin_listen,
            &receiver.admin,
            &receiver.public,
            "CAIGUNN_ADMIN_LISTEN",
            settings,
        ),
    ];
    let is_exposed = !settings.admin_listen.ip().is_loopback();
    if is_exposed && settings.http.admin_token.is_none() {
        findings.push(Finding::warning(
            "admin address",
            format!(
                "{} can be reached from other machines, and no admin token is set",
                settings.admin_listen
            ),
            "set CAIGUNN_ADMIN_TOKEN, or listen on 127.0.0.1; without a token the API serves this machine only",
        ));
    }
    findings
}

/// Whether an address is of the receiver whose public address is `public`, or free for it.
fn address(
    check: &'static str,
    listen: SocketAddr,
    at: &At,
    public: &At,
    variable: &str,
    settings: &Settings,
) -> Finding {
    let taken = |what: &str| {
        Finding::failure(
            check,
            format!("{listen} is taken by {what}, so the receiver cannot listen there"),
            format!("stop that program (`ss -ltnp` names it), or set {variable} to a free port"),
        )
    };
    match at {
        At::Receiver(_) if at == public => Finding::ok(check, format!("the receiver answers on {listen}")),
        At::Receiver(_) => taken("another caigunn-webhook process"),
        At::Other => taken("another program, which speaks HTTP"),
        At::Nothing => match http::bind(listen, &settings.http.connections) {
            Ok(_listener) => Finding::ok(check, format!("{listen} is free; no receiver runs there now")),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                taken("a program that gives no answer to HTTP")
            }
            Err(error) => Finding::failure(
                check,
                format!("nothing can listen on {listen}: {error}"),
                format!("set {variable} to an address of this machine and a port that this user may use"),
            ),
        },
    }
}

/// Whether the public URL leads to the receiver.
pub async fn public_url(settings: &Settings, receiver: &Receiver) -> Finding {
    const CHECK: &str = "public URL";
    let Some(url) = &settings.public_url else {
        return Finding::warning(
            CHECK,
            "none is set, so nothing is registered with CaiGunn",
            "set CAIGUNN_PUBLIC_URL to the base URL under which CaiGunn reaches this receiver",
        );
    };
    let theirs = match probe::ask(&receiver.client, url, receiver.nonce).await {
        Answer::Proof(proof) => proof,
        Answer::Other(probe::Finding::NoAnswer { .. } | probe::Finding::BrokenProxy { .. })
            if receiver.state == State::Absent =>
        {
            return Finding::warning(
                CHECK,
                format!("no receiver answers at {url}, and none runs here either"),
                "start the receiver and ask again",
            );
        }
        Answer::Other(finding) => return unreached(CHECK, url, &finding),
    };
    match &receiver.public {
        At::Receiver(ours) if *ours == theirs => {
            Finding::ok(CHECK, format!("{url} leads to the receiver that runs here"))
        }
        At::Receiver(_) => another_process(CHECK, url, settings.listen, settings.inbox_location.is_shared()),
        At::Other | At::Nothing => Finding::warning(
            CHECK,
            format!(
                "{url}: a receiver answers, but none runs at {} here, so nobody can say whether it is this one",
                settings.listen
            ),
            "run this where the receiver runs, with the same settings",
        ),
    }
}

/// What it means that another receiver answers at the public URL than the one here.
fn another_process(check: &'static str, url: &Url, listen: SocketAddr, is_shared: bool) -> Finding {
    let found = format!("{url} is answered by another caigunn-webhook process than the one at {listen}");
    if is_shared {
        let advice =
            "if it is another receiver on this inbox, all is well: ask again, and this one may answer";
        return Finding::warning(check, found, advice);
    }
    let advice = "if it is no replica of this one, set CAIGUNN_PUBLIC_URL to this receiver's own URL, or stop the other";
    Finding::failure(check, found, advice)
}

/// What it means that no receiver answers at the public URL.
fn unreached(check: &'static str, url: &Url, finding: &probe::Finding) -> Finding {
    let mut advice = finding.advice().unwrap_or("check CAIGUNN_PUBLIC_URL").to_owned();
    if let probe::Finding::NoAnswer { .. } = finding {
        advice += "; if this machine cannot reach its own public address, ask from another one";
    }
    Finding::failure(check, format!("{url}: {}", finding.seen()), advice)
}

/// The URL of a listener on this machine.
fn url_of(listen: SocketAddr) -> Url {
    format!("http://{}", http::reachable(listen))
        .parse()
        .expect("an address and port make a URL")
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn another_receiver_at_the_public_url_is_a_failure_unless_there_may_be_several() {
        let url = "https://hooks.example.com".parse().unwrap();
        let finding = |is_shared| another_process("", &url, ([127, 0, 0, 1], 1).into(), is_shared);

        assert_eq!(finding(false).verdict, Verdict::Failure);
        assert_eq!(finding(true).verdict, Verdict::Warning);
    }
}
