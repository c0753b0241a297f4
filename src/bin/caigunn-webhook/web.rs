//! URLs on the command line, and what asks them.

use std::time::Duration;

use anyhow::Context;
use caigunn_webhook::outgoing;
use reqwest::Client;
use reqwest::redirect::Policy;
use url::Url;

/// A client for a URL, which may be known to be one of this machine: the way there is not through a proxy. What is not
/// encrypted needs no certificates.
pub fn client(url: &Url, is_here: bool, timeout: Duration) -> anyhow::Result<Client> {
    let mut client = if is_here {
        outgoing::directly()
    } else {
        outgoing::to(url)
    };
    if url.scheme() == "http" {
        client = client.tls_certs_only([]);
    }
    let client = client.timeout(timeout).redirect(Policy::none());
    client.build().context("preparing calls over the network")
}

/// Takes an http or https URL. Without a scheme it is http, and without a host this machine's: `localhost:3000/hook`,
/// `:3000/hook` and `3000` are understood.
pub fn url(text: &str) -> Result<Url, String> {
    let (place, _) = text.split_once('/').unwrap_or((text, ""));
    let is_port = |place: &str| !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit());
    let left_out = match place.strip_prefix(':') {
        _ if has_scheme(text) => "",
        Some(port) if is_port(port) => "http://localhost",
        None if is_port(place) => "http://localhost:",
        _ => "http://",
    };
    let url = format!("{left_out}{text}").parse::<Url>().ok();
    url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        .ok_or_else(|| "expected a URL such as http://localhost:3000/hooks".to_owned())
}

/// Whether a URL says how it is asked for.
pub fn has_scheme(text: &str) -> bool {
    let scheme = text.split_once("://");
    scheme.is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
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
            ("localhost:3000/?y=http://z", "http://localhost:3000/?y=http://z"),
            (
                "https://app.example.com/x?y=http://z",
                "https://app.example.com/x?y=http://z",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "ftp://x", "http://", "a b", "localhost:port", ":"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
