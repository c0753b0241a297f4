-- What the receiver has said of how it goes, and what of it nobody has taken yet, as JSON: one row, written when there is news.
CREATE TABLE notices (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    book TEXT NOT NULL
);
