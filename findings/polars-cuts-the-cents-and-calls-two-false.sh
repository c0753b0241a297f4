#!/usr/bin/env bash
# Expected: polars reads a column of numbers of which some have decimals as decimals, or says that it cannot; so does it with the rows of a list.
# Happens: polars 2.1.0 looks at the first 100 rows. Where those are whole numbers, read_database (of a cursor), pl.DataFrame(rows) and from_dicts make of
#   each later 2.99 a 2, of 0.5 a 0; where they are booleans, 2 becomes False; where they are decimals, a whole number beyond 2^53 loses its last digits.
#   No error; a null first, or a text among numbers from the database, raises. infer_schema_length=None reads all well.
# Means: amounts and durations out of stored JSON (SQLite 3.40.1's json_extract gives 5 as an integer and 2.99 as a real) are summed without their cents as
#   soon as the first hundred happen to be whole. Say infer_schema_length=None, or schema_overrides.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check polars==2.1.0
cat > t.py <<'E'
import sqlite3, sys, polars as pl
print("Python", sys.version.split()[0], "SQLite", sqlite3.sqlite_version, "polars", pl.__version__)
def database(values, **how):
    inbox = sqlite3.connect(":memory:"); inbox.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT)")
    inbox.executemany("INSERT INTO event (body) VALUES (?)", [('{"amount":%s}' % value,) for value in values])
    return pl.read_database("SELECT body ->> '$.amount' AS amount FROM event ORDER BY seq", inbox, **how)["amount"]
def rows(values, **how): return pl.DataFrame([{"amount": value} for value in values], **how)["amount"]
failed = False
def show(what, column, total, last):
    global failed
    print(f"{what:52} {column.dtype!s:8} sum {column.sum()}, last {column.tail(2).to_list()}")
    if (column.sum(), column.tail(2).to_list()) != (total, last): failed = True; print("   changed: expected", total, last)
cents = [5] * 100 + [2.99, 0.5]
show("read_database, the true sum is 503.49", database(cents), 502, [2, 0])
show("read_database, infer_schema_length=None", database(cents, infer_schema_length=None), 503.49, [2.99, 0.5])
show("read_database, the 2.99 among the first 100", database(cents[::-1]), 503.49, [5.0, 5.0])
show("DataFrame of dicts", rows(cents), 502, [2, 0])
show("DataFrame of dicts, infer_schema_length=None", rows(cents, infer_schema_length=None), 503.49, [2.99, 0.5])
show("DataFrame of dicts, booleans first, then 1 and 2", rows([True] * 100 + [1, 2]), 101, [True, False])
show("DataFrame of dicts, decimals first, then 2^53 + 1", rows([0.5] * 100 + [7, 2**53 + 1]), 2.0**53 + 57, [7.0, 2.0**53])
sys.exit(failed)
E
timeout 60 v/bin/python t.py
