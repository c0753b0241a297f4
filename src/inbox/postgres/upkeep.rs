//! Retention. A receipt expires by a number: all below `state.first_seq` have. Their rows go later, some at a time.

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::Client;
use super::clock::Ahead;
use super::read::execute;
use super::schema::begin_append;
use super::values::bigint;
use crate::clock::Timestamp;

/// The most receipts that one step looks at: a few milliseconds, for which no batch is stored.
const EXPIRE_COUNT: i64 = 500;

/// The most rows that go at once: some 0.1 s, for which nobody waits.
const LOT: i64 = 5_000;

/// How many lots of deliveries, and of attempts, go in one step: enough for the deliveries of all receipts of the step, with
/// every destination there may be. Where these took many attempts, some are left to the next; of what there is once for a
/// receipt a single lot is enough.
const DELIVERY_LOTS: usize = 10;

/// The newest receipt stays, expired or not: the next number is reckoned from it.
const REMOVE_RECEIPTS: &str = "
    DELETE FROM receipt
    WHERE seq >= $1 AND seq < least((SELECT first_seq FROM state WHERE one), (SELECT max(seq) FROM receipt),
                                    (SELECT min(seq) FROM receipt WHERE seq >= $1) + $2)";

/// What has a time that is still to come, since the server's clock was ahead then, says nothing of its age: it goes with what
/// came after it. There may be any number of these, and they are few.
const EXPIRE: &str = "
    WITH oldest AS (
        SELECT seq, received_at FROM receipt
        WHERE seq >= (SELECT first_seq FROM state WHERE one) AND received_at <= clock_timestamp() ORDER BY seq LIMIT $2
    ),
    last AS (
        SELECT max(seq) AS seq FROM oldest
        WHERE seq < (SELECT coalesce(min(seq), 9223372036854775807) FROM oldest WHERE received_at >= $1)
    ),
    expired AS (
        SELECT count(*) AS count, min(receipt.seq) AS seq FROM receipt
        WHERE receipt.seq >= (SELECT first_seq FROM state WHERE one) AND receipt.seq <= (SELECT seq FROM last)
    )
    UPDATE state SET first_seq = last.seq + 1 FROM last CROSS JOIN expired WHERE one AND expired.count > 0
    RETURNING expired.count, expired.seq";

/// See [`super::Inbox::expire`].
pub async fn expire(client: &Client, before: Timestamp) -> Result<usize, Error> {
    // A leader whose clock is wrong removes nothing by it.
    let before = Ahead::read(client).await?.to_servers(before);
    let step = client.prepare_cached(EXPIRE).await?;
    let parameters: [&(dyn ToSql + Sync); 2] = [&before, &EXPIRE_COUNT];
    let begin = begin_append();
    let (begun, stepped, committed) = tokio::join!(
        biased;
        client.batch_execute(&begin),
        client.query_opt(&step, &parameters),
        client.batch_execute("COMMIT"),
    );
    begun?;
    let stepped = stepped?;
    committed?;
    let (count, from) = match stepped {
        Some(row) => (row.try_get::<_, i64>(0)? as usize, row.try_get(1)?),
        // What a step before has left, which is looked for from the beginning: until the server has vacuumed, that is a way
        // past all that was removed.
        None => (0, i64::MIN),
    };
    remove(client, from).await?;
    Ok(count)
}

/// Removes what belongs to expired receipts from that number on, and these themselves.
async fn remove(client: &Client, from: i64) -> Result<(), Error> {
    let hanging = [
        ("delivery", DELIVERY_LOTS),
        ("attempt", DELIVERY_LOTS),
        ("latest", 1),
        ("open_job", 1),
    ];
    for (table, lots) in hanging {
        // What somebody is writing is passed over, so that neither waits for the other.
        let remove = format!(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
                 SELECT ctid FROM {table} WHERE seq >= $1 AND seq < (SELECT first_seq FROM state WHERE one) ORDER BY seq
                 LIMIT $2 FOR UPDATE SKIP LOCKED))"
        );
        remove_lots(client, &remove, from, lots).await?;
    }
    remove_lots(client, REMOVE_RECEIPTS, from, 1).await
}

/// See [`super::PostgresInbox::expire_below`].
pub async fn expire_below(client: &Client, seq: u64) -> Result<(), Error> {
    let (begin, seq) = (begin_append(), bigint(seq));
    client
        .batch_execute(&format!(
            "{begin}; UPDATE state SET first_seq = {seq} WHERE one AND first_seq < {seq}; COMMIT"
        ))
        .await
}

/// Removes so many lots of what nobody reads any more. What is left is another time's turn.
async fn remove_lots(client: &Client, remove: &str, from: i64, lots: usize) -> Result<(), Error> {
    for _ in 0..lots {
        if execute(client, remove, &[&from, &LOT]).await? < LOT as u64 {
            break;
        }
    }
    Ok(())
}
