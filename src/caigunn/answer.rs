//! Sorts answers by what to do about them, and quotes CaiGunn's words without our secrets.

use std::cmp::Reverse;

use reqwest::header::CONTENT_ENCODING;
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::body::{self, Mistake};
use super::spelling::{redirect, with_urls_shown};
use super::{Credential, Error};
use crate::http_time::retry_after;
use crate::outgoing;

/// How much of a short answer is read, in bytes, and of one that is an error. The ones known have some hundred.
pub const MAX_SHORT_BYTES: usize = 64 << 10;

/// The most of an answer's `detail` that is quoted, in characters.
pub const MAX_DETAIL_CHARS: usize = 300;

/// Before a text in UTF-8, which some servers write it into; JSON has none (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The most of a header's value that is quoted, in characters.
const MAX_ENCODING_CHARS: usize = 40;

/// What we told CaiGunn in a call and must not tell anybody else, should CaiGunn tell it back.
#[derive(Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    pub fn add(&mut self, secret: &SecretString) {
        self.0.push(secret.expose_secret().to_owned());
    }

    /// Adds the token in a webhook URL; the URL itself is hidden as every one is.
    pub fn add_webhook_url(&mut self, url: &SecretString) {
        if let Some((_, token)) = url.expose_secret().rsplit_once("/webhook/") {
            self.0.push(token.to_owned());
        }
    }

    /// The text without them, and of each URL in it only where it points to: it may be somebody else's. Of a text that was cut, its end may be the start of one: that goes too.
    fn hide(&self, mut text: String, is_whole: bool) -> String {
        let mut secrets: Vec<_> = self.0.iter().filter(|secret| !secret.is_empty()).collect();
        text = with_urls_shown(&text);
        // The longest first: one may be a part of another, and would leave the rest of it.
        secrets.sort_unstable_by_key(|secret| Reverse(secret.len()));
        for secret in secrets {
            text = text.replace(&**secret, "[hidden]");
            if !is_whole {
                let mut starts = secret.char_indices().rev().map(|(end, _)| &secret[..end]);
                let cut = starts.find(|start| text.ends_with(start));
                text.truncate(text.len() - cut.map_or(0, str::len));
            }
        }
        text
    }
}

/// A call, as far as its answer is concerned.
pub struct Asked {
    pub secrets: Secrets,
    /// What a refusal refuses.
    pub whose: Credential,
}

/// The `detail` of a good answer, or whatever it says instead. It must be JSON, or nothing: a web page is no word of the
/// API's.
pub fn words(text: &str, asked: &Asked) -> Result<String, Mistake> {
    let text = text.trim_ascii();
    if !text.is_empty() {
        body::check(text)?;
    }
    let body = Body {
        bytes: text.into(),
        is_whole: true,
        encoding: None,
    };
    Ok(detail(&body, &asked.secrets))
}

/// From this size on, reading an answer could keep a thread that serves requests busy for milliseconds, in bytes.
const LARGE_BYTES: usize = 1 << 20;

/// The result of `work` on so many bytes; on a thread for blocking work where that may take long.
pub async fn aside<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes < LARGE_BYTES {
        return work();
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("reading returns whatever the bytes")
}

/// What `parse` makes of a good answer.
pub async fn parsed<T: Send + 'static>(
    response: Response,
    asked: Asked,
    max_bytes: usize,
    parse: impl FnOnce(&str, &Asked) -> Result<T, Mistake> + Send + 'static,
) -> Result<T, Error> {
    let (status, body) = good(response, &asked, max_bytes).await?;
    if !body.is_whole {
        let status = status.as_u16();
        let detail = format!("the body has more than {max_bytes} bytes");
        return Err(Error::Unexpected { status, detail });
    }
    aside(body.bytes.len(), move || read_as(status, &body, &asked, parse)).await
}

fn read_as<T>(
    status: StatusCode,
    body: &Body,
    asked: &Asked,
    parse: impl FnOnce(&str, &Asked) -> Result<T, Mistake>,
) -> Result<T, Error> {
    let is_nothing = status == StatusCode::NO_CONTENT && body.bytes.is_empty();
    let status = status.as_u16();
    let bytes = if is_nothing { b"null" } else { &*body.bytes };
    let text = std::str::from_utf8(bytes).map_err(|error| Error::NoApi {
        status,
        detail: body.encoded().unwrap_or_else(|| {
            let from = error.valid_up_to();
            format!("the body is not UTF-8 from byte {from} on")
        }),
    })?;
    parse(text, asked).map_err(|mistake| match mistake {
        Mistake::Json(detail) => Error::NoApi { status, detail },
        Mistake::Shape(detail) => Error::Unexpected { status, detail },
    })
}

/// A body without a byte order mark, or the start of one that is too long.
struct Body {
    bytes: Vec<u8>,
    is_whole: bool,
    /// What it is said to be encoded in, as where it was compressed although nobody asked for that.
    encoding: Option<String>,
}

impl Body {
    /// Why it cannot be read, if that is it.
    fn encoded(&self) -> Option<String> {
        let encoding = self.encoding.as_ref()?;
        Some(format!(
            "the body is encoded (content-encoding: {encoding}), which was not asked for"
        ))
    }
}

/// Sorts an answer by its status; gives that and the body of a 2xx.
async fn good(mut response: Response, asked: &Asked, max_bytes: usize) -> Result<(StatusCode, Body), Error> {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    if status.is_success() {
        return Ok((status, read(&mut response, max_bytes).await?));
    }
    if status.is_redirection()
        && let Some(place) = redirect(&response)
    {
        return Err(Error::NoApi {
            status: status.as_u16(),
            detail: format!("it redirects to {place}, which is not followed"),
        });
    }
    let body = read(&mut response, MAX_SHORT_BYTES).await?;
    let is_json = match body.is_whole {
        true => serde_json::from_slice::<IgnoredAny>(&body.bytes).is_ok(),
        false => body.bytes.trim_ascii_start().starts_with(b"{"),
    };
    let detail = detail(&body, &asked.secrets);
    let code = status.as_u16();
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS => Error::TooManyRequests { retry_after, detail },
        _ if status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY) =>
        {
            Error::Unavailable {
                retry_after,
                detail: format!("{code}: {detail}"),
            }
        }
        // Whoever says when to come back refuses nothing for good, but what is wrong whenever it comes.
        _ if retry_after.is_some() && status.is_client_error() && !matches!(code, 400 | 401 | 422) => {
            Error::TooManyRequests {
                retry_after,
                detail: format!("{code}: {detail}"),
            }
        }
        // What stands before an API, such as a guard against robots or a balancer, may say anything; the API says JSON.
        _ if !is_json || !status.is_client_error() => Error::NoApi { status: code, detail },
        // The paths of calls for the user are fixed: a server whose routes are not all there yet answers so.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED if asked.whose == Credential::AccessToken => {
            Error::Unexpected { status: code, detail }
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Refused {
            whose: asked.whose.clone(),
            status: code,
            detail,
        },
        _ => Error::Invalid {
            whose: asked.whose.clone(),
            status: code,
            detail,
        },
    })
}

async fn read(response: &mut Response, max_bytes: usize) -> Result<Body, Error> {
    let encoding = response.headers().get(CONTENT_ENCODING);
    let encoding = encoding.map(|encoding| String::from_utf8_lossy(encoding.as_bytes()));
    let encoding = encoding
        .filter(|encoding| !encoding.eq_ignore_ascii_case("identity"))
        .map(|encoding| encoding.chars().take(MAX_ENCODING_CHARS).collect());
    let read = outgoing::read(response, max_bytes).await;
    let (mut bytes, is_whole) = read.map_err(|error| unreachable_error(&error))?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(Body {
        bytes,
        is_whole,
        encoding,
    })
}

/// CaiGunn's words in an answer: `detail` as text or as a list of faults, else the start of whatever it is. The
/// secrets are hidden before it is cut, which could leave a part of one.
fn detail(body: &Body, secrets: &Secrets) -> String {
    let text = match serde_json::from_slice::<Value>(&body.bytes) {
        Ok(mut value) => match value.get_mut("detail").map(Value::take) {
            Some(Value::String(detail)) => detail,
            Some(Value::Array(faults)) => faults.iter().map(fault).collect::<Vec<_>>().join("; "),
            Some(other) => other.to_string(),
            None if value.is_null() => "(no body)".to_owned(),
            // Written anew, so that no escape in it disguises a secret.
            None => value.to_string(),
        },
        Err(_) if body.bytes.is_empty() => "(no body)".to_owned(),
        Err(_) if body.encoding.is_some() => body.encoded().unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(&body.bytes).into_owned(),
    };
    let text = secrets.hide(text, body.is_whole);
    text.chars().take(MAX_DETAIL_CHARS).collect()
}

/// One fault of a 422: `{"loc": [...], "msg": "...", "type": "..."}`. Its `input`, if any, is not quoted: it may be
/// our URL with its token.
fn fault(fault: &Value) -> String {
    let place = fault["loc"].as_array().map(|path| {
        path.iter()
            .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(".")
    });
    let message = fault["msg"].as_str().unwrap_or("no message");
    place.map_or_else(|| message.to_owned(), |place| format!("{place}: {message}"))
}

/// Why no answer came.
pub fn unreachable_error(error: &reqwest::Error) -> Error {
    let why = || match error.url() {
        Some(url) => outgoing::why(error, url),
        None => outgoing::innermost(error),
    };
    let detail = if error.is_timeout() && error.is_connect() {
        let proxy = error.url().map_or_else(String::new, outgoing::through);
        format!("cannot connect: no connection in time{proxy}")
    } else if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        format!("cannot connect: {}", why())
    } else {
        format!("the call broke off: {}", why())
    };
    Error::Unavailable {
        retry_after: None,
        detail,
    }
}
