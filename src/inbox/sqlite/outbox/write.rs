//! What is written of the way out, each in a transaction that the caller makes.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::super::super::outbox::{
    Destination, DestinationId, Instruction, MAX_ATTEMPTS, MAX_DONE_INSTRUCTIONS, NOTHING_LEFT, PauseChange,
    Progress, Start,
};
use super::super::index::Seq;
use super::{destinations, read};
use crate::clock::Timestamp;

/// The most deliveries that one transaction calls off or forgets: some 10 ms, for which nothing is stored. Those of one
/// destination may be a hundred thousand.
pub const LOT: usize = 1_000;

/// See [`super::Outbox::add_destination`]. Up to `looked_at` nothing was received at the time when it starts, or later; what was
/// closed with its removal behind that is forgotten.
pub fn add_destination(
    connection: &Connection,
    name: &str,
    start: Start,
    looked_at: Seq,
) -> rusqlite::Result<Destination> {
    let cursor = match start {
        Start::Now => read::last_sequence(connection)?,
        Start::Since(time) => read::before_first_at(connection, time, looked_at)?,
    };
    connection.execute(
        "INSERT INTO destination (name, cursor, added_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET
             cursor = excluded.cursor, added_at = excluded.added_at,
             removed_at = NULL, unconfigured_at = NULL, paused_at = NULL, pause_reason = NULL
         WHERE removed_at IS NOT NULL",
        params![name, cursor, Timestamp::now()],
    )?;
    let added = destinations::of_name(connection, name)?;
    added.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// Forgets these deliveries of a destination that is removed, [`LOT`] at most, so that they are found in the log again.
pub fn forget_removed(connection: &Connection, name: &str, removed: &[Seq]) -> rusqlite::Result<()> {
    let known = destinations::of_name(connection, name)?;
    let Some(known) = known.filter(|known| known.removed_at.is_some()) else {
        return Ok(());
    };
    let mut attempts = connection.prepare("DELETE FROM attempt WHERE seq = ?1 AND destination = ?2")?;
    let mut delivery = connection.prepare("DELETE FROM delivery WHERE seq = ?1 AND destination = ?2")?;
    for seq in removed {
        attempts.execute(params![seq, known.id.0])?;
        delivery.execute(params![seq, known.id.0])?;
    }
    Ok(())
}

/// Has these deliveries of a destination pend again, [`LOT`] at most, which a removal that was cut off has closed.
pub fn reopen_removed(
    connection: &Connection,
    destination: DestinationId,
    removed: &[Seq],
) -> rusqlite::Result<()> {
    let mut reopen = connection.prepare(
        "UPDATE delivery SET state = 'pending' WHERE seq = ?1 AND destination = ?2 AND state = 'removed'",
    )?;
    for seq in removed {
        reopen.execute(params![seq, destination.0])?;
    }
    Ok(())
}

/// Takes down that a destination is configured again.
pub fn configure_destination(
    connection: &Connection,
    destination: &Destination,
) -> rusqlite::Result<Destination> {
    connection.execute(
        "UPDATE destination SET unconfigured_at = NULL WHERE id = ?1",
        [destination.id.0],
    )?;
    let configured = destinations::of_name(connection, &destination.name)?;
    configured.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// See [`super::Outbox::miss_destination`].
pub fn miss_destination(connection: &Connection, destination: DestinationId) -> rusqlite::Result<Duration> {
    let now = Timestamp::now();
    let since = connection.query_row(
        "UPDATE destination SET unconfigured_at = coalesce(unconfigured_at, ?2) WHERE id = ?1
         RETURNING unconfigured_at",
        params![destination.0, now],
        |row| row.get(0),
    )?;
    Ok(now.since(since))
}

/// Calls off so many pending deliveries of a destination, [`LOT`] at most, and marks it as removed with the last of them.
pub fn remove_lot(
    connection: &Connection,
    destination: DestinationId,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let count = connection.execute(
        "UPDATE delivery SET state = 'removed',
             changed_at = coalesce((SELECT unconfigured_at FROM destination WHERE id = ?1), ?2)
         WHERE destination = ?1 AND seq IN (
             SELECT seq FROM delivery WHERE destination = ?1 AND state = 'pending' ORDER BY seq LIMIT ?3)",
        params![destination.0, now, LOT],
    )?;
    // Since when it is on its way out is written to all that this closes: where it is cut off here, that tells what it was.
    let mark = match count < LOT {
        true => "UPDATE destination SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL",
        false => "UPDATE destination SET unconfigured_at = ?2 WHERE id = ?1 AND unconfigured_at IS NULL",
    };
    connection.execute(mark, params![destination.0, now])?;
    Ok(count)
}

/// See [`super::Outbox::record`].
pub fn record(connection: &Connection, progress: &Progress) -> rusqlite::Result<()> {
    let destination = progress.destination.0;
    connection
        .prepare_cached("UPDATE destination SET cursor = ?2 WHERE id = ?1 AND cursor < ?2")?
        .execute(params![destination, progress.cursor])?;
    let pause = match &progress.pause {
        PauseChange::Keep => None,
        PauseChange::Pause(pause) => Some((Some(pause.at), Some(&pause.reason))),
        PauseChange::Resume => Some((None, None)),
    };
    if let Some((paused_at, reason)) = pause {
        connection
            .prepare_cached("UPDATE destination SET paused_at = ?2, pause_reason = ?3 WHERE id = ?1")?
            .execute(params![destination, paused_at, reason])?;
    }
    let first: Option<u64> = connection
        .prepare_cached("SELECT min(seq) FROM receipt")?
        .query_row([], |row| row.get(0))?;
    // Without any, nothing is held.
    let Some(first) = first else { return Ok(()) };
    put_deliveries(connection, progress, first)?;
    put_attempts(connection, progress, first)
}

/// Puts in the deliveries whose receipts are held, which are those from `first` on, with their first attempts. Were that
/// asked in the statement itself, SQLite would make a table in memory for each row, because of the triggers.
fn put_deliveries(connection: &Connection, progress: &Progress, first: u64) -> rusqlite::Result<()> {
    let first_attempts = progress.first_attempts();
    let mut put = connection.prepare_cached(
        "INSERT INTO delivery
             (seq, destination, state, step, attempt_count, outcome, due_at, changed_at, replay_count,
              first_started_at, first_duration_us, first_outcome, first_status, first_detail, first_answer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (seq, destination) DO UPDATE SET
             state = excluded.state, step = excluded.step, attempt_count = excluded.attempt_count,
             outcome = excluded.outcome, due_at = excluded.due_at, changed_at = excluded.changed_at,
             replay_count = excluded.replay_count,
             first_started_at = coalesce(excluded.first_started_at, first_started_at),
             first_duration_us = coalesce(excluded.first_duration_us, first_duration_us),
             first_outcome = coalesce(excluded.first_outcome, first_outcome),
             first_status = coalesce(excluded.first_status, first_status),
             first_detail = coalesce(excluded.first_detail, first_detail),
             first_answer = coalesce(excluded.first_answer, first_answer)",
    )?;
    for delivery in progress
        .deliveries
        .iter()
        .filter(|delivery| delivery.sequence >= first)
    {
        let first_attempt = first_attempts.get(&delivery.sequence);
        put.execute(params![
            delivery.sequence,
            progress.destination.0,
            delivery.state,
            delivery.step,
            delivery.attempt_count,
            delivery.outcome,
            delivery.due_at,
            delivery.changed_at,
            delivery.replay_count,
            first_attempt.map(|attempt| attempt.started_at),
            first_attempt.map(|attempt| attempt.duration_us()),
            first_attempt.map(|attempt| attempt.outcome),
            first_attempt.and_then(|attempt| attempt.status),
            first_attempt.map(|attempt| &attempt.detail),
            first_attempt.map(|attempt| &attempt.answer[..]),
        ])?;
    }
    Ok(())
}

/// Puts in the attempts after the first whose receipts are held, and takes out those that are too many.
fn put_attempts(connection: &Connection, progress: &Progress, first: u64) -> rusqlite::Result<()> {
    let destination = progress.destination.0;
    let mut put = connection.prepare_cached(
        "INSERT OR REPLACE INTO attempt
             (seq, destination, number, started_at, duration_us, outcome, status, detail, answer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let held = progress.attempts.iter().filter(|(seq, _)| *seq >= first);
    for (seq, attempt) in held.filter(|(_, attempt)| attempt.number > 1) {
        put.execute(params![
            seq,
            destination,
            attempt.number,
            attempt.started_at,
            attempt.duration_us(),
            attempt.outcome,
            attempt.status,
            attempt.detail,
            &attempt.answer[..],
        ])?;
        if attempt.number > MAX_ATTEMPTS {
            connection
                .prepare_cached("DELETE FROM attempt WHERE seq = ?1 AND destination = ?2 AND number <= ?3")?
                .execute(params![seq, destination, attempt.number - MAX_ATTEMPTS])?;
        }
    }
    Ok(())
}

/// See [`super::Outbox::instruct`].
pub fn instruct(connection: &Connection, instruction: &Instruction) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO instruction (id, created_at, body, progress, done_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO NOTHING",
        params![
            instruction.id.uuid().as_bytes(),
            instruction.created_at,
            instruction.body,
            instruction.progress,
            instruction.done_at,
        ],
    )?;
    Ok(())
}

/// See [`super::Outbox::follow_up`].
pub fn follow_up(connection: &Connection, instruction: &Instruction) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE instruction SET progress = ?2, done_at = ?3 WHERE id = ?1 AND (done_at IS NULL OR done_at = ?3)",
        params![
            instruction.id.uuid().as_bytes(),
            instruction.progress,
            instruction.done_at,
        ],
    )?;
    if instruction.done_at.is_some() {
        connection.execute(
            "DELETE FROM instruction
             WHERE done_at IS NOT NULL AND id <> ?1
               AND (progress = ?2 OR (done_at, id) <= (
                   SELECT done_at, id FROM instruction WHERE done_at IS NOT NULL AND progress <> ?2
                   ORDER BY done_at DESC, id DESC LIMIT 1 OFFSET ?3))",
            params![
                instruction.id.uuid().as_bytes(),
                NOTHING_LEFT,
                MAX_DONE_INSTRUCTIONS
            ],
        )?;
    }
    Ok(())
}

/// See [`super::Outbox::keep_notices`].
pub fn keep_notices(connection: &Connection, book: &str) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO notices (id, book) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET book = excluded.book",
        [book],
    )?;
    Ok(())
}
