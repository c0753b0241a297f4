//! Which receipts are too old, and removing them.
//!
//! Receipts go from the front of the log. How old one is, its `received_at` says, but never against the marks around it
//! (`marks`): a receipt came after the mark before it and before the mark after it, whatever the clock said. Where there are
//! no marks, as in what an older program took, a single stamp is still not believed against those behind it.

use rusqlite::Connection;

use super::index::{Key, Seq};
use super::marks;
use super::opened::keys_of_row;
use crate::clock::Timestamp;

/// The most receipts that one step removes, and the most bytes of bodies before it stops: a few milliseconds of work, so
/// that requests hardly notice.
const EXPIRE_COUNT: usize = 256;
const EXPIRE_BYTES: i64 = 4 << 20;

/// A receipt that seems young is old all the same if of so many behind it all but one are.
const NEIGHBOURS: usize = 4;

/// Removes the oldest receipts; returns their keys and how many they were.
pub fn expire(connection: &Connection, before: Timestamp) -> rusqlite::Result<(Vec<(Key, Seq)>, usize)> {
    let Some(last_seq) = last_old(connection, before)? else {
        return Ok((Vec::new(), 0));
    };
    let mut keys = Vec::new();
    let mut statement = connection
        .prepare_cached("SELECT first_seq, keys FROM receipt_key WHERE first_seq <= ?1 ORDER BY first_seq")?;
    let mut rows = statement.query([last_seq])?;
    let mut whole_rows_before = None;
    while let Some(row) = rows.next()? {
        whole_rows_before = Some(row.get::<_, Seq>(0)?);
        let of_row = keys_of_row(row)?.into_iter().filter(|(_, seq)| *seq <= last_seq);
        keys.extend(of_row.filter_map(|(key, seq)| Some((key?, seq))));
    }
    drop(rows);
    // The last of these rows stays: it may hold keys of later receipts, and it keeps its numbers from being used
    // again should every receipt go.
    connection.execute(
        "DELETE FROM receipt_key WHERE first_seq < ?1",
        [whole_rows_before],
    )?;
    connection.execute("DELETE FROM unrecognized WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM backfilled WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM trace WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM open_job WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM latest WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM delivery WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM attempt WHERE seq <= ?1", [last_seq])?;
    let count = connection.execute("DELETE FROM receipt WHERE seq <= ?1", [last_seq])?;
    Ok((keys, count))
}

/// The number of the last receipt that one step removes, if any is old.
fn last_old(connection: &Connection, before: Timestamp) -> rusqlite::Result<Option<Seq>> {
    let mut oldest = connection
        .prepare_cached("SELECT seq, received_at, length(body) FROM receipt ORDER BY seq LIMIT ?1")?;
    let oldest = oldest.query_map([EXPIRE_COUNT + NEIGHBOURS], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let oldest: Vec<(Seq, Timestamp, i64)> = oldest.collect::<rusqlite::Result<_>>()?;
    let (Some((first, ..)), Some((last, ..))) = (oldest.first(), oldest.last()) else {
        return Ok(None);
    };
    let bounds = marks::between(connection, *first, *last)?;
    let is_old = |(seq, received_at, _): &(Seq, Timestamp, i64)| bounds.bound(*seq, *received_at) < before;
    let is_old: Vec<bool> = oldest.iter().map(is_old).collect();
    let (mut last_seq, mut bytes) = (None, 0);
    for (place, (seq, _, body_bytes)) in oldest.iter().enumerate().take(EXPIRE_COUNT) {
        let behind = is_old.iter().skip(place + 1).take(NEIGHBOURS);
        let goes = is_old[place] || behind.filter(|is_old| **is_old).count() >= NEIGHBOURS - 1;
        if !goes || bytes > EXPIRE_BYTES {
            break;
        }
        last_seq = Some(*seq);
        bytes += body_bytes;
    }
    Ok(last_seq)
}
