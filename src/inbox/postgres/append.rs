//! A batch and its transactions.
//!
//! What can be decided by looking things up is decided by the server, in one statement for the whole batch
//! (`append.sql`). Whether two bodies say the same only this program can tell, so:
//!
//! - A repeat whose text differs from its original's is compared after the commit, and a copy goes into the quarantine
//!   in a transaction of its own if it says something else.
//! - A notification without any id is compared, before the transaction, with the last of its chatbot and event. If it
//!   is new, the statement stores it only if that is still the last one; otherwise it is compared again.
//!
//! A statement takes no two notifications of which one may be a repeat of the other: the second has a later turn.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use bytes::Bytes;
use tokio_postgres::Row;
use uuid::Uuid;

use super::super::{
    Appended, Entry, Error, NewQuarantined, NewReceipt, Origin, QuarantineId, Quarantined, Receipt,
    ReceiptId, Stored,
};
use super::connections::{Client, concerns_one_row, text};
use super::sealed::Sealed;
use super::{PostgresInbox, from_system_time, key, quarantine, system_time};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, Event, Identity, Name, same_content};

const APPEND: &str = include_str!("append.sql");

/// How often in a row other receivers may be ahead with the last notification of a chatbot and event before it is left
/// to the sender to try again.
const MAX_OVERTAKEN: usize = 10;

/// The current slot of nobody: everything may be anywhere.
const NO_SLOT: i16 = -1;

/// A notification on its way into the tables.
struct NewRow<'a> {
    /// Its place in the batch.
    place: usize,
    receipt: &'a NewReceipt,
    /// What stands for its identity, if it has one.
    identity: Option<Uuid>,
    /// What stands for its chatbot and event, if the last of those matters.
    latest_key: Option<Uuid>,
    /// The number of the last receipt of that key, with which it was compared; 0 if there was none. `None` if it goes in
    /// whatever the last one is.
    latest_seq: Option<i64>,
    /// The number and the id that it has already; `None` if it is to get them.
    given: Option<(i64, ReceiptId)>,
}

/// What to do in one transaction.
#[derive(Default)]
struct Work<'a> {
    rows: Vec<NewRow<'a>>,
    quarantined: Vec<(usize, QuarantineId, &'a NewQuarantined)>,
    probes: Vec<usize>,
}

/// What became of a transaction.
enum Done {
    /// It is on disk. What the statement says of each row, in order.
    Committed(Vec<Found>),
    /// Something in it cannot be stored, so nothing was.
    Refused(String),
}

/// What became of a row.
enum Found {
    New(ReceiptId),
    /// There is a receipt of the same identity. If its text is another one, its number is there to find it by.
    Known {
        id: ReceiptId,
        differs_from: Option<i64>,
    },
    /// The last receipt of its chatbot and event is not the one that it was compared with.
    Overtaken,
}

/// See [`super::Inbox::append`].
pub async fn append(inbox: &PostgresInbox, batch: &[Entry]) -> Result<Vec<Result<Stored, Error>>, Error> {
    let mut append = Append {
        inbox,
        answers: vec![None; batch.len()],
        differing: Vec::new(),
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
/// Nothing was stored.
pub async fn import(
    inbox: &PostgresInbox,
    receipts: &[(Receipt, Bytes)],
    quarantined: &[Quarantined],
) -> Result<(), Error> {
    let given = receipts
        .iter()
        .map(|(receipt, _)| (receipt.sequence as i64, receipt.id));
    let receipts: Vec<NewReceipt> = receipts
        .iter()
        .map(|(receipt, body)| NewReceipt::again(receipt, body))
        .collect();
    let copies: Vec<NewQuarantined> = quarantined.iter().map(NewQuarantined::again).collect();
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
            .map(|one| one.id)
            .zip(&copies)
            .map(|(id, copy)| (0, id, copy))
            .collect(),
        probes: Vec::new(),
    };
    match transact(inbox, &work).await? {
        Done::Refused(reason) => Err(Error::Unavailable { reason }),
        Done::Committed(found) => {
            let known = found.iter().zip(&work.rows).find_map(|(found, row)| match found {
                Found::Known { id, .. } => Some((*id, row.given)),
                Found::New(_) | Found::Overtaken => None,
            });
            match known {
                None => Ok(()),
                Some((known_id, given)) => Err(Error::Corrupt {
                    reason: format!(
                        "receipt {} has the identity of receipt {known_id}, which is there already",
                        given.map_or_else(String::new, |(_, id)| id.to_string())
                    ),
                }),
            }
        }
    }
}

/// A batch being stored.
struct Append<'a> {
    inbox: &'a PostgresInbox,
    /// What became of each entry, as far as it is known.
    answers: Vec<Option<Result<Stored, Error>>>,
    /// The repeats whose text is not their original's: their place, and the original's id and number.
    differing: Vec<(usize, &'a NewReceipt, ReceiptId, i64)>,
}

impl<'a> Append<'a> {
    async fn all(&mut self, mut waiting: Vec<NewRow<'a>>, mut work: Work<'a>) -> Result<(), Error> {
        let mut overtaken_count = 0;
        loop {
            work.rows = take_turn(&mut waiting);
            self.compare_with_latest(&mut work.rows).await?;
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
                break;
            }
            if overtaken_count > MAX_OVERTAKEN {
                return Err(Error::Unavailable {
                    reason:
                        "other receivers store notifications of the same chatbot faster than they can be \
                             compared"
                            .to_owned(),
                });
            }
            work = Work::default();
        }
        self.compare_with_originals().await
    }

    /// Answers the rows without any id that repeat the last one of their chatbot and event, and takes down for the
    /// others which one that is.
    async fn compare_with_latest(&mut self, rows: &mut Vec<NewRow<'a>>) -> Result<(), Error> {
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
            let is_repeat = row.identity.is_none()
                && distance < self.inbox.settings.duplicate_window
                && same_content(&original.body, &row.receipt.body);
            if is_repeat {
                self.answers[row.place] = Some(Ok(repeat_of(original.id, None)));
            }
            !is_repeat
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
                    self.answers[place] = Some(Err(Error::Unavailable {
                        reason: reason.clone(),
                    }));
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
        let mut overtaken = Vec::new();
        for (row, found) in work.rows.into_iter().zip(found) {
            match found {
                Found::New(receipt_id) => {
                    self.answers[row.place] = Some(Ok(Stored::Receipt(Appended::New { receipt_id })));
                }
                Found::Known {
                    id,
                    differs_from: None,
                } => {
                    self.answers[row.place] = Some(Ok(repeat_of(id, None)));
                }
                Found::Known {
                    id,
                    differs_from: Some(seq),
                } => self.differing.push((row.place, row.receipt, id, seq)),
                Found::Overtaken => overtaken.push(row),
            }
        }
        overtaken
    }

    /// Answers the repeats whose text is not their original's, and keeps a copy of those that say something else.
    async fn compare_with_originals(&mut self) -> Result<(), Error> {
        if self.differing.is_empty() {
            return Ok(());
        }
        let seqs: Vec<i64> = self.differing.iter().map(|(.., seq)| *seq).collect();
        let bodies = self
            .inbox
            .connections
            .run("read", async |client| bodies(client, &seqs).await);
        let bodies = bodies.await?;
        let mut copies = Vec::new();
        for (place, receipt, original_id, seq) in self.differing.drain(..) {
            match bodies.get(&seq) {
                Some(body) if !same_content(body, &receipt.body) => {
                    let copy = NewQuarantined::differing(receipt, original_id);
                    copies.push((place, original_id, copy));
                }
                // Where the original has gone since, there is nothing to differ from.
                Some(_) | None => self.answers[place] = Some(Ok(repeat_of(original_id, None))),
            }
        }
        if copies.is_empty() {
            return Ok(());
        }
        let mut work = Work::default();
        for (place, _, copy) in &copies {
            work.quarantined
                .push((*place, QuarantineId::new(Uuid::now_v7()), copy));
        }
        let ids: Vec<QuarantineId> = work.quarantined.iter().map(|(_, id, _)| *id).collect();
        match transact(self.inbox, &work).await? {
            Done::Committed(_) => {
                for ((place, original_id, _), id) in copies.iter().zip(ids) {
                    self.answers[*place] = Some(Ok(repeat_of(*original_id, Some(id))));
                }
                Ok(())
            }
            Done::Refused(reason) => Err(Error::Unavailable {
                reason: format!("a copy cannot be kept: {reason}"),
            }),
        }
    }
}

/// Does all of it in one transaction, or nothing.
async fn transact(inbox: &PostgresInbox, work: &Work<'_>) -> Result<Done, Error> {
    let PostgresInbox { begin, settings, .. } = inbox;
    let transact = async |client: &Client| {
        // Prepared before anything is sent, so that nothing waits for us once the transaction has begun.
        let append = client.prepare_cached(APPEND).await?;
        let keep = quarantine::Statements::prepare(client).await?;
        let sealed = inbox.sealed();
        let columns = Columns::of(&work.rows, sealed.as_deref());
        let rows = async {
            match work.rows.len() {
                0 => Ok(Vec::new()),
                _ => client.query(&append, &columns.parameters()).await,
            }
        };
        let quarantined = async {
            match work.quarantined.len() {
                0 => Ok(()),
                _ => keep.keep(client, settings, &work.quarantined).await,
            }
        };
        let probe = async {
            match work.probes.len() {
                0 => Ok(()),
                _ => client.batch_execute("UPDATE state SET probed_at = now()").await,
            }
        };
        // In this order, and all of it at once.
        let (begun, rows, quarantined, probed, committed) = tokio::join!(
            biased;
            client.batch_execute(begin),
            rows,
            quarantined,
            probe,
            client.batch_execute("COMMIT"),
        );
        begun?;
        // Where one of these has failed, the commit has undone the others.
        let rows = rows?;
        quarantined?;
        probed?;
        committed?;
        if let Some(row) = rows.first()
            && row.try_get("has_moved")?
        {
            inbox.slot_moved.notify_one();
        }
        rows.iter().map(Found::of_row).collect()
    };
    let done = async |client: &Client| match transact(client).await {
        Ok(found) => Ok(Done::Committed(found)),
        Err(error) if concerns_one_row(&error) => Ok(Done::Refused(text(&error))),
        Err(error) => Err(error),
    };
    inbox.connections.run("write to", done).await
}

impl<'a> NewRow<'a> {
    fn new(place: usize, receipt: &'a NewReceipt) -> Self {
        let is_followed = receipt.name.event == "training" || receipt.identity == Identity::Windowed;
        Self {
            place,
            receipt,
            identity: key::of(&receipt.identity),
            latest_key: is_followed.then(|| key::of_chatbot(receipt.chatbot_id, &receipt.name.event)),
            latest_seq: Some(0),
            given: None,
        }
    }

    /// What stands for the step of the same job with that status, if there is a job and `is_wanted`.
    fn step(&self, is_wanted: bool, status: &str) -> Option<Uuid> {
        let event_id = self.receipt.event_id().filter(|_| is_wanted)?;
        Some(key::of_step(event_id, &self.receipt.name.event, status))
    }
}

impl<'a> Work<'a> {
    fn len(&self) -> usize {
        self.rows.len() + self.quarantined.len() + self.probes.len()
    }

    fn places(&self) -> impl Iterator<Item = usize> {
        let rows = self.rows.iter().map(|row| row.place);
        let quarantined = self.quarantined.iter().map(|(place, ..)| *place);
        rows.chain(quarantined).chain(self.probes.iter().copied())
    }

    /// The same, an entry each.
    fn singles(self) -> impl Iterator<Item = Self> {
        let rows = self.rows.into_iter().map(|row| Self {
            rows: vec![row],
            ..Self::default()
        });
        let quarantined = self.quarantined.into_iter().map(|one| Self {
            quarantined: vec![one],
            ..Self::default()
        });
        let probes = self.probes.into_iter().map(|place| Self {
            probes: vec![place],
            ..Self::default()
        });
        rows.chain(quarantined).chain(probes)
    }
}

/// Takes the rows that can go into one statement: no two of the same identity, and where one without any id is
/// compared with the last of its chatbot and event, no other that may become the last one. Their order is kept.
fn take_turn<'a>(waiting: &mut Vec<NewRow<'a>>) -> Vec<NewRow<'a>> {
    let mut identities = HashSet::new();
    // Of each chatbot and event, whether a row in this turn, or one that waits, has no id.
    let mut followed: HashMap<Uuid, bool> = HashMap::new();
    let (turn, later) = std::mem::take(waiting).into_iter().partition(|row| {
        let is_first = row.identity.is_none_or(|identity| identities.insert(identity));
        let Some(key) = row.latest_key else {
            return is_first;
        };
        let is_compared = row.identity.is_none();
        let may_go = match followed.get(&key) {
            None => is_first,
            Some(has_compared) => is_first && !is_compared && !has_compared,
        };
        let has_compared = followed.entry(key).or_default();
        // What comes after one that waits must wait too.
        *has_compared |= is_compared || !may_go;
        may_go
    });
    *waiting = later;
    turn
}

/// The rows of a turn, column by column.
struct Columns<'a> {
    identity: Vec<Option<Uuid>>,
    received_at: Vec<SystemTime>,
    event_id: Vec<Option<Uuid>>,
    model_id: Vec<Option<Uuid>>,
    chatbot_id: Vec<Option<Uuid>>,
    is_documented: Vec<bool>,
    is_backfilled: Vec<bool>,
    wire: Vec<&'a str>,
    event: Vec<&'a str>,
    status: Vec<&'a str>,
    body: Vec<&'a [u8]>,
    latest_key: Vec<Option<Uuid>>,
    latest_seq: Vec<Option<i64>>,
    /// Of the end of a job, what stands for its beginning.
    begun: Vec<Option<Uuid>>,
    /// Of the beginning of a job, what stands for its ends.
    completed: Vec<Option<Uuid>>,
    failed: Vec<Option<Uuid>>,
    given_seq: Vec<Option<i64>>,
    given_id: Vec<Option<Uuid>>,
    /// The slot that is taken for the current one.
    current_slot: i16,
    /// Whether something of the same job may be in another one.
    may_be_elsewhere: Vec<bool>,
}

impl<'a> Columns<'a> {
    fn of(rows: &[NewRow<'a>], sealed: Option<&Sealed>) -> Self {
        fn column<'a, T>(rows: &[NewRow<'a>], value: impl Fn(&NewRow<'a>) -> T) -> Vec<T> {
            rows.iter().map(value).collect()
        }
        let is_initial = |row: &NewRow<'_>| row.receipt.name.status == Name::INITIAL;
        let [completed, failed] = Name::FINAL;
        Self {
            identity: column(rows, |row| row.identity),
            received_at: column(rows, |row| system_time(row.receipt.received_at)),
            event_id: column(rows, |row| row.receipt.event_id().map(|id| id.uuid())),
            model_id: column(rows, |row| match &row.receipt.identity {
                Identity::Model { model_id } => Some(model_id.uuid()),
                Identity::Job { .. } | Identity::Windowed => None,
            }),
            chatbot_id: column(rows, |row| row.receipt.chatbot_id.map(ChatbotId::uuid)),
            is_documented: column(rows, |row| {
                Event::is_documented(&row.receipt.name.event, &row.receipt.name.status)
            }),
            is_backfilled: column(rows, |row| row.receipt.origin == Origin::Backfill),
            wire: column(rows, |row| row.receipt.wire.as_str()),
            event: column(rows, |row| &*row.receipt.name.event),
            status: column(rows, |row| &*row.receipt.name.status),
            body: column(rows, |row| &row.receipt.body[..]),
            latest_key: column(rows, |row| row.latest_key),
            latest_seq: column(rows, |row| row.latest_seq),
            begun: column(rows, |row| row.step(row.receipt.name.ends_job(), Name::INITIAL)),
            completed: column(rows, |row| row.step(is_initial(row), completed)),
            failed: column(rows, |row| row.step(is_initial(row), failed)),
            given_seq: column(rows, |row| row.given.map(|(seq, _)| seq)),
            given_id: column(rows, |row| row.given.map(|(_, id)| id.uuid())),
            current_slot: sealed.map_or(NO_SLOT, Sealed::slot),
            may_be_elsewhere: column(rows, |row| match (row.identity, sealed) {
                (Some(key), Some(sealed)) => sealed.may_have(key),
                (_, _) => true,
            }),
        }
    }

    fn parameters(&self) -> [&(dyn tokio_postgres::types::ToSql + Sync); 20] {
        [
            &self.identity,
            &self.received_at,
            &self.event_id,
            &self.model_id,
            &self.chatbot_id,
            &self.is_documented,
            &self.is_backfilled,
            &self.wire,
            &self.event,
            &self.status,
            &self.body,
            &self.latest_key,
            &self.latest_seq,
            &self.begun,
            &self.completed,
            &self.failed,
            &self.given_seq,
            &self.given_id,
            &self.current_slot,
            &self.may_be_elsewhere,
        ]
    }
}

impl Found {
    fn of_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        if let Some(id) = row.try_get::<_, Option<Uuid>>("new_id")? {
            return Ok(Self::New(ReceiptId::new(id)));
        }
        let Some(id) = row.try_get::<_, Option<Uuid>>("known_id")? else {
            return Ok(Self::Overtaken);
        };
        let is_same: bool = row.try_get("is_same")?;
        let seq = row.try_get("known_seq")?;
        Ok(Self::Known {
            id: ReceiptId::new(id),
            differs_from: (!is_same).then_some(seq),
        })
    }
}

/// The last receipt of a chatbot and event.
struct Latest {
    seq: i64,
    id: ReceiptId,
    received_at: Timestamp,
    body: Vec<u8>,
}

async fn latest(client: &Client, keys: &[Uuid]) -> Result<HashMap<Uuid, Latest>, tokio_postgres::Error> {
    let statement = client
        .prepare_cached(
            "SELECT latest.key, receipt.seq, receipt.id, receipt.received_at, receipt.body
             FROM latest JOIN receipt ON receipt.seq = latest.seq
             WHERE latest.key = ANY ($1) AND latest.seq >= (SELECT first_seq FROM state)",
        )
        .await?;
    let rows = client.query(&statement, &[&keys]).await?;
    let latest = rows.iter().map(|row| {
        let original = Latest {
            seq: row.try_get(1)?,
            id: ReceiptId::new(row.try_get(2)?),
            received_at: from_system_time(row.try_get(3)?),
            body: row.try_get(4)?,
        };
        Ok((row.try_get(0)?, original))
    });
    latest.collect()
}

/// The bodies of receipts, by their numbers.
async fn bodies(client: &Client, seqs: &[i64]) -> Result<HashMap<i64, Vec<u8>>, tokio_postgres::Error> {
    let statement = client
        .prepare_cached("SELECT seq, body FROM receipt WHERE seq = ANY ($1)")
        .await?;
    let rows = client.query(&statement, &[&seqs]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

fn repeat_of(receipt_id: ReceiptId, differs: Option<QuarantineId>) -> Stored {
    Stored::Receipt(Appended::Duplicate { receipt_id, differs })
}
