-- Since when the receiver that leads has a destination no more that is not removed yet.
ALTER TABLE destination ADD COLUMN unconfigured_at timestamptz;

-- Dead letters are counted as they come and go: there may be millions, and they are asked for with every look. In a table
-- of its own, which is locked after the deliveries, by whoever writes there. Those of expired receipts are in it until
-- their rows are removed.
CREATE TABLE dead_letters (
    destination integer PRIMARY KEY,
    count       bigint  NOT NULL
);
-- Whoever writes deliveries meanwhile waits, so that none is missed.
LOCK TABLE delivery IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO dead_letters (destination, count)
SELECT destination, count(*) FROM delivery WHERE state = 'dead' GROUP BY destination;

-- The tables are found wherever whoever writes looks for tables.
CREATE FUNCTION count_dead_letters() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO dead_letters AS known (destination, count)
        SELECT destination, count(*) FROM became WHERE state = 'dead' GROUP BY destination ORDER BY destination
        ON CONFLICT (destination) DO UPDATE SET count = known.count + excluded.count;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE dead_letters SET count = dead_letters.count - gone.count
        FROM (SELECT destination, count(*) AS count FROM was WHERE state = 'dead' GROUP BY destination) AS gone
        WHERE dead_letters.destination = gone.destination;
    ELSE
        INSERT INTO dead_letters AS known (destination, count)
        SELECT destination, sum(change) FROM (
            SELECT destination, 1 AS change FROM became WHERE state = 'dead'
            UNION ALL SELECT destination, -1 FROM was WHERE state = 'dead'
        ) AS changes GROUP BY destination HAVING sum(change) <> 0 ORDER BY destination
        ON CONFLICT (destination) DO UPDATE SET count = known.count + excluded.count;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER delivery_dies AFTER INSERT ON delivery REFERENCING NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters();
CREATE TRIGGER delivery_changes AFTER UPDATE ON delivery REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters();
CREATE TRIGGER delivery_goes AFTER DELETE ON delivery REFERENCING OLD TABLE AS was
    FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters();
