-- Every accepted notification. Rows are only ever appended at the end and removed from the front, and there is
-- no second index: one over the random ids of CaiGunn would dirty a page of its own for nearly every row.
-- Identities are held in memory and journalled in receipt_key; receipt ids grow with seq, so that an id is
-- found by bisection.
CREATE TABLE receipt (
    seq         INTEGER PRIMARY KEY,  -- 1, 2, 3, ...: the order of acceptance, never used twice
    id          BLOB    NOT NULL,     -- UUIDv7, greater than every earlier one
    received_at INTEGER NOT NULL,     -- microseconds since 1970-01-01 UTC
    wire        TEXT    NOT NULL,     -- '2024-01' or '2024-07'
    event       TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    event_id    BLOB,                 -- UUIDs as 16 bytes; hex(event_id) shows them
    model_id    BLOB,                 -- only where it is the identity: training.completed without event_id
    chatbot_id  BLOB,
    body        BLOB    NOT NULL      -- as received, to the byte; last, so that the rest is read without it
) STRICT;

-- What the index in memory is rebuilt from at start: one row a commit, with the 8-byte keys of its receipts, which
-- have consecutive numbers from first_seq on. Small and read in order, so that a start stays short.
CREATE TABLE receipt_key (
    first_seq   INTEGER PRIMARY KEY,
    keys        BLOB    NOT NULL
) STRICT;

-- The receipts of jobs whose event name nobody has documented: the others are found by their identities.
CREATE TABLE unrecognized (
    seq         INTEGER PRIMARY KEY,
    event_id    BLOB    NOT NULL
) STRICT;
CREATE INDEX unrecognized_event_id ON unrecognized (event_id);

-- The last accepted notification of a chatbot and event, for those that carry no id (older training.initial and
-- training.failed): only against this one can they be duplicates.
CREATE TABLE latest (
    chatbot_id  BLOB    NOT NULL,     -- empty where the notification names none
    event       TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    PRIMARY KEY (chatbot_id, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX latest_seq ON latest (seq);

-- Copies of authentic requests that were refused, and of duplicates that differ from their original. Bounded:
-- the oldest go first.
CREATE TABLE quarantine (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          BLOB    NOT NULL,     -- UUIDv7
    received_at INTEGER NOT NULL,
    request_id  BLOB    NOT NULL,
    reason      TEXT    NOT NULL,     -- the problem's type, or 'duplicate-differs'
    detail      TEXT    NOT NULL,     -- what was wrong, for people
    receipt_id  BLOB,                 -- the original, where this is a duplicate that differs
    content_type TEXT,
    body        BLOB    NOT NULL,
    truncated   INTEGER NOT NULL      -- 1 if the request had more than this
) STRICT;

-- One row: counters that survive a restart, and a filler that is rewritten to show that the file takes writes.
CREATE TABLE state (
    one                      INTEGER PRIMARY KEY CHECK (one = 1),
    quarantined_count        INTEGER NOT NULL,  -- ever
    quarantine_evicted_count INTEGER NOT NULL,  -- ever
    probe                    BLOB    NOT NULL
) STRICT;

INSERT INTO state VALUES (1, 0, 0, x'');
