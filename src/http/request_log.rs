//! Around every request: an id, a span, and one log line at the end, counted where it is made. A notification that is
//! stored has its line from the inbox.
//!
//! No line holds a body or the path, which may carry the token: the route stands for it. Of headers only the id that a
//! request came with is logged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use tracing::{Instrument, Level, debug_span, event};
use uuid::fmt::Hyphenated;

use super::metrics::{Metrics, NO_ROUTE};
use super::problem::{Problem, Written};
use super::routes::route_of;
use super::tally::{Counted, Tally};
use super::{Origin, text_of};
use crate::clock::{Timestamp, milliseconds};
use crate::inbox::RequestId;

/// The response header with the request's id, which is also a problem's `instance` and the log's `request_id`.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long an id of somebody else's may be to be logged, in bytes: as long as the longest in use, AWS's
/// `X-Amzn-Trace-Id` aside.
const MAX_INCOMING_BYTES: usize = 128;

/// What every line says of its request.
struct Context {
    request_id: RequestId,
    /// The id that the request came with.
    incoming_id: Option<Arc<str>>,
    method: Method,
    route: &'static str,
    /// How long it took to answer; zero until then.
    duration: Duration,
}

/// That what became of a request has been told where it was stored. Put into the response's extensions.
#[derive(Clone, Copy)]
pub struct Told;

/// Where it is told what became of requests.
pub struct Telling {
    pub metrics: Arc<Metrics>,
    /// Posts that no route takes; `None` where nobody posts notifications.
    pub strays: Option<Tally>,
    /// Posts with a wrong token.
    pub strangers: Tally,
    /// The routes, as they are named.
    pub routes: Arc<[&'static str]>,
}

/// Posts that no route takes: what a proxy with a wrong rewrite makes of all that CaiGunn sends.
pub fn strays() -> Tally {
    Tally::new(|count| {
        tracing::warn!(
            error.type = NO_ROUTE,
            "posts to paths other than /webhook, which got 404 or 405: {count}; does a proxy in front rewrite the path?",
        );
    })
}

/// Posts with a wrong token behind the first, which has a line of its own: anybody may make as many as they like.
pub fn strangers() -> Tally {
    Tally::new(|count| {
        tracing::warn!(
            error.type = "unauthorized",
            "more posts with a wrong token or none, which got 401: {count}; each has a line at level DEBUG",
        );
    })
}

impl Telling {
    /// Counts a post that no route takes, and says so with the others since the last time. Never with its path.
    fn count_stray(&self, duration: Duration) {
        if let Some(strays) = &self.strays {
            self.metrics.count_rejected(NO_ROUTE, duration);
            strays.count();
        }
    }
}

/// Gives a request its id, has it answered, and logs and counts what came of it.
pub async fn log(
    mut request: Request,
    peer: SocketAddr,
    told: &Telling,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let (started, received_at) = (Instant::now(), Timestamp::now());
    let mut context = Context {
        request_id: RequestId::at(received_at),
        incoming_id: incoming_id(&request),
        method: request.method().clone(),
        route: route_of(request.uri().path(), &told.routes),
        duration: Duration::ZERO,
    };
    request.extensions_mut().insert(Origin {
        request_id: context.request_id,
        peer,
        received_at,
        started,
        incoming_id: context.incoming_id.clone(),
    });
    // At debug level, so that the hot path makes none at the default: the line below has all that a span would say.
    let span = debug_span!(
        "request",
        otel.name = format_args!("{} {}", context.method, context.route),
        request_id = %context.request_id,
    );
    let mut response = if span.is_disabled() {
        answer(request).await
    } else {
        answer(request).instrument(span).await
    };

    let problem = response.extensions_mut().remove::<Problem>();
    let is_written = response.extensions_mut().remove::<Written>().is_some();
    if let Some(problem) = problem.as_ref().filter(|_| !is_written) {
        problem.write(&mut response, context.request_id);
    }
    let mut id = [0; Hyphenated::LENGTH];
    let id = context.request_id.uuid().hyphenated().encode_lower(&mut id);
    response
        .headers_mut()
        .insert(X_REQUEST_ID, HeaderValue::from_str(id).expect("a UUID is ASCII"));
    context.duration = started.elapsed();
    match problem {
        Some(problem) => {
            // Also to a path of the other listener's.
            if context.method == Method::POST && problem.is_no_route() {
                told.count_stray(context.duration);
            } else if context.is_notification() {
                told.metrics.count_rejected(problem.name(), context.duration);
            }
            let is_stranger = context.is_notification() && problem.is_wrong_token();
            let level = match is_stranger.then(|| told.strangers.count_silently()) {
                Some(Counted::Later) => Level::DEBUG,
                Some(Counted::First) | None => problem.level(context.is_notification()),
            };
            log_problem(&context, &problem, response.status(), level);
        }
        None if response.extensions_mut().remove::<Told>().is_some() => {}
        None => log_other(&context, response.status()),
    }
    response
}

/// The id that a request came with, given by a proxy or the sender, if it is fit to be logged: cut, and of characters
/// that no reader of a log takes for anything else.
fn incoming_id(request: &Request) -> Option<Arc<str>> {
    let id = text_of(request.headers(), X_REQUEST_ID)?;
    let is_fit = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
    is_fit.then(|| id[..id.len().min(MAX_INCOMING_BYTES)].into())
}

impl Context {
    fn duration_ms(&self) -> f64 {
        milliseconds(self.duration)
    }

    /// Whether the request was to bring a notification.
    fn is_notification(&self) -> bool {
        self.method == Method::POST && self.route.starts_with("/webhook")
    }
}

fn log_problem(context: &Context, problem: &Problem, status: StatusCode, level: Level) {
    let detail = problem.log_detail();
    let name = problem.name();
    let outcome = context.is_notification().then_some("rejected");
    macro_rules! line {
        ($level:expr) => {
            event!(
                $level,
                outcome,
                error.type = name,
                detail,
                request_id = %context.request_id,
                incoming_request_id = context.incoming_id.as_deref(),
                http.request.method = context.method.as_str(),
                http.route = context.route,
                http.response.status_code = status.as_u16(),
                duration_ms = context.duration_ms(),
                "{} {} answered {}: {detail}",
                context.method,
                context.route,
                status.as_u16(),
            )
        };
    }
    match level {
        Level::ERROR => line!(Level::ERROR),
        Level::WARN => line!(Level::WARN),
        _ => line!(Level::DEBUG),
    }
}

fn log_other(context: &Context, status: StatusCode) {
    tracing::debug!(
        request_id = %context.request_id,
        http.request.method = context.method.as_str(),
        http.route = context.route,
        http.response.status_code = status.as_u16(),
        duration_ms = context.duration_ms(),
        "{} {} answered {}",
        context.method,
        context.route,
        status.as_u16(),
    );
}
