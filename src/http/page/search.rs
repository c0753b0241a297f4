//! `/search`: finds what an id is of, whichever it is, and leads there.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use uuid::Uuid;

use super::entry::path_with;
use super::{Section, Site, Viewer, parts, see_other};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};
use crate::http::problem::Problem;
use crate::inbox::outbox::InstructionId;
use crate::inbox::{
    Cursor, Error, Outbox, PageRequest, QuarantineId, Receipt, ReceiptFilter, ReceiptId, RequestId,
};

/// How many requests in quarantine are looked at for one of that id, and how many at once.
const MAX_EXAMINED: usize = 10_000;
const AT_ONCE: usize = 500;

/// How many receipts are looked at for one that came when a request did, and how many at once.
const MAX_EXAMINED_RECEIPTS: usize = 50_000;
const RECEIPTS_AT_ONCE: usize = 1_000;

/// How much later than it came a request may be stored: longer than a body and the store may take by any setting. And by how much the
/// clocks of receivers and of the server that they share may differ before the times of receipts are the server's.
const STORED_WITHIN: Duration = Duration::from_secs(3600);
const CLOCKS_WITHIN: Duration = Duration::from_secs(1);

/// The shortest part of an id that is looked for: with less, too much is like it.
const MIN_PART: usize = 4;

/// How much that is like a part of an id is listed.
const MAX_HITS: usize = 50;

const COLUMNS: [&str; 2] = ["What", "Id"];

/// Where an id leads, what is like it, or how far it was looked.
enum Found {
    Path(String),
    Parts(Vec<Hit>),
    Nothing { is_all: bool },
}

pub(super) async fn search(State(site): State<Site>, viewer: Viewer) -> Result<Response, Problem> {
    let Some(asked) = viewer.asked("q").map(bare) else {
        return Ok(see_other("/"));
    };
    // As the API writes deliveries, ids come behind the name of a destination.
    if let Some((destination, id)) = asked.split_once('/')
        && let Ok(id) = id.parse::<Uuid>()
        && site
            .api
            .deliveries
            .show(destination, ReceiptId::new(id))
            .await
            .is_ok_and(|found| found.is_some())
    {
        return Ok(see_other(&format!("/deliveries/{destination}/{id}")));
    }
    // What stands behind it is cut in lists, too; and as queues know deliveries, a number stands behind a dot.
    let last = asked.rsplit_once('/').map_or(asked, |(_, last)| bare(last));
    let (part, _) = last.split_once('.').unwrap_or((last, ""));
    let found = match part.parse().ok().or_else(|| whole_within(asked)) {
        Some(id) => find(&site, id).await?,
        None if is_part(part) => Found::Parts(parts_like(&site, &part.to_lowercase()).await?),
        None => Found::Parts(Vec::new()),
    };
    let (hits, is_all) = match found {
        Found::Path(path) => return Ok(see_other(&path)),
        Found::Parts(hits) if hits.len() == 1 => return Ok(see_other(&hits[0].path)),
        Found::Parts(hits) => (hits, true),
        Found::Nothing { is_all } => (Vec::new(), is_all),
    };
    if !hits.is_empty() {
        let rows: Vec<_> = hits.iter().map(Hit::row).collect();
        let title = "Several ids are like that";
        let content = parts::table("Of what came lately", &COLUMNS, &rows, "");
        return Ok(site.page(&viewer, Section::Other, title, content).await);
    }
    let content = html! {
        p { "Nothing here has the id " (parts::text(asked)) "." }
        p {
            "An id is a whole one, such as 3fa85f64-5717-4562-b3fc-2c963f66afa6: of a receipt, a job (its event_id), a chatbot, a \
             replay, a request in quarantine, or the x-request-id of an answer to a request that was accepted or refused; or, of \
             what came lately, its beginning or end, as lists show it. Of a repeat nothing is kept: its line in the log names the \
             receipt."
        }
        @if !is_all {
            p {
                "Not all was looked at: of the quarantine the newest " (MAX_EXAMINED) ", of receipts " (MAX_EXAMINED_RECEIPTS) " of \
                 the time that is in the id of a request, and a chatbot that sent nothing lately may not be found."
            }
        }
    };
    Ok(site.page(&viewer, Section::Other, "Not found", content).await)
}

/// What was pasted, without what stands around ids in lists, logs and JSON.
fn bare(pasted: &str) -> &str {
    pasted.trim_matches(|letter: char| letter.is_whitespace() || "\"'`,;:.…()<>[]{}".contains(letter))
}

/// The first whole id within a text, such as a line of JSON or an address.
fn whole_within(text: &str) -> Option<Uuid> {
    let places = text.char_indices();
    places
        .filter_map(|(at, _)| text.get(at..at + 36))
        .find_map(|text| Uuid::try_parse(text).ok())
}

/// Whether a text may be the beginning or the end of an id.
fn is_part(text: &str) -> bool {
    let is_of_ids = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    (MIN_PART..36).contains(&text.len()) && text.bytes().all(is_of_ids)
}

/// What has an id that is like what was asked for.
struct Hit {
    kind: &'static str,
    id: Uuid,
    path: String,
}

impl Hit {
    fn row(&self) -> Markup {
        parts::row(
            &COLUMNS,
            &[
                html! { (self.kind) },
                html! { a href=(self.path) { code { (self.id) } } },
            ],
        )
    }
}

/// What begins or ends with that, among what came last, each once, at most [`MAX_HITS`].
async fn parts_like(site: &Site, part: &str) -> Result<Vec<Hit>, Problem> {
    let newest = PageRequest::first(AT_ONCE);
    let mut hits: Vec<Hit> = Vec::new();
    let mut look_at = |kind, id: Uuid, path: &str, shown_as: Uuid| {
        let text = id.to_string();
        let is_like = text.starts_with(part) || text.ends_with(part);
        if is_like && hits.len() < MAX_HITS && !hits.iter().any(|hit| (hit.kind, hit.id) == (kind, id)) {
            let path = format!("{path}{shown_as}");
            hits.push(Hit { kind, id, path });
        }
    };
    let inbox = &site.api.inbox;
    for receipt in inbox.receipts(ReceiptFilter::default(), newest).await?.items {
        let of_job = receipt.event_id.map(EventId::uuid);
        let of_chatbot = receipt.chatbot_id.map(ChatbotId::uuid);
        let ids = [
            ("receipt", Some(receipt.id.uuid()), "/receipts/"),
            ("job", of_job, "/jobs/"),
            ("chatbot", of_chatbot, "/receipts?chatbot_id="),
        ];
        for (kind, id, path) in ids {
            if let Some(id) = id {
                look_at(kind, id, path, id);
            }
        }
    }
    for kept in inbox.quarantine(newest).await?.items {
        let id = kept.id.uuid();
        look_at("in quarantine", id, "/quarantine/", id);
        look_at(
            "request in quarantine",
            kept.request_id.uuid(),
            "/quarantine/",
            id,
        );
    }
    for replay in site.api.deliveries.replays(AT_ONCE).await? {
        let id = replay.id.uuid();
        look_at("replay", id, "/replays/", id);
    }
    Ok(hits)
}

async fn find(site: &Site, id: Uuid) -> Result<Found, Problem> {
    let inbox = &site.api.inbox;
    if inbox.receipt(ReceiptId::new(id)).await?.is_some() {
        return Ok(Found::Path(format!("/receipts/{id}")));
    }
    if inbox.quarantined(QuarantineId::new(id)).await?.is_some() {
        return Ok(Found::Path(format!("/quarantine/{id}")));
    }
    if !inbox.job(EventId::new(id)).await?.is_empty() {
        return Ok(Found::Path(format!("/jobs/{id}")));
    }
    let instruction = site.api.deliveries.instruction(InstructionId::new(id)).await?;
    if instruction.is_some_and(|shown| shown.is_replay()) {
        return Ok(Found::Path(format!("/replays/{id}")));
    }
    let (of_chatbot, is_all_of_chatbot) = is_chatbot(site, ChatbotId::new(id)).await?;
    if of_chatbot {
        let id = id.to_string();
        return Ok(Found::Path(path_with("/receipts", [("chatbot_id", &*id)])));
    }
    let request_id = RequestId::new(id);
    let (in_quarantine, is_all_of_quarantine) = of_request(site, request_id).await?;
    if let Some(id) = in_quarantine {
        return Ok(Found::Path(format!("/quarantine/{id}")));
    }
    let (mut accepted, is_all_of_receipts) = accepted_of(site, request_id).await?;
    Ok(match accepted.len() {
        0 => Found::Nothing {
            is_all: is_all_of_chatbot && is_all_of_quarantine && is_all_of_receipts,
        },
        1 => Found::Path(accepted.remove(0).path),
        _ => Found::Parts(accepted),
    })
}

/// Whether a chatbot is looked after or something came from it; and whether all was looked at.
async fn is_chatbot(site: &Site, id: ChatbotId) -> Result<(bool, bool), Problem> {
    let standing = (site.api.subscription)(false).await;
    let mut registered = standing.seen.chatbots.iter();
    if registered.any(|chatbot| chatbot.chatbot_id == Some(id)) {
        return Ok((true, true));
    }
    let filter = ReceiptFilter {
        chatbot_id: Some(id),
        ..ReceiptFilter::default()
    };
    let page = site.api.inbox.receipts(filter, PageRequest::first(1)).await?;
    Ok((!page.items.is_empty(), page.next.is_none()))
}

/// The receipts that came in the very microsecond in which a request did, of which there is hardly ever another one; and
/// whether all was looked at.
async fn accepted_of(site: &Site, id: RequestId) -> Result<(Vec<Hit>, bool), Problem> {
    let Some(came_at) = id.came_at() else {
        return Ok((Vec::new(), true));
    };
    let outbox = site.api.inbox.outbox();
    let mut after = stored_before(outbox, came_at.minus(CLOCKS_WITHIN)).await?;
    let mut hits = Vec::new();
    for _ in 0..MAX_EXAMINED_RECEIPTS / RECEIPTS_AT_ONCE {
        let receipts = outbox.receipts_after(after, RECEIPTS_AT_ONCE).await?;
        let of_then = receipts.iter().filter(|receipt| receipt.received_at == came_at);
        hits.extend(of_then.map(|receipt| Hit {
            kind: "receipt",
            id: receipt.id.uuid(),
            path: format!("/receipts/{}", receipt.id),
        }));
        let last = receipts
            .last()
            .filter(|last| stored_at(last) < came_at.plus(STORED_WITHIN));
        match last {
            Some(last) if hits.is_empty() => after = last.sequence,
            _ => return Ok((hits, true)),
        }
    }
    Ok((hits, false))
}

/// The number of the last receipt that was stored before that time. Ids grow with numbers, whatever clocks do, and begin with
/// the time; so some twenty receipts are looked at.
async fn stored_before(outbox: &dyn Outbox, time: Timestamp) -> Result<u64, Error> {
    let (mut low, mut high) = (0, outbox.last_sequence().await?);
    while low < high {
        let middle = low + (high - low) / 2;
        match outbox.receipts_after(middle, 1).await?.first() {
            Some(next) if stored_at(next) < time => low = next.sequence,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// When a receipt was stored, to the millisecond, or later.
fn stored_at(receipt: &Receipt) -> Timestamp {
    let millis = (receipt.id.uuid().as_u128() >> 80) as i64;
    Timestamp::from_micros(millis * 1000 + 999)
}

/// What stands in quarantine of a request; and whether all was looked at.
async fn of_request(site: &Site, id: RequestId) -> Result<(Option<QuarantineId>, bool), Problem> {
    let mut cursor: Option<Cursor> = None;
    for _ in 0..MAX_EXAMINED / AT_ONCE {
        let page = PageRequest::behind(cursor, AT_ONCE);
        let page = site.api.inbox.quarantine(page).await?;
        let found = page.items.iter().find(|item| item.request_id == id);
        if let Some(found) = found {
            return Ok((Some(found.id), true));
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok((None, true));
        }
    }
    Ok((None, false))
}
