//! `/api/v1/destinations`

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::super::Leader;
use super::super::problem::{Kind, Problem, is_too_long};
use super::super::routes::{About, Routes};
use super::replays::BODY_TIMEOUT;
use super::told::{Followed, NOT_YET, NoQuery, NotYet, follow, not_yet};
use super::{Answer, Api, Asked, Named, asked, name_of};
use crate::delivery::instruction::Shown;
use crate::delivery::view::ShownDestination;
use crate::inbox::instruction::Instruction;

/// The longest reason for a pause, in characters.
pub const MAX_REASON_CHARS: usize = 500;

/// Why it is paused, where nobody says why.
pub const DEFAULT_REASON: &str = "an operator has paused it";

pub fn routes() -> Routes<Api> {
    let told = |summary, description| {
        About::guarded(summary)
            .answers::<DestinationTold>(description)
            .answers_with::<NotYet>(StatusCode::ACCEPTED, NOT_YET)
            .refuses(&[Kind::InstructionFailed])
    };
    let list = || {
        About::guarded("Lists the destinations that are or were configured")
            .answers::<Destinations>("All of them.")
    };
    let pausing = "Sends nothing more to a destination; what is for it is kept";
    let removing = "Removes a destination that is configured no more";
    let pausing = || told(pausing, "It is paused.").query::<PauseQuery>();
    let resuming = || told("Sends to a destination again", "It is sent to.").query::<NoQuery>();
    let removing = || told(removing, "It is removed.").query::<NoQuery>();
    Routes::new()
        .get("/api/v1/destinations", destinations, list)
        .post("/api/v1/destinations/{name}/pause", pause, pausing)
        .post("/api/v1/destinations/{name}/resume", resume, resuming)
        .post("/api/v1/destinations/{name}/remove", remove, removing)
}

/// The destinations that are or were configured, in the order of their first appearance.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Destinations {
    destinations: Vec<ShownDestination>,
    /// Which receiver delivers.
    leader: Leader,
}

pub async fn destinations(State(api): State<Api>) -> Result<Answer<Destinations>, Problem> {
    Ok(Answer(Destinations {
        destinations: api.deliveries.destinations().await?,
        leader: (api.subscription)(false).await.leader,
    }))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PauseQuery {
    /// Why, for people.
    #[param(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

pub async fn pause(
    State(api): State<Api>,
    name: Named,
    Asked(query): Asked<PauseQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let destination = name_of(name)?;
    // A reason in it would be passed over in silence.
    match timeout(BODY_TIMEOUT, to_bytes(request.into_body(), 0)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) if !is_too_long(&error) => return Err(Problem::broken_body()),
        Ok(Err(_)) | Err(_) => {
            return Err(Problem::invalid_query(
                "say why in the query, as ?reason=, and send no body",
            ));
        }
    }
    let allowed = format!("1 to {MAX_REASON_CHARS} characters");
    let is_allowed = |reason: &String| (1..=MAX_REASON_CHARS).contains(&reason.chars().count());
    let reason = asked("reason", &allowed, query.reason, is_allowed)?;
    let reason = reason.unwrap_or_else(|| DEFAULT_REASON.to_owned());
    tell(&api, destination, |destination| Instruction::Pause {
        destination,
        reason,
    })
    .await
}

pub async fn resume(State(api): State<Api>, name: Named, _: Asked<NoQuery>) -> Result<Response, Problem> {
    tell(&api, name_of(name)?, |destination| Instruction::Resume {
        destination,
    })
    .await
}

pub async fn remove(State(api): State<Api>, name: Named, _: Asked<NoQuery>) -> Result<Response, Problem> {
    tell(&api, name_of(name)?, |destination| Instruction::Remove {
        destination,
    })
    .await
}

/// An instruction that is done, and its destination since.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DestinationTold {
    instruction: Shown,
    destination: Option<ShownDestination>,
}

async fn tell(
    api: &Api,
    name: String,
    told: impl FnOnce(String) -> Instruction,
) -> Result<Response, Problem> {
    match follow(api, told(name.clone())).await? {
        Followed::NotYet(instruction) => Ok(not_yet(instruction)),
        Followed::Done(instruction) => {
            let destinations = api.deliveries.destinations().await?;
            let destination = destinations
                .into_iter()
                .find(|destination| destination.name == name);
            Ok(Answer(DestinationTold {
                instruction: *instruction,
                destination,
            })
            .into_response())
        }
    }
}
