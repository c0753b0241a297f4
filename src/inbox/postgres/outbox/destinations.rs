//! Where receipts go.

use std::time::Duration;

use tokio_postgres::{Error as PostgresError, Row};

use super::super::super::outbox::{Destination, DestinationId, Pause, Start};
use super::super::super::{Candidate, Error};
use super::super::Client;
use super::super::PostgresInbox;
use super::super::quarantine::without_nul;
use super::super::read::{MAX_EXAMINED, execute, one, rows};
use super::super::values::bigint;
use super::leader;
use crate::clock::Timestamp;

/// The most deliveries that one statement marks as removed, or forgets: some 0.1 s.
const REMOVE_COUNT: i64 = 5_000;

const DESTINATION: &str = "id, name, cursor, added_at, removed_at, paused_at, pause_reason,
    (SELECT count(*) FROM delivery WHERE state = 'pending' AND delivery.destination = destination.id
        AND delivery.seq >= (SELECT first_seq FROM state WHERE one)) AS pending_count,
    coalesce((SELECT count FROM dead_letters WHERE dead_letters.destination = destination.id), 0) AS dead_count,
    unconfigured_at";

/// See [`super::Outbox::destinations`].
pub async fn all(client: &Client) -> Result<Vec<Destination>, PostgresError> {
    let sql = format!("SELECT {DESTINATION} FROM destination ORDER BY id");
    let rows = rows(client, &sql, &[]).await?;
    rows.iter().map(destination_of_row).collect()
}

/// See [`super::Outbox::add_destination`].
pub async fn add(inbox: &PostgresInbox, name: &str, start: Start) -> Result<Destination, Error> {
    let name = without_nul(name);
    let there = async |client: &Client| {
        let sql = format!("SELECT {DESTINATION} FROM destination WHERE name = $1 COLLATE \"C\"");
        one(client, &sql, &[&name], destination_of_row).await
    };
    let known = inbox.deliver("read", there).await?;
    if let Some(known) = known.clone().filter(|known| known.removed_at.is_none()) {
        let Some(since) = known.unconfigured_at else {
            return Ok(known);
        };
        configure(inbox, known.id, since).await?;
        return Ok(inbox.deliver("read", there).await?.unwrap_or(known));
    }
    let cursor = cursor_at(inbox, start).await?;
    if let Some(known) = known {
        forget_removed(inbox, known.id, cursor).await?;
    }
    let put_in = async |client: &Client| {
        // Of several that come here together one puts it in, and the others find it.
        let sql = "INSERT INTO destination (name, cursor, added_at) VALUES ($1, $2, $3)
                   ON CONFLICT (name) DO UPDATE SET
                       cursor = excluded.cursor, added_at = excluded.added_at, removed_at = NULL,
                       unconfigured_at = NULL, paused_at = NULL, pause_reason = NULL
                   WHERE destination.removed_at IS NOT NULL";
        execute(client, sql, &[&name, &bigint(cursor), &Timestamp::now()]).await?;
        there(client).await
    };
    let added = inbox.deliver("write to", put_in).await?;
    added.ok_or_else(|| Error::corrupt(format!("the destination {name} was put in and is not there")))
}

/// Forgets what was closed with the removal of a destination and lies behind that number, so that it is found in the log
/// again. One that is cut off goes on when it is called again: the destination is still removed then.
pub async fn forget_removed(
    inbox: &PostgresInbox,
    destination: DestinationId,
    after: u64,
) -> Result<(), Error> {
    let lot = async |client: &Client| {
        let sql = "WITH lot AS MATERIALIZED (
                       SELECT seq FROM delivery
                       WHERE destination = (SELECT id FROM destination WHERE id = $1 AND removed_at IS NOT NULL)
                         AND state = 'removed' AND seq > $2 ORDER BY seq LIMIT $3
                   ),
                   untried AS (
                       DELETE FROM attempt USING lot WHERE attempt.seq = lot.seq AND attempt.destination = $1
                   )
                   DELETE FROM delivery USING lot
                   WHERE delivery.seq = lot.seq AND delivery.destination = $1 AND delivery.state = 'removed'";
        execute(client, sql, &[&destination.0, &bigint(after), &REMOVE_COUNT]).await
    };
    // Each lot is out of the way of the next.
    while inbox.deliver("write to", lot).await? > 0 {}
    Ok(())
}

/// Takes down that a destination is configured that was not since then. What a removal that was cut off has closed meanwhile pends
/// again, and what an earlier one has closed stays as it is.
async fn configure(inbox: &PostgresInbox, destination: DestinationId, since: Timestamp) -> Result<(), Error> {
    let reopen_lot = async |client: &Client| {
        let sql = "WITH lot AS MATERIALIZED (
                       SELECT seq FROM delivery
                       WHERE destination = $1 AND state = 'removed' AND changed_at = $2
                         AND seq >= (SELECT first_seq FROM state WHERE one)
                       ORDER BY seq LIMIT $3
                   )
                   UPDATE delivery SET state = 'pending' FROM lot
                   WHERE delivery.seq = lot.seq AND delivery.destination = $1 AND delivery.state = 'removed'";
        execute(client, sql, &[&destination.0, &since, &REMOVE_COUNT]).await
    };
    let configured = async |client: &Client| {
        let sql = "UPDATE destination SET unconfigured_at = NULL WHERE id = $1";
        execute(client, sql, &[&destination.0]).await
    };
    // Where this is cut off, it still counts as configured no more, and the next call goes on.
    while inbox.deliver("write to", reopen_lot).await? > 0 {}
    inbox.deliver("write to", configured).await.map(drop)
}

/// See [`super::Outbox::miss_destination`].
pub async fn miss(
    inbox: &PostgresInbox,
    candidate: &Candidate,
    destination: DestinationId,
) -> Result<Duration, Error> {
    let missed = "missed AS (
                      UPDATE destination SET unconfigured_at = coalesce(unconfigured_at, clock_timestamp())
                      FROM leader WHERE id = $2 RETURNING unconfigured_at
                  )
                  SELECT greatest(extract(epoch FROM clock_timestamp() - unconfigured_at), 0)::float8 FROM missed";
    let row = leader::write(inbox, candidate, missed, &[&destination.0]).await?;
    Ok(Duration::try_from_secs_f64(row.get(0)).unwrap_or_default())
}

/// See [`super::Outbox::remove_destination`]. One that is cut off goes on when it is called again: the destination is
/// marked with the last of its deliveries. Since when it is on its way out is written to all that this closes, and tells that from
/// what an earlier one has closed.
pub async fn remove(
    inbox: &PostgresInbox,
    candidate: &Candidate,
    destination: DestinationId,
) -> Result<u64, Error> {
    let lot = "lot AS MATERIALIZED (
                   SELECT delivery.seq FROM leader CROSS JOIN delivery
                   WHERE delivery.state = 'pending' AND delivery.destination = $2
                     AND delivery.seq >= (SELECT first_seq FROM state WHERE one)
                   ORDER BY delivery.seq LIMIT $4
               ),
               called_off AS (
                   UPDATE delivery SET state = 'removed',
                       changed_at = coalesce((SELECT unconfigured_at FROM destination WHERE id = $2), $3) FROM lot
                   WHERE delivery.seq = lot.seq AND delivery.destination = $2
               ),
               marked AS (
                   UPDATE destination SET removed_at = coalesce(removed_at, $3) FROM leader
                   WHERE id = $2 AND (SELECT count(*) FROM lot) < $4
               ),
               begun AS (
                   UPDATE destination SET unconfigured_at = coalesce(unconfigured_at, $3) FROM leader
                   WHERE id = $2 AND (SELECT count(*) FROM lot) = $4
               )
               SELECT (SELECT count(*) FROM lot) FROM leader";
    let now = Timestamp::now();
    let mut removed_count = 0;
    loop {
        let row = leader::write(inbox, candidate, lot, &[&destination.0, &now, &REMOVE_COUNT]).await?;
        let count: i64 = row.get(0);
        removed_count += count as u64;
        if count < REMOVE_COUNT {
            return Ok(removed_count);
        }
    }
}

/// The number after which a destination gets receipts that starts there.
async fn cursor_at(inbox: &PostgresInbox, start: Start) -> Result<u64, Error> {
    let newest = inbox.newest(u64::MAX).await?;
    let newest = newest.map_or(0, |(seq, _)| seq);
    let Start::Since(since) = start else {
        return Ok(newest);
    };
    let last_before = async |client: &Client| super::read::last_before(client, since).await;
    let mut after = bigint(inbox.deliver("read", last_before).await?);
    loop {
        // From near there on, in parts that are short enough for whoever else reads.
        let part = inbox.read(async |client| {
            let sql = "SELECT min(seq) FILTER (WHERE received_at >= $2), max(seq)
                       FROM (SELECT seq, received_at FROM receipt
                             WHERE seq > $1 AND seq >= (SELECT first_seq FROM state WHERE one) ORDER BY seq LIMIT $3) AS part";
            let rows = rows(client, sql, &[&after, &since, &MAX_EXAMINED]).await?;
            Ok::<(Option<i64>, Option<i64>), _>((rows[0].try_get(0)?, rows[0].try_get(1)?))
        });
        match part.await? {
            (Some(first), _) => return Ok(first as u64 - 1),
            (None, Some(last)) => after = last,
            (None, None) => return Ok(newest.max(after as u64)),
        }
    }
}

/// Reads the columns of [`DESTINATION`].
fn destination_of_row(row: &Row) -> Result<Destination, PostgresError> {
    let (paused_at, reason): (Option<_>, Option<String>) = (row.try_get(5)?, row.try_get(6)?);
    Ok(Destination {
        id: DestinationId(row.try_get(0)?),
        name: row.try_get(1)?,
        cursor: row.try_get::<_, i64>(2)? as u64,
        added_at: row.try_get(3)?,
        removed_at: row.try_get(4)?,
        pause: paused_at.map(|at| Pause {
            at,
            reason: reason.unwrap_or_default(),
        }),
        pending_count: row.try_get::<_, i64>(7)? as u64,
        dead_count: row.try_get::<_, i64>(8)? as u64,
        unconfigured_at: row.try_get(9)?,
    })
}
