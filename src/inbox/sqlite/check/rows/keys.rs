//! Whether the journal of keys has the key of each receipt. By that alone is a repeat known after a start: of a receipt whose
//! key is another there, or none, the next repeat would be a new receipt, and delivered once more.

use rusqlite::{Row, Rows};
use uuid::Uuid;

use super::super::super::index::{Key, Seq};
use super::MAX_NAMED;
use crate::event::{EventId, Identity, ModelId};
use crate::fingerprint::hex;

/// What [`Keys::new`] reads.
pub const KEYS: &str = "SELECT first_seq, keys FROM receipt_key ORDER BY first_seq";

/// A row of the journal: the number of its first receipt, and their keys.
type JournalRow = (Seq, Vec<u8>);

/// The journal beside the receipts, one row at a time, and what is wrong in it.
pub struct Keys<'a> {
    rows: Rows<'a>,
    /// Whose keys begin at or before the receipt that is looked at, and the next one.
    row: Option<JournalRow>,
    next: Option<JournalRow>,
    /// All receipts whose key is wrong.
    pub wrong_count: u64,
    /// Those of them that are named, and for each the SQL that puts its key right.
    pub wrong: Vec<(Seq, String)>,
}

impl<'a> Keys<'a> {
    /// With the rows of [`KEYS`].
    pub fn new(rows: Rows<'a>) -> Self {
        Self {
            rows,
            row: None,
            next: None,
            wrong_count: 0,
            wrong: Vec::new(),
        }
    }

    /// Looks at the key of a receipt, by the columns of [`RECEIPT`](super::RECEIPT). They are looked at in their order.
    pub fn look(&mut self, receipt: &Row<'_>) -> rusqlite::Result<()> {
        let (seq, key) = (receipt.get(0)?, Key::to_bytes(key_of_row(receipt)?));
        self.go_to(seq)?;
        let place = self.row.as_ref().map(|(first_seq, keys)| {
            let start =
                usize::try_from(seq - first_seq).map_or(usize::MAX, |place| place.saturating_mul(Key::BYTES));
            (
                *first_seq,
                start,
                keys.get(start..start.saturating_add(Key::BYTES)),
            )
        });
        let held = place.and_then(|(.., held)| held);
        // What has no key is not missed.
        if held.unwrap_or(&Key::to_bytes(None)) == key {
            return Ok(());
        }
        self.wrong_count += 1;
        if self.wrong.len() < MAX_NAMED {
            let mend = match place {
                Some((first_seq, start, Some(_))) => in_its_place(first_seq, start, key),
                _ => format!(
                    "INSERT OR REPLACE INTO receipt_key VALUES ({seq}, x'{}')",
                    hex(&key)
                ),
            };
            self.wrong.push((seq, mend));
        }
        Ok(())
    }

    /// Goes on to the last row that begins at or before a receipt.
    fn go_to(&mut self, seq: Seq) -> rusqlite::Result<()> {
        loop {
            if self.next.is_none() {
                let next = self.rows.next()?;
                self.next = next
                    .map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?)))
                    .transpose()?;
            }
            match self.next.take_if(|(first_seq, _)| *first_seq <= seq) {
                Some(row) => self.row = Some(row),
                None => return Ok(()),
            }
        }
    }
}

/// Replaces one of the keys of a row, which begins at that byte.
fn in_its_place(first_seq: Seq, start: usize, key: [u8; Key::BYTES]) -> String {
    format!(
        "UPDATE receipt_key SET keys = CAST(substr(keys, 1, {start}) || x'{}' || substr(keys, {}) AS BLOB) \
         WHERE first_seq = {first_seq}",
        hex(&key),
        start + Key::BYTES + 1
    )
}

/// The key of the identity that a receipt was stored with.
fn key_of_row(receipt: &Row<'_>) -> rusqlite::Result<Option<Key>> {
    let id = |column| {
        let bytes = receipt.get_ref(column)?.as_blob_or_null()?;
        Ok::<_, rusqlite::Error>(bytes.and_then(|bytes| Uuid::from_slice(bytes).ok()))
    };
    if let Some(event_id) = id(6)? {
        let (event, status) = (receipt.get_ref(4)?.as_str()?, receipt.get_ref(5)?.as_str()?);
        return Ok(Some(Key::of_job(EventId::new(event_id), event, status)));
    }
    let model = id(11)?.map(|id| Identity::Model {
        model_id: ModelId::new(id),
    });
    Ok(model.and_then(|model| Key::of(&model)))
}
