#!/usr/bin/env bash
# Expected: SQLite's INTEGER has 64 bits, and an inbox read over ODBC (the way of Excel, Power BI, LibreOffice and many exports) shows its ids and times in
#   milliseconds as they are, or an error; if a column is not understood, isql shows it.
# Happens: libsqliteodbc 0.9998 (Debian 12) calls each column INTEGER or INT a 32-bit SQL_INTEGER and hands out the low 32 bits: 1767225600123 is 1994041467,
#   2^53 + 1 is 1, 3000000000 is -1294967296, in pyodbc 5.5.0, arrow-odbc 10.6.2 and polars 2.1.0 alike. sum(), max() and even CAST(... AS BIGINT) are cut as
#   well: the sum of three amounts of 15 million euros in cents is 205032704. isql, which asks for text, shows every number right, and WHERE compares the
#   whole ones. A TIMESTAMP that holds Unix seconds is NULL, a REAL has 15 digits (microseconds of a Unix time are gone), and where arrow-odbc and polars read
#   a DATETIME of text, its fraction is cut. A column BIGINT is right, max() of it is not.
# Means: reports are right while numbers are small, then ids of different events become one and times fall into January 1970. Add `BigInt=1` to the connection
#   string (the README has it, "force integer columns to SQL_BIGINT", but not what happens without), or select CAST(at AS TEXT).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq libsqliteodbc unixodbc libodbc2 libodbcinst2 libltdl7 libsqlite3-0 >apt.log 2>&1 || { cat apt.log; exit 2; }
dpkg -f libsqliteodbc_*.deb Package Version | xargs; dpkg -f unixodbc_*.deb Package Version | xargs
[[ $(dpkg -f libsqliteodbc_*.deb Version) == 0.9998-* ]] || { echo "   changed: expected libsqliteodbc 0.9998"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pyodbc==5.5.0 arrow-odbc==10.6.2 polars==2.1.0 pyarrow==26.0.1
lib=$dir/root/usr/lib/x86_64-linux-gnu; export LD_LIBRARY_PATH=$lib ODBCSYSINI=$dir ODBCINI=$dir/odbc.ini
printf '[SQLite]\nDriver=%s/odbc/libsqlite3odbc.so\n' "$lib" >odbcinst.ini; printf '[inbox]\nDriver=SQLite\nDatabase=%s/inbox.db\n' "$dir" >odbc.ini
cat > t.py <<'E'
import datetime as d, sqlite3, subprocess, sys
from importlib.metadata import version
import arrow_odbc, polars, pyodbc
db = sqlite3.connect("inbox.db")
db.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, at_ms INT, cents INTEGER, big BIGINT, sent DATETIME, seen TIMESTAMP, at REAL)")
rows = [(3000000000, 1767225600123, 1500000000, 1767225600123, "2026-01-01 00:00:00.123456", 1767225600, 1767225600.123456),
        (9007199254740993, 1767225600999, 1500000000, 1767225600999, "2026-01-01 00:00:00.999999", 1767225600, 1767225600.999999),
        (9007203549708289, 1767225601000, 1500000000, 1767225601000, "2026-01-01 00:00:01.000000", 1767225601, 1767225601.5)]
db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", rows); db.commit(); failed = False
assert db.execute("SELECT * FROM event ORDER BY at_ms").fetchall() == rows
plain, big = "Driver={SQLite};Database=inbox.db", "Driver={SQLite};Database=inbox.db;BigInt=1"
def by_pyodbc(sql, to=plain, *parameters):
    connection = pyodbc.connect(to, autocommit=True); got = [tuple(row) for row in connection.execute(sql, *parameters).fetchall()]; connection.close(); return got
def by_arrow(sql, to=plain): return [tuple(row.values()) for batch in arrow_odbc.read_arrow_batches_from_odbc(query=sql, connection_string=to) for row in batch.to_pylist()]
def by_polars(sql, to=plain): return polars.read_database(sql, to).rows()
def by_isql(sql): return subprocess.run(["root/usr/bin/isql", "inbox", "-b", "-d,"], input=sql, capture_output=True, text=True).stdout.split()
def show(name, got, wanted):
    global failed
    print(f"  {name:66} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
print("versions:", pyodbc.version, version("arrow-odbc"), polars.__version__)
low = lambda n: (n + 2**31) % 2**32 - 2**31
ids = "SELECT id, at_ms, big FROM event ORDER BY at_ms"
cut, whole = [(low(r[0]), low(r[1]), r[3]) for r in rows], [(r[0], r[1], r[3]) for r in rows]
assert cut == [(-1294967296, 1994041467, 1767225600123), (1, 1994042343, 1767225600999), (1, 1994042344, 1767225601000)]
for name, read in (("pyodbc", by_pyodbc), ("arrow-odbc", by_arrow), ("polars", by_polars)):
    show(name + ": id INTEGER, at_ms INT, big BIGINT", read(ids), cut)
    show(name + ", BigInt=1", read(ids, big), whole)
show("isql, the same query", by_isql(ids), [",".join(map(str, r)) for r in whole])
for sql, wanted, right in (("sum(cents)", 205032704, 4500000000), ("max(id)", 1, 9007203549708289), ("max(big)", low(1767225601000), 1767225601000), ("CAST(max(at_ms) AS BIGINT)", low(1767225601000), 1767225601000),
                           ("CAST(max(at_ms) AS TEXT)", "1767225601000", "1767225601000")):
    assert db.execute(f"SELECT {sql} FROM event").fetchone() == (right,)
    for name, read in (("pyodbc", by_pyodbc), ("polars", by_polars)): show(f"{name}: {sql}", read(f"SELECT {sql} FROM event"), [(wanted,)])
    show(f"pyodbc, BigInt=1: {sql}", by_pyodbc(f"SELECT {sql} FROM event", big), [(right,)])
show("pyodbc: SELECT id WHERE id = ? (2^53 + 1)", by_pyodbc("SELECT id FROM event WHERE id = ?", plain, 2**53 + 1), [(1,)])
show("pyodbc: the id of the event that was asked for, asked for again", by_pyodbc("SELECT id FROM event WHERE id = ?", plain, 1), [])
show("pyodbc: seen TIMESTAMP, 1767225600", by_pyodbc("SELECT seen FROM event WHERE cents > 0 LIMIT 1"), [(None,)])
for name, read in (("pyodbc", by_pyodbc), ("arrow-odbc", by_arrow)): show(name + ": at REAL, 1767225600.123456", read("SELECT at FROM event WHERE at < 1767225600.5"), [(1767225600.12346,)])
sent = "SELECT sent FROM event WHERE at < 1767225600.5"; at = d.datetime(2026, 1, 1)
show("pyodbc: sent DATETIME", by_pyodbc(sent), [(at.replace(microsecond=123456),)])
for name, read in (("arrow-odbc", by_arrow), ("polars", by_polars)): show(name + ": sent DATETIME", read(sent), [(at,)])
sys.exit(failed)
E
timeout 90 v/bin/python t.py
