#!/usr/bin/env bash
# Expected: `await request.text()` is the body for a signature check, as the examples of Standard Webhooks and many providers have it.
# Happens: text() of the fetch standard (Node.js 20, Deno 2.9.8) takes a leading UTF-8 byte order mark away, and so does express.text() 5.3.0. A text/csv
#   body with that mark (many spreadsheets want it) is a right one, its signature is right, and verification fails.
# Means: verify over bytes (arrayBuffer(), express.raw()), never over text; where some bodies of one sender are refused, look at their first three bytes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts standardwebhooks@1.1.1 express@5.3.0
python3 -m venv v; v/bin/pip -q install --disable-pip-version-check deno==2.9.8
cat > t.js <<'E'
const assert = require('assert'), express = require('express'), { Webhook } = require('standardwebhooks');
const { createHmac } = require('crypto'), secret = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const body = Buffer.from('\ufeffid;name\n1;x\n'), now = String(Math.floor(Date.now() / 1000));
const mac = createHmac('sha256', Buffer.from(secret, 'base64')).update(`m.${now}.`).update(body).digest('base64');
const headers = { 'content-type': 'text/csv; charset=utf-8', 'webhook-id': 'm', 'webhook-timestamp': now, 'webhook-signature': `v1,${mac}` };
// jsonParse false asks for the signature alone.
const check = (seen) => { try { new Webhook(secret).verify(seen, headers, { jsonParse: false }); return 'verified'; } catch (e) { return e.message; } };
const results = {}; const note = (name, seen) => { results[name] = check(seen); console.log(name.padEnd(24), seen.length, 'long ->', results[name]); };
const listen = (app) => new Promise((done) => { const s = app.listen(0, '127.0.0.1', () => done(s)); });
const post = async (app) => { const s = await listen(app); await fetch(`http://127.0.0.1:${s.address().port}/`, { method: 'POST', headers, body }); s.close(); s.closeAllConnections(); };
(async () => {
  console.log('node', process.version, 'express', require('express/package.json').version);
  const request = () => new Request('http://127.0.0.1/', { method: 'POST', body });
  note('request.text()', await request().text());
  note('request.arrayBuffer()', Buffer.from(await request().arrayBuffer()));
  for (const [name, parser] of [['express.text()', express.text({ type: '*/*' })], ['express.raw()', express.raw({ type: '*/*' })]]) {
    const app = express(); app.use(parser); app.post('/', (req, res) => { note(name, req.body); res.end(); }); await post(app);
  }
  assert.deepStrictEqual(results, { 'request.text()': 'No matching signature found', 'request.arrayBuffer()': 'verified',
    'express.text()': 'No matching signature found', 'express.raw()': 'verified' });
})();
E
timeout 60 node t.js
cat > d.js <<'E'
const r = () => new Request('http://127.0.0.1/', { method: 'POST', body: new Uint8Array([0xef, 0xbb, 0xbf, 0x69, 0x64]) });
const text = await r().text(), bytes = await r().bytes();
console.log('deno', Deno.version.deno, 'text():', JSON.stringify(text), 'bytes():', bytes.length);
if (text !== 'id' || bytes.length !== 5) Deno.exit(1);
E
DENO_DIR="$dir/deno" DENO_NO_UPDATE_CHECK=1 timeout 60 v/bin/deno run --quiet d.js
