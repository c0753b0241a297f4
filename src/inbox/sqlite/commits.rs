//! A count of commits, so that it can be told whether a log belongs to a file.
//!
//! SQLite's own counter will not do: with a log, one connection writes the same number again and again. Ours goes up by one
//! with every commit that changes something, and lies in the first page, which is where a file and each commit of its log
//! can be compared without reading either as SQLite does ([`super::log`]). The first page has one field that is free to
//! use, `user_version`: its lowest byte is the version of the tables, the other three are the count.

use rusqlite::Connection;

/// One more commit, in `user_version`.
const ONE: u32 = 1 << 8;

/// The part of `user_version` that is the version of the tables.
const TABLES: u32 = ONE - 1;

/// The version of the tables in a file with that `user_version`.
pub fn tables_version(user_version: i32) -> usize {
    (user_version.cast_unsigned() & TABLES) as usize
}

/// How many commits there were, from some number on and modulo [`COUNT_MODULUS`]; 0 where they were never counted.
pub fn count(user_version: i32) -> u32 {
    user_version.cast_unsigned() >> 8
}

/// What the count goes up to.
pub const COUNT_MODULUS: u32 = 1 << 24;

/// Does `work`, in a transaction of the caller's, and counts the commit if it changed something.
pub fn counted<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let before = connection.total_changes();
    let done = work(connection)?;
    if connection.total_changes() != before {
        let version = user_version(connection)?;
        write(connection, next(version))?;
    }
    Ok(done)
}

/// The count of the last commit, or of the one that is being made.
pub fn last_count(connection: &Connection) -> rusqlite::Result<u32> {
    user_version(connection).map(|version| count(version.cast_signed()))
}

/// Sets the version of the tables, and counts the commit.
pub fn set_tables_version(connection: &Connection, version: usize) -> rusqlite::Result<()> {
    let version = u32::try_from(version).expect("there are few migrations");
    let counted = next(user_version(connection)?);
    write(connection, counted & !TABLES | version)
}

/// Begins anywhere, so that the counts of two inboxes are not alike, but below half: version 0.1.0 has no words for a negative
/// one.
fn next(user_version: u32) -> u32 {
    match user_version & !TABLES {
        0 => user_version | fastrand::u32(1..COUNT_MODULUS / 2) << 8,
        _ => user_version.wrapping_add(ONE),
    }
}

fn user_version(connection: &Connection) -> rusqlite::Result<u32> {
    let mut read = connection.prepare_cached("PRAGMA user_version")?;
    read.query_row([], |row| row.get(0)).map(i32::cast_unsigned)
}

fn write(connection: &Connection, user_version: u32) -> rusqlite::Result<()> {
    let user_version = user_version.cast_signed();
    connection.execute_batch(&format!("PRAGMA user_version = {user_version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_count_makes_no_negative_number() {
        let firsts = || (0..100).map(|_| next(9).cast_signed());

        assert!(firsts().all(|first| first > 9 && tables_version(first) == 9));
    }
}
