#!/usr/bin/env bash
# Expected: CE_USE_BIG_INT=true, which the README of npm's cloudevents offers for large integers, changes how that library reads events.
# Happens: at the first event read, cloudevents 10.0.0 assigns json-bigint to the JSON of the whole process: from then on JSON.parse of any other
#   module refuses an ordinary decimal of 16 digits ("Cannot convert 52.520006599999997 to a BigInt") and valid 1E400 ("Bad number"), returns
#   objects without a prototype, and JSON.stringify writes bare integers of any length.
# Means: a receiver that sets the variable to keep a 64-bit id starts to fail on latitudes and prices, in code that never saw a CloudEvent.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0
cat > t.js <<'E'
const assert = require('assert');
const { HTTP } = require('cloudevents');
console.log('node', process.version, 'cloudevents', require('cloudevents/package.json').version);
const attempt = (text) => { try { return JSON.parse(text); } catch (e) { return `${e.name || 'error'}: ${e.message}`; } };
const texts = ['{"lat":52.520006599999997}', '1E400', '12345678901234567890'];
const own = JSON, before = texts.map(attempt);
HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json' },
  body: '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":12345678901234567890}}' });
const after = texts.map(attempt);
texts.forEach((t, i) => console.log(t.padEnd(28), '| before:', before[i], '| after one event:', after[i]));
console.log('JSON is still the same object:', own === JSON, '| prototype of JSON.parse("{}"):', Object.getPrototypeOf(JSON.parse('{}')));
assert.notStrictEqual(own, JSON);
assert.strictEqual(before[0].lat, 52.520006599999997);
assert.match(String(after[0]), /Cannot convert 52.520006599999997 to a BigInt/);
assert.match(String(after[1]), /Bad number/);
assert.strictEqual(after[2], 12345678901234567890n);
assert.strictEqual(Object.getPrototypeOf(JSON.parse('{}')), null);
E
CE_USE_BIG_INT=true timeout 60 node t.js
