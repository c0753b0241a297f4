#!/usr/bin/env bash
# Expected: ClickHouse's JSON column, the type for events whose fields are not known beforehand, may take "2026-11-29T12:00:00Z" for a time; a string such as
#   "5" or an order number stays one, and what an event becomes does not depend on which others it was inserted with.
# Happens: chdb 4.4.0 (ClickHouse 26.9, in the process): once a path's first string was a time, each later one in the same INSERT goes through its most
#   lenient reader: in a list of {name, value} fields the quantity "5" after a start time is stored as the fifth of January of this year, "may" as the first
#   of May, "3.14" as 14 March, "1767323045" as the time that it counts; with the fields in another order, or in INSERTs of their own, they stay. Alone, too,
#   2026-11-29-001 becomes 2026-11-29 00:01:00, the same as -0001, and the sort code 10-11-12 a day in 2012; WHERE with one order's number finds both.
# Means: the text is nowhere any more, no error names it, and inserting in batches, as one should, makes it worse. For what inserts set
#   input_format_try_infer_datetimes=0 and input_format_try_infer_dates=0, or declare the paths (JSON(id String)), or keep the body as String beside it.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check chdb==4.4.0 chdb-core==26.9.0
cat > t.py <<'E'
import json, os, re, sys
os.environ["TZ"] = "UTC"
from importlib.metadata import version
from chdb import session
s = session.Session("store"); failed = False
def ask(sql): return [json.loads(line) for line in str(s.query(sql, "JSONEachRow")).splitlines()]
def check(what, got, wanted):
    global failed
    same = all(re.fullmatch(w, g) for w, g in zip(wanted, got)) and len(wanted) == len(got) if isinstance(wanted, list) else got == wanted
    print(f"{what:58} {', '.join(got) if isinstance(got, list) else got}")
    if not same: failed = True; print("   changed: expected", wanted)
print("chdb", version("chdb"), "ClickHouse", ask("SELECT version() AS v")[0]["v"])
off = "SETTINGS input_format_try_infer_datetimes = 0, input_format_try_infer_dates = 0"
for name, kind in (("auto", "JSON"), ("declared", "JSON(value String)"), ("text", "String")):
    s.query(f"CREATE TABLE {name} (n Int32, body {kind}) ENGINE = MergeTree ORDER BY n")
def stored(events, table="auto", settings="", each=False):
    s.query(f"TRUNCATE TABLE {table}")
    rows = [json.dumps({"n": n, "body": json.dumps(e) if table == "text" else e}) for n, e in enumerate(events)]
    for batch in ([r] for r in rows) if each else [rows]: s.query(f"INSERT INTO {table} {settings} FORMAT JSONEachRow " + "\n".join(batch))
    return [json.loads(r["body"]) if table == "text" else r["body"] for r in ask(f"SELECT body FROM {table} ORDER BY n")]
def fields(pairs, **kw): return [f["value"] for f in stored([{"fields": [{"name": n, "value": v} for n, v in pairs]}], **kw)[0]["fields"]]
def values(given, **kw): return [e["value"] for e in stored([{"value": v} for v in given], **kw)]
pairs = [("start", "2026-11-29T12:00:00Z"), ("quantity", "5"), ("month", "may"), ("size", "3.14"), ("plan", "gold")]
given = [v for _, v in pairs]; day = r"\d{4}-%s 00:00:00"; bad = ["2026-11-29 12:00:00", day % "01-05", day % "05-01", day % "03-14", "gold"]
check("one event, a list of fields", fields(pairs), bad)
check("   the quantity first", fields([pairs[1], pairs[0], *pairs[2:]]), ["5", *given[:1], *given[2:]])
check("   with the two settings", fields(pairs, settings=off), given)
check("   in a String column", fields(pairs, table="text"), given)
given.insert(4, "1767323045"); bad.insert(4, "2026-01-02 03:04:05")
check("six events in one INSERT", values(given), bad)
check("   each in an INSERT of its own", values(given, each=True), [bad[0], *given[1:]])
check("   in JSON(value String)", values(given, table="declared"), given)
ids = ["2026-11-29-001", "2026-11-29-0001", "2026-11-29-061", "10-11-12", "20-45-77", "2020-02-30", "007"]
wanted = ["2026-11-29 00:01:00", "2026-11-29 00:01:00", "2026-11-29 01:01:00", "2012-11-10 00:00:00", "20-45-77", "2020-03-01", "007"]
check("order numbers and sort codes, each alone", values(ids, each=True), wanted)
check("   with the two settings", values(ids, settings=off), ids)
for settings, n in (("", 2), (off, 1)):
    values(ids[:2], settings=settings)
    check("   of the first two: rows WHERE value = '2026-11-29-001'", ask("SELECT count() AS n FROM auto WHERE body.value = '2026-11-29-001'")[0]["n"], n)
sys.exit(failed)
E
timeout 90 v/bin/python t.py
