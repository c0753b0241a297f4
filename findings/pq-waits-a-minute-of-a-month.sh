#!/usr/bin/env bash
# Expected: queue.put(event, schedule_at='1h') of pq, a transactional queue in PostgreSQL for Python, keeps the event for an hour: its readme has "a string on the form '%d(s|m|h|d)'", a datetime or a timedelta.
#   A text of another form is a ValueError, as '0.5h' and '2 h' are.
# Happens: pq 1.9.1 looks at the first number and the letter behind it only: '1h30m' is an hour, '1d12h' a day, '1month' and '1mo' a minute, '100ms' 100 minutes; '90m', '36h' and timedelta are
#   right. So in expected_at, by which the queue is sorted. A datetime without a zone is UTC, whatever zone the machine has: datetime.now() plus an hour is four hours ago in New York (three in summer)
#   (the job runs at once), and five and a half hours late in India.
# Means: the reminder after 36 hours, written '1d12h', comes 12 hours early, what was to wait for a month, '1month', comes a minute later. Nothing raises; the row has a time that looks well. Give timedelta or an
#   aware datetime. (PostgreSQL 16.2)
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; mkdir data socket; [ "$(id -u)" != 0 ] || chown 65534:65534 data socket
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check pgserver==0.1.4 pq==1.9.1 psycopg2-binary==2.9.13
cat > t.py <<'E'
import os, sys, time, warnings
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
import psycopg2
from pq import PQ
warnings.simplefilter("error"); failed = False
conn = psycopg2.connect(host=sys.argv[1], user="u", dbname="postgres"); pq = PQ(conn); pq.create(); conn.notices.clear(); queue = pq["events"]
print("Python", sys.version.split()[0], "pq", version("pq"), "PostgreSQL", conn.server_version)
def check(what, at, wanted, by="schedule_at"):
    global failed
    now = datetime.now(timezone.utc)
    try:
        job = queue.put({"id": "evt_1"}, **{by: at})
        with conn.cursor() as c:
            c.execute(f"select {by} from queue where id = %s", (job,)); got = round((c.fetchone()[0] - now).total_seconds() / 60, 1)
    except ValueError: got = "ValueError"
    print(f"{by:12} {what:28} {got} {'minutes' if got != 'ValueError' else ''}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
for text, wanted in {"90s": 1.5, "1h": 60, "36h": 2160, "0.5h": "ValueError", "2 h": "ValueError", "P1D": "ValueError", "1h30m": 60, "1d12h": 1440, "1month": 1, "1mo": 1, "100ms": 100}.items():
    check(repr(text), text, wanted)
check("'1d12h'", "1d12h", 1440, "expected_at"); check("timedelta(hours=36)", timedelta(hours=36), 2160)
for zone in ("UTC", "America/New_York", "Asia/Kolkata"):
    os.environ["TZ"] = zone; time.tzset(); offset = datetime.now().astimezone().utcoffset().total_seconds() / 60
    check(f"now() + 1h, {zone}", datetime.now() + timedelta(hours=1), 60 + offset); check("now(timezone.utc) + 1h", datetime.now(timezone.utc) + timedelta(hours=1), 60)
# What is due comes, in New York: an hour ahead of now().
os.environ["TZ"] = "America/New_York"; time.tzset(); late = pq["late"]; late.put("aware", schedule_at=datetime.now(timezone.utc) + timedelta(hours=1)); late.put("now() + 1h", schedule_at=datetime.now() + timedelta(hours=1))
job = late.get(block=False); seen = [job and job.data, late.get(block=False)]; print("given out at once:", seen)
if seen != ["now() + 1h", None]: failed = True; print("   changed")
sys.exit(failed)
E
bin=$(echo "$dir"/v/lib/python3*/site-packages/pgserver/pginstall/bin); export LC_ALL=C.UTF-8 PGOPTIONS="-c client_min_messages=warning"
as "$bin/initdb" -D data -U u -A trust -N -E UTF8 --locale C.UTF-8 >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-k $dir/socket -c listen_addresses=" start
timeout 60 v/bin/python t.py "$dir/socket"
