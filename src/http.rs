//! The two listeners: who may ask what, in which order it is checked, and where it goes.
//!
//! Every route is in this file, and so is the order of the layers. Nothing of the admin side is reachable from
//! the public address.

mod accepting;
mod admin;
mod desk;
mod framing;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod metrics;
mod origin;
mod path;
mod presence;
mod problem;
mod receive;
mod request_log;
mod rooms;
mod serve;
mod stream;
mod to_the_end;
mod tokens;
mod unread;

use std::any::Any;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, EXPECT};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::body::Incoming;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tower::Service;
use tower_http::catch_panic::CatchPanic;
use uuid::Uuid;

use crate::event::{ChatbotId, EventId};
use crate::inbox::{self, Inbox, Writer};
use crate::instance::{Instance, NONCE_PARAMETER, PROOF_HEADER};
use crate::metrics::Registry;
use crate::rotating::Rotating;
use metrics::{Connections, Metrics};
use origin::Origin;
use problem::Problem;
use request_log::{Strays, Telling};
use tokens::Tokens;
use unread::Unread;

pub use accepting::Accepting;
pub use desk::{DeliveryDesk, DeliveryQuery, DeskAnswer, DeskError, ShownDelivery, ShownInstruction};
pub use serve::{bind, reachable, serve};

/// What both listeners must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The tokens that the path may carry; with none, anyone may post to `/webhook`.
    pub tokens: Vec<SecretString>,
    /// The bearer token of `/api` and `/metrics`; with none, only clients on this machine may use them.
    pub admin_token: Option<SecretString>,
    /// The longest body taken, in bytes.
    pub body_limit_bytes: usize,
    /// How many bytes of bodies may be in hand over all requests; beyond that a request is answered with 503.
    pub bodies_in_flight_bytes: usize,
    /// How old a job may get before it is called stalled.
    pub stalled_after: Duration,
    /// How connections are treated.
    pub connections: ConnectionSettings,
}

/// How connections are treated.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// How many may be open on one listener; a further one is answered with 503 and closed.
    pub max_count: usize,
    /// How long a request's head may take to arrive, from its first byte on.
    pub header_timeout: Duration,
    /// How long a connection may lie idle.
    pub idle_timeout: Duration,
    /// How long the rest of a body is read that was refused, at most.
    pub body_timeout: Duration,
    /// How long a head or a body that has begun may still take once a stop has begun, and a peer may take nothing of its
    /// answer: enough for the rest of a request on a slow link, and so little that nobody holds up a stop.
    pub stop_grace: Duration,
    /// How long written bytes may wait for the peer to take them.
    pub write_timeout: Duration,
}

/// The subscription's state as a JSON value, as it is known here or (`true`) as the receiver knows it that leads; handed
/// over by the app: this module knows nothing of subscriptions.
pub type SubscriptionView =
    Arc<dyn Fn(bool) -> Pin<Box<dyn Future<Output = serde_json::Value> + Send>> + Send + Sync>;

/// Asks CaiGunn what was missed of a job, of a chatbot if it is known, and stores it unless it is a dry run; handed
/// over by the app too.
pub type BackfillJob = Arc<dyn Fn(EventId, Option<ChatbotId>, bool) -> BackfillAnswer + Send + Sync>;

/// What comes of a [`BackfillJob`] in the end.
pub type BackfillAnswer = Pin<Box<dyn Future<Output = Result<serde_json::Value, BackfillError>> + Send>>;

/// Why a job could not be backfilled.
#[derive(Debug)]
pub enum BackfillError {
    /// CaiGunn could not be asked, or did not answer: why.
    CaiGunn(String),
    /// Another receiver is to be asked: which, and why.
    NotLeader(String),
    /// The inbox could not be read or written.
    Inbox(inbox::Error),
}

/// What handlers share.
#[derive(Clone)]
struct Shared(Arc<SharedParts>);

struct SharedParts {
    settings: Settings,
    writer: Writer,
    accepting: Accepting,
    instance: Instance,
    tokens: Arc<Tokens>,
    metrics: Arc<Metrics>,
    /// A permit a byte of body in hand.
    body_bytes: Arc<Semaphore>,
}

impl std::ops::Deref for Shared {
    type Target = SharedParts;

    fn deref(&self) -> &SharedParts {
        &self.0
    }
}

/// Makes an answer of a panic.
type AnswerPanic = fn(Box<dyn Any + Send>) -> Response;

/// What answers the requests of one listener.
pub struct Endpoint {
    router: CatchPanic<Router, AnswerPanic>,
    telling: Telling,
    connections: Connections,
    accepting: Accepting,
}

/// Both endpoints.
pub struct Endpoints {
    /// `/webhook`, `/healthz`, `/readyz`.
    pub public: Endpoint,
    /// `/api`, `/metrics`, `/healthz`, `/readyz`.
    pub admin: Endpoint,
    /// What both ask for.
    pub secrets: Secrets,
}

/// The tokens that are asked for.
pub struct Secrets {
    tokens: Arc<Tokens>,
    admin_token: Rotating<Option<SecretString>>,
}

impl Secrets {
    /// Takes these tokens of notifications from now on, and the one that was registered; returns whether it is none of them.
    pub fn replace_tokens(&self, tokens: &[SecretString]) -> bool {
        self.tokens.replace(tokens)
    }

    /// Has the admin side demand this token from now on.
    pub fn replace_admin_token(&self, token: SecretString) {
        self.admin_token.replace(Some(token));
    }
}

/// The routes, as the log names them: with the names of parameters in place of their values.
const ROUTES: [&str; 22] = [
    "/webhook",
    "/webhook/{token}",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/receipts",
    "/api/v1/receipts/{id}",
    "/api/v1/jobs/{event_id}",
    "/api/v1/jobs/{event_id}/backfill",
    "/api/v1/quarantine",
    "/api/v1/quarantine/{id}",
    "/api/v1/subscription",
    "/api/v1/destinations",
    "/api/v1/destinations/{name}/pause",
    "/api/v1/destinations/{name}/resume",
    "/api/v1/destinations/{name}/remove",
    "/api/v1/deliveries",
    "/api/v1/deliveries/{destination}/{receipt_id}",
    "/api/v1/deliveries/{destination}/{receipt_id}/retry",
    "/api/v1/deliveries/{destination}/{receipt_id}/cancel",
    "/api/v1/replays",
    "/api/v1/replays/{id}",
];

/// What the endpoints are made of.
pub struct Parts {
    /// What they must be told.
    pub settings: Settings,
    /// The way into the inbox.
    pub writer: Writer,
    /// The way to read it.
    pub inbox: Arc<dyn Inbox>,
    /// Whether requests are wanted.
    pub accepting: Accepting,
    /// What answers a probe.
    pub instance: Instance,
    /// What the admin side shows of the subscription.
    pub subscription: SubscriptionView,
    /// How jobs are backfilled; `None` if CaiGunn's API cannot be called.
    pub backfill_job: Option<BackfillJob>,
    /// Where the way out is seen and told what to do.
    pub desk: Arc<dyn DeliveryDesk>,
    /// What `/metrics` shows, but for what is counted here.
    pub registry: Registry,
}

/// Builds both endpoints.
pub fn endpoints(parts: Parts) -> Endpoints {
    let Parts {
        settings,
        writer,
        inbox,
        accepting,
        instance,
        subscription,
        backfill_job,
        desk,
        mut registry,
    } = parts;
    let metrics = Arc::new(Metrics::register(&mut registry));
    let (public, admin) = Connections::register(&mut registry, settings.connections.max_count);
    let tokens = Arc::new(Tokens::new(&settings.tokens));
    let body_bytes = Arc::new(Semaphore::new(
        settings.bodies_in_flight_bytes.min(Semaphore::MAX_PERMITS),
    ));
    let shared = Shared(Arc::new(SharedParts {
        settings,
        writer,
        accepting: accepting.clone(),
        instance,
        tokens: Arc::clone(&tokens),
        metrics: Arc::clone(&metrics),
        body_bytes,
    }));
    let endpoint = |router, connections, strays| Endpoint {
        router: all_answered(router),
        telling: Telling {
            metrics: Arc::clone(&metrics),
            strays,
        },
        connections,
        accepting: accepting.clone(),
    };
    let page = Router::new()
        .route("/metrics", get(metrics::page))
        .with_state(Arc::new(registry));
    let api = Router::new().nest(
        "/api/v1",
        admin::routes(admin::Api {
            inbox,
            subscription,
            backfill_job,
            desk,
            tokens: Arc::clone(&tokens),
            stalled_after: shared.settings.stalled_after,
        }),
    );
    let admin_token = Rotating::new(shared.settings.admin_token.clone());
    let guarded = admin::guarded(api.merge(page), admin_token.clone());
    Endpoints {
        secrets: Secrets { tokens, admin_token },
        public: endpoint(public_routes(&shared), public, Some(Strays::default())),
        admin: endpoint(health_routes(&shared).merge(guarded), admin, None),
    }
}

fn health_routes(shared: &Shared) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(shared.clone())
}

fn public_routes(shared: &Shared) -> Router {
    Router::new()
        .route("/webhook", post(receive::receive))
        .route("/webhook/{token}", post(receive::receive))
        .with_state(shared.clone())
        .merge(health_routes(shared))
}

/// Routes that have an answer for every request, also where a handler panics.
fn all_answered(router: Router) -> CatchPanic<Router, AnswerPanic> {
    let router = router
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() });
    CatchPanic::custom(router, |_| Problem::panicked().into_response())
}

impl Endpoint {
    /// Answers a request. The order of what is around every route: its path is read in its plain spelling; a request id,
    /// a log line and its numbers whatever happens; then a request that RFC 9112 calls ambiguous gets no further; then a
    /// panic becomes an answer.
    ///
    /// Plain calls rather than layers of the router, each of which would cost the hot path some allocations.
    pub async fn answer(&self, mut request: Request, peer: SocketAddr) -> Response {
        path::make_plain(request.uri_mut());
        let mut router = self.router.clone();
        let answer = async move |request: Request| match framing::check_head(&request) {
            Err(problem) => problem.into_response(),
            Ok(()) => match router.call(request).await {
                Ok(response) => response.map(Body::new),
                Err(never) => match never {},
            },
        };
        let mut response = request_log::log(request, peer, &self.telling, answer).await;
        if self.accepting.has_ended() {
            // A balancer that keeps the connection would go on sending here.
            end_connection(&mut response);
        }
        response
    }

    /// As [`Endpoint::answer`], on a connection that what is left `unread` of the body comes back to, and decides whether
    /// it stays, if it `is_wanted` still.
    async fn answer_on(
        &self,
        request: Request<Incoming>,
        unread: &Unread,
        is_wanted: impl Fn() -> bool,
        peer: SocketAddr,
    ) -> Response {
        // Whether it sends a body that it has not been asked for cannot be told from what follows.
        let waits_to_be_asked = request.headers().contains_key(EXPECT);
        let request = request.map(|body| Body::new(unread.lend(body)));
        let mut response = self.answer(request, peer).await;
        if let Some(rest) = unread.take() {
            let is_ending = waits_to_be_asked || response.headers().contains_key(CONNECTION);
            if is_ending || !rest.read().await {
                end_connection(&mut response);
            }
        }
        if !is_wanted() {
            // It has made room for another one, and ends behind this answer.
            end_connection(&mut response);
        }
        response
    }
}

fn end_connection(response: &mut Response) {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
}

/// The route of a path; empty if there is none. A path may hold a token, so it is never logged itself.
fn route_of(path: &str) -> &'static str {
    let matches = |route: &&str| {
        let (mut segments, mut pattern) = (path.split('/'), route.split('/'));
        loop {
            match (segments.next(), pattern.next()) {
                (None, None) => return true,
                (Some(segment), Some(name)) if segment == name || name.starts_with('{') => {}
                (_, _) => return false,
            }
        }
    };
    ROUTES.into_iter().find(matches).unwrap_or_default()
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
async fn readyz(State(shared): State<Shared>) -> Result<Response, Problem> {
    shared.accepting.check()?;
    shared.writer.ready().await.map_err(Problem::from)?;
    Ok("ready\n".into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_logged_as_its_route_and_a_path_without_one_not_at_all() {
        let cases = [
            ("/webhook", "/webhook"),
            ("/webhook/secret", "/webhook/{token}"),
            ("/webhook/", "/webhook/{token}"),
            ("/webhook/secret/", ""),
            ("/webhook/secret/more", ""),
            ("/webhooks", ""),
            ("/Webhook", ""),
            ("/healthz", "/healthz"),
            ("/readyz", "/readyz"),
            ("/metrics", "/metrics"),
            ("/metrics/", ""),
            ("/api/v1/receipts", "/api/v1/receipts"),
            ("/api/v1/receipts/0190", "/api/v1/receipts/{id}"),
            ("/api/v1/jobs/0190", "/api/v1/jobs/{event_id}"),
            ("/api/v1/jobs/0190/backfill", "/api/v1/jobs/{event_id}/backfill"),
            ("/api/v1/jobs", ""),
            ("/api/v1/quarantine", "/api/v1/quarantine"),
            ("/api/v1/subscription", "/api/v1/subscription"),
            ("/api/v1/destinations", "/api/v1/destinations"),
            (
                "/api/v1/destinations/app/pause",
                "/api/v1/destinations/{name}/pause",
            ),
            (
                "/api/v1/destinations/app/resume",
                "/api/v1/destinations/{name}/resume",
            ),
            (
                "/api/v1/destinations/app/remove",
                "/api/v1/destinations/{name}/remove",
            ),
            ("/api/v1/destinations/app", ""),
            ("/api/v1/deliveries", "/api/v1/deliveries"),
            (
                "/api/v1/deliveries/app/0190",
                "/api/v1/deliveries/{destination}/{receipt_id}",
            ),
            (
                "/api/v1/deliveries/app/0190/retry",
                "/api/v1/deliveries/{destination}/{receipt_id}/retry",
            ),
            (
                "/api/v1/deliveries/app/0190/cancel",
                "/api/v1/deliveries/{destination}/{receipt_id}/cancel",
            ),
            ("/api/v1/replays", "/api/v1/replays"),
            ("/api/v1/replays/0190", "/api/v1/replays/{id}"),
            ("/", ""),
            ("", ""),
            ("*", ""),
        ];
        for (path, route) in cases {
            assert_eq!(route_of(path), route, "{path}");
        }
    }
}
