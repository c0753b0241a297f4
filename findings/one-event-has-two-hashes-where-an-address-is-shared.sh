#!/usr/bin/env bash
# Expected: a hash over the content of an object is the same for equal objects: to find repeats, to name a cache entry, to see whether anything has changed. An
#   event that was read from JSON and the same event that the program put together have one JSON text, and are equal for assert.deepStrictEqual and for == of
#   Python.
# Happens: npm's object-hash 3.0.0, hash-sum 2.0.0 and hash-it 7.0.2, and joblib.hash of joblib 1.6.0 give another hash if a part
#   occurs twice AS ONE OBJECT: { billing: address, shipping: address }, one list of tags under two names, one datetime as created and updated (joblib). What comes
#   from JSON, a queue or a database has two objects there. structuredClone() and copy.deepcopy() keep the difference, { ...address } and JSON take it away. With
#   texts and numbers nothing of the kind. No error. Right are node-object-hash 3.1.1, ohash 2.0.12, stable-hash 0.0.6, canonicalize 4.0.0 and deepdiff's DeepHash
#   9.1.0.
# Means: the customers with one address for both have their event done twice, "changed" at each comparison, and no hit in the cache; the others are fine. Hash the
#   text of a canonical JSON, or JSON.parse(JSON.stringify(event)). (Node.js 20, Python 3.11; reported upstream for object-hash)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts object-hash@3.0.0 hash-sum@2.0.0 hash-it@7.0.2 node-object-hash@3.1.1 ohash@2.0.12 stable-hash@0.0.6 canonicalize@4.0.0
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check joblib==1.6.0 deepdiff==9.1.0
cat > t.mjs <<'E2'
import objectHash from 'object-hash'; import hashSum from 'hash-sum'; import * as hashIt from 'hash-it'; import nodeObjectHash from 'node-object-hash'; import { hash as ohash } from 'ohash';
import * as stable from 'stable-hash'; import canonicalize from 'canonicalize'; import { isDeepStrictEqual } from 'node:util'; import { readFileSync } from 'node:fs';
const stableHash = stable.stableHash ?? stable.default?.stableHash ?? stable.default, noh = nodeObjectHash.hasher();
const libs = { 'object-hash': objectHash, 'hash-sum': hashSum, 'hash-it': hashIt.hash ?? hashIt.default, 'node-object-hash': (x) => noh.hash(x), ohash, 'stable-hash': stableHash, canonicalize };
console.log('node', process.version, ...Object.keys(libs).map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const address = { city: 'Rome', zip: '00100' }, tags = ['vip'], mail = 'a@a', order = { id: 7, address, previous: null }, json = (x) => JSON.parse(JSON.stringify(x));
const cases = { 'one address twice': { id: 1, billing: address, shipping: address }, 'one list twice': { id: 2, tags, all: tags }, 'one text twice': { id: 3, from: mail, to: mail },
  'in two lines of a list': { lines: [{ n: 1, address }, { n: 2, address }] }, 'the same in another part': { customer: { address }, order }, 'an address of its own': { id: 1, billing: { ...address }, shipping: { ...address } } };
const twice = new Set(['one address twice', 'one list twice', 'in two lines of a list', 'the same in another part']), wrong = new Set(['object-hash', 'hash-sum', 'hash-it']);
for (const [name, event] of Object.entries(cases)) {
  const read = json(event), equal = isDeepStrictEqual(event, read) && JSON.stringify(event) === JSON.stringify(read), differ = [];
  for (const [lib, hash] of Object.entries(libs)) {
    const other = hash(event) !== hash(read), clone = hash(structuredClone(event)) !== hash(read), expected = wrong.has(lib) && twice.has(name);
    if (hash(json(event)) !== hash(json(read)) || other !== expected || clone !== expected) { process.exitCode = 1; console.log(`   CHANGED: ${lib}, ${name}: ${other} ${clone}`); }
    if (other) differ.push(lib);
  }
  if (!equal) process.exitCode = 1; console.log(`  ${name}: equal ${equal}, ${differ.length ? `two hashes by ${differ.join(', ')}` : 'one hash by all'}`);
}
E2
cat > t.py <<'E2'
import copy, datetime as dt, json, sys, joblib
from deepdiff import DeepHash
from importlib.metadata import version
print("Python", sys.version.split()[0], *(f"{n} {version(n)}" for n in ("joblib", "deepdiff"))); changed = False
address, tags, mail, now = {"city": "Rome", "zip": "00100"}, ["vip"], "a@a", "2026-07-10T10:00:00+00:00"; time = dt.datetime.fromisoformat(now)
cases = {"one address twice": ({"id": 1, "billing": address, "shipping": address}, True), "one list twice": ({"id": 2, "tags": tags, "all": tags}, True), "one text twice": ({"id": 3, "from": mail, "to": mail}, False),
    "one time twice": ({"created": time, "updated": time}, True), "an address of its own": ({"id": 1, "billing": dict(address), "shipping": dict(address)}, False)}
for name, (event, two) in cases.items():
    read = {"created": dt.datetime.fromisoformat(now), "updated": dt.datetime.fromisoformat(now)} if "time" in name else json.loads(json.dumps(event)); assert event == read
    j = joblib.hash(event) != joblib.hash(read), joblib.hash(copy.deepcopy(event)) != joblib.hash(read); d = DeepHash(event)[event] != DeepHash(read)[read]
    ok = j == (two, two) and not d; changed |= not ok
    print(f"  {name}: equal, {'two hashes by joblib' if j[0] else 'one hash by both'}{'' if ok else f'   CHANGED: {j} {d}'}")
sys.exit(1 if changed else 0)
E2
status=0; timeout 60 node t.mjs || status=1; timeout 60 v/bin/python t.py || status=1; exit $status
