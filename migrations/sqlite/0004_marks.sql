-- How old receipts are, whatever the clock says: now and then the number of the newest receipt is taken down, with the
-- inbox's own time. So a receipt is neither older than the mark before it nor younger than the one after it.
CREATE TABLE mark (
    number INTEGER PRIMARY KEY,       -- in the order in which they were made
    seq    INTEGER NOT NULL,          -- the newest receipt's then; 0 if there was none
    at     INTEGER NOT NULL,          -- the inbox's own time; microseconds
    clock  INTEGER NOT NULL           -- what the clock said; microseconds since 1970-01-01 UTC
) STRICT;
