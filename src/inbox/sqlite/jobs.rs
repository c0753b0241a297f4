//! Which jobs are open, kept up with every receipt.
//!
//! The status alone decides, whether or not the event is documented. Whichever of a job's notifications comes first,
//! the other is looked up in the index of identities, so that `open_job` needs no index of its own.

pub mod list;

use rusqlite::{Connection, params};

use super::super::NewReceipt;
use super::index::{Key, KeyIndex, Seq};
use crate::event::{EventId, Identity, Name};

/// Opens or closes the job of a receipt that is new, has the number `seq` and is in the index.
pub fn follow(
    connection: &Connection,
    index: &KeyIndex,
    receipt: &NewReceipt,
    seq: Seq,
) -> rusqlite::Result<()> {
    let Identity::Job { event_id, name } = &receipt.identity else {
        return Ok(());
    };
    if name.status == Name::INITIAL {
        if !has_ended(connection, index, *event_id, &name.event)? {
            open(connection, seq, *event_id)?;
        }
    } else if name.ends_job() {
        close(connection, index, *event_id, &name.event)?;
    }
    Ok(())
}

fn open(connection: &Connection, seq: Seq, event_id: EventId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO open_job (seq, event_id) VALUES (?1, ?2)")?
        .execute(params![seq, event_id.uuid().as_bytes()])?;
    Ok(())
}

fn close(connection: &Connection, index: &KeyIndex, event_id: EventId, event: &str) -> rusqlite::Result<()> {
    for seq in index.candidates(Key::of_job(event_id, event, Name::INITIAL)) {
        // Keys are hashes, so the candidate may be another job's; its id tells.
        connection
            .prepare_cached("DELETE FROM open_job WHERE seq = ?1 AND event_id = ?2")?
            .execute(params![seq, event_id.uuid().as_bytes()])?;
    }
    Ok(())
}

/// Whether an end of the job is in the store.
fn has_ended(
    connection: &Connection,
    index: &KeyIndex,
    event_id: EventId,
    event: &str,
) -> rusqlite::Result<bool> {
    for status in Name::FINAL {
        for seq in index.candidates(Key::of_job(event_id, event, status)) {
            let is_it = connection
                .prepare_cached(
                    "SELECT 1 FROM receipt WHERE seq = ?1 AND event_id = ?2 AND event = ?3 AND status = ?4",
                )?
                .exists(params![seq, event_id.uuid().as_bytes(), event, status])?;
            if is_it {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
