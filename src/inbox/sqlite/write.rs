//! The writing side: one transaction a batch.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, params};
use uuid::Uuid;

use super::super::{
    Appended, Entry, Error, IdSource, NewQuarantined, NewReceipt, QuarantineId, ReceiptId, Settings, Stored,
};
use super::index::{Key, KeyIndex, Seq};
use super::{lock_mutex, schema, sort};
use crate::clock::Timestamp;
use crate::event::{Event, Identity, same_content};

/// The most receipts that one step of [`Store::expire`] removes, and the most bytes of bodies before it stops:
/// a few milliseconds of work, so that requests hardly notice.
const EXPIRE_COUNT: usize = 256;
const EXPIRE_BYTES: i64 = 4 << 20;

/// What a probe writes, in bytes: more than a commit's own overhead, so that a nearly full disk shows.
const PROBE_BYTES: i64 = 64 << 10;

/// The file and what is known of its content. Owned by the inbox thread.
pub struct Store {
    path: PathBuf,
    settings: Settings,
    index: Arc<Mutex<KeyIndex>>,
    /// `None` after an error that leaves the connection in doubt: the next call opens the file anew.
    opened: Option<Opened>,
}

struct Opened {
    connection: Connection,
    /// The device and inode of the file, to notice when it is moved away under us.
    inode: (u64, u64),
    memory: Memory,
}

/// What is known without asking the file. Put back as it was when a transaction fails.
#[derive(Clone, Copy)]
struct Memory {
    next_seq: Seq,
    ids: IdSource,
    quarantine_count: u64,
    quarantine_bytes: u64,
}

impl Store {
    /// Opens the file, makes it if need be, and fills the index.
    pub fn open(path: &Path, settings: Settings, index: Arc<Mutex<KeyIndex>>) -> Result<Self, Error> {
        let opened = Opened::new(schema::open_writer(path, schema::Missing::Create)?, path, &index)?;
        Ok(Self {
            path: path.to_owned(),
            settings,
            index,
            opened: Some(opened),
        })
    }

    /// See [`super::Inbox::append`].
    pub fn append(&mut self, batch: Vec<Entry>) -> Result<Vec<Result<Stored, Error>>, Error> {
        let (opened, settings) = (opened(&mut self.opened, &self.path, &self.index)?, &self.settings);
        let before = opened.memory;
        let mut added = Vec::with_capacity(batch.len());
        let stored = transaction(&opened.connection, |connection| {
            let mut index = lock_mutex(&self.index);
            let mut append = Append::new(connection, settings, &mut opened.memory, &mut index, &mut added)?;
            let stored = batch.into_iter().map(|entry| append.entry(entry));
            let stored = stored.collect::<rusqlite::Result<Vec<_>>>()?;
            append.write_keys(before.next_seq)?;
            Ok(stored)
        });
        if stored.is_err() {
            opened.memory = before;
            let mut index = lock_mutex(&self.index);
            added.into_iter().for_each(|(key, seq)| index.remove(key, seq));
        }
        stored.map_err(|error| self.failed(&error))
    }

    /// See [`super::Inbox::expire`].
    pub fn expire(&mut self, before: Timestamp) -> Result<usize, Error> {
        let opened = opened(&mut self.opened, &self.path, &self.index)?;
        let expired = transaction(&opened.connection, |connection| expire(connection, before));
        match expired {
            Ok((keys, count)) => {
                let mut index = lock_mutex(&self.index);
                keys.into_iter().for_each(|(key, seq)| index.remove(key, seq));
                Ok(count)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Copies the log into the file, so that the next start need not, and closes it.
    pub fn close(&mut self) -> Result<(), Error> {
        match self.opened.take() {
            None => Ok(()),
            Some(opened) => opened
                .connection
                .close()
                .map_err(|(_, error)| sort(&self.path, "close", &error)),
        }
    }

    /// The connection, for tests to set limits on.
    #[cfg(test)]
    pub fn connection(&self) -> &Connection {
        &self.opened.as_ref().expect("the file is open").connection
    }

    /// Sorts the error of a transaction, which has been rolled back. After any but a full disk the connection is
    /// not trusted any more.
    fn failed(&mut self, error: &rusqlite::Error) -> Error {
        if error.sqlite_error_code() != Some(ErrorCode::DiskFull) {
            self.opened = None;
        }
        sort(&self.path, "write to", error)
    }
}

/// The open file, opened anew if the last error closed it, and still where it was.
fn opened<'a>(
    slot: &'a mut Option<Opened>,
    path: &Path,
    index: &Mutex<KeyIndex>,
) -> Result<&'a mut Opened, Error> {
    let opened = match slot.take() {
        Some(opened) => opened,
        None => Opened::new(schema::open_writer(path, schema::Missing::Refuse)?, path, index)?,
    };
    let opened = slot.insert(opened);
    match inode(path) {
        Ok(inode) if inode == opened.inode => Ok(opened),
        // What is written now would be gone with the last handle, so nothing is, until the file is back.
        Ok(_) | Err(_) => Err(Error::Unavailable {
            reason: format!(
                "{} was moved or deleted while in use; put it back, or restart to begin a new inbox",
                path.display()
            ),
        }),
    }
}

impl Opened {
    /// Reads what must be known of the file's content.
    fn new(connection: Connection, path: &Path, index: &Mutex<KeyIndex>) -> Result<Self, Error> {
        let inode = inode(path).map_err(|error| Error::Unavailable {
            reason: format!("cannot find {}: {error}", path.display()),
        })?;
        let load = || {
            let (keys, last_key_seq) = read_keys(&connection)?;
            let last: Option<(Seq, Uuid)> = connection
                .query_row(
                    "SELECT seq, id FROM receipt ORDER BY seq DESC LIMIT 1",
                    [],
                    |row| Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?))),
                )
                .optional()?;
            let (quarantine_count, quarantine_bytes) = connection.query_row(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM quarantine",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            *lock_mutex(index) = keys;
            Ok(Memory {
                next_seq: last.map_or(0, |(seq, _)| seq).max(last_key_seq) + 1,
                ids: IdSource::after(last.map(|(_, id)| id)),
                quarantine_count,
                quarantine_bytes,
            })
        };
        let memory = load().map_err(|error| sort(path, "read", &error))?;
        Ok(Self {
            connection,
            inode,
            memory,
        })
    }
}

/// Fills an index from the journal of keys; also gives the last number in it, 0 if there is none.
fn read_keys(connection: &Connection) -> rusqlite::Result<(KeyIndex, Seq)> {
    // Receipts go from the front, but a row of keys goes only when all of its receipts are gone.
    let first = "SELECT coalesce(min(seq), 0) FROM receipt";
    let first_seq: Seq = connection.query_row(first, [], |row| row.get(0))?;

    let mut index = KeyIndex::default();
    let mut last_seq = 0;
    let mut statement = connection.prepare("SELECT first_seq, keys FROM receipt_key ORDER BY first_seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (key, seq) in keys_of_row(row)? {
            last_seq = seq;
            if let (Some(key), true) = (key, seq >= first_seq) {
                index.insert(key, seq);
            }
        }
    }
    Ok((index, last_seq))
}

/// The keys in a row of the journal, with the numbers of their receipts.
fn keys_of_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<(Option<Key>, Seq)>> {
    let first_seq: Seq = row.get(0)?;
    let (keys, _) = row.get_ref(1)?.as_blob()?.as_chunks();
    Ok(keys
        .iter()
        .map(|key| Key::from_bytes(*key))
        .zip(first_seq..)
        .collect())
}

/// Runs `work` in a transaction and commits it, or undoes it.
fn transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = work(connection).and_then(|done| connection.execute_batch("COMMIT").map(|()| done));
    if done.is_err() && !connection.is_autocommit() {
        // SQLite undoes some failed transactions by itself; what it leaves open must not be committed by the next.
        // Should this fail too, the first error is the one to report, and the caller drops the connection.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

/// A batch in its transaction.
struct Append<'a> {
    connection: &'a Connection,
    settings: &'a Settings,
    memory: &'a mut Memory,
    index: &'a mut KeyIndex,
    /// What this batch put into the index, for the case that it fails.
    added: &'a mut Vec<(Key, Seq)>,
    /// The keys of this batch's receipts, in the form they have on disk.
    keys: Vec<u8>,
    insert: CachedStatement<'a>,
}

impl<'a> Append<'a> {
    fn new(
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
            memory,
            index,
            added,
            keys: Vec::new(),
            insert,
        })
    }

    /// Stores one entry. The outer error is the batch's, the inner one this entry's alone.
    fn entry(&mut self, entry: Entry) -> rusqlite::Result<Result<Stored, Error>> {
        let stored = match entry {
            Entry::Receipt(receipt) => self.receipt(&receipt).map(Stored::Receipt),
            Entry::Quarantine(quarantined) => self.quarantine(&quarantined).map(Stored::Quarantined),
            Entry::Probe => self
                .connection
                .execute("UPDATE state SET probe = zeroblob(?1)", [PROBE_BYTES])
                .map(|_| Stored::Probed),
        };
        match stored {
            Ok(stored) => Ok(Ok(stored)),
            Err(error) if concerns_one_row(&error) => Ok(Err(Error::Unavailable {
                reason: format!("this entry cannot be stored: {error}"),
            })),
            Err(error) => Err(error),
        }
    }

    fn receipt(&mut self, receipt: &NewReceipt) -> rusqlite::Result<Appended> {
        let key = Key::of(&receipt.identity);
        let original = match key {
            Some(key) => self.original(key, receipt)?,
            None => self.latest_if_same(receipt)?,
        };
        match original {
            Some(original) => self.duplicate(receipt, &original),
            None => self
                .insert(receipt, key)
                .map(|receipt_id| Appended::New { receipt_id }),
        }
    }

    fn insert(&mut self, receipt: &NewReceipt, key: Option<Key>) -> rusqlite::Result<ReceiptId> {
        let mut ids = self.memory.ids;
        let (seq, id) = (self.memory.next_seq, ids.next_id());
        let model_id = match &receipt.identity {
            Identity::Model { model_id } => Some(model_id.uuid()),
            Identity::Job { .. } | Identity::Windowed => None,
        };
        let event_id = receipt.event_id().map(|event_id| event_id.uuid());
        let chatbot_id = receipt.chatbot_id.map(|chatbot_id| chatbot_id.uuid());
        self.insert.execute(params![
            seq,
            id.as_bytes(),
            receipt.received_at.as_micros(),
            receipt.wire.as_str(),
            receipt.name.event,
            receipt.name.status,
            blob(event_id.as_ref()),
            blob(model_id.as_ref()),
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
        if receipt.name.event == "training" || receipt.identity == Identity::Windowed {
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

    /// The last receipt of the same chatbot and event, if it says the same and is younger than the window.
    fn latest_if_same(&self, receipt: &NewReceipt) -> rusqlite::Result<Option<Original>> {
        let seq = self
            .connection
            .prepare_cached("SELECT seq FROM latest WHERE chatbot_id = ?1 AND event = ?2")?
            .query_row(params![chatbot_key(receipt), receipt.name.event], |row| {
                row.get(0)
            })
            .optional()?;
        let Some(seq) = seq else { return Ok(None) };
        let original = Original::read(self.connection, seq)?;
        Ok(original.filter(|original| {
            // Either may have arrived first: requests that come together are queued in any order.
            original.received_at.distance(receipt.received_at) < self.settings.duplicate_window
                && same_content(&original.body, &receipt.body)
        }))
    }

    fn duplicate(&mut self, receipt: &NewReceipt, original: &Original) -> rusqlite::Result<Appended> {
        let mut differs = None;
        if !same_content(&original.body, &receipt.body) {
            differs = Some(self.quarantine(&NewQuarantined {
                request_id: receipt.request_id,
                received_at: receipt.received_at,
                reason: "duplicate-differs".to_owned(),
                detail: format!(
                    "it has the identity of receipt {} but says something else",
                    original.id
                ),
                receipt_id: Some(original.id),
                content_type: None,
                body: receipt.body.clone(),
                truncated: false,
            })?);
        }
        Ok(Appended::Duplicate {
            receipt_id: original.id,
            differs,
        })
    }

    fn quarantine(&mut self, new: &NewQuarantined) -> rusqlite::Result<QuarantineId> {
        let id = Uuid::now_v7();
        let kept_bytes = new.body.len().min(self.settings.quarantine_max_bytes);
        self.connection
            .prepare_cached(
                "INSERT INTO quarantine
                 (id, received_at, request_id, reason, detail, receipt_id, content_type, body, truncated)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id.as_bytes(),
                new.received_at.as_micros(),
                new.request_id.uuid().as_bytes(),
                new.reason,
                new.detail,
                blob(new.receipt_id.map(ReceiptId::uuid).as_ref()),
                new.content_type,
                &new.body[..kept_bytes],
                new.truncated || kept_bytes < new.body.len(),
            ])?;
        self.memory.quarantine_count += 1;
        self.memory.quarantine_bytes += kept_bytes as u64;
        let mut evicted_count = 0;
        while self.memory.quarantine_count > self.settings.quarantine_max_count as u64
            || self.memory.quarantine_bytes > self.settings.quarantine_max_bytes as u64
        {
            let evicted_bytes: u64 = self
                .connection
                .prepare_cached(
                    "DELETE FROM quarantine WHERE seq = (SELECT min(seq) FROM quarantine) RETURNING length(body)",
                )?
                .query_row([], |row| row.get(0))?;
            self.memory.quarantine_count -= 1;
            self.memory.quarantine_bytes -= evicted_bytes;
            evicted_count += 1;
        }
        self.connection
            .prepare_cached(
                "UPDATE state SET quarantined_count = quarantined_count + 1,
                                  quarantine_evicted_count = quarantine_evicted_count + ?1",
            )?
            .execute([evicted_count])?;
        Ok(QuarantineId::new(id))
    }

    /// Journals the keys of the batch's receipts, the first of which has the number `first_seq`.
    fn write_keys(self, first_seq: Seq) -> rusqlite::Result<()> {
        if !self.keys.is_empty() {
            self.connection
                .prepare_cached("INSERT INTO receipt_key (first_seq, keys) VALUES (?1, ?2)")?
                .execute(params![first_seq, self.keys])?;
        }
        Ok(())
    }
}

/// A receipt that another may be a duplicate of.
struct Original {
    id: ReceiptId,
    received_at: Timestamp,
    event: String,
    status: String,
    event_id: Option<[u8; 16]>,
    model_id: Option<[u8; 16]>,
    body: Vec<u8>,
}

impl Original {
    /// `None` if it has been removed by age.
    fn read(connection: &Connection, seq: Seq) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(
                "SELECT id, received_at, event, status, event_id, model_id, body FROM receipt WHERE seq = ?1",
            )?
            .query_row([seq], |row| {
                Ok(Self {
                    id: ReceiptId::new(Uuid::from_bytes(row.get(0)?)),
                    received_at: Timestamp::from_micros(row.get(1)?),
                    event: row.get(2)?,
                    status: row.get(3)?,
                    event_id: row.get(4)?,
                    model_id: row.get(5)?,
                    body: row.get(6)?,
                })
            })
            .optional()
    }

    fn has_identity(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Job { event_id, name } => {
                self.event_id == Some(*event_id.uuid().as_bytes())
                    && self.event == name.event
                    && self.status == name.status
            }
            Identity::Model { model_id } => self.model_id == Some(*model_id.uuid().as_bytes()),
            Identity::Windowed => false,
        }
    }
}

/// Removes the oldest receipts; returns their keys and how many they were.
fn expire(connection: &Connection, before: Timestamp) -> rusqlite::Result<(Vec<(Key, Seq)>, usize)> {
    let mut statement = connection
        .prepare_cached("SELECT seq, received_at, length(body) FROM receipt ORDER BY seq LIMIT ?1")?;
    let mut rows = statement.query([EXPIRE_COUNT])?;
    let (mut last_seq, mut bytes): (Option<Seq>, i64) = (None, 0);
    while let Some(row) = rows.next()? {
        if Timestamp::from_micros(row.get(1)?) >= before || bytes > EXPIRE_BYTES {
            break;
        }
        last_seq = Some(row.get(0)?);
        bytes += row.get::<_, i64>(2)?;
    }
    drop(rows);
    let Some(last_seq) = last_seq else {
        return Ok((Vec::new(), 0));
    };

    let mut keys = Vec::new();
    let mut statement = connection
        .prepare_cached("SELECT first_seq, keys FROM receipt_key WHERE first_seq <= ?1 ORDER BY first_seq")?;
    let mut rows = statement.query([last_seq])?;
    let mut whole_rows_before = None;
    while let Some(row) = rows.next()? {
        whole_rows_before = Some(row.get::<_, Seq>(0)?);
        let of_row = keys_of_row(row)?.into_iter().filter(|(_, seq)| *seq <= last_seq);
        keys.extend(of_row.filter_map(|(key, seq)| Some((key?, seq))));
    }
    drop(rows);
    // The last of these rows stays: it may hold keys of later receipts, and it keeps its numbers from being used
    // again should every receipt go.
    connection.execute(
        "DELETE FROM receipt_key WHERE first_seq < ?1",
        [whole_rows_before],
    )?;
    connection.execute("DELETE FROM unrecognized WHERE seq <= ?1", [last_seq])?;
    connection.execute("DELETE FROM latest WHERE seq <= ?1", [last_seq])?;
    let count = connection.execute("DELETE FROM receipt WHERE seq <= ?1", [last_seq])?;
    Ok((keys, count))
}

/// Whether an error says that one row cannot be stored, and nothing of the file.
fn concerns_one_row(error: &rusqlite::Error) -> bool {
    matches!(
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

fn blob(uuid: Option<&Uuid>) -> Option<&[u8]> {
    uuid.map(|uuid| uuid.as_bytes().as_slice())
}

fn inode(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}
