//! Deliveries and attempts as rows and columns.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio_postgres::types::{FromSql, ToSql, Type, accepts};
use tokio_postgres::{Error, Row};

use super::super::super::outbox::{Attempt, Delivery, DestinationId, Outcome, State};
use super::super::error::NotOurs;
use super::super::quarantine::without_nul;
use super::super::{from_system_time, system_time};
use super::seq;

/// What [`delivery_of_row`] reads.
pub const DELIVERY: &str = "delivery.seq, delivery.destination, delivery.state, delivery.step,
    delivery.attempt_count, delivery.outcome, delivery.due_at, delivery.changed_at, delivery.replay_count";

/// Reads the columns of [`DELIVERY`], of which that is the first one.
pub fn delivery_of_row(row: &Row, first: usize) -> Result<Delivery, Error> {
    let KnownState(state) = row.try_get(first + 2)?;
    Ok(Delivery {
        sequence: row.try_get::<_, i64>(first)? as u64,
        destination: DestinationId(row.try_get(first + 1)?),
        state,
        step: row.try_get::<_, i32>(first + 3)? as u32,
        attempt_count: row.try_get::<_, i32>(first + 4)? as u32,
        outcome: row
            .try_get::<_, Option<KnownOutcome>>(first + 5)?
            .map(|KnownOutcome(outcome)| outcome),
        due_at: from_system_time(row.try_get(first + 6)?),
        changed_at: from_system_time(row.try_get(first + 7)?),
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
    let KnownOutcome(outcome) = row.try_get(first + 3)?;
    Ok(Some(Attempt {
        number: number as u32,
        started_at: from_system_time(row.try_get(first + 1)?),
        duration: Duration::from_micros(row.try_get::<_, i64>(first + 2)? as u64),
        outcome,
        status: row.try_get(first + 4)?,
        detail: row.try_get(first + 5)?,
        answer: Bytes::from(row.try_get::<_, Vec<u8>>(first + 6)?),
    }))
}

/// Deliveries, column by column, but for their destination.
pub struct DeliveryColumns {
    seq: Vec<i64>,
    state: Vec<&'static str>,
    step: Vec<i32>,
    attempt_count: Vec<i32>,
    outcome: Vec<Option<&'static str>>,
    due_at: Vec<SystemTime>,
    changed_at: Vec<SystemTime>,
    replay_count: Vec<i32>,
}

impl DeliveryColumns {
    pub fn of(deliveries: &[Delivery]) -> Self {
        fn column<T>(deliveries: &[Delivery], value: impl Fn(&Delivery) -> T) -> Vec<T> {
            deliveries.iter().map(value).collect()
        }
        Self {
            seq: column(deliveries, |delivery| seq(delivery.sequence)),
            state: column(deliveries, |delivery| delivery.state.as_str()),
            step: column(deliveries, |delivery| integer(delivery.step)),
            attempt_count: column(deliveries, |delivery| integer(delivery.attempt_count)),
            outcome: column(deliveries, |delivery| delivery.outcome.map(Outcome::as_str)),
            due_at: column(deliveries, |delivery| system_time(delivery.due_at)),
            changed_at: column(deliveries, |delivery| system_time(delivery.changed_at)),
            replay_count: column(deliveries, |delivery| integer(delivery.replay_count)),
        }
    }

    /// `bigint[], text[], integer[], integer[], text[], timestamptz[], timestamptz[],
    /// integer[]`
    pub fn parameters(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            &self.seq,
            &self.state,
            &self.step,
            &self.attempt_count,
            &self.outcome,
            &self.due_at,
            &self.changed_at,
            &self.replay_count,
        ]
    }
}

/// The first attempts of deliveries, column by column, where they are among what is told of them.
pub struct FirstAttemptColumns<'a> {
    started_at: Vec<Option<SystemTime>>,
    duration_us: Vec<Option<i64>>,
    outcome: Vec<Option<&'static str>>,
    status: Vec<Option<i32>>,
    detail: Vec<Option<String>>,
    answer: Vec<Option<&'a [u8]>>,
}

impl<'a> FirstAttemptColumns<'a> {
    /// Those of these deliveries, in their order.
    pub fn of(deliveries: &[Delivery], attempts: &'a [(u64, Attempt)]) -> Self {
        let firsts: HashMap<u64, &Attempt> = attempts
            .iter()
            .filter(|(_, attempt)| attempt.number == 1)
            .map(|(sequence, attempt)| (*sequence, attempt))
            .collect();
        let firsts: Vec<Option<&Attempt>> = deliveries
            .iter()
            .map(|delivery| firsts.get(&delivery.sequence).copied())
            .collect();
        fn column<'a, T>(firsts: &[Option<&'a Attempt>], value: impl Fn(&'a Attempt) -> T) -> Vec<Option<T>> {
            firsts.iter().map(|first| first.map(&value)).collect()
        }
        Self {
            started_at: column(&firsts, |first| system_time(first.started_at)),
            duration_us: column(&firsts, duration_us),
            outcome: column(&firsts, |first| first.outcome.as_str()),
            status: firsts
                .iter()
                .map(|first| first.and_then(|first| first.status))
                .collect(),
            detail: column(&firsts, |first| without_nul(&first.detail)),
            answer: column(&firsts, |first| &first.answer[..]),
        }
    }

    /// `timestamptz[], bigint[], text[], integer[], text[], bytea[]`
    pub fn parameters(&self) -> [&(dyn ToSql + Sync); 6] {
        [
            &self.started_at,
            &self.duration_us,
            &self.outcome,
            &self.status,
            &self.detail,
            &self.answer,
        ]
    }
}

/// Attempts, column by column, with the number of their receipt, but without their destination.
pub struct AttemptColumns<'a> {
    seq: Vec<i64>,
    number: Vec<i32>,
    started_at: Vec<SystemTime>,
    duration_us: Vec<i64>,
    outcome: Vec<&'static str>,
    status: Vec<Option<i32>>,
    detail: Vec<String>,
    answer: Vec<&'a [u8]>,
}

impl<'a> AttemptColumns<'a> {
    pub fn of(attempts: &[(u64, &'a Attempt)]) -> Self {
        fn column<'a, T>(attempts: &[(u64, &'a Attempt)], value: impl Fn(&'a Attempt) -> T) -> Vec<T> {
            attempts.iter().map(|(_, attempt)| value(attempt)).collect()
        }
        Self {
            seq: attempts.iter().map(|(sequence, _)| seq(*sequence)).collect(),
            number: column(attempts, |attempt| integer(attempt.number)),
            started_at: column(attempts, |attempt| system_time(attempt.started_at)),
            duration_us: column(attempts, duration_us),
            outcome: column(attempts, |attempt| attempt.outcome.as_str()),
            status: column(attempts, |attempt| attempt.status),
            detail: column(attempts, |attempt| without_nul(&attempt.detail)),
            answer: column(attempts, |attempt| &attempt.answer[..]),
        }
    }

    /// `bigint[], integer[], timestamptz[], bigint[], text[], integer[], text[], bytea[]`
    pub fn parameters(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            &self.seq,
            &self.number,
            &self.started_at,
            &self.duration_us,
            &self.outcome,
            &self.status,
            &self.detail,
            &self.answer,
        ]
    }
}

/// How long an attempt took, as the tables have it.
fn duration_us(attempt: &Attempt) -> i64 {
    i64::try_from(attempt.duration.as_micros()).unwrap_or(i64::MAX)
}

/// A count as the tables have it: two thousand million are as good as more.
fn integer(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A state in a column.
struct KnownState(State);

impl<'a> FromSql<'a> for KnownState {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let text = <&str as FromSql>::from_sql(column, raw)?;
        let known = State::ALL.into_iter().find(|state| state.as_str() == text);
        known
            .map(Self)
            .ok_or_else(|| NotOurs(format!("no delivery is in the state {text:?}")).into())
    }

    accepts!(TEXT);
}

/// An outcome in a column.
struct KnownOutcome(Outcome);

impl<'a> FromSql<'a> for KnownOutcome {
    fn from_sql(column: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let text = <&str as FromSql>::from_sql(column, raw)?;
        let known = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        known
            .map(Self)
            .ok_or_else(|| NotOurs(format!("no attempt has the outcome {text:?}")).into())
    }

    accepts!(TEXT);
}
