#!/usr/bin/env bash
# Expected: a multipart/form-data webhook (a mail as form fields, a report as JSON) with a field above the parser's limit is refused, or marked as cut: multer
#   2.5.0 says "Field value too long"; formidable 3.5.4, multiparty 4.3.1 and formData() of Node.js 20 take 1.5 MB whole.
# Happens: express-fileupload 1.5.2, express-busboy 10.1.0, koa-busboy 1.2.0, async-busboy 1.1.0 and @fastify/multipart 10.1.9 with attachFieldsToBody:
#   'keyValues' hand over the first 1,048,576 bytes of the field as its value, with 200 and no mark, log line or error. Nobody set a limit: it is busboy's
#   own. express-fileupload's limits: { fileSize } with abortOnLimit: true does not concern fields, and the readmes say of files that they may be cut, of
#   fields at most that a limit can be set. A text in JSON is broken then, but a mail's text or HTML just ends, and an attachment in base64 is a shorter one.
# Means: events of more than a mebibyte are stored short and answered 200, so that nobody sends them again. Set limits: { fieldSize } above the largest body
#   that the server takes at all, or use one of the four that refuse or keep; attachFieldsToBody: true of @fastify/multipart has valueTruncated in each part.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps express@5.3.0 express-fileupload@1.5.2 express-busboy@10.1.0 koa@3.2.1 \
  koa-busboy@1.2.0 async-busboy@1.1.0 fastify@5.12.8 @fastify/multipart@10.1.9 multer@2.5.0 formidable@3.5.4 multiparty@4.3.1 busboy@1.6.0
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import { createRequire } from 'node:module'; import { createHash } from 'node:crypto';
const require = createRequire(import.meta.url), express = require('express'), Koa = require('koa'), fastify = require('fastify'),
  formidable = require('formidable').default;
const version = (n) => `${n} ${JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)).version}`;
console.log('node', process.version, ['express-fileupload', 'express-busboy', 'koa-busboy', 'async-busboy', '@fastify/multipart', 'multer', 'formidable',
  'multiparty', 'busboy'].map(version).join(', '));
const text = 'a line of a mail\r\n'.repeat(85_000), hash = (s) => createHash('sha256').update(s).digest('hex').slice(0, 8);
const seen = (fields) => Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, [v].flat()[0]]).map(([k, v]) => [k, v.value ?? v]).map(([k, v]) => [k,
  `${v.length} ${hash(v)}${fields[k].valueTruncated ? ' marked' : ''}`]));
const whole = `${text.length} ${hash(text)}`, cut = `1048576 ${hash(text.slice(0, 1048576))}`; console.log('sent:', whole);
const check = async (name, server, status, wanted) => {
  const form = new FormData(); form.append('from', 'a@example.com'); form.append('text', text); form.append('to', 'b@example.com');
  const got = await fetch(`http://127.0.0.1:${server.address().port}/`, { method: 'POST', body: form }), body = await got.text();
  const fields = got.ok ? JSON.parse(body) : {}; console.log(name.padEnd(46), got.status,
    got.ok ? `${Object.keys(fields)}; text: ${fields.text}` : body.slice(0, 60));
  assert.strictEqual(got.status, status); assert.strictEqual(fields.text, wanted);
  if (got.ok) assert.deepStrictEqual(Object.keys(fields), ['from', 'text', 'to']);
  server.close(); server.closeAllConnections();
};
const started = (app) => new Promise((done) => { const server = app.listen(0, '127.0.0.1', () => done(server)); });
const withExpress = (prepare, handler = (q, r) => r.json(seen(q.body))) => { const app = express(); prepare(app); app.post('/', handler);
app.use((e, q, r, n) => r.status(400).send(e.message)); return started(app); };
const withKoa = (prepare) => { const app = new Koa(); prepare(app); app.use((c) => { c.body = JSON.stringify(seen(c.request.body)); }); return started(app); };
const withFastify = async (options) => { const app = fastify(); app.register(require('@fastify/multipart'), options); app.post('/', async (q) => seen(q.body));
await app.listen({ port: 0, host: '127.0.0.1' }); return app.server; };
const files = { limits: { fileSize: 50 * 2 ** 20 }, abortOnLimit: true };
await check('express-fileupload', await withExpress((app) => app.use(require('express-fileupload')(files))), 200, cut);
await check('express-busboy', await withExpress((app) => require('express-busboy').extend(app)), 200, cut);
await check('koa-busboy', await withKoa((app) => app.use(require('koa-busboy')())), 200, cut);
await check('async-busboy', await withExpress(() => {}, async (q, r) => r.json(seen((await require('async-busboy')(q)).fields))), 200, cut);
await check("@fastify/multipart, 'keyValues'", await withFastify({ attachFieldsToBody: 'keyValues' }), 200, cut);
await check('@fastify/multipart, true', await withFastify({ attachFieldsToBody: true }), 200, cut + ' marked');
await check('multer', await withExpress((app) => app.use(require('multer')().none())), 400, undefined);
await check('formidable', await withExpress(() => {}, async (q, r) => r.json(seen((await formidable().parse(q))[0]))), 200, whole);
await check('multiparty', await withExpress(() => {}, (q, r) => new (require('multiparty').Form)().parse(q, (e, fields) => r.json(seen(fields)))), 200, whole);
await check('formData() of Node.js', await withExpress(() => {},
  async (q, r) => r.json(seen(Object.fromEntries(await new Response(q, { headers: { 'content-type': q.headers['content-type'] } }).formData())))), 200, whole);
await check('express-fileupload, limits: { fieldSize }', await withExpress((app) => app.use(require('express-fileupload')({ limits: { fieldSize: 8 * 2 ** 20 } }))), 200, whole);
E
timeout 60 node t.mjs
