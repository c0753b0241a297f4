#!/usr/bin/env bash
# Expected: 2026-03-01T24:00:00Z is the end of the first of March, the same moment as 2026-03-02T00:00:00Z (ISO 8601 and xsd:dateTime have it; slots and
#   tariffs of a day are written so); a library takes it for that moment, or refuses it, as Python's own datetime cannot hold it.
# Happens: aniso8601 10.0.1 (the parser of Flask-RESTful and Flask-RESTX) takes it, checks that nothing but zeros follows the 24, and gives midnight at the
#   beginning of that day: 24 hours too early, without an error. The interval of a whole day, 00:00/24:00, ends where it begins; one from 08:00 to 24:00
#   ends before, and iso8601interval of Flask-RESTX 1.3.2, which sorts the two, makes 00:00 to 08:00 of it, just the hours that were not meant. ciso8601
#   2.4.1 and python-dateutil 4.0.0 give the next day; Python 3.11, pydantic 2.14.4, isodate 0.7.2 and iso8601 2.1.0 refuse it.
# Means: an event that is valid until the end of today is expired when it comes, and a booking of the day has no length, only where a sender writes 24:00.
#   Refuse hour 24 before the parser (or take ciso8601), and refuse an interval that does not end after its beginning.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check aniso8601==10.0.1 flask-restx==1.3.2 ciso8601==2.4.1 python-dateutil==4.0.0 isodate==0.7.2 \
  iso8601==2.1.0 pydantic==2.14.4
cat > t.py <<'E'
import sys, warnings; warnings.simplefilter("ignore")
from datetime import datetime
from importlib.metadata import version
import aniso8601, ciso8601, dateutil.parser, flask_restx.inputs, isodate, iso8601, pydantic
names = "aniso8601", "flask-restx", "ciso8601", "python-dateutil", "isodate", "iso8601", "pydantic"
print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in names)); failed = False
def show(what, read, text, wanted):
    global failed
    try: got = read(text)
    except ValueError: got = "refused"
    if isinstance(got, tuple): got = " to ".join(t.isoformat()[:16] for t in got)
    elif isinstance(got, datetime): got = got.isoformat()[:16]
    print(f"{what:34} {text:42} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
begin, end = "2026-03-01T00:00", "2026-03-02T00:00"
readers = {"aniso8601.parse_datetime": (aniso8601.parse_datetime, begin), "flask_restx datetime_from_iso8601": (flask_restx.inputs.datetime_from_iso8601, begin),
    "ciso8601": (ciso8601.parse_datetime, end), "dateutil isoparse": (dateutil.parser.isoparse, end), "isodate": (isodate.parse_datetime, "refused"),
    "iso8601": (iso8601.parse_date, "refused"), "pydantic": (pydantic.TypeAdapter(datetime).validate_python, "refused"),
    "Python fromisoformat": (datetime.fromisoformat, end if sys.version_info >= (3, 14) else "refused")}
for name, (read, wanted) in readers.items():
    show(name, read, "2026-03-01T24:00:00Z", wanted); show(name, read, "2026-03-02T00:00:00Z", end)
show("aniso8601.parse_datetime", aniso8601.parse_datetime, "20260301T2400Z", begin)
show("aniso8601.parse_datetime", aniso8601.parse_datetime, "2026-03-01T24:00:01Z", "refused")
for text, wanted in {"2026-03-01T00:00:00Z/2026-03-01T24:00:00Z": f"{begin} to {begin}", "2026-03-01T08:00:00Z/2026-03-01T24:00:00Z": f"2026-03-01T08:00 to {begin}",
                     "2026-03-01T24:00:00Z/PT1H": f"{begin} to 2026-03-01T01:00", "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z": f"{begin} to {end}"}.items():
    show("aniso8601.parse_interval", aniso8601.parse_interval, text, wanted)
    sorted_ends = " to ".join(sorted(wanted.split(" to ")))
    show("flask_restx iso8601interval", flask_restx.inputs.iso8601interval, text, sorted_ends)
sys.exit(failed)
E
timeout 40 v/bin/python t.py
