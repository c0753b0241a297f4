//! The quarantine's writing side: what goes in, and what must go out for it.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::super::{NewQuarantined, QuarantineId, ReceiptId, Settings};
use super::append::blob;

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
                new.received_at.as_micros(),
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
