#!/usr/bin/env bash
# Expected: a table of peewee's DataSet, which makes its columns as the data comes, keeps the amounts that are inserted, whichever is first, or
#   raises; and in a query the number beside a field is the number that was written: cents * 1.19 is SQL's cents * 1.19, cents < 150.5 has the row
#   with 150.
# Happens: peewee 4.5.3 gives a DataSet's column the type of its first value, and int() cuts what comes later: after an amount of 12, 12.75 is stored
#   as 12, -0.5 as 0 and Decimal("19.99") as 19, update() cuts as well, and find(total=12.75) has all with 12; after 12.5 all are kept. Objects and
#   lists become the text of Python, "{'a': None}", which is no JSON. Beside an IntegerField, of any model, the same happens to the query: * 1.19 is *
#   1, but 1.19 * is not (the result is cut), * 0.5 is 0, < 150.5 is < 150, == 150.75 finds 150, and update(cents=cents * 1.5) says 1 row and changes
#   nothing. SQLite's column would keep 12.75. No warning.
# Means: an archive of events has its cents or not by what the first event was; a fee, a discount or a limit in the query is off by all of its
#   fraction. Insert text, Decimal or float(total) for each row, the first too, and json.dumps() for what is nested; write Order.cents * Value(1.19,
#   converter=False).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check peewee==4.5.3
cat > t.py <<'E'
import sqlite3, sys, warnings
from decimal import Decimal
import peewee
from peewee import FloatField, IntegerField, Model, SqliteDatabase, Value
from playhouse.dataset import DataSet
warnings.simplefilter("error"); failed = False; print("Python", sys.version.split()[0], "peewee", peewee.__version__, "SQLite", sqlite3.sqlite_version)
def check(what, got, wanted):
    global failed
    print(f"{what:58} {got!r}")
    if repr(got) != repr(wanted): failed = True; print("   changed: expected", repr(wanted))
def dataset(*totals):
    events = DataSet("sqlite:///:memory:")["events"]
    for total in totals: events.insert(total=total)
    return events
def kept(events, **by): return [row["total"] for row in (events.find(**by) if by else events.all())]
check("DataSet, insert 12.5, 12, 12.75", kept(dataset(12.5, 12, 12.75)), [12.5, 12.0, 12.75])
check("   and find(total=12.75)", kept(dataset(12.5, 12, 12.75), total=12.75), [12.75])
check("DataSet, insert 12, 12.5, 12.75", kept(dataset(12, 12.5, 12.75)), [12, 12, 12])
check("   and find(total=12.75)", kept(dataset(12, 12.5, 12.75), total=12.75), [12, 12, 12])
check("DataSet, insert 12, -0.5, Decimal('19.99')", kept(dataset(12, -0.5, Decimal("19.99"))), [12, 0, 19])
events = dataset(12); events.update(id=1, columns=["id"], total=19.99); check("DataSet, insert 12, update to 19.99", kept(events), [19])
check("DataSet, float() of each of 12, 12.5, 12.75", kept(dataset(*map(float, (12, 12.5, 12.75)))), [12.0, 12.5, 12.75])
check("DataSet, an object and a list", kept(dataset({"a": None, "b": True}, ["x"])), ["{'a': None, 'b': True}", "['x']"])
plain = sqlite3.connect(":memory:"); plain.execute("create table e (total INTEGER)"); plain.executemany("insert into e values (?)", [(12,), (12.75,)])
check("sqlite3 itself, an INTEGER column, 12 and 12.75", [row[0] for row in plain.execute("select total from e")], [12, 12.75])
db = SqliteDatabase(":memory:")
class Order(Model):
    cents = IntegerField(); share = FloatField()
    class Meta: database = db
db.create_tables([Order]); Order.create(cents=150, share=150.0)
def select(what): return Order.select(what).tuples()[0][0]
def found(where): return Order.select().where(where).count()
check("as SQL: cents * 1.19", db.execute_sql('select cents * 1.19 from "order"').fetchone()[0], 178.5)
check("a FloatField: share * 1.19", select(Order.share * 1.19), 178.5)
check("cents * 1.19, 1.19 * cents", (select(Order.cents * 1.19), select(1.19 * Order.cents)), (150, 178))
check("cents * 0.5, cents + 0.75", (select(Order.cents * 0.5), select(Order.cents + 0.75)), (0, 150))
check("cents * Value(1.19, converter=False)", select((Order.cents * Value(1.19, converter=False)).converter(float)), 178.5)
check("found by cents < 150.5, cents == 150.75", (found(Order.cents < 150.5), found(Order.cents == 150.75)), (0, 1))
check("found by share < 150.5, share == 150.75", (found(Order.share < 150.5), found(Order.share == 150.75)), (1, 0))
check("update(cents=cents * 1.5), and cents after it", (Order.update(cents=Order.cents * 1.5).execute(), Order.get().cents), (1, 150))
sys.exit(failed)
E
timeout 60 v/bin/python t.py
