#!/usr/bin/env bash
# Expected: a datetime field of a faust Record (faust-streaming, stream processing on Kafka; coerce=True or isodates=True reads ISO 8601) with the text
#   2026-11-29T22:00:00.5Z is half a second after ten, as it is for Python's datetime.fromisoformat(), dateutil and each other reader of ISO 8601.
# Happens: faust-streaming 0.15.3 as pip installs it takes the digits behind the point for a number of microseconds: .5 is 5 us, .123 (three digits, as
#   JavaScript, Java and most webhooks write) is 123 us, and only six digits are right; Python's own isoformat() always writes six, so that what one faust
#   service sends to another is fine. An offset of hours only (+05, as PostgreSQL writes) is dropped, and the time has no zone; seven digits or more are
#   an error. With the extra "fast", or where some other package brings ciso8601 along, all of it is right.
# Means: events of one second come into another order (.5 before .0001), a time that is written on is another moment than the sender's, and a lookup or a
#   deduplication by time misses; on a laptop that has ciso8601 nothing is seen. Install faust-streaming[fast] and test a time of three digits.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check faust-streaming==0.15.3 mode-streaming==0.7.1 python-dateutil==2.9.0.post0
cat > t.py <<'E2'
import importlib.metadata, importlib.util, json, sys, warnings
warnings.simplefilter("ignore")
from datetime import datetime
import faust
from dateutil.parser import isoparse
fast = importlib.util.find_spec("ciso8601") is not None
print("faust-streaming", importlib.metadata.version("faust-streaming"), "python", sys.version.split()[0], "with ciso8601 " + importlib.metadata.version("ciso8601") if fast else "without ciso8601")
failed = False
def check(name, got, wanted):
    global failed
    print(f"  {name:<58} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
class Event(faust.Record, serializer="json", coerce=True):
    id: str
    at: datetime
class Dates(faust.Record, serializer="json", isodates=True):
    id: str
    at: datetime
def read(text, kind=Event):
    try: return kind.loads(json.dumps({"id": "evt_1", "at": text}).encode()).at.isoformat()
    except ValueError: return "error"
DAY = "2026-11-29T22:00:00"
for text, wanted in ((".5Z", ".000005+00:00"), (".25Z", ".000025+00:00"), (".123Z", ".000123+00:00"), (".123456Z", ".123456+00:00"), (".500+05:30", ".000500+05:30"), ("Z", "+00:00"), ("+05", ""), ("+05:00", "+05:00")):
    right = isoparse(DAY + text).isoformat()
    check(f"{DAY}{text} (dateutil: {right[19:]})", read(DAY + text), right if fast else DAY + wanted)
check(f"{DAY}.1234567Z", read(DAY + ".1234567Z"), f"{DAY}.123456+00:00" if fast else "error")
check("the same .5Z with isodates=True", read(DAY + ".5Z", Dates), DAY + (".500000+00:00" if fast else ".000005+00:00"))
texts = [".0001Z", ".123456Z", ".5Z"]; check("in order of time", sorted(texts, key=lambda text: read(DAY + text)), texts if fast else [".0001Z", ".5Z", ".123456Z"])
sent = Event.loads(json.dumps({"id": "evt_1", "at": DAY + ".500Z"}).encode()).dumps()
check("2026-11-29T22:00:00.500Z, read and written on", json.loads(sent)["at"], DAY + (".500000Z" if fast else ".000500Z"))
check("what faust wrote, read by faust", Event.loads(Event(id="x", at=isoparse(DAY + ".5Z")).dumps()).at.isoformat(), DAY + ".500000+00:00")
sys.exit(failed)
E2
v/bin/python t.py; v/bin/pip -q install --no-compile --disable-pip-version-check ciso8601==2.3.3; v/bin/python t.py
