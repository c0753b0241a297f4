//! The one handler of notifications.
//!
//! The order of checks: route, token, content type, size, then the body's content. An authentic request that is
//! refused goes into quarantine first. The answer is sent after the commit.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use utoipa::openapi::{ObjectBuilder, Type};

use super::problem::{Kind, Problem};
use super::request_log::Told;
use super::routes::{About, Routes};
use super::{Origin, Shared, text_of};
use crate::event::{self, EventId, Name, Notification, Stated};
use crate::inbox::announce::Bearer;
use crate::inbox::{self, Appended, Entry, NewQuarantined, NewReceipt, ReceiptId};
use crate::trace::Trace;

/// From this size on, reading a body as a notification could keep a worker thread busy for a millisecond or more, so
/// it happens on a thread for blocking work.
const LARGE_BODY_BYTES: usize = 128 << 10;

/// How much is kept of a body that is refused before its end: enough to see what it was. And how long is waited for that
/// where the answer is ready.
const KEPT_BYTES: usize = 64 << 10;
const KEPT_TIME: Duration = Duration::from_secs(2);

/// That a notification is stored.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Stored<'a> {
    /// `accepted`, or `duplicate`: then it has the first one's receipt.
    outcome: &'static str,
    receipt_id: ReceiptId,
    event: Name,
    /// Its job; what stands in its place, where an undocumented event has no id there.
    #[schema(value_type = Option<String>)]
    event_id: Option<Stated<'a, EventId>>,
}

impl<'a> Stored<'a> {
    /// Of what is stored as that receipt, now or before.
    pub fn new(notification: &'a Notification, receipt_id: ReceiptId, is_new: bool) -> Self {
        Self {
            outcome: if is_new { "accepted" } else { "duplicate" },
            receipt_id,
            event: notification.name(),
            event_id: notification.stated_event_id(),
        }
    }
}

pub fn routes() -> Routes<Shared> {
    let about = |summary| {
        About::new(summary)
            .request(notification_schema())
            .answers::<Stored>("It is stored, or was before.")
            .refuses(&[
                Kind::WrongUrlToken,
                Kind::NotNotification,
                Kind::Stopping,
                Kind::InboxUnavailable,
            ])
    };
    let open = || about("Takes a notification, where no token is configured");
    Routes::new()
        .post("/webhook", receive, open)
        .post("/webhook/{token}", receive, || about("Takes a notification"))
}

/// What every notification has, as far as it can be said without its event: `event::parse` reads it.
fn notification_schema() -> ObjectBuilder {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let object = ObjectBuilder::new().schema_type(Type::Object);
    object
        .property("event", text())
        .property("status", text())
        .required("event")
        .required("status")
}

/// A request's body, and its share of the bytes in flight for as long as it is held.
struct ReadBody {
    /// All of it, or the start of one that is refused.
    bytes: Bytes,
    /// Why it is refused, whatever it says.
    problem: Option<Problem>,
    /// Whether there was more of it.
    is_truncated: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

/// `POST /webhook` and `POST /webhook/{token}`.
async fn receive(State(shared): State<Shared>, request: Request) -> Result<Response, Problem> {
    let Origin {
        request_id,
        received_at,
        started,
        incoming_id,
        ..
    } = Origin::of(&request).clone();
    let token = request.uri().path().strip_prefix("/webhook/").unwrap_or_default();
    if !shared.tokens.accept(token, received_at) {
        return Err(Problem::wrong_url_token());
    }
    let (head, body) = request.into_parts();
    let type_problem = check_content_type(&head.headers).err();
    let body = read_body(&shared, &head.headers, body).await?;
    let problem = match type_problem.or(body.problem) {
        Some(problem) => problem,
        None => match parse(&body.bytes).await {
            Ok(notification) => {
                let bearer = Bearer {
                    since: started,
                    incoming_id,
                    is_sample: head.headers.contains_key(event::sample::HEADER),
                };
                let receipt = NewReceipt {
                    bearer: Some(bearer),
                    trace: Trace::of(&head.headers).map(Box::new),
                    ..NewReceipt::new(
                        &notification,
                        body.bytes.clone(),
                        received_at,
                        request_id,
                        inbox::Origin::Webhook,
                    )
                };
                return store(&shared, &notification, receipt).await;
            }
            Err(problem) => problem,
        },
    };
    let quarantined = NewQuarantined {
        request_id,
        received_at,
        reason: problem.name().to_owned(),
        detail: problem.whole_detail(),
        receipt_id: None,
        content_type: text_of(&head.headers, CONTENT_TYPE).map(str::to_owned),
        truncated: body.is_truncated,
        body: body.bytes.clone(),
    };
    shared.writer.append(Entry::Quarantine(quarantined)).await?;
    shared.metrics.count_quarantined(problem.name());
    Err(problem)
}

/// Stores a valid notification and answers for it. What became of it is told by then.
async fn store(
    shared: &Shared,
    notification: &Notification,
    receipt: NewReceipt,
) -> Result<Response, Problem> {
    let stored = shared.writer.append(Entry::Receipt(receipt)).await?;
    let inbox::Stored::Receipt(appended) = stored else {
        unreachable!("a receipt's entry is stored as a receipt")
    };
    let (receipt_id, is_new) = match appended {
        Appended::New { receipt_id } => (receipt_id, true),
        Appended::Duplicate { receipt_id, .. } => (receipt_id, false),
    };
    let answer = Stored::new(notification, receipt_id, is_new);
    let mut response = axum::Json(answer).into_response();
    response.extensions_mut().insert(Told);
    Ok(response)
}

async fn parse(body: &Bytes) -> Result<Notification, Problem> {
    if body.len() < LARGE_BODY_BYTES {
        return Ok(event::parse(body)?);
    }
    let body = body.clone();
    let parsed = tokio::task::spawn_blocking(move || event::parse(&body)).await;
    Ok(parsed.expect("parse returns whatever the bytes")?)
}

/// Whether a body is announced as JSON as it is.
pub fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = text_of(headers, CONTENT_TYPE);
    let essence = content_type
        .and_then(|value| value.split(';').next())
        .map(str::trim)
        .unwrap_or_default();
    let is_json = essence.eq_ignore_ascii_case("application/json")
        || essence.split_once('/').is_some_and(|(kind, subtype)| {
            kind.eq_ignore_ascii_case("application") && is_json_suffixed(subtype)
        });
    if !is_json {
        return Err(Problem::wrong_content_type(content_type));
    }
    match text_of(headers, CONTENT_ENCODING) {
        None => Ok(()),
        Some(coding) if coding.eq_ignore_ascii_case("identity") => Ok(()),
        Some(_) => Err(Problem::wrong_content_encoding()),
    }
}

/// Whether a subtype is JSON by its suffix (RFC 6839), as in `application/cloudevents+json`.
fn is_json_suffixed(subtype: &str) -> bool {
    subtype
        .rsplit_once('+')
        .is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json"))
}

/// Reads a body up to the limit, holding a permit for each byte. Of one that is too large, too slow or broken off, the
/// start is returned with the problem, for the quarantine.
///
/// # Errors
/// There are too many bodies in hand, or the receiver is stopping: the sender is to come again.
async fn read_body(shared: &Shared, headers: &HeaderMap, body: Body) -> Result<ReadBody, Problem> {
    let settings = &shared.settings;
    let declared_bytes: Option<usize> =
        text_of(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if declared_bytes.is_some_and(|bytes| bytes > settings.body_limit_bytes) {
        let problem = Problem::notification_too_large(declared_bytes, settings.body_limit_bytes);
        return Ok(read_start(shared, headers, body, problem).await);
    }
    let mut permit = match declared_bytes {
        Some(bytes) => Some(reserve(shared, bytes)?),
        None => None,
    };
    let mut collected = Collected {
        expected_bytes: declared_bytes.unwrap_or(0),
        ..Collected::default()
    };
    let body_timeout = settings.connections.body_timeout;
    let collecting = collect(
        shared,
        body,
        declared_bytes.is_none(),
        &mut collected,
        &mut permit,
    );
    let problem = match timeout(body_timeout, collecting).await {
        Ok(Ok(())) => None,
        Ok(Err(Unfinished::TooManyBodies)) => return Err(Problem::too_many_bodies()),
        Ok(Err(Unfinished::BrokenOff)) if shared.accepting.has_ended() => return Err(Problem::stopping()),
        Ok(Err(Unfinished::BrokenOff)) => Some(Problem::broken_body()),
        Ok(Err(Unfinished::TooLarge)) => {
            Some(Problem::notification_too_large(None, settings.body_limit_bytes))
        }
        Err(_) => Some(Problem::body_timeout(body_timeout)),
    };
    Ok(ReadBody {
        bytes: match &problem {
            None => collected.into_bytes(),
            Some(_) => collected.into_start(),
        },
        is_truncated: problem.is_some(),
        problem,
        _permit: permit,
    })
}

/// What is kept of a body that is announced as too large: what comes of its start while its sender waits for the answer.
/// Nothing of one whose sender asked whether to send it, or for which there is no room.
async fn read_start(shared: &Shared, headers: &HeaderMap, mut body: Body, problem: Problem) -> ReadBody {
    // All bodies together may have less room than that.
    let kept_bytes = KEPT_BYTES.min(shared.settings.bodies_in_flight_bytes);
    let permit = (!headers.contains_key(EXPECT))
        .then(|| reserve(shared, kept_bytes).ok())
        .flatten();
    let mut start = Collected::default();
    if permit.is_some() {
        let reading = async {
            while start.len() <= kept_bytes
                && let Some(Ok(frame)) = body.frame().await
            {
                start.push(frame.into_data().unwrap_or_default());
            }
        };
        // However it ends, what came is what is kept.
        let _ = timeout(KEPT_TIME, reading).await;
    }
    ReadBody {
        is_truncated: start.len() > KEPT_BYTES || !body.is_end_stream(),
        bytes: start.into_start(),
        problem: Some(problem),
        _permit: permit,
    }
}

/// Why a body was not read to its end.
enum Unfinished {
    TooLarge,
    TooManyBodies,
    BrokenOff,
}

/// Reads a body into `collected`; if it has no declared length, reserving what comes.
async fn collect(
    shared: &Shared,
    mut body: Body,
    is_undeclared: bool,
    collected: &mut Collected,
    permit: &mut Option<OwnedSemaphorePermit>,
) -> Result<(), Unfinished> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unfinished::BrokenOff)?;
        // Trailers say nothing that is used.
        let Ok(data) = frame.into_data() else { continue };
        if collected.len() + data.len() > shared.settings.body_limit_bytes {
            // A limit may be smaller than the first piece, so without this one nothing might be kept.
            if collected.len() < KEPT_BYTES {
                collected.push(data);
            }
            return Err(Unfinished::TooLarge);
        }
        if is_undeclared {
            let more = reserve(shared, data.len()).map_err(|_| Unfinished::TooManyBodies)?;
            match permit {
                Some(permit) => permit.merge(more),
                None => *permit = Some(more),
            }
        }
        collected.push(data);
    }
    Ok(())
}

fn reserve(shared: &Shared, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let count = u32::try_from(bytes).map_err(|_| Problem::too_many_bodies())?;
    Arc::clone(&shared.body_bytes)
        .try_acquire_many_owned(count)
        .map_err(|_| Problem::too_many_bodies())
}

/// The frames of a body so far. A body of one frame, as nearly all are, is not copied.
#[derive(Default)]
struct Collected {
    first: Bytes,
    all: BytesMut,
    /// How many bytes are expected, if that is known.
    expected_bytes: usize,
}

impl Collected {
    fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, data: Bytes) {
        if self.first.is_empty() {
            self.first = data;
            return;
        }
        if self.all.is_empty() {
            // Grown as they come, they would be twice as much in the end.
            self.all.reserve(self.expected_bytes);
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&data);
    }

    fn into_bytes(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        }
    }

    /// As much of it as is kept of a body that is too large.
    fn into_start(self) -> Bytes {
        let mut bytes = self.into_bytes();
        bytes.truncate(KEPT_BYTES);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_body_must_be_announced_as_uncoded_json() {
        const TYPE: &str = "content-type";
        const CODING: &str = "content-encoding";
        let json = (TYPE, "application/json");
        let cases: [(&[(&str, &str)], bool); 20] = [
            (&[json], true),
            (&[(TYPE, "Application/JSON")], true),
            (&[(TYPE, "application/json; charset=utf-8")], true),
            (&[(TYPE, "application/json ;charset=UTF-8")], true),
            (&[(TYPE, "application/cloudevents+json")], true),
            (&[(TYPE, "application/problem+JSON; charset=utf-8")], true),
            (&[], false),
            (&[(TYPE, "")], false),
            (&[(TYPE, "text/json")], false),
            (&[(TYPE, "text/plain")], false),
            (&[(TYPE, "text/x+json")], false),
            (&[(TYPE, "application/jsonp")], false),
            (&[(TYPE, "application/x-json")], false),
            (&[(TYPE, "application/xml; x=application/json")], false),
            (&[(TYPE, "application/x-www-form-urlencoded")], false),
            (&[(TYPE, "json")], false),
            (&[json, (CODING, "identity")], true),
            (&[json, (CODING, "Identity")], true),
            (&[json, (CODING, "gzip")], false),
            (&[json, (CODING, "identity, gzip")], false),
        ];
        for (headers, is_accepted) in cases {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();

            let name = check_content_type(&headers).map_err(|problem| problem.name());

            let expected = if is_accepted {
                Ok(())
            } else {
                Err("unsupported-media-type")
            };
            assert_eq!(name, expected, "{headers:?}");
        }
    }

    #[test]
    fn frames_are_put_together_in_order() {
        for frames in [
            &[][..],
            &["one"],
            &["one", "two"],
            &["", "one", "", "two", "three"],
        ] {
            let mut collected = Collected::default();
            frames
                .iter()
                .for_each(|frame| collected.push(Bytes::from_static(frame.as_bytes())));

            assert_eq!(collected.len(), frames.concat().len());
            assert_eq!(collected.into_bytes(), frames.concat());
        }
    }

    #[test]
    fn of_a_body_too_large_the_start_is_kept() {
        let mut collected = Collected::default();
        collected.push(Bytes::from(vec![b'a'; KEPT_BYTES - 1]));
        collected.push(Bytes::from_static(b"bcd"));

        let kept = collected.into_start();

        assert_eq!(kept.len(), 65_536);
        assert_eq!(&kept[65_533..], b"aab");
    }
}
