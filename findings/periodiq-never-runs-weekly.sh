#!/usr/bin/env bash
# Expected: periodiq, the scheduler of periodic jobs for dramatiq ("cron-like scheduling"), runs an actor with periodic=cron('@weekly') or cron('0 9 * * 0') each Sunday, '0 9 * * sat,sun' on both days, and
#   '0 0 * 1 *' on each day of January, as crontab(5) has it. A line that it does not understand raises, as '0 9 * * fri-sun' does.
# Happens: periodiq 0.14.0 wakes up on Sunday, finds that its day 7 is not 0 and sends nothing: @weekly, 0 and "sun" never run, "sat,sun" and 6,0 only on Saturday, 0-4 not on Sunday; 5-7 leaves Sunday out, too
#   (a 7 alone is Sunday, but not tomorrow). Where it goes on to another day, it keeps the hour that it has, and to another month the day: asked on a Saturday at 11:20, */15 9-17 * * 1-5 begins on Monday at 11:30, not at 9;
#   '0 * 1 * *' has 12 of 24 hours of the 1st; '0 0 * 1 *', asked on the 28th of November, begins on the 29th of January, the other 28 days never come; '0 9 * 12 1' has no Monday of December.
#   (Beside a job of each minute only the Sundays written as 0 or sun are missing.) The list at the start names each job with its line; nothing raises or warns.
# Means: the weekly report, the clean-up or the second delivery of what failed never runs, after a restart at the weekend Monday morning is missing, and who looks into the log sees the job registered. Write 7
#   for Sunday ("6" and "7" as two actors), and lines without a month, and look whether they ran.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v
v/bin/pip -q install --no-compile --disable-pip-version-check periodiq==0.14.0 dramatiq==2.2.1 pendulum==3.2.0
cat > t.py <<'E'
import sys, warnings
from importlib.metadata import version
import dramatiq, pendulum, periodiq
from dramatiq.brokers.stub import StubBroker
from periodiq import PeriodiqMiddleware, Scheduler, cron
warnings.simplefilter("error"); failed = False
print("Python", sys.version.split()[0], *(f"{n} {version(n)}" for n in ("periodiq", "dramatiq", "pendulum")))
broker = StubBroker(); broker.add_middleware(PeriodiqMiddleware()); dramatiq.set_broker(broker)
class Clock: # the time that periodiq sees; its alarm() sets it forward instead of waiting
    at = None
    def now(self): return Clock.at
def alarm(seconds): Clock.at = Clock.at.add(seconds=seconds)
periodiq.pendulum = Clock(); periodiq.alarm = alarm; periodiq.sleep = lambda s: alarm(s); periodiq.signal = lambda *a: None
def runs(line, start, days, beside=()):
    actor = dramatiq.actor(lambda: None, actor_name=f"job_{len(broker.actors)}", periodic=cron(line)); sent = []
    scheduler = Scheduler([actor, *beside]); scheduler.send_actors = lambda actors, now: sent.extend(now for a in actors if a is actor)
    Clock.at = pendulum.parse(start, tz="UTC"); end = Clock.at.add(days=days)
    while Clock.at < end: scheduler.schedule()
    return sent
def check(line, start, days, wanted, show="ddd DD", beside=()):
    global failed
    got = runs(line, start, days, beside); text = " ".join(dict.fromkeys(t.format(show) for t in got)); seen = (len(got), text)
    print(f"{line:20} {days:4} days  {seen[0]:4} runs  {text[:90]}{' (beside a job of each minute)' if beside else ''}")
    if seen != wanted: failed = True; print("   changed: expected", wanted)
saturday = "2026-11-28T11:20:00"
check("0 9 * * *", saturday, 7, (7, "Sun 29 Mon 30 Tue 01 Wed 02 Thu 03 Fri 04 Sat 05")); check("0 9 * * 1", saturday, 21, (3, "Mon 30 Mon 07 Mon 14"))
check("0 9 * * 7", saturday, 21, (2, "Sun 06 Sun 13"))
for line in ("@weekly", "0 9 * * 0", "0 9 * * sun"): check(line, saturday, 365, (0, ""))
check("0 9 * * sat,sun", saturday, 21, (3, "Sat 05 Sat 12 Sat 19")); check("0 9 * * 5-7", saturday, 14, (4, "Fri 04 Sat 05 Fri 11 Sat 12"))
check("*/15 9-17 * * 1-5", saturday, 3, (36, "Mon 11 Mon 12 Mon 13 Mon 14 Mon 15 Mon 16 Mon 17 Tue 09 Tue 10 Tue 11"), "ddd HH")
check("0 * 1 * *", saturday, 10, (12, " ".join(f"{h:02}" for h in range(12, 24))), "HH")
minute = dramatiq.actor(lambda: None, actor_name="minute", periodic=cron("* * * * *")); day = " ".join(f"{h:02}" for h in range(24))
check("0 * 1 * *", saturday, 10, (24, day), "HH", [minute]); check("@weekly", saturday, 3, (0, ""), beside=[minute])
check("0 0 * 1 *", saturday, 100, (3, "29 30 31"), "DD"); check("0 9 * 12 1", saturday, 60, (0, ""))
sys.exit(failed)
E
TZ=UTC timeout 100 v/bin/python t.py
