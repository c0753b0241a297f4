//! `/quarantine`: what was refused and kept, why, and a button for what can be accepted after all.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use maud::{Markup, html};

use super::{Fields, Section, Site, Viewer, body, parts};
use crate::event::parse;
use crate::http::admin::quarantine::{QuarantineQuery, found, quarantine_id};
use crate::http::admin::{Asked, Named, cursor_text, page};
use crate::http::problem::Problem;
use crate::inbox::{Page, Quarantined, ReceiptId};

const COLUMNS: [&str; 6] = [
    "Received",
    "Entry",
    "Reason",
    "What was wrong",
    "Bytes",
    "What became of it",
];

pub(super) async fn list(
    State(site): State<Site>,
    viewer: Viewer,
    Asked(query): Asked<QuarantineQuery>,
) -> Result<Response, Problem> {
    let asked = page(query.cursor, query.limit)?;
    let Page { items, next } = site.api.inbox.quarantine(asked).await?;
    let totals = site.api.inbox.quarantine_totals().await?;
    let rows: Vec<_> = items.iter().map(row).collect();
    let next = next.map(cursor_text);
    let content = html! {
        p {
            "Posts that had the right token and were refused, and repeats that say something else than their original. "
            (totals.quarantined_count) " were put here in all; "
            (totals.evicted_count) " have gone again to make room."
        }
        (parts::table("Quarantine, newest first", &COLUMNS, &rows, "Nothing is in quarantine."))
        (parts::pager(&viewer, next.as_deref()))
    };
    Ok(site
        .page(&viewer, Section::Quarantine, "Quarantine", content)
        .await)
}

fn row(kept: &Quarantined) -> Markup {
    let cells = [
        parts::time(kept.received_at),
        parts::id_link(kept.id, &format!("/quarantine/{}", kept.id)),
        html! {
            (parts::text(&kept.reason))
            @if kept.damage.is_some() { " (damaged)" }
        },
        parts::text(&kept.detail),
        html! { (kept.body_bytes) },
        became(kept),
    ];
    parts::row(&COLUMNS, &cells)
}

/// What became of a request.
fn became(kept: &Quarantined) -> Markup {
    let link = |id: ReceiptId| parts::id_link(id, &format!("/receipts/{id}"));
    html! {
        @if let Some(id) = kept.accepted_as { "accepted as " (link(id)) }
        @if let Some(id) = kept.duplicate_of { "differs from " (link(id)) }
    }
}

pub(super) async fn show(State(site): State<Site>, viewer: Viewer, id: Named) -> Result<Response, Problem> {
    let id = quarantine_id(id)?;
    let (kept, posted) = found(&site.api, id).await?;
    let original = match kept.duplicate_of {
        Some(id) => site.api.inbox.receipt(id).await?,
        None => None,
    };
    let content = html! {
        (facts(&kept))
        (accept_form(&viewer, &kept, &posted))
        @match original {
            Some((receipt, original)) => {
                p { "The first that comes counts. What differs stands side by side:" }
                (parts::table("Original and copy", &["The receipt", "This copy"], &[html! {
                    tr {
                        td data-label="The receipt" { (shown(&original, true)) }
                        td data-label="This copy" { (shown(&posted, true)) }
                    }
                }], ""))
                p { "Receipt " (parts::id_link(receipt.id, &format!("/receipts/{}", receipt.id))) }
            }
            None => {
                h2 { "What was posted" }
                (shown(&posted, false))
            }
        }
    };
    let title = format!("In quarantine: {}", kept.reason);
    Ok(site.page(&viewer, Section::Quarantine, &title, content).await)
}

fn facts(kept: &Quarantined) -> Markup {
    let mut facts = vec![
        ("Received", parts::time_whole(kept.received_at)),
        ("What was wrong", html! { strong { (parts::text(&kept.detail)) } }),
        ("Became", became(kept)),
        (
            "Content type",
            kept.content_type.as_deref().map_or(html! { "none" }, parts::text),
        ),
        (
            "Bytes kept",
            match (kept.body_bytes, kept.truncated) {
                (0, true) => html! { "none of it" },
                (bytes, true) => html! { (bytes) ", only the beginning of it" },
                (bytes, false) => html! { (bytes) },
            },
        ),
        ("Request", html! { code { (kept.request_id) } }),
        ("Entry", html! { code { (kept.id) } }),
    ];
    if kept.duplicate_of.is_none() && kept.accepted_as.is_none() {
        facts.retain(|(name, _)| *name != "Became");
    }
    if let Some(damage) = &kept.damage {
        facts.insert(0, ("Damaged", html! { strong { (damage) } }));
    }
    parts::facts(facts)
}

/// A button, where it may help.
fn accept_form(viewer: &Viewer, kept: &Quarantined, posted: &Bytes) -> Markup {
    html! {
        @if kept.accepted_as.is_none() && kept.duplicate_of.is_none() {
            @if kept.truncated {
                @let kept = if kept.body_bytes == 0 { "nothing" } else { "only the beginning" };
                p.quiet { "It cannot be accepted after all, since " (kept) " of it was kept." }
            } @else if let Err(error) = parse(posted) {
                p.quiet { "It cannot be accepted after all: " (parts::text(&error.to_string())) "." }
            } @else {
                (parts::button(viewer, &format!("/quarantine/{}/accept", kept.id), &[], "Accept it after all"))
            }
        }
    }
}

/// A body as it came, or its beginning, laid out where that is asked for.
fn shown(posted: &Bytes, is_laid_out: bool) -> Markup {
    let text = String::from_utf8_lossy(posted);
    let (beginning, is_whole) = body::shown(&text);
    html! {
        pre tabindex="0" aria-label="Body" {
            @if is_laid_out { (body::pretty(beginning)) } @else { (body::as_it_came(beginning)) }
        }
        @if !is_whole {
            p.quiet { "… and " (text.len() - beginning.len()) " bytes more" }
        }
    }
}

pub(super) async fn accept(State(site): State<Site>, id: Named, _: Fields) -> Result<Response, Problem> {
    let id = quarantine_id(id)?;
    Ok(match site.api.acceptance.accept(id).await {
        Ok(accepted) => {
            let event = accepted.notification.name();
            let notice = match accepted.is_new {
                true => format!("{event} is accepted now, as this receipt."),
                false => format!("{event} was accepted before, as this receipt."),
            };
            site.after(&format!("/receipts/{}", accepted.receipt_id), notice)
        }
        Err(refused) => {
            let problem = Problem::from(refused);
            site.after(
                &format!("/quarantine/{id}"),
                format!("It was not accepted: {}.", problem.detail()),
            )
        }
    })
}
