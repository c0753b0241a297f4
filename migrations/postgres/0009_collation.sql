-- The only index over text. In an order of the system's, which a newer version of it may change, it would not find a destination any
-- more that it holds, and would take it in once more. The column stays as it is: receivers that run beside this have read it.
CREATE UNIQUE INDEX destination_name ON destination (name COLLATE "C");
ALTER TABLE destination DROP CONSTRAINT destination_name_key;
