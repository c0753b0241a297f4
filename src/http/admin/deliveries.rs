//! `/api/v1/deliveries`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::super::routes::{About, Routes};
use super::told::{Followed, NOT_YET, NoQuery, NotYet, follow, not_yet};
use super::{Answer, Api, Asked, asked, asked_event, cursor_text, page, span};
use crate::delivery::instruction::Shown;
use crate::delivery::view::{self, Listed, ShownAttempt};

use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::State as DeliveryState;
use crate::inbox::{Page, PageRequest, ReceiptFilter, ReceiptId};

pub fn routes() -> Routes<Api> {
    let told = |summary, description| {
        About::guarded(summary)
            .query::<NoQuery>()
            .answers::<DeliveryTold>(description)
            .answers_with::<NotYet>(StatusCode::ACCEPTED, NOT_YET)
            .refuses(&[Kind::InstructionFailed])
    };
    let list = || {
        About::guarded("Lists deliveries, newest receipt first")
            .query::<DeliveriesQuery>()
            .answers::<DeliveriesPage>("A page.")
    };
    Routes::new()
        .get("/api/v1/deliveries", deliveries, list)
        .get("/api/v1/deliveries/{destination}/{receipt_id}", delivery, || {
            About::guarded("Shows a delivery with its attempts").answers::<WholeDelivery>("The delivery.")
        })
        .post(
            "/api/v1/deliveries/{destination}/{receipt_id}/retry",
            retry,
            || {
                told(
                    "Tries a delivery now, or once more after it was given up",
                    "It is pending.",
                )
            },
        )
        .post(
            "/api/v1/deliveries/{destination}/{receipt_id}/cancel",
            cancel,
            || told("Calls a delivery off", "It is called off."),
        )
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DeliveriesQuery {
    /// Where to: its name.
    pub destination: Option<String>,
    #[param(value_type = Option<DeliveryState>, inline)]
    pub state: Option<String>,
    /// An event (`crawling`, `crawling.*`) or an event name (`crawling.completed`).
    pub event: Option<String>,
    /// Of this job.
    #[param(value_type = Option<Uuid>)]
    pub event_id: Option<String>,
    /// Of this chatbot.
    #[param(value_type = Option<Uuid>)]
    pub chatbot_id: Option<String>,
    /// Received at that time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    pub since: Option<String>,
    /// Received before that time.
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<String>,
    /// The `next_cursor` of an earlier page.
    pub cursor: Option<String>,
    /// How many: 50 unless asked otherwise.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    pub limit: Option<String>,
}

/// A page of deliveries, newest receipt first. Those of one receipt are on one page, which may so hold a few more than asked for,
/// or fewer and still have a next.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeliveriesPage {
    pub deliveries: Vec<Listed>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

pub async fn deliveries(
    State(api): State<Api>,
    Asked(query): Asked<DeliveriesQuery>,
) -> Result<Answer<DeliveriesPage>, Problem> {
    list(&api, query).await.map(Answer)
}

/// A page of the deliveries that match.
pub async fn list(api: &Api, query: DeliveriesQuery) -> Result<DeliveriesPage, Problem> {
    let (wanted, page) = read(query)?;
    let Page { items, next } = api
        .deliveries
        .list(&wanted, page)
        .await
        .map_err(|error| match error {
            view::Error::NoDestination(..) => Problem::invalid_query(format!("destination: {error}")),
            other => other.into(),
        })?;
    Ok(DeliveriesPage {
        deliveries: items,
        next_cursor: next.map(cursor_text),
    })
}

/// What a query asks for, and which page of it.
pub fn read(query: DeliveriesQuery) -> Result<(view::Query, PageRequest), Problem> {
    let page = page(query.cursor, query.limit)?;
    let states = DeliveryState::NAMES.join(", ");
    let wanted = view::Query {
        destination: query.destination,
        state: asked("state", &format!("one of {states}"), query.state, |_| true)?,
        receipts: ReceiptFilter {
            event: asked_event(query.event)?,
            event_id: asked("event_id", "a uuid", query.event_id, |_| true)?,
            chatbot_id: asked("chatbot_id", "a uuid", query.chatbot_id, |_| true)?,
        },
        span: span(query.since, query.until)?,
    };
    Ok((wanted, page))
}

/// The parts of a path that name a delivery; refused where one is no text.
pub type NamedDelivery = Result<Path<(String, String)>, PathRejection>;

/// A delivery with its attempts.
#[derive(Serialize, utoipa::ToSchema)]
pub struct WholeDelivery {
    #[serde(flatten)]
    delivery: Listed,
    /// Oldest first: of all that were made, which `attempt_count` says, the latest 100.
    attempts: Vec<ShownAttempt>,
}

pub async fn delivery(
    State(api): State<Api>,
    named: NamedDelivery,
) -> Result<Answer<WholeDelivery>, Problem> {
    let (destination, receipt_id) = ids(named)?;
    let (delivery, attempts) = found(&api, &destination, receipt_id).await?;
    Ok(Answer(WholeDelivery { delivery, attempts }))
}

pub async fn retry(
    State(api): State<Api>,
    named: NamedDelivery,
    _: Asked<NoQuery>,
) -> Result<Response, Problem> {
    let told = |destination, receipt_id| Instruction::Retry {
        destination,
        receipt_id,
    };
    tell(&api, named, told).await
}

pub async fn cancel(
    State(api): State<Api>,
    named: NamedDelivery,
    _: Asked<NoQuery>,
) -> Result<Response, Problem> {
    let told = |destination, receipt_id| Instruction::Cancel {
        destination,
        receipt_id,
    };
    tell(&api, named, told).await
}

/// An instruction that is done, and its delivery since.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeliveryTold {
    instruction: Shown,
    delivery: Listed,
}

async fn tell(
    api: &Api,
    named: NamedDelivery,
    told: impl FnOnce(String, ReceiptId) -> Instruction,
) -> Result<Response, Problem> {
    let (destination, receipt_id) = ids(named)?;
    // So that a wrong id is told from what cannot be done.
    found(api, &destination, receipt_id).await?;
    match follow(api, told(destination.clone(), receipt_id)).await? {
        Followed::NotYet(instruction) => Ok(not_yet(instruction)),
        Followed::Done(instruction) => {
            let (delivery, _) = found(api, &destination, receipt_id).await?;
            Ok(Answer(DeliveryTold {
                instruction: *instruction,
                delivery,
            })
            .into_response())
        }
    }
}

pub fn ids(named: NamedDelivery) -> Result<(String, ReceiptId), Problem> {
    let Path((destination, id)) = named.map_err(|_| Problem::not_found())?;
    match id.parse() {
        Ok(id) => Ok((destination, ReceiptId::new(id))),
        Err(_) => Err(Problem::nothing_named("delivery", format!("{destination}/{id}"))),
    }
}

pub async fn found(
    api: &Api,
    destination: &str,
    receipt_id: ReceiptId,
) -> Result<(Listed, Vec<ShownAttempt>), Problem> {
    let found = api.deliveries.show(destination, receipt_id).await?;
    found.ok_or_else(|| Problem::nothing_named("delivery", format!("{destination}/{receipt_id}")))
}
