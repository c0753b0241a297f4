#!/usr/bin/env bash
# Expected: one JMESPath expression finds the same in each language. Its specification sorts numbers by their value and texts by code points, max_by() and
#   min_by() take numbers or texts, and to_number() of what is no number is null.
# Happens: in the npm packages jmespath 0.16.0, @jmespath-community/jmespath 1.3.0, @metrichor/jmespath 0.3.1 and jmespath-plus
#   0.1.7 sort() of [10,9,200,1] is [1,10,200,9]: numbers are sorted as texts (sort_by(), max() and min() are right). max_by() and min_by() over texts (their
#   signatures allow them, and times and ids are texts) find null. min() of ["evt_a","evt_B"] is not the first of sort(), and to_number('') is 0.
#   @aws-lambda-powertools/jmespath 2.36.0 sorts numbers right, but texts by locale, with min() by code points, and has the 0 as well. Python's jmespath 1.1.0 does
#   all as one thinks. No error.
# Means: "the largest amount", "the last attempt", "the oldest" by sort(...)[-1] is another one as soon as the numbers have not the same length, so hardly in a
#   test; "the newest event" by max_by(events, &created) is never there. Write max(), or sort_by(events, &created)[-1]. (Node.js 20, Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts jmespath@0.16.0 @jmespath-community/jmespath@1.3.0 @metrichor/jmespath@0.3.1 jmespath-plus@0.1.7 @aws-lambda-powertools/jmespath@2.36.0
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check jmespath==1.1.0
cat > data.json <<'E2'
{"amounts":[10,9,200,1],"seconds":[1783670400,999999999,1783670401],"balances":[-1,-5,-10,2],"same":[17,12,15],"ids":["evt_a","evt_B"],"empty":"",
 "events":[{"id":"evt_1","created":"2026-07-10T10:00:00Z","try":9},{"id":"evt_2","created":"2026-07-11T10:00:00Z","try":10},{"id":"evt_3","created":"2026-07-09T10:00:00Z","try":1}]}
E2
cat > t.py <<'E2'
import json, sys, jmespath
from importlib.metadata import version
print("Python", sys.version.split()[0], "jmespath", version("jmespath"))
data = json.load(open("data.json"))
# expression, what the specification has, and what the npm packages (without, with Powertools) say where it is another thing
cases = [("sort(same)", [12, 15, 17]), ("sort(amounts)", [1, 9, 10, 200], [1, 10, 200, 9]), ("sort(amounts)[-1]", 200, 9), ("max(amounts)", 200), ("sort(seconds)[0]", 999999999, 1783670400),
    ("sort(balances)", [-10, -5, -1, 2], [-1, -10, -5, 2]), ("sort(events[].try)[-1]", 10, 9), ("sort_by(events, &try)[-1].id", "evt_2"), ("max_by(events, &try).id", "evt_2"),
    ("max_by(events, &created).id", "evt_2", None), ("min_by(events, &created).id", "evt_3", None), ("sort_by(events, &created)[-1].id", "evt_2"),
    ("sort(ids)[0]", "evt_B", "evt_B", "evt_a"), ("min(ids)", "evt_B", "evt_a", "evt_B"), ("to_number(empty)", None, 0, 0)]
cases = [(c[0], c[1], *(c[2:4] if len(c) == 4 else (c[2], c[1]) if len(c) == 3 else (c[1], c[1]))) for c in cases]
json.dump(cases, open("cases.json", "w"))
wrong = [c[0] for c in cases if jmespath.search(c[0], data) != c[1]]
print("  jmespath of Python:", f"CHANGED: {wrong}" if wrong else f"all {len(cases)} as specified"); sys.exit(1 if wrong else 0)
E2
cat > t.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs';
const require = createRequire(import.meta.url), data = JSON.parse(readFileSync('data.json')), cases = JSON.parse(readFileSync('cases.json'));
console.log('node', process.version);
for (const name of ['jmespath', '@jmespath-community/jmespath', '@metrichor/jmespath', 'jmespath-plus', '@aws-lambda-powertools/jmespath']) {
  const { search } = require(name), aws = name.startsWith('@aws'), said = [];
  for (const [expression, right, others, powertools] of cases) {
    const now = JSON.stringify(aws ? search(expression, data) : search(data, expression)), expected = JSON.stringify(aws ? powertools : others);
    if (now !== JSON.stringify(right)) said.push(`${expression} is ${now}, not ${JSON.stringify(right)}`);
    if (now !== expected) { process.exitCode = 1; said.push(`CHANGED: ${expression} is ${now}, expected ${expected}`); }
  }
  console.log(`  ${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}: ${said.join('; ')}; the other ${cases.length - said.length} are right`);
}
E2
status=0; timeout 60 v/bin/python t.py || status=1; timeout 60 node t.mjs || status=1; exit $status
