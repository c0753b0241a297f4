//! Whether destinations can be reached or run, and how the receiver says that they are. Nothing is sent to them.

use futures_util::future::join_all;
use serde_json::Value;

use super::network::Receiver;
use super::{Finding, no_certificates};
use crate::config::Settings;
use crate::delivery::look::Sight;
use crate::delivery::{DestinationSettings, look};

const CHECK: &str = "destination";

pub async fn examine(settings: &Settings, receiver: &Receiver) -> Vec<Finding> {
    let destinations = &settings.delivery.destinations;
    if destinations.is_empty() {
        return Vec::new();
    }
    let mut findings = join_all(destinations.iter().map(access)).await.concat();
    match receiver.ask(settings, "/destinations").await {
        None => {}
        Some(Ok(answer)) => {
            let shown = answer["destinations"].as_array();
            findings.extend(shown.into_iter().flatten().flat_map(standing));
        }
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

/// Whether a destination is there.
async fn access(destination: &DestinationSettings) -> Vec<Finding> {
    let name = &destination.name;
    let finding = |sight| match sight {
        Sight::Good(what) => Finding::ok(CHECK, format!("{name}: {what}")),
        Sight::Doubtful { what, advice } => Finding::warning(CHECK, format!("{name}: {what}"), advice),
        Sight::Bad { what, advice } => Finding::failure(CHECK, format!("{name}: {what}"), advice),
    };
    match look(&destination.kind).await {
        Ok(sights) => sights.into_iter().map(finding).collect(),
        Err(error) => vec![no_certificates(&error)],
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
        Some("paused") => findings.push(Finding::warning(
            CHECK,
            format!(
                "{name} is paused since {}, with {} pending: {}",
                text(&shown["pause"]["at"]),
                shown["pending_count"],
                text(&shown["pause"]["reason"])
            ),
            format!("when it is ready for them, `caigunn-webhook destinations resume {name}`"),
        )),
        Some("down") => findings.push(Finding::warning(
            CHECK,
            format!(
                "{name} fails throughout since {}, with {} pending: {}",
                text(&shown["status"]["down_since"]),
                shown["pending_count"],
                text(&shown["status"]["last_failure"]["detail"])
            ),
            "see to what it says; what is pending is sent as soon as it takes something",
        )),
        _ => {}
    }
    if let Some(count @ 1..) = shown["dead_count"].as_u64() {
        findings.push(Finding::warning(
            CHECK,
            format!("{name} did not take what was sent as often as the schedule says; dead letters: {count}"),
            format!(
                "`caigunn-webhook deliveries list --state dead --destination {name}` lists them, and \
                 `caigunn-webhook receipts replay --dead --destination {name}` sends them again"
            ),
        ));
    }
    findings
}
