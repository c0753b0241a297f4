-- Where receipts stand in traces of their senders: traceparent, and behind a blank tracestate. No row is written anew for it.
ALTER TABLE receipt ADD COLUMN trace text;
