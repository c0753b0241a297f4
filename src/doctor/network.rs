//! The addresses to listen on, and the public URL.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::Url;
use uuid::Uuid;

use super::Finding;
use crate::config::Settings;
use crate::http;
use crate::subscription::probe::{self, Answer};

/// What answers at the addresses of this configuration.
pub struct Receiver {
    client: reqwest::Client,
    public: At,
    admin: At,
}

/// What there is at an address.
enum At {
    /// A receiver.
    Receiver,
    /// Something else.
    Other,
    /// Nothing.
    Nothing,
}

impl Receiver {
    pub async fn find(settings: &Settings) -> Result<Self, reqwest::Error> {
        let client = probe::client()?;
        // The way to this machine's own addresses is not through a proxy.
        let local = probe::client_without_proxy()?;
        let (public, admin) =
            tokio::join!(look(&local, settings.listen), look(&local, settings.admin_listen));
        Ok(Self {
            client,
            public,
            admin,
        })
    }

    /// Whether a receiver runs with these settings.
    pub fn runs(&self) -> bool {
        matches!(self.public, At::Receiver)
    }
}

async fn look(client: &reqwest::Client, listen: SocketAddr) -> At {
    match probe::ask(client, &url_of(listen), Uuid::new_v4()).await {
        Answer::Proof(_) => At::Receiver,
        Answer::Other(probe::Finding::NoAnswer { .. }) => At::Nothing,
        Answer::Other(_) => At::Other,
    }
}

/// Whether both addresses are a receiver's, or free for one.
pub fn addresses(settings: &Settings, receiver: &Receiver) -> Vec<Finding> {
    let mut findings = vec![
        address(
            "public address",
            settings.listen,
            &receiver.public,
            "server.listen",
            settings,
        ),
        address(
            "admin address",
            settings.admin_listen,
            &receiver.admin,
            "admin.listen",
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

fn address(check: &'static str, listen: SocketAddr, at: &At, key: &str, settings: &Settings) -> Finding {
    let taken = |what: &str| {
        Finding::failure(
            check,
            format!("{listen} is taken by {what}, so the receiver cannot listen there"),
            format!("stop that program (`ss -ltnp` names it), or set {key} to a free port"),
        )
    };
    match at {
        At::Receiver => Finding::ok(check, format!("the receiver answers on {listen}")),
        At::Other => taken("another program, which speaks HTTP"),
        At::Nothing => match http::bind(listen, &settings.http.connections) {
            Ok(_listener) => Finding::ok(check, format!("{listen} is free; no receiver runs there now")),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => taken("another program"),
            Err(error) => Finding::failure(
                check,
                format!("nothing can listen on {listen}: {error}"),
                format!("set {key} to an address of this machine and a port that this user may use"),
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
    let nonce = Uuid::new_v4();
    let theirs = match probe::ask(&receiver.client, url, nonce).await {
        Answer::Proof(proof) => proof,
        Answer::Other(probe::Finding::NoAnswer { .. } | probe::Finding::BrokenProxy { .. })
            if !receiver.runs() =>
        {
            return Finding::warning(
                CHECK,
                format!("no receiver answers at {url}, and none runs here either"),
                "start the receiver and ask again",
            );
        }
        Answer::Other(finding) => {
            let text = finding.to_string();
            let (found, advice) = match text
                .split_once("; check ")
                .or_else(|| text.split_once(": check "))
            {
                Some((found, advice)) => (found, format!("check {advice}")),
                None => (text.as_str(), "check CAIGUNN_PUBLIC_URL".to_owned()),
            };
            let hint = "; if this machine cannot reach its own public address, ask from another one";
            return Finding::failure(CHECK, format!("{url}: {found}"), advice + hint);
        }
    };
    if !receiver.runs() {
        return Finding::warning(
            CHECK,
            format!(
                "{url}: a receiver answers, but none runs at {} here, so nobody can say whether it is this one",
                settings.listen
            ),
            "run this where the receiver runs, with the same settings",
        );
    }
    let ours = match probe::client_without_proxy() {
        Ok(local) => probe::ask(&local, &url_of(settings.listen), nonce).await,
        Err(error) => Answer::Other(probe::Finding::NoAnswer {
            reason: error.to_string(),
        }),
    };
    match ours {
        Answer::Proof(ours) if ours == theirs => {
            Finding::ok(CHECK, format!("{url} leads to the receiver that runs here"))
        }
        _ => Finding::failure(
            CHECK,
            format!(
                "{url} is answered by another caigunn-webhook process than the one at {}",
                settings.listen
            ),
            "if it is no replica of this one, set CAIGUNN_PUBLIC_URL to this receiver's own URL, or stop the other",
        ),
    }
}

/// The URL of a listener on this machine.
fn url_of(listen: SocketAddr) -> Url {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    format!("http://{address}")
        .parse()
        .expect("an address and port make a URL")
}
