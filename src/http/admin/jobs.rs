//! `/api/v1/jobs`

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;

use super::super::BackfillError;
use super::super::problem::Problem;
use super::{Api, Asked, Named, asked};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};
use crate::inbox::Receipt;

/// How long asking CaiGunn about a job may take: its turn must come, and each key that may open it is a call. Shorter
/// than `caigunn-webhook backfill` waits.
const BACKFILL_TIMEOUT: Duration = Duration::from_secs(110);

#[derive(Serialize)]
pub struct Job {
    event_id: EventId,
    state: JobState,
    notifications: Vec<Receipt>,
}

/// What is known of a job: its last word, or that it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum JobState {
    Running,
    Stalled,
    Completed,
    Failed,
}

impl JobState {
    /// The last status that ends a job counts, whether `initial` came before it, after it or not at all. A job whose
    /// first word is older than `stalled_before` and that has not ended is stalled.
    fn of(notifications: &[Receipt], stalled_before: Timestamp) -> Self {
        let ended = notifications
            .iter()
            .rev()
            .find_map(|receipt| match &*receipt.event.status {
                "completed" => Some(Self::Completed),
                "failed" => Some(Self::Failed),
                _ => None,
            });
        let first = notifications.first();
        let is_old = first.is_some_and(|receipt| receipt.received_at < stalled_before);
        ended.unwrap_or(if is_old { Self::Stalled } else { Self::Running })
    }
}

pub async fn job(State(api): State<Api>, id: Named) -> Result<Json<Job>, Problem> {
    let Path(id) = id.map_err(|_| Problem::not_found())?;
    let event_id = id
        .parse()
        .map(EventId::new)
        .map_err(|_| Problem::nothing_named("job", &id))?;
    let notifications = api.inbox.job(event_id).await?;
    if notifications.is_empty() {
        return Err(Problem::nothing_named("job", event_id));
    }
    Ok(Json(Job {
        event_id,
        state: JobState::of(&notifications, Timestamp::now().minus(api.stalled_after)),
        notifications,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackfillQuery {
    chatbot_id: Option<String>,
    dry_run: Option<String>,
}

pub async fn backfill(
    State(api): State<Api>,
    id: Named,
    query: Asked<BackfillQuery>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid_query(error.body_text()))?;
    let Path(id) = id.map_err(|_| Problem::not_found())?;
    let event_id = id
        .parse()
        .map(EventId::new)
        .map_err(|_| Problem::nothing_named("job", &id))?;
    let chatbot_id = asked("chatbot_id", "a uuid", query.chatbot_id, |_: &Uuid| true)?;
    let dry_run = asked("dry_run", "true or false", query.dry_run, |_: &bool| true)?;
    let job = api.backfill_job.ok_or_else(Problem::not_configured)?;
    let asking = job(event_id, chatbot_id.map(ChatbotId::new), dry_run.unwrap_or(false));
    match timeout(BACKFILL_TIMEOUT, asking).await {
        Ok(Ok(outcome)) => Ok(Json(outcome)),
        Ok(Err(BackfillError::CaiGunn(detail))) => Err(Problem::caigunn_failed(detail)),
        Ok(Err(BackfillError::NotLeader(detail))) => Err(Problem::not_leader(detail)),
        Ok(Err(BackfillError::Inbox(error))) => Err(error.into()),
        Err(_) => Err(Problem::caigunn_failed(format!(
            "nothing was heard within {} s: many calls wait for their turn (backfill.max_calls_per_minute), or CaiGunn \
             is slow; asking again is safe",
            BACKFILL_TIMEOUT.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Name, Wire};
    use crate::inbox::{Origin, ReceiptId};

    #[test]
    fn a_job_is_what_its_last_ending_says_wherever_initial_came() {
        let cases: [(&[&str], JobState); 10] = [
            (&["initial"], JobState::Running),
            (&["initial", "completed"], JobState::Completed),
            (&["initial", "failed"], JobState::Failed),
            (&["completed"], JobState::Completed),
            (&["completed", "initial"], JobState::Completed),
            (&["failed", "initial"], JobState::Failed),
            (&["initial", "failed", "completed"], JobState::Completed),
            (&["initial", "completed", "failed"], JobState::Failed),
            (&["initial", "progressing"], JobState::Running),
            (&["completed", "archived"], JobState::Completed),
        ];
        for (statuses, state) in cases {
            let receipts: Vec<_> = (1..)
                .zip(statuses)
                .map(|(sequence, status)| receipt_of(sequence, status))
                .collect();

            let long_ago = Timestamp::from_micros(0);
            assert_eq!(JobState::of(&receipts, long_ago), state, "{statuses:?}");
            let is_open = state == JobState::Running;
            let stalled = if is_open { JobState::Stalled } else { state };
            assert_eq!(
                JobState::of(&receipts, Timestamp::from_micros(1)),
                stalled,
                "{statuses:?}"
            );
        }
    }

    fn receipt_of(sequence: u64, status: &'static str) -> Receipt {
        Receipt {
            id: ReceiptId::new(Uuid::from_u128(sequence.into())),
            sequence,
            received_at: Timestamp::from_micros(0),
            event: Name {
                event: "crawling".into(),
                status: status.into(),
            },
            event_id: Some(EventId::new(Uuid::nil())),
            chatbot_id: None,
            wire: Wire::V2024_07,
            origin: Origin::Webhook,
            body_bytes: 0,
        }
    }
}
