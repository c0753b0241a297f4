#!/usr/bin/env bash
# Expected: a Decimal that fits the schema's decimal(9, 2) is written as that number: 20, 20.0 and 20.00 are one amount. A Decimal with more digits after the point than
#   the schema has is refused by the avro package ("too large for the schema scale"), so one with fewer will be brought to scale, as fastavro does.
# Happens: avro 1.12.2 (Apache's own, PyPI) writes the digits as they stand and forgets where the point was: Decimal("20") is in the file as 0.20, 12.5 as 1.25, 0.5 as
#   0.05, 1E+2 as 0.01; only amounts with just two digits after the point are right. Both kinds, bytes and fixed, in DataFileWriter and DatumWriter; every reader,
#   its own and fastavro 1.13.1 here, says so. A number with more digits than the precision is written as well, and read back with other digits
#   (12345678901.23 as 12345678900). fastavro writes or refuses all of them rightly, but cuts 12.75 to 12 where the field is a long or an int, which avro refuses.
# Means: amounts that come as JSON (12.5, 20; parse_float=Decimal keeps the digits as sent) are a tenth or a hundredth in the archive, and only the round ones, so
#   that spot checks with 19.99 pass and totals are off. Call quantize(Decimal("0.01")) on each value before avro; with fastavro use validator=True.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check avro==1.12.2 fastavro==1.13.1
cat > t.py <<'E'
import io, json, sys, avro, avro.datafile, avro.errors, avro.io, avro.schema, fastavro
from decimal import Decimal
from importlib.metadata import version
print("avro", version("avro"), "fastavro", version("fastavro"))
number = {"logicalType": "decimal", "precision": 9, "scale": 2}
def schema(kind): return {"type": "record", "name": "paid", "fields": [{"name": "amount", "type": kind}]}
kinds = {"bytes": schema({"type": "bytes", **number}), "fixed": schema({"type": "fixed", "name": "f", "size": 8, **number})}
def by_avro(s, amount):
    out = io.BytesIO(); w = avro.datafile.DataFileWriter(out, avro.io.DatumWriter(), avro.schema.parse(json.dumps(s)))
    try: w.append({"amount": amount})
    except avro.errors.AvroException: return "refused", "refused"
    w.flush(); file = out.getvalue()
    own = next(avro.datafile.DataFileReader(io.BytesIO(file), avro.io.DatumReader()))["amount"]
    return str(own), str(next(fastavro.reader(io.BytesIO(file)))["amount"])
def by_fastavro(s, amount):
    out = io.BytesIO()
    try: fastavro.writer(out, fastavro.parse_schema(json.loads(json.dumps(s))), [{"amount": amount}])
    except (ValueError, TypeError): return "refused"
    return str(next(fastavro.reader(io.BytesIO(out.getvalue())))["amount"])
lines = "\n".join('{"amount": %s}' % n for n in "19.99 20.00 20 12.5 0.5 -5 1E+2 1.999 12345678901.23".split())
is_now = {"20": "0.20", "12.5": "1.25", "0.5": "0.05", "-5": "-0.05", "1E+2": "0.01", "1.999": "refused", "12345678901.23": "1.23456789E+10"}
right = {"20": "20.00", "12.5": "12.50", "0.5": "0.50", "-5": "-5.00", "1E+2": "100.00", "1.999": "refused", "12345678901.23": "refused"}
failed = False
for kind, s in kinds.items():
    for line in lines.splitlines():
        amount = json.loads(line, parse_float=Decimal, parse_int=Decimal)["amount"]; sent = line[11:-1]
        (own, other), control = by_avro(s, amount), by_fastavro(s, amount)
        print(f"{kind}: {sent:15} avro writes {own:15} (read by fastavro: {other:15}) fastavro writes {control}")
        if (own, other, control) != (is_now.get(sent, sent),) * 2 + (right.get(sent, sent),): failed = True; print("   changed")
for kind in ("long", "int"):
    cut = by_fastavro(schema(kind), 12.75), by_avro(schema(kind), 12.75)[0]
    print(f"{kind}: 12.75           fastavro writes {cut[0]}, avro: {cut[1]}")
    if cut != ("12", "refused"): failed = True; print("   changed")
sys.exit(failed)
E
timeout 60 v/bin/python t.py
