//! `/api/v1/jobs`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::super::Unanswered;
use super::super::problem::{Kind, Problem};
use super::super::routes::{About, Routes};
use super::{Answer, Api, Asked, Named, asked, asked_event, cursor_text, id_of, page, span};
use crate::backfill::Outcome;
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};
use crate::inbox::PageRequest;
use crate::inbox::jobs::{self, Job, JobFilter, JobPage, JobState, WholeJob};

pub fn routes() -> Routes<Api> {
    let list = || {
        About::guarded("Lists jobs by how they stand, those that changed last first")
            .query::<JobsQuery>()
            .answers::<JobList>("A page. It may be short or empty and still have a `next_cursor`.")
    };
    let one = || About::guarded("Shows a job with its notifications").answers::<WholeJob>("The job.");
    let backfill_about = || {
        About::guarded("Asks CaiGunn's log about a job and stores what is missing")
            .query::<BackfillQuery>()
            .answers::<Outcome>("What was missing.")
            .refuses(&[Kind::NotConfigured, Kind::NotLeader, Kind::CaiGunnFailed])
    };
    Routes::new()
        .get("/api/v1/jobs", jobs, list)
        .get("/api/v1/jobs/{event_id}", job, one)
        .post("/api/v1/jobs/{event_id}/backfill", backfill, backfill_about)
}

/// How long asking CaiGunn about a job may take: its turn must come, and each key that may open it is a call. Shorter
/// than `caigunn-webhook backfill` waits.
const BACKFILL_TIMEOUT: Duration = Duration::from_secs(110);

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct JobsQuery {
    #[param(value_type = Option<JobState>, inline)]
    state: Option<String>,
    /// An event (`crawling`, `crawling.*`) or an event name (`crawling.completed`).
    event: Option<String>,
    /// Of this chatbot.
    #[param(value_type = Option<Uuid>)]
    chatbot_id: Option<String>,
    /// Changed at that time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
    /// Changed before that time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// The `next_cursor` of an earlier page.
    cursor: Option<String>,
    /// How many: 50 unless asked otherwise.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

/// A page of jobs.
#[derive(Serialize, utoipa::ToSchema)]
pub struct JobList {
    jobs: Vec<Job>,
    next_cursor: Option<String>,
    /// Where the page ended since so many receipts were gone through: jobs that are left out changed before that.
    looked_back_to: Option<Timestamp>,
}

pub async fn jobs(State(api): State<Api>, Asked(query): Asked<JobsQuery>) -> Result<Json<JobList>, Problem> {
    let (filter, page) = read(query)?;
    let JobPage { page, looked_back_to } =
        jobs::list(&*api.inbox, &filter, api.stalled_before(), page).await?;
    Ok(Json(JobList {
        jobs: page.items,
        next_cursor: page.next.map(cursor_text),
        looked_back_to,
    }))
}

/// What a query asks for, and which page of it.
pub(in crate::http) fn read(query: JobsQuery) -> Result<(JobFilter, PageRequest), Problem> {
    let page = page(query.cursor, query.limit)?;
    let states = JobState::NAMES.join(", ");
    let filter = JobFilter {
        state: asked("state", &format!("one of {states}"), query.state, |_| true)?,
        event: asked_event(query.event)?,
        chatbot_id: asked("chatbot_id", "a uuid", query.chatbot_id, |_| true)?,
        span: span(query.since, query.until)?,
    };
    Ok((filter, page))
}

pub async fn job(State(api): State<Api>, id: Named) -> Result<Json<WholeJob>, Problem> {
    whole(&api, id_of(id, "job")?).await.map(Json)
}

/// A job with its notifications.
pub async fn whole(api: &Api, event_id: EventId) -> Result<WholeJob, Problem> {
    let job = jobs::whole(&*api.inbox, event_id, api.stalled_before()).await?;
    job.ok_or_else(|| Problem::nothing_named("job", event_id))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct BackfillQuery {
    /// Of this chatbot.
    #[param(value_type = Option<Uuid>)]
    chatbot_id: Option<String>,
    /// Whether to say only what is missing.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
}

pub async fn backfill(
    State(api): State<Api>,
    id: Named,
    Asked(query): Asked<BackfillQuery>,
) -> Result<Answer<Outcome>, Problem> {
    let event_id = id_of(id, "job")?;
    let chatbot_id = asked("chatbot_id", "a uuid", query.chatbot_id, |_| true)?;
    let dry_run = asked("dry_run", "true or false", query.dry_run, |_| true)?;
    let outcome = ask_caigunn(&api, event_id, chatbot_id, dry_run.unwrap_or(false)).await?;
    Ok(Answer(outcome))
}

/// Asks CaiGunn's log about a job, and stores what was missed unless it is a dry run.
pub async fn ask_caigunn(
    api: &Api,
    event_id: EventId,
    chatbot_id: Option<ChatbotId>,
    dry_run: bool,
) -> Result<Outcome, Problem> {
    let job = api.backfill_job.as_ref().ok_or_else(Problem::no_credentials)?;
    match timeout(BACKFILL_TIMEOUT, job(event_id, chatbot_id, dry_run)).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(Unanswered::Refused(detail))) => Err(Problem::caigunn_failed(detail)),
        Ok(Err(Unanswered::NoLeader(detail))) => Err(Problem::not_leader(detail)),
        Ok(Err(Unanswered::Inbox(error))) => Err(error.into()),
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

    #[test]
    fn the_proxy_that_is_documented_waits_for_the_longest_answer() {
        let document = include_str!("../../../docs/proxies.md");
        let (_, waits) = document.split_once("proxy_read_timeout ").expect("it is said");
        let (seconds, _) = waits.split_once("s;").expect("it ends");
        let seconds: u64 = seconds.parse().expect("a number");

        assert!(Duration::from_secs(seconds) > BACKFILL_TIMEOUT);
        assert!(document.contains(&format!("{seconds} s and more until it gives up an answer")));
    }
}
