//! `/destinations`: how each one is, what is wrong in words, what it was sent lately, and a button to pause it.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::entry::{Viewer, path_with};
use super::plot::{self, Line, Over};
use super::{Fields, Section, Site, parts};
use crate::clock::Timestamp;
use crate::delivery::view::{ShownDestination, ShownState, TroubleKind};
use crate::http::admin::destinations::{DEFAULT_REASON, MAX_REASON_CHARS};
use crate::http::admin::told::{Followed, follow};
use crate::http::admin::{Named, name_of};
use crate::http::problem::Problem;
use crate::inbox::instruction::Instruction;
use crate::minutes::Attempts;
use crate::words::counted;

const HERE: &str = "/destinations";

pub(super) async fn list(State(site): State<Site>, viewer: Viewer) -> Result<Response, Problem> {
    let destinations = site.api.deliveries.destinations().await?;
    let leader = (site.api.subscription)(false).await.leader;
    let now = Timestamp::now();
    let content = html! {
        @if !leader.is_self {
            p {
                "This receiver does not lead: what is pending and what failed last is known to "
                @match &leader.name { Some(name) => (parts::text(name)), None => "the one that does" }
                "."
            }
        }
        @if destinations.is_empty() {
            p.empty { "No destination is configured: receipts are kept, and taken nowhere. docs/delivery.md says how to name one." }
        }
        @for destination in &destinations {
            section aria-labelledby=(format!("destination-{}", destination.name)) {
                h2 id=(format!("destination-{}", destination.name)) { (destination.name) }
                (parts::facts(facts(destination)))
                (actions(&viewer, destination))
                @if let Some(attempts) = site.traffic.attempts_of(&destination.name) {
                    (plots(&attempts, now))
                }
            }
        }
    };
    Ok(site
        .page(&viewer, Section::Destinations, "Destinations", content)
        .await)
}

/// What it did not take, if that was given up, and what to do.
pub fn dead_letters(destination: &ShownDestination) -> Option<String> {
    // Of one that is configured no more nothing can be sent again: nobody is to mend it.
    let can_be_sent = !matches!(destination.state, ShownState::Unconfigured | ShownState::Removed);
    let is_told = destination.dead_count > 0 && can_be_sent;
    let letters = counted(destination.dead_count, "dead letter");
    is_told.then(|| format!("{} has {letters}: {LOOK_AND_RETRY}", destination.name))
}

const LOOK_AND_RETRY: &str = "see why they were given up, and retry them once that is mended";

/// What keeps it from taking what is for it, in words, and what to do; `None` where nothing does.
pub fn standing(destination: &ShownDestination) -> Option<String> {
    let (name, count) = (&destination.name, destination.pending_count);
    let trouble = destination.trouble.as_ref()?;
    let time = |at: Option<Timestamp>| at.map_or("a time that is not known".to_owned(), utc);
    let (since, until) = (time(trouble.since), time(trouble.until));
    let detail = parts::brief(trouble.detail.as_deref().unwrap_or("why is not known"));
    let status = destination.status.as_ref();
    let oldest = status.and_then(|status| status.oldest_received_at);
    let oldest = oldest.map_or(String::new(), |at| format!(", the oldest received {}", utc(at)));
    Some(match trouble.kind {
        TroubleKind::Unconfigured => format!(
            "{name} is configured no more: it gets nothing, and what waits for it is given up after {until}; pending: {count}. If \
             that is not meant, put it back into the settings under this name; else remove it"
        ),
        TroubleKind::Paused | TroubleKind::PausedItself => {
            format!(
                "{name} is paused since {since}: {detail}. Resume it when it is ready for what is pending"
            )
        }
        TroubleKind::Down if trouble.until.is_some() => {
            format!(
                "{name} is down since {since}: {detail}. It asked to be left alone until {until}. {TRY_NOW}"
            )
        }
        TroubleKind::Down => format!(
            "{name} is down since {since}: {detail}. Mend what that says; what is new, and what failed since, is sent as soon as it takes something"
        ),
        TroubleKind::Quiet => {
            format!(
                "{name} asked to be left alone until {until}: {detail}. Waiting for it: {count}{oldest}. {TRY_NOW}"
            )
        }
        TroubleKind::Failing => {
            format!(
                "{name} took nothing since {since}: {detail}. Waiting for it: {count}{oldest}. Mend what that says"
            )
        }
        TroubleKind::WaitsLong => format!(
            "what waits for {name} waits for long: {count}{oldest}. See why in the list of what is pending"
        ),
    })
}

fn utc(at: Timestamp) -> String {
    parts::utc(&at.to_string())
}

const TRY_NOW: &str = "Try it now if it is ready for that";

/// Why not all is sent to a destination at once that is due.
pub struct Hold {
    /// In words.
    pub why: String,
    /// Whether one that somebody wants tried is tried all the same.
    pub tries_one: bool,
}

/// What holds back what is for it; `None` where nothing does.
pub async fn holds(site: &Site, name: &str) -> Result<Option<Hold>, Problem> {
    let all = site.api.deliveries.destinations().await?;
    Ok(all.iter().find(|known| known.name == name).and_then(hold))
}

fn hold(destination: &ShownDestination) -> Option<Hold> {
    let name = &destination.name;
    let is_down = destination.state == ShownState::Down;
    let quiet_until = destination.status.as_ref().and_then(|status| status.quiet_until);
    let why = match (destination.state, quiet_until) {
        (ShownState::Paused, _) => format!("{name} is paused: it is sent when you resume it"),
        (ShownState::Active | ShownState::Down, Some(until)) => format!(
            "{name} asked to be left alone until {}: it is sent then, or when you have {name} tried now",
            utc(until)
        ),
        (ShownState::Down, None) => format!(
            "{name} is down: one delivery is tried now and then, and the others go as soon as it takes something"
        ),
        _ => return None,
    };
    let tries_one = is_down && quiet_until.is_none();
    Some(Hold { why, tries_one })
}

fn facts(destination: &ShownDestination) -> Vec<(&'static str, Markup)> {
    let of_state = |state| {
        path_with(
            "/deliveries",
            [("destination", &*destination.name), ("state", state)],
        )
    };
    let mut facts = vec![("State", parts::state(destination.state.as_str()))];
    if let Some(standing) = standing(destination) {
        facts.push(("What to do", parts::whole(&standing)));
    }
    if let (Some(kind), Some(to)) = (destination.kind, &destination.to) {
        facts.push(("Where", html! { (kind) " " (parts::text(to)) }));
    }
    facts.push((
        "Pending",
        html! { a href=(of_state("pending")) { (destination.pending_count) } },
    ));
    facts.push((
        "Dead letters",
        html! {
            a href=(of_state("dead")) { (destination.dead_count) }
            @if dead_letters(destination).is_some() { ": " (LOOK_AND_RETRY) }
        },
    ));
    if let Some(status) = &destination.status {
        if let Some(at) = status.oldest_received_at {
            facts.push(("Oldest pending", parts::time_whole(at)));
        }
        facts.push(("Under way", html! { (status.in_flight_count) }));
        if let Some(failure) = &status.last_failure {
            facts.push((
                "Last failure",
                html! { (parts::time_whole(failure.at)) ": " (parts::text(&failure.detail)) },
            ));
        }
    }
    if let Some(at) = destination.removed_after {
        facts.push(("Removed after", parts::time_whole(at)));
    }
    facts
}

fn actions(viewer: &Viewer, destination: &ShownDestination) -> Markup {
    let path = |verb: &str| format!("{HERE}/{}/{verb}", destination.name);
    let reason = format!("reason-{}", destination.name);
    let status = destination.status.as_ref();
    let is_quiet = status.is_some_and(|status| status.quiet_until.is_some());
    let pause = || {
        let fields = html! {
            label for=(reason) { "Why" }
            input id=(reason) name="reason" maxlength=(MAX_REASON_CHARS) autocomplete="off";
            " " button { "Pause" }
        };
        if viewer.can_change() {
            parts::post_form(viewer, &path("pause"), &[], fields)
        } else {
            parts::button(viewer, &path("pause"), &[], "Pause")
        }
    };
    let try_or_pause = || {
        html! {
            (parts::button(viewer, &path("resume"), &[], "Try now"))
            (pause())
        }
    };
    html! {
        div.actions {
            @match destination.state {
                ShownState::Down => (try_or_pause()),
                ShownState::Active if is_quiet => (try_or_pause()),
                ShownState::Active => (pause()),
                ShownState::Paused => (parts::button(viewer, &path("resume"), &[], "Resume")),
                ShownState::Unconfigured => (parts::button(viewer, &path("remove"), &[], "Remove now…")),
                ShownState::Removed => {}
            }
        }
    }
}

fn plots(attempts: &Attempts, now: Timestamp) -> Markup {
    let over = Over::Hour;
    let (made, failed, milliseconds) = (
        attempts.made.last(now, over.minutes()),
        attempts.failed.last(now, over.minutes()),
        attempts.milliseconds.last(now, over.minutes()),
    );
    html! {
        (plot::counts(&Line { name: "Attempts", minutes: &made }, over, now))
        (plot::counts(&Line { name: "Failed attempts", minutes: &failed }, over, now))
        (plot::averages("An attempt took", &milliseconds, &made, over, now))
        p.quiet { "Of this receiver, since it was started." }
    }
}

pub(super) async fn pause(
    State(site): State<Site>,
    name: Named,
    fields: Fields,
) -> Result<Response, Problem> {
    let destination = name_of(name)?;
    let reason = fields.get("reason").unwrap_or(DEFAULT_REASON).to_owned();
    if reason.chars().count() > MAX_REASON_CHARS {
        return Err(Problem::invalid_query(format!(
            "reason: expected 1 to {MAX_REASON_CHARS} characters"
        )));
    }
    tell(
        &site,
        Instruction::Pause { destination, reason },
        "Nothing is sent to it now; what is for it is kept.",
    )
    .await
}

pub(super) async fn resume(State(site): State<Site>, name: Named) -> Result<Response, Problem> {
    let destination = name_of(name)?;
    tell(&site, Instruction::Resume { destination }, "It is sent to again.").await
}

/// Removes one that is configured no more, once that is confirmed: what is pending for it goes.
pub(super) async fn remove(
    State(site): State<Site>,
    viewer: Viewer,
    name: Named,
    fields: Fields,
) -> Result<Response, Problem> {
    let destination = name_of(name)?;
    if fields.get(parts::CONFIRMED).is_some() {
        return tell(&site, Instruction::Remove { destination }, "It is removed.").await;
    }
    let all = site.api.deliveries.destinations().await?;
    let pending = all
        .iter()
        .find(|known| known.name == destination)
        .map_or(0, |known| known.pending_count);
    let waiting = counted(pending, "delivery");
    let question = format!("Remove {destination}? What waits for it is not sent any more: {waiting}.");
    let path = format!("{HERE}/{destination}/remove");
    let content = parts::confirm(&viewer, &path, &[], &[], (&question, "Remove it"), HERE);
    Ok(site
        .page(&viewer, Section::Destinations, "Remove a destination", content)
        .await)
}

async fn tell(site: &Site, instruction: Instruction, done: &str) -> Result<Response, Problem> {
    let notice = match follow(&site.api, instruction).await? {
        Followed::Done(_) => done,
        Followed::NotYet(_) => "The receiver that leads will do it.",
    };
    Ok(site.after(HERE, notice))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::delivery::status::{Failure, Status};
    use crate::http::admin::Rights;
    use crate::inbox::outbox::Pause;

    #[test]
    fn whatever_is_sent_to_is_paused_with_a_reason_by_who_may() {
        let quiet = Status {
            quiet_until: Some(Timestamp::from_micros(0)),
            ..Status::default()
        };
        for (state, status) in [
            (ShownState::Active, Status::default()),
            (ShownState::Active, quiet),
            (ShownState::Down, Status::default()),
        ] {
            let destination = ShownDestination::sample(state, 1, Some(status), None);
            let shown = |rights| {
                let mut viewer = Viewer::default();
                viewer.rights = Some(rights);
                actions(&viewer, &destination).into_string()
            };

            let (all, reading) = (shown(Rights::All), shown(Rights::Reading));

            assert!(all.contains("name=\"reason\""), "{state:?}: {all}");
            assert!(!reading.contains("<form"), "{state:?}: {reading}");
        }
    }

    #[test]
    fn dead_letters_are_told_whatever_else_is_wrong() {
        let told = |state, dead_count| {
            dead_letters(&ShownDestination {
                dead_count,
                ..ShownDestination::sample(state, 2, None, None)
            })
        };

        assert_eq!(told(ShownState::Active, 0), None);
        let one = told(ShownState::Active, 1).unwrap();
        assert!(one.starts_with("app has 1 dead letter: see why"), "{one}");
        let down = told(ShownState::Down, 2).unwrap();
        assert!(down.starts_with("app has 2 dead letters: see why"), "{down}");
        // Nothing is sent there again.
        assert_eq!(told(ShownState::Unconfigured, 2), None);
        assert_eq!(told(ShownState::Removed, 2), None);
    }

    #[test]
    fn what_holds_back_what_is_for_one_is_said_and_one_that_is_down_is_tried_with_what_is_asked_for() {
        let quiet = || Status {
            quiet_until: Some(Timestamp::from_micros(0)),
            ..Status::default()
        };
        for (state, status, expected) in [
            (ShownState::Active, Status::default(), None),
            (
                ShownState::Active,
                quiet(),
                Some(("app asked to be left alone until ", false)),
            ),
            (
                ShownState::Down,
                quiet(),
                Some(("app asked to be left alone until ", false)),
            ),
            (ShownState::Down, Status::default(), Some(("app is down: ", true))),
            (ShownState::Paused, quiet(), Some(("app is paused: ", false))),
        ] {
            let hold = hold(&ShownDestination::sample(state, 1, Some(status), None));

            let is_expected = match (&hold, expected) {
                (Some(hold), Some((why, tries_one))) => {
                    hold.why.starts_with(why) && hold.tries_one == tries_one
                }
                (hold, expected) => hold.is_none() && expected.is_none(),
            };
            assert!(is_expected, "{state:?}: {:?}", hold.map(|hold| hold.why));
        }
    }

    #[test]
    fn what_to_do_is_said_however_long_the_reason_is() {
        let pause = Pause {
            at: Timestamp::now(),
            reason: "because of the migration ".repeat(20),
        };
        let paused = ShownDestination::sample(ShownState::Paused, 1, None, Some(pause));

        let facts = parts::facts(facts(&paused)).into_string();

        assert!(
            facts.contains("Resume it when it is ready for what is pending</bdi>"),
            "{facts}"
        );
    }

    #[test]
    fn of_what_is_wrong_it_is_said_why_how_much_waits_since_when_and_what_to_do() {
        let now = Timestamp::now();
        let status = |failing_since| Status {
            oldest_received_at: Some(now.minus(Duration::from_secs(3_600))),
            failing_since,
            last_failure: Some(Failure {
                at: now,
                detail: "answered 500".to_owned(),
            }),
            ..Status::default()
        };
        let said = |state, status| standing(&ShownDestination::sample(state, 3, Some(status), None)).unwrap();

        let failing = said(ShownState::Active, status(Some(now)));
        assert!(
            failing.contains(": answered 500. Waiting for it: 3, the oldest"),
            "{failing}"
        );
        let waits = said(ShownState::Active, status(None));
        assert!(
            waits.contains("waits for long: 3, the oldest received"),
            "{waits}"
        );
        let quiet = Status {
            quiet_until: Some(now),
            ..status(Some(now))
        };
        let quiet = said(ShownState::Active, quiet);
        assert!(quiet.contains("asked to be left alone until "), "{quiet}");
        let gone = said(ShownState::Unconfigured, Status::default());
        assert!(
            gone.contains("given up after 20") && gone.contains("pending: 3"),
            "{gone}"
        );
    }
}
