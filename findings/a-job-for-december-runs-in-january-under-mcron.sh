#!/usr/bin/env bash
# Expected: mcron, GNU's cron in Guile, takes the crontabs of Vixie cron (-i vixie, and files that end in .vixie): "complete backwards compatibility" in its manual, which has the page of Vixie cron in
#   it, "definitive". "0 9 1 1,4,7,10 *" is the first day of each quarter, "55 23 31 12 *" the end of the year. Months are 0-12 or names there; it says that 0-12 is a problem of that page.
# Happens: mcron 1.0.8 (Debian 12) counts the months from 0, as struct tm does: 1 is February, 2 is March, 11 is December, and 12 is January (for this one the manual has "wait until January of the
#   following year"; that all others are a month late is not said). The quarters begin in February, May, August and November, 31 12 is the 31st of January, 29 2 is each 29th of March. By name
#   (jan, dec) and with */3 it is right, and so are all other fields, 0 and 7 for Sunday, and either of two day fields. No error, and --schedule lists the later months as well.
# Means: the invoices, the report of the quarter and the clean-up before the year ends come a month late, with the data of another month; each line is right for cron, and for who reads it. Write
#   months by name.
# The version is that of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get) and python3"; exit 2; }; done
apt-get download -qq mcron guile-3.0-libs libgc1 >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in mcron_* guile-3.0-libs_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f mcron_* Version) == 1.0.8-* ]] || { echo "   changed: expected 1.0.8"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done
# mcron looks for its modules, and here for those of Guile, in ./scm as well.
mkdir scm; ln -s "$dir/root/usr/share/mcron" scm/mcron; ln -s "$dir"/root/usr/share/guile/3.0/* scm/
lib=$dir/root/usr/lib/x86_64-linux-gnu; export LD_LIBRARY_PATH=$lib GUILE_LOAD_COMPILED_PATH=$lib/guile/3.0/ccache GUILE_AUTO_COMPILE=0 TZ=UTC LC_ALL=C HOME=$dir
cat > t.py <<'E'
import subprocess, sys
failed = False
def check(what, got, wanted):
    global failed
    print(f"  {what:<34} {got}")
    if got != wanted: print(f"   changed: expected {wanted}"); failed = True
# The next runs of a line of a crontab, as "Dec 31 09:00".
def runs(times, count):
    done = subprocess.run(["root/usr/bin/mcron", f"--schedule={count}", "-i", "vixie", "-"], input=times + " bill\n", capture_output=True, text=True, timeout=60)
    if done.returncode: return ["refused"]
    return [" ".join([word[1], word[2], word[3][:5]]) for word in (line.split() for line in done.stdout.splitlines()) if len(word) == 6]
def months(times, count): return " ".join(sorted({run.split()[0] for run in runs(times, count)}, key=names.index))
def days(times, count):
    done = subprocess.run(["root/usr/bin/mcron", f"--schedule={count}", "-i", "vixie", "-"], input=times + " bill\n", capture_output=True, text=True, timeout=60)
    return " ".join(sorted({line[:3] for line in done.stdout.splitlines() if line.endswith("+0000")}, key=week.index))
names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(); week = "Sun Mon Tue Wed Thu Fri Sat".split()
print("the month in which 0 9 1 N * runs:")
for number in range(1, 13): check(f"{number}, and {names[number - 1].lower()}", f"{months(f'0 9 1 {number} *', 1)}, and {months(f'0 9 1 {names[number - 1].lower()} *', 1)}", f"{names[number % 12]}, and {names[number - 1]}")
print("the months of several:")
for field, wanted in (("1,4,7,10", "Feb May Aug Nov"), ("*/3", "Jan Apr Jul Oct"), ("1-3", "Feb Mar Apr"), ("12", "Jan"), ("dec", "Dec")): check(f"0 9 1 {field} *", months(f"0 9 1 {field} *", 6), wanted)
print("the next run:")
for times, wanted in (("55 23 31 12 *", "Jan 31 23:55"), ("55 23 31 dec *", "Dec 31 23:55"), ("0 9 29 2 *", "Mar 29 09:00")): check(times, runs(times, 1)[0], wanted)
print("the days of 0 9 * * N:")
for field, wanted in (("0", "Sun"), ("7", "Sun"), ("6-7", "Sun Sat"), ("1-5", "Mon Tue Wed Thu Fri"), ("sat", "Sat")): check(field, days(f"0 9 * * {field}", 8), wanted)
check("0 9 13 * 5, Fridays and the 13th", {run.split()[1] for run in runs("0 9 13 * 5", 12)} > {"13"} and "Fri" in days("0 9 13 * 5", 12), True)
sys.exit(failed)
E
timeout 110 python3 t.py
