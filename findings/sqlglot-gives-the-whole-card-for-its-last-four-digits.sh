#!/usr/bin/env bash
# Expected: sqlglot, told to raise at what the other dialect cannot say (unsupported_level=RAISE), writes a query that means the same there, or raises.
# Happens: sqlglot 30.30.0 says nothing, and each query runs and answers something else. SQLite's substr(card, -4), the last four digits, is the whole number
#   in PostgreSQL (so from MySQL, Snowflake, BigQuery and DuckDB, too); strftime('%s', at), the Unix time, is the two letters "%s" there. PostgreSQL's
#   LIKE 'evt\_%' finds nothing in DuckDB and SQLite, where a backslash means itself. Its to_char(due, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') has the quotes in the
#   text, and 'DD Mon YYYY' is "29 Mon 2026". The days between two dates are 0 in SQLite (it takes year from year), 1999 / 100 of PostgreSQL and SQLite, 19,
#   is 19.99 in DuckDB, 19.99::int is 19 in SQLite, not 20. All of it with SQLite 3.40, DuckDB 2.0.1 and PostgreSQL 18 (PGlite 0.5.14) themselves.
# Means: a masked number is printed in full, a check for "evt_" lets all through, invoices have other amounts, while every query "works". After a move run each
#   query in both over the same rows; write right(card, 4), ESCAPE, and julianday() by hand. (sqlglot is also below sqlmesh, dlt, Superset and ibis.)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @electric-sql/pglite@0.5.14
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sqlglot==30.30.0 duckdb==2.0.1
cat > pg.mjs <<'E'
import { PGlite } from '@electric-sql/pglite'; import { createInterface } from 'node:readline';
const db = await PGlite.create({ parsers: Object.fromEntries([20, 23, 25, 114, 701, 1043, 1082, 1114, 1184, 1700].map((oid) => [oid, (text) => text])) });
for await (const line of createInterface({ input: process.stdin })) {
  let answer; try { const [result] = (await db.exec(JSON.parse(line), { rowMode: 'array' })).slice(-1); answer = result.rows.map((row) => row[0]); } catch (error) { answer = [error.message]; }
  console.log(JSON.stringify(answer));
}
E
cat > t.py <<'E'
import json, sqlite3, subprocess, sys
import duckdb, sqlglot
from sqlglot import ErrorLevel
pg = subprocess.Popen(["node", "pg.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
table = "CREATE TABLE e (id {0}, card {0}, cents INT, due TIMESTAMP)"
rows = "INSERT INTO e VALUES ('evt_1', '4242424242421881', 1999, '2026-11-29 12:00:00'), ('x', '4000056655665556', 250, '2026-10-30 06:00:00')"
def run(engine, query):
    if engine == "postgres":
        pg.stdin.write(json.dumps("DROP TABLE IF EXISTS e; " + table.format("TEXT") + "; " + rows + "; " + query) + "\n"); pg.stdin.flush()
        got = json.loads(pg.stdout.readline())
    else:
        c = sqlite3.connect(":memory:") if engine == "sqlite" else duckdb.connect()
        for sql in (table.format("TEXT"), rows): c.execute(sql)
        got = [row[0] for row in c.execute(query).fetchall()]
    return " ".join(str(g) for g in got)
print("sqlglot", sqlglot.__version__, "SQLite", sqlite3.sqlite_version, "DuckDB", duckdb.__version__, run("postgres", "SELECT split_part(version(), ' (', 1)"), "(PGlite 0.5.14)")
failed = False
def check(source, target, query, before, after):
    global failed
    text = sqlglot.transpile(query, read=source, write=target, unsupported_level=ErrorLevel.RAISE)[0]
    got = run(source, query), run(target, text)
    print(f"{source}: {query}\n   {got[0]}\n{target:>8}: {text}\n   {got[1]}")
    if got != (before, after): failed = True; print("   changed: expected", repr(before), repr(after))
for source in ("sqlite", "duckdb"): check(source, "postgres", "SELECT substr(card, -4) FROM e ORDER BY card", "5556 1881", "4000056655665556 4242424242421881")
check("sqlite", "postgres", "SELECT strftime('%s', due) FROM e ORDER BY id", "1795953600 1793340000", "%s %s")
for target in ("duckdb", "sqlite"): check("postgres", target, r"SELECT count(*) FROM e WHERE id LIKE 'evt\_%'", "1", "0")
iso = """SELECT to_char(due, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM e WHERE cents = 1999"""
for target in ("duckdb", "sqlite"): check("postgres", target, iso, "2026-11-29T12:00:00Z", '2026-11-29"T"12:00:00"Z"')
check("postgres", "duckdb", "SELECT to_char(due, 'DD Mon YYYY') FROM e ORDER BY id", "29 Nov 2026 30 Oct 2026", "29 Mon 2026 30 Mon 2026")
check("postgres", "sqlite", "SELECT due::date - date '2026-10-01' FROM e ORDER BY id", "59 29", "0 0")
for source in ("postgres", "sqlite"): check(source, "duckdb", "SELECT cents / 100 FROM e ORDER BY id", "19 2", "19.99 2.5")
check("postgres", "sqlite", "SELECT (cents / 100.0)::int FROM e ORDER BY id", "20 3", "19 2")
check("postgres", "duckdb", "SELECT right(card, 4) FROM e ORDER BY card", "5556 1881", "5556 1881")
check("postgres", "sqlite", "SELECT coalesce(nullif(id, 'x'), 'none') FROM e ORDER BY id", "evt_1 none", "evt_1 none")
pg.stdin.close(); pg.wait(); sys.exit(failed)
E
timeout 90 v/bin/python t.py
