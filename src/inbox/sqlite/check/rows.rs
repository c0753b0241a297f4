//! Whether each row can be read as the program reads it, and receipts have the keys by which repeats are known. SQLite's own
//! check sees that a text lies where it should, but neither that it is one nor whether anybody knows the word.
//!
//! Left out: a damaged byte that makes another good value, in a body, say.

mod keys;

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Row};
use uuid::Uuid;

use super::super::index::Seq;
use super::super::outbox::rows::{
    ATTEMPT, DELIVERY, DESTINATION, FIRST_ATTEMPT, INSTRUCTION, attempt_of_row, delivery_of_row,
    destination_of_row, instruction_of_row,
};
use super::super::quarantine::{QUARANTINED, quarantined_of_row};
use super::super::read::receipt_of_row;
use super::super::{folder, schema};
use super::Check;
use crate::fingerprint::hex;
use keys::{KEYS, Keys};

/// How many rows are named. Where there are more, it is not for them that the file is not to be trusted.
const MAX_NAMED: usize = 20;

/// How much is shown of why the first of them cannot be read, in characters.
const MAX_WHY: usize = 150;

/// What comes of what is advised.
const REMOVED: &str = "what is removed of receipts is taken anew if it is sent again, and what is removed of deliveries counts as done";

/// And where a destination is removed by it.
const REMOVED_DESTINATION: &str = ". A destination that is removed is put in anew at the next start, from what is accepted then on: what was pending \
     there is not sent (`receipts replay` sends it), a pause is gone, and its deliveries are listed under the name (new)";

/// The columns of [`RECEIPT`](super::super::read::RECEIPT), but none from other tables, which would take longer than all
/// the rest.
const RECEIPT: &str =
    "seq, id, received_at, wire, event, status, event_id, chatbot_id, length(body), 0, NULL, model_id";

/// Rows that are read in one way.
struct Kind {
    table: &'static str,
    /// The columns that tell a row from the others.
    key: &'static [&'static str],
    columns: &'static str,
    filter: &'static str,
    read: fn(&Row<'_>) -> rusqlite::Result<()>,
}

/// In tables of any version, in the order of their keys.
const RECEIPTS: Kind = Kind {
    filter: "ORDER BY seq",
    ..kind("receipt", &["seq"], RECEIPT, |row| {
        row.get::<_, Option<Uuid>>(11)?;
        refused(receipt_of_row(row)?.damage)
    })
};

/// In tables of any version, too.
const QUARANTINE: Kind = kind("quarantine", &["seq"], QUARANTINED, |row| {
    refused(quarantined_of_row(row)?.damage)
});

/// In tables as they are now.
const NEWER_KINDS: [Kind; 7] = [
    kind("trace", &["seq"], "headers", read_text),
    kind("destination", &["id"], DESTINATION, |row| {
        destination_of_row(row).map(drop)
    }),
    kind("delivery", &["seq", "destination"], DELIVERY, |row| {
        delivery_of_row(row).map(drop)
    }),
    Kind {
        filter: "WHERE first_started_at IS NOT NULL",
        ..kind("delivery", &["seq", "destination"], FIRST_ATTEMPT, |row| {
            attempt_of_row(row).map(drop)
        })
    },
    kind("attempt", &["seq", "destination", "number"], ATTEMPT, |row| {
        attempt_of_row(row).map(drop)
    }),
    kind("instruction", &["id"], INSTRUCTION, |row| {
        instruction_of_row(row).map(drop)
    }),
    kind("notices", &["id"], "book", read_text),
];

/// Where rows are of a receipt by its number, and read together with it, in tables as they are now.
const OF_RECEIPTS: [&str; 4] = ["trace", "open_job", "delivery", "attempt"];

/// The SQL that removes what is left there of receipts that are gone.
fn removals_of_left_over() -> impl Iterator<Item = String> {
    let removal = |table| format!("DELETE FROM {table} WHERE seq NOT IN (SELECT seq FROM receipt)");
    OF_RECEIPTS.into_iter().map(removal)
}

/// All rows of a table.
const fn kind(
    table: &'static str,
    key: &'static [&'static str],
    columns: &'static str,
    read: fn(&Row<'_>) -> rusqlite::Result<()>,
) -> Kind {
    Kind {
        table,
        key,
        columns,
        filter: "",
        read,
    }
}

fn read_text(row: &Row<'_>) -> rusqlite::Result<()> {
    row.get::<_, String>(0).map(drop)
}

/// What of a row cannot be read, as an error.
fn refused(damage: Option<Box<str>>) -> rusqlite::Result<()> {
    damage.map_or(Ok(()), |damage| {
        Err(Error::ToSqlConversionFailure(String::from(damage).into()))
    })
}

/// What was found.
#[derive(Default)]
pub struct Found {
    /// All receipts.
    pub receipt_count: u64,
    /// All rows that cannot be read.
    unreadable_count: u64,
    /// Those of a kind, as many as are named.
    unreadable: Vec<(&'static Kind, Vec<Vec<String>>)>,
    named_count: usize,
    /// Of the first of them.
    why: String,
    /// All receipts that can be read, and whose keys are wrong.
    lost_count: u64,
    /// Those of them that are named, each with the SQL that puts its key right.
    lost: Vec<(Seq, String)>,
    /// Tables with rows of receipts that are gone: how many, and the least of their numbers.
    left_over: Vec<(&'static str, u64, Seq)>,
    /// Whether its tables are as they are now.
    is_current: bool,
}

/// Reads all rows of an inbox with tables of that version, one at a time.
pub fn read(connection: &Connection, version: usize) -> rusqlite::Result<Found> {
    let mut found = Found::default();
    if version > 0 {
        let mut statement = connection.prepare(KEYS)?;
        // It begins amid the receipts, and so sees the same state of both.
        let mut keys = Keys::new(statement.query([])?);
        found.receipt_count = found.read(connection, &RECEIPTS, |row| keys.look(row))?;
        (found.lost_count, found.lost) = (keys.wrong_count, keys.wrong);
        found.read(connection, &QUARANTINE, |_| Ok(()))?;
    }
    found.is_current = version == schema::MIGRATIONS.len();
    if found.is_current {
        for kind in &NEWER_KINDS {
            found.read(connection, kind, |_| Ok(()))?;
        }
        for table in OF_RECEIPTS {
            found.look_for_left_over(connection, table)?;
        }
    }
    Ok(found)
}

impl Found {
    /// Reads the rows of a kind, and has those looked at that can be read; how many rows there are.
    fn read(
        &mut self,
        connection: &Connection,
        kind: &'static Kind,
        mut look: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<u64> {
        let Kind {
            table,
            key,
            columns,
            filter,
            ..
        } = kind;
        let key = key.join(", ");
        let mut statement = connection.prepare(&format!("SELECT {columns}, {key} FROM {table} {filter}"))?;
        let column_count = statement.column_count();
        let mut rows = statement.query([])?;
        let (mut row_count, mut keys) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            row_count += 1;
            let Err(error) = (kind.read)(row) else {
                look(row)?;
                continue;
            };
            if self.unreadable_count == 0 {
                self.why = why(row, &error).chars().take(MAX_WHY).collect();
            }
            self.unreadable_count += 1;
            if self.named_count < MAX_NAMED {
                self.named_count += 1;
                let first = column_count - kind.key.len();
                let key = (first..column_count).map(|column| row.get_ref(column).map(shown));
                keys.push(key.collect::<Result<_, _>>()?);
            }
        }
        if !keys.is_empty() {
            self.unreadable.push((kind, keys));
        }
        Ok(row_count)
    }

    /// Looks whether a table has rows of receipts that are gone.
    fn look_for_left_over(&mut self, connection: &Connection, table: &'static str) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT count(*), min(seq) FROM {table}
             WHERE NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.seq = {table}.seq)"
        );
        let (count, first): (u64, Option<Seq>) =
            connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.left_over.extend(first.map(|first| (table, count, first)));
        Ok(())
    }

    /// What is wrong with an index, if that is so, which rows cannot be read and which keys are wrong, and what to do; `None` if
    /// there is nothing of the kind.
    pub fn damage(&self, path: &Path, index: Option<String>) -> Option<Check> {
        let index = index.map(|finding| {
            (
                format!("an index does not fit its table ({finding})"),
                "REINDEX".to_owned(),
            )
        });
        let damages = [index, self.unreadable(), self.lost(), self.left_over()];
        let (reasons, mends): (Vec<_>, Vec<_>) = damages.into_iter().flatten().unzip();
        if reasons.is_empty() {
            return None;
        }
        let (path, quoted) = (path.display(), folder::quoted(path));
        let reason = format!("{path} is damaged: {}", reasons.join("; "));
        let what_goes = match &self.unreadable[..] {
            [] => String::new(),
            kinds => format!(
                "; {REMOVED}{}",
                if has(kinds, "destination") {
                    REMOVED_DESTINATION
                } else {
                    ""
                }
            ),
        };
        let mend = format!("`sqlite3 {quoted} \"{}\"`{what_goes}", mends.join("; "));
        let advice = format!(
            "all else of it can be read. Stop the receiver and keep a copy of {path} and, if there is one, {path}-wal. Then restore \
             a backup from before the damage (`caigunn-webhook inbox restore COPY`), or take the damage out of this one: \
             {mend}. Then check again, and look at the disk"
        );
        Some(Check::DamagedRows { reason, advice, mend })
    }

    /// Which rows cannot be read, and the SQL that removes them.
    fn unreadable(&self) -> Option<(String, String)> {
        if self.unreadable.is_empty() {
            return None;
        }
        let (rows, mut removals): (Vec<_>, Vec<_>) = self
            .unreadable
            .iter()
            .map(|(Kind { table, key, .. }, keys)| match key {
                [key] => {
                    let keys = keys.concat().join(", ");
                    (
                        format!("{key} {keys} of the table {table}"),
                        format!("DELETE FROM {table} WHERE {key} IN ({keys})"),
                    )
                }
                key => {
                    let (keys, key) = (keys.iter().map(|key| key.join(", ")), key.join(", "));
                    let keys = keys.collect::<Vec<_>>().join("), (");
                    (
                        format!("{key} ({keys}) of the table {table}"),
                        format!("DELETE FROM {table} WHERE ({key}) IN (VALUES ({keys}))"),
                    )
                }
            })
            .unzip();
        let and_more = and_more(self.unreadable_count, self.named_count);
        if self.is_current && has(&self.unreadable, RECEIPTS.table) {
            // What is left of them would stand in the way of what is listed and sent.
            removals.extend(removals_of_left_over());
        }
        let (rows, why) = (rows.join(", "), &self.why);
        let reason = format!("rows that cannot be read: {rows}{and_more} (the first: {why})");
        Some((reason, removals.join("; ")))
    }

    /// In which tables there are rows of receipts that are gone, and the SQL that removes them.
    fn left_over(&self) -> Option<(String, String)> {
        if self.left_over.is_empty() {
            return None;
        }
        let tables = self.left_over.iter();
        let tables: Vec<_> = tables
            .map(|(table, count, first)| format!("{count} in the table {table}, the first of seq {first}"))
            .collect();
        let reason = format!(
            "rows that are left of receipts that are gone: {}",
            tables.join(", ")
        );
        let removals: Vec<_> = removals_of_left_over().collect();
        Some((reason, removals.join("; ")))
    }

    /// Which receipts have wrong keys, and the SQL that puts these right.
    fn lost(&self) -> Option<(String, String)> {
        if self.lost.is_empty() {
            return None;
        }
        let (seqs, mends): (Vec<_>, Vec<_>) = self.lost.iter().cloned().unzip();
        let and_more = and_more(self.lost_count, seqs.len());
        let seqs: Vec<_> = seqs.iter().map(Seq::to_string).collect();
        let reason = format!(
            "receipts without their keys in the table receipt_key (missing, or not what the ids and names of the receipts give: one \
             of both is damaged), so that a repeat of them is taken for new: seq {}{and_more}",
            seqs.join(", ")
        );
        Some((reason, mends.join("; ")))
    }
}

/// Whether there are rows of that table.
fn has(kinds: &[(&Kind, Vec<Vec<String>>)], table: &str) -> bool {
    kinds.iter().any(|(kind, _)| kind.table == table)
}

/// How many there are beside those that are named.
fn and_more(count: u64, named_count: usize) -> String {
    match count - named_count as u64 {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}

/// Which column cannot be read, and why.
fn why(row: &Row<'_>, error: &Error) -> String {
    let column = |index| row.as_ref().column_name(index).unwrap_or("columns");
    match error {
        Error::FromSqlConversionFailure(index, _, why) => format!("{}: {why}", column(*index)),
        Error::Utf8Error(index, why) => format!("{}: {why}", column(*index)),
        Error::InvalidColumnType(index, _, kind) => format!("{}: it is {kind}", column(*index)),
        Error::ToSqlConversionFailure(damage) => damage.to_string(),
        other => format!("columns: {other}"),
    }
}

/// A key as SQL has it.
fn shown(key: ValueRef<'_>) -> String {
    match key {
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Blob(bytes) => format!("x'{}'", hex(bytes)),
        other => format!("{other:?}"),
    }
}
