//! Rows of the way out, as what they stand for.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::Type;

use super::super::super::outbox::{
    Attempt, Delivery, Destination, DestinationId, Instruction, InstructionId, Outcome, Pause, State,
};
use super::super::read::uuid;
use crate::clock::Timestamp;

/// What [`destination_of_row`] reads.
pub const DESTINATION: &str = "id, name, cursor, added_at, removed_at, paused_at, pause_reason,
    (SELECT count(*) FROM delivery WHERE delivery.destination = destination.id AND delivery.state = 'pending'),
    dead_count, unconfigured_at";

/// What [`delivery_of_row`] reads.
pub const DELIVERY: &str =
    "seq, destination, state, step, attempt_count, outcome, due_at, changed_at, replay_count";

/// What [`attempt_of_row`] reads.
pub const ATTEMPT: &str = "number, started_at, duration_us, outcome, status, detail, answer";

/// The same of the first attempt that lies in a row of `delivery`.
pub const FIRST_ATTEMPT: &str =
    "1, first_started_at, first_duration_us, first_outcome, first_status, first_detail, first_answer";

/// What [`instruction_of_row`] reads.
pub const INSTRUCTION: &str = "id, created_at, body, progress, done_at";

/// Reads the columns of [`DESTINATION`].
pub fn destination_of_row(row: &Row<'_>) -> rusqlite::Result<Destination> {
    let pause = match (row.get(5)?, row.get(6)?) {
        (Some(at), Some(reason)) => Some(Pause {
            at: Timestamp::from_micros(at),
            reason,
        }),
        _ => None,
    };
    Ok(Destination {
        id: DestinationId(row.get(0)?),
        name: row.get(1)?,
        cursor: row.get(2)?,
        added_at: Timestamp::from_micros(row.get(3)?),
        removed_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
        pause,
        pending_count: row.get(7)?,
        dead_count: row.get(8)?,
        unconfigured_at: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_micros),
    })
}

/// Reads the columns of [`DELIVERY`].
pub fn delivery_of_row(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let outcome: Option<String> = row.get(5)?;
    Ok(Delivery {
        sequence: row.get(0)?,
        destination: DestinationId(row.get(1)?),
        state: word(2, &row.get::<_, String>(2)?, State::ALL, State::as_str)?,
        step: row.get(3)?,
        attempt_count: row.get(4)?,
        outcome: outcome
            .map(|outcome| word(5, &outcome, Outcome::ALL, Outcome::as_str))
            .transpose()?,
        due_at: Timestamp::from_micros(row.get(6)?),
        changed_at: Timestamp::from_micros(row.get(7)?),
        replay_count: row.get(8)?,
    })
}

/// Reads the columns of [`ATTEMPT`].
pub fn attempt_of_row(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        number: row.get(0)?,
        started_at: Timestamp::from_micros(row.get(1)?),
        duration: Duration::from_micros(row.get(2)?),
        outcome: word(3, &row.get::<_, String>(3)?, Outcome::ALL, Outcome::as_str)?,
        status: row.get(4)?,
        detail: row.get(5)?,
        answer: Bytes::from(row.get::<_, Vec<u8>>(6)?),
    })
}

/// Reads the columns of [`INSTRUCTION`].
pub fn instruction_of_row(row: &Row<'_>) -> rusqlite::Result<Instruction> {
    Ok(Instruction {
        id: InstructionId::new(uuid(row, 0)?),
        created_at: Timestamp::from_micros(row.get(1)?),
        body: row.get(2)?,
        progress: row.get(3)?,
        done_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
    })
}

/// The value of that name.
fn word<T: Copy>(
    column: usize,
    name: &str,
    all: impl IntoIterator<Item = T>,
    as_str: impl Fn(T) -> &'static str,
) -> rusqlite::Result<T> {
    let found = all.into_iter().find(|value| as_str(*value) == name);
    found.ok_or_else(|| {
        let error = format!("nobody writes {name:?} there");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
    })
}
