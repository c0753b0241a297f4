//! What an answer says, and what it says if there is none.

use std::cmp::Reverse;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use memchr::memmem;
use percent_encoding::percent_decode_str;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use tokio::time::Instant;
use url::Url;

use super::Settings;
use crate::accents::cut;
use crate::delivery::{Report, Wish};
use crate::inbox::outbox::{MAX_ANSWER_BYTES, Outcome};
use crate::outgoing;

/// How long the body of an answer may take once its head is there. It is for people to read, and decides nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// How much is told of where a redirect leads, in characters: a name in the DNS has 253 at most.
const MAX_PLACE_CHARS: usize = 300;

/// The shortest value that is hidden where it is told back: a shorter one is no secret, and is in every text.
const MIN_HIDDEN_BYTES: usize = 8;

/// What must not be told back in what is kept of an answer: the values of these headers, what stands in quotes in them, and
/// what may be a secret of the URL, its path and query and their parts; all of it also as JSON has it. The longest first, for
/// it may hold others.
pub fn hidden(url: &Url, headers: &HeaderMap) -> Vec<Vec<u8>> {
    let values = headers.values().map(|value| value.as_bytes().to_vec());
    let shown = headers.values().flat_map(|value| credentials(value.as_bytes()));
    // The parameters of others are in quotes: `Token token="..."`.
    let quoted = headers.values().flat_map(|value| {
        let parts = value.as_bytes().split(|byte| *byte == b'"');
        parts.skip(1).step_by(2).map(<[u8]>::to_vec)
    });
    let path = url.path().trim_start_matches('/');
    let parts = path.split('/').chain([path]);
    let raw_query = url.query().unwrap_or_default();
    let raw_values = raw_query
        .split('&')
        .map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let written = parts.chain(raw_values).chain([raw_query]);
    // As they stand in the URL, and as they are read.
    let both = written.flat_map(|text| [text.as_bytes().to_vec(), percent_decode_str(text).collect()]);
    let query = url
        .query_pairs()
        .map(|(_, value)| value.into_owned().into_bytes());
    let mut hidden: Vec<_> = values
        .chain(shown)
        .chain(quoted)
        .chain(both)
        .chain(query)
        .collect();
    let as_json: Vec<_> = hidden.iter().flat_map(|value| in_json(value)).collect();
    hidden.extend(as_json);
    hidden.retain(|value| value.len() >= MIN_HIDDEN_BYTES);
    hidden.sort_by_key(|value| Reverse(value.len()));
    hidden.dedup();
    hidden
}

/// What a header shows behind the name of a scheme: who refuses a token often says so without that. A user and a password stand
/// there in base64 (`Basic`), which is read, and the password is one by itself.
fn credentials(value: &[u8]) -> Vec<Vec<u8>> {
    let Some(blank) = value.iter().position(|byte| *byte == b' ') else {
        return Vec::new();
    };
    let bare = &value[blank + 1..];
    let unfilled = bare.split(|byte| *byte == b'=').next().unwrap_or_default();
    let pair = BASE64_STANDARD_NO_PAD.decode(unfilled).unwrap_or_default();
    let colon = pair.iter().position(|byte| *byte == b':');
    let password = colon.map_or(Vec::new(), |colon| pair[colon + 1..].to_vec());
    vec![bare.to_vec(), pair, password]
}

/// A value as programs write it into JSON: with what must be escaped, with slashes besides, as PHP does, and with all that
/// HTML would read, as .NET does.
fn in_json(value: &[u8]) -> [Vec<u8>; 3] {
    let written = |escape: fn(u8) -> Option<String>| -> Vec<u8> {
        let bytes = value.iter().map(|byte| (*byte, escape(*byte)));
        bytes
            .flat_map(|(byte, escaped)| escaped.map_or_else(|| vec![byte], String::into_bytes))
            .collect()
    };
    [
        written(|byte| matches!(byte, b'"' | b'\\').then(|| format!("\\{}", char::from(byte)))),
        written(|byte| matches!(byte, b'"' | b'\\' | b'/').then(|| format!("\\{}", char::from(byte)))),
        written(|byte| match byte {
            b'\\' => Some(r"\\".to_owned()),
            b'"' | b'&' | b'\'' | b'+' | b'<' | b'>' | b'`' => Some(format!(r"\u{byte:04X}")),
            _ => None,
        }),
    ]
}

/// The beginning of an answer's body.
#[derive(Default)]
pub struct Beginning(Vec<u8>);

impl Beginning {
    /// Takes what came next; whether more is wanted.
    pub fn take(&mut self, chunk: &[u8]) -> bool {
        let room = MAX_ANSWER_BYTES - self.0.len();
        self.0.extend_from_slice(&chunk[..chunk.len().min(room)]);
        chunk.len() <= room
    }
}

/// Until when the body of an answer is read whose head is there.
pub fn read_until(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + BODY_TIMEOUT)
}

/// What is to be said of an answer's head, which sends elsewhere if that is a `redirect`; `through` names the proxy that may have
/// answered.
pub fn said(status: StatusCode, redirect: Option<Redirect>, through: Option<String>) -> String {
    let redirects = match status {
        // It leads nowhere.
        StatusCode::NOT_MODIFIED => String::new(),
        _ if status.is_redirection() => format!(": redirects are not followed{}", leads_to(redirect)),
        _ => String::new(),
    };
    format!(
        "answered {}{redirects}{}",
        status.as_u16(),
        through.unwrap_or_default()
    )
}

/// What came of an attempt that was answered, of which that is `said`. What the answer tells back of what is `hidden` is left out.
pub fn report(
    status: StatusCode,
    pause: Option<Duration>,
    said: String,
    body: Beginning,
    hidden: &[Vec<u8>],
) -> Report {
    let code = status.as_u16();
    let wish = match code {
        410 => Wish::Nothing,
        429 => Wish::Less { pause },
        _ if outgoing::tells_nobody_behind(code) => Wish::Less { pause },
        _ => Wish::None,
    };
    Report {
        outcome: outcome(status),
        status: Some(code.into()),
        detail: wish.added_to(said),
        answer: hide(body.0, hidden).into(),
        wish,
    }
}

/// Where an answer sends to. Path and query of that are nobody's business, and may hold a secret.
pub enum Redirect {
    /// Another path of the same server.
    Within,
    /// Another server, or the same one in another way, such as `https://app.example`.
    To(String),
}

impl Redirect {
    /// That of an answer with these headers to a request for `url`.
    pub fn of(url: &Url, headers: &HeaderMap) -> Option<Self> {
        let location = headers.get(LOCATION)?.to_str().ok()?;
        let target = url.join(location).ok().filter(Url::has_host)?;
        Some(match target.origin() == url.origin() {
            true => Self::Within,
            false => Self::To(cut(&target.origin().ascii_serialization(), MAX_PLACE_CHARS)),
        })
    }
}

fn leads_to(redirect: Option<Redirect>) -> String {
    match redirect {
        None => String::new(),
        Some(Redirect::Within) => "; this one leads to another path there".to_owned(),
        Some(Redirect::To(place)) => format!("; this one leads to {place}"),
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

/// Whether a status is one that proxies answer with by themselves; 403 where a list of theirs forbids what is asked for.
pub fn is_a_proxy_s(status: StatusCode) -> bool {
    matches!(status.as_u16(), 403 | 407) || outgoing::tells_nobody_behind(status.as_u16())
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

/// Why no answer came: how far it came, and the innermost cause.
#[derive(Debug)]
pub struct Missing(pub Stage, pub String);

/// How far an exchange came that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It could not be asked, for a reason on this side.
    Unsent,
    /// No connection was made.
    Unconnected,
    /// What came is no answer of HTTP.
    NoHttp,
    /// The connection ended before.
    Ended,
}

impl Missing {
    /// What an error on a connection means; `through` names the proxy it goes through.
    pub fn of(error: &hyper::Error, through: &str) -> Self {
        let stage = match error.is_parse() {
            true => Stage::NoHttp,
            false => Stage::Ended,
        };
        Self(stage, outgoing::innermost(error) + through)
    }

    /// What an error of a client for other requests means.
    pub fn of_client(error: &reqwest::Error, settings: &Settings) -> Self {
        let cause = match settings.proxy {
            true => outgoing::why(error, &settings.url),
            false => outgoing::innermost(error),
        };
        let stage = match error {
            _ if error.is_builder() => Stage::Unsent,
            _ if is_no_http(error) => Stage::NoHttp,
            _ if error.is_connect() => Stage::Unconnected,
            _ => Stage::Ended,
        };
        Self(stage, cause)
    }

    /// What is to be said of it.
    pub fn report(self, place: &str) -> Report {
        let Self(stage, cause) = self;
        let (outcome, wish, what) = match stage {
            Stage::Unsent => (Outcome::Ours, Wish::None, "not sent".to_owned()),
            Stage::NoHttp => (
                Outcome::Failed,
                Wish::None,
                format!("{place} does not answer with HTTP"),
            ),
            Stage::Unconnected => (
                Outcome::Unreachable,
                Wish::WhenBack,
                format!("cannot connect to {place}"),
            ),
            Stage::Ended => (
                Outcome::Unreachable,
                Wish::Unknown,
                format!("the connection to {place} ended before the answer"),
            ),
        };
        Report::new(outcome, format!("{what}: {cause}")).asking(wish)
    }
}

/// Whether there was an answer that is none of HTTP.
fn is_no_http(error: &reqwest::Error) -> bool {
    outgoing::causes(error).any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_parse)
    })
}
