//! The read API for people, programs and tests, on the admin listener.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq;
use tokio::time::timeout;
use uuid::Uuid;

use super::problem::Problem;
use super::tokens::Tokens;
use super::{BackfillError, BackfillJob, Origin, SubscriptionView};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};
use crate::inbox::{
    Cursor, Error, Inbox, Page, PageRequest, QuarantineId, Quarantined, Receipt, ReceiptFilter, ReceiptId,
    RequestId,
};

/// How long a request may take. People wait no longer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How many items a page holds unless asked otherwise, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// The most items of the quarantine on a page: each comes with its body.
const MAX_QUARANTINE_LIMIT: usize = 20;

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    pub inbox: Arc<dyn Inbox>,
    pub subscription: SubscriptionView,
    pub backfill_job: Option<BackfillJob>,
    pub tokens: Arc<Tokens>,
    pub stalled_after: Duration,
}

/// Everything below `/api/v1`, not yet guarded.
pub fn routes(api: Api) -> Router {
    Router::new()
        .route("/receipts", get(receipts))
        .route("/receipts/{id}", get(receipt))
        .route("/jobs/{event_id}", get(job))
        .route("/jobs/{event_id}/backfill", post(backfill))
        .route("/quarantine", get(quarantine))
        .route("/subscription", get(subscription_state))
        .with_state(api)
}

/// The routes, for whoever has the token; with none configured, for whoever is on this machine.
pub fn guarded(routes: Router, token: Option<SecretString>) -> Router {
    routes.layer(from_fn_with_state(token, guard))
}

async fn guard(State(token): State<Option<SecretString>>, request: Request, next: Next) -> Response {
    let allowed = match &token {
        Some(token) => {
            let given = request
                .headers()
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok());
            let given = given.and_then(|value| value.split_once(' '));
            let is_right = given.is_some_and(|(scheme, given)| {
                scheme.eq_ignore_ascii_case("bearer") && is_same(given.trim(), token)
            });
            if is_right {
                Ok(())
            } else {
                Err(Problem::wrong_bearer_token())
            }
        }
        None if is_local(&request) => Ok(()),
        None => Err(Problem::not_local()),
    };
    let allowed = allowed.and_then(|()| {
        if request.method().is_safe() || !is_cross_site(&request) {
            Ok(())
        } else {
            Err(Problem::cross_site())
        }
    });
    match allowed {
        Ok(()) => timeout(TIMEOUT, next.run(request))
            .await
            .unwrap_or_else(|_| Problem::from(Error::Timeout { waited: TIMEOUT }).into_response()),
        Err(problem) => problem.into_response(),
    }
}

/// Whether a text is a secret, in a time that depends on lengths alone.
fn is_same(given: &str, secret: &SecretString) -> bool {
    secret.expose_secret().as_bytes().ct_eq(given.as_bytes()).into()
}

/// Whether the peer is on this machine and meant it: a page in a browser here that was led to this address under
/// a name of its own (DNS rebinding) names itself in `Host`.
fn is_local(request: &Request) -> bool {
    let peer = Origin::of(request).peer;
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let is_local_name = name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    peer.ip().to_canonical().is_loopback() && is_local_name
}

/// Whether a page of another site sent it: browsers say where a page is from with all that may change something.
fn is_cross_site(request: &Request) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = header(ORIGIN) else {
        return request.headers().contains_key(ORIGIN);
    };
    let origin_host = origin.split_once("://").map(|(_, host)| host);
    origin_host.is_none() || origin_host != header(HOST)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptsQuery {
    event: Option<String>,
    event_id: Option<String>,
    chatbot_id: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuarantineQuery {
    cursor: Option<String>,
    limit: Option<String>,
}

type Asked<T> = Result<Query<T>, QueryRejection>;

/// The last part of a path; refused where it is no text.
type Named = Result<Path<String>, PathRejection>;

async fn receipts(State(api): State<Api>, query: Asked<ReceiptsQuery>) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let page = page(query.cursor, query.limit, DEFAULT_LIMIT, MAX_LIMIT)?;
    let is_any = |_: &Uuid| true;
    let filter = ReceiptFilter {
        event: query.event,
        event_id: asked("event_id", "a uuid", query.event_id, is_any)?.map(EventId::new),
        chatbot_id: asked("chatbot_id", "a uuid", query.chatbot_id, is_any)?.map(ChatbotId::new),
    };
    let Page { items, next } = api.inbox.receipts(filter, page).await?;
    Ok(Json(
        serde_json::json!({ "receipts": items, "next_cursor": next.map(cursor_text) }),
    ))
}

#[derive(Serialize)]
struct WholeReceipt {
    #[serde(flatten)]
    receipt: Receipt,
    /// As received: a notification is UTF-8, so this is the body to the byte.
    body: String,
}

async fn receipt(State(api): State<Api>, id: Named) -> Result<Json<WholeReceipt>, Problem> {
    let Path(id) = id.map_err(|_| Problem::not_found())?;
    let receipt_id = id
        .parse()
        .map(ReceiptId::new)
        .map_err(|_| Problem::nothing_named("receipt", &id))?;
    let (receipt, body) = api
        .inbox
        .receipt(receipt_id)
        .await?
        .ok_or_else(|| Problem::nothing_named("receipt", receipt_id))?;
    Ok(Json(WholeReceipt {
        receipt,
        body: String::from_utf8_lossy(&body).into_owned(),
    }))
}

#[derive(Serialize)]
struct Job {
    event_id: EventId,
    state: JobState,
    notifications: Vec<Receipt>,
}

/// What is known of a job: its last word, or that it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum JobState {
    Running,
    Stalled,
    Completed,
    Failed,
}

impl JobState {
    /// The last status that ends a job counts, whether `initial` came before it, after it or not at all. A job whose
    /// first word is older than `stalled_before` and that has not ended is stalled.
    fn of(notifications: &[Receipt], stalled_before: Timestamp) -> Self {
        let ended = notifications
            .iter()
            .rev()
            .find_map(|receipt| match &*receipt.event.status {
                "completed" => Some(Self::Completed),
                "failed" => Some(Self::Failed),
                _ => None,
            });
        let first = notifications.first();
        let is_old = first.is_some_and(|receipt| receipt.received_at < stalled_before);
        ended.unwrap_or(if is_old { Self::Stalled } else { Self::Running })
    }
}

async fn job(State(api): State<Api>, id: Named) -> Result<Json<Job>, Problem> {
    let Path(id) = id.map_err(|_| Problem::not_found())?;
    let event_id = id
        .parse()
        .map(EventId::new)
        .map_err(|_| Problem::nothing_named("job", &id))?;
    let notifications = api.inbox.job(event_id).await?;
    if notifications.is_empty() {
        return Err(Problem::nothing_named("job", event_id));
    }
    Ok(Json(Job {
        event_id,
        state: JobState::of(&notifications, Timestamp::now().minus(api.stalled_after)),
        notifications,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackfillQuery {
    chatbot_id: Option<String>,
    dry_run: Option<String>,
}

async fn backfill(
    State(api): State<Api>,
    id: Named,
    query: Asked<BackfillQuery>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let Path(id) = id.map_err(|_| Problem::not_found())?;
    let event_id = id
        .parse()
        .map(EventId::new)
        .map_err(|_| Problem::nothing_named("job", &id))?;
    let chatbot_id = asked("chatbot_id", "a uuid", query.chatbot_id, |_: &Uuid| true)?;
    let dry_run = asked("dry_run", "true or false", query.dry_run, |_: &bool| true)?;
    let job = api.backfill_job.ok_or_else(Problem::not_configured)?;
    let outcome = job(event_id, chatbot_id.map(ChatbotId::new), dry_run.unwrap_or(false)).await;
    match outcome {
        Ok(outcome) => Ok(Json(outcome)),
        Err(BackfillError::CaiGunn(detail)) => Err(Problem::caigunn_failed(detail)),
        Err(BackfillError::Inbox(error)) => Err(error.into()),
    }
}

#[derive(Serialize)]
struct QuarantinedDocument {
    id: QuarantineId,
    received_at: Timestamp,
    request_id: RequestId,
    reason: String,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<ReceiptId>,
    content_type: Option<String>,
    truncated: bool,
    /// The body if it is text, else in `body_base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl From<Quarantined> for QuarantinedDocument {
    fn from(item: Quarantined) -> Self {
        let body = String::from_utf8(item.body.to_vec()).ok();
        Self {
            id: item.id,
            received_at: item.received_at,
            request_id: item.request_id,
            reason: item.reason,
            detail: item.detail,
            duplicate_of: item.receipt_id,
            content_type: item.content_type,
            truncated: item.truncated,
            body_base64: body.is_none().then(|| BASE64_STANDARD.encode(&item.body)),
            body,
        }
    }
}

async fn quarantine(State(api): State<Api>, query: Asked<QuarantineQuery>) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let page = page(
        query.cursor,
        query.limit,
        MAX_QUARANTINE_LIMIT,
        MAX_QUARANTINE_LIMIT,
    )?;
    let Page { items, next } = api.inbox.quarantine(page).await?;
    let totals = api.inbox.quarantine_totals().await?;
    let items: Vec<_> = items.into_iter().map(QuarantinedDocument::from).collect();
    Ok(Json(serde_json::json!({
        "quarantine": items,
        "next_cursor": next.map(cursor_text),
        "totals": totals,
    })))
}

async fn subscription_state(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    let mut seen = (api.subscription)();
    let last_received: HashMap<_, _> = api.inbox.last_received().await?.into_iter().collect();
    for chatbot in seen["chatbots"].as_array_mut().into_iter().flatten() {
        let id = chatbot["chatbot_id"].as_str().and_then(|id| id.parse().ok());
        chatbot["last_received_at"] = serde_json::json!(id.and_then(|id| last_received.get(&id)));
    }
    seen["tokens"] = serde_json::json!(api.tokens.uses());
    Ok(Json(seen))
}

/// Reads what was asked for under `name`, if it was.
fn asked<T: FromStr>(
    name: &str,
    allowed: &str,
    text: Option<String>,
    is_allowed: impl Fn(&T) -> bool,
) -> Result<Option<T>, Problem> {
    let Some(text) = text else { return Ok(None) };
    match text.parse().ok().filter(is_allowed) {
        Some(value) => Ok(Some(value)),
        None => Err(Problem::invalid_query(format!(
            "{name}: expected {allowed}, found {text:?}"
        ))),
    }
}

fn page(
    cursor: Option<String>,
    limit: Option<String>,
    default: usize,
    max: usize,
) -> Result<PageRequest, Problem> {
    let limit = asked("limit", &format!("1 to {max}"), limit, |limit| {
        (1..=max).contains(limit)
    })?;
    let is_given = |cursor: &u64| i64::try_from(*cursor).is_ok();
    let cursor = asked("cursor", "the next_cursor of an earlier page", cursor, is_given)?;
    Ok(PageRequest {
        cursor: cursor.map(Cursor),
        limit: limit.unwrap_or(default),
    })
}

fn cursor_text(cursor: Cursor) -> String {
    cursor.0.to_string()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::event::{Name, Wire};

    fn request(peer: &str, host: Option<&'static str>) -> Request {
        let mut request = Request::new(Body::empty());
        if let Some(host) = host {
            request
                .headers_mut()
                .insert(HOST, axum::http::HeaderValue::from_static(host));
        }
        let origin = Origin {
            request_id: RequestId::new(Uuid::nil()),
            peer: std::net::SocketAddr::new(peer.parse().unwrap(), 50_000),
        };
        request.extensions_mut().insert(origin);
        request
    }

    #[test]
    fn who_is_here_and_says_so_is_local() {
        for peer in ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"] {
            for host in [
                "localhost",
                "LocalHost:9090",
                "localhost:9090",
                "127.0.0.1",
                "127.0.0.1:9090",
                "127.1.2.3:9090",
                "[::1]",
                "[::1]:9090",
            ] {
                assert!(is_local(&request(peer, Some(host))), "{peer}, {host}");
            }
        }
    }

    #[test]
    fn who_is_elsewhere_is_not_local_whatever_it_says() {
        for peer in [
            "10.0.0.1",
            "0.0.0.0",
            "fe80::1",
            "::",
            "::ffff:10.0.0.1",
            "2001:db8::1",
        ] {
            for host in ["localhost", "127.0.0.1:9090", "[::1]:9090"] {
                assert!(!is_local(&request(peer, Some(host))), "{peer}, {host}");
            }
        }
    }

    #[test]
    fn a_page_led_here_under_another_name_is_not_local() {
        for host in [
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "evil.example:localhost",
            "127.0.0.1.evil.example:9090",
            "127.0.0.1:9090.evil.example",
            "10.0.0.1:9090",
            "0.0.0.0:9090",
            "[::]:9090",
            "",
        ] {
            assert!(!is_local(&request("127.0.0.1", Some(host))), "{host}");
        }
        assert!(!is_local(&request("127.0.0.1", None)));
    }

    #[test]
    fn a_job_is_what_its_last_ending_says_wherever_initial_came() {
        let cases: [(&[&str], JobState); 10] = [
            (&["initial"], JobState::Running),
            (&["initial", "completed"], JobState::Completed),
            (&["initial", "failed"], JobState::Failed),
            (&["completed"], JobState::Completed),
            (&["completed", "initial"], JobState::Completed),
            (&["failed", "initial"], JobState::Failed),
            (&["initial", "failed", "completed"], JobState::Completed),
            (&["initial", "completed", "failed"], JobState::Failed),
            (&["initial", "progressing"], JobState::Running),
            (&["completed", "archived"], JobState::Completed),
        ];
        for (statuses, state) in cases {
            let receipts: Vec<_> = (1..)
                .zip(statuses)
                .map(|(sequence, status)| receipt_of(sequence, status))
                .collect();

            let long_ago = Timestamp::from_micros(0);
            assert_eq!(JobState::of(&receipts, long_ago), state, "{statuses:?}");
            let is_open = state == JobState::Running;
            let stalled = if is_open { JobState::Stalled } else { state };
            assert_eq!(
                JobState::of(&receipts, Timestamp::from_micros(1)),
                stalled,
                "{statuses:?}"
            );
        }
    }

    fn receipt_of(sequence: u64, status: &'static str) -> Receipt {
        Receipt {
            id: ReceiptId::new(Uuid::from_u128(sequence.into())),
            sequence,
            received_at: Timestamp::from_micros(0),
            event: Name {
                event: "crawling".into(),
                status: status.into(),
            },
            event_id: Some(EventId::new(Uuid::nil())),
            chatbot_id: None,
            wire: Wire::V2024_07,
            origin: crate::inbox::Origin::Webhook,
            body_bytes: 0,
        }
    }

    #[test]
    fn a_page_has_a_bounded_size_and_a_cursor_that_was_given() {
        let page = |cursor: Option<u64>, limit: Option<usize>| {
            let text = |number: u64| number.to_string();
            page(cursor.map(text), limit.map(|limit| text(limit as u64)), 50, 500)
                .map(|page| (page.cursor.map(cursor_text), page.limit))
                .map_err(|problem| problem.detail().to_owned())
        };

        assert_eq!(page(None, None), Ok((None, 50)));
        assert_eq!(page(Some(7), Some(500)), Ok((Some("7".to_owned()), 500)));
        assert_eq!(
            page(None, Some(0)),
            Err("limit: expected 1 to 500, found \"0\"".to_owned())
        );
        assert_eq!(
            page(None, Some(501)),
            Err("limit: expected 1 to 500, found \"501\"".to_owned())
        );
        assert_eq!(
            page(Some(1 << 63), None),
            Err(
                "cursor: expected the next_cursor of an earlier page, found \"9223372036854775808\""
                    .to_owned()
            )
        );
    }
}
