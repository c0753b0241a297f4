//! `/jobs`: which jobs there are, how they stand, and why some failed.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::parts::Filter;
use super::{Section, Site, Viewer, parts};
use crate::http::admin::jobs::{JobsQuery, read};
use crate::http::admin::{Asked, cursor_text};
use crate::http::problem::Problem;
use crate::inbox::jobs::{self, Job, JobPage, JobState};

/// Those that failed within [`DAY`](super::DAY) before whoever follows that: a page may have been open for long.
pub const FAILED_OF_LATE: &str = "/jobs?state=failed&since=24h";

const COLUMNS: [&str; 7] = ["Changed", "Job", "Event", "State", "Why", "Chatbot", "Began"];

pub(super) async fn list(
    State(site): State<Site>,
    viewer: Viewer,
    query: Result<Asked<JobsQuery>, Problem>,
) -> Result<Response, Problem> {
    let (filter, page) = match query.and_then(|Asked(query)| read(query)) {
        Ok(asked) => asked,
        Err(problem) => {
            let form = parts::filters(&viewer, "/jobs", &FILTERS);
            return Ok(site
                .refused(&viewer, (Section::Jobs, "Jobs"), problem, form)
                .await);
        }
    };
    let JobPage { page, looked_back_to } =
        jobs::list(&*site.api.inbox, &filter, site.api.stalled_before(), page).await?;
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let next = page.next.map(cursor_text);
    let content = html! {
        (shortcuts(&viewer))
        (parts::filters(&viewer, "/jobs", &FILTERS))
        (parts::table("Jobs, newest first: by when they ended, or began", &COLUMNS, &rows, "No job matches."))
        @if let Some(at) = looked_back_to {
            p.quiet { "So far everything was looked through that came after " (parts::time(at)) ": “Older” looks on from there." }
        }
        (parts::pager(&viewer, next.as_deref()))
    };
    Ok(site.page(&viewer, Section::Jobs, "Jobs", content).await)
}

const FILTERS: [Filter<'static>; 5] = [
    Filter::choice("state", "State", &JobState::NAMES),
    Filter::text("event", "Event", "crawling"),
    parts::CHATBOT,
    Filter::text("since", "Since (UTC)", "2024-07-30T09:15:00Z"),
    Filter::text("until", "Until (UTC)", "2024-07-30T10:15:00Z"),
];

/// What is asked for most.
fn shortcuts(viewer: &Viewer) -> Markup {
    let links = JobState::NAMES.map(|state| (state, format!("/jobs?state={state}")));
    html! {
        p {
            a href=(FAILED_OF_LATE) { "Failed in the last 24 hours" }
            @for (state, path) in &links {
                @let is_here = viewer.asked("state") == Some(*state) && viewer.asked("since").is_none();
                " · " a href=(path) aria-current=[is_here.then_some("true")] { (state) }
            }
            " · " a href="/jobs" { "all" }
        }
    }
}

fn row(job: &Job) -> Markup {
    let path = format!("/jobs/{}", job.event_id);
    let cells = [
        parts::time(job.changed_at),
        parts::id_link(job.event_id, &path),
        parts::text(&job.event),
        parts::state(job.state.as_str()),
        html! {
            @match &job.reason {
                Some(reason) => (parts::text(reason)),
                None if job.state == JobState::Failed => a href=(path) { "no reason given" },
                None => "",
            }
        },
        html! { @if let Some(id) = job.chatbot_id { (parts::id_link(id, &format!("/jobs?chatbot_id={id}"))) } },
        parts::time(job.began_at),
    ];
    parts::row(&COLUMNS, &cells)
}
