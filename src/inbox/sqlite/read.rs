//! The reading side: bounded queries on a reader's connection.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::super::damage::Damage;
use super::super::jobs::MAX_EXAMINED;
use super::super::{
    Cursor, Error, MAX_EXPORT_BYTES, MAX_JOB_RECEIPTS, Origin, Page, PageRequest, RECENT_RECEIPTS, Receipt,
    ReceiptFilter, ReceiptId, next_cursor, page_of_job,
};
use super::error::sort_where;
use super::hold::Hold;
use super::index::{Key, KeyIndex, Seq};
use super::{Wanted, schema};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, Event, EventId, Identity, Name, Wire};

/// What [`receipt_of_row`] reads.
pub const RECEIPT: &str = "seq, id, received_at, wire, event, status, event_id, chatbot_id, length(body),
    EXISTS (SELECT 1 FROM backfilled WHERE backfilled.seq = receipt.seq),
    (SELECT headers FROM trace WHERE trace.seq = receipt.seq)";

/// Reads on a thread for blocking work, on a connection of its own. Whoever holds the file in this process does so until
/// that is closed.
pub async fn on_thread<T: Send + 'static>(
    path: PathBuf,
    hold: Option<Arc<Hold>>,
    query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let read = tokio::task::spawn_blocking(move || {
        // Who holds the inbox is the receiver, whose it was.
        let wanted = hold.as_ref().map_or(Wanted::Reading, |_| Wanted::Keeping);
        let read = schema::open_reader(&path).and_then(|connection| query(&connection));
        read.map_err(|error| sort_where(&path, "read", wanted, &error))
    });
    read.await
        .unwrap_or_else(|error| Err(Error::unavailable(format!("a read ended: {error}"))))
}

/// The least and the greatest number of the receipts; `None` if there are none. Asked for one by one: of both at once SQLite
/// goes through all rows.
fn bounds(connection: &Connection) -> rusqlite::Result<Option<(Seq, Seq)>> {
    let bounds = "SELECT (SELECT min(seq) FROM receipt), (SELECT max(seq) FROM receipt)";
    connection
        .prepare_cached(bounds)?
        .query_row([], |row| Ok(row.get::<_, Option<Seq>>(0)?.zip(row.get(1)?)))
}

/// See [`super::Inbox::receipts`].
pub fn receipts(
    connection: &Connection,
    index: &Mutex<KeyIndex>,
    filter: &ReceiptFilter,
    page: PageRequest,
) -> rusqlite::Result<Page<Receipt>> {
    let before = page.cursor.map_or(i64::MAX as u64, |cursor| cursor.0);
    if let Some(event_id) = filter.event_id {
        let receipts = of_job(connection, index, event_id, before, page.limit)?;
        return Ok(page_of_job(receipts, filter, page.limit));
    }
    let Some((first, last)) = bounds(connection)? else {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    };
    let before = before.min(last + 1);
    let from = before.saturating_sub(MAX_EXAMINED).max(first);
    let mut statement = connection.prepare(&format!(
        "SELECT {RECEIPT} FROM receipt
         WHERE seq < ?1 AND seq >= ?2
           AND (?3 IS NULL OR event = ?3 OR event || '.' || status = ?3) AND (?4 IS NULL OR chatbot_id = ?4)
         ORDER BY seq DESC LIMIT ?5"
    ))?;
    let chatbot_id = filter.chatbot_id.map(|id| id.uuid().into_bytes());
    let rows = statement.query_map(
        params![before, from, filter.event, chatbot_id, page.limit],
        receipt_of_row,
    )?;
    let items = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let next = next_cursor(&items, page.limit, |receipt| receipt.sequence)
        .or((from > first).then_some(Cursor(from)));
    Ok(Page { items, next })
}

/// See [`super::Inbox::receipt`].
pub fn receipt(connection: &Connection, id: ReceiptId) -> rusqlite::Result<Option<(Receipt, Bytes)>> {
    // Ids grow with seq, so bisection finds one without an index: some twenty look-ups in a million.
    let at_or_after = "SELECT seq, id FROM receipt
                       WHERE seq >= ?1 AND typeof(id) = 'blob' AND length(id) = 16 ORDER BY seq LIMIT 1";
    let mut statement = connection.prepare(at_or_after)?;
    let (mut low, mut high) = bounds(connection)?.unwrap_or((1, 0));
    while low <= high {
        let middle = low + (high - low) / 2;
        let found: Option<(Seq, [u8; 16])> = statement
            .query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match found {
            Some((seq, found_id)) if found_id == *id.uuid().as_bytes() => {
                return connection
                    .query_row(
                        &format!("SELECT {RECEIPT}, body FROM receipt WHERE seq = ?1"),
                        [seq],
                        receipt_and_body,
                    )
                    .optional();
            }
            Some((seq, found_id)) if found_id < *id.uuid().as_bytes() => low = seq + 1,
            Some(_) | None => high = middle - 1,
        }
    }
    Ok(None)
}

/// See [`super::Inbox::job`].
pub fn job(
    connection: &Connection,
    index: &Mutex<KeyIndex>,
    event_id: EventId,
) -> rusqlite::Result<Vec<Receipt>> {
    let mut receipts = of_job(connection, index, event_id, i64::MAX as u64, MAX_JOB_RECEIPTS)?;
    receipts.truncate(MAX_JOB_RECEIPTS);
    receipts.sort_unstable_by_key(|receipt| receipt.sequence);
    Ok(receipts)
}

/// The receipts of a job with smaller numbers than `before`: first its documented steps, then of the others the newest, at most
/// `limit`.
fn of_job(
    connection: &Connection,
    index: &Mutex<KeyIndex>,
    event_id: EventId,
    before: Seq,
    limit: usize,
) -> rusqlite::Result<Vec<Receipt>> {
    let mut seqs: Vec<Seq> = {
        let index = index.lock();
        let keys = Event::NAMES
            .into_iter()
            .filter_map(|name| Key::of(&Identity::Job { event_id, name }));
        keys.flat_map(|key| index.candidates(key).collect::<Vec<_>>())
            .filter(|seq| *seq < before)
            .collect()
    };
    let unrecognized =
        "SELECT seq FROM unrecognized WHERE event_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
    let mut statement = connection.prepare_cached(unrecognized)?;
    let rows = statement.query_map(params![event_id.uuid().as_bytes(), before, limit], |row| {
        row.get(0)
    })?;
    for seq in rows {
        seqs.push(seq?);
    }
    let mut by_seq = connection.prepare_cached(&format!("SELECT {RECEIPT} FROM receipt WHERE seq = ?1"))?;
    let mut receipts: Vec<Receipt> = Vec::new();
    for seq in seqs {
        // Keys are hashes, so what a key points to may be of another job.
        let receipt = by_seq.query_row([seq], receipt_of_row).optional()?;
        receipts.extend(receipt.filter(|receipt| receipt.event_id == Some(event_id)));
    }
    Ok(receipts)
}

/// See [`super::Inbox::open_jobs`].
pub fn open_jobs(connection: &Connection, page: PageRequest) -> rusqlite::Result<Page<Receipt>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {RECEIPT} FROM receipt
         WHERE seq IN (SELECT seq FROM open_job
                       WHERE seq > ?1 AND EXISTS (SELECT 1 FROM receipt WHERE receipt.seq = open_job.seq)
                       ORDER BY seq LIMIT ?2)
         ORDER BY seq"
    ))?;
    let after = page.cursor.map_or(0, |cursor| cursor.0);
    let rows = statement.query_map(params![after, page.limit], receipt_of_row)?;
    let items = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let next = next_cursor(&items, page.limit, |receipt| receipt.sequence);
    Ok(Page { items, next })
}

/// See [`super::Inbox::find`].
pub fn find(
    connection: &Connection,
    index: &Mutex<KeyIndex>,
    identity: &Identity,
) -> rusqlite::Result<Option<Receipt>> {
    let Some(key) = Key::of(identity) else {
        return Ok(None);
    };
    let seqs: Vec<Seq> = index.lock().candidates(key).collect();
    // What an identity does not have is NULL here, which nothing equals.
    let (name, event_id, model_id) = match identity {
        Identity::Job { event_id, name } => (Some(name), Some(event_id.uuid().into_bytes()), None),
        Identity::Model { model_id } => (None, None, Some(model_id.uuid().into_bytes())),
        Identity::Windowed => (None, None, None),
    };
    let (event, status) = (name.map(|name| &name.event), name.map(|name| &name.status));
    let mut statement = connection.prepare(&format!(
        "SELECT {RECEIPT} FROM receipt
         WHERE seq = ?1 AND (event_id = ?2 AND event = ?3 AND status = ?4 OR model_id = ?5)"
    ))?;
    for seq in seqs {
        let receipt = statement
            .query_row(params![seq, event_id, event, status, model_id], receipt_of_row)
            .optional()?;
        if receipt.is_some() {
            return Ok(receipt);
        }
    }
    Ok(None)
}

/// See [`super::Inbox::last_received`].
pub fn last_received(connection: &Connection) -> rusqlite::Result<Vec<(ChatbotId, Timestamp)>> {
    // Grouped here, since SQLite would sort all of them, and aside in a file.
    let mut statement =
        connection.prepare("SELECT chatbot_id, received_at FROM receipt ORDER BY seq DESC LIMIT ?1")?;
    let mut rows = statement.query([RECENT_RECEIPTS])?;
    let mut latest = BTreeMap::new();
    while let Some(row) = rows.next()? {
        // What cannot be read says nothing.
        let (Ok(Some(chatbot_id)), Ok(received_at)) = (row.get(0), row.get::<_, Timestamp>(1)) else {
            continue;
        };
        let of_chatbot = latest.entry(ChatbotId::new(chatbot_id)).or_insert(received_at);
        *of_chatbot = received_at.max(*of_chatbot);
    }
    Ok(latest.into_iter().collect())
}

/// The receipts that an inbox holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The least number.
    pub first: u64,
    /// The greatest number.
    pub last: u64,
    /// How many there are.
    pub count: u64,
}

/// The numbers of the receipts; `None` if there are none.
pub fn held(connection: &Connection) -> rusqlite::Result<Option<Held>> {
    let bounds = "SELECT min(seq), max(seq), count(*) FROM receipt";
    connection.query_row(bounds, [], |row| {
        let (first, last): (Option<Seq>, Option<Seq>) = (row.get(0)?, row.get(1)?);
        let count = row.get(2)?;
        Ok(first.zip(last).map(|(first, last)| Held { first, last, count }))
    })
}

/// See [`super::Inbox::export`].
pub fn export(connection: &Connection, after: u64, limit: usize) -> rusqlite::Result<Vec<(Receipt, Bytes)>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {RECEIPT}, body FROM receipt WHERE seq > ?1 ORDER BY seq LIMIT ?2"
    ))?;
    let mut rows = statement.query(params![after, limit])?;
    let (mut exported, mut bytes) = (Vec::new(), 0);
    while bytes < MAX_EXPORT_BYTES
        && let Some(row) = rows.next()?
    {
        let (receipt, body) = receipt_and_body(row)?;
        bytes += body.len();
        exported.push((receipt, body));
    }
    Ok(exported)
}

/// Reads the columns of [`RECEIPT`]. Where that cannot be done, the receipt says so: no row has its neighbours fail.
pub fn receipt_of_row(row: &Row<'_>) -> rusqlite::Result<Receipt> {
    let mut damage = Damage::default();
    let wire = row.get::<_, String>(3).ok().and_then(|wire| wire.parse().ok());
    let is_backfilled: bool = row.get(9)?;
    Ok(Receipt {
        sequence: row.get(0)?,
        id: ReceiptId::new(damage.or("id", row.get(1), Uuid::nil())),
        received_at: damage.or("received_at", row.get(2), Timestamp::from_micros(0)),
        wire: damage.or("wire", wire.ok_or(()), Wire::V2024_07),
        event: Name {
            event: damage.text("event", bytes(row, 4)?).into(),
            status: damage.text("status", bytes(row, 5)?).into(),
        },
        event_id: damage.or("event_id", row.get(6), None).map(EventId::new),
        chatbot_id: damage.or("chatbot_id", row.get(7), None).map(ChatbotId::new),
        body_bytes: damage.or("body", row.get(8), 0),
        origin: if is_backfilled {
            Origin::Backfill
        } else {
            Origin::Webhook
        },
        // What cannot be read is as if it had not come.
        trace: row
            .get::<_, String>(10)
            .ok()
            .and_then(|text| text.parse().ok())
            .map(Box::new),
        damage: damage.said(),
    })
}

/// Reads the columns of [`RECEIPT`], and the body after them.
pub fn receipt_and_body(row: &Row<'_>) -> rusqlite::Result<(Receipt, Bytes)> {
    Ok((receipt_of_row(row)?, Bytes::copy_from_slice(bytes(row, 11)?)))
}

/// The same where the body may be left out.
pub fn receipt_and_small_body(row: &Row<'_>) -> rusqlite::Result<(Receipt, Option<Bytes>)> {
    let is_left_out = row.get_ref(11)?.data_type() == Type::Null;
    let body = bytes(row, 11)?;
    let body = (!is_left_out).then(|| Bytes::copy_from_slice(body));
    Ok((receipt_of_row(row)?, body))
}

/// The bytes of a text or a blob; of what is neither, none.
pub fn bytes<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row [u8]> {
    Ok(row.get_ref(column)?.as_bytes().unwrap_or_default())
}

/// A UUID as it is stored.
pub fn blob(uuid: Option<&Uuid>) -> Option<&[u8]> {
    uuid.map(|uuid| uuid.as_bytes().as_slice())
}
