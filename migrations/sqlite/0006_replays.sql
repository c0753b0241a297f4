-- How often a delivery was made pending anew. A queue drops what bears an id that it has had, so each time needs one of
-- its own.
ALTER TABLE delivery ADD COLUMN replay_count INTEGER NOT NULL DEFAULT 0;
