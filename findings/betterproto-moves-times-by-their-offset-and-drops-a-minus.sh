#!/usr/bin/env bash
# Expected: betterproto has "timezone-aware datetime and timedelta objects" for protobuf's Timestamp and Duration, binary and in JSON (its README), so a moment or a span
#   that it writes is the same one for Google's protobuf, and the other way round.
# Happens: betterproto 1.2.5 (what pip installs) writes the clock of a time zone with a Z: 12:00+02:00 is 12:00Z in to_json() and to_dict(), two hours late, and 10:00Z in
#   bytes(). The binary Duration of minus half a second is plus half a second, minus one and a half is minus a half (the seconds are cut, the fraction is added; the same in
#   2.0.0b7); in JSON both are right. A time before 1970 with a fraction is a second late in binary. Of what protobuf 7.36.2 writes as JSON, an Int64Value and a
#   double that is NaN become texts ("9007199254740993", "NaN") in the fields of ints and floats; plain int64 fields are converted.
# Means: a message that is logged as JSON and sent as binary has two times, hours apart, on machines whose code keeps local times, and a lag or a clock's error loses its
#   sign just when it is small. Call astimezone(timezone.utc) before assigning, send spans as an int64 of milliseconds, and compare with protobuf once.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for version in 1.2.5 2.0.0b7; do
  python3 -m venv "v$version"; "v$version/bin/pip" -q install --no-compile --disable-pip-version-check "betterproto==$version" protobuf==7.36.2
done
cat > t.py <<'E'
import json, sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from typing import Optional
import betterproto
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, json_format, message_factory, timestamp_pb2, wrappers_pb2
@dataclass  # as the plugin of protoc writes it
class Event(betterproto.Message):
    at: datetime = betterproto.message_field(1)
    lag: timedelta = betterproto.message_field(2)
    number: Optional[int] = betterproto.message_field(3, wraps=betterproto.TYPE_INT64)
    plain: int = betterproto.int64_field(4)
    rate: float = betterproto.double_field(5)
file = descriptor_pb2.FileDescriptorProto(name="e.proto", package="e", syntax="proto3",
    dependency=["google/protobuf/" + n + ".proto" for n in ("timestamp", "duration", "wrappers")])
F = descriptor_pb2.FieldDescriptorProto; message = file.message_type.add(name="Event")
for n, (name, kind) in enumerate({"at": "Timestamp", "lag": "Duration", "number": "Int64Value", "plain": F.TYPE_INT64, "rate": F.TYPE_DOUBLE}.items(), 1):
    message.field.add(name=name, number=n, label=F.LABEL_OPTIONAL,
        **({"type": kind} if isinstance(kind, int) else {"type": F.TYPE_MESSAGE, "type_name": ".google.protobuf." + kind}))
descriptor_pool.Default().Add(file); Google = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName("e.Event"))
one = version("betterproto") == "1.2.5"; failed = False; print("betterproto", version("betterproto"), "protobuf", version("protobuf"))
def show(what, is_now, wanted):
    global failed
    print(f"  {what:52} {is_now}")
    if is_now != wanted: failed = True; print("     changed: expected", wanted)
def read_json(m): g = Google(); json_format.Parse(m.to_json(), g); return g
def read_binary(m): return Google.FromString(bytes(m))
def iso(g): return g.at.ToJsonString()
berlin = datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
for name, at, by_json, by_bytes in (("12:00 in UTC", berlin.replace(tzinfo=timezone.utc), "2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"),
        ("12:00+02:00", berlin, "2026-07-01T12:00:00Z" if one else "2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z"),
        ("23:59:59.5 of 1969", datetime(1969, 12, 31, 23, 59, 59, 500000, timezone.utc), "1969-12-31T23:59:59.500Z",
            "1970-01-01T00:00:00.500Z" if one else "1969-12-31T23:59:59.500Z")):
    show(f"{name}: JSON, read by protobuf", iso(read_json(Event(at=at))), by_json)
    show(f"{name}: binary, read by protobuf", iso(read_binary(Event(at=at))), by_bytes)
for seconds, by_bytes in ((1.5, 1.5), (-0.5, 0.5), (-1.5, -0.5), (-2, -2.0)):
    m = Event(lag=timedelta(seconds=seconds)); total = lambda g: g.lag.seconds + g.lag.nanos / 1e9
    show(f"{seconds} seconds: JSON, read by protobuf", total(read_json(m)), float(seconds))
    show(f"{seconds} seconds: binary, read by protobuf", total(read_binary(m)), by_bytes)
g = Google(plain=9007199254740993, rate=float("nan")); g.number.value = 9007199254740993; text = json_format.MessageToJson(g)
got = Event().from_json(text)
show("protobuf's JSON: Int64Value, int64, NaN are", [type(v).__name__ for v in (got.number, got.plain, got.rate)], ["str", "int", "str"] if one else ["str", "int", "float"])
sys.exit(failed)
E
timeout 30 v1.2.5/bin/python t.py && timeout 30 v2.0.0b7/bin/python t.py
