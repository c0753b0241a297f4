//! `/api/v1/quarantine`

use axum::Json;
use axum::extract::{Path, Query, State};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::{Api, Asked, DEFAULT_LIMIT, MAX_LIMIT, Named, cursor_text, page};
use crate::inbox::{Page, QuarantineId, Quarantined};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantineQuery {
    cursor: Option<String>,
    limit: Option<String>,
}

pub async fn quarantine(
    State(api): State<Api>,
    query: Asked<QuarantineQuery>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let page = page(query.cursor, query.limit, DEFAULT_LIMIT, MAX_LIMIT)?;
    let Page { items, next } = api.inbox.quarantine(page).await?;
    let totals = api.inbox.quarantine_totals().await?;
    Ok(Json(json!({
        "quarantine": items,
        "next_cursor": next.map(cursor_text),
        "totals": totals,
    })))
}

#[derive(Serialize)]
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
    let Path(id) = id.map_err(|_| Problem::not_found())?;
    let unknown = || Problem::nothing_named("quarantined request", &id);
    let quarantine_id = id.parse().map(QuarantineId::new).map_err(|_| unknown())?;
    let found = api.inbox.quarantined(quarantine_id).await?;
    let (quarantined, body) = found.ok_or_else(unknown)?;
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
                assert!(json!(text).to_string().len() <= 2 * body.len() + 2);
            }
        }
        assert_eq!(text(Bytes::from_static(b"\xff{")), Err(b"\xff{".to_vec()));
    }
}
