-- Where receipts go. Rows stay for ever: what became of deliveries refers to them.
CREATE TABLE destination (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    cursor       INTEGER NOT NULL,    -- receipts up to this seq are finished with, or have a row in delivery
    added_at     INTEGER NOT NULL,    -- microseconds since 1970-01-01 UTC, as all times
    removed_at   INTEGER,
    paused_at    INTEGER,             -- this and the next: both or none
    pause_reason TEXT
) STRICT;

-- What became of a receipt on its way to a destination, where there is something to say of it. In the order of receipts,
-- so that new rows come close to the end and expiry removes one range from the front.
CREATE TABLE delivery (
    seq           INTEGER NOT NULL,   -- the receipt's
    destination   INTEGER NOT NULL,
    state         TEXT    NOT NULL,   -- 'pending', 'delivered', 'dead', 'cancelled' or 'removed'
    step          INTEGER NOT NULL,   -- tries of the schedule that are used up
    attempt_count INTEGER NOT NULL,   -- ever
    outcome       TEXT,               -- of the last attempt
    due_at        INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    PRIMARY KEY (seq, destination)
) STRICT, WITHOUT ROWID;
-- Nearly all are delivered in the end; these two hold the few that are asked for by their state.
CREATE INDEX delivery_pending ON delivery (destination, seq) WHERE state = 'pending';
CREATE INDEX delivery_dead ON delivery (destination, seq) WHERE state = 'dead';

-- The latest attempts of each delivery.
CREATE TABLE attempt (
    seq         INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    number      INTEGER NOT NULL,     -- 1, 2, 3, ... of its delivery
    started_at  INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    outcome     TEXT    NOT NULL,
    status      INTEGER,              -- of HTTP, or an exit code
    detail      TEXT    NOT NULL,     -- what happened, for people
    answer      BLOB    NOT NULL,     -- its beginning
    PRIMARY KEY (seq, destination, number)
) STRICT, WITHOUT ROWID;

-- What an operator asked for. Those that are done are kept for a while.
CREATE TABLE instruction (
    id         BLOB    PRIMARY KEY,   -- UUIDv7
    created_at INTEGER NOT NULL,
    body       TEXT    NOT NULL,      -- JSON
    progress   TEXT    NOT NULL,      -- JSON, or empty
    done_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX instruction_open ON instruction (id) WHERE done_at IS NULL;
