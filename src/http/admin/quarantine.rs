//! `/api/v1/quarantine`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::super::receive::Stored;
use super::super::routes::{About, Routes};
use super::told::NoQuery;
use super::{Answer, Api, Asked, Named, cursor_text, id_of, page};
use crate::inbox::acceptance::NotAccepted;
use crate::inbox::{Page, QuarantineId, QuarantineTotals, Quarantined};

pub fn routes() -> Routes<Api> {
    let list = || {
        About::guarded("Lists what was refused, and duplicates that differ, newest first")
            .query::<QuarantineQuery>()
            .answers::<QuarantinePage>("A page.")
    };
    let one = || {
        About::guarded("Shows a request in quarantine with what is kept of its body")
            .answers::<WholeQuarantined>("The request.")
    };
    let accepting = || {
        About::guarded("Accepts a request in quarantine after all, where it can be read now")
            .query::<NoQuery>()
            .answers::<Stored>("It is a receipt.")
            .refuses(&[Kind::NotAcceptable, Kind::Stopping])
    };
    Routes::new()
        .get("/api/v1/quarantine", quarantine, list)
        .get("/api/v1/quarantine/{id}", quarantined, one)
        .post("/api/v1/quarantine/{id}/accept", accept, accepting)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct QuarantineQuery {
    /// The `next_cursor` of an earlier page.
    pub cursor: Option<String>,
    /// How many: 50 unless asked otherwise.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    pub limit: Option<String>,
}

/// A page of the quarantine, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub struct QuarantinePage {
    quarantine: Vec<Quarantined>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
    totals: QuarantineTotals,
}

pub async fn quarantine(
    State(api): State<Api>,
    Asked(query): Asked<QuarantineQuery>,
) -> Result<Answer<QuarantinePage>, Problem> {
    let page = page(query.cursor, query.limit)?;
    let Page { items, next } = api.inbox.quarantine(page).await?;
    Ok(Answer(QuarantinePage {
        quarantine: items,
        next_cursor: next.map(cursor_text),
        totals: api.inbox.quarantine_totals().await?,
    }))
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct WholeQuarantined {
    #[serde(flatten)]
    quarantined: Quarantined,
    /// What is kept of the body if it is text, else in `body_base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

pub async fn quarantined(State(api): State<Api>, id: Named) -> Result<Json<WholeQuarantined>, Problem> {
    let (quarantined, body) = found(&api, quarantine_id(id)?).await?;
    let (body, body_base64) = match text(body) {
        Ok(text) => (Some(text), None),
        Err(bytes) => (None, Some(BASE64_STANDARD.encode(bytes))),
    };
    Ok(Json(WholeQuarantined {
        quarantined,
        body,
        body_base64,
    }))
}

pub async fn accept(State(api): State<Api>, id: Named, _: Asked<NoQuery>) -> Result<Response, Problem> {
    let id = quarantine_id(id)?;
    let unknown = || Problem::nothing_named("quarantined request", id);
    let accepted = api.acceptance.accept(id).await;
    let accepted = accepted.map_err(|refused| match refused {
        NotAccepted::Unknown => unknown(),
        other => other.into(),
    })?;
    let stored = Stored::new(&accepted.notification, accepted.receipt_id, accepted.is_new);
    Ok(Json(stored).into_response())
}

/// The request that a path names.
pub fn quarantine_id(id: Named) -> Result<QuarantineId, Problem> {
    id_of(id, "quarantined request")
}

/// That request, with what is kept of its body.
pub async fn found(api: &Api, id: QuarantineId) -> Result<(Quarantined, Bytes), Problem> {
    let found = api.inbox.quarantined(id).await?;
    found.ok_or_else(|| Problem::nothing_named("quarantined request", id))
}

/// A body as text, if it is UTF-8 without control characters but those that JSON has between its values. So the JSON string
/// of it is at most twice as long: a control character takes six bytes in it.
fn text(body: Bytes) -> Result<String, Vec<u8>> {
    let is_text = |byte: &u8| *byte >= b' ' || b"\t\n\r".contains(byte);
    if !body.iter().all(is_text) {
        return Err(body.into());
    }
    String::from_utf8(body.into()).map_err(|error| error.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_a_json_string_holds_in_twice_its_length() {
        for (body, is_text) in [
            ("", true),
            ("{\"a\":\t1,\r\n\"ü☂\": \"\\\\\"}\u{7f}", true),
            ("\u{1}", false),
            ("a\0", false),
            ("\u{1b}[31m", false),
        ] {
            let read = text(Bytes::from(body.to_owned()));

            assert_eq!(read.is_ok(), is_text, "{body:?}");
            if let Ok(text) = read {
                assert!(serde_json::json!(text).to_string().len() <= 2 * body.len() + 2);
            }
        }
        assert_eq!(text(Bytes::from_static(b"\xff{")), Err(b"\xff{".to_vec()));
    }
}
