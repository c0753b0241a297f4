//! `/api/v1/receipts`

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::problem::Problem;
use super::super::routes::{About, Routes};
use super::{Answer, Api, Asked, Named, asked, asked_event, cursor_text, id_of, page, span};

use crate::inbox::{Page, PageRequest, Receipt, ReceiptFilter, ReceiptId, Span};

pub fn routes() -> Routes<Api> {
    let list = || {
        About::guarded("Lists receipts: newest first, or with `after` what came after one")
            .query::<ReceiptsQuery>()
            .answers::<ReceiptsPage>("A page. It may be short or empty and still have a `next_cursor`.")
    };
    let one = || About::guarded("Shows a receipt with its body").answers::<WholeReceipt>("The receipt.");
    Routes::new()
        .get("/api/v1/receipts", receipts, list)
        .get("/api/v1/receipts/{id}", receipt, one)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ReceiptsQuery {
    /// An event (`crawling`, `crawling.*`) or an event name (`crawling.completed`).
    event: Option<String>,
    /// Of this job.
    #[param(value_type = Option<Uuid>)]
    event_id: Option<String>,
    /// Of this chatbot.
    #[param(value_type = Option<Uuid>)]
    chatbot_id: Option<String>,
    /// Received at that time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
    /// Received before that time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// The `next_cursor` of an earlier page.
    cursor: Option<String>,
    /// The `sequence` of a receipt, 0, or `newest`: what came after it, oldest first. Not beside `cursor`.
    after: Option<String>,
    /// How many: 50 unless asked otherwise.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

/// Which receipts are asked for.
pub struct Wanted {
    pub filter: ReceiptFilter,
    pub span: Span,
}

impl Wanted {
    /// Whether all are.
    pub fn is_all(&self) -> bool {
        self.filter == ReceiptFilter::default() && self.span == Span::default()
    }
}

/// Receipts of one page.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum ReceiptsPage {
    /// Newest first.
    NewestFirst {
        receipts: Vec<Receipt>,
        /// Where the next page begins; null on the last one.
        #[schema(required)]
        next_cursor: Option<String>,
    },
    /// Oldest first, where `after` was asked for.
    Following {
        receipts: Vec<Receipt>,
        /// What `after` is to be for the next page.
        next_after: u64,
        /// The number of the newest receipt.
        newest_sequence: u64,
    },
}

pub async fn receipts(
    State(api): State<Api>,
    Asked(query): Asked<ReceiptsQuery>,
) -> Result<Answer<ReceiptsPage>, Problem> {
    let Asking { wanted, page, after } = read(query)?;
    match after {
        None => newest_first(&api, wanted, page).await,
        Some(after) => following(&api, &wanted, after, page.limit).await,
    }
    .map(Answer)
}

/// What a query asks for.
pub struct Asking {
    pub wanted: Wanted,
    pub page: PageRequest,
    /// What the receipts are to follow, where they are to be listed oldest first.
    pub after: Option<After>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
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

pub fn read(query: ReceiptsQuery) -> Result<Asking, Problem> {
    if query.after.is_some() && query.cursor.is_some() {
        return Err(Problem::invalid_query("cursor: expected none beside after"));
    }
    let page = page(query.cursor, query.limit)?;
    let wanted = Wanted {
        filter: ReceiptFilter {
            event: asked_event(query.event)?,
            event_id: asked("event_id", "a uuid", query.event_id, |_| true)?,
            chatbot_id: asked("chatbot_id", "a uuid", query.chatbot_id, |_| true)?,
        },
        span: span(query.since, query.until)?,
    };
    let allowed = "the sequence of a receipt, 0 or newest";
    let after = asked("after", allowed, query.after, |_: &After| true)?;
    Ok(Asking { wanted, page, after })
}

async fn newest_first(api: &Api, wanted: Wanted, page: PageRequest) -> Result<ReceiptsPage, Problem> {
    let Page { items, next } = newest(api, wanted, page).await?;
    Ok(ReceiptsPage::NewestFirst {
        receipts: items,
        next_cursor: next.map(cursor_text),
    })
}

/// Receipts that match, newest first.
pub async fn newest(api: &Api, wanted: Wanted, page: PageRequest) -> Result<Page<Receipt>, Problem> {
    let page = wanted.span.page_before_end(&*api.inbox, page).await?;
    let Page { mut items, next } = api.inbox.receipts(wanted.filter, page).await?;
    let is_over = |oldest: &Receipt| wanted.span.begins_after(oldest.received_at);
    let next = next.filter(|_| !items.last().is_some_and(is_over));
    items.retain(|receipt| wanted.span.contains(receipt.received_at));
    Ok(Page { items, next })
}

/// What came after a number, oldest first, for whoever goes on from there. Those that are not wanted count for the limit,
/// so that it goes on where none is.
async fn following(api: &Api, wanted: &Wanted, after: After, limit: usize) -> Result<ReceiptsPage, Problem> {
    let outbox = api.inbox.outbox();
    let (after, mut receipts) = match after {
        After::Newest => (outbox.last_sequence().await?, Vec::new()),
        After::Sequence(after) => (after, outbox.receipts_after(after, limit).await?),
    };
    let next_after = receipts.last().map_or(after, |last| last.sequence);
    // Asked for last, so that it is smaller only where `after` is of another inbox.
    let newest_sequence = outbox.last_sequence().await?;
    receipts.retain(|receipt| wanted.filter.matches(receipt) && wanted.span.contains(receipt.received_at));
    Ok(ReceiptsPage::Following {
        receipts,
        next_after,
        newest_sequence,
    })
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct WholeReceipt {
    #[serde(flatten)]
    receipt: Receipt,
    /// As received: a notification is UTF-8, so this is the body to the byte.
    body: String,
}

pub async fn receipt(State(api): State<Api>, id: Named) -> Result<Json<WholeReceipt>, Problem> {
    let (receipt, body) = found(&api, id_of(id, "receipt")?).await?;
    Ok(Json(WholeReceipt {
        receipt,
        body: String::from_utf8(body.into())
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }))
}

/// A receipt with its body.
pub async fn found(api: &Api, id: ReceiptId) -> Result<(Receipt, Bytes), Problem> {
    let found = api.inbox.receipt(id).await?;
    found.ok_or_else(|| Problem::nothing_named("receipt", id))
}
