#!/usr/bin/env bash
# Expected: a JSONata expression (of a Node-RED flow, a step function, a mapping of one event to another) gives the same in Python: jsonata-python is a port of
#   the reference implementation, has all of the language by its readme, and the tests of that. Numbers to 2^53 are whole, and % is the remainder.
# Happens: jsonata-python 0.7.1 writes a whole number of 16 digits with 15 and an exponent as soon as it is made text: "order " & 1783670400123456 is "order
#   1.78367040012346e+15", and so for $string(), $substring(), $join(), $length(), for ids and for times in microseconds: ten ids in a row are one text. The
#   remainder has no fraction: 7.5 % 2 is 1, and 19.99 % 1 is 0. true is taken for 1 by "in" and $distinct(). No error; the number itself is passed on whole.
#   jsonata 2.2.2 of npm and jsonatapy 2.2.13 are right.
# Means: what was tried in Node.js gives other ids in Python, two orders one key; "whole amounts only" (amount % 1 = 0) lets every amount through. Make ids text
#   before the expression, write a - b * $floor(a / b) for a remainder, or take jsonatapy. (Python 3.11, Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts jsonata@2.2.2
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check jsonata-python==0.7.1 jsonatapy==2.2.13
cat > data.json <<'E2'
{"id":1783670400123456,"short":178367040012345,"amount":19.99,"weight":7.5,"count":17,"negative":-7,"flags":[1,true,0,false],"ids":[1783670400123450,1783670400123451,1783670400123452]}
E2
cat > cases.json <<'E2'
[["'order ' & short", "order 178367040012345"], ["'order ' & id", "order 1783670400123456", "order 1.78367040012346e+15"], ["$string(id)", "1783670400123456", "1.78367040012346e+15"],
 ["$length($string(id))", 16, 20], ["$substring($string(id), 0, 10)", "1783670400", "1.78367040"], ["$join([$string(id), 'paid'], ':')", "1783670400123456:paid", "1.78367040012346e+15:paid"],
 ["$count($distinct(ids))", 3], ["$count($distinct(ids.$string()))", 3, 1], ["id = 1783670400123456", true], ["id + 1", 1783670400123457],
 ["count % 5", 2], ["negative % 3", -1], ["weight % 2", 1.5, 1], ["$round(amount % 1, 2)", 0.99, 0], ["amount % 1 = 0", false, true], ["weight - 2 * $floor(weight / 2)", 1.5],
 ["amount & ' EUR'", "19.99 EUR"], ["true = 1", false], ["true in [1]", false, true], ["$count($distinct(flags))", 4, 2]]
E2
cat > t.mjs <<'E2'
import jsonata from 'jsonata'; import { readFileSync } from 'node:fs';
const data = JSON.parse(readFileSync('data.json')), cases = JSON.parse(readFileSync('cases.json')), wrong = [];
for (const [expression, right] of cases) { const now = await jsonata(expression).evaluate(data); if (now !== right) wrong.push(`${expression} is ${now}`); }
console.log('node', process.version, 'jsonata', JSON.parse(readFileSync('node_modules/jsonata/package.json')).version + ':', wrong.length ? `CHANGED: ${wrong.join('; ')}` : `all ${cases.length} right`);
process.exitCode = wrong.length ? 1 : 0;
E2
cat > t.py <<'E2'
import json, sys, jsonata, jsonatapy
from importlib.metadata import version
data, cases = json.load(open("data.json")), json.load(open("cases.json")); changed = False
show = lambda x: json.dumps(x); same = lambda a, b: a == b and (isinstance(a, bool) == isinstance(b, bool))
for lib, run in (("jsonatapy", jsonatapy.evaluate), ("jsonata-python", lambda e, d: jsonata.Jsonata(e).evaluate(d))):
    print("Python", sys.version.split()[0], lib, version(lib)); right = 0
    for expression, good, *bad in cases:
        now = run(expression, data); expected = bad[0] if bad and lib == "jsonata-python" else good; ok = same(now, expected); changed |= not ok
        if same(now, good): right += 1
        if not same(now, good) or not ok: print(f"  {expression} is {show(now)}, not {show(good)}{'' if ok else f'   CHANGED, expected {show(expected)}'}")
    print(f"  {right} of {len(cases)} right")
sys.exit(1 if changed else 0)
E2
status=0; timeout 60 node t.mjs || status=1; timeout 60 v/bin/python t.py || status=1; exit $status
