#!/usr/bin/env bash
# Expected: a filter in MongoDB's language (which events go to whom, a rule in a table, a test in place of the database) finds what MongoDB finds: { amount: {
#   $lt: 100 } } numbers only, { closed: null } what is null or not there, { tags: { $ne: 'test' } } no list with 'test' in it, and { customer: { id: 1 } } exactly
#   that object.
# Happens: @ucast/mongo2js 2.0.0 finds what has NO amount, null, false, the text '50' and an object to be less than 100; { $gt:
#   '2026' } finds an object as well; a list or an object as a value finds nothing, even { tags: [] }, and $in with null finds no missing field. mongoquery 1.4.3 of
#   PyPI does not find by null what is not there (by { $ne: null } it does), finds lists with 'test' by $ne, no list by $gt or $lt, and by { customer: { id: 1 } }
#   whatever has that id; true is 1 for it, as for mongomock 4.3.0. No error. sift 17.1.4, mingo 7.2.7 and montydb 2.5.6 are as in MongoDB's manual here.
# Means: "small amounts need no second look" lets through each event without an amount, "all open ones" (closed: null) are hardly any, and the test customers get
#   mail, where the same filter in the database was right. Take one of the three, and run your filters over an event in which the field is missing. (Node.js 20,
#   Python 3.11)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @ucast/mongo2js@2.0.0 sift@17.1.4 mingo@7.2.7
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check mongoquery==1.4.3 mongomock==4.3.0 montydb==2.5.6
cat > events.json <<'E2'
[{"id":"none"},{"id":"null","amount":null,"closed":null,"tags":null},{"id":"50","amount":50,"closed":false,"tags":["paid"]},{"id":"500","amount":500,"closed":true,"tags":["paid","test"]},
 {"id":"text","amount":"50","closed":"2026-07-10","tags":[]},{"id":"false","amount":false,"tags":["test"]},{"id":"list","amount":[500,50]},{"id":"one","amount":1,"customer":{"id":1}},
 {"id":"more","amount":700,"customer":{"id":1,"name":"B"}},{"id":"object","amount":{"net":50}}]
E2
cat > cases.json <<'E2'
[[{"amount":{"$lt":100}},"50 list one",{"@ucast/mongo2js": "none null 50 text false list one object", "mongoquery": "50 false one"}],
 [{"amount":{"$exists":true,"$gte":0,"$lt":100}},"50 list one",{"@ucast/mongo2js": "50 text list one", "mongoquery": "50 false one"}],
 [{"amount":{"$gt":100}},"500 list more",{"mongoquery": "500 more"}],
 [{"amount":{"$gt":"2026"}},"text",{"@ucast/mongo2js": "text object"}],
 [{"closed":null},"none null false list one more object",{"mongoquery": "null"}],
 [{"closed":{"$ne":null}},"50 500 text",{"mongoquery": "none 50 500 text false list one more object"}],
 [{"closed":{"$in":[null,true]}},"none null 500 false list one more object",{"@ucast/mongo2js": "null 500", "mongoquery": "null 500"}],
 [{"tags":"paid"},"50 500",{}],
 [{"tags":{"$nin":["test"]}},"none null 50 text list one more object",{}],
 [{"tags":{"$ne":"test"}},"none null 50 text list one more object",{"mongoquery": "none null 50 500 text false list one more object"}],
 [{"tags":[]},"text",{"@ucast/mongo2js": ""}],
 [{"tags":["paid","test"]},"500",{"@ucast/mongo2js": ""}],
 [{"customer.id":1},"one more",{}],
 [{"customer":{"id":1}},"one",{"@ucast/mongo2js": "", "mongoquery": "one more"}],
 [{"closed":1},"",{"mongomock": "500", "mongoquery": "500"}],
 [{"amount":0},"",{"mongomock": "false", "mongoquery": "false"}]]
E2
cat > out.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs'; import { guard } from '@ucast/mongo2js'; import { Query } from 'mingo';
const require = createRequire(import.meta.url), sift = require('sift').default ?? require('sift'), events = JSON.parse(readFileSync('events.json')), version = (n) => JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version;
const libs = { '@ucast/mongo2js': guard, sift, mingo: (q) => { const query = new Query(q); return (e) => query.test(e); } };
console.log(JSON.stringify(Object.fromEntries(Object.entries(libs).map(([n, make]) => [`${n} ${version(n)}`, JSON.parse(readFileSync('cases.json')).map(([q]) => events.filter(make(q)).map((e) => e.id).join(' '))]))));
E2
timeout 60 node out.mjs > js.json
cat > t.py <<'E2'
import json, subprocess, sys, mongomock, mongoquery
from montydb import MontyClient
from importlib.metadata import version
events, cases, found = json.load(open("events.json")), json.load(open("cases.json")), json.load(open("js.json"))
def stored(collection): collection.insert_many([dict(e) for e in events]); return collection.find
libs = {"montydb": stored(MontyClient(":memory:").db.c), "mongomock": stored(mongomock.MongoClient().db.c), "mongoquery": lambda q: filter(mongoquery.Query(q).match, events)}
for name, find in libs.items(): found[f"{name} {version(name)}"] = [" ".join(e["id"] for e in find(c[0])) for c in cases]
print("node", subprocess.check_output(["node", "-v"], text=True).strip(), "Python", sys.version.split()[0], *found); changed = False
for i, (query, right, wrong) in enumerate(cases):
    said = []
    for lib, out in found.items():
        name = lib.split()[0]; expected = wrong.get(name, right)
        if out[i] != right: said.append(f"{name}: {out[i] or 'none'}")
        if out[i] != expected: changed = True; said.append(f"CHANGED: {name}: {out[i]}, expected {expected}")
    print(f"{json.dumps(query)}: {right or 'none'}", *(said or ["all six"]), sep="\n    ")
sys.exit(1 if changed else 0)
E2
timeout 60 v/bin/python t.py
