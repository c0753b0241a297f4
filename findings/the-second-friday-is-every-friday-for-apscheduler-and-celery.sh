#!/usr/bin/env bash
# Expected: a scheduler runs what a cron expression says, or refuses an expression that it does not know, as APScheduler and Celery do with "0 9 * *
#   5#2", L and 1-5x. fri#2 is the second Friday for croniter, cronsim, Quartz and the page that shows it with cron-descriptor; jan-dec/3 is each
#   third month: APScheduler's documentation has a-b/c for any field, and names for months and days.
# Happens: APScheduler 3.11.3 reads the beginning of a name and passes over what is behind it: fri#2 is each Friday, jan-dec/3 each month, mon-fri/2
#   each weekday; 1-12/3 is right. Celery 5.7.0 looks at the first three letters of a day: fri#2 is each Friday, too. cron-converter 2.0.2 makes of
#   7/15 minute 7 alone, once an hour. pycron 3.3.0 never runs on a Sunday that is 7: 0 9 * * 7 never, 6-7 and sat-sun on Saturday alone; and it
#   never refuses: 22-2, 7/15, fri#2 and hour 24 are just never. No error or warning.
# Means: a payout for each second Friday goes out four or five times a month, a quarterly invoice monthly, and the page says what was meant; a
#   weekend's job skips Sunday. Take croniter or cronsim to see the next runs of each expression that is let in, and for APScheduler day="2nd fri"
#   and month="1-12/3". (Python 3.11; the months of APScheduler and the 7 of pycron are reported upstream)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check APScheduler==3.11.3 celery==5.7.0 croniter==7.0.0 cronsim==2.8 cron-converter==2.0.2 pycron==3.3.0 cron-descriptor==2.2.1
cat > t.py <<'E'
import sys, warnings
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
warnings.simplefilter("ignore")
import pycron
from apscheduler.triggers.cron import CronTrigger
from celery import Celery
from celery.schedules import crontab
from cron_converter import Cron
from cron_descriptor import get_description
from croniter import croniter
from cronsim import CronSim
utc = timezone.utc; start = datetime(2026, 7, 1, 0, 0, tzinfo=utc); app = Celery(set_as_current=False); app.conf.timezone = "UTC"
def each(step):
    def runs(e, n):
        t = start; out = []
        for _ in range(n): t = step(e, t); out.append(t)
        return out
    return runs
def by_celery(e, t):
    m, h, d, mo, w = e.split(); return t + crontab(minute=m, hour=h, day_of_month=d, month_of_year=mo, day_of_week=w, nowfun=lambda: t, app=app).remaining_estimate(t)
def by_pycron(e, n):
    t = start; out = []
    while len(out) < n and t < start + timedelta(days=40):
        t += timedelta(minutes=1)
        if pycron.is_now(e, t): out.append(t)
    return out
libraries = {"croniter": lambda e, n: [croniter(e, start)] and (lambda it: [it.get_next(datetime) for _ in range(n)])(croniter(e, start)),
    "cronsim": lambda e, n: (lambda it: [next(it) for _ in range(n)])(CronSim(e, start)),
    "APScheduler": each(lambda e, t: CronTrigger.from_crontab(e, timezone=utc).get_next_fire_time(t, t + timedelta(seconds=1))), "celery": each(by_celery),
    "cron-converter": lambda e, n: (lambda s: [s.next() for _ in range(n)])(Cron(e).schedule(start)), "pycron": by_pycron}
failed = False; print("Python", sys.version.split()[0], *(f"{p} {version(p)}" for p in ("croniter", "cronsim", "APScheduler", "celery", "cron-converter", "pycron", "cron-descriptor")))
def check(e, form, wanted, n=4):
    global failed
    try: print(f"{e}   ({get_description(e)})")
    except Exception: print(e)
    for name, runs in libraries.items():
        if name not in wanted: continue
        try: got = " ".join(t.strftime(form) for t in runs(e, n)) or "never"
        except Exception as x: got = "refused"
        print(f"   {name:15}{got}")
        if got != wanted[name]: failed = True; print("      changed: expected", wanted[name])
fridays = "03.07. 10.07. 17.07. 24.07."; second = "10.07. 14.08. 11.09. 09.10."; refused = "refused"; day = "%d.%m."
check("0 9 * * fri#2", day, {"croniter": second, "cronsim": second, "APScheduler": fridays, "celery": fridays, "cron-converter": refused, "pycron": "never"})
check("0 9 * * 5#2", day, {"croniter": second, "cronsim": second, "APScheduler": refused, "celery": refused, "cron-converter": refused, "pycron": "never"})
quarters = "07.26 10.26 01.27 04.27"; months = "07.26 08.26 09.26 10.26"; year = "%m.%y"
check("30 9 1 jan-dec/3 *", year, {"croniter": quarters, "cronsim": quarters, "APScheduler": months, "celery": quarters, "cron-converter": quarters})
check("30 9 1 1-12/3 *", year, {"croniter": quarters, "cronsim": quarters, "APScheduler": quarters, "celery": quarters, "cron-converter": quarters})
odd = "Wed Fri Mon Wed"; check("0 9 * * mon-fri/2", "%a", {"croniter": odd, "cronsim": odd, "APScheduler": "Wed Thu Fri Mon", "celery": odd, "cron-converter": odd})
minutes = "07 22 37 52 07"; check("7/15 * * * *", "%M", {"croniter": minutes, "cronsim": minutes, "APScheduler": minutes, "celery": refused, "cron-converter": "07 07 07 07 07", "pycron": "never"}, 5)
sunday = "Sun Sun Sun Sun"; weekend = "Sat Sun Sat Sun"; saturday = "Sat Sat Sat Sat"
check("0 9 * * 7", "%a", {"croniter": sunday, "cronsim": sunday, "cron-converter": sunday, "APScheduler": refused, "celery": refused, "pycron": "never"})
check("0 9 * * 6-7", "%a", {"croniter": weekend, "cronsim": weekend, "cron-converter": weekend, "APScheduler": refused, "celery": refused, "pycron": saturday})
check("0 9 * * sat-sun", "%a", {"croniter": weekend, "APScheduler": weekend, "celery": weekend, "pycron": saturday})
check("0 24 * * *", "%H", {"croniter": refused, "cronsim": refused, "APScheduler": refused, "celery": refused, "cron-converter": refused, "pycron": "never"})
check("0 22-2 * * *", "%H", {"croniter": "01 02 22 23", "celery": "01 02 22 23", "pycron": "never", "cronsim": refused})
try: CronTrigger.from_crontab("0 9 * * 1-5x"); failed = True
except ValueError: pass
right = CronTrigger(hour=9, day="2nd fri", timezone=utc); got = each(lambda e, t: right.get_next_fire_time(t, t + timedelta(seconds=1)))("", 4)
print("APScheduler, day='2nd fri':", *(t.strftime(day) for t in got)); failed |= " ".join(t.strftime(day) for t in got) != second
sys.exit(failed)
E
TZ=UTC LC_ALL=C timeout 60 v/bin/python t.py
