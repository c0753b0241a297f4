#!/usr/bin/env bash
# Expected: an event with `data_base64`, read with HTTP.toEvent and sent on with HTTP.binary (both of npm's cloudevents), arrives with the same bytes.
# Happens: cloudevents 10.0.0 keeps the bytes as a Uint32Array, one element a byte; fetch posts the memory of that array, so that three zero bytes
#   follow each byte: 5 bytes arrive as 20. `data_base64` of the same event object is right.
# Means: a relay in JavaScript between structured and binary mode breaks every picture, archive or protobuf message, with nothing said;
#   send Buffer.from(event.data_base64, 'base64') instead of the body that the SDK made.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts cloudevents@10.0.0
cat > t.js <<'E'
const assert = require('assert'), http = require('http');
const { HTTP } = require('cloudevents');
console.log('node', process.version, 'cloudevents', require('cloudevents/package.json').version);
const server = http.createServer(async (req, res) => {
  const parts = []; for await (const part of req) parts.push(part);
  res.end(Buffer.concat(parts).toString('hex'));
}).listen(0, '127.0.0.1', async () => {
  const event = HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json' }, body: JSON.stringify({ specversion: '1.0', id: '1',
    source: '/s', type: 't', datacontenttype: 'application/octet-stream', data_base64: Buffer.from('hello').toString('base64') }) });
  const { headers, body } = HTTP.binary(event);
  const url = `http://127.0.0.1:${server.address().port}/`;
  const arrived = await (await fetch(url, { method: 'POST', headers, body })).text();
  console.log('sent in  :', Buffer.from('hello').toString('hex'), '|', body.constructor.name, '| data_base64:', event.data_base64);
  console.log('arrived  :', arrived);
  assert.strictEqual(arrived, '68000000650000006c0000006c0000006f000000');
  assert.strictEqual(event.data_base64, 'aGVsbG8=');
  server.close(); server.closeAllConnections();
});
E
timeout 60 node t.js
