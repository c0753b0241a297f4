#!/usr/bin/env bash
# Expected: the time functions of sqlean for SQLite write a time as the day that it is, and cut it to the first of its month; SQLite's own date()
#   does, for the same Unix time.
# Happens: with sqlean.py 3.50.4.5 (PyPI) the 1st of March of each leap year is the 29th of February, in time_fmt_iso() and time_fmt_date(), from
#   midnight to midnight; the real 29th is so, too. time_trunc(t, 'month') gives February 1 for that day, and February 29 for all other days of that
#   March; a month after February 1 is the 29th. The number that is stored is right. From 2015 to 2040 (9,497 days) nothing is wrong in the other
#   months and in common years.
# Means: a report by day has one day twice as large and one missing, a report by month has a month that begins on the 29th, a run planned for the
#   first of March is a day early; tests in 2025, 2026 and 2027 are green. Use date(t, 'unixepoch') and strftime() of SQLite for days and months.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sqlean.py==3.50.4.5
cat > t.py <<'E'
import calendar, datetime, importlib.metadata, sys, sqlean
sqlean.extensions.enable_all(); db = sqlean.connect(":memory:"); failed = False
print("sqlean.py", importlib.metadata.version("sqlean.py"), "SQLite", db.execute("SELECT sqlite_version()").fetchone()[0])
def check(name, got, wanted):
    global failed; print(f"{name:60} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def one(sql, *values): return db.execute("SELECT " + sql, values).fetchone()[0]
for text, wanted in (("2024-02-28T12:00:00Z", None), ("2024-02-29T12:00:00Z", None), ("2024-03-01T00:00:00Z", "2024-02-29T00:00:00Z"), ("2024-03-01T23:59:59Z", "2024-02-29T23:59:59Z"),
  ("2024-03-02T00:00:00Z", None), ("2023-03-01T12:00:00Z", None), ("2028-03-01T12:00:00Z", "2028-02-29T12:00:00Z")):
    check(f"time_fmt_iso(time_parse('{text}'))", one("time_fmt_iso(time_parse(?))", text), wanted or text)
    check("  its Unix time is the one of SQLite", one("time_to_unix(time_parse(?1)) = unixepoch(?1)", text), 1)
check("date() of SQLite for 2024-03-01", one("date(time_to_unix(time_parse('2024-03-01')), 'unixepoch')"), "2024-03-01")
check("time_trunc('2024-03-15', 'month')", one("time_fmt_date(time_trunc(time_parse('2024-03-15'), 'month'))"), "2024-02-29")
check("time_trunc('2024-04-15', 'month')", one("time_fmt_date(time_trunc(time_parse('2024-04-15'), 'month'))"), "2024-04-01")
check("a month after 2024-02-01", one("time_fmt_date(time_add_date(time_parse('2024-02-01'), 0, 1))"), "2024-02-29")
check("a month after 2024-04-01", one("time_fmt_date(time_add_date(time_parse('2024-04-01'), 0, 1))"), "2024-05-01")
days = wrong = months = 0; where = set(); day = datetime.datetime(2015, 1, 1, 12)
while day.year < 2041:
    unix = calendar.timegm(day.timetuple()); days += 1
    got, cut, own = db.execute("SELECT time_fmt_date(time_unix(?1)), time_fmt_date(time_trunc(time_unix(?1), 'month')), date(?1, 'unixepoch')", (unix,)).fetchone()
    assert own == f"{day:%Y-%m-%d}"
    if got != own: wrong += 1; where.add(f"{day:%m-%d}" + ("" if calendar.isleap(day.year) else " of a common year"))
    if cut != f"{day:%Y-%m}-01": months += 1; where.add("month of " + f"{day:%m}" if day.day > 1 else f"{day:%m-%d}")
    day += datetime.timedelta(days=1)
check("days from 2015 to 2040", days, 9497)
check("  with another date", wrong, 7); check("  with another first of the month", months, 7 * 31); check("  they are", sorted(where), ["03-01", "month of 03"])
db.execute("CREATE TABLE event (id, at INTEGER)")
db.executemany("INSERT INTO event VALUES (?, unixepoch(?))", [("a", "2024-02-10"), ("b", "2024-02-29"), ("c", "2024-03-01"), ("d", "2024-03-02"), ("e", "2024-03-31"), ("f", "2024-04-01")])
check("events by month", dict(db.execute("SELECT time_fmt_date(time_trunc(time_unix(at), 'month')), group_concat(id, '') FROM event GROUP BY 1")), {"2024-02-01": "abc", "2024-02-29": "de", "2024-04-01": "f"})
check("  by strftime('%Y-%m')", dict(db.execute("SELECT strftime('%Y-%m', at, 'unixepoch'), group_concat(id, '') FROM event GROUP BY 1")), {"2024-02": "ab", "2024-03": "cde", "2024-04": "f"})
sys.exit(1 if failed else 0)
E
timeout 60 v/bin/python t.py
