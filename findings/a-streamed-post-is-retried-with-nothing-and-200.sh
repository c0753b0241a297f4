#!/usr/bin/env bash
# Expected: a retry plugin sends the request again as it was, or says that it cannot: a body that is a stream (the incoming request handed on, a file) can be
#   read once; fetch of Node.js throws in that case, got does not try again, ky keeps what it read.
# Happens: axios-retry 4.5.0 and retry-axios 4.0.3 with axios 1.21.1, and fetch-retry 6.0.0 with node-fetch 2.7.0 and 3.3.2, give the stream that is at its
#   end to the second request, which goes out as a POST or PUT with Content-Length: 0 and the same headers; the 200 for that is the result of the call. For a
#   PUT no option is needed: axios-retry's and retry-axios' own conditions repeat it after a 503. Bodies that are strings or Buffers are sent whole.
# Means: a gateway that pipes webhooks to the next service, and retries, turns each 503 of that service into an empty event that was "delivered": the sender
#   has its 2xx, the service a signature that does not fit or an empty row. Read the body first (Buffer), before anything that retries. (Node.js 20)
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts axios@1.21.1 axios-retry@4.5.0 retry-axios@4.0.3 fetch-retry@6.0.0 node-fetch2@npm:node-fetch@2.7.0 \
  node-fetch3@npm:node-fetch@3.3.2 got@11.8.6 ky@1.14.3
cat > t.mjs <<'E'
import http from 'node:http'; import { createReadStream, readFileSync, writeFileSync } from 'node:fs'; import { Readable } from 'node:stream';
import { createRequire } from 'node:module'; import axios from 'axios'; import axiosRetry from 'axios-retry'; import * as rax from 'retry-axios';
import got from 'got'; import ky from 'ky'; import fetch3 from 'node-fetch3';
const require = createRequire(import.meta.url), fetchRetry = require('fetch-retry'), fetch2 = require('node-fetch2');
const names = ['axios', 'axios-retry', 'retry-axios', 'fetch-retry', 'node-fetch2', 'node-fetch3', 'got', 'ky'];
console.log('node', process.version, ...names.map((n) => `${n} ${JSON.parse(readFileSync(`node_modules/${n}/package.json`)).version}`));
const body = '{"id":"evt_1"}'; writeFileSync('body.json', body);
let seen = [];
const server = http.createServer(async (req, res) => {
  let text = ''; for await (const part of req) text += part;
  seen.push(text === body ? 'whole' : text === '' ? `empty (Content-Length: ${req.headers['content-length']}, ${req.headers['webhook-id']})` : text);
  res.statusCode = seen.length === 1 ? 503 : 200; res.end();
}).listen(0, '127.0.0.1');
await new Promise((ready) => server.once('listening', ready));
const url = `http://127.0.0.1:${server.address().port}/`, headers = { 'webhook-id': 'msg_1', 'content-type': 'application/json' }, wait = () => 10;
const withAxiosRetry = (options) => { const a = axios.create(); axiosRetry(a, { retryDelay: wait, ...options }); return a; };
const withRax = () => { const a = axios.create(); a.defaults.raxConfig = { instance: a, retryDelay: 10, backoffType: 'static' }; rax.attach(a); return a; };
const retried = (f, data, extra) => fetchRetry(f, { retryOn: [503], retryDelay: 10 })(url, { method: 'POST', headers, body: data, ...extra });
const short = ({ computedValue }) => computedValue && 10, twice = { limit: 2, statusCodes: [503], delay: wait };
const empty = 'whole, empty (Content-Length: 0, msg_1): 200', whole = 'whole, whole: 200';
const cases = [
  ['axios-retry PUT, its own conditions', empty, (data) => withAxiosRetry().put(url, data, { headers })],
  ['axios-retry POST, condition: 5xx', empty, (data) => withAxiosRetry({ retryCondition: (e) => e.response?.status >= 500 }).post(url, data, { headers })],
  ['retry-axios PUT, its own conditions', empty, (data) => withRax().put(url, data, { headers })],
  ['fetch-retry with node-fetch 2, POST', empty, (data) => retried(fetch2, data)],
  ['fetch-retry with node-fetch 3, POST', empty, (data) => retried(fetch3, data)],
  ["fetch-retry with Node's fetch, POST", 'whole: TypeError', (data) => retried(fetch, Readable.toWeb(data), { duplex: 'half' })],
  ['got POST', 'whole: HTTPError', (data) => got.post(url, { body: data, headers, retry: { limit: 2, methods: ['POST'], calculateDelay: short } })],
  ['ky POST', whole, (data) => ky.post(url, { body: Readable.toWeb(data), duplex: 'half', headers, retry: { ...twice, methods: ['post'] } })],
  ['axios-retry PUT of a string', whole, () => withAxiosRetry().put(url, body, { headers })],
  ['fetch-retry with node-fetch 3, string', whole, () => retried(fetch3, body)],
];
const incoming = () => { const at = body.length / 2; return Readable.from([body.slice(0, at), body.slice(at)]); };
for (const [name, wanted, send] of cases) for (const [kind, make] of [['file', () => createReadStream('body.json')], ['stream', incoming]]) {
  seen = [];
  const result = await Promise.resolve(send(make())).then((r) => r.status ?? r.statusCode, (e) => e.name);
  const got = `${seen.join(', ')}: ${result}`; console.log(`${name} (${kind}): ${got}`);
  if (got !== wanted) { console.log(`   changed: expected ${wanted}`); process.exitCode = 1; }
}
server.close(); server.closeAllConnections();
E
timeout 60 node t.mjs
