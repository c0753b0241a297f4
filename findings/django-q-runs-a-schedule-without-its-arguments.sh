#!/usr/bin/env bash
# Expected: schedule("shop.remind", customer="cus_7", amount=Decimal("19.99"), ...) of Django Q2 calls remind(customer="cus_7", amount=Decimal("19.99")) at its time, as async_task() with the same words
#   does now; or the call of schedule() or the run is an error. Schedule.MONTHLY from the 31st is the last day, or the 31st where there is one.
# Happens: django-q2 1.11.1 stores the keywords as the text that Python prints. One value that is not written as a plain literal (a Decimal, a date or datetime, a UUID, nan) makes the whole text
#   unreadable, and the function is called without any keyword, the readable ones neither: remind() with all its defaults. The task is a success, and no line in the log says more than "created task". A
#   MONTHLY schedule of the 31st of January runs on the 28th of February, and from then on each 28th; one of the 30th as well, YEARLY from the 29th of February each 28th.
# Means: customer=None, which stands for all customers, is what the reminder of one customer runs with, and the limit of an export is its default; a settlement for the end of the month is three days
#   early for good after the first February. Give schedule() numbers, texts, lists and dicts of these only (str(amount), at.isoformat()), and make each argument required, so that its absence is an
#   error; use cron for dates in the month. (Django 5.2.19, SQLite; positional arguments of these types are an error in the log)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check Django==5.2.19 django-q2==1.11.1
cat > site_.py <<'E'
import logging, django
from django.conf import settings
settings.configure(SECRET_KEY="k", INSTALLED_APPS=["django_q"], USE_TZ=True, TIME_ZONE="UTC", DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", LOGGING={"version": 1, "formatters": {"level": {"format": "%(levelname)s %(message)s"}},
    "handlers": {"file": {"class": "logging.FileHandler", "filename": "log", "formatter": "level"}},
    "loggers": {"django-q": {"handlers": ["file"], "level": "INFO"}}}, Q_CLUSTER={"name": "q", "orm": "default", "workers": 1, "poll": 0.2, "guard_cycle": 0.5, "timeout": 60, "retry": 120})
django.setup()
E
cat > shop.py <<'E'
def remind(*args, customer=None, amount=None, at=None, shop=None):
    with open("ran", "a") as file: file.write(f"{args} customer={customer} amount={amount!r} at={at!r} shop={shop!r}\n")
E
cat > t.py <<'E'
import site_, subprocess, sys, time, uuid
from datetime import date, datetime, timezone; from decimal import Decimal; from importlib.metadata import version
from django.core.management import call_command; from django.utils import timezone as now_
from django_q.models import Schedule, Success, Failure; from django_q.tasks import async_task, schedule
print("Python", sys.version.split()[0], "Django", version("Django"), "django-q2", version("django-q2")); failed = False
def show(what, got, wanted):
    global failed
    print(f"   {what}: {got}")
    if got != wanted: failed = True; print("      changed: expected", wanted)
call_command("migrate", verbosity=0)
id_ = uuid.UUID(int=7); at = datetime(2026, 7, 2, 10, tzinfo=timezone.utc)
cases = {"text, number": ({"customer": "a", "amount": 19.99}, "() customer=a amount=19.99 at=None shop=None"),
    "list, dict, None": ({"customer": "b", "amount": None, "shop": {"ids": [1]}}, "() customer=b amount=None at=None shop={'ids': [1]}"),
    "Decimal": ({"customer": "c", "amount": Decimal("19.99"), "shop": "s"}, "() customer=None amount=None at=None shop=None"),
    "datetime": ({"customer": "d", "at": at}, "() customer=None amount=None at=None shop=None"),
    "date": ({"customer": "e", "at": date(2026, 7, 2)}, "() customer=None amount=None at=None shop=None"),
    "UUID": ({"customer": "f", "shop": id_}, "() customer=None amount=None at=None shop=None")}
for name, (kwargs, _) in cases.items(): schedule("shop.remind", name, schedule_type=Schedule.ONCE, next_run=now_.now(), **kwargs)
async_task("shop.remind", "async_task, Decimal", customer="g", amount=Decimal("19.99"))
cluster = subprocess.Popen([sys.executable, "-c", "import site_; from django.core.management import call_command; call_command('qcluster')"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(1000):
        if Success.objects.count() + Failure.objects.count() == len(cases) + 1: break
        time.sleep(0.1)
finally: cluster.terminate(); cluster.wait(60)
ran = dict(line[2:].split("',) ", 1) for line in open("ran").read().splitlines())
for name, (kwargs, wanted) in cases.items(): show(f"schedule({name}): {kwargs}", "() " + ran[name], wanted)
show("async_task(Decimal)", ran["async_task, Decimal"], "customer=g amount=Decimal('19.99') at=None shop=None")
show("successes, failures", [Success.objects.count(), Failure.objects.count()], [len(cases) + 1, 0])
lines = open("log").read().splitlines(); show("lines in the log, those of another level than INFO", [len(lines) > 20, [line for line in lines if not line.startswith("INFO ")]], [True, []])
def runs(kind, start, n):
    item = Schedule(schedule_type=kind, next_run=start); days = []
    for _ in range(n): days.append(f"{item.next_run:%m-%d}"); item.next_run = item.calculate_next_run()
    return " ".join(days)
def day(*args): return datetime(*args, 9, tzinfo=timezone.utc)
show("MONTHLY from 2026-01-31", runs(Schedule.MONTHLY, day(2026, 1, 31), 6), "01-31 02-28 03-28 04-28 05-28 06-28")
show("MONTHLY from 2026-07-31", runs(Schedule.MONTHLY, day(2026, 7, 31), 9), "07-31 08-31 09-30 10-30 11-30 12-30 01-30 02-28 03-28")
show("QUARTERLY from 2026-08-31", runs(Schedule.QUARTERLY, day(2026, 8, 31), 5), "08-31 11-30 02-28 05-28 08-28")
show("YEARLY from 2028-02-29", runs(Schedule.YEARLY, day(2028, 2, 29), 5), "02-29 02-28 02-28 02-28 02-28")
sys.exit(failed)
E
timeout 150 v/bin/python t.py
