//! A batch in its transaction: which entries are new, and the rows of those that are.

use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, ffi, params};
use uuid::Uuid;

use super::super::comparing::Comparing;
use super::super::{
    Appended, Entry, Error, IdSource, NewQuarantined, NewReceipt, Origin, QuarantineId, ReceiptId, Settings,
    Stored, Uncompared,
};
use super::index::{Key, KeyIndex, Seq};
use super::read::blob;
use super::values::concerns_a_value;
use super::{jobs, quarantine};
use crate::clock::Timestamp;
use crate::event::{Event, Identity, Name};

/// What a probe writes, in bytes: more than a commit's own overhead, so that a nearly full disk shows.
pub const PROBE_BYTES: i64 = 64 << 10;

/// Writes a probe. Something else each time: SQLite compares what it overwrites, and writes no page that stays as it is.
pub fn probe(connection: &Connection) -> rusqlite::Result<()> {
    let mut write = connection.prepare_cached("UPDATE state SET probe = randomblob(?1)")?;
    write.execute([PROBE_BYTES]).map(|_| ())
}

/// What is known without asking the file. Put back as it was when a transaction fails.
#[derive(Clone, Copy)]
pub struct Memory {
    next_seq: Seq,
    ids: IdSource,
    quarantine: quarantine::Extent,
}

impl Memory {
    /// Reads it from a file whose journal of keys ends with `last_key_seq`.
    pub fn read(connection: &Connection, last_key_seq: Seq) -> rusqlite::Result<Self> {
        let last: Option<(Seq, Option<Uuid>)> = connection
            .query_row(
                "SELECT seq, id FROM receipt ORDER BY seq DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1).ok())),
            )
            .optional()?;
        Ok(Self {
            next_seq: last.map_or(0, |(seq, _)| seq).max(last_key_seq) + 1,
            ids: IdSource::after(last.and_then(|(_, id)| id)),
            quarantine: quarantine::Extent::read(connection)?,
        })
    }
}

/// A batch in its transaction.
pub struct Append<'a> {
    connection: &'a Connection,
    settings: &'a Settings,
    memory: &'a mut Memory,
    index: &'a mut KeyIndex,
    /// What this batch put into the index, for the case that it fails.
    added: &'a mut Vec<(Key, Seq)>,
    /// The keys of this batch's receipts, in the form they have on disk.
    keys: Vec<u8>,
    /// The number of the first of them.
    first_seq: Seq,
    has_probed: bool,
    insert: CachedStatement<'a>,
    comparing: Comparing,
}

impl<'a> Append<'a> {
    /// Begins with the first entry.
    pub fn new(
        connection: &'a Connection,
        settings: &'a Settings,
        memory: &'a mut Memory,
        index: &'a mut KeyIndex,
        added: &'a mut Vec<(Key, Seq)>,
    ) -> rusqlite::Result<Self> {
        let insert = connection.prepare_cached(
            "INSERT INTO receipt (seq, id, received_at, wire, event, status, event_id, model_id, chatbot_id, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        Ok(Self {
            connection,
            settings,
            first_seq: memory.next_seq,
            memory,
            index,
            added,
            keys: Vec::new(),
            has_probed: false,
            insert,
            comparing: Comparing::new(),
        })
    }

    /// Stores one entry. The outer error is the batch's, the inner one this entry's alone.
    pub fn entry(&mut self, entry: Entry) -> rusqlite::Result<Result<Stored, Error>> {
        let stored = match entry {
            Entry::Receipt(receipt) => self.receipt(receipt),
            Entry::Quarantine(quarantined) => self.quarantine(&quarantined).map(Stored::Quarantined),
            Entry::Probe => self.probe().map(|()| Stored::Probed),
        };
        match stored {
            Ok(stored) => Ok(Ok(stored)),
            Err(error) if concerns_one_row(&error) || concerns_a_value(&error) => Ok(Err(
                Error::unavailable(format!("this entry cannot be stored: {error}")),
            )),
            Err(error) => Err(error),
        }
    }

    /// One probe is enough for a commit, however many ask.
    fn probe(&mut self) -> rusqlite::Result<()> {
        if !self.has_probed {
            probe(self.connection)?;
            self.has_probed = true;
        }
        Ok(())
    }

    fn receipt(&mut self, receipt: NewReceipt) -> rusqlite::Result<Stored> {
        let key = Key::of(&receipt.identity);
        let original = match key {
            Some(key) => self.original(key, &receipt)?,
            None => self.latest(&receipt)?,
        };
        let Some(original) = original else {
            return self.accept(&receipt, key);
        };
        let differs = match self.is_same(&receipt, &original)? {
            None => {
                let held_id = original.id;
                return Ok(Stored::Uncompared(Box::new(Uncompared { receipt, held_id })));
            }
            Some(true) => None,
            Some(false) if key.is_none() => return self.accept(&receipt, key),
            Some(false) => Some(self.quarantine(&NewQuarantined::differing(&receipt, original.id))?),
        };
        Ok(Stored::Receipt(Appended::Duplicate {
            receipt_id: original.id,
            differs,
        }))
    }

    fn accept(&mut self, receipt: &NewReceipt, key: Option<Key>) -> rusqlite::Result<Stored> {
        let receipt_id = self.insert(receipt, key)?;
        Ok(Stored::Receipt(Appended::New { receipt_id }))
    }

    fn insert(&mut self, receipt: &NewReceipt, key: Option<Key>) -> rusqlite::Result<ReceiptId> {
        let mut ids = self.memory.ids;
        let (seq, id) = (self.memory.next_seq, ids.next_id());
        let event_id = receipt.event_id().map(|event_id| event_id.uuid());
        let chatbot_id = receipt.chatbot_id.map(|chatbot_id| chatbot_id.uuid());
        self.insert.execute(params![
            seq,
            id.as_bytes(),
            receipt.received_at,
            receipt.wire.as_str(),
            receipt.name.event,
            receipt.name.status,
            blob(event_id.as_ref()),
            blob(receipt.model_id().as_ref()),
            blob(chatbot_id.as_ref()),
            &receipt.body[..],
        ])?;
        self.memory.ids = ids;
        self.memory.next_seq += 1;
        self.keys.extend(Key::to_bytes(key));
        if let Some(key) = key {
            self.index.insert(key, seq);
            self.added.push((key, seq));
        }
        if let (Some(event_id), false) = (
            event_id,
            Event::is_documented(&receipt.name.event, &receipt.name.status),
        ) {
            self.connection
                .prepare_cached("INSERT INTO unrecognized (seq, event_id) VALUES (?1, ?2)")?
                .execute(params![seq, event_id.as_bytes()])?;
        }
        if receipt.origin == Origin::Backfill {
            self.connection
                .prepare_cached("INSERT INTO backfilled (seq) VALUES (?1)")?
                .execute([seq])?;
        }
        if let Some(trace) = &receipt.trace {
            self.connection
                .prepare_cached("INSERT INTO trace (seq, headers) VALUES (?1, ?2)")?
                .execute(params![seq, trace.to_string()])?;
        }
        jobs::follow(self.connection, self.index, receipt, seq)?;
        if receipt.is_followed() {
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO latest (chatbot_id, event, seq) VALUES (?1, ?2, ?3)")?
                .execute(params![chatbot_key(receipt), receipt.name.event, seq])?;
        }
        Ok(ReceiptId::new(id))
    }

    /// The receipt of the same identity, found by its key.
    fn original(&self, key: Key, receipt: &NewReceipt) -> rusqlite::Result<Option<Original>> {
        for seq in self.index.candidates(key) {
            if let Some(original) = Original::read(self.connection, seq)?
                && original.has_identity(&receipt.identity)
            {
                return Ok(Some(original));
            }
        }
        Ok(None)
    }

    /// The last receipt of the same chatbot and event, if it may say the same and is younger than the window.
    fn latest(&self, receipt: &NewReceipt) -> rusqlite::Result<Option<Original>> {
        let seq = self
            .connection
            .prepare_cached("SELECT seq FROM latest WHERE chatbot_id = ?1 AND event = ?2")?
            .query_row(params![chatbot_key(receipt), receipt.name.event], |row| {
                row.get(0)
            })
            .optional()?;
        let Some(seq) = seq else { return Ok(None) };
        let latest = Original::read(self.connection, seq)?;
        Ok(latest.filter(|latest| {
            // Either may have arrived first: requests that come together are queued in any order.
            latest.received_at.distance(receipt.received_at) < self.settings.duplicate_window
                && latest.has_name(&receipt.name)
        }))
    }

    /// Whether a receipt says the same; `None` if that takes too long to find out here. Only what may be equal to the byte
    /// is read whatever its size, so that all of a batch reads no more than it brings.
    fn is_same(&mut self, receipt: &NewReceipt, original: &Original) -> rusqlite::Result<Option<bool>> {
        if receipt.differs_from == Some(original.id) {
            return Ok(Some(false));
        }
        let may_be_equal = original.body_bytes == receipt.body.len();
        if !may_be_equal && !self.comparing.has_room(original.body_bytes + receipt.body.len()) {
            return Ok(None);
        }
        self.connection
            .prepare_cached("SELECT body FROM receipt WHERE seq = ?1")?
            .query_row([original.seq], |row| {
                let body = row.get_ref(0)?.as_blob()?;
                Ok(self.comparing.is_same(body, &receipt.body))
            })
    }

    fn quarantine(&mut self, new: &NewQuarantined) -> rusqlite::Result<QuarantineId> {
        self.memory.quarantine.keep(self.connection, self.settings, new)
    }

    /// Journals the keys of the batch's receipts.
    pub fn write_keys(self) -> rusqlite::Result<()> {
        if !self.keys.is_empty() {
            self.connection
                .prepare_cached("INSERT INTO receipt_key (first_seq, keys) VALUES (?1, ?2)")?
                .execute(params![self.first_seq, self.keys])?;
        }
        Ok(())
    }
}

/// A receipt that another may be a duplicate of.
struct Original {
    seq: Seq,
    id: ReceiptId,
    received_at: Timestamp,
    event: String,
    status: String,
    event_id: Option<[u8; 16]>,
    model_id: Option<[u8; 16]>,
    body_bytes: usize,
}

impl Original {
    /// `None` if it has been removed by age, or cannot be read: what repeats that is kept, so that it can be read once more.
    fn read(connection: &Connection, seq: Seq) -> rusqlite::Result<Option<Self>> {
        let read = connection
            .prepare_cached(
                "SELECT id, received_at, event, status, event_id, model_id, length(body)
                 FROM receipt WHERE seq = ?1",
            )?
            .query_row([seq], |row| {
                Ok(Self {
                    seq,
                    id: ReceiptId::new(row.get(0)?),
                    received_at: row.get(1)?,
                    event: row.get(2)?,
                    status: row.get(3)?,
                    event_id: row.get(4)?,
                    model_id: row.get(5)?,
                    body_bytes: row.get(6)?,
                })
            });
        match read {
            Err(error) if concerns_a_value(&error) => Ok(None),
            read => read.optional(),
        }
    }

    fn has_identity(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Job { event_id, name } => {
                self.event_id == Some(*event_id.uuid().as_bytes()) && self.has_name(name)
            }
            Identity::Model { model_id } => self.model_id == Some(*model_id.uuid().as_bytes()),
            Identity::Windowed => false,
        }
    }

    fn has_name(&self, name: &Name) -> bool {
        self.event == name.event && self.status == name.status
    }
}

/// Whether an error says that one row cannot be stored, and nothing of the file. A number that is taken says that the file
/// holds what is not in memory: no row is to blame, and none could be stored.
fn concerns_one_row(error: &rusqlite::Error) -> bool {
    let extended_code = error.sqlite_error().map(|error| error.extended_code);
    let is_taken = matches!(
        extended_code,
        Some(
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID | ffi::SQLITE_CONSTRAINT_UNIQUE
        )
    );
    !is_taken
        && matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::TooBig | ErrorCode::ConstraintViolation)
        )
}

/// What stands for the chatbot in `latest`, where it is part of a key and so cannot be NULL.
fn chatbot_key(receipt: &NewReceipt) -> Vec<u8> {
    receipt
        .chatbot_id
        .map_or_else(Vec::new, |chatbot_id| chatbot_id.uuid().as_bytes().to_vec())
}
