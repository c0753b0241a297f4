#!/usr/bin/env bash
# Expected: a jq filter (a relay's mapping, a rule kept in a table) gives the same in a jq that is written in JavaScript, or says that it does not know a part of
#   it: both have sort_by, unique, "-", "//" and == on their lists of what is supported.
# Happens: @jq-tools/jq 0.0.11 does not look at the key of sort_by(): it sorts the whole objects, so by the name that is first in the alphabet, mostly an id:
#   sort_by(.n) of n = 10, 9, 100 is 10, 9, 100, and sort_by(.time)[-1] is not the newest one. jqts 0.0.8 finds {"id":1,"n":2} and {"n":2,"id":1} to be two things:
#   == is false, unique leaves both, "-" takes nothing away, index() finds nothing. Its unique sorts numbers as texts (10, 9, 100 come out as 10, 100, 9), and false
#   // "none" is false. group_by(), unique_by(), sort and plain filters are right in both. No error. jq-wasm 1.0.1 (jq itself, compiled) is right.
# Means: "the last event" of a list is one of them, whichever has the highest id; a repeat whose keys stand in another order, as from PostgreSQL's jsonb, is a new
#   event. Take jq itself (jq-wasm, jq-web, node-jq) and run the filters that you have in both before you change. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @jq-tools/jq@0.0.11 jqts@0.0.8 jq-wasm@1.0.1
cat > t.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs'; import * as real from 'jq-wasm';
const require = createRequire(import.meta.url), tools = require('@jq-tools/jq'), jqts = require('jqts').default;
const data = { events: [{ id: 'e1', n: 10, time: 30 }, { id: 'e2', n: 9, time: 10 }, { id: 'e3', n: 100, time: 20 }], twice: [{ id: 1, n: 2 }, { id: 5, n: 6 }, { n: 2, id: 1 }], flags: [false, null, true] };
const libs = { 'jq-wasm': async (f) => [].concat(await real.json(data, `[${f}]`)), '@jq-tools/jq': (f) => [...tools.evaluate(tools.parse(f), [data])], jqts: (f) => jqts.compile(f).evaluate(data) };
console.log('node', process.version, ...Object.keys(libs).map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
let changed = false; // jq-wasm sets the exit code itself
const cases = [ // filter, what jq says, what @jq-tools/jq and jqts say where it is another thing
  ['.events | sort_by(.n) | map(.n)', [9, 10, 100], [10, 9, 100]], ['.events | sort_by(.time) | .[-1].id', 'e1', 'e3'], ['.events | sort_by(.time) | .[0].id', 'e2', 'e1'],
  ['.events | group_by(.n) | map(.[0].n)', [9, 10, 100]], ['.events | unique_by(.n) | map(.n)', [9, 10, 100]], ['.events | map(.n) | sort', [9, 10, 100]],
  ['.events | map(.n) | unique', [9, 10, 100], undefined, [10, 100, 9]], ['.events | map(select(.n > 9)) | map(.id)', ['e1', 'e3']],
  ['.twice[0] == .twice[2]', true, undefined, false], ['.twice[0] == .twice[0]', true], ['.twice | unique | length', 2, undefined, 3], ['.twice - [{"id": 1, "n": 2}] | length', 1, undefined, 3],
  ['.twice | index({"n": 6, "id": 5})', 1, undefined, null], ['.twice | unique_by(.id) | length', 2], ['.twice | group_by(.id) | map(length)', [2, 1]],
  ['[.flags[] | . // "none"]', ['none', 'none', true], undefined, [false, 'none', true]],
];
for (const [filter, right, ...others] of cases) {
  const said = [], wanted = { 'jq-wasm': right, '@jq-tools/jq': others[0] === undefined ? right : others[0], jqts: others[1] === undefined ? right : others[1] };
  for (const [lib, run] of Object.entries(libs)) {
    const now = JSON.stringify((await run(filter))[0]), expected = JSON.stringify(wanted[lib]);
    if (now !== JSON.stringify(right)) said.push(`${lib} ${now}`); if (now !== expected) { changed = true; said.push(`CHANGED: ${lib} ${now}, expected ${expected}`); }
  }
  console.log(`${filter}: ${JSON.stringify(right)}; ${said.join('; ') || 'all three'}`);
}
process.exit(changed ? 1 : 0);
E2
timeout 60 node t.mjs
