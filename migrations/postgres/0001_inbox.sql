-- One row: what is true of the whole inbox.
CREATE TABLE state (
    one         boolean     PRIMARY KEY DEFAULT true CHECK (one),
    slot        smallint    NOT NULL,   -- the slot of receipt that new ones go into
    first_seq   bigint      NOT NULL,   -- receipts with smaller numbers have expired: they are there for nobody any more
    probed_at   timestamptz             -- written to show that the server takes writes
);
INSERT INTO state (slot, first_seq) VALUES (0, 1);

-- Every accepted notification. Rows are only ever appended, by one transaction at a time, so that they become visible
-- in the order of their numbers. The slots are a ring: all new rows go into one of them until it has held its share of
-- the retention time, then into the next; a slot whose receipts have all expired is emptied at a stroke by TRUNCATE,
-- and comes round again. So nothing is ever deleted row by row, and the index over identities, which are random, is
-- written to in one slot only.
CREATE TABLE receipt (
    seq           bigint      NOT NULL, -- 1, 2, 3, ...: the order of acceptance, never used twice
    slot          smallint    NOT NULL,
    received_at   timestamptz NOT NULL,
    id            uuid        NOT NULL, -- UUIDv7, greater than every earlier one
    identity      uuid,                 -- 128 bits of a hash of the identity; NULL where there is none to look up
    event_id      uuid,
    model_id      uuid,                 -- only where it is the identity: training.completed without event_id
    chatbot_id    uuid,
    is_documented boolean     NOT NULL, -- whether the program that stored it knew the event
    is_backfilled boolean     NOT NULL, -- whether backfill brought it
    wire          text        NOT NULL, -- '2024-01' or '2024-07'
    event         text        NOT NULL,
    status        text        NOT NULL,
    body          bytea       NOT NULL, -- as received, to the byte
    PRIMARY KEY (seq, slot)
) PARTITION BY LIST (slot);
CREATE TABLE receipt_0 PARTITION OF receipt FOR VALUES IN (0);
CREATE TABLE receipt_1 PARTITION OF receipt FOR VALUES IN (1);
CREATE TABLE receipt_2 PARTITION OF receipt FOR VALUES IN (2);
CREATE TABLE receipt_3 PARTITION OF receipt FOR VALUES IN (3);
CREATE TABLE receipt_4 PARTITION OF receipt FOR VALUES IN (4);
CREATE TABLE receipt_5 PARTITION OF receipt FOR VALUES IN (5);
-- Not unique, since an expired receipt of the same identity may still be in the slot. One transaction appends at a
-- time, and looks first.
CREATE INDEX receipt_identity ON receipt (identity) WHERE identity IS NOT NULL;
CREATE INDEX receipt_id ON receipt (id);
-- The receipts of jobs whose event name nobody has documented: the others are found by their identities.
CREATE INDEX receipt_undocumented ON receipt (event_id, seq) WHERE NOT is_documented AND event_id IS NOT NULL;
CREATE INDEX receipt_backfilled ON receipt (seq) WHERE is_backfilled;

-- The last accepted notification of a chatbot and event, where that matters: only against this one can a notification
-- without any id be a duplicate. The key is 128 bits of a hash of both.
CREATE TABLE latest (
    key         uuid        PRIMARY KEY,
    seq         bigint      NOT NULL
);

-- The open jobs: begun, and not known to have ended. The identity and the number are those of the receipt with status
-- 'initial'.
CREATE TABLE open_job (
    identity    uuid        PRIMARY KEY,
    seq         bigint      NOT NULL
);
CREATE INDEX open_job_seq ON open_job (seq);

-- Copies of authentic requests that were refused, and of duplicates that differ from their original. Bounded: the
-- oldest go first.
CREATE TABLE quarantine (
    seq          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           uuid        NOT NULL,  -- UUIDv7
    received_at  timestamptz NOT NULL,
    request_id   uuid        NOT NULL,
    reason       text        NOT NULL,  -- the problem's type, or 'duplicate-differs'
    detail       text        NOT NULL,  -- what was wrong, for people
    receipt_id   uuid,                  -- the original, where this is a duplicate that differs
    content_type text,
    truncated    boolean     NOT NULL,  -- whether the request had more than this
    body_bytes   bigint      NOT NULL,  -- the length of the body, to be summed up without reading it
    body         bytea       NOT NULL
);

-- One row: how much is in quarantine, and how much ever was.
CREATE TABLE quarantine_totals (
    one               boolean PRIMARY KEY DEFAULT true CHECK (one),
    held_count        bigint  NOT NULL DEFAULT 0,
    held_bytes        bigint  NOT NULL DEFAULT 0,
    quarantined_count bigint  NOT NULL DEFAULT 0, -- ever
    evicted_count     bigint  NOT NULL DEFAULT 0  -- ever
);
INSERT INTO quarantine_totals DEFAULT VALUES;

-- One row: which receiver leads, and until when.
CREATE TABLE lease (
    one         boolean     PRIMARY KEY DEFAULT true CHECK (one),
    holder      uuid        NOT NULL,
    name        text        NOT NULL,
    until       timestamptz NOT NULL
);
