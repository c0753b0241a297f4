//! The quarantine: what goes in, what must go out for it, and what is there.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::super::damage::Damage;
use super::super::{
    MAX_EXPORT_BYTES, NewQuarantined, Page, PageRequest, QuarantineId, QuarantineTotals, Quarantined,
    ReceiptId, RequestId, Settings, next_cursor,
};
use super::read::{blob, bytes};
use crate::clock::Timestamp;

/// How much is in the quarantine.
#[derive(Clone, Copy)]
pub struct Extent {
    count: u64,
    bytes: u64,
}

impl Extent {
    /// Counts it.
    pub fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection.query_row(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM quarantine",
            [],
            |row| {
                Ok(Self {
                    count: row.get(0)?,
                    bytes: row.get(1)?,
                })
            },
        )
    }

    /// Puts a request into the quarantine, and takes out what no longer has room in it.
    pub fn keep(
        &mut self,
        connection: &Connection,
        settings: &Settings,
        new: &NewQuarantined,
    ) -> rusqlite::Result<QuarantineId> {
        let id = Uuid::now_v7();
        let kept_bytes = new.body.len().min(settings.quarantine_max_bytes);
        connection
            .prepare_cached(
                "INSERT INTO quarantine
                 (id, received_at, request_id, reason, detail, receipt_id, content_type, body, truncated)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id.as_bytes(),
                new.received_at,
                new.request_id.uuid().as_bytes(),
                new.reason,
                new.kept_detail(),
                blob(new.receipt_id.map(ReceiptId::uuid).as_ref()),
                new.kept_content_type(),
                &new.body[..kept_bytes],
                new.truncated || kept_bytes < new.body.len(),
            ])?;
        self.count += 1;
        self.bytes += kept_bytes as u64;
        let mut evicted_count = 0;
        while self.count > settings.quarantine_max_count as u64
            || self.bytes > settings.quarantine_max_bytes as u64
        {
            let evicted_bytes: u64 = connection
                .prepare_cached(
                    "DELETE FROM quarantine WHERE seq = (SELECT min(seq) FROM quarantine) RETURNING length(body)",
                )?
                .query_row([], |row| row.get(0))?;
            self.count -= 1;
            self.bytes -= evicted_bytes;
            evicted_count += 1;
        }
        connection
            .prepare_cached(
                "UPDATE state SET quarantined_count = quarantined_count + 1,
                                  quarantine_evicted_count = quarantine_evicted_count + ?1",
            )?
            .execute([evicted_count])?;
        Ok(QuarantineId::new(id))
    }
}

/// What [`quarantined_of_row`] reads.
pub const QUARANTINED: &str =
    "seq, id, received_at, request_id, reason, detail, receipt_id, content_type, length(body), truncated";

/// See [`super::Inbox::quarantine`].
pub fn page(connection: &Connection, page: PageRequest) -> rusqlite::Result<Page<Quarantined>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {QUARANTINED} FROM quarantine WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2"
    ))?;
    let before = page.cursor.map_or(i64::MAX as u64, |cursor| cursor.0);
    let mut rows = statement.query(params![before, page.limit])?;
    let mut items = Vec::new();
    let mut last_seq = 0;
    while let Some(row) = rows.next()? {
        last_seq = row.get(0)?;
        items.push(quarantined_of_row(row)?);
    }
    let next = next_cursor(&items, page.limit, |_| last_seq);
    Ok(Page { items, next })
}

/// See [`super::Inbox::quarantined`].
pub fn one(connection: &Connection, id: QuarantineId) -> rusqlite::Result<Option<(Quarantined, Bytes)>> {
    // There is no index over them: this goes through the quarantine, which is bounded, without its bodies.
    let sql = format!("SELECT {QUARANTINED}, body FROM quarantine WHERE id = ?1");
    connection
        .query_row(&sql, [id.uuid().as_bytes()], quarantined_and_body)
        .optional()
}

/// See [`super::Inbox::accept_quarantined`].
pub fn accept(connection: &Connection, id: QuarantineId, receipt_id: ReceiptId) -> rusqlite::Result<()> {
    let sql = "UPDATE quarantine SET receipt_id = ?2 WHERE id = ?1 AND receipt_id IS NULL";
    let [id, receipt_id] = [id.uuid(), receipt_id.uuid()];
    let done = connection.execute(sql, params![id.as_bytes(), receipt_id.as_bytes()]);
    done.map(drop)
}

/// See [`super::SqliteReader::export_quarantine`].
pub fn export(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<(u64, Quarantined, Bytes)>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {QUARANTINED}, body FROM quarantine WHERE seq > ?1 ORDER BY seq LIMIT ?2"
    ))?;
    let mut rows = statement.query(params![after, limit])?;
    let (mut exported, mut bytes) = (Vec::new(), 0);
    while bytes < MAX_EXPORT_BYTES
        && let Some(row) = rows.next()?
    {
        let (quarantined, body) = quarantined_and_body(row)?;
        bytes += body.len();
        exported.push((row.get(0)?, quarantined, body));
    }
    Ok(exported)
}

/// See [`super::Inbox::quarantine_totals`].
pub fn totals(connection: &Connection) -> rusqlite::Result<QuarantineTotals> {
    connection.query_row(
        "SELECT (SELECT coalesce(sum(length(body)), 0) FROM quarantine), quarantined_count, quarantine_evicted_count
         FROM state",
        [],
        |row| {
            Ok(QuarantineTotals {
                bytes: row.get(0)?,
                quarantined_count: row.get(1)?,
                evicted_count: row.get(2)?,
            })
        },
    )
}

/// Reads the columns of [`QUARANTINED`]. Where that cannot be done, the request says so: no row has its neighbours fail.
pub fn quarantined_of_row(row: &Row<'_>) -> rusqlite::Result<Quarantined> {
    let mut damage = Damage::default();
    let receipt_id = damage.or("receipt_id", row.get(6), None);
    let [duplicate_of, accepted_as] = Quarantined::related(bytes(row, 4)?, receipt_id.map(ReceiptId::new));
    Ok(Quarantined {
        id: QuarantineId::new(damage.or("id", row.get(1), Uuid::nil())),
        received_at: damage.or("received_at", row.get(2), Timestamp::from_micros(0)),
        request_id: RequestId::new(damage.or("request_id", row.get(3), Uuid::nil())),
        reason: damage.text("reason", bytes(row, 4)?),
        detail: damage.text("detail", bytes(row, 5)?),
        duplicate_of,
        accepted_as,
        content_type: damage.or("content_type", row.get(7), None),
        body_bytes: damage.or("body", row.get(8), 0),
        truncated: damage.or("truncated", row.get(9), true),
        damage: damage.said(),
    })
}

/// Reads the columns of [`QUARANTINED`], and the body after them.
fn quarantined_and_body(row: &Row<'_>) -> rusqlite::Result<(Quarantined, Bytes)> {
    let body = Bytes::copy_from_slice(bytes(row, 10)?);
    Ok((quarantined_of_row(row)?, body))
}
