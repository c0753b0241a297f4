//! Clients for calls out of this program: whether through a proxy, whose certificates they take, and what is said where
//! no answer came.
//!
//! The proxy is the one that `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` name, but for hosts in `NO_PROXY`; certificates are
//! those that the system trusts, or that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Addresses of this machine are called
//! without a proxy, and what is not encrypted without certificates, so that neither can keep its own processes apart.
//!
//! Where a name has several addresses, each gets its share of the time there is for connecting, so that one that says nothing
//! hides no other. Clients of HTTP do that by themselves.

#[cfg(test)]
pub(crate) mod testing;
mod trusting;

use std::error::Error;
use std::ffi::OsStr;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::{Client, ClientBuilder};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, InvalidMessage, RootCertStore};
use rustls_native_certs::{CertificateResult, load_certs_from_paths};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

pub use trusting::Trusting;

/// Whether a status is what somebody answers who stands before what was asked and does not reach it: proxies say 502 to 504,
/// Cloudflare, of its tunnels too, 520 to 530.
pub const fn tells_nobody_behind(status: u16) -> bool {
    matches!(status, 502..=504 | 520..=530)
}

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

/// The variables that make exceptions, the first that is set.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Those that say what is trusted.
const TRUST: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Whether a variable says how calls go out.
pub fn is_variable(name: &str) -> bool {
    PROXIES.contains(&name) || EXCEPTIONS.contains(&name) || TRUST.contains(&name)
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

/// What is said of each variable that is to say what is trusted, and leads to no certificate: clients take no notice of it where
/// the other one does.
pub fn useless_trust() -> Vec<String> {
    let useless = TRUST.into_iter().filter_map(|name| {
        let value = std::env::var_os(name)?;
        let found = certificates_of(name, &value);
        let cause = found.errors.first().map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| "there is none in it".to_owned());
        let shown = Path::new(&value).display();
        let said = format!("no certificate comes from {name}, which is {shown}: {cause}");
        found.certs.is_empty().then_some(said)
    });
    useless.collect()
}

fn certificates_of(name: &str, value: &OsStr) -> CertificateResult {
    if name == TRUST[0] {
        return load_certs_from_paths(Some(Path::new(value)), None);
    }
    let mut all = CertificateResult::default();
    for folder in std::env::split_paths(value) {
        let found = load_certs_from_paths(None, Some(&folder));
        all.certs.extend(found.certs);
        all.errors.extend(found.errors);
    }
    all
}

/// A client to that URL: through the proxy that the environment names for it, if there is one.
pub fn to(url: &Url) -> ClientBuilder {
    match intercept(url) {
        None => directly_to(url),
        Some(proxy) if url.scheme() == "http" && proxy.uri().scheme_str() != Some("https") => {
            without_certificates(named())
        }
        Some(_) => named(),
    }
}

/// A client to that URL that uses no proxy, whatever the environment says.
pub fn directly_to(url: &Url) -> ClientBuilder {
    match url.scheme() {
        "http" => unencrypted(),
        _ => named().no_proxy(),
    }
}

/// A client for `http` URLs that uses no proxy, such as those of this machine.
pub fn unencrypted() -> ClientBuilder {
    without_certificates(named().no_proxy())
}

/// Without what nothing is asked for that is not encrypted: reading it takes longer than all else, and fails where there is none.
fn without_certificates(client: ClientBuilder) -> ClientBuilder {
    client.tls_certs_only([])
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
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What encrypts every call, put where clients of HTTP look for it.
pub fn provider() -> Arc<CryptoProvider> {
    // Refused where there is one already, which is the same.
    let _ = ring::default_provider().install_default();
    let installed = CryptoProvider::get_default();
    Arc::clone(installed.expect("one was just installed"))
}

fn named() -> ClientBuilder {
    provider();
    Client::builder().user_agent(USER_AGENT)
}

/// Whether a URL is of this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // Of schemes other than the web's it may be an address too.
        Some(Host::Domain(name)) => {
            let address = name.parse::<Ipv4Addr>();
            name == "localhost"
                || name.ends_with(".localhost")
                || address.is_ok_and(|address| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The proxy by which [`to`] goes to that URL.
pub fn intercept(url: &Url) -> Option<Intercept> {
    if is_loopback(url) || is_excepted(url) {
        return None;
    }
    let uri: Uri = url.as_str().parse().ok()?;
    Matcher::from_env().intercept(&uri)
}

/// The proxy by which [`to`] goes to that URL, as it may be shown.
pub fn proxy_to(url: &Url) -> Option<String> {
    intercept(url).as_ref().map(shown)
}

/// A proxy as it may be shown: without a user and a password.
pub fn shown(proxy: &Intercept) -> String {
    proxy.uri().to_string().trim_end_matches('/').to_owned()
}

/// Whether `NO_PROXY` makes an exception of the URL's port at its host.
fn is_excepted(url: &Url) -> bool {
    let mut values = EXCEPTIONS.iter().map(std::env::var);
    let list = values.find_map(Result::ok);
    list.is_some_and(|list| excepts_port(&list, url))
}

/// Whether an entry with a port, as in `example.com:8080`, `10.0.0.0/8:8080` or `[::1]:8080`, means the URL. Clients of HTTP
/// here know entries without one and pass those over, as curl does; Go's, Node.js's and Python's take them to mean that port
/// alone, and so does whoever writes one.
fn excepts_port(list: &str, url: &Url) -> bool {
    let (Ok(uri), Some(port)) = (url.as_str().parse::<Uri>(), url.port_or_known_default()) else {
        return false;
    };
    list.split(',').any(|entry| {
        let Some((host, of_entry)) = entry.trim().rsplit_once(':') else {
            return false;
        };
        let host = host
            .strip_prefix('[')
            .map_or(Some(host), |host| host.strip_suffix(']'));
        // An address of IPv6 without brackets has no port.
        let host = host.filter(|host| !host.is_empty() && (entry.contains('[') || !host.contains(':')));
        let has_port = of_entry.parse() == Ok(port);
        let means = |host: &str| {
            Matcher::builder()
                .all("http://proxy")
                .no(host)
                .build()
                .intercept(&uri)
                .is_none()
        };
        has_port && host.is_some_and(means)
    })
}

/// Connects to one of a host's addresses, in their order. Each may take its share of what is left of `limit`.
///
/// # Errors
/// That the name leads nowhere, or why the last address took no connection.
///
/// # Cancel safety
/// May be dropped at any time.
pub async fn connect(host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let deadline = Instant::now() + limit;
    let timed_out = || io::Error::new(io::ErrorKind::TimedOut, "operation timed out");
    let found = timeout_at(deadline, lookup_host((host, port))).await;
    let addresses: Vec<_> = found.map_err(|_| timed_out())??.collect();
    connect_to(&addresses, deadline).await
}

async fn connect_to(addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let mut refused = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (left, address) in (1..=addresses.len() as u32).rev().zip(addresses) {
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / left;
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => refused = error,
            Err(_) => refused = io::Error::new(io::ErrorKind::TimedOut, "operation timed out"),
        }
    }
    Err(refused)
}

/// The share of `limit` that each address of a host has, for a client that gives the same time to each; at once `limit` where
/// there is one, or where that is not found out.
pub async fn share(host: &str, port: u16, limit: Duration) -> Duration {
    let found = tokio::time::timeout(limit, lookup_host((host, port))).await;
    let count = found.ok().and_then(Result::ok).map_or(1, Iterator::count);
    limit / u32::try_from(count.max(1)).unwrap_or(u32::MAX)
}

/// What names that proxy, to be put behind what was seen; empty if there is none.
pub fn through(url: &Url) -> String {
    intercept(url).as_ref().map_or_else(String::new, names)
}

/// What names a proxy, to be put behind what was seen through it.
pub fn names(proxy: &Intercept) -> String {
    let proxy = shown(proxy);
    format!(
        " (through the proxy {proxy}, which HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names; NO_PROXY makes exceptions)"
    )
}

/// The body of an answer, or as much of it as that many bytes; and whether that is all of it.
pub async fn read(response: &mut reqwest::Response, max_bytes: usize) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > max_bytes {
            bytes.truncate(max_bytes);
            return Ok((bytes, false));
        }
    }
    Ok((bytes, true))
}

/// Why a call to that URL, by a client of [`to`], brought no answer, and what of this machine's settings had a part in it.
/// It holds addresses but no secrets.
pub fn why(error: &reqwest::Error, url: &Url) -> String {
    format!("{}{}", innermost(error), through(url))
}

/// What is said of who answers TLS with something else.
pub const NO_TLS: &str = "what listens there speaks no TLS";

/// What is said of who answers TLS with nothing, and closes the connection.
const ENDED_TLS: &str =
    "what listens there closes the connection where TLS is to begin, as who speaks none does";

/// The cause of all others, which says it best. Where that is TLS that was not answered as such, it is said in our own words.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    match causes(error).last() {
        Some(cause) if is_no_tls(cause) => NO_TLS.to_owned(),
        Some(cause) if is_end_of_tls(cause) => ENDED_TLS.to_owned(),
        Some(cause) => with_advice(cause.to_string()),
        None => String::new(),
    }
}

/// What is said of who wants to see a certificate of ours.
pub const NO_CERTIFICATE: &str = "it wants a certificate of its client, which is not supported here";

/// Whether a text tells of who wants to see a certificate of ours.
pub fn tells_no_certificate(text: &str) -> bool {
    text.contains("CertificateRequired") || text.contains(NO_CERTIFICATE)
}

const UNKNOWN_AUTHORITY: &str = "its certificate is of no authority that this machine trusts: SSL_CERT_FILE may name a file with that of yours";

/// A cause with what to do about it, where that is a certificate that is refused, or a proxy that refuses.
fn with_advice(cause: String) -> String {
    let advice = if cause.contains("UnknownIssuer") {
        UNKNOWN_AUTHORITY
    } else if cause.contains("CaUsedAsEndEntity") {
        "its certificate says that it is an authority's (CA:TRUE), as `openssl req -x509` makes it where nothing is said: make \
         it with `-addext basicConstraints=critical,CA:FALSE`, or have an authority of yours sign another one"
    } else if tells_no_certificate(&cause) {
        NO_CERTIFICATE
    } else if cause == "tunnel error: proxy authorization required" {
        "the proxy wants a user and a password (407), or others than those that stand in its URL"
    } else if cause == "tunnel error: unsuccessful" {
        "the proxy answers, but does not connect to there: it may not or it cannot, which its own log tells"
    } else {
        return cause;
    };
    format!("{cause}; {advice}")
}

/// Whether a text says, in the words of [`innermost`], that TLS was not spoken.
pub fn tells_no_tls(text: &str) -> bool {
    text.contains(NO_TLS) || text.contains(ENDED_TLS)
}

/// Whether an error is that something else than TLS was answered to it.
pub fn is_no_tls(cause: &(dyn Error + 'static)) -> bool {
    let other = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
    unwrapped(cause).downcast_ref() == Some(&other)
}

/// Whether an error is that a certificate was refused.
pub fn is_distrust(error: &(dyn Error + 'static)) -> bool {
    let cause = causes(error).last().map(unwrapped);
    let cause = cause.and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// Whether an error is that the connection ended instead of an answer to TLS. Its text alone tells it from another end.
fn is_end_of_tls(cause: &(dyn Error + 'static)) -> bool {
    unwrapped(cause).to_string() == "tls handshake eof"
}

/// What errors of the system were made of, which do not call it their source.
fn unwrapped<'a>(mut cause: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(inner) = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        cause = inner;
    }
    cause
}

/// An error, its source, the source of that, and so on.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    #[test]
    fn an_entry_with_a_port_excepts_that_port_of_the_hosts_that_it_would_except_without() {
        for (list, url, expected) in [
            ("example.com:8080", "http://example.com:8080/hook", true),
            ("example.com:8080", "http://app.example.com:8080/", true),
            ("example.com:8080", "http://example.com/", false),
            ("example.com:8080", "http://example.org:8080/", false),
            ("other, Example.com:443 ,more", "https://example.com/", true),
            ("*:443", "https://example.com/", true),
            ("10.0.0.0/8:9000", "http://10.1.2.3:9000/", true),
            ("10.0.0.0/8:9000", "http://11.1.2.3:9000/", false),
            ("[2001:db8::1]:9000", "http://[2001:db8::1]:9000/", true),
            ("[2001:db8::1]:9000", "http://[2001:db8::1]:9001/", false),
            // Addresses, whose ends are no ports.
            ("2001:db8::443", "https://[2001:db8::]/", false),
            ("::443", "https://[::1]/", false),
            ("2001:db8::1:9000", "http://[2001:db8::1]:9000/", false),
            (":443", "https://example.com/", false),
            ("example.com:http", "http://example.com/", false),
            ("example.com:", "http://example.com/", false),
            ("", "http://example.com/", false),
        ] {
            assert_eq!(
                excepts_port(list, &url.parse().unwrap()),
                expected,
                "{list} {url}"
            );
        }
    }

    #[test]
    fn what_is_of_this_machine_is_told_by_its_name_or_address() {
        for (host, expected) in [
            ("localhost", true),
            ("app.localhost", true),
            ("127.8.9.10", true),
            ("[::1]", true),
            ("notlocalhost", false),
            ("localhost.example.com", false),
            ("10.0.0.1", false),
        ] {
            for scheme in ["http", "redis"] {
                let url = format!("{scheme}://{host}:1/").parse().unwrap();
                assert_eq!(is_loopback(&url), expected, "{url}");
            }
        }
    }

    #[tokio::test]
    async fn of_a_body_no_more_is_read_than_is_wanted_and_it_is_told_whether_that_is_all() {
        for (max_bytes, expected) in [(3, ("bod", false)), (4, ("body", true)), (5, ("body", true))] {
            let mut response = reqwest::Response::from(hyper::Response::new("body"));

            let (bytes, is_all) = read(&mut response, max_bytes).await.unwrap();

            assert_eq!((&*String::from_utf8(bytes).unwrap(), is_all), expected);
        }
    }

    #[tokio::test]
    async fn a_side_that_speaks_no_tls_is_told_so_whatever_it_answers() {
        for (answer, expected) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], NO_TLS),
            (b"", ENDED_TLS),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let serving = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut first = [0; 1];
                stream.read_exact(&mut first).await.unwrap();
                stream.write_all(answer).await.unwrap();
                stream.shutdown().await.unwrap();
                // All of it is read, so that the end is no reset.
                stream.read_to_end(&mut Vec::new()).await.unwrap();
            });
            let url: Url = format!("https://{address}").parse().unwrap();

            let error = to(&url).build().unwrap().get(url).send().await.unwrap_err();

            assert_eq!(innermost(&error), expected);
            assert!(tells_no_tls(&innermost(&error)));
            drop(error);
            serving.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_proxy_that_answers_but_does_not_connect_is_told_from_one_that_is_not_there() {
        for (status, expected) in [
            ("407 Proxy Authentication Required", "a user and a password (407)"),
            ("403 Forbidden", "does not connect to there"),
            ("502 Bad Gateway", "does not connect to there"),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let proxy = format!("http://{}", listener.local_addr().unwrap());
            let serving = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
            let client = named()
                .proxy(reqwest::Proxy::all(proxy).unwrap())
                .build()
                .unwrap();

            let error = client.get("https://app.test").send().await.unwrap_err();

            let said = innermost(&error);
            assert!(said.contains(expected), "{said}");
            serving.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_certificate_that_says_it_is_an_authority_s_is_refused_with_how_to_make_another() {
        let mut parameters = CertificateParams::new(["app.test".to_owned()]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().der().clone();
        let builder = ServerConfig::builder_with_provider(provider());
        let server = builder.with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let server = server
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let builder = ClientConfig::builder_with_provider(provider());
        let client = builder.with_safe_default_protocol_versions().unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(TlsAcceptor::from(Arc::new(server)).accept(theirs));

        let name = "app.test".try_into().unwrap();
        let refused = TlsConnector::from(Arc::new(client)).connect(name, ours).await;

        let said = innermost(&refused.unwrap_err());
        assert!(
            said.contains("CaUsedAsEndEntity") && said.contains("CA:FALSE"),
            "{said}"
        );
    }

    #[tokio::test]
    async fn an_address_that_says_nothing_hides_no_other_and_is_told_if_there_is_none() {
        let (silent, _socket, _filling) = testing::silent().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let limit = Duration::from_secs(4);

        let begun = Instant::now();
        let found = connect_to(&[silent, there], Instant::now() + limit).await;
        let taken = begun.elapsed();
        let none = connect_to(&[silent], Instant::now() + limit / 8).await;

        assert_eq!(found.unwrap().peer_addr().unwrap(), there);
        assert!((limit / 2..limit * 3 / 4).contains(&taken), "{taken:?}");
        assert_eq!(none.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
