//! The quarantine's writing side: what goes in, and what must go out for it.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};

use super::super::{NewQuarantined, QuarantineId, ReceiptId, Settings};
use super::Client;
use super::read::{Parameters, execute};
use super::values::{Column, bigint, column, parameters};

const KEEP: &str = "
    WITH kept AS (
        INSERT INTO quarantine (id, received_at, request_id, reason, detail, receipt_id, content_type, truncated,
                                body_bytes, body)
        SELECT id, received_at, request_id, reason, detail, receipt_id, content_type, truncated, length(body), body
        FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[],
                    $8::bool[], $9::bytea[])
        WITH ORDINALITY AS new (id, received_at, request_id, reason, detail, receipt_id, content_type, truncated, body,
                                place)
        ORDER BY place
        RETURNING body_bytes
    )
    UPDATE quarantine_totals SET
        held_count = held_count + (SELECT count(*) FROM kept),
        held_bytes = held_bytes + (SELECT coalesce(sum(body_bytes), 0) FROM kept)::bigint,
        quarantined_count = quarantined_count + (SELECT count(*) FROM kept)";

/// Takes out the oldest, as many as have no room. While there is room for all, nothing is gone through.
const EVICT: &str = "
    WITH excess AS MATERIALIZED (
        SELECT held_count - $1::bigint AS count, held_bytes - $2::bigint AS bytes FROM quarantine_totals
        WHERE held_count > $1 OR held_bytes > $2
    ),
    oldest AS (
        SELECT seq, row_number() OVER by_age - 1 AS count_before, sum(body_bytes) OVER by_age - body_bytes AS bytes_before
        FROM quarantine WHERE EXISTS (SELECT FROM excess) WINDOW by_age AS (ORDER BY seq)
    ),
    evicted AS (
        DELETE FROM quarantine USING oldest, excess
        WHERE quarantine.seq = oldest.seq
          AND (oldest.count_before < excess.count OR oldest.bytes_before < excess.bytes)
        RETURNING quarantine.body_bytes
    )
    UPDATE quarantine_totals SET
        held_count = held_count - (SELECT count(*) FROM evicted),
        held_bytes = held_bytes - (SELECT coalesce(sum(body_bytes), 0) FROM evicted)::bigint,
        evicted_count = evicted_count + (SELECT count(*) FROM evicted)
    WHERE EXISTS (SELECT FROM excess)";

/// What puts requests into the quarantine.
pub struct Statements {
    keep: Statement,
    evict: Statement,
}

impl Statements {
    pub async fn prepare(client: &Client) -> Result<Self, Error> {
        Ok(Self {
            keep: client.prepare_cached(KEEP).await?,
            evict: client.prepare_cached(EVICT).await?,
        })
    }

    /// Puts requests into the quarantine, and takes out what no longer has room in it. Both are sent at once.
    pub async fn keep(
        &self,
        client: &Client,
        settings: &Settings,
        new: &[(usize, QuarantineId, &NewQuarantined)],
    ) -> Result<(), Error> {
        let kept_bytes = |new: &NewQuarantined| new.body.len().min(settings.quarantine_max_bytes);
        let columns: [Column<'_>; 9] = [
            column(new, |(_, id, _)| id.uuid()),
            column(new, |(_, _, new)| new.received_at),
            column(new, |(_, _, new)| new.request_id.uuid()),
            column(new, |(_, _, new)| &*new.reason),
            column(new, |(_, _, new)| without_nul(new.kept_detail())),
            column(new, |(_, _, new)| new.receipt_id.map(ReceiptId::uuid)),
            column(new, |(_, _, new)| new.kept_content_type().map(without_nul)),
            column(new, |(_, _, new)| {
                new.truncated || kept_bytes(new) < new.body.len()
            }),
            column(new, |(_, _, new)| &new.body[..kept_bytes(new)]),
        ];
        let columns = parameters(&columns);
        let bounds: [&(dyn ToSql + Sync); 2] = [
            &bigint(settings.quarantine_max_count),
            &bigint(settings.quarantine_max_bytes),
        ];
        let (kept, evicted) = tokio::join!(
            biased;
            client.execute(&self.keep, &columns),
            client.execute(&self.evict, &bounds),
        );
        kept?;
        evicted.map(drop)
    }
}

/// See [`super::Inbox::accept_quarantined`].
pub async fn accept(client: &Client, id: QuarantineId, receipt_id: ReceiptId) -> Result<(), Error> {
    let sql = "UPDATE quarantine SET receipt_id = $2 WHERE id = $1 AND receipt_id IS NULL";
    let parameters: Parameters<'_> = &[&id.uuid(), &receipt_id.uuid()];
    execute(client, sql, parameters).await.map(drop)
}

/// Takes over which of these were accepted in another inbox, as receipts that are here; of one that was accepted here that stays.
pub async fn take_over_accepted(client: &Client, all: &[(QuarantineId, ReceiptId)]) -> Result<(), Error> {
    let sql = "UPDATE quarantine SET receipt_id = accepted.receipt_id
               FROM unnest($1::uuid[], $2::uuid[]) AS accepted (id, receipt_id)
               WHERE quarantine.id = accepted.id AND quarantine.receipt_id IS NULL
                   AND EXISTS (SELECT FROM receipt WHERE receipt.id = accepted.receipt_id)";
    let (ids, receipt_ids): (Vec<_>, Vec<_>) = all
        .iter()
        .map(|(id, receipt_id)| (id.uuid(), receipt_id.uuid()))
        .unzip();
    execute(client, sql, &[&ids, &receipt_ids]).await.map(drop)
}

/// A text as PostgreSQL can store it, which knows no NUL.
pub fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
