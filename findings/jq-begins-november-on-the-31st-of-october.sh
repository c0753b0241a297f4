#!/usr/bin/env bash
# Expected: jq's strptime("%Y-%m") | mktime is the beginning of that month, as "%Y-%m-%d" gives the beginning of the day, and %z in a format is taken into
#   account or refused. The manual says of both no more than that strptime's result is what mktime reads.
# Happens: in jq 1.6 (Debian 12) and in jq 1.8.2 (PyPI's jq 1.13.0) "2026-11" is 2026-10-31T00:00:00Z: the day that is not in the text counts as 0, the one
#   before the first. "Jan 2026" is the 31st of December 2025, and so is "2026"; strftime("%Y-%m") of it says "2026-10". jq 1.6 also writes the day 2026-11-00.
#   %z is read and dropped: 10:00 +0200 and 10:00 -0500 are both 10:00 UTC (reported upstream). gojq 0.12.11 has the first of the month and the
#   right hour from the same lines. No error.
# Means: a bill of November that asks for .created >= ($month | strptime("%Y-%m") | mktime) has the orders of the 31st of October, and one that ends with the
#   next month has none of the 30th of November; totals by month stand under the month before. Put "-01" behind the month first; take the offset off with a
#   regular expression and subtract it, or use gojq.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v apt-get >/dev/null || { echo "needs Debian 12 (apt-get)"; exit 2; }
apt-get download -qq jq libjq1 libonig5 gojq >apt.log 2>&1 || { cat apt.log; exit 2; }
for wanted in jq=1.6 gojq=0.12.11; do version=$(dpkg -f "${wanted%=*}"_*.deb Version); echo "${wanted%=*} $version"; [[ $version == "${wanted#*=}"-* ]] || { echo "   changed: expected $wanted"; exit 1; }; done
for package in ./*.deb; do dpkg -x "$package" root; done
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check --only-binary :all: jq==1.13.0
cat > t.py <<'E'
import json, os, subprocess, sys
from importlib.metadata import version
import jq
print("PyPI jq", version("jq")); failed = False
environment = {**os.environ, "LD_LIBRARY_PATH": "root/usr/lib/x86_64-linux-gnu", "TZ": "UTC"}
def run(name, program, value):
    if name == "PyPI": return jq.compile(program).input_value(value).first()
    out = subprocess.run(["root/usr/bin/" + name, "-c", program], input=json.dumps(value), env=environment, capture_output=True, text=True, check=True)
    assert not out.stderr, out.stderr
    return json.loads(out.stdout)
def check(program, value, old, new, gojq):
    global failed
    got = [run(name, program, value) for name in ("jq", "PyPI", "gojq")]
    print(f"{value if isinstance(value, str) else 'events':25} {program}\n    jq 1.6 {got[0]}   PyPI {got[1]}   gojq {got[2]}")
    if got != [old, new, gojq]: failed = True; print("   changed: expected", old, new, gojq)
def time(text, form, old, gojq=None): check(f'strptime("{form}") | mktime | todate', text, old, old, gojq or old)
time("2026-11-01", "%Y-%m-%d", "2026-11-01T00:00:00Z")
time("2026-11", "%Y-%m", "2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z")
time("Jan 2026", "%b %Y", "2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z")
time("2026", "%Y", "2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z")
check('strptime("%Y-%m") | mktime | strftime("%Y-%m")', "2026-11", "2026-10", "2026-10", "2026-11")
check('strptime("%Y-%m") | strftime("%Y-%m-%d")', "2026-11", "2026-11-00", "2026-10-31", "2026-11-01")
time("2026-11-30T10:00:00Z", "%Y-%m-%dT%H:%M:%SZ", "2026-11-30T10:00:00Z")
time("2026-11-30T10:00:00+0200", "%Y-%m-%dT%H:%M:%S%z", "2026-11-30T10:00:00Z", "2026-11-30T08:00:00Z")
time("30/Nov/2026:10:00:00 -0500", "%d/%b/%Y:%H:%M:%S %z", "2026-11-30T10:00:00Z", "2026-11-30T15:00:00Z")
# Orders of 31 October, 1 November and 30 November, all in the middle of the day, and the bill of each month.
events = [{"id": "a", "created": 1793448000}, {"id": "b", "created": 1793534400}, {"id": "c", "created": 1796040000}]
def bill(first, after): return f'map(select(.created >= ("{first}" | strptime("%Y-%m") | mktime) and .created < ("{after}" | strptime("%Y-%m") | mktime)) | .id)'
check("map(.created | todate)", events, *[["2026-10-31T12:00:00Z", "2026-11-01T12:00:00Z", "2026-11-30T12:00:00Z"]] * 3)
check(bill("2026-11", "2026-12"), events, ["a", "b"], ["a", "b"], ["b", "c"])
check('map(select(.created >= ("2026-11" | strptime("%Y-%m") | mktime)) | .id)', events, ["a", "b", "c"], ["a", "b", "c"], ["b", "c"])
check('map(select(.created >= ("2026-11" + "-01" | strptime("%Y-%m-%d") | mktime)) | .id)', events, *[["b", "c"]] * 3)
sys.exit(failed)
E
TZ=UTC timeout 60 v/bin/python t.py
