-- The plain store: one table of receipts, one index over identities, a batch by one call of a function. It has no index over
-- ids, which say the number of their receipt, and `open_job`, as ours has it; what only training and notifications without
-- ids need is left out, since there are none.
CREATE SCHEMA IF NOT EXISTS caigunn_webhook;
SET search_path = caigunn_webhook;
CREATE TABLE IF NOT EXISTS receipt (
    seq           bigint      PRIMARY KEY,
    received_at   timestamptz NOT NULL,
    id            uuid        NOT NULL,
    identity      uuid        UNIQUE,
    event_id      uuid,
    model_id      uuid,
    chatbot_id    uuid,
    is_documented boolean     NOT NULL,
    is_backfilled boolean     NOT NULL,
    wire          text        NOT NULL,
    event         text        NOT NULL,
    status        text        NOT NULL,
    body          bytea       NOT NULL
);
CREATE TABLE IF NOT EXISTS open_job (identity uuid PRIMARY KEY, seq bigint NOT NULL);

-- Each statement of it sees what was committed before the lock was had.
CREATE OR REPLACE FUNCTION append(uuid[], timestamptz[], uuid[], uuid[], uuid[], bool[], bool[], text[], text[], text[], bytea[], uuid[])
RETURNS TABLE (place bigint, new_id uuid, known_id uuid, is_same bool) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    last_seq bigint := 0;
    last_ms bigint := 0;
    ms bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(4848041487);
    SELECT seq, ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint INTO last_seq, last_ms
    FROM receipt ORDER BY seq DESC LIMIT 1;
    last_seq := coalesce(last_seq, 0);
    ms := greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint, 1 + coalesce(last_ms, 0));
    DELETE FROM open_job WHERE identity = ANY ($12);
    RETURN QUERY
    WITH entry AS MATERIALIZED (
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        WITH ORDINALITY AS entry (identity, received_at, event_id, model_id, chatbot_id, is_documented, is_backfilled,
                                  wire, event, status, body, place)
    ),
    stored AS (
        INSERT INTO receipt (seq, received_at, id, identity, event_id, model_id, chatbot_id, is_documented,
                             is_backfilled, wire, event, status, body)
        SELECT last_seq + place, received_at,
               (lpad(to_hex(ms), 12, '0')
                || '7' || lpad(to_hex(((last_seq + place) >> 38) & 4095), 3, '0')
                || to_hex((-9223372036854775808)::bigint | (((last_seq + place) & 274877906943) << 24)
                          | (random() * 16777215)::bigint))::uuid,
               identity, event_id, model_id, chatbot_id, is_documented, is_backfilled, wire, event, status, body
        FROM entry
        ON CONFLICT (identity) DO NOTHING
        RETURNING seq, id
    )
    SELECT entry.place, stored.id, original.id, original.body = entry.body
    FROM entry LEFT JOIN stored ON stored.seq = last_seq + entry.place
    LEFT JOIN LATERAL (
        SELECT receipt.id, receipt.body FROM receipt
        WHERE stored.id IS NULL AND receipt.identity = entry.identity LIMIT 1
    ) AS original ON true
    ORDER BY entry.place;
END
$$;
