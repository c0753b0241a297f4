#!/usr/bin/env bash
# Expected: a proxy whose readme says how to pass on a body that a body parser has read already (fixRequestBody of http-proxy-middleware, "to fix proxied POST
#   requests"; the koa and express proxies take the parsed body by themselves) sends the same fields, or fails for what it cannot write.
# Happens: a form such as type=subscribe&data[id]=8a25&data[merges][FNAME]=Ann (mailing lists and shops send webhooks so), read by express.urlencoded({
#   extended: true }), leaves http-proxy-middleware 3.0.11 and 4.2.2 as type=subscribe&data= and express-http-proxy 2.1.2 as data=[object Object]; the latter
#   makes ids=1&ids=2 to ids=1,2. From koa-better-http-proxy 0.2.10 behind koa-bodyparser 4.4.1 every form is JSON under the form's content-type.
#   multipart/form-data behind multer 2.5.0 loses its file in http-proxy-middleware, and is JSON under that type and boundary in express-http-proxy. The
#   answers are 200; flat forms and JSON pass, so the usual test is right.
# Means: the service behind stores events without data, and the sender is done with them. Mount the proxy before any body parser, for the paths that it
#   proxies, or proxy with the raw body (express.raw({ type: '*/*' }) and express-http-proxy, shown at the end).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps express@5.3.0 http-proxy-middleware@3.0.11 \
  hpm4@npm:http-proxy-middleware@4.2.2 express-http-proxy@2.1.2 koa@3.2.1 koa-better-http-proxy@0.2.10 koa-bodyparser@4.4.1 multer@2.5.0
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import http from 'node:http';
import express from 'express'; import multer from 'multer'; import Koa from 'koa'; import koaBody from 'koa-bodyparser';
import koaProxy from 'koa-better-http-proxy'; import expressProxy from 'express-http-proxy';
import * as hpm3 from 'http-proxy-middleware'; import * as hpm4 from 'hpm4';
const version = (n) => { const p = JSON.parse(fs.readFileSync(`node_modules/${n}/package.json`)); return `${p.name} ${p.version}`; };
console.log('node', process.version, ['http-proxy-middleware', 'hpm4', 'express-http-proxy', 'koa-better-http-proxy', 'express', 'koa-bodyparser',
  'multer'].map(version).join(', '));
const started = (app) => new Promise((done) => { const server = app.listen(0, '127.0.0.1', () => done(server)); });
const receiver = await started(http.createServer(async (q, r) => { const parts = []; for await (const part of q) parts.push(part);
  r.end(`${q.headers['content-type'].split(';')[0]} ${Buffer.concat(parts)}`); }));
const target = `http://127.0.0.1:${receiver.address().port}`, servers = [receiver], type = 'application/x-www-form-urlencoded';
const post = async (server, body) => {
  const got = await fetch(`http://127.0.0.1:${server.address().port}/`, { method: 'POST', body,
    headers: typeof body === 'string' ? { 'content-type': body[0] === '{' ? 'application/json' : type } : {} });
  assert.strictEqual(got.status, 200); return (await got.text()).replace(/-+formdata\S+/g, '--').replace(/\r\n/g, ' ').trim();
};
const upload = () => { const form = new FormData(); form.append('note', 'x'); form.append('file', new Blob(['hello']), 'a.txt'); return form; };
const forms = ['type=subscribe&data[id]=8a25&data[merges][FNAME]=Ann', 'ids=1&ids=2', 'type=ping&id=7',
  '{"data":{"id":"8a25"}}'].map((f) => f.replace(/[[\]]/g, encodeURIComponent));
const json = 'application/json {"data":{"id":"8a25"}}';
const check = async (name, app, ...wanted) => {
  const server = await started(app); servers.push(server); console.log(name);
  for (const [n, body] of [...forms, upload()].slice(0, wanted.length).entries()) {
    const got = await post(server, body); console.log('   ', (typeof body === 'string' ? decodeURIComponent(body) : 'note=x and a file').padEnd(54), '->',
      decodeURIComponent(got)); assert.strictEqual(decodeURIComponent(got), wanted[n]);
  }
};
const parsed = (proxy) => { const app = express(); app.use(express.urlencoded({ extended: true }), express.json(), multer().any(), proxy); return app; };
for (const [name, { createProxyMiddleware, fixRequestBody }, end] of [['http-proxy-middleware 3', hpm3, ''], ['http-proxy-middleware 4', hpm4, ' --']]) {
  await check(name + ', fixRequestBody', parsed(createProxyMiddleware({ target, on: { proxyReq: fixRequestBody } })), `${type} type=subscribe&data=`,
    `${type} ids=1&ids=2`, `${type} type=ping&id=7`, json,
    'multipart/form-data -- Content-Disposition: form-data; name="note"  x' + end);
}
await check('express-http-proxy', parsed(expressProxy(target)), `${type} type=subscribe&data=[object Object]`, `${type} ids=1,2`, `${type} type=ping&id=7`,
  json, 'multipart/form-data {"note":"x"}');
const koa = new Koa(); koa.use(koaBody()); koa.use(koaProxy(target));
await check('koa-better-http-proxy', koa, `${type} {"type":"subscribe","data":{"id":"8a25","merges":{"FNAME":"Ann"}}}`, `${type} {"ids":["1","2"]}`,
  `${type} {"type":"ping","id":"7"}`, json);
const whole = [...forms.slice(0, 3).map((f) => `${type} ${decodeURIComponent(f)}`), json,
  'multipart/form-data -- Content-Disposition: form-data; name="note"  x -- Content-Disposition: form-data; name="file"; filename="a.txt" Content-Type: application/octet-stream  hello --'];
const before = express(); before.use(hpm3.createProxyMiddleware({ target })); await check('http-proxy-middleware without a parser', before, ...whole);
const raw = express(); raw.use(express.raw({ type: '*/*' }), expressProxy(target)); await check('express-http-proxy with express.raw()', raw, ...whole);
for (const server of servers) { server.close(); server.closeAllConnections(); }
E
timeout 60 node t.mjs
