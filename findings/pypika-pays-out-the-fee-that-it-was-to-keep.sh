#!/usr/bin/env bash
# Expected: a query builder writes what the Python expression says: -(t.amount + t.fee) is the sum with its sign turned; t.amount - (t.fee + t.paid)
#   and (t.amount + t.fee) * -1 get their brackets from PyPika.
# Happens: PyPika 0.51.1 writes no brackets behind a minus in front: -(t.amount + t.fee) is -"amount"+"fee", -97 for 100 and 3, where -103 is meant,
#   and -(t.paid - t.fee) is -"paid"-"fee"; so in SELECT, WHERE, ORDER BY, SET, within a product and within sum(). No error. SQLAlchemy 2.1.9 has
#   the brackets.
# Means: a balance, a payout or a correction is off by twice the fee on each row, a WHERE takes other rows, and "the largest first" is another one;
#   the single -t.amount of a test is right. Write (..) * -1, or -a - b. (Python 3.11, SQLite)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pypika==0.51.1 SQLAlchemy==2.1.9
cat > t.py <<'E'
import sqlite3, sys
from importlib.metadata import version
from pypika import Order, Query, Table
from pypika import functions as fn
from sqlalchemy import column
failed = False; t = Table("t"); db = sqlite3.connect(":memory:"); db.execute("create table t (id, amount, fee, paid)"); db.executemany("insert into t values (?, ?, ?, ?)", [(1, 100, 3, 50), (2, 10, 95, 10)])
print("Python", sys.version.split()[0], "PyPika", version("pypika"), "SQLAlchemy", version("SQLAlchemy"), "SQLite", sqlite3.sqlite_version)
def check(what, got, wanted):
    global failed
    print(f"{what:50} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def rows(query): return [r[0] for r in db.execute(str(query))]
base = Query.from_(t).orderby(t.id)
check("-(amount + fee)", (str(-(t.amount + t.fee)), rows(base.select(-(t.amount + t.fee)))), ('-"amount"+"fee"', [-97, 85]))
check("-(paid - fee)", (str(-(t.paid - t.fee)), rows(base.select(-(t.paid - t.fee)))), ('-"paid"-"fee"', [-53, -105]))
check("paid + -(amount + fee)", rows(base.select(t.paid + -(t.amount + t.fee))), [-47, 95])
check("-(amount + fee) * 2", (str(-(t.amount + t.fee) * 2), rows(base.select(-(t.amount + t.fee) * 2))), ('-"amount"+"fee"*2', [-94, 180]))
check("sum(-(amount + fee))", rows(Query.from_(t).select(fn.Sum(-(t.amount + t.fee)))), [-12])
check("where -(amount + fee) < 0", rows(base.select(t.id).where(-(t.amount + t.fee) < 0)), [1])
check("order by -(amount + fee)", rows(Query.from_(t).select(t.id).orderby(-(t.amount + t.fee), order=Order.asc)), [1, 2])
check("order by (amount + fee) * -1", rows(Query.from_(t).select(t.id).orderby((t.amount + t.fee) * -1, order=Order.asc)), [2, 1])
db.execute(str(Query.update(t).set(t.paid, -(t.amount + t.fee)).where(t.id == 1))); check("update set paid = -(amount + fee)", rows(base.select(t.paid)), [-97, 10])
print("controls")
check("amount - (fee + paid)", str(t.amount - (t.fee + t.paid)), '"amount"-("fee"+"paid")')
check("(amount + fee) * -1", (str((t.amount + t.fee) * -1), rows(base.select((t.amount + t.fee) * -1))), ('("amount"+"fee")*-1', [-103, -105]))
check("-amount - fee", rows(base.select(-t.amount - t.fee)), [-103, -105]); check("-amount", rows(base.select(-t.amount)), [-100, -10])
check("SQLAlchemy: -(amount + fee)", str(-(column("amount") + column("fee"))), "-(amount + fee)")
sys.exit(failed)
E
timeout 60 v/bin/python t.py
