//! One that is a URL.

use reqwest::header::HeaderMap;
use toml::Value;
use url::Url;

use super::{Member, plain};
use crate::config::reader::Reader;
use crate::config::sources::Sources;
use crate::delivery::{Kind, http};

pub const KEYS: &[&str] = &["url", "secrets", "secrets_file", "headers", "proxy"];

pub fn read(reader: &mut Reader, member: Member, _: &Sources) -> Option<Kind> {
    let url = reader.required(&member.key("url"), url);
    let headers = headers(reader, &member.key("headers"));
    let proxy = reader.optional(&member.key("proxy"), |text| text.parse().ok());
    Some(Kind::Http(http::Settings {
        url: url?,
        headers,
        proxy: proxy.unwrap_or(true),
    }))
}

/// Headers as they are, blanks and quotes included.
fn headers(reader: &mut Reader, key: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let table = match reader.sourced(key).map(|sourced| sourced.value) {
        Some(Value::Table(table)) => table,
        Some(_) => {
            reader.refuse(key, "");
            return headers;
        }
        None => return headers,
    };
    for (name, value) in table {
        let key = format!("{key}.{name}");
        let header = value.as_str().and_then(|value| http::header(&name, value));
        let Some((name, value)) = header else {
            reader.note(
                &key,
                "expected the text of a header that is neither of the connection nor set by this program, found \
                 another (hidden)",
            );
            continue;
        };
        if headers.insert(&name, value).is_some() {
            reader.note(&key, "this header is given twice");
        }
    }
    headers
}

/// An absolute http or https URL without user and fragment.
pub fn url(text: &str) -> Option<Url> {
    plain(text).filter(|url| matches!(url.scheme(), "http" | "https"))
}
