#!/usr/bin/env bash
# Expected: pydantic writes a timedelta as an ISO 8601 duration (so its documentation), and whoever reads ISO 8601 gets the same span back; a timedelta has days and
#   seconds and no years, so 365 days are P365D, as msgspec and isodate write them.
# Happens: pydantic 2.14.4 (core 2.50.5) counts each 365 days as a year: 365 days are "P1Y", 400 are "P1Y35D", a year and six hours "P1YT6H" (364 are "P364D"). isodate
#   0.7.2 reads P1Y as a Duration whose total_seconds() is 0.0 and whose days are 0 (it hands on the timedelta without the years), and P1Y35D is 35 days; added to a date
#   it is a year of the calendar, 366 days before a leap day, as with luxon 3.7.2. iso8601-duration 2.1.4 and dayjs 1.11.23 drop a sign in front as well: what pydantic
#   writes for five minutes ago, "-PT5M", is five minutes ahead. pydantic itself, pendulum 3.3.0 and aniso8601 10.0.1 say 365 days; msgspec refuses.
# Means: "keep for a year" of a config service in FastAPI is "keep for no time" for a cleaner with isodate, from 365 days on only, where tests have 30; a validity ends a day
#   off. Set ser_json_timedelta="float" (seconds) in the model, and take isodate's durations by totimedelta(start=...) alone.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pydantic==2.14.4 isodate==0.7.2 pendulum==3.3.0 aniso8601==10.0.1 msgspec==0.23.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts luxon@3.7.2 iso8601-duration@2.1.4 dayjs@1.11.23
cat > t.js <<'E'
const { Duration, DateTime } = require('luxon'), iso = require('iso8601-duration'), dayjs = require('dayjs'); dayjs.extend(require('dayjs/plugin/duration'));
const [year, back] = process.argv.slice(2), start = DateTime.fromISO('2027-06-01T00:00:00Z', { zone: 'utc' });
console.log(JSON.stringify({ luxon: start.plus(Duration.fromISO(year)).diff(start, 'days').days, 'luxon back': Duration.fromISO(back).as('seconds'),
  'iso8601-duration': iso.toSeconds(iso.parse(back)), dayjs: dayjs.duration(back).asSeconds() }));
E
cat > t.py <<'E'
import json, subprocess, sys
from datetime import datetime, timedelta
import aniso8601, isodate, msgspec, pendulum, pydantic
class Rule(pydantic.BaseModel): keep: timedelta
def written(**span): return json.loads(Rule(keep=timedelta(**span)).model_dump_json())["keep"]
failed = False
def show(what, is_now, wanted):
    global failed
    print(f"{what:46} {is_now}")
    if is_now != wanted: failed = True; print("   changed: expected", wanted)
print("pydantic", pydantic.VERSION)
year, more, back = written(days=365), written(days=400), written(minutes=-5)
show("pydantic writes 364 days", written(days=364), "P364D"); show("                365 days", year, "P1Y"); show("                400 days", more, "P1Y35D")
show("                five minutes ago", back, "-PT5M")
show("msgspec writes 365 days", msgspec.json.decode(msgspec.json.encode(timedelta(days=365))), "P365D")
show("isodate writes 365 days", isodate.duration_isoformat(timedelta(days=365)), "P365D")
show("isodate reads P1Y: total_seconds(), days", (isodate.parse_duration(year).total_seconds(), isodate.parse_duration(year).days), (0.0, 0))
show("isodate reads P1Y35D: days", isodate.parse_duration(more).days, 35)
show("isodate reads P364D: days", isodate.parse_duration("P364D").days, 364)
start = datetime(2027, 6, 1); show("isodate, 2027-06-01 and P1Y: days after it", (start + isodate.parse_duration(year) - start).days, 366)
show("pydantic reads P1Y: days", Rule(keep=year).keep.days, 365); show("pendulum reads P1Y: seconds / 86400", pendulum.parse(year).total_seconds() / 86400, 365.0)
show("aniso8601 reads P1Y: days", aniso8601.parse_duration(year).days, 365)
try: refused = bool(msgspec.convert(year, timedelta)) and False
except msgspec.ValidationError: refused = True
show("msgspec refuses P1Y", refused, True)
js = json.loads(subprocess.run(["node", "t.js", year, back], check=True, capture_output=True, text=True).stdout)
show("luxon, 2027-06-01 and P1Y: days after it", js["luxon"], 366); show("luxon reads -PT5M: seconds", js["luxon back"], -300)
show("iso8601-duration reads -PT5M: seconds", js["iso8601-duration"], 300); show("dayjs reads -PT5M: seconds", js["dayjs"], 300)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
