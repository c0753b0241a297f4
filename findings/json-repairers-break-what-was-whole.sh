#!/usr/bin/env bash
# Expected: a repairer of JSON (put before the parser for the answers of a language model, or for senders with a comma too many) leaves JSON that is right as it is:
#   there is nothing to repair, and each value is that of JSON.parse.
# Happens: jsonrepair 3.15.0 takes a bracket without its counterpart in the last text of a list or
#   object for JSON: ["see [1"] becomes ["see",["1"]], a smiley [":-["] becomes [":-",[""]]; {"code": "if (x) {"} throws, and so does a list of chat messages
#   of which one ends with an open brace. 3.14.0 was right about all of these. incomplete-json-parser 1.1.5 leaves the e out of a number in a list: [1e3] is
#   [13], [1e-7] is [17], [1.5e3] is [1.53]. json-loose 1.2.4 takes commas out of texts: "[1,2,]" is "[1,2]". really-relaxed-json 0.3.2, which
#   means to read all of JSON as it is, doubles each backslash: C:\x is C:\\x. partial-json 0.1.7 and best-effort-json-parser 1.5.1 are right.
# Means: a step that was added for the rare broken body changes some of the good ones, or refuses them, and an update is enough for it. Call JSON.parse first,
#   and the repairer in its catch only; verify the signature over the bytes before either. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts jsonrepair@3.15.0 before@npm:jsonrepair@3.14.0 incomplete-json-parser@1.1.5 json-loose@1.2.4 really-relaxed-json@0.3.2 \
  partial-json@0.1.7 best-effort-json-parser@1.5.1
cat > t.mjs <<'E2'
import { createRequire } from 'node:module'; import { readFileSync } from 'node:fs';
const require = createRequire(import.meta.url), { jsonrepair } = require('jsonrepair'), before = require('before').jsonrepair, { IncompleteJsonParser } = require('incomplete-json-parser');
const loose = require('json-loose'), relaxed = require('really-relaxed-json').createParser(), partial = await import('partial-json'), best = require('best-effort-json-parser');
const names = ['jsonrepair', 'before', 'incomplete-json-parser', 'json-loose', 'really-relaxed-json', 'partial-json', 'best-effort-json-parser'];
console.log('node', process.version, ...names.map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const readers = { 'jsonrepair 3.15.0': (t) => JSON.parse(jsonrepair(t)), 'jsonrepair 3.14.0': (t) => JSON.parse(before(t)), 'incomplete-json-parser': (t) => IncompleteJsonParser.parse(t),
  'json-loose': (t) => JSON.parse((loose.default ?? loose)(t)), 'really-relaxed-json': (t) => JSON.parse(relaxed.stringToJson(t)), 'partial-json': (t) => partial.parse(t), 'best-effort-json-parser': (t) => best.parse(t) };
const chat = JSON.stringify([{ role: 'user', content: 'go on: function f() {' }, { role: 'assistant', content: 'return 1 }' }]), windows = JSON.stringify({ path: 'C:\\x' });
const R = 'jsonrepair 3.15.0', I = 'incomplete-json-parser', L = 'json-loose', RR = 'really-relaxed-json';
const cases = [['["see [1"]', { [R]: '["see",["1"]]' }], ['[":-["]', { [R]: '[":-",[""]]' }], ['{"id":"m_1","tags":["new","ann [urgent"]}', { [R]: '{"id":"m_1","tags":["new","ann",["urgent"]]}' }],
  ['{"code":"if (x) {"}', { [R]: 'throws' }], [chat, { [R]: 'throws' }], ['{"id":"m_1","tags":["new","ann [urgent]"]}', {}], ['{"code":"if (x) {}"}', {}],
  ['{"n":[1e3]}', { [I]: '{"n":[13]}' }], ['[1e-7]', { [I]: '[17]' }], ['[1.5e3,2]', { [I]: '[1.53,2]' }], ['[1500,0.25,-12.75]', {}],
  ['{"query":"[1,2,]"}', { [L]: '{"query":"[1,2]"}' }], ['{"query":"[1,2]"}', {}], [windows, { [RR]: '{"path":"C:\\\\\\\\x"}' }], ['{"path":"C:/x","note":"say \\"hi\\""}', {}]];
for (const [text, wrong] of cases) {
  const right = JSON.stringify(JSON.parse(text)), said = [];
  for (const [name, read] of Object.entries(readers)) {
    let now; try { now = JSON.stringify(read(text)); } catch { now = 'throws'; }
    if (now !== right) said.push(`${name}: ${now}`);
    if (now !== (wrong[name] ?? right)) { process.exitCode = 1; said.push(`CHANGED: ${name}, expected ${wrong[name] ?? right}`); }
  }
  console.log(`${text}   ${said.join(', ') || 'all right'}`);
}
E2
timeout 60 node t.mjs
