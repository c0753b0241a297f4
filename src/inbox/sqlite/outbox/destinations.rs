//! What is read of destinations, and of where one begins.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::super::outbox::{Destination, Start};
use super::super::index::Seq;
use super::read::{before_first_at, last_sequence, list};
use super::rows::{DESTINATION, destination_of_row};

/// See [`super::Outbox::destinations`].
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Destination>> {
    let sql = format!("SELECT {DESTINATION} FROM destination ORDER BY id");
    list(connection, &sql, [], destination_of_row)
}

/// The destination of that name.
pub fn of_name(connection: &Connection, name: &str) -> rusqlite::Result<Option<Destination>> {
    let sql = format!("SELECT {DESTINATION} FROM destination WHERE name = ?1");
    connection.query_row(&sql, [name], destination_of_row).optional()
}

/// What is known of a destination that is to be added.
pub enum Beginning {
    /// It is there.
    Known(Destination),
    /// It is there, and was configured no more.
    Back {
        destination: Destination,
        /// What a removal that was cut off has closed meanwhile.
        removed: Vec<Seq>,
    },
    /// It is not, or was removed.
    Anew {
        /// It gets nothing up to this number.
        after: Seq,
        /// Behind that number, what was closed with its removal.
        removed: Vec<Seq>,
    },
}

/// Whether a destination is to be put in, and from where on it gets receipts.
pub fn beginning(connection: &Connection, name: &str, start: Start) -> rusqlite::Result<Beginning> {
    let known = of_name(connection, name)?;
    if let Some(known) = known.as_ref().filter(|known| known.removed_at.is_none()) {
        let destination = known.clone();
        let Some(since) = known.unconfigured_at else {
            return Ok(Beginning::Known(destination));
        };
        // What an earlier removal has closed stays as it is.
        let sql = "SELECT seq FROM delivery WHERE destination = ?1 AND state = 'removed' AND changed_at = ?2";
        let removed = list(connection, sql, params![known.id.0, since], |row| row.get(0))?;
        return Ok(Beginning::Back { destination, removed });
    }
    let after = match start {
        Start::Now => last_sequence(connection)?,
        Start::Since(time) => before_first_at(connection, time, 0)?,
    };
    let sql = "SELECT seq FROM delivery WHERE destination = ?1 AND state = 'removed' AND seq > ?2";
    let removed = known.map_or(Ok(Vec::new()), |known| {
        list(connection, sql, params![known.id.0, after], |row| row.get(0))
    });
    Ok(Beginning::Anew {
        after,
        removed: removed?,
    })
}
