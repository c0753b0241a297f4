//! The credentials, the clock, and how the chatbots stand.

use std::time::Duration;

use super::Finding;
use crate::caigunn::{Client, Error};
use crate::clock::Timestamp;
use crate::config::{Registration, Settings};
use crate::subscription::visit::{End, Found, Mode, Target, Visit};
use crate::subscription::{advice, once};

/// How far the clock may be from CaiGunn's: within a minute, times in the log and at CaiGunn tell the same story.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// How long before its end an access token is warned about.
const EXPIRY_NOTICE: Duration = Duration::from_secs(7 * 86_400);

pub async fn examine(settings: &Settings) -> Result<Vec<Finding>, reqwest::Error> {
    const CHECK: &str = "credentials";
    let Some(api) = settings.api.clone() else {
        return Ok(vec![Finding::warning(
            CHECK,
            "there is no access token, so nothing is registered with CaiGunn",
            "set CAIGUNN_ACCESS_TOKEN, and CAIGUNN_API_KEY for some chatbots only",
        )]);
    };
    let client = Client::new(api)?;
    let mut findings = vec![clock(&client).await];
    let targets = match once::targets(&client, &settings.selection).await {
        Ok(targets) => targets,
        Err(error) => {
            findings.push(refusal(CHECK, &client, &error));
            return Ok(findings);
        }
    };
    findings.push(token(CHECK, &client, targets.len()));
    findings.extend(keys(&targets));
    if let Registration::Wanted(subscription) = &settings.registration {
        let known: Vec<_> = targets.into_iter().filter(|target| target.id.is_some()).collect();
        let visits = once::ensure(&client, subscription, known, Mode::DryRun).await;
        findings.extend(registrations(&visits));
    }
    Ok(findings)
}

/// What it means that the chatbots cannot be listed.
fn refusal(check: &'static str, client: &Client, error: &Error) -> Finding {
    match error {
        Error::Refused { .. } => {
            let end = client.token_expires_at();
            let ended = end.filter(|end| *end < Timestamp::now());
            let found = match ended {
                Some(end) => format!("the access token ended at {end}: {error}"),
                None => format!("the access token is wrong or has expired: {error}"),
            };
            Finding::failure(check, found, advice::ACCESS_TOKEN)
        }
        Error::TooManyRequests { .. } | Error::Unavailable { .. } => Finding::failure(
            check,
            error.to_string(),
            format!(
                "check that {} can be reached from here, and try again later",
                client.url()
            ),
        ),
        Error::Invalid { .. } | Error::Unexpected { .. } => Finding::failure(
            check,
            error.to_string(),
            format!("check CAIGUNN_API_URL: {} is asked", client.url()),
        ),
    }
}

fn token(check: &'static str, client: &Client, target_count: usize) -> Finding {
    let found = format!("CaiGunn takes the access token; chatbots to look after: {target_count}");
    match client.token_expires_at() {
        Some(end) if end < Timestamp::now().plus(EXPIRY_NOTICE) => Finding::warning(
            check,
            format!("{found}; the token ends at {end}"),
            "make a new one with `caigunn-webhook token refresh` while this one is valid",
        ),
        Some(end) => Finding::ok(check, format!("{found}; the token ends at {end}")),
        None if target_count == 0 => Finding::warning(
            check,
            "CaiGunn takes the access token, but there is no chatbot to look after",
            "check that the account has one, and subscription.include and subscription.exclude",
        ),
        None => Finding::ok(check, found),
    }
}

/// The API keys that no chatbot of the account has.
fn keys(targets: &[Target]) -> impl Iterator<Item = Finding> {
    let unplaced = targets.iter().filter(|target| target.id.is_none());
    unplaced.map(|target| {
        Finding::failure(
            "API key",
            format!(
                "API key {}… (the start of its SHA-256) is of no chatbot of this account",
                target.fingerprint
            ),
            "check CAIGUNN_API_KEY: it must be the key of a chatbot of the access token's user",
        )
    })
}

fn registrations(visits: &[(Target, Visit)]) -> impl Iterator<Item = Finding> {
    const CHECK: &str = "registration";
    visits.iter().map(|(target, visit)| {
        let name = target.name();
        let ensure = "run `caigunn-webhook subscription ensure`, or start the receiver, which does it too";
        match (&visit.end, &visit.found) {
            (End::Failed(error) | End::AccountRefused(error), _) => Finding::failure(
                CHECK,
                format!("the webhook URL of {name} cannot be read: {error}"),
                advice::of(error).unwrap_or("try again later"),
            ),
            (End::Deleted, _) => Finding::warning(
                CHECK,
                format!("{name} is deleted at CaiGunn"),
                "take its key out of CAIGUNN_API_KEY",
            ),
            (_, Found::Ours) => Finding::ok(CHECK, format!("{name} posts to this receiver")),
            (_, Found::Other(url)) => {
                Finding::failure(CHECK, format!("{name} posts to {url}, not here"), ensure)
            }
            (_, Found::Nothing | Found::Unknown) => {
                Finding::failure(CHECK, format!("{name} has no webhook URL"), ensure)
            }
        }
    })
}

async fn clock(client: &Client) -> Finding {
    const CHECK: &str = "clock";
    let now = Timestamp::now();
    let unknown = |reason: String| {
        Finding::warning(
            CHECK,
            format!("it cannot be compared with CaiGunn's: {reason}"),
            "see that the machine keeps its time by NTP",
        )
    };
    match client.server_time().await {
        Ok(Some(server_time)) => {
            let skew = now.distance(server_time);
            if skew > MAX_SKEW {
                Finding::warning(
                    CHECK,
                    format!("it is {} s away from CaiGunn's", skew.as_secs()),
                    "set it right, with NTP: retention and the window for older training events go by it",
                )
            } else {
                Finding::ok(CHECK, "it agrees with CaiGunn's")
            }
        }
        Ok(None) => unknown("its answers have no Date".to_owned()),
        Err(error) => unknown(error.to_string()),
    }
}
