#!/usr/bin/env bash
# Expected: a query of Pony is a Python generator (its documentation: native Python syntax, as if the objects were in memory): (o.refunded or 0) is
#   the amount that was refunded, or 0 where there is none, as the same lines give it over objects or dictionaries; what Pony cannot translate it
#   refuses with an error.
# Happens: Pony 0.7.20 on SQLite makes a condition of `or` and `and`, whose value is True or None, and goes on to calculate with it: sum(o.cents -
#   (o.refunded or 0)) of 1999 less 500, and 5000, is 1998, for the second order has no value and the first is a cent less; (o.refunded or 0) > 300
#   finds nothing, == 0 neither; (o.name or "none") is True. o.cents / 100 of integers is 19, and sum() of it 69 for 69.99. Of a Decimal o.amount %
#   1 is 0 for 19.99, so != 0 finds no order with cents, and // does not round down: o.amount // 1 is 19.99. coalesce(o.refunded, 0) and / 100.0 are
#   right. No error or warning.
# Means: a report, a payout or a limit is wrong as soon as it is calculated in the query, and right in a test that goes over the objects; with one
#   `or` for a missing value nearly all of the sum is gone. Write coalesce(), divide by 100.0, and take fractions apart in Python. (Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pony==0.7.20
cat > t.py <<'E'
import sqlite3, sys, warnings
from decimal import Decimal
from importlib.metadata import version
from pony.orm import Database, Optional, PrimaryKey, Required, coalesce, db_session, select, sum as total
warnings.simplefilter("error"); failed = False; db = Database("sqlite", ":memory:")
class Order(db.Entity): id = PrimaryKey(int); cents = Required(int); refunded = Optional(int); amount = Required(Decimal, 12, 2); name = Optional(str)
db.generate_mapping(create_tables=True); print("Python", sys.version.split()[0], "pony", version("pony"), "SQLite", sqlite3.sqlite_version)
with db_session:
    Order(id=1, cents=1999, refunded=500, amount=Decimal("19.99"), name="Ada"); Order(id=2, cents=5000, amount=Decimal("50.00"))
def check(what, in_query, in_python, wanted):
    global failed
    with db_session: # each twice: as a query, and in Python over the objects
        got = in_query(); here = in_python(list(Order.select().order_by(Order.id)))
    print(f"{what:42} query {got!s:34} Python {here}")
    if (got, here) != wanted: failed = True; print("   changed: expected", wanted)
def rows(query): return [x for x in query.order_by(1)] if query.first() is not None else []
D = Decimal
check("sum(cents - (refunded or 0))", lambda: total(o.cents - (o.refunded or 0) for o in Order), lambda q: sum(o.cents - (o.refunded or 0) for o in q), (1998, 6499))
check("cents - (refunded or 0)", lambda: rows(select((o.id, o.cents - (o.refunded or 0)) for o in Order)),
    lambda q: [(o.id, o.cents - (o.refunded or 0)) for o in q], ([(1, 1998), (2, None)], [(1, 1499), (2, 5000)]))
check("refunded or 0", lambda: rows(select((o.id, o.refunded or 0) for o in Order)), lambda q: [(o.id, o.refunded or 0) for o in q], ([(1, True), (2, None)], [(1, 500), (2, 0)]))
check("where (refunded or 0) > 300", lambda: rows(select(o.id for o in Order if (o.refunded or 0) > 300)), lambda q: [o.id for o in q if (o.refunded or 0) > 300], ([], [1]))
check("where (refunded or 0) == 0", lambda: rows(select(o.id for o in Order if (o.refunded or 0) == 0)), lambda q: [o.id for o in q if (o.refunded or 0) == 0], ([], [2]))
check("name or 'none'", lambda: rows(select((o.id, o.name or "none") for o in Order)), lambda q: [(o.id, o.name or "none") for o in q],
    ([(1, True), (2, True)], [(1, "Ada"), (2, "none")]))
check("sum(cents / 100)", lambda: total(o.cents / 100 for o in Order), lambda q: sum(o.cents / 100 for o in q), (69, 69.99))
check("where 19.5 < cents / 100 < 20", lambda: rows(select(o.id for o in Order if o.cents / 100 > 19.5 and o.cents / 100 < 20)),
    lambda q: [o.id for o in q if 19.5 < o.cents / 100 < 20], ([], [1]))
check("amount % 1", lambda: rows(select((o.id, o.amount % 1) for o in Order)), lambda q: [(o.id, o.amount % 1) for o in q], ([(1, D("0")), (2, D("0"))], [(1, D("0.99")), (2, D("0"))]))
check("where amount % 1 != 0", lambda: rows(select(o.id for o in Order if o.amount % 1 != 0)), lambda q: [o.id for o in q if o.amount % 1 != 0], ([], [1]))
check("amount // 1", lambda: rows(select((o.id, o.amount // 1) for o in Order)), lambda q: [(o.id, o.amount // 1) for o in q], ([(1, D("19.99")), (2, D("50"))], [(1, D("19")), (2, D("50"))]))
check("sum(cents - coalesce(refunded, 0))", lambda: total(o.cents - coalesce(o.refunded, 0) for o in Order), lambda q: sum(o.cents - (o.refunded or 0) for o in q), (6499, 6499))
check("sum(cents / 100.0)", lambda: round(total(o.cents / 100.0 for o in Order), 2), lambda q: sum(o.cents / 100.0 for o in q), (69.99, 69.99))
check("sum(amount)", lambda: total(o.amount for o in Order), lambda q: sum(o.amount for o in q), (D("69.99"), D("69.99")))
sys.exit(failed)
E
timeout 60 v/bin/python t.py
