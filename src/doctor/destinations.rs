//! Whether destinations can be reached or run, and how the receiver says that they are. Nothing is sent to them.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use super::network::Receiver;
use super::{Finding, no_certificates};
use crate::clock::Timestamp;
use crate::config::Settings;
use crate::delivery::look::Sight;
use crate::delivery::{DestinationSettings, PAUSED_ITSELF, look};

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
            findings.extend(unknown_here(shown));
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

/// That a receiver which does not lead cannot tell whether they are down.
fn unknown_here(shown: &[Value]) -> Option<Finding> {
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
            format!("{name}: no event that this program knows is called {pattern}, which is among its events"),
            "unless CaiGunn has an event of that name now, correct it: crawling.*, uploading.completed and *.failed are such patterns",
        )
    }));
    findings
}

/// How long something may wait for a destination that is well.
const WAITS_LONG: Duration = Duration::from_secs(600);

/// What is wrong with one that is not down and yet takes nothing, if that is so.
fn stuck(name: &str, shown: &Value) -> Option<Finding> {
    let count = shown["pending_count"].as_u64().filter(|count| *count > 0)?;
    let oldest = shown["status"]["oldest_received_at"].as_str();
    let waits = format!(
        "pending: {count}, the oldest received {}",
        oldest.unwrap_or("at a time that is not known")
    );
    let detail = shown["status"]["last_failure"]["detail"].as_str();
    let detail = detail.unwrap_or("unknown");
    if let Some(until) = shown["status"]["quiet_until"].as_str() {
        return Some(Finding::warning(
            CHECK,
            format!("{name} asked to be left alone until {until}: {detail}; {waits}"),
            format!("if it is ready for them before, `caigunn-webhook destinations resume {name}`"),
        ));
    }
    if let Some(since) = shown["status"]["failing_since"].as_str() {
        return Some(Finding::warning(
            CHECK,
            format!("{name} took nothing since {since}: {detail}; {waits}"),
            "mend what that says; what is pending is tried again",
        ));
    }
    let oldest: Timestamp = oldest?.parse().ok()?;
    (oldest.plus(WAITS_LONG) < Timestamp::now()).then(|| {
        Finding::warning(
            CHECK,
            format!("what waits for {name} waits for long; {waits}"),
            format!("`caigunn-webhook deliveries list --state pending --destination {name}` says why"),
        )
    })
}

/// That nothing is delivered to a destination: a failure where something waits for it and nobody has chosen that.
fn undelivered(shown: &Value, is_unforeseen: bool, found: String, advice: String) -> Finding {
    match shown["pending_count"].as_u64() {
        Some(1..) if is_unforeseen => Finding::failure(CHECK, found, advice),
        _ => Finding::warning(CHECK, found, advice),
    }
}

/// What is wrong with a destination as the receiver shows it.
fn standing(shown: &Value) -> Vec<Finding> {
    let name = shown["name"].as_str().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    let mut findings = Vec::new();
    match shown["state"].as_str() {
        // What it had is closed, and nobody is to mend it.
        Some("removed") => return findings,
        Some("unconfigured") => findings.extend(shown["pending_count"].as_u64().filter(|count| *count > 0).map(|count| {
            Finding::warning(
                CHECK,
                format!(
                    "{name} is configured no more where the receiver leads: it gets nothing, and what waits for it is given up after {}; pending: {count}",
                    text(&shown["removed_after"])
                ),
                format!(
                    "if that is not meant, put it back into the settings under this name; else `caigunn-webhook destinations remove {name}`"
                ),
            )
        })),
        Some("paused") => {
            let reason = text(&shown["pause"]["reason"]);
            let since = text(&shown["pause"]["at"]);
            findings.push(undelivered(
                shown,
                // Whoever paused it knows of it.
                reason.starts_with(PAUSED_ITSELF),
                format!(
                    "{name} is paused since {since}, with {} pending: {reason}",
                    shown["pending_count"]
                ),
                format!("when it is ready for them, `caigunn-webhook destinations resume {name}`"),
            ));
        }
        Some("down") => findings.push(undelivered(
            shown,
            true,
            format!(
                "{name} fails throughout since {}, with {} pending: {}",
                text(&shown["status"]["down_since"]),
                shown["pending_count"],
                text(&shown["status"]["last_failure"]["detail"])
            ),
            "mend what that says; what is new, and what failed since, is sent as soon as it takes something".to_owned(),
        )),
        _ => findings.extend(stuck(name, shown)),
    }
    if let Some(count @ 1..) = shown["dead_count"].as_u64() {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::super::Verdict;
    use super::*;
    use crate::delivery::send::sample;
    use crate::delivery::{Kind, http};

    #[test]
    fn what_only_the_leader_knows_is_not_called_well() {
        let known = json!({"name": "app", "state": "active", "status": {}});
        let unknown = json!({"name": "app", "state": "active", "status": null});
        let removed = json!({"name": "old", "state": "removed", "status": null});

        assert!(unknown_here(&[known, removed.clone()]).is_none());
        assert!(unknown_here(std::slice::from_ref(&removed)).is_none());
        let said = unknown_here(&[unknown, removed]).unwrap();
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

    #[test]
    fn one_that_takes_nothing_and_is_not_down_yet_is_warned_of() {
        let now = Timestamp::now();
        let shown = |count: u64, failure: Option<&str>, oldest: Timestamp| {
            let since = failure.map(|_| now.to_string());
            let failure = failure.map(|detail| json!({"at": now.to_string(), "detail": detail}));
            json!({
                "name": "app", "state": "active", "pending_count": count, "dead_count": 0,
                "status": {
                    "oldest_received_at": oldest.to_string(), "failing_since": since, "last_failure": failure,
                },
            })
        };
        let long_ago = now.minus(WAITS_LONG * 2);
        let mut quiet = shown(1, Some("answered 429"), now);
        quiet["status"]["quiet_until"] = now.to_string().into();

        assert!(standing(&shown(1, None, now)).is_empty());
        assert!(standing(&shown(0, Some("answered 500"), now)).is_empty());
        assert_eq!(standing(&shown(1, Some("answered 500"), now)).len(), 1);
        assert_eq!(standing(&shown(1, None, long_ago)).len(), 1);
        let quiet = &standing(&quiet)[0];
        assert!(
            quiet.found.starts_with("app asked to be left alone until "),
            "{quiet:?}"
        );
    }

    #[test]
    fn one_that_is_not_delivered_to_is_a_failure_where_something_waits_and_nobody_chose_that() {
        let itself = format!("{PAUSED_ITSELF}: answered 410");
        for (state, reason, pending, verdict) in [
            ("down", "", 1, Verdict::Failure),
            ("down", "", 0, Verdict::Warning),
            ("paused", &*itself, 1, Verdict::Failure),
            ("paused", &*itself, 0, Verdict::Warning),
            ("paused", "migration", 1, Verdict::Warning),
        ] {
            let now = Timestamp::now().to_string();
            let pause = (state == "paused").then(|| json!({"at": now, "reason": reason}));
            let shown = json!({
                "name": "app", "state": state, "pending_count": pending, "dead_count": 0, "pause": pause,
                "status": {"down_since": now, "last_failure": {"at": now, "detail": "answered 500"}},
            });

            let found = standing(&shown);

            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].verdict, verdict, "{found:?}");
        }
    }

    #[test]
    fn of_one_that_is_configured_no_more_it_is_said_when_what_waits_for_it_is_given_up() {
        let shown = |pending: u64| {
            json!({
                "name": "app", "state": "unconfigured", "pending_count": pending, "dead_count": 0,
                "removed_after": "2026-11-30T12:00:00Z", "status": null,
            })
        };

        let found = standing(&shown(6));

        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].verdict, Verdict::Warning);
        assert!(
            found[0]
                .found
                .ends_with("given up after 2026-11-30T12:00:00Z; pending: 6"),
            "{found:?}"
        );
        assert!(standing(&shown(0)).is_empty());
    }
}
