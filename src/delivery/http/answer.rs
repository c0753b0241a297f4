//! What an answer says, and what it says if there is none.

use std::cmp::Reverse;
use std::time::Duration;

use memchr::memmem;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::{Settings, place};
use crate::clock::Timestamp;
use crate::delivery::{Report, Wish};
use crate::http_time::retry_after;
use crate::inbox::outbox::{MAX_ANSWER_BYTES, Outcome};
use crate::outgoing;

/// How long the body of an answer may take once its head is there. It is for people to read, and decides nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest pause that a destination can ask for. The schedule asks again after that, and gets the same answer if it
/// is still too early.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// The shortest value that is hidden where it is told back: a shorter one is no secret, and is in every text.
const MIN_HIDDEN_BYTES: usize = 8;

/// What must not be told back in what is kept of an answer: the values of these headers, and what may be a secret of the
/// URL, its path and query and their parts. The longest first, for it may hold others.
pub fn hidden(url: &Url, headers: &HeaderMap) -> Vec<Vec<u8>> {
    let values = headers.values().map(|value| value.as_bytes().to_vec());
    let path = url.path().trim_start_matches('/');
    let parts = path.split('/').chain([path]).map(str::to_owned);
    let query = url.query_pairs().map(|(_, value)| value.into_owned());
    let query = query.chain(url.query().map(str::to_owned));
    let mut hidden: Vec<_> = values.chain(parts.chain(query).map(String::into_bytes)).collect();
    hidden.retain(|value| value.len() >= MIN_HIDDEN_BYTES);
    hidden.sort_by_key(|value| Reverse(value.len()));
    hidden
}

/// What is to be said of an answer, which is read until `deadline` at most. What it tells back of what is `hidden` is
/// left out.
pub async fn report(mut response: Response, deadline: Instant, hidden: &[Vec<u8>]) -> Report {
    let status = response.status();
    let pause =
        retry_after(response.headers().get(RETRY_AFTER), Timestamp::now()).map(|pause| pause.min(MAX_PAUSE));
    let mut answer = Vec::new();
    // Whether all of it came, and in time, is nobody's concern.
    let _ = timeout_at(
        deadline.min(Instant::now() + BODY_TIMEOUT),
        read(&mut response, &mut answer),
    )
    .await;
    let code = status.as_u16();
    Report {
        outcome: outcome(status),
        status: Some(code.into()),
        detail: match status {
            _ if status.is_redirection() => format!("answered {code}: redirects are not followed"),
            _ => format!("answered {code}"),
        },
        answer: hide(answer, hidden).into(),
        wish: match code {
            410 => Wish::Nothing,
            429 | 502 | 503 | 504 => Wish::Less { pause },
            _ => Wish::None,
        },
    }
}

fn outcome(status: StatusCode) -> Outcome {
    match status.as_u16() {
        200..=299 => Outcome::Delivered,
        300..=499 => Outcome::Refused,
        // Also what is no status of HTTP, and a change of protocol that nobody asked for.
        _ => Outcome::Failed,
    }
}

/// Reads the beginning, and the end if it is not far, so that the connection can be used again.
async fn read(response: &mut Response, answer: &mut Vec<u8>) {
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ANSWER_BYTES - answer.len();
        answer.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return;
        }
    }
}

/// The answer without these values: some destinations tell back whatever they get. Of a value that was cut at the end,
/// the part that is there goes too.
pub fn hide(mut answer: Vec<u8>, values: &[Vec<u8>]) -> Vec<u8> {
    let is_cut = answer.len() == MAX_ANSWER_BYTES;
    for value in values {
        if is_cut {
            let mut lengths = (1..value.len()).rev();
            let cut = lengths.find(|length| answer.ends_with(&value[..*length]));
            answer.truncate(answer.len() - cut.unwrap_or(0));
        }
        let mut shown = Vec::with_capacity(answer.len());
        let mut end = 0;
        for start in memmem::find_iter(&answer, value) {
            shown.extend_from_slice(&answer[end..start]);
            shown.extend_from_slice(b"[hidden]");
            end = start + value.len();
        }
        shown.extend_from_slice(&answer[end..]);
        answer = shown;
    }
    answer
}

/// What is to be said where no answer came from a destination.
pub fn unanswered(error: &reqwest::Error, settings: &Settings) -> Report {
    let place = place(&settings.url);
    let cause = if settings.proxy {
        outgoing::why(error, &settings.url)
    } else {
        outgoing::innermost(error)
    };
    let (outcome, detail) = if error.is_builder() {
        (Outcome::Ours, format!("not sent: {cause}"))
    } else if is_no_http(error) {
        (
            Outcome::Failed,
            format!("{place} does not answer with HTTP: {cause}"),
        )
    } else if error.is_connect() {
        (
            Outcome::Unreachable,
            format!("cannot connect to {place}: {cause}"),
        )
    } else {
        (
            Outcome::Unreachable,
            format!("the connection to {place} ended before the answer: {cause}"),
        )
    };
    Report::unanswered(outcome, detail)
}

/// Whether there was an answer that is none of HTTP.
fn is_no_http(error: &reqwest::Error) -> bool {
    outgoing::causes(error).any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_parse)
    })
}
