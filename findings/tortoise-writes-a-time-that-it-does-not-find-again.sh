#!/usr/bin/env bash
# Expected: with use_tz (which is on by default) an aware datetime is a moment: filter(at=t) finds the row that create(at=t) made, get_or_create(at=t)
#   makes one row, and at__gte and order_by go by time, whatever the offset in the datetime.
# Happens: Tortoise ORM 1.1.9 on SQLite: create() and bulk_create() write the time in UTC (the zone of `timezone`), but filter(), get_or_create(),
#   update_or_create() and update() pass it on as it is, and SQLite compares text. For a time with +02:00 filter(at=t), at__in and at__range find
#   nothing, at__gte misses two hours and at__lte takes two too many; get_or_create() and update_or_create() make a new row each time and say
#   "created". update(at=t) writes the text with +02:00, which sorts two hours late, and which the time in UTC does not find either. The text
#   "2026-05-01T10:00:00Z" is taken by create(), and finds nothing. A Unix time is read in the machine's zone and then called UTC: hours off unless TZ
#   is UTC. With t in UTC all is well. Nothing raises or warns.
# Means: a receiver that parses "2026-05-01T12:00:00+02:00" from the body stores each repeat as new, and what was to be deleted or sent since then is
#   not the right set; tests that write "Z" pass. Call astimezone(timezone.utc) on each datetime before it comes near a query, and
#   datetime.fromtimestamp(n, timezone.utc) for numbers.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check tortoise-orm==1.1.9 aiosqlite==0.22.1 pypika-tortoise==0.6.5
cat > t.py <<'E'
import asyncio, os, sqlite3, sys, time, warnings
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from tortoise import Tortoise, fields
from tortoise.models import Model
from tortoise.timezone import get_timezone, get_use_tz
warnings.simplefilter("error"); failed = False
class Event(Model): name = fields.CharField(20, primary_key=True); at = fields.DatetimeField()
class Job(Model): id = fields.IntField(primary_key=True); at = fields.DatetimeField(); kind = fields.CharField(10)
def check(what, got, wanted):
    global failed
    print(f"{what:34} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
paid = datetime.fromisoformat("2026-05-01T12:00:00+02:00"); same = paid.astimezone(timezone.utc) # 10:00 in UTC
later = datetime.fromisoformat("2026-05-01T11:00:00+00:00"); minute = timedelta(minutes=1)
async def main():
    await Tortoise.init(db_url="sqlite://:memory:", modules={"models": ["__main__"]}); await Tortoise.generate_schemas()
    print("Python", sys.version.split()[0], "tortoise-orm", version("tortoise-orm"), "SQLite", sqlite3.sqlite_version, "use_tz", get_use_tz(), get_timezone())
    await Event.create(name="paid", at=paid); await Event.bulk_create([Event(name="later", at=later)])
    async def names(**by): return await Event.filter(**by).order_by("name").values_list("name", flat=True)
    read = (await Event.get(name="paid")).at; assert paid == same == read
    check("at = the time read back", await names(at=read), ["paid"]); check("at = 10:00+00:00", await names(at=same), ["paid"])
    check("at = 12:00+02:00, which it is", await names(at=paid), []); check("at__in [12:00+02:00]", await names(at__in=[paid]), [])
    check("at__range a minute around it", await names(at__range=(paid - minute, paid + minute)), [])
    check("at__gte 10:00+00:00", await names(at__gte=same), ["later", "paid"]); check("at__gte 12:00+02:00", await names(at__gte=paid), [])
    check("at__lte 10:00+00:00", await names(at__lte=same), ["paid"]); check("at__lte 12:00+02:00", await names(at__lte=paid), ["later", "paid"])
    check("at = '2026-05-01T10:00:00Z'", await names(at="2026-05-01T10:00:00Z"), [])
    check("create with that text", Event(name="x", at="2026-05-01T10:00:00Z").at == paid, True)
    for kind, at, wanted in (("utc", same, [True, False, False]), ("+02:00", paid, [True, True, True])):
        check(f"get_or_create three times, {kind}", [(await Job.get_or_create(at=at, kind=kind))[1] for _ in range(3)], wanted)
        check(f"update_or_create, {kind}", [(await Job.update_or_create(at=at, kind=kind + "u"))[1] for _ in range(3)], wanted)
    check("rows of the two kinds", [await Job.filter(kind=kind).count() for kind in ("utc", "+02:00")], [1, 3])
    check("order_by at", await Event.all().order_by("at").values_list("name", flat=True), ["paid", "later"])
    await Event.filter(name="paid").update(at=paid)
    check("order_by at, after update(at=...)", await Event.all().order_by("at").values_list("name", flat=True), ["later", "paid"])
    check("at = 10:00+00:00, after it", await names(at=same), [])
    os.environ["TZ"] = "America/New_York"; time.tzset()
    check("1777629600, in New York", str(Event(name="x", at=int(paid.timestamp())).at), "2026-05-01 06:00:00+00:00")
    await Tortoise.close_connections()
asyncio.run(main()); sys.exit(failed)
E
TZ=UTC timeout 60 v/bin/python t.py
