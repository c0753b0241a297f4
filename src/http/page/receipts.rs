//! `/receipts`: what was accepted, newest first, with what comes put in front by the script.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::entry::path_with;
use super::parts::Filter;
use super::{Section, Site, Viewer, parts};
use crate::http::admin::receipts::{Asking, ReceiptsQuery, newest, read};
use crate::http::admin::{Asked, cursor_text};
use crate::http::problem::Problem;
use crate::inbox::{Page, Receipt};

/// What a row of receipts has.
pub const COLUMNS: [&str; 6] = ["Received", "Event", "Receipt", "Job", "Chatbot", "Came by"];

const FILTERS: [Filter<'static>; 5] = [
    parts::EVENT,
    parts::CHATBOT,
    parts::JOB,
    parts::SINCE,
    parts::UNTIL,
];

pub(super) async fn receipts(
    State(site): State<Site>,
    viewer: Viewer,
    query: Result<Asked<ReceiptsQuery>, Problem>,
) -> Result<Response, Problem> {
    let Asking { wanted, page, .. } = match query.and_then(|Asked(query)| read(query)) {
        Ok(asking) => asking,
        Err(problem) => {
            let form = parts::filters(&viewer, "/receipts", &FILTERS);
            let place = (Section::Receipts, "Receipts");
            return Ok(site.refused(&viewer, place, problem, form).await);
        }
    };
    let is_newest = page.cursor.is_none() && wanted.span.until.is_none();
    // Before the list is read, so that nothing is missed between.
    let last = site.api.inbox.outbox().last_sequence().await?;
    let Page { items, next } = newest(&site.api, wanted, page).await?;
    let rows: Vec<_> = items.iter().map(row).collect();
    let next = next.map(cursor_text);
    let asked = FILTERS
        .iter()
        .filter_map(|filter| Some((filter.name, viewer.asked(filter.name)?)));
    let asked: Vec<_> = asked.collect();
    let empty = match next {
        Some(_) => "None of the receipts that were looked at is like that; there are older ones.",
        None => "There is no receipt like that.",
    };
    let content = html! {
        (parts::filters(&viewer, "/receipts", &FILTERS))
        @if is_newest { (live(&asked, last)) }
        (parts::table("Receipts, newest first", &COLUMNS, &rows, empty))
        (parts::pager(&viewer, next.as_deref()))
    };
    Ok(site.page(&viewer, Section::Receipts, "Receipts", content).await)
}

/// Where the script says how it stands with what comes, which it puts in front of the rows of the table that follows. `last` is
/// the number of the newest receipt before these rows were read, and `asked` what else they are filtered by.
pub fn live(asked: &[(&str, &str)], last: u64) -> Markup {
    let last = last.to_string();
    let after = ("after", &*last);
    let source = path_with("/live", asked.iter().copied().chain([after]));
    html! {
        p #live .script hidden data-source=(source) {
            span.state role="status" { "connecting" }
            " "
            button type="button" { "Pause" }
            " "
            span.count {}
        }
    }
}

/// A receipt in a list.
pub fn row(receipt: &Receipt) -> Markup {
    let cells = [
        parts::time(receipt.received_at),
        html! {
            (parts::text(&receipt.event.to_string()))
            @if receipt.damage.is_some() { " (damaged)" }
        },
        parts::id_link(receipt.id, &format!("/receipts/{}", receipt.id)),
        html! {
            @if let Some(id) = receipt.event_id { (parts::id_link(id, &format!("/jobs/{id}"))) } @else { "none" }
        },
        html! {
            @if let Some(id) = receipt.chatbot_id {
                (parts::id_link(id, &format!("/receipts?chatbot_id={id}")))
            } @else { "none" }
        },
        html! { (receipt.origin.as_str()) },
    ];
    parts::numbered_row(Some(receipt.sequence), &COLUMNS, &cells)
}
