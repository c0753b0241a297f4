#!/usr/bin/env bash
# Expected: when a stream of server-sent events breaks, the client comes again with the id of the last event that it handed out (Last-Event-ID), and the server
#   goes on after that one: an event of which only a part arrived is thrown away and comes once more, whole. So the standard has it, and that is what ids are for.
# Happens: with a server that writes the id first, as sse-starlette 3.7.0 does, eventsource 2.0.2, @microsoft/fetch-event-source 2.0.1, its fork for Node.js
#   (@ai-zen/node-fetch-event-source 2.1.4) and extended-eventsource 2.1.0 take the id as soon as its line is there. Broken off anywhere between it and the blank line,
#   they ask for what comes after an event that they never handed out: it is lost, without an error (event 2 of 4 here). eventsource 2.0.2 also keeps the
#   half: cut between two lines of data, it hands out event 3 with lines of event 2 in front. eventsource 5.1.5 and launchdarkly-eventsource 2.2.0 are right.
# Means: a feed of events has holes just at a deploy, a proxy's timeout or a dropped line, the more the larger the events are, and a server that keeps a history
#   for it does not help. Take a client that is right, write the id as the last line of an event, or number the events in the data and look for gaps.
set -euo pipefail
dir=$(mktemp -d); trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check sse-starlette==3.7.0 starlette==1.10.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts old@npm:eventsource@2.0.2 eventsource@5.1.5 launchdarkly-eventsource@2.2.0 \
  @microsoft/fetch-event-source@2.0.1 @ai-zen/node-fetch-event-source@2.1.4 extended-eventsource@2.1.0
cat > server.py <<'E'
import socket, threading, time
from sse_starlette.event import ServerSentEvent
event = lambda n: ServerSentEvent(f'{{"order": {n},\n "amount": {n}00}}', event="paid", id=str(n)).encode()
two, seen, lock = event(2), set(), threading.Lock()
cuts = {"id": two.index(b"\r\n") + 2, "data": two.index(b"order") + 3, "line": two.index(b"data:", two.index(b"order")), "none": len(two)}
def serve(c):
    head = b""
    while b"\r\n\r\n" not in head:
        more = c.recv(9999)
        if not more: return
        head += more
    path = head.split(b" ")[1].decode()
    last = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"last-event-id:")]
    out = lambda b: c.sendall(b"%x\r\n%s\r\n" % (len(b), b))
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    with lock: first = path not in seen; seen.add(path)
    if first: out(event(1)); out(two[:cuts[path.split("/")[1]]]); time.sleep(0.3); c.shutdown(2); return
    for n in range((last or [0])[0] + 1, 5): out(event(n))
    time.sleep(60)
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True)
while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
E
v/bin/python server.py >port & for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
cat > t.mjs <<'E'
import assert from 'assert';
import { readFileSync } from 'fs'; import Old from 'old'; import { EventSource as New } from 'eventsource'; import LD from 'launchdarkly-eventsource';
import { EventSource as Extended } from 'extended-eventsource';
globalThis.window = globalThis; console.error = console.warn = () => {};
const { fetchEventSource } = await import('@microsoft/fetch-event-source'), { fetchEventSource: fork } = await import('@ai-zen/node-fetch-event-source');
const own = (Class) => (url, take) => {
  const e = new Class(url); e.addEventListener('paid', (m) => take(m.lastEventId, m.data)); e.onerror = () => {};
};
const fetched = (f) => (url, take) => { f(url, { openWhenHidden: true, fetch, onmessage: (m) => m.data && take(m.id, m.data) }).catch(() => {}); };
const clients = { 'eventsource 2': own(Old), 'fetch-event-source': fetched(fetchEventSource), 'its fork for Node.js': fetched(fork), 'extended-eventsource': own(Extended),
  'eventsource 5': own(New), 'launchdarkly-eventsource': own(LD.EventSource) };
const base = `http://127.0.0.1:${readFileSync('port', 'utf8').trim()}`, got = {}, log = console.log;
for (const cut of ['none', 'id', 'data', 'line']) for (const [name, start] of Object.entries(clients)) {
  const list = (got[`${name} | ${cut}`] = []); console.log = () => {};
  start(`${base}/${cut}/${encodeURIComponent(name)}`, (id, data) => list.push(data === `{"order": ${id},\n "amount": ${id}00}` ? +id : [+id, data]));
}
for (let i = 0; i < 200 && !Object.values(got).every((list) => list.includes(4)); i++) await new Promise((r) => setTimeout(r, 100));
await new Promise((r) => setTimeout(r, 1000)); console.log = log;
let failed = false;
const cuts = { none: 'cut between two events', id: 'cut after the id of 2', data: 'cut within its data', line: 'cut between its lines' };
for (const [key, list] of Object.entries(got)) {
  const [name, cut] = key.split(' | '), right = cut === 'none' || /5|launchdarkly/.test(name);
  const three = name === 'eventsource 2' && cut === 'line' ? [3, '{"order": 2,\n{"order": 3,\n "amount": 300}'] : 3;
  const wanted = right ? [1, 2, 3, 4] : [1, three, 4];
  console.log(name.padEnd(26), cuts[cut].padEnd(23), JSON.stringify(list));
  try { assert.deepStrictEqual(list, wanted); } catch { failed = true; console.log('   changed: expected', JSON.stringify(wanted)); }
}
process.exit(failed ? 1 : 0);
E
timeout 60 node t.mjs
