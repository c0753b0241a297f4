#!/usr/bin/env bash
# Expected: ClickHouse takes the Unix time of an event into a DateTime64(3) column, quoted or not, in JSON or in CSV, as the same moment, or refuses it; and
#   a number that toDate() and INSERT ... VALUES read as a day is that day in an INSERT of JSON lines, too.
# Happens: chdb 4.4.0 (ClickHouse 26.9, in the process), settings as they come: 1767323045123, as Date.now() of JavaScript gives it, is 2026-01-02
#   03:04:05.123 in quotes, in CSV and in TSV; without quotes in JSON it is 9999-12-31 23:59:59 (DateTime: 2106-02-07 06:28:15), so that all events have
#   the same time. date_time_overflow_behavior='throw' says nothing of it for DateTime64. Seconds, 1767323045, are right there, but in a Date column they
#   become 2007-08-08 (the lower 16 bits, counted as days), in Date32 9999-12-31, where VALUES and toDate() say 2026-01-02. (Up to 26.7 the number
#   without quotes counted in the column's own fraction, and milliseconds were right: an update of the server alone turns the new rows.)
# Means: nothing is refused; TTL, partitions by month and "the last hour" are wrong for good, and the number is not to be had back from 9999. Send times as
#   text, quote the milliseconds, or take them as Int64 with a column: at DateTime64(3) DEFAULT fromUnixTimestamp64Milli(ms); never a Date from a number.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check chdb==4.4.0 chdb-core==26.9.0
cat > t.py <<'E'
import os, sys
os.environ["TZ"] = "UTC"
from importlib.metadata import version
from chdb import session
s = session.Session("store"); failed = False
def ask(sql): return str(s.query(sql, "TSV")).strip()
print("chdb", version("chdb"), "ClickHouse", ask("SELECT version()"))
ways = {"JSON": 'FORMAT JSONEachRow {{"t": {}}}', 'JSON ""': 'FORMAT JSONEachRow {{"t": "{}"}}', "CSV": "FORMAT CSV\n{}\n", "TSV": "FORMAT TSV\n{}\n", "VALUES": "VALUES ({})",
        "throw": "SETTINGS date_time_overflow_behavior = 'throw' FORMAT JSONEachRow {{\"t\": {}}}"}
def check(column, number, wanted):
    global failed
    s.query("DROP TABLE IF EXISTS t"); s.query(f"CREATE TABLE t (t {column}) ENGINE = MergeTree ORDER BY tuple()"); got = {}
    for name in wanted:
        s.query("TRUNCATE TABLE t")
        try: s.query("INSERT INTO t " + ways[name].format(number)); got[name] = ask("SELECT t FROM t")
        except Exception: got[name] = "refused"
    print(f"{column:14} {number:14} " + ", ".join(f"{n}: {v}" for n, v in got.items()))
    if got != wanted: failed = True; print("   changed: expected", wanted)
right, end = "2026-01-02 03:04:05", "9999-12-31 23:59:59"; ms = right + ".123"
check("DateTime64(3)", 1767323045123, {"JSON": end + ".000", 'JSON ""': ms, "CSV": ms, "TSV": ms, "throw": end + ".000"})
check("DateTime64(3)", 1767323045, {n: right + ".000" for n in ways})
check("DateTime64(3)", 1767323045.123, {n: ms for n in ways})
check("DateTime", 1767323045123, {"JSON": "2106-02-07 06:28:15", 'JSON ""': right, "CSV": right, "TSV": right, "throw": "refused"})
check("DateTime", 1767323045, {n: right for n in ways})
check("Date", 1767323045, {"JSON": "2007-08-08", 'JSON ""': "refused", "VALUES": "2026-01-02", "throw": "2007-08-08"})
check("Date32", 1767323045, {"JSON": "9999-12-31", 'JSON ""': "refused", "VALUES": "2026-01-02", "throw": "9999-12-31"})
one = "SELECT JSONExtract('{\"t\": 1767323045123}', 't', 'DateTime64(3)'), fromUnixTimestamp64Milli(1767323045123), toDate(1767323045)"
print("JSONExtract, fromUnixTimestamp64Milli, toDate:", ask(one).replace("\t", ", "))
if ask(one).split("\t") != [end + ".000", ms, "2026-01-02"]: failed = True; print("   changed")
sys.exit(failed)
E
timeout 90 v/bin/python t.py
