#!/usr/bin/env bash
# Expected: chdb's DataStore, which is offered as pandas with nothing but another import (its README), keeps the rows that pandas keeps,
#   or refuses: the usual line for the latest state of each order, events[events.n == events.groupby("id")["n"].transform("max")], gives one row an order.
# Happens: chdb 4.4.0 gives all rows: in a filter the transform() is left out and the column is compared with itself. With < it gives none, for
#   transform("size") == 1 ("orders with one event") it gives the rows whose n is 1, for transform("count") > 1 those with n > 1. The same transform() as a
#   column of its own (assign) is right, and a filter by that column, too. `state != "paid"` leaves out the event without a state, which pandas and
#   DataStore's own ~isin(["paid"]) keep. drop_duplicates(), groupby().tail(1) and transform() by itself are as in pandas 3.1.1.
# Means: a balance of "latest states" counts every state of each order, a clean-up of older states finds none or all of them, without an error. Put the
#   transform into a column first, or use drop_duplicates(keep="last"); write isna() beside a !=; and run both imports over the same rows in a test.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check chdb==4.4.0 chdb-core==26.9.0 pandas==3.1.1
cat > t.py <<'E'
import os, sys
os.environ["TZ"] = "UTC"
from importlib.metadata import version
import pandas
from chdb import datastore
print("chdb", version("chdb"), "chdb-core", version("chdb-core"), "pandas", pandas.__version__, "Python", sys.version.split()[0])
rows = [{"id": "a", "n": 1, "state": "open"}, {"id": "b", "n": 2, "state": None}, {"id": "a", "n": 3, "state": "paid"}, {"id": "c", "n": 4, "state": "void"}]
def numbers(pd, line):
    events = pd.DataFrame(rows)
    kept = eval(line, {"events": events, "most": events.groupby("id")["n"].transform("max"), "pd": pd})
    if not isinstance(kept, pandas.DataFrame): kept = kept.to_pandas() if hasattr(kept, "to_pandas") else kept.to_df()
    return kept["n"].tolist()
failed = False
def check(line, wanted, given):
    global failed
    got = numbers(pandas, line), numbers(datastore, line)
    print(f"{line:68} pandas: {str(got[0]):14} DataStore: {got[1]}")
    if got != (wanted, given): failed = True; print("   changed: expected", wanted, given)
check('events[events["n"] == events.groupby("id")["n"].transform("max")]', [2, 3, 4], [1, 2, 3, 4])
check('events[events["n"] == most]', [2, 3, 4], [1, 2, 3, 4])
check('events[events["n"] < events.groupby("id")["n"].transform("max")]', [1], [])
check('events[events.groupby("id")["n"].transform("size") == 1]', [2, 4], [1])
check('events[events.groupby("id")["n"].transform("count") > 1]', [1, 3], [2, 3, 4])
check('(lambda e: e[e["n"] == e["m"]])(events.assign(m=most))', [2, 3, 4], [2, 3, 4])
check('events.drop_duplicates("id", keep="last")', [2, 3, 4], [2, 3, 4])
check('events.groupby("id").tail(1)', [2, 3, 4], [2, 3, 4])
check('events[events["state"] != "paid"]', [1, 2, 4], [1, 4])
check('events[~events["state"].isin(["paid"])]', [1, 2, 4], [1, 2, 4])
check('events[(events["state"] != "paid") | events["state"].isna()]', [1, 2, 4], [1, 2, 4])
sys.stdout.flush(); os._exit(failed)                                          # the engine prints a complaint of its own at a usual exit
E
timeout 90 v/bin/python t.py
