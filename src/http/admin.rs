//! The API for people, programs and tests, on the admin listener: it reads, but for the calls that backfill a job or tell
//! the way out what to do.

mod deliveries;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod guard;
mod jobs;
mod quarantine;
mod receipts;
mod replays;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::problem::Problem;
use super::tokens::Tokens;
use super::{BackfillJob, DeliveryDesk, SubscriptionView};
use crate::inbox::{Cursor, Inbox, PageRequest, Span};

pub use guard::guarded;

/// How many items a page holds unless asked otherwise, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    pub inbox: Arc<dyn Inbox>,
    pub subscription: SubscriptionView,
    pub backfill_job: Option<BackfillJob>,
    pub desk: Arc<dyn DeliveryDesk>,
    pub tokens: Arc<Tokens>,
    pub stalled_after: Duration,
}

/// Everything below `/api/v1`, not yet guarded.
pub fn routes(api: Api) -> Router {
    Router::new()
        .route("/receipts", get(receipts::receipts))
        .route("/receipts/{id}", get(receipts::receipt))
        .route("/jobs/{event_id}", get(jobs::job))
        .route("/jobs/{event_id}/backfill", post(jobs::backfill))
        .route("/quarantine", get(quarantine::quarantine))
        .route("/quarantine/{id}", get(quarantine::quarantined))
        .route("/subscription", get(subscription_state))
        .route("/destinations", get(deliveries::destinations))
        .route("/destinations/{name}/pause", post(deliveries::pause))
        .route("/destinations/{name}/resume", post(deliveries::resume))
        .route("/destinations/{name}/remove", post(deliveries::remove))
        .route("/deliveries", get(deliveries::deliveries))
        .route(
            "/deliveries/{destination}/{receipt_id}",
            get(deliveries::delivery),
        )
        .route(
            "/deliveries/{destination}/{receipt_id}/retry",
            post(deliveries::retry),
        )
        .route(
            "/deliveries/{destination}/{receipt_id}/cancel",
            post(deliveries::cancel),
        )
        .route("/replays", get(replays::replays).post(replays::begin))
        .route("/replays/{id}", get(replays::replay))
        .route("/replays/{id}/end", post(replays::end))
        .with_state(api)
}

type Asked<T> = Result<Query<T>, QueryRejection>;

/// The last part of a path; refused where it is no text.
type Named = Result<Path<String>, PathRejection>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubscriptionQuery {
    of_leader: Option<String>,
}

async fn subscription_state(
    State(api): State<Api>,
    query: Asked<SubscriptionQuery>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let of_leader = asked("of_leader", "true or false", query.of_leader, |_: &bool| true)?;
    let mut seen = (api.subscription)(of_leader.unwrap_or(false)).await;
    let last_received: HashMap<_, _> = api.inbox.last_received().await?.into_iter().collect();
    for chatbot in seen["chatbots"].as_array_mut().into_iter().flatten() {
        let id = chatbot["chatbot_id"].as_str().and_then(|id| id.parse().ok());
        chatbot["last_received_at"] = serde_json::json!(id.and_then(|id| last_received.get(&id)));
    }
    seen["tokens"] = serde_json::json!(api.tokens.uses());
    Ok(Json(seen))
}

/// What an event filter may be.
const EVENT: &str = "an event or an event name, such as crawling, crawling.* or crawling.completed";

/// Reads an event filter: `crawling.*`, as destinations write it, is `crawling`.
fn event_filter(text: &str) -> Option<String> {
    let event = text.strip_suffix(".*").unwrap_or(text);
    (!event.contains('*')).then(|| event.to_owned())
}

/// Reads an event filter of a query, if there is one.
fn asked_event(text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    match event_filter(&text) {
        Some(event) => Ok(Some(event)),
        None => Err(Problem::invalid_query(format!(
            "event: expected {EVENT}, found {text:?}"
        ))),
    }
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

/// Reads a stretch of time.
fn span(since: Option<String>, until: Option<String>) -> Result<Span, Problem> {
    let time = |name, text| asked(name, "a time such as 2024-07-30T09:15:00Z", text, |_| true);
    Ok(Span {
        since: time("since", since)?,
        until: time("until", until)?,
    })
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
    use super::*;

    #[test]
    fn an_event_filter_is_an_event_or_a_name_and_no_other_pattern() {
        let read = event_filter;

        assert_eq!(read("crawling").as_deref(), Some("crawling"));
        assert_eq!(read("crawling.*").as_deref(), Some("crawling"));
        assert_eq!(read("crawling.completed").as_deref(), Some("crawling.completed"));
        assert_eq!(read("*.completed"), None);
        assert_eq!(read("crawling.*.*"), None);
        let problem = asked_event(Some("*".to_owned())).unwrap_err();
        assert!(problem.detail().ends_with("found \"*\""), "{}", problem.detail());
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
