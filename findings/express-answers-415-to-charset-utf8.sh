#!/usr/bin/env bash
# Expected: express.json() reads JSON that says `charset=utf8`, as its own text() and raw(), Fastify and Koa do; a charset means nothing for JSON.
# Happens: express 5.3.0 and 4.21.2 want the name to begin with "utf-": `charset=utf8` (and us-ascii, a part of UTF-8) get 415 "unsupported charset", and
#   since RFC 8259 knows no charset parameter, no sender feels at fault. `utf-8` passes.
# Means: a sender writes `charset=utf-8` with its hyphen or no charset at all; a 415 that began when the receiver moved to Express is this.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts express5@npm:express@5.3.0 express4@npm:express@4.21.2 fastify@5.12.8 koa@3.3.0 @koa/bodyparser@6.1.0
cat > t.js <<'E'
const assert = require('assert'), Fastify = require('fastify'), Koa = require('koa'), { bodyParser } = require('@koa/bodyparser');
const types = ['application/json', 'application/json; charset=utf-8', 'application/json; charset=utf8', 'application/json; charset=us-ascii'];
const ask = async (port) => Promise.all(types.map(async (t) => (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers: { 'content-type': t }, body: '{"a":1}' })).status));
const show = (name, statuses) => console.log(name.padEnd(16), types.map((t, i) => `${t.slice(16) || '(none)'}: ${statuses[i]}`).join(' | '));
const run = async (name, server) => { const s = await ask(server.address().port); show(name, s); server.close(); server.closeAllConnections(); return s; };
const up = (app) => new Promise((done) => { const s = app.listen(0, '127.0.0.1', () => done(s)); });
(async () => {
  console.log('node', process.version);
  for (const module of ['express4', 'express5']) {
    const express = require(module), name = 'express ' + require(module + '/package.json').version;
    const make = (parser) => { const app = express(); app.use(parser); app.post('/', (req, res) => res.end()); app.use((e, req, res, next) => res.status(e.status).end()); return up(app); };
    assert.deepStrictEqual(await run(name + ' json', await make(express.json())), [200, 200, 415, 415]);
    assert.deepStrictEqual(await run(name + ' text', await make(express.text({ type: '*/*' }))), [200, 200, 200, 200]);
  }
  const fastify = Fastify(); fastify.post('/', async () => ''); await fastify.listen({ port: 0, host: '127.0.0.1' });
  const f = await ask(fastify.server.address().port); show('fastify ' + fastify.version, f); await fastify.close();
  const koa = new Koa(); koa.use(bodyParser()); koa.use((ctx) => { ctx.body = 'ok'; });
  const k = await run('koa', await up(koa));
  assert.deepStrictEqual(f, [200, 200, 200, 200]); assert.deepStrictEqual(k, [200, 200, 200, 200]);
})();
E
timeout 60 node t.js
