//! Every failure as a status and a problem document (RFC 9457). The only module that chooses status codes.
//!
//! Whose fault it is decides: a request that can never succeed gets a 4xx, a store that cannot take it now a 503
//! with `Retry-After`. The document is written by [`Problem::write`] once the request's id is known; until then
//! the problem travels in the response's extensions, where the log finds it too.

mod acceptance;
mod causes;
mod fixed;
mod kind;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::Level;

use super::text_of;
use crate::event::Fault;
use crate::inbox::{self, RequestId};
pub use causes::is_too_long;
pub use kind::Kind;

/// That a response says already what the problem is, in a form of its own. Put into the response's extensions.
#[derive(Clone, Copy)]
pub struct Written;

/// Why a request was not served.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    /// The faults of a body, in an answer with 422.
    faults: Vec<Fault>,
    /// What went wrong inside, for the log.
    cause: Option<Arc<inbox::Error>>,
}

impl Problem {
    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            faults: Vec::new(),
            cause: None,
        }
    }

    /// 400: RFC 9112 forbids it; the connection is closed.
    pub fn malformed(detail: &str) -> Self {
        Self::new(Kind::MalformedRequest, detail)
    }

    /// 400: the query of an admin request.
    pub fn invalid_query(detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidQuery, detail)
    }

    /// 400: the query of an admin request has other names than are taken, or one twice.
    pub fn unread_query(error: &QueryRejection) -> Self {
        Self::invalid_query(causes::of_query(&error.body_text()))
    }

    /// 400: the body of an admin request.
    pub fn not_json(reason: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotJson, format!("the body is not JSON: {reason}"))
    }

    /// 422: the body of an admin request.
    pub fn invalid_replay(detail: String, faults: Vec<Fault>) -> Self {
        Self {
            faults,
            ..Self::new(Kind::InvalidReplay, detail)
        }
    }

    /// 403 on the admin side: without a token nobody can tell who is behind a proxy on this machine.
    pub fn proxied(header: &str) -> Self {
        let detail = format!(
            "no admin token is configured, so the admin side serves no request that came through a proxy, as its header \
             {header} says; set CAIGUNN_ADMIN_TOKEN"
        );
        Self::new(Kind::Forbidden, detail)
    }

    /// 429 on the page.
    pub fn too_many_tries(wait: Duration) -> Self {
        let detail = format!(
            "too many tokens were wrong; the next one is looked at in {} s",
            wait.as_secs() + 1
        );
        Self::new(Kind::TooManyTries, detail)
    }

    /// 409: the receiver that leads was told, and says why it cannot.
    pub fn instruction_failed(reason: String) -> Self {
        Self::new(Kind::InstructionFailed, reason)
    }

    /// 409: another receiver can do it.
    pub fn not_leader(detail: String) -> Self {
        Self::new(Kind::NotLeader, detail)
    }

    /// 502: CaiGunn was asked.
    pub fn caigunn_failed(detail: String) -> Self {
        Self::new(Kind::CaiGunnFailed, detail)
    }

    /// 404 for an id.
    pub fn nothing_named(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what} {id}"))
    }

    /// 408.
    pub fn body_timeout(allowed: Duration) -> Self {
        let detail = format!("the body did not arrive within {} s", allowed.as_secs_f64());
        Self::new(Kind::BodyTimeout, detail)
    }

    /// 413 of a notification, of which it may be known how large it is.
    pub fn notification_too_large(bytes: Option<usize>, limit_bytes: usize) -> Self {
        let found = bytes.map_or("more bytes".to_owned(), |bytes| format!("{bytes} bytes, more"));
        let detail = format!("the body has {found} than server.body_limit_bytes ({limit_bytes})");
        Self::new(Kind::BodyTooLarge, detail)
    }

    /// 413 of what a person asked for.
    pub fn body_too_large(limit_bytes: usize) -> Self {
        Self::new(
            Kind::BodyTooLarge,
            format!("a body may have {limit_bytes} bytes at most"),
        )
    }

    /// 413 or 400: why a body that may have so many bytes was not read to its end.
    pub fn unread_body(error: &axum::Error, limit_bytes: usize) -> Self {
        match causes::is_too_long(error) {
            true => Self::body_too_large(limit_bytes),
            false => Self::broken_body(),
        }
    }

    /// 415 for the type.
    pub fn wrong_content_type(found: Option<&str>) -> Self {
        let found = found.map_or("no content type".to_owned(), |found| {
            format!("content type {found:?}")
        });
        Self::new(
            Kind::UnsupportedMediaType,
            format!("expected the header Content-Type: application/json, found {found}"),
        )
    }

    /// The last part of `type`, which also names the problem in the log and in quarantine.
    pub fn name(&self) -> &'static str {
        self.kind.parts().1
    }

    /// Whether no route took the request.
    pub fn is_no_route(&self) -> bool {
        matches!(self.kind, Kind::NotFound | Kind::MethodNotAllowed)
    }

    /// Whether a post had no token, or a wrong one.
    pub fn is_wrong_token(&self) -> bool {
        self.kind == Kind::WrongUrlToken
    }

    /// How loud the log is about it; see [`Kind::level`].
    pub fn level(&self, is_notification: bool) -> Level {
        let is_damage = matches!(self.cause.as_deref(), Some(inbox::Error::Corrupt { .. }));
        self.kind.level(is_notification, is_damage)
    }

    /// What is wrong, and behind it each fault of a body after the first, which it names itself.
    pub fn whole_detail(&self) -> String {
        let more = self.faults.iter().skip(1).map(|fault| format!("; {fault}"));
        self.detail.clone() + &more.collect::<String>()
    }

    /// What is wrong, with what the sender sent quoted in part.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The faults of a body, one by one; none where it is another problem.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What is wrong, without a word of the sender's, for the log.
    pub fn log_detail(&self) -> String {
        match (self.kind, &self.cause) {
            (_, Some(cause)) => cause.to_string(),
            (Kind::NotNotification | Kind::InvalidReplay, None) => {
                let faults = self
                    .faults
                    .iter()
                    .map(|fault| format!("{}: expected {}", fault.place(), fault.expected));
                faults.collect::<Vec<_>>().join("; ")
            }
            // The type that was found is quoted.
            (Kind::UnsupportedMediaType, None) => self
                .detail
                .split(", found ")
                .next()
                .unwrap_or_default()
                .to_owned(),
            // A query, an id and a body are quoted.
            (Kind::InvalidQuery | Kind::NotFound | Kind::NotAcceptable, None) => {
                self.kind.parts().2.to_owned()
            }
            (_, None) => self.detail.clone(),
        }
    }

    /// The status and what it means here, in a few words.
    pub fn title(&self) -> (StatusCode, &'static str) {
        let (status, _, title) = self.kind.parts();
        (status, title)
    }

    /// Writes the document into a response that [`IntoResponse`] made of this problem.
    pub fn write(&self, response: &mut Response, request_id: RequestId) {
        let (status, name, title) = self.kind.parts();
        let detail = match (self.kind, text_of(response.headers(), ALLOW)) {
            (Kind::MethodNotAllowed, Some(methods)) => {
                format!("this path takes {}", methods.replace(',', ", "))
            }
            _ => self.detail.clone(),
        };
        let document = Document {
            kind: format!("urn:caigunn-webhook:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: &detail,
            instance: request_id,
            errors: self
                .faults
                .iter()
                .map(|fault| FaultDocument {
                    pointer: &fault.pointer,
                    detail: format!("expected {}, found {}", fault.expected, fault.found),
                })
                .collect(),
        };
        let bytes = serde_json::to_vec(&document).expect("strings and numbers serialize");
        *response.body_mut() = Body::from(bytes);
        // The router has counted the empty body that stood there before.
        response.headers_mut().remove(CONTENT_LENGTH);
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: RequestId,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FaultDocument<'a>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Fault)]
struct FaultDocument<'a> {
    pointer: &'a str,
    detail: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.parts().0.into_response();
        if let Some((name, value)) = self.kind.header() {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests;
