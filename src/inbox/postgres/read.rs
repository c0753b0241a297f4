//! The reading side: bounded queries. Receipts below `state.first_seq` have expired and are there for nobody.
//!
//! Where an index other than that over `seq` must find a row, `seq + 0` keeps the planner from going through that one.

use std::cmp::Reverse;
use std::collections::HashMap;

use bytes::Bytes;
use tokio_postgres::types::{FromSql, ToSql, Type, accepts};
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::super::damage::Damage;
use super::super::{
    Cursor, MAX_EXPORT_BYTES, MAX_JOB_RECEIPTS, Origin, Page, PageRequest, QuarantineId, QuarantineTotals,
    Quarantined, RECENT_RECEIPTS, Receipt, ReceiptFilter, ReceiptId, RequestId, jobs, next_cursor,
    page_of_job,
};
use super::values::bigint;
use super::{Client, key};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, Event, EventId, Identity, Name, Wire};

/// As the columns have numbers.
pub const MAX_EXAMINED: i64 = jobs::MAX_EXAMINED as i64;

pub const RECEIPT: &str =
    "receipt.seq, receipt.id, receipt.received_at, receipt.wire, receipt.event, receipt.status,
    receipt.event_id, receipt.chatbot_id, receipt.is_backfilled, length(receipt.body) AS body_bytes, receipt.trace";

const IS_HELD: &str = "receipt.seq + 0 >= (SELECT first_seq FROM state WHERE one)";

pub type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

pub async fn rows(client: &Client, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, parameters).await
}

/// The first of the rows there may be.
pub async fn one<T>(
    client: &Client,
    sql: &str,
    parameters: Parameters<'_>,
    of_row: impl FnOnce(&Row) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let rows = rows(client, sql, parameters).await?;
    rows.first().map(of_row).transpose()
}

/// Says how many rows were written.
pub async fn execute(client: &Client, sql: &str, parameters: Parameters<'_>) -> Result<u64, Error> {
    let statement = client.prepare_cached(sql).await?;
    client.execute(&statement, parameters).await
}

pub async fn receipts_of(
    client: &Client,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<Receipt>, Error> {
    let rows = rows(client, sql, parameters).await?;
    rows.iter().map(receipt_of_row).collect()
}

/// See [`super::Inbox::receipts`].
pub async fn receipts(
    client: &Client,
    filter: &ReceiptFilter,
    page: PageRequest,
) -> Result<Page<Receipt>, Error> {
    let before = before(page);
    if let Some(event_id) = filter.event_id {
        let receipts = of_jobs(client, &[event_id], before, page.limit).await?;
        return Ok(page_of_job(receipts, filter, page.limit));
    }
    let bounds =
        "SELECT (SELECT first_seq FROM state WHERE one), coalesce((SELECT max(seq) FROM receipt), 0)";
    let bounds = rows(client, bounds, &[]).await?;
    let (first, last): (i64, i64) = match &bounds[..] {
        [row] => (row.try_get(0)?, row.try_get(1)?),
        _ => (1, 0),
    };
    let before = before.min(last + 1);
    let from = (before - MAX_EXAMINED).max(first);
    let sql = format!(
        "SELECT {RECEIPT} FROM receipt
         WHERE seq < $1 AND seq >= $2
           AND ($3::text IS NULL OR event = $3 OR event || '.' || status = $3)
           AND ($4::uuid IS NULL OR chatbot_id = $4)
         ORDER BY seq DESC LIMIT $5"
    );
    let chatbot_id = filter.chatbot_id.map(ChatbotId::uuid);
    let items = receipts_of(
        client,
        &sql,
        &[&before, &from, &filter.event, &chatbot_id, &bigint(page.limit)],
    )
    .await?;
    let next = next_cursor(&items, page.limit, |receipt| receipt.sequence)
        .or((from > first).then_some(Cursor(from as u64)));
    Ok(Page { items, next })
}

/// See [`super::Inbox::receipt`].
pub async fn receipt(client: &Client, id: ReceiptId) -> Result<Option<(Receipt, Bytes)>, Error> {
    // The ids grow as the numbers do.
    let last = last_where("id <= $1");
    let sql =
        format!("SELECT {RECEIPT}, receipt.body FROM receipt WHERE seq = ({last}) AND id = $1 AND {IS_HELD}");
    one(client, &sql, &[&id.uuid()], receipt_and_body).await
}

/// Finds the number of the last receipt of which something is so that is so up to some number, and of none after it. Some 20
/// rows are looked at, one after the other: up to `low` it is so, above `high` it is not.
pub fn last_where(condition: &str) -> String {
    format!(
        "WITH RECURSIVE halving (low, high) AS (
             SELECT least((SELECT first_seq FROM state WHERE one) - 1, newest.seq), newest.seq
             FROM (SELECT coalesce(max(seq), 0) AS seq FROM receipt) AS newest
             UNION ALL
             SELECT CASE WHEN {condition} THEN found.seq ELSE low END,
                    CASE WHEN {condition} THEN high ELSE (low + high + 1) / 2 - 1 END
             FROM halving LEFT JOIN LATERAL (
                 SELECT * FROM receipt
                 WHERE seq >= (halving.low + halving.high + 1) / 2 AND seq <= halving.high ORDER BY seq LIMIT 1
             ) AS found ON true
             WHERE low < high
         )
         SELECT low FROM halving WHERE low >= high"
    )
}

/// See [`super::Inbox::job`].
pub async fn job(client: &Client, event_id: EventId) -> Result<Vec<Receipt>, Error> {
    Ok(jobs(client, &[event_id]).await?.pop().unwrap_or_default())
}

/// See [`super::super::Jobs::each`].
pub async fn jobs(client: &Client, event_ids: &[EventId]) -> Result<Vec<Vec<Receipt>>, Error> {
    let receipts = of_jobs(client, event_ids, i64::MAX, MAX_JOB_RECEIPTS).await?;
    let mut found: HashMap<_, Vec<Receipt>> = HashMap::new();
    for receipt in receipts {
        found.entry(receipt.event_id).or_default().push(receipt);
    }
    let of = |event_id: &EventId| {
        let mut job = found.get(&Some(*event_id)).cloned().unwrap_or_default();
        job.sort_by_key(|receipt| (!Event::NAMES.contains(&receipt.event), Reverse(receipt.sequence)));
        job.truncate(MAX_JOB_RECEIPTS);
        job.sort_by_key(|receipt| receipt.sequence);
        job
    };
    Ok(event_ids.iter().map(of).collect())
}

/// The receipts of jobs with smaller numbers than `before`: all documented steps, by their identities, and of each job's others the
/// newest, at most `limit`.
async fn of_jobs(
    client: &Client,
    event_ids: &[EventId],
    before: i64,
    limit: usize,
) -> Result<Vec<Receipt>, Error> {
    let steps = event_ids.iter().flat_map(|event_id| {
        let steps = Event::NAMES.into_iter();
        steps.map(|name| key::of_step(*event_id, &name.event, &name.status))
    });
    let identities: Vec<Uuid> = steps.collect();
    let ids: Vec<Uuid> = event_ids.iter().map(|event_id| event_id.uuid()).collect();
    let sql = format!(
        "SELECT {RECEIPT} FROM receipt WHERE identity = ANY ($1) AND seq + 0 < $4 AND {IS_HELD}
         UNION ALL
         SELECT {RECEIPT} FROM unnest($2::uuid[]) AS wanted (id) CROSS JOIN LATERAL
            (SELECT * FROM receipt WHERE NOT is_documented AND event_id = wanted.id AND seq < $4 AND {IS_HELD}
               AND (identity = ANY ($1)) IS NOT TRUE ORDER BY seq DESC LIMIT $3) AS receipt"
    );
    receipts_of(client, &sql, &[&identities, &ids, &(limit as i64), &before]).await
}

/// See [`super::Inbox::open_jobs`].
pub async fn open_jobs(client: &Client, page: PageRequest) -> Result<Page<Receipt>, Error> {
    let sql = format!(
        "SELECT {RECEIPT}
         FROM (SELECT seq FROM open_job WHERE seq > $1 AND seq >= (SELECT first_seq FROM state WHERE one) ORDER BY seq LIMIT $2)
              AS open
         JOIN receipt ON receipt.seq = open.seq ORDER BY receipt.seq"
    );
    let after = page.cursor.map_or(0, |cursor| bigint(cursor.0));
    let items = receipts_of(client, &sql, &[&after, &bigint(page.limit)]).await?;
    let next = next_cursor(&items, page.limit, |receipt| receipt.sequence);
    Ok(Page { items, next })
}

/// See [`super::Inbox::find`].
pub async fn find(client: &Client, identity: &Identity) -> Result<Option<Receipt>, Error> {
    let Some(key) = key::of(identity) else {
        return Ok(None);
    };
    let sql = format!("SELECT {RECEIPT} FROM receipt WHERE identity = $1 AND {IS_HELD}");
    one(client, &sql, &[&key], receipt_of_row).await
}

/// See [`super::Inbox::last_received`].
pub async fn last_received(client: &Client) -> Result<Vec<(ChatbotId, Timestamp)>, Error> {
    let sql = "SELECT chatbot_id, max(received_at)
               FROM (SELECT chatbot_id, received_at FROM receipt
                     WHERE seq >= (SELECT first_seq FROM state WHERE one) ORDER BY seq DESC LIMIT $1) AS recent
               WHERE chatbot_id IS NOT NULL GROUP BY chatbot_id ORDER BY chatbot_id";
    let limit = RECENT_RECEIPTS as i64;
    let rows = rows(client, sql, &[&limit]).await?;
    let latest = rows
        .iter()
        .map(|row| Ok((ChatbotId::new(row.try_get(0)?), row.try_get(1)?)));
    latest.collect()
}

/// See [`super::Inbox::export`].
pub async fn export(client: &Client, after: u64, limit: usize) -> Result<Vec<(Receipt, Bytes)>, Error> {
    // The sum is over what comes before, so that one receipt is always among them. The limit leaves the planner no other
    // way than to look each of them up.
    let sql = format!(
        "SELECT {RECEIPT}, receipt.body
         FROM (SELECT seq, sum(length(body)) OVER (ORDER BY seq) - length(body) AS bytes_before
               FROM (SELECT seq, body FROM receipt WHERE seq > $1 AND seq >= (SELECT first_seq FROM state WHERE one)
                     ORDER BY seq LIMIT $2) AS next) AS measured
         CROSS JOIN LATERAL (SELECT * FROM receipt WHERE receipt.seq = measured.seq LIMIT 1) AS receipt
         WHERE measured.bytes_before < $3 ORDER BY measured.seq"
    );
    let (after, limit, bytes) = (bigint(after), bigint(limit), bigint(MAX_EXPORT_BYTES));
    let rows = rows(client, &sql, &[&after, &limit, &bytes]).await?;
    rows.iter().map(receipt_and_body).collect()
}

/// See [`super::PostgresInbox::newest`].
pub async fn newest(client: &Client, seq: u64) -> Result<Option<(u64, ReceiptId)>, Error> {
    let sql = "SELECT seq, id FROM receipt WHERE seq <= $1 ORDER BY seq DESC LIMIT 1";
    let of_row = |row: &Row| Ok((row.try_get::<_, i64>(0)? as u64, ReceiptId::new(row.try_get(1)?)));
    one(client, sql, &[&bigint(seq)], of_row).await
}

/// Which of these are in quarantine.
pub async fn known_quarantine(client: &Client, ids: &[Uuid]) -> Result<Vec<QuarantineId>, Error> {
    // There is no index over them: this goes through the quarantine, which is bounded.
    let rows = rows(client, "SELECT id FROM quarantine WHERE id = ANY ($1)", &[&ids]).await?;
    rows.iter()
        .map(|row| row.try_get(0).map(QuarantineId::new))
        .collect()
}

/// What [`quarantined_of_row`] reads.
const QUARANTINED: &str =
    "seq, id, received_at, request_id, reason, detail, receipt_id, content_type, body_bytes, truncated";

/// See [`super::Inbox::quarantine`].
pub async fn quarantine(client: &Client, page: PageRequest) -> Result<Page<Quarantined>, Error> {
    let sql = format!("SELECT {QUARANTINED} FROM quarantine WHERE seq < $1 ORDER BY seq DESC LIMIT $2");
    let rows = rows(client, &sql, &[&before(page), &bigint(page.limit)]).await?;
    let items = rows
        .iter()
        .map(quarantined_of_row)
        .collect::<Result<Vec<_>, _>>()?;
    let last = rows.last().map(|row| row.try_get::<_, i64>(0)).transpose()?;
    let next = next_cursor(&items, page.limit, |_| last.unwrap_or_default() as u64);
    Ok(Page { items, next })
}

/// See [`super::Inbox::quarantined`].
pub async fn quarantined(client: &Client, id: QuarantineId) -> Result<Option<(Quarantined, Bytes)>, Error> {
    // There is no index over them: this goes through the quarantine, which is bounded, without its bodies.
    let sql = format!("SELECT {QUARANTINED}, body FROM quarantine WHERE id = $1");
    let of_row = |row: &Row| {
        let body = Bytes::from(row.try_get::<_, Vec<u8>>(10)?);
        Ok((quarantined_of_row(row)?, body))
    };
    one(client, &sql, &[&id.uuid()], of_row).await
}

/// See [`super::Inbox::quarantine_totals`].
pub async fn quarantine_totals(client: &Client) -> Result<QuarantineTotals, Error> {
    let sql = "SELECT held_bytes, quarantined_count, evicted_count FROM quarantine_totals";
    let statement = client.prepare_cached(sql).await?;
    let row = client.query_one(&statement, &[]).await?;
    let number = |column| Ok::<_, Error>(row.try_get::<_, i64>(column)? as u64);
    Ok(QuarantineTotals {
        bytes: number(0)?,
        quarantined_count: number(1)?,
        evicted_count: number(2)?,
    })
}

/// Before which number a page begins.
pub fn before(page: PageRequest) -> i64 {
    page.cursor.map_or(i64::MAX, |cursor| bigint(cursor.0))
}

/// Reads the columns of [`RECEIPT`]. Where a text is none, the receipt says so: no row has its neighbours fail.
pub fn receipt_of_row(row: &Row) -> Result<Receipt, Error> {
    let mut damage = Damage::default();
    let [wire, event, status] = [(3, "wire"), (4, "event"), (5, "status")].map(|(place, column)| {
        let stored: Result<Text<'_>, Error> = row.try_get(place);
        stored.map(|stored| damage.text(column, stored.0))
    });
    let wire = wire?;
    let trace: Option<Text<'_>> = row.try_get(10)?;
    Ok(Receipt {
        sequence: row.try_get::<_, i64>(0)? as u64,
        id: ReceiptId::new(row.try_get(1)?),
        received_at: row.try_get(2)?,
        wire: damage.or("wire", wire.parse(), Wire::V2024_07),
        event: Name {
            event: event?.into(),
            status: status?.into(),
        },
        event_id: row.try_get::<_, Option<Uuid>>(6)?.map(EventId::new),
        chatbot_id: row.try_get::<_, Option<Uuid>>(7)?.map(ChatbotId::new),
        origin: if row.try_get(8)? {
            Origin::Backfill
        } else {
            Origin::Webhook
        },
        body_bytes: row.try_get::<_, i32>(9)? as usize,
        // What cannot be read is as if it had not come.
        trace: trace
            .and_then(|trace| str::from_utf8(trace.0).ok()?.parse().ok())
            .map(Box::new),
        damage: damage.said(),
    })
}

/// Reads the columns of [`RECEIPT`], and the body after them.
pub fn receipt_and_body(row: &Row) -> Result<(Receipt, Bytes), Error> {
    Ok((receipt_of_row(row)?, Bytes::from(row.try_get::<_, Vec<u8>>(11)?)))
}

/// The same where the body may be left out.
pub fn receipt_and_small_body(row: &Row) -> Result<(Receipt, Option<Bytes>), Error> {
    let body: Option<Vec<u8>> = row.try_get(11)?;
    Ok((receipt_of_row(row)?, body.map(Bytes::from)))
}

/// Reads the columns of [`QUARANTINED`], as [`receipt_of_row`] does those of a receipt.
fn quarantined_of_row(row: &Row) -> Result<Quarantined, Error> {
    let mut damage = Damage::default();
    let (reason, detail): (Text<'_>, Text<'_>) = (row.try_get(4)?, row.try_get(5)?);
    let content_type: Option<Text<'_>> = row.try_get(7)?;
    let receipt_id = row.try_get::<_, Option<Uuid>>(6)?.map(ReceiptId::new);
    let [duplicate_of, accepted_as] = Quarantined::related(reason.0, receipt_id);
    Ok(Quarantined {
        id: QuarantineId::new(row.try_get(1)?),
        received_at: row.try_get(2)?,
        request_id: RequestId::new(row.try_get(3)?),
        reason: damage.text("reason", reason.0),
        detail: damage.text("detail", detail.0),
        duplicate_of,
        accepted_as,
        content_type: content_type.map(|text| damage.text("content_type", text.0)),
        body_bytes: row.try_get::<_, i64>(8)? as usize,
        truncated: row.try_get(9)?,
        damage: damage.said(),
    })
}

/// A text as it is stored, which the server looks at no more when it sends it.
struct Text<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Text<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    accepts!(TEXT);
}
