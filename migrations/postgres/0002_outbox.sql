-- The way out. A row in delivery says what is not in the log already: what is not behind a destination's cursor, and has
-- no row, is finished with there; what is behind it, and has none, is pending.

-- Where receipts go.
CREATE TABLE destination (
    id           integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never used for another one
    name         text        NOT NULL UNIQUE, -- in the configuration
    cursor       bigint      NOT NULL,   -- receipts up to this number are finished with there, or have a delivery
    added_at     timestamptz NOT NULL,   -- or added again
    removed_at   timestamptz,            -- when it was found to be configured no more
    paused_at    timestamptz,            -- since when nothing is sent to it
    pause_reason text                    -- and why, for people
);

-- What has become of a receipt at a destination.
CREATE TABLE delivery (
    seq           bigint      NOT NULL,  -- of the receipt; below state.first_seq it is there for nobody any more
    destination   integer     NOT NULL,
    state         text        NOT NULL,  -- 'pending', 'delivered', 'dead', 'cancelled' or 'removed'
    step          integer     NOT NULL,  -- how many tries of the schedule are used up
    attempt_count integer     NOT NULL,  -- ever made
    outcome       text,                  -- of the last attempt
    due_at        timestamptz NOT NULL,  -- of a pending one, when it is to be tried
    changed_at    timestamptz NOT NULL,
    PRIMARY KEY (seq, destination)
);
-- Nearly all are delivered in the end, and no other index is written to for these.
CREATE INDEX delivery_pending ON delivery (destination, seq) WHERE state = 'pending';
CREATE INDEX delivery_dead ON delivery (destination, seq) WHERE state = 'dead';
CREATE INDEX delivery_called_off ON delivery (destination, seq) WHERE state IN ('cancelled', 'removed');

-- The latest attempts of each delivery.
CREATE TABLE attempt (
    seq           bigint      NOT NULL,
    destination   integer     NOT NULL,
    number        integer     NOT NULL,  -- 1, 2, 3, ... of this delivery
    started_at    timestamptz NOT NULL,
    duration_us   bigint      NOT NULL,
    outcome       text        NOT NULL,  -- 'delivered', 'unreachable', 'timeout', 'refused', 'failed' or 'ours'
    status        integer,               -- HTTP's, or an exit code
    detail        text        NOT NULL,  -- for people
    answer        bytea       NOT NULL,  -- the beginning of what was answered
    PRIMARY KEY (seq, destination, number)
);

-- What operators asked the leader to do.
CREATE TABLE instruction (
    id            uuid        PRIMARY KEY, -- UUIDv7
    created_at    timestamptz NOT NULL,
    body          text        NOT NULL,  -- JSON
    progress      text        NOT NULL,  -- JSON, or empty
    done_at       timestamptz
);
CREATE INDEX instruction_open ON instruction (id) WHERE done_at IS NULL;

-- Whoever writes what only the leader may has the lease locked FOR KEY SHARE meanwhile. Since the holder is a key, that
-- stands in the way of another receiver that would take the lease over, and not of the leader that renews it.
CREATE UNIQUE INDEX lease_holder ON lease (holder);
