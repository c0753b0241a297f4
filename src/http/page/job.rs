//! `/jobs/{event_id}`: what came of a job and when, what failed and why, and where each notification went.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::{Fields, Section, Site, Viewer, delivery, parts};
use crate::clock::{Timestamp, lasting};
use crate::delivery::view::{self, Listed, ShownAttempt};
use crate::event::{ChatbotId, EventId};
use crate::http::admin::jobs::{ask_caigunn, whole};
use crate::http::admin::{Named, id_of};
use crate::http::problem::Problem;
use crate::inbox::jobs::{Step, WholeJob};
use crate::inbox::outbox::{MAX_DESTINATIONS, State as DeliveryState};
use crate::inbox::{JobState, MAX_JOB_RECEIPTS, Origin, PageRequest, ReceiptFilter, ReceiptId};

/// How many deliveries of a job are shown, all of the receipts that are, and of how many their attempts.
const MAX_DELIVERIES: usize = MAX_JOB_RECEIPTS * MAX_DESTINATIONS;
const MAX_WITH_ATTEMPTS: usize = 40;

const ATTEMPTS: [&str; 7] = [
    "Destination",
    "State",
    "Attempt",
    "Began",
    "Took",
    "Outcome",
    "What happened",
];

/// What is known of a delivery's attempts.
enum Attempts {
    Read(Vec<ShownAttempt>),
    NotLookedAt,
    /// One row that is damaged hides no other.
    Unread(view::Error),
}

/// A delivery with that.
type WithAttempts = (Listed, Attempts);

/// Deliveries by receipt.
type Delivered = BTreeMap<ReceiptId, Vec<WithAttempts>>;

pub(super) async fn show(State(site): State<Site>, viewer: Viewer, id: Named) -> Result<Response, Problem> {
    let event_id = id_of(id, "job")?;
    let job = whole(&site.api, event_id).await?;
    let delivered = delivered(&site, event_id).await?;
    let content = html! {
        (facts(&job))
        (backfill_form(&site, &viewer, &job))
        h2 { "What came of it" }
        @if job.notifications.len() >= MAX_JOB_RECEIPTS {
            p {
                "Only " (MAX_JOB_RECEIPTS) " of its notifications are shown, of those that nobody documents the newest: "
                a href=(format!("/receipts?event_id={event_id}")) { "all of them" } "."
            }
        }
        @for (index, step) in job.notifications.iter().enumerate() {
            @let before = index.checked_sub(1).map(|before| job.notifications[before].receipt.received_at);
            (notification(step, before, delivered.get(&step.receipt.id)))
        }
    };
    let title = format!("Job {event_id}");
    Ok(site.page(&viewer, Section::Jobs, &title, content).await)
}

/// The deliveries of a job by receipt.
async fn delivered(site: &Site, event_id: EventId) -> Result<Delivered, Problem> {
    let query = view::Query {
        receipts: ReceiptFilter::of_job(event_id),
        ..view::Query::default()
    };
    let page = PageRequest::first(MAX_DELIVERIES);
    let listed = site.api.deliveries.list(&query, page).await?.items;
    let mut delivered = Delivered::new();
    for (index, listed) in listed.into_iter().enumerate() {
        let attempts = match listed.attempt_count {
            0 => Attempts::Read(Vec::new()),
            _ if index >= MAX_WITH_ATTEMPTS => Attempts::NotLookedAt,
            _ => {
                let deliveries = &site.api.deliveries;
                match deliveries.show(&listed.destination, listed.receipt_id).await {
                    Ok(shown) => {
                        shown.map_or(Attempts::NotLookedAt, |(_, attempts)| Attempts::Read(attempts))
                    }
                    Err(error) if error.is_of_row() => Attempts::Unread(error),
                    Err(error) => return Err(error.into()),
                }
            }
        };
        delivered
            .entry(listed.receipt_id)
            .or_default()
            .push((listed, attempts));
    }
    Ok(delivered)
}

fn facts(job: &WholeJob) -> Markup {
    let received_at = |step: &Step| step.receipt.received_at;
    let (first, last) = (
        job.notifications.first().map(received_at),
        job.notifications.last().map(received_at),
    );
    let chatbot_id: Option<ChatbotId> = job.notifications.iter().find_map(|step| step.receipt.chatbot_id);
    let mut facts = vec![("State", parts::state(job.state.as_str()))];
    match &job.reason {
        Some(reason) => facts.push(("Why", html! { strong { (parts::text(reason)) } })),
        None if job.state == JobState::Failed => {
            facts.push(("Why", html! { strong { "CaiGunn gave no reason" } }));
        }
        None => {}
    }
    facts.push(("Job", html! { code { (job.event_id) } }));
    if let Some(id) = chatbot_id {
        facts.push((
            "Chatbot",
            html! { a href={ "/jobs?chatbot_id=" (id) } { code { (id) } } },
        ));
    }
    if let Some((first, last)) = first.zip(last) {
        facts.push(("First heard of", parts::time_whole(first)));
        if job.notifications.len() > 1 {
            let lasted = html! { (parts::time_whole(last)) " (" (lasting(last.since(first))) " later)" };
            facts.push(("Last heard of", lasted));
        }
    }
    parts::facts(facts)
}

/// What CaiGunn's log is asked with, and what came of a job that is not known to have ended.
fn backfill_form(site: &Site, viewer: &Viewer, job: &WholeJob) -> Markup {
    let is_open = !matches!(job.state, JobState::Completed | JobState::Failed);
    html! {
        @if is_open { p { "No end of it is known: CaiGunn's log says whether there was one." } }
        @if site.api.backfill_job.is_some() {
            (parts::button(viewer, &format!("/jobs/{}/backfill", job.event_id), &[], "Ask CaiGunn's log for what was missed"))
        } @else {
            p.quiet { "CaiGunn's log cannot be asked: this receiver has no access to CaiGunn's API." }
        }
    }
}

fn notification(step: &Step, before: Option<Timestamp>, delivered: Option<&Vec<WithAttempts>>) -> Markup {
    let receipt = &step.receipt;
    let how = match receipt.origin {
        Origin::Webhook => "by webhook",
        Origin::Backfill => "by backfill: the webhook was missed",
    };
    let mut facts = vec![(
        "Came",
        html! { (parts::time_whole(receipt.received_at)) ", " (how) },
    )];
    if let Some(before) = before {
        facts.push(("After", html! { (lasting(receipt.received_at.since(before))) }));
    }
    facts.push((
        "Receipt",
        parts::id_link(receipt.id, &format!("/receipts/{}", receipt.id)),
    ));
    if let Some(detail) = &step.detail {
        facts.push(("Why", parts::text(detail)));
    }
    html! {
        section aria-label=(receipt.event) {
            h3 { (parts::text(&receipt.event.to_string())) }
            (parts::facts(facts))
            @if step.failed_file_count > 0 {
                h4 { (step.failed_file_count) " of the files failed" }
                @if step.failed_file_count > step.failed_files.len() {
                    p {
                        "Here are the first " (step.failed_files.len()) " of " (step.failed_file_count) "; "
                        a href=(format!("/receipts/{}", receipt.id)) { "the receipt" } " has all."
                    }
                }
                ul {
                    @for file in &step.failed_files {
                        li {
                            @if file.filename.is_empty() { "a file without a name" } @else { (parts::text(&file.filename)) }
                            ": "
                            @match &file.detail {
                                Some(detail) => (parts::text(detail)),
                                None => "no reason given",
                            }
                        }
                    }
                }
            }
            @match delivered {
                Some(delivered) => {
                    (parts::table("Deliveries", &ATTEMPTS, &rows(delivered), ""))
                    @for (listed, attempts) in delivered {
                        @if let Attempts::Read(attempts) = attempts { (delivery::not_kept(listed, attempts)) }
                    }
                }
                None => p.quiet { "It goes to no destination." },
            }
        }
    }
}

/// A row an attempt; one of a delivery without any.
fn rows(delivered: &[WithAttempts]) -> Vec<Markup> {
    let mut rows = Vec::new();
    for (listed, attempts) in delivered {
        let path = format!("/deliveries/{}", listed.id);
        let destination = html! { a href=(path) { (parts::text(&listed.destination)) } };
        let state = html! {
            (parts::state(listed.state.as_str()))
            @if listed.state == DeliveryState::Dead { " " a href=(path) { "Retry…" } }
        };
        let row = |is_last: bool, cells: [Markup; 5]| {
            let [number, began, took, outcome, detail] = cells;
            let cells = [
                destination.clone(),
                // It is that of the delivery, after all of them.
                if is_last {
                    state.clone()
                } else {
                    html! {}
                },
                number,
                began,
                took,
                outcome,
                detail,
            ];
            parts::row(&ATTEMPTS, &cells)
        };
        let nothing = || html! { "" };
        let in_all = || html! { a href=(path) { (listed.attempt_count) " in all" } };
        match attempts {
            Attempts::Read(attempts) if attempts.is_empty() => {
                let waits = listed.waits.as_deref().map_or(nothing(), parts::text);
                rows.push(row(true, [html! { "none yet" }, nothing(), nothing(), nothing(), waits]));
            }
            Attempts::Read(attempts) => rows.extend(attempts.iter().enumerate().map(|(index, attempt)| {
                let cells = [
                    html! { (attempt.number) },
                    parts::time(attempt.started_at),
                    html! { (format!("{:.1} ms", attempt.duration_ms)) },
                    html! { (attempt.outcome.as_str()) @if let Some(status) = attempt.status { " (" (status) ")" } },
                    parts::text(&attempt.detail),
                ];
                row(index + 1 == attempts.len(), cells)
            })),
            Attempts::NotLookedAt => {
                rows.push(row(true, [in_all(), nothing(), nothing(), nothing(), nothing()]));
            }
            Attempts::Unread(error) => {
                let why = html! { "they cannot be read: " (error) };
                rows.push(row(true, [in_all(), nothing(), nothing(), nothing(), why]));
            }
        }
    }
    rows
}

pub(super) async fn backfill(State(site): State<Site>, id: Named, _: Fields) -> Result<Response, Problem> {
    let event_id: EventId = id_of(id, "job")?;
    let path = format!("/jobs/{event_id}");
    Ok(match ask_caigunn(&site.api, event_id, None, false).await {
        Ok(outcome) => {
            let (logged, missing) = (outcome.logged_count, outcome.missing.len());
            let names: Vec<_> = outcome
                .missing
                .iter()
                .map(|missing| missing.event.to_string())
                .collect();
            site.after(
                &path,
                match missing {
                    _ if logged == 0 => "CaiGunn's log has nothing of this job.".to_owned(),
                    0 => format!("CaiGunn's log has {logged} of its notifications, and none was missing."),
                    _ => format!("Missed, and stored now: {}.", names.join(", ")),
                },
            )
        }
        Err(problem) => site.after(&path, format!("CaiGunn could not be asked: {}", problem.detail())),
    })
}
