#!/usr/bin/env bash
# Expected: Turso, SQLite written anew, with SQLite's language and files (so its README), gives the rows that SQLite gives for a query
#   that it accepts; SELECT id, max(at), state ... GROUP BY id is SQLite's own short way, in its documentation, to the latest state of each order.
# Happens: pyturso 0.8.3 (it says that it is SQLite 3.50.4) and @tursodatabase/database 0.7.2 for Node.js give max(at) of the newest row and the state of
#   the first one: "open" with the time at which it was paid. So with min(), without GROUP BY, in a subquery and its WHERE, in a view that SQLite made, and
#   in INSERT ... SELECT, which writes it down for SQLite as well. An index on (id, at DESC) hides it, since the first row is then the newest one. Upserts,
#   json functions, windows and the claims of a queue by UPDATE ... RETURNING, compared beside it, are as in SQLite.
# Means: the same file and the same line tell another state as soon as the driver is changed, and tests whose rows come newest first pass. Write
#   row_number() OVER (PARTITION BY id ORDER BY at DESC) = 1, which both read alike. (Reported upstream.)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pyturso==0.8.3
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @tursodatabase/database@0.7.2
cat > t.js <<'E'
const { connect } = require('@tursodatabase/database');
(async () => { const db = await connect('events.db'); for (const sql of process.argv.slice(2)) console.log(JSON.stringify((await (await db.prepare(sql)).raw(true).all()))); })();
E
cat > t.py <<'E'
import json, sqlite3, subprocess, sys
from importlib.metadata import version
import turso
made = sqlite3.connect("events.db")
made.executescript("""CREATE TABLE e (id TEXT, at TEXT, state TEXT); CREATE VIEW latest AS SELECT id, max(at) AS at, state FROM e GROUP BY id;
  INSERT INTO e VALUES ('ord_1', '10:00', 'open'), ('ord_1', '12:00', 'paid'), ('ord_1', '11:00', 'sent'), ('ord_2', '09:00', 'open'), ('ord_2', '08:00', 'new');""")
made.commit(); made.close()
package = json.load(open("node_modules/@tursodatabase/database/package.json"))["version"]
def ask(driver, *lines):                                              # a connection of its own each time: Turso keeps the file for one process
    db = driver.connect("events.db")
    for sql in lines: rows = [list(row) for row in db.execute(sql).fetchall()]
    db.commit(); db.close(); return rows
print("pyturso", version("pyturso"), "as SQLite", ask(turso, "SELECT sqlite_version()")[0][0], "@tursodatabase/database", package, "SQLite", sqlite3.sqlite_version)
failed = False
def check(sql, sqlite, given, node=True):
    global failed
    got = [ask(driver, sql) for driver in (sqlite3, turso)]
    got.append(json.loads(subprocess.run(["node", "t.js", sql], stdout=subprocess.PIPE, text=True, check=True).stdout))
    print(f"{sql}\n   SQLite {got[0]}\n   Turso  {got[1]}")
    if got != [sqlite, given, given]: failed = True; print("   changed: expected", sqlite, given, "Node.js", got[2])
right, wrong = [["ord_1", "12:00", "paid"], ["ord_2", "09:00", "open"]], [["ord_1", "12:00", "open"], ["ord_2", "09:00", "open"]]
check("SELECT id, max(at), state FROM e GROUP BY id", right, wrong)
check("SELECT id, min(at), state FROM e GROUP BY id", [["ord_1", "10:00", "open"], ["ord_2", "08:00", "new"]], [["ord_1", "10:00", "open"], ["ord_2", "08:00", "open"]])
check("SELECT max(at), state FROM e", [["12:00", "paid"]], [["12:00", "open"]])
check("SELECT * FROM latest ORDER BY id", right, wrong)
check("SELECT id FROM (SELECT id, max(at), state FROM e GROUP BY id) WHERE state = 'open'", [["ord_2"]], [["ord_1"], ["ord_2"]])
check("SELECT id, at, state FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY at DESC) AS n FROM e) WHERE n = 1 ORDER BY id", right, right)
ask(turso, "CREATE TABLE report (id, at, state)", "INSERT INTO report SELECT id, max(at), state FROM e GROUP BY id")
check("SELECT * FROM report", wrong, wrong)
ask(turso, "CREATE INDEX newest ON e (id, at DESC)")
check("SELECT id, max(at), state FROM e GROUP BY id", right, right)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
