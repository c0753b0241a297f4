//! `/replays`: what is sent once more, how far that is, and a form to begin one.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::begun::FORM_ID;
use super::entry::Viewer;
use super::{Fields, Section, Site, destinations, parts};
use crate::delivery::instruction::Shown;
use crate::http::admin::Named;
use crate::http::admin::replays;
use crate::http::admin::told::{Followed, follow};
use crate::http::problem::Problem;
use crate::inbox::instruction::{Instruction, Replay};
use crate::inbox::outbox::InstructionId;
use crate::words::counted;

const COLUMNS: [&str; 5] = ["Begun", "What", "State", "Made pending", "Replay"];

/// How many are listed: the latest.
const COUNT: usize = 50;

/// The fields of the form, with what each is and may be. The names are the API's.
const FIELDS: [(&str, &str, &str); 6] = [
    ("event", "Event", "crawling.completed"),
    ("event_id", "Job", "its id"),
    ("chatbot_id", "Chatbot", "its id"),
    ("since", "Received since (UTC)", "2024-07-30T09:15:00Z"),
    ("until", "Received before (UTC)", "2024-07-30T09:15:00Z"),
    (
        "max_per_second",
        "At most a second",
        "no limit but the destination's",
    ),
];

/// What a field of the form is called on it.
pub(super) fn label(name: &str) -> &str {
    let field = FIELDS.iter().find(|(field, ..)| *field == name);
    field.map_or(name, |(_, label, _)| label)
}

pub(super) async fn list(State(site): State<Site>, viewer: Viewer) -> Result<Response, Problem> {
    // One more, to know whether there is one.
    let replays = site.api.deliveries.replays(COUNT + 1).await?;
    let rows: Vec<_> = replays.iter().take(COUNT).map(row).collect();
    let names = configured(&site).await?;
    let content = html! {
        (parts::table("Replays, newest first", &COLUMNS, &rows, "Nothing was sent once more yet."))
        @if replays.len() > COUNT {
            p.quiet { "These are the latest " (COUNT) "; of those before, the search finds one by its id." }
        }
        h2 { "Send once more" }
        p { "Receipts that match all of this, to each destination that wants them, under the same ids. They are counted first." }
        @if viewer.can_change() {
            (form(&viewer, &names, |_| None))
        }
    };
    Ok(site.page(&viewer, Section::Deliveries, "Replays", content).await)
}

/// What a replay can be of, with what was given before.
fn form<'a>(viewer: &Viewer, names: &[String], given: impl Fn(&str) -> Option<&'a str>) -> Markup {
    let fields = html! {
        div.filters {
            p {
                label for="replay-destination" { "Destination" }
                select #replay-destination name="destination" {
                    option value="" { "all" }
                    @for name in names { option value=(name) selected[given("destination") == Some(name)] { (name) } }
                }
            }
            @for (name, label, example) in FIELDS {
                p {
                    label for={ "replay-" (name) } { (label) }
                    input id={ "replay-" (name) } name=(name) value=(given(name).unwrap_or_default())
                        placeholder=(example) autocomplete="off";
                }
            }
            p {
                label for="replay-dead" { "Which" }
                select #replay-dead name="dead" {
                    option value="" { "all that match" }
                    option value="true" selected[given("dead").is_some()] { "dead letters only" }
                }
            }
            p { button { "Count them…" } }
        }
    };
    parts::post_form(viewer, "/replays", &[], fields)
}

/// The names of the destinations that receipts can be sent to.
pub(super) async fn configured(site: &Site) -> Result<Vec<String>, Problem> {
    let known = site.api.deliveries.destinations().await?;
    let configured = known.into_iter().filter(|known| known.kind.is_some());
    Ok(configured.map(|known| known.name).collect())
}

fn row(shown: &Shown) -> Markup {
    let cells = [
        parts::time(shown.created_at),
        html! { (what(shown)) },
        parts::state(shown.state.as_str()),
        html! { (shown.progress.replayed_count) },
        parts::id_link(shown.id, &format!("/replays/{}", shown.id)),
    ];
    parts::row(&COLUMNS, &cells)
}

/// What is sent once more, in words.
fn what(shown: &Shown) -> String {
    let Instruction::Replay(replay) = &shown.instruction.instruction else {
        return String::new();
    };
    let kind = if replay.dead { "dead letter" } else { "receipt" };
    let count = shown
        .instruction
        .receipt_id_count
        .unwrap_or(replay.receipt_ids.len());
    let named = match count {
        0 => format!("{kind}s"),
        count => counted(count, &format!("named {kind}")),
    };
    let to = replay.destination.as_deref().unwrap_or("all destinations");
    let mut words = format!("{named} to {to}");
    for (name, value) in [
        ("event", replay.event.clone()),
        ("job", replay.event_id.map(|id| id.to_string())),
        ("chatbot", replay.chatbot_id.map(|id| id.to_string())),
        ("since", replay.since.map(|at| at.to_string())),
        ("before", replay.until.map(|at| at.to_string())),
    ] {
        if let Some(value) = value {
            words += &format!(", {name} {value}");
        }
    }
    words
}

pub(super) async fn show(State(site): State<Site>, viewer: Viewer, id: Named) -> Result<Response, Problem> {
    let shown = replays::found(&site.api, id).await?;
    let progress = &shown.progress;
    let is_open = shown.end().is_none();
    let whole = progress.last.saturating_sub(progress.first);
    let done = progress.position.saturating_sub(progress.first).min(whole);
    let mut facts = vec![
        ("What", parts::text(&what(&shown))),
        ("State", parts::state(shown.state.as_str())),
        ("Begun", parts::time_whole(shown.created_at)),
        ("Looked at", html! { (progress.examined_count) }),
        ("Match", html! { (progress.matched_count) }),
        ("Made pending", html! { (progress.replayed_count) }),
    ];
    if let Some(at) = shown.done_at {
        facts.push(("Done", parts::time_whole(at)));
    }
    if let Some(name) = progress.waits_for.as_ref().filter(|_| is_open) {
        facts.push((
            "Waits for",
            parts::text(&format!("{name}, which takes no more now")),
        ));
    }
    if let Some(failure) = &progress.failure {
        facts.push(("Why not", parts::text(failure)));
    }
    let held = held(&site, &shown).await?;
    let content = html! {
        // The script asks for it again while it is open.
        div #replay data-again=[is_open.then_some("2")] {
            (parts::facts(facts))
            @for why in &held { p.failure { (parts::whole(why)) "." } }
            @if is_open && whole > 0 {
                p {
                    label for="progress" { "How far it is" }
                    progress #progress max=(whole) value=(done) { (done) " of " (whole) }
                }
            }
            div.actions {
                @if is_open {
                    a href=(format!("/replays/{}", shown.id)) { "Look again" }
                    (parts::button(&viewer, &format!("/replays/{}/end", shown.id), &[], "End it here"))
                }
                a href=(deliveries_of(&shown, "pending")) { "What of it waits" }
                a href=(deliveries_of(&shown, "dead")) { "What of it was given up" }
            }
        }
    };
    Ok(site.page(&viewer, Section::Deliveries, "Replay", content).await)
}

/// What holds up what it made pending, in words.
async fn held(site: &Site, shown: &Shown) -> Result<Vec<String>, Problem> {
    let Instruction::Replay(replay) = &shown.instruction.instruction else {
        return Ok(Vec::new());
    };
    let mut held = Vec::new();
    for name in configured(site).await? {
        let is_concerned = replay.destination.as_ref().is_none_or(|only| *only == name);
        if is_concerned && shown.progress.replayed_count > 0 {
            held.extend(destinations::holds(site, &name).await?.map(|hold| hold.why));
        }
    }
    Ok(held)
}

/// Where its deliveries are listed that stand so.
fn deliveries_of(shown: &Shown, state: &str) -> String {
    let Instruction::Replay(replay) = &shown.instruction.instruction else {
        return "/deliveries".to_owned();
    };
    let filters = [
        ("state", Some(state.to_owned())),
        ("destination", replay.destination.clone()),
        ("event", replay.event.clone()),
        ("event_id", replay.event_id.map(|id| id.to_string())),
        ("chatbot_id", replay.chatbot_id.map(|id| id.to_string())),
        ("since", replay.since.map(|at| at.to_string())),
        ("until", replay.until.map(|at| at.to_string())),
    ];
    let asked = filters
        .iter()
        .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    super::entry::path_with("/deliveries", asked)
}

/// Counts what a replay would send, and then begins it.
pub(super) async fn begin(
    State(site): State<Site>,
    viewer: Viewer,
    fields: Fields,
) -> Result<Response, Problem> {
    // What comes after it was counted is not what was asked about.
    let until = parts::up_to_now(fields.get("until"));
    let names = || {
        let fields = FIELDS.iter().map(|(name, ..)| *name);
        fields.chain(["destination", "dead"])
    };
    let given = names().filter(|name| *name != "until");
    let given = given.filter_map(|name| Some((name, fields.get(name)?)));
    let given: Vec<_> = given.chain([("until", &*until)]).collect();
    let replay = match read(&given) {
        Ok(replay) => replay,
        Err(problem) => {
            let names = configured(&site).await?;
            let form = form(&viewer, &names, |name| fields.get(name));
            let place = (Section::Deliveries, "Send once more");
            return Ok(site.refused(&viewer, place, problem, form).await);
        }
    };
    if fields.get(parts::CONFIRMED).is_some() {
        let id = begun(&site, &fields, replay).await?;
        return Ok(site.after(&format!("/replays/{id}"), "It has begun."));
    }
    let (question, label) = match count(&site, replay).await? {
        Some(0) => return Ok(site.after("/replays", "Nothing matches.")),
        Some(count) => (format!("Send {count} once more?"), format!("Send {count}")),
        None => (
            "Send all that match once more? They are still being counted: there are many.".to_owned(),
            "Send all of them".to_owned(),
        ),
    };
    let asked = names().filter_map(|name| Some((name, fields.get(name)?)));
    let asked: Vec<_> = asked.collect();
    let content = parts::confirm(
        &viewer,
        "/replays",
        &given,
        &asked,
        (&question, &label),
        "/replays",
    );
    Ok(site
        .page(&viewer, Section::Deliveries, "Send once more", content)
        .await)
}

/// The replay that a form asks for, which the first time that it comes begins it.
pub(super) async fn begun(site: &Site, fields: &Fields, replay: Replay) -> Result<InstructionId, Problem> {
    let replay = Instruction::Replay(replay);
    let begin = site.api.deliveries.instruct(&replay);
    let came = site.kept.begun.once((fields.get(FORM_ID), ""), begin).await?;
    Ok(came.id())
}

/// How much a replay would send; `None` where counting takes long.
pub(super) async fn count(site: &Site, replay: Replay) -> Result<Option<u64>, Problem> {
    let counting = Replay {
        dry_run: true,
        ..replay
    };
    match follow(&site.api, Instruction::Replay(counting)).await? {
        Followed::Done(shown) => Ok(Some(shown.progress.matched_count)),
        Followed::NotYet(_) => Ok(None),
    }
}

/// Reads the form by the API's rules: a number and a truth are none of JSON's texts.
fn read(given: &[(&str, &str)]) -> Result<Replay, Problem> {
    let member = |(name, value): &(&str, &str)| {
        let value = match *name {
            "dead" => (*value == "true").into(),
            "max_per_second" => match value.parse::<f64>().ok().filter(|rate| rate.is_finite()) {
                Some(rate) => rate.into(),
                None => (*value).into(),
            },
            _ => (*value).into(),
        };
        ((*name).to_owned(), value)
    };
    let members: serde_json::Map<String, serde_json::Value> = given.iter().map(member).collect();
    replays::read(serde_json::Value::Object(members).to_string().as_bytes())
}

pub(super) async fn end(State(site): State<Site>, id: Named) -> Result<Response, Problem> {
    let id = replays::found(&site.api, id).await?.id;
    let notice = match follow(&site.api, Instruction::EndReplay { id }).await? {
        Followed::Done(_) => "It is ended; what it has made pending is sent.",
        Followed::NotYet(_) => "The receiver that leads will end it.",
    };
    Ok(site.after(&format!("/replays/{id}"), notice))
}
