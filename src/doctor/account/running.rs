//! Whether the receiver that runs here takes what would be registered: with another token CaiGunn's posts to it would be
//! refused.

use serde_json::Value;

use crate::config::{Registration, Settings};
use crate::fingerprint::Fingerprint;

/// Why registering with these settings would cut off the receiver at `place`, whose admin API says that of its subscription;
/// `None` if it would not.
pub fn would_be_cut_off(settings: &Settings, place: &str, seen: &Value) -> Option<String> {
    let what = difference(settings, seen)?;
    Some(format!(
        "the receiver that runs at {place} {what}, so it would be cut off: use its settings"
    ))
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
