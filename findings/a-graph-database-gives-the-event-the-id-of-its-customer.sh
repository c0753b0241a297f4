#!/usr/bin/env bash
# Expected: UNWIND $events AS e CREATE (:Event {id: e.id, customer: e.customer}), the usual way to write a batch into the graph databases LadybugDB and
#   Kuzu from Python, takes e.id from the key "id" of each dict, in whatever order its keys stand; JSON says nothing about order. A key that is missing is
#   null, or an error.
# Happens: ladybug 0.22.0 (PyPI; the successor) and kuzu 0.11.3 give all dicts of the list the key names of the LAST one, and each its values as they
#   come. [{"id": "evt_1", "customer": "cus_7"}, {"customer": "cus_8", "id": "evt_2"}] is an event cus_7 of the customer evt_1; 19.99 with a fee of 0.50
#   is a fee of 19.99; a charge {"id", "amount"} before a refund {"id", "refunded"} is a refund; a mail address goes under phone. MERGE and SET change the
#   wrong node. Only another number of keys, or types that do not fit (an id of 100234 where an amount of 1999 stands), are an error. A list written out
#   in the query is the same; after a query of the same text ladybug takes the names that came first. And a datetime with an offset loses it: 22:00+05:00
#   is stored as 22:00 UTC.
# Means: a batch from one sender works in every test; a batch of two senders, or of two kinds of events, writes ids and amounts into each other. Build
#   each row by the same list of names first: [{k: e.get(k) for k in names} for e in events].
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check ladybug==0.22.0 kuzu==0.11.3
cat > t.py <<'E2'
import importlib, importlib.metadata, sys
from datetime import datetime, timedelta, timezone
name = sys.argv[1]; database = importlib.import_module(name)
print(name, importlib.metadata.version(name), "python", sys.version.split()[0])
failed = False
connection = database.Connection(database.Database(":memory:"))
def query(text, **values):
    result = connection.execute(text, values); rows = []
    while result.has_next(): rows.append(result.get_next())
    return rows
def fresh(text, **values):  # in a database of its own, as the first query
    global connection
    connection = database.Connection(database.Database(":memory:")); return query(text, **values)
def check(what, got, wanted):
    global failed
    print(f"  {what:<82} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
BOTH = "UNWIND $events AS e RETURN e.id, e.customer"
same = [{"id": "evt_1", "customer": "cus_7"}, {"id": "evt_2", "customer": "cus_8"}]
other = [{"id": "evt_1", "customer": "cus_7"}, {"customer": "cus_8", "id": "evt_2"}]
right = [["evt_1", "cus_7"], ["evt_2", "cus_8"]]
check("id, customer of {id evt_1, customer cus_7}, {id evt_2, customer cus_8}", fresh(BOTH, events=same), right)
check("id, customer of {id evt_1, customer cus_7}, {customer cus_8, id evt_2}", fresh(BOTH, events=other), [["cus_7", "evt_1"], ["evt_2", "cus_8"]])
check("the same, written out in the query", fresh("UNWIND [{id: 'evt_1', customer: 'cus_7'}, {customer: 'cus_8', id: 'evt_2'}] AS e RETURN e.id, e.customer"), [["cus_7", "evt_1"], ["evt_2", "cus_8"]])
check("the same, one dict at a time", [fresh("WITH $e AS e RETURN e.id, e.customer", e=e)[0] for e in other], right)
check("the same, by one list of names", fresh(BOTH, events=[{k: e.get(k) for k in ("id", "customer")} for e in other]), right)
fresh(BOTH, events=same); check("the first two, one after the other on one connection", query(BOTH, events=other), [["evt_1", "cus_7"], ["cus_8", "evt_2"]] if name == "ladybug" else [["cus_7", "evt_1"], ["evt_2", "cus_8"]])
check("amount, fee of {amount 19.99, fee 0.5}, {fee 0.6, amount 20.0}", fresh("UNWIND $events AS e RETURN e.amount, e.fee", events=[{"amount": 19.99, "fee": 0.5}, {"fee": 0.6, "amount": 20.0}]), [[0.5, 19.99], [20.0, 0.6]])
check("a charge {id evt_1, amount 1999}, a refund {id evt_2, refunded 500}", fresh("UNWIND $events AS e RETURN e", events=[{"id": "evt_1", "amount": 1999}, {"id": "evt_2", "refunded": 500}]),
      [[{"id": "evt_1", "refunded": 1999}], [{"id": "evt_2", "refunded": 500}]])
check("id, phone of {id 1, email a@example.com}, {id 2, phone 555}", fresh("UNWIND $events AS e RETURN e.id, e.phone", events=[{"id": 1, "email": "a@example.com"}, {"id": 2, "phone": "555"}]), [[1, "a@example.com"], [2, "555"]])
def taken(events):
    try: fresh("UNWIND $events AS e RETURN e", events=events); return "taken"
    except RuntimeError: return "error"
check("{id evt_1, amount 1999}, {id evt_2}", taken([{"id": "evt_1", "amount": 1999}, {"id": "evt_2"}]), "error")
check("{id 100234, amount 1999}, {amount 2500, id 100235}", taken([{"id": 100234, "amount": 1999}, {"amount": 2500, "id": 100235}]), "error")
fresh("CREATE NODE TABLE Event(id STRING, state STRING, at TIMESTAMP, PRIMARY KEY(id))")
query("UNWIND $events AS e CREATE (:Event {id: e.id, state: e.state})", events=[{"id": "evt_1", "state": "paid"}, {"state": "open", "id": "evt_2"}])
check("nodes after CREATE of {id evt_1, state paid}, {state open, id evt_2}", query("MATCH (n:Event) RETURN n.id, n.state ORDER BY n.id"), [["evt_2", "open"], ["paid", "evt_1"]])
moment = datetime(2026, 11, 29, 22, tzinfo=timezone(timedelta(hours=5)))
query("CREATE (:Event {id: 'evt_3', at: $at})", at=moment); query("CREATE (:Event {id: 'evt_4', at: timestamp('2026-11-29T22:00:00+05:00')})"); query("CREATE (:Event {id: 'evt_5', at: $at})", at=moment.astimezone(timezone.utc))
check("22:00+05:00 as a datetime, as timestamp('...'), as a datetime in UTC: hour in the table", [row[0].hour for row in query("MATCH (n:Event) WHERE n.at IS NOT NULL RETURN n.at ORDER BY n.id")], [22, 22 if name == "ladybug" else 17, 17])
sys.exit(failed)
E2
failed=0; for name in ladybug kuzu; do v/bin/python t.py $name || failed=1; done; exit $failed
