-- How often a delivery was made pending anew. A queue drops what bears an id that it has had, so each time needs one of
-- its own. What a receiver of the version before writes leaves the number as it is.
ALTER TABLE delivery ADD COLUMN replay_count integer NOT NULL DEFAULT 0;
