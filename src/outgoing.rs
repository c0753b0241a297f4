//! Clients for calls out of this program: whether through a proxy, whose certificates they take, and what is said where
//! no answer came.
//!
//! The proxy is the one that `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` name, but for hosts in `NO_PROXY`; certificates are
//! those that the system trusts, or that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Addresses of this machine are called
//! without a proxy, and by `http` without certificates, so that neither can keep its own processes apart.

use std::error::Error;
use std::sync::Arc;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Client, ClientBuilder};
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

/// What every call says that it comes from.
pub const USER_AGENT: &str = concat!("caigunn-webhook/", env!("CARGO_PKG_VERSION"));

/// The variables that name proxies.
const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// The others that say how calls go out.
const OTHERS: [&str; 4] = ["NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Whether a variable says how calls go out.
pub fn is_variable(name: &str) -> bool {
    PROXIES.contains(&name) || OTHERS.contains(&name)
}

/// Whether clients take what a variable says of how calls go out. Of a proxy that they do not, they say nothing, and call
/// without it.
///
/// # Errors
/// What is allowed; nothing of the value, which may hold a password.
pub fn check_variable(name: &str, value: &str) -> Result<(), &'static str> {
    let is_quoted = value.starts_with(['"', '\'']) && value.ends_with(['"', '\'']);
    let takes_proxy = || {
        let any = Uri::from_static("https://example.com");
        let proxy = Matcher::builder().all(value).build().intercept(&any)?;
        // A port that is none is found when it is called; behind a second @ is the rest of a password; and one that speaks
        // SOCKS would be spoken to in HTTP.
        let url: Url = proxy.uri().to_string().parse().ok()?;
        (url.username().is_empty() && url.scheme().starts_with("http")).then_some(())
    };
    // Desktops name one of those beside the others, which go before it.
    let is_last_resort =
        name.eq_ignore_ascii_case("ALL_PROXY") && value.to_ascii_lowercase().starts_with("socks");
    match value.trim() {
        value if value.is_empty() || !is_variable(name) => Ok(()),
        _ if is_quoted => Err("give it without the quotes"),
        _ if PROXIES.contains(&name) && !is_last_resort && takes_proxy().is_none() => Err(
            "expected the URL of a proxy that speaks HTTP, as in http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, user and \
             password percent-encoded, without blanks",
        ),
        _ => Ok(()),
    }
}

/// A client to that URL: through the proxy that the environment names for it, if there is one.
pub fn to(url: &Url) -> ClientBuilder {
    match (is_loopback(url), url.scheme()) {
        (true, "http") => to_this_machine(),
        (true, _) => directly(),
        (false, _) => named(),
    }
}

/// A client that uses no proxy, whatever the environment says.
pub fn directly() -> ClientBuilder {
    named().no_proxy()
}

/// A client for `http` URLs of this machine: it uses no proxy, and needs no certificates.
pub fn to_this_machine() -> ClientBuilder {
    directly().tls_certs_only([])
}

/// What TLS trusts that is not HTTP's: the same certificates.
///
/// # Errors
/// There are none, in words for an operator.
pub fn tls() -> Result<ClientConfig, String> {
    // What of them cannot be read is missed by nobody unless all of them cannot.
    let certificates = rustls_native_certs::load_native_certs().certs;
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(certificates).0 == 0 {
        return Err("the system's certificates cannot be read".to_owned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn named() -> ClientBuilder {
    Client::builder().user_agent(USER_AGENT)
}

/// Whether a URL is of this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The proxy by which [`to`] goes to that URL, as it may be shown: without a user and a password.
pub fn proxy_to(url: &Url) -> Option<String> {
    if is_loopback(url) {
        return None;
    }
    let uri: Uri = url.as_str().parse().ok()?;
    let proxy = Matcher::from_env().intercept(&uri)?;
    Some(proxy.uri().to_string().trim_end_matches('/').to_owned())
}

/// What names that proxy, to be put behind what was seen; empty if there is none.
pub fn through(url: &Url) -> String {
    proxy_to(url).map_or_else(String::new, |proxy| {
        format!(" (through the proxy {proxy}, which HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names; NO_PROXY makes exceptions)")
    })
}

/// Why a call to that URL, by a client of [`to`], brought no answer, and what of this machine's settings had a part in it.
/// It holds addresses but no secrets.
pub fn why(error: &reqwest::Error, url: &Url) -> String {
    let (cause, proxy) = (innermost(error), through(url));
    let trust = if error.is_connect() && cause.contains("UnknownIssuer") {
        "; its certificate is of no authority that this machine trusts: SSL_CERT_FILE may name a file with that of yours"
    } else {
        ""
    };
    format!("{cause}{proxy}{trust}")
}

/// The cause of all others, which says it best.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error, its source, the source of that, and so on.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
