#!/usr/bin/env bash
# Expected: a field out of the JSON of an event, Event.select(Event.data['order']), is what it is in Event.data as a whole: the text "7E2" is "7E2". Event.data['paid'].set(False) writes false, as a JSON of
#   SQLite and Python has it. peewee's JSONField of playhouse.sqlite_ext is for that.
# Happens: peewee 4.5.3 gives what SQLite's json_extract returned, a text without its quotes, to json.loads() once more, and keeps the text only where that fails: the order "7E2" is 700.0, "100" is 100,
#   "1.10" is 1.1, "null" is None, "true" is True, "NaN" and "Infinity" are such floats, the text of a body ('{"a": 1}') is a dict; "0042" and "x" stay. The true and false of JSON are 1 and 0. So in .dicts()
#   and .tuples(). set(True) and set(False) write the numbers 1 and 0 into the document. Finding goes by the text: data['order'] == "7E2" has the row, the same with 700.0 that was read has none.
#   peewee.JSONField, of the same name and without playhouse, is right in all of it.
# Means: a worker that selects one field in place of the whole body (a list, a report, a key for a second query) finds no order "7E2", books 100 and "100" as one, and a strict reader gets 0 where the
#   event said false; most ids are words and look right. Import JSONField from peewee (SQLite 3.38 or later), or read data as a whole.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check peewee==4.5.3
cat > t.py <<'E'
import sqlite3, sys, warnings
import peewee, playhouse.sqlite_ext
from peewee import Model, SqliteDatabase
warnings.simplefilter("error"); failed = False
print("Python", sys.version.split()[0], "peewee", peewee.__version__, "SQLite", sqlite3.sqlite_version)
texts = ["7E2", "100", "1.10", "null", "true", "NaN", '{"a": 1}', "0042", "x"]
def check(what, got, wanted):
    global failed
    print(f"   {what:30} {got}")
    if repr(got) != repr(wanted): failed = True; print("      changed: expected", wanted)
def run(kind, wanted, one, paid, written):
    db = SqliteDatabase(":memory:")
    class Event(Model):
        data = kind()
        class Meta: database = db
    db.create_tables([Event]); print(kind.__module__ + "." + kind.__name__)
    for t in texts: Event.create(data={"order": t, "paid": False})
    check("data, as a whole", [e.data["order"] for e in Event.select().order_by(Event.id)], texts)
    order = Event.data["order"]; rows = list(Event.select(order.alias("order"), Event.data["paid"].alias("paid")).order_by(Event.id).dicts())
    check("data['order']", [r["order"] for r in rows], wanted); check("data['paid']", rows[0]["paid"], paid)
    check("rows by == '7E2' and as read", [Event.select().where(order == v).count() for v in ("7E2", rows[0]["order"])], one)
    Event.update(data=Event.data["paid"].set(True)).where(Event.id == 1).execute(); Event.update(data=Event.data["paid"].set(False)).where(Event.id == 2).execute()
    check("after set(True), set(False)", [r[0] for r in db.execute_sql("select json_extract(data, '$') from event where id < 3 order by id")], written)
    db.close()
run(playhouse.sqlite_ext.JSONField, [700.0, 100, 1.1, None, True, float("nan"), {"a": 1}, "0042", "x"], [1, 0], 0, ['{"order":"7E2","paid":1}', '{"order":"100","paid":0}'])
run(peewee.JSONField, texts, [1, 1], False, ['{"order":"7E2","paid":true}', '{"order":"100","paid":false}'])
sys.exit(failed)
E
timeout 60 v/bin/python t.py
