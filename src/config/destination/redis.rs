//! One that is a stream of Redis.

use url::Url;

use super::{Member, login, plain};
use crate::config::reader::Reader;
use crate::config::sources::Sources;
use crate::delivery::pattern::Pattern;
use crate::delivery::{Kind, redis};
use crate::outgoing;

pub const KEYS: &[&str] = &[
    "url",
    "user",
    "password",
    "password_file",
    "stream",
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
    if url
        .as_ref()
        .is_some_and(|url| url.scheme() == "redis" && !outgoing::is_loopback(url))
    {
        login::warn_of_open_way(reader, member, &login, "take rediss:// in `url`");
    }
    let stream = reader.required(&member.key("stream"), Pattern::new);
    if login.user.is_some() && login.password.get().is_none() {
        reader.note(&member.key("user"), "there is no password beside it");
    }
    Some(Kind::Redis(redis::Settings {
        url: url?,
        login,
        stream: stream?,
    }))
}

/// A redis or rediss URL of a host, a port and the number of a database. The error is what to give where there are several.
fn url(text: &str) -> Result<Url, String> {
    let several = || match text.contains(',') {
        true => "give one server: the master, or a name that leads to it".to_owned(),
        false => String::new(),
    };
    one(text).ok_or_else(several)
}

fn one(text: &str) -> Option<Url> {
    let is_host = |url: &Url| redis::database(url).is_ok() && url.query().is_none();
    plain(text).filter(|url| matches!(url.scheme(), "redis" | "rediss") && is_host(url))
}
