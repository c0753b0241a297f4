//! `/api/v1/destinations` and `/api/v1/deliveries`

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::problem::Problem;
use super::super::{DeliveryQuery, DeskError, ShownDelivery};
use super::{Api, Asked, DEFAULT_LIMIT, MAX_LIMIT, Named, asked, asked_event, cursor_text, page, span};
use crate::event::{ChatbotId, EventId};
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::State as DeliveryState;
use crate::inbox::{Page, PageRequest, ReceiptFilter, ReceiptId};

/// How long an answer waits for an instruction to be done: another receiver that leads looks every second, and what it
/// does then is one write. A stop must not have to wait for it in vain: it has 10 s by default.
const DONE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is looked whether an instruction is done.
const LOOK: Duration = Duration::from_millis(50);

/// The longest reason for a pause, in bytes.
const MAX_REASON_BYTES: usize = 500;

const DEFAULT_REASON: &str = "an operator has paused it";

pub async fn destinations(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    let destinations = api.desk.destinations().await?;
    let leader = (api.subscription)(false).await["leader"].take();
    Ok(Json(json!({ "destinations": destinations, "leader": leader })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseQuery {
    reason: Option<String>,
}

pub async fn pause(
    State(api): State<Api>,
    name: Named,
    query: Asked<PauseQuery>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let Path(destination) = name.map_err(|_| Problem::not_found())?;
    let allowed = format!("1 to {MAX_REASON_BYTES} bytes");
    let is_allowed = |reason: &String| (1..=MAX_REASON_BYTES).contains(&reason.len());
    let reason = asked("reason", &allowed, query.reason, is_allowed)?;
    let instruction = Instruction::Pause {
        destination: destination.clone(),
        reason: reason.unwrap_or_else(|| DEFAULT_REASON.to_owned()),
    };
    instruct_destination(&api, &destination, instruction).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

pub async fn resume(State(api): State<Api>, name: Named, query: Asked<NoQuery>) -> Result<Response, Problem> {
    query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let Path(destination) = name.map_err(|_| Problem::not_found())?;
    let instruction = Instruction::Resume {
        destination: destination.clone(),
    };
    instruct_destination(&api, &destination, instruction).await
}

pub async fn remove(State(api): State<Api>, name: Named, query: Asked<NoQuery>) -> Result<Response, Problem> {
    query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let Path(destination) = name.map_err(|_| Problem::not_found())?;
    let instruction = Instruction::Remove {
        destination: destination.clone(),
    };
    instruct_destination(&api, &destination, instruction).await
}

async fn instruct_destination(api: &Api, name: &str, instruction: Instruction) -> Result<Response, Problem> {
    match follow(api, instruction).await? {
        Followed::NotYet(instruction) => Ok(not_yet(&instruction)),
        Followed::Done(instruction) => {
            let destinations = api.desk.destinations().await?;
            let destination = destinations
                .into_iter()
                .find(|destination| destination["name"] == name);
            Ok(Json(json!({ "instruction": instruction, "destination": destination })).into_response())
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveriesQuery {
    destination: Option<String>,
    state: Option<String>,
    event: Option<String>,
    event_id: Option<String>,
    chatbot_id: Option<String>,
    since: Option<String>,
    until: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

pub async fn deliveries(
    State(api): State<Api>,
    query: Asked<DeliveriesQuery>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let (wanted, page) = read(query)?;
    let Page { items, next } = api
        .desk
        .deliveries(wanted, page)
        .await
        .map_err(|error| match error {
            DeskError::NoDestination(detail) => Problem::invalid_query(format!("destination: {detail}")),
            other => other.into(),
        })?;
    Ok(Json(
        json!({ "deliveries": items, "next_cursor": next.map(cursor_text) }),
    ))
}

/// What a query asks for, and which page of it.
pub(super) fn read(query: DeliveriesQuery) -> Result<(DeliveryQuery, PageRequest), Problem> {
    let page = page(query.cursor, query.limit, DEFAULT_LIMIT, MAX_LIMIT)?;
    let is_any = |_: &Uuid| true;
    let wanted = DeliveryQuery {
        destination: query.destination,
        state: query.state.map(|text| state(&text)).transpose()?,
        receipts: ReceiptFilter {
            event: asked_event(query.event)?,
            event_id: asked("event_id", "a uuid", query.event_id, is_any)?.map(EventId::new),
            chatbot_id: asked("chatbot_id", "a uuid", query.chatbot_id, is_any)?.map(ChatbotId::new),
        },
        span: span(query.since, query.until)?,
    };
    Ok((wanted, page))
}

fn state(text: &str) -> Result<DeliveryState, Problem> {
    let found = DeliveryState::ALL
        .into_iter()
        .find(|state| state.as_str() == text);
    found.ok_or_else(|| {
        let names = DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
        Problem::invalid_query(format!("state: expected one of {names}, found {text:?}"))
    })
}

/// The parts of a path that name a delivery; refused where one is no text.
type NamedDelivery = Result<Path<(String, String)>, PathRejection>;

pub async fn delivery(State(api): State<Api>, named: NamedDelivery) -> Result<Json<Value>, Problem> {
    let (destination, receipt_id) = ids(named)?;
    let ShownDelivery {
        mut delivery,
        attempts,
    } = found(&api, &destination, receipt_id).await?;
    delivery["attempts"] = attempts.into();
    Ok(Json(delivery))
}

pub async fn retry(
    State(api): State<Api>,
    named: NamedDelivery,
    query: Asked<NoQuery>,
) -> Result<Response, Problem> {
    query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let (destination, receipt_id) = ids(named)?;
    let instruction = Instruction::Retry {
        destination: destination.clone(),
        receipt_id,
    };
    instruct_delivery(&api, &destination, receipt_id, instruction).await
}

pub async fn cancel(
    State(api): State<Api>,
    named: NamedDelivery,
    query: Asked<NoQuery>,
) -> Result<Response, Problem> {
    query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let (destination, receipt_id) = ids(named)?;
    let instruction = Instruction::Cancel {
        destination: destination.clone(),
        receipt_id,
    };
    instruct_delivery(&api, &destination, receipt_id, instruction).await
}

async fn instruct_delivery(
    api: &Api,
    destination: &str,
    receipt_id: ReceiptId,
    instruction: Instruction,
) -> Result<Response, Problem> {
    // So that a wrong id is told from what cannot be done.
    found(api, destination, receipt_id).await?;
    match follow(api, instruction).await? {
        Followed::NotYet(instruction) => Ok(not_yet(&instruction)),
        Followed::Done(instruction) => {
            let ShownDelivery { delivery, .. } = found(api, destination, receipt_id).await?;
            Ok(Json(json!({ "instruction": instruction, "delivery": delivery })).into_response())
        }
    }
}

fn ids(named: NamedDelivery) -> Result<(String, ReceiptId), Problem> {
    let Path((destination, id)) = named.map_err(|_| Problem::not_found())?;
    match id.parse() {
        Ok(id) => Ok((destination, ReceiptId::new(id))),
        Err(_) => Err(Problem::nothing_named("delivery", format!("{destination}/{id}"))),
    }
}

async fn found(api: &Api, destination: &str, receipt_id: ReceiptId) -> Result<ShownDelivery, Problem> {
    let found = api.desk.delivery(destination, receipt_id).await?;
    found.ok_or_else(|| Problem::nothing_named("delivery", format!("{destination}/{receipt_id}")))
}

/// What came of an instruction, as it is shown.
pub enum Followed {
    Done(Value),
    NotYet(Value),
}

/// Gives an instruction and waits for a time until it is done.
///
/// # Cancel safety
/// An instruction that was given is followed also when nobody waits for it.
pub async fn follow(api: &Api, instruction: Instruction) -> Result<Followed, Problem> {
    let id = api.desk.instruct(instruction).await?;
    let deadline = Instant::now() + DONE_TIMEOUT;
    loop {
        let found = api.desk.instruction(id).await?;
        match found {
            Some(found) if found.end == Some(Ok(())) => return Ok(Followed::Done(found.shown)),
            Some(found) => {
                if let Some(Err(reason)) = found.end {
                    return Err(Problem::instruction_failed(reason));
                }
                if Instant::now() >= deadline {
                    return Ok(Followed::NotYet(found.shown));
                }
            }
            // A receiver of another version has written down what this one cannot read.
            None => return Ok(Followed::NotYet(json!({ "id": id }))),
        }
        sleep(LOOK).await;
    }
}

pub fn not_yet(instruction: &Value) -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "instruction": instruction }))).into_response()
}
