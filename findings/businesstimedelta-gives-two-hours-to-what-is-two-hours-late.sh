#!/usr/bin/env bash
# Expected: businesstimedelta counts working hours between two times, with holidays and time zones, and adds them to a time: how long until an answer is due, when an incident is late. What is late has a
#   minus, as with a timedelta, numpy's busday_count and bizdays; two hours less are as many hours before; a holiday is one in the zone of the working hours.
# Happens: businesstimedelta 1.0.1 (the newest) sorts the two times: difference(now, due) is 2 hours, two hours before and two hours after. Adding -2 hours goes by the clock, not by the hours of work: Monday
#   10:00 is Monday 08:00, before anyone works, where subtracting 2 hours is Friday 16:00. A HolidayRule is in UTC, as its example in the readme leaves it, beside a WorkDayRule of another
#   zone: what is due an hour of work after 16:30 of the 24th of December is due on Christmas, at 17:00 in Los Angeles and 9:30 in Sydney, where all 8 hours of New Year's Day count, and 6 of the
#   day after. HolidayRule(days, tz=zone) is right. A fraction of a second is left out. No error.
# Means: an incident that nobody answered has time left, and the more so the later it is; a reminder comes on a holiday. Compare the two times first, subtract with a positive number, and give
#   tz to each rule.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check businesstimedelta==1.0.1 holidays==0.83 pytz==2025.2
cat > t.py <<'E'
import sys, warnings
from datetime import datetime, time, timedelta
from importlib.metadata import version
import holidays, pytz
from businesstimedelta import BusinessTimeDelta, HolidayRule, Rules, WorkDayRule
failed = False; warnings.simplefilter("error")
def check(name, got, wanted):
    global failed; print(f"  {name}: {got}")
    if str(got) != str(wanted): failed = True; print("   changed: expected", wanted)
print("python", sys.version.split()[0], "businesstimedelta", version("businesstimedelta"))
def work(zone): return WorkDayRule(start_time=time(9), end_time=time(17), working_days=[0, 1, 2, 3, 4], tz=pytz.timezone(zone))
def at(zone, *parts): return pytz.timezone(zone).localize(datetime(*parts))
berlin = "Europe/Berlin"; hours = Rules([work(berlin)]); friday, monday = at(berlin, 2026, 1, 30, 16), at(berlin, 2026, 2, 2, 10)
check("from Friday 16:00, due Monday 10:00", hours.difference(friday, monday).timedelta, "2:00:00"); check("from Monday 10:00, due Friday 16:00", hours.difference(monday, friday).timedelta, "2:00:00")
check("five days late", hours.difference(at(berlin, 2026, 2, 6, 16), friday).timedelta, timedelta(hours=40))
show = lambda moment, zone: moment.astimezone(pytz.timezone(zone)).strftime("%a %m-%d %H:%M")
check("Friday 16:00 + 2 hours", show(friday + BusinessTimeDelta(hours, hours=2), berlin), "Mon 02-02 10:00"); check("Monday 10:00 - 2 hours", show(monday - BusinessTimeDelta(hours, hours=2), berlin), "Fri 01-30 16:00")
check("Monday 10:00 + -2 hours", show(monday + BusinessTimeDelta(hours, hours=-2), berlin), "Mon 02-02 08:00"); check("Friday 16:00 - -2 hours", show(friday - BusinessTimeDelta(hours, hours=-2), berlin), "Fri 01-30 18:00")
check("0.9 seconds", hours.difference(at(berlin, 2026, 1, 30, 10), at(berlin, 2026, 1, 30, 10, 0, 0, 900000)).timedelta, "0:00:00")
days = holidays.US()  # Christmas and New Year are days off in all three places.
for zone, wanted_free, wanted_after, due in (("Europe/London", 0, 8, "Fri 12-26 09:30"), ("America/Los_Angeles", 1, 8, "Thu 12-25 17:00"), ("Australia/Sydney", 8, 6, "Thu 12-25 09:30")):
    utc, right = Rules([work(zone), HolidayRule(days)]), Rules([work(zone), HolidayRule(days, tz=pytz.timezone(zone))])
    for name, rules, free, after, wanted in (("HolidayRule(days)", utc, wanted_free, wanted_after, due), ("HolidayRule(days, tz=zone)", right, 0, 8, "Fri 12-26 09:30")):
        count = lambda month, day, year: rules.difference(at(zone, year, month, day, 9), at(zone, year, month, day, 17)).hours
        check(f"{zone}, {name}: hours of work on the 1st and 2nd of January", (count(1, 1, 2026), count(1, 2, 2026)), (free, after))
        check("  16:30 of the 24th of December + an hour", show(at(zone, 2025, 12, 24, 16, 30) + BusinessTimeDelta(rules, hours=1), zone), wanted)
sys.exit(failed)
E
timeout 60 v/bin/python t.py
