//! Deliveries and attempts as rows and columns.

use std::time::Duration;

use bytes::Bytes;
use tokio_postgres::{Error, Row};

use super::super::super::outbox::{Attempt, Delivery, DestinationId, Outcome, Progress};
use super::super::quarantine::without_nul;
use super::super::values::{Column, bigint, column};

/// What [`delivery_of_row`] reads.
pub const DELIVERY: &str = "delivery.seq, delivery.destination, delivery.state, delivery.step,
    delivery.attempt_count, delivery.outcome, delivery.due_at, delivery.changed_at, delivery.replay_count";

/// Reads the columns of [`DELIVERY`], of which that is the first one.
pub fn delivery_of_row(row: &Row, first: usize) -> Result<Delivery, Error> {
    Ok(Delivery {
        sequence: row.try_get::<_, i64>(first)? as u64,
        destination: DestinationId(row.try_get(first + 1)?),
        state: row.try_get(first + 2)?,
        step: row.try_get::<_, i32>(first + 3)? as u32,
        attempt_count: row.try_get::<_, i32>(first + 4)? as u32,
        outcome: row.try_get(first + 5)?,
        due_at: row.try_get(first + 6)?,
        changed_at: row.try_get(first + 7)?,
        replay_count: row.try_get::<_, i32>(first + 8)? as u32,
    })
}

/// What [`attempt_of_row`] reads.
pub const ATTEMPT: &str = "attempt.number, attempt.started_at, attempt.duration_us, attempt.outcome,
    attempt.status, attempt.detail, attempt.answer";

/// Reads the columns of [`ATTEMPT`], of which that is the first one; `None` where there is no attempt.
pub fn attempt_of_row(row: &Row, first: usize) -> Result<Option<Attempt>, Error> {
    let Some(number) = row.try_get::<_, Option<i32>>(first)? else {
        return Ok(None);
    };
    Ok(Some(Attempt {
        number: number as u32,
        started_at: row.try_get(first + 1)?,
        duration: Duration::from_micros(row.try_get::<_, i64>(first + 2)? as u64),
        outcome: row.try_get(first + 3)?,
        status: row.try_get(first + 4)?,
        detail: row.try_get(first + 5)?,
        answer: Bytes::from(row.try_get::<_, Vec<u8>>(first + 6)?),
    }))
}

/// Deliveries, column by column, but for their destination: `bigint[], text[], integer[], integer[], text[], timestamptz[],
/// timestamptz[], integer[]`
pub fn delivery_columns(deliveries: &[Delivery]) -> Vec<Column<'static>> {
    vec![
        column(deliveries, |delivery| bigint(delivery.sequence)),
        column(deliveries, |delivery| delivery.state.as_str()),
        column(deliveries, |delivery| integer(delivery.step)),
        column(deliveries, |delivery| integer(delivery.attempt_count)),
        column(deliveries, |delivery| delivery.outcome.map(Outcome::as_str)),
        column(deliveries, |delivery| delivery.due_at),
        column(deliveries, |delivery| delivery.changed_at),
        column(deliveries, |delivery| integer(delivery.replay_count)),
    ]
}

/// The first attempts of the deliveries, column by column, where they are among what is told of them:
/// `timestamptz[], bigint[], text[], integer[], text[], bytea[]`
pub fn first_attempt_columns(progress: &Progress) -> Vec<Column<'_>> {
    let first_attempts = progress.first_attempts();
    let deliveries = progress.deliveries.iter();
    let firsts: Vec<Option<&Attempt>> = deliveries
        .map(|delivery| first_attempts.get(&delivery.sequence).copied())
        .collect();
    vec![
        column(&firsts, |first| first.map(|first| first.started_at)),
        column(&firsts, |first| first.map(Attempt::duration_us)),
        column(&firsts, |first| first.map(|first| first.outcome.as_str())),
        column(&firsts, |first| first.and_then(|first| first.status)),
        column(&firsts, |first| first.map(|first| without_nul(&first.detail))),
        column(&firsts, |first| first.map(|first| &first.answer[..])),
    ]
}

/// Attempts, column by column, with the number of their receipt, but without their destination:
/// `bigint[], integer[], timestamptz[], bigint[], text[], integer[], text[], bytea[]`
pub fn attempt_columns<'a>(attempts: &[(u64, &'a Attempt)]) -> Vec<Column<'a>> {
    vec![
        column(attempts, |(sequence, _)| bigint(*sequence)),
        column(attempts, |(_, attempt)| integer(attempt.number)),
        column(attempts, |(_, attempt)| attempt.started_at),
        column(attempts, |(_, attempt)| attempt.duration_us()),
        column(attempts, |(_, attempt)| attempt.outcome.as_str()),
        column(attempts, |(_, attempt)| attempt.status),
        column(attempts, |(_, attempt)| without_nul(&attempt.detail)),
        column(attempts, |(_, attempt)| &attempt.answer[..]),
    ]
}

/// A count as the tables have it: two thousand million are as good as more.
fn integer(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
