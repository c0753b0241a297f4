-- The first attempt of a delivery, which nearly always is the only one, is in the delivery's row: of two rows that were
-- written for each, one is left. What was recorded before stays where it is.
ALTER TABLE delivery ADD COLUMN first_started_at  INTEGER;   -- as the columns of attempt; all are NULL where the first is not here
ALTER TABLE delivery ADD COLUMN first_duration_us INTEGER;
ALTER TABLE delivery ADD COLUMN first_outcome     TEXT;
ALTER TABLE delivery ADD COLUMN first_status      INTEGER;
ALTER TABLE delivery ADD COLUMN first_detail      TEXT;
ALTER TABLE delivery ADD COLUMN first_answer      BLOB;
