#!/usr/bin/env bash
# Expected: a string given to axios.post as the body goes out as it is, so a signature over that string fits what arrives.
# Happens: axios 1.21.1 with content-type application/json trims blanks and newlines at both ends of a JSON string, turns an empty string into two
#   quotes ("") and puts quotes around what is not JSON. With application/cloudevents+json, or a Buffer, it sends the bytes as they are.
# Means: a sender that signs the text of a file (which ends with a newline) is refused everywhere; sign and send Buffer.from(text). The one refused
#   sender among many that signs rightly is worth a look at its last byte.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts axios@1.21.1 standardwebhooks@1.1.1
cat > t.js <<'E'
const assert = require('assert'), http = require('http'), axios = require('axios'), { Webhook } = require('standardwebhooks');
console.log('node', process.version, 'axios', axios.VERSION, 'standardwebhooks', require('standardwebhooks/package.json').version);
const webhook = new Webhook('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
const server = http.createServer(async (req, res) => {
  const parts = []; for await (const part of req) parts.push(part);
  const body = Buffer.concat(parts); let verified = true;
  try { webhook.verify(body, req.headers, { jsonParse: false }); } catch { verified = false; }
  res.end(JSON.stringify({ body: body.toString(), verified }));
}).listen(0, '127.0.0.1', async () => {
  const send = async (text, type, body = text) => {
    const now = new Date(), headers = { 'content-type': type, 'webhook-id': 'm', 'webhook-timestamp': String(Math.floor(now / 1000)), 'webhook-signature': webhook.sign('m', now, text) };
    const { data } = await axios.post(`http://127.0.0.1:${server.address().port}/`, body, { headers, responseType: 'json' });
    console.log(type.padEnd(28), body === text ? 'string' : 'Buffer', JSON.stringify(text).padEnd(14), '-> arrived', JSON.stringify(data.body).padEnd(14), data.verified ? 'verified' : 'REFUSED');
    return data;
  };
  const json = 'application/json', line = '{"a":1}\n';
  assert.deepStrictEqual(await send('{"a":1}', json), { body: '{"a":1}', verified: true });
  assert.deepStrictEqual(await send(line, json), { body: '{"a":1}', verified: false });
  assert.deepStrictEqual(await send('', json), { body: '""', verified: false });
  assert.deepStrictEqual(await send('hello', json), { body: '"hello"', verified: false });
  assert.deepStrictEqual(await send(line, 'application/cloudevents+json'), { body: line, verified: true });
  assert.deepStrictEqual(await send(line, json, Buffer.from(line)), { body: line, verified: true });
  server.close(); server.closeAllConnections();
});
E
timeout 60 node t.js
