#!/usr/bin/env bash
# Expected: the change from one state of an order to the next, kept instead of the states (an audit trail, an undo, an update over the wire), gives the next
#   state when it is applied to the first, and the first when it is taken back.
# Happens: json-diff-ts 4.10.4: revertChangeset() after two lines were added to a list leaves one of them, which is what the
#   example in its readme comes to as well. By atomizeChangeset() and unatomizeChangeset(), which are there to keep single changes and go back, two lines
#   taken out leave one. generate-json-patch 1.2.9 with objectHash (lines told apart by their own id) makes patches after which fast-json-patch has the lines
#   in an order that neither state had: 81 of 2,000 here. just-diff 6.0.2 does not escape "/" with jsonPatchPathConverter: the change of a
#   field "text/html" is refused by fast-json-patch, and where there is an object "a", a new "a/b" goes into that. Otherwise no error.
#   deep-diff 1.0.2, jsondiffpatch 0.7.7, fast-json-patch 3.1.1 and rfc6902 5.3.0 are right.
# Means: one line added or taken out, as in a test, is right; with two the history tells of an order that never was, and nothing throws. Keep the states, or
#   take one of these four, and check before storing that the change leads from the one to the other. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts json-diff-ts@4.10.4 deep-diff@1.0.2 generate-json-patch@1.2.9 just-diff@6.0.2 jsondiffpatch@0.7.7 fast-json-patch@3.1.1 rfc6902@5.3.0
cat > t.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs'; import { isDeepStrictEqual } from 'node:util'; import { create } from 'jsondiffpatch'; import * as rfc from 'rfc6902';
const require = createRequire(import.meta.url), ts = require('json-diff-ts'), deep = require('deep-diff'), { generateJSONPatch } = require('generate-json-patch'), { diff, jsonPatchPathConverter } = require('just-diff');
const fast = require('fast-json-patch'), jdp = create({}), copy = structuredClone, text = JSON.stringify, stored = (x) => JSON.parse(text(x));
const names = ['json-diff-ts', 'deep-diff', 'generate-json-patch', 'just-diff', 'jsondiffpatch', 'fast-json-patch', 'rfc6902'];
console.log('node', process.version, ...names.map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const applied = {
  'json-diff-ts': (a, b) => ts.applyChangeset(copy(a), stored(ts.diff(a, b))),
  'json-diff-ts atomized': (a, b) => ts.applyChangeset(copy(a), ts.unatomizeChangeset(stored(ts.atomizeChangeset(ts.diff(a, b))))),
  'deep-diff': (a, b) => { const c = copy(a); stored(deep.diff(a, b)).forEach((x) => deep.applyChange(c, true, x)); return c; },
  jsondiffpatch: (a, b) => jdp.patch(copy(a), stored(jdp.diff(a, b))), 'fast-json-patch': (a, b) => fast.applyPatch(copy(a), fast.compare(a, b)).newDocument,
  rfc6902: (a, b) => { const c = copy(a); rfc.applyPatch(c, rfc.createPatch(a, b)); return c; },
  'just-diff': (a, b) => { try { return fast.applyPatch(copy(a), diff(a, b, jsonPatchPathConverter)).newDocument; } catch { return 'throws'; } },
};
const reverted = {
  'json-diff-ts': (a, b) => ts.revertChangeset(copy(b), stored(ts.diff(a, b))),
  'deep-diff': (a, b) => { const c = copy(b); deep.diff(a, b).forEach((x) => deep.revertChange(c, true, x)); return c; },
  jsondiffpatch: (a, b) => jdp.unpatch(copy(b), stored(jdp.diff(a, b))),
};
const lines = (...skus) => ({ id: 'o_1', lines: skus.map((sku) => ({ sku, n: 1 })) }), tags = (...list) => ({ tags: list });
const check = (what, how, a, b, wanted, wrong) => {
  const said = [];
  for (const [name, f] of Object.entries(how)) {
    const now = text(f(a, b)); if (now !== text(wanted)) said.push(`${name}: ${now}`);
    if (now !== text(wrong[name] ?? wanted)) { process.exitCode = 1; said.push(`CHANGED: expected ${text(wrong[name] ?? wanted)}`); }
  }
  console.log(`${what} ${text(a)} -> ${text(b)}: ${said.join(', ') || 'all right'}`);
};
const T = 'json-diff-ts', A = 'json-diff-ts atomized', J = 'just-diff';
check('taken back', reverted, lines('A'), lines('A', 'B'), lines('A'), {});
check('taken back', reverted, lines('A'), lines('A', 'B', 'C'), lines('A'), { [T]: lines('A', 'C') });
check('taken back', reverted, { status: 'new', tags: ['a', 'b'] }, { status: 'paid', tags: ['a', 'b', 'c', 'd'] }, { status: 'new', tags: ['a', 'b'] }, { [T]: { status: 'new', tags: ['a', 'b', 'd'] } });
check('applied', applied, lines('A', 'B'), lines('A'), lines('A'), {});
check('applied', applied, lines('A', 'B', 'C'), lines('A'), lines('A'), { [A]: lines('A', 'C') });
check('applied', applied, tags('paid', 'new'), tags(), tags(), { [A]: tags('new') });
check('applied', applied, { meta: { 'text/html': 1 } }, { meta: { 'text/html': 2 } }, { meta: { 'text/html': 2 } }, { [J]: 'throws' });
check('applied', applied, { meta: { a: {} } }, { meta: { a: {}, 'a/b': 1 } }, { meta: { a: {}, 'a/b': 1 } }, { [J]: { meta: { a: { b: 1 } } } });
let seed = 7; const chance = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648; let bad = 0, example, plain = 0;
const some = () => ({ lines: ['A', 'B', 'C', 'D', 'E'].filter(() => chance() < 0.6).map((sku) => [chance(), sku]).sort().map(([, sku]) => ({ sku })) });
for (let i = 0; i < 2000; i++) {
  const a = some(), b = some(), now = fast.applyPatch(copy(a), generateJSONPatch(a, b, { objectHash: (line) => line.sku })).newDocument;
  if (!isDeepStrictEqual(now, b)) { bad++; const flat = (x) => x.lines.map((l) => l.sku).join(''); const say = `${flat(a)} -> ${flat(b)}: ${flat(now)}`; if (!example || say.length < example.length) example = say; }
  if (!isDeepStrictEqual(fast.applyPatch(copy(a), generateJSONPatch(a, b)).newDocument, b)) plain++;
}
console.log(`generate-json-patch, 2,000 orders of up to five lines: wrong with objectHash ${bad}, without it ${plain}; such as ${example}`);
if (bad !== 81 || plain !== 0) { process.exitCode = 1; console.log('   CHANGED'); }
E2
timeout 60 node t.mjs
