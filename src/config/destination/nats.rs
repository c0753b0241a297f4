//! One that is a subject of NATS JetStream.

use url::Url;

use super::{Member, login, plain};
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
    let key = member.key("url");
    if !reader.is_there(&key) {
        reader.refuse(&key, "");
    }
    let url = reader.explained(&key, url);
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

/// A nats or tls URL of nothing but a host and a port. The error is what to give where there are several.
fn url(text: &str) -> Result<Url, String> {
    let several = || match text.contains(',') {
        true => "give one server, or a name that leads to several: they are tried through".to_owned(),
        false => String::new(),
    };
    one(text).ok_or_else(several)
}

fn one(text: &str) -> Option<Url> {
    let is_host = |url: &Url| matches!(url.path(), "" | "/") && url.query().is_none();
    plain(text).filter(|url| matches!(url.scheme(), "nats" | "tls") && is_host(url))
}
