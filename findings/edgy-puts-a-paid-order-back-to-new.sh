#!/usr/bin/env bash
# Expected: only("id", "note") of edgy loads these columns, save() writes what was changed, and what was not loaded stays as it is in the table, as with
#   Django's only() and defer(), after which they are named. update() after an attribute was set writes that attribute, or says that it wrote nothing.
# Happens: edgy 0.37.0 writes with save(), after only() or defer(), the DEFAULT of each column that was not loaded: an order that is "paid", with state = CharField(default="new"), is "new" again after its
#   note was changed, tries with default=0 is 0; columns without a default keep their values. After load(), which fetches the rest, all stay as they are.
#   update(note="x") writes the note alone. event.state = "sent" and update() write nothing at all. No error, no warning.
# Means: whoever touches a row that was loaded in part puts its state machine back to the beginning: paid orders are worked on again, retries are counted from 0. Tests with a state that
#   equals its default, or that load whole rows, see nothing. Write update(name=value), or load() before save(). (Python 3.11, SQLite)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check edgy==0.37.0 aiosqlite==0.22.1
cat > t.py <<'E'
import asyncio, sqlite3, sys
from importlib.metadata import version
import edgy
print("Python", sys.version.split()[0], "edgy", version("edgy"), "SQLite", sqlite3.sqlite_version); failed = False
models = edgy.Registry(database=edgy.Database("sqlite:///orders.db"))
class Order(edgy.Model):
    id = edgy.IntegerField(primary_key=True, autoincrement=True); note = edgy.CharField(max_length=50, null=True); cents = edgy.IntegerField(null=True)
    state = edgy.CharField(max_length=9, default="new"); tries = edgy.IntegerField(default=0)
    class Meta: registry = models; tablename = "orders"
async def check(what, run, wanted):
    global failed
    order = await Order.query.create(note="a", cents=1999, state="paid", tries=3); await run(order.id)
    with sqlite3.connect("orders.db") as db: got = db.execute("select note, cents, state, tries from orders where id = ?", (order.id,)).fetchone()
    print(f"{what:46} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
async def only(pk): order = await Order.query.only("id", "note").get(id=pk); order.note = "b"; await order.save()
async def only_all(pk): [order] = [o for o in await Order.query.only("id", "note").all() if o.id == pk]; order.note = "b"; await order.save()
async def cents(pk): order = await Order.query.only("id", "cents", "tries").get(id=pk); order.cents = 0; await order.save()
async def asked(pk): order = await Order.query.only("id", "note").get(id=pk); await order.load(); assert (order.state, order.tries) == ("paid", 3); order.note = "b"; await order.save()
async def keyword(pk): await (await Order.query.only("id", "note").get(id=pk)).update(note="b")
async def defer(pk): order = await Order.query.defer("state", "tries", "cents").get(id=pk); order.note = "b"; await order.save()
async def whole(pk): order = await Order.query.get(id=pk); order.note = "b"; await order.save()
async def attribute(pk): order = await Order.query.get(id=pk); order.note = "b"; await order.update()
async def main():
    async with models:
        await models.create_all()
        await check("whole row, save()", whole, ("b", 1999, "paid", 3))
        await check("only(id, note), save()", only, ("b", 1999, "new", 0))
        await check("only(id, note), all(), save()", only_all, ("b", 1999, "new", 0))
        await check("only(id, cents, tries), save()", cents, ("a", 0, "new", 3))
        await check("only(id, note), load(), save()", asked, ("b", 1999, "paid", 3))
        await check("only(id, note), update(note='b')", keyword, ("b", 1999, "paid", 3))
        await check("defer(state, tries, cents), save()", defer, ("b", 1999, "new", 0))
        await check("whole row, note = 'b', update()", attribute, ("a", 1999, "paid", 3))
asyncio.run(main())
sys.exit(failed)
E
timeout 60 v/bin/python t.py
