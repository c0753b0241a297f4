//! The way out: what is pending in the first inbox is pending in the second.
//!
//! What both know keeps its newer form, so that a second inbox whose receivers deliver already does not go back: but for
//! a destination that they put in before all receipts were there.

use std::collections::HashMap;

use super::super::outbox::{Destination, DestinationId};
use super::super::postgres::PostgresInbox;
use super::super::sqlite::SqliteReader;
use super::CopyError;

/// How many deliveries go in one transaction.
const DELIVERY_COUNT: usize = 5_000;

/// How many attempts. Each may hold a part of an answer.
const ATTEMPT_COUNT: usize = 500;

/// What of the way out is in both inboxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Destinations, removed ones too.
    pub destination_count: usize,
    /// Deliveries of receipts that both hold.
    pub delivery_count: u64,
}

/// Puts the destinations in, paused, and gives them with the ids that they have there. Before receipts are copied it keeps a
/// receiver that is started meanwhile from putting them in as new, and one that leads after half a copy from delivering.
/// `brings` says whether this run brings receipts, before which receivers have stored none of their own there.
pub async fn hold(
    from: &SqliteReader,
    to: &PostgresInbox,
    last: u64,
    brings: bool,
) -> Result<(Vec<Destination>, HashMap<DestinationId, DestinationId>), CopyError> {
    let destinations = from.destinations().await.map_err(CopyError::From)?;
    let mut ids = HashMap::new();
    for destination in &destinations {
        let id = to
            .import_destination(destination, cursor(destination, last), brings)
            .await;
        if let Some(id) = id.map_err(CopyError::To)? {
            ids.insert(destination.id, id);
        }
    }
    Ok((destinations, ids))
}

/// Where a destination is in the second inbox. What comes after the last receipt that is copied will be another one there.
fn cursor(destination: &Destination, last: u64) -> u64 {
    destination.cursor.min(last)
}

/// What to do about destinations that are paused since a copy that did not end, where none can; empty if there are none.
pub async fn how_to_resume(to: &PostgresInbox) -> Result<String, CopyError> {
    let held = to.half_copied().await.map_err(CopyError::To)?;
    if held.is_empty() {
        return Ok(String::new());
    }
    let held: Vec<_> = held
        .iter()
        .map(|(name, cursor)| format!("{name} (after number {cursor})"))
        .collect();
    Ok(format!(
        "; a copy that did not end has left destinations paused, which `destinations resume NAME` has go on after the \
         number that they were at, also with what was delivered from the first inbox, and `destinations remove NAME` closes \
         where one is configured no more: {}",
        held.join(", ")
    ))
}

/// Copies all that is of receipts up to number `last`, which are in the second inbox; `brings` as in [`hold`].
pub async fn copy(
    from: &SqliteReader,
    to: &PostgresInbox,
    last: u64,
    brings: bool,
) -> Result<Copied, CopyError> {
    // Read before the deliveries: all that lie before a cursor are there then, whoever delivers meanwhile.
    let (destinations, ids) = hold(from, to, last, brings).await?;
    let delivery_count = copy_deliveries(from, to, last, &ids).await?;
    copy_attempts(from, to, last, &ids).await?;
    // Last, for what lies before a cursor and has no delivery is not looked at again.
    for destination in &destinations {
        let Some(&id) = ids.get(&destination.id) else {
            continue;
        };
        to.import_cursor(id, destination, cursor(destination, last), brings)
            .await
            .map_err(CopyError::To)?;
    }
    for instruction in from.instructions().await.map_err(CopyError::From)? {
        to.import_instruction(&instruction).await.map_err(CopyError::To)?;
    }
    Ok(Copied {
        destination_count: destinations.len(),
        delivery_count,
    })
}

/// Says of how many the receipts are in both; of a destination that is not among these, another run copies them.
async fn copy_deliveries(
    from: &SqliteReader,
    to: &PostgresInbox,
    last: u64,
    ids: &HashMap<DestinationId, DestinationId>,
) -> Result<u64, CopyError> {
    let mut count = 0;
    let mut after = None;
    loop {
        let mut batch = from
            .deliveries_after_key(after, DELIVERY_COUNT)
            .await
            .map_err(CopyError::From)?;
        let Some(end) = batch.last() else {
            return Ok(count);
        };
        after = Some((end.sequence, end.destination));
        batch.retain_mut(|delivery| {
            let id = ids
                .get(&delivery.destination)
                .filter(|_| delivery.sequence <= last);
            delivery.destination = *id.unwrap_or(&delivery.destination);
            id.is_some()
        });
        let (held, same) = to.import_deliveries(&batch).await.map_err(CopyError::To)?;
        if held != same {
            return Err(CopyError::Differs(format!(
                "of {held} deliveries of the first inbox the second has {same}"
            )));
        }
        count += held;
    }
}

async fn copy_attempts(
    from: &SqliteReader,
    to: &PostgresInbox,
    last: u64,
    ids: &HashMap<DestinationId, DestinationId>,
) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let mut batch = from
            .attempts_after_key(after, ATTEMPT_COUNT)
            .await
            .map_err(CopyError::From)?;
        let Some((sequence, destination, attempt)) = batch.last() else {
            return Ok(());
        };
        after = Some((*sequence, *destination, attempt.number));
        batch.retain_mut(|(sequence, destination, _)| {
            let id = ids.get(destination).filter(|_| *sequence <= last);
            *destination = *id.unwrap_or(destination);
            id.is_some()
        });
        to.import_attempts(&batch).await.map_err(CopyError::To)?;
    }
}
