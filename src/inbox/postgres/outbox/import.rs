//! What another inbox knows of the way out, put in by `inbox copy`. Whatever is newer here stays as it is, for receivers
//! may have gone on from here; so all of this may be done again. But a pause does not say whether it came with a copy or was
//! made here: of a destination that is no farther here, that of the other inbox counts, or that it has none.

use super::super::super::Error;
use super::super::super::outbox::{Attempt, Delivery, Destination, DestinationId, Instruction};
use super::super::PostgresInbox;
use super::super::quarantine::without_nul;
use super::super::read::{Parameters, execute, rows};
use super::super::values::{Column, bigint, parameters};
use super::destinations::forget_removed;
use super::record::pause_columns;
use super::rows::{attempt_columns, delivery_columns};

/// Why a destination is paused here of which not all is here yet.
const HALF_A_COPY: &str = "inbox copy has not ended; run it again";

/// Whether a destination becomes what the other inbox knows of it: begun there at $2, with $3 as its cursor, and paused here
/// with $4 as the reason until then.
///
/// - One that began earlier here began anew in the other inbox since. To go back is safe: what was delivered has a row.
/// - One that began later here was put in by a receiver. Where this copy brings receipts ($5), that was on a part of them,
///   and none is there that is not of the other inbox. Otherwise it was put in again after all were there: it stays, for
///   before its cursor lies what came while it was removed, and behind it what is pending here alone.
const IS_TAKEN_OVER: &str = "destination.pause_reason = $4 OR destination.added_at < $2
    OR (destination.added_at = $2 AND destination.cursor <= $3) OR (destination.added_at > $2 AND $5)";

/// The given deliveries whose receipt is held here.
const ENTRY: &str = "
    entry AS MATERIALIZED (
        SELECT entry.*
        FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::integer[], $5::integer[], $6::text[],
                    $7::timestamptz[], $8::timestamptz[], $9::integer[])
             AS entry (destination, seq, state, step, attempt_count, outcome, due_at, changed_at, replay_count)
        WHERE entry.seq >= (SELECT first_seq FROM state WHERE one)
          AND (SELECT receipt.seq FROM receipt WHERE receipt.seq = entry.seq LIMIT 1) IS NOT NULL
        ORDER BY entry.seq, entry.destination
    )";

impl PostgresInbox {
    /// The id here of a destination of that name. One that is not there is put in, with everything before it. Unless it is
    /// farther here than `cursor`, it is paused until [`Self::import_cursor`], so that nobody delivers from half a copy,
    /// also where that is never reached. What a removal closed here is forgotten where the destination began anew since.
    /// `brings` says whether receipts come with it, before which receivers have stored none of their own here. `None` of one that
    /// stays as it is here, since receivers have put it in again: what it did in the other inbox is not of it.
    ///
    /// # Errors
    /// It may have been put in and paused.
    pub async fn import_destination(
        &self,
        destination: &Destination,
        cursor: u64,
        brings: bool,
    ) -> Result<Option<DestinationId>, Error> {
        let name = without_nul(&destination.name);
        let put_in = async |client: &super::Client| {
            let statement = format!(
                "INSERT INTO destination (name, cursor, added_at, paused_at, pause_reason)
                 VALUES ($1, 0, $2, clock_timestamp(), $4)
                 ON CONFLICT (name) DO UPDATE SET
                     paused_at = excluded.paused_at, pause_reason = excluded.pause_reason
                 WHERE {IS_TAKEN_OVER}"
            );
            let added_at = &destination.added_at;
            let parameters: Parameters<'_> = &[&name, added_at, &bigint(cursor), &HALF_A_COPY, &brings];
            execute(client, &statement, parameters).await?;
            let known = "SELECT id, added_at <> $2, added_at > $2 AND pause_reason IS DISTINCT FROM $3
                         FROM destination WHERE name = $1 COLLATE \"C\"";
            let known = rows(client, known, &[&name, added_at, &HALF_A_COPY]).await?;
            let id = DestinationId(known[0].try_get(0)?);
            Ok((id, known[0].try_get(1)?, known[0].try_get(2)?))
        };
        let (id, began_otherwise, stays): (_, bool, bool) = self.connections.run("write to", put_in).await?;
        if stays {
            return Ok(None);
        }
        if began_otherwise {
            forget_removed(self, id, cursor).await?;
        }
        Ok(Some(id))
    }

    /// The names and cursors of destinations that are paused since a copy that did not end.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn half_copied(&self) -> Result<Vec<(String, u64)>, Error> {
        let half_copied = async |client: &super::Client| {
            let sql = "SELECT name, cursor FROM destination WHERE pause_reason = $1 AND removed_at IS NULL ORDER BY id";
            let rows = rows(client, sql, &[&HALF_A_COPY]).await?;
            rows.iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)? as u64)))
                .collect()
        };
        self.read(half_copied).await
    }

    /// Takes over how far a destination is, and all else of it, unless it is farther here: with `cursor` in place of
    /// its own. Its deliveries must be here before, since none of what lies before the cursor is looked at again. `brings`
    /// as in [`Self::import_destination`].
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn import_cursor(
        &self,
        id: DestinationId,
        destination: &Destination,
        cursor: u64,
        brings: bool,
    ) -> Result<(), Error> {
        let (paused_at, pause_reason) = pause_columns(destination.pause.as_ref());
        let Destination {
            added_at, removed_at, ..
        } = destination;
        let take_over = async |client: &super::Client| {
            let statement = format!(
                "UPDATE destination SET
                     cursor = $3, added_at = $2, removed_at = $6, paused_at = $7, pause_reason = $8
                 WHERE id = $1 AND ({IS_TAKEN_OVER})"
            );
            let parameters: Parameters<'_> = &[
                &id.0,
                added_at,
                &bigint(cursor),
                &HALF_A_COPY,
                &brings,
                removed_at,
                &paused_at,
                &pause_reason,
            ];
            execute(client, &statement, parameters).await.map(drop)
        };
        self.connections.run("write to", take_over).await
    }

    /// Puts deliveries in whose receipt is held, or in the place of older ones. Says how many receipts of these are
    /// held, and how many of them have their delivery then, or a newer one.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn import_deliveries(&self, deliveries: &[Delivery]) -> Result<(u64, u64), Error> {
        let destinations: Vec<i32> = deliveries.iter().map(|one| one.destination.0).collect();
        let mut columns: Vec<Column<'_>> = vec![Box::new(destinations)];
        columns.extend(delivery_columns(deliveries));
        let parameters = parameters(&columns);
        let put_in = async |client: &super::Client| {
            let import = format!(
                "WITH {ENTRY}
                 INSERT INTO delivery (seq, destination, state, step, attempt_count, outcome, due_at, changed_at,
                                       replay_count)
                 SELECT seq, destination, state, step, attempt_count, outcome, due_at, changed_at, replay_count
                 FROM entry
                 ON CONFLICT (seq, destination) DO UPDATE SET
                     state = excluded.state, step = excluded.step, attempt_count = excluded.attempt_count,
                     outcome = excluded.outcome, due_at = excluded.due_at, changed_at = excluded.changed_at,
                     replay_count = excluded.replay_count
                 WHERE delivery.changed_at < excluded.changed_at"
            );
            execute(client, &import, &parameters).await?;
            // Read back, since a copy is not believed to be one.
            let compare = format!(
                "WITH {ENTRY}
                 SELECT count(*), count(*) FILTER (WHERE (
                     SELECT delivery.changed_at > entry.changed_at
                         OR (delivery.state, delivery.step, delivery.attempt_count, delivery.outcome, delivery.due_at,
                             delivery.changed_at, delivery.replay_count)
                            IS NOT DISTINCT FROM
                            (entry.state, entry.step, entry.attempt_count, entry.outcome, entry.due_at,
                             entry.changed_at, entry.replay_count)
                     FROM delivery
                     WHERE delivery.seq = entry.seq AND delivery.destination = entry.destination LIMIT 1))
                 FROM entry"
            );
            let counts = rows(client, &compare, &parameters).await?;
            let count = |column| counts[0].try_get::<_, i64>(column).map(|count| count as u64);
            Ok((count(0)?, count(1)?))
        };
        self.connections.run("write to", put_in).await
    }

    /// Puts attempts in of deliveries that are there, or in the place of those that were begun before.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn import_attempts(&self, attempts: &[(u64, DestinationId, Attempt)]) -> Result<(), Error> {
        let destinations: Vec<i32> = attempts.iter().map(|(_, destination, _)| destination.0).collect();
        let attempts: Vec<_> = attempts
            .iter()
            .map(|(sequence, _, attempt)| (*sequence, attempt))
            .collect();
        let mut columns: Vec<Column<'_>> = vec![Box::new(destinations)];
        columns.extend(attempt_columns(&attempts));
        let parameters = parameters(&columns);
        let put_in = async |client: &super::Client| {
            let import = "
                INSERT INTO attempt (seq, destination, number, started_at, duration_us, outcome, status, detail, answer)
                SELECT seq, destination, number, started_at, duration_us, outcome, status, detail, answer
                FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::timestamptz[], $5::bigint[], $6::text[],
                            $7::integer[], $8::text[], $9::bytea[])
                     AS entry (destination, seq, number, started_at, duration_us, outcome, status, detail, answer)
                WHERE entry.seq >= (SELECT first_seq FROM state WHERE one)
                  AND (SELECT delivery.seq FROM delivery
                       WHERE delivery.seq = entry.seq AND delivery.destination = entry.destination LIMIT 1) IS NOT NULL
                ORDER BY seq, destination, number
                ON CONFLICT (seq, destination, number) DO UPDATE SET
                    started_at = excluded.started_at, duration_us = excluded.duration_us, outcome = excluded.outcome,
                    status = excluded.status, detail = excluded.detail, answer = excluded.answer
                WHERE attempt.started_at < excluded.started_at";
            execute(client, import, &parameters).await.map(drop)
        };
        self.connections.run("write to", put_in).await
    }

    /// Puts an instruction in, or says how far it is, unless it is done with here, or as far: a replay may have gone on.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn import_instruction(&self, instruction: &Instruction) -> Result<(), Error> {
        let put_in = async |client: &super::Client| {
            // Of a replay that only rises; of what else waits here, nothing can be said that matters.
            let examined = |of| {
                format!(
                    r#"coalesce(substring({of}.progress FROM '"examined_count":([0-9]{{1,18}})')::bigint, -1)"#
                )
            };
            let import = format!(
                "INSERT INTO instruction (id, created_at, body, progress, done_at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (id) DO UPDATE SET progress = excluded.progress, done_at = excluded.done_at
                 WHERE instruction.done_at IS NULL AND (excluded.done_at IS NOT NULL OR {} > {})",
                examined("excluded"),
                examined("instruction")
            );
            let (body, progress) = (without_nul(&instruction.body), without_nul(&instruction.progress));
            let parameters: Parameters<'_> = &[
                &instruction.id.uuid(),
                &instruction.created_at,
                &body,
                &progress,
                &instruction.done_at,
            ];
            execute(client, &import, parameters).await.map(drop)
        };
        self.connections.run("write to", put_in).await
    }
}
