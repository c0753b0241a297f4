//! Who may ask the admin side.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::time::timeout;

use super::super::Origin;
use super::super::problem::Problem;
use crate::inbox::Error;
use crate::rotating::Rotating;

/// How long reading may take. People wait no longer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The routes, for whoever has the token; with none configured, for whoever is on this machine.
pub fn guarded(routes: Router, token: Rotating<Option<SecretString>>) -> Router {
    routes.layer(from_fn_with_state(token, guard))
}

async fn guard(
    State(token): State<Rotating<Option<SecretString>>>,
    request: Request,
    next: Next,
) -> Response {
    let allowed = match &*token.get() {
        Some(token) => {
            let given = request
                .headers()
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok());
            let given = given.and_then(|value| value.split_once(' '));
            let is_right = given.is_some_and(|(scheme, given)| {
                scheme.eq_ignore_ascii_case("bearer") && is_same(given.trim(), token)
            });
            if is_right {
                Ok(())
            } else {
                Err(Problem::wrong_bearer_token())
            }
        }
        None if is_local(&request) => Ok(()),
        None => Err(Problem::not_local()),
    };
    let is_reading = request.method().is_safe();
    let allowed = allowed.and_then(|()| {
        if is_reading || !is_cross_site(&request) {
            Ok(())
        } else {
            Err(Problem::cross_site())
        }
    });
    match allowed {
        Ok(()) if is_reading => timeout(TIMEOUT, next.run(request))
            .await
            .unwrap_or_else(|_| Problem::from(Error::Timeout { waited: TIMEOUT }).into_response()),
        // It has a bound of its own.
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Whether a text is a secret, in a time that depends on lengths alone.
fn is_same(given: &str, secret: &SecretString) -> bool {
    secret.expose_secret().as_bytes().ct_eq(given.as_bytes()).into()
}

/// Whether the peer is on this machine and meant it: a page in a browser here that was led to this address under
/// a name of its own (DNS rebinding) names itself in `Host`.
fn is_local(request: &Request) -> bool {
    let peer = Origin::of(request).peer;
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let is_local_name = name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    peer.ip().to_canonical().is_loopback() && is_local_name
}

/// Whether a page of another site sent it: browsers say where a page is from with all that may change something.
fn is_cross_site(request: &Request) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = header(ORIGIN) else {
        return request.headers().contains_key(ORIGIN);
    };
    let origin_host = origin.split_once("://").map(|(_, host)| host);
    origin_host.is_none() || origin_host != header(HOST)
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
            incoming_id: None,
            request_id: RequestId::new(Uuid::nil()),
            peer: std::net::SocketAddr::new(peer.parse().unwrap(), 50_000),
        };
        request.extensions_mut().insert(origin);
        request
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
                assert!(is_local(&request(peer, Some(host))), "{peer}, {host}");
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
                assert!(!is_local(&request(peer, Some(host))), "{peer}, {host}");
            }
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
            assert!(!is_local(&request("127.0.0.1", Some(host))), "{host}");
        }
        assert!(!is_local(&request("127.0.0.1", None)));
    }
}
