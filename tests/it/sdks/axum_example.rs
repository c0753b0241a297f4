use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use standardwebhooks::Webhook;

struct Hook {
    webhook: Webhook,
    /// Belongs into your database, and is written in one transaction with the work.
    seen: Mutex<HashSet<Vec<u8>>>,
    handle: fn(&Value) -> Result<(), String>,
}

pub fn router(secret: &str, handle: fn(&Value) -> Result<(), String>) -> Router {
    let hook = Hook {
        webhook: Webhook::new(secret.trim()).expect("the secret is one"),
        seen: Mutex::default(),
        handle,
    };
    Router::new()
        .route("/hooks/caigunn", post(take))
        // More than the 2 MB that it takes otherwise.
        .layer(DefaultBodyLimit::max(20_000_000))
        .with_state(Arc::new(hook))
}

async fn take(
    State(hook): State<Arc<Hook>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), (StatusCode, String)> {
    let refused = |error: &dyn ToString| (StatusCode::UNAUTHORIZED, error.to_string());
    let failed = |error: &dyn ToString| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    hook.webhook
        .verify(&body, &headers)
        .map_err(|error| refused(&error))?;
    let id = headers["webhook-id"].as_bytes();
    if !hook.seen.lock().expect("nobody panics").contains(id) {
        let event = serde_json::from_slice(&body).map_err(|error| failed(&error))?;
        (hook.handle)(&event).map_err(|error| failed(&error))?;
        hook.seen.lock().expect("nobody panics").insert(id.to_vec());
    }
    Ok(())
}
