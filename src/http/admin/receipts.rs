//! `/api/v1/receipts`

use std::str::FromStr;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::problem::Problem;
use super::{Api, Asked, DEFAULT_LIMIT, MAX_LIMIT, Named, asked, asked_event, cursor_text, page, span};
use crate::event::{ChatbotId, EventId};
use crate::inbox::{Page, PageRequest, Receipt, ReceiptFilter, ReceiptId, Span};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptsQuery {
    event: Option<String>,
    event_id: Option<String>,
    chatbot_id: Option<String>,
    since: Option<String>,
    until: Option<String>,
    cursor: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

/// Which receipts are asked for.
pub(super) struct Wanted {
    pub filter: ReceiptFilter,
    pub span: Span,
}

pub async fn receipts(State(api): State<Api>, query: Asked<ReceiptsQuery>) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let Asking { wanted, page, after } = read(query)?;
    match after {
        None => newest_first(&api, wanted, page).await,
        Some(after) => following(&api, &wanted, after, page.limit).await,
    }
    .map(Json)
}

/// What a query asks for.
pub(super) struct Asking {
    pub wanted: Wanted,
    pub page: PageRequest,
    /// What the receipts are to follow, where they are to be listed oldest first.
    pub after: Option<After>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Newest,
    Sequence(u64),
}

impl FromStr for After {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "newest" {
            return Ok(Self::Newest);
        }
        let sequence = text.parse().ok();
        let sequence = sequence.filter(|sequence| i64::try_from(*sequence).is_ok());
        sequence.map(Self::Sequence).ok_or(())
    }
}

pub(super) fn read(query: ReceiptsQuery) -> Result<Asking, Problem> {
    if query.after.is_some() && query.cursor.is_some() {
        return Err(Problem::invalid_query("cursor: expected none beside after"));
    }
    let page = page(query.cursor, query.limit, DEFAULT_LIMIT, MAX_LIMIT)?;
    let is_any = |_: &Uuid| true;
    let wanted = Wanted {
        filter: ReceiptFilter {
            event: asked_event(query.event)?,
            event_id: asked("event_id", "a uuid", query.event_id, is_any)?.map(EventId::new),
            chatbot_id: asked("chatbot_id", "a uuid", query.chatbot_id, is_any)?.map(ChatbotId::new),
        },
        span: span(query.since, query.until)?,
    };
    let allowed = "the sequence of a receipt, 0 or newest";
    let after = asked("after", allowed, query.after, |_: &After| true)?;
    Ok(Asking { wanted, page, after })
}

async fn newest_first(api: &Api, wanted: Wanted, page: PageRequest) -> Result<Value, Problem> {
    let Page { mut items, next } = api.inbox.receipts(wanted.filter.clone(), page).await?;
    let is_over = |oldest: &Receipt| wanted.span.begins_after(oldest.received_at);
    let next = next.filter(|_| !items.last().is_some_and(is_over));
    items.retain(|receipt| wanted.span.contains(receipt.received_at));
    Ok(json!({ "receipts": items, "next_cursor": next.map(cursor_text) }))
}

/// What came after a number, oldest first, for whoever goes on from there. Those that are not wanted count for the limit,
/// so that it goes on where none is.
async fn following(api: &Api, wanted: &Wanted, after: After, limit: usize) -> Result<Value, Problem> {
    let outbox = api.inbox.outbox();
    let (after, mut receipts) = match after {
        After::Newest => (outbox.last_sequence().await?, Vec::new()),
        After::Sequence(after) => (after, outbox.receipts_after(after, limit).await?),
    };
    let next_after = receipts.last().map_or(after, |last| last.sequence);
    // Asked for last, so that it is smaller only where `after` is of another inbox.
    let newest_sequence = outbox.last_sequence().await?;
    receipts.retain(|receipt| wanted.filter.matches(receipt) && wanted.span.contains(receipt.received_at));
    Ok(json!({
        "receipts": receipts,
        "next_after": next_after,
        "newest_sequence": newest_sequence,
    }))
}

#[derive(Serialize)]
pub struct WholeReceipt {
    #[serde(flatten)]
    receipt: Receipt,
    /// As received: a notification is UTF-8, so this is the body to the byte.
    body: String,
}

pub async fn receipt(State(api): State<Api>, id: Named) -> Result<Json<WholeReceipt>, Problem> {
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
        body: String::from_utf8(body.into())
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }))
}
