//! What is read of the way out.

use std::cmp::Reverse;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::super::super::jobs::MAX_EXAMINED;
use super::super::super::outbox::{
    Attempt, Delivery, DeliveryFilter, DestinationId, MAX_ATTEMPTS, MAX_DISORDER, MAX_MATCHING_EXAMINED,
    MAX_READ_BODY_BYTES, MAX_UNDELIVERED_EXAMINED, Matched, Matching, State, Undelivered,
};
use super::super::super::{Cursor, Page, PageRequest, Receipt, next_cursor};
use super::super::index::Seq;
use super::super::read::{RECEIPT, receipt_and_body, receipt_and_small_body, receipt_of_row};
use super::rows::{ATTEMPT, DELIVERY, FIRST_ATTEMPT, attempt_of_row, delivery_of_row};
use crate::clock::Timestamp;

/// See [`super::Outbox::last_sequence`].
pub fn last_sequence(connection: &Connection) -> rusqlite::Result<Seq> {
    // Expiry leaves the last row of keys, of 8 bytes each, in place.
    connection
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(seq) FROM receipt), 0),
                        coalesce((SELECT first_seq + length(keys) / 8 - 1 FROM receipt_key
                                  ORDER BY first_seq DESC LIMIT 1), 0))",
        )?
        .query_row([], |row| row.get(0))
}

/// See [`super::Outbox::last_before`].
pub fn last_before(connection: &Connection, time: Timestamp) -> rusqlite::Result<Seq> {
    let time = time.minus(MAX_DISORDER);
    let last = last_sequence(connection)?;
    let first: Option<Seq> = connection.query_row("SELECT min(seq) FROM receipt", [], |row| row.get(0))?;
    // Up to the one all were received before that time, above the other none.
    let (mut low, mut high) = (first.map_or(last, |first| first - 1), last);
    let mut next =
        connection.prepare("SELECT seq, received_at FROM receipt WHERE seq >= ?1 ORDER BY seq LIMIT 1")?;
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let found = next.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)));
        match found.optional()? {
            Some::<(Seq, Timestamp)>((seq, received_at)) if seq <= high && received_at < time => low = seq,
            _ => high = middle - 1,
        }
    }
    Ok(low)
}

/// The number of the last receipt before the first one after `after` that was received at that time or later; where
/// there is none, of the newest that there ever was.
pub fn before_first_at(connection: &Connection, time: Timestamp, after: Seq) -> rusqlite::Result<Seq> {
    let after = after.max(last_before(connection, time)?);
    let first: Option<Seq> = connection
        .query_row(
            "SELECT seq FROM receipt WHERE seq > ?1 AND received_at >= ?2 ORDER BY seq LIMIT 1",
            params![after, time],
            |row| row.get(0),
        )
        .optional()?;
    first.map_or_else(|| last_sequence(connection), |first| Ok(first - 1))
}

/// [`matching_receipts`], after a number, up to another, since a time, until another, of an event, of a chatbot, so many.
pub fn matching_receipts_sql() -> String {
    format!(
        "SELECT {RECEIPT} FROM receipt
         WHERE seq > ?1 AND seq <= ?2 AND (?3 IS NULL OR received_at >= ?3) AND (?4 IS NULL OR received_at < ?4)
           AND (?5 IS NULL OR event = ?5 OR event || '.' || status = ?5) AND (?6 IS NULL OR chatbot_id = ?6)
           AND (?7 IS NULL OR event_id = ?7)
         ORDER BY seq LIMIT ?8"
    )
}

/// See [`super::Outbox::matching`].
pub fn matching_receipts(
    connection: &Connection,
    what: &Matching,
    limit: usize,
) -> rusqlite::Result<Matched> {
    let until = what.until.min(what.after.saturating_add(MAX_MATCHING_EXAMINED));
    let parameters = params![
        what.after,
        until,
        what.span.since,
        what.span.until,
        what.filter.event,
        what.filter.chatbot_id.map(|id| id.uuid().into_bytes()),
        what.filter.event_id.map(|id| id.uuid().into_bytes()),
        limit
    ];
    let receipts = list(connection, &matching_receipts_sql(), parameters, receipt_of_row)?;
    Ok(Matched::new(receipts, limit, until))
}

/// See [`super::Outbox::receipts_after`].
pub fn receipts_after(connection: &Connection, after: u64, limit: usize) -> rusqlite::Result<Vec<Receipt>> {
    let sql = format!("SELECT {RECEIPT} FROM receipt WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    list(connection, &sql, params![after, limit], receipt_of_row)
}

/// [`undelivered`], of a destination, after a number, up to another, so many.
pub fn undelivered_sql() -> String {
    format!(
        "SELECT {RECEIPT}, CASE WHEN length(body) <= {MAX_READ_BODY_BYTES} THEN body END FROM receipt
         WHERE seq > ?2 AND seq <= ?3 AND NOT EXISTS
             (SELECT 1 FROM delivery WHERE delivery.seq = receipt.seq AND delivery.destination = ?1)
         ORDER BY seq LIMIT ?4"
    )
}

/// See [`super::Outbox::undelivered`].
pub fn undelivered(
    connection: &Connection,
    destination: DestinationId,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Undelivered> {
    let newest = last_sequence(connection)? as u64;
    let first: Option<u64> = connection.query_row("SELECT min(seq) FROM receipt", [], |row| row.get(0))?;
    let first = first.unwrap_or(newest + 1);
    // Nothing is there between what has expired.
    let after = (first - 1).max(after);
    let until = newest.min(after + MAX_UNDELIVERED_EXAMINED);
    let parameters = params![destination.0, after, until, limit];
    let found = list(connection, &undelivered_sql(), parameters, receipt_and_small_body)?;
    Ok(Undelivered::new(found, limit, (after, until), (first, newest)))
}

/// See [`super::Outbox::load`].
pub fn load(connection: &Connection, mut sequences: Vec<u64>) -> rusqlite::Result<Vec<(Receipt, Bytes)>> {
    sequences.sort_unstable();
    sequences.dedup();
    let mut by_seq = connection.prepare(&format!("SELECT {RECEIPT}, body FROM receipt WHERE seq = ?1"))?;
    let mut loaded = Vec::new();
    for seq in sequences {
        loaded.extend(by_seq.query_row([seq], receipt_and_body).optional()?);
    }
    Ok(loaded)
}

/// See [`super::Outbox::deliveries`].
pub fn deliveries(
    connection: &Connection,
    filter: DeliveryFilter,
    page: PageRequest,
) -> rusqlite::Result<Page<(Delivery, Receipt)>> {
    // So that each delivery still has its receipt when that is read.
    let _snapshot = connection.unchecked_transaction()?;
    let (deliveries, next) = match (filter.destination, filter.state) {
        (Some(destination), Some(state @ (State::Pending | State::Dead))) => {
            in_state(connection, destination, state, filter.from_sequence, page)?
        }
        _ => matching(connection, filter, page)?,
    };
    let items = with_receipts(connection, deliveries)?;
    Ok(Page { items, next })
}

/// That the receipt of a delivery is there. One may have been removed by hand, since it could not be read.
const HAS_RECEIPT: &str = "EXISTS (SELECT 1 FROM receipt WHERE receipt.seq = delivery.seq)";

/// Deliveries of a state that has an index, of one destination, before a number and from one on, newest first.
pub fn in_state_sql(state: State) -> String {
    let state = state.as_str();
    format!(
        "SELECT {DELIVERY} FROM delivery
         WHERE destination = ?1 AND state = '{state}' AND seq < ?2 AND seq >= ?3 AND {HAS_RECEIPT}
         ORDER BY seq DESC LIMIT ?4"
    )
}

/// A page of a destination's deliveries of a state that has an index.
fn in_state(
    connection: &Connection,
    destination: DestinationId,
    state: State,
    from: Seq,
    page: PageRequest,
) -> rusqlite::Result<(Vec<Delivery>, Option<Cursor>)> {
    let (before, from) = bounds(from, page);
    let parameters = params![destination.0, before, from, page.limit];
    let found = list(connection, &in_state_sql(state), parameters, delivery_of_row)?;
    let next = next_cursor(&found, page.limit, |delivery| delivery.sequence);
    Ok((found, next))
}

/// A page of what matches, found by looking at all there is.
fn matching(
    connection: &Connection,
    filter: DeliveryFilter,
    page: PageRequest,
) -> rusqlite::Result<(Vec<Delivery>, Option<Cursor>)> {
    let (before, from) = bounds(filter.from_sequence, page);
    let mut statement = connection.prepare(&matching_sql())?;
    let mut rows = statement.query(params![before, from])?;
    let (mut found, mut next) = (Vec::new(), None);
    let (mut examined_count, mut last_seq) = (0, None);
    while let Some(row) = rows.next()? {
        let delivery = delivery_of_row(row)?;
        // A page ends between two receipts, and only where there is a further one.
        if last_seq.is_some_and(|last_seq| delivery.sequence < last_seq)
            && (found.len() >= page.limit || examined_count >= MAX_EXAMINED)
        {
            next = last_seq.map(Cursor);
            break;
        }
        last_seq = Some(delivery.sequence);
        examined_count += 1;
        if filter.destination.is_none_or(|id| delivery.destination == id)
            && filter.state.is_none_or(|state| delivery.state == state)
        {
            found.push(delivery);
        }
    }
    found.sort_by_key(|delivery| (Reverse(delivery.sequence), delivery.destination));
    Ok((found, next))
}

/// Deliveries before a number and from one on, in the primary key's order, backwards.
pub fn matching_sql() -> String {
    format!(
        "SELECT {DELIVERY} FROM delivery WHERE seq < ?1 AND seq >= ?2 ORDER BY seq DESC, destination DESC"
    )
}

/// Before which number a page begins, and from which on it may go; SQLite knows none greater.
fn bounds(from: Seq, page: PageRequest) -> (Seq, Seq) {
    const LAST: Seq = i64::MAX as Seq;
    (page.cursor.map_or(LAST, |cursor| cursor.0), from.min(LAST))
}

/// [`deliveries_after`], of a destination, after a number, so many. Of states without an index it looks at all rows from
/// there on.
pub fn deliveries_after_sql(state: State) -> String {
    let state = state.as_str();
    format!(
        "SELECT {DELIVERY} FROM delivery
         WHERE destination = ?1 AND state = '{state}' AND seq > ?2 AND {HAS_RECEIPT} ORDER BY seq LIMIT ?3"
    )
}

/// See [`super::Outbox::deliveries_after`].
pub fn deliveries_after(
    connection: &Connection,
    destination: DestinationId,
    state: State,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<(Delivery, Receipt)>> {
    let _snapshot = connection.unchecked_transaction()?;
    let parameters = params![destination.0, after, limit];
    let found = list(
        connection,
        &deliveries_after_sql(state),
        parameters,
        delivery_of_row,
    )?;
    with_receipts(connection, found)
}

/// See [`super::Outbox::rows_of`].
pub fn rows_of(
    connection: &Connection,
    destination: Option<DestinationId>,
    mut sequences: Vec<u64>,
) -> rusqlite::Result<Vec<Delivery>> {
    let _snapshot = connection.unchecked_transaction()?;
    sequences.sort_unstable_by_key(|sequence| Reverse(*sequence));
    sequences.dedup();
    let mut by_seq = connection.prepare(&rows_of_sql())?;
    let mut found = Vec::new();
    for sequence in sequences {
        let rows = by_seq.query_map(params![sequence, destination.map(|id| id.0)], delivery_of_row)?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}

/// The deliveries of one receipt, to a destination or to all.
pub fn rows_of_sql() -> String {
    format!(
        "SELECT {DELIVERY} FROM delivery WHERE seq = ?1 AND (?2 IS NULL OR destination = ?2) ORDER BY destination"
    )
}

/// See [`super::Outbox::delivery`].
pub fn delivery(
    connection: &Connection,
    destination: DestinationId,
    sequence: u64,
) -> rusqlite::Result<Option<(Delivery, Vec<Attempt>)>> {
    let _snapshot = connection.unchecked_transaction()?;
    let key = params![sequence, destination.0];
    let sql = format!("SELECT {DELIVERY} FROM delivery WHERE seq = ?1 AND destination = ?2");
    let Some(delivery) = connection.query_row(&sql, key, delivery_of_row).optional()? else {
        return Ok(None);
    };
    let sql = format!(
        "SELECT {ATTEMPT} FROM attempt WHERE seq = ?1 AND destination = ?2
         UNION ALL
         SELECT {FIRST_ATTEMPT} FROM delivery
         WHERE seq = ?1 AND destination = ?2 AND first_started_at IS NOT NULL
         ORDER BY number DESC LIMIT ?3"
    );
    let parameters = params![sequence, destination.0, MAX_ATTEMPTS];
    let mut attempts = list(connection, &sql, parameters, attempt_of_row)?;
    attempts.reverse();
    Ok(Some((delivery, attempts)))
}

/// See [`super::Outbox::notices`].
pub fn notices(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let kept = connection.query_row("SELECT book FROM notices", [], |row| row.get(0));
    kept.optional()
}

/// All rows of a query.
pub(super) fn list<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    of_row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map(parameters, of_row)?.collect()
}

/// The same, each with its receipt; those left out whose receipt is gone.
fn with_receipts(
    connection: &Connection,
    deliveries: Vec<Delivery>,
) -> rusqlite::Result<Vec<(Delivery, Receipt)>> {
    let mut by_seq = connection.prepare(&format!("SELECT {RECEIPT} FROM receipt WHERE seq = ?1"))?;
    let with_receipt = |delivery: Delivery| {
        let receipt = by_seq.query_row([delivery.sequence], receipt_of_row).optional();
        receipt
            .map(|found| found.map(|receipt| (delivery, receipt)))
            .transpose()
    };
    deliveries.into_iter().filter_map(with_receipt).collect()
}
