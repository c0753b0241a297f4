//! CaiGunn's REST API: one typed method a call.
//!
//! Errors are sorted by what a caller would do about them. No secret is in any of them: the URL of a call holds
//! none, and bodies are quoted only in part and only of answers.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

/// The header that names one chatbot.
const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// The header that carries the user's token.
const ACCESS_TOKEN: HeaderName = HeaderName::from_static("caigunn-access-token");

/// How much of an answer is read, in bytes. The ones known have some hundred.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// How much of an answer's `detail` is quoted, in characters.
const MAX_DETAIL_CHARS: usize = 300;

/// What the client must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// CaiGunn's base URL.
    pub url: Url,
    /// The user's access token.
    pub access_token: SecretString,
    /// How long one call may take, from connecting to the end of the answer.
    pub timeout: Duration,
}

/// Why a call failed, by what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The credentials are wrong or have expired (401, 403): a person must mend them.
    #[error("CaiGunn refused the credentials with {status}: {detail}")]
    Refused {
        /// The status.
        status: u16,
        /// CaiGunn's words.
        detail: String,
    },
    /// CaiGunn does not accept what was sent (other 4xx): a person must look.
    #[error("CaiGunn did not accept the request, with {status}: {detail}")]
    Invalid {
        /// The status.
        status: u16,
        /// CaiGunn's words.
        detail: String,
    },
    /// CaiGunn asks for patience (429): try again, not before `retry_after`.
    #[error("CaiGunn asks for fewer requests: {detail}")]
    TooManyRequests {
        /// What `Retry-After` says, if it gives seconds.
        retry_after: Option<Duration>,
        /// CaiGunn's words.
        detail: String,
    },
    /// CaiGunn could not be reached, was too slow, or failed (5xx): try again.
    #[error("CaiGunn is unavailable: {detail}")]
    Unavailable {
        /// What `Retry-After` says, if it gives seconds.
        retry_after: Option<Duration>,
        /// What happened.
        detail: String,
    },
    /// CaiGunn answered something that this program does not know (a redirect, say): the provider has changed.
    #[error("CaiGunn answered unexpectedly with {status}: {detail}")]
    Unexpected {
        /// The status.
        status: u16,
        /// CaiGunn's words.
        detail: String,
    },
}

/// A client of CaiGunn's API, for one user.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    settings: Settings,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(settings.timeout)
            // A redirect could carry the credentials elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("caigunn-webhook/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, settings })
    }

    /// Makes `webhook_url` the one that the chatbot of `api_key` posts to; returns CaiGunn's word on it.
    ///
    /// # Errors
    /// See [`Error`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves open whether the URL was set; setting it again is safe.
    pub async fn put_webhook(
        &self,
        api_key: &SecretString,
        webhook_url: &SecretString,
    ) -> Result<String, Error> {
        let mut url = self.settings.url.clone();
        url.path_segments_mut()
            .expect("the configuration takes http and https URLs only, which have a path")
            .pop_if_empty()
            .extend(["api", "external", "chatbot", "webhook"]);
        let body = json!({ "webhook_url": webhook_url.expose_secret() });
        let request = self
            .http
            .put(url)
            .header(API_KEY, secret_header(api_key)?)
            .header(ACCESS_TOKEN, secret_header(&self.settings.access_token)?)
            .json(&body);
        let response = request.send().await.map_err(|error| unreachable_error(&error))?;
        let webhook_url = webhook_url.expose_secret();
        let token = webhook_url
            .rsplit_once("/webhook/")
            .map_or("", |(_, token)| token);
        let access_token = self.settings.access_token.expose_secret();
        answer(
            response,
            &[webhook_url, token, access_token, api_key.expose_secret()],
        )
        .await
    }
}

/// A header that is never printed.
fn secret_header(secret: &SecretString) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(|_| Error::Invalid {
        status: 0,
        detail: "not sent: a credential has characters that no header may have".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Sorts an answer; of a good one, its `detail`. CaiGunn may tell us what we told it: no secret is quoted.
async fn answer(mut response: Response, secrets: &[&str]) -> Result<String, Error> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| unreachable_error(&error))?
    {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            body.truncate(MAX_ANSWER_BYTES);
            break;
        }
    }
    let detail = detail(&body, secrets);
    let code = status.as_u16();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Error::Refused { status: code, detail }),
        StatusCode::TOO_MANY_REQUESTS => Err(Error::TooManyRequests { retry_after, detail }),
        StatusCode::REQUEST_TIMEOUT => Err(Error::Unavailable {
            retry_after,
            detail: format!("408: {detail}"),
        }),
        _ if status.is_success() => Ok(detail),
        _ if status.is_client_error() => Err(Error::Invalid { status: code, detail }),
        _ if status.is_server_error() => Err(Error::Unavailable {
            retry_after,
            detail: format!("{code}: {detail}"),
        }),
        _ => Err(Error::Unexpected { status: code, detail }),
    }
}

/// CaiGunn's words in an answer: `detail` as text or as a list of faults, else the start of whatever it is. The
/// secrets are hidden before it is cut, which could leave a part of one.
fn detail(body: &[u8], secrets: &[&str]) -> String {
    let mut text = match serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|mut value| Some(value.get_mut("detail")?.take()))
    {
        Some(Value::String(detail)) => detail,
        Some(Value::Array(faults)) => faults.iter().map(fault).collect::<Vec<_>>().join("; "),
        Some(other) => other.to_string(),
        None if body.is_empty() => "(no body)".to_owned(),
        None => String::from_utf8_lossy(body).into_owned(),
    };
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[hidden]");
    }
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

/// Why no answer came, with the chain of causes, which holds addresses but no secrets.
fn unreachable_error(error: &reqwest::Error) -> Error {
    let mut detail = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        error.to_string()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    Error::Unavailable {
        retry_after: None,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_is_quoted_in_both_its_shapes() {
        let list = br#"{"detail":[{"loc":["body","webhook_url"],"msg":"field required","type":"missing","input":"SECRET"}]}"#;

        assert_eq!(detail(br#"{"detail":"Invalid api key"}"#, &[]), "Invalid api key");
        assert_eq!(detail(list, &[]), "body.webhook_url: field required");
        assert_eq!(detail(b"<html>", &[]), "<html>");
        assert_eq!(detail(b"", &[]), "(no body)");
    }

    #[test]
    fn a_secret_that_would_be_cut_is_hidden_all_the_same() {
        let body = format!("{}SECRET", "x".repeat(MAX_DETAIL_CHARS - 3));

        let quoted = detail(body.as_bytes(), &["", "SECRET"]);

        assert_eq!(quoted, format!("{}[hi", "x".repeat(MAX_DETAIL_CHARS - 3)));
    }

    #[test]
    fn a_detail_of_another_shape_is_quoted_and_a_long_one_cut() {
        let long = json!({ "detail": "\u{e9}".repeat(MAX_DETAIL_CHARS + 1) }).to_string();

        assert_eq!(detail(br#"{"detail":null}"#, &[]), "null");
        assert_eq!(
            detail(br#"{"detail":[{"loc":["body",0]},7]}"#, &[]),
            "body.0: no message; no message"
        );
        assert_eq!(detail(br#"{"error":"x"}"#, &[]), r#"{"error":"x"}"#);
        assert_eq!(detail(b"\xff", &[]), "\u{fffd}");
        assert_eq!(detail(long.as_bytes(), &[]), "\u{e9}".repeat(300));
    }

    #[tokio::test]
    async fn an_answer_is_sorted_by_what_to_do_about_it() {
        let no = || "no".to_owned();
        let retry_after = Some(Duration::from_secs(7));
        let unavailable = |detail: &str| Error::Unavailable {
            retry_after,
            detail: detail.to_owned(),
        };
        let cases = [
            (200, Ok(no())),
            (204, Ok(no())),
            (
                301,
                Err(Error::Unexpected {
                    status: 301,
                    detail: no(),
                }),
            ),
            (
                400,
                Err(Error::Invalid {
                    status: 400,
                    detail: no(),
                }),
            ),
            (
                401,
                Err(Error::Refused {
                    status: 401,
                    detail: no(),
                }),
            ),
            (
                403,
                Err(Error::Refused {
                    status: 403,
                    detail: no(),
                }),
            ),
            (
                404,
                Err(Error::Invalid {
                    status: 404,
                    detail: no(),
                }),
            ),
            (408, Err(unavailable("408: no"))),
            (
                422,
                Err(Error::Invalid {
                    status: 422,
                    detail: no(),
                }),
            ),
            (
                429,
                Err(Error::TooManyRequests {
                    retry_after,
                    detail: no(),
                }),
            ),
            (500, Err(unavailable("500: no"))),
            (503, Err(unavailable("503: no"))),
        ];
        for (status, expected) in cases {
            let response = axum::http::Response::builder()
                .status(status)
                .header("retry-after", "7")
                .body(r#"{"detail":"no"}"#);

            assert_eq!(
                answer(Response::from(response.unwrap()), &[]).await,
                expected,
                "{status}"
            );
        }
    }

    #[tokio::test]
    async fn a_retry_after_that_is_a_date_counts_as_none() {
        let response = axum::http::Response::builder()
            .status(429)
            .header("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")
            .body(r#"{"detail":"no"}"#);

        let error = answer(Response::from(response.unwrap()), &[]).await.unwrap_err();

        assert_eq!(
            error,
            Error::TooManyRequests {
                retry_after: None,
                detail: "no".to_owned()
            }
        );
    }

    #[test]
    fn a_credential_that_no_header_may_hold_is_not_sent_and_not_named() {
        let error = secret_header(&"hunter2\r\napi-key: x".into()).unwrap_err();

        assert!(!error.to_string().contains("hunter2"));
        assert!(secret_header(&"hunter2".into()).unwrap().is_sensitive());
    }
}
