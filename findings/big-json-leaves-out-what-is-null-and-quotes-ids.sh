#!/usr/bin/env bash
# Expected: big-json says that it is JSON.parse for big objects, by way of streams: the value is the one that JSON.parse gives.
# Happens: big-json 3.2.0 leaves out each field of the outermost object that is null (deeper ones stay), and a null at the end of the outermost list; ids
#   above 2^53 become strings, but negative ones are rounded to other ids as ever, and up to 2^53 they stay numbers; a body that is "text", 12, true or null
#   becomes {}. The JSONStream 1.3.5 below it drops each null that a path selects, so list and stream differ in length;
#   its readme has the strings, for numbers that cannot be represented, but neither the nulls nor the sign. @discoveryjs/json-ext 1.1.0 is right.
# Means: an update that says "cleared" ({"owner": null}) arrives as one that does not speak of it, just when a body was too big for JSON.parse; an id's type
#   depends on its size, so the same id is not equal to itself in two services. Use another streaming parser; compare it with JSON.parse on your own bodies.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts big-json@3.2.0 JSONStream@1.3.5 @discoveryjs/json-ext@1.1.0
cat > t.mjs <<'E'
import { createRequire } from 'module'; import { readFileSync } from 'fs'; import { Readable } from 'stream'; import { parseChunked } from '@discoveryjs/json-ext';
const require = createRequire(import.meta.url), big = require('big-json'), JSONStream = require('JSONStream');
console.log('node', process.version, ...['big-json', 'JSONStream', '@discoveryjs/json-ext'].map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const same = (what, seen, wanted) => { seen = JSON.stringify(seen); console.log(what.padEnd(72), seen); if (seen !== wanted) { process.exitCode = 1; console.log('   changed: expected', wanted); } };
const cases = [
  ['{"id":1,"owner":null}', '{"id":1}'], ['{"id":1,"data":{"owner":null}}'], ['{"owner":0,"name":"","paid":false,"tags":[]}'], ['[1,null,2]'], ['[1,null]', '[1]'], ['[null]', '[]'],
  ['{"id":9007199254740991}'], ['{"id":9007199254740993}', '{"id":"9007199254740993"}'], ['{"id":-9007199254740993}', '{"id":-9007199254740992}'], ['{"data":{"id":12345678901234567890}}', '{"data":{"id":"12345678901234567890"}}'],
  ['"text"', '{}'], ['12', '{}'], ['null', '{}'],
];
for (const [text, wanted] of cases) {
  same(`big-json        ${text}`, await big.parse({ body: text }), wanted ?? text); same(`json-ext        ${text}`, await parseChunked(Readable.from([Buffer.from(text)])), JSON.stringify(JSON.parse(text)));
}
const select = (path, text) => new Promise((done, fail) => { const values = []; JSONStream.parse(path).on('data', (v) => values.push(v)).on('end', () => done(values)).on('error', fail).end(text); });
const events = '{"events":[{"id":1,"owner":null},null,{"id":3,"owner":"a"},0,false,""]}';
same(`JSONStream events.*        ${events}`, await select('events.*', events), '[{"id":1,"owner":null},{"id":3,"owner":"a"},0,false,""]'); same(`JSONStream events.*.owner  ${events}`, await select('events.*.owner', events), '["a"]');
E
timeout 60 node t.mjs
