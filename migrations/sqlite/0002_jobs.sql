-- The receipts that backfill brought. Those of webhooks, nearly all, have no row here and so cost nothing more.
CREATE TABLE backfilled (
    seq         INTEGER PRIMARY KEY
) STRICT;

-- The open jobs: begun, and not known to have ended. A row is there while the receipt with status 'initial' is, and
-- no 'completed' or 'failed' of the same event_id and event has come, before it or after it. seq is that receipt's,
-- so that rows are appended at the end; the one to remove is found by the identities in memory, so that this table
-- too needs no index over random ids.
CREATE TABLE open_job (
    seq         INTEGER PRIMARY KEY,
    event_id    BLOB    NOT NULL
) STRICT;

-- Grouped by sorting: looking each beginning up among the ends (NOT IN) took minutes for a million receipts.
INSERT INTO open_job (seq, event_id)
SELECT min(seq), event_id FROM receipt
WHERE status IN ('initial', 'completed', 'failed') AND event_id IS NOT NULL
GROUP BY event_id, event HAVING count(*) FILTER (WHERE status <> 'initial') = 0
ORDER BY 1;
