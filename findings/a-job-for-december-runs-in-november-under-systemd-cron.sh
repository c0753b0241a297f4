#!/usr/bin/env bash
# Expected: systemd-cron takes the place of the cron daemon (it provides cron-daemon in Debian) and makes timers of the same crontabs. Its crontab(5) promises
#   names of months and of days, 0 and 7 for Sunday, ranges, and that of two day fields that are both restricted EITHER has to match ("30 4 1,15 * 5": the 1st,
#   the 15th, and every Friday).
# Happens: systemd-cron 1.15.19 (Debian 12): "dec" is November, "nov" is October, and a line with "oct" never runs, since October is missing in its list of
#   months (jan to sep are right). "30 4 1,15 * 5" runs when the 1st or the 15th is a Friday: twice in 2026 instead of 74 times. Of the days 6-7 and 5-7 it runs
#   every day: the kernel log has a line "garbled time", and the timer is made nevertheless. Several blanks in a command become one, so that a pattern or a name
#   in quotes is another. Plain numbers (12, 10, 6,0, 1-5) are right.
# Means: the archive of the year is closed in November, the clean-up of the weekend runs every day, and the report that is due 74 times a year comes twice; on
#   the host beside it, with cron, the same file is right. Write numbers, 6,0 for the weekend, one line for each day field; look at `systemctl list-timers`
#   after a change.
# The versions are those of Debian 12, which its users have; newer ones are not looked at here.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3)"; exit 2; }; done
apt-get download -qq systemd-cron systemd libsystemd-shared >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in systemd*.deb; do dpkg -f "$package" Package Version | xargs; done; for package in ./*.deb; do dpkg -x "$package" root; done
[[ $(dpkg -f systemd-cron_*.deb Version) == 1.15.19-* ]] || { echo "   changed: expected 1.15.19"; exit 1; }
cat > t.py <<'E'
import datetime, glob, importlib.machinery, importlib.util, os, re, subprocess, sys, warnings
warnings.simplefilter("ignore"); sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("generator", "root/lib/systemd/system-generators/systemd-crontab-generator")
generator = importlib.util.module_from_spec(importlib.util.spec_from_loader("generator", loader)); loader.exec_module(generator)
failed = False; said = []; generator.log = lambda level, text: said.append(text)  # at boot it goes to /dev/kmsg
def check(name, got, wanted):
    global failed; print(f"  {name:<34} {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def units(line):  # what the generator makes of a file with this line, by its own two functions
    generator.TARGET_DIR = os.path.abspath("units"); generator.TIMERS_DIR = generator.TARGET_DIR + "/wants"; os.makedirs(generator.TIMERS_DIR)
    open("crontab", "w").write(line + "\n"); said.clear()
    for job in generator.parse_crontab("crontab", withuser=False): generator.generate_timer_unit(dict(job, j="crontab", u="root"), seq=generator.count())
    found = {os.path.splitext(path)[1]: open(path).read() for path in glob.glob("units/cron-*")}
    subprocess.run(["rm", "-r", "units"], check=True); return found
def runs(line, form, until="2027-01-01"):  # when systemd runs it from 2026 on
    found = units(line)
    if ".timer" not in found: return "never" + (", garbled time" if any("garbled" in text for text in said) else "")
    calendar = re.search("OnCalendar= *(.*)", found[".timer"])[1]
    out = subprocess.run(["root/usr/bin/systemd-analyze", "calendar", "--base-time=2025-12-31 23:59:59", "--iterations=400", calendar], check=True, capture_output=True, text=True,
                         env={"TZ": "UTC", "LC_ALL": "C", "LD_LIBRARY_PATH": os.path.abspath("root/usr/lib/x86_64-linux-gnu/systemd") + ":" + os.path.abspath("root/lib/x86_64-linux-gnu/systemd")}).stdout
    days = [datetime.date.fromisoformat(day) for day in re.findall(r"(?:elapse|Iter\. #\d+|Iteration #\d+): \w+ (\d{4}-\d\d-\d\d)", out)]
    days = [day for day in days if day < datetime.date.fromisoformat(until)]
    return (f"{len(days)} times" if form is None else " ".join(day.strftime(form) for day in days)) + (", garbled time" if any("garbled" in text for text in said) else "")
print("months of 2026, `0 3 1 MONTH *`:")
for month, wanted in {"12": "Dec", "11": "Nov", "10": "Oct", "dec": "Nov", "nov": "Oct", "oct": "never, garbled time", "Dec": "Nov", "sep": "Sep", "aug": "Aug", "jan": "Jan", "10-12": "Oct Nov Dec"}.items():
    check(month, runs(f"0 3 1 {month} * run", "%b"), wanted)
print("days of the first week of 2026 (from Thursday on), `0 3 * * DAYS`:")
every = "Thu Fri Sat Sun Mon Tue Wed"
for days, wanted in {"6-7": every + ", garbled time", "5-7": every + ", garbled time", "6,7": "Sat Sun", "6,0": "Sat Sun", "7": "Sun", "sun": "Sun",
                     "5-6": "Fri Sat", "1-5": "Thu Fri Mon Tue Wed", "mon-fri": "Thu Fri Mon Tue Wed"}.items():
    check(days, runs(f"0 3 * * {days} run", "%a", "2026-01-08"), wanted)
print("both day fields, in 2026:")
check("30 4 1,15 * 5", runs("30 4 1,15 * 5 run", None), "2 times")
check("30 4 1,15 * *", runs("30 4 1,15 * * run", None), "24 times")
check("30 4 * * 5", runs("30 4 * * 5 run", None), "52 times")
either = [day for day in (datetime.date(2026, 1, 1) + datetime.timedelta(n) for n in range(365)) if day.day in (1, 15) or day.weekday() == 4]
check("either of them (as cron)", f"{len(either)} times", "74 times")
print("the command:")
check("grep 'paid   at' log", units("0 3 * * * grep 'paid   at' log")[".sh"], "grep 'paid at' log")
text = subprocess.run("gzip -dc root/usr/share/man/man5/crontab.5.gz", shell=True, capture_output=True, text=True).stdout
check("crontab(5) says", re.search(r"the command will be run when\n\.I (\w+)\nfield matches", text)[1] + "; " + re.search(r"0-7 \(0 or 7 is Sun", text)[0], "either; 0-7 (0 or 7 is Sun")
sys.exit(failed)
E
timeout 90 python3 t.py
