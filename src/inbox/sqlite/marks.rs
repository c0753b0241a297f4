//! How old receipts are, whatever the clock says: see `migrations/sqlite/0004_marks.sql`.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{Answer, Error, Mark, Marked, Marks};
use super::SqliteInbox;
use super::index::Seq;
use super::outbox::last_sequence;
use super::reader::glance;
use crate::clock::Timestamp;

/// How many of the newest receipts are asked when they came.
const NEWEST_COUNT: usize = 5;

impl Marks for SqliteInbox {
    fn marked(&self) -> Answer<'_, Option<Marked>> {
        Box::pin(self.read(|connection, _| read(connection)))
    }

    fn newest_received_at(&self) -> Answer<'_, Option<Timestamp>> {
        Box::pin(self.read(|connection, _| newest_received_at(connection)))
    }

    fn mark(&self, mark: Mark) -> Answer<'_, ()> {
        Box::pin(self.write(move |connection| put(connection, mark)))
    }
}

/// The marks of a file, read beside a running receiver or alone; `None` if there are none.
///
/// # Errors
/// It cannot be read.
pub fn marked(path: &Path) -> Result<Option<Marked>, Error> {
    glance(path, "mark", read)
}

fn read(connection: &Connection) -> rusqlite::Result<Option<Marked>> {
    let mark = |sql| {
        let mark = connection.query_row(sql, [], |row| {
            Ok(Mark {
                at: row.get(0)?,
                clock: row.get(1)?,
            })
        });
        mark.optional()
    };
    let first = mark("SELECT at, clock FROM mark ORDER BY number LIMIT 1")?;
    let last = mark("SELECT at, clock FROM mark ORDER BY number DESC LIMIT 1")?;
    Ok(first.zip(last).map(|(first, last)| Marked { first, last }))
}

fn newest_received_at(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let mut newest = connection.prepare("SELECT received_at FROM receipt ORDER BY seq DESC LIMIT ?1")?;
    let newest = newest.query_map([NEWEST_COUNT], |row| row.get(0))?;
    let mut newest: Vec<Timestamp> = newest.collect::<rusqlite::Result<_>>()?;
    newest.sort_unstable();
    // Of two in the middle the earlier: too old a time only keeps receipts for longer.
    let middle = newest.len().saturating_sub(1) / 2;
    Ok(newest.get(middle).copied())
}

fn put(connection: &Connection, mark: Mark) -> rusqlite::Result<()> {
    let seq = last_sequence(connection)?;
    connection.execute(
        "INSERT INTO mark (seq, at, clock) VALUES (?1, ?2, ?3)",
        params![seq, mark.at, mark.clock],
    )?;
    // The last one before the oldest receipt says how old that may be; those before say nothing more.
    connection.execute(
        "DELETE FROM mark WHERE number < (
             SELECT max(number) FROM mark
             WHERE seq < coalesce((SELECT min(seq) FROM receipt), 9223372036854775807))",
        [],
    )?;
    Ok(())
}

/// When some receipts may have come, by the marks around them.
pub struct Bounds(Vec<(Seq, Timestamp)>);

/// The marks around the receipts from one number to another.
pub fn between(connection: &Connection, first: Seq, last: Seq) -> rusqlite::Result<Bounds> {
    let mut marks = connection.prepare_cached(
        "SELECT seq, at FROM mark
         WHERE number >= coalesce((SELECT max(number) FROM mark WHERE seq < ?1), 0) ORDER BY number",
    )?;
    let mut rows = marks.query([first])?;
    let mut bounds = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, at) = (row.get(0)?, row.get(1)?);
        bounds.push((seq, at));
        if seq >= last {
            break;
        }
    }
    Ok(Bounds(bounds))
}

impl Bounds {
    /// When the receipt of that number came, which says that it came at `received_at`, in the inbox's own time.
    pub fn bound(&self, seq: Seq, received_at: Timestamp) -> Timestamp {
        let after = self.0.partition_point(|(newest, _)| *newest < seq);
        let latest = self.0.get(after).map_or(Timestamp::MAX, |(_, at)| *at);
        let earliest = after
            .checked_sub(1)
            .map_or(Timestamp::MIN, |before| self.0[before].1);
        // Where the time went back between the two, the later of them keeps it for longer.
        received_at.min(latest).max(earliest)
    }
}
