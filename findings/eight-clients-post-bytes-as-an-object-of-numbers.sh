#!/usr/bin/env bash
# Expected: bytes given to an HTTP client as the body (a Buffer, the Uint8Array of TextEncoder, an ArrayBuffer) go out as those bytes, whatever content-type is
#   named; so do axios, ky, ofetch, gaxios, node-fetch and undici (got 13 takes a Buffer, and throws for the other two).
# Happens: with content-type application/json, superagent 10.4.2, wretch 2.11.1, xior 0.8.5 and redaxios 0.5.1 stringify a Buffer: the receiver gets
#   {"type":"Buffer","data":[123,34,...]}. These four and needle 3.5.0, urllib 4.9.2, centra 2.7.0 and @hapi/wreck 18.1.2 send a Uint8Array as
#   {"0":123,"1":34,...} and an ArrayBuffer as {}. wretch names the type twice for such: "application/json, application/json". All of it is valid JSON.
# Means: a sender that signs bytes and posts the bytes it signed is refused; where nobody checks, its events are answered 200 and stored as numbers or as {}.
#   Give these clients text (Buffer.from(bytes).toString()), and try a client against a receiver that verifies before the first event. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts superagent@10.4.2 needle@3.5.0 urllib@4.9.2 centra@2.7.0 wretch@2.11.1 xior@0.8.5 \
  @hapi/wreck@18.1.2 redaxios@0.5.1 axios@1.21.1 got@13.0.0 ky@1.14.3 ofetch@1.5.1 gaxios@7.3.1 node-fetch@3.3.2 undici@7.30.2
cat > t.mjs <<'E'
import { createRequire } from 'module'; import http from 'http'; import { readFileSync } from 'fs';
import superagent from 'superagent'; import needle from 'needle'; import { request as urllib } from 'urllib'; import wretch from 'wretch'; import xior from 'xior'; import redaxios from 'redaxios';
import axios from 'axios'; import got from 'got'; import ky from 'ky'; import { ofetch } from 'ofetch'; import { Gaxios } from 'gaxios'; import fetch3 from 'node-fetch'; import { request as undici } from 'undici';
const require = createRequire(import.meta.url), centra = require('centra'), wreck = require('@hapi/wreck'); let seen;
const server = http.createServer(async (req, res) => {
  const parts = []; for await (const part of req) parts.push(part); seen = { body: Buffer.concat(parts).toString(), type: req.headers['content-type'] }; res.setHeader('content-type', 'application/json'); res.end('{}');
}).listen(0, '127.0.0.1'); await new Promise((f) => server.once('listening', f));
const url = `http://127.0.0.1:${server.address().port}/`, headers = () => ({ 'content-type': 'application/json' }), method = 'POST';
const clients = {
  superagent: (body) => superagent.post(url).set(headers()).send(body), needle: (body) => needle(method, url, body, { headers: headers() }), urllib: (data) => urllib(url, { method, data, headers: headers() }),
  centra: (body) => centra(url, method).header(headers()).body(body).send(), wretch: (body) => wretch(url).headers(headers()).post(body).json(), xior: (body) => xior.create().post(url, body, { headers: headers() }),
  '@hapi/wreck': (payload) => wreck.post(url, { payload, headers: headers() }), redaxios: (body) => redaxios.post(url, body, { headers: headers() }),
  axios: (body) => axios.post(url, body, { headers: headers() }), got: (body) => got.post(url, { body, headers: headers() }), ky: (body) => ky.post(url, { body, headers: headers() }),
  ofetch: (body) => ofetch(url, { method, body, headers: headers() }), gaxios: (data) => new Gaxios().request({ url, method, data, headers: headers() }), 'node-fetch': (body) => fetch3(url, { method, body, headers: headers() }), undici: (body) => undici(url, { method, body, headers: headers() }),
};
const text = '{"id":1}', bytes = new TextEncoder().encode(text), numbers = JSON.stringify({ ...bytes }), buffer = JSON.stringify(Buffer.from(text));
const bodies = { string: text, Buffer: Buffer.from(text), Uint8Array: bytes, ArrayBuffer: bytes.buffer }, word = { [text]: 'the bytes', [numbers]: '{"0":123,"1":34,...}', [buffer]: '{"type":"Buffer",...}', '{}': '{}' };
const some = 'the bytes | the bytes | {"0":123,"1":34,...} | {}', all = 'the bytes | {"type":"Buffer",...} | {"0":123,"1":34,...} | {}', twice = ' as application/json, application/json';
const wanted = {
  superagent: all, xior: all, redaxios: all, wretch: all.split(' | ').map((w, i) => i ? w + twice : w).join(' | '), needle: some, urllib: some, centra: some, '@hapi/wreck': some, got: 'the bytes | the bytes | an error | an error',
}; console.log('node', process.version, 'columns:', Object.keys(bodies).join(' | '));
for (const [name, post] of Object.entries(clients)) {
  const row = [];
  for (const [kind, body] of Object.entries(bodies)) {
    seen = undefined; const failed = await post(body).then(() => undefined, (e) => e); row.push(seen ? (word[seen.body] ?? seen.body) + (seen.type === 'application/json' ? '' : ` as ${seen.type}`) : 'an error');
  }
  const line = row.join(' | '); console.log(`${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`.padEnd(20), line);
  if (line !== (wanted[name] ?? 'the bytes | the bytes | the bytes | the bytes')) { process.exitCode = 1; console.log('   changed'); }
}
server.close(); server.closeAllConnections(); process.exit();
E
timeout 60 node t.mjs
