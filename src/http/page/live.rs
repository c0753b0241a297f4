//! `/live`: what comes, as server-sent events. Each has as its id the number of the newest receipt, so a browser that was cut off
//! says with `Last-Event-ID` how far it came.
//!
//! Nobody is handed every receipt: whoever watches looks now and then at the newest ones, which are read once for all, and says
//! how many more came meanwhile. So a viewer that is slow has nothing kept for it, one that is gone leaves nothing, and a flood
//! costs no more than a trickle. For whoever asks for some alone twenty times as many are read, once for all of those, since few of
//! them may be asked for.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

use super::entry::{Viewer, cookie};
use super::{Site, parts, receipts};
use crate::clock::Timestamp;
use crate::http::admin::Asked;
use crate::http::admin::receipts::{After, Asking, ReceiptsQuery, Wanted, read};
use crate::http::problem::Problem;
use crate::http::text_of;
use crate::inbox::{Cursor, Error, PageRequest, Receipt, ReceiptFilter};

/// How many may watch at once.
pub const MAX_VIEWERS: usize = 100;

/// How many of the newest receipts are shown at once.
const SHOWN: usize = 50;

/// How many are looked at for a viewer with a filter, before it is only told how many there were.
const LOOKED_THROUGH: usize = 1000;

/// How long the newest receipts are not read again.
const PAUSE: Duration = Duration::from_millis(300);

/// How often it is looked whether other receivers on this inbox have taken something, and whether a stop has begun.
const LOOK: Duration = Duration::from_secs(1);

/// After how long without anything to say a viewer is sent a sign of life, which finds out whether it is still there, and says how
/// far was looked: a viewer with a filter that is away for a while is not told then of what was looked at before.
const SILENCE: Duration = Duration::from_secs(5);

/// After what time a browser comes back that was cut off, in milliseconds.
const COME_BACK: u64 = 2000;

/// Those who watch.
pub struct Live {
    places: Arc<Semaphore>,
    newest: Mutex<Option<Newest>>,
    /// As many as are looked at for a filter, with the number of the newest of them.
    many: Mutex<(u64, Arc<[Receipt]>)>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_VIEWERS)),
            newest: Mutex::default(),
            many: Mutex::new((0, Arc::new([]))),
        }
    }
}

/// The newest receipts, as they were read.
#[derive(Clone)]
struct Newest {
    /// When the reading began.
    at: Instant,
    /// The number of the newest of all.
    sequence: u64,
    /// Newest first.
    receipts: Arc<[Receipt]>,
}

pub(super) async fn live(
    State(site): State<Site>,
    viewer: Viewer,
    headers: HeaderMap,
    query: Result<Asked<ReceiptsQuery>, Problem>,
) -> Result<Response, Problem> {
    site.accepting.check()?;
    let Asking { wanted, after, .. } = read(query?.0)?;
    let place = Arc::clone(&site.kept.live.places).try_acquire_owned();
    let place = place.map_err(|_| Problem::too_many_viewers())?;
    let last_id = text_of(&headers, "last-event-id").and_then(|id| id.parse().ok());
    let last = match (last_id, after) {
        (Some(last), _) | (None, Some(After::Sequence(last))) => last,
        (None, Some(After::Newest) | None) => site.api.inbox.outbox().last_sequence().await?,
    };
    let watching = Watching {
        accepted: site.writer.accepted(),
        site,
        wanted,
        last,
        cookie: viewer.session.and_then(|_| cookie(&headers).map(str::to_owned)),
        said_at: Instant::now(),
        is_new: true,
        _place: place,
    };
    let frames = stream::unfold(watching, |mut watching| async {
        let frame = watching.next().await?;
        Some((Ok::<_, Infallible>(frame), watching))
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        // nginx would gather what is sent.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

/// One viewer.
struct Watching {
    site: Site,
    accepted: watch::Receiver<()>,
    wanted: Wanted,
    /// The number of the last receipt that was told of.
    last: u64,
    /// What it was let in by; without one, because no token is configured.
    cookie: Option<String>,
    said_at: Instant,
    /// Whether nothing was said yet.
    is_new: bool,
    _place: OwnedSemaphorePermit,
}

impl Watching {
    /// What is to be said next; `None` at a stop, and where it may watch no more.
    async fn next(&mut self) -> Option<String> {
        if self.is_new {
            // The first word, at once, so that the browser knows that it is connected.
            self.is_new = false;
            let missed = self.look_in_time().await;
            return Some(missed.unwrap_or_else(|| format!("retry: {COME_BACK}\n\n")));
        }
        loop {
            // That nothing is accepted here any more is a stop, too.
            let woken = timeout(LOOK, self.accepted.changed()).await;
            let has_stopped = self.site.accepting.has_ended() || matches!(woken, Ok(Err(_)));
            if has_stopped || !self.may_watch() {
                return None;
            }
            // A store that does not answer is nothing to say here; the header of each page says it.
            if let Some(frame) = self.look_in_time().await {
                self.said_at = Instant::now();
                return Some(frame);
            }
            if self.said_at.elapsed() >= SILENCE {
                self.said_at = Instant::now();
                return Some(format!("event: seen\nid: {}\ndata\n\n", self.last));
            }
        }
    }

    /// Whether it would be let in now: its session may have ended since, or a token been set.
    fn may_watch(&self) -> bool {
        let tokens = &self.site.tokens;
        match &self.cookie {
            Some(cookie) => {
                let session = self.site.kept.sessions.find(tokens, cookie, Timestamp::now());
                session.is_some()
            }
            None => tokens.full.get().is_none(),
        }
    }

    /// As [`Watching::look`], but not for long: nobody waits for a store that hangs, one after the other.
    async fn look_in_time(&mut self) -> Option<String> {
        timeout(SILENCE, self.look()).await.ok()?.ok()?
    }

    /// What came since the last word, by the newest of it.
    async fn look(&mut self) -> Result<Option<String>, Error> {
        let live = &self.site.kept.live;
        let mut newest = live.newest(&self.site, Instant::now()).await?;
        if !self.wanted.is_all() && newest.sequence.saturating_sub(self.last) > SHOWN as u64 {
            newest.receipts = live.many(&self.site, newest.sequence).await?;
        }
        Ok(self.frame(&newest))
    }

    /// What is new to this viewer, if something is.
    fn frame(&mut self, newest: &Newest) -> Option<String> {
        // Another inbox has been put in place, or a backup put back.
        let last = self.last.min(newest.sequence);
        self.last = newest.sequence;
        let came: Vec<_> = newest
            .receipts
            .iter()
            .filter(|receipt| receipt.sequence > last)
            .collect();
        let count = newest.sequence - last;
        let left = count.saturating_sub(came.len() as u64);
        let wanted = &self.wanted;
        // What a filter was not asked about may be nothing of what is wanted.
        let (more, unread) = if wanted.is_all() { (left, 0) } else { (0, left) };
        let is_wanted =
            |receipt: &&Receipt| wanted.filter.matches(receipt) && wanted.span.contains(receipt.received_at);
        let rows: Vec<_> = came.into_iter().filter(is_wanted).map(receipts::row).collect();
        if rows.is_empty() && left == 0 {
            return None;
        }
        let shown = rows.len().min(SHOWN);
        let more = more + (rows.len() - shown) as u64;
        let rows = parts::joined(&rows[..shown]).into_string();
        let data = json!({ "rows": rows, "count": shown, "more": more, "unread": unread });
        Some(format!("id: {}\ndata: {data}\n\n", newest.sequence))
    }
}

impl Live {
    /// The newest receipts as they were at that time or later.
    async fn newest(&self, site: &Site, since: Instant) -> Result<Newest, Error> {
        let mut known = self.newest.lock().await;
        if let Some(newest) = &*known {
            if newest.at >= since {
                return Ok(newest.clone());
            }
            sleep(PAUSE.saturating_sub(newest.at.elapsed())).await;
        }
        let at = Instant::now();
        let page = PageRequest::first(SHOWN);
        let receipts = site
            .api
            .inbox
            .receipts(ReceiptFilter::default(), page)
            .await?
            .items;
        let sequence = match receipts.first() {
            Some(receipt) => receipt.sequence,
            // All of them may have expired.
            None => site.api.inbox.outbox().last_sequence().await?,
        };
        let newest = Newest {
            at,
            sequence,
            receipts: receipts.into(),
        };
        *known = Some(newest.clone());
        Ok(newest)
    }

    /// The newest receipts up to that number, for whoever has a filter.
    async fn many(&self, site: &Site, sequence: u64) -> Result<Arc<[Receipt]>, Error> {
        let mut known = self.many.lock().await;
        if known.0 != sequence {
            let page = PageRequest::behind(Cursor(sequence + 1), LOOKED_THROUGH);
            let read = site.api.inbox.receipts(ReceiptFilter::default(), page).await?;
            *known = (sequence, read.items.into());
        }
        Ok(Arc::clone(&known.1))
    }
}
