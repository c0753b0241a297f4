#!/usr/bin/env bash
# Expected: a JSON Schema that pydantic writes of its models (a union of kinds of events, each with fields of its own) takes in fastjsonschema the events that pydantic
#   takes. fastjsonschema fills in "default" as its readme says, so a refund without a reason gets the reason that the refund's model has.
# Happens: fastjsonschema 2.22.3 writes the defaults into the event while it tries the alternatives, and leaves those of the ones that do not fit. With oneOf, which
#   pydantic 2.14.4 writes for a union with a discriminator, all are tried: a refund comes back with "capture": true of the charge, a payout with the reason of the
#   refund. Where models forbid extra fields, a later alternative then refuses the event for a field that the sender never sent: each charge is invalid, "0 matches
#   found". With anyOf (no discriminator) the first alternative that fits ends it, so the order of the union decides. A kind that is the first field of its model
#   stops the alternative before its defaults; one behind them does not. jsonschema 4.26.0, jsonschema-rs 0.61.2 and pydantic take all the events as they are.
# Means: an event has fields of another kind, "capture": true on a refund, in what is stored and passed on, and moving a field in a class decides which events are valid. Pass
#   use_default=False, and let pydantic fill in what it alone knows.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check fastjsonschema==2.22.3 pydantic==2.14.4 jsonschema==4.26.0 jsonschema-rs==0.61.2
cat > t.py <<'E'
import json, sys
from importlib.metadata import version
from typing import Annotated, Literal
import fastjsonschema, jsonschema, jsonschema_rs
from pydantic import BaseModel, Field, TypeAdapter
print("versions:", *(f"{name} {version(name)}" for name in ("fastjsonschema", "pydantic", "jsonschema", "jsonschema-rs"))); failed = False
class Strict(BaseModel): model_config = {"extra": "forbid"}
class Event(BaseModel): id: str
class Refund(Event):
    reason: str = "asked"; kind: Literal["refund"]; amount: int
class Charge(Event):
    capture: bool = True; kind: Literal["charge"]; amount: int
class Payout(Event):
    instant: bool = False; kind: Literal["payout"]; amount: int
class StrictRefund(Refund, Strict): pass
class StrictCharge(Charge, Strict): pass
class KindRefund(BaseModel):
    kind: Literal["refund"]; id: str; reason: str = "asked"; amount: int
class KindCharge(BaseModel):
    kind: Literal["charge"]; id: str; capture: bool = True; amount: int
def show(name, got, wanted):
    global failed
    print(f"  {name:44} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def look(title, types, discriminator, wanted):
    adapter = TypeAdapter(Annotated[types, Field(discriminator="kind")] if discriminator else types); schema = adapter.json_schema()
    print(f"{title} ({'oneOf' if 'oneOf' in schema else 'anyOf'}):"); check, plain = fastjsonschema.compile(schema), fastjsonschema.compile(schema, use_default=False)
    for kind, fields in wanted.items():
        event = {"id": "evt_1", "kind": kind, "amount": 5}; text = json.dumps(event)
        adapter.validate_json(text); assert jsonschema.Draft202012Validator(schema).is_valid(event) and jsonschema_rs.is_valid(schema, event)
        try: after = check(json.loads(text)); got = {key: value for key, value in after.items() if key not in event}
        except fastjsonschema.JsonSchemaValueException as error: got = error.message
        show(f"{kind}: fields that came in", got, fields)
        show(f"{kind}: with use_default=False the same event", plain(json.loads(text)) == event, True)
look("with a discriminator", Refund | Charge | Payout, True, {"refund": {"reason": "asked", "capture": True, "instant": False}, "charge": {"reason": "asked", "capture": True, "instant": False},
    "payout": {"reason": "asked", "capture": True, "instant": False}})
look("without", Refund | Charge | Payout, False, {"refund": {"reason": "asked"}, "charge": {"reason": "asked", "capture": True}, "payout": {"reason": "asked", "capture": True, "instant": False}})
look("extra fields forbidden", StrictRefund | StrictCharge, True, {"refund": {"reason": "asked", "capture": True}, "charge": "data must be valid exactly by one definition (0 matches found)"})
look("extra fields forbidden, the other order", StrictCharge | StrictRefund, True, {"charge": {"capture": True, "reason": "asked"}, "refund": "data must be valid exactly by one definition (0 matches found)"})
look("kind first", KindRefund | KindCharge, True, {"refund": {"reason": "asked"}, "charge": {"capture": True}})
sys.exit(failed)
E
timeout 60 v/bin/python t.py
