#!/usr/bin/env bash
# Expected: an event of a calendar or a booking starts on a day (all day long) or at a time, so a field has a date or a datetime. A table makes one type of the two that holds both, or
#   refuses them; a declared `date | datetime` writes the time that it read. A datetime in Python is a date, too, but isinstance() is no reason to drop 22:30.
# Happens: pyarrow 26.0.1 takes the type of the first value: after a date, each datetime is its day, in array(), Table.from_pylist(), lists and structs, and so is a column that pandas 3.1.1
#   hands to to_parquet() and to_feather(), while the DataFrame has the times. A None before it changes nothing; with a datetime first, the date is an error. apischema 0.19.0
#   (date | datetime in either order) and serpyco-rs 1.23.0 (date first) read "2026-06-01T22:30:15+00:00" as that moment and write "2026-06-01". fastavro 1.13.1 with a union of date and
#   timestamp writes the day where date is first, and with it dataclasses-avroschema 0.71.1. DuckDB 2.0.1 keeps each time and makes midnight of the day; pydantic 2.14.4, mashumaro 3.23 and
#   Apache's avro 1.12.2 write what they read. No error, no warning.
# Means: a file of a day's bookings has hours or none by which row is first, and a check with timed events alone sees nothing; an API that reads and writes an event moves the
#   meeting to "all day". Make a datetime of each date beforehand, or declare the type (pa.timestamp("us") refuses the date); put the timestamp first in Avro. (Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1 apischema==0.19.0 serpyco-rs==1.23.0 fastavro==1.13.1 avro==1.12.2 dataclasses-avroschema==0.71.1 \
  duckdb==2.0.1 pydantic==2.14.4 mashumaro==3.23
cat > t.py <<'E'
import datetime as d, io, json, sys, warnings
from dataclasses import dataclass
from importlib.metadata import version
import apischema, avro.io, avro.schema, duckdb, fastavro, pandas as pd, pyarrow as pa, pydantic, serpyco_rs
from dataclasses_avroschema import AvroModel
from mashumaro.codecs import BasicDecoder, BasicEncoder
warnings.simplefilter("error"); failed = False
print("Python", sys.version.split()[0], *(f"{n} {version(n)}" for n in ("pyarrow", "pandas", "apischema", "serpyco-rs", "fastavro", "avro", "dataclasses-avroschema", "duckdb", "pydantic", "mashumaro")))
day, at = d.date(2026, 6, 1), d.datetime(2026, 6, 1, 22, 30, 15); utc = at.replace(tzinfo=d.timezone.utc); text = "2026-06-01T22:30:15+00:00"
def check(what, got, wanted):
    global failed
    got = repr(got).replace("datetime.", ""); wanted = repr(wanted).replace("datetime.", ""); print(f"{what:46} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def error(run):
    try: return run()
    except Exception as e: return type(e).__name__
def file(values, kind):
    b = io.BytesIO(); frame = pd.DataFrame({"starts": values}); getattr(frame, "to_" + kind)(b); b.seek(0)
    return frame["starts"].tolist() == values, getattr(pd, "read_" + kind)(b)["starts"].tolist()
rows = [{"id": "evt_1", "starts": None}, {"id": "evt_2", "starts": day}, {"id": "evt_3", "starts": at}]
check("pyarrow array, a day first", pa.array([day, at]).to_pylist(), [day, day])
check("pyarrow array, a day and a time in UTC", pa.array([day, utc]).to_pylist(), [day, day])
check("pyarrow array, a time first", error(lambda: pa.array([at, day])), "ArrowTypeError")
check("pyarrow Table.from_pylist()", [r["starts"] for r in pa.Table.from_pylist(rows).to_pylist()], [None, day, day])
check("pyarrow, lists and structs", (pa.array([[day, at]]).to_pylist(), pa.array([{"on": day}, {"on": at}]).to_pylist()), ([[day, day]], [{"on": day}, {"on": day}]))
check("pyarrow, the type declared", error(lambda: pa.array([day, at], pa.timestamp("us"))), "ArrowTypeError")
for kind in ("parquet", "feather"): check(f"pandas to_{kind}(): in memory, in the file", file([day, at, at], kind), (True, [day, day, day]))
frame = pd.DataFrame({"starts": [day, at]})
check("duckdb, the same DataFrame", [r[0] for r in duckdb.sql("select starts from frame").fetchall()], [d.datetime(2026, 6, 1), at])
first, last = d.date | d.datetime, d.datetime | d.date
serpyco = lambda kind: (lambda s: s.dump(s.load(text)))(serpyco_rs.Serializer(kind))
model = lambda kind: (lambda a: json.loads(a.dump_json(a.validate_python(text))))(pydantic.TypeAdapter(kind))
check("apischema: read", apischema.deserialize(first, text) == utc, True)
check("apischema: written, date first and last", [apischema.serialize(k, apischema.deserialize(k, text)) for k in (first, last)], ["2026-06-01", "2026-06-01"])
check("serpyco-rs: read", serpyco_rs.Serializer(first).load(text) == utc, True)
check("serpyco-rs: written, date first and last", [serpyco(k) for k in (first, last)], ["2026-06-01", "2026-06-01T22:30:15Z"])
check("pydantic: written, date first and last", [model(k) for k in (first, last)], ["2026-06-01T22:30:15Z", "2026-06-01T22:30:15Z"])
check("mashumaro: written, date first and last", [BasicEncoder(k).encode(BasicDecoder(k).decode(text)) for k in (first, last)], [text, text])
date, time = {"type": "int", "logicalType": "date"}, {"type": "long", "logicalType": "timestamp-micros"}
def fast(*union):
    s = fastavro.parse_schema({"type": "record", "name": "Event", "fields": [{"name": "starts", "type": ["null", *union]}]}); b = io.BytesIO()
    fastavro.writer(b, s, [{"starts": day}, {"starts": utc}], validator=True); b.seek(0); return [r["starts"] for r in fastavro.reader(b)]
def apache(*union):
    s = avro.schema.parse(json.dumps({"type": "record", "name": "Event", "fields": [{"name": "starts", "type": ["null", *union]}]})); b = io.BytesIO()
    avro.io.DatumWriter(s).write({"starts": utc}, avro.io.BinaryEncoder(b)); b.seek(0); return avro.io.DatumReader(s).read(avro.io.BinaryDecoder(b))["starts"] == utc
check("fastavro, date before timestamp", fast(date, time), [day, day])
check("fastavro, timestamp before date", fast(time, date), [day, utc])
check("avro, date before timestamp, kept", apache(date, time), True)
@dataclass
class Event(AvroModel): starts: d.date | d.datetime
check("dataclasses-avroschema", Event.deserialize(Event(utc).serialize()).starts, day)
sys.exit(failed)
E
timeout 90 v/bin/python t.py
