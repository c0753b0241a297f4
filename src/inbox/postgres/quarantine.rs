//! The quarantine's writing side: what goes in, and what must go out for it.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};
use uuid::Uuid;

use super::super::{NewQuarantined, QuarantineId, ReceiptId, Settings};
use super::Client;
use super::system_time;

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
        let column = new.iter().map(|(_, id, request)| (id, *request));
        let kept_bytes = |request: &NewQuarantined| request.body.len().min(settings.quarantine_max_bytes);
        let ids: Vec<Uuid> = column.clone().map(|(id, _)| id.uuid()).collect();
        let received_at: Vec<_> = column
            .clone()
            .map(|(_, new)| system_time(new.received_at))
            .collect();
        let request_ids: Vec<Uuid> = column.clone().map(|(_, new)| new.request_id.uuid()).collect();
        let reasons: Vec<&str> = column.clone().map(|(_, new)| &*new.reason).collect();
        let details: Vec<String> = column
            .clone()
            .map(|(_, new)| without_nul(new.kept_detail()))
            .collect();
        let receipt_ids: Vec<_> = column
            .clone()
            .map(|(_, new)| new.receipt_id.map(ReceiptId::uuid))
            .collect();
        let content_types: Vec<_> = column
            .clone()
            .map(|(_, new)| new.kept_content_type().map(without_nul))
            .collect();
        let bodies: Vec<&[u8]> = column
            .clone()
            .map(|(_, new)| &new.body[..kept_bytes(new)])
            .collect();
        let truncated: Vec<bool> = column
            .map(|(_, new)| new.truncated || kept_bytes(new) < new.body.len())
            .collect();
        let bounds = [settings.quarantine_max_count, settings.quarantine_max_bytes];
        let [max_count, max_bytes] = bounds.map(|bound| i64::try_from(bound).unwrap_or(i64::MAX));
        let columns: [&(dyn ToSql + Sync); 9] = [
            &ids,
            &received_at,
            &request_ids,
            &reasons,
            &details,
            &receipt_ids,
            &content_types,
            &truncated,
            &bodies,
        ];
        let bounds: [&(dyn ToSql + Sync); 2] = [&max_count, &max_bytes];
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
    let statement = client.prepare_cached(sql).await?;
    let done = client
        .execute(&statement, &[&id.uuid(), &receipt_id.uuid()])
        .await;
    done.map(drop)
}

/// A text as PostgreSQL can store it, which knows no NUL.
pub fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
