//! Who may ask the admin side.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::super::problem::Problem;
use super::super::tally::{Counted, Tally};
use super::super::{Origin, text_of};
use crate::fingerprint::is_same;
use crate::inbox::Error;
use crate::rotating::Rotating;

/// How long reading may take. People wait no longer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The headers with which proxies say that a request came through them, in the letters that names are compared in. Of the last
/// one all that begin so.
const OF_PROXIES: [&str; 11] = [
    "forwarded",
    "via",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "fastly-client-ip",
    "fly-client-ip",
    "x-forwarded-",
];

/// What who asks may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything.
    All,
    /// Look at everything, and change nothing.
    Reading,
}

/// The tokens of the admin side, as they are now.
#[derive(Clone)]
pub struct AdminTokens {
    /// The one that lets do everything.
    pub full: Rotating<Option<SecretString>>,
    /// The one that lets only look.
    pub read_only: Rotating<Option<SecretString>>,
    /// Requests to the API with one that is none of them.
    guesses: Tally,
}

fn say_guess(request: &Request) {
    let origin = request.extensions().get::<Origin>();
    tracing::warn!(
        error.type = "guesses",
        client.address = origin.map(|origin| display(origin.peer.ip())),
        "a request to the API with a wrong token was refused; is somebody guessing it, or has it been changed?",
    );
}

fn say_guesses(count: usize) {
    tracing::warn!(
        error.type = "guesses",
        "requests to the API with a wrong token, which were refused: {count}; is somebody guessing it, or has it been changed?",
    );
}

impl AdminTokens {
    /// These tokens.
    pub fn new(full: Option<SecretString>, read_only: Option<SecretString>) -> Self {
        Self {
            full: Rotating::new(full),
            read_only: Rotating::new(read_only),
            guesses: Tally::new(say_guesses),
        }
    }

    /// What a token lets do; `None` if it is none of them. Takes a time that depends on lengths alone.
    pub fn rights_of(&self, given: &str) -> Option<Rights> {
        let is = |token: &Rotating<Option<SecretString>>| {
            token
                .get()
                .as_ref()
                .as_ref()
                .is_some_and(|token| is_same(given, token.expose_secret()))
        };
        let (is_full, is_read_only) = (is(&self.full), is(&self.read_only));
        if is_full {
            Some(Rights::All)
        } else {
            is_read_only.then_some(Rights::Reading)
        }
    }

    /// What who shows no token may do.
    ///
    /// # Errors
    /// One is demanded, or the request comes from elsewhere.
    pub fn rights_without(&self, request: &Request) -> Result<Rights, Problem> {
        if self.full.get().is_some() {
            return Err(Problem::wrong_bearer_token());
        }
        if !is_local(request) {
            return Err(Problem::not_local());
        }
        if !is_local_name(name_in_host(request.headers())) {
            return Err(Problem::not_local_name());
        }
        if let Some(header) = proxy_header(request.headers()) {
            return Err(Problem::proxied(header));
        }
        match is_loaded_by_another_site(request.headers()) {
            true => Err(Problem::cross_site()),
            false => Ok(Rights::All),
        }
    }
}

/// The routes, for whoever has a token; with no admin token configured, for whoever is on this machine too.
pub fn guarded(routes: Router, tokens: AdminTokens) -> Router {
    routes.layer(from_fn_with_state(tokens, guard))
}

async fn guard(State(tokens): State<AdminTokens>, request: Request, next: Next) -> Response {
    let is_reading = request.method().is_safe();
    let given = bearer(request.headers());
    let rights = match given.and_then(|given| tokens.rights_of(given)) {
        Some(rights) => Ok(rights),
        None => tokens.rights_without(&request),
    };
    let is_demanded = tokens.full.get().is_some() || tokens.read_only.get().is_some();
    let is_guess = given.is_some() && rights.is_err() && is_demanded;
    if is_guess && tokens.guesses.count_silently() == Counted::First {
        say_guess(&request);
    }
    let allowed = rights.and_then(|rights| match rights {
        _ if is_reading => Ok(()),
        Rights::Reading => Err(Problem::read_only()),
        Rights::All if is_cross_site(request.headers()) => Err(Problem::cross_site()),
        Rights::All => Ok(()),
    });
    match allowed {
        Ok(()) if is_reading => in_time(next.run(request)).await,
        // It has a bound of its own.
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// What is read, or that it took too long.
pub async fn in_time(answer: impl Future<Output = Response>) -> Response {
    let answered = timeout(TIMEOUT, answer).await;
    answered.unwrap_or_else(|_| Problem::from(Error::Timeout { waited: TIMEOUT }).into_response())
}

/// The token that a request shows.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, given) = text_of(headers, AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| given.trim())
}

/// The header with which a proxy says that a request came through it, if one does.
fn proxy_header(headers: &HeaderMap) -> Option<&str> {
    let is_of_proxy = |name: &&str| {
        OF_PROXIES
            .iter()
            .any(|of_proxy| name == of_proxy || of_proxy.ends_with('-') && name.starts_with(of_proxy))
    };
    headers.keys().map(|name| name.as_str()).find(is_of_proxy)
}

/// Whether the peer is on this machine.
fn is_local(request: &Request) -> bool {
    Origin::of(request).peer.ip().to_canonical().is_loopback()
}

/// The name or address that a request has in `Host`.
fn name_in_host(headers: &HeaderMap) -> &str {
    let host = text_of(headers, HOST).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_start_matches('[').trim_end_matches(']')
}

/// Whether who asks meant this machine: a page in a browser here that was led to this address under a name of its own (DNS
/// rebinding) names itself.
fn is_local_name(name: &str) -> bool {
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Whether a page of another site has the browser load it, by what browsers say of that (Fetch Metadata): it could learn from how
/// long that takes, and what it measures. A link that somebody follows is none of that, a frame is.
fn is_loaded_by_another_site(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| text_of(headers, name).is_some_and(|found| found == value);
    let is_followed = is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document");
    is("sec-fetch-site", "cross-site") && !is_followed
}

/// Whether a page of another site sent it: browsers say where a page is from with all that may change something.
pub fn is_cross_site(headers: &HeaderMap) -> bool {
    let Some(origin) = text_of(headers, ORIGIN) else {
        return headers.contains_key(ORIGIN);
    };
    let origin_host = origin.split_once("://").map(|(_, host)| host);
    origin_host.is_none() || origin_host != text_of(headers, HOST)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use uuid::Uuid;

    use super::*;
    use crate::inbox::RequestId;

    fn request(peer: &str, host: Option<&'static str>) -> Request {
        let mut request = Request::new(Body::empty());
        if let Some(host) = host {
            request
                .headers_mut()
                .insert(HOST, axum::http::HeaderValue::from_static(host));
        }
        let origin = Origin {
            started: std::time::Instant::now(),
            received_at: crate::clock::Timestamp::MIN,
            incoming_id: None,
            request_id: RequestId::new(Uuid::nil()),
            peer: std::net::SocketAddr::new(peer.parse().unwrap(), 50_000),
        };
        request.extensions_mut().insert(origin);
        request
    }

    #[test]
    fn a_request_that_came_through_a_proxy_is_known_by_what_proxies_add() {
        let named = |name: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, axum::http::HeaderValue::from_static("x"));
            proxy_header(&headers).map(str::to_owned)
        };

        for name in [
            "forwarded",
            "via",
            "x-real-ip",
            "x-client-ip",
            "x-cluster-client-ip",
            "x-original-forwarded-for",
            "cf-connecting-ip",
            "true-client-ip",
            "fastly-client-ip",
            "fly-client-ip",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-anything",
        ] {
            assert_eq!(named(name).as_deref(), Some(name));
        }
        for name in ["x-forwarded", "viable", "forwarded-for", "host", "x-request-id"] {
            assert_eq!(named(name), None, "{name}");
        }
    }

    #[test]
    fn each_token_lets_do_what_it_is_for() {
        let some = |text: &str| Some(SecretString::from(text));
        let both = AdminTokens::new(some("all"), some("look"));
        let read_only = AdminTokens::new(None, some("look"));
        let asked = request("127.0.0.1", Some("localhost"));

        assert_eq!(both.rights_of("all"), Some(Rights::All));
        assert_eq!(both.rights_of("look"), Some(Rights::Reading));
        assert_eq!(both.rights_of(""), None);
        assert!(both.rights_without(&asked).is_err());
        assert_eq!(read_only.rights_of("look"), Some(Rights::Reading));
        assert_eq!(read_only.rights_without(&asked).ok(), Some(Rights::All));
        assert!(
            read_only
                .rights_without(&request("10.0.0.1", Some("localhost")))
                .is_err()
        );
    }

    /// Whether it may do everything where no token is demanded.
    fn is_let_in(request: &Request) -> bool {
        let rights = AdminTokens::new(None, None).rights_without(request);
        rights.is_ok_and(|rights| rights == Rights::All)
    }

    #[test]
    fn who_is_here_and_says_so_is_local() {
        for peer in ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"] {
            for host in [
                "localhost",
                "LocalHost:9090",
                "localhost:9090",
                "127.0.0.1",
                "127.0.0.1:9090",
                "127.1.2.3:9090",
                "[::1]",
                "[::1]:9090",
            ] {
                assert!(is_let_in(&request(peer, Some(host))), "{peer}, {host}");
            }
        }
    }

    #[test]
    fn who_is_elsewhere_is_not_local_whatever_it_says() {
        for peer in [
            "10.0.0.1",
            "0.0.0.0",
            "fe80::1",
            "::",
            "::ffff:10.0.0.1",
            "2001:db8::1",
        ] {
            for host in ["localhost", "127.0.0.1:9090", "[::1]:9090"] {
                assert!(!is_let_in(&request(peer, Some(host))), "{peer}, {host}");
            }
        }
    }

    #[test]
    fn a_page_of_another_site_may_lead_here_and_load_nothing() {
        for (site, mode, kind, expected) in [
            (Some("cross-site"), Some("no-cors"), Some("image"), false),
            (Some("cross-site"), Some("cors"), Some("empty"), false),
            (Some("cross-site"), None, None, false),
            (Some("cross-site"), Some("navigate"), Some("iframe"), false),
            (Some("cross-site"), Some("navigate"), Some("document"), true),
            (Some("same-origin"), Some("cors"), Some("empty"), true),
            (Some("none"), Some("navigate"), Some("document"), true),
            (None, None, None, true),
        ] {
            let mut asked = request("127.0.0.1", Some("localhost:9090"));
            let all = [
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", kind),
            ];
            for (name, value) in all {
                if let Some(value) = value {
                    let value = axum::http::HeaderValue::from_static(value);
                    asked.headers_mut().insert(name, value);
                }
            }

            assert_eq!(is_let_in(&asked), expected, "{site:?}, {mode:?}, {kind:?}");
        }
    }

    #[test]
    fn a_page_led_here_under_another_name_is_not_local() {
        for host in [
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "evil.example:localhost",
            "127.0.0.1.evil.example:9090",
            "127.0.0.1:9090.evil.example",
            "10.0.0.1:9090",
            "0.0.0.0:9090",
            "[::]:9090",
            "",
        ] {
            assert!(!is_let_in(&request("127.0.0.1", Some(host))), "{host}");
        }
        assert!(!is_let_in(&request("127.0.0.1", None)));
    }
}
