#!/usr/bin/env bash
# Expected: media types are compared without regard to case, and parameters do not matter for JSON: data of a binary event is an object for all of them.
# Happens: npm cloudevents 10.0.0 knows four spellings. In binary mode `application/json;charset=utf-8` (no blank), `charset=UTF-8`, `Application/JSON` and
#   any `+json` leave `data` a string, silently; in structured mode `application/cloudevents+json; charset=UTF-8` is refused as "invalid content type".
# Means: a proxy, a framework's update or another sender that changes one blank turns event.data.id into undefined. Senders write bare
#   `application/json` and `application/cloudevents+json`; readers parse event.data themselves if it is a string.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0
cat > t.js <<'E'
const assert = require('assert'), { HTTP } = require('cloudevents');
console.log('node', process.version, 'cloudevents', require('cloudevents/package.json').version);
const attempt = (headers, body) => { try { return typeof HTTP.toEvent({ headers, body }).data; } catch (e) { return e.message; } };
const attributes = { 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't', 'ce-specversion': '1.0' };
const envelope = JSON.stringify({ specversion: '1.0', id: '1', source: '/s', type: 't', data: { id: 7 } });
const binary = { 'application/json': 'object', 'application/json; charset=utf-8': 'object', 'application/json;charset=utf-8': 'string',
  'application/json; charset=UTF-8': 'string', 'Application/JSON': 'string', 'application/vnd.order+json': 'string' };
const structured = { 'application/cloudevents+json': 'object', 'application/cloudevents+json; charset=utf-8': 'object',
  'application/cloudevents+json; charset=UTF-8': 'invalid content type application/cloudevents+json; charset=UTF-8',
  'application/cloudevents+json;charset=utf-8': 'invalid content type application/cloudevents+json;charset=utf-8' };
for (const [type, wanted] of Object.entries(binary)) { const got = attempt({ ...attributes, 'content-type': type }, '{"id":7}'); console.log('binary    ', type.padEnd(46), got); assert.strictEqual(got, wanted); }
for (const [type, wanted] of Object.entries(structured)) { const got = attempt({ 'content-type': type }, envelope); console.log('structured', type.padEnd(46), got); assert.strictEqual(got, wanted); }
E
timeout 60 node t.js
