#!/usr/bin/env bash
# Expected: "Expect: 100-continue" is a question to the next server on the way: a proxy answers it, or hands it on, and the body arrives as without it. curl
#   asks by itself for bodies over 1 MiB, and so do other clients (PHP's Guzzle for large bodies, .NET Framework for every POST).
# Happens: three proxies of Node.js let Node.js answer 100 and then hand the header to a client that refuses it: @fastify/http-proxy 11.6.3 and hono 4.13.19's
#   proxy() (undici: "expect header not supported") and express-http-proxy 2.1.2 (headers already sent). Each such POST is a 500, and the receiver has
#   nothing, or a head without a body; curl with 1,048,576 bytes gets 200, with one byte more 500. http-proxy-middleware 4.2.2, koa-better-http-proxy 0.2.10
#   and h3 1.15.11 pass both on.
# Means: a relay that is well for years fails for the first large event only, for ever, with a 500 that does not say why; the limit looks like one for
#   sizes and is none. Delete the header in the proxy (rewriteRequestHeaders, proxyReqOptDecorator, headers), and try one event of 2 MiB with curl.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; command -v curl >/dev/null || { echo "needs curl"; exit 2; }
curl --version | head -1 | cut -d' ' -f1,2; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts fastify@5.12.8 @fastify/http-proxy@11.6.3 hono@4.13.19 @hono/node-server@2.1.9 express@5.3.0 \
  express-http-proxy@2.1.2 http-proxy-middleware@4.2.2 koa@3.3.0 koa-better-http-proxy@0.2.10 h3@1.15.11
cat > t.mjs <<'E'
import fs from 'node:fs'; import http from 'node:http'; import { execFile } from 'node:child_process'; import { createRequire } from 'node:module';
import { Hono } from 'hono'; import { proxy } from 'hono/proxy'; import { serve } from '@hono/node-server';
import { createProxyMiddleware } from 'http-proxy-middleware'; import { createApp, eventHandler, proxyRequest, toNodeListener } from 'h3';
const require = createRequire(import.meta.url), express = require('express'), Koa = require('koa');
const names = ['fastify', '@fastify/http-proxy', 'hono', '@hono/node-server', 'express', 'express-http-proxy', 'http-proxy-middleware',
  'koa-better-http-proxy', 'h3'];
console.log('node', process.version, ...names.map((name) => name + ' ' + JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version));
const listening = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`)));
let arrived = 0;
const receiver = await listening(http.createServer(async (req, res) => {
  try { for await (const part of req) arrived += part.length; res.end('taken'); } catch { /* the proxy broke off */ }
}));
const behind = (handler) => { const app = express(); app.use(handler); return listening(http.createServer(app)); };
const fastify = require('fastify')(); await fastify.register(require('@fastify/http-proxy'), { upstream: receiver });
const hono = new Hono(); hono.all('*', (c) => proxy(receiver, c.req));
const koa = new Koa(), { hostname, port } = new URL(receiver); koa.use(require('koa-better-http-proxy')(hostname, { port, limit: '8mb' }));
const h3 = createApp(); h3.use(eventHandler((event) => proxyRequest(event, receiver)));
const fixed = require('fastify')();
const rewriteRequestHeaders = (req, { expect, ...headers }) => headers;
await fixed.register(require('@fastify/http-proxy'), { upstream: receiver, replyOptions: { rewriteRequestHeaders } });
const inHono = new Promise((done) => serve({ fetch: hono.fetch, port: 0, hostname: '127.0.0.1' }, (info) => done(`http://127.0.0.1:${info.port}`)));
const urls = {
  'no proxy': [receiver, 200], '@fastify/http-proxy': [await fastify.listen({ port: 0, host: '127.0.0.1' }), 500], "hono's proxy()": [await inHono, 500],
  'express-http-proxy, limit 8mb': [await behind(require('express-http-proxy')(receiver, { limit: '8mb' })), 500],
  'http-proxy-middleware': [await behind(createProxyMiddleware({ target: receiver })), 200],
  'koa-better-http-proxy': [await listening(http.createServer(koa.callback())), 200],
  h3: [await listening(http.createServer(toNodeListener(h3))), 200],
  '@fastify/http-proxy, header deleted': [await fixed.listen({ port: 0, host: '127.0.0.1' }), 200],
};
fs.writeFileSync('at', Buffer.alloc(1048576, 'x')); fs.writeFileSync('over', Buffer.alloc(1048577, 'x'));
const curl = (url, ...options) => new Promise((done) => {
  arrived = 0;
  const all = ['-s', '-o', 'answer', '-w', '%{http_code}', '-m', '20', '-H', 'content-type: application/octet-stream', ...options, url];
  execFile('curl', all, (error, out) => done(+out));
});
let failed = 0;
for (const [name, [url, wanted]] of Object.entries(urls)) {
  const at = [await curl(url, '--data-binary', '@at'), arrived], over = [await curl(url, '--data-binary', '@over'), arrived];
  const asked = [await curl(url, '-H', 'Expect: 100-continue', '-d', '{}'), arrived];
  console.log(name.padEnd(36), '1,048,576 bytes:', at[0], ' 1,048,577 bytes:', over[0], ' 2 bytes with Expect:', asked[0], ' the receiver read:',
    at[1], over[1], asked[1]);
  const read = wanted === 200 ? [1048577, 2] : [0, 0];
  if (String([at, over, asked]) !== String([[200, 1048576], [wanted, read[0]], [wanted, read[1]]])) { failed = 1; console.log('   changed: expected', wanted); }
}
process.exit(failed);
E
NODE_ENV=production timeout 90 node t.mjs 2>errors
