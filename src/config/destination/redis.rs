//! One that is a stream of Redis.

use url::Url;

use super::{Member, login, server};
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
    let url = reader.required_explained(&member.key("url"), url);
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

/// A redis or rediss URL of a host, a port and the number of a database. The error is what to give instead.
fn url(text: &str) -> Result<Url, String> {
    let several = "give one server: the master, or a name that leads to it";
    let url = server(text, ["redis", "rediss"], several)?;
    match redis::database(&url) {
        Ok(_) => Ok(url),
        Err(_) => Err(
            "behind host and port stands nothing, or / and the number of a database; the stream is in `stream`"
                .to_owned(),
        ),
    }
}
