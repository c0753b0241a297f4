//! `/deliveries`: what is on its way out and what was given up, and what can be done to one or to all that match.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::delivery::{how, last_attempt, path};
use super::entry::{Viewer, path_with};
use super::parts::{self, Filter};
use super::{Fields, Section, Site, destinations, replays};
use crate::delivery::view::{self, Listed, ShownAttempt, ShownDestination, ShownState};
use crate::http::admin::deliveries::{self, DeliveriesQuery};
use crate::http::admin::{Asked, cursor_text};
use crate::http::problem::Problem;
use crate::inbox::instruction::{Instruction, Replay};
use crate::inbox::outbox::State as DeliveryState;
use crate::inbox::{Cursor, PageRequest};
use crate::words::counted;

const COLUMNS: [&str; 7] = [
    "Received",
    "Destination",
    "Event",
    "State",
    "Tried",
    "Why it waits, or how it ended",
    "Delivery",
];

/// By what a list is filtered; what is done to all that match has these fields too.
const FILTERS: [&str; 7] = [
    "destination",
    "state",
    "event",
    "event_id",
    "chatbot_id",
    "since",
    "until",
];

/// How many deliveries that wait are told something at once. Each is an instruction of its own.
const MAX_TOLD: usize = 200;

pub(super) async fn list(
    State(site): State<Site>,
    viewer: Viewer,
    query: Result<Asked<DeliveriesQuery>, Problem>,
) -> Result<Response, Problem> {
    let known = site.api.deliveries.destinations().await?;
    let names: Vec<_> = known.iter().map(|known| &*known.name).collect();
    let filters = [
        Filter::choice("destination", "Destination", &names),
        Filter::choice("state", "State", &DeliveryState::NAMES),
        parts::EVENT,
        parts::JOB,
        parts::CHATBOT,
        parts::SINCE,
        parts::UNTIL,
    ];
    let form = parts::filters(&viewer, "/deliveries", &filters);
    let listed = match query {
        Ok(Asked(query)) => deliveries::list(&site.api, query).await,
        Err(problem) => Err(problem),
    };
    let page = match listed {
        Ok(page) => page,
        Err(problem) if problem.title().0.is_client_error() => {
            let place = (Section::Deliveries, "Deliveries");
            return Ok(site.refused(&viewer, place, problem, form).await);
        }
        Err(problem) => return Err(problem),
    };
    let mut rows = Vec::with_capacity(page.deliveries.len());
    for listed in &page.deliveries {
        let last = match last_attempt(&site, listed).await {
            Err(error) if !error.is_of_row() => return Err(error.into()),
            last => last,
        };
        rows.push(row(listed, &last));
    }
    let empty = match page.next_cursor {
        Some(_) => "None of the deliveries that were looked at is like that; there are older ones.",
        None => "No delivery matches.",
    };
    let may_be_pending = viewer.asked("state").is_none_or(|state| state == "pending");
    let asked = viewer.asked("destination").filter(|_| may_be_pending);
    let is_gone =
        |known: &ShownDestination| asked == Some(&*known.name) && known.state == ShownState::Unconfigured;
    let content = html! {
        (form)
        (of_all(&viewer, &known))
        (parts::table("Deliveries, newest receipt first", &COLUMNS, &rows, empty))
        @if known.iter().any(is_gone) {
            p.quiet { "What was not tried yet is counted on " a href="/destinations" { "/destinations" } " and not listed." }
        }
        (parts::pager(&viewer, page.next_cursor.as_deref()))
        p { a href="/replays" { "Replays" } ", which send receipts once more." }
    };
    Ok(site
        .page(&viewer, Section::Deliveries, "Deliveries", content)
        .await)
}

fn row(listed: &Listed, last: &Result<Option<ShownAttempt>, view::Error>) -> Markup {
    let read = last.as_ref().ok().and_then(Option::as_ref);
    let cells = [
        parts::time(listed.received_at),
        html! { (listed.destination) },
        parts::text(&listed.event.to_string()),
        parts::state(listed.state.as_str()),
        html! { (listed.attempt_count) },
        html! {
            (how(listed, read))
            // One row that is damaged hides no other.
            @if let Err(error) = last { "; its attempts cannot be read: " (error) }
        },
        parts::id_link(listed.receipt_id, &path(listed)),
    ];
    parts::row(&COLUMNS, &cells)
}

/// What can be done to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Dead letters are sent once more.
    Again,
    /// What waits is tried now.
    Now,
    /// What waits is called off.
    Off,
}

impl Deed {
    const ALL: [Self; 3] = [Self::Again, Self::Now, Self::Off];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Now => "now",
            Self::Off => "off",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Again => "Retry all dead ones that match…",
            Self::Now => "Try all pending ones that match now…",
            Self::Off => "Cancel all pending ones that match…",
        }
    }

    /// What state a delivery has that this can be done to.
    const fn of(self) -> &'static str {
        match self {
            Self::Again => "dead",
            Self::Now | Self::Off => "pending",
        }
    }
}

/// The buttons for all that match, where what is in view can be told that.
fn of_all(viewer: &Viewer, known: &[ShownDestination]) -> Markup {
    let is_asked = |name: &str| viewer.asked("destination").is_none_or(|asked| asked == name);
    // Only those can be told something.
    let mut configured = known.iter().filter(|known| known.kind.is_some());
    if !configured.any(|known| is_asked(&known.name)) {
        return html! {};
    }
    let asked: Vec<_> = FILTERS
        .into_iter()
        .filter_map(|name| Some((name, viewer.asked(name)?)))
        .collect();
    let state = viewer.asked("state");
    html! {
        div.actions {
            @for deed in Deed::ALL {
                @if state.is_none_or(|state| state == deed.of()) {
                    // What waits is told from where the list begins: so one goes on behind those that were told.
                    @let from = viewer.asked("cursor").filter(|_| deed != Deed::Again).map(|at| ("cursor", at));
                    @let fields: Vec<_> = asked.iter().copied().chain(from).chain([("deed", deed.as_str())]).collect();
                    (parts::button(viewer, "/deliveries/all", &fields, deed.label()))
                }
            }
        }
    }
}

pub(super) async fn all(
    State(site): State<Site>,
    viewer: Viewer,
    fields: Fields,
) -> Result<Response, Problem> {
    let deed = Deed::ALL
        .into_iter()
        .find(|deed| fields.get("deed") == Some(deed.as_str()));
    let deed = deed.ok_or_else(|| Problem::invalid_query("deed: expected again, now or off"))?;
    // What comes after it was counted is not what was asked about.
    let until = parts::up_to_now(fields.get("until"));
    let query = DeliveriesQuery {
        until: Some(until.clone()),
        ..query(&fields, deed)
    };
    let kept: Vec<_> = FILTERS
        .into_iter()
        .filter_map(|name| Some((name, fields.get(name)?)))
        .collect();
    let back = path_with("/deliveries", kept.iter().copied());
    if fields.get(parts::CONFIRMED).is_some() {
        return match deed {
            Deed::Again => send_again(&site, &fields, query).await,
            Deed::Now | Deed::Off => tell(&site, deed, query, &back).await,
        };
    }
    let Some((question, label)) = question(&site, deed, query).await? else {
        let none = match deed {
            Deed::Again => "No dead letter matches whose destination is configured.",
            Deed::Now | Deed::Off => "No pending delivery matches whose destination is configured.",
        };
        return Ok(site.after(&back, none));
    };
    let from = fields.get("cursor").map(|at| ("cursor", at));
    let counted = kept.iter().copied().filter(|(name, _)| *name != "until");
    let told = [("until", &*until), ("deed", deed.as_str())];
    let hidden: Vec<_> = counted.chain(from).chain(told).collect();
    let content = parts::confirm(
        &viewer,
        "/deliveries/all",
        &hidden,
        &kept,
        (&question, &label),
        &back,
    );
    let title = "All that match";
    Ok(site.page(&viewer, Section::Deliveries, title, content).await)
}

/// The deliveries that something is to be done to.
fn query(fields: &Fields, deed: Deed) -> DeliveriesQuery {
    let asked = |name: &str| fields.get(name).map(str::to_owned);
    DeliveriesQuery {
        destination: asked("destination"),
        state: Some(deed.of().to_owned()),
        event: asked("event"),
        event_id: asked("event_id"),
        chatbot_id: asked("chatbot_id"),
        since: asked("since"),
        cursor: asked("cursor").filter(|_| deed != Deed::Again),
        ..DeliveriesQuery::default()
    }
}

/// What is asked before it is done, with how many these are, and what the button says; `None` if there are none.
async fn question(
    site: &Site,
    deed: Deed,
    query: DeliveriesQuery,
) -> Result<Option<(String, String)>, Problem> {
    if deed == Deed::Again {
        return Ok(match replays::count(site, replay(query)?).await? {
            Some(0) => None,
            Some(count) => {
                let what = format!("Send {} once more", counted(count, "dead letter"));
                Some((format!("{what}?"), what))
            }
            None => Some((
                "Send all dead letters that match once more? They are still being counted: there are many."
                    .to_owned(),
                "Send all of them once more".to_owned(),
            )),
        });
    }
    let (waiting, next) = waiting(site, query).await?;
    let verb = if deed == Deed::Now { "Try" } else { "Cancel" };
    Ok(match waiting.len() {
        0 => None,
        count if next.is_none() => Some((format!("{verb} {count} pending?"), format!("{verb} {count}"))),
        count => Some((
            format!("{verb} the first {count} pending? There may be more: you are led to those then."),
            format!("{verb} {count}"),
        )),
    })
}

/// Sends the dead letters once more that a query is about.
async fn send_again(site: &Site, fields: &Fields, query: DeliveriesQuery) -> Result<Response, Problem> {
    let id = replays::begun(site, fields, replay(query)?).await?;
    let notice = "The dead letters that match are sent once more.";
    Ok(site.after(&format!("/replays/{id}"), notice))
}

/// What sends the dead letters once more that a query is about.
fn replay(query: DeliveriesQuery) -> Result<Replay, Problem> {
    let (wanted, _) = deliveries::read(query)?;
    Ok(Replay {
        destination: wanted.destination,
        event: wanted.receipts.event,
        event_id: wanted.receipts.event_id,
        chatbot_id: wanted.receipts.chatbot_id,
        since: wanted.span.since,
        until: wanted.span.until,
        dead: true,
        ..Replay::default()
    })
}

/// The first of the deliveries that wait and match, of destinations that are configured, and where the others begin, if there
/// are any.
async fn waiting(site: &Site, query: DeliveriesQuery) -> Result<(Vec<Listed>, Option<Cursor>), Problem> {
    let (wanted, page) = deliveries::read(query)?;
    debug_assert_eq!(wanted.state, Some(DeliveryState::Pending));
    let configured = replays::configured(site).await?;
    let is_there = |name: &String| configured.contains(name);
    if configured.is_empty() || !wanted.destination.as_ref().is_none_or(is_there) {
        return Ok((Vec::new(), None));
    }
    let mut found = Vec::new();
    let mut cursor = page.cursor;
    loop {
        let page = PageRequest::behind(cursor, MAX_TOLD);
        let page = site.api.deliveries.list(&wanted, page).await?;
        let items = page.items.into_iter();
        found.extend(items.filter(|listed| is_there(&listed.destination)));
        cursor = page.next;
        // A page may hold a few more than were asked for: they are told too, since the next one begins behind them.
        if cursor.is_none() || found.len() >= MAX_TOLD {
            return Ok((found, cursor));
        }
    }
}

/// Tells each of them.
async fn tell(site: &Site, deed: Deed, query: DeliveriesQuery, back: &str) -> Result<Response, Problem> {
    let (waiting, next) = waiting(site, query).await?;
    let count = waiting.len();
    let names: BTreeSet<_> = waiting.iter().map(|listed| listed.destination.clone()).collect();
    for Listed {
        destination,
        receipt_id,
        ..
    } in waiting
    {
        let instruction = match deed {
            Deed::Off => Instruction::Cancel {
                destination,
                receipt_id,
            },
            Deed::Now | Deed::Again => Instruction::Retry {
                destination,
                receipt_id,
            },
        };
        site.api.deliveries.instruct(&instruction).await?;
    }
    let are = if count == 1 {
        "delivery is"
    } else {
        "deliveries are"
    };
    let mut notice = match deed {
        Deed::Off => format!("{count} {are} being cancelled."),
        Deed::Now | Deed::Again => format!("{count} {are} due now."),
    };
    for name in names.iter().filter(|_| deed == Deed::Now) {
        if let Some(hold) = destinations::holds(site, name).await? {
            notice += &match hold.tries_one {
                true => format!(" {name} is down: these are tried one after the other."),
                false => format!(" {}.", hold.why),
            };
        }
    }
    let Some(next) = next else {
        return Ok(site.after(back, notice));
    };
    notice += " There may be more: this list begins behind them.";
    let separator = if back.contains('?') { '&' } else { '?' };
    Ok(site.after(&format!("{back}{separator}cursor={}", cursor_text(next)), notice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_to_none_has_no_button() {
        let configured = ShownDestination::sample(ShownState::Active, 1, None, None);
        let gone = ShownDestination {
            name: "old".to_owned(),
            kind: None,
            ..ShownDestination::sample(ShownState::Unconfigured, 1, None, None)
        };
        let viewer = Viewer::default();

        let some = of_all(&viewer, &[gone.clone(), configured]).into_string();

        assert!(some.contains("Retry all dead ones"), "{some}");
        assert_eq!(of_all(&viewer, &[gone]).into_string(), "");
        assert_eq!(of_all(&viewer, &[]).into_string(), "");
    }
}
