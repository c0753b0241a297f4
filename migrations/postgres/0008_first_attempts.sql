-- The first attempt of a delivery, which nearly always is the only one, is in the delivery's row: of two rows that were
-- written for each, one is left. What was recorded before stays where it is.
ALTER TABLE delivery
    ADD COLUMN first_started_at  timestamptz,    -- as the columns of attempt; all are NULL where the first is not here
    ADD COLUMN first_duration_us bigint,
    ADD COLUMN first_outcome     text,
    ADD COLUMN first_status      integer,
    ADD COLUMN first_detail      text,
    ADD COLUMN first_answer      bytea;
