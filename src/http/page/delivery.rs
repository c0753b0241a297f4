//! `/deliveries/{destination}/{receipt_id}`: one delivery with every attempt, and what can be done to it.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use tokio::time::{Instant, sleep};

use super::entry::Viewer;
use super::{Section, Site, destinations, parts, replays};
use crate::delivery::view::{self, Listed, ShownAttempt};
use crate::http::admin::deliveries::{self, NamedDelivery};
use crate::http::admin::told::{Followed, follow};
use crate::http::problem::Problem;
use crate::inbox::ReceiptId;
use crate::inbox::instruction::Instruction;
use crate::inbox::outbox::{Outcome, State as DeliveryState};

/// What a row of attempts has.
pub const COLUMNS: [&str; 6] = ["Attempt", "Began", "Took", "Ended", "What happened", "Answer"];

/// How long it is waited for the attempt that a retry leads to, so that one is led to it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

const LOOK: Duration = Duration::from_millis(50);

/// Where one delivery is shown.
pub fn path(listed: &Listed) -> String {
    format!("/deliveries/{}/{}", listed.destination, listed.receipt_id)
}

/// The last attempt, where it failed: the list has only how it ended.
pub async fn last_attempt(site: &Site, listed: &Listed) -> Result<Option<ShownAttempt>, view::Error> {
    if matches!(listed.last_outcome, None | Some(Outcome::Delivered)) {
        return Ok(None);
    }
    let deliveries = &site.api.deliveries;
    let shown = deliveries.show(&listed.destination, listed.receipt_id).await?;
    Ok(shown.and_then(|(_, mut attempts)| attempts.pop()))
}

/// The delivery of the same job that one waits for, if it does.
fn first_of_job(listed: &Listed) -> Option<&str> {
    let id = listed.waits.as_deref()?.strip_prefix("waits for ");
    id.filter(|id| id.contains('/'))
}

/// Why one waits, and how its last attempt ended.
pub fn how(listed: &Listed, last: Option<&ShownAttempt>) -> Markup {
    let failed = last.filter(|last| last.outcome != Outcome::Delivered);
    html! {
        @if let Some(waits) = &listed.waits {
            @match first_of_job(listed) {
                Some(id) => { "waits for " a href=(format!("/deliveries/{id}")) { (parts::text(id)) } },
                None => (parts::text(waits)),
            }
            @if listed.last_outcome.is_some() { "; " }
        }
        @if let Some(outcome) = listed.last_outcome {
            (outcome.as_str())
            @if let Some(last) = failed.filter(|last| !last.detail.is_empty()) { ": " (parts::text(&last.detail)) }
        }
        @if let Some(at) = listed.next_attempt_at { "; next " (parts::time(at)) }
    }
}

pub(super) async fn show(
    State(site): State<Site>,
    viewer: Viewer,
    named: NamedDelivery,
) -> Result<Response, Problem> {
    let (destination, receipt_id) = deliveries::ids(named)?;
    let (listed, attempts) = deliveries::found(&site.api, &destination, receipt_id).await?;
    let rows: Vec<_> = attempts.iter().map(row).collect();
    let is_configured = replays::configured(&site).await?.contains(&destination);
    let content = html! {
        (parts::facts(facts(&listed, &attempts)))
        @if is_configured {
            (actions(&viewer, &listed))
        } @else {
            p.quiet { (destination) " is configured no more: what was for it can neither be tried nor be called off." }
        }
        (parts::table("Attempts, oldest first", &COLUMNS, &rows, "Nothing was tried yet."))
        (not_kept(&listed, &attempts))
    };
    let title = format!("Delivery to {destination}");
    Ok(site.page(&viewer, Section::Deliveries, &title, content).await)
}

fn facts(listed: &Listed, attempts: &[ShownAttempt]) -> Vec<(&'static str, Markup)> {
    let mut facts = vec![
        ("State", parts::state(listed.state.as_str())),
        ("Why, or how", how(listed, attempts.last())),
        ("Event", parts::text(&listed.event.to_string())),
        ("Received", parts::time_whole(listed.received_at)),
        (
            "Receipt",
            html! { a href=(format!("/receipts/{}", listed.receipt_id)) { code { (listed.receipt_id) } } },
        ),
    ];
    if let Some(id) = listed.event_id {
        facts.push(("Job", html! { a href=(format!("/jobs/{id}")) { code { (id) } } }));
    }
    if let Some(at) = listed.next_attempt_at {
        facts.push(("Next attempt", parts::time_whole(at)));
    }
    if let Some(at) = listed.changed_at {
        facts.push(("As of", parts::time_whole(at)));
    }
    facts
}

fn actions(viewer: &Viewer, listed: &Listed) -> Markup {
    let here = path(listed);
    let can_retry = matches!(
        listed.state,
        DeliveryState::Pending | DeliveryState::Dead | DeliveryState::Cancelled
    );
    html! {
        div.actions {
            @if can_retry {
                @let label = if listed.state == DeliveryState::Pending { "Try now" } else { "Retry" };
                (parts::button(viewer, &format!("{here}/retry"), &[], label))
            }
            @if listed.state == DeliveryState::Pending {
                (parts::button(viewer, &format!("{here}/cancel"), &[], "Cancel"))
            }
        }
    }
}

/// That not all attempts are there any more, where it is so.
pub fn not_kept(listed: &Listed, attempts: &[ShownAttempt]) -> Markup {
    let is_cut = attempts.first().is_some_and(|first| first.number > 1);
    html! {
        @if is_cut {
            p.quiet {
                "Of the " (listed.attempt_count) " attempts to " (listed.destination) " the last " (attempts.len()) " are kept."
            }
        }
    }
}

/// An attempt in a list.
pub fn row(attempt: &ShownAttempt) -> Markup {
    let cells = [
        html! { span id=(format!("attempt-{}", attempt.number)) tabindex="-1" { (attempt.number) } },
        parts::time(attempt.started_at),
        html! { (format!("{:.1} ms", attempt.duration_ms)) },
        html! {
            (parts::state(attempt.outcome.as_str()))
            @if let Some(status) = attempt.status { " " (status) }
        },
        parts::text(&attempt.detail),
        html! {
            @if !attempt.answer.is_empty() {
                details { summary { "Its beginning" } pre { (parts::visible_lines(&attempt.answer)) } }
            }
        },
    ];
    parts::row(&COLUMNS, &cells)
}

pub(super) async fn retry(State(site): State<Site>, named: NamedDelivery) -> Result<Response, Problem> {
    let (destination, receipt_id) = deliveries::ids(named)?;
    let (listed, attempts) = deliveries::found(&site.api, &destination, receipt_id).await?;
    let here = path(&listed);
    let instruction = Instruction::Retry {
        destination: destination.clone(),
        receipt_id,
    };
    if let Followed::NotYet(_) = follow(&site.api, instruction).await? {
        return Ok(site.after(&here, "The receiver that leads will try it."));
    }
    lead_to_next_attempt(&site, &destination, receipt_id, last_number(&attempts)).await
}

/// The number of the last attempt, 0 before the first. How many there are is another one: only the latest are kept.
pub fn last_number(attempts: &[ShownAttempt]) -> u32 {
    attempts.last().map_or(0, |last| last.number)
}

/// Leads to the attempt that follows the one of that number, once it has been made; or says what holds it up.
pub async fn lead_to_next_attempt(
    site: &Site,
    destination: &str,
    receipt_id: ReceiptId,
    last: u32,
) -> Result<Response, Problem> {
    let here = format!("/deliveries/{destination}/{receipt_id}");
    let hold = destinations::holds(site, destination).await?;
    if let Some(hold) = hold.as_ref().filter(|hold| !hold.tries_one) {
        return Ok(site.after(&here, format!("{}.", hold.why)));
    }
    let (listed, _) = deliveries::found(&site.api, destination, receipt_id).await?;
    if let Some(first) = first_of_job(&listed) {
        return Ok(site.after(&here, format!("It waits for {first}: try that one.")));
    }
    let deadline = Instant::now() + ATTEMPT_TIMEOUT;
    while Instant::now() < deadline {
        let (_, now) = deliveries::found(&site.api, destination, receipt_id).await?;
        if let Some(newest) = now.last().filter(|newest| newest.number > last) {
            let notice = format!("Attempt {}: {}.", newest.number, newest.outcome.as_str());
            return Ok(site.after(&format!("{here}#attempt-{}", newest.number), notice));
        }
        sleep(LOOK).await;
    }
    let notice = hold.map(|hold| format!("{}.", hold.why));
    let is_on_its_way = || "It is on its way; look again in a moment.".to_owned();
    Ok(site.after(&here, notice.unwrap_or_else(is_on_its_way)))
}

pub(super) async fn cancel(State(site): State<Site>, named: NamedDelivery) -> Result<Response, Problem> {
    let (destination, receipt_id) = deliveries::ids(named)?;
    let (listed, _) = deliveries::found(&site.api, &destination, receipt_id).await?;
    let notice = match follow(
        &site.api,
        Instruction::Cancel {
            destination,
            receipt_id,
        },
    )
    .await?
    {
        Followed::Done(_) => "It is cancelled.",
        Followed::NotYet(_) => "The receiver that leads will cancel it.",
    };
    Ok(site.after(&path(&listed), notice))
}
