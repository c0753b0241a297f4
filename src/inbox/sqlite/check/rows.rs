//! Whether each row can be read as the program reads it. SQLite's own check sees that a text lies where it should, but neither
//! that it is one nor whether anybody knows the word.
//!
//! Left out: a damaged byte that makes another good value, in a body, say.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Row};
use uuid::Uuid;

use super::super::outbox::rows::{
    ATTEMPT, DELIVERY, DESTINATION, FIRST_ATTEMPT, INSTRUCTION, attempt_of_row, delivery_of_row,
    destination_of_row, instruction_of_row,
};
use super::super::quarantine::{QUARANTINED, quarantined_of_row};
use super::super::read::receipt_of_row;
use super::super::schema;
use crate::fingerprint::hex;

/// How many rows are named. Where there are more, it is not for them that the file is not to be trusted.
const MAX_NAMED: usize = 20;

/// How much is shown of why the first of them cannot be read, in characters.
const MAX_WHY: usize = 150;

/// The columns of [`RECEIPT`](super::super::read::RECEIPT), but none from other tables, which would take longer than all
/// the rest.
const RECEIPT: &str =
    "seq, id, received_at, wire, event, status, event_id, chatbot_id, length(body), 0, NULL, model_id";

/// Rows that are read in one way.
struct Kind {
    table: &'static str,
    /// The column that tells a row from the others, or from most.
    key: &'static str,
    columns: &'static str,
    filter: &'static str,
    read: fn(&Row<'_>) -> rusqlite::Result<()>,
}

/// In tables of any version.
const KINDS: [Kind; 2] = [
    Kind {
        table: "receipt",
        key: "seq",
        columns: RECEIPT,
        filter: "",
        read: |row| {
            row.get::<_, Option<Uuid>>(11)?;
            refused(receipt_of_row(row)?.damage)
        },
    },
    Kind {
        table: "quarantine",
        key: "seq",
        columns: QUARANTINED,
        filter: "",
        read: |row| refused(quarantined_of_row(row)?.damage),
    },
];

/// In tables as they are now.
const NEWER_KINDS: [Kind; 7] = [
    Kind {
        table: "trace",
        key: "seq",
        columns: "headers",
        filter: "",
        read: read_text,
    },
    Kind {
        table: "destination",
        key: "id",
        columns: DESTINATION,
        filter: "",
        read: |row| destination_of_row(row).map(drop),
    },
    Kind {
        table: "delivery",
        key: "seq",
        columns: DELIVERY,
        filter: "",
        read: |row| delivery_of_row(row).map(drop),
    },
    Kind {
        table: "delivery",
        key: "seq",
        columns: FIRST_ATTEMPT,
        filter: "WHERE first_started_at IS NOT NULL",
        read: |row| attempt_of_row(row).map(drop),
    },
    Kind {
        table: "attempt",
        key: "seq",
        columns: ATTEMPT,
        filter: "",
        read: |row| attempt_of_row(row).map(drop),
    },
    Kind {
        table: "instruction",
        key: "id",
        columns: INSTRUCTION,
        filter: "",
        read: |row| instruction_of_row(row).map(drop),
    },
    Kind {
        table: "notices",
        key: "id",
        columns: "book",
        filter: "",
        read: read_text,
    },
];

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
    unreadable: Vec<(&'static Kind, Vec<String>)>,
    named_count: usize,
    /// Of the first of them.
    why: String,
}

/// Reads all rows of an inbox with tables of that version, one at a time.
pub fn read(connection: &Connection, version: usize) -> rusqlite::Result<Found> {
    let mut found = Found::default();
    if version > 0 {
        for kind in &KINDS {
            found.read(connection, kind)?;
        }
    }
    if version == schema::MIGRATIONS.len() {
        for kind in &NEWER_KINDS {
            found.read(connection, kind)?;
        }
    }
    Ok(found)
}

impl Found {
    fn read(&mut self, connection: &Connection, kind: &'static Kind) -> rusqlite::Result<()> {
        let Kind {
            table,
            key,
            columns,
            filter,
            ..
        } = kind;
        let mut statement = connection.prepare(&format!("SELECT {columns}, {key} FROM {table} {filter}"))?;
        let key_column = statement.column_count() - 1;
        let mut rows = statement.query([])?;
        let (mut row_count, mut keys) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            row_count += 1;
            let Err(error) = (kind.read)(row) else {
                continue;
            };
            if self.unreadable_count == 0 {
                self.why = why(row, &error).chars().take(MAX_WHY).collect();
            }
            self.unreadable_count += 1;
            if self.named_count < MAX_NAMED {
                self.named_count += 1;
                keys.push(shown(row.get_ref(key_column)?));
            }
        }
        if *table == "receipt" {
            self.receipt_count = row_count;
        }
        if !keys.is_empty() {
            self.unreadable.push((kind, keys));
        }
        Ok(())
    }

    /// Which rows cannot be read, and what to do; `None` if all can.
    pub fn damage(&self, path: &Path) -> Option<(String, String)> {
        if self.unreadable_count == 0 {
            return None;
        }
        let path = path.display();
        let (rows, removals): (Vec<_>, Vec<_>) = self
            .unreadable
            .iter()
            .map(|(Kind { table, key, .. }, keys)| {
                let keys = keys.join(", ");
                (
                    format!("{key} {keys} of the table {table}"),
                    format!("DELETE FROM {table} WHERE {key} IN ({keys})"),
                )
            })
            .unzip();
        let and_more = match self.unreadable_count - self.named_count as u64 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let reason = format!(
            "{path} is damaged: rows that cannot be read: {}{and_more} (the first: {})",
            rows.join(", "),
            self.why
        );
        let advice = format!(
            "all else of it can be read. Stop the receiver and keep a copy of {path} and, if there is one, {path}-wal. Then restore \
             a backup from before the damage (`caigunn-webhook inbox restore COPY`), or have the rest without these rows: \
             `sqlite3 {path} \"{}\"`; what is removed of receipts is taken anew if it is sent again, and what is removed of \
             deliveries counts as done. Then check again, and look at the disk",
            removals.join("; ")
        );
        Some((reason, advice))
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
