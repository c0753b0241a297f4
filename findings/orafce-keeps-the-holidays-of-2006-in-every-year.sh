#!/usr/bin/env bash
# Expected: plvdate of orafce counts business days in PostgreSQL (when an invoice is due, when to try again, how long an answer took). Its manual has a holiday for a day
#   that is the same each year, like Christmas, and default_holidays('USA'), 'GB', 'Germany' and others for loading those that a country has in all of its regions.
# Happens: orafce 4.1.1 (Debian 12) has the days of 2006 in these lists, for each year: the USA are closed on the 16th of January, 20th of February, 29th of May, 4th of
#   September, 9th of October and 23rd of November, which were a Monday or Thanksgiving then. In 2026 none of the six real ones is a day off (Memorial Day, Labor Day,
#   Thanksgiving ...), and six ordinary weekdays are; in GB the three bank holidays of May and August work, for Germany Ascension does, and two ordinary days of June are
#   off. 'German', as the manual has it, is an error. In 2006 all of these are right.
# Means: the business day after the 25th of November 2026 is Thanksgiving, and the one after Friday the 20th is Tuesday: what is due, late or sent goes by that, a day too early
#   here and a day too late there, and nothing says so. Do not load the lists; give set_nonbizday() the dates of the years that you count in. (Source of 4.16: the same lists)
# The versions are those of Debian 12, which its users have.
set -euo pipefail
dir=$(mktemp -d); bin=; trap '[ -z "$bin" ] || as "$bin/pg_ctl" -s -D data -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
# The server does not run as root.
if [ "$(id -u)" = 0 ]; then as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }; chmod 711 "$dir"; else as() { "$@"; }; fi
cd "$dir"; for tool in apt-get python3; do command -v $tool >/dev/null || { echo "needs Debian 12 (apt-get, python3)"; exit 2; }; done
apt-get download -qq postgresql-15 postgresql-client-15 libpq5 postgresql-15-orafce >apt.log 2>&1 || { cat apt.log; exit 2; }
for package in postgresql-15_* postgresql-15-orafce_*; do dpkg -f "$package" Package Version | xargs; done
[[ $(dpkg -f postgresql-15-orafce_* Version) == 4.1.1-* ]] || { echo "   changed: expected orafce 4.1.1"; exit 1; }
for package in ./*.deb; do dpkg -x "$package" root; done; bin=$dir/root/usr/lib/postgresql/15/bin
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=127.0.0.1 PGUSER=u PGDATABASE=postgres PGPORT=$port psql="$bin/psql"
mkdir data; [ "$(id -u)" != 0 ] || chown 65534:65534 data; as "$bin/initdb" -D data -U u -A trust -E UTF8 -N >/dev/null
as "$bin/pg_ctl" -s -w -D data -l data/log -o "-p $port -k $dir/data -c listen_addresses=127.0.0.1 -c fsync=off" start
"$psql" -X -q -c 'CREATE EXTENSION orafce'
cat > t.py <<'E'
import os, subprocess, sys
from datetime import date, timedelta
failed = False
def check(name, got, wanted):
    global failed; print(f"{name}: {got}")
    if got != wanted: failed = True; print("   changed: expected", wanted)
def sql(country, query):
    done = subprocess.run([os.environ["psql"], "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", f"SELECT plvdate.default_holidays('{country}')", "-c", query], capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else "an error"
def nth(year, month, weekday, n):
    days = [d for d in (date(year, month, 1) + timedelta(i) for i in range(31)) if d.month == month and d.weekday() == weekday]; return days[n]
easter = {2006: date(2006, 4, 16), 2026: date(2026, 4, 5), 2027: date(2027, 3, 28)}
moving = {
    "USA": lambda y: [nth(y, 1, 0, 2), nth(y, 2, 0, 2), nth(y, 5, 0, -1), nth(y, 9, 0, 0), nth(y, 10, 0, 1), nth(y, 11, 3, 3)],
    "GB": lambda y: [nth(y, 5, 0, 0), nth(y, 5, 0, -1), nth(y, 8, 0, -1)],
    "Germany": lambda y: [easter[y] + timedelta(39), easter[y] + timedelta(50)],
}
# Days that are the same each year, with two of the lists that are off somewhere: the 2nd of January for GB, the 15th of August for Germany.
fixed = {"USA": "0101 0704 1111 1225", "GB": "0101 0102 1225 1226", "Germany": "0101 0501 0815 1003 1225 1226"}
def compare(country, year):
    query = f"SELECT d::date FROM generate_series(date '{year}-01-01', date '{year}-12-31', '1 day') d WHERE extract(isodow FROM d) < 6 AND NOT plvdate.isbizday(d::date)"
    off = {date.fromisoformat(d) for d in sql(country, query)}; known = set(moving[country](year)); e = easter[year]
    other = {e - timedelta(2), e + timedelta(1)} | {d for d in off if d.strftime("%m%d") in fixed[country].split()}
    text = lambda days: " ".join(f"{d:%m-%d}" for d in sorted(days)) or "none"
    return f"works on {text(known - off)}; is off on {text(off - known - other)}"
for country, year, wanted in (
    ("USA", 2006, "works on none; is off on none"),
    ("USA", 2026, "works on 01-19 02-16 05-25 09-07 10-12 11-26; is off on 01-16 02-20 05-29 09-04 10-09 11-23"),
    ("USA", 2027, "works on 01-18 02-15 05-31 09-06 10-11 11-25; is off on 11-23"),
    ("GB", 2006, "works on none; is off on none"),
    ("GB", 2026, "works on 05-04 05-25 08-31; is off on 05-01 05-29 08-28"),
    ("Germany", 2006, "works on none; is off on none"),
    ("Germany", 2026, "works on 05-14; is off on 06-04 06-05"),
    ("Germany", 2027, "works on 05-06 05-17; is off on 05-25 06-04"),
): check(f"{country} in {year}", compare(country, year), wanted)
check("USA: one business day after the 25th of November 2026 (Thanksgiving is the 26th)", sql("USA", "SELECT plvdate.add_bizdays('2026-11-25', 1)"), ["2026-11-26"])
check("USA: one business day after Friday, the 20th", sql("USA", "SELECT plvdate.add_bizdays('2026-11-20', 1)"), ["2026-11-24"])
check("'German', as the manual has it", sql("German", "SELECT 1"), "an error")
sys.exit(failed)
E
timeout 60 python3 t.py
