-- What the receiver that leads has said of how it goes, and what of it nobody has taken yet, as JSON: one row, written when
-- there is news. Receivers of the version before leave it alone.
CREATE TABLE notices (
    id   integer PRIMARY KEY CHECK (id = 1),
    book text NOT NULL
);
