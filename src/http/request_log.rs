//! Around every request: an id, a span, and one log line at the end, counted where it is made.
//!
//! The line of a notification is an interface, documented in the README. It never holds a body, a header's
//! value or the path, which may carry the token: the route stands for it.

use std::fmt::Write;
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
use crate::inbox::{Appended, RequestId};

/// The response header with the request's id, which is also a problem's `instance` and the log's `request_id`.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many failed files a line names, and how many characters of a text of CaiGunn's it quotes, so that a line
/// has a bound.
const MAX_FAILED_FILES: usize = 20;
const MAX_TEXT_CHARS: usize = 200;

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
            log_notification(&context, &received);
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
        // Microseconds are as much as a clock shared with other work can tell.
        self.duration.as_micros() as f64 / 1_000.0
    }

    /// Whether the request was to bring a notification.
    fn is_notification(&self) -> bool {
        self.method == Method::POST && self.route.starts_with("/webhook")
    }
}

fn log_notification(context: &Context, received: &Received) {
    let notification = &*received.notification;
    let name = notification.name().to_string();
    let (outcome, receipt_id, is_duplicate) = match received.appended {
        Appended::New { receipt_id } => ("accepted", receipt_id, false),
        Appended::Duplicate { receipt_id, .. } => ("duplicate", receipt_id, true),
    };
    // Ids are written out by hand: a field that is a text costs the log a fraction of one that is formatted there.
    let mut texts = [[0; Hyphenated::LENGTH]; 4];
    let [event_id, chatbot_id, receipt_text, request_id] = &mut texts;
    let event_id = notification
        .event_id
        .map(|id| &*id.uuid().hyphenated().encode_lower(event_id));
    let chatbot_id = notification
        .chatbot_id
        .map(|id| &*id.uuid().hyphenated().encode_lower(chatbot_id));
    let receipt_id = &*receipt_id.uuid().hyphenated().encode_lower(receipt_text);
    let request_id = &*context.request_id.uuid().hyphenated().encode_lower(request_id);
    let detail = notification.event.detail().map(|detail| cut(detail.as_str()));
    let failed_files = failed_files(received);
    // The level must be a constant where an event is made, so the fields are written once here.
    macro_rules! line {
        ($level:expr, $($message:tt)+) => {
            event!(
                $level,
                outcome,
                event = &*name,
                event_id,
                chatbot_id,
                receipt_id,
                duplicate_of = is_duplicate.then_some(receipt_id),
                wire = notification.wire.as_str(),
                detail = detail.as_deref(),
                failed_files = failed_files.as_deref(),
                request_id,
                http.response.status_code = StatusCode::OK.as_u16(),
                duration_ms = context.duration_ms(),
                $($message)+
            )
        };
    }
    match received.appended {
        Appended::Duplicate {
            differs: Some(quarantine_id),
            ..
        } => line!(
            Level::WARN,
            "{name} is a duplicate of receipt {receipt_id} but says something else; \
             the copy is in quarantine as {quarantine_id}"
        ),
        Appended::Duplicate { differs: None, .. } => {
            line!(Level::INFO, "{name} is a duplicate of receipt {receipt_id}")
        }
        Appended::New { .. } if notification.event.is_unrecognized() => line!(
            Level::WARN,
            "{name} accepted as receipt {receipt_id}, but this program does not know that event"
        ),
        Appended::New { .. } => line!(Level::INFO, "{name} accepted as receipt {receipt_id}"),
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
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR => line!(Level::ERROR),
        _ if is_notification => line!(Level::WARN),
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

/// The failed files of an upload with their reasons, `name: reason; name: reason`.
fn failed_files(received: &Received) -> Option<String> {
    let mut text = String::new();
    let mut files = received.notification.event.failed_files();
    for (file, detail) in files.by_ref().take(MAX_FAILED_FILES) {
        let separator = if text.is_empty() { "" } else { "; " };
        let reason = detail.map_or("no reason given".into(), |detail| cut(detail.as_str()));
        let _ = write!(text, "{separator}{}: {reason}", cut(&file.filename));
    }
    let more_count = files.count();
    if more_count > 0 {
        let _ = write!(text, "; and {more_count} more");
    }
    (!text.is_empty()).then_some(text)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
