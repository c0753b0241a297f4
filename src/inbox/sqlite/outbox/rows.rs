//! Rows of the way out, as what they stand for.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::Row;

use super::super::super::outbox::{
    Attempt, Delivery, Destination, DestinationId, Instruction, InstructionId, Pause,
};

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
    let (paused_at, reason): (Option<_>, Option<_>) = (row.get(5)?, row.get(6)?);
    Ok(Destination {
        id: DestinationId(row.get(0)?),
        name: row.get(1)?,
        cursor: row.get(2)?,
        added_at: row.get(3)?,
        removed_at: row.get(4)?,
        pause: paused_at.zip(reason).map(|(at, reason)| Pause { at, reason }),
        pending_count: row.get(7)?,
        dead_count: row.get(8)?,
        unconfigured_at: row.get(9)?,
    })
}

/// Reads the columns of [`DELIVERY`].
pub fn delivery_of_row(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        sequence: row.get(0)?,
        destination: DestinationId(row.get(1)?),
        state: row.get(2)?,
        step: row.get(3)?,
        attempt_count: row.get(4)?,
        outcome: row.get(5)?,
        due_at: row.get(6)?,
        changed_at: row.get(7)?,
        replay_count: row.get(8)?,
    })
}

/// Reads the columns of [`ATTEMPT`].
pub fn attempt_of_row(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        number: row.get(0)?,
        started_at: row.get(1)?,
        duration: Duration::from_micros(row.get(2)?),
        outcome: row.get(3)?,
        status: row.get(4)?,
        detail: row.get(5)?,
        answer: Bytes::from(row.get::<_, Vec<u8>>(6)?),
    })
}

/// Reads the columns of [`INSTRUCTION`].
pub fn instruction_of_row(row: &Row<'_>) -> rusqlite::Result<Instruction> {
    Ok(Instruction {
        id: InstructionId::new(row.get(0)?),
        created_at: row.get(1)?,
        body: row.get(2)?,
        progress: row.get(3)?,
        done_at: row.get(4)?,
    })
}
