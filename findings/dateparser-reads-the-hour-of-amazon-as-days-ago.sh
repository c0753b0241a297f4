#!/usr/bin/env bash
# Expected: dateparser.parse() reads ISO 8601 in its short form, as Amazon's X-Amz-Date and calendars (iCalendar) write it, or gives None for what it cannot read.
# Happens: dateparser 1.5.0 takes 20240315T083000Z for Lower Sorbian (dsb) and for "83000 days ago": a day of the year 1799, with the clock of now. Noon, 120000,
#   is three centuries ago, midnight, 000000, is now. 20240315T0830Z is 830 days ago, 2024-03-15T08:30:00,5Z (a comma, as ISO 8601 prefers) five days ago;
#   2024-W11-5, a day of March, is the 5th of November (Polish). No error, also with STRICT_PARSING. With languages=["en"], or without the Z, it says None; with a
#   point, or three digits after the comma, all is well. Python's own fromisoformat reads each of them.
# Means: the time of an event is wrong by centuries, another one with each reading, and the reader that was chosen since it takes every format never says no:
#   events are expired, or new for ever at midnight. Try fromisoformat first, and give dateparser the languages.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
export TZ=UTC; cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check dateparser==1.5.0
cat > t.py <<'E'
import sys, warnings, dateparser
from datetime import datetime, timedelta
from importlib.metadata import version
warnings.simplefilter("ignore"); print("Python", sys.version.split()[0], "dateparser", version("dateparser")); failed = False
def show(text, wanted, **options):
    global failed
    now = datetime.now(); got = dateparser.parse(text, **options)
    got = got and got.replace(tzinfo=None); own = datetime.fromisoformat(text).replace(tzinfo=None); ago = got and now - got
    print(f"{text:26} {'' if not options else str(options):40} {str(got)[:19]:19}  Python: {own}" + (f"  ({round(ago / timedelta(days=1))} days ago)" if got != own and got else ""))
    right = got is None if wanted is None else got == wanted if isinstance(wanted, datetime) else abs(ago - timedelta(days=wanted)) < timedelta(minutes=1)
    if not right: failed = True; print("   changed: expected", wanted)
then = datetime(2024, 3, 15, 8, 30)
short = {"20240315T083000Z": 83000, "20240315T120000Z": 120000, "20240315T000000Z": 0, "20240315T0830Z": 830, "2024-03-15T08:30:00,5Z": 5}
for text, days in short.items(): show(text, days)
show("20240315T083000Z", 83000, settings={"STRICT_PARSING": True}); show("2024-W11-5", datetime(2024, 11, 5))
show("20240315T083000Z", None, languages=["en"]); show("20240315T083000", None)
show("2024-03-15T08:30:00Z", then); show("2024-03-15T08:30:00.5Z", then + timedelta(seconds=0.5)); show("2024-03-15T08:30:00,500Z", then + timedelta(seconds=0.5))
sys.exit(failed)
E
timeout 60 v/bin/python t.py
