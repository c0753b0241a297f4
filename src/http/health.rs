//! `/healthz` and `/readyz`, on both sides.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::Shared;
use super::problem::{Kind, Problem};
use super::routes::{About, Routes};
use crate::instance::{NONCE_PARAMETER, PROOF_HEADER};

/// What has `/readyz` try the inbox again unless that was done within a second, as a person wants it who asks.
const FRESH_PARAMETER: &str = "fresh";

pub(super) fn routes() -> Routes<Shared> {
    let alive = || About::new("Whether the process runs").answers_text("It does.", &["text/plain"]);
    let ready = || {
        About::new("Whether the inbox takes writes, the start is over and no stop has begun")
            .answers_text("So it is.", &["text/plain"])
            .refuses(&[Kind::Starting, Kind::Stopping, Kind::InboxUnavailable])
    };
    Routes::new()
        .get("/healthz", healthz, alive)
        .get("/readyz", readyz, ready)
}

/// Whether the process runs; and, for whoever sends a nonce, whether it is this one.
async fn healthz(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let mut pairs = url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let nonce = pairs.find_map(|(name, value)| {
        let is_nonce = name == NONCE_PARAMETER;
        is_nonce.then(|| Uuid::try_parse(&value).ok())?
    });
    match nonce {
        Some(nonce) => ([(PROOF_HEADER, shared.instance.proof(nonce))], "ok\n").into_response(),
        None => "ok\n".into_response(),
    }
}

/// Whether the inbox takes writes, the start is over and no stop has begun.
async fn readyz(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    shared.accepting.check()?;
    let mut pairs = url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let ready = match pairs.any(|(name, _)| name == FRESH_PARAMETER) {
        true => shared.writer.ready_now().await,
        false => shared.writer.ready().await,
    };
    ready.map_err(Problem::from)?;
    Ok("ready\n".into_response())
}
