//! All of the way out, in the order of its keys: what a copy of the inbox takes.

use rusqlite::{Connection, params};

use super::super::super::outbox::{Attempt, Delivery, DestinationId, Instruction};
use super::read::list;
use super::rows::{
    ATTEMPT, DELIVERY, FIRST_ATTEMPT, INSTRUCTION, attempt_of_row, delivery_of_row, instruction_of_row,
};

/// Every instruction that there is, oldest first.
pub fn all_instructions(connection: &Connection) -> rusqlite::Result<Vec<Instruction>> {
    let sql = format!("SELECT {INSTRUCTION} FROM instruction ORDER BY id");
    list(connection, &sql, [], instruction_of_row)
}

/// Deliveries in the order of their keys, from the one after that key on.
pub fn deliveries_after_key(
    connection: &Connection,
    after: Option<(u64, DestinationId)>,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let (seq, destination) = after.map_or((0, 0), |(seq, destination)| (seq, destination.0));
    let parameters = params![seq, destination, limit];
    list(
        connection,
        &deliveries_after_key_sql(),
        parameters,
        delivery_of_row,
    )
}

/// [`deliveries_after_key`], after a number and a destination, so many.
pub fn deliveries_after_key_sql() -> String {
    format!(
        "SELECT {DELIVERY} FROM delivery WHERE (seq, destination) > (?1, ?2) ORDER BY seq, destination LIMIT ?3"
    )
}

/// Attempts in the order of their keys, from the one after that key on.
pub fn attempts_after_key(
    connection: &Connection,
    after: Option<(u64, DestinationId, u32)>,
    limit: usize,
) -> rusqlite::Result<Vec<(u64, DestinationId, Attempt)>> {
    let (seq, destination, number) = after.map_or((0, 0, 0), |(seq, destination, number)| {
        (seq, destination.0, number)
    });
    list(
        connection,
        &attempts_after_key_sql(),
        params![seq, destination, number, limit],
        |row| Ok((row.get(7)?, DestinationId(row.get(8)?), attempt_of_row(row)?)),
    )
}

/// [`attempts_after_key`], after a number, a destination and an attempt's number, so many.
pub fn attempts_after_key_sql() -> String {
    format!(
        "SELECT {ATTEMPT}, seq, destination FROM attempt
         WHERE (seq, destination, number) > (?1, ?2, ?3)
         UNION ALL
         SELECT {FIRST_ATTEMPT}, seq, destination FROM delivery
         WHERE (seq, destination) > (?1, ?2) AND first_started_at IS NOT NULL
         ORDER BY seq, destination, number LIMIT ?4"
    )
}
