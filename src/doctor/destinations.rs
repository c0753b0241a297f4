//! Whether destinations can be reached or run, and how the receiver says that they are. Nothing is sent to them.

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::Value;

use super::network::Receiver;
use super::{Finding, no_certificates};
use crate::clock::Timestamp;
use crate::config::Settings;
use crate::delivery::look::Sight;
use crate::delivery::view::{Trouble, TroubleKind};
use crate::delivery::{DestinationSettings, look};
use crate::event::did_you_mean;

const CHECK: &str = "destination";

pub async fn examine(settings: &Settings, receiver: &Receiver) -> Vec<Finding> {
    let destinations = &settings.delivery.destinations;
    let mut findings = join_all(destinations.iter().map(access)).await.concat();
    match receiver.ask(settings, "/destinations").await {
        None => {}
        // Also of those that are configured no more.
        Some(Ok(answer)) => {
            let shown = answer["destinations"].as_array().map_or(&[][..], Vec::as_slice);
            findings.extend(shown.iter().flat_map(standing));
            findings.extend(unknown_here(shown, &answer["leader"]));
            findings.extend(unknown_there(destinations, shown));
        }
        Some(Err(_)) if destinations.is_empty() => {}
        Some(Err(reason)) => findings.push(Finding::warning(
            CHECK,
            format!(
                "the receiver at {} does not tell how they are: {reason}",
                settings.admin_listen
            ),
            "look at the receiver's log",
        )),
    }
    findings
}

/// That the receiver which runs here has read its settings before some of these were in them.
fn unknown_there(destinations: &[DestinationSettings], shown: &[Value]) -> Option<Finding> {
    let is_known = |name: &str| {
        let mut used = shown
            .iter()
            .filter(|shown| shown["state"] != "removed" && shown["state"] != "unconfigured");
        used.any(|shown| shown["name"] == name)
    };
    let names = destinations.iter().map(|destination| &*destination.name);
    let unknown: Vec<_> = names.filter(|name| !is_known(name)).collect();
    (!unknown.is_empty()).then(|| {
        Finding::warning(
            CHECK,
            format!(
                "the receiver that runs here does not know {}, so nothing is sent there",
                unknown.join(", ")
            ),
            "restart it, for it reads its settings when it starts; of several receivers the one that leads",
        )
    })
}

/// That a receiver which does not lead cannot tell whether they are down. One that leads will know in a moment.
fn unknown_here(shown: &[Value], leader: &Value) -> Option<Finding> {
    if leader["is_self"] == true {
        return None;
    }
    let mut active = shown.iter().filter(|shown| shown["state"] == "active").peekable();
    active.peek()?;
    active.all(|shown| shown["status"].is_null()).then(|| {
        Finding::ok(
            CHECK,
            "whether any is down, only the receiver that leads knows, which is not the one asked here: ask that one too",
        )
    })
}

/// Whether a destination is there.
async fn access(destination: &DestinationSettings) -> Vec<Finding> {
    let name = &destination.name;
    let finding = |sight| match sight {
        Sight::Good(what) => Finding::ok(CHECK, format!("{name}: {what}")),
        Sight::Doubtful { what, advice } => Finding::warning(CHECK, format!("{name}: {what}"), advice),
        Sight::Bad { what, advice } => Finding::failure(CHECK, format!("{name}: {what}"), advice),
    };
    let mut findings: Vec<_> = match look(&destination.kind).await {
        Ok(sights) => sights.into_iter().map(finding).collect(),
        Err(error) => vec![no_certificates(&error)],
    };
    findings.extend(destination.filter.unheard_of().map(|pattern| {
        Finding::warning(
            CHECK,
            format!(
                "{name}: no event that this program knows is called {pattern}, which is among its events{}",
                did_you_mean(&pattern.to_string())
            ),
            "unless CaiGunn has an event of that name now, correct it: crawling.*, uploading.completed and *.failed are such patterns",
        )
    }));
    findings
}

/// What is wrong with a destination as the receiver shows it.
fn standing(shown: &Value) -> Vec<Finding> {
    let name = shown["name"].as_str().unwrap_or_default();
    let told = &shown["trouble"];
    let trouble = Option::<Trouble>::deserialize(told).unwrap_or_default();
    let mut findings: Vec<_> = trouble
        .map(|trouble| finding(name, shown, &trouble))
        .into_iter()
        .collect();
    let state = shown["state"].as_str().unwrap_or_default();
    if findings.is_empty() && (!told.is_null() || ["down", "paused"].contains(&state)) {
        // Of another version, which does not say it in a way that is understood here.
        let said = ["kind", "detail"]
            .into_iter()
            .filter_map(|member| told[member].as_str());
        let said: String = said.map(|said| format!(": {said}")).collect();
        findings.push(Finding::warning(
            CHECK,
            format!("{name} is {state}{said}"),
            "`caigunn-webhook destinations list --format json` has all that the receiver says of it",
        ));
    }
    // Of one that is configured no more nothing can be sent again, and nobody is to mend it.
    let can_be_sent = !matches!(shown["state"].as_str(), Some("unconfigured" | "removed"));
    if let Some(count @ 1..) = shown["dead_count"].as_u64().filter(|_| can_be_sent) {
        findings.push(Finding::warning(
            CHECK,
            format!("{name} has dead letters, which are tried no more: {count}"),
            format!(
                "`caigunn-webhook deliveries list --state dead --destination {name}` lists them, and `deliveries show ID` says why; \
                 once that is mended, `caigunn-webhook receipts replay --dead --destination {name}` sends them again"
            ),
        ));
    }
    findings
}

/// What keeps it from taking what is for it: a failure where nothing is delivered that waits, and nobody has chosen that.
fn finding(name: &str, shown: &Value, trouble: &Trouble) -> Finding {
    let count = shown["pending_count"].as_u64().unwrap_or_default();
    let time = |at: Option<Timestamp>| at.map_or("a time that is not known".to_owned(), |at| at.to_string());
    let (since, until) = (time(trouble.since), time(trouble.until));
    let detail = trouble.detail.as_deref().unwrap_or("why is not known");
    let oldest = shown["status"]["oldest_received_at"].as_str();
    let waits = format!(
        "pending: {count}, the oldest received {}",
        oldest.unwrap_or("at a time that is not known")
    );
    let found = match trouble.kind {
        TroubleKind::Unconfigured => format!(
            "{name} is configured no more where the receiver leads: it gets nothing, and what waits for it is given up after \
             {until}; pending: {count}"
        ),
        TroubleKind::Paused | TroubleKind::PausedItself => {
            format!("{name} is paused since {since}, with {count} pending: {detail}")
        }
        TroubleKind::Down if trouble.until.is_some() => format!(
            "{name} fails throughout since {since} and asked to be left alone until {until}, with {count} pending: {detail}"
        ),
        TroubleKind::Down => {
            format!("{name} fails throughout since {since}, with {count} pending: {detail}")
        }
        TroubleKind::Quiet => format!("{name} asked to be left alone until {until}: {detail}; {waits}"),
        TroubleKind::Failing => format!("{name} took nothing since {since}: {detail}; {waits}"),
        TroubleKind::WaitsLong => {
            let failed = trouble.detail.as_ref();
            let failed = failed.map_or(String::new(), |detail| {
                format!(", and what failed last is: {detail}")
            });
            format!("what waits for {name} waits for long{failed}; {waits}")
        }
    };
    let advice = trouble.advice(name);
    match trouble.kind {
        TroubleKind::PausedItself | TroubleKind::Down if count > 0 => Finding::failure(CHECK, found, advice),
        _ => Finding::warning(CHECK, found, advice),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::super::Verdict;
    use super::*;
    use crate::delivery::send::sample;
    use crate::delivery::status::{Failure, Status};
    use crate::delivery::view::{ShownDestination, ShownState};
    use crate::delivery::{Kind, PAUSED_ITSELF, http};
    use crate::inbox::outbox::Pause;

    #[test]
    fn what_only_the_leader_knows_is_not_called_well() {
        let known = json!({"name": "app", "state": "active", "status": {}});
        let unknown = json!({"name": "app", "state": "active", "status": null});
        let removed = json!({"name": "old", "state": "removed", "status": null});

        let [leads, follows] = [true, false].map(|is_self| json!({ "is_self": is_self }));

        assert!(unknown_here(&[known, removed.clone()], &follows).is_none());
        assert!(unknown_here(std::slice::from_ref(&removed), &follows).is_none());
        assert!(unknown_here(std::slice::from_ref(&unknown), &leads).is_none());
        let said = unknown_here(&[unknown, removed], &follows).unwrap();
        assert!(
            said.found.contains("only the receiver that leads knows"),
            "{said:?}"
        );
    }

    #[test]
    fn one_that_was_put_back_into_the_settings_wants_a_restart() {
        let settings = http::Settings {
            url: "http://127.0.0.1:1/hook".parse().unwrap(),
            headers: HeaderMap::new(),
            proxy: false,
        };
        let app = sample::destination(Kind::Http(settings), Duration::from_secs(1));
        for (state, is_known) in [
            ("active", true),
            ("down", true),
            ("unconfigured", false),
            ("removed", false),
        ] {
            let shown = json!({"name": app.name, "state": state});

            let said = unknown_there(std::slice::from_ref(&app), &[shown]);

            assert_eq!(said.is_none(), is_known, "{state}: {said:?}");
        }
    }

    /// One as the receiver shows it.
    fn shown(state: ShownState, pending_count: u64, status: Option<Status>, pause: Option<Pause>) -> Value {
        let shown = ShownDestination::sample(state, pending_count, status, pause);
        serde_json::to_value(shown).unwrap()
    }

    fn failed(at: Timestamp) -> Status {
        Status {
            oldest_received_at: Some(at),
            last_failure: Some(Failure {
                at,
                detail: "answered 500".to_owned(),
            }),
            ..Status::default()
        }
    }

    #[test]
    fn one_that_takes_nothing_and_is_not_down_yet_is_warned_of() {
        let now = Timestamp::now();
        let failing = Status {
            failing_since: Some(now),
            ..failed(now)
        };
        let quiet = Status {
            quiet_until: Some(now),
            ..failing.clone()
        };
        for (status, said) in [
            (
                failing,
                format!("app took nothing since {now}: answered 500; pending: 2, the oldest received {now}"),
            ),
            (
                quiet,
                format!(
                    "app asked to be left alone until {now}: answered 500; pending: 2, the oldest received {now}"
                ),
            ),
        ] {
            let found = standing(&shown(ShownState::Active, 2, Some(status), None));

            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].verdict, &found[0].found), (Verdict::Warning, &said));
        }
        assert!(standing(&shown(ShownState::Active, 2, Some(failed(now)), None)).is_empty());
    }

    #[test]
    fn one_that_is_not_delivered_to_is_a_failure_where_something_waits_and_nobody_chose_that() {
        let now = Timestamp::now();
        let down = Status {
            down_since: Some(now),
            ..failed(now)
        };
        let pause = |reason: &str| {
            Some(Pause {
                at: now,
                reason: reason.to_owned(),
            })
        };
        let itself = format!("{PAUSED_ITSELF}: answered 410");
        for (state, pause, pending, verdict) in [
            (ShownState::Down, None, 1, Verdict::Failure),
            (ShownState::Down, None, 0, Verdict::Warning),
            (ShownState::Paused, pause(&itself), 1, Verdict::Failure),
            (ShownState::Paused, pause(&itself), 0, Verdict::Warning),
            (ShownState::Paused, pause("migration"), 1, Verdict::Warning),
            (ShownState::Unconfigured, None, 1, Verdict::Warning),
        ] {
            let found = standing(&shown(state, pending, Some(down.clone()), pause));

            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].verdict, verdict, "{found:?}");
        }
    }

    #[test]
    fn of_one_whose_trouble_is_not_understood_the_state_is_said() {
        let later = json!({"kind": "of a later version", "detail": "it is full"});
        for (state, trouble, expected) in [
            ("down", json!(null), "app is down"),
            (
                "down",
                later.clone(),
                "app is down: of a later version: it is full",
            ),
            ("active", later, "app is active: of a later version: it is full"),
        ] {
            let shown = json!({"name": "app", "state": state, "pending_count": 1, "dead_count": 0, "trouble": trouble});

            let found = standing(&shown);

            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].found, expected);
        }
    }

    #[test]
    fn dead_letters_are_warned_of_but_those_that_nothing_can_be_done_about() {
        for (state, count) in [("active", 1), ("unconfigured", 0), ("removed", 0)] {
            let shown =
                json!({"name": "app", "state": state, "pending_count": 0, "dead_count": 2, "trouble": null});

            assert_eq!(standing(&shown).len(), count, "{state}");
        }
    }
}
