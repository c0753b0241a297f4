//! main.rs: cargo add axum serde_json standardwebhooks; cargo add tokio --features macros,net,rt-multi-thread; cargo run

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, fs};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

struct Hook {
    webhook: Webhook,
    /// Belongs into your database, and is written in one transaction with the work.
    seen: Mutex<HashSet<Vec<u8>>>,
}

fn handle(event: &Value) -> Result<(), String> {
    let text = |name: &str| event[name].as_str().ok_or(format!("no {name}"));
    println!("{} {}", text("type")?, text("id")?);
    Ok(())
}

/// Serves on `PORT`, which is 3000 if it is not set.
#[tokio::main]
pub async fn main() -> Result<(), Box<dyn Error>> {
    let secret = fs::read_to_string(env::var("SECRET_FILE")?)?;
    let hook = Hook {
        webhook: Webhook::new(secret.trim())?,
        seen: Mutex::default(),
    };
    let router = Router::new()
        .route("/hooks/caigunn", post(take))
        // More than the 2 MB that it takes otherwise.
        .layer(DefaultBodyLimit::max(20_000_000))
        .with_state(Arc::new(hook));
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, router).await?)
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
    // Until it is done: the same may come once more meanwhile, and waits for it. Work that panicked before has left no id here.
    let mut seen = hook.seen.lock().unwrap_or_else(PoisonError::into_inner);
    if !seen.contains(id) {
        let event = serde_json::from_slice(&body).map_err(|error| failed(&error))?;
        handle(&event).map_err(|error| failed(&error))?;
        seen.insert(id.to_vec());
    }
    Ok(())
}
