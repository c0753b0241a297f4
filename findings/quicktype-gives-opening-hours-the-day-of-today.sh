#!/usr/bin/env bash
# Expected: the Python classes that quicktype makes of a JSON Schema read an event and write it again as the same event: a date as a date, a time of day as a time of day,
#   null as null; what the schema allows beyond its properties is kept or refused.
# Happens: quicktype 26.0.0 reads "format": "time" by dateutil and writes it with the day of today before it: "10:00:00Z" is "2026-11-29T10:00:00+00:00" on that day, and another
#   text each day. "format": "date" is written as the first second of that day, "2026-01-01T00:00:00", without a zone; both are no longer valid for the schema that they were
#   made of. A field that may be absent or null is absent after null: "cleared" becomes "not spoken of". Fields that the schema does not name are gone, though it allows
#   them. Classes made of samples (quicktype -l python events.json) take texts of digits for numbers: with samples "80331" and "10115" the postal code
#   "04107" is 4107, and "4107" when written; "+49" is "49". Nothing is raised.
# Means: whoever reads, changes one field and passes the event on sends another one, with a hash and a signature that differ each day; and an update that should empty a
#   field leaves it. --no-date-times and --no-integer-strings help against the first and the last; or use the classes for reading alone. (python-dateutil 4.0.0)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts quicktype@26.0.0
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check python-dateutil==4.0.0 jsonschema==4.26.0 rfc3339-validator==0.1.4
cat > schema.json <<'E'
{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Shop", "type": "object", "required": ["id", "since"], "properties": {"id": {"type": "string"},
  "since": {"type": "string", "format": "date"}, "opens": {"type": "string", "format": "time"}, "changed": {"type": "string", "format": "date-time"},
  "note": {"type": ["string", "null"]}, "until": {"type": ["string", "null"], "format": "date"}, "tables": {"type": "integer"}}}
E
echo '[{"id": "evt_a", "zip": "80331", "phone": "49"}, {"id": "evt_b", "zip": "10115", "phone": "43"}]' >samples.json
node_modules/.bin/quicktype --version
node_modules/.bin/quicktype -s schema -l python --python-version 3.7 -t Shop -o shop.py schema.json
node_modules/.bin/quicktype -s schema -l python --python-version 3.7 --no-date-times -t Shop -o plain.py schema.json
node_modules/.bin/quicktype -l python --python-version 3.7 -t Samples -o samples.py samples.json
node_modules/.bin/quicktype -l python --python-version 3.7 --no-integer-strings -t Samples -o texts.py samples.json
cat > t.py <<'E'
import datetime as d, json, sys
import jsonschema, plain, samples, shop, texts
schema, failed = json.load(open("schema.json")), False
check = jsonschema.Draft7Validator(schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
def show(name, got, wanted):
    global failed
    print(f"  {name:58} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def again(event, module=shop): return module.shop_to_dict(module.shop_from_dict(event))
event = {"id": "shop_1", "since": "2026-01-01", "opens": "10:00:00Z", "changed": "2026-02-03T04:05:06.123456+00:00", "note": "x", "until": "2026-12-31", "tables": 12}
today = d.date.today().isoformat(); got = again(event)
show("the event, valid for the schema", check.is_valid(event), True)
for name, wanted in (("id", "shop_1"), ("tables", 12), ("changed", "2026-02-03T04:05:06.123456+00:00"), ("note", "x"), ("opens", today + "T10:00:00+00:00"), ("since", "2026-01-01T00:00:00"), ("until", "2026-12-31T00:00:00")):
    show(f"{name}: {event[name]}", got[name], wanted)
show("fields that the schema refuses afterwards", sorted(error.path[0] for error in check.iter_errors(got)), ["opens", "since", "until"])
cleared = {"id": "shop_1", "since": "2026-01-01", "note": None, "until": None, "source": "pos"}
show("note and until null, and a source", [check.is_valid(cleared), again(cleared)], [True, {"id": "shop_1", "since": "2026-01-01T00:00:00"}])
show("the same with --no-date-times", again(cleared, plain), {"id": "shop_1", "since": "2026-01-01"})
show("--no-date-times: the whole event is as it was", again(event, plain) == event, True)
sample = [{"id": "evt_c", "zip": "04107", "phone": "+49"}]
show("made of samples", samples.samples_to_dict(samples.samples_from_dict(sample)), [{"id": "evt_c", "zip": "4107", "phone": "49"}])
show("made of samples with --no-integer-strings", texts.samples_to_dict(texts.samples_from_dict(sample)), sample)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
