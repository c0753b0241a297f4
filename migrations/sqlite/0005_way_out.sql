-- Since when the receiver has a destination no more that is not removed yet.
ALTER TABLE destination ADD COLUMN unconfigured_at INTEGER;

-- Dead letters are counted as they come and go: there may be millions, and they are asked for with every look.
ALTER TABLE destination ADD COLUMN dead_count INTEGER NOT NULL DEFAULT 0;
UPDATE destination SET dead_count =
    (SELECT count(*) FROM delivery WHERE delivery.destination = destination.id AND delivery.state = 'dead');
CREATE TRIGGER delivery_dies AFTER INSERT ON delivery WHEN new.state = 'dead'
BEGIN
    UPDATE destination SET dead_count = dead_count + 1 WHERE id = new.destination;
END;
CREATE TRIGGER delivery_changes AFTER UPDATE OF state ON delivery
WHEN (old.state = 'dead') <> (new.state = 'dead')
BEGIN
    UPDATE destination SET dead_count = dead_count + (new.state = 'dead') - (old.state = 'dead')
    WHERE id = new.destination;
END;
CREATE TRIGGER delivery_goes AFTER DELETE ON delivery WHEN old.state = 'dead'
BEGIN
    UPDATE destination SET dead_count = dead_count - 1 WHERE id = old.destination;
END;
