//! Whether the tables are a sound inbox, found out without changing them: for an operator, not for the receiver.

use std::time::Duration;

use tokio_postgres::Error as PostgresError;

use super::super::{Error, Settings};
use super::connections::Connections;
use super::look::refuse_pooler;
use super::schema::Behind;
use super::{Client, Location, schema};

/// What [`check`] found where nothing is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// There are no tables yet: the next start makes them.
    Missing,
    /// No inbox can be in this database.
    Unfit {
        /// Why.
        reason: String,
    },
    /// An inbox without damage.
    Sound {
        /// Of its tables; a start brings them up to date.
        version: i32,
        /// How many receipts it holds.
        receipt_count: u64,
    },
    /// An inbox without damage in which something does not fit together yet, as in a copy by logical replication.
    Uneven {
        /// What, and where.
        reason: String,
        /// What to do about it.
        advice: String,
    },
    /// An inbox of a newer program, with whose tables this one cannot run.
    Newer {
        /// Of its tables.
        version: i32,
    },
}

/// How long the whole check may take.
const TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// What must not be, and what finds it: each gives one text about the first that is so, or no row. Before them the version of
/// the tables from which on they are there.
const FINDINGS: [(i32, &str, &str); 11] = [
    // Before the others, which go by what is in them.
    (
        1,
        "a table does not have its one row",
        "SELECT name || ' has ' || count
         FROM (SELECT 'state' AS name, count(*) FROM state
               UNION ALL SELECT 'quarantine_totals', count(*) FROM quarantine_totals) AS held
         WHERE count <> 1 LIMIT 1",
    ),
    (
        1,
        "two receipts have one identity",
        "SELECT min(id::text) || ' and ' || max(id::text) FROM receipt
         WHERE identity IS NOT NULL AND seq >= (SELECT first_seq FROM state WHERE one)
         GROUP BY identity HAVING count(*) > 1 LIMIT 1",
    ),
    (
        1,
        "a receipt's id is not greater than the one before it",
        "SELECT id::text FROM (SELECT id, lag(id) OVER (ORDER BY seq) AS before FROM receipt) AS receipt
         WHERE id <= before LIMIT 1",
    ),
    (
        1,
        "a job counts as open whose beginning is not held, or whose end is",
        "SELECT open_job.seq::text FROM open_job
         LEFT JOIN receipt ON receipt.seq = open_job.seq AND receipt.identity = open_job.identity
         WHERE open_job.seq >= (SELECT first_seq FROM state WHERE one)
           AND (receipt.seq IS NULL OR EXISTS (
                   SELECT FROM receipt AS ended
                   WHERE ended.event_id = receipt.event_id AND ended.event = receipt.event
                     AND ended.status IN ('completed', 'failed') AND ended.seq >= (SELECT first_seq FROM state WHERE one)))
         LIMIT 1",
    ),
    (
        1,
        "a job does not count as open whose beginning is held, and no end of it",
        "SELECT min(receipt.id::text) FROM receipt
         WHERE receipt.event_id IS NOT NULL AND receipt.status IN ('initial', 'completed', 'failed')
           AND receipt.seq >= (SELECT first_seq FROM state WHERE one)
         GROUP BY receipt.event_id, receipt.event
         HAVING count(*) FILTER (WHERE receipt.status <> 'initial') = 0
            AND NOT EXISTS (SELECT FROM open_job WHERE open_job.seq = min(receipt.seq))
         LIMIT 1",
    ),
    (
        1,
        "the last receipt of a chatbot and event is not held",
        "SELECT latest.seq::text FROM latest LEFT JOIN receipt ON receipt.seq = latest.seq
         WHERE latest.seq >= (SELECT first_seq FROM state WHERE one) AND receipt.seq IS NULL LIMIT 1",
    ),
    (
        1,
        "the quarantine does not hold what it is said to",
        "SELECT count || ' requests with ' || bytes || ' bytes' FROM quarantine_totals,
                (SELECT count(*) AS count, coalesce(sum(length(body)), 0) AS bytes FROM quarantine) AS held
         WHERE held.count <> held_count OR held.bytes <> held_bytes",
    ),
    (
        2,
        "a delivery goes to no destination",
        "SELECT delivery.seq || ' to ' || delivery.destination FROM delivery
         LEFT JOIN destination ON destination.id = delivery.destination
         WHERE destination.id IS NULL LIMIT 1",
    ),
    (
        2,
        "a delivery is of no receipt",
        "SELECT delivery.seq || ' to ' || delivery.destination FROM delivery
         LEFT JOIN receipt ON receipt.seq = delivery.seq
         WHERE delivery.seq >= (SELECT first_seq FROM state WHERE one) AND receipt.seq IS NULL LIMIT 1",
    ),
    (
        2,
        "an attempt is not among those of its delivery",
        "SELECT attempt.seq || ' to ' || attempt.destination FROM attempt
         LEFT JOIN delivery ON delivery.seq = attempt.seq AND delivery.destination = attempt.destination
                           AND attempt.number BETWEEN 1 AND delivery.attempt_count
         WHERE attempt.seq >= (SELECT first_seq FROM state WHERE one) AND delivery.seq IS NULL LIMIT 1",
    ),
    (
        3,
        "dead letters are miscounted",
        "SELECT 'of destination ' || destination || ' there are ' || coalesce(held.count, 0) || ' and not '
                || coalesce(dead_letters.count, 0)
         FROM (SELECT destination, count(*) AS count FROM delivery WHERE state = 'dead' GROUP BY destination) AS held
         FULL JOIN dead_letters USING (destination)
         WHERE coalesce(held.count, 0) <> coalesce(dead_letters.count, 0) LIMIT 1",
    ),
];

/// A cursor says of receipts up to its number that they are finished with, so of new ones too, until there are more.
const CURSOR_AHEAD: (i32, &str) = (
    2,
    "SELECT name || ' is at ' || cursor || ', and the newest receipt is ' || newest
     FROM destination, (SELECT coalesce(max(seq), 0) AS newest FROM receipt) AS receipts
     WHERE removed_at IS NULL AND cursor > newest LIMIT 1",
);

const CURSOR_ADVICE: &str = "if this is a copy, let it have all before a receiver starts with it; if the receipts are lost, stop the receivers \
                             and set the cursor back: UPDATE caigunn_webhook.destination SET cursor = least(cursor, (SELECT \
                             coalesce(max(seq), 0) FROM caigunn_webhook.receipt))";

const SEQUENCE_ADVICE: &str = "if this is a copy by logical replication, let it have all first. Then start a receiver, or start it again: a start sets \
                               each sequence to its table, where its user may; where it may not, have their owner run";

/// Reads all tables (minutes, where there are millions of receipts) and says whether they are a sound inbox. Receivers
/// may run meanwhile.
///
/// # Errors
/// [`Error::Corrupt`] with the first finding; [`Error::Unavailable`] if they cannot be read, [`Error::Refused`] by a pooler
/// that mixes up sessions.
pub async fn check(location: &Location, settings: &Settings) -> Result<Check, Error> {
    refuse_pooler(location, settings).await?;
    let settings = Settings {
        timeout: TIMEOUT,
        max_connections: 1,
        ..settings.clone()
    };
    let connections = Connections::new(location, &settings);
    let checked = connections.run("read", inspect).await?;
    checked.map_err(|finding| Error::corrupt(format!("{} is damaged: {finding}", location.shown())))
}

/// The outer error: it cannot be read. The inner one: a finding.
async fn inspect(client: &Client) -> Result<Result<Check, String>, PostgresError> {
    // All of it as it was at one moment. Here the tables are gone through, which the receiver never does.
    client
        .batch_execute(
            "RESET enable_seqscan; RESET enable_mergejoin; RESET enable_bitmapscan;
             BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        )
        .await?;
    if let Some(reason) = schema::server(client).await?.unfit {
        return Ok(Ok(Check::Unfit { reason }));
    }
    let Some((version, runs_from)) = schema::version(client).await? else {
        return Ok(Ok(Check::Missing));
    };
    if runs_from > schema::newest() {
        return Ok(Ok(Check::Newer { version }));
    }
    if let Some(missing) = schema::missing_table(client, version).await? {
        return Ok(Err(format!("there is no table {missing}")));
    }
    let findings = FINDINGS.into_iter().filter(|(since, ..)| *since <= version);
    for (_, what, query) in findings {
        if let Some(row) = client.query_opt(query, &[]).await? {
            let which: String = row.try_get(0)?;
            return Ok(Err(format!("{what}: {which}")));
        }
    }
    if let Some(uneven) = uneven(client, version).await? {
        return Ok(Ok(uneven));
    }
    let count = "SELECT count(*) FROM receipt WHERE seq >= (SELECT first_seq FROM state WHERE one)";
    let count = client.query_one(count, &[]).await?;
    client.batch_execute("COMMIT").await?;
    Ok(Ok(Check::Sound {
        version,
        receipt_count: count.try_get::<_, i64>(0)? as u64,
    }))
}

/// What does not fit together, though each part of it is as it was written.
async fn uneven(client: &Client, version: i32) -> Result<Option<Check>, PostgresError> {
    let all = schema::sequences_behind(client, version).await?;
    if let Some(behind) = all.last() {
        let statements: Vec<_> = all.iter().map(Behind::setting).collect();
        return Ok(Some(Check::Uneven {
            reason: format!(
                "the sequence {} is behind its table, which has {}",
                behind.sequence, behind.greatest
            ),
            advice: format!("{SEQUENCE_ADVICE} {}", statements.join("; ")),
        }));
    }
    let (since, query) = CURSOR_AHEAD;
    if version < since {
        return Ok(None);
    }
    let ahead = client.query_opt(query, &[]).await?;
    let uneven = ahead.map(|row| {
        let which: String = row.try_get(0)?;
        Ok(Check::Uneven {
            reason: format!("the cursor of destination {which}"),
            advice: CURSOR_ADVICE.to_owned(),
        })
    });
    uneven.transpose()
}
