//! Whether the receiver that runs here takes what would be registered: with another token CaiGunn's posts to it would be
//! refused.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;

use crate::config::{Registration, Settings};
use crate::fingerprint::Fingerprint;
use crate::http::reachable;
use crate::outgoing;

/// How long it may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why registering with these settings would cut off the receiver that runs at their admin address; `None` if it would
/// not, or none runs there.
///
/// # Errors
/// The client cannot be made.
///
/// # Cancel safety
/// May be dropped at any time.
pub async fn would_be_cut_off(settings: &Settings) -> Result<Option<String>, reqwest::Error> {
    let address = reachable(settings.admin_listen);
    let client = outgoing::to_this_machine().timeout(TIMEOUT).build()?;
    let mut request = client.get(format!("http://{address}/api/v1/subscription"));
    if let Some(token) = &settings.http.admin_token {
        request = request.bearer_auth(token.expose_secret());
    }
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Ok(None),
        Err(error) => {
            let why = outgoing::innermost(&error);
            return Ok(Some(format!(
                "what runs at {address} does not tell which tokens it takes: {why}"
            )));
        }
    };
    let status = response.status();
    if matches!(status.as_u16(), 401 | 403) {
        return Ok(Some(format!(
            "the receiver that runs at {address} does not tell which tokens it takes: set CAIGUNN_ADMIN_TOKEN to its \
             admin token"
        )));
    }
    match response.json::<Value>().await {
        Ok(seen) if status.is_success() => Ok(difference(settings, &seen).map(|what| {
            format!("the receiver that runs at {address} {what}, so it would be cut off: use its settings")
        })),
        // Something else that listens there.
        _ => Ok(None),
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
