//! One that is a subject of NATS JetStream.

use url::Url;

use super::{Member, login, server};
use crate::config::reader::Reader;
use crate::config::sources::Sources;
use crate::delivery::{Kind, nats};
use crate::outgoing;

pub const KEYS: &[&str] = &[
    "url",
    "user",
    "password",
    "password_file",
    "subject",
    "secrets",
    "secrets_file",
];

pub fn read(reader: &mut Reader, member: Member, sources: &Sources) -> Option<Kind> {
    let url = reader.required_explained(&member.key("url"), url);
    let login = login::read(reader, member, sources);
    // A server may ask for TLS by itself, and whoever is on the way may have it not ask.
    if url
        .as_ref()
        .is_some_and(|url| url.scheme() == "nats" && !outgoing::is_loopback(url))
    {
        login::warn_of_open_way(reader, member, &login, "take tls:// in `url`");
    }
    let subject = reader.required(&member.key("subject"), nats::pattern);
    Some(Kind::Nats(nats::Settings {
        url: url?,
        login,
        subject: subject?,
    }))
}

/// A nats or tls URL of nothing but a host and a port. The error is what to give instead.
fn url(text: &str) -> Result<Url, String> {
    let several = "give one server, or a name that leads to several: they are tried through";
    let url = server(text, ["nats", "tls"], several)?;
    match url.path() {
        "" | "/" => Ok(url),
        _ => Err("leave out what is behind host and port: the subject is in `subject`".to_owned()),
    }
}
