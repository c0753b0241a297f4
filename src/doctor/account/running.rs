//! Whether the receiver that runs here takes what would be registered: with another token CaiGunn's posts to it would be
//! refused.

use serde_json::Value;
use uuid::Uuid;

use crate::config::{Registration, Settings};
use crate::fingerprint::Fingerprint;
use crate::outgoing;
use crate::subscription::Webhook;
use crate::subscription::probe::{self, Kind};

/// Why registering with these settings would cut off the receiver at `place`, whose admin API says that of its subscription;
/// `None` if it would not.
pub fn would_be_cut_off(settings: &Settings, place: &str, seen: &Value) -> Option<String> {
    let what = difference(settings, seen)?;
    Some(format!(
        "the receiver that runs at {place} {what}, so it would be cut off: use its settings"
    ))
}

/// Why registering may cut off a receiver that answers at the public URL, where none does at the admin address `place`;
/// `None` if none answers there either.
pub async fn is_elsewhere(webhook: &Webhook, place: &str) -> Option<String> {
    let seen = at_public_url(webhook).await?;
    Some(format!(
        "{seen} and none at {place}, so which tokens it takes is not known, and it could be cut off: say where its admin \
         side listens with --admin or CAIGUNN_ADMIN_LISTEN"
    ))
}

/// What it says to whoever took the URL away that a receiver registers it again, as the one at `place` says of its
/// subscription, or as one answers at the public URL where none runs at `place`; `None` if none does.
pub async fn registers_again(webhook: &Webhook, place: &str, seen: Option<&Value>) -> Option<String> {
    let Some(seen) = seen else {
        let seen = at_public_url(webhook).await?;
        return Some(format!(
            "{seen} and none at {place}: it registers its URL again when it next looks, so stop it first"
        ));
    };
    (seen["webhook_url"] == webhook.shown_url).then(|| match seen["leader"]["is_self"] == false {
        true => "the receivers on this inbox register their URL again when the leader next looks: stop them first"
            .to_owned(),
        false => format!(
            "the receiver that runs here (admin address {place}) registers its URL again when it next looks: stop it first"
        ),
    })
}

/// That a receiver answers at the public URL, or that a proxy keeps that from being seen; `None` if none answers.
async fn at_public_url(webhook: &Webhook) -> Option<String> {
    let url = &webhook.public_url;
    let shown = url.as_str().trim_end_matches('/');
    let client = probe::client(url).ok()?;
    match probe::ask(&client, url, Uuid::new_v4()).await {
        Ok(_) => Some(format!("a receiver answers at {shown}")),
        // What answers in plain http may be the proxy itself.
        Err(finding) if finding.kind == Kind::NoAnswer || url.scheme() == "http" => {
            let proxy = outgoing::proxy_to(url)?;
            let seen = finding.seen;
            Some(format!(
                "a receiver may answer at {shown} behind the proxy {proxy} ({seen})"
            ))
        }
        Err(_) => None,
    }
}

/// What the receiver has otherwise than these settings.
fn difference(settings: &Settings, seen: &Value) -> Option<String> {
    let ours = settings
        .http
        .tokens
        .first()
        .map(|token| Fingerprint::of(token).to_string());
    let taken: Vec<_> = seen["tokens"]
        .as_array()?
        .iter()
        .filter_map(|token| token["token"].as_str())
        .collect();
    match &ours {
        Some(ours) if !taken.contains(&&**ours) => {
            let taken = match &taken[..] {
                [] => "none".to_owned(),
                taken => taken
                    .iter()
                    .map(|token| format!("{token}…"))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            return Some(format!(
                "does not take token {ours}… (the start of its SHA-256), but {taken}"
            ));
        }
        None if !taken.is_empty() => return Some("takes no posts without a token".to_owned()),
        _ => {}
    }
    let Registration::Wanted(webhook) = &settings.registration else {
        return None;
    };
    let registered = seen["webhook_url"].as_str()?;
    (registered != webhook.shown_url).then(|| format!("registers {registered}, not {}", webhook.shown_url))
}
