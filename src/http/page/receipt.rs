//! `/receipts/{id}`: all that is known of one receipt, and a form that sends it once more.

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use tokio::task::spawn_blocking;

use super::begun::{Came, FORM_ID, new_form_id};
use super::difference::{Difference, differences};
use super::{Fields, Section, Site, Viewer, body, delivery, parts};
use crate::delivery::view::{Listed, ShownAttempt};
use crate::http::admin::told::{Followed, followed};
use crate::http::admin::{Named, id_of, receipts};
use crate::http::problem::Problem;
use crate::inbox::instruction::{Instruction, Replay};
use crate::inbox::{PageRequest, Quarantined, Receipt};
use crate::trace;

/// How many requests in quarantine are looked at for repeats of a receipt.
const MAX_EXAMINED: usize = 500;

/// How many repeats are compared.
const MAX_REPEATS: usize = 10;

/// A repeat that says something else.
struct Repeat {
    quarantined: Quarantined,
    differences: Vec<Difference>,
}

async fn find(site: &Site, id: Named) -> Result<(Receipt, String), Problem> {
    let (receipt, bytes) = receipts::found(&site.api, id_of(id, "receipt")?).await?;
    Ok((receipt, String::from_utf8_lossy(&bytes).into_owned()))
}

pub(super) async fn show(State(site): State<Site>, viewer: Viewer, id: Named) -> Result<Response, Problem> {
    let (receipt, text) = find(&site, id).await?;
    let destinations = site.api.deliveries.destinations().await?;
    let (mut deliveries, mut unread) = (Vec::new(), Vec::new());
    for (name, shown) in site.api.deliveries.show_all(&receipt).await? {
        match shown {
            Ok(found) => deliveries.push(found),
            Err(error) => unread.push((name, error)),
        }
    }
    let repeats = repeats(&site, &receipt, &text).await?;
    let names: Vec<_> = destinations
        .iter()
        .filter(|destination| destination.kind.is_some())
        .map(|destination| &*destination.name)
        .collect();
    let content = html! {
        (parts::facts(facts(&receipt)))
        (bodies(&receipt, &text))
        h2 { "Deliveries" }
        @if deliveries.is_empty() && unread.is_empty() {
            p.empty { "It goes to no destination." }
        }
        @for (name, error) in &unread { p { "What goes to " (name) " cannot be read: " (error) } }
        @for (delivery, attempts) in &deliveries { (shown_delivery(delivery, attempts)) }
        @if !names.is_empty() { (replay_form(&viewer, &receipt, &names)) }
        @if !repeats.is_empty() {
            h2 { "Repeats that say something else" }
            @for repeat in &repeats { (shown_repeat(repeat)) }
        }
    };
    let title = format!("Receipt of {}", receipt.event);
    Ok(site.page(&viewer, Section::Receipts, &title, content).await)
}

fn facts(receipt: &Receipt) -> Vec<(&'static str, Markup)> {
    let mut facts = vec![
        ("Event", parts::text(&receipt.event.to_string())),
        ("Received", parts::time_whole(receipt.received_at)),
        (
            "Job",
            html! { @if let Some(id) = receipt.event_id { a href={ "/jobs/" (id) } { code { (id) } } } @else { "none" } },
        ),
        (
            "Chatbot",
            html! {
                @if let Some(id) = receipt.chatbot_id {
                    a href={ "/receipts?chatbot_id=" (id) } { code { (id) } }
                } @else { "none" }
            },
        ),
        ("Receipt", html! { code { (receipt.id) } }),
        ("Number", html! { (receipt.sequence) }),
        (
            "Came by",
            html! { (receipt.origin.as_str()) @if receipt.is_sample() { ", a sample" } },
        ),
        ("Size", html! { (receipt.body_bytes) " bytes" }),
    ];
    let traced = receipt.trace.iter().flat_map(|trace| trace.headers());
    let traced = traced.map(|(name, value)| {
        let name = if name == trace::PARENT {
            "Trace"
        } else {
            "Trace state"
        };
        (name, html! { code { (parts::text(value)) } })
    });
    facts.extend(traced);
    if let Some(damage) = &receipt.damage {
        facts.insert(0, ("Damaged", html! { strong { (damage) } }));
    }
    facts
}

fn bodies(receipt: &Receipt, text: &str) -> Markup {
    let (shown, is_whole) = body::shown(text);
    let download = format!("/receipts/{}/body", receipt.id);
    let curl = body::curl(text).filter(|_| is_whole);
    html! {
        h2 { "Body" }
        @if !is_whole {
            p { "Its first " (shown.len()) " bytes; " a href=(download) { "all of it" } " is " (text.len()) " bytes." }
        }
        pre #pretty tabindex="0" aria-label="The body, laid out" { (body::pretty(shown)) }
        details {
            summary { "As it came" }
            pre #raw tabindex="0" aria-label="The body as it came" { (body::as_it_came(shown)) }
        }
        @if let Some(curl) = &curl {
            details {
                summary { "As curl" }
                pre #curl tabindex="0" aria-label="A command that posts it to an application" { (body::as_it_came(curl)) }
            }
        }
        p.actions {
            @if is_whole {
                button.script type="button" data-copy="raw" hidden { "Copy the body" }
            }
            @if curl.is_some() {
                button.script type="button" data-copy="curl" hidden { "Copy as curl" }
            }
            a href=(download) download { "Download the body" }
        }
    }
}

fn shown_delivery(listed: &Listed, attempts: &[ShownAttempt]) -> Markup {
    let path = format!("/deliveries/{}/{}", listed.destination, listed.receipt_id);
    let rows: Vec<_> = attempts.iter().map(delivery::row).collect();
    html! {
        p {
            "To " a href=(path) { (parts::text(&listed.destination)) } ": " (parts::state(listed.state.as_str()))
            @if listed.waits.is_some() { ", " (delivery::how(listed, attempts.last())) }
        }
        @if !rows.is_empty() {
            (parts::table(&format!("Attempts to {}", parts::visible(&listed.destination)), &delivery::COLUMNS, &rows, ""))
            (delivery::not_kept(listed, attempts))
        }
    }
}

fn replay_form(viewer: &Viewer, receipt: &Receipt, names: &[&str]) -> Markup {
    let action = format!("/receipts/{}/replay", receipt.id);
    let fields = html! {
        p.actions {
            label {
                "Send it once more to "
                select name="destination" {
                    @for name in names { option value=(name) { (name) } }
                    @if names.len() > 1 { option value="" { "all of them" } }
                }
            }
            button { "Replay" }
        }
    };
    html! {
        @if viewer.can_change() { (parts::post_form(viewer, &action, &[(FORM_ID, &new_form_id())], fields)) }
    }
}

/// The repeats of a receipt among the newest in quarantine.
async fn repeats(site: &Site, receipt: &Receipt, text: &str) -> Result<Vec<Repeat>, Problem> {
    let newest = PageRequest::first(MAX_EXAMINED);
    let quarantine = site.api.inbox.quarantine(newest).await?;
    let of_receipt = |item: &Quarantined| item.duplicate_of == Some(receipt.id);
    let mut repeats = Vec::new();
    for item in quarantine.items.into_iter().filter(of_receipt).take(MAX_REPEATS) {
        let kept = site.api.inbox.quarantined(item.id).await?;
        let other = kept
            .map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        let is_small = text.len().max(other.len()) <= body::SHOWN_BYTES && !item.truncated;
        let compared = is_small.then(|| {
            let text = text.to_owned();
            spawn_blocking(move || differences(&text, &other))
        });
        repeats.push(Repeat {
            differences: match compared {
                Some(comparing) => comparing.await.expect("differences returns whatever the texts"),
                None => Vec::new(),
            },
            quarantined: item,
        });
    }
    Ok(repeats)
}

fn shown_repeat(repeat: &Repeat) -> Markup {
    const COLUMNS: [&str; 3] = ["Where", "This receipt", "The repeat"];
    let Repeat {
        quarantined,
        differences,
    } = repeat;
    let value = |value: &Option<String>| match value {
        Some(text) => html! { code { (parts::text(text)) } },
        None => html! { span.quiet { "nothing" } },
    };
    let rows: Vec<_> = differences
        .iter()
        .map(|difference| {
            let place = html! { code { (parts::text(&difference.pointer)) } };
            parts::row(
                &COLUMNS,
                &[place, value(&difference.one), value(&difference.other)],
            )
        })
        .collect();
    html! {
        p {
            "Came " (parts::time(quarantined.received_at)) " and is "
            a href={ "/quarantine/" (quarantined.id) } { "in quarantine" } "."
        }
        (parts::table("What differs", &COLUMNS, &rows, "It is too large to be compared here."))
    }
}

pub(super) async fn download(State(site): State<Site>, id: Named) -> Result<Response, Problem> {
    let (receipt, text) = find(&site, id).await?;
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}.json\"", receipt.id),
        ),
    ];
    Ok((headers, text).into_response())
}

pub(super) async fn replay(State(site): State<Site>, id: Named, fields: Fields) -> Result<Response, Problem> {
    let (receipt, _) = find(&site, id).await?;
    let destination = fields.get("destination").map(str::to_owned);
    let instruction = Instruction::Replay(Replay {
        receipt_ids: vec![receipt.id],
        destination: destination.clone(),
        ..Replay::default()
    });
    let here = format!("/receipts/{}", receipt.id);
    let before = match &destination {
        Some(name) => site.api.deliveries.show(name, receipt.id).await?,
        None => None,
    };
    let begin = site.api.deliveries.instruct(&instruction);
    // The form has a choice of destinations, of which each is another replay.
    let form = (fields.get(FORM_ID), destination.as_deref().unwrap_or_default());
    let came = site.kept.begun.once(form, begin).await?;
    let Followed::Done(shown) = followed(&site.api, came.id()).await? else {
        let notice = "It will be sent once more as soon as the receiver that leads has seen to it.";
        return Ok(site.after(&here, notice));
    };
    let to = destination.as_deref().unwrap_or("any destination");
    if shown.progress.replayed_count == 0 {
        let notice = format!(
            "It is not sent to {to} once more: none that was asked wants it, or it is pending there anyway."
        );
        return Ok(site.after(&here, notice));
    }
    match &destination {
        _ if matches!(came, Came::Before(_)) => Ok(site.after(
            &here,
            "It is sent once more already, since the button was pressed before. Press it again to send it yet again.",
        )),
        Some(name) => {
            let last = before.map_or(0, |(_, attempts)| delivery::last_number(&attempts));
            delivery::lead_to_next_attempt(&site, name, receipt.id, last).await
        }
        None => Ok(site.after(&here, "It is being sent once more.")),
    }
}
