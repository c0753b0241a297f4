#!/usr/bin/env bash
# Expected: dlt loads rows whose field is 5 once and 2.99 next time into one column that holds both; a row that it cannot load is refused, and the rows of
#   the next run are loaded.
# Happens: dlt 1.31.0 goes by the first value. After a 5 the column is for whole numbers; 3.0 goes there, 2.99 into a second column amount__v_double, "4.50"
#   into amount__v_text. 1E300 counts as whole, too: "Integer exceeds 64-bit range" ends that run, and each later one, as dlt first tries the
#   stored package again; the rows given to those runs are not taken, with only a warning in the log. A row of 2.99 first, and all is well.
# Means: SELECT sum(amount) is short of all that has cents, and one valid notification stops the load until somebody drops the pending package by
#   hand (dlt pipeline NAME abort-packages), while a source that hands each row out once (a queue) loses them. Say the types of
#   columns (columns={"amount": {"data_type": "double"}}). (SQLite as the destination; the sums are checked with it.)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check 'dlt[sqlalchemy]==1.31.0'
export DLT_DATA_DIR=$dir/dlt RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=CRITICAL HOME=$dir
cat > t.py <<'E'
import sqlite3, sys, warnings
from importlib.metadata import version
import dlt
warnings.simplefilter("ignore"); print("dlt", version("dlt"), "SQLite", sqlite3.sqlite_version)
def open_run(name, **columns):
    pipeline = dlt.pipeline(name, destination=dlt.destinations.sqlalchemy(f"sqlite:///{name}.db"), dataset_name="inbox")
    def run(*rows):
        try: pipeline.run([dict(zip(("id", "amount"), row)) for row in rows], table_name="event", **columns); said = "loaded"
        except Exception as error: said = "64-bit" if "Integer exceeds 64-bit range" in str(error) else repr(error)
        file = sqlite3.connect(f"{name}__inbox.db"); file.row_factory = sqlite3.Row
        return said, [{key: row[key] for key in row.keys() if row[key] is not None and key[0] != "_"} for row in file.execute("SELECT * FROM event ORDER BY id")], file.execute("SELECT sum(amount) FROM event").fetchone()[0]
    return run
failed = False
def show(what, seen, wanted):
    global failed
    print(f"{what}: {seen[0]}, sum(amount) {seen[2]}", *seen[1], sep="\n   ")
    if seen != wanted: failed = True; print("   changed: expected", wanted)
run = open_run("first"); rows = [{"id": 1, "amount": 5}, {"id": 2, "amount__v_double": 2.99}, {"id": 3, "amount": 3}, {"id": 4, "amount__v_text": "4.50"}]
show("5, 2.99, 3.0, and a text", run((1, 5), (2, 2.99), (3, 3.0), (4, "4.50")), ("loaded", rows, 8))
show("a run with 1E300", run((5, 1E300)), ("64-bit", rows, 8))
for id in 6, 7: show("a run with 7", run((id, 7)), ("64-bit", rows, 8))
show("another pipeline, 2.99 first", open_run("second")((1, 2.99), (2, 5), (3, 1E300)), ("loaded", [{"id": 1, "amount": 2.99}, {"id": 2, "amount": 5.0}, {"id": 3, "amount": 1e300}], 1e300))
show("a third, the type said", open_run("third", columns={"amount": {"data_type": "double"}})((1, 5), (2, 2.99)), ("loaded", [{"id": 1, "amount": 5.0}, {"id": 2, "amount": 2.99}], 7.99))
sys.exit(failed)
E
timeout 90 v/bin/python t.py
