#!/usr/bin/env bash
# Expected: a text of several lines (JSON that is indented for people, a log, a diff) goes through server-sent events whole: the writer puts "data:" before each line, the
#   reader joins the lines again, and takes away one blank after the colon, as the standard says.
# Happens: event-source-plus 0.1.15 (npm) keeps only the last "data:" line: of {"paid": 5} on three lines its message is "}". better-sse
#   0.16.1 with an own serializer (the option is there for that; JSON.stringify(x, null, 2), or texts) puts "data:" before the first line only, so every reader gets "{",
#   and what comes after an empty line is lost. fastify-sse-v2 4.2.2 does so with lines that end with a carriage return. flask-sse 1.0.0 writes no blank
#   after the colon, so that readers take away the text's own first one, and drops a newline at the end. hono 4.13.19 and sse-starlette 3.7.0 are right,
#   and so are eventsource-parser 4.1.3 and parse-sse 0.1.0 as readers.
# Means: who switches on indented JSON, or forwards texts, gets "}" or "{" at some pairs and the whole at others; with one line, as in tests, all agree. Send JSON in
#   one line, or the text as a JSON string.
set -euo pipefail
dir=$(mktemp -d); trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check flask-sse==1.0.0 sse-starlette==3.7.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts event-source-plus@0.1.15 better-sse@0.16.1 \
  fastify-sse-v2@4.2.2 fastify@5.12.8 hono@4.13.19 \
  eventsource-parser@4.1.3 parse-sse@0.1.0
cat > writers.py <<'E'
import json, sys, flask_sse
from sse_starlette.event import ServerSentEvent
texts = json.loads(sys.argv[1])
print(json.dumps({"flask-sse": [str(flask_sse.Message(t)) for t in texts], "sse-starlette": [ServerSentEvent(t).encode().decode() for t in texts]}))
E
cat > t.mjs <<'E'
import { execFileSync } from 'child_process'; import http from 'http';
import Fastify from 'fastify'; import fastifySse from 'fastify-sse-v2'; import * as better from 'better-sse';
import { Hono } from 'hono'; import { streamSSE } from 'hono/streaming'; import { createParser } from 'eventsource-parser'; import { parseServerSentEvents } from 'parse-sse';
import { EventSourcePlus } from 'event-source-plus';
const texts = { json: '{\n  "paid": 5\n}', blank: '  indented\nlog', return: 'one\rtwo', gap: 'one\n\ntwo', end: 'line\n', 'one line': '{"paid":5}' };
const all = Object.values(texts);
const listen = async (server) => { await new Promise((r) => server.listen(0, '127.0.0.1', r)); return `http://127.0.0.1:${server.address().port}/`; };
const read = async (url) => {
  const c = new AbortController(), t = setTimeout(() => c.abort(), 1500); let s = '';
  try { for await (const x of (await fetch(url, { signal: c.signal })).body) s += Buffer.from(x); } catch { /* cut by us */ }
  clearTimeout(t); return s;
};
const fastify = Fastify({ forceCloseConnections: true }); await fastify.register(fastifySse.FastifySSEPlugin ?? fastifySse);
fastify.get('/:i', (q, reply) => { reply.sse((async function* () { yield { data: all[q.params.i] }; })()); });
await fastify.listen({ port: 0, host: '127.0.0.1' });
const own = http.createServer(async (q, r) => {
  (await better.createSession(q, r, { serializer: (text) => text })).push(all[q.url.slice(1)]); setTimeout(() => r.end(), 100);
}), ownUrl = await listen(own);
const hono = new Hono().get('/:i', (c) => streamSSE(c, (s) => s.writeSSE({ data: all[c.req.param('i')] })));
const wire = {
  hono: await Promise.all(all.map(async (_, i) => (await hono.request(`/${i}`)).text())), ...JSON.parse(execFileSync('v/bin/python', ['writers.py', JSON.stringify(all)])),
  'fastify-sse-v2': await Promise.all(all.map((_, i) => read(`http://127.0.0.1:${fastify.server.address().port}/${i}`))),
  'better-sse': await Promise.all(all.map((_, i) => read(ownUrl + i))) };
const readers = {
  'eventsource-parser': async (text) => { const got = []; createParser({ onEvent: (e) => got.push(e.data) }).feed(text); return got; },
  'parse-sse': async (text) => {
    const got = [], response = new Response(text, { headers: { 'content-type': 'text/event-stream' } });
    for await (const e of parseServerSentEvents(response)) got.push(e.data);
    return got;
  },
  'event-source-plus': async (text) => {
    const server = http.createServer((q, r) => { r.writeHead(200, { 'content-type': 'text/event-stream' }); r.write(text); }), got = [];
    const c = new EventSourcePlus(await listen(server)).listen({ onMessage: (m) => got.push(m.data) });
    for (let i = 0; i < 50 && !got.length; i++) await new Promise((r) => setTimeout(r, 100));
    await new Promise((r) => setTimeout(r, 100)); c.abort(); server.closeAllConnections(); server.close(); return got;
  } };
let failed = false;
const check = (writer, reader, name, got, wanted) => {
  console.log(`${writer} -> ${reader}`.padEnd(38), name.padEnd(9), JSON.stringify(texts[name]).padEnd(22), '->', JSON.stringify(got.join('|')));
  if (got.join('|') !== wanted) { failed = true; console.log('   changed: expected', JSON.stringify(wanted)); }
};
const same = { ...texts, return: 'one\ntwo' }; // a carriage return ends a line, too
const wanted = {
  hono: same, 'sse-starlette': same, 'fastify-sse-v2': { ...same, return: 'one' },
  'better-sse': { ...same, json: '{', blank: ' indented', return: 'one', gap: 'one', end: 'line' },
  'flask-sse': { ...same, json: '{\n "paid": 5\n}', blank: ' indented\nlog', end: 'line' } };
for (const [writer, list] of Object.entries(wire)) for (const [i, name] of Object.keys(texts).entries()) for (const reader of ['eventsource-parser', 'parse-sse'])
  check(writer, reader, name, await readers[reader](list[i]), wanted[writer][name]);
const last = { json: '}', blank: 'log', return: 'two', gap: 'two', end: '', 'one line': '{"paid":5}' };
for (const [i, name] of Object.keys(texts).entries()) check('hono', 'event-source-plus', name, await readers['event-source-plus'](wire.hono[i]), last[name]);
process.exit(failed ? 1 : 0);
E
timeout 60 node t.mjs
