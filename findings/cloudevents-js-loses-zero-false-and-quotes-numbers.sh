#!/usr/bin/env bash
# Expected: `data` of a CloudEvent may be any JSON value; an SDK reads 0, false, "" and 42 as what they are, and JSON may begin with a blank.
# Happens: npm cloudevents 10.0.0 drops `data` that is 0, false or "" (the event has no data afterwards); in binary mode it reads the bodies 42, true
#   and null as the strings "42", "true", "null"; and it refuses JSON that begins with a space or a newline, in both modes.
# Means: counters at zero and flags that went off never arrive; a body that a person or a template wrote with a leading newline is a syntax error.
#   Wrap scalars in an object and send JSON without leading blanks to anything that reads with this SDK.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0
cat > t.js <<'E'
const assert = require('assert');
const { HTTP } = require('cloudevents');
console.log('node', process.version, 'cloudevents', require('cloudevents/package.json').version);
const attempt = (headers, body) => { try { return HTTP.toEvent({ headers, body }).data; } catch (e) { return e; } };
const structured = (body) => attempt({ 'content-type': 'application/cloudevents+json' }, body);
const envelope = (data) => JSON.stringify({ specversion: '1.0', id: '1', source: '/s', type: 't', data });
const binary = (body) => attempt({ 'content-type': 'application/json', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't', 'ce-specversion': '1.0' }, body);
for (const d of [0, false, '', 42, true]) console.log('structured, data', JSON.stringify(d), '->', structured(envelope(d)));
for (const b of ['42', 'true', 'null', '{"a":1}', ' {"a":1}', '\n{"a":1}']) {
  const d = binary(b); console.log('binary, body', JSON.stringify(b), '->', d instanceof Error ? `${d.name}: ${d.message}` : d);
}
console.log('structured, after a newline ->', String(structured('\n' + envelope({}))));
for (const d of [0, false, '']) assert.strictEqual(structured(envelope(d)), undefined);
assert.strictEqual(structured(envelope(42)), 42);
for (const b of ['42', 'true', 'null']) assert.strictEqual(binary(b), b);
assert(binary(' {"a":1}') instanceof SyntaxError);
assert(structured('\n' + envelope({})) instanceof SyntaxError);
E
timeout 60 node t.js
