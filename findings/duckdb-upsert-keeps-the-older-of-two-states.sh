#!/usr/bin/env bash
# Expected: INSERT OR REPLACE, or ON CONFLICT DO UPDATE, of a batch in which one key comes twice ends with the later row, as in SQLite, or is an error, as in
#   PostgreSQL; `n = t.n + excluded.n` counts each row, and `WHERE excluded.seq > t.seq` lets the newer one win.
# Happens: DuckDB 2.0.1 keeps the FIRST row of each key and drops the others before it compares anything, without an error: of running, completed it
#   stores running, three events add one, the guard by seq never sees the newer row. DuckDB 1.3.2 kept the last one. Of a large batch out of a table, which
#   several threads read, it is the first or one out of the middle, by chance. Row by row (executemany) all is well. MERGE INTO keeps the first update, too, and
#   inserts a new key twice (no primary key). The page on INSERT in its documentation does not speak of it.
# Means: a load of an hour's webhooks leaves jobs running for ever that ended within the hour, only in bursts, and since an update of DuckDB that changed no test
#   with one row a key. Reduce the batch first: QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1, and sum() for counters.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > t.py <<'E'
import json, sqlite3, sys, duckdb
name, failed = "DuckDB " + duckdb.__version__, False; old = duckdb.__version__.startswith("1.3")
events = [("evt_1", "initial", 0), ("evt_1", "running", 1), ("evt_1", "completed", 2)]
with open("batch.ndjson", "w") as file: file.writelines(json.dumps(dict(zip(("id", "state", "seq"), event))) + "\n" for event in events)
VALUES = "INSERT {} INTO job VALUES ('evt_1', 'initial', 0), ('evt_1', 'running', 1), ('evt_1', 'completed', 2) {}"
FROM_FILE = "INSERT OR REPLACE INTO job SELECT id, state, seq FROM read_json('batch.ndjson')"
UPDATE = "ON CONFLICT (id) DO UPDATE SET state = excluded.state, seq = excluded.seq"
def run(connect, sql, before=None, key="PRIMARY KEY", many=None):
    connection = connect(":memory:"); connection.execute(f"CREATE TABLE job (id TEXT {key}, state TEXT, seq INTEGER)")
    if before: connection.execute(f"INSERT INTO job VALUES {before}")
    if many: connection.executemany(sql, many)
    else: connection.execute(sql)
    return [tuple(row[1:]) for row in connection.execute("SELECT * FROM job ORDER BY seq").fetchall()]
first, last, before = [("initial", 0)], [("completed", 2)], "('evt_1', 'none', -1)"
def show(case, got, wanted):
    global failed
    print(f"{name:13} {case:42} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
now = last if old else first
show("INSERT OR REPLACE, a new key", run(duckdb.connect, VALUES.format("OR REPLACE", "")), now)
show("INSERT OR REPLACE, a key that is there", run(duckdb.connect, VALUES.format("OR REPLACE", ""), before), now)
show("INSERT OR REPLACE of a file (NDJSON)", run(duckdb.connect, FROM_FILE), now)
show("ON CONFLICT DO UPDATE", run(duckdb.connect, VALUES.format("", UPDATE), before), now)
show("executemany", run(duckdb.connect, "INSERT OR REPLACE INTO job VALUES (?, ?, ?)", many=events), last)
ADD = "INSERT INTO job VALUES ('evt_1', 'x', 1), ('evt_1', 'x', 1), ('evt_1', 'x', 1) ON CONFLICT (id) DO UPDATE SET seq = job.seq + excluded.seq"
GUARD = VALUES.format("", UPDATE + " WHERE excluded.seq > job.seq")
if not old:
    show("counter at 10, three times + 1", run(duckdb.connect, ADD, "('evt_1', 'x', 10)"), [("x", 11)])
    show("WHERE excluded.seq > job.seq", run(duckdb.connect, GUARD, before), first)
    merge = ("MERGE INTO job USING (VALUES {}) AS new (id, state, seq) ON job.id = new.id "
             "WHEN MATCHED THEN UPDATE SET state = new.state, seq = new.seq WHEN NOT MATCHED THEN INSERT VALUES (new.id, new.state, new.seq)")
    two = "('evt_1', 'running', 1), ('evt_1', 'completed', 2)"
    show("MERGE INTO, a key that is there", run(duckdb.connect, merge.format(two), before, ""), [("running", 1)])
    show("MERGE INTO, a new key", run(duckdb.connect, merge.format(two), None, ""), [("running", 1), ("completed", 2)])
    connection = duckdb.connect(); connection.execute("SET threads = 2; CREATE TABLE job (id TEXT PRIMARY KEY, seq INTEGER)")
    connection.execute("CREATE TABLE batch AS SELECT 'evt_' || (i % 1000) AS id, i AS seq FROM range(1000000) r(i)")
    connection.execute("INSERT OR REPLACE INTO job SELECT * FROM batch")
    least, most = connection.execute("SELECT min(seq), max(seq) FROM job").fetchone()
    print(f"{name:13} 1,000 keys, each 1,000 times; the last rows are 999000 to 999999, stored are {least} to {most}")
    if most >= 999000: failed = True; print("   changed: expected others than the last rows")
    name = "SQLite " + sqlite3.sqlite_version
    show("INSERT OR REPLACE, a new key", run(sqlite3.connect, VALUES.format("OR REPLACE", "")), last)
    show("ON CONFLICT DO UPDATE", run(sqlite3.connect, VALUES.format("", UPDATE), before), last)
    show("counter at 10, three times + 1", run(sqlite3.connect, ADD, "('evt_1', 'x', 10)"), [("x", 13)])
    show("WHERE excluded.seq > job.seq", run(sqlite3.connect, GUARD, before), last)
sys.exit(failed)
E
failed=0
for version in 1.3.2 2.0.1; do
  python3 -m venv "v$version"; "v$version/bin/pip" -q install --no-compile --disable-pip-version-check "duckdb==$version"
  timeout 40 "v$version/bin/python" t.py || failed=1
done
exit $failed
