//! The API for people, programs and tests, on the admin listener: it reads, but for the calls that backfill a job or tell
//! the way out what to do.

pub mod deliveries;
pub mod destinations;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod guard;
pub mod jobs;
pub mod quarantine;
pub mod receipts;
pub mod replays;
pub mod subscription;
pub mod told;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::openapi;
use super::problem::Problem;
use super::routes::{About, Routes};
use super::tokens::Tokens;
use super::{BackfillJob, SubscriptionView};
use crate::accents::cut;
use crate::clock::{A_TIME, Timestamp};
use crate::delivery::Deliveries;
use crate::event::{EVENT_FILTER, event_filter};
use crate::inbox::acceptance::Acceptance;
use crate::inbox::{Cursor, Inbox, PageRequest, Span};

pub use guard::{AdminTokens, Rights, guarded, in_time, is_cross_site};

/// How many items a page holds unless asked otherwise, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    pub inbox: Arc<dyn Inbox>,
    pub acceptance: Arc<Acceptance>,
    pub subscription: SubscriptionView,
    pub backfill_job: Option<BackfillJob>,
    pub deliveries: Deliveries,
    pub tokens: Arc<Tokens>,
    pub stalled_after: Duration,
}

impl Api {
    /// A job that is not known to have ended is stalled if it began before that.
    pub fn stalled_before(&self) -> Timestamp {
        Timestamp::now().minus(self.stalled_after)
    }
}

/// Everything below `/api/v1`, not yet guarded.
pub fn routes() -> Routes<Api> {
    let subscription = || {
        About::guarded("How the registration of each chatbot stands")
            .query::<subscription::SubscriptionQuery>()
            .answers::<subscription::Subscription>("So it stands.")
    };
    let openapi = || About::guarded("This document").answers_object("It.");
    receipts::routes()
        .merge(jobs::routes())
        .merge(quarantine::routes())
        .get("/api/v1/subscription", subscription::subscription, subscription)
        .merge(destinations::routes())
        .merge(deliveries::routes())
        .merge(replays::routes())
        .get("/api/v1/openapi.json", openapi::openapi, openapi)
}

/// What the query of a request asks for; refused where it has other names than are taken, or one twice.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => Err(Problem::unread_query(&error)),
        }
    }
}

/// The part of a path that names something; refused where it is no text.
pub type Named = Result<Path<String>, PathRejection>;

/// The name in a path.
pub fn name_of(named: Named) -> Result<String, Problem> {
    named.map(|Path(name)| name).map_err(|_| Problem::not_found())
}

/// The id in a path, of what is called `what`.
pub fn id_of<T: FromStr>(named: Named, what: &str) -> Result<T, Problem> {
    let id = name_of(named)?;
    id.parse().map_err(|_| Problem::nothing_named(what, id))
}

/// An answer whose members come in the order of their names.
pub struct Answer<T>(pub T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let value = serde_json::to_value(self.0).expect("texts, numbers and ids have a JSON form");
        Json(value).into_response()
    }
}

/// Reads an event filter of a query, if there is one.
fn asked_event(text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    match event_filter(&text) {
        Some(event) => Ok(Some(event)),
        None => Err(Problem::invalid_query(format!(
            "event: expected {EVENT_FILTER}, found {text:?}"
        ))),
    }
}

/// How much of what was asked for is shown where it is refused, in characters.
const MAX_SHOWN_CHARS: usize = 100;

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
        None => {
            // A plus before a number says nothing.
            let is_blank_for_plus =
                text.trim_start().contains(' ') && text.replace(' ', "+").parse::<T>().is_ok();
            let advice = if is_blank_for_plus { ": write + as %2B" } else { "" };
            Err(Problem::invalid_query(format!(
                "{name}: expected {allowed}, found {:?}{advice}",
                cut(&text, MAX_SHOWN_CHARS)
            )))
        }
    }
}

/// Reads a stretch of time. One in which nothing can lie is refused: its ends were mistaken for each other.
fn span(since: Option<String>, until: Option<String>) -> Result<Span, Problem> {
    let since = asked("since", A_TIME, since, |_| true)?;
    let Some(since) = since else {
        let until = asked("until", A_TIME, until, |_| true)?;
        return Ok(Span { since, until });
    };
    let allowed = format!("{A_TIME}, after since, which is {since}");
    let until = asked("until", &allowed, until, |until| since < *until)?;
    Ok(Span {
        since: Some(since),
        until,
    })
}

pub(super) fn page(cursor: Option<String>, limit: Option<String>) -> Result<PageRequest, Problem> {
    let limit = asked("limit", &format!("1 to {MAX_LIMIT}"), limit, |limit| {
        (1..=MAX_LIMIT).contains(limit)
    })?;
    let is_given = |cursor: &u64| i64::try_from(*cursor).is_ok();
    let cursor = asked("cursor", "the next_cursor of an earlier page", cursor, is_given)?;
    Ok(PageRequest {
        cursor: cursor.map(Cursor),
        limit: limit.unwrap_or(DEFAULT_LIMIT),
    })
}

pub(super) fn cursor_text(cursor: Cursor) -> String {
    cursor.0.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_filter_that_can_match_nothing_is_refused() {
        for text in ["*", "", " crawling", "crawling."] {
            let problem = asked_event(Some(text.to_owned())).unwrap_err();

            let expected = format!("event: expected {EVENT_FILTER}, found {text:?}");
            assert_eq!(problem.detail(), expected);
        }
    }

    #[test]
    fn of_an_offset_whose_plus_has_become_a_blank_it_is_said_how_it_is_written() {
        let read =
            |since: &str| span(Some(since.to_owned()), None).map_err(|problem| problem.detail().to_owned());
        let end = ": write + as %2B";

        assert!(read("2024-07-30T09:15:00 02:00").unwrap_err().ends_with(end));
        assert!(!read("2024-07-30 09:15").unwrap_err().ends_with(end));
    }

    #[test]
    fn a_stretch_of_time_ends_after_it_begins() {
        let read = |since: &str, until: &str| {
            span(Some(since.to_owned()), Some(until.to_owned()))
                .map_err(|problem| problem.detail().to_owned())
        };
        let (first, last) = ("2024-07-30T09:15:00Z", "2024-07-30T11:15:01+02:00");

        assert!(read(first, last).is_ok());
        assert!(span(None, Some(first.to_owned())).is_ok());
        let refused = format!(
            "until: expected {A_TIME}, after since, which is 2024-07-30T09:15:01.000000Z, found \"{first}\""
        );
        assert_eq!(read(last, first), Err(refused));
        assert!(read(first, first).is_err());
        assert!(
            read(last, "1h")
                .unwrap_err()
                .starts_with("until: expected a time such as")
        );
    }

    #[test]
    fn a_page_has_a_bounded_size_and_a_cursor_that_was_given() {
        let page = |cursor: Option<u64>, limit: Option<usize>| {
            let text = |number: u64| number.to_string();
            page(cursor.map(text), limit.map(|limit| text(limit as u64)))
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
