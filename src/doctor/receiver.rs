//! What answers at the addresses of these settings.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use url::Url;
use uuid::Uuid;

use crate::config::{InboxLocation, Settings};
use crate::http;
use crate::published::Addresses;
use crate::subscription::probe::{self, Finding, Kind};

/// What answers at the addresses of this configuration.
pub struct Receiver {
    /// For this machine's own addresses.
    local: reqwest::Client,
    /// The proof of the receiver that answers at the public URL, or what else does, if one is set and can be asked.
    pub at_public_url: Option<Result<Result<String, Finding>, reqwest::Error>>,
    pub public: At,
    pub admin: At,
    /// Where the receiver on this inbox says that it listens, if one lives; that of a database does not say it.
    pub published: Option<Addresses>,
    /// Which of the two addresses is of the receiver that runs, if one is.
    pub place: SocketAddr,
    state: State,
    pub access: Option<Access>,
}

/// What there is at an address.
pub enum At {
    /// The side of a receiver that is looked for there, and its proof for the nonce.
    Receiver(String),
    /// The other side of one, and its proof.
    OtherSide(String),
    /// Something else that speaks HTTP.
    Other,
    /// The receiver on this inbox, which gives no answer.
    Hung,
    /// Something that does not.
    Silent,
    /// Nothing: a receiver could listen there.
    Free,
    /// Nothing that could be, and why. If it is not this machine's, nobody there was asked anything.
    Unusable(String),
}

impl At {
    /// The proof of the receiver that is there, whichever side of it.
    pub fn proof(&self) -> Option<&str> {
        match self {
            Self::Receiver(proof) | Self::OtherSide(proof) => Some(proof),
            Self::Other | Self::Hung | Self::Silent | Self::Free | Self::Unusable(_) => None,
        }
    }
}

/// What the public side answers and the admin side does not, and the other way round.
const PUBLIC_ROUTE: &str = "webhook";
const ADMIN_ROUTE: &str = "metrics";

/// What there is to say of a receiver that holds its addresses and answers nothing.
pub const HANGS: &str = "it hangs, for it is there and gives no answer";

/// The problems by which `/readyz` says that a start or a stop is under way.
const CHANGES: [&str; 2] = ["starting", "stopping"];

/// Whether a receiver runs with these settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It does, and takes notifications.
    Ready,
    /// It does, and takes none; why.
    Unready(String),
    /// It does, and says nothing of the inbox, since it is `starting` or `stopping`.
    Changing(&'static str),
    /// It does not.
    Absent,
}

/// Whether the admin side of the receiver that runs lets these settings in.
pub enum Access {
    /// By its token.
    Granted,
    /// It has no token, and these settings have none.
    Open,
    /// It has no token, but these settings have one.
    Unguarded,
    /// It has a token, and these settings none.
    Missing,
    /// It has another token.
    Wrong,
    /// It does not tell.
    Unknown(String),
}

impl Receiver {
    /// Looks at both addresses.
    ///
    /// # Errors
    /// No client for addresses of this machine can be made.
    pub async fn find(settings: &Settings) -> Result<Self, reqwest::Error> {
        // The way to this machine's own addresses is not through a proxy.
        let local = probe::client_without_proxy()?;
        // All are asked the same, so that two answers of one process are the same.
        let nonce = Uuid::new_v4();
        let (at_public_url, public, admin) = tokio::join!(
            ask_public_url(settings.public_url.as_ref(), nonce),
            look(&local, settings.listen, PUBLIC_ROUTE, nonce),
            look(&local, settings.admin_listen, ADMIN_ROUTE, nonce)
        );
        let published = published(settings);
        let is_published = |listen| published.is_some_and(|published| names(published, listen));
        let known = |at, listen| match at {
            At::Silent if is_published(listen) => At::Hung,
            at => at,
        };
        let (public, admin) = (
            known(public, settings.listen),
            known(admin, settings.admin_listen),
        );
        // Who answers at the admin address alone may be of another deployment.
        let is_admin_known = match public.proof() {
            Some(_) => admin.proof() == public.proof(),
            None => admin.proof().is_some() && is_published(settings.admin_listen),
        };
        // Both sides tell.
        let (place, state) = match (public.proof(), &public, &admin) {
            (Some(_), ..) => (settings.listen, readiness(&local, settings.listen).await),
            _ if is_admin_known => {
                let place = settings.admin_listen;
                (place, readiness(&local, place).await)
            }
            (_, At::Hung, _) => (settings.listen, State::Unready(HANGS.to_owned())),
            (_, _, At::Hung) => (settings.admin_listen, State::Unready(HANGS.to_owned())),
            _ => (settings.listen, State::Absent),
        };
        let access = match admin {
            At::Receiver(_) if is_admin_known => Some(access(&local, settings).await),
            _ => None,
        };
        Ok(Self {
            local,
            at_public_url,
            public,
            admin,
            published,
            place,
            state,
            access,
        })
    }

    /// The proof of the receiver at the public address or, if there is none, of that at the admin address.
    pub fn proof(&self) -> Option<&str> {
        self.public.proof().or(self.admin.proof())
    }

    /// Whether a receiver answers at the public URL that is not known to be the one that runs with these settings.
    pub fn is_elsewhere(&self) -> bool {
        let Some(Ok(Ok(theirs))) = &self.at_public_url else {
            return false;
        };
        self.state == State::Absent || self.proof() != Some(theirs)
    }

    /// Whether the receiver on this inbox answers at neither address, and holds one.
    pub fn hangs(&self) -> bool {
        self.proof().is_none() && matches!((&self.public, &self.admin), (At::Hung, _) | (_, At::Hung))
    }

    /// Whether a receiver runs with these settings, and takes notifications.
    pub fn state(&self) -> State {
        self.state.clone()
    }

    /// What the receiver that runs with these settings answers to a GET of its admin API; `None` if none runs, or it lets
    /// nobody in with them. The error is in words for an operator.
    pub async fn ask(&self, settings: &Settings, path: &str) -> Option<Result<Value, String>> {
        match self.access {
            None | Some(Access::Missing | Access::Wrong) => return None,
            Some(Access::Granted | Access::Open | Access::Unguarded | Access::Unknown(_)) => {}
        }
        let token = settings.http.admin_token.as_ref();
        let response = match get(&self.local, settings, path, token).await {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => return Some(Err(format!("it answers {}", response.status().as_u16()))),
            Err(error) => return Some(Err(error.to_string())),
        };
        Some(response.json().await.map_err(|error| error.to_string()))
    }
}

/// A GET of the admin API.
async fn get(
    client: &reqwest::Client,
    settings: &Settings,
    path: &str,
    token: Option<&SecretString>,
) -> Result<reqwest::Response, reqwest::Error> {
    let request = client.get(format!("{}api/v1{path}", url_of(settings.admin_listen)));
    match token {
        Some(token) => request.bearer_auth(token.expose_secret()).send().await,
        None => request.send().await,
    }
}

/// Whether these settings are let in, and whether anybody on this machine is.
async fn access(client: &reqwest::Client, settings: &Settings) -> Access {
    let lets_in = async |token| {
        let answer = get(client, settings, "/destinations", token).await;
        answer.map_or_else(
            |error| Err(error.to_string()),
            |response| is_let_in(response.status().as_u16()),
        )
    };
    let token = settings.http.admin_token.as_ref();
    let with_it = match token {
        Some(_) => lets_in(token).await,
        None => Ok(false),
    };
    match (with_it, lets_in(None).await) {
        (Err(reason), _) | (_, Err(reason)) => Access::Unknown(reason),
        (Ok(true), Ok(true)) => Access::Unguarded,
        (Ok(true), Ok(false)) => Access::Granted,
        (Ok(false), Ok(true)) => Access::Open,
        (Ok(false), Ok(false)) if token.is_some() => Access::Wrong,
        (Ok(false), Ok(false)) => Access::Missing,
    }
}

/// Whether an answer with that status is for somebody who is let in, who may be told that the inbox fails; or why that cannot be
/// told.
fn is_let_in(status: u16) -> Result<bool, String> {
    match status {
        401 => Ok(false),
        400..=499 => Err(format!("it answers {status}")),
        _ => Ok(true),
    }
}

/// Asks the public URL, if one is set.
async fn ask_public_url(
    url: Option<&Url>,
    nonce: Uuid,
) -> Option<Result<Result<String, Finding>, reqwest::Error>> {
    let url = url?;
    Some(match probe::client(url) {
        Ok(client) => Ok(probe::ask(&client, url, nonce).await),
        Err(error) => Err(error),
    })
}

/// Looks at an address of this machine, for the side of a receiver that has that route. Whoever listens at one elsewhere is
/// asked nothing, for it is somebody else.
async fn look(client: &reqwest::Client, listen: SocketAddr, route: &str, nonce: Uuid) -> At {
    let reason = match bind(listen) {
        Ok(()) => return At::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => None,
        // A port for the superuser only may be a receiver's all the same.
        Err(error) if bind(SocketAddr::new(listen.ip(), 0)).is_ok() => Some(error.to_string()),
        Err(error) => return At::Unusable(error.to_string()),
    };
    match (probe::ask(client, &url_of(listen), nonce).await, reason) {
        (Ok(proof), _) if has(client, listen, route).await => At::Receiver(proof),
        (Ok(proof), _) => At::OtherSide(proof),
        (Err(finding), _) if finding.kind != Kind::NoAnswer => At::Other,
        (Err(_), Some(reason)) => At::Unusable(reason),
        (Err(_), None) => At::Silent,
    }
}

/// Whether a receiver has a route at an address, as far as it tells: whom it lets in there is another matter.
async fn has(client: &reqwest::Client, listen: SocketAddr, route: &str) -> bool {
    let answer = client.get(format!("{}{route}", url_of(listen))).send().await;
    answer.map_or(true, |response| response.status() != 404)
}

/// Where the receiver on this inbox listens, as far as it says so.
fn published(settings: &Settings) -> Option<Addresses> {
    match &settings.inbox_location {
        InboxLocation::Sqlite(path) => Addresses::read(path),
        InboxLocation::Postgres(_) => None,
    }
}

/// Whether an address is one of those, or leads to one.
fn names(published: Addresses, listen: SocketAddr) -> bool {
    let Addresses { public, admin } = published;
    [public, admin]
        .map(http::reachable)
        .contains(&http::reachable(listen))
}

/// Whether a receiver could listen on an address. It is only bound, so that one that starts at this moment can.
fn bind(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

/// Asks a receiver's `/readyz`, how it is now.
async fn readiness(client: &reqwest::Client, listen: SocketAddr) -> State {
    let url = format!("{}readyz?fresh", url_of(listen));
    let response = match client.get(url).send().await {
        Ok(response) => response,
        Err(error) => return State::Unready(format!("/readyz does not answer: {error}")),
    };
    let status = response.status();
    if status.is_success() {
        return State::Ready;
    }
    let problem: Value = response.json().await.unwrap_or_default();
    let kind = problem["type"].as_str().and_then(|kind| kind.rsplit(':').next());
    if let Some(change) = CHANGES.into_iter().find(|change| Some(*change) == kind) {
        return State::Changing(change);
    }
    State::Unready(match problem["detail"].as_str() {
        Some(detail) => detail.to_owned(),
        None => format!("/readyz answers {}", status.as_u16()),
    })
}

/// The URL of a listener on this machine.
fn url_of(listen: SocketAddr) -> Url {
    format!("http://{}", http::reachable(listen))
        .parse()
        .expect("an address and port make a URL")
}

impl State {
    /// What there is to say of writes where a start or a stop is under way at `listen`.
    pub fn changing(change: &str, listen: SocketAddr) -> super::Finding {
        super::Finding::warning(
            "writing",
            format!(
                "the receiver that runs at {listen} is {change}, and says nothing of the inbox meanwhile"
            ),
            "run this again when that is over",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::is_let_in;

    #[test]
    fn who_gets_an_answer_that_is_no_refusal_is_let_in_and_no_other() {
        assert_eq!((is_let_in(200), is_let_in(503)), (Ok(true), Ok(true)));
        assert_eq!(is_let_in(401), Ok(false));
        for status in [403, 404] {
            assert_eq!(is_let_in(status), Err(format!("it answers {status}")));
        }
    }
}
