-- One plain table of receipts in place of the slots: what has expired is deleted, some rows at a time. Programs of the
-- versions before name the slots, so they store nothing more once this is done.
--
-- A receipt never changes once it is stored. So nearly all are copied while such programs go on storing, and what
-- appends is kept waiting only for the rest, which came meanwhile.
CREATE TABLE receipt_plain (
    seq           bigint      NOT NULL, -- 1, 2, 3, ...: the order of acceptance, never used twice
    received_at   timestamptz NOT NULL,
    id            uuid        NOT NULL, -- UUIDv7, greater than every earlier one: so it is found by halving
    identity      uuid,                 -- 128 bits of a hash of the identity; NULL where there is none to look up
    event_id      uuid,
    model_id      uuid,                 -- only where it is the identity: training.completed without event_id
    chatbot_id    uuid,
    is_documented boolean     NOT NULL, -- whether the program that stored it knew the event
    is_backfilled boolean     NOT NULL, -- whether backfill brought it
    wire          text        NOT NULL, -- '2024-01' or '2024-07'
    event         text        NOT NULL,
    status        text        NOT NULL,
    body          bytea       NOT NULL  -- as received, to the byte
);

-- Copies what is not expired and not copied yet, as far as it is committed; says how much that was. Numbers become visible
-- in their order. The newest is copied in any case: the next number is reckoned from it.
CREATE FUNCTION copy_receipts() RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    copied_seq bigint := coalesce(
        (SELECT max(seq) FROM receipt_plain),
        (SELECT least((SELECT first_seq FROM state), (SELECT max(seq) FROM receipt)) - 1));
    copied_count bigint;
BEGIN
    INSERT INTO receipt_plain (seq, received_at, id, identity, event_id, model_id, chatbot_id, is_documented,
                               is_backfilled, wire, event, status, body)
    SELECT seq, received_at, id, identity, event_id, model_id, chatbot_id, is_documented, is_backfilled, wire, event,
           status, body
    FROM receipt WHERE seq > copied_seq ORDER BY seq;
    GET DIAGNOSTICS copied_count = ROW_COUNT;
    RETURN copied_count;
END
$$;
SELECT copy_receipts();

ALTER TABLE receipt_plain ADD PRIMARY KEY (seq);
-- Not unique, since an expired receipt of the same identity may still be there. One transaction appends at a time, and
-- looks first.
CREATE INDEX receipt_plain_identity ON receipt_plain (identity) WHERE identity IS NOT NULL;
-- The receipts of jobs whose event name nobody has documented: the others are found by their identities.
CREATE INDEX receipt_plain_undocumented ON receipt_plain (event_id, seq) WHERE NOT is_documented AND event_id IS NOT NULL;
CREATE INDEX receipt_plain_backfilled ON receipt_plain (seq) WHERE is_backfilled;

DO $$
BEGIN
    -- Each time there is less.
    FOR turn IN 1..20 LOOP
        EXIT WHEN copy_receipts() < 5000;
    END LOOP;
    LOOP
        BEGIN
            -- Those of whoever appends, in the order in which they are taken: version 0.1.0 has the second alone, which is
            -- named after a table.
            PERFORM pg_advisory_xact_lock(4847939494931857407);
            PERFORM pg_advisory_xact_lock(4847939490636890112 | 'state'::regclass::oid::bigint);
            PERFORM copy_receipts();
            SET LOCAL lock_timeout = '2s';
            -- The last of them is for a later step of this transaction, which must not wait while it has the others.
            LOCK TABLE receipt, state, delivery IN ACCESS EXCLUSIVE MODE;
            SET LOCAL lock_timeout = 0;
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            -- Somebody reads for long. All of this try is undone, the locks too: whoever appends goes on meanwhile.
            PERFORM pg_sleep(5);
            -- What came meanwhile, while nobody waits for it: the next try has that much less to do.
            PERFORM copy_receipts();
        END;
    END LOOP;
END
$$;
DROP FUNCTION copy_receipts;
DROP TABLE receipt;
ALTER TABLE receipt_plain RENAME TO receipt;
ALTER INDEX receipt_plain_pkey RENAME TO receipt_pkey;
ALTER INDEX receipt_plain_identity RENAME TO receipt_identity;
ALTER INDEX receipt_plain_undocumented RENAME TO receipt_undocumented;
ALTER INDEX receipt_plain_backfilled RENAME TO receipt_backfilled;
ALTER TABLE state DROP COLUMN slot;
-- By this what belongs to expired receipts is found.
CREATE INDEX latest_seq ON latest (seq);
