//! Around every request: an id, a span, and one log line at the end, counted where it is made.
//!
//! No line holds a body, a header's value or the path, which may carry the token: the route stands for it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use tracing::{Instrument, Level, debug_span, event};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::metrics::Metrics;
use super::problem::Problem;
use super::receive::Received;
use super::{Origin, route_of};
use crate::inbox::RequestId;
use crate::inbox::announce::{Way, announce, milliseconds};

/// The response header with the request's id, which is also a problem's `instance` and the log's `request_id`.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every line says of its request.
struct Context {
    request_id: RequestId,
    method: Method,
    route: &'static str,
    /// How long it took to answer; zero until then.
    duration: Duration,
}

/// Gives a request its id, has it answered, and logs and counts what came of it.
pub async fn log(
    mut request: Request,
    peer: SocketAddr,
    metrics: &Metrics,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let started = Instant::now();
    let mut context = Context {
        request_id: RequestId::new(Uuid::new_v4()),
        method: request.method().clone(),
        route: route_of(request.uri().path()),
        duration: Duration::ZERO,
    };
    request.extensions_mut().insert(Origin {
        request_id: context.request_id,
        peer,
    });
    // At debug level, so that the hot path makes none at the default: the line below has all that a span would say.
    let span = debug_span!(
        "request",
        otel.name = format_args!("{} {}", context.method, context.route),
        request_id = %context.request_id,
    );
    let mut response = answer(request).instrument(span).await;

    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        problem.write(&mut response, context.request_id);
    }
    let mut id = [0; Hyphenated::LENGTH];
    let id = context.request_id.uuid().hyphenated().encode_lower(&mut id);
    response
        .headers_mut()
        .insert(X_REQUEST_ID, HeaderValue::from_str(id).expect("a UUID is ASCII"));
    context.duration = started.elapsed();
    match (response.extensions_mut().remove::<Received>(), problem) {
        (Some(received), _) => {
            metrics.count_received(&received, context.duration);
            announce(
                &received.notification,
                received.appended,
                &Way::Webhook {
                    request_id: context.request_id,
                    duration: context.duration,
                },
            );
        }
        (None, Some(problem)) => {
            if context.is_notification() {
                metrics.count_rejected(&problem, context.duration);
            }
            log_problem(&context, &problem, response.status());
        }
        (None, None) => log_other(&context, response.status()),
    }
    response
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

fn log_problem(context: &Context, problem: &Problem, status: StatusCode) {
    let detail = problem.log_detail();
    let name = problem.name();
    let is_notification = context.is_notification();
    let outcome = is_notification.then_some("rejected");
    macro_rules! line {
        ($level:expr) => {
            event!(
                $level,
                outcome,
                error.type = name,
                detail,
                request_id = %context.request_id,
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
    match problem.level(is_notification) {
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
