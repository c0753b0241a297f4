#!/usr/bin/env bash
# Expected: isoduration (jsonschema's own checker of durations stands on it) reads durations of ISO 8601, PT1.5H or PT0.5S, and adds them to a datetime, by the algorithm of XML Schema, as its
#   source says; that one keeps fractions of a second, and 10:00 and PT1.5H are 11:30.
# Happens: isoduration 20.11.0 (the newest) rounds each part of the sum by itself to a whole number: 10:00 + PT1.5H is 12:00, + PT0.5H is 11:00, and + PT0.25H is 10:00, nothing. + PT0.5M is a
#   minute, PT0.5S a second, PT0.25S nothing; 2026-01-02 + P0.5D is a day later and P1.5D two. The microseconds of the datetime are left out by every duration, PT0S as well:
#   10:00:00.999999 + PT1H is 11:00:00, so what comes after an event is before it. The same is read and written right: format_duration() says PT1.5H. Whole numbers are right. No error.
# Means: what is due in an hour and a half is due in two, a wait of 250 milliseconds is none, and events within one second are in another order once something was added. Tests with PT1H on a whole
#   second pass. Take a timedelta: timedelta(hours=float(d.time.hours), minutes=..., seconds=...).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check isoduration==20.11.0 arrow==1.4.0
cat > t.py <<'E'
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from isoduration import format_duration, parse_duration
failed = False
def check(name, got, wanted):
    global failed; print(f"  {name}: {got}")
    if str(got) != str(wanted): failed = True; print("   changed: expected", wanted)
print("python", sys.version.split()[0], "isoduration", version("isoduration"))
start = datetime(2026, 1, 2, 10, tzinfo=timezone.utc)
for text, wanted, right in (
    ("PT1H", "1:00:00", "1:00:00"), ("PT90M", "1:30:00", "1:30:00"), ("PT1.5H", "2:00:00", "1:30:00"), ("PT0.5H", "1:00:00", "0:30:00"), ("PT0.25H", "0:00:00", "0:15:00"), ("PT0.5M", "0:01:00", "0:00:30"),
    ("PT0.5S", "0:00:01", "0:00:00.500000"), ("PT0.25S", "0:00:00", "0:00:00.250000"), ("PT2.4S", "0:00:02", "0:00:02.400000"), ("P0.5D", "1 day, 0:00:00", "12:00:00"), ("P1.5D", "2 days, 0:00:00", "1 day, 12:00:00"),
):
    duration = parse_duration(text); check(f"10:00 + {text}", start + duration - start, wanted); check("  written again", format_duration(duration), text)
    date, time = duration.date, duration.time
    check("  as a timedelta", timedelta(days=float(date.days), hours=float(time.hours), minutes=float(time.minutes), seconds=float(time.seconds)), right)
event = start.replace(microsecond=999999)
for text in ("PT0S", "PT1S", "PT1H", "P1D", "P1M"): check(f"10:00:00.999999 + {text}, microseconds", (event + parse_duration(text)).microsecond, 0)
check("event + PT0S is before the event", event + parse_duration("PT0S") < event, True)
check("event - PT1S, how long before it", event - (event - parse_duration("PT1S")), "0:00:01.999999")
sys.exit(failed)
E
timeout 60 v/bin/python t.py
