-- Where receipts stand in traces of their senders. Those that came without a trace, nearly all, have no row here and so cost
-- nothing more; in a column behind the body it would take a large body to be read over.
CREATE TABLE trace (
    seq         INTEGER PRIMARY KEY,  -- the receipt's
    headers     TEXT    NOT NULL      -- traceparent, and behind a blank tracestate
) STRICT;
