//! Retention. A receipt expires by a number: all below `state.first_seq` have. Their rows go later, a slot at a time.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use super::Client;
use super::clock::Ahead;
use super::system_time;
use crate::clock::Timestamp;

/// The most receipts that one step looks at: a few milliseconds, for which no batch is stored.
const EXPIRE_COUNT: i64 = 500;

/// The most rows that hang on expired receipts and go at once: some 0.1 s, for which nobody waits.
const LOT: i64 = 5_000;

/// How often in a row they may. That is enough for all receipts of a step, with every destination there may be.
const MAX_LOTS: usize = 10;

/// The slots of `receipt`.
pub const SLOTS: i16 = 6;

/// A slot takes new receipts for this part of the retention time. So four hold what is kept, one is being filled, and
/// the sixth is empty, or about to be; and an expired receipt takes up space for a quarter of that time at most.
const SHARES: u32 = 4;

/// See [`super::Inbox::expire`]. `now` is the time by which `before` was reckoned; both are of our clock.
pub async fn expire(client: &Client, begin: &str, before: Timestamp, now: Timestamp) -> Result<usize, Error> {
    // A leader whose clock is wrong removes nothing by it.
    let ahead = Ahead::read(client).await?;
    let (before, now) = (ahead.to_servers(before), ahead.to_servers(now));
    let step = client
        .prepare_cached(
            "WITH oldest AS (
                 SELECT seq, received_at FROM receipt
                 WHERE seq >= (SELECT first_seq FROM state WHERE one) ORDER BY seq LIMIT $2
             ),
             expired AS (
                 SELECT count(*) AS count, max(seq) AS last_seq FROM oldest
                 WHERE seq < (SELECT coalesce(min(seq), 9223372036854775807) FROM oldest WHERE received_at >= $1)
             )
             UPDATE state SET first_seq = expired.last_seq + 1 FROM expired WHERE one AND expired.count > 0
             RETURNING expired.count",
        )
        .await?;
    let before_time = system_time(before);
    let parameters: [&(dyn ToSql + Sync); 2] = [&before_time, &EXPIRE_COUNT];
    let (begun, stepped, committed) = tokio::join!(
        biased;
        client.batch_execute(begin),
        client.query_opt(&step, &parameters),
        client.batch_execute("COMMIT"),
    );
    begun?;
    let stepped = stepped?;
    committed?;
    let expired_count = match stepped {
        Some(row) => row.try_get::<_, i64>(0)? as usize,
        None => {
            let share = now.distance(before) / SHARES;
            turn_ring(client, begin, now.minus(share)).await?;
            0
        }
    };
    for table in ["delivery", "attempt"] {
        remove_expired(client, table).await?;
    }
    Ok(expired_count)
}

/// See [`super::PostgresInbox::expire_below`].
pub async fn expire_below(client: &Client, begin: &str, seq: u64) -> Result<(), Error> {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    client
        .batch_execute(&format!(
            "{begin}; UPDATE state SET first_seq = {seq} WHERE one AND first_seq < {seq}; COMMIT"
        ))
        .await
}

/// Removes rows of expired receipts, which nobody reads any more. What is left is another time's turn.
async fn remove_expired(client: &Client, table: &str) -> Result<(), Error> {
    // What somebody is writing is passed over, so that neither waits for the other.
    let remove = client
        .prepare_cached(&format!(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM {table} WHERE seq < (SELECT first_seq FROM state WHERE one) ORDER BY seq LIMIT $1
                 FOR UPDATE SKIP LOCKED))"
        ))
        .await?;
    for _ in 0..MAX_LOTS {
        if client.execute(&remove, &[&LOT]).await? < LOT as u64 {
            break;
        }
    }
    Ok(())
}

/// Empties the slots of which every receipt has expired, and goes on to the next slot if the current one has taken
/// receipts since before `full_since` and the next is empty.
async fn turn_ring(client: &Client, begin: &str, full_since: Timestamp) -> Result<(), Error> {
    // The newest receipt stays, expired or not: the next number is reckoned from it.
    let spent = client
        .prepare_cached(
            "SELECT slot FROM generate_series(0, $1::int - 1) AS slot
             WHERE (SELECT max(seq) FROM receipt WHERE receipt.slot = slot.slot)
                   < least((SELECT first_seq FROM state WHERE one), (SELECT max(seq) FROM receipt))",
        )
        .await?;
    for row in client.query(&spent, &[&i32::from(SLOTS)]).await? {
        empty(client, begin, row.try_get(0)?).await?;
    }
    let rotate = "
        UPDATE state SET slot = (slot + 1) % $2::smallint
        WHERE one AND (SELECT received_at FROM receipt WHERE receipt.slot = state.slot ORDER BY seq LIMIT 1) < $1
          AND NOT EXISTS (SELECT FROM receipt WHERE receipt.slot = (state.slot + 1) % $2::smallint)";
    let rotate = client.prepare_cached(rotate).await?;
    let full_since = system_time(full_since);
    let parameters: [&(dyn ToSql + Sync); 2] = [&full_since, &SLOTS];
    let (begun, rotated, committed) = tokio::join!(
        biased;
        client.batch_execute(begin),
        client.execute(&rotate, &parameters),
        client.batch_execute("COMMIT"),
    );
    begun?;
    rotated?;
    committed
}

/// Empties a slot, unless somebody is reading it: then it is the next time's turn.
async fn empty(client: &Client, begin: &str, slot: i32) -> Result<(), Error> {
    // Nothing makes a spent slot anything else, but for another receiver that has emptied it already.
    let emptied = client
        .batch_execute(&format!(
            "{begin};
             LOCK TABLE receipt_{slot} IN ACCESS EXCLUSIVE MODE NOWAIT;
             TRUNCATE receipt_{slot};
             DELETE FROM latest WHERE seq < (SELECT first_seq FROM state WHERE one);
             DELETE FROM open_job WHERE seq < (SELECT first_seq FROM state WHERE one);
             COMMIT"
        ))
        .await;
    match emptied {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            client.batch_execute("ROLLBACK").await
        }
        emptied => emptied,
    }
}
