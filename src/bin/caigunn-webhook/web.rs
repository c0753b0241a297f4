//! URLs on the command line, and what asks them.

use std::net::Ipv6Addr;
use std::time::Duration;

use anyhow::Context;
use caigunn_webhook::config::control_character;
use caigunn_webhook::outgoing;
use reqwest::Client;
use reqwest::redirect::Policy;
use url::Url;

/// What is said of a text that is no URL.
pub const EXPECTED: &str = "expected a URL such as localhost:3000/hook or http://localhost:3000/hook";

/// A client for a URL, which may be known to be an http one of this machine: the way there is not through a proxy.
pub fn client(url: &Url, is_here: bool, timeout: Duration) -> anyhow::Result<Client> {
    let client = match is_here {
        true => outgoing::unencrypted(),
        false => outgoing::to(url),
    };
    let client = client.timeout(timeout).redirect(Policy::none());
    client.build().context("preparing calls over the network")
}

/// Takes an http or https URL. Without a scheme it is http, and without a host this machine's: `localhost:3000/hook`,
/// `:3000/hook`, `3000` and `::1` are understood.
pub fn url(text: &str) -> Result<Url, String> {
    if let Some(control) = control_character(text) {
        return Err(control);
    }
    let (scheme, rest) = with_scheme(text).unwrap_or(("http", text));
    let (place, path) = rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len()));
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((address, end)) = place.rsplit_once(':')
        && is_port(end)
        && let Ok(address) = address.parse::<Ipv6Addr>()
    {
        return Err(format!(
            "{place} may be an address, or one with a port: put the address in brackets, as in [{address}]:{end} or [{place}]"
        ));
    }
    let place = match place.strip_prefix(':').unwrap_or(place) {
        port if is_port(port) => format!("localhost:{port}"),
        _ if place.parse::<Ipv6Addr>().is_ok() => format!("[{place}]"),
        _ => place.to_owned(),
    };
    let url = format!("{scheme}://{place}{path}").parse::<Url>().ok();
    // Without a place the parser would take the path for one, and a scheme with fewer slashes for a host.
    let host = place.trim_end_matches(':').to_ascii_lowercase();
    let is_place = !["", "http", "https"].contains(&&*host);
    url.filter(|url| ["http", "https"].contains(&url.scheme()) && is_place)
        .ok_or_else(|| EXPECTED.to_owned())
}

/// The scheme of a URL and what is behind it, if it has one.
pub fn with_scheme(text: &str) -> Option<(&str, &str)> {
    let parts = text.split_once("://");
    parts.filter(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_left_out_of_a_url_is_this_machine_and_http() {
        let read = |text: &str| super::url(text).map(String::from).ok();

        for (text, expected) in [
            ("localhost:3000/hook", "http://localhost:3000/hook"),
            (":3000/hook", "http://localhost:3000/hook"),
            ("3000", "http://localhost:3000/"),
            ("app.example.com", "http://app.example.com/"),
            ("[::1]:3000", "http://[::1]:3000/"),
            ("::1", "http://[::1]/"),
            ("http://http:3000", "http://http:3000/"),
            ("fd00::7/hook", "http://[fd00::7]/hook"),
            ("localhost:3000/?y=http://z", "http://localhost:3000/?y=http://z"),
            (
                "https://app.example.com/x?y=http://z",
                "https://app.example.com/x?y=http://z",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "ftp://x",
            "http://",
            "a b",
            "localhost:port",
            ":",
            "/hook",
            "http:///hook",
            "http:/localhost:3000",
            "https:/localhost:3000",
            "https//localhost:3000",
            "http:\\\\localhost:3000",
            "http://https://localhost:3000",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        // The parser would make one URL of two lines.
        for text in ["http://a\nhttp://b", "localhost:30\t00", "http://a/\u{1}"] {
            let mistake = super::url(text).expect_err(text);
            assert!(mistake.contains("control character"), "{text}: {mistake}");
        }
        // Each could be an address, or an address with a port.
        for text in ["::1:7190", "fe80::1:2/hook", "http://::1:80"] {
            let mistake = super::url(text).expect_err(text);
            assert!(mistake.contains("brackets"), "{text}: {mistake}");
        }
    }
}
