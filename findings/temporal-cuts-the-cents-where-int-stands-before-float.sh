#!/usr/bin/env bash
# Expected: what one Temporal workflow in Python gives to another, or to an activity, arrives as the value that it was: the readme of temporalio says that the
#   type hints are taken into account, all common ones, with Union, Optional, iterables, dataclasses; and a value that does not fit raises.
# Happens: temporalio 1.35.0, default converter, takes the first type of a union that can be made of the JSON: 19.99 for `amount: int | float` is 19 (float |
#   int is right, but an id of 17 digits is rounded there), True for int | bool is 1. Refund(id=7, refund=5.0) for `Charge | Refund` arrives as Charge(id=7,
#   amount=0.0): missing fields are defaults, unknown ones are dropped. "evt_1" for list[str] | str, or for list[str], is ['e', 'v', 't', '_', '1']; the text
#   "20260601" for datetime | str is a day. A plain `int` takes 12.75 for 12, too. No error, and what is in the history is right. pydantic_data_converter is
#   right about all of these unions, but that it makes August 1970 of the text of digits, and raises for 12.75 and for list[str].
# Means: each amount loses its cents between two steps of one program, a refund is booked as a charge of nothing, one child workflow starts for each letter. Use
#   the Pydantic converter, or no unions: float or Decimal as text, one dataclass with a field for the kind.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check temporalio==1.35.0 pydantic==2.13.0
cat > t.py <<'E'
import dataclasses, datetime, sys, typing
from temporalio import converter
from temporalio.contrib.pydantic import pydantic_data_converter
failed = False
def check(name, got, wanted):
    global failed; print(f"  {name:<74} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
@dataclasses.dataclass
class Charge: id: int; amount: float = 0.0
@dataclasses.dataclass
class Refund: id: int; refund: float = 0.0
@dataclasses.dataclass
class Line: price: int | float
def through(data, value, hint):  # as it goes from one workflow to another, or to an activity with this type hint
    payload = data.payload_converter.to_payloads([value])[0]
    try: return payload.data.decode(), repr(data.payload_converter.from_payloads([payload], [hint])[0])
    except Exception: return payload.data.decode(), "raises"
for value, hint, wanted, pydantic in [
    (19.99, float, "19.99", "19.99"), (19.99, float | int, "19.99", "19.99"), (19.99, int | float, "19", "19.99"), (19.99, typing.Union[int, float, None], "19", "19.99"), ([19.99, 5], list[int | float], "[19, 5]", "[19.99, 5]"),
    (Line(19.99), Line, "Line(price=19)", "Line(price=19.99)"), (90071992547409931, float | int, "9.007199254740994e+16", "90071992547409931"),
    ("20260601", datetime.datetime | str, "datetime.datetime(2026, 6, 1, 0, 0)", "datetime.datetime(1970, 8, 23, 11, 56, 41, tzinfo=TzInfo(0))"),
    (True, int | bool, "1", "True"), (12.75, int, "12", "raises"), (0.5, int | None, "0", "raises"),
    (Refund(7, 5.0), Refund | Charge, "Refund(id=7, refund=5.0)", "Refund(id=7, refund=5.0)"), (Refund(7, 5.0), Charge | Refund, "Charge(id=7, amount=0.0)", "Refund(id=7, refund=5.0)"),
    ("evt_1", str | list[str], "'evt_1'", "'evt_1'"), ("evt_1", list[str] | str, "['e', 'v', 't', '_', '1']", "'evt_1'"), ("evt_1", list[str], "['e', 'v', 't', '_', '1']", "raises"), ("evt_1", int, "raises", "raises")]:
    sent, got = through(converter.default(), value, hint); name = getattr(hint, "__name__", str(hint)) if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("__main__.", "").replace("typing.", "")
    check(f"{sent} for {name}", got, wanted)
    other = through(pydantic_data_converter, value, hint)[1]
    check("    by pydantic_data_converter", other, pydantic)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
