#!/usr/bin/env bash
# Expected: an ibis expression gives the same rows on each of its backends, or is refused; a table that ibis itself filled compares rightly with a datetime.
# Happens: ibis-framework 12.0.0 on SQLite: create_table() writes times with a T, "2026-11-29T12:00:00", and filters compare them, as texts, with a blank,
#   "2026-11-29 12:00:00": `at < noon` leaves out all events of that very morning, `at >= noon` has them, `at == noon` and "between 8 and 12" find none.
#   Only whole days apart it is right. So it is with any SQLite file whose times are ISO 8601. argmax() and argmin() in one aggregate (the last and the
#   first state of each order) take both from one row; each alone is right. body.cast("json")["id"] is null for each event, while a column declared as
#   JSON is right. ibis on DuckDB 2.0.1 gives the right answer to all of it, from the same lines. None of these raises or warns.
# Means: "due until now" does nothing until midnight and then all at once, and a report tried on DuckDB differs on SQLite. Compare times on SQLite by
#   .epoch_seconds(), take argmax and argmin in two aggregates, declare JSON columns, and check each expression on the backend that will run it.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check 'ibis-framework[duckdb,sqlite]==12.0.0' duckdb==2.0.1 pandas==3.1.1 sqlglot==28.10.0
cat > t.py <<'E'
import sqlite3, sys, warnings
from datetime import datetime as at
from importlib.metadata import version as v
warnings.simplefilter("error", UserWarning)
import ibis, pandas
from ibis import _
print("ibis", v("ibis-framework"), "SQLite", sqlite3.sqlite_version, "DuckDB", v("duckdb"), "pandas", v("pandas"), "sqlglot", v("sqlglot"))
frame = pandas.DataFrame({"n": [1, 2, 3, 4], "id": ["a", "b", "a", "c"], "state": ["open", "open", "paid", "void"],
    "at": pandas.to_datetime(["2026-11-29 09:00:00", "2026-11-29 12:00:00", "2026-11-29 18:30:00", "2026-11-28 23:00:00"]), "body": ['{"id": 1}', '{"id": 2}', '{"id": 3}', '{"id": 4}']})
lite, duck = (c.create_table("events", frame) for c in (ibis.sqlite.connect(), ibis.duckdb.connect()))
noon, eight, failed = at(2026, 11, 29, 12), at(2026, 11, 29, 8), False
def n(kept): return sorted(kept.n.execute().tolist())
def of(kept): return [tuple(row) for row in kept.order_by("id").execute().itertuples(index=False)]
def ids(kept): return kept.execute().iloc[:, 0].astype(object).where(lambda s: s.notna(), None).tolist()
def check(line, sqlite, duckdb):
    global failed
    got = [eval(line, globals(), {"t": t}) for t in (lite, duck)]
    print(f"{line:76} SQLite: {str(got[0]):14} DuckDB: {got[1]}")
    if got != [sqlite, duckdb]: failed = True; print("   changed: expected", sqlite, duckdb)
check("n(t.filter(_.at < noon))", [4], [1, 4])
check("n(t.filter(_.at >= noon))", [1, 2, 3], [2, 3])
check("n(t.filter(_.at == noon))", [], [2])
check("n(t.filter(_.at.between(eight, noon)))", [], [1, 2])
check("n(t.filter(_.at >= at(2026, 11, 29)))", [1, 2, 3], [1, 2, 3])
check("n(t.filter(_.at.epoch_seconds() < 1795953600))", [1, 4], [1, 4])
both, last = [("a", "paid", "open"), ("b", "open", "open"), ("c", "void", "void")], [("a", "paid"), ("b", "open"), ("c", "void")]
check("of(t.group_by('id').agg(last=_.state.argmax(_.at), first=_.state.argmin(_.at)))", [("a", "open", "open"), *both[1:]], both)
check("of(t.group_by('id').agg(last=_.state.argmax(_.at)))", last, last)
check("ids(t.order_by('n').select(x=_.body.cast('json')['id'].int))", [None] * 4, [1, 2, 3, 4])
file = sqlite3.connect("own.db"); file.execute("CREATE TABLE events (n INT, at TIMESTAMP, body JSON)")
file.executemany("INSERT INTO events VALUES (?, ?, ?)", [(1, "2026-11-29T09:00:00", '{"id": 1}'), (2, "2026-11-29 09:00:00", '{"id": 2}')]); file.commit()
lite = ibis.sqlite.connect("own.db").table("events"); duck = ibis.duckdb.connect().create_table("events", lite.select("n", "at").execute())
print("a file of its own, one time with a T, one with a blank, the body declared as JSON")
check("n(t.filter(_.at < noon))", [2], [1, 2])
check("ids(t.order_by('n').select(x=_.body['id'].int)) if t is lite else None", [1, 2], None)
sys.exit(failed)
E
timeout 90 v/bin/python t.py
