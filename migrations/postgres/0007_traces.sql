-- Where receipts stand in traces of their senders: traceparent, and behind a blank tracestate. No row is written anew for it;
-- but the table is locked for a moment, and where somebody reads for long, whoever appends is not kept waiting behind that.
DO $$
BEGIN
    LOOP
        BEGIN
            SET LOCAL lock_timeout = '2s';
            ALTER TABLE receipt ADD COLUMN trace text;
            SET LOCAL lock_timeout = 0;
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(5);
        END;
    END LOOP;
END
$$;
