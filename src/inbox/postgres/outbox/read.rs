//! What those who deliver read, and what people see of it. What a delivery says of an expired receipt is there for
//! nobody, whether or not the row is gone.

use bytes::Bytes;
use tokio_postgres::{Error, Row};

use super::super::super::outbox::{
    Attempt, Delivery, DeliveryFilter, DestinationId, MAX_ATTEMPTS, MAX_DISORDER, MAX_MATCHING_EXAMINED,
    MAX_READ_BODY_BYTES, MAX_UNDELIVERED_EXAMINED, Matched, Matching, State, Undelivered,
};
use super::super::super::{Cursor, Page, PageRequest, Receipt};
use super::super::lease::{Seen, holds};
use super::super::values::bigint;
use super::Client;
use super::receipts::{
    MAX_EXAMINED, Parameters, RECEIPT, before, last_where, one, receipt_and_body, receipt_and_small_body,
    receipt_of_row, receipts_of, rows,
};
use super::rows::{ATTEMPT, DELIVERY, attempt_of_row, delivery_of_row};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId};

/// How many columns [`RECEIPT`] has.
const RECEIPT_COLUMNS: usize = 11;

/// How many columns [`DELIVERY`] has.
const DELIVERY_COLUMNS: usize = 9;

/// See [`super::Outbox::receipts_after`].
pub async fn receipts_after(client: &Client, after: u64, limit: usize) -> Result<Vec<Receipt>, Error> {
    let sql = format!(
        "SELECT {RECEIPT} FROM receipt WHERE seq > $1 AND seq >= (SELECT first_seq FROM state WHERE one)
         ORDER BY seq LIMIT $2"
    );
    receipts_of(client, &sql, &[&bigint(after), &bigint(limit)]).await
}

/// What [`matching`] asks.
pub fn matching_sql() -> String {
    format!(
        "SELECT {RECEIPT} FROM receipt
         WHERE seq > $1 AND seq <= $2 AND seq >= (SELECT first_seq FROM state WHERE one)
           AND ($3::timestamptz IS NULL OR received_at >= $3) AND ($4::timestamptz IS NULL OR received_at < $4)
           AND ($5::text IS NULL OR event = $5 OR event || '.' || status = $5)
           AND ($6::uuid IS NULL OR chatbot_id = $6) AND ($7::uuid IS NULL OR event_id = $7)
         ORDER BY seq LIMIT $8"
    )
}

/// See [`super::Outbox::matching`].
pub async fn matching(client: &Client, what: &Matching, limit: usize) -> Result<Matched, Error> {
    let until = what.until.min(what.after.saturating_add(MAX_MATCHING_EXAMINED));
    let chatbot_id = what.filter.chatbot_id.map(ChatbotId::uuid);
    let event_id = what.filter.event_id.map(EventId::uuid);
    let parameters: Parameters<'_> = &[
        &bigint(what.after),
        &bigint(until),
        &what.span.since,
        &what.span.until,
        &what.filter.event,
        &chatbot_id,
        &event_id,
        &bigint(limit),
    ];
    let receipts = receipts_of(client, &matching_sql(), parameters).await?;
    Ok(Matched::new(receipts, limit, until))
}

/// What [`last_before`] asks.
pub fn last_before_sql() -> String {
    last_where("received_at < $1")
}

/// See [`super::Outbox::last_before`].
pub async fn last_before(client: &Client, time: Timestamp) -> Result<u64, Error> {
    let time = time.minus(MAX_DISORDER);
    let last = one(client, &last_before_sql(), &[&time], |row| {
        row.try_get::<_, i64>(0)
    })
    .await?;
    Ok(last.unwrap_or(0) as u64)
}

/// What [`undelivered`] asks.
pub fn undelivered_sql() -> String {
    // The scalar subquery leaves the planner no other way than to look each receipt up.
    format!(
        "SELECT {RECEIPT}, CASE WHEN octet_length(receipt.body) <= {MAX_READ_BODY_BYTES} THEN receipt.body END
         FROM receipt
         WHERE seq > $1 AND seq <= $2 AND seq >= (SELECT first_seq FROM state WHERE one)
           AND (SELECT delivery.seq FROM delivery
                WHERE delivery.seq = receipt.seq AND delivery.destination = $3 LIMIT 1) IS NULL
         ORDER BY seq LIMIT $4"
    )
}

/// See [`super::Outbox::undelivered`]. `None` where a receipt that was seen is gone: the log is another one then.
pub async fn undelivered(
    client: &Client,
    seen: Option<Seen>,
    destination: DestinationId,
    after: u64,
    limit: usize,
) -> Result<Option<Undelivered>, Error> {
    let bounds = format!(
        "SELECT (SELECT first_seq FROM state WHERE one), coalesce((SELECT max(seq) FROM receipt), 0), {}",
        holds("$1", "$2")
    );
    let (seq_seen, id_seen) = (seen.map(|seen| seen.seq), seen.map(|seen| seen.id));
    let bounds = rows(client, &bounds, &[&seq_seen, &id_seen]).await?;
    let (first, newest, is_same_log): (i64, i64, bool) = match &bounds[..] {
        [row] => (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?),
        _ => (1, 0, true),
    };
    if !is_same_log {
        return Ok(None);
    }
    let (first, newest) = (first.unsigned_abs(), newest.unsigned_abs());
    // Nothing is there between what has expired.
    let after = after.max(newest.min(first - 1));
    let until = newest.min(after + MAX_UNDELIVERED_EXAMINED);
    let parameters: Parameters<'_> = &[&bigint(after), &bigint(until), &destination.0, &bigint(limit)];
    let found = rows(client, &undelivered_sql(), parameters).await?;
    let found = found
        .iter()
        .map(receipt_and_small_body)
        .collect::<Result<_, _>>()?;
    Ok(Some(Undelivered::new(
        found,
        limit,
        (after, until),
        (first, newest),
    )))
}

/// See [`super::Outbox::load`].
pub async fn load(client: &Client, sequences: &[u64]) -> Result<Vec<(Receipt, Bytes)>, Error> {
    let sequences: Vec<i64> = sequences.iter().map(|sequence| bigint(*sequence)).collect();
    let sql = format!(
        "SELECT {RECEIPT}, receipt.body FROM receipt
         WHERE seq = ANY ($1) AND seq >= (SELECT first_seq FROM state WHERE one) ORDER BY seq"
    );
    let rows = rows(client, &sql, &[&sequences]).await?;
    rows.iter().map(receipt_and_body).collect()
}

/// What [`deliveries_after`] asks. The state is part of the text, for only so an index of that state is used.
pub fn deliveries_after_sql(state: State) -> String {
    let state = state.as_str();
    format!(
        "SELECT {RECEIPT}, {DELIVERY}
         FROM (SELECT * FROM delivery
               WHERE destination = $1 AND state = '{state}' AND seq > $2
                 AND seq >= (SELECT first_seq FROM state WHERE one) ORDER BY seq LIMIT $3) AS delivery
         JOIN receipt ON receipt.seq = delivery.seq ORDER BY delivery.seq"
    )
}

/// See [`super::Outbox::deliveries_after`].
pub async fn deliveries_after(
    client: &Client,
    destination: DestinationId,
    state: State,
    after: u64,
    limit: usize,
) -> Result<Vec<(Delivery, Receipt)>, Error> {
    let parameters: Parameters<'_> = &[&destination.0, &bigint(after), &bigint(limit)];
    let rows = rows(client, &deliveries_after_sql(state), parameters).await?;
    rows.iter().map(delivery_and_receipt).collect()
}

/// See [`super::Outbox::rows_of`].
pub async fn rows_of(
    client: &Client,
    destination: Option<DestinationId>,
    sequences: &[u64],
) -> Result<Vec<Delivery>, Error> {
    let sequences: Vec<i64> = sequences.iter().map(|sequence| bigint(*sequence)).collect();
    let sql = format!(
        "SELECT {DELIVERY} FROM delivery
         WHERE seq = ANY ($1) AND ($2::integer IS NULL OR destination = $2)
           AND seq >= (SELECT first_seq FROM state WHERE one)
         ORDER BY seq DESC, destination"
    );
    let rows = rows(client, &sql, &[&sequences, &destination.map(|id| id.0)]).await?;
    rows.iter().map(|row| delivery_of_row(row, 0)).collect()
}

/// See [`super::Outbox::delivery`].
pub async fn delivery(
    client: &Client,
    destination: DestinationId,
    sequence: u64,
) -> Result<Option<(Delivery, Vec<Attempt>)>, Error> {
    // In one statement, so that what is recorded meanwhile is in both or in neither.
    let sql = format!(
        "SELECT {DELIVERY}, {ATTEMPT}
         FROM delivery LEFT JOIN LATERAL (
             SELECT number, started_at, duration_us, outcome, status, detail, answer FROM attempt
             WHERE attempt.seq = delivery.seq AND attempt.destination = delivery.destination
             UNION ALL
             SELECT 1, first_started_at, first_duration_us, first_outcome, first_status, first_detail, first_answer
             WHERE first_started_at IS NOT NULL AND NOT EXISTS (
                 SELECT FROM attempt
                 WHERE attempt.seq = delivery.seq AND attempt.destination = delivery.destination AND attempt.number = 1)
             ORDER BY number DESC LIMIT $3
         ) AS attempt ON true
         WHERE delivery.seq = $1 AND delivery.destination = $2
           AND delivery.seq >= (SELECT first_seq FROM state WHERE one)
         ORDER BY attempt.number"
    );
    let max_attempts = i64::from(MAX_ATTEMPTS);
    let rows = rows(client, &sql, &[&bigint(sequence), &destination.0, &max_attempts]).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let attempts = rows
        .iter()
        .filter_map(|row| attempt_of_row(row, DELIVERY_COLUMNS).transpose());
    Ok(Some((
        delivery_of_row(first, 0)?,
        attempts.collect::<Result<_, _>>()?,
    )))
}

/// See [`super::Outbox::deliveries`].
pub async fn deliveries(
    client: &Client,
    filter: DeliveryFilter,
    page: PageRequest,
) -> Result<Page<(Delivery, Receipt)>, Error> {
    let bounds = "SELECT (SELECT first_seq FROM state WHERE one),
                         coalesce((SELECT seq FROM delivery ORDER BY seq DESC LIMIT 1), 0),
                         (SELECT count(*) FROM destination)";
    let bounds = rows(client, bounds, &[]).await?;
    let (first, last, destination_count): (i64, i64, i64) = match &bounds[..] {
        [row] => (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?),
        _ => (1, 0, 0),
    };
    let first = first.max(bigint(filter.from_sequence));
    let before = before(page).min(last.saturating_add(1));
    let (sql, from) = match filter.state {
        state @ (None | Some(State::Delivered)) => {
            let receipt_count = MAX_EXAMINED / destination_count.max(1);
            (listed_by_number(state), (before - receipt_count).max(first))
        }
        // There is an index over these, in which little else is gone through.
        Some(state @ (State::Pending | State::Dead | State::Cancelled | State::Removed)) => {
            (listed_by_state(state), first)
        }
    };
    let destination = filter.destination.map(|destination| destination.0);
    let rows = rows(client, &sql, &[&before, &from, &destination, &bigint(page.limit)]).await?;
    let items = rows
        .iter()
        .map(delivery_and_receipt)
        .collect::<Result<Vec<_>, _>>()?;
    let last = items.last().filter(|_| items.len() >= page.limit);
    let next = last
        .map(|(delivery, _)| Cursor(delivery.sequence))
        .or((from > first).then_some(Cursor(from as u64)));
    Ok(Page { items, next })
}

/// The deliveries of each destination by an index over this state, put together.
pub fn listed_by_state(state: State) -> String {
    let state = state.as_str();
    listed(&format!(
        "SELECT one.* FROM destination CROSS JOIN LATERAL (
             SELECT * FROM delivery
             WHERE delivery.destination = destination.id AND state = '{state}' AND seq < $1 AND seq >= $2
             ORDER BY seq DESC LIMIT $4
         ) AS one WHERE $3::integer IS NULL OR destination.id = $3"
    ))
}

/// The deliveries of a range of numbers.
pub fn listed_by_number(state: Option<State>) -> String {
    let state = state.map_or_else(String::new, |state| format!("AND state = '{}'", state.as_str()));
    listed(&format!(
        "SELECT * FROM delivery
         WHERE seq < $1 AND seq >= $2 AND ($3::integer IS NULL OR destination = $3) {state}"
    ))
}

/// The newest of these, with their receipts; the last receipt with all that it has among them.
fn listed(deliveries: &str) -> String {
    format!(
        "SELECT {RECEIPT}, {DELIVERY}
         FROM (SELECT * FROM ({deliveries}) AS delivery ORDER BY seq DESC FETCH FIRST ($4::bigint) ROWS WITH TIES)
              AS delivery
         JOIN receipt ON receipt.seq = delivery.seq ORDER BY delivery.seq DESC, delivery.destination"
    )
}

/// Reads the columns of [`RECEIPT`] and of [`DELIVERY`].
fn delivery_and_receipt(row: &Row) -> Result<(Delivery, Receipt), Error> {
    Ok((delivery_of_row(row, RECEIPT_COLUMNS)?, receipt_of_row(row)?))
}
