//! The credentials, the clock, and how the chatbots stand.

pub mod running;

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::network::Receiver;
use super::{Finding, no_certificates};
use crate::caigunn::{ACCESS_TOKEN, Client, Error, Unreadable};
use crate::clock::{Timestamp, rounded};
use crate::config::{Registration, Settings};
use crate::http::reachable;
use crate::outgoing;
use crate::subscription::once::{self, Chosen};
use crate::subscription::visit::{End, Found, Mode, Target, Visit};
use crate::subscription::{EXPIRY_NOTICE, Selection, Webhook};

/// How far the clock may be from CaiGunn's: within a minute, times in the log and at CaiGunn tell the same story.
pub const MAX_SKEW: Duration = Duration::from_secs(60);

pub async fn examine(settings: &Settings, receiver: &Receiver) -> Vec<Finding> {
    const CHECK: &str = "credentials";
    let Some(api) = settings.api.clone() else {
        return vec![Finding::warning(
            CHECK,
            "there is no access token, so nothing is registered with CaiGunn",
            "set CAIGUNN_ACCESS_TOKEN, and CAIGUNN_API_KEY for some chatbots only",
        )];
    };
    let client = match Client::new(api) {
        Ok(client) => client,
        Err(error) => return vec![no_certificates(&error)],
    };
    let mut findings = vec![clock(&client).await];
    findings.extend(proxy(&client));
    let Chosen {
        targets,
        unreadable,
        unmatched,
    } = match once::targets(&client, &settings.selection).await {
        Ok(chosen) => chosen,
        Err(error) => {
            findings.push(refusal(CHECK, &client, &error));
            return findings;
        }
    };
    findings.push(token(CHECK, &client, &targets, &settings.selection));
    findings.extend(keys(&targets));
    findings.extend(unreadable_entries(&unreadable));
    if !unmatched.is_empty() {
        findings.push(Finding::warning(
            "chatbots",
            format!("no chatbot of this account has as its id or title: {unmatched:?}"),
            "check subscription.include and subscription.exclude: a title must be as CaiGunn has it, in the same case",
        ));
    }
    let seen = receiver.ask(settings, "/subscription").await;
    if let Registration::Wanted(webhook) = &settings.registration {
        let known: Vec<_> = targets.into_iter().filter(|target| target.id.is_some()).collect();
        let visits = once::ensure(&client, webhook, known, Mode::DryRun).await;
        let place = reachable(settings.admin_listen).to_string();
        let cut_off = match &seen {
            Some(Ok(seen)) => running::would_be_cut_off(settings, &place, seen),
            // Where it tells nothing, another finding says why.
            Some(Err(_)) | None => None,
        };
        // Of several on one inbox any may answer.
        let is_replica = webhook.has_replicas && matches!(seen, Some(Ok(_)));
        let ensure = if cut_off.is_some() {
            "leave it to the receiver that runs: `subscription ensure` with these settings would cut it off"
        } else if receiver.is_elsewhere() && !is_replica {
            "first ask the receiver that answers at the public URL, with --admin or its CAIGUNN_ADMIN_LISTEN, or give this \
             command its settings; registering with these could cut it off"
        } else {
            "run `caigunn-webhook subscription ensure`, or start the receiver (again), which does it too"
        };
        findings.extend(cut_off.iter().map(|reason| {
            Finding::failure(
                "running receiver",
                reason,
                "run this with that receiver's settings before anything is registered",
            )
        }));
        findings.extend(registrations(webhook, &visits, ensure));
    }
    if let Some(Ok(seen)) = &seen {
        findings.extend(problems(seen));
    }
    findings
}

/// What keeps the receiver that runs from its work at CaiGunn, as it says itself. Where it cannot look after the chatbots, that is
/// why it asks for nothing that was missed.
fn problems(seen: &Value) -> Option<Finding> {
    let of_chatbots = seen["problem"].as_str();
    let problem = of_chatbots.map(|problem| format!("it does not look after the chatbots now: {problem}"));
    let found = problem.or_else(|| {
        let problem = seen["backfill"]["problem"].as_str()?;
        Some(format!("what was missed cannot be asked for: {problem}"))
    })?;
    Some(Finding::warning(
        "running receiver",
        found,
        "it is tried again by itself; `/api/v1/subscription` and the log say how it goes",
    ))
}

/// By which proxy CaiGunn is called.
fn proxy(client: &Client) -> Option<Finding> {
    let proxy = outgoing::proxy_to(client.url())?;
    let found = format!("CaiGunn is called through {proxy}, as HTTPS_PROXY, HTTP_PROXY or ALL_PROXY says");
    Some(Finding::ok("proxy", found))
}

/// What of the list is left out.
fn unreadable_entries(unreadable: &Unreadable) -> Option<Finding> {
    (unreadable.count > 0).then(|| {
        Finding::warning(
            "chatbots",
            format!(
                "{} entries of CaiGunn's list cannot be read, such as: {}",
                unreadable.count,
                unreadable.named.join("; ")
            ),
            "look at these chatbots at CaiGunn: the receiver leaves them out",
        )
    })
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
            Finding::failure(check, found, ACCESS_TOKEN)
        }
        Error::TooManyRequests { .. }
        | Error::Unavailable { .. }
        | Error::NoApi { .. }
        | Error::Unexpected { .. } => Finding::failure(
            "CaiGunn",
            error.to_string(),
            format!(
                "check CAIGUNN_API_URL ({}), that it can be reached from here, and try again later",
                client.url()
            ),
        ),
        Error::Invalid { .. } | Error::Changed { .. } | Error::Unsendable { .. } => Finding::failure(
            "CaiGunn",
            error.to_string(),
            format!(
                "{}; {} is asked",
                error.advice().unwrap_or_default(),
                client.url()
            ),
        ),
    }
}

fn token(check: &'static str, client: &Client, targets: &[Target], selection: &Selection) -> Finding {
    let count = targets.iter().filter(|target| target.id.is_some()).count();
    let mut found = format!("CaiGunn takes the access token; chatbots to look after: {count}");
    let end = client.token_expires_at();
    if let Some(end) = end {
        found += &format!("; the token ends at {end}");
    }
    match end {
        Some(end) if end < Timestamp::now().plus(EXPIRY_NOTICE) => Finding::warning(
            check,
            found,
            "make a new one with `caigunn-webhook token refresh` while this one is valid",
        ),
        _ if matches!(selection, Selection::Keys(keys) if keys.is_empty()) => Finding::warning(
            check,
            found,
            "set CAIGUNN_API_KEY, or subscription.discover to true: without either no chatbot is looked for",
        ),
        _ if targets.is_empty() => Finding::warning(
            check,
            found,
            "see that the account has one, and what subscription.include and subscription.exclude leave of them",
        ),
        _ => Finding::ok(check, found),
    }
}

/// The API keys that no chatbot of the account has.
fn keys(targets: &[Target]) -> impl Iterator<Item = Finding> {
    let unplaced = targets.iter().filter(|target| target.id.is_none());
    unplaced.map(|target| {
        Finding::failure(
            "API key",
            format!(
                "API key {}… (the start of its SHA-256) is of no chatbot of this account that can be read",
                target.fingerprint
            ),
            "check CAIGUNN_API_KEY: it must be the key of a chatbot of the access token's user",
        )
    })
}

/// How each chatbot stands, and, where it is not registered, `ensure` as what to do.
fn registrations(webhook: &Webhook, visits: &[(Target, Visit)], ensure: &str) -> Vec<Finding> {
    const CHECK: &str = "registration";
    let finding = |(target, visit): &(Target, Visit)| {
        let name = target.name();
        match (&visit.end, &visit.found) {
            (End::Failed(error @ Error::Changed { .. }), _) => {
                let advice = error.advice().unwrap_or_default();
                Finding::failure(CHECK, format!("{name}: {error}"), advice)
            }
            (End::Failed(error), _) => Finding::failure(
                CHECK,
                format!("the webhook URL of {name} cannot be read: {error}"),
                error.advice().unwrap_or("try again later"),
            ),
            (End::Deleted, _) => Finding::warning(
                CHECK,
                format!("{name} is deleted at CaiGunn"),
                "take its key out of CAIGUNN_API_KEY",
            ),
            (_, Found::Ours) => Finding::ok(CHECK, format!("{name} posts to this receiver")),
            (_, Found::Older(url)) => Finding::warning(
                CHECK,
                format!("{name} posts to {url} with another token that is accepted, not the first one"),
                ensure,
            ),
            (_, Found::Other(url)) if is_at(url, &webhook.public_url) => Finding::failure(
                CHECK,
                format!("{name} posts to {url}, which is here, but with another token or path than is set"),
                ensure,
            ),
            (_, Found::Other(url)) => Finding::failure(
                CHECK,
                format!("{name} posts to {url}, not here"),
                format!("{ensure}; if another deployment means to have it, stop one of the two"),
            ),
            (_, Found::Nothing) => Finding::failure(CHECK, format!("{name} has no webhook URL"), ensure),
            (_, Found::Unknown) => Finding::warning(
                CHECK,
                format!(
                    "CaiGunn does not tell which webhook URL {name} has, so a takeover would not be noticed"
                ),
                "see the chatbot's settings at CaiGunn; the receiver registers it when it starts",
            ),
        }
    };
    visits.iter().map(finding).collect()
}

/// Whether a URL, as it is shown, is of the same server as the public one.
fn is_at(shown: &str, public_url: &Url) -> bool {
    shown
        .parse::<Url>()
        .is_ok_and(|url| url.origin() == public_url.origin())
}

async fn clock(client: &Client) -> Finding {
    const CHECK: &str = "clock";
    // Of the clock itself nothing is known then.
    let unknown = |reason: &str, advice: &str| {
        let found = format!("it could not be compared with CaiGunn's: {reason}");
        Finding::warning(CHECK, found, advice)
    };
    let before = Timestamp::now();
    let answer = client.server_time().await;
    let after = Timestamp::now();
    let server_time = match answer {
        Ok(Some(server_time)) => server_time,
        Ok(None) => {
            return unknown(
                "its answers have no Date",
                "see that the machine keeps its time by NTP",
            );
        }
        Err(error) => return unknown(&error.to_string(), "once CaiGunn answers, ask again"),
    };
    // It was then some time between the two; a slow answer is no wrong clock.
    let (skew, direction) = if after < server_time {
        (after.distance(server_time), "behind")
    } else if before > server_time {
        (before.distance(server_time), "ahead of")
    } else {
        (Duration::ZERO, "")
    };
    if skew <= MAX_SKEW {
        return Finding::ok(CHECK, "it agrees with CaiGunn's");
    }
    Finding::warning(
        CHECK,
        format!("it is {} {direction} CaiGunn's", rounded(skew)),
        "set it right, with NTP: received_at, the window for older training events, and deliveries' timestamps go by it",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_keeps_the_receiver_from_asking_for_what_was_missed_is_said_unless_it_is_of_the_account() {
        let found = |problem: Value, of_backfill: Value| {
            let seen = json!({"problem": problem, "backfill": {"problem": of_backfill}});
            problems(&seen).map(|finding| finding.found)
        };

        assert_eq!(found(json!(null), json!(null)), None);
        assert_eq!(
            found(json!(null), json!("no key")).as_deref(),
            Some("what was missed cannot be asked for: no key")
        );
        assert_eq!(
            found(json!("refused"), json!("refused")).as_deref(),
            Some("it does not look after the chatbots now: refused")
        );
    }
}
