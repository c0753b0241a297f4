#!/usr/bin/env bash
# Expected: an aggregate of eventsourcing (PyPI) that was saved and is read back is the one that was saved: the library stores an event for each method
#   call with @event, and replays them. Its own example appends to a list in such a method (self.tricks.append(trick)); nothing asks for one save() per
#   call.
# Happens: eventsourcing 9.5.6 stores an event not when it happens but at save(), and gives the aggregate the very objects that the event holds. A list or
#   a dict that came as an argument, which every JSON body is made of, and that a later call changes, is stored as changed in the earlier event, and
#   changed again at each replay: an order opened with one line that gets a second before save() has three lines when it is read, a refund of 5.00 noted
#   on the payment counts as 10.00. The same with event classes and apply(), in memory and in SQLite. No error; the aggregate in hand is right, so that a
#   test of it passes. With a save() after each call, or a copy of the argument (list(lines)), it is right.
# Means: one request that opens an order and adds to it, or a batch of webhooks applied before one save, leaves a stream that is wrong for good: the
#   stored event itself says two lines. Copy each argument inside the @event method (copy.deepcopy), or never change one in place, and compare in tests
#   with repository.get(id), not with the object in hand.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check eventsourcing==9.5.6
cat > t.py <<'E2'
import importlib.metadata, json, sys
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
print("eventsourcing", importlib.metadata.version("eventsourcing"), "python", sys.version.split()[0])
failed = False
def check(name, got, wanted):
    global failed
    print(f"{name:<78} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)

class Order(Aggregate):
    @event("Opened")
    def __init__(self, lines): self.lines = lines; self.payments = []
    @event("LineAdded")
    def add(self, line): self.lines.append(line)
    @event("Paid")
    def pay(self, payment): self.payments.append(payment)
    @event("Refunded")
    def refund(self, number, cents): self.payments[number]["refunded"] += cents
class Copying(Aggregate):  # the same with a copy of the argument
    @event("Opened")
    def __init__(self, lines): self.lines = list(lines)
    @event("LineAdded")
    def add(self, line): self.lines.append(line)
class Explicit(Aggregate):  # the same with event classes and apply()
    lines: list
    def __init__(self, lines): self.lines = lines
    class Added(Aggregate.Event):
        line: str
        def apply(self, aggregate): aggregate.lines.append(self.line)
    def add(self, line): self.trigger_event(self.Added, line=line)

def run(name, environment):
    app = Application(environment)
    def lines(kind, save_each):
        body = json.loads('{"lines": ["A"]}')
        order = kind(lines=body["lines"])
        if save_each: app.save(order)
        order.add("B"); app.save(order)
        return order.lines, app.repository.get(order.id).lines
    check(f"{name}: opened with A, then B, one save(): in hand, read back", lines(Order, False), (["A", "B"], ["A", "B", "B"]))
    check(f"{name}: the same with event classes", lines(Explicit, False), (["A", "B"], ["A", "B", "B"]))
    check(f"{name}: the same with list(lines)", lines(Copying, False), (["A", "B"], ["A", "B"]))
    check(f"{name}: the same with a save() after each", lines(Order, True), (["A", "B"], ["A", "B"]))
    order = Order(lines=[]); order.pay(json.loads('{"id": "pay_1", "refunded": 0}')); order.refund(0, 500); app.save(order)
    check(f"{name}: refund of 500 noted on the payment, one save()", (order.payments[0]["refunded"], app.repository.get(order.id).payments[0]["refunded"]), (500, 1000))
    order = Order(lines=[]); app.save(order); order.pay(json.loads('{"id": "pay_1", "refunded": 0}')); app.save(order); order.refund(0, 500); app.save(order)
    check(f"{name}: the same with a save() after each", (order.payments[0]["refunded"], app.repository.get(order.id).payments[0]["refunded"]), (500, 500))
    order = Order(lines=["A"]); order.add("B"); app.save(order)
    stored = [json.loads(e.state) for e in app.recorder.select_events(order.id)]
    check(f"{name}: stored in the event Opened, which was told A", stored[0]["lines"], ["A", "B"])
run("memory", {}); run("SQLite", {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": "events.db"})
sys.exit(failed)
E2
v/bin/python t.py
