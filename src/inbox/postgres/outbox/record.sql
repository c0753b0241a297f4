-- (WITH leader AS (…),) what a leader has to say of one destination, all of it or nothing.
--
-- As where notifications are stored, each look-up goes by one index, whatever the planner believes of the tables. The
-- rows come in the order of their numbers, so that no two such statements wait for one another.
moved AS (
    UPDATE destination SET
        cursor = greatest(cursor, $3),
        paused_at = CASE WHEN $4 THEN $5::timestamptz ELSE paused_at END,
        pause_reason = CASE WHEN $4 THEN $6::text ELSE pause_reason END
    FROM leader WHERE id = $2 AND (cursor < $3 OR $4::bool)
),
entry AS MATERIALIZED (
    SELECT entry.*
    FROM leader CROSS JOIN
         unnest($7::bigint[], $8::text[], $9::integer[], $10::integer[], $11::text[], $12::timestamptz[],
                $13::timestamptz[], $14::integer[], $15::timestamptz[], $16::bigint[], $17::text[], $18::integer[],
                $19::text[], $20::bytea[])
         AS entry (seq, state, step, attempt_count, outcome, due_at, changed_at, replay_count, first_started_at,
                   first_duration_us, first_outcome, first_status, first_detail, first_answer)
    WHERE entry.seq BETWEEN (SELECT first_seq FROM state WHERE one) AND (SELECT max(seq) FROM receipt)
    ORDER BY entry.seq
),
written AS (
    INSERT INTO delivery (seq, destination, state, step, attempt_count, outcome, due_at, changed_at, replay_count,
                          first_started_at, first_duration_us, first_outcome, first_status, first_detail, first_answer)
    SELECT seq, $2, state, step, attempt_count, outcome, due_at, changed_at, replay_count, first_started_at,
           first_duration_us, first_outcome, first_status, first_detail, first_answer
    FROM entry
    ON CONFLICT (seq, destination) DO UPDATE SET
        state = excluded.state, step = excluded.step, attempt_count = excluded.attempt_count,
        outcome = excluded.outcome, due_at = excluded.due_at, changed_at = excluded.changed_at,
        replay_count = excluded.replay_count,
        first_started_at = coalesce(excluded.first_started_at, delivery.first_started_at),
        first_duration_us = coalesce(excluded.first_duration_us, delivery.first_duration_us),
        first_outcome = coalesce(excluded.first_outcome, delivery.first_outcome),
        first_status = coalesce(excluded.first_status, delivery.first_status),
        first_detail = coalesce(excluded.first_detail, delivery.first_detail),
        first_answer = coalesce(excluded.first_answer, delivery.first_answer)
),
-- Of these the latest $29 are kept.
tried AS (
    INSERT INTO attempt (seq, destination, number, started_at, duration_us, outcome, status, detail, answer)
    SELECT tried.seq, $2, tried.number, tried.started_at, tried.duration_us, tried.outcome, tried.status, tried.detail,
           tried.answer
    FROM unnest($21::bigint[], $22::integer[], $23::timestamptz[], $24::bigint[], $25::text[], $26::integer[],
                $27::text[], $28::bytea[])
         AS tried (seq, number, started_at, duration_us, outcome, status, detail, answer)
         JOIN entry ON entry.seq = tried.seq
    WHERE tried.number > entry.attempt_count - $29::integer
    ORDER BY tried.seq, tried.number
    ON CONFLICT (seq, destination, number) DO UPDATE SET
        started_at = excluded.started_at, duration_us = excluded.duration_us, outcome = excluded.outcome,
        status = excluded.status, detail = excluded.detail, answer = excluded.answer
),
forgotten AS (
    DELETE FROM attempt USING entry
    WHERE entry.attempt_count > $29 AND attempt.seq = entry.seq AND attempt.destination = $2
      AND attempt.number <= entry.attempt_count - $29
)
SELECT 1 FROM leader
