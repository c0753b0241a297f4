#!/usr/bin/env bash
# Expected: time_parse() of sqlean's time functions for SQLite, which count in nanoseconds, reads the ISO 8601 times that webhooks have; what it
#   cannot read is NULL, as with strftime() and datetime() of SQLite itself, or an error.
# Happens: with sqlean.py 3.50.4.5 (PyPI) 2024-05-06T07:08:09.123Z, which every toISOString() writes, is 0001-01-01 00:00:00, and so is a time with
#   six digits, one to the minute, a blank instead of T with an offset, a word, and the empty string: no error, no NULL. Nine digits, or none, are
#   read. strftime() of the same SQLite reads them all and gives NULL for the word.
# Means: DELETE ... WHERE time_before(time_parse(at), the day a month ago) deletes just now all that came with milliseconds, and keeps the rest; a
#   maximum or a sort begins with them. Convert with unixepoch(at, 'subsec'), or check time_get_year(...) > 1.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sqlean.py==3.50.4.5
cat > t.py <<'E'
import importlib.metadata, sys, sqlean
sqlean.extensions.enable_all(); db = sqlean.connect(":memory:"); failed = False
print("sqlean.py", importlib.metadata.version("sqlean.py"), "SQLite", db.execute("SELECT sqlite_version()").fetchone()[0])
def check(name, got, wanted):
    global failed; print(f"{name:40} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
first, second = "0001-01-01T00:00:00Z", "2024-05-06T07:08:09Z"; native = "2024-05-06 07:08:09"
for text, wanted, of_sqlite in (("2024-05-06T07:08:09Z", second, native), ("2024-05-06T09:08:09+02:00", second, native), ("2024-05-06T07:08:09.123456789Z", "2024-05-06T07:08:09.123456789Z", native),
  ("2024-05-06T07:08:09.123Z", first, native), ("2024-05-06T07:08:09.123456Z", first, native), ("2024-05-06T09:08:09.123+02:00", first, native), ("2024-05-06T07:08Z", first, "2024-05-06 07:08:00"),
  ("2024-05-06 07:08:09", second, native), ("2024-05-06 09:08:09+02:00", first, native), ("soon", first, None), ("", first, None)):
    got = db.execute("SELECT time_fmt_iso(time_parse(?)), datetime(?)", (text, text)).fetchone(); check(repr(text), got, (wanted, of_sqlite))
db.execute("CREATE TABLE event (id, at)")
db.executemany("INSERT INTO event VALUES (?, ?)", [("old", "2024-01-01T00:00:00Z"), ("new", "2024-05-06T07:08:09Z"), ("new, of JavaScript", "2024-05-06T07:08:09.123Z"), ("new, of Python", "2024-05-06T07:08:09.123456+00:00")])
month = "time_date(2024, 4, 6)"
check("deleted as older than 6 April", [r[0] for r in db.execute(f"SELECT id FROM event WHERE time_before(time_parse(at), {month}) ORDER BY rowid")], ["old", "new, of JavaScript", "new, of Python"])
check("  by SQLite's own unixepoch()", [r[0] for r in db.execute("SELECT id FROM event WHERE unixepoch(at) < unixepoch('2024-04-06')")], ["old"])
db.execute(f"DELETE FROM event WHERE time_before(time_parse(at), {month})")
check("left", [r[0] for r in db.execute("SELECT id FROM event")], ["new"])
sys.exit(1 if failed else 0)
E
timeout 60 v/bin/python t.py
