-- The only index over text. In an order of the system's, which a newer version of it may change, it would not find a destination any
-- more that it holds, and would take it in once more.
ALTER TABLE destination ALTER COLUMN name TYPE text COLLATE "C";
