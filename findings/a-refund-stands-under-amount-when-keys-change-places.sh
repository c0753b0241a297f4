#!/usr/bin/env bash
# Expected: a table of JSON objects (for a report, a spreadsheet, a chat message, a prompt) has each value under the name of its key. The order of keys means
#   nothing in JSON: it differs between two senders and two versions of one, PostgreSQL's jsonb has one of its own, and a field that is empty is often left out.
# Happens: tablib 3.10.0 (below django-import-export; json, yaml, a Databook and .dict), tablemark 4.1.0 and convert-array-to-csv 2.0.0 take the names of the first
#   object and then the values of each AS THEY COME: {"refund":5,"amount":200,"id":"evt-2"} after {"id","amount","refund"} is a row with 5 under id and evt-2
#   under refund, and where two amounts change places, 5 stands under amount and 200 under refund. Where a field is left out, the ones behind it move up for
#   tablemark and convert-array-to-csv (the refund stands under amount); tablib refuses that, but takes a field of another name in its place, as
#   convert-array-to-csv does. No error. csv-stringify, json2csv, papaparse and Python's csv.DictWriter are right.
# Means: rows are right as long as all come from one sender, and a sum over a column is wrong by a few rows later. Make each row by the list of names first.
#   (Python 3.11, Node.js 20; for tablib reported upstream)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts tablemark@4.1.0 convert-array-to-csv@2.0.0 csv-stringify@6.9.0 json2csv@5.0.7 papaparse@5.7.1
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check tablib==3.10.0 pyyaml==6.0.4
cat > events.json <<'E2'
{"same order":     [{"id":"evt-1","amount":100,"refund":0},{"id":"evt-2","amount":200,"refund":5}],
 "other order":    [{"id":"evt-1","amount":100,"refund":0},{"refund":5,"amount":200,"id":"evt-2"}],
 "two change":     [{"id":"evt-1","amount":100,"refund":0},{"id":"evt-2","refund":5,"amount":200}],
 "one left out":   [{"id":"evt-1","amount":100,"refund":0},{"id":"evt-2","refund":5}],
 "one is new":     [{"id":"evt-1","amount":100},{"id":"evt-2","tip":7,"amount":200}],
 "other name":     [{"id":"evt-1","amount":100,"note":"x"},{"id":"evt-2","tip":7,"amount":200}]}
E2
cat > t.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs'; import { tablemark } from 'tablemark'; import { stringify } from 'csv-stringify/sync';
const require = createRequire(import.meta.url), { convertArrayToCSV } = require('convert-array-to-csv'), json2csv = require('json2csv'), papa = require('papaparse');
console.log('node', process.version, ...['tablemark', 'convert-array-to-csv', 'csv-stringify', 'json2csv', 'papaparse'].map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const last = (text) => text.trim().split(/\r?\n/).at(-1).replaceAll('"', '');
const how = { 'csv-stringify': (x) => last(stringify(x, { header: true, columns: Object.keys(x[0]) })), json2csv: (x) => last(json2csv.parse(x, { fields: Object.keys(x[0]) })),
  papaparse: (x) => last(papa.unparse(x, { columns: Object.keys(x[0]) })), 'convert-array-to-csv': (x) => last(convertArrayToCSV(x)),
  tablemark: (x) => last(tablemark(x)).split('|').slice(1, -1).map((s) => s.trim()).join() };
const csv = { 'other order': '5,200,evt-2', 'two change': 'evt-2,5,200', 'one left out': 'evt-2,5', 'one is new': 'evt-2,7,200', 'other name': 'evt-2,7,200' };
const wrong = { 'convert-array-to-csv': csv, tablemark: { ...csv, 'one is new': 'evt-2,200', 'other name': 'evt-2,200' } };
for (const [name, events] of Object.entries(JSON.parse(readFileSync('events.json')))) {
  const keys = Object.keys(events[0]), right = keys.map((k) => events[1][k] ?? '').join(), said = [];
  for (const [lib, f] of Object.entries(how)) {
    const now = f(structuredClone(events)), bad = wrong[lib]?.[name] ?? right;
    if (now !== right) said.push(`${lib} ${now}`); if (now !== bad) { process.exitCode = 1; said.push(`CHANGED: ${lib} ${now}, expected ${bad}`); }
  }
  console.log(`${name}, under ${keys}: ${right}; ${said.join('; ') || 'all five right'}`);
}
E2
cat > t.py <<'E2'
import csv, io, json, sys, tablib, yaml
print("Python", sys.version.split()[0], "tablib", tablib.__version__)
def by_dict(events): d = tablib.Dataset(); d.dict = events; return d
how = {"json": lambda e: tablib.Dataset().load(json.dumps(e), format="json"), "yaml": lambda e: tablib.Dataset().load(yaml.safe_dump(e, sort_keys=False), format="yaml"),
    "Databook": lambda e: tablib.Databook().load(json.dumps([{"title": "events", "data": e}]), format="json").sheets()[0], ".dict": by_dict}
refused = "refused (InvalidDimensions)"
wrong = {"other order": "5,200,evt-2", "two change": "evt-2,5,200", "one left out": refused, "one is new": refused, "other name": "evt-2,7,200"}
changed = False
for name, events in json.load(open("events.json")).items():
    out = io.StringIO(); w = csv.DictWriter(out, list(events[0]), extrasaction="ignore"); w.writerows(events); right = out.getvalue().splitlines()[-1]
    def one(f):
        try: return f(events).export("csv").splitlines()[-1]
        except tablib.InvalidDimensions: return refused
    now = {k: one(f) for k, f in how.items()}; same = set(now.values()); ok = same == {wrong.get(name, right)}; changed |= not ok
    print(f"{name}, under {','.join(events[0])}: {right}; tablib by {', '.join(now)}: {' '.join(same)}{'' if ok else '   CHANGED'}")
sys.exit(1 if changed else 0)
E2
status=0; timeout 60 node t.mjs || status=1; timeout 60 v/bin/python t.py || status=1; exit $status
