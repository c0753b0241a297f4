//! A fake of CaiGunn's API: faithful to its documents, and able to be slow, wrong or down.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use super::wait_for;

/// A call that the fake has seen.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: Instant,
    pub headers: HeaderMap,
    pub body: Value,
}

/// What the fake answers to a call.
#[derive(Clone, Debug)]
pub enum Reply {
    /// As documented.
    Ok,
    /// A status, a `Retry-After` in seconds, and a body, in which `{api-key}` stands for the one of the call.
    Status(u16, Option<u64>, Value),
    /// As documented, once [`Provider::release`] is called.
    Held,
}

/// A running fake. It ends with the test's runtime.
#[derive(Clone)]
pub struct Provider {
    pub address: SocketAddr,
    state: Arc<FakeState>,
}

struct FakeState {
    calls: Mutex<Vec<Call>>,
    replies: Mutex<VecDeque<Reply>>,
    released: watch::Sender<bool>,
}

impl Provider {
    /// Starts a fake that gives these replies in order, and the documented one from then on.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::on(listener, replies)
    }

    /// As [`Provider::start`], on an open listener.
    pub fn on(listener: TcpListener, replies: impl IntoIterator<Item = Reply>) -> Self {
        let state = Arc::new(FakeState {
            calls: Mutex::default(),
            replies: Mutex::new(replies.into_iter().collect()),
            released: watch::Sender::new(false),
        });
        let router = Router::new()
            .route("/api/external/chatbot/webhook", put(put_webhook))
            .with_state(Arc::clone(&state));
        let address = listener.local_addr().expect("a bound listener has an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The calls seen so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// Waits until so many calls have come.
    pub async fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        wait_for("calls of CaiGunn's API", || {
            let calls = self.calls();
            async move {
                if calls.len() >= count {
                    Ok(calls)
                } else {
                    Err(format!("{calls:?}"))
                }
            }
        })
        .await
    }

    /// Lets the held replies go.
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }
}

async fn put_webhook(State(state): State<Arc<FakeState>>, request: Request) -> Response {
    let at = Instant::now();
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a short body");
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let is_complete =
        head.headers.contains_key("api-key") && head.headers.contains_key("caigunn-access-token");
    let api_key = head
        .headers
        .get("api-key")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let has_url = body["webhook_url"].is_string();
    state.calls.lock().unwrap().push(Call {
        at,
        headers: head.headers,
        body,
    });
    let reply = state.replies.lock().unwrap().pop_front().unwrap_or(Reply::Ok);
    match reply {
        Reply::Status(status, retry_after, body) => {
            let body = body.to_string().replace("{api-key}", &api_key);
            let json = [("content-type", "application/json")];
            let mut response = (StatusCode::from_u16(status).expect("a status"), json, body).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            return response;
        }
        Reply::Held => {
            let mut released = state.released.subscribe();
            let _ =
                tokio::time::timeout(Duration::from_secs(60), released.wait_for(|released| *released)).await;
        }
        Reply::Ok => {}
    }
    if !is_complete {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({"detail": "Not authenticated"})),
        )
            .into_response();
    }
    if !has_url {
        let fault =
            json!({"loc": ["body", "webhook_url"], "msg": "field required", "type": "value_error.missing"});
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"detail": [fault]}))).into_response();
    }
    Json(json!({"detail": "Webhook url update successfully"})).into_response()
}
