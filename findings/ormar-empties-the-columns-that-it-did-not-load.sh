#!/usr/bin/env bash
# Expected: exclude_fields(["body"]) of ormar leaves a large column out of what is loaded, and the object's update(state="sent") writes what was changed; a column that was not loaded stays as it is in
#   the table, as with SQLAlchemy below it, Django's only() and others. Its page on selecting columns has that such a field reads as None, and no word about writing.
# Happens: ormar 0.26.0 writes every column of the object with each update(), with or without keywords, with upsert(), save_related() and bulk_update(): the body is NULL, and with fields(["id", "state"]) all others
#   are, the customer's key and a state whose default is "new", too. A related object that was loaded in part (fields("id", "customer__name")) loses its note in the same way, and Event(id=1, state="sent").update() empties
#   the rest of row 1. Of two workers that load a whole event and each update another field, the second puts the first one's back. No error, the call returns as ever. update(_columns=["state"], ...),
#   bulk_update(..., columns=["state"]), update_or_create() and filter(...).update() change the state alone.
# Means: the list of events that leaves the bodies out to be quick, and marks each as sent, empties the archive, one row after the other; what was recorded meanwhile by another worker (a
#   refund) is taken back. Write filter(pk=...).update(), or name the columns. (Python 3.11, SQLite)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check ormar==0.26.0 aiosqlite==0.22.1 SQLAlchemy==2.0.58
cat > t.py <<'E'
import asyncio, sqlite3, sys, warnings
from importlib.metadata import version
import ormar, sqlalchemy
from ormar import DatabaseConnection
warnings.simplefilter("error", UserWarning); failed = False
print("Python", sys.version.split()[0], *(f"{n} {version(n)}" for n in ("ormar", "SQLAlchemy")), "SQLite", sqlite3.sqlite_version)
base = ormar.OrmarConfig(metadata=sqlalchemy.MetaData(), database=DatabaseConnection("sqlite+aiosqlite:///events.db"))
class Customer(ormar.Model):
    ormar_config = base.copy(tablename="customers"); id: int = ormar.Integer(primary_key=True); name: str = ormar.String(max_length=50); note: str = ormar.String(max_length=50, nullable=True)
class Event(ormar.Model):
    ormar_config = base.copy(tablename="events"); id: int = ormar.Integer(primary_key=True); cents: int = ormar.Integer(nullable=True)
    body: dict = ormar.JSON(nullable=True); state: str = ormar.String(max_length=9, default="new"); customer = ormar.ForeignKey(Customer, nullable=True)
base.metadata.create_all(sqlalchemy.create_engine("sqlite:///events.db"))
def table(name, pk): # as it is in the file
    with sqlite3.connect("events.db") as db: return db.execute(f"select {'name, note' if name == 'customers' else 'state, cents, body, customer'} from {name} where id = ?", (pk,)).fetchone()
async def check(what, run, wanted, name="events"):
    global failed
    customer = await Customer.objects.create(name="Ada", note="vip"); event = await Event.objects.create(cents=1999, body={"id": "evt_1"}, state="paid", customer=customer)
    assert table("events", event.pk) == ("paid", 1999, whole, customer.pk), table("events", event.pk)
    await run(event.pk); got = table(name, event.pk if name == "events" else customer.pk)
    print(f"{what:54} {got}")
    if name == "events": got = (*got[:3], got[3] and "key")
    if got != wanted: failed = True; print("   changed: expected", wanted)
whole = '{"id": "evt_1"}'; light = lambda: Event.objects.exclude_fields(["body"])
async def keyword(pk): await (await light().get(pk=pk)).update(state="sent")
async def attribute(pk): event = await light().get(pk=pk); event.state = "sent"; await event.update()
async def upsert(pk): event = await light().get(pk=pk); event.state = "sent"; await event.upsert()
async def related(pk): event = await light().get(pk=pk); event.state = "sent"; await event.save_related()
async def bulk(pk): event = await light().get(pk=pk); event.state = "sent"; await Event.objects.bulk_update([event])
async def fields(pk): await (await Event.objects.fields(["id", "body"]).get(pk=pk)).update(body={"id": "evt_1", "seen": True})
async def made(pk): await Event(id=pk, state="sent").update()
async def nested(pk): event = await Event.objects.select_related("customer").fields(["id", "customer__id", "customer__name"]).get(pk=pk); await event.customer.update(name="Ada L.")
async def columns(pk): await (await light().get(pk=pk)).update(_columns=["state"], state="sent")
async def bulk_columns(pk): event = await light().get(pk=pk); event.state = "sent"; await Event.objects.bulk_update([event], columns=["state"])
async def query(pk): await Event.objects.filter(pk=pk).update(state="sent")
async def or_create(pk): await Event.objects.update_or_create(id=pk, state="sent")
async def workers(pk): one, two = [await Event.objects.get(pk=pk) for _ in "12"]; await one.update(cents=0); await two.update(state="sent")
async def main():

    async with base.database:
        for run in (keyword, attribute, upsert, related): await check(f"without the body: {run.__name__}", run, ("sent", 1999, None, "key"))
        await check("without the body: bulk_update()", bulk, ("sent", 1999, "null", "key"))
        await check("fields(['id', 'body']), update(body=...)", fields, (None, None, '{"id": "evt_1", "seen": true}', None))
        await check("Event(id=..., state='sent').update()", made, ("sent", None, None, None))
        await check("fields of a customer, update(name=...)", nested, ("Ada L.", None), "customers")
        await check("two workers: update(cents=0), update(state='sent')", workers, ("sent", 1999, whole, "key"))
        for run in (columns, bulk_columns, query, or_create): await check(f"right: {run.__name__}", run, ("sent", 1999, whole, "key"))
asyncio.run(main())
sys.exit(failed)
E
timeout 60 v/bin/python t.py
