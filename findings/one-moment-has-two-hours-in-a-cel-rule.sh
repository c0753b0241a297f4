#!/usr/bin/env bash
# Expected: a rule in CEL (which event goes where, when somebody is called) has one meaning in each language, as its specification promises: getHours(), getDate()
#   and the like of a time are those of UTC if no zone is given, size() of a text counts characters, and 7 / 2 of two whole numbers is 3.
# Happens: in common-expression-language 0.10.0 of PyPI (CEL in Rust) two times that are equal have not the same hour: of 2026-07-10T10:00:00+02:00 getHours() is
#   10, of 08:00:00Z, the same moment, 8; the day, weekday and year differ in the same way around midnight, also for a datetime of Python, and getHours('UTC') is
#   unknown to it. size('Zürich') is 7, the bytes. npm's cel-js 0.8.2 divides whole numbers with a fraction (7 / 2 is 3.5) and takes \u00fc in a text for six
#   characters. In cel-python 0.5.0 true == 1 is true. No error. @bufbuild/cel 0.6.1 and @marcbachmann/cel-js 8.0.0 (which refuses true == 1) are right.
# Means: "call only from 8 to 18", "once a day by getDayOfYear()" go by the zone the SENDER writes its times in, and change when it goes over to Z; a name of 20
#   letters is too long for size(name) <= 20. Bring times to UTC before the rule sees them, or try your rules in two libraries. (Python 3.11, Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @bufbuild/cel@0.6.1 @marcbachmann/cel-js@8.0.0 cel-js@0.8.2
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check common-expression-language==0.10.0 cel-python==0.5.0
cat > cases.json <<'E2'
[["timestamp('2026-07-10T10:00:00+02:00') == timestamp('2026-07-10T08:00:00Z')", "true", {"cel-js": "error"}],
 ["timestamp('2026-07-10T08:00:00Z').getHours()", "8", {"cel-js": "error"}],
 ["timestamp('2026-07-10T10:00:00+02:00').getHours()", "8", {"common-expression-language": "10", "cel-js": "error"}],
 ["timestamp('2026-07-10T23:30:00-05:00').getDate()", "11", {"common-expression-language": "10", "cel-js": "error"}],
 ["timestamp('2026-07-10T23:30:00-05:00').getDayOfWeek()", "6", {"common-expression-language": "5", "cel-js": "error"}],
 ["timestamp('2026-01-01T01:00:00+02:00').getFullYear()", "2025", {"common-expression-language": "2026", "cel-js": "error"}],
 ["timestamp('2026-07-10T10:00:00+02:00').getHours('UTC')", "8", {"common-expression-language": "error", "cel-js": "error"}],
 ["timestamp('2026-07-10T10:00:00+02:00').getMinutes()", "0", {"cel-js": "error"}],
 ["size('Zurich')", "6", {}], ["size('Zürich')", "6", {"common-expression-language": "7"}], ["size('Z\\u00fcrich')", "6", {"common-expression-language": "7", "cel-js": "11"}],
 ["size('Zürich') <= 6", "true", {"common-expression-language": "false"}],
 ["7 / 2", "3", {"cel-js": "3.5"}], ["7 / 2 == 3", "true", {"cel-js": "false"}], ["7 % 2", "1", {}], ["true == 1", "false", {"cel-python": "true", "@marcbachmann/cel-js": "error"}], ["true == true", "true", {}]]
E2
cat > out.mjs <<'E2'
import { celEnv, parse, plan } from '@bufbuild/cel'; import { evaluate as marc } from '@marcbachmann/cel-js'; import { evaluate as js } from 'cel-js'; import { readFileSync } from 'node:fs';
const env = celEnv(), version = (n) => JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version, run = (f) => { try { const r = f(); return r instanceof Error ? 'error' : String(r); } catch { return 'error'; } };
const libs = { '@bufbuild/cel': (t) => plan(env, parse(t))({}), '@marcbachmann/cel-js': (t) => marc(t, {}), 'cel-js': (t) => js(t, {}) };
console.log(JSON.stringify(Object.fromEntries(Object.entries(libs).map(([n, f]) => [`${n} ${version(n)}`, JSON.parse(readFileSync('cases.json')).map(([t]) => run(() => f(t)))]))));
E2
timeout 60 node out.mjs > js.json
cat > t.py <<'E2'
import datetime as dt, json, subprocess, sys, cel, celpy
from importlib.metadata import version
cases, found, env = json.load(open("cases.json")), json.load(open("js.json")), celpy.Environment()
def run(f):
    try: r = f(); return str(r).lower() if isinstance(r, (bool, celpy.celtypes.BoolType)) else str(r)
    except Exception: return "error"
for name, f in (("common-expression-language", lambda t: cel.evaluate(t, {})), ("cel-python", lambda t: env.program(env.compile(t)).evaluate({}))):
    found[f"{name} {version(name)}"] = [run(lambda: f(c[0])) for c in cases]
print("node", subprocess.check_output(["node", "-v"], text=True).strip(), "Python", sys.version.split()[0], *found); changed = False
for i, (rule, right, wrong) in enumerate(cases):
    said = []
    for lib, out in found.items():
        name = lib.rsplit(" ", 1)[0]; expected = wrong.get(name, right)
        if out[i] != right: said.append(f"{name} {out[i]}")
        if out[i] != expected: changed = True; said.append(f"CHANGED: {name} {out[i]}, expected {expected}")
    print(f"  {rule}: {right}; {'; '.join(said) or 'all five'}")
when = dt.datetime(2026, 7, 10, 10, tzinfo=dt.timezone(dt.timedelta(hours=2))); hours = [cel.evaluate("when.getHours()", {"when": w}) for w in (when, when.astimezone(dt.timezone.utc))]
print(f"  common-expression-language, one datetime in two zones: hour {hours}"); changed |= hours != [10, 8]; sys.exit(1 if changed else 0)
E2
timeout 60 v/bin/python t.py
