//! What operators asked the leader to do, as it is read.

use rusqlite::{Connection, OptionalExtension};

use super::super::super::outbox::{Instruction, InstructionId};
use super::read::list;
use super::rows::{INSTRUCTION, instruction_of_row};

/// See [`super::Outbox::instruction`].
pub fn find(connection: &Connection, id: InstructionId) -> rusqlite::Result<Option<Instruction>> {
    let sql = format!("SELECT {INSTRUCTION} FROM instruction WHERE id = ?1");
    let found = connection.query_row(&sql, [id.uuid().as_bytes()], instruction_of_row);
    found.optional()
}

/// See [`super::Outbox::open_instructions`].
pub fn open(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Instruction>> {
    let sql = format!("SELECT {INSTRUCTION} FROM instruction WHERE done_at IS NULL ORDER BY id LIMIT ?1");
    list(connection, &sql, [limit], instruction_of_row)
}

/// See [`super::Outbox::instructions`].
pub fn latest(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Instruction>> {
    let sql = format!("SELECT {INSTRUCTION} FROM instruction ORDER BY id DESC LIMIT ?1");
    list(connection, &sql, [limit], instruction_of_row)
}
