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
    let url = reader.required_explained(&member.key("url"), url);
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
        let text = value.as_str().ok_or("its text, in quotes");
        match text.and_then(|text| http::header(&name, text)) {
            Ok((name, value)) => {
                if headers.insert(&name, value).is_some() {
                    reader.note(&key, "this header is given twice");
                }
            }
            Err(allowed) => reader.note(&key, &format!("expected {allowed}, found another (hidden)")),
        }
    }
    headers
}

/// An absolute http or https URL without user and fragment. The error is what is wrong with it, where that does not show.
pub fn url(text: &str) -> Result<Url, String> {
    let url = plain(text)?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(String::new()),
    }
}
