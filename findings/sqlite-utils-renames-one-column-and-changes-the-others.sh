#!/usr/bin/env bash
# Expected: `sqlite-utils transform inbox.db event --rename note remark` renames that column, and `add-foreign-key` adds a key; they copy the table into a new
#   one and, as the notes to version 4.2 say, keep checks, defaults, unique constraints, foreign keys, even comments. What it does not do for triggers is in the
#   documentation.
# Happens: sqlite-utils 4.2.1 gives each column a type of its own list, and all that is not text, integer or blob becomes REAL: NUMERIC, DECIMAL, BOOLEAN,
#   DATETIME, TIMESTAMP, DATE, JSON, UUID. The values follow: the order 9007199254740993 in a DECIMAL(20,0) is 9007199254740992.0, a time in milliseconds
#   1780308000123.0, true is 1.0, 20 is 20.0. COLLATE NOCASE is gone from columns and keys, so that "EVT_1" is stored beside "evt_1" and an address in other
#   letters is not found. transform with any option, add-foreign-key and extract do it, and say nothing, with 0. ALTER TABLE ... RENAME COLUMN leaves all as it
#   was, and so do add-column and convert.
# Means: tables made by other programs (Django, an ORM, one's own SQL) lose the last digit of ids, the point appears in texts ("order 1780308000123.0"), and
#   repeats are no repeats any more. Use ALTER TABLE where it can do it; else look at `transform --sql` first, and compare sums of typeof() before and after.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sqlite-utils==4.2.1
cat > t.py <<'E'
import os, sqlite3, subprocess, sys
failed = False
def check(name, got, wanted):
    global failed; print(f"  {name:<44} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def fresh():
    if os.path.exists("inbox.db"): os.remove("inbox.db")
    db = sqlite3.connect("inbox.db"); db.executescript("""
CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(80) COLLATE NOCASE); INSERT INTO customer VALUES (1, 'a@shop.example');
CREATE TABLE event (id TEXT PRIMARY KEY COLLATE NOCASE, order_no DECIMAL(20,0), ms TIMESTAMP, paid BOOLEAN, amount NUMERIC CHECK (amount >= 0), at DATETIME, body JSON, email VARCHAR(80) COLLATE NOCASE,
  customer BIGINT, large INTEGER, note TEXT DEFAULT '');
INSERT INTO event VALUES ('evt_1', 9007199254740993, 1780308000123, TRUE, 20, '2026-06-01 10:00:00', '{"a":1}', 'a@shop.example', 1, 9007199254740993, 'x');"""); db.close()
right = {"order_no": 9007199254740993, "ms": 1780308000123, "paid": 1, "amount": 20, "at": "2026-06-01 10:00:00", "body": '{"a":1}', "large": 9007199254740993}
wrong = {**right, "order_no": 9007199254740992.0, "ms": 1780308000123.0, "paid": 1.0, "amount": 20.0}
types = {"order_no": "DECIMAL(20,0)", "ms": "TIMESTAMP", "paid": "BOOLEAN", "amount": "NUMERIC", "at": "DATETIME", "body": "JSON", "large": "INTEGER"}
def look(name, wanted, lost):
    db = sqlite3.connect("inbox.db"); db.row_factory = sqlite3.Row; print(name); row = db.execute("SELECT * FROM event").fetchone()
    check("values", {key: row[key] for key in right}, wanted)
    check("types", {column["name"]: column["type"] for column in db.execute("PRAGMA table_info(event)") if column["name"] in right}, {key: "REAL" if lost and key != "large" else kind for key, kind in types.items()})
    check("found: id EVT_1, email A@shop.example", [db.execute(f"SELECT count(*) FROM event WHERE {where}").fetchone()[0] for where in ("id = 'EVT_1'", "email = 'A@shop.example'")], [0, 0] if lost else [1, 1])
    try: db.execute("INSERT INTO event (id) VALUES ('EVT_1')"); got = "stored"
    except sqlite3.IntegrityError as error: got = str(error)
    check("another event EVT_1", got, "stored" if lost else "UNIQUE constraint failed: event.id")
    try: db.execute("INSERT INTO event (id, amount) VALUES ('evt_2', -1)"); got = "stored"
    except sqlite3.IntegrityError as error: got = str(error)
    check("an amount below 0", got, "CHECK constraint failed: amount >= 0"); db.close()
fresh(); look("as it was made", right, False)
fresh(); db = sqlite3.connect("inbox.db"); db.execute("ALTER TABLE event RENAME COLUMN note TO remark"); db.commit(); db.close(); look("ALTER TABLE event RENAME COLUMN", right, False)
for command, lost in {"transform inbox.db event --rename note remark": True, "transform inbox.db event --column-order large": True, "add-foreign-key inbox.db event customer customer id": True,
                      "extract inbox.db event note": True, "add-column inbox.db event source text": False, "convert inbox.db event note value.upper()": False}.items():
    fresh(); done = subprocess.run(["v/bin/sqlite-utils", *command.split(" ")], capture_output=True, text=True)
    look(f"sqlite-utils {command}", wrong if lost else right, lost); check("exit code, stderr", (done.returncode, done.stderr), (0, ""))
sys.exit(failed)
E
timeout 60 v/bin/python t.py
