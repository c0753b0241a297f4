#!/usr/bin/env bash
# Expected: a hit of Whoosh has the stored fields of its document; hit["amount"] of an event that was indexed without an amount, or with None, raises
#   KeyError or is None, as it is in the documents that the searcher lists, and "amount" in hit is false.
# Happens: with Whoosh-Reloaded 2.7.5, NUMERIC(Decimal, decimal_places=2, stored=True, sortable=True), as soon as any event of the segment has an
#   amount, hit["amount"] of one without is 21474836.47, and "amount" in hit is true; hit.get("amount") is None. With default=0 in the field it is
#   -21474836.48. An int is 2147483647 (9223372036854775807 with 64 bits, 4294967295 unsigned), a text is "". groupedby="amount" has a group
#   21474836.47 of these events, and sorted by amount, highest first, they come before the largest payment. Without sortable=True it is the KeyError.
# Means: the sum of a day's hits is wrong by 21 million for each event of a kind that has no amount, and turning on sorting for a field is what does
#   it. Read with hit.get() or hit.fields().
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check Whoosh-Reloaded==2.7.5
cat > t.py <<'E'
import importlib.metadata, os, sys
from decimal import Decimal
from whoosh import fields, index, query, sorting
print("Whoosh-Reloaded", importlib.metadata.version("Whoosh-Reloaded")); failed = False
def check(name, got, wanted):
    global failed; print(f"{name:62} {got!r}")
    if got != wanted: failed = True; print("   changed: expected", repr(wanted))
def attempt(hit, field):
    try: return hit[field]
    except KeyError: return "KeyError"
def number(kind=Decimal, **more):
    if kind is Decimal: more["decimal_places"] = 2
    return fields.NUMERIC(kind, stored=True, **more)
schema = fields.Schema(id=fields.ID(stored=True, unique=True), amount=number(sortable=True), zero=number(sortable=True, default=0), unsorted=number(), n=number(int, sortable=True),
  long=number(int, bits=64, sortable=True), unsigned=number(int, signed=False, sortable=True), state=fields.ID(stored=True, sortable=True))
def new(name): os.mkdir(name); return index.create_in(name, schema)
ix = new("without")
def put(*events):
    with ix.writer() as writer:
        for event in events: writer.add_document(**event)
def hits(**how):
    with ix.searcher() as searcher: yield from searcher.search(query.Every(), limit=None, **how)
put({"id": "evt_ping"})
check("the only event, without an amount: hit['amount']", [attempt(hit, "amount") for hit in hits()], ["KeyError"])
paid = {"id": "evt_paid", "amount": Decimal("5.00"), "zero": Decimal("5.00"), "unsorted": Decimal("5.00"), "n": 5, "long": 5, "unsigned": 5, "state": "paid"}
ix = new("with"); put(paid, {"id": "evt_login"}, {"id": "evt_null", "amount": None})
def of(name, read):
    for hit in hits():
        if hit["id"] == name: return read(hit)
check("of the paid event: hit['amount']", of("evt_paid", lambda hit: hit["amount"]), Decimal("5.00"))
for field, wanted in (("amount", Decimal("21474836.47")), ("zero", Decimal("-21474836.48")), ("unsorted", "KeyError"), ("n", 2147483647), ("long", 9223372036854775807), ("unsigned", 4294967295), ("state", "")):
    check(f"of an event without: hit['{field}']", of("evt_login", lambda hit: attempt(hit, field)), wanted)
check("of an event with amount=None: hit['amount']", of("evt_null", lambda hit: attempt(hit, "amount")), Decimal("21474836.47"))
check("of an event without: 'amount' in hit, hit.get(), hit.fields()", of("evt_login", lambda hit: ("amount" in hit, hit.get("amount"), hit.fields())), (True, None, {"id": "evt_login"}))
with ix.searcher() as searcher:
    check("the sum of hit.get('amount', 0)", sum(hit.get("amount", 0) for hit in searcher.search(query.Every())), Decimal("5.00"))
    check("the sum of hit['amount'] where it is there by `in`", sum(hit["amount"] for hit in searcher.search(query.Every()) if "amount" in hit), Decimal("42949677.94"))
    check("the groups by amount", {str(k): len(v) for k, v in searcher.search(query.Every(), groupedby="amount").groups().items()}, {"5.00": 1, "21474836.47": 2})
    check("sorted by amount, highest first", [hit["id"] for hit in searcher.search(query.Every(), sortedby=sorting.FieldFacet("amount", reverse=True))][-1], "evt_paid")
sys.exit(1 if failed else 0)
E
timeout 60 v/bin/python -W ignore t.py
