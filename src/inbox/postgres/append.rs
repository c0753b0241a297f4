//! A batch and its transactions.
//!
//! What can be decided by looking things up is decided by the server, in one statement for the whole batch
//! (`append.sql`). Whether two bodies say the same only this program can tell, so:
//!
//! - A repeat whose text differs from its original's is handed back, to be compared aside.
//! - A notification without any id is compared, before the transaction, with the last of its chatbot and event, or handed
//!   back if that is much work. If it is new, the statement stores it only if that is still the last one; otherwise it is
//!   compared again.
//!
//! A statement takes no two notifications of which one may be a repeat of the other: the second has a later turn.

mod rows;
mod transaction;

use std::collections::HashMap;

use bytes::Bytes;
use uuid::Uuid;

use super::super::comparing::{Comparing, MAX_OVERTAKEN};
use super::super::{
    Appended, Entry, Error, NewQuarantined, NewReceipt, QuarantineId, Quarantined, Receipt, ReceiptId,
    Stored, Uncompared,
};
use super::Client;
use super::PostgresInbox;
use super::clock::Ahead;
use crate::clock::Timestamp;
use crate::event::Name;
use rows::{NewRow, take_turn};
use transaction::{Done, Found, Work, transact};

/// The longest body of a last notification that is asked for with the others: 8 MiB for 512 of them.
const MAX_LATEST_BYTES: i32 = 16 << 10;

/// See [`super::Inbox::append`].
pub async fn append(inbox: &PostgresInbox, batch: &[Entry]) -> Result<Vec<Result<Stored, Error>>, Error> {
    let mut append = Append {
        inbox,
        answers: vec![None; batch.len()],
        comparing: Comparing::new(),
    };
    let mut waiting = Vec::new();
    let mut work = Work::default();
    for (place, entry) in batch.iter().enumerate() {
        match entry {
            Entry::Receipt(receipt) => waiting.push(NewRow::new(place, receipt)),
            Entry::Quarantine(new) => {
                let id = QuarantineId::new(Uuid::now_v7());
                work.quarantined.push((place, id, new));
            }
            Entry::Probe => work.probes.push(place),
        }
    }
    let stored = append.all(waiting, work).await;
    match stored {
        // Nothing has been stored, so the batch as a whole was not.
        Err(error) if append.answers.iter().all(Option::is_none) => Err(error),
        stored => {
            let lost = stored.err();
            let answers = append.answers.into_iter();
            Ok(answers
                .map(|answer| {
                    answer.unwrap_or_else(|| Err(lost.clone().expect("without an error all are answered")))
                })
                .collect())
        }
    }
}

/// Stores receipts under the numbers and ids that they have, which are greater than those of all that are there, and
/// copies of refused requests under their ids.
///
/// # Errors
/// As [`PostgresInbox::import`] has them.
pub async fn import(
    inbox: &PostgresInbox,
    receipts: &[(Receipt, Bytes)],
    quarantined: &[(Quarantined, Bytes)],
) -> Result<(), Error> {
    let given = receipts
        .iter()
        .map(|(receipt, _)| (receipt.sequence as i64, receipt.id));
    let receipts: Vec<NewReceipt> = receipts
        .iter()
        .map(|(receipt, body)| NewReceipt::again(receipt, body))
        .collect();
    let copies: Vec<NewQuarantined> = quarantined
        .iter()
        .map(|(one, body)| NewQuarantined::again(one, body))
        .collect();
    let rows = receipts.iter().zip(given).enumerate();
    let rows = rows.map(|(place, (receipt, given))| NewRow {
        latest_seq: None,
        given: Some(given),
        ..NewRow::new(place, receipt)
    });
    let work = Work {
        rows: rows.collect(),
        quarantined: quarantined
            .iter()
            .map(|(one, _)| one.id)
            .zip(&copies)
            .map(|(id, copy)| (0, id, copy))
            .collect(),
        ..Work::default()
    };
    match transact(inbox, &work).await? {
        Done::Refused(reason) => Err(Error::unavailable(reason)),
        Done::Committed(found) => {
            let known = found.iter().zip(&work.rows).find_map(|(found, row)| match found {
                Found::Known { id, .. } => Some((*id, row.given)),
                Found::New(_) | Found::Overtaken => None,
            });
            match known {
                None => Ok(()),
                Some((known_id, given)) => Err(Error::corrupt(format!(
                    "receipt {} has the identity of receipt {known_id}, which is there already",
                    given.map_or_else(String::new, |(_, id)| id.to_string())
                ))),
            }
        }
    }
}

/// A batch being stored.
struct Append<'a> {
    inbox: &'a PostgresInbox,
    /// What became of each entry, as far as it is known.
    answers: Vec<Option<Result<Stored, Error>>>,
    comparing: Comparing,
}

impl<'a> Append<'a> {
    async fn all(&mut self, mut waiting: Vec<NewRow<'a>>, mut work: Work<'a>) -> Result<(), Error> {
        let mut overtaken_count = 0;
        loop {
            work.rows = take_turn(&mut waiting);
            self.compare_with_latest(&mut work).await?;
            if work.len() > 0 {
                let overtaken = self.store(work).await?;
                overtaken_count = if overtaken.is_empty() {
                    0
                } else {
                    overtaken_count + 1
                };
                // They were ahead of what waits.
                waiting.splice(0..0, overtaken);
            }
            if waiting.is_empty() {
                return Ok(());
            }
            if overtaken_count > MAX_OVERTAKEN {
                return Err(Error::unavailable(
                    "other receivers store notifications of the same chatbot faster than they can be \
                     compared",
                ));
            }
            work = Work::default();
        }
    }

    /// Finds the rows without any id that repeat the last one of their chatbot and event, or may, and takes down for the
    /// others which one that is.
    async fn compare_with_latest(&mut self, work: &mut Work<'a>) -> Result<(), Error> {
        let Work { rows, repeats, .. } = work;
        let keys: Vec<Uuid> = rows
            .iter()
            .filter(|row| row.identity.is_none())
            .filter_map(|row| row.latest_key)
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let latest = self
            .inbox
            .connections
            .run("read", async |client| latest(client, &keys).await);
        let latest = latest.await?;
        rows.retain_mut(|row| {
            let Some(original) = row.latest_key.and_then(|key| latest.get(&key)) else {
                return true;
            };
            row.latest_seq = Some(original.seq);
            // Either may have arrived first: requests that come together are queued in any order.
            let distance = original.received_at.distance(row.receipt.received_at);
            let may_repeat = row.identity.is_none()
                && row.receipt.differs_from != Some(original.id)
                && distance < self.inbox.settings.duplicate_window
                && original.name == row.receipt.name;
            let body = original.body.as_deref();
            let is_same = match body {
                _ if !may_repeat => Some(false),
                None => None,
                Some(body) => self.comparing.is_same(body, &row.receipt.body),
            };
            let answer = match is_same {
                Some(false) => return true,
                Some(true) => repeat_of(original.id),
                None => uncompared(row.receipt, original.id),
            };
            repeats.push((row.place, answer));
            false
        });
        Ok(())
    }

    /// Stores what one transaction takes; gives back the rows that were overtaken. If something of it cannot be stored,
    /// each goes into a transaction of its own, so that it does not take its neighbours with it.
    async fn store(&mut self, work: Work<'a>) -> Result<Vec<NewRow<'a>>, Error> {
        match transact(self.inbox, &work).await? {
            Done::Committed(found) => Ok(self.committed(work, found)),
            Done::Refused(reason) if work.len() == 1 => {
                let reason = format!("this entry cannot be stored: {reason}");
                for place in work.places() {
                    self.answers[place] = Some(Err(Error::unavailable(reason.clone())));
                }
                Ok(Vec::new())
            }
            Done::Refused(_) => {
                let mut overtaken = Vec::new();
                for single in work.singles() {
                    overtaken.extend(Box::pin(self.store(single)).await?);
                }
                Ok(overtaken)
            }
        }
    }

    /// Answers what was committed; gives back the rows that were overtaken.
    fn committed(&mut self, work: Work<'a>, found: Vec<Found>) -> Vec<NewRow<'a>> {
        for (place, id, _) in work.quarantined {
            self.answers[place] = Some(Ok(Stored::Quarantined(id)));
        }
        for place in work.probes {
            self.answers[place] = Some(Ok(Stored::Probed));
        }
        for (place, repeat) in work.repeats {
            self.answers[place] = Some(Ok(repeat));
        }
        let mut overtaken = Vec::new();
        for (row, found) in work.rows.into_iter().zip(found) {
            match found {
                Found::New(receipt_id) => {
                    self.answers[row.place] = Some(Ok(Stored::Receipt(Appended::New { receipt_id })));
                }
                Found::Known { id, is_same: true } => {
                    self.answers[row.place] = Some(Ok(repeat_of(id)));
                }
                Found::Known { id, is_same: false } => {
                    self.answers[row.place] = Some(Ok(uncompared(row.receipt, id)));
                }
                Found::Overtaken => overtaken.push(row),
            }
        }
        overtaken
    }
}

/// The last receipt of a chatbot and event.
struct Latest {
    seq: i64,
    id: ReceiptId,
    /// By our clock.
    received_at: Timestamp,
    name: Name,
    /// Unless it is longer than [`MAX_LATEST_BYTES`].
    body: Option<Vec<u8>>,
}

async fn latest(client: &Client, keys: &[Uuid]) -> Result<HashMap<Uuid, Latest>, tokio_postgres::Error> {
    let statement = client
        .prepare_cached(
            "SELECT latest.key, receipt.seq, receipt.id, receipt.received_at, receipt.event, receipt.status,
                    CASE WHEN length(receipt.body) <= $2 THEN receipt.body END, clock_timestamp()
             FROM latest JOIN receipt ON receipt.seq = latest.seq
             WHERE latest.key = ANY ($1) AND latest.seq >= (SELECT first_seq FROM state WHERE one)",
        )
        .await?;
    let rows = client.query(&statement, &[&keys, &MAX_LATEST_BYTES]).await?;
    let latest = rows.iter().map(|row| {
        let original = Latest {
            seq: row.try_get(1)?,
            id: ReceiptId::new(row.try_get(2)?),
            received_at: Ahead::of(row.try_get(7)?).to_ours(row.try_get(3)?),
            name: Name {
                event: row.try_get::<_, String>(4)?.into(),
                status: row.try_get::<_, String>(5)?.into(),
            },
            body: row.try_get(6)?,
        };
        Ok((row.try_get(0)?, original))
    });
    latest.collect()
}

fn repeat_of(receipt_id: ReceiptId) -> Stored {
    Stored::Receipt(Appended::Duplicate {
        receipt_id,
        differs: None,
    })
}

fn uncompared(receipt: &NewReceipt, held_id: ReceiptId) -> Stored {
    Stored::Uncompared(Box::new(Uncompared {
        receipt: receipt.clone(),
        held_id,
    }))
}
