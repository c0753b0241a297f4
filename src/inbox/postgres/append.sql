-- Stores the notifications of one turn, of which no two may be repeats of one another, and says what became of each in
-- their order: new_id if it is stored; known_id and is_same if there is a receipt of its identity; nothing if
-- the last receipt of its chatbot and event is not the one that it was compared with.
--
-- Runs in a transaction that has the lock, so that nothing of what it looks up can change. Each look-up goes by one
-- index: LATERAL and LIMIT, or a scalar subquery, leave the planner no other way, whatever it believes of the tables,
-- and `seq + 0` keeps it from the index over seq.
WITH base AS MATERIALIZED (
    SELECT state.first_seq, coalesce(newest.seq, 0) AS seq,
           -- How far the receiver's clock is behind the server's, by which everything is reckoned: less than a second is
           -- the way here. Reckoned from the beginning of the transaction, which has not yet waited for the lock.
           CASE WHEN abs(extract(epoch FROM now() - $20::timestamptz)) >= 1 THEN now() - $20::timestamptz
                ELSE interval '0' END AS behind,
           greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                    1 + coalesce(('x' || left(replace(newest.id::text, '-', ''), 12))::bit(48)::bigint, 0)) AS ms
    FROM state LEFT JOIN (SELECT seq, id FROM receipt ORDER BY seq DESC LIMIT 1) AS newest ON true
    WHERE state.one LIMIT 1
),
entry AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bool[], $7::bool[],
                         $8::text[], $9::text[], $10::text[], $11::bytea[],
                         $12::uuid[], $13::bigint[], $14::uuid[], $15::uuid[], $16::uuid[], $17::bigint[], $18::uuid[], $19::text[])
    WITH ORDINALITY AS entry (identity, received_at, event_id, model_id, chatbot_id, is_documented, is_backfilled,
                              wire, event, status, body, latest_key, latest_seq, begun, completed, failed, given_seq,
                              given_id, trace, place)
),
known AS MATERIALIZED (
    SELECT entry.place, original.id, original.body = entry.body AS is_same
    FROM entry CROSS JOIN base CROSS JOIN LATERAL (
        SELECT receipt.id, receipt.body FROM receipt
        WHERE receipt.identity = entry.identity AND receipt.seq + 0 >= base.first_seq LIMIT 1
    ) AS original
),
-- Where commits wait for standbys, who repeats something may see what no standby has: a commit that waits is seen by all once
-- its session is ended, or the server has begun anew. What commits after it waits for it too, but only if it writes.
witnessed AS (
    UPDATE state SET probed_at = now()
    WHERE one AND current_setting('synchronous_standby_names') <> '' AND EXISTS (SELECT FROM known)
),
stale AS MATERIALIZED (
    SELECT entry.place FROM entry CROSS JOIN base
    LEFT JOIN latest ON latest.key = entry.latest_key AND latest.seq >= base.first_seq
    WHERE entry.identity IS NULL AND coalesce(latest.seq, 0) <> entry.latest_seq
),
new AS MATERIALIZED (
    SELECT entry.*, base.first_seq, base.ms,
           -- Never ahead of the server's clock, as where the receiver's was set back while an entry waited: what came later would
           -- be kept as long. Times that are given stay.
           CASE WHEN $20::timestamptz IS NULL THEN entry.received_at
                ELSE least(entry.received_at + base.behind, clock_timestamp()) END AS stamped_at,
           coalesce(entry.given_seq, base.seq + row_number() OVER (ORDER BY entry.place)) AS seq
    FROM entry CROSS JOIN base
    WHERE entry.place NOT IN (SELECT place FROM known) AND entry.place NOT IN (SELECT place FROM stale)
),
-- The ids are UUIDv7 (RFC 9562): milliseconds, which grow with every transaction, then 50 bits of the number, so that
-- they grow within one, then 24 random bits.
numbered AS MATERIALIZED (
    SELECT new.*, coalesce(given_id, (
        lpad(to_hex(ms), 12, '0')
        || '7' || lpad(to_hex((seq >> 38) & 4095), 3, '0')
        || to_hex((-9223372036854775808)::bigint | ((seq & 274877906943) << 24) | (random() * 16777215)::bigint)
    )::uuid) AS id
    FROM new
),
stored AS (
    INSERT INTO receipt (seq, received_at, id, identity, event_id, model_id, chatbot_id, is_documented,
                         is_backfilled, wire, event, status, body, trace)
    SELECT seq, stamped_at, id, identity, event_id, model_id, chatbot_id, is_documented, is_backfilled, wire,
           event, status, body, trace
    FROM numbered
),
followed AS (
    INSERT INTO latest (key, seq)
    SELECT DISTINCT ON (latest_key) latest_key, seq FROM numbered WHERE latest_key IS NOT NULL
    ORDER BY latest_key, seq DESC
    ON CONFLICT (key) DO UPDATE SET seq = excluded.seq
),
closed AS (
    DELETE FROM open_job WHERE identity = ANY (ARRAY(SELECT begun FROM numbered WHERE begun IS NOT NULL))
),
opened AS (
    INSERT INTO open_job (identity, seq)
    SELECT numbered.identity, numbered.seq FROM numbered
    WHERE numbered.completed IS NOT NULL
      AND numbered.identity NOT IN (SELECT begun FROM numbered AS ended WHERE begun IS NOT NULL)
      -- Each alone: for two at once the server may rather go through the table, while it believes that there is little in it.
      AND (SELECT receipt.seq FROM receipt
           WHERE receipt.identity = numbered.completed AND receipt.seq + 0 >= numbered.first_seq LIMIT 1) IS NULL
      AND (SELECT receipt.seq FROM receipt
           WHERE receipt.identity = numbered.failed AND receipt.seq + 0 >= numbered.first_seq LIMIT 1) IS NULL
    ON CONFLICT (identity) DO UPDATE SET seq = excluded.seq
)
SELECT entry.place, numbered.id AS new_id, known.id AS known_id, known.is_same
FROM entry LEFT JOIN numbered USING (place) LEFT JOIN known USING (place) ORDER BY entry.place
