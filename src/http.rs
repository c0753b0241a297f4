//! The two listeners: who may ask what, in which order it is checked, and where it goes.
//!
//! The order of the layers is in this file. Nothing of the admin side is reachable from the public address.
//!
//! - Connections: `serve` accepts and ends them, `rooms` and `presence` say which one goes for a new one, `stream` how long one
//!   may wait, and `framing` where a request ends.
//! - Around every request: `path` its plain spelling, `request_log` its id and its line, `origin` where it comes from,
//!   `to_the_end` that it goes on, `unread` what becomes of a body that nobody reads.
//! - The public side: `receive` takes notifications, `tokens` says which tokens a path may carry, `accepting` whether requests
//!   are wanted, `health` has `/healthz` and `/readyz`.
//! - The admin side: `admin` is the API, `routes` has each of its routes once, `openapi` describes them, `chatbots` is what the
//!   app hands over, `metrics` has `/metrics`, and `page` is for people; its session cookie is in `page/sessions.rs`.
//! - `problem`: every refusal, with its status.

mod accepting;
mod admin;
mod chatbots;
mod framing;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod health;
mod metrics;
mod openapi;
mod origin;
mod page;
mod path;
mod presence;
mod problem;
mod receive;
mod request_log;
mod rooms;
mod routes;
mod serve;
mod stream;
mod tally;
mod to_the_end;
mod tokens;
mod unread;

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AsHeaderName, CONNECTION, EXPECT};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tower::Service;
use tower_http::catch_panic::CatchPanic;

use crate::delivery::Deliveries;
use crate::inbox::acceptance::Acceptance;
use crate::inbox::{Inbox, Writer};
use crate::instance::Instance;
use crate::metrics::Registry;
use admin::AdminTokens;
use metrics::{Connections, Metrics};
use origin::Origin;
use problem::Problem;
use request_log::Telling;
use tokens::Tokens;
use unread::Unread;

pub use accepting::Accepting;
pub use chatbots::{
    BackfillAnswer, BackfillJob, Ensure, Leader, Standing, SubscriptionView, Unanswered, UntoldView,
};
pub use serve::{bind, reachable, serve, take};

/// What both listeners must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The tokens that the path may carry; with none, anyone may post to `/webhook`.
    pub tokens: Vec<SecretString>,
    /// The bearer token of `/api` and `/metrics`, and the one to sign in to the page with; with none, only clients on this
    /// machine may use them.
    pub admin_token: Option<SecretString>,
    /// Another token, with which one sees all of the admin side and changes nothing.
    pub read_only_token: Option<SecretString>,
    /// The longest body taken, in bytes.
    pub body_limit_bytes: usize,
    /// How many bytes of bodies may be in hand over all requests; beyond that a request is answered with 503.
    pub bodies_in_flight_bytes: usize,
    /// How far apart two notifications without any id may come that are one (`inbox.duplicate_window_seconds`).
    pub duplicate_window: Duration,
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

/// What handlers share.
type Shared = Arc<SharedParts>;

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
    /// The page, `/api`, `/metrics`, `/healthz`, `/readyz`.
    pub admin: Endpoint,
    /// What both ask for.
    pub secrets: Secrets,
}

/// The tokens that are asked for, to be replaced.
pub struct Secrets {
    /// Those of notifications.
    pub tokens: Arc<Tokens>,
    /// Those of the admin side.
    pub admin: AdminTokens,
}

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
    /// What the page shows of notices.
    pub untold: UntoldView,
    /// How registrations are made sure of; `None` if there is nothing to register.
    pub ensure: Option<Ensure>,
    /// How jobs are backfilled; `None` if CaiGunn's API cannot be called.
    pub backfill_job: Option<BackfillJob>,
    /// The way out, to be seen and told what to do.
    pub deliveries: Deliveries,
    /// What `/metrics` shows, but for what is counted here.
    pub registry: Registry,
    /// The settings, as people are shown them.
    pub shown: ShownSettings,
}

/// The settings, as people are shown them.
#[derive(Clone, Debug, Default)]
pub struct ShownSettings {
    /// Each of them.
    pub settings: Vec<ShownSetting>,
    /// What of them is allowed but unwise, with advice.
    pub warnings: Vec<String>,
}

/// A setting, as people are shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownSetting {
    /// Its key.
    pub key: &'static str,
    /// Its value; of a secret, only that there is one, and of a location not its password.
    pub value: String,
    /// Where it came from: `FILE:LINE`, a variable, or other words.
    pub origin: String,
    /// Whether the operator has said it, in a file, a variable or a flag.
    pub is_said: bool,
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
        untold,
        ensure,
        backfill_job,
        deliveries,
        mut registry,
        shown,
    } = parts;
    let metrics = Arc::new(Metrics::register(&mut registry));
    let (public, admin) = Connections::register(&mut registry, settings.connections.max_count);
    let tokens = Arc::new(Tokens::new(&settings.tokens));
    let body_bytes = Arc::new(Semaphore::new(
        settings.bodies_in_flight_bytes.min(Semaphore::MAX_PERMITS),
    ));
    let shared = Arc::new(SharedParts {
        settings,
        writer,
        accepting: accepting.clone(),
        instance,
        tokens: Arc::clone(&tokens),
        metrics: Arc::clone(&metrics),
        body_bytes,
    });
    let (receiving, health, measured, api) = (
        receive::routes(),
        health::routes(),
        metrics::routes(),
        admin::routes(),
    );
    let paths = [&receiving.paths, &health.paths, &measured.paths, &api.paths];
    let labels: Arc<[_]> = paths
        .into_iter()
        .flatten()
        .copied()
        .chain(page::paths())
        .collect();
    let api_parts = admin::Api {
        acceptance: Arc::new(Acceptance::new(
            Arc::clone(&inbox),
            shared.writer.clone(),
            shared.settings.duplicate_window,
        )),
        inbox,
        subscription,
        backfill_job,
        deliveries,
        tokens: Arc::clone(&tokens),
        stalled_after: shared.settings.stalled_after,
    };
    let api = api.with_state(api_parts.clone());
    let admin_tokens = AdminTokens::new(
        shared.settings.admin_token.clone(),
        shared.settings.read_only_token.clone(),
    );
    let pages = page::routes(page::Parts {
        api: api_parts,
        tokens: admin_tokens.clone(),
        writer: shared.writer.clone(),
        accepting: accepting.clone(),
        traffic: registry.traffic.clone(),
        untold,
        ensure,
        shown,
        kept: page::Kept::default(),
    });
    let api = api.merge(measured.with_state(Arc::new(registry)));
    let health = health.with_state(shared.clone());
    let guarded = admin::guarded(api, admin_tokens.clone());
    let admin_router = guarded.merge(health.clone()).merge(pages);
    let public_router = receiving.with_state(shared).merge(health);
    let admin_router = with_fallbacks(admin_router).layer(from_fn(page::dress_for_browsers));
    let public_router = with_fallbacks(public_router);
    let endpoint = |router, connections, strays| Endpoint {
        router: CatchPanic::custom(router, |_| Problem::panicked().into_response()),
        telling: Telling {
            metrics: Arc::clone(&metrics),
            strays,
            strangers: request_log::strangers(),
            routes: Arc::clone(&labels),
        },
        connections,
        accepting: accepting.clone(),
    };
    Endpoints {
        secrets: Secrets {
            tokens,
            admin: admin_tokens,
        },
        public: endpoint(public_router, public, Some(request_log::strays())),
        admin: endpoint(admin_router, admin, None),
    }
}

/// A header's value; `None` if it is not there, or no text.
fn text_of(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Routes that have an answer for every request.
fn with_fallbacks(router: Router) -> Router {
    router
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
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
            ("/api/v1/jobs", "/api/v1/jobs"),
            ("/api/v1/quarantine/0190/accept", "/api/v1/quarantine/{id}/accept"),
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
            ("/api/v1/replays/0190/end", "/api/v1/replays/{id}/end"),
            ("/api/v1/openapi.json", "/api/v1/openapi.json"),
            ("/", "/"),
            ("/receipts", "/receipts"),
            ("/assets/page.css", "/assets/page.css"),
            ("/assets", ""),
            ("", ""),
            ("*", ""),
        ];
        let (receiving, health, measured, api) = (
            receive::routes(),
            health::routes(),
            metrics::routes(),
            admin::routes(),
        );
        let described = [
            receiving.described,
            health.described,
            measured.described,
            api.described,
        ];
        let labels = described.iter().flatten().map(|it| it.path);
        let labels: Vec<_> = labels.chain(page::paths()).collect();
        for (path, route) in cases {
            assert_eq!(routes::route_of(path, &labels), route, "{path}");
        }
    }
}
