//! What the receiver that leads is told to do, and how it is waited for.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::problem::Problem;
use super::{Answer, Api};
use crate::delivery::instruction::Shown;
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::InstructionId;

/// How long an answer waits for an instruction to be done: another receiver that leads looks every second, and what it
/// does then is one write. A stop must not have to wait for it in vain: it has 10 s by default.
const DONE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is looked whether an instruction is done.
const LOOK: Duration = Duration::from_millis(50);

/// Why an instruction may not be done yet.
pub const NOT_YET: &str = "The receiver that leads has not done it yet: it will.";

/// For what takes no query.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

/// What came of an instruction.
pub enum Followed {
    Done(Box<Shown>),
    NotYet(Given),
}

/// An instruction that was given, as it is shown.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Given {
    Known(Box<Shown>),
    /// A receiver of another version has written down what this one cannot read.
    Unread {
        id: InstructionId,
    },
}

/// Either: what is known has an id too.
impl PartialSchema for Given {
    fn schema() -> RefOr<Schema> {
        let unread = ObjectBuilder::new()
            .property("id", InstructionId::schema())
            .required("id");
        let known = Ref::from_schema_name(Shown::name());
        AnyOfBuilder::new().item(known).item(unread).into()
    }
}

impl ToSchema for Given {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Shown::name().into_owned(), Shown::schema()));
        Shown::schemas(schemas);
    }
}

impl Given {
    pub fn of(id: InstructionId, found: Option<Shown>) -> Self {
        found.map_or(Self::Unread { id }, |shown| Self::Known(Box::new(shown)))
    }
}

/// Gives an instruction and waits for a time until it is done.
///
/// # Errors
/// It was not given, or at least nobody knows that it was; or it cannot be done.
///
/// # Cancel safety
/// An instruction that was given is followed also when nobody waits for it.
pub async fn follow(api: &Api, instruction: Instruction) -> Result<Followed, Problem> {
    let id = api.deliveries.instruct(&instruction).await?;
    followed(api, id).await
}

/// Waits for a time until an instruction that was given is done.
///
/// # Errors
/// It cannot be done.
pub async fn followed(api: &Api, id: InstructionId) -> Result<Followed, Problem> {
    let deadline = Instant::now() + DONE_TIMEOUT;
    loop {
        // It was given, whether or not what became of it can be read.
        let Ok(found) = api.deliveries.instruction(id).await else {
            return Ok(Followed::NotYet(Given::of(id, None)));
        };
        match found.as_ref().map(Shown::end) {
            Some(Some(Err(reason))) => return Err(Problem::instruction_failed(reason.to_owned())),
            Some(None) if Instant::now() < deadline => sleep(LOOK).await,
            Some(None) | None => return Ok(Followed::NotYet(Given::of(id, found))),
            Some(Some(Ok(()))) => return Ok(Followed::Done(Box::new(found.expect("it has ended")))),
        }
    }
}

/// An instruction that the receiver that leads has not done yet: it will.
#[derive(Serialize, utoipa::ToSchema)]
pub struct NotYet {
    instruction: Given,
}

pub fn not_yet(instruction: Given) -> Response {
    (StatusCode::ACCEPTED, Answer(NotYet { instruction })).into_response()
}
